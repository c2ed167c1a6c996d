"""One list, read from both ends at once, so that the rate limit decides and not the latency.

Reading in one direction has one request under way at a time: at 600 ms a request that is 1.7 a second, where
the service allows 4. So when the answers are slow and the list is long, it is read from its start and from its
end, until the two segments are joined: 3.3 requests a second at 600 ms, and the ceiling up to 450.

What holds while rows come and go is written in :mod:`dirsync_nb.client.segments`. Where the two meet, a page
may be read twice, or one more be needed to see that they met: at most one request more than from one end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from .. import errors
from .client import DirectoryClient, Receipt, Record, note_step_back, stuck
from .pacing import Stop
from .segments import Segment, SegmentList
from .transport import Traffic

__all__ = ["can_read_two_ended", "read_two_ended"]

PAYS_FROM = 0.8  # requests under way, by latency and limit, from which a second reader pays


class Answer(NamedTuple):
    """What a reader brings back: a page, the cursor of the next one, and how long the service took."""

    page: list[Record]
    cursor: str | None
    seconds: float


class Readers:
    """Threads that read pages; what they bring is taken from :meth:`done`, one batch at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(3)  # one for each end, and one that asks for the size of the list
        self._running: dict[Future[Any], Any] = {}

    def send(self, errand: Any, job: Callable[[], Any]) -> None:
        """Let a thread do a job."""
        self._running[self._pool.submit(job)] = errand

    def done(self) -> list[tuple[Any, Callable[[], Any]]]:
        """Wait for the next jobs that end; return each errand with how to get its result."""
        ended = wait(self._running, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), future.result) for future in ended]

    def close(self) -> None:
        """Wait until every thread has ended."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def can_read_two_ended(client: DirectoryClient, receipt: Receipt) -> bool:
    """Whether a list may be read from both ends: in a stated order, within a limit, with no cap."""
    if receipt.order not in ("asc", "desc") or client.max_rows is not None or client.max_pages is not None:
        return False
    return client.rate(receipt) is not None


def read_two_ended(
    client: DirectoryClient,
    receipt: Receipt,
    segments: SegmentList,
    expected: Callable[[Traffic], int | None] | None = None,
) -> Iterator[list[Record]]:
    """Yield the rows of a list in pages, each row once, in the order in which they arrive.

    The order of the list is that of ``segments.ids()`` afterwards. The first request goes out alone; its
    latency says whether the limit leaves room for a second reader, so a short list costs one request here too.

    Parameters
    ----------
    client, receipt
        As in :meth:`DirectoryClient.walk`, which this may replace where :func:`can_read_two_ended` says so.
    segments
        New ones, or those of the load to resume.
    expected
        Asks how many rows the list has, where that can be known. A guess: it saves a request at the end.

    Raises
    ------
    LoadError
        As :meth:`DirectoryClient.walk`. A page under way at the other end is still yielded before it is raised;
        where it brings the rest of the list, it is not raised.
    """
    started = time.monotonic()
    reading = _Reading(client, receipt, segments, expected)
    try:
        yield from reading.pages()
    finally:
        reading.close()
        receipt.seconds += time.monotonic() - started


class _Reading:
    """One run of a reading from both ends: who is under way, and how slow the answers are."""

    def __init__(
        self,
        client: DirectoryClient,
        receipt: Receipt,
        segments: SegmentList,
        expected: Callable[[Traffic], int | None] | None,
    ) -> None:
        self.client, self.receipt, self.segments, self.expected = client, receipt, segments, expected
        self.readers = Readers()
        self.stop = Stop(receipt.stop)
        self.traffics: list[Traffic] = []
        self.latency: float | None = None
        self.total: int | None = None
        self.under_way = 0  # requests on the limit of the list
        segments.take_up()

    def pages(self) -> Iterator[list[Record]]:
        """Send readers out and yield what they bring until nothing is left to read."""
        failure: errors.LoadError | None = None
        while self.segments.open_segments() and (self.under_way or failure is None):
            if failure is None:
                self._send_all()
            for errand, result in self.readers.done():
                if not isinstance(errand, Segment):
                    self.total = result()
                    continue
                try:
                    yield from self._bring(errand, result)
                except errors.LoadError as problem:
                    if failure is None:  # the others are of its making
                        failure = problem
                        self.stop.set()
        if (
            failure is not None and self.segments.open_segments()
        ):  # else the other end brought what it was about
            raise failure

    def close(self) -> None:
        """End all threads, and count what they cost."""
        self.stop.set()
        self.readers.close()
        for traffic in self.traffics:
            self.receipt.requests += traffic.requests
            self.receipt.waits += traffic.waits
        self.traffics = []

    def _bring(self, segment: Segment, result: Callable[[], Answer]) -> Iterator[list[Record]]:
        """Take in what a reader brought."""
        self.under_way -= 1
        segment.busy = False
        try:
            page, cursor, seconds = result()
        except (errors.BadRequest, errors.Unprocessable):
            if not segment.step_back():
                raise
            note_step_back(self.receipt)
            return
        self.latency = seconds if self.latency is None else self.latency + (seconds - self.latency) / 8
        self.receipt.pages += 1
        if segment not in self.segments.all():  # given up meanwhile
            return
        rows = self.segments.new_rows(page)
        self.receipt.rows += len(rows)
        yield rows
        # Only now: whoever is interrupted while keeping a page reads it again on resuming.
        problem = self.segments.add(segment, page, cursor, rows)
        self.receipt.cursor = self.segments.head.cursor
        if problem is not None:
            raise stuck(self.receipt, problem)

    def _send_all(self) -> None:
        """Send out as many readers as are wanted and have something to do."""
        rate = self.client.rate(self.receipt)
        wanted = 2 if rate and self.latency and rate * self.latency > PAYS_FROM else 1
        if wanted == 2 and self.segments.tail is None and self.segments.may_have_tail:
            self.segments.begin_tail()
        if wanted == 2 and self.expected is not None:
            expected, self.expected = self.expected, None
            traffic = self._traffic()
            self.readers.send(None, lambda: expected(traffic))
        while self.under_way < wanted:
            left = None if self.total is None else self.total - len(self.segments)
            segment = self.segments.next_segment(left, self.client.page_size)
            if segment is None:
                return
            segment.busy = True
            self.under_way += 1
            self.readers.send(segment, self._errand(segment))

    def _traffic(self) -> Traffic:
        traffic = Traffic(stop=self.stop)
        self.traffics.append(traffic)
        return traffic

    def _errand(self, segment: Segment) -> Callable[[], Answer]:
        """Return the job of reading the next page of a segment."""
        order = (
            self.receipt.order if segment.onward else {"asc": "desc", "desc": "asc"}[str(self.receipt.order)]
        )
        cursor, extra = segment.cursor, {"after": segment.cursor} if segment.cursor else {}
        number, traffic = self.receipt.pages + self.under_way, self._traffic()
        clock = self.client.transport.pacer.clock

        def job() -> Answer:
            started = clock()
            page, metadata = self.client.page(self.receipt, extra, order=order, number=number, traffic=traffic)
            seconds = clock() - started - sum(pause.seconds for pause in traffic.waits)
            return Answer(page, next_cursor(page, metadata.get("after"), cursor), seconds)

        return job


def next_cursor(page: list[Record], cursor: str | None, sent: str | None) -> str | None:
    """Return the cursor of the next page; None at the end of the list.

    An empty page with a new cursor is not the end; one that repeats the cursor it was asked with is.
    """
    return None if not page and cursor == sent else cursor or None
