"""What every widget is: a column of controls with a status line, the code behind it, and a static picture."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import ipywidgets as w
import pandas as pd

from ... import errors
from ...frames import one_of
from .jobs import Job, Jobs
from .live import announce, kernel_shell, next_mark
from .parts import CodeView, Frame, StatusLine
from .script import shared
from .table import RowTable
from .text import LITERAL

__all__ = ["Panel", "Read"]

SETTLE = 1.0  # seconds without a change before the static picture follows


class Read:
    """A frame that a widget reads. A cell that asks for it waits; where that cannot be, an error says why not.

    The widget itself keeps it under the name with an underscore, None until it is there.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, widget: Any, owner: type) -> Any:
        if widget is None:
            return self
        widget.wait()
        frame = getattr(widget, f"_{self._name}")
        widget.refuse_unread(self._name, frame)
        return frame


class Panel(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Base of the widgets.

    Showing it sends two things: the live widget, and a static table for whoever reads the notebook without a
    kernel, or where the page does not get the live one's part. Once that has drawn, it hides the static one.
    """

    name: ClassVar[str] = ""
    table: RowTable

    def __init__(self) -> None:
        self._display_id = f"dsn-{uuid.uuid4().hex}"  # goes with the message and into no file
        self.jobs = Jobs(lambda text: self.status.say("busy", text, stoppable=True))
        self.status = StatusLine(self.jobs.stop, self.again)
        self.code = CodeView()
        self.retired = False
        self._shown = False
        self._patience: float | None = None
        self._last_static = ""
        self.frame = Frame()
        super().__init__()
        for name in ("dsn", *LITERAL.split()):
            self.add_class(name)

    def assemble(self, *children: Any, below: Sequence[Any] = (), nested: bool = False) -> None:
        """Put the parts together; a widget inside another one is not registered for itself.

        The status line stands after the controls; tables and what else is tall go ``below`` it.
        """
        self._assembled = True
        shown = (self.frame, *children, self.status, *below, self.code)
        if nested:
            self.children = shown
            return
        self.children = (*shared(), *shown)
        announce(self)

    def __setattr__(self, name: str, value: Any) -> None:
        # Of a misspelt choice nobody would hear: the widget would go on with that of before.
        whole = self.__dict__.get("_assembled", False)
        if whole and name[0] != "_" and name not in self.__dict__ and not hasattr(type(self), name):
            choices = sorted({*self.trait_names()} - {*w.VBox.class_trait_names()})
            one_of(f"a choice of {type(self).__name__}", name, choices)
        super().__setattr__(name, value)

    # What it shows, as frames ---------------------------------------------------------------------------------

    @property
    def rows(self) -> pd.DataFrame:
        """The rows that are listed, those of every page, as a frame; before they are read, an error says so."""
        self.wait()
        frame = self.table.frame
        self.refuse_unread("rows", frame)
        return frame

    @property
    def picked(self) -> pd.DataFrame:
        """The rows that are picked or ticked, as a frame."""
        rows = self.rows
        return rows[rows.index.isin([self.table.picked, *self.table.ticked])]

    # What a kind of widget says of itself --------------------------------------------------------------------

    def again(self) -> None:
        """Do once more what did not end well."""

    def summary(self) -> str:
        """Return in one line what is shown."""
        return self.name

    def static(self) -> str:
        """Return the HTML a reader without a kernel sees."""
        return ""

    # Life ---------------------------------------------------------------------------------------------------

    def wait(self) -> Self:
        """Wait until what is being read has arrived, and return the widget: for the next line of a cell.

        Examples
        --------
        >>> explorer = ds.widgets.DirectoryExplorer(client, directories.index[0])
        >>> explorer.wait() is explorer
        True
        """
        self.jobs.wait()
        return self

    def missing(self) -> str:
        """Return why something that is read is not there, and what to do."""
        if self.jobs.busy:
            return "still being read; ask in a later cell, or when the status line under the controls is done"
        return f"not read. {self.status.text}".strip()

    def refuse_unread(self, name: str, frame: pd.DataFrame | None) -> None:
        """Refuse a frame that is empty only because it was not read."""
        if frame is None or (frame.empty and (self.jobs.busy or self.status.kind == "error")):
            raise errors.IncompleteError(f"{name}: {self.missing()}")

    def _run(
        self,
        name: str,
        work: Callable[[Job], Any],
        done: Callable[[Any], None],
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Do slow work; what goes wrong is said in the status line."""
        self.jobs.run(name, work, done, failed or self._failed, patience=self._patience)

    def _failed(self, problem: BaseException) -> None:
        self.status.problem(problem)

    def busy(self, text: str) -> None:
        """Say that something is loading, and offer to stop it."""
        self.status.say("busy", text, stoppable=True)

    def retire(self) -> None:
        """Become inert: running the cell again made a newer one. Its models leave the page and the file."""
        for widget in _family(self):
            if isinstance(widget, Panel):
                widget.retired = True
                widget.jobs.close()
            widget.unobserve_all()
            if hasattr(widget, "close"):
                widget.close()

    # Showing ------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        reading = "; still reading" if self.jobs.busy else ""
        return f"<{type(self).__name__}: {self.summary()}{reading}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any] | None:
        bundle: dict[str, Any] | None = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle["text/plain"] = repr(self)
            bundle["text/html"] = self.static_html()
        return bundle

    def _ipython_display_(self, **_: Any) -> None:
        shell = kernel_shell()
        if shell is None or self.retired:
            raise NotImplementedError  # IPython goes on to the text form
        self.frame.mark = self.frame.mark or next_mark()
        bundle = self._repr_mimebundle_() or {}
        table = bundle.pop("text/html", "")
        # Apart: JupyterLab shows an error instead of the table when a bundle's widget is not there any more.
        shell.display_pub.publish(bundle)
        self._publish(shell, table, update=False)
        self._shown = True

    def settled(self) -> None:
        """Bring the static picture up to date, a moment after the last change."""
        if self._shown:
            self.jobs.later("static", SETTLE, self._refresh_static)

    def _refresh_static(self) -> None:
        table, shell = self.static_html(), kernel_shell()
        if shell is not None and table != self._last_static:
            self._publish(shell, table, update=True)

    def _publish(self, shell: Any, table: str, *, update: bool) -> None:
        self._last_static = table
        data = {"text/html": table, "text/plain": ""}
        shell.display_pub.publish(data, transient={"display_id": self._display_id}, update=update)

    def static_html(self) -> str:
        return f'<div class="dsn-static-{self.frame.mark or 0} {LITERAL}">{self.static()}</div>'


def _family(widget: Any) -> list[Any]:
    """List a widget, everything inside it that is its own, and the models of their looks."""
    looks = [getattr(widget, name) for name in ("layout", "style") if widget.has_trait(name)]
    inside = [child for child in getattr(widget, "children", ()) if child not in shared()]
    inner = [one for child in inside for one in _family(child)]
    return [widget, *inner, *(look for look in looks if look is not None)]
