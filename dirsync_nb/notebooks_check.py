"""Tell whether notebooks are fit to commit: nothing stale, nothing of one machine, nothing that is not for all.

Looking is fast and runs nothing: a notebook is read as JSON, whatever it holds, widget state and metadata
included. :func:`run` executes it as well. What is found is named by its kind and its place, and never printed.

Kinds of findings: ``kernel``, ``not-run``, ``order``, ``missing-output``, ``error``, ``key``, ``address``,
``path``, ``large``, ``timing``; and from a run ``hangs``, ``dies``, ``fails``.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import sensitive

__all__ = ["KINDS", "Finding", "Report", "check", "check_file", "fix", "notebooks_in", "run"]

LARGE = 200_000  # bytes of one output; a page with more is slow to open and to compare
STANDARD_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
JSON_VERSION = 1

KINDS = {
    "kernel": "name it python3: in JupyterLab choose the kernel Python 3 (ipykernel) and save, or use --fix",
    "not-run": "run the notebook from top to bottom and save it with its outputs",
    "order": "restart the kernel, run all cells from top to bottom, and save",
    "missing-output": "run the notebook from top to bottom and save it with its outputs",
    "error": "mend the cell and run the notebook again, or tag it raises-exception if it is meant to fail",
    "key": "withdraw it where it was made, then take it out (--fix strips outputs and metadata)",
    "address": "use one at example.com or under .test, or take it out (--fix strips outputs and metadata)",
    "path": "use a path relative to the notebook, or take it out (--fix strips outputs and metadata)",
    "large": "show fewer rows or a smaller picture",
    "timing": "use --fix; to keep it out, switch off the setting recordTiming in JupyterLab",
    "hangs": "make the cell end by itself, or allow it more time with --timeout",
    "dies": "look for what takes all memory or ends the process",
    "fails": "mend the cell, and run the notebook from top to bottom",
}
_WORDS = {
    sensitive.KEY: ("a key or token", "keys or tokens"),
    sensitive.ADDRESS: ("a person's address", "people's addresses"),
    sensitive.PATH: ("a path of somebody's machine", "paths of somebody's machine"),
}
_FREE_TAGS = {"nbval-skip", "skip-execution"}  # cells that are not meant to run
_ERROR_TAGS = {"raises-exception", "nbval-raises-exception"}
_MARKERS = re.compile(r"^\s*#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION)\s*$", re.MULTILINE)
_TIMING = ("execution", "ExecuteTime", "execution_time")
_LINE_WIDTH = 60


@dataclass(frozen=True)
class Finding:
    """One thing to change in one notebook.

    ``cell`` counts all cells from 1 and is None for the notebook itself; ``first_line`` helps to find it, with
    what must not be shown taken out. ``fixable`` tells whether :func:`fix` can take it away.
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
        """Say it in one line."""
        where = self.file if self.cell is None else f"{self.file}, cell {self.cell} ({self.first_line!r})"
        return f"{where}: {self.kind}: {self.problem}; {self.advice}"


@dataclass
class Report:
    """What was found in a number of notebooks."""

    notebooks: int = 0
    findings: list[Finding] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)

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
        }
        return json.dumps(shape, indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        """Say one line for each finding, and a last one that sums up."""
        lines = [str(finding) for finding in self.findings]
        lines += [f"{file}: could not be read: {problem}" for file, problem in self.unreadable]
        lines += [f"{file}: mended" for file in self.fixed]
        files = len({finding.file for finding in self.findings})
        count = "1 notebook" if self.notebooks == 1 else f"{self.notebooks} notebooks"
        things = "1 thing" if len(self.findings) == 1 else f"{len(self.findings)} things"
        lines.append(
            f"{count}: {things} to change in {files}" if self.findings else f"{count}: nothing to change"
        )
        return "\n".join(lines)


def check(
    paths: Iterable[Path],
    *,
    skip: Iterable[str] = (),
    large: int = LARGE,
    mend: bool = False,
    timeout: int | None = None,
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

    Returns
    -------
    Report
        With ``mend``, of what is left.
    """
    report, skipped = Report(), set(skip)
    for path in paths:
        try:
            files = notebooks_in(path)
        except OSError as error:
            report.unreadable.append((str(path), error.strerror or "cannot be opened"))
            continue
        for file in files:
            _check_one(report, file, skipped, large, mend=mend, timeout=timeout)
    return report


def _check_one(
    report: Report, file: Path, skipped: set[str], large: int, *, mend: bool, timeout: int | None
) -> None:
    report.notebooks += 1
    try:
        found = [one for one in check_file(file, large=large) if one.kind not in skipped]
        if mend and any(one.fixable for one in found) and fix(file, {one.kind for one in found}):
            report.fixed.append(str(file))
            found = [one for one in check_file(file, large=large) if one.kind not in skipped]
    except OSError as error:
        report.unreadable.append((str(file), error.strerror or "cannot be opened"))
        return
    except ValueError as error:
        report.unreadable.append((str(file), str(error)))
        return
    except RecursionError:
        report.unreadable.append((str(file), "this notebook is nested too deep"))
        return
    if timeout is not None:
        found += [one for one in run(file, timeout=timeout) if one.kind not in skipped]
    report.findings += found


def notebooks_in(path: Path) -> list[Path]:
    """Give the notebook itself, or those in a folder and below.

    Raises
    ------
    OSError
        There is no such file or folder, or no notebook in the folder.
    """
    if not path.is_dir():
        path.stat()
        return [path]
    every = path.rglob("*.ipynb")
    hidden = {"node_modules", "__pycache__"}
    files = sorted(
        file
        for file in every
        if not any(part.startswith(".") or part in hidden for part in file.relative_to(path).parts)
    )
    if not files:
        raise OSError(0, "no notebook in this folder")
    return files


def check_file(path: Path, *, large: int = LARGE) -> list[Finding]:
    """Look at one notebook, without running it.

    Raises
    ------
    ValueError
        It is no notebook, or of a format from before 2015.
    """
    return list(_Look(str(path), _read(path)[0], large).everything())


# -- looking -------------------------------------------------------------------------------------------------


class _Look:
    """One look at one notebook."""

    def __init__(self, file: str, notebook: dict[str, Any], large: int) -> None:
        self.file, self.notebook, self.large = file, notebook, large

    def everything(self) -> Iterator[Finding]:
        yield from self.kernel()
        cells: list[dict[str, Any]] = self.notebook["cells"]
        yield from self._order(cells)
        for number, cell in enumerate(cells, 1):
            yield from self._cell(number, cell)
        rest = {key: value for key, value in self.notebook.items() if key != "cells"}
        metadata = dict(rest.pop("metadata", {}))
        widgets = metadata.pop("widgets", None)
        yield from self._sensitive(None, None, "notebook metadata", metadata)
        yield from self._sensitive(None, None, "widget state", widgets)
        yield from self._passwords(widgets)
        yield from self._sensitive(None, None, "notebook", rest, fixable=False)

    def _made(
        self,
        kind: str,
        problem: str,
        *,
        cell: tuple[int, dict[str, Any]] | None = None,
        place: str = "notebook",
        fixable: bool = False,
    ) -> Finding:
        number, line = (None, "") if cell is None else (cell[0], first_line(cell[1]))
        return Finding(self.file, number, line, kind, place, problem, KINDS[kind], fixable)

    def kernel(self) -> Iterator[Finding]:
        """NBC-03: a personal kernel name runs on one machine only. Other languages have their own names."""
        metadata = self.notebook.get("metadata", {})
        spec = metadata.get("kernelspec") or {}
        language = spec.get("language") or (metadata.get("language_info") or {}).get("name") or "python"
        if language == "python" and spec.get("name") != "python3":
            problem = "the kernel has a name of its own" if spec.get("name") else "no kernel is named"
            yield self._made("kernel", f"{problem}, so it runs on one machine only", fixable=True)

    def _order(self, cells: list[dict[str, Any]]) -> Iterator[Finding]:
        """Compare the numbers cells got when they ran with those of one run from top to bottom."""
        ran = [(number, cell) for number, cell in enumerate(cells, 1) if _has_code(cell) and not _is_free(cell)]
        bare = [pair for pair in ran if pair[1].get("execution_count") is None]
        if bare and len(bare) == len(ran):
            yield self._made("not-run", "no cell was run, or all outputs were stripped")
            return
        for pair in bare:
            yield self._made("not-run", "was not run, or was stripped", cell=pair, place="outputs")
        counted = [pair for pair in ran if pair[1].get("execution_count") is not None]
        if bare:
            return  # with gaps the numbers say nothing
        for place, (number, cell) in enumerate(counted, 1):
            if cell["execution_count"] != place:
                count = cell["execution_count"]
                shown = count if isinstance(count, int) else "(none)"  # text in its place is not ours to show
                problem = f"was run as number {shown}, not {place}: not one run from top to bottom"
                yield self._made("order", problem, cell=(number, cell), place="outputs")
                return

    def _cell(self, number: int, cell: dict[str, Any]) -> Iterator[Finding]:
        here = (number, cell)
        yield from self._sensitive(number, cell, "source", cell.get("source"), fixable=False)
        known = {"source", "outputs", "attachments", "metadata"}
        yield from self._sensitive(number, cell, "cell metadata", _untimed(cell.get("metadata", {})))
        yield from self._sensitive(number, cell, "attachments", cell.get("attachments"), fixable=False)
        rest = {key: value for key, value in cell.items() if key not in known}
        yield from self._sensitive(number, cell, "cell", rest, fixable=False)
        if any(key in cell.get("metadata", {}) for key in _TIMING):
            problem = "holds the time of its run, which differs every time"
            yield self._made("timing", problem, cell=here, place="cell metadata", fixable=True)
        for place, output in enumerate(cell.get("outputs", []), 1):
            yield from self._output(here, f"output {place}", output)
        if _should_show(cell):
            yield self._made(
                "missing-output", "shows something, but no output is stored", cell=here, place="outputs"
            )

    def _output(
        self, here: tuple[int, dict[str, Any]], place: str, output: dict[str, Any]
    ) -> Iterator[Finding]:
        number, cell = here
        if output.get("output_type") == "error" and not _tags(cell) & _ERROR_TAGS:
            yield self._made("error", f"ended in an error ({_error_name(output)})", cell=here, place=place)
        if (size := _size(output)) > self.large:
            problem = f"{place} is {size / 1000:,.0f} kB; at most {self.large / 1000:,.0f} kB keep a page quick"
            yield self._made("large", problem, cell=here, place=place)
        data = output.get("data")
        for mime, content in data.items() if isinstance(data, dict) else ():
            yield from self._sensitive(number, cell, f"{place}, {_mime(mime)}", {mime: content})
        rest = {key: value for key, value in output.items() if key != "data" or not isinstance(data, dict)}
        yield from self._sensitive(number, cell, place, rest)

    def _sensitive(
        self, number: int | None, cell: dict[str, Any] | None, place: str, thing: Any, *, fixable: bool = True
    ) -> Iterator[Finding]:
        """Report what must not be shared in one place: one finding for each kind, with how many there are."""
        matches = {match for text in _texts(thing) for match in sensitive.found(text)}
        for kind, (one, many) in _WORDS.items():
            count = sum(found == kind for found, _ in matches)
            if count:
                # Keys are not counted: one that is found in two ways would count twice.
                words = one if count == 1 else many if kind == sensitive.KEY else f"{count} {many}"
                problem = f"{words} in the {place}"
                pair = None if number is None or cell is None else (number, cell)
                yield self._made(kind, problem, cell=pair, place=place, fixable=fixable)

    def _passwords(self, widgets: Any) -> Iterator[Finding]:
        """Report a password field: it saves what was typed into it, in clear, with the state of the widgets."""
        if any(_is_filled_password(state) for state in _dicts(widgets)):
            yield self._made(
                "key", "a filled password field in the widget state", place="widget state", fixable=True
            )


def first_line(cell: dict[str, Any]) -> str:
    """Give the first line of a cell with words in it, without what must not be shown, cut to a width."""
    text = _joined(cell.get("source"))
    lines = [line.strip() for line in sensitive.hidden(text).splitlines() if line.strip()]
    line = sensitive.hidden(lines[0]) if lines else ""
    return line if len(line) <= _LINE_WIDTH else line[: _LINE_WIDTH - 1] + "…"


def _texts(thing: Any, mime: str = "") -> Iterator[str]:
    """Give every text in a piece of JSON, names of fields as well; lines of one text together."""
    if isinstance(thing, str):
        yield from _of_mime(thing, mime)
    elif isinstance(thing, list):
        if thing and all(isinstance(item, str) for item in thing):
            yield from _of_mime("".join(thing), mime)
            yield from thing if not mime else ()
        else:
            for item in thing:
                yield from _texts(item)
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield key
            yield from _texts(value, key if "/" in key else "")
            if isinstance(value, str) and len(value) < 400:
                yield f'"{key}": "{value}"'  # so that the name of a field can tell what its value is
    elif thing is not None and not isinstance(thing, bool):
        yield str(thing)


def _of_mime(text: str, mime: str) -> Iterator[str]:
    if mime.startswith("image/") and mime != "image/svg+xml":
        yield from sensitive.image_texts(sensitive.unbase64(text))
    else:
        yield text


def _untimed(metadata: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in _TIMING}


def _dicts(thing: Any) -> Iterator[dict[str, Any]]:
    if isinstance(thing, dict):
        yield thing
        for value in thing.values():
            yield from _dicts(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from _dicts(value)


def _is_filled_password(state: dict[str, Any]) -> bool:
    inner = state.get("state", state)
    names = (state.get("model_name"), inner.get("_model_name") if isinstance(inner, dict) else None)
    return "PasswordModel" in names and isinstance(inner, dict) and bool(inner.get("value"))


def _has_code(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] == "code" and bool(_joined(cell.get("source")).strip())


def _tags(cell: dict[str, Any]) -> set[str]:
    """Give the tags of a cell, and what nbval reads from a comment as if it were one."""
    tags = cell.get("metadata", {}).get("tags")
    marked = {name.lower().replace("_", "-") for name in _MARKERS.findall(_joined(cell.get("source")))}
    return marked | ({tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set())


def _is_free(cell: dict[str, Any]) -> bool:
    return bool(_tags(cell) & _FREE_TAGS)


def _should_show(cell: dict[str, Any]) -> bool:
    """Tell whether a cell that was run ends in a value, or prints, and yet has no output."""
    if not _has_code(cell) or cell.get("execution_count") is None or cell.get("outputs"):
        return False
    source = _joined(cell["source"]).rstrip()
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):  # magics, shell commands, another language
        return False
    if not body:
        return False
    last = body[-1]
    named = (
        ast.Name | ast.Subscript | ast.BinOp | ast.Constant | ast.Compare | ast.JoinedStr | ast.List | ast.Dict
    )
    shown = isinstance(last, ast.Expr) and isinstance(last.value, named) and not source.endswith(";")
    nothing = isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is None
    return (shown and not nothing) or any(_prints(statement) for statement in body)


def _prints(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return False
    to = {keyword.arg for keyword in call.keywords}
    return call.func.id in ("print", "display") and not to & {"file", "end"}


def _size(output: dict[str, Any]) -> int:
    """Weigh an output; a picture as the bytes it is, not as the text it is written in."""
    data = output.get("data")
    pictures = {
        mime: content
        for mime, content in (data.items() if isinstance(data, dict) else ())
        if mime.startswith("image/") and mime != "image/svg+xml"
    }
    words = dict(output)
    if isinstance(data, dict):
        words["data"] = {mime: content for mime, content in data.items() if mime not in pictures}
    return _bytes_of(pictures) * 3 // 4 + _bytes_of(words)


def _bytes_of(thing: Any) -> int:
    return len(json.dumps(thing, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _error_name(output: dict[str, Any]) -> str:
    name = output.get("ename")
    return name if isinstance(name, str) and re.fullmatch(r"[A-Z][A-Za-z]{2,40}", name) else "of some kind"


def _mime(name: str) -> str:
    return name if re.fullmatch(r"[a-z]+/[a-z.+-]{1,60}", name) and not sensitive.found(name) else "data"


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else source or ""


# -- reading and writing -------------------------------------------------------------------------------------


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """Read a notebook as the JSON it is, and its text."""
    raw = path.read_bytes().decode("utf-8", "strict") if path.stat().st_size else ""
    try:
        notebook = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("this is not a notebook: not JSON") from None
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise ValueError("this is not a notebook: JSON, but of another kind")
    if notebook["nbformat"] != 4:
        raise ValueError("a notebook of another format than 4; open it in JupyterLab and save it")
    if not _is_whole(notebook):
        raise ValueError("this notebook is damaged: cells, sources or outputs are not where they belong")
    return notebook, raw


def _is_whole(notebook: dict[str, Any]) -> bool:
    """Tell whether what is read later has the form it should have."""
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not isinstance(notebook.get("metadata", {}), dict):
        return False
    spec = (
        notebook.get("metadata", {}).get("kernelspec", {}),
        notebook.get("metadata", {}).get("language_info", {}),
    )
    return all(part is None or isinstance(part, dict) for part in spec) and all(map(_is_whole_cell, cells))


def _is_whole_cell(cell: Any) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source, outputs = cell.get("source", ""), cell.get("outputs", [])
    return (
        (
            isinstance(source, str)
            or (isinstance(source, list) and all(isinstance(line, str) for line in source))
        )
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in outputs)
        and isinstance(cell.get("metadata", {}), dict)
    )


def fix(path: Path, kinds: Iterable[str] | None = None) -> bool:
    """Take away what can go without touching a word that somebody wrote; tell whether anything changed.

    Outputs, cell and notebook metadata and widget state that hold keys, addresses or paths go; the kernel gets
    its standard name; times of runs go. Sources and attachments stay: what is wrong there, a person mends. A
    cell that lost an output counts as not run, so that it cannot pass as checked. The file keeps its layout and
    is replaced in one step.

    Parameters
    ----------
    path
        The notebook.
    kinds
        Only for findings of these kinds. Default: all.
    """
    notebook, raw = _read(path)
    wanted = set(KINDS if kinds is None else kinds)
    notebook.setdefault("metadata", {})
    before = json.dumps(notebook)
    named = "kernelspec" in notebook["metadata"]
    _clean(notebook["metadata"], wanted)
    lost = named and "kernelspec" not in notebook["metadata"]
    if (lost or "kernel" in wanted) and any(_Look("", notebook, LARGE).kernel()):
        notebook["metadata"]["kernelspec"] = dict(STANDARD_KERNEL)
    for cell in notebook["cells"]:
        _fix_cell(cell, wanted)
    if json.dumps(notebook) == before:
        return False
    _replace(path, _written_like(raw, notebook))
    return True


def _fix_cell(cell: dict[str, Any], wanted: set[str]) -> None:
    metadata = cell.get("metadata", {})
    if "timing" in wanted:
        for key in _TIMING:
            metadata.pop(key, None)
    _clean(metadata, wanted)
    outputs = cell.get("outputs")
    if outputs:
        kept = [output for output in outputs if not _holds(output, wanted)]
        if len(kept) < len(outputs):
            cell["outputs"], cell["execution_count"] = kept, None


def _clean(metadata: dict[str, Any], wanted: set[str]) -> None:
    """Take out the entries that hold something, whatever they are called."""
    for key in [key for key, value in metadata.items() if _holds({key: value}, wanted)]:
        del metadata[key]


def _holds(thing: Any, wanted: set[str]) -> bool:
    if "key" in wanted and any(_is_filled_password(state) for state in _dicts(thing)):
        return True
    return any(kind in wanted for text in _texts(thing) for kind, _ in sensitive.found(text))


def _written_like(raw: str, notebook: dict[str, Any]) -> str:
    """Write a notebook as it was written: indent, kind of line end, last line end, escapes."""
    indent = re.match(r"\s*\{\r?\n([ \t]*)", raw)
    text = json.dumps(
        notebook,
        indent=indent[1] if indent else None,
        ensure_ascii=raw.isascii(),
        separators=None if indent or '": ' in raw[:400] else (",", ":"),
    )
    text += raw[len(raw.rstrip()) :].replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in raw else text


def _replace(path: Path, text: str) -> None:
    """Put a new text in place of a file, in one step, following a link to the file itself."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


# -- running -------------------------------------------------------------------------------------------------


def run(path: Path, *, timeout: int, seed: int = 1) -> list[Finding]:
    """Run a notebook in its folder, against a sandbox of its own and without a key; say what stopped it.

    Nothing is written. The kernel reaches this machine only.

    Parameters
    ----------
    path
        The notebook.
    timeout
        Seconds a cell may take.
    seed
        Of the sandbox.
    """
    from . import outbound, tour
    from .connect import SHARED_SANDBOX
    from .sandbox import Sandbox

    with tempfile.TemporaryDirectory(prefix="dirsync-check-") as name, Sandbox(seed=seed) as sandbox:
        folder, log = Path(name), Path(name) / "outbound.log"
        outbound.write_sitecustomize(folder, log)
        environment = outbound.kept_here(dict(os.environ), folder) | {SHARED_SANDBOX: sandbox.url}
        chapter = tour.run(path, tour.read(path), path.resolve().parent, environment, timeout)
        refused = sorted({address for word, address in outbound.read(log)[0] if word == outbound.REFUSED})
    if chapter.problem is None and not refused:
        return []
    # In an unbroken run no cell ends in an error, so the last one that did is where it stopped.
    stopped = [
        (number, cell)
        for number, cell in enumerate(chapter.notebook.cells, 1)
        if any(output.output_type == "error" for output in cell.get("outputs", []))
    ]
    number, cell = stopped[-1] if stopped else (None, {})
    kind, problem = _what_happened(chapter.problem or "", timeout, refused)
    return [Finding(str(path), number, first_line(cell), kind, "run", problem, KINDS[kind], fixable=False)]


def _what_happened(problem: str, timeout: int, refused: list[str]) -> tuple[str, str]:
    if refused:
        return "fails", f"asked for {', '.join(refused)}, and may reach this machine only"
    if "was not done within" in problem:
        return "hangs", f"was not done within {timeout} s"
    if "the kernel died" in problem:
        return "dies", "the kernel died (out of memory, or a crash)"
    return "fails", sensitive.hidden(re.sub(r"^cell \d+, (['\"]).*?\1: ", "", problem))
