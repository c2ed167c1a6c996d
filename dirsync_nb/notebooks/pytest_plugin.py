"""For notebooks and tests in a repository of your own: ``pytest --dirsync-sandbox --nbval notebooks``.

With ``--dirsync-sandbox`` a run meets a fresh seeded sandbox, new again for every notebook (with
``--dirsync-sandbox=FILE`` one of the world in a file, see :mod:`dirsync_nb.sync.worlds`): ``connect()`` in
tests and kernels leads to it, a real key in the environment is not seen, and whatever would reach beyond this
machine is refused, with its address named. Without that option nothing is changed.

Notebooks run under nbval. What nbval lets pass is refused here: a cell that is to be checked and was never run,
and a cell that hides from its reader that it reached out. What differs from run to run and means nothing (ids
of widgets, the seconds of a receipt, places in memory, pandas's own style sheet) is not compared, and a cell
counts as a notebook's page shows it in the end. With pytest-xdist (``-n 2``) every worker has its own sandbox,
and the cells of a notebook stay together, as with ``--dist loadfile``. In JUnit's XML every cell has the
properties notebook, cell and first_line.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from ..connect import SHARED_SANDBOX
from ..errors import DirsyncError
from ..text import plain
from . import kernels, network_guard, stable
from .cells import first_line
from .front_end import FrontEnd
from .network_guard import UNSEEN_ON_WINDOWS

if TYPE_CHECKING:
    from ..client import DirectoryClient
    from ..sandbox import Sandbox

NBVAL_PATIENCE = 2000.0  # seconds a cell may take, as nbval has it when nobody says otherwise
PATIENCE = 120.0  # and as a run here has it
NAME = "dirsync-sandbox"
OPTION, INVENTED = "--dirsync-sandbox", "harbour"
WORLD = pytest.StashKey[Any]()
DIED = "its kernel died: out of memory, or something ended the process"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("dirsync", "WorkOS Directory Sync")
    group.addoption(
        OPTION,
        nargs="?",
        const=INVENTED,
        metavar="FILE",
        help="meet a fresh sandbox, without a key, and refuse whatever would reach beyond this machine; with "
        "=FILE its world is of a YAML file, an export, a snapshot, or what ds.save_world wrote",
    )
    group.addoption(
        "--dirsync-seed", type=int, default=1, help="of the sandbox: same seed, same people and ids"
    )
    group.addoption("--dirsync-users", type=int, help="of the sandbox's Okta directory (default: 260)")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Take a file behind ``=`` only: what follows the bare option are tests."""
    if OPTION in args:
        args[:] = [f"{OPTION}={INVENTED}" if one == OPTION else one for one in args]
        early_config.known_args_namespace.file_or_dir = parser.parse_known_args(args).file_or_dir


def pytest_configure(config: pytest.Config) -> None:
    """Begin, if asked to. With xdist the workers do, and the process that deals them the tests does not."""
    if config.getoption("dirsync_sandbox") is None:
        return
    if config.getoption("dirsync_sandbox") != INVENTED:
        config.option.dirsync_sandbox = str(config.invocation_params.dir / config.getoption("dirsync_sandbox"))
    _world(config)  # one that cannot be read ends the run before it begins
    _keep_notebooks_together(config)
    if not hasattr(config, "workerinput") and config.getoption("dist", "no") != "no":
        return
    run = Run(config)
    config.pluginmanager.register(run, NAME)
    config.add_cleanup(run.end)


def _world(config: pytest.Config) -> Any:
    """Return the world of the run; a file that holds none is told in a sentence."""
    file = config.getoption("dirsync_sandbox")
    if file == INVENTED:
        return file
    from ..sync.worlds import world_from_file

    try:
        if WORLD not in config.stash:
            config.stash[WORLD] = world_from_file(file)
        return config.stash[WORLD]
    except (DirsyncError, ImportError) as problem:
        raise pytest.UsageError(f"{OPTION}: {problem}") from None


def _keep_notebooks_together(config: pytest.Config) -> None:
    """Let xdist deal whole files: dealt one by one, the cells of a notebook would meet several kernels."""
    notebooks = config.getoption("nbval", False) or config.getoption("nbval_lax", False)
    if notebooks and config.getoption("dist", "no") in ("load", "worksteal"):
        config.option.dist = "loadfile"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say why notebooks that were named hold no test: nbval collects them, where it is asked to."""
    config = session.config
    named = [one for one in config.args if one.partition("::")[0].endswith(".ipynb") or Path(one).is_dir()]
    asked = getattr(config.option, "nbval", False) or getattr(config.option, "nbval_lax", False)
    if config.getoption("dirsync_sandbox") is None or session.items or asked or not named:
        return
    if any(Path(one).suffix or next(Path(one).rglob("*.ipynb"), None) for one in named):
        raise pytest.UsageError("notebooks are tests with --nbval: pytest --dirsync-sandbox --nbval ...")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say whose world a file is, whether its people are pseudonyms, and what the guard cannot see here."""
    file = config.getoption("dirsync_sandbox")
    if file is None or hasattr(config, "workerinput"):
        return []
    told = [f"dirsync sandbox: {UNSEEN_ON_WINDOWS}"] if sys.platform == "win32" else []
    if file == INVENTED:
        return told
    # A file's word, which a terminal may obey.
    people = plain(getattr(_world(config), "head", {}).get("people"))
    return [f"dirsync sandbox: {file}{f' ({people:.200})' if people else ''}", *told]


class Run:
    """One sandbox, an environment that leads to it, and a guard at the door."""

    def __init__(self, config: pytest.Config) -> None:
        from ..sandbox import Sandbox

        self._folder = TemporaryDirectory(prefix="dirsync-pytest-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._log, self._read = folder / "outbound.log", 0
        self._environment = dict(os.environ)
        self._notebook: Path | None = None
        self._kernel: Any = None
        self._page: Any = None
        self._ended: Path | None = None  # the notebook whose kernel hung or died
        self.sandbox = Sandbox(
            seed=config.getoption("dirsync_seed"), users=config.getoption("dirsync_users"), world=_world(config)
        ).start()
        network_guard.write_sitecustomize(folder, self._log)
        kept = network_guard.kept_here(self._environment, folder) | {SHARED_SANDBOX: self.sandbox.url}
        kernels.set_variables(stable.ENVIRONMENT | kept)
        self._kernels = contextlib.ExitStack()
        self._kernels.enter_context(kernels.everywhere())  # not over TCP ports that others may take first
        network_guard.refuse(self._log)
        if getattr(config.option, "nbval_cell_timeout", None) == NBVAL_PATIENCE:
            config.option.nbval_cell_timeout = PATIENCE

    def end(self) -> None:
        """Leave the process as it was."""
        network_guard.allow()
        self._kernels.close()
        kernels.set_variables(self._environment)
        self.sandbox.stop()
        self._folder.cleanup()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> None:
        """Make the sandbox new for a notebook; leave out the cells behind one that hung or ended the kernel."""
        if getattr(item, "cell", None) is None:
            return
        item.user_properties += [
            ("notebook", item.path.name),
            ("cell", _number(item)),
            ("first_line", first_line(item.cell)),
        ]
        if item.path == self._ended:
            pytest.skip("an earlier cell of this notebook did not come to its end")
        if item.path != self._notebook:
            self._notebook = item.path
            self.sandbox.reset()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Refuse a cell whose check would compare nothing: nbval lets it pass."""
        cell: Any = getattr(item, "cell", None)
        if cell is None:
            return
        kernel = getattr(item.parent, "kernel", None)
        if kernel is not None and kernel is not self._kernel:
            self._kernel = kernel
            self._require_guard(item)
            _notice_death(kernel)
            self._page = FrontEnd(item.parent)
        self._page.begin(item)
        _steady(item)
        options = getattr(item, "options", {})
        if options.get("check") and not options.get("skip") and cell.get("execution_count") is None:
            pytest.fail(
                f"{_place(item)}: it is to be checked, and it is stored as if nobody had ever run it; "
                "run the notebook from top to bottom and save it with its outputs",
                pytrace=False,
            )

    def _require_guard(self, item: pytest.Item) -> None:
        """Refuse a kernel that took no guard: of another language, or a Python told to be on its own."""
        if all(word != network_guard.GUARDED for word, _ in network_guard.read(self._log, self._read)[0]):
            pytest.fail(
                f"{_place(item)}: its kernel cannot be kept to this machine, so it was not run; "
                "use the kernel python3",
                pytrace=False,
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell what went wrong with a cell; fail one that reached out, whoever caught the refusal."""
        report = yield
        if call.when != "call":
            return report
        lines, self._read = network_guard.read(self._log, self._read)
        refused = sorted({address for word, address in lines if word == network_guard.REFUSED})
        if getattr(item, "cell", None) is None:
            return report
        said = [
            f"reached for {address}, which was refused: this run stays on this machine" for address in refused
        ]
        if report.failed and (cause := _cause(item, call)):
            said.append(cause)
            self._ended = item.path
        if said:
            report.outcome = "failed"
            first = f"{_place(item)}: {'; '.join(said)}"
            report.longrepr = "\n\n".join(filter(None, [first, str(report.longrepr or "")]))
        return report


def _place(item: Any) -> str:
    """Name a cell by file, number from 1 and first line."""
    return f"{item.path.name}, cell {_number(item)} ({first_line(item.cell) or '(empty)'!r})"


def _number(item: Any) -> int:
    return next(n for n, cell in enumerate(item.parent.nb.cells, 1) if cell is item.cell)


def _steady(item: Any) -> None:
    """Let nbval compare without what differs from run to run, after what its own sanitizers take out."""
    sanitized = item.sanitize

    def sanitize(thing: Any) -> Any:
        return stable.steadied(said) if isinstance(said := sanitized(thing), str) else said

    item.sanitize = sanitize


def _notice_death(kernel: Any) -> None:
    """Let nbval look, while it waits for a kernel, whether that is alive; alone it waits its whole time."""
    await_reply = kernel.await_reply

    def await_reply_of_the_living(msg_id: str, timeout: float | None = None) -> None:
        end = time.monotonic() + (PATIENCE if timeout is None else timeout)
        while True:
            try:
                await_reply(msg_id, timeout=min(1.0, max(end - time.monotonic(), 0.01)))
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError(DIED) from None
                if time.monotonic() >= end:
                    raise
            else:
                return

    kernel.await_reply = await_reply_of_the_living


def _cause(item: Any, call: pytest.CallInfo[None]) -> str:
    """Return whether a cell hangs or its kernel died, in words; the rest speaks for itself."""
    told = str(call.excinfo.value).lower() if call.excinfo else ""
    seconds = item.config.option.nbval_cell_timeout
    if "timeout" in told or "timed out" in told:
        return f"it did not end within {seconds:g} s (--nbval-cell-timeout)"
    return DIED if "died" in told else ""


@pytest.fixture
def dirsync_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Return the run's sandbox, made new: add people, let them leave, script faults."""
    run = request.config.pluginmanager.get_plugin(NAME)
    if run is None:
        raise pytest.UsageError("the fixtures dirsync_sandbox and dirsync_client need --dirsync-sandbox")
    run.sandbox.reset()
    sandbox: Sandbox = run.sandbox
    return sandbox


@pytest.fixture
def dirsync_client(dirsync_sandbox: Sandbox) -> Iterator[DirectoryClient]:
    """Return a client of the run's sandbox, as ``connect()`` gives it to a notebook."""
    from ..connect import connect

    with connect(dirsync_sandbox.api_key, base_url=dirsync_sandbox.url) as client:
        client.sandbox = dirsync_sandbox
        yield client
