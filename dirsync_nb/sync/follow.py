"""Follow the events of an environment: polling that waits politely, keeps its place and can be stopped.

The place is the id of the last event whose batch was dealt with. The service keeps events for 90 days; a place
that it no longer knows is an error with both ends of the gap, never a silent start from somewhere else.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, Record, needs_client
from ..client.paging import NEWEST_FIRST
from ..files import replacing
from ..frames import ROUNDED, events_frame
from ..guard import bytes_within
from ..load import load_events
from ..load.lost_place import REFUSED, Gap, LostPlace, event_pages, first_events, lost_place
from ..load.progress import tell
from .events import Moment, moment_of

__all__ = ["Follower", "Gap", "LostPlace", "follow_events", "latest_event", "load_since"]


@needs_client
def follow_events(
    client: DirectoryClient,
    *,
    after: str | None = None,
    events: str | Iterable[str] | None = None,
    organization_id: Any = None,
    range_start: Any = None,
    keep: str | Path | None = None,
    every: float = 30.0,
    slowest: float = 300.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] | None = None,
) -> Follower:
    """Follow events as they come: loop over it, one events frame a turn.

    ::

        for batch in follow_events(client, keep="place.json"):
            state.apply(batch)

    Parameters
    ----------
    after
        The event to go on from. Default: the place in ``keep``, else ``range_start``, else the last 30 days.
    events, organization_id, range_start
        As in :func:`dirsync_nb.load_events`.
    keep
        A small file for the place. A batch counts as dealt with when the loop asks for the next; whoever is
        killed before gets it again. Where the file exists, its place wins over ``after`` and ``range_start``.
    every, slowest
        Seconds between two questions. While nothing happens the pause grows by half each time, up to
        ``slowest``; full pages are read on at once.
    clock, sleep
        For tests. A ``sleep`` of your own is not cut short by :meth:`Follower.stop`.

    Raises
    ------
    ArgumentError
        ``after`` together with ``range_start``, or a file of another server.
    LostPlace
        While looping: the service does not know the place any more.
    BadPayload
        While looping: the service lists events newest first, so that nobody can go on from one.

    Examples
    --------
    >>> follower = ds.follow_events(client, sleep=lambda _: None)
    >>> batch = next(iter(follower))  # an events frame: those of the last 30 days
    >>> batch.index.name
    'event_id'
    """
    if not 0 < every <= slowest:
        raise errors.ArgumentError(f"every must be above 0 and at most slowest; got {every} and {slowest}")
    filters = {"events": events, "organization_id": organization_id, "range_start": range_start, "after": after}
    # Asked for once before the first turn, so that a wrong call fails here and a doubtful name is questioned.
    tell(client.context.open("events", filters, log=False).notices, client.context.told)
    follower = Follower(client, filters, Path(keep) if keep is not None else None, clock, sleep)
    follower.every, follower.slowest = every, slowest
    return follower


class Follower:
    """Events as they come. Made by :func:`follow_events`.

    Loop over it with ``for``, or with ``async for`` where other tasks go on meanwhile.

    Attributes
    ----------
    after
        Id of the last event that was dealt with; None before the first.
    polls
        How often the service was asked.

    Examples
    --------
    >>> follower = ds.follow_events(client, after=events.index[-2], sleep=lambda _: None)
    >>> len(next(iter(follower)))
    1
    """

    every = 30.0
    slowest = 300.0

    def __init__(
        self,
        client: DirectoryClient,
        filters: dict[str, Any],
        keep: Path | None,
        clock: Callable[[], float],
        sleep: Callable[[float], object] | None,
    ) -> None:
        self._client, self._filters, self._keep, self._clock = client, filters, keep, clock
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self.after: str | None = _kept_place(keep, client) or filters["after"]
        self._server = client.server
        self.polls = 0

    def __repr__(self) -> str:
        place = f"after {self.after}" if self.after else "from the beginning"
        return f"<Follower {place}, {self.polls:,} polls{', stopped' if self.stopped else ''}>"

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End the loop, from any thread: at once if it waits, else after the batch in hand."""
        self._stop.set()

    def __iter__(self) -> Iterator[pd.DataFrame]:
        pause = self.every
        while not self.stopped:
            asked, quiet = self._clock(), True
            for page in self._pages():
                quiet = False
                yield self._frame(page)
                self._dealt_with(page)
                if self.stopped:
                    return
            pause = min(pause * 1.5, self.slowest) if quiet else self.every
            left = asked + pause - self._clock()
            if left > 0 and not self.stopped:
                self._sleep(left)

    async def __aiter__(self) -> AsyncIterator[pd.DataFrame]:
        steps = iter(self)
        try:
            while (batch := await asyncio.to_thread(next, steps, None)) is not None:
                yield batch
        finally:  # a cancelled task must not leave its thread waiting
            self.stop()

    def _pages(self) -> Iterator[list[Record]]:
        """Read what is new, page by page."""
        filters = {**self._filters, "after": self.after}
        if self.after is not None:
            filters["range_start"] = None
        self.polls += 1
        try:
            yield from event_pages(self._client.context, filters)
        except REFUSED as problem:
            if self.after is None:
                raise
            raise lost_place(self._client.context, self.after, problem, self._filters) from problem

    def _frame(self, page: list[Record]) -> pd.DataFrame:
        frame, rounded = events_frame(page), self._client.context.rounded
        if rounded is not None:
            frame.attrs[ROUNDED] = rounded
        return frame

    def _dealt_with(self, page: list[Record]) -> None:
        self.after = str(page[-1]["id"])
        if self._keep is not None:
            held = {"server": self._server, "after": self.after, "at": page[-1].get("created_at")}
            with replacing(self._keep) as temporary:
                temporary.write_text(json.dumps(held))


def _kept_place(path: Path | None, client: DirectoryClient) -> str | None:
    """Read the place in a file; None when there is no file yet."""
    if path is None or not path.exists():
        return None
    try:
        held = json.loads(bytes_within(path, 2**16))
        after, of = str(held["after"]), held["server"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise errors.ArgumentError(f"{path} does not hold a place in a stream of events") from None
    if not client.reads(of):
        raise errors.ArgumentError(f"{path} holds a place at {of}, and this client reads {client.server}")
    return after


def load_since(
    client: DirectoryClient, after: str, *, organization_id: Any = None, at: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Load the events of Directory Sync after an event, as a frame.

    Raises
    ------
    LostPlace
        The service does not know that event any more. ``at``, if you have it, is its time for the message.

    Examples
    --------
    >>> later = ds.follow.load_since(client, events.index[-3])
    >>> len(later)
    2
    """
    try:
        events = load_events(client, after=after, organization_id=organization_id)
    except LostPlace as lost:
        raise LostPlace(lost.gap if at is None else replace(lost.gap, after_time=at)) from lost
    if client.receipts[-1].details.get("newest_first"):
        raise errors.BadPayload(NEWEST_FIRST)
    return events


def latest_event(client: DirectoryClient, *, organization_id: Any = None) -> Record | None:
    """Find the newest event in few requests; None if there was none in the last 30 days.

    The service lists events oldest first only. Where there are more than a page, the page that holds the last
    one is looked for in what is left of the time: where half a page would come before its end, if events went
    on as they do; once nothing came there, soon after the newest that is known and half-way, in turn.

    Examples
    --------
    >>> ds.sync.latest_event(client)["id"] == events.index[-1]
    True
    """
    page = first_events(client.context, organization_id=organization_id)
    end, tries_since_quiet = datetime.now(UTC), 0
    while len(page) >= client.context.page_size:
        newest = _time_of(page[-1])
        left, of_page = end - newest, newest - _time_of(page[0])
        dense = min(1.0, of_page / left) if left > timedelta() else 1.0
        part = 1 - max(dense, 1 / 32) / 2
        if tries_since_quiet:
            part = min(math.sqrt(dense), 0.5) if tries_since_quiet % 2 else 0.5
        span = {"range_start": newest + left * part, "range_end": end}
        found = first_events(client.context, organization_id=organization_id, **span)
        stuck = found and _time_of(found[-1]) <= newest
        if stuck or left < timedelta(milliseconds=2):  # a burst, which time does not tell apart
            page = _rest(client, page[-1], organization_id) or page[-1:]
            break
        tries_since_quiet += bool(tries_since_quiet or not found)
        page, end = (found, end) if found else (page, span["range_start"])
    return page[-1] if page else None


def _rest(client: DirectoryClient, event: Record, organization_id: Any) -> list[Record]:
    filters = {"after": event["id"], "organization_id": organization_id}
    return [record for page in event_pages(client.context, filters) for record in page][-1:]


def knows(client: DirectoryClient, moment: Moment) -> bool:
    """Return whether the service can still go on from an event."""
    try:
        first_events(client.context, after=moment.event_id)
    except REFUSED:
        return False
    return True


def _time_of(record: Record) -> datetime:
    return datetime.fromtimestamp(moment_of(record).time / 1_000_000, UTC)
