"""What a walk knows of a list that is read from several places: pieces that grow until they meet.

No request is sent from here. A page comes in on an edge of a piece; its rows are added there, and where it
shows a row of another piece, the two become one.

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
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .client import MAX_STEPS_BACK, Record

__all__ = ["Edge", "Key", "Line", "Piece", "Places", "key_of"]

FAR = 1 / 3  # of the way from end to end: walkers on both sides of a place there are at work to the last
CROWD = 3  # times as many of the places as of the rows have been walked over

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
        """Return the ids of all rows, in the order of the list."""
        return [name for piece in self.pieces for names in piece.ids for name in names]

    def edges(self) -> list[Edge]:
        """Return the places where something is still to be read."""
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
        """Return the rows of a page that are new, up to where it meets another piece, and that piece.

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
            edge.key = key_of(page[-1])
            edge.places = _other_places(page)
        if piece.middle and named:
            piece.middle = False
            first = named[0]
            piece.back = Edge(piece, False, first["id"], key_of(first), places=_other_places(named[::-1]))
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
        well between the ends are of use.
        """
        new = {name: key for name, key in places.items() if name not in self.owner}
        walked_over = len(places) - len(new)
        expected = len(places) * len(self.owner) / total if total else 0.0
        if walked_over > 1 + CROWD * expected:
            ways = {name: self.way(key) for name, key in new.items()}
            new = {name: new[name] for name, way in ways.items() if way is not None and FAR <= way <= 1 - FAR}
        self.middles |= new
        return bool(new)

    def way(self, key: Key) -> float | None:
        """Guess how far a place is on the way from where the first piece ends to where the last one begins."""
        first, last = self.pieces[0].on, self.pieces[-1].back
        if first is None or first.key is None or last is None or last.key is None:
            return None
        near, far = _number(first.key), _number(last.key)
        return (_number(key) - near) / (far - near) if far != near else None

    def is_near(self, key: Key) -> bool:
        """Return whether a place seems to be ahead of the first piece, but not far."""
        way = self.way(key)
        return way is not None and 0 < way < FAR

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
        """Return whether rows of both ends were read: before, nothing is begun between them.

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
        """Return the edges of each gap, how many places are known inside it, and how wide it is by its keys.

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
        """Return the known places between a piece and the next one, in the order of their keys."""
        first = self.pieces[place].on
        last = self.pieces[place + 1].back if place + 1 < len(self.pieces) else None
        if first is None or first.key is None or last is None or last.key is None or not self.middles:
            return []
        found = [(key, name) for name, key in self.middles.items() if name not in self.owner]
        found.sort(reverse=self.descending)
        beyond = [pair for pair in found if (pair[0] > first.key) is not self.descending]
        return [name for key, name in beyond if (key < last.key) is not self.descending]


def _other_places(page: list[Record]) -> list[str]:
    """Return rows to go on from, the last one first, should the row at the end of a page be deleted."""
    rows = (page[at].get("id") for at in (0, len(page) // 2, -min(2, len(page))))
    return [row for row in rows if isinstance(row, str)]


def key_of(record: Record) -> Key:
    """Return what the service sorts a record by."""
    return str(record.get("created_at")), str(record.get("id"))


def _number(key: Key) -> int:
    """Spell a key as a number, so two can be told near or far; ids end in a ULID, 26 letters or digits."""
    created, name = (re.sub("[^0-9A-Za-z]", "", part) for part in key)
    moment = re.sub("[^0-9]", "", created)[:17].ljust(17, "0")  # to the millisecond, also where it was left out
    return (int(moment) << 136) + int("0" + name[-26:], 36)
