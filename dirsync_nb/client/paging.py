"""Cursor pagination: a list is read page by page, in a stated order, to its end or to a typed error."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .. import errors
from .context import LoadContext, Record, doing_of
from .endpoints import api_time
from .filters import FilterCheck, time_of
from .receipts import Receipt
from .segments import Segment, SegmentList
from .transport import Traffic

MAX_EVENT_WINDOW = timedelta(days=30)
WINDOW_OVERLAP = timedelta(seconds=1)  # whether range ends are inclusive is not documented
NEWEST_FIRST = "The service lists events newest first, unlike WorkOS: they cannot be followed."
STEPPED_BACK = "A row that marked the place was deleted during the load; went on from an earlier one."


class Answer(NamedTuple):
    """A page, and the cursor of the next one; None at the end of the list."""

    page: list[Record]
    cursor: str | None


def read_pages(
    context: LoadContext, receipt: Receipt, segments: SegmentList | None = None
) -> Iterator[list[Record]]:
    """Yield the pages of a list from its start to its end, each row once; the receipt is kept up to date.

    An empty page that leads on is yielded too. Whoever reads sets ``receipt.complete`` when the last page is
    safe with them.

    Parameters
    ----------
    context, receipt
        What to read with, and what, or which part of it: from :meth:`LoadContext.open`.
    segments
        What is known of the list; of a load that broke, to go on from there.

    Raises
    ------
    CursorStuck
        Cursors lead nowhere.
    FilterIgnored
        The service gave rows that were not asked for.
    CapReached
        ``max_rows`` or ``max_pages`` of the client were reached.
    LoadError
        Whatever else broke; the receipt then tells how far it got.

    Examples
    --------
    >>> receipt = client.context.open("directories", {})
    >>> [len(page) for page in ds.client.read_pages(client.context, receipt)] == [len(directories)]
    True
    """
    started = time.monotonic()
    segments = SegmentList(receipt.cursor) if segments is None else segments
    reading = Reading(context, receipt, segments)
    reading.segments.take_up()
    start, end = receipt.filters.get("range_start"), receipt.filters.get("range_end")
    try:
        if start is None or reading.segments.head.cursor is not None:
            yield from reading.onward()
        else:
            yield from reading.through_windows(start, end)
    finally:
        receipt.seconds += time.monotonic() - started


class Reading:
    """A list that is being read: asks for pages, and takes in what comes.

    Parameters
    ----------
    context, receipt, segments
        As in :func:`read_pages`.
    """

    def __init__(self, context: LoadContext, receipt: Receipt, segments: SegmentList) -> None:
        self.context, self.receipt, self.segments = context, receipt, segments
        # In the order "normal" the cursors are swapped: `before` leads to older rows.
        onward = "before" if receipt.order == "normal" else "after"
        self.leads = next((name for name in ("before", "after") if name in receipt.details), onward)
        self.backward = self.leads != onward
        if self.backward and segments.tail is None:
            segments.begin_backward()
        self.check = FilterCheck(context, receipt)
        self._newest: datetime | None = None

    def onward(self, window: Mapping[str, str | None] | None = None) -> Iterator[list[Record]]:
        """Read from the start to the end; the first page of events in a window of time."""
        segment = self.frontier
        while segment.is_open and self.left() != 0:
            try:
                answer = self.ask(segment, window=window)
            except (errors.BadRequest, errors.Unprocessable):
                if not self.steps_back(segment):
                    raise
                continue
            yield from self.take(segment, answer)

    @property
    def frontier(self) -> Segment:
        """The segment where reading goes on, where it does so at one end."""
        tail = self.segments.tail
        return tail if self.backward and tail is not None else self.segments.head

    def left(self) -> int | None:
        """Return how many rows may still be kept; None without a limit."""
        limit = self.receipt.details.get("limit")
        return None if limit is None else max(0, limit - self.receipt.rows)

    def through_windows(self, start: str, end: str | None) -> Iterator[list[Record]]:
        """Read events in windows of 30 days until a first one is found, then by cursor."""
        for window in _windows(start, end):
            yield from self.onward(window)
            if self.segments.head.ids:
                return
            self.segments.head.reopen()
        self.segments.head.is_open = False

    def ask(
        self,
        segment: Segment,
        *,
        window: Mapping[str, str | None] | None = None,
        number: int | None = None,
        traffic: Traffic | None = None,
    ) -> Answer:
        """Ask for the next page of a segment."""
        asked, sent = str(self.receipt.order), segment.cursor
        order = asked if segment.onward or self.backward else {"asc": "desc", "desc": "asc"}[asked]
        span = {} if sent or window is None else dict(window)
        extra = {self.leads: sent} if sent else span
        page, metadata = self.context.page(
            self.receipt, extra, order=order, limit=self.left(), number=number, traffic=traffic
        )
        cursor: str | None = metadata.get(self.leads) or None
        if self.receipt.is_part:
            found = {name: metadata.get(name) for name in ("before", "after")}
            self.receipt.details.setdefault("list_metadata", found)[self.leads] = cursor
        if not page and cursor == sent:  # which is how the end of the events looks
            cursor = None
        if cursor is None and page and span and span["range_end"] != self.receipt.filters.get("range_end"):
            cursor = page[-1].get("id")  # the last of its window, and not of the list
        return Answer(page[::-1] if self.backward else page, cursor)

    def steps_back(self, segment: Segment) -> bool:
        """Whether there is another place to go on from, where the service refuses a cursor."""
        begun = self.receipt.is_part and not segment.fallbacks  # at a place that somebody named
        if self.receipt.endpoint == "/events" or begun or not segment.step_back():
            return False
        self.receipt.note(STEPPED_BACK)
        return True

    def take(self, segment: Segment, answer: Answer) -> Iterator[list[Record]]:
        """Yield the new rows of a page, and move on when they are safe with whoever asked for them."""
        receipt = self.receipt
        self.check.look(answer.page)
        self._look_at_order(answer.page)
        page = self.check.behind_place(answer.page)
        new_rows = self.segments.new_rows(page)
        cap = self.context.max_rows
        kept = new_rows[: self.left()] if cap is None else new_rows[: self.left()][: cap - receipt.rows]
        receipt.pages += 1
        receipt.rows += len(kept)
        receipt.duplicates += len(answer.page) - len(new_rows)
        yield kept
        # Only now: whoever is interrupted while keeping a page reads it again on resuming.
        if len(kept) < len(new_rows):
            if kept:
                segment.add(kept, str(kept[-1].get("id")), kept)
            receipt.cursor = segment.cursor
            if self.left() == 0:  # the service gave more than was asked for
                receipt.details["list_metadata"][self.leads] = segment.cursor
                return
            raise self._cap_reached("max_rows", self.context.max_rows)
        problem = self.segments.add(segment, page, answer.cursor, new_rows)
        receipt.cursor = self.frontier.cursor
        if problem is not None:
            raise errors.CursorStuck(
                f"{doing_of(receipt)}: {receipt.endpoint} {problem}; the list would never end. Run it again "
                "later; if it stays, tell WorkOS the time of the call."
            )
        max_pages = self.context.max_pages
        enough = self.left() == 0 or not self.segments.open_segments()
        if max_pages is not None and receipt.pages >= max_pages and not enough:
            raise self._cap_reached("max_pages", max_pages)

    def _cap_reached(self, name: str, cap: int | None) -> errors.CapReached:
        return errors.CapReached(
            f"{doing_of(self.receipt)}: stopped at {name}={cap:,} with {self.receipt.rows:,} rows kept, and "
            f"there are more. Raise it with connect({name}=...)."
        )

    def _look_at_order(self, page: list[Record]) -> None:
        """Note events that come newest first."""
        if self.receipt.endpoint != "/events":
            return
        times = [moment for record in page if (moment := time_of(record)) is not None]
        if not times:
            return
        if times[-1] < (self._newest or times[0]):
            self.receipt.details["newest_first"] = True
            self.receipt.note(NEWEST_FIRST)
        self._newest = max(self._newest or times[0], times[0])


def _windows(start: str, end: str | None) -> Iterator[dict[str, str | None]]:
    """Cut a span into the windows of at most 30 days that one request may cover, oldest first."""
    first = datetime.fromisoformat(start)
    last = datetime.fromisoformat(end) if end else max(datetime.now(UTC), first)
    while last - first > MAX_EVENT_WINDOW:
        cut = first + MAX_EVENT_WINDOW
        yield {"range_start": api_time(first, ""), "range_end": api_time(cut, "")}
        first = cut - WINDOW_OVERLAP
    yield {"range_start": api_time(first, ""), "range_end": end}
