"""The parts all widgets share: a key field, the code view, a status line.

Some of them bring a little JavaScript of their own, through anywidget: a file that needs no build step and
goes with the widget, so it works offline, in JupyterLab and in Voila. Plain ipywidgets have no table with rows
to click, and their password field keeps what is typed in the widget's state, which JupyterLab saves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from ... import errors
from .jobs import Stopped
from .script import script_of
from .text import plain

__all__ = [
    "Choice",
    "CodeView",
    "Frame",
    "KeyField",
    "Pulse",
    "StatusLine",
    "button",
    "field",
    "note",
    "row",
    "status_html",
]


class KeyField(anywidget.AnyWidget):
    """A field for a key, which is handed to ``use`` and kept nowhere.

    What is typed is no trait: it lives in the browser's input alone and comes as one message.
    """

    _esm = script_of("key")
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

    _esm = script_of("pulse")
    every = t.Int(30).tag(sync=True)  # seconds

    def __init__(self, beat: Callable[[], None]) -> None:
        super().__init__()
        self.beat = beat
        self.on_msg(lambda *_: self.beat())


class Choice(anywidget.AnyWidget):
    """Buttons side by side, of which one is pressed.

    Parameters
    ----------
    options
        The texts, which are the values too, or pairs of a text and its value.
    label
        What is chosen, for a screen reader.
    tooltips
        One for each.
    """

    _esm = script_of("choice")
    choices: Any = t.List().tag(sync=True)
    value = t.Unicode("").tag(sync=True)
    label = t.Unicode("").tag(sync=True)

    def __init__(
        self, options: Iterable[str | tuple[str, str]], *, label: str, tooltips: Sequence[str] = ()
    ) -> None:
        super().__init__(label=label)
        self.offer(options, tooltips=tooltips)

    def offer(self, options: Iterable[str | tuple[str, str]], *, tooltips: Sequence[str] = ()) -> None:
        """Offer these; the first one is pressed."""
        pairs = [(one, one) if isinstance(one, str) else one for one in options]
        tips = [*tooltips, *[""] * len(pairs)]
        with self.hold_sync():
            self.choices = [[text, value, tip] for (text, value), tip in zip(pairs, tips, strict=False)]
            self.value = pairs[0][1] if pairs else ""

    @property
    def options(self) -> tuple[str, ...]:
        """The values to choose from."""
        return tuple(value for _, value, _ in self.choices)


class Frame(anywidget.AnyWidget):
    """Hides the static table once the live widget has drawn, and says when the kernel is gone."""

    _esm = script_of("frame")
    mark = t.Unicode("").tag(sync=True)


class CodeView(anywidget.AnyWidget):
    """The few lines that give what a widget shows: with dirsync_nb, the official SDK, and cURL."""

    _esm = script_of("code")
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
        self.stop_button = button("Stop", "stop", "Stop loading; it ends within one page", stop)
        self.again_button = button("Try again", "refresh", "Do the same once more", again)
        super().__init__(children=[self._line, self.stop_button, self.again_button])
        self.add_class("dsn-row")
        self.add_class("dsn-level")
        self.say("idle", "")

    def say(self, kind: str, text: str, *, stoppable: bool = False, again: bool = False) -> None:
        """Show a message, with the buttons that help."""
        self.kind, self.text = kind, text
        self._line.value = status_html(kind, text) if text else ""
        self.stop_button.layout.display = "" if stoppable else "none"
        self.again_button.layout.display = "" if again else "none"

    def problem(self, problem: BaseException) -> None:
        """Show what went wrong, and what to do."""
        if isinstance(problem, Stopped):
            self.say("empty", "Stopped. What was read is not shown, since it is not the whole.", again=True)
        elif isinstance(problem, errors.DirsyncError):
            # The rest of such a message tells how to go on in Python; here there is a button.
            self.say("error", begun(str(problem).partition("\n")[0]), again=True)
        else:
            self.say("error", f"{type(problem).__name__}: {problem}", again=True)


def begun(text: str) -> str:
    """Begin a sentence with a capital letter, unless its first word is a name of Python."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def status_html(kind: str, text: str) -> str:
    """Return a message with the mark of its kind."""
    what = f'<span class="dsn-what">{escape(plain_lines(text))}</span>'
    return f'<div class="dsn-status" role="status" data-kind="{kind}">{what}</div>'


def plain_lines(text: str) -> str:
    """Clean a text but keep its lines."""
    return "\n".join(plain(line) for line in text.split("\n"))


def button(text: str, icon: str, tooltip: str, press: Callable[[], object]) -> Any:
    """Return a button as wide as its text, with what a click does."""
    made = w.Button(description=text, icon=icon, tooltip=tooltip, layout=w.Layout(width="auto"))
    made.on_click(lambda _: press())
    return made


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
