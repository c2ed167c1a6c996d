"""Take out of a notebook what is not fit to commit and was not written by a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .cells import (
    PAPERMILL_TIMES,
    TIMING,
    WIDGET_STATE,
    Cell,
    found_in,
    has_filled_password,
    is_stateless,
    names_person,
)
from .files import read, write
from .findings import KINDS, kernel_problem
from .stable import without_cell_file

__all__ = ["fix"]

STANDARD_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def fix(path: Path, kinds: Iterable[str] | None = None) -> bool:
    """Take away what can go without touching a word that somebody wrote; tell whether anything changed.

    Outputs, cell and notebook metadata and widget state that hold keys, addresses or paths go; the kernel gets
    its standard name; times of runs and names of persons go from the metadata; widget state gets its order. All
    other outputs stay. Sources and attachments stay: what is wrong there, a person mends. A cell that lost an
    output counts as not run, so that it cannot pass as checked. The file keeps its layout and is replaced in
    one step.

    Parameters
    ----------
    path
        The notebook.
    kinds
        Only for findings of these kinds. Default: all.
    """
    notebook, raw = read(path)
    wanted = set(KINDS if kinds is None else kinds)
    notebook.setdefault("metadata", {})
    before = json.dumps(notebook)
    named = "kernelspec" in notebook["metadata"]
    _fix_metadata(notebook["metadata"], wanted)
    if "widgets" in wanted and is_stateless(notebook["metadata"].get("widgets")):
        _order(notebook["metadata"]["widgets"])
    lost = named and "kernelspec" not in notebook["metadata"]
    if (lost or "kernel" in wanted) and kernel_problem(notebook):
        notebook["metadata"]["kernelspec"] = dict(STANDARD_KERNEL)
    for cell in notebook["cells"]:
        _fix_cell(cell, wanted)
    if json.dumps(notebook) == before:
        return False
    write(path, notebook, like=raw)
    return True


def _fix_cell(cell: Cell, wanted: set[str]) -> None:
    _fix_metadata(cell.get("metadata", {}), wanted)
    outputs = cell.get("outputs")
    if outputs:
        if "path" in wanted:
            outputs = cell["outputs"] = without_cell_file(outputs)
        kept = [output for output in outputs if not _holds(output, wanted - {"person"})]
        if len(kept) < len(outputs):
            cell["outputs"], cell["execution_count"] = kept, None


def _fix_metadata(metadata: dict[str, Any], wanted: set[str]) -> None:
    if "timing" in wanted:
        for key in TIMING:
            metadata.pop(key, None)
        papermill = metadata.get("papermill")
        if isinstance(papermill, dict):
            for key in PAPERMILL_TIMES:
                papermill.pop(key, None)
    _clean(metadata, wanted)


def _order(widgets: dict[str, Any]) -> None:
    """Put models of widgets under ``state``, where everybody but Colab looks for them."""
    widgets[WIDGET_STATE] = {"state": widgets[WIDGET_STATE], "version_major": 2, "version_minor": 0}


def _clean(metadata: dict[str, Any], wanted: set[str]) -> None:
    """Take out the entries that hold something, whatever they are called."""
    for key in [key for key, value in metadata.items() if _holds({key: value}, wanted)]:
        del metadata[key]


def _holds(thing: Any, wanted: set[str]) -> bool:
    if "key" in wanted and has_filled_password(thing):
        return True
    if "person" in wanted and names_person(thing):
        return True
    return any(kind in wanted for kind, _ in found_in(thing))
