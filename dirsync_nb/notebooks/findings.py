"""What is found in a notebook that is not fit to commit, without running it. Nothing found is ever printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import secrets
from .cells import (
    ERROR_TAGS,
    Cell,
    by_mime,
    first_line,
    found_in,
    has_code,
    has_filled_password,
    has_times,
    is_free,
    is_stateless,
    names_person,
    should_show,
    size,
    tags_of,
)
from .files import read

__all__ = ["KINDS", "LARGE", "Finding", "check_file", "kernel_problem"]

LARGE = 200_000  # bytes of one output; a page with more is slow to open and to compare

BY_FIX = " (--fix does, from outputs and metadata)"
KINDS = {
    "kernel": "name it python3: in JupyterLab choose the kernel Python 3 (ipykernel) and save, or use --fix",
    "not-run": "run the notebook from top to bottom and save it with its outputs, as --run --save does",
    "order": "restart the kernel, run all cells from top to bottom, and save",
    "missing-output": "run the notebook from top to bottom and save it with its outputs",
    "error": "mend the cell and run the notebook again, or tag it raises-exception if it is meant to fail",
    "key": f"withdraw it where it was made, then take it out{BY_FIX}",
    "address": f"use one at example.com or under .test, or take it out{BY_FIX}",
    "path": f"use a path relative to the notebook, or take it out{BY_FIX}",
    "person": "use --fix, which keeps the outputs",
    "large": "show fewer rows or a smaller picture",
    "timing": "use --fix, which keeps the outputs; in JupyterLab the setting recordTiming keeps it out",
    "widgets": "use --fix, which puts it in order and keeps it",
    "hangs": "make the cell end by itself, or allow it more time with --timeout",
    "dies": "look for what takes all memory or ends the process",
    "fails": "mend the cell, and run the notebook from top to bottom",
    "stale": "look which of the two is right; --run --save stores what a run shows now",
}
_WORDS = {
    secrets.KEY: ("a key or token", "keys or tokens"),
    secrets.ADDRESS: ("a person's address", "people's addresses"),
    secrets.PATH: ("a path of somebody's machine", "paths of somebody's machine"),
}
_PARTS_OF_A_CELL = {"source", "outputs", "attachments", "metadata"}

Numbered = tuple[int, Cell]  # all cells count, from 1


@dataclass(frozen=True)
class Finding:
    """One thing to change in one notebook.

    ``cell`` counts all cells from 1 and is None for the notebook itself; ``first_line`` helps to find it, with
    what must not be shown taken out. ``fixable`` tells whether :func:`dirsync_nb.notebooks.fix.fix` can take it
    away.
    """

    file: str
    cell: int | None
    first_line: str
    kind: str
    place: str
    problem: str
    advice: str
    fixable: bool

    def __str__(self) -> str:
        """Return it in one line."""
        where = self.file if self.cell is None else f"{self.file}, cell {self.cell} ({self.first_line!r})"
        return f"{where}: {self.kind}: {self.problem}; {self.advice}"


def check_file(path: Path, *, large: int = LARGE) -> list[Finding]:
    """Look at one notebook, without running it.

    Raises
    ------
    ValueError
        It is no notebook, or of a format from before 2015.
    """
    return list(_Look(str(path), read(path)[0], large).everything())


def kernel_problem(notebook: dict[str, Any]) -> str:
    """Return what is wrong with the kernel's name; "" for nothing.

    NBC-03: a personal name runs on one machine only. Other languages than Python have their own names.
    """
    metadata = notebook.get("metadata", {})
    spec = metadata.get("kernelspec") or {}
    language = spec.get("language") or (metadata.get("language_info") or {}).get("name") or "python"
    if language != "python" or spec.get("name") == "python3":
        return ""
    return "the kernel has a name of its own" if spec.get("name") else "no kernel is named"


class _Look:
    """One look at one notebook."""

    def __init__(self, file: str, notebook: dict[str, Any], large: int) -> None:
        self.file, self.notebook, self.large = file, notebook, large

    def everything(self) -> Iterator[Finding]:
        if problem := kernel_problem(self.notebook):
            yield self._made("kernel", f"{problem}, so it runs on one machine only", fixable=True)
        cells: list[Cell] = self.notebook["cells"]
        yield from self._order(cells)
        for here in enumerate(cells, 1):
            yield from self._cell(here)
        rest = {key: value for key, value in self.notebook.items() if key != "cells"}
        metadata = dict(rest.pop("metadata", {}))
        widgets = metadata.pop("widgets", None)
        yield from self._sensitive(None, "notebook metadata", metadata)
        yield from self._sensitive(None, "widget state", widgets)
        timed = [number for number, cell in enumerate(cells, 1) if has_times(cell.get("metadata", {}))]
        if timed or has_times(metadata):
            cell = "cell" if len(timed) == 1 else "cells"
            of = f"of {len(timed)} {cell}" if timed else "of the notebook"
            yield self._made(
                "timing", f"times of runs {of}, which differ every time", place="metadata", fixable=True
            )
        if names_person([metadata, *(cell.get("metadata") for cell in cells)]):
            problem = "a person's name or account, as Colab stores it"
            yield self._made("person", problem, place="metadata", fixable=True)
        if is_stateless(widgets):
            problem = "widget state without `state` around it, which GitHub and nbconvert refuse"
            yield self._made("widgets", problem, place="widget state", fixable=True)
        if has_filled_password(widgets):  # such a field saves what was typed into it, in clear
            problem = "a filled password field in the widget state"
            yield self._made("key", problem, place="widget state", fixable=True)
        yield from self._sensitive(None, "notebook", rest, fixable=False)

    def _made(
        self,
        kind: str,
        problem: str,
        *,
        here: Numbered | None = None,
        place: str = "notebook",
        fixable: bool = False,
    ) -> Finding:
        number, line = (None, "") if here is None else (here[0], first_line(here[1]))
        advice = KINDS[kind] if fixable else KINDS[kind].removesuffix(BY_FIX)
        return Finding(self.file, number, line, kind, place, problem, advice, fixable)

    def _order(self, cells: list[Cell]) -> Iterator[Finding]:
        """Compare the numbers cells got when they ran with those of one run from top to bottom."""
        meant = [here for here in enumerate(cells, 1) if has_code(here[1]) and not is_free(here[1])]
        bare = [here for here in meant if here[1].get("execution_count") is None]
        if bare and len(bare) == len(meant):
            yield self._made("not-run", "no cell was run, or all outputs were stripped")
            return
        for here in bare:
            yield self._made("not-run", "was not run, or was stripped", here=here, place="outputs")
        if bare:
            return  # with gaps the numbers say nothing
        for place, here in enumerate(meant, 1):
            count = here[1]["execution_count"]
            if count != place:
                shown = count if isinstance(count, int) else "(none)"  # text in its place is not ours to show
                problem = f"was run as number {shown}, not {place}: not one run from top to bottom"
                yield self._made("order", problem, here=here, place="outputs")
                return

    def _cell(self, here: Numbered) -> Iterator[Finding]:
        _, cell = here
        yield from self._sensitive(here, "source", cell.get("source"), fixable=False)
        yield from self._sensitive(here, "cell metadata", cell.get("metadata", {}))
        yield from self._sensitive(here, "attachments", cell.get("attachments"), fixable=False)
        rest = {key: value for key, value in cell.items() if key not in _PARTS_OF_A_CELL}
        yield from self._sensitive(here, "cell", rest, fixable=False)
        for place, output in enumerate(cell.get("outputs", []), 1):
            yield from self._output(here, f"output {place}", output)
        if should_show(cell):
            problem = "shows something, but no output is stored"
            yield self._made("missing-output", problem, here=here, place="outputs")

    def _output(self, here: Numbered, place: str, output: dict[str, Any]) -> Iterator[Finding]:
        if output.get("output_type") == "error" and not tags_of(here[1]) & ERROR_TAGS:
            yield self._made("error", f"ended in an error ({_error_name(output)})", here=here, place=place)
        if (weight := size(output)) > self.large:
            most = f"{self.large / 1000:,.0f} kB"
            problem = f"{place} is {weight / 1000:,.0f} kB; at most {most} keep a page quick"
            yield self._made("large", problem, here=here, place=place)
        for mime, content in by_mime(output).items():
            yield from self._sensitive(here, f"{place}, {_mime(mime)}", {mime: content})
        rest = {key: value for key, value in output.items() if key != "data" or not isinstance(value, dict)}
        yield from self._sensitive(here, place, rest)

    def _sensitive(
        self, here: Numbered | None, place: str, thing: Any, *, fixable: bool = True
    ) -> Iterator[Finding]:
        """Report what must not be shared in one place: one finding for each kind, with how many there are."""
        matches = set(found_in(thing))
        for kind, (one, many) in _WORDS.items():
            count = sum(found == kind for found, _ in matches)
            if count:
                # Keys are not counted: one that is found in two ways would count twice.
                words = one if count == 1 else many if kind == secrets.KEY else f"{count} {many}"
                yield self._made(kind, f"{words} in the {place}", here=here, place=place, fixable=fixable)


def _error_name(output: dict[str, Any]) -> str:
    name = output.get("ename")
    return name if isinstance(name, str) and re.fullmatch(r"[A-Z][A-Za-z]{2,40}", name) else "of some kind"


def _mime(name: str) -> str:
    return name if re.fullmatch(r"[a-z]+/[a-z.+-]{1,60}", name) and not secrets.found(name) else "data"
