"""What is known of a list that is being read: a segment of rows from its start, and one from its end.

No request is sent from here. A page comes in at the frontier of a segment; its rows are added there, and where
it shows rows from the other's frontier, the two are joined and the list is whole.

What holds while rows come and go between the requests:

- A row that was there from the first request to the last is found. Every segment is a part of the list without
  holes; two are joined only where a page shows that they overlap, never because they should meet.
- No row comes twice. A row that was created or deleted on the way is there or not, as in reading from one end.
- The order is that of the list. Only rows that were created or deleted on the way can stand beside their place.
- Where the row of a cursor was deleted, reading goes back to another row of the same segment.
- A list that leads nowhere ends: at a cursor that came before, and after a few pages that bring no new row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from .context import Record

MAX_STEPS_BACK = 12  # in one run, over rows deleted under our feet
MAX_EMPTY_PAGES = 10  # in a row, each with a new cursor
MAX_KNOWN_PAGES = 3  # in a row, of rows that were all read before
KNOWN = f"gave rows that were read before, {MAX_KNOWN_PAGES} pages in a row under new cursors"


@dataclass(eq=False)
class Segment:
    """Rows read from one end of a list, in the order they came, and the frontier where reading goes on.

    Attributes
    ----------
    onward
        From the start, in the order asked for; else from the end, against it.
    ids
        Of its rows, in the order they came.
    cursor
        The frontier: what comes after it is not read yet. None for the end of the list where it began.
    is_open
        Whether there may be more to read.
    busy
        Whether a request for its next page is under way.
    """

    onward: bool
    cursor: str | None = None
    ids: dict[str, None] = field(default_factory=dict)
    is_open: bool = True
    busy: bool = False
    seen: set[str | None] = field(default_factory=set)
    fallbacks: list[str] = field(default_factory=list)  # rows to go on from, should the cursor's be deleted
    pages: int = 0
    steps_back: int = 0
    empty_pages: int = 0
    known_pages: int = 0

    def take_up(self) -> None:
        """Make ready for one more run, whatever ended the last: with the patience that a first one has."""
        self.busy = False
        self.seen = {self.cursor}
        self.steps_back = self.empty_pages = self.known_pages = 0

    def reopen(self) -> None:
        """Begin anew, with no row read."""
        self.cursor, self.is_open = None, True
        self.take_up()

    def add(self, page: list[Record], cursor: str | None, new_rows: list[Record]) -> str | None:
        """Add a page and move the frontier; return why it leads nowhere, if it does."""
        if self._began_anew(page, new_rows) and cursor != self.cursor:
            return self._go_back_silently()
        self.ids.update(_names(new_rows))
        self.pages += 1
        self.empty_pages = 0 if page else self.empty_pages + 1
        self.known_pages = 0 if new_rows or not page else self.known_pages + 1
        if page:
            self.fallbacks = _fallbacks(page)
        if cursor is None:
            self.is_open = False
        elif cursor in self.seen:
            return f"gave the cursor {cursor} a second time"
        elif self.empty_pages >= MAX_EMPTY_PAGES:
            return f"gave {MAX_EMPTY_PAGES} empty pages in a row, each with a new cursor"
        elif self.known_pages >= MAX_KNOWN_PAGES:
            return KNOWN
        else:
            self.seen.add(cursor)
            self.cursor = cursor
        return None

    def _began_anew(self, page: list[Record], new_rows: list[Record]) -> bool:
        """Whether the service took the cursor of a deleted row for the end where the list begins."""
        if new_rows or not page or not self.ids or self.cursor is None:
            return False
        return bool(page[0].get("id") == next(iter(self.ids)))

    def _go_back_silently(self) -> str | None:
        known = self.known_pages + 1
        went_back = known < MAX_KNOWN_PAGES and self.step_back()
        self.known_pages = known
        return None if went_back else KNOWN

    def step_back(self) -> bool:
        """Find another place to go on from, where the service refuses the cursor; False if there is none."""
        self.steps_back += 1
        if self.cursor is None or self.steps_back > MAX_STEPS_BACK:
            return False
        self.cursor = self.fallbacks.pop() if self.fallbacks else None  # at last from its end of the list anew
        self.seen = set()
        self.known_pages = -self.pages  # what was read before may come again
        return True


class SegmentList:
    """The two segments of one list; a resumed load goes on with them.

    Parameters
    ----------
    cursor
        Where reading begins; None for the start of the list.

    Attributes
    ----------
    head, tail
        The segment from the start, and that from the end, once it was begun.
    duplicates
        Rows that came again and were dropped.
    joined
        Whether the two overlap: nothing is between them.
    may_have_tail
        Whether the list can be read from its end.
    written
        Is given every page that is added, in a form that :meth:`restore` takes.
    """

    def __init__(self, cursor: str | None = None) -> None:
        self.written: Callable[[Mapping[str, Any]], None] | None = None
        self.head = Segment(onward=True, cursor=cursor)
        self.tail: Segment | None = None
        self.duplicates = 0
        self.joined = False
        self.may_have_tail = True
        self._met = False

    @property
    def row_count(self) -> int:
        """How many rows were read."""
        return sum(len(segment.ids) for segment in self.all())

    def all(self) -> list[Segment]:
        """Return the segments there are."""
        return [self.head] if self.tail is None else [self.head, self.tail]

    def ids(self) -> list[str]:
        """Return the ids of all rows, in the order of the list."""
        return [*self.head.ids, *(reversed(self.tail.ids) if self.tail is not None else ())]

    def open_segments(self) -> list[Segment]:
        """Return the segments at whose frontier something is still to be read."""
        return [] if self.joined else [segment for segment in self.all() if segment.is_open]

    def take_up(self) -> None:
        """Make ready for one more run, whatever ended the last."""
        for segment in self.all():
            segment.take_up()

    def begin_tail(self) -> None:
        """Read from the end of the list too."""
        self.tail = Segment(onward=False, seen={None})

    def begin_backward(self) -> None:
        """Read from the cursor back to the start of the list, and nothing else."""
        self.tail = Segment(onward=False, cursor=self.head.cursor)
        self.head = Segment(onward=True, is_open=False)

    def next_segment(self, left: int | None, page_size: int) -> Segment | None:
        """Return where to send the next request; None where what is under way will do.

        It will where it probably brings all the rows that are ``left``.
        """
        waiting = self.open_segments()
        free = [segment for segment in waiting if not segment.busy]
        under_way = len(waiting) - len(free)
        enough = under_way and left is not None and left < under_way * page_size
        return free[0] if free and not enough else None

    def new_rows(self, page: list[Record]) -> list[Record]:
        """Return the rows of a page that were not read before, each once; rows without an id are kept."""
        known = [segment.ids for segment in self.all()]
        names = _names(page).keys()
        if len(names) == len(page) and all(names.isdisjoint(ids.keys()) for ids in known):
            return page
        found: dict[object, Record] = {}
        for record in page:
            name = record.get("id")
            if not isinstance(name, str) or not name:
                found[id(record)] = record
            elif not any(name in ids for ids in known):
                found.setdefault(name, record)
        return list(found.values())

    def add(
        self, segment: Segment, page: list[Record], cursor: str | None, new_rows: list[Record]
    ) -> str | None:
        """Add a page to its segment, and join the two where it shows that they overlap.

        Returns why the list leads nowhere, if it does.
        """
        if self.written is not None:
            self.written({"head": segment is self.head, "page": page, "cursor": cursor})
        self.duplicates += len(page) - len(new_rows)
        problem = segment.add(page, cursor, new_rows)
        other = self.tail if segment is self.head else self.head
        met = [] if other is None else [name for name in _names(page) if name in other.ids]
        if other is None or not met:
            return problem
        if not self._met and met != [name for name in reversed(other.ids) if name in met]:
            self._give_up_tail()
            self.head.ids.update(_names(page) if segment is self.head else {})
            return problem if segment is self.head else None
        self._met = True
        # A single row that comes again, far from the frontier of the other, does not show that they overlap.
        frontier = set(islice(reversed(other.ids), 2 * len(page)))
        self.joined = not new_rows or not frontier.isdisjoint(met)
        return None if self.joined else problem

    def restore(self, written: Mapping[str, Any]) -> list[Record]:
        """Add a page that was written down, as it was added then; return its new rows."""
        if not written["head"] and self.tail is None:
            if not self.may_have_tail:  # it was given up while this page was under way
                return []
            self.begin_tail()
        segment = self.head if written["head"] or self.tail is None else self.tail
        new_rows = self.new_rows(written["page"])
        self.add(segment, written["page"], written["cursor"], new_rows)
        return new_rows

    def _give_up_tail(self) -> None:
        """Read from the start alone: the service does not list in the opposite order when asked to.

        What came that way is forgotten, and will be read again.
        """
        self.tail, self.may_have_tail = None, False


def _names(page: list[Record]) -> dict[str, None]:
    return dict.fromkeys(name for record in page if isinstance(name := record.get("id"), str) and name)


def _fallbacks(page: list[Record]) -> list[str]:
    """Return rows to go on from, the last one first, should the row at the end of a page be deleted."""
    rows = (page[at].get("id") for at in (0, len(page) // 2, -min(2, len(page))))
    return [row for row in rows if isinstance(row, str) and row]
