"""One list, walked from several places at once, so that the rate limit decides and not the latency.

A walk in one direction has one request under way at a time: at 600 ms a request that is 1.7 a second, where the
service allows 4. So when the answers are slow and the list is long, it is walked from both ends, and where two
walkers cannot fill the limit, from places in the middle as well (:mod:`dirsync_nb.client.places`). Where none
is found, or where the service refuses these cursors, the walk goes on from the two ends alone: at 600 ms that
is 3.3 requests a second.

What holds while rows come and go is written in :mod:`dirsync_nb.client.segments`.

Where two walkers meet, a page may be read twice, or one more be needed to see that they met. From the two ends
alone that is at most one request more than in a plain walk. With pieces in the middle it is more, and the more
the slower the answers: on lists of up to 30 pages, 3 at 600 ms and 8 at a second were the most.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, NamedTuple

from .. import errors
from .client import DirectoryClient, Receipt, Record, note_step_back, stuck
from .pacing import Stop
from .places import find_groups, find_in_events, find_in_group
from .segments import Edge, Line, Places
from .transport import Traffic

__all__ = ["can_widen", "walk_wide"]

MOST_WALKERS = 8
PAYS_FROM = 0.8  # requests under way, by latency and limit, from which a second walker pays
SPARE = 0.3  # of a walker, for answers that are slower than usual
WORTH_A_MIDDLE = 2  # pages that must still be to come before one more piece is begun
EVENT_PAGES = 3  # at most: a few dozen places are plenty
PAGES_PER_TRY = 8  # that must still be to come for each page of a group's members that is read for places
MOST_TRIES = 8  # with two in vain, it ends earlier


class Answer(NamedTuple):
    """What a walker brings back: a page, the cursor of the next one, and how long the service took."""

    page: list[Record]
    cursor: str | None
    seconds: float


class Walkers:
    """Threads that read pages; what they bring is taken from :meth:`done`, one batch at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST_WALKERS + 2)
        self._running: dict[Future[Any], Any] = {}

    def send(self, errand: Any, job: Callable[[], Any]) -> None:
        """Let a thread do a job."""
        self._running[self._pool.submit(job)] = errand

    def done(self) -> list[tuple[Any, Callable[[], Any]]]:
        """Wait for the next jobs that end; give each errand with how to get its result."""
        ended = wait(self._running, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), future.result) for future in ended]

    def close(self) -> None:
        """Wait until every thread has ended."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def can_widen(client: DirectoryClient, receipt: Receipt) -> bool:
    """Whether a list may be read from several places: in a stated order, within a limit, with no cap."""
    if receipt.order not in ("asc", "desc") or client.max_rows is not None or client.max_pages is not None:
        return False
    return client.rate(receipt) is not None


def walk_wide(
    client: DirectoryClient,
    receipt: Receipt,
    line: Line,
    expected: Callable[[Traffic], int | None] | None = None,
    walkers: Callable[[], Walkers] = Walkers,
) -> Iterator[list[Record]]:
    """Yield the rows of a list in pages, each row once, in the order in which they arrive.

    The order of the list is that of ``line.ids()`` afterwards. The first request goes out alone; its latency
    says how many walkers the limit leaves room for, so a short list costs one request here too.

    Parameters
    ----------
    client, receipt
        As in :meth:`DirectoryClient.walk`, which this may replace where :func:`can_widen` says so.
    line
        A new one, or that of the walk to resume.
    expected
        Asks how many rows the list has, where that can be known. A guess: it saves useless requests at the end.
    walkers
        For tests.

    Raises
    ------
    LoadError
        As :meth:`DirectoryClient.walk`. Pages under way elsewhere are still yielded before it is raised; where
        they bring the rest of the list, it is not raised.
    """
    started = time.monotonic()
    walk = _Walk(client, receipt, line, expected, walkers())
    try:
        yield from walk.pages()
    finally:
        walk.close()
        receipt.seconds += time.monotonic() - started


class _Walk:
    """One run of a wide walk: who is under way, and how slow the answers are."""

    def __init__(
        self,
        client: DirectoryClient,
        receipt: Receipt,
        line: Line,
        expected: Callable[[Traffic], int | None] | None,
        walkers: Walkers,
    ) -> None:
        self.client, self.receipt, self.line, self.walkers = client, receipt, line, walkers
        self.expected = expected
        self.stop = Stop(receipt.stop)
        self.traffics: list[Traffic] = []
        self.latency: float | None = None
        self.total: int | None = None
        self.organization: str | None = None
        self.event_pages = 0
        self.groups: deque[tuple[str, str | None]] = deque()  # whose members may be asked for, from where on
        self.tries = self.vain = 0  # of them, so far; and of these, how many named no new place
        self.asking = 0  # for places in the middle: requests under way
        self.under_way = 0  # requests on the limit of the list
        line.take_up()

    def pages(self) -> Iterator[list[Record]]:
        """Send walkers out and yield what they bring until nothing is left to read."""
        failure: errors.LoadError | None = None
        while self.line.edges() and (self.under_way or failure is None):
            if failure is None:
                self._send_all()
            for errand, result in self.walkers.done():
                if not isinstance(errand, Edge):
                    errand(result)
                    continue
                try:
                    yield from self._bring(errand, result)
                except errors.LoadError as problem:
                    if failure is None:  # the others are of its making
                        failure = problem
                        self.stop.set()
        if failure is not None and self.line.edges():  # else the others brought what it was about
            raise failure

    def close(self) -> None:
        """End all threads, and count what they cost."""
        self.stop.set()
        self.walkers.close()
        for traffic in self.traffics:
            self.receipt.requests += traffic.requests
            self.receipt.waits += traffic.waits
        self.traffics = []

    # What comes in ----------------------------------------------------------------------------------------

    def _bring(self, edge: Edge, result: Callable[[], Answer]) -> Iterator[list[Record]]:
        """Take in what a walker brought."""
        self.under_way -= 1
        edge.busy = False
        try:
            page, cursor, seconds = result()
        except errors.LoadError as problem:
            if not edge.lost and not self._steps_back(edge, problem):
                raise
            return
        self.latency = seconds if self.latency is None else self.latency + (seconds - self.latency) / 8
        self.receipt.pages += 1
        if edge.lost:
            self.line.again += len(page)
            return
        fresh, met = self.line.sift(edge, page)
        self.receipt.rows += len(fresh)
        yield fresh
        # Only now: whoever is interrupted while keeping a page reads it again on resuming.
        if page and isinstance(page[0].get("organization_id"), str):
            self.organization = page[0]["organization_id"]
        again = self.line.keep(edge, page, cursor, fresh, met)
        self.receipt.cursor = self.line.cursor
        if again is not None:
            raise stuck(self.receipt, again)

    def _steps_back(self, edge: Edge, problem: errors.LoadError) -> bool:
        """Find another place to go on from where the service refuses a cursor; False for any other problem."""
        refused = isinstance(problem, errors.BadRequest | errors.Unprocessable)
        if edge.piece.middle:
            return (refused or isinstance(problem, errors.NotFound)) and self.line.step_back(edge)
        if not refused or not self.line.step_back(edge):
            return False
        note_step_back(self.receipt)
        return True

    def _learn_total(self, result: Callable[[], int | None]) -> None:
        self.total = result()

    def _learn_from_events(self, result: Callable[[], tuple[Places, str | None]]) -> None:
        self.asking -= 1
        places, cursor = result()
        self.line.learn(places, self.total)
        self.event_pages += 1
        if cursor is not None and self.event_pages < EVENT_PAGES:
            self._ask_events(cursor)

    def _learn_groups(self, result: Callable[[], list[str]]) -> None:
        self.asking -= 1
        self.groups += [(name, None) for name in result()]

    def _learn_from_members(self, group: str, result: Callable[[], tuple[Places, str | None]]) -> None:
        self.asking -= 1
        self.under_way -= 1
        places, cursor = result()
        if cursor is not None and self.line.is_near(places[cursor]) and self._may_ask_members():
            self.groups.appendleft((group, cursor))  # the next page of them leads farther
        elif not self.line.learn(places, self.total):
            self.vain += 1

    # Who goes out -----------------------------------------------------------------------------------------

    def _wanted(self) -> int:
        """Return how many walkers fill the limit at the pace of the answers."""
        rate = self.client.rate(self.receipt)
        needed = 0.0 if rate is None or self.latency is None else rate * self.latency
        if needed <= PAYS_FROM:
            return 1
        return min(max(2, math.ceil(needed + SPARE)), MOST_WALKERS)

    def _send_all(self) -> None:
        """Send out as many walkers as are wanted and have something to do."""
        wanted = self._wanted()
        if wanted > 1:
            self._prepare(wanted)
        page_size = self.client.page_size
        while self.under_way < wanted:
            left = None if self.total is None else self.total - len(self.line.owner)
            edge = self.line.free_edge(left, page_size)
            worth_it = left is None or left > (self.under_way + WORTH_A_MIDDLE) * page_size
            if edge is None and worth_it and self.line.has_both_ends():
                edge = self.line.begin_middle()
                if edge is None:
                    self._ask_members()
            if edge is None:
                return
            edge.busy = True
            self.under_way += 1
            self.walkers.send(edge, self._errand(edge))

    def _prepare(self, wanted: int) -> None:
        """Begin at the other end, and ask once for the size of the list and for places in its middle."""
        if not self.line.has_tail:
            self.line.begin_tail()
        receipt = self.receipt
        if self.expected is not None:
            expected, self.expected = self.expected, None
            traffic = self._traffic()
            self.walkers.send(self._learn_total, lambda: expected(traffic))
        whole_directory = receipt.endpoint == "/directory_users" and list(receipt.filters) == ["directory"]
        if wanted > 2 and whole_directory and not self.line.asked_for_middles:
            self.line.asked_for_middles = True
            if self.organization is not None:
                self._ask_events(None)
            self.asking += 1
            job = partial(find_groups, self.client, receipt.filters["directory"], self._traffic())
            self.walkers.send(self._learn_groups, job)

    def _ask_events(self, cursor: str | None) -> None:
        """Send for a page of events that name users."""
        self.asking += 1
        directory, organization = self.receipt.filters["directory"], str(self.organization)
        job = partial(find_in_events, self.client, directory, organization, cursor, self._traffic())
        self.walkers.send(self._learn_from_events, job)

    def _may_ask_members(self) -> bool:
        """Return whether the list is still long enough, and the pages before this one were not in vain."""
        left = 0 if self.total is None else self.total - len(self.line.owner)
        tries = min(left // self.client.page_size // PAGES_PER_TRY, MOST_TRIES)
        return self.tries < tries and self.vain < 2 and self.line.refused_middles < 2

    def _ask_members(self) -> None:
        """Send for members of a group, where a walker has nothing else to do."""
        if self.asking or not self.groups or not self._may_ask_members():
            return
        self.asking += 1
        self.under_way += 1
        self.tries += 1
        group, cursor = self.groups.popleft()
        filters = {"directory_id": self.receipt.filters["directory"], "group_id": group}
        order = str(self.receipt.order)
        job = partial(find_in_group, self.client, filters, order, cursor, self._traffic())
        self.walkers.send(partial(self._learn_from_members, group), job)

    def _traffic(self) -> Traffic:
        traffic = Traffic(stop=self.stop)
        self.traffics.append(traffic)
        return traffic

    def _errand(self, edge: Edge) -> Callable[[], Answer]:
        """Return the job of reading the next page of an edge."""
        order = self.receipt.order if edge.onward else {"asc": "desc", "desc": "asc"}[str(self.receipt.order)]
        extra = {"after": edge.cursor} if edge.cursor else {}
        number, traffic = self.receipt.pages + self.under_way, self._traffic()
        clock = self.client.transport.pacer.clock

        def job() -> Answer:
            started = clock()
            page, metadata = self.client.page(self.receipt, extra, order=order, number=number, traffic=traffic)
            seconds = clock() - started - sum(pause.seconds for pause in traffic.waits)
            return Answer(page, metadata.get("after") or None if page else None, seconds)

        return job
