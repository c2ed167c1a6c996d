"""A fleet at a glance: a row for each directory, broken ones first; a click opens its directory."""

from __future__ import annotations

from typing import Any, Protocol

import ipywidgets as w
import pandas as pd
import traitlets as t

from .. import errors
from ..client import DirectoryClient, needs_client
from ._base.controls import Controls, ListedId, Sort
from ._base.jobs import PATIENCE
from ._base.panel import Panel
from ._base.parts import Choice, button, field, row
from ._base.table import Column, Framed, RowTable
from ._base.text import NO_NAME, html_table, plain, plural
from .directory_explorer import DirectoryExplorer

__all__ = ["FleetBoard"]

STATIC_ROWS = 10
SHOW = {"All": "", "Broken": "broken", "Need attention": "attention", "Fine": "ok"}
COLUMNS: list[Column] = [
    {"key": "customer", "title": "Customer", "sortable": True},
    {"key": "problem", "title": "Problem, what to do", "fixed": True},
    {"key": "state", "title": "State", "kind": "state", "room": 1, "sortable": True, "hidden": True},
    {"key": "people", "title": "People", "kind": "number", "room": 1, "sortable": True},
    {"key": "groups", "title": "Groups", "kind": "number", "room": 2, "sortable": True, "hidden": True},
    {"key": "change", "title": "Change", "kind": "number", "room": 2, "sortable": True},
    {"key": "age", "title": "Age", "fixed": True, "room": 2, "sortable": True},
]
DRIFT: list[Column] = [
    {"key": "app_create", "title": "Missing", "kind": "number", "room": 1, "sortable": True},
    {"key": "app_deactivate", "title": "Left", "kind": "number", "room": 1, "sortable": True},
]


class AnyFleet(Protocol):
    """What a board is made of: a fleet of :mod:`dirsync_nb.fleet`."""

    folder: Any

    def board(self, client: DirectoryClient | None = None, **options: Any) -> pd.DataFrame:
        """Return the board."""

    def directory(self, directory_id: Any) -> Any:
        """Return the frames of one directory."""


class FleetBoard(Panel):
    """Look over a fleet: who is broken, who changed, how old each directory is, and what to do.

    The list of directories is read, a request for each hundred; all else is the fleet's own. A click on a row
    opens the directory below, from the fleet's frames where they are there.

    Parameters
    ----------
    client
        Where to read.
    fleet
        What ``take_fleet`` or ``open_fleet`` returned.
    **options
        As for ``fleet.board``: ``drift``, ``old``, ``days``.

    Attributes
    ----------
    show
        "All", "Broken", "Need attention" or "Fine".
    find
        Only rows in whose customer, directory, provider or problem this occurs.
    sort
        A column's key, after "-" for the other way round; "" for broken ones first.
    directory_id
        The directory that is open below, or None.
    board
        The whole board, as a frame.
    explorer
        The explorer of the open directory, or None.

    Examples
    --------
    >>> fleet = ds.take_fleet(client, "board", directory_id=directories.index[:2])
    >>> len(ds.widgets.FleetBoard(client, fleet).board)
    2
    """

    name = "fleet"
    show = t.Enum(tuple(SHOW), "All")
    find = t.Unicode("")
    sort = Sort(lambda self: self.table.offered)
    directory_id = ListedId("directory", lambda self: self.board.index, "of this fleet")

    @needs_client
    def __init__(self, client: DirectoryClient, fleet: AnyFleet, **options: Any) -> None:
        if not hasattr(fleet, "board"):
            raise errors.ArgumentError(
                f"fleet must be what take_fleet or open_fleet gives; got one of type {type(fleet).__name__}"
            )
        super().__init__()
        self.client, self.fleet, self._options = client, fleet, options
        self.board = pd.DataFrame()
        self.explorer: DirectoryExplorer | None = None
        self._controls = Controls(self)
        self.show_buttons = Choice(tuple(SHOW), label="Which directories")
        self.find_field = field(
            w.Text(description="Find", placeholder="customer, provider, problem"), grow=True
        )
        self._drifts = options.get("drift") is not None
        columns = [*COLUMNS, *(DRIFT if self._drifts else [])]
        self.table = RowTable(columns, label="Directories of the fleet", saved="fleet")
        self.close_button = button(
            "Close the directory",
            "times",
            "Back to the board alone",
            lambda: setattr(self, "directory_id", None),
        )
        self._below = w.VBox([])
        self._controls.tie(show=self.show_buttons, find=self.find_field)
        self._controls.lead(self.table, "sort", "sort")
        controls = row(self.show_buttons, self.find_field, self.close_button)
        self.assemble(controls, below=[self.table, self._below])
        self.table.observe(lambda change: self._picked(change["new"]), "picked")
        self.observe(lambda _: self._draw(), ["show", "find", "sort"])
        self.observe(lambda _: self._open(), "directory_id")
        self._patience = PATIENCE
        self.again()
        self._patience = None

    # Reading ------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Make the board anew."""
        self.busy("Reading the directories of the fleet …")
        self._run("board", lambda _: self.fleet.board(self.client, **self._options), self._have)

    def _have(self, board: pd.DataFrame) -> None:
        self.board = board
        self._draw()

    def _picked(self, directory_id: str) -> None:
        if not self._controls.idle and directory_id:
            self.directory_id = directory_id

    def _open(self) -> None:
        """Open the explorer of a directory, with the fleet's frames where there are some."""
        if self.explorer is not None:
            self.explorer.retire()
            self.explorer = None
        if self.directory_id is not None:
            frames = {}
            if self.board["people"].notna()[self.directory_id]:
                held = self.fleet.directory(self.directory_id)
                frames = {"users": held.users, "groups": held.groups, "memberships": held.memberships}
            self.explorer = DirectoryExplorer(self.client, self.directory_id, **frames)
        self._below.children = () if self.explorer is None else (self.explorer,)
        self._draw()

    # Drawing ------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> pd.DataFrame:
        """The rows of the board that fit, in order."""
        board, wanted = self.board, self.find.casefold().strip()
        if self.show != "All":
            board = board[board["verdict"] == SHOW[self.show]]
        if wanted:
            texts = board[["customer", "name", "provider", "problem"]].fillna("").agg(" ".join, axis=1)
            board = board[texts.str.casefold().str.contains(wanted, regex=False)]
        if self.sort:
            key = self.sort.removeprefix("-")
            board = board.sort_values(key, ascending=not self.sort.startswith("-"), kind="stable")
        return board

    def _draw(self) -> None:
        if self.retired or self.board.empty:
            if not self.retired:
                self.status.say("empty", "There is no directory in this fleet.")
            return
        self._controls.follow()
        shown = self.shown
        with self._controls.silence():
            self.table.sort = self.sort
            self.table.picked = self.directory_id or ""
            self.table.show(Framed(shown, _cell), empty="No directory fits.")
        self.close_button.layout.display = "" if self.explorer is not None else "none"
        self.status.say("ready", self._told())
        code = f"fleet = ds.open_fleet({str(self.fleet.folder)!r})\nboard = fleet.board(client)"
        self.code.snippets = [["dirsync_nb", code]]
        self.settled()

    def _told(self) -> str:
        """Return the whole problem of the directory that is open; else what there is to pick from."""
        app = (
            " Against the app: people it misses, and people who left and are on there." if self._drifts else ""
        )
        if self.directory_id is None:
            return f"{self.summary()}. Pick a row to open its directory.{app}"
        customer, problem, remedy = (
            plain(self.board.loc[self.directory_id, key]) for key in ("customer", "problem", "remedy")
        )
        return f"{customer}: {problem}. What to do: {remedy}." if problem else f"{customer}: nothing is wrong."

    def summary(self) -> str:
        """Return how many directories are broken, and how many need attention."""
        counts: Any = self.board["verdict"].value_counts() if len(self.board) else {}
        whole = plural(len(self.board), "directory", "directories")
        return f"{whole}: {counts.get('broken', 0):,} broken, {counts.get('attention', 0):,} need attention"

    def static(self) -> str:
        """Return the first rows."""
        if self.board.empty:
            return html_table(("Fleet",), [(self.status.text,)])
        rows = self.table.source.rows(0, STATIC_ROWS, COLUMNS)
        cells = [[" – ".join(cell) if isinstance(cell, tuple) else cell for cell in line] for _, line in rows]
        return html_table([column["title"] for column in COLUMNS], cells, caption=self.summary())


def _cell(directory: pd.Series[Any], key: str) -> object:
    value = directory[key]
    if key == "customer":
        below = [directory[name] for name in ("name", "provider") if pd.notna(directory[name])]
        below = [plain(one) for one in below if one != value]
        return (plain(value) if pd.notna(value) else NO_NAME, ", ".join(below))
    if key == "problem":
        return (value, directory["remedy"]) if value else ""
    if pd.isna(value):
        return "–"
    if key == "age":
        return _age(value)
    if key == "change":
        return f"{value:+,}" if value else "0"
    return f"{value:,}" if isinstance(value, int) else plain(value)


def _age(age: pd.Timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return plural(hours // 24, "day") if hours >= 48 else f"{hours} h" if hours else "under 1 h"
