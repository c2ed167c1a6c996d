"""Events and lists to rows, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from .config import InactiveUsers
from .tables import Directory, Group, Heard, Membership, Record, Thing, User


class Unusable(Exception):
    """An event without what it must hold."""


class Mirror:
    """The tables, as events and lists change them.

    An event is evidence with a time. Somebody is there if the newest word about them says so; a membership is
    what the newest event about the two says, and a deletion of its user, group or directory, for which alone
    an event is sent, ends it too.
    """

    def __init__(self, session: Session, policy: InactiveUsers, *, loaded: str = "") -> None:
        self._session, self._policy, self._loaded = session, policy, loaded
        self._rows: dict[tuple[type, Any], Any] = {}
        self._all_known = False  # whether a row that is not in ``_rows`` is not in the database either
        self.told = ""  # the newest moment taken in
        self.doubtful = False

    # Events ---------------------------------------------------------------------------------------------

    def take(self, event: Record) -> None:
        """Apply one event, of any age; raise Unusable, before anything is changed, where it is broken."""
        kind, data, moment = event.get("event"), event.get("data"), moment_of(event)
        if not isinstance(kind, str) or not isinstance(data, dict):
            raise Unusable("no name or no data")
        self.told = max(self.told, moment)
        if moment <= self._loaded:
            return  # the last full load holds it
        ends = kind.endswith("deleted")
        if kind.startswith("dsync.group.user_"):
            user, group = _part(data.get("user"), "user"), _part(data.get("group"), "group")
            self._membership(user, group, moment, joins=kind.endswith("user_added"))
        elif kind.startswith("dsync.user."):
            self._hear(User, _part(data, "user"), moment, ends=ends)
        elif kind.startswith("dsync.group."):
            self._hear(Group, _part(data, "group"), moment, ends=ends)
        elif kind in ("dsync.activated", "dsync.deactivated", "dsync.deleted"):
            self._hear(Directory, _part(data, "directory"), moment, ends=ends)

    def _hear(self, kind: type[Thing], record: Record, moment: str, *, ends: bool = False) -> Thing:
        """Take in a record with the news that it is there, or that it is not any more."""
        row = self._row(kind, record)
        was_gone = bool(row.dead) and not row.present
        content = f"{stamp(record['updated_at'])} {moment}"
        if content > row.content:
            row.content = content
            row.fill(record)
        if ends:
            row.dead = max(row.dead, moment)
            self._end_inside(row, moment)
        else:
            row.alive = max(row.alive, moment)
        self._settle(row)
        # Nothing announces the memberships of somebody who comes back under the same id.
        self.doubtful |= kind is User and was_gone and row.present
        return row

    def _membership(self, user: Record, group: Record, moment: str, *, joins: bool) -> None:
        pair = self._pair(user["id"], group["id"], group["directory_id"])
        deaths = [self._end_of(pair.directory_id)]
        if joins:  # a removal is no sign of life: it may trail a deletion
            deaths += [self._hear(User, user, moment).dead, self._hear(Group, group, moment).dead]
        if moment > pair.told:
            pair.told, pair.present = moment, joins and moment > max(deaths)

    def _settle(self, row: Directory | User | Group) -> None:
        """Work out from the evidence whether a row is there, and a user's status."""
        directory_end = "" if isinstance(row, Directory) else self._end_of(row.directory_id)
        row.present = row.alive > max(row.dead, directory_end)
        if isinstance(row, User):
            final = self._policy == "keep" or bool(directory_end)
            gone = "removed" if final else "retained"
            here = "active" if row.state == "active" else "inactive"
            row.status = here if row.present else gone

    def _end_inside(self, row: Directory | User | Group, moment: str) -> None:
        """End what a deleted directory, user or group held: no event tells of it."""
        self._session.flush()
        columns = {Directory: Membership.directory_id, User: Membership.user_id}
        inside = columns.get(type(row), Membership.group_id) == row.id
        older = update(Membership).where(inside, Membership.told < moment)
        self._session.execute(older.values(present=False))
        if isinstance(row, Directory):
            users = update(User).where(User.directory_id == row.id, User.alive < moment)
            self._session.execute(users.values(present=False, status="removed"))
            groups = update(Group).where(Group.directory_id == row.id, Group.alive < moment)
            self._session.execute(groups.values(present=False))

    # Lists ----------------------------------------------------------------------------------------------

    def load(
        self,
        directory: Record,
        users: Iterable[Record],
        groups: Iterable[Record],
        pairs: Iterable[tuple[str, str]],
        moment: str,
    ) -> None:
        """Write what the lists say of one directory. They win: who is not in them is gone."""
        home = directory["id"]
        things: tuple[type[Heard], ...] = (Directory, User, Group)
        for kind in things:
            for row in self._session.scalars(select(kind).where(kind.directory_id == home)):
                self._rows[kind, row.id] = row
        for pair in self._session.scalars(select(Membership).where(Membership.directory_id == home)):
            self._rows[Membership, (pair.user_id, pair.group_id)] = pair
        self._all_known = True
        self._list(Directory, [directory], moment)
        self._list(Group, groups, moment)
        self._list(User, users, moment)
        listed = set(pairs)
        for ids in listed:
            self._pair(*ids, home)
        for (table, ids), pair in self._rows.items():
            if table is Membership and pair.present is not (ids in listed):
                pair.told, pair.present = moment, ids in listed

    def _list(self, kind: type[Thing], records: Iterable[Record], moment: str) -> None:
        listed = set()
        for record in records:
            row = self._row(kind, record)
            row.fill(record)
            if not row.content.startswith(fresh := stamp(record["updated_at"])):
                row.content = f"{fresh} {moment}"
            if not row.present:  # what was so already is not written again
                row.alive, row.dead = moment, ""
            listed.add(row.id)
        for (other, _), row in self._rows.items():
            if other is kind:
                if row.present and row.id not in listed:
                    row.dead = moment
                self._settle(row)

    def end_other_directories(self, listed: set[str], moment: str) -> None:
        """End the directories that are not listed any more."""
        for row in self._session.scalars(select(Directory).where(Directory.present)):
            if row.id not in listed:
                row.dead = moment
                self._settle(row)
                self._end_inside(row, moment)

    # Rows -----------------------------------------------------------------------------------------------

    def _row(self, kind: type[Thing], record: Record) -> Thing:
        row: Thing | None = self._find(kind, record["id"])
        if row is None:
            home = record["id"] if kind is Directory else record["directory_id"]
            row = kind(id=record["id"], directory_id=home)
            self._add(row, row.id)
        return row

    def _pair(self, user_id: str, group_id: str, directory_id: str) -> Membership:
        pair: Membership | None = self._find(Membership, (user_id, group_id))
        if pair is None:
            pair = Membership(user_id=user_id, group_id=group_id, directory_id=directory_id)
            self._add(pair, (user_id, group_id))
        return pair

    def _find(self, kind: type[Any], ids: Any) -> Any:
        if (kind, ids) not in self._rows and not self._all_known:
            if (row := self._session.get(kind, ids)) is None:
                return None
            self._rows[kind, ids] = row
        return self._rows.get((kind, ids))

    def _add(self, row: Any, ids: Any) -> None:
        self._session.add(row)
        self._rows[type(row), ids] = row

    def _end_of(self, directory_id: str) -> str:
        """Give when a directory ended; nothing if it did not, or is not known yet."""
        row: Directory | None = self._find(Directory, directory_id)
        return row.dead if row is not None and not row.present else ""


def moment_of(event: Record) -> str:
    """Give an event's place in the order of all events."""
    event_id, created_at = event.get("id"), event.get("created_at")
    if not isinstance(event_id, str) or not isinstance(created_at, str):
        raise Unusable("no id or no time")
    return f"{stamp(created_at)} {event_id}"


def stamp(text: str) -> str:
    """Write a time so that it sorts. One without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable("a time that cannot be read") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def _part(record: object, noun: str) -> Record:
    """Check that an event holds the object it is about, with all that the tables need."""
    needed = ["id", "updated_at", *(["state"] if noun != "group" else [])]
    needed += ["directory_id"] if noun != "directory" else []
    if not isinstance(record, dict) or not all(isinstance(record.get(one), str) for one in needed):
        raise Unusable(f"no whole {noun} inside")
    stamp(record["updated_at"])
    return record
