"""Events to state: who is there and in what, whatever order the news came in.

An event of the API or of a webhook is a piece of evidence with a time. The state is worked out from the
evidence alone, so it does not matter in which order events arrive, how often, or how late:

- An event id counts once.
- A record is the one with the newest ``updated_at``; among equals, the one of the newest event.
- Somebody is there if the newest word about them says so. A deletion leaves a tombstone, which older words
  cannot lift and newer ones can. That a membership ended is no sign of life: it may trail a deletion.
- A membership is what the newest event about that user and group says, and it needs both of them. The deletion
  of a directory or group ends everything inside, for which nothing is sent.
- A user who is deleted is in no group. Should the same id come back, nothing announces the groups they had.
  Where they are created anew, those are gone; where an update brings them back, WorkOS had kept them behind the
  scenes, and they count again. Either way ``notices`` asks for a snapshot.

What could not be placed is in the report, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pandas as pd

from .. import errors
from ..client import Record
from ..frames import (
    MEMBERSHIP_COLUMNS,
    TIME,
    concat,
    directories_frame,
    groups_frame,
    require_complete,
    users_frame,
)
from .events import (
    NEVER,
    PLACED,
    TOKENS,
    Events,
    Moment,
    ParsedEvent,
    Unusable,
    event_records,
    micros,
    moment_of,
    moment_or_none,
    parse_event,
)

__all__ = ["NEVER", "Base", "InactivePolicy", "Moment", "State", "moment_of", "oldest_first", "replay"]

InactivePolicy = Literal["delete", "keep"]

LIFECYCLES = ("active", "inactive", "removed", "retained")
OUTCOMES = ("applied", "duplicate", "superseded", "other", "elsewhere", "failed")
REPORT_COLUMNS = {
    "event": "str",
    "created_at": TIME,
    "outcome": "category",
    "reason": "str",
    "user_id": "str",
    "group_id": "str",
    "directory_id": "str",
}


class Base(Protocol):
    """What a replay may start from: whole frames, and the last event that they already contain."""

    @property
    def directories(self) -> pd.DataFrame:
        """Directories frame."""

    @property
    def users(self) -> pd.DataFrame:
        """Users frame."""

    @property
    def groups(self) -> pd.DataFrame:
        """Groups frame."""

    @property
    def memberships(self) -> pd.DataFrame:
        """Memberships frame."""

    @property
    def moment(self) -> Moment:
        """The newest event that the frames are sure to contain."""


@dataclass(slots=True)
class _Thing:
    """The evidence about one directory, user or group."""

    directory_id: str | None
    alive: Moment = NEVER  # newest sure sign of life
    seen: Moment = NEVER  # newest mention that proves little after a deletion
    dead: Moment = NEVER
    born: Moment = NEVER  # newest creation
    deaths: tuple[Moment, ...] = ()
    content: tuple[int, int, str] = (NEVER.time, NEVER.time, "")
    record: Record | None = None  # None: what the base has

    @property
    def last_word(self) -> Moment:
        return max(self.alive, self.seen) if self.dead == NEVER else self.alive

    @property
    def cut(self) -> Moment:
        """The last deletion that a creation followed: memberships from before it are gone for good."""
        return max((one for one in self.deaths if one < self.born), default=NEVER)

    def living(self, directory_dead: Moment) -> bool:
        return self.last_word > max(self.dead, directory_dead)


def replay(
    events: Events,
    *,
    base: Base | None = None,
    inactive_policy: InactivePolicy = "delete",
    directory_ids: Iterable[str] | None = None,
) -> State:
    """Work out the state that events lead to, in whatever order they come.

    Parameters
    ----------
    events
        An events frame, or records of the events API or of webhooks.
    base
        A snapshot to start from. Events up to its position are known to be in it. Without one, only what
        events speak of is known.
    inactive_policy
        What the environment does with users whom the provider switches off: ``"delete"`` (the default of
        environments made since October 2023) or ``"keep"``. The API does not tell. It decides what a deletion
        means, see :meth:`State.people`; the frames of what the service has are the same under both.
    directory_ids
        Only these directories; events of others are reported as ``elsewhere``.

    Raises
    ------
    IncompleteError
        The events frame, or a frame of the base, is partial.
    """
    return State(base=base, inactive_policy=inactive_policy, directory_ids=directory_ids).apply(events)


class State:
    """What the service has, as far as the events so far tell. Parameters: see :func:`replay`.

    Attributes
    ----------
    moment
        The newest event met, placed or not. Its id is where to go on in the events API.
    """

    def __init__(
        self,
        *,
        base: Base | None = None,
        inactive_policy: InactivePolicy = "delete",
        directory_ids: Iterable[str] | None = None,
    ) -> None:
        if inactive_policy not in ("delete", "keep"):
            raise errors.ArgumentError(f"inactive_policy must be 'delete' or 'keep'; got {inactive_policy!r}")
        self.inactive_policy = inactive_policy
        self.moment = self._start = base.moment if base is not None else NEVER
        self._base = base
        if base is not None:
            for frame in (base.directories, base.users, base.groups, base.memberships):
                require_complete(frame, "a replay")
        self._only = None if directory_ids is None else frozenset(directory_ids)
        self._directories: dict[str, _Thing] = {}
        self._users: dict[str, _Thing] = {}
        self._groups: dict[str, _Thing] = {}
        self._pairs: dict[tuple[str, str], tuple[Moment, bool]] = {}
        self._met: set[str] = set()
        self._report: list[tuple[Any, ...]] = []

    def __repr__(self) -> str:
        counts = self.report["outcome"].value_counts()
        told = ", ".join(f"{counts[name]:,} {name}" for name in OUTCOMES if counts.get(name))
        return f"<State after {len(self._report):,} events: {told or 'none yet'}>"

    # Taking events in -----------------------------------------------------------------------------------

    def apply(self, events: Events) -> State:
        """Take in more events, in any order; events that were met before change nothing. Give the state."""
        for record in event_records(events):
            outcome, reason, parts = self._place(record)
            user, group = (parts.user or {}, parts.group or {}) if parts else ({}, {})
            told = (user.get("id"), group.get("id"), parts.directory_id if parts else None)
            self._report.append(
                (record.get("id"), record.get("event"), record.get("created_at"), outcome, reason, *told)
            )
        return self

    def _place(self, record: Record) -> tuple[str, str | None, ParsedEvent | None]:
        """Place one event; say how that ended, and why."""
        try:
            parts = parse_event(record)
        except Unusable as problem:
            # One broken event must not stop what comes behind it: the position moves on all the same.
            self._pass(moment_or_none(record))
            return "failed", str(problem), None
        if parts.moment.event_id in self._met:
            return "duplicate", "this event id was met before", parts
        self._met.add(parts.moment.event_id)
        self._pass(parts.moment)
        if parts.kind not in PLACED:
            known = "a token is no part of the directory" if parts.kind in TOKENS else "unknown kind of event"
            return "other", known, parts
        if self._only is not None and parts.directory_id not in self._only:
            return "elsewhere", "another directory", parts
        if parts.moment <= self._start:
            return "superseded", "the snapshot already holds it", parts
        return *self._apply(parts), parts

    def _pass(self, moment: Moment | None) -> None:
        if moment is not None and moment > self.moment:
            self.moment = moment

    def _apply(self, parts: ParsedEvent) -> tuple[str, str | None]:
        """Add the evidence; an event is superseded if newer evidence about its subject was there already."""
        if parts.directory is not None:
            news = self._hear(self._directories, parts.directory, parts, ends=parts.kind == "dsync.deleted")
        elif parts.user is not None and parts.group is not None:
            return self._membership(parts, parts.user, parts.group)
        elif parts.user is not None:
            news = self._hear(self._users, parts.user, parts, ends=parts.kind.endswith("deleted"))
        else:
            assert parts.group is not None
            news = self._hear(self._groups, parts.group, parts, ends=parts.kind.endswith("deleted"))
        return ("applied", None) if news else ("superseded", "something newer was known")

    def _hear(self, things: dict[str, _Thing], record: Record, parts: ParsedEvent, *, ends: bool) -> bool:
        """Weigh a record's own event; say whether it is the newest word."""
        thing = self._thing(things, record, parts)
        end = max(thing.dead, self._end_of(parts.directory_id))
        better = _keep(thing, record, parts.moment)
        if ends:
            thing.dead = max(thing.dead, parts.moment)
            thing.deaths = (*thing.deaths, parts.moment)
            return parts.moment > max(end, thing.alive)
        thing.alive = max(thing.alive, parts.moment)
        if parts.kind.endswith(".created"):
            thing.born = max(thing.born, parts.moment)
        return better and parts.moment > end

    def _membership(self, parts: ParsedEvent, user: Record, group: Record) -> tuple[str, str | None]:
        joins, pair = parts.kind.endswith("user_added"), (user["id"], group["id"])
        ends = [self._end_of(parts.directory_id)]
        for things, record in ((self._users, user), (self._groups, group)):
            thing = self._thing(things, record, parts)
            ends.append(thing.dead)
            if joins:
                thing.alive = max(thing.alive, parts.moment)
            else:
                thing.seen = max(thing.seen, parts.moment)
            _keep(thing, record, parts.moment)
        if parts.moment <= self._pairs.get(pair, (NEVER, False))[0]:
            return "superseded", "something newer was known of this membership"
        self._pairs[pair] = (parts.moment, joins)
        if parts.moment < max(ends):
            return "superseded", "its user, group or directory was deleted later"
        return "applied", None

    def _thing(self, things: dict[str, _Thing], record: Record, parts: ParsedEvent) -> _Thing:
        """Return the evidence about an object; at first sight, what the base knows of it."""
        thing = things.get(record["id"])
        if thing is None:
            thing = things[record["id"]] = _Thing(record.get("directory_id") or parts.directory_id)
            frame = self._base_frame(things)
            if frame is not None and record["id"] in frame.index:
                updated = frame["updated_at"].iloc[frame.index.get_loc(record["id"])]
                thing.content = (self._start.time if updated is pd.NaT else micros(updated), *self._start)
        return thing

    def _base_frame(self, things: dict[str, _Thing]) -> pd.DataFrame | None:
        if self._base is None:
            return None
        if things is self._users:
            return self._base.users
        return self._base.groups if things is self._groups else self._base.directories

    def _end_of(self, directory_id: str | None) -> Moment:
        thing = self._directories.get(directory_id or "")
        return thing.dead if thing is not None else NEVER

    # What is so -----------------------------------------------------------------------------------------

    @property
    def directories(self) -> pd.DataFrame:
        """Directories that are there, as a directories frame. Events carry no counts of users and groups."""
        return self._frame(self._directories, directories_frame)

    @property
    def users(self) -> pd.DataFrame:
        """Users the service has, active and inactive, as a users frame."""
        return self._frame(self._users, users_frame)

    @property
    def groups(self) -> pd.DataFrame:
        """Groups the service has, as a groups frame."""
        return self._frame(self._groups, groups_frame)

    def _living(self, thing: _Thing) -> bool:
        return thing.living(self._end_of(thing.directory_id))

    def _frame(self, things: dict[str, _Thing], make: Any) -> pd.DataFrame:
        """Put the rows of the base that still hold and the records of events into one frame, oldest first."""
        records = [thing.record for thing in things.values() if thing.record and self._living(thing)]
        fresh: pd.DataFrame = make(records)
        base = self._base_frame(things)
        if base is None:
            return oldest_first(fresh)
        replaced = [name for name, thing in things.items() if thing.record or not self._living(thing)]
        kept = base[~base.index.isin(replaced)]
        ended = self._ended_directories()
        if ended and things is not self._directories:
            kept = kept[~kept["directory_id"].isin(ended) | kept.index.isin(list(things))]
        if fresh.empty and len(kept) == len(base):
            return base.copy()
        return oldest_first(concat([kept, fresh]))

    def _ended_directories(self) -> list[str]:
        return [name for name, thing in self._directories.items() if not self._living(thing)]

    @property
    def memberships(self) -> pd.DataFrame:
        """Memberships the service has, ordered by group, then user."""
        found = [
            (user_id, group_id, self._groups[group_id].directory_id)
            for user_id, group_id in self._pairs
            if self._in_group(user_id, group_id)
        ]
        fresh = pd.DataFrame(found, columns=list(MEMBERSHIP_COLUMNS)).astype(MEMBERSHIP_COLUMNS)
        whole = fresh if self._base is None else pd.concat([self._kept_pairs(self._base.memberships), fresh])
        return whole.sort_values(["group_id", "user_id"], ignore_index=True)

    def _in_group(self, user_id: str, group_id: str) -> bool:
        since, joined = self._pairs[user_id, group_id]
        user, group = self._users[user_id], self._groups[group_id]
        ends = max(group.dead, user.cut, self._end_of(group.directory_id))
        return joined and since > ends and self._living(user) and self._living(group)

    def _kept_pairs(self, base: pd.DataFrame) -> pd.DataFrame:
        """Return the base's memberships that no event speaks of and no deletion ended."""
        gone_users = [n for n, thing in self._users.items() if not self._living(thing) or thing.cut != NEVER]
        gone_groups = [name for name, thing in self._groups.items() if thing.dead != NEVER]
        gone = base["user_id"].isin(gone_users) | base["group_id"].isin(gone_groups)
        gone |= base["directory_id"].isin(self._ended_directories())
        touched = base["user_id"].isin({user for user, _ in self._pairs}) & ~gone
        pairs = zip(base["user_id"][touched], base["group_id"][touched], strict=True)
        gone.loc[touched] = pd.Series([pair in self._pairs for pair in pairs], dtype=bool).array
        return base[~gone]

    def people(self) -> pd.DataFrame:
        """Return everybody ever met, one row a user id, with one word for how things stand.

        Returns
        -------
        pandas.DataFrame
            Index ``user_id``; ``name``, ``address``, ``idp_id``, ``directory_id``; ``since`` (time of the
            newest word on whether they are there; missing where only the base knows) and ``lifecycle``:

            - ``active``: the service lists them, and their state is active.
            - ``inactive``: the service lists them in another state.
            - ``removed``: deleted, and not to return under this id. That is so when the environment keeps
              inactive users (a deletion then is one), when the directory went, or when the person is here
              again under a new id (same ``idp_id`` in the same directory).
            - ``retained``: deleted, where that may as well mean "switched off", as it does when the
              environment deletes inactive users. Keep the row: the person may return, under this id or another.
        """
        users = self.users
        there = users[["name", "address", "idp_id", "directory_id"]].copy()
        there["lifecycle"] = ["active" if state == "active" else "inactive" for state in users["state"]]
        here = set(zip(users["directory_id"], users["idp_id"].fillna(""), strict=True))
        gone = self._tombstones()
        gone["lifecycle"] = [
            self._departure(where, idp_id, (where, idp_id) in here)
            for where, idp_id in zip(gone["directory_id"], gone["idp_id"].fillna(""), strict=True)
        ]
        whole = pd.concat([there, gone]) if len(gone) else there
        words = {name: max(t.last_word, t.dead) for name, t in self._users.items()}
        times = [words.get(name, NEVER).time for name in whole.index]
        since = pd.Series([None if t <= 0 else t for t in times], whole.index, "Int64")
        whole["since"] = pd.to_datetime(since, unit="us", utc=True).dt.as_unit("us")
        whole["lifecycle"] = pd.Categorical(whole["lifecycle"], categories=list(LIFECYCLES))
        whole.index.name = "user_id"
        return whole

    def _tombstones(self) -> pd.DataFrame:
        """Return the last known record of everybody who is gone."""
        gone = {name: thing for name, thing in self._users.items() if not self._living(thing)}
        last = users_frame([thing.record for thing in gone.values() if thing.record])
        if self._base is not None:
            known = self._base.users
            silent = known["directory_id"].isin(self._ended_directories()) & ~known.index.isin(
                list(self._users)
            )
            silent |= known.index.isin([name for name, thing in gone.items() if not thing.record])
            last = concat([last, known[silent]])
        return last[["name", "address", "idp_id", "directory_id"]].copy()

    def _departure(self, directory_id: str, idp_id: str, here_again: bool) -> str:
        final = self.inactive_policy == "keep" or directory_id in self._ended_directories()
        return "removed" if final or (here_again and idp_id) else "retained"

    # What to know about it ------------------------------------------------------------------------------

    @property
    def report(self) -> pd.DataFrame:
        """One row for each event taken in, in the order it came.

        ``outcome`` is ``applied``; ``duplicate`` (met before); ``superseded`` (newer evidence was there
        already); ``other`` (not about users, groups or directories, or a kind this version does not know);
        ``elsewhere`` (a directory nobody asked for); or ``failed``, with the reason.
        """
        names = ["event_id", *REPORT_COLUMNS]
        frame = pd.DataFrame(self._report, columns=names).set_index("event_id")
        times = pd.to_datetime(frame["created_at"], utc=True, format="ISO8601", errors="coerce")
        frame["created_at"] = times.dt.as_unit("us")
        frame["outcome"] = pd.Categorical(frame["outcome"], categories=list(OUTCOMES))
        return frame.astype({name: kind for name, kind in REPORT_COLUMNS.items() if kind == "str"})

    @property
    def notices(self) -> list[str]:
        """What the events leave open, one sentence each."""
        told = []
        for name in sorted(self._users):
            thing = self._users[name]
            if thing.dead == NEVER or not self._living(thing):
                continue
            if thing.cut == thing.dead:
                told.append(
                    f"{name} was deleted and created again under the same id: only memberships announced since "
                    "then count. Take a snapshot to be sure."
                )
            elif count := self._silent_memberships(thing, name):
                told.append(
                    f"{name} was deleted and came back under the same id. Nothing announces memberships then: "
                    f"{count} from before count again. Take a snapshot to be sure."
                )
        people = self.people()
        removed = people["directory_id"][people["lifecycle"] == "removed"]
        back = int((~removed.isin(self._ended_directories())).sum())
        if self.inactive_policy == "delete" and back:
            told.append(
                f"{back} came back under a new id: only memberships announced since then count. Take a "
                "snapshot to be sure."
            )
        return told

    def _silent_memberships(self, thing: _Thing, user_id: str) -> int:
        """Count the memberships of somebody who came back that were last spoken of before they were deleted."""
        held = [p for p, (since, _) in self._pairs.items() if p[0] == user_id and since < thing.dead]
        count = sum(self._in_group(*pair) for pair in held)
        if self._base is not None:
            kept = self._kept_pairs(self._base.memberships)
            count += int((kept["user_id"] == user_id).sum())
        return count


# Weighing ---------------------------------------------------------------------------------------------


def _keep(thing: _Thing, record: Record, moment: Moment) -> bool:
    """Keep a record if it is the newest reading of its object."""
    try:
        updated = micros(record.get("updated_at"))
    except (TypeError, ValueError):
        updated = moment.time
    if (updated, *moment) <= thing.content:
        return False
    thing.content, thing.record = (updated, *moment), record
    thing.directory_id = record.get("directory_id") or thing.directory_id
    return True


def oldest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the rows in the order in which the service lists them: by time of creation, then id."""
    name = str(frame.index.name)
    return frame.sort_values(["created_at", name], kind="stable")
