"""Events to state: who is there and in what, whatever order the news came in.

The state is worked out from the events and their times alone, so it does not matter in which order they
arrive, how often, or how late:

- An event id counts once.
- A record is the one with the newest ``updated_at``; among equals, the one of the newest event.
- A user or group is there if its newest own event says so. A deletion leaves a tombstone, which only a newer
  event of the user's or group's own lifts. A membership never does: one that began after the deletion stays
  dormant, and is listed in ``attention``. One that ended brings nobody into being.
- A membership is what the newest event about that user and group says, and it needs both of them. The deletion
  of a directory or group ends everything inside, mostly without a further event; ``notices`` count what went.
- A user who is deleted is in no group. Should the same id come back, nothing announces the groups they had.
  Where they are created anew, those are gone; where an update brings them back, WorkOS had kept them behind the
  scenes, and they count again. Either way ``notices`` asks for a snapshot.

What could not be placed is in the report, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pandas as pd

from .. import errors
from ..client import Record
from ..frames import MEMBERSHIP_COLUMNS, TIME, require_columns, require_complete, takes_frames, tools
from ..load.parallel import directory_ids_of
from ..text import plain, plural
from .events import (
    NEVER,
    PLACED,
    TOKENS,
    Events,
    Moment,
    ParsedEvent,
    Unusable,
    event_records,
    id_in,
    micros,
    moment_or_none,
    parse_event,
)

InactivePolicy = Literal["delete", "keep"]

LIFECYCLES = ("active", "inactive", "removed", "retained")
OUTCOMES = ("applied", "dormant", "unknown", "duplicate", "superseded", "other", "elsewhere", "failed")
ATTENTION_COLUMNS = {
    **dict.fromkeys(("user_id", "group_id", "directory_id"), "str"),
    "at": TIME,
    "event_id": "str",
    "reason": "str",
}
REPORT_COLUMNS = {
    "event": "str",
    "created_at": TIME,
    "outcome": "category",
    **dict.fromkeys(("reason", "user_id", "group_id", "directory_id"), "str"),
}
IN_BASE = Moment(NEVER.time + 1, "")  # older than any event: what a base without a position is sure of


class Base(Protocol):
    """What a replay may start from: whole frames, and the last event that they already contain.

    Examples
    --------
    >>> state = ds.sync.replay([], base=ds.take_snapshot(client, directories.index[0]))
    >>> len(state.users) == len(users)
    True
    """

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
class _Subject:
    """What is known about one directory, user or group."""

    directory_id: str | None
    alive: Moment = NEVER  # newest event of its own that says it is there, or the base
    seen: Moment = NEVER  # newest membership that began, which proves nothing after a deletion
    deleted: Moment = NEVER
    created: Moment = NEVER
    deletions: tuple[Moment, ...] = ()
    content: tuple[int, int, str] = (NEVER.time, NEVER.time, "")
    record: Record | None = None  # None: what the base has

    @property
    def known(self) -> bool:
        """Whether anything but an ended membership speaks of it."""
        return max(self.alive, self.seen, self.deleted) != NEVER

    @property
    def cut(self) -> Moment:
        """The last deletion that a creation followed: memberships from before it are gone for good."""
        return max((one for one in self.deletions if one < self.created), default=NEVER)

    def living(self, directory_deleted: Moment) -> bool:
        end = max(self.deleted, directory_deleted)
        return (max(self.alive, self.seen) if end == NEVER else self.alive) > end

    def there_until(self, end: Moment) -> bool:
        """Whether it was there when its directory ended, and not gone before."""
        last = max(one if one < end else NEVER for one in (self.alive, self.seen))
        return last != NEVER and not any(last < one < end for one in self.deletions)


def replay(
    events: Events,
    *,
    base: Base | None = None,
    inactive_policy: InactivePolicy = "delete",
    directory_id: Any = None,
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
    directory_id
        Only these, one or several: ids, records, rows or a frame. Events of others are reported as
        ``elsewhere``.

    Raises
    ------
    IncompleteError
        The events frame, or a frame of the base, is partial.

    Examples
    --------
    >>> state = ds.sync.replay(events)
    >>> len(state.users) > 0
    True
    """
    return State(base=base, inactive_policy=inactive_policy, directory_id=directory_id).apply(events)


class State:
    """What the service has, as far as the events so far tell. Parameters: see :func:`replay`.

    Attributes
    ----------
    moment
        The newest event met, placed or not. Its id is where to go on in the events API.

    Examples
    --------
    >>> state = ds.sync.replay(events)
    >>> len(state.memberships) > 0
    True
    """

    def __init__(
        self,
        *,
        base: Base | None = None,
        inactive_policy: InactivePolicy = "delete",
        directory_id: Any = None,
    ) -> None:
        if inactive_policy not in ("delete", "keep"):
            raise errors.ArgumentError(f"inactive_policy must be 'delete' or 'keep'; got {inactive_policy!r}")
        self.inactive_policy = inactive_policy
        self.moment = self._start = base.moment if base is not None else NEVER
        self._base = base
        if base is not None:
            for frame in (base.directories, base.users, base.groups, base.memberships):
                require_complete(frame, "a replay")
        self._only = None if directory_id is None else frozenset(directory_ids_of(directory_id, "a replay"))
        self._directories: dict[str, _Subject] = {}
        self._users: dict[str, _Subject] = {}
        self._groups: dict[str, _Subject] = {}
        self._pairs: dict[tuple[str, str], tuple[Moment, bool]] = {}
        self._met: set[str] = set()
        self._report: list[tuple[Any, ...]] = []

    def __repr__(self) -> str:
        counts = self.report["outcome"].value_counts()
        told = ", ".join(f"{counts[name]:,} {name}" for name in OUTCOMES if counts.get(name))
        return f"<State after {len(self._report):,} events: {told or 'none yet'}>"

    # Taking events in -----------------------------------------------------------------------------------

    def apply(self, events: Events) -> State:
        """Take in more events, in any order; events that were met before change nosubject. Give the state."""
        for record in event_records(events):
            outcome, reason, parts = self._place(record)
            user, group = (parts.user or {}, parts.group or {}) if parts else ({}, {})
            told = (user.get("id"), group.get("id"), parts.directory_id if parts else None)
            self._report.append((*_head(record), outcome, reason, *told))
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
        """Apply an event; it is superseded if something newer about its subject was known already."""
        ends = parts.kind.endswith("deleted")
        if parts.directory is not None:
            news = self._apply_own(self._directories, parts.directory, parts, ends=ends)
        elif parts.user is not None and parts.group is not None:
            return self._apply_membership(parts, parts.user, parts.group)
        elif parts.user is not None:
            news = self._apply_own(self._users, parts.user, parts, ends=ends)
        else:
            assert parts.group is not None
            news = self._apply_own(self._groups, parts.group, parts, ends=ends)
        return ("applied", None) if news else ("superseded", "something newer was known")

    def _apply_own(
        self, subjects: dict[str, _Subject], record: Record, parts: ParsedEvent, *, ends: bool
    ) -> bool:
        """Apply an event of the subject's own; return whether it is the newest word."""
        subject = self._subject(subjects, record, parts)
        end = max(subject.deleted, self._end_of(parts.directory_id))
        better = _keep(subject, record, parts.moment)
        if ends:
            subject.deleted = max(subject.deleted, parts.moment)
            subject.deletions = (*subject.deletions, parts.moment)
            return parts.moment > max(end, subject.alive)
        subject.alive = max(subject.alive, parts.moment)
        if parts.kind.endswith(".created"):
            subject.created = max(subject.created, parts.moment)
        return better and parts.moment > end

    def _apply_membership(self, parts: ParsedEvent, user: Record, group: Record) -> tuple[str, str | None]:
        joins, pair = parts.kind.endswith("user_added"), (user["id"], group["id"])
        subjects = (self._subject(self._users, user, parts), self._subject(self._groups, group, parts))
        known = all(subject.known for subject in subjects)
        for subject, record in zip(subjects, (user, group), strict=True):
            _keep(subject, record, parts.moment)
            if joins:
                subject.seen = max(subject.seen, parts.moment)
        if parts.moment <= self._pairs.get(pair, (NEVER, False))[0]:
            return "superseded", "something newer was known of this membership"
        self._pairs[pair] = (parts.moment, joins)
        if parts.moment < max(self._ends_of(pair)):
            return "superseded", "its user, group or directory was deleted later"
        if joins and not self._in_group(*pair):
            return "dormant", self._why_dormant(pair)
        if not joins and not known:
            return "unknown", "the end of a membership of a user or group that nothing here speaks of"
        return "applied", None

    def _subject(self, subjects: dict[str, _Subject], record: Record, parts: ParsedEvent) -> _Subject:
        """Return what is known about an object; at first sight, what the base knows of it."""
        subject = subjects.get(record["id"])
        if subject is None:
            subject = subjects[record["id"]] = _Subject(id_in(record, "directory_id") or parts.directory_id)
            frame = self._base_frame(subjects)
            if frame is not None and record["id"] in frame.index:
                updated = frame["updated_at"].iloc[frame.index.get_loc(record["id"])]
                subject.content = (self._start.time if updated is pd.NaT else micros(updated), *self._start)
                subject.alive = max(self._start, IN_BASE)
        return subject

    def _ends_of(self, pair: tuple[str, str]) -> tuple[Moment, Moment, Moment]:
        """Return when the user, the group and the directory of a membership were last deleted."""
        user, group = self._users[pair[0]], self._groups[pair[1]]
        return user.deleted, group.deleted, self._end_of(group.directory_id)

    def _why_dormant(self, pair: tuple[str, str]) -> str:
        user, group, _ = self._ends_of(pair)
        gone = "user" if user != NEVER else "group" if group != NEVER else "directory"
        return f"added after the {gone} was deleted"

    def _base_frame(self, subjects: dict[str, _Subject]) -> pd.DataFrame | None:
        if self._base is None:
            return None
        if subjects is self._users:
            return self._base.users
        return self._base.groups if subjects is self._groups else self._base.directories

    def _end_of(self, directory_id: str | None) -> Moment:
        subject = self._directories.get(directory_id or "")
        return subject.deleted if subject is not None else NEVER

    # What is so -----------------------------------------------------------------------------------------

    @property
    def directories(self) -> pd.DataFrame:
        """Directories that are there, as a directories frame. Events carry no counts of users and groups."""
        return self._frame(self._directories, tools.directories_frame)

    @property
    def users(self) -> pd.DataFrame:
        """Users the service has, active and inactive, as a users frame."""
        return self._frame(self._users, tools.users_frame)

    @property
    def groups(self) -> pd.DataFrame:
        """Groups the service has, as a groups frame."""
        return self._frame(self._groups, tools.groups_frame)

    def _living(self, subject: _Subject) -> bool:
        return subject.living(self._end_of(subject.directory_id))

    def _frame(self, subjects: dict[str, _Subject], make: Any) -> pd.DataFrame:
        """Put the rows of the base that still hold and the records of events into one frame, oldest first."""
        records = [subject.record for subject in subjects.values() if subject.record and self._living(subject)]
        fresh: pd.DataFrame = make(records)
        base = self._base_frame(subjects)
        if base is None:
            return oldest_first(fresh)
        replaced = [name for name, subject in subjects.items() if subject.record or not self._living(subject)]
        kept = base[~base.index.isin(replaced)]
        ended = self._ended_directories()
        if ended and subjects is not self._directories:
            kept = kept[~kept["directory_id"].isin(ended) | kept.index.isin(list(subjects))]
        if fresh.empty and len(kept) == len(base):
            return base.copy()
        return oldest_first(tools.concat([kept, fresh]))

    def _ended_directories(self) -> list[str]:
        return [name for name, subject in self._directories.items() if not self._living(subject)]

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
        ends = max(group.deleted, user.cut, self._end_of(group.directory_id))
        return joined and since > ends and self._living(user) and self._living(group)

    @property
    def attention(self) -> pd.DataFrame:
        """Dormant memberships: announced after their user, group or directory was deleted, oldest first.

        They are in no other frame and bring nobody back. They count as soon as an event of the user's or
        group's own says that it is there again.

        Returns
        -------
        pandas.DataFrame
            ``user_id``, ``group_id``, ``directory_id``, ``at`` and ``event_id`` of the membership, ``reason``.
        """
        rows = [
            (*pair, self._groups[pair[1]].directory_id, *moment, self._why_dormant(pair))
            for pair, (moment, joined) in sorted(self._pairs.items(), key=lambda item: item[1])
            if joined and moment > max(self._ends_of(pair)) and not self._in_group(*pair)
        ]
        frame = pd.DataFrame(rows, columns=list(ATTENTION_COLUMNS))
        frame["at"] = pd.to_datetime(frame["at"].astype("int64"), unit="us", utc=True)
        return frame.astype(ATTENTION_COLUMNS)

    @property
    def unlisted(self) -> pd.DataFrame:
        """Memberships whose member the list of users does not hold, as rows of ``memberships``.

        A service that hides inactive users may list them in groups, and somebody may come while lists are read.
        They stay in ``memberships`` and count as nobody among the people.
        """
        memberships = self.memberships
        return memberships[~memberships["user_id"].isin(self.users.index)].reset_index(drop=True)

    def _kept_pairs(self, base: pd.DataFrame) -> pd.DataFrame:
        """Return the base's memberships that no event speaks of and no deletion ended."""
        known_users = {name: one for name, one in self._users.items() if one.known}
        gone_users = [n for n, one in known_users.items() if not self._living(one) or one.cut != NEVER]
        gone_groups = [name for name, subject in self._groups.items() if subject.deleted != NEVER]
        gone = base["user_id"].isin(gone_users) | base["group_id"].isin(gone_groups)
        gone |= base["directory_id"].isin(self._ended_directories())
        touched = base["user_id"].isin({user for user, _ in self._pairs}) & ~gone
        pairs = zip(base["user_id"][touched], base["group_id"][touched], strict=True)
        gone.loc[touched] = pd.Series([pair in self._pairs for pair in pairs], dtype=bool).array
        return base[~gone]

    def people(self) -> pd.DataFrame:
        """Return everybody ever met, one row a user id, with one word for how subjects stand.

        Returns
        -------
        pandas.DataFrame
            Index ``user_id``; ``name``, ``address``, ``idp_id``, ``directory_id``; ``since`` (of who is
            gone, their deletion or their directory's; else the newest event that says they are there; missing
            where only the base knows) and ``lifecycle``:

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
        words = [self._word(*row) for row in zip(whole.index, whole["directory_id"], strict=True)]
        since = pd.Series([one.time if one > self._start else None for one in words], whole.index, "Int64")
        whole["since"] = pd.to_datetime(since, unit="us", utc=True).dt.as_unit("us")
        whole["lifecycle"] = pd.Categorical(whole["lifecycle"], categories=list(LIFECYCLES))
        whole.index.name = "user_id"
        return whole

    def _word(self, user_id: str, directory_id: str) -> Moment:
        """Return the event since which somebody is there, or is not: of several deletions the first."""
        subject, directory = self._users.get(user_id), self._directories.get(directory_id)
        ends = directory.deletions if directory is not None else ()
        if subject is None:
            return min(ends, default=NEVER)
        ends += subject.deletions
        if self._living(subject):
            return subject.alive if ends else max(subject.alive, subject.seen)
        return min((end for end in ends if end > subject.alive), default=NEVER)

    def _tombstones(self) -> pd.DataFrame:
        """Return the last known record of everybody who is gone."""
        gone = {name: one for name, one in self._users.items() if one.known and not self._living(one)}
        records = [gone[name].record for name in sorted(gone)]
        last = tools.users_frame([record for record in records if record])
        if self._base is not None:
            known = self._base.users
            silent = known["directory_id"].isin(self._ended_directories())
            silent &= ~known.index.isin(list(self._users))
            silent |= known.index.isin([name for name, subject in gone.items() if not subject.record])
            last = tools.concat([last, known[silent]])
        return last[["name", "address", "idp_id", "directory_id"]].copy()

    def _departure(self, directory_id: str, idp_id: str, here_again: bool) -> str:
        final = self.inactive_policy == "keep" or directory_id in self._ended_directories()
        return "removed" if final or (here_again and idp_id) else "retained"

    # What to know about it ------------------------------------------------------------------------------

    @property
    def report(self) -> pd.DataFrame:
        """One row for each event taken in, in the order it came.

        ``outcome`` is ``applied``; ``dormant`` (a membership that began after a deletion, see ``attention``);
        ``unknown`` (the end of a membership of somebody or something never spoken of: it changes nothing);
        ``duplicate`` (met before); ``superseded`` (something newer was known already); ``other`` (not about
        users, groups or directories, or a kind this version does not know); ``elsewhere`` (a directory nobody
        asked for); or ``failed``. All but the first with the ``reason``.
        """
        names = ["event_id", *REPORT_COLUMNS]
        frame = pd.DataFrame(self._report, columns=names).set_index("event_id")
        times = pd.to_datetime(frame["created_at"].astype("Int64"), unit="us", utc=True)
        frame["created_at"] = times.dt.as_unit("us")
        frame["outcome"] = pd.Categorical(frame["outcome"], categories=list(OUTCOMES))
        return frame.astype({name: kind for name, kind in REPORT_COLUMNS.items() if kind == "str"})

    @property
    def notices(self) -> list[str]:
        """What the events leave open, one sentence each."""
        return [*self._ended_notices(), *self._loose_notices(), *self._return_notices()]

    def _ended_notices(self) -> Iterator[str]:
        """Yield what went with a directory: one event tells of all of it."""
        for directory_id in sorted(self._directories):
            if self._directories[directory_id].deleted != NEVER:
                gone = zip(self._gone_with(directory_id), ("user", "group", "membership"), strict=True)
                users, groups, memberships = (plural(count, noun) for count, noun in gone)
                yield (
                    f"The directory {directory_id} was deleted, and with it what was inside: {users}, {groups} "
                    f"and {memberships}."
                )

    def _gone_with(self, directory_id: str) -> tuple[int, int, int]:
        """Count the users, groups and memberships there were when a directory was deleted."""
        end, counts = self._end_of(directory_id), []
        for subjects in (self._users, self._groups):
            base = self._base_frame(subjects)
            silent = 0 if base is None else _rows_of(base, directory_id, without=subjects)
            inside = (one for one in subjects.values() if one.directory_id == directory_id)
            counts.append(silent + sum(one.there_until(end) for one in inside))
        held = sum(self._held_until(pair, end) for pair in self._pairs)
        if self._base is not None:
            pairs = self._base.memberships
            pairs = pairs[pairs["directory_id"] == directory_id]
            held += sum(
                pair not in self._pairs and self._there_until(pair, end)
                for pair in zip(pairs["user_id"], pairs["group_id"], strict=True)
            )
        return counts[0], counts[1], held

    def _held_until(self, pair: tuple[str, str], end: Moment) -> bool:
        """Whether a membership ended with its directory; that it was ended afterwards says so, too."""
        (since, joined), group = self._pairs[pair], self._groups[pair[1]]
        if self._end_of(group.directory_id) != end or joined is not (since < end):
            return False
        parts = (self._users[pair[0]], group)
        ended = any(since < one < end for subject in parts for one in subject.deletions)
        return not ended and self._there_until(pair, end)

    def _there_until(self, pair: tuple[str, str], end: Moment) -> bool:
        subjects = (self._users.get(pair[0]), self._groups.get(pair[1]))
        return all(subject is None or subject.there_until(end) for subject in subjects)

    def _loose_notices(self) -> Iterator[str]:
        """Yield how many memberships are dormant, and whom groups list and the list of users does not, once."""
        if count := len(self.attention):
            was = "was" if count == 1 else "were"
            yield (
                f"{plural(count, 'membership')} {was} announced after the user, group or directory was "
                "deleted, and brought nobody back; see `attention`. Take a snapshot to be sure."
            )
        if self._base is not None and len(unlisted := self.unlisted):
            yield (
                f"{plural(unlisted['user_id'].nunique(), 'member')} of groups not in the list of users "
                f"({plural(len(unlisted), 'membership')}): kept, see `unlisted`, and in no count of people. "
                "The service hides them there, or they came while it was read."
            )

    def _return_notices(self) -> Iterator[str]:
        """Yield whose memberships nothing announces."""
        for user_id in sorted(self._users):
            subject = self._users[user_id]
            if subject.deleted == NEVER or not self._living(subject):
                continue
            if subject.cut == subject.deleted:
                yield (
                    f"{user_id} was deleted and created again under the same id: only memberships announced "
                    "since then count. Take a snapshot to be sure."
                )
            elif count := self._silent_memberships(subject, user_id):
                yield (
                    f"{user_id} was deleted and came back under the same id. Nothing announces memberships "
                    f"then: {count} from before count again. Take a snapshot to be sure."
                )
        people = self.people()
        removed = people["directory_id"][people["lifecycle"] == "removed"]
        back = int((~removed.isin(self._ended_directories())).sum())
        if self.inactive_policy == "delete" and back:
            yield (
                f"{back} came back under a new id: only memberships announced since then count. Take a "
                "snapshot to be sure."
            )

    def _silent_memberships(self, subject: _Subject, user_id: str) -> int:
        """Count the memberships of somebody who came back that were last spoken of before they were deleted."""
        held = [p for p, (since, _) in self._pairs.items() if p[0] == user_id and since < subject.deleted]
        count = sum(self._in_group(*pair) for pair in held)
        if self._base is not None:
            kept = self._kept_pairs(self._base.memberships)
            count += int((kept["user_id"] == user_id).sum())
        return count


# Small parts ------------------------------------------------------------------------------------------


def _rows_of(base: pd.DataFrame, directory_id: str, *, without: Iterable[str]) -> int:
    """Count the rows of a directory that no event speaks of."""
    inside = base["directory_id"] == directory_id
    return int((inside & ~base.index.isin(list(without))).sum())


def _head(record: Record) -> tuple[str | None, str | None, int | None]:
    """Return an event's id, name and time (microseconds) as a report can hold them, whatever stands there."""
    event_id, event = (None if record.get(name) is None else plain(record[name]) for name in ("id", "event"))
    return event_id, event, _micros_or_none(record.get("created_at"))


def _micros_or_none(value: object) -> int | None:
    try:
        return micros(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _keep(subject: _Subject, record: Record, moment: Moment) -> bool:
    """Whether a record is kept: it is the newest reading of its object."""
    told = _micros_or_none(record.get("updated_at"))
    updated = moment.time if told is None else told
    if (updated, *moment) <= subject.content:
        return False
    subject.content, subject.record = (updated, *moment), record
    subject.directory_id = id_in(record, "directory_id") or subject.directory_id
    return True


@takes_frames()
def oldest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the rows in the order in which the service lists them: by time of creation, then id.

    Examples
    --------
    >>> ds.sync.oldest_first(users.iloc[::-1]).equals(users)
    True
    """
    require_columns("frame", frame, "created_at")
    name = str(frame.index.name)
    by = ["created_at"] if frame.index.name is None else ["created_at", name]
    return frame.sort_values(by, kind="stable")
