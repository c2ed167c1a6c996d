"""One list, walked from several places at once, so that the rate limit decides and not the latency.

A walk in one direction has one request under way at a time: at 600 ms a request that is 1.7 a second, where the
service allows 4. So when the answers are slow and the list is long, it is walked from both ends, and where two
walkers cannot fill the limit, from places in the middle as well. An object's id is a cursor, so any id of the
list is such a place. Those in the middle come from two sources:

- ``/events``, which counts on the key's budget and not on the directory's: users who were created, changed or
  moved between groups in the last month. That costs one to three requests, and none of the four a second.
- Where no such place is left, the members of a group, which is one of the four a second: asked for only while
  a walker would have nothing to do, one page at a time, and the fewer the shorter the list. The list of groups
  has no limit of its own; groups from its middle come first, since the oldest is often everyone, whose first
  hundred members are the hundred rows the walk began with.

Without either, or where the service refuses these cursors, the walk goes on from the two ends alone: at 600 ms
that is 3.3 requests a second.

What holds while rows come and go between the requests:

- A row that was there from the first request to the last is found. Every page is a piece of the list without
  holes; pieces are joined only where a page shows a row of the next piece, never because they should meet.
  (Known exception: a service that takes a deleted cursor for the start of the list, while a whole page of rows
  is created at its end. WorkOS does not say what it does with such a cursor.)
- No row comes twice. A row that was created or deleted on the way is there or not, as in a plain walk.
- The order is that of a plain walk: the pieces are put in a row as they were joined. Only rows that were
  created or deleted on the way can stand beside their place.
- Where the row of a cursor was deleted, the walk steps back to another row of the same piece; a piece whose
  rows are all refused is forgotten and walked over by its neighbours.

Where two walkers meet, a page may be read twice, or one more be needed to see that they met. From the two ends
alone that is at most one request more than in a plain walk; with pieces in the middle one or two for each.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from . import errors
from .client import MAX_STEPS_BACK, DirectoryClient, Receipt, Record, note_step_back, stuck
from .pacing import RetryPolicy, Stop
from .transport import Traffic

__all__ = ["Line", "can_widen", "walk_wide"]

MOST_WALKERS = 8
PAYS_FROM = 0.8  # requests under way, by latency and limit, from which a second walker pays
SPARE = 0.3  # of a walker, for answers that are slower than usual
WORTH_A_MIDDLE = 2  # pages that must still be to come before one more piece is begun
EVENT_PAGES = 3  # at most: a few dozen places are plenty
PAGES_PER_TRY = 8  # that must still be to come for each page of a group's members that is read for places
FAR = 1 / 3  # of the way from end to end: walkers on both sides of a place there are at work to the last
CROWD = 3  # times as many of the places as of the rows have been walked over
MOST_TRIES = 8  # with two in vain, it ends earlier
EVENTS = (
    "dsync.user.created",
    "dsync.user.updated",
    "dsync.group.user_added",
    "dsync.group.user_removed",
)

Key = tuple[str, str]
"""What the service sorts by: when it was created, and the id. Only used to guess, never to decide."""

Places = dict[str, Key]
"""Users of the list, by id, and where in it they stand."""


@dataclass(eq=False)
class Edge:
    """One end of a piece, where its walk goes on: ``onward`` in the order asked for, or against it."""

    piece: Piece
    onward: bool
    cursor: str | None = None
    key: Key | None = None
    busy: bool = False
    lost: bool = False  # joined to another piece, or forgotten; an answer still under way is not wanted
    seen: set[str | None] = field(default_factory=set)
    places: list[str] = field(default_factory=list)  # other rows to go on from, should the cursor's be deleted


@dataclass(eq=False)
class Piece:
    """Rows that follow each other in the list; an edge that is None has nothing beyond it."""

    ids: deque[list[str]] = field(default_factory=deque)
    back: Edge | None = None
    on: Edge | None = None
    middle: bool = False  # begun in the middle, with no row yet


class Line:
    """The pieces of one list that are known so far, in their order; a resumed load goes on with it.

    Parameters
    ----------
    descending
        Whether the list is read newest first.
    cursor
        Where the walk begins; None for the start of the list.
    known
        Ids of the rows read before, when there is a cursor.
    """

    def __init__(
        self, *, descending: bool = False, cursor: str | None = None, known: list[str] | None = None
    ) -> None:
        self.descending = descending
        head = Piece()
        head.on = Edge(head, True, cursor)
        self.pieces = [head]
        self.owner: dict[str, Piece] = {}
        self.again = 0
        self.steps_back = 0
        self.refused_middles = 0
        self.middles: Places = {}
        self.has_tail = self.asked_for_middles = False
        if known:
            self._put(head.on, known)

    # What is known ----------------------------------------------------------------------------------------

    def ids(self) -> list[str]:
        """Give the ids of all rows, in the order of the list."""
        return [name for piece in self.pieces for names in piece.ids for name in names]

    def edges(self) -> list[Edge]:
        """Give the places where something is still to be read."""
        return [edge for piece in self.pieces for edge in (piece.back, piece.on) if edge is not None]

    @property
    def cursor(self) -> str | None:
        """Where the first piece goes on."""
        edge = self.pieces[0].on
        return edge.cursor if edge is not None else None

    def take_up(self) -> None:
        """Make ready for one more run, whatever ended the last: it gets the patience that a first one has."""
        self.steps_back = 0
        self.asked_for_middles = bool(self.middles)
        for edge in self.edges():
            edge.busy = edge.lost = False  # as an interrupt may have left it
            edge.seen = {edge.cursor}

    # A page comes in --------------------------------------------------------------------------------------

    def sift(self, edge: Edge, page: list[Record]) -> tuple[list[Record], Piece | None]:
        """Give the rows of a page that are new, up to where it meets another piece, and that piece.

        Among rows that were read before, as after a step back, new ones were created meanwhile: they are left
        out, since their place is behind us.
        """
        fresh: dict[Any, Record] = {}
        met = None
        for record in page:
            name = record.get("id")
            owner = self.owner.get(name) if isinstance(name, str) else None
            if owner is edge.piece:
                fresh = {}
            elif owner is not None:
                met = owner
                break
            else:
                fresh.setdefault(name if isinstance(name, str) else id(record), record)
        return list(fresh.values()), met

    def keep(
        self, edge: Edge, page: list[Record], cursor: str | None, fresh: list[Record], met: Piece | None
    ) -> str | None:
        """Add a sifted page to its piece and move the edge: onward, to its end, or into the piece it met.

        Gives the cursor if it came for the second time.
        """
        piece = edge.piece
        self.again += len(page) - len(fresh)
        named = [record for record in fresh if isinstance(record.get("id"), str)]
        self._put(edge, [record["id"] for record in named])
        if page:
            edge.key = _key(page[-1])
            edge.places = _other_places(page)
        if piece.middle and named:
            piece.middle = False
            first = named[0]
            piece.back = Edge(piece, False, first["id"], _key(first), places=_other_places(named[::-1]))
        if met is not None:
            self._join(edge, met)
        elif cursor is None:
            self._close(edge)
        elif cursor in edge.seen:
            return cursor
        else:
            edge.seen.add(cursor)
            edge.cursor = cursor
        return None

    def _put(self, edge: Edge, names: list[str]) -> None:
        if names:
            self.owner.update(dict.fromkeys(names, edge.piece))
            if edge.onward:
                edge.piece.ids.append(names)
            else:
                edge.piece.ids.appendleft(names[::-1])

    def _close(self, edge: Edge) -> None:
        """Nothing follows."""
        if edge.onward:
            edge.piece.on = None
        else:
            edge.piece.back = None
        if not edge.piece.ids and len(self.pieces) > 1:
            self.forget(edge.piece)

    def _join(self, edge: Edge, met: Piece) -> None:
        """Make one piece of two: ``edge`` led from its own into ``met``."""
        piece = edge.piece
        beyond, behind = (met.back, piece.back) if edge.onward else (met.on, piece.on)
        if piece.middle or (beyond is None and behind is not None):
            # Begun right before the other piece; or, since nothing comes before the start or after the end of
            # the list, not where it seemed to be.
            self.forget(piece)
            return
        first, second = (edge.piece, met) if edge.onward else (met, edge.piece)
        for inner in (first.on, second.back):
            if inner is not None:
                inner.lost = True
        ids = first.ids + second.ids
        for names in second.ids:
            self.owner.update(dict.fromkeys(names, first))
        first.ids, first.on = ids, second.on
        if first.on is not None:
            first.on.piece = first
        self.pieces.remove(second)

    def forget(self, piece: Piece) -> None:
        """Take a piece out; its neighbours will read its rows again."""
        for edge in (piece.back, piece.on):
            if edge is not None:
                edge.lost = True
        for names in piece.ids:
            for name in names:
                self.owner.pop(name, None)
        self.pieces.remove(piece)

    # A cursor is refused ----------------------------------------------------------------------------------

    def step_back(self, edge: Edge) -> bool:
        """Find another place for an edge whose cursor the service refuses; False if there is none."""
        piece = edge.piece
        if piece.middle:
            self.refused_middles += 1
            self.forget(piece)
            return True
        self.steps_back += 1
        if edge.cursor is None or self.steps_back > MAX_STEPS_BACK:
            return False
        edge.seen = set()
        if edge.places:
            edge.cursor = edge.places.pop()
        elif (piece.back if edge.onward else piece.on) is None:
            edge.cursor = None  # from that end of the list anew
        else:
            self.forget(piece)
        return True

    def learn(self, places: Places, total: int | None) -> bool:
        """Note places in the list, of ``total`` rows; False if they are of no use.

        Where the walk has been at far more of the places than of the rows, they crowd there, and only those
        well between the ends are of use; where it has been at most of them, none.
        """
        new = {name: key for name, key in places.items() if name not in self.owner}
        walked_over = len(places) - len(new)
        if walked_over > len(new):
            return False
        expected = len(places) * len(self.owner) / total if total else 0.0
        if walked_over > 1 + CROWD * expected:
            ways = {name: self.way(key) for name, key in new.items()}
            new = {name: new[name] for name, way in ways.items() if way is not None and FAR <= way <= 1 - FAR}
        self.middles |= new
        return bool(new)

    def way(self, key: Key) -> float | None:
        """Guess how far a place is on the way from where the first piece ends to where the last one begins."""
        first, last = self.pieces[0].on, self.pieces[-1].back
        if first is None or first.key is None or last is None or last.key is None or first.key == last.key:
            return None
        near, far = _number(first.key), _number(last.key)
        return (_number(key) - near) / (far - near)

    # More walkers -----------------------------------------------------------------------------------------

    def begin_tail(self) -> None:
        """Walk from the other end too."""
        tail = Piece()
        tail.back = Edge(tail, False)
        self.pieces.append(tail)
        self.has_tail = True

    def free_edge(self, left: int | None, page_size: int) -> Edge | None:
        """Choose where to send the next request; None where all that is needed is under way.

        The widest gap goes first. Where what is under way will probably bring all the rows that are ``left``,
        no gap gets a second request.
        """
        under_way = sum(edge.busy for edge in self.edges())
        enough = left is not None and left < under_way * page_size
        best: tuple[tuple[float, float], Edge] | None = None
        for edges, inside, width in self._gaps():
            free = [edge for edge in edges if not edge.busy]
            busy = len(edges) - len(free)
            if not free or (busy and enough):
                continue
            rank = (1 + inside) / (1 + busy), width / (1 + busy)
            if best is None or rank > best[0]:
                best = rank, free[0]
        return best[1] if best else None

    def has_both_ends(self) -> bool:
        """Say whether rows of both ends were read: before, nothing is begun between them.

        A service that begins anew at a cursor it does not know would otherwise give the rows of the end to a
        piece in the middle, as if they stood next to it.
        """
        return self.has_tail and bool(self.pieces[-1].ids)

    def begin_middle(self) -> Edge | None:
        """Begin a piece in the middle of the widest gap, where a place in it is known."""
        if self.refused_middles > 1:
            return None
        gaps = [(self._inside(place), place) for place in range(len(self.pieces))]
        inside, place = max(gaps, key=lambda gap: len(gap[0]))
        if not inside:
            return None
        middle = inside[len(inside) // 2]
        piece = Piece(middle=True)
        piece.on = Edge(piece, True, middle, self.middles.pop(middle), seen={middle})
        self.pieces.insert(place + 1, piece)
        return piece.on

    def _gaps(self) -> Iterator[tuple[list[Edge], int, int]]:
        """Give the edges of each gap, how many places are known inside it, and how wide it is by its keys.

        Both guess at the rows in it; the keys guess well only where rows came at an even pace.
        """
        if self.pieces[0].back is not None:
            yield [self.pieces[0].back], 0, 0
        for place, piece in enumerate(self.pieces):
            after = self.pieces[place + 1].back if place + 1 < len(self.pieces) else None
            edges = [edge for edge in (piece.on, after) if edge is not None]
            if edges:
                keys = [_number(edge.key) for edge in edges if edge.key is not None]
                yield edges, len(self._inside(place)), max(keys) - min(keys) if len(keys) == 2 else 0

    def _inside(self, place: int) -> list[str]:
        """Give the known places between a piece and the next one, in the order of their keys."""
        first = self.pieces[place].on
        last = self.pieces[place + 1].back if place + 1 < len(self.pieces) else None
        if first is None or first.key is None or last is None or last.key is None or not self.middles:
            return []
        found = [(key, name) for name, key in self.middles.items() if name not in self.owner]
        found.sort(reverse=self.descending)
        beyond = [pair for pair in found if (pair[0] > first.key) is not self.descending]
        return [name for key, name in beyond if (key < last.key) is not self.descending]


def _other_places(page: list[Record]) -> list[str]:
    """Give rows to go on from, the last one first, should the row at the end of a page be deleted."""
    rows = (page[at].get("id") for at in (0, len(page) // 2, -min(2, len(page))))
    return [row for row in rows if isinstance(row, str)]


def _key(record: Record) -> Key:
    return str(record.get("created_at")), str(record.get("id"))


def _number(key: Key) -> int:
    """Spell a key as a number, so two can be told near or far; ids end in a ULID, 26 letters or digits."""
    created, name = (re.sub("[^0-9A-Za-z]", "", part) for part in key)
    moment = re.sub("[^0-9]", "", created)[:17].ljust(17, "0")  # to the millisecond, also where it was left out
    return (int(moment) << 136) + int("0" + name[-26:], 36)


# The requests -------------------------------------------------------------------------------------------


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
    """Say whether a list may be walked from several places: in a stated order, within a limit, with no cap."""
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
        yield fresh if edge.onward else fresh[::-1]
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
        way = None if cursor is None else self.line.way(places[cursor])
        if way is not None and 0 < way < FAR and self._may_ask_members():
            self.groups.appendleft((group, cursor))  # the next page of them leads farther
        elif not self.line.learn(places, self.total):
            self.vain += 1

    # Who goes out -----------------------------------------------------------------------------------------

    def _wanted(self) -> int:
        """Give how many walkers fill the limit at the pace of the answers."""
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
        """Say whether the list is still long enough, and the pages before this one were not in vain."""
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
        """Give the job of reading the next page of an edge."""
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


# Places in the middle: where a question fails, there are none -------------------------------------------


def find_in_events(
    client: DirectoryClient, directory_id: str, organization_id: str, cursor: str | None, traffic: Traffic
) -> tuple[Places, str | None]:
    """Give users of a directory whom a page of events names, and the cursor of the next page."""
    filters = {"events": EVENTS, "organization_id": organization_id}
    page, after = _ask(client, "events", filters, traffic, after=cursor)
    found: Places = {}
    for event in page:
        data = event.get("data")
        user = data.get("user", data) if isinstance(data, dict) else None
        if not isinstance(user, dict) or user.get("directory_id") != directory_id:
            continue
        if isinstance(user.get("id"), str):
            found[user["id"]] = _key(user)
    return found, after


def find_groups(client: DirectoryClient, directory_id: str, traffic: Traffic) -> list[str]:
    """Give a few groups of a directory, from the middle of their list first."""
    page, _ = _ask(client, "groups", {"directory_id": directory_id}, traffic)
    names = [group["id"] for group in page if isinstance(group.get("id"), str)]
    sixteenths = (8, 4, 12, 2, 6, 10, 14, 1)
    return list(dict.fromkeys(names[len(names) * part // 16] for part in sixteenths)) if names else []


def find_in_group(
    client: DirectoryClient, filters: dict[str, str], order: str, cursor: str | None, traffic: Traffic
) -> tuple[Places, str | None]:
    """Give members of a group and the last of them; where no page follows, all and None.

    Those of a large group's page stand close together, so that only the last is a place of its own.
    """
    page, after = _ask(client, "users", filters, traffic, after=cursor, order=order)
    found = {str(user.get("id")): _key(user) for user in (page[-1:] if after else page)}
    return found, next(iter(found)) if after else None


def _ask(
    client: DirectoryClient,
    kind: str,
    filters: Mapping[str, object],
    traffic: Traffic,
    *,
    after: str | None = None,
    order: str = "asc",
) -> tuple[list[Record], str | None]:
    """Read one page, without a second try; give its records and the next cursor."""
    try:
        receipt = client.receipt(kind, filters, order=order, log=False)
        extra = {"after": after} if after else {}
        page, metadata = client.page(receipt, extra, traffic=traffic, retry=RetryPolicy(attempts=1))
    except errors.DirsyncError:
        return [], None
    return page, metadata.get("after") if page else None
