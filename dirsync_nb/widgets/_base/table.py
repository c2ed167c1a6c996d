"""One table for every list: pages, columns that fit, rows to pick or tick, rows to copy and to save.

All rows stay in the kernel; the page is sent those that it shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import anywidget
import pandas as pd
import traitlets as t

from ...files import write_csv
from .script import script_of
from .text import label, name_label, plain

__all__ = ["ROWS", "Column", "Framed", "Listed", "Row", "RowTable", "Source"]

ROWS = 50  # the most rows, or menu entries, ever sent
SIZES = (10, 25, ROWS)
SHORT = 5  # rows of a page where a list stands beside others
CELL = 120  # characters of one line of a cell
COPIED = 5_000  # rows copied at once; saving has no such limit

Column = Mapping[str, Any]
"""``key``, ``title``, ``kind`` ("state", "number", "box": checked where
the cell is not empty), ``fixed`` (never cut, as a date), ``sortable``, ``source``
(its column of the frame, if not the key), ``sub`` (the column of the frame that stands under it), ``room`` (0:
always shown; 1, 2: only where there is more of it), ``hidden`` (only shown when chosen)."""

Row = tuple[str, Sequence[object]]
"""An id with its cells; a cell of several lines is a tuple."""


class Source(Protocol):
    """What a table shows: any number of rows."""

    def __len__(self) -> int: ...

    def rows(self, start: int, stop: int, columns: Sequence[Column]) -> list[Row]:
        """Return some of the rows with the cells of these columns."""

    def frame(self) -> pd.DataFrame:
        """Return all rows."""


class Listed:
    """Rows that were written out.

    Parameters
    ----------
    columns
        What their cells are.
    rows
        The rows.
    index
        What their ids are called.
    """

    def __init__(self, columns: Sequence[Column], rows: Sequence[Row], index: str = "id") -> None:
        self._keys = [column["key"] for column in columns]
        self._rows, self._index = rows, index

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, start: int, stop: int, columns: Sequence[Column]) -> list[Row]:
        """Return some of the rows with the cells of these columns."""
        places = [self._keys.index(column["key"]) for column in columns]
        return [(i, [cells[place] for place in places]) for i, cells in self._rows[start:stop]]

    def frame(self) -> pd.DataFrame:
        """Return all rows."""
        ids = pd.Index([i for i, _ in self._rows], name=self._index, dtype="str")
        cells = [[" ".join(_lines(cell)) for cell in cells] for _, cells in self._rows]
        return pd.DataFrame(cells, index=ids, columns=self._keys, dtype="str")


class Framed:
    """The rows of a frame.

    Parameters
    ----------
    frame
        The rows; its index are their ids.
    cell
        Makes a cell of a row and the key of its column, when it is shown. Default: the column of this name.
    key
        The column with the ids, if not the index.
    """

    def __init__(
        self, frame: pd.DataFrame, cell: Callable[[Any, str], object] | None = None, key: str = ""
    ) -> None:
        self._frame, self._cell, self._key = frame, cell, key

    def __len__(self) -> int:
        return len(self._frame)

    def rows(self, start: int, stop: int, columns: Sequence[Column]) -> list[Row]:
        """Return some of the rows with the cells of these columns."""
        part, keys = self._frame.iloc[start:stop], [column["key"] for column in columns]
        if self._cell is None:
            return [
                (str(i), [name_label(first), *rest]) for i, first, *rest in part[keys].itertuples(name=None)
            ]
        ids = part[self._key] if self._key else part.index
        lines = (line for _, line in part.iterrows())
        return [(plain(i), [self._cell(line, key) for key in keys]) for i, line in zip(ids, lines, strict=True)]

    def frame(self) -> pd.DataFrame:
        """Return all rows."""
        return self._frame


class RowTable(anywidget.AnyWidget):
    """A table in pages, of which one row can be picked, or several ticked.

    Parameters
    ----------
    columns
        What the columns are.
    label
        The table's name for a screen reader.
    clickable
        Whether rows can be picked.
    tick
        Called with the id of a row that was clicked: each has a box to tick then, instead of being picked. What
        is ticked is ``ticked``, which the table does not change by itself.
    size
        Rows of a page: 10, 25 or 50.
    saved
        Name of the file of rows that are saved, without its ending.
    tools
        Whether columns can be chosen, and rows copied and saved.
    check
        Called with the id of a row and the key of a column whose box was clicked. The table does not change it.

    Attributes
    ----------
    source
        All rows, of which ``rows`` are drawn.
    picked
        Id of the row picked, or "".
    marks
        Words marked where they stand, folded.
    """

    _esm = script_of("table")
    columns: Any = t.List().tag(sync=True)
    menu: Any = t.List().tag(sync=True)
    rows: Any = t.List().tag(sync=True)
    marks: Any = t.List().tag(sync=True)
    total = t.Int(0).tag(sync=True)
    page = t.Int(1).tag(sync=True)
    size = t.Int(SIZES[0]).tag(sync=True)
    picked = t.Unicode("").tag(sync=True)
    sort = t.Unicode("").tag(sync=True)
    label = t.Unicode("").tag(sync=True)
    empty = t.Unicode("").tag(sync=True)
    tools = t.Bool(default_value=True).tag(sync=True)
    clickable = t.Bool(default_value=True).tag(sync=True)
    tickable = t.Bool(default_value=False).tag(sync=True)
    ticked: Any = t.List().tag(sync=True)

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        label: str,
        clickable: bool = True,
        sort: str = "",
        tick: Callable[[str], None] | None = None,
        size: int = SIZES[0],
        saved: str = "rows",
        tools: bool = True,
        check: Callable[[str, str], None] | None = None,
    ) -> None:
        super().__init__(label=label, clickable=clickable, sort=sort, size=size, tools=tools)
        self.saved = saved
        self._tick, self._check = tick, check
        self._chosen: dict[str, list[str]] = {}
        self.tickable = tick is not None
        self.source: Source = Listed(columns, [])
        self.offer(columns)
        self.observe(lambda _: self._draw(), ["page", "size"])
        self.on_msg(self._received)

    # Columns ------------------------------------------------------------------------------------------------

    def offer(self, columns: Sequence[Column], label: str | None = None) -> None:
        """Let these columns be chosen from; those chosen earlier under the same label are shown again."""
        with self.hold_sync():
            self.label = self.label if label is None else label
            self.offered = list(columns)
            usual = [column["key"] for column in columns if not column.get("hidden")]
            keys = self._chosen.get(self.label, usual)
            self._show_columns(keys)

    def choose(self, keys: Iterable[str]) -> None:
        """Show these columns, the first in any case: a row needs something to go by."""
        wanted = {self.offered[0]["key"], *keys}
        self._chosen[self.label] = [one["key"] for one in self.offered if one["key"] in wanted]
        self._show_columns(self._chosen[self.label])
        self._draw()

    def _show_columns(self, keys: Sequence[str]) -> None:
        shown = [column for column in self.offered if column["key"] in keys]
        self.columns = [{name: v for name, v in one.items() if name not in ("source", "sub")} for one in shown]
        self._shown = shown
        self.menu = [[one["key"], label(one["title"], 40), one["key"] in keys] for one in self.offered[:ROWS]]

    # Rows ---------------------------------------------------------------------------------------------------

    def show(
        self, rows: Source | Sequence[Row], *, empty: str = "Nobody here.", marks: Sequence[str] = ()
    ) -> None:
        """Show rows, from the page that is open or the nearest there is."""
        self.source = Listed(self.offered, rows) if isinstance(rows, Sequence) else rows
        with self.hold_sync():
            self.empty, self.marks, self.total = empty, list(marks)[:ROWS], len(self.source)
            self.page = self.nearest(self.page)
            self._draw()

    @property
    def pages(self) -> int:
        """How many pages there are; one of an empty list."""
        return max(1, -(-self.total // self.size))

    def nearest(self, page: int) -> int:
        """Return the page there is that is nearest."""
        return max(1, min(int(page), self.pages))

    @t.validate("size")
    def _only_a_size_there_is(self, proposal: Any) -> int:
        if proposal.value not in (SHORT, *SIZES):
            raise t.TraitError(f"a page holds one of {', '.join(map(str, SIZES))} rows; got {proposal.value}")
        return int(proposal.value)

    @t.validate("page")
    def _only_a_page_there_is(self, proposal: Any) -> int:
        return self.nearest(proposal.value)

    def _draw(self) -> None:
        with self.hold_sync():
            self.page = self.nearest(self.page)
            start = (self.page - 1) * self.size
            found = self.source.rows(start, start + self.size, self._shown)
            self.rows = [[plain(i), *("\n".join(_lines(cell)) for cell in cells)] for i, cells in found]

    @property
    def ids(self) -> list[str]:
        """Ids of the rows shown, in order."""
        return [drawn[0] for drawn in self.rows]

    @property
    def frame(self) -> pd.DataFrame:
        """All rows, also those of other pages."""
        return self.source.frame()

    def column(self, key: str) -> list[str]:
        """Return the first lines of the cells shown in a column."""
        place = [column["key"] for column in self.columns].index(key) + 1
        return [drawn[place].partition("\n")[0] for drawn in self.rows]

    # What is done with them ---------------------------------------------------------------------------------

    def _received(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        # Messages and no traits: the same row may be clicked, and the same rows saved, twice in a row.
        if "tick" in content:
            self.click(str(content["tick"]))
        elif "box" in content:
            self.check(*map(str, content["box"]))
        elif "columns" in content:
            self.choose([str(key) for key in content["columns"]])
        elif "copy" in content:
            self.send({"copied": self.as_text(), "rows": min(self.total, COPIED), "of": self.total})
        elif "save" in content:
            self.send({"saved": f"{self.saved}.csv", "rows": self.total}, [self.as_csv()])

    def click(self, row_id: str) -> None:
        """Do what a click on a row does: pick it, or tell that it is to be ticked."""
        if row_id not in self.ids or not self.clickable:
            return
        if self._tick is None or not self.tickable:
            self.picked = row_id
        else:
            self._tick(row_id)

    def check(self, row_id: str, key: str) -> None:
        """Do what a click on a box does, and draw it as it is then."""
        boxes = [column["key"] for column in self._shown if column.get("kind") == "box"]
        if self._check is not None and row_id in self.ids and key in boxes:
            self._check(row_id, key)
        self.send_state("rows")  # the page shows the click, whether or not it meant anything

    def as_text(self) -> str:
        """Return the columns shown of all rows, at most 5,000, to paste into a sheet."""
        rows = self.source.rows(0, min(self.total, COPIED), self._shown)
        titles = ["id", *(column["title"] for column in self._shown)]
        lines = [[i, *(" ".join(_lines(cell)) for cell in cells)] for i, cells in rows]
        return "\n".join("\t".join(map(_harmless, line)) for line in [titles, *lines])

    def as_csv(self) -> bytes:
        """Return all rows with all their columns as a file that a spreadsheet opens."""
        with tempfile.TemporaryDirectory() as folder:
            return write_csv(self.source.frame(), Path(folder) / "rows.csv").read_bytes()


def _lines(cell: object) -> list[str]:
    """Return the lines of a cell, each cut to what one can hold."""
    return [label(line, CELL) for line in (cell if isinstance(cell, tuple) else (cell,))]


def _harmless(text: str) -> str:
    """Disarm what a spreadsheet would run."""
    return f"'{text}" if text[:1] in tuple("=+-@") and len(text) > 1 else text
