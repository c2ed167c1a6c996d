"""Run notebooks without a browser, and write what they show as one page that needs no network.

Each notebook runs in a fresh kernel of this very interpreter, and meets a sandbox of its own unless
``WORKOS_API_KEY`` is set: what one notebook does is never seen by the next. The notebook files stay untouched.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import html
import os
import platform
import re
import signal
import time
import warnings
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .. import errors
from ..client.calls import every_call
from ..connect import PRODUCTION, SHARED_SANDBOX
from ..guard import bytes_within
from ..text import html_page, plural
from . import kernels
from .cells import has_code
from .files import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Chapter", "guided_notebooks", "read", "report", "run", "summary", "tour", "workos"]

SANDBOX = "the embedded sandbox, with invented people; nothing leaves this machine"
_SHOWN = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
_WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Chapter:
    """One notebook after its run."""

    path: Path
    notebook: Any
    seconds: float = 0.0
    problem: str | None = None

    @property
    def cells(self) -> int:
        """How many code cells it has."""
        return sum(has_code(cell) for cell in self.notebook.cells)

    @property
    def title(self) -> str:
        """Its first heading, or its file name."""
        prose = (cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")
        found = re.search(r"^#\s+(.+?)\s*#*$", "\n".join(prose), re.MULTILINE)
        return re.sub(r"[`*]", "", found[1]) if found else self.path.stem

    def __str__(self) -> str:
        """Return in one line how it went."""
        return f"{self.path.stem:<28} {self.cells:>3} cells {self.seconds:>6.1f} s  " + (
            f"failed: {self.problem}" if self.problem else "ok"
        )


def guided_notebooks() -> list[Path]:
    """Find the guided notebooks beside the package, in reading order."""
    package = Path(__file__).parents[1]
    for folder in (package / "_notebooks", package.parent / "notebooks"):
        if folder.is_dir():
            return sorted(folder.glob("*.ipynb"))
    return []


def workos() -> str | None:
    """Name the server that ``WORKOS_API_KEY`` is for, never the key; None means the sandbox."""
    if not os.environ.get("WORKOS_API_KEY", "").strip():
        return None
    address = os.environ.get("WORKOS_BASE_URL", "").strip() or PRODUCTION
    return f"WorkOS at {urlsplit(address).hostname or 'the address in WORKOS_BASE_URL'}"


def read(path: Path) -> Any:
    """Read a notebook, without the outputs that an earlier run left in it.

    Raises
    ------
    ArgumentError
        It cannot be read, or is no notebook.
    """
    import nbformat

    try:
        with warnings.catch_warnings(action="ignore"):  # about what nbformat repairs
            content = bytes_within(path, MOST_BYTES).decode()
            notebook = nbformat.reads(content, as_version=4)  # type: ignore[no-untyped-call]
    except errors.FileTooLarge:
        raise
    except OSError as error:
        raise errors.ArgumentError(f"{path}: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 (nbformat raises what it comes across)
        raise errors.ArgumentError(f"{path} is not a notebook ({type(error).__name__})") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def tour(paths: Sequence[Path], *, seed: int = 1, timeout: int = 600) -> Iterator[Chapter]:
    """Run notebooks one after the other, each as soon as it is asked for.

    A guided notebook works in an empty folder, any other in its own, where its data may be.
    """
    guided = {path.parent for path in guided_notebooks()}
    notebooks = [(path, read(path)) for path in paths]  # all, so that a slip shows before the first one runs
    for path, notebook in notebooks:
        with ExitStack() as stack:
            folder = path.resolve().parent
            if folder in guided:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="dirsync-tour-")))
            environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
            if workos() is None:
                from ..sandbox import Sandbox

                environment[SHARED_SANDBOX] = stack.enter_context(Sandbox(seed=seed)).url
            yield run(path, notebook, folder, environment, timeout)


def run(
    path: Path,
    notebook: Any,
    folder: Path,
    environment: dict[str, str],
    timeout: int,
    *,
    as_ended: bool = False,
) -> Chapter:
    """Run one notebook in a fresh kernel; what goes wrong in it is the chapter's ``problem``.

    With ``as_ended`` each cell keeps what it showed when it ended, as nbval compares it, whatever later cells
    brought up to date in it.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    reached: list[Any] = []
    ended: list[Any] = []  # the outputs of the cells before the last one
    started, problem = time.monotonic(), None

    def begin(cell: Any, cell_index: int) -> None:  # noqa: ARG001 (nbclient gives both)
        if reached:
            ended.append(copy.deepcopy(reached[-1].outputs))
        reached.append(cell)

    try:
        with kernels.place() as place:
            client = NotebookClient(
                notebook,
                km=kernels.manager(place),
                timeout=timeout,
                iopub_timeout=30,
                record_timing=False,
                coalesce_streams=True,
                resources={"metadata": {"path": str(folder)}},
                on_cell_execute=begin,
                log=kernels.QUIET,
            )
            _execute(client, place, folder, environment)
    except CellExecutionError as error:
        problem = f"{error.ename}: {_first_line(error.evalue)}"
    except CellTimeoutError:
        problem = f"the cell was not done within {timeout} s"
    except DeadKernelError:
        problem = "the kernel died (out of memory, or a crash)"
    except (RuntimeError, OSError) as error:
        problem = f"the kernel did not start ({_first_line(str(error))})"
    notebook.metadata.pop("widgets", None)  # nbclient needs it while it runs, for output widgets
    if as_ended:
        for cell, outputs in zip(reached, ended, strict=False):
            cell.outputs = outputs
    if problem and reached:
        _show_problem(reached[-1], problem)
        problem = f"cell {len(reached)}, {_first_line(reached[-1].source)!r}: {problem}"
    _hide_key(notebook)
    return Chapter(path, notebook, time.monotonic() - started, problem and _without_key(problem))


def _execute(client: Any, place: kernels.Place, folder: Path, environment: dict[str, str]) -> None:
    """Execute on another thread: on the main thread nbclient would take Ctrl-C for a dead kernel."""

    async def execute() -> None:
        # Started here, not by nbclient: a kernel that does not start lets nbclient fail again at exit.
        async with kernels.running(client.km, place, environment, folder) as client.kc:
            await client.async_execute()

    def run() -> None:
        # ZeroMQ needs a loop that waits for sockets, which on Windows is not the default one.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(execute())

    with ThreadPoolExecutor(1, "dirsync-tour") as pool:
        done = pool.submit(run)
        try:
            while not done.done():  # in slices: on Windows a wait without an end hears no Ctrl-C
                futures.wait([done], timeout=0.5)
            done.result()
        except KeyboardInterrupt:
            _end_kernel(client, done)
            raise


def _end_kernel(client: Any, done: Future[None]) -> None:
    """End the kernel, also one that only now starts; the thread then ends by itself."""
    while not done.done():
        provisioner = getattr(client.km, "provisioner", None)
        if provisioner is not None and provisioner.pid:
            with contextlib.suppress(OSError):  # it has ended
                os.kill(provisioner.pid, signal.SIGTERM)
        time.sleep(0.1)


def _show_problem(cell: Any, problem: str) -> None:
    """Let the cell show its problem where the kernel could not."""
    from nbformat.v4 import new_output

    if not any(output.output_type == "error" for output in cell.outputs):
        output = new_output(  # type: ignore[no-untyped-call]
            "error", ename="Stopped", evalue=problem, traceback=[problem]
        )
        cell.outputs.append(output)


def _first_line(text: str) -> str:
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= 160 else line[:159] + "…"


# -- the key stays out ---------------------------------------------------------------------------------------


def _without_key(text: str) -> str:
    key = os.environ.get("WORKOS_API_KEY", "").strip()
    return text.replace(key, "(WORKOS_API_KEY)") if key else text


def _hide_key(node: Any) -> None:
    """Replace the key in every text below the node, should a cell have shown it."""
    for place, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if isinstance(value, str):
            node[place] = _without_key(value)
        elif isinstance(value, (dict, list)):
            _hide_key(value)


# -- the page ------------------------------------------------------------------------------------------------


def report(chapters: Sequence[Chapter], server: str) -> str:
    """Return one HTML page with a cover and every chapter, which loads nothing from anywhere.

    Parameters
    ----------
    chapters
        What ``tour`` gave.
    server
        Where the data came from, in words.
    """
    anchors = {chapter.path.name: f"notebook-{n}" for n, chapter in enumerate(chapters, 1)}
    sections = [_section(chapter, n, anchors) for n, chapter in enumerate(chapters, 1)]
    style = f"\n{Path(__file__).with_suffix('.css').read_text('utf-8')}"
    return html_page(_TITLE, style, "\n".join([_cover(chapters, server), *sections]))


def summary(chapters: Sequence[Chapter], server: str) -> str:
    """Return the run in a few lines of Markdown, for the summary of a job."""
    lines = [f"### Notebooks on {server}", "", "| notebook | cells | seconds | result |", "|---|--:|--:|---|"]
    for chapter in chapters:
        told = f"**failed**: {_as_typed(chapter.problem)}" if chapter.problem else "ok"
        name = _as_typed(chapter.path.name)
        lines.append(f"| {name} | {chapter.cells} | {chapter.seconds:.1f} | {told} |")
    return "\n".join([*lines, ""])


def _as_typed(text: str) -> str:
    """Return a text that Markdown shows as it is: a message may hold what somebody typed into a directory."""
    return re.sub(r"([\\`*_\[\]<>|~!&$#])", r"\\\1", " ".join(text.split()))


def _cover(chapters: Sequence[Chapter], server: str) -> str:
    failed = sum(chapter.problem is not None for chapter in chapters)
    facts = {
        "Server": server[0].upper() + server[1:],
        "Made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "With": ", ".join(_versions()),
        "Result": f"{failed} of {len(chapters)} notebooks failed" if failed else "every cell ran",
    }
    guided = {chapter.path for chapter in chapters} <= set(guided_notebooks())
    return _COVER.format(
        title=_TITLE if guided else "Notebooks",
        lead=_LEAD if guided else "Your own notebooks.",
        facts="\n".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in facts.items()),
        contents="\n".join(_entry(chapter, n) for n, chapter in enumerate(chapters, 1)),
    )


def _entry(chapter: Chapter, n: int) -> str:
    state = '<b class="failed">failed</b>' if chapter.problem else "ok"
    return (
        f'<li><a href="#notebook-{n}">{html.escape(chapter.title)}</a><br>'
        f"<small>{html.escape(chapter.path.name)} · {plural(chapter.cells, 'cell')} · {chapter.seconds:.1f} s"
        f" · {state}</small></li>"
    )


def _versions() -> Iterable[str]:
    yield f"Python {platform.python_version()}"
    for name in ("dirsync_nb", "pandas", "matplotlib"):
        with contextlib.suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"


def _section(chapter: Chapter, n: int, anchors: dict[str, str]) -> str:
    problem = ""
    if chapter.problem:
        problem = (
            f'<p class="problem"><b>This notebook stopped.</b> {html.escape(chapter.problem)}<br>'
            "What comes after that cell did not run.</p>"
        )
    return (
        f'<section id="notebook-{n}">\n<p class="file">{html.escape(chapter.path.name)}'
        f' <a href="#contents">contents ↑</a></p>\n{problem}\n{_body(chapter, anchors)}\n</section>'
    )


def _body(chapter: Chapter, anchors: dict[str, str]) -> str:
    """Convert one notebook; links to other notebooks and within it lead to their place on this page."""
    from nbconvert import HTMLExporter

    for number, cell in enumerate(filter(has_code, chapter.notebook.cells), 1):
        cell.outputs = [shown for output in cell.outputs if (shown := _offline(output, number))]
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic",
        embed_images=True,
        anchor_link_text="",
        exclude_output_prompt=True,
        log=kernels.QUIET,
    )
    text, _ = exporter.from_notebook_node(
        chapter.notebook, {"metadata": {"path": str(chapter.path.resolve().parent)}}
    )
    own = anchors[chapter.path.name]
    text = re.sub(r'(<h[1-6] [^>]*?\bid=")', rf"\1{own}-", text)
    text = re.sub(r'(<a [^>]*?\bhref="#)', rf"\1{own}-", text)
    for name, anchor in anchors.items():
        text = re.sub(rf'(<a [^>]*?\bhref=")(?:\./)?{re.escape(name)}(?:#[^"]*)?"', rf'\1#{anchor}"', text)
    return str(text)


def _offline(output: Any, cell_number: int) -> Any:
    """Keep of an output what a page without scripts can show; None if that is nothing."""
    if "data" not in output:
        return output
    data = output.data
    if _WIDGET in data and not any(kind in data for kind in ("text/html", "image/png")):
        made_by = re.match(r"\w+(?=\()", data.get("text/plain", ""))
        data = {"text/html": _WIDGET_NOTE.format(name=made_by[0])} if made_by else {}
    output.data = {kind: data[kind] for kind in _SHOWN if kind in data}
    if "text/html" in output.data:
        output.data["text/html"] = _LOADS_OR_RUNS.sub("", output.data["text/html"])
    if "image/png" in output.data:
        said = str(data.get("text/plain", "")).strip()  # our charts tell there what they show
        alt = said if said and not said.startswith("<") else f"Chart drawn by cell {cell_number}"
        output.metadata.setdefault("image/png", {}).setdefault("alt", alt)
    return output if output.data else None


_LOADS_OR_RUNS = re.compile(r"<script\b.*?</script\s*>|<link\b[^>]*>", re.DOTALL | re.IGNORECASE)
_WIDGET_NOTE = (
    '<p class="widget">An interactive <code>{name}</code>: open it in <code>dirsync-nb lab</code>.</p>'
)

_TITLE = "WorkOS Directory Sync: a tour"
_LEAD = """Directories, users, groups and memberships as tables and charts: the guided notebooks of
<code>dirsync_nb</code>."""
_COVER = """<header>
<h1>{title}</h1>
<p class="lead">{lead} They were run from top to bottom, and here is all that they show. This page is one file
and needs no network.</p>
<dl>
{facts}
</dl>
<nav id="contents" aria-label="Contents">
<h2>Contents</h2>
<ol>
{contents}
</ol>
</nav>
</header>"""

every_call(__name__)
