"""Bringing a fleet up to date from events: the cost follows from what changed, not from how much there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from .. import errors
from ..client import DirectoryClient, LoadContext, Record, needs_client
from ..files import open_frame
from ..frames import concat, directories_frame
from ..guard import SHARE, check_guard, check_vanished, why_stopped
from ..load import load_events
from ..load.parallel import for_each_directory
from ..load.progress import tell
from ..sync import NEVER, Moment, State, latest_event, moment_of, replay
from ..sync.events import Unusable, event_records, parse_event
from ..sync.follow import LostPlace, load_since
from ..text import plural
from .dataset import DIRECTORIES_FILE, TABLES, Entry, Reader, save_directory
from .fleet import Fleet, need_fleet, open_fleet
from .load import Job
from .take import Work, work_on

__all__ = ["refresh_fleet"]

PAGE = 100  # directories that one request lists
CATCHING_UP = 2  # directories at once: that is work of the processor, which more would only hand to each other
NO_POSITION_FOR = timedelta(days=29)  # without one, the last 30 days of events must hold everything


@needs_client
def refresh_fleet(
    client: DirectoryClient,
    folder: str | Path,
    *,
    states: bool = False,
    guard: float | None = SHARE,
    confirm: int | None = None,
) -> Fleet:
    """Return a fleet brought up to date: only directories that events speak of are written anew.

    It takes a request for each hundred events since the fleet's oldest place, and one for each directory that
    changed, or the list of all where that is fewer. A directory that events cannot tell all about (somebody
    came back under the same id, the service no longer has its events, it is new) is loaded. ``fleet.run`` says
    what it cost, ``fleet.taken`` as of when each directory is. What is missing stays so: take_fleet loads it.

    Parameters
    ----------
    client, folder
        Where to read, and the fleet that :func:`take_fleet` wrote.
    states
        Also read the list of directories, a request for each hundred: their states, of which no event tells.
    guard
        Stop where more than this share of the directories would go. A directory of whose users or groups more
        would go stays as it was, ``fleet.notices`` say so, and take_fleet reads it whole. None: never.
    confirm
        The exact number of directories that may go, whatever the guard says.

    Raises
    ------
    TooManyGone
        The guard stopped it.
    ArgumentError
        There is no fleet, or one of another server.
    LoadError
        Reading events broke; the fleet is as good as before.
    DirsyncError
        Another process is writing the fleet.

    Examples
    --------
    >>> _ = ds.take_fleet(client, "fresh", directory_id=directories.index[:2])
    >>> len(ds.refresh_fleet(client, "fresh").directories)
    2
    """
    need_fleet(None)
    check_guard(guard, confirm)
    with work_on(client, Path(folder).absolute(), "refresh") as work:
        _Refresh(work, guard, confirm).run(states)
    fleet = open_fleet(work.folder)
    tell(fleet.told, client.context.told)
    return fleet


class _Refresh:
    """One refresh, step by step."""

    def __init__(self, work: Work, guard: float | None, confirm: int | None) -> None:
        self.work, self.client, self.manifest = work, work.client, work.manifest
        self.guard, self.confirm = guard, confirm
        self.at = datetime.now(UTC)
        self.lost: list[str] = []  # directories whose place the service no longer knows
        self.latest: Moment | None = None
        self.events: dict[str, list[Record]] = {}

    def run(self, states: bool) -> None:
        """Read events, then what they speak of, and write it."""
        self.read_events()
        entries = dict(self.manifest.entries)
        known = set(self.manifest.directories)
        unknown = self.manifest.scope is None and set(self.events) - known
        self.read_directories(bool(states or unknown))
        self.work.begun = True
        changed = [one for one in self.events if one in self.manifest.entries and one not in self.lost]
        whole = self.work.job(self.latest)
        known_as = directories_frame([{"id": one} for one in changed])
        caught_up = _CatchUp(whole, entries, self.events, known_as, self.at, self.guard)
        self.work.load(caught_up, changed, CATCHING_UP)
        missing = known - set(entries)  # and not spoken of: take_fleet loads it
        new = [one for one in self.manifest.directories if one not in {*entries, *(missing - set(self.events))}]
        self.work.load(whole, [*self.lost, *new, *caught_up.doubtful])
        for one, entry in self.manifest.entries.items():
            if one not in self.manifest.failed and entry["run"] != self.work.token:  # nothing happened there
                entry |= {"at": self.at.isoformat(), "position": self.latest}

    def read_events(self) -> None:
        """Read the events since the oldest place, and deal them out to the directories they speak of."""
        unplaced = 0
        for record in (*self._since_places(), *self._without_place()):
            try:
                parts = parse_event(record)
            except Unusable:
                unplaced += 1
                continue
            self.latest = max(self.latest or NEVER, parts.moment)
            position = self.manifest.entries.get(parts.directory_id or "", {}).get("position")
            if parts.directory_id and parts.moment > Moment(*(position or NEVER)):
                self.events.setdefault(parts.directory_id, []).append(record)
        if unplaced:
            told = f"{plural(unplaced, 'event')} could not be read: take_fleet with resume=False to be sure."
            tell([told], self.client.context.told)

    def _since_places(self) -> list[Record]:
        places: dict[Moment, list[str]] = {}
        for one, entry in self.manifest.entries.items():
            if entry["position"] is not None:
                places.setdefault(Moment(*entry["position"]), []).append(one)
        for place in sorted(places):
            self.latest = max(places)
            try:
                events = load_since(self.client, place.event_id)
            except LostPlace:
                self.lost += places[place]
                continue
            return list(event_records(events))
        if places:  # none is known any more: everything is loaded, from here on
            found = latest_event(self.client)
            self.latest = None if found is None else moment_of(found)
        return []

    def _without_place(self) -> list[Record]:
        """Return the events of the last 30 days, where a directory was read when there were none."""
        ids = [one for one, entry in self.manifest.entries.items() if entry["position"] is None]
        late = self.at - NO_POSITION_FOR
        old = [one for one in ids if datetime.fromisoformat(self.manifest.entries[one]["at"]) < late]
        self.lost += old
        return list(event_records(load_events(self.client))) if len(ids) > len(old) else []

    def read_directories(self, whole: bool) -> None:
        """Read the directories that changed, one by one or in the list; forget those that are gone."""
        ids, scope = self.manifest.directories, self.manifest.scope
        asked = list(ids) if whole and scope is not None else [one for one in ids if one in self.events]
        if scope is None and (whole or len(asked) > -(-len(ids) // PAGE)):
            self.work.read_listing(self.guard, self.confirm)
            return
        found, missed = for_each_directory(
            self.client.context, asked, lambda context, one: context.single("directories", one)
        )
        gone = [one for one, why in missed.items() if isinstance(why, errors.NotFound) and self._deleted(one)]
        what, empty = "directories of the fleet, which events say were deleted", 0 < len(gone) == len(ids)
        check_vanished(len(gone), len(ids), what, guard=self.guard, confirm=self.confirm, empty=empty)
        for one in gone:
            self.manifest.forget(self.work.folder, one)
        self._update_listing(directories_frame(list(found.values())))
        for one in set(missed) - set(gone):
            self.manifest.failed[one] = f"{type(missed[one]).__name__}: {missed[one]}"
            self.events.pop(one, None)

    def _deleted(self, directory_id: str) -> bool:
        kinds = [record.get("event") for record in self.events.get(directory_id, ())]
        return "dsync.deleted" in kinds or "dsync.deactivated" in kinds

    def _update_listing(self, fresh: pd.DataFrame) -> None:
        held = open_frame(self.work.folder / DIRECTORIES_FILE)
        rows = concat([held[~held.index.isin(fresh.index)], fresh])
        self.work.listing = rows.loc[[one for one in self.manifest.directories if one in rows.index]]


@dataclass(frozen=True)
class _CatchUp:
    """Bring one up to date from its events; where they do not tell all, it is ``doubtful`` and stays."""

    whole: Job
    entries: Mapping[str, Entry]
    events: Mapping[str, Sequence[Record]]
    directories: pd.DataFrame
    at: datetime
    guard: float | None
    doubtful: list[str] = field(default_factory=list)

    def __call__(self, context: LoadContext, directory_id: str) -> Entry:  # noqa: ARG002 (as a Job)
        """Replay the events on what is there, and write it."""
        entry = self.entries[directory_id]
        reader = Reader(self.whole.folder, entry["categories"])
        before = {table: reader.frame(table, [directory_id]) for table in TABLES}
        moment = Moment(*(entry["position"] or NEVER))
        base = SimpleNamespace(**before, directories=self.directories, moment=moment)
        state = replay(self.events[directory_id], base=base, directory_id=directory_id)
        if self._leaves_doubts(self.events[directory_id], state):
            self.doubtful.append(directory_id)
            return entry
        after = {table: getattr(state, table) for table in TABLES}
        self._check(directory_id, before, after)
        again = bool(entry.get("again"))
        kept = [*entry["notices"]] if again else []
        about = {
            "at": self.at.isoformat(),
            "read_at": entry["read_at"],
            **self.whole.about,
            "cost": {"requests": 0, "refused": 0},
            "notices": [*kept, *self._miscounts(directory_id, after)],
            "again": again,
        }
        return save_directory(Path(self.whole.folder), directory_id, after, about)

    def _leaves_doubts(self, events: Sequence[Record], state: State) -> bool:
        """Return whether only reading the directory tells how things stand; that takes a deletion."""
        ends = any(str(record.get("event")).endswith("deleted") for record in events)
        return ends and any("Take a snapshot" in notice for notice in state.notices)

    def _check(
        self, directory_id: str, before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame]
    ) -> None:
        """Stop where too much of a directory would go."""
        for kind in ("users", "groups"):
            gone, of = before[kind].index.difference(after[kind].index), len(before[kind])
            clause = f"Events would take {{}} {kind} out of {directory_id}"
            if why := why_stopped(len(gone), of, clause, guard=self.guard, empty=after[kind].empty):
                raise errors.DirsyncError(f"{why} take_fleet with the same folder reads it whole.")

    def _miscounts(self, directory_id: str, after: Mapping[str, pd.DataFrame]) -> list[str]:
        """Return where the service counts otherwise than events led to."""
        return [
            f"The service counts {counted[directory_id]:,} {kind}, and here are {len(after[kind]):,}: somebody "
            "came or went just now, or an event was missed. If it stays so, take the directory anew."
            for kind, counted in self.whole.counts.items()
            if counted.get(directory_id, len(after[kind])) != len(after[kind])
        ]
