"""The parts all widgets share: a table, a key field, the code view, a status line.

Three of them bring a little JavaScript of their own, through anywidget: a file that needs no build step and
goes with the widget, so it works offline, in JupyterLab and in Voila. Plain ipywidgets have no table with rows
to click, and their password field keeps what is typed in the widget's state, which JupyterLab saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ... import errors
from .jobs import Stopped
from .text import label, plain

__all__ = [
    "ROWS",
    "CodeView",
    "Column",
    "KeyField",
    "Pulse",
    "RowTable",
    "StatusLine",
    "button",
    "field",
    "note",
    "row",
]

HERE = Path(__file__).parent
ROWS = 50  # the most rows, or menu entries, ever sent
CELL = 120  # characters of one cell

Column = dict[str, Any]
"""``key``, ``title``, ``kind`` ("text", "state", "number"), ``sortable``, ``width`` in parts or as CSS,
``source`` (the column of the frame, if it is not the key), ``room`` (0: always shown; 1, 2: only where there is
more of it)."""


class RowTable(anywidget.AnyWidget):
    """A table of at most 50 rows, of which one can be picked, or several ticked.

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
    """

    _esm = HERE / "table.js"
    columns: Any = t.List().tag(sync=True)
    rows: Any = t.List().tag(sync=True)
    picked = t.Unicode("").tag(sync=True)
    sort = t.Unicode("").tag(sync=True)
    label = t.Unicode("").tag(sync=True)
    empty = t.Unicode("").tag(sync=True)
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
    ) -> None:
        super().__init__(columns=list(columns), label=label, clickable=clickable, sort=sort)
        self._tick = tick
        self.tickable = tick is not None
        self.on_msg(self._received)

    def _received(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        # A message and no trait: the same row may be clicked twice in a row.
        self.click(str(content.get("tick")))

    def click(self, row_id: str) -> None:
        """Do what a click on a row does: pick it, or tell that it is to be ticked."""
        if row_id not in self.ids or not self.clickable:
            return
        if self._tick is None or not self.tickable:
            self.picked = row_id
        else:
            self._tick(row_id)

    def show(self, rows: Sequence[tuple[str, Sequence[object]]], *, empty: str = "Nobody here.") -> None:
        """Show rows, each an id with its cells; more than 50 are cut."""
        drawn = [[plain(name), *(label(cell, CELL) for cell in cells)] for name, cells in rows[:ROWS]]
        with self.hold_sync():
            self.rows, self.empty = drawn, empty

    @property
    def ids(self) -> list[str]:
        """Ids of the rows shown, in order."""
        return [drawn[0] for drawn in self.rows]


class KeyField(anywidget.AnyWidget):
    """A field for a key, which is handed to ``use`` and kept nowhere.

    What is typed is no trait: it lives in the browser's input alone and comes as one message.
    """

    _esm = HERE / "key.js"
    disabled = t.Bool(default_value=False).tag(sync=True)

    def __init__(self, use: Callable[[str], None]) -> None:
        super().__init__()
        self._use = use
        self.on_msg(self._received)

    def _received(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        key = content.get("key")
        if isinstance(key, str):
            self.enter(key)

    def enter(self, key: str) -> None:
        """Hand over a key, as the button beside the field does."""
        if key.strip() and not self.disabled:
            self._use(key.strip())


class Pulse(anywidget.AnyWidget):
    """Beats as long as somebody has the page open, and shows nothing.

    Browsers slow a hidden page down to one beat a minute; a closed one is silent.
    """

    _esm = HERE / "pulse.js"
    every = t.Int(30).tag(sync=True)  # seconds

    def __init__(self, beat: Callable[[], None]) -> None:
        super().__init__()
        self.beat = beat
        self.on_msg(lambda *_: self.beat())


class CodeView(anywidget.AnyWidget):
    """The few lines that give what a widget shows: with dirsync_nb, the official SDK, and cURL."""

    _esm = HERE / "code.js"
    snippets: Any = t.List().tag(sync=True)


class StatusLine(w.HBox):  # type: ignore[misc]  # ipywidgets has no types
    """Say beside a control what is going on: ready, busy, empty or error, and what to do about it.

    Attributes
    ----------
    kind, text
        What is said, for tests and for whoever reads it from Python.
    """

    kind = t.Enum(("idle", "ready", "busy", "empty", "error"), "idle")
    text = t.Unicode("")

    def __init__(self, stop: Callable[[], None], again: Callable[[], None]) -> None:
        self._line = w.HTML()
        self.stop_button = button("Stop", "stop", "Stop loading; it ends within one page")
        self.again_button = button("Try again", "refresh", "Do the same once more")
        self.stop_button.on_click(lambda _: stop())
        self.again_button.on_click(lambda _: again())
        super().__init__(children=[self._line, self.stop_button, self.again_button])
        self.add_class("dsn-row")
        self.add_class("dsn-level")
        self.say("idle", "")

    def say(self, kind: str, text: str, *, stoppable: bool = False, again: bool = False) -> None:
        """Show a message, with the buttons that help."""
        self.kind, self.text = kind, text
        what = f'<span class="dsn-what">{escape(plain_lines(text))}</span>'
        self._line.value = (
            f'<div class="dsn-status" role="status" data-kind="{kind}">{what}</div>' if text else ""
        )
        self.stop_button.layout.display = "" if stoppable else "none"
        self.again_button.layout.display = "" if again else "none"

    def problem(self, problem: BaseException) -> None:
        """Show what went wrong, and what to do."""
        if isinstance(problem, Stopped):
            self.say("empty", "Stopped. What was read is not shown, since it is not the whole.", again=True)
        elif isinstance(problem, errors.DirsyncError):
            # The rest of such a message tells how to go on in Python; here there is a button.
            text = str(problem).partition("\n")[0]
            self.say("error", text[:1].upper() + text[1:], again=True)
        else:
            self.say("error", f"{type(problem).__name__}: {problem}", again=True)


def plain_lines(text: str) -> str:
    """Clean a text but keep its lines."""
    return "\n".join(plain(line) for line in text.split("\n"))


def button(text: str, icon: str, tooltip: str) -> Any:
    """Return a button as wide as its text."""
    return w.Button(description=text, icon=icon, tooltip=tooltip, layout=w.Layout(width="auto"))


def field(control: Any, *, grow: bool = False) -> Any:
    """Set a control's label above it, so that it fits narrow screens."""
    control.add_class("dsn-stack")
    if grow:
        control.add_class("dsn-grow")
    return control


def row(*controls: Any, level: bool = False, top: bool = False) -> Any:
    """Put controls side by side, wrapping where there is no room.

    ``level`` for those without a label above, ``top`` for those of different heights.
    """
    box = w.HBox(children=controls)
    box.add_class("dsn-row")
    if level:
        box.add_class("dsn-level")
    if top:
        box.add_class("dsn-top")
    return box


def note(text: str) -> Any:
    """Return a quiet remark; the text is ours, not a directory's."""
    return w.HTML(f'<p class="dsn-note">{escape(text)}</p>')
