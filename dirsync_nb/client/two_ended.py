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
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .. import errors
from .context import LoadContext, Record
from .paging import Answer, Reading, read_pages
from .receipts import Receipt
from .segments import Segment, SegmentList
from .transport import Traffic
from .waiting import Stop, first_done, interruptible

PAYS_FROM = 0.8  # requests under way, by latency and limit, from which a second reader pays

Expected = Callable[[Traffic], int | None]
"""Asks how many rows a list has."""


def read_list(
    context: LoadContext,
    receipt: Receipt,
    segments: SegmentList,
    *,
    expected: Expected | int | None = None,
    most: int | None = None,
    sharing: Callable[[], int] = lambda: 1,
) -> Iterator[list[Record]]:
    """Yield the rows of a list in pages, each row once, in the order in which they arrive.

    The order of the list is that of ``segments.ids()`` afterwards. It is read from both ends where that pays:
    the whole list, in a stated order, within a rate limit, with no cap. The first request goes out alone; its
    latency says whether the limit leaves room for a second reader, so a short list costs one request here too.

    Parameters
    ----------
    context, receipt, segments
        As in :func:`dirsync_nb.client.paging.read_pages`, which reads from the start alone.
    expected
        How many rows the list has, or asks for it, where that can be known. A guess: it saves a request at the
        end.
    most
        What the list hardly has more rows than, where no count is known. Such lists are many and short: only
        one of more than two pages is read from both ends, and a request at the end is saved here too.
    sharing
        Returns how many lists are being read on the same limit.

    Raises
    ------
    LoadError
        As :func:`read_pages`. A page under way at the other end is still yielded before it is raised; where it
        brings the rest of the list, it is not raised.

    Examples
    --------
    >>> from dirsync_nb.client.segments import SegmentList
    >>> receipt = client.context.open("directories", {})
    >>> pages = list(ds.client.read_list(client.context, receipt, SegmentList()))
    >>> sum(map(len, pages)) == len(directories)
    True
    """
    capped = context.max_rows is not None or context.max_pages is not None
    if capped and segments.tail is not None:
        raise errors.ArgumentError(
            "this load was read from both ends at once, which max_rows and max_pages cannot cut: go on with a "
            "client without them"
        )
    if capped or receipt.is_part or receipt.order not in ("asc", "desc") or context.rate(receipt) is None:
        yield from read_pages(context, receipt, segments)
        return
    started = time.monotonic()
    reading = _TwoEnded(Reading(context, receipt, segments), expected, most, sharing)
    try:
        with interruptible():
            yield from reading.pages()
    finally:
        reading.close()
        receipt.seconds += time.monotonic() - started


class Readers:
    """Threads that read pages; what they bring is taken from :meth:`done`, one batch at a time.

    A job that is alone needs no thread: it is done by whoever takes its result.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._sent: list[tuple[Any, Callable[[], Any]]] = []
        self._running: dict[Future[Any], Any] = {}

    def send(self, errand: Any, job: Callable[[], Any]) -> None:
        """Take a job."""
        self._sent.append((errand, job))

    def done(self) -> list[tuple[Any, Callable[[], Any]]]:
        """Wait for the next jobs that end; return each errand with how to get its result."""
        sent, self._sent = self._sent, []
        if len(sent) == 1 and not self._running:
            return sent
        if sent and self._pool is None:
            self._pool = ThreadPoolExecutor(3)  # one for each end, and one that asks for the size of the list
        for errand, job in sent:
            assert self._pool is not None
            self._running[self._pool.submit(job)] = errand
        return [(self._running.pop(future), future.result) for future in first_done(self._running)]

    def close(self) -> None:
        """Wait until every thread has ended."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


Brought = tuple[Answer, float]
"""What a reader brings back, and how many seconds the service took."""


class _TwoEnded:
    """One run of a reading from both ends: who is under way, and how slow the answers are."""

    def __init__(
        self,
        reading: Reading,
        expected: Expected | int | None,
        most: int | None,
        sharing: Callable[[], int],
    ) -> None:
        self.fewest_pages = 0 if most is None else 2
        self.reading, self.sharing = reading, sharing
        self.context, self.receipt, self.segments = reading.context, reading.receipt, reading.segments
        self.readers = Readers()
        self.stop = Stop(self.receipt.stop)
        self.traffics: list[Traffic] = []
        self.latency: float | None = None
        self.expected = None if isinstance(expected, int) else expected
        self.total = expected if isinstance(expected, int) else most
        self.under_way = 0  # requests on the limit of the list
        self.segments.take_up()

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
        if failure is not None and self.segments.open_segments():  # else the other end brought the rest
            raise failure

    def close(self) -> None:
        """End all threads, and count what they cost."""
        self.stop.set()
        self.readers.close()
        for traffic in self.traffics:
            self.receipt.requests += traffic.requests
            self.receipt.waits += traffic.waits
        self.traffics = []

    def _bring(self, segment: Segment, result: Callable[[], Brought]) -> Iterator[list[Record]]:
        """Take in what a reader brought."""
        self.under_way -= 1
        segment.busy = False
        if segment not in self.segments.all():  # given up meanwhile
            self.receipt.pages += 1
            return
        try:
            answer, seconds = result()
        except (errors.BadRequest, errors.Unprocessable):
            if not self.reading.steps_back(segment):
                raise
            return
        self.latency = seconds if self.latency is None else self.latency + (seconds - self.latency) / 8
        yield from self.reading.take(segment, answer)

    def _send_all(self) -> None:
        """Send out as many readers as are wanted and have something to do."""
        rate = (self.context.rate(self.receipt) or 0.0) / max(1, self.sharing())
        is_slow = rate * (self.latency or 0.0) > PAYS_FROM
        left = None if self.total is None else self.total - self.segments.row_count
        one_will_do = left is not None and left <= self.context.page_size and self.segments.tail is None
        wanted = 2 if is_slow and self.receipt.pages >= self.fewest_pages and not one_will_do else 1
        if wanted == 2 and self.segments.tail is None and self.segments.may_have_tail:
            self.segments.begin_tail()
        if wanted == 2 and self.expected is not None:
            expected, self.expected = self.expected, None
            traffic = self._traffic()
            self.readers.send(None, lambda: expected(traffic))
        while self.under_way < wanted:
            segment = self.segments.next_segment(left, self.context.page_size)
            if segment is None:
                return
            segment.busy = True
            self.under_way += 1
            self.readers.send(segment, self._errand(segment))

    def _traffic(self) -> Traffic:
        traffic = Traffic(stop=self.stop, tell=self.receipt.tell)
        self.traffics.append(traffic)
        return traffic

    def _errand(self, segment: Segment) -> Callable[[], Brought]:
        """Return the job of reading the next page of a segment."""
        number, traffic = self.receipt.pages + self.under_way, self._traffic()
        clock = self.context.transport.pacer.clock

        def job() -> Brought:
            started = clock()
            answer = self.reading.ask(segment, number=number, traffic=traffic)
            return answer, clock() - started - sum(pause.seconds for pause in traffic.waits)

        return job
