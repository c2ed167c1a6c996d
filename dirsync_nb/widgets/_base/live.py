"""One live widget for each place in a notebook: running a cell again retires what it made before."""

from __future__ import annotations

import weakref
from typing import Any

from ...client.say import kernel_shell

__all__ = ["announce", "kernel_shell", "next_mark"]

_live: dict[str, tuple[str, list[weakref.ref[Any]]]] = {}
_shown: dict[str, tuple[str, int]] = {}


def announce(widget: Any) -> None:
    """Register a new widget; those that an earlier run of the same cell made are retired."""
    place = running_cell()
    if place is None:
        return
    cell, run = place
    earlier_run, widgets = _live.get(cell, ("", []))
    if earlier_run != run:
        for reference in widgets:
            earlier = reference()
            if earlier is not None:
                earlier.retire()
        widgets = []
    _live[cell] = run, [*widgets, weakref.ref(widget)]


def next_mark() -> str:
    """Return which widget shown by this run of the cell this is: the same in every run of a notebook."""
    cell, run = running_cell() or ("", "")
    earlier_run, count = _shown.get(cell, ("", 0))
    _shown[cell] = run, count + 1 if run == earlier_run else 1
    return str(_shown[cell][1])


def running_cell() -> tuple[str, str] | None:
    """Name the cell that runs and this run of it; None outside a cell, such as in a button's callback."""
    shell = kernel_shell()
    header = getattr(shell, "parent_header", None) or {}
    if header.get("header", {}).get("msg_type") != "execute_request":
        return None
    # JupyterLab names the cell; others do not, and there the same source counts as the same cell. Where no
    # source is kept either, as under nbval, no cell is another one run again.
    source, run = (shell.user_ns.get("In") or [""])[-1], str(header["header"]["msg_id"])
    cell = (header.get("metadata") or {}).get("cellId") or (f"source: {source}" if source else run)
    return str(cell), run
