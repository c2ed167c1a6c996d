"""Events and lists to rows, inside one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import DataError, StatementError
from sqlalchemy.orm import Session

from .config import InactiveUsers
from .logs import warn
from .tables import Directory, Failed, Group, Heard, Membership, Record, Thing, Unusable, User

# What the content of one event or record can bring about.
BROKEN = (Unusable, DataError, UnicodeError, OverflowError, RecursionError, TypeError, ValueError, KeyError)
LONGEST = 100_000  # characters kept of what could not be applied
LONGEST_ID = 250


class _Broken(Exception):
    """A change that its own content broke; its savepoint was rolled back."""


class Mirror:
    """The tables, as events and lists change them.

    Somebody is there if the newest event of their own says so; a membership never brings back who was deleted.
    It is what the newest event about the two says, and a deletion of its user, group or directory, for which
    alone an event is sent, ends it too.
    """

    def __init__(
        self, session: Session, policy: InactiveUsers, *, loaded: str = "", grace: bool = False
    ) -> None:
        self._session, self._policy, self._loaded, self._grace = session, policy, loaded, grace
        self._rows: dict[tuple[type, Any], Any] = {}
        self._all_known = False  # whether a row that is not in ``_rows`` is not in the database either
        self.told = ""  # the newest moment taken in
        self.doubtful = False  # whether only a full load tells what is so
        self.unknown = 0  # ends of memberships of users or groups that nothing spoke of
        self._added: list[tuple[type, Any]] = []

    # Events ---------------------------------------------------------------------------------------------

    def take(self, event: Any) -> bool:
        """Apply one event, of any age; return False where that cannot be, and it is kept among the failed."""
        return self.guarded("event", event, lambda: self._take(event))

    def guarded(self, kind: str, record: Any, change: Callable[[], object]) -> bool:
        """Make a change inside a savepoint of its own; where its content breaks it, keep that, return False."""
        told, doubtful, unknown = self.told, self.doubtful, self.unknown
        try:
            with self._savepoint():
                change()
        except _Broken as problem:
            self.told, self.doubtful, self.unknown = told, doubtful, unknown
            self.keep(kind, record, str(problem))
            return False
        return True

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        """Let a change take nothing else along where it breaks; raise _Broken where its content is at fault."""
        added, self._added = self._added, []
        try:
            with self._session.begin_nested():
                yield
                self._session.flush()
        except (*BROKEN, StatementError) as problem:
            cause = problem.__cause__ if isinstance(problem, StatementError) else problem
            if not isinstance(problem, BROKEN) and not isinstance(cause, BROKEN):
                raise  # the database's own trouble
            for key in self._added:
                self._rows.pop(key, None)
            ours = isinstance(problem, Unusable)
            raise _Broken(str(problem) if ours else f"cannot be stored ({type(cause).__name__})") from problem
        finally:
            self._added = added

    def keep(self, kind: str, record: Any, reason: str) -> None:
        """Keep what could not be applied, for a person to look at."""
        try:
            kept = json.dumps(record, default=str)[:LONGEST]  # ASCII, control characters escaped
        except (ValueError, RecursionError):
            kept = "nested too deeply"
        name = record.get("id") if isinstance(record, dict) else None
        if not isinstance(name, str) or not _plain(name):
            name = f"content {hashlib.sha256(kept.encode()).hexdigest()[:32]}"
        told = record.get("event") if isinstance(record, dict) else None
        told = told if isinstance(told, str) and _plain(told) else kind
        self._session.merge(Failed(id=name, kind=told, reason=reason, kept=kept))
        warn("failed", id=name, kind=told, reason=reason)

    def _take(self, event: Any) -> None:
        if not isinstance(event, dict):
            raise Unusable("no object")
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
            self._apply(User, _part(data, "user"), moment, ends=ends)
        elif kind.startswith("dsync.group."):
            self._apply(Group, _part(data, "group"), moment, ends=ends)
        elif kind in ("dsync.activated", "dsync.deactivated", "dsync.deleted"):
            self._apply(Directory, _part(data, "directory"), moment, ends=ends)

    def _apply(self, kind: type[Thing], record: Record, moment: str, *, ends: bool) -> None:
        """Apply an event of the object's own: it is there, or not any more."""
        row = self._row(kind, record)
        was_gone = bool(row.dead) and not row.present
        _update(row, record, moment)
        if ends:
            row.dead = max(row.dead, moment)
        else:
            row.alive = max(row.alive, moment)
        self._settle(row)
        if ends:
            self._end_inside(row, moment)
        # Nothing announces the memberships of what comes back under the same id.
        self.doubtful |= kind is not Directory and row.present and (was_gone or ends)

    def _membership(self, user: Record, group: Record, moment: str, *, joins: bool) -> None:
        if not joins:  # brings nobody into being: it may trail a deletion
            self.unknown += not (self._find(User, user["id"]) and self._find(Group, group["id"]))
        pair = self._pair(user["id"], group["id"], group["directory_id"])
        if moment <= pair.told and not joins:
            return
        there = joins and self._there(user, group, moment)
        if moment > pair.told:
            pair.told, pair.present = moment, there

    def _there(self, user: Record, group: Record, moment: str) -> bool:
        """Note that a membership speaks of both, and return whether both are there for it."""
        rows = (self._meet(User, user, moment), self._meet(Group, group, moment))
        ended = max(self._end_of(group["directory_id"]), *(row.dead for row in rows))
        here = all(row.present for row in rows)
        self.doubtful |= moment > ended and not here  # announced after a deletion: only a full load tells
        return here and moment > ended

    def _meet(self, kind: type[Thing], record: Record, moment: str) -> Thing:
        row = self._row(kind, record)
        _update(row, record, moment)
        row.seen = max(row.seen, moment)
        self._settle(row)
        return row

    def _settle(self, row: Directory | User | Group) -> None:
        """Work out whether a row is there, and a user's status."""
        directory_end = "" if isinstance(row, Directory) else self._end_of(row.directory_id)
        end = max(row.dead, directory_end)
        row.present = (row.alive if end else max(row.alive, row.seen)) > end
        if isinstance(row, User):
            final = (self._policy == "keep" or bool(directory_end)) and not self._grace
            gone = "removed" if final or row.removed_at is not None else "retained"
            here = "active" if row.state == "active" else "inactive"
            row.status = here if row.present else gone
            if row.present:
                row.left_at = row.removed_at = None

    def _end_inside(self, row: Directory | User | Group, moment: str) -> None:
        """End what a deleted directory, user or group held: no event tells of it."""
        self._session.flush()
        columns = {Directory: Membership.directory_id, User: Membership.user_id}
        inside = columns.get(type(row), Membership.group_id) == row.id
        older = [Membership.told < moment] if row.present else []
        self._session.execute(update(Membership).where(inside, *older).values(present=False))
        if isinstance(row, Directory):
            users = update(User).where(User.directory_id == row.id, User.alive < moment)
            status = "retained" if self._grace else "removed"
            self._session.execute(users.values(present=False, status=status))
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

    def _list(self, kind: type[Thing], records: Iterable[Any], moment: str) -> None:
        """Write the records of a list, all in one go; where one of them cannot be, one by one."""
        records = list(records)
        try:
            with self._savepoint():
                for record in records:
                    self._write(kind, record, moment)
        except _Broken:
            for record in records:
                self.guarded(kind.__name__.lower(), record, partial(self._write, kind, record, moment))
        listed = {record["id"] for record in records if isinstance(record, dict) and has_id(record)}
        for (other, _), row in self._rows.items():
            if other is kind:
                if row.present and row.id not in listed:
                    row.dead = moment
                self._settle(row)

    def _write(self, kind: type[Thing], record: Any, moment: str) -> None:
        _part(record, kind.__name__.lower())
        row = self._row(kind, record)
        row.fill(record)
        if not row.content.startswith(fresh := stamp(record["updated_at"])):
            row.content = f"{fresh} {moment}"
        if not row.present:  # what was so already is not written again
            row.alive, row.dead = moment, ""

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
        self._added.append((type(row), ids))

    def _end_of(self, directory_id: str) -> str:
        """Give when a directory ended; nothing if it did not, or is not known yet."""
        row: Directory | None = self._find(Directory, directory_id)
        return row.dead if row is not None and not row.present else ""


def _update(row: Directory | User | Group, record: Record, moment: str) -> None:
    """Take over a record if it is the newest reading of its object."""
    content = f"{stamp(record['updated_at'])} {moment}"
    if content > row.content:
        row.content = content
        row.fill(record)


def _plain(name: str) -> bool:
    return name.isascii() and name.isprintable() and 0 < len(name) <= LONGEST_ID


def has_id(record: Record) -> bool:
    """Whether a record has an id that can be stored."""
    name = record.get("id")
    return isinstance(name, str) and 0 < len(name) <= LONGEST_ID and name.isprintable()


def has_moment(event: Any) -> bool:
    """Whether an event has a place in the order of all events."""
    try:
        return isinstance(event, dict) and bool(moment_of(event))
    except Unusable:
        return False


def moment_of(event: Record) -> str:
    """Return an event's place in the order of all events."""
    created_at = event.get("created_at")
    if not has_id(event) or not isinstance(created_at, str):
        raise Unusable("no id or no time")
    return f"{stamp(created_at)} {event['id']}"


def stamp(text: str) -> str:
    """Write a time so that it sorts. One without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unusable("a time that cannot be read") from None
    return moment.isoformat(timespec="microseconds")


def _part(record: object, noun: str) -> Record:
    """Check that an event holds the object it is about, with all that the tables need."""
    needed = ["id", "updated_at", *(["state"] if noun != "group" else [])]
    needed += ["directory_id"] if noun != "directory" else []
    if not isinstance(record, dict) or not all(isinstance(record.get(one), str) for one in needed):
        raise Unusable(f"no whole {noun} inside")
    if not has_id(record):
        raise Unusable(f"a {noun} whose id is no id")
    stamp(record["updated_at"])
    return record
