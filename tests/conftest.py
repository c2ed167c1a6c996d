"""What every test finds: a clean environment, a sandbox for the whole run, servers by script."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import dirsync_nb as ds
from dirsync_nb.client import DirectoryClient, Pacer, RetryPolicy, Transport

from .canary import KEY, Canary
from .foreign import ForeignServer

# The same examples in each run, so that a change is judged by what it changed; ``--hypothesis-seed=N`` looks at
# others: ``pytest -m hypothesis --hypothesis-seed=7``.
settings.register_profile("same", derandomize=True)
settings.register_profile("few", derandomize=True, max_examples=15)

collect_ignore = ["data"]  # a repository of somebody else's, which a test copies and runs

# What the small loop of CONTRIBUTING.md leaves out, by folder, file and fixture: browsers, databases, kernels,
# clusters, processes that are ended, whole reference builds, long searches. Of a test with many cases it takes
# the first one, and of a search few examples. ``pytest.mark.slow`` marks single tests beside them.
SLOW_PLACES = {
    "benchmarks",
    "browser",
    "contract",
    "fleet",
    "notebooks",
    "test_attacks.py",
    "test_audit.py",
    "test_canary.py",
    "test_charts.py",
    "test_cli.py",
    "test_deliveries.py",
    "test_docstrings.py",
    "test_extension.py",
    "test_extras.py",
    "test_filters.py",
    "test_fuzz.py",
    "test_interrupts.py",
    "test_misspelt.py",
    "test_natural_calls.py",
    "test_paging_servers.py",
    "test_panel.py",
    "test_patience.py",
    "test_probe.py",
    "test_redaction.py",
    "test_scim_patch.py",
    "test_site.py",
    "test_scenarios.py",
    "test_schema.py",
    "test_seed.py",
    "test_server.py",
    "test_snapshot.py",
    "test_starter.py",
    "test_two_ends.py",
    "test_what_if.py",
}
SMALL = "not slow"
SLOW_FIXTURES = {"executed", "postgres"}


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("few" if config.getoption("markexpr") == SMALL else "same")
    config.pluginmanager.register(Canary(KEY), "canary")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Begun in the background of a shell, which takes Ctrl-C away from a process and all that it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Name what the contract tests hold the sandbox against."""
    node = (
        "wanted, its version follows below" if os.environ.get("DIRSYNC_NODE") else "not wanted (DIRSYNC_NODE=1)"
    )
    return f"official SDKs: workos {version('workos')} (Python); @workos-inc/node {node}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the SDKs that were run, by the versions that their tests noted; from workers too."""
    done = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    found = {value for report in done for name, value in report.user_properties if name == "sdk"}
    if found:
        terminalreporter.write_line(f"official SDKs run: {', '.join(sorted(found))}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave such files unread where they would only be deselected: their imports alone take seconds."""
    return (config.getoption("markexpr") == SMALL and collection_path.name in SLOW_PLACES) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen = set()
    for item in items:
        file, _, name = item.nodeid.partition("::")
        test = (file, name.partition("[")[0])
        fixtures = getattr(item, "fixturenames", ())
        if test in seen or SLOW_PLACES & {*file.split("/")} or SLOW_FIXTURES & {*fixtures}:
            item.add_marker("slow")
        seen.add(test)


class Clock:
    """A clock that stands still until somebody sleeps; it remembers each sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float, stop: object = None) -> None:
        self.sleeps.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no key, address or proxy of the machine reach a test."""
    for name in os.environ:
        if name.startswith(("WORKOS_", "DIRSYNC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def serve(clock: Clock) -> Iterator[Callable[..., tuple[ForeignServer, DirectoryClient]]]:
    """Start a scripted server and give it with a client whose waiting costs no time."""
    with ExitStack() as stack:

        def start(script: Any, **settings: Any) -> tuple[ForeignServer, DirectoryClient]:
            server = stack.enter_context(ForeignServer(script))
            pacer = Pacer(per_directory=None, per_key=None, clock=clock, sleep=clock.sleep)
            retry = settings.pop("retry", RetryPolicy(spread=lambda: 1.0))
            timeout = settings.pop("timeout", 10.0)
            transport = Transport(server.url, KEY, retry=retry, pacer=pacer, timeout=timeout)
            client = DirectoryClient(transport, **settings)
            stack.callback(client.close)
            return server, client

        yield start


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Any]:
    with ds.sandbox.Sandbox(seed=1) as sandbox:
        # It takes the canary as well as its own key, which stands in the README and so tells nothing.
        door = copy.copy(sandbox.app)
        door.key = KEY
        door.environments.append(door)
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Any) -> Iterator[Any]:
    """The run's sandbox, for a test to change; afterwards it is as its seed made it."""
    yield shared_sandbox
    shared_sandbox.reset()


@pytest.fixture
def client(shared_sandbox: Any, clock: Clock) -> Iterator[DirectoryClient]:
    """A client of the run's sandbox whose waiting costs no time."""
    pacer = Pacer(per_directory=None, per_key=None, clock=clock, sleep=clock.sleep)
    retry = RetryPolicy(spread=lambda: 1.0)
    transport = Transport(shared_sandbox.url, KEY, retry=retry, pacer=pacer)
    with DirectoryClient(transport) as client:
        yield client


@pytest.fixture
def okta(client: DirectoryClient) -> str:
    """Id of the largest directory of the sandbox."""
    return next(d["id"] for d in client.directories() if d["type"] == "okta scim v2.0")


@pytest.fixture
def victims() -> Iterator[Any]:
    """Processes to be killed, see :mod:`tests.victim`."""
    from .victim import Victims  # which loads all that there is

    if not hasattr(os, "fork"):
        pytest.skip("processes are forked here to be killed")
    victims = Victims()
    yield victims
    victims.close()


def server_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    return Path(found[-1]).resolve().parent if found[-1] else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own on a socket, gone afterwards."""
    programs = server_programs()
    if programs is None:
        if os.environ.get("DIRSYNC_NEED_POSTGRES"):
            pytest.fail(
                "DIRSYNC_NEED_POSTGRES is set and there is no PostgreSQL server: apt-get install postgresql"
            )
        pytest.skip("no PostgreSQL server on this machine (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="dirsync-pg-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        who = {"user": "nobody"}
        shutil.chown(folder, "nobody")
    data = folder / "data"
    quiet: dict[str, Any] = {"check": True, "capture_output": True, "timeout": 60, "cwd": folder, **who}
    subprocess.run([programs / "initdb", "-D", data, "-U", "app", "-A", "trust", "-N"], **quiet)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    quiet |= {"capture_output": False, "stdout": subprocess.DEVNULL}  # the server would keep a pipe open
    subprocess.run([*control, "-o", options, "start"], **quiet)
    try:
        yield f"postgresql://app:hunter2@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)
