"""Tell whether notebooks are fit to commit: nothing stale, nothing of one machine, nothing that is not for all.

Looking is fast and runs nothing: a notebook is read as JSON, whatever it holds, widget state and metadata
included. :func:`run` executes it as well. What is found is named by its kind and its place, and never printed.

Kinds of findings: ``kernel``, ``not-run``, ``order``, ``missing-output``, ``error``, ``key``, ``address``,
``path``, ``person``, ``large``, ``timing``, ``widgets``; and from a run ``hangs``, ``dies``, ``fails``,
``stale``. What is found of the secret ones, and what is not, is written in :mod:`dirsync_nb.notebooks.secrets`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .. import errors
from ..client.calls import every_call
from . import secrets, stable
from .cells import ERROR_TAGS, FREE_TAGS, UNCOMPARED_TAGS, Cell, by_mime, first_line, has_code, is_free, tags_of
from .files import notebooks_in, read, write
from .findings import KINDS, LARGE, Finding, check_file
from .fix import fix

__all__ = ["KINDS", "Finding", "Report", "check", "check_file", "fix", "notebooks_in", "run"]

JSON_VERSION = 2


@dataclass
class Report:
    """What was found in a number of notebooks."""

    notebooks: int = 0
    findings: list[Finding] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 something to change, 2 something that could not be read."""
        return 2 if self.unreadable else int(bool(self.findings))

    def to_json(self) -> str:
        """Write it for machines; ``version`` changes when the shape does."""
        shape = {
            "version": JSON_VERSION,
            "notebooks": self.notebooks,
            "findings": [asdict(finding) for finding in self.findings],
            "unreadable": [{"file": file, "problem": problem} for file, problem in self.unreadable],
            "fixed": self.fixed,
            "saved": self.saved,
        }
        return json.dumps(shape, indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        """Return one line for each finding, and a last one that sums up."""
        lines = [str(finding) for finding in self.findings]
        lines += [f"{file}: could not be read: {problem}" for file, problem in self.unreadable]
        lines += [f"{file}: what it shows now is stored" for file in self.saved]
        lines += [f"{file}: mended" for file in self.fixed]
        files = len({finding.file for finding in self.findings})
        count = "1 notebook" if self.notebooks == 1 else f"{self.notebooks} notebooks"
        things = "1 thing" if len(self.findings) == 1 else f"{len(self.findings)} things"
        if self.findings or self.notebooks or not self.unreadable:
            lines.append(f"{count}: " + (f"{things} to change in {files}" if files else "nothing to change"))
        return "\n".join(lines)


def check(
    paths: str | Path | Iterable[str | Path],
    *,
    skip: Iterable[str] = (),
    large: int = LARGE,
    mend: bool = False,
    timeout: int | None = None,
    save: bool = False,
) -> Report:
    """Check files, and all notebooks in folders.

    Parameters
    ----------
    paths
        Notebooks and folders. Hidden folders in a folder are passed by.
    skip
        Kinds not to look for.
    large
        Bytes from which an output counts as ``large``.
    mend
        Also take away what :func:`fix` can.
    timeout
        Seconds a cell may take; given, each notebook is also run.
    save
        Also store what the run showed, before looking.

    Returns
    -------
    Report
        With ``mend``, of what is left.
    """
    report, skipped = Report(), set(skip)
    for path in _paths(paths):
        try:
            files = notebooks_in(path)
        except OSError as error:
            report.unreadable.append((str(path), _why_unreadable(error)))
            continue
        for file in files:
            _check_one(report, file, skipped, large, mend=mend, timeout=timeout, save=save)
    return report


def _paths(given: Any) -> list[Path]:
    """Return one path or several as such; refuse what is none."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]
    if odd := [one for one in listed if not isinstance(one, (str, os.PathLike))]:
        raise errors.ArgumentError(f"a path is text such as 'notebooks', or a pathlib.Path; got {odd[0]!r:.80}")
    return [Path(one) for one in listed]


def _check_one(
    report: Report, file: Path, skipped: set[str], large: int, *, mend: bool, timeout: int | None, save: bool
) -> None:
    report.notebooks += 1
    try:
        before, _ = read(file)  # before a run, which takes longer to find out
        ran = [] if timeout is None else _looked_for(run(file, timeout=timeout, save=save), skipped)
        if save and read(file)[0] != before:
            report.saved.append(str(file))
        found = _looked_for(check_file(file, large=large), skipped)
        if mend and any(one.fixable for one in found) and fix(file, {one.kind for one in found}):
            report.fixed.append(str(file))
            found = _looked_for(check_file(file, large=large), skipped)
    except (OSError, ValueError, RecursionError) as error:
        report.unreadable.append((str(file), _why_unreadable(error)))
        return
    report.findings += found + ran


def _looked_for(found: list[Finding], skipped: set[str]) -> list[Finding]:
    return [one for one in found if one.kind not in skipped]


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "cannot be opened"
    return "this notebook is nested too deep" if isinstance(error, RecursionError) else str(error)


def run(path: Path, *, timeout: int, seed: int = 1, save: bool = False) -> list[Finding]:
    """Run a notebook in its folder, against a sandbox of its own and without a key; say what stopped it.

    The kernel reaches this machine only. Cells that nbval leaves out are left out here as well.

    Parameters
    ----------
    path
        The notebook.
    timeout
        Seconds a cell may take.
    seed
        Of the sandbox.
    save
        Store the outputs of an unbroken run in the file, without the times of it. Outputs that say the same as
        before stay as they are, and so does all else in the file. Default: nothing is written, and outputs that
        differ from what is stored are told.
    """
    from ..connect import SHARED_SANDBOX
    from ..sandbox import Sandbox
    from . import network_guard, tour

    with tempfile.TemporaryDirectory(prefix="dirsync-check-") as name, Sandbox(seed=seed) as sandbox:
        folder, log = Path(name), Path(name) / "outbound.log"
        network_guard.write_sitecustomize(folder, log)
        environment = stable.ENVIRONMENT | network_guard.kept_here(dict(os.environ), folder)
        environment[SHARED_SANDBOX] = sandbox.url
        begun, notebook = path.read_bytes(), tour.read(path)
        for each in notebook.cells:
            _tag_for_nbclient(each)
        chapter = tour.run(path, notebook, path.resolve().parent, environment, timeout, as_ended=True)
        refused = sorted(
            {address for word, address in network_guard.read(log)[0] if word == network_guard.REFUSED}
        )
    if chapter.problem is None and not refused:
        if save and path.read_bytes() != begun:
            return [
                _finding(path, None, {}, "fails", "changed while it ran, so nothing was saved: run it again")
            ]
        return _save(path, chapter.notebook) if save else list(_stale(path, chapter.notebook))
    # In an unbroken run no cell ends in an error, so the last one that did is where it stopped.
    stopped = [
        (number, cell)
        for number, cell in enumerate(chapter.notebook.cells, 1)
        if any(output.output_type == "error" for output in cell.get("outputs", []))
    ]
    number, cell = stopped[-1] if stopped else (None, {})
    kind, problem = _what_happened(chapter.problem or "", timeout, refused)
    return [_finding(path, number, cell, kind, problem)]


def _finding(path: Path, number: int | None, cell: Cell, kind: str, problem: str) -> Finding:
    return Finding(str(path), number, first_line(cell), kind, "run", problem, KINDS[kind], fixable=False)


def _tag_for_nbclient(cell: Any) -> None:
    """Say with the tags that nbclient knows what was said with those of nbval."""
    tags = tags_of(cell)
    known = {
        name
        for name, nbval in (("skip-execution", FREE_TAGS), ("raises-exception", ERROR_TAGS))
        if tags & nbval
    }
    if known - tags:
        cell.metadata["tags"] = sorted(tags | known)


def _stale(path: Path, ran: Any) -> Iterator[Finding]:
    """Find outputs that are not what the run showed; of a cell that has none stored, that is told elsewhere."""
    notebook, _ = read(path)
    for number, (cell, made) in enumerate(zip(notebook["cells"], _cells_of(ran), strict=True), 1):
        free = not has_code(cell) or is_free(cell) or tags_of(cell) & UNCOMPARED_TAGS
        old, new = cell.get("outputs"), made.get("outputs")
        if old and not free and stable.keep_same(old, kept := stable.without_cell_file(new)) is not old:
            yield _finding(path, number, cell, "stale", _difference(old, kept))


def _difference(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    """Return in words where two outputs of a cell differ first."""
    for stored, shown in zip_longest(_lines(old), _lines(new), fillvalue=""):
        if stored != shown:
            told = (secrets.hidden(textwrap.shorten(one, 60, placeholder="…")) for one in (shown, stored))
            return "shows {!r}, and stored is {!r}".format(*told)
    return "shows something else than is stored"


def _lines(outputs: list[dict[str, Any]]) -> list[str]:
    texts = [by_mime(output).get("text/plain") or output.get("text") or "" for output in outputs]
    return [
        line
        for text in texts
        for line in stable.steadied("".join(text) if isinstance(text, list) else str(text)).splitlines()
    ]


def _cells_of(ran: Any) -> list[dict[str, Any]]:
    import nbformat

    cells: list[dict[str, Any]] = json.loads(nbformat.writes(ran))["cells"]  # type: ignore[no-untyped-call]
    return cells


def _save(path: Path, ran: Any) -> list[Finding]:
    """Put the outputs of a run into the file, and nothing else of it."""
    notebook, raw = read(path)
    before = json.dumps(notebook)
    for cell, made in zip(notebook["cells"], _cells_of(ran), strict=True):
        if has_code(cell) and not is_free(cell):
            if tags_of(cell) & UNCOMPARED_TAGS and cell.get("outputs"):
                continue  # any of its outputs will do
            cell["outputs"] = stable.keep_same(
                cell.get("outputs", []), stable.without_cell_file(made["outputs"])
            )
            cell["execution_count"] = made["execution_count"]
    if json.dumps(notebook) != before:
        write(path, notebook, like=raw)
    return []


def _what_happened(problem: str, timeout: int, refused: list[str]) -> tuple[str, str]:
    if refused:
        return "fails", f"asked for {', '.join(refused)}, and may reach this machine only"
    if "was not done within" in problem:
        return "hangs", f"was not done within {timeout} s"
    if "the kernel died" in problem:
        return "dies", "the kernel died (out of memory, or a crash)"
    return "fails", secrets.hidden(re.sub(r"^cell \d+, (['\"]).*?\1: ", "", problem))


every_call(__name__)
