"""The command ``dirsync-nb``: JupyterLab on the guided notebooks, the sandbox alone, a tour without a browser.

Every command ends with 0 when it did its work and all is well, 1 when a notebook failed or is not fit to commit
or an app drifted, 2 when it could not begin or could not read one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from . import errors, extras, starter
from .connect import SHARED_SANDBOX
from .notebooks import check_command, init_ci, kernels, lab_files, tour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["main"]

_INTERRUPTED = 130  # what a shell gives for Ctrl-C
# Ctrl-C is for this process, which then ends JupyterLab; else both would take it.
_APART: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if os.name == "nt"
    else {"start_new_session": True}
)
APP_DATABASE = "APP_DATABASE_URL"
_SEED = "of the sandbox: same seed, same people and ids"
_PATIENCE = 20.0  # seconds for JupyterLab to end its kernels


class CannotBegin(errors.DirsyncError):
    """What the person has to change first, in one sentence."""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="dirsync-nb",
        description="Explore WorkOS Directory Sync in Jupyter. "
        "Without WORKOS_API_KEY everything runs on an embedded sandbox with invented people.",
    )
    made.add_argument("--version", action="version", version=f"dirsync-nb {extras.version()}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND")

    lab = commands.add_parser("lab", help="open JupyterLab on the guided notebooks")
    lab.set_defaults(run=run_lab)
    add = lab.add_argument
    add("--dir", type=Path, default=Path("dirsync-notebooks"), help="where (default: %(default)s)")
    _add_serving(lab, 8888)
    add("--seed", type=int, default=1, help=_SEED)
    add("--users", type=int, help="of the sandbox's Okta directory (default: 260)")
    told = "of the sandbox: its story ends today and time passes, or on 3 August 2026 (default: %(default)s)"
    add("--clock", choices=("now", "fixed"), default="now", help=told)
    told = "of the sandbox: YAML, an export of people, a snapshot, a fleet, or what ds.save_world wrote"
    add("--world", default="harbour", metavar="FILE", help=told)
    _add_people(lab)
    add("--company", metavar="NAME", help="of --people")
    add("--database", metavar="FILE", help="keep the sandbox in it, with all changes, over a restart")
    add("jupyter", nargs="*", metavar="-- ARG", help="more arguments for JupyterLab, after --")

    show = commands.add_parser(
        "demo",
        help="open a live console on a sandbox in a customer's own shape",
        description="Hire, move, rename, let go at the provider, and see the SCIM request, the event, the "
        "webhook and the row in an app's table, each with its delay. Everything stays on this machine.",
    )
    show.set_defaults(run=run_demo)
    add = show.add_argument
    add("--company", default="Acme", metavar="NAME", help="whose (default: %(default)s)")
    add("--users", type=int, default=400, help="how many people (default: %(default)s)")
    _add_people(show)
    add("--seed", type=int, default=1, help="of the invented people")
    _add_serving(show, 8866)

    # Its own parser has the options; this one is for the list of commands only.
    commands.add_parser("sandbox", help="serve the sandbox alone, for any other tool", add_help=False)

    walk = commands.add_parser("tour", help="run the guided notebooks and write what they show as one page")
    walk.set_defaults(run=run_tour)
    add = walk.add_argument
    add("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="these, not the guided ones")
    add("--out", type=Path, default=Path("dirsync-tour.html"), help="(default: %(default)s)")
    add("--seed", type=int, default=1, help=_SEED)
    add("--timeout", type=check_command.seconds, default=600, help="seconds a cell may take (%(default)s)")
    add("--summary", type=Path, metavar="FILE", help="add a few lines of Markdown to it, for a job")

    look = commands.add_parser("check", help=check_command.HELP, description=check_command.DESCRIPTION)
    look.set_defaults(run=run_check)
    check_command.add_arguments(look)

    told = "write into a repository what checks its notebooks: workflow, hook, options, a first notebook"
    start = commands.add_parser("init-ci", help=told)
    start.set_defaults(run=run_init_ci)
    start.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="(default: here)")
    start.add_argument("--force", action="store_true", help="replace and complete files that are there already")

    watch = commands.add_parser(
        "drift",
        help="tell where an app's users and the directories disagree",
        description="Reads the app's table, the directories and the last 30 days of events; changes nothing. "
        "Ends with 0 if they agree, 1 if they do not, 2 if that cannot be told.",
    )
    watch.set_defaults(run=run_drift)
    add = watch.add_argument
    told = f"the app's database, such as sqlite:///app.db (default: ${APP_DATABASE})"
    add("--app", default=os.environ.get(APP_DATABASE, ""), metavar="URL", help=told)
    add("--table", help="of its users (default: users, or the only one)")
    add("--on", default="email", metavar="A,B=C", help="columns that find people, strongest first")
    add("--fields", default="", metavar="A,B=C", help="columns to keep in line; B=C: the app's B is our C")
    add("--active", metavar="COLUMN", help="the app's column that says who may sign in")
    told = "what words of that column mean that are in no list"
    add("--status-words", default="", metavar="A=on,B=off", help=told)
    add("--directory", action="append", metavar="ID", help="may come again (default: all there are)")
    add("--snapshot", type=Path, metavar="FILE", help="what the app was in line with: tells what is newer")
    add("--html", type=Path, metavar="FILE", help="write a page; it names people")
    add("--json", type=Path, metavar="FILE", help="write it for a program; it names people")

    ask = commands.add_parser(
        "probe",
        help="ask the service what its documentation leaves open; write a report to share",
        description="Ask the service of WORKOS_API_KEY (the embedded sandbox without one) what the "
        "documentation leaves open, with GET alone and within the limits, and compare it with what this "
        "package counts on. The report holds no key, name, address or id.",
    )
    ask.set_defaults(run=run_probe)
    told = "the files, without .md and .json (default: %(default)s)"
    ask.add_argument("--out", type=Path, default=Path("dirsync-probe"), help=told)

    begin = commands.add_parser("starter", help="write a small sync worker to begin with, tests included")
    begin.set_defaults(run=run_starter)
    add = begin.add_argument
    add("folder", type=Path, metavar="FOLDER", help="new or empty; nothing is overwritten")
    add("--url", metavar="URL", help="keep a table of your own too: its database, such as sqlite:///app.db")
    add("--table", help="of your users (default: users, or the only one)")
    add("--columns", default="", metavar="ROLE=COLUMN,...", help="by hand: address=email,active=is_active")
    add("--status-words", default="", metavar="WORD=on,...", help='what a status means: "on leave=on,gone=off"')
    add("--defaults", default="", metavar="COLUMN=VALUE,...", help="what new rows get: plan=free,id=uuid4")
    return made


def _add_serving(command: argparse.ArgumentParser, port: int) -> None:
    command.add_argument(
        "--port", type=int, default=port, help="the next free one if taken (default: %(default)s)"
    )
    command.add_argument("--no-browser", action="store_true", help="print the address, open nothing")


def _add_people(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--people", action="append", metavar="FILE", help="an export instead; may come again")
    add("--groups", action="append", default=[], metavar="FILE", help="memberships to go with it")
    told = "okta, entra, google ... (default: whose form the export has, or okta)"
    add("--provider", metavar="NAME", help=told)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; give the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console of another encoding ends no command
            stream.reconfigure(errors="replace")
    if given[:1] == ["sandbox"]:
        from .sandbox.__main__ import main as run_sandbox

        return run_sandbox(given[1:], _world_asked_for)
    arguments = parser().parse_args(given)
    if arguments.command is None:
        parser().print_help()
        return 0
    try:
        with kernels.at_home():
            code: int = arguments.run(arguments)
    except errors.DirsyncError as why:
        print(f"dirsync-nb {arguments.command}: {why}", file=sys.stderr)
        return 2
    return code


# -- lab -----------------------------------------------------------------------------------------------------


def run_lab(arguments: argparse.Namespace) -> int:
    """Serve JupyterLab, and the sandbox beside it, until Ctrl-C, SIGTERM or the shutdown in its menu."""
    extras.need("this", "lab", "jupyterlab")
    _check_variables()
    folder = arguments.dir.resolve()
    with _stop_signals() as stop, contextlib.ExitStack() as stack:
        environment = os.environ.copy()
        if (server := tour.workos()) is None:
            environment[SHARED_SANDBOX] = url = stack.enter_context(_sandbox(arguments))
            server = f"{tour.SANDBOX} ({url})"
        _say(f"Server:     {server}")
        _say(f"Notebooks:  {folder} ({_copy_notebooks(folder)})")
        place = stack.enter_context(kernels.place())
        environment |= lab_files.configure(place, environment)
        # A variable, because the arguments of a process can be seen by everybody on the machine.
        environment.setdefault("JUPYTER_TOKEN", secrets.token_hex(24))
        child = subprocess.Popen(_jupyter(arguments, folder), env=environment, **_APART)
        return _wait(child, "JupyterLab", lambda: _address(place.folder, f"lab{_first(folder)}"), stop)


def _jupyter(arguments: argparse.Namespace, folder: Path) -> list[str]:
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={arguments.port}",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        f"--LabApp.default_url=/lab{_first(folder)}",
    ]
    if arguments.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command + list(arguments.jupyter)


def _first(folder: Path) -> str:
    """Return what follows ``/lab`` in the address that opens the first guided notebook, if it is there."""
    names = [path.name for path in tour.guided_notebooks() if (folder / path.name).exists()]
    names.sort(key=lambda name: name.startswith("00"))  # the index of the course is not its beginning
    return f"/tree/{quote(names[0])}" if names else ""


def _wait(
    child: subprocess.Popen[bytes], name: str, served: Callable[[], str | None], stop: threading.Event
) -> int:
    """Print the address once it is served; end the child once somebody wants that, and return the exit code."""
    said = False
    try:
        while not stop.wait(0.1):
            if not said and (address := served()):
                _say(f"{f'{name}:':<12}{address}\nCtrl-C ends it.")
                said = True
            if (code := child.poll()) is not None:
                return code if said else 2
    finally:
        _end(child)
    return 0


def _address(files: Path, page: str) -> str | None:
    """Read the address from the file that a serving JupyterLab writes."""
    for file in files.glob("jpserver-*.json"):
        with contextlib.suppress(ValueError, OSError):  # half written
            server = json.loads(file.read_text("utf-8"))
            return f"{server['url']}{page}?token={server['token']}"
    return None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End JupyterLab with its kernels, kindly first."""
    child.terminate()
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _copy_notebooks(folder: Path) -> str:
    """Copy the guided notebooks that are not there yet; say which are new."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        guided = tour.guided_notebooks()
        new = [path for path in guided if not (folder / path.name).exists()]
        shipped = {folder / path.name: lab_files.ready(path) for path in guided}
        for path in new:
            (folder / path.name).write_text(shipped[folder / path.name], "utf-8")
        lab_files.copy_pictures(guided, folder)
        lab_files.trust(path for path, text in shipped.items() if path.read_text("utf-8") == text)
    except OSError as error:
        raise CannotBegin(f"cannot write notebooks to {folder}: {error.strerror}") from None
    if not guided:
        return "this installation has no guided ones"
    if not new:
        return "all there already, left as they are"
    kept = f"; {len(guided) - len(new)} there already, left as they are" if len(new) < len(guided) else ""
    return f"new: {', '.join(path.name for path in new)}{kept}"


def _world_asked_for(*asked: Any, **people: Any) -> Any:
    """Read a world that needs frames only where one is asked for: they take a second to import."""
    from .sync.worlds import world_asked_for

    return world_asked_for(*asked, **people)


@contextlib.contextmanager
def _sandbox(asked: argparse.Namespace) -> Iterator[str]:
    from .sandbox import Sandbox

    try:
        world = _world_asked_for(asked.world, asked.people, asked.groups, asked.provider, asked.company)
        sandbox = Sandbox(
            seed=asked.seed, users=asked.users, clock=asked.clock, world=world, database=asked.database
        ).start()
    except (OSError, ValueError, errors.DirsyncError) as error:
        raise CannotBegin(str(error)) from None
    with sandbox:
        yield sandbox.url


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into an event."""
    stop = threading.Event()
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# -- demo ----------------------------------------------------------------------------------------------------

# Voila's page is light unless its address says ?theme=dark: whoever prefers dark has its dark theme on top.
DEMO = """import contextlib
import io
import os

from IPython.display import HTML, display

import dirsync_nb as ds

if "theme=" not in os.environ.get("QUERY_STRING", ""):
    dark = "voila/templates/lab/static/theme-dark.css"
    display(HTML(f'<style>@import url("{dark}") (prefers-color-scheme: dark);</style>'))
with contextlib.redirect_stdout(io.StringIO()):  # what it says of invented people may not be so
    client = ds.connect()
ds.widgets.DemoConsole(client)"""


def run_demo(arguments: argparse.Namespace) -> int:
    """Serve the console, and the sandbox beside it, until Ctrl-C or SIGTERM."""
    extras.need("this", "lab", "voila")
    from .widgets._demo.worlds import connect_demo

    asked = arguments
    files = {"people": asked.people, "groups": asked.groups}
    client = connect_demo(asked.company, asked.provider, asked.users, **files, seed=asked.seed)
    with _stop_signals() as stop, client.sandbox as sandbox, kernels.place() as place:
        _say(f"{'Sandbox:':<12}{sandbox.url} (key {sandbox.api_key})")
        token, port = secrets.token_hex(24), _free_port(arguments.port)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKOS_")}
        environment |= lab_files.configure(place, environment) | {SHARED_SANDBOX: sandbox.url}
        command, address = _voila(arguments, place, port, token), f"http://127.0.0.1:{port}/?token={token}"
        child = subprocess.Popen(command, env=environment, cwd=place.folder, **_APART)
        return _wait(child, "Console", lambda: address if _serves(port) else None, stop)


def _voila(arguments: argparse.Namespace, place: kernels.Place, port: int, token: str) -> list[str]:
    """Write the page and its settings into a private folder; return the command that serves it."""
    import nbformat
    from nbformat import v4

    page = v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[v4.new_code_cell(DEMO)],  # type: ignore[no-untyped-call]
        metadata={"title": f"{arguments.company}: live demo"},
    )
    (place.folder / "demo.ipynb").write_text(nbformat.writes(page), "utf-8")  # type: ignore[no-untyped-call]
    # The token stands in a file, since the arguments of a process can be seen by everybody on the machine.
    served = {"token": token, "ip": "127.0.0.1", "port": port, "port_retries": 0, "log_level": "ERROR"}
    settings = {"Voila": served, "KernelManager": place.transport()}
    (place.folder / "voila.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "voila", "demo.ipynb"]
    return [*command, "--no-browser"] if arguments.no_browser else command


def _free_port(wanted: int) -> int:
    """Return the first port from here on that nobody has."""
    for port in range(wanted, min(wanted + 50, 65536)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise CannotBegin(f"no port from {wanted} on is free: --port says another")


def _serves(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


# -- tour ----------------------------------------------------------------------------------------------------


def _notebook(path: Path) -> Path:
    """Return a notebook: the file, or the guided one of that name; refuse before anything starts."""
    guided = {one.name: one for one in tour.guided_notebooks()}
    if path.exists():
        return path
    if path.name in guided and path.parent == Path():
        return guided[path.name]
    raise CannotBegin(f"there is no notebook {path}; the guided ones are {', '.join(guided)}")


def run_tour(arguments: argparse.Namespace) -> int:
    """Run notebooks, say one line each, write the page."""
    extras.need("this", "lab", "nbclient", "nbconvert")
    _check_variables()
    paths = [_notebook(path) for path in arguments.notebooks] or tour.guided_notebooks()
    if not paths:
        raise CannotBegin("no guided notebooks beside the package; name a notebook")
    out: Path = arguments.out.resolve()
    if out.is_dir() or not out.parent.is_dir():
        raise CannotBegin(f"cannot write {out}: {'it is a folder' if out.is_dir() else 'no such folder'}")
    server = tour.workos() or f"{tour.SANDBOX} (seed {arguments.seed})"
    started, chapters = time.monotonic(), []
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _say(f"Server: {server}")
        for chapter in tour.tour(paths, seed=arguments.seed, timeout=arguments.timeout):
            chapters.append(chapter)
            _say(str(chapter))
    except ValueError as error:
        raise CannotBegin(str(error)) from None
    except KeyboardInterrupt:
        print("dirsync-nb tour: interrupted; no report written", file=sys.stderr)
        return _INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    out.write_text(tour.report(chapters, server), "utf-8")
    if arguments.summary is not None:
        with arguments.summary.open("a", encoding="utf-8") as file:
            file.write(tour.summary(chapters, server))
    _say(f"Report: {out} ({time.monotonic() - started:.0f} s)")
    return int(any(chapter.problem for chapter in chapters))


# -- check ---------------------------------------------------------------------------------------------------


def run_check(arguments: argparse.Namespace) -> int:
    """Look at notebooks; say one line for each thing to change."""
    if arguments.execute:
        extras.need("this", "lab", "nbclient", "nbformat")
    return check_command.run(arguments)


def run_init_ci(arguments: argparse.Namespace) -> int:
    """Write what a repository needs; say what was left to its owner."""
    if not arguments.folder.is_dir():
        raise CannotBegin(f"there is no folder {arguments.folder}")
    try:
        for line in init_ci.write(arguments.folder, force=arguments.force):
            _say(line)
    except OSError as error:
        raise CannotBegin(f"cannot write {error.filename}: {error.strerror}") from None
    return 0


# -- probe ---------------------------------------------------------------------------------------------------


def run_probe(arguments: argparse.Namespace) -> int:
    """Ask the service, say what differs, write the report."""
    from .connect import connect
    from .provisioning import checklist

    out: Path = arguments.out.resolve()
    if not out.parent.is_dir():
        raise CannotBegin(f"cannot write {out}: no such folder")
    with connect() as client:
        found = checklist.probe(client)
    _say(repr(found))
    _say(f"Report: {', '.join(map(str, found.write(out)))}")
    return 0


def run_drift(arguments: argparse.Namespace) -> int:
    """Look for drift; print the counts, and nobody's name."""
    from .connect import connect
    from .provisioning import find_drift, load_app_users
    from .sync import open_snapshot

    if not arguments.app:
        raise CannotBegin(f"--app or {APP_DATABASE} says where the app's database is: sqlite:///app.db")
    try:
        with connect() as client:
            found = find_drift(
                client,
                load_app_users(arguments.app, table=arguments.table),
                directory_id=arguments.directory,
                snapshot=None if arguments.snapshot is None else open_snapshot(arguments.snapshot),
                on=_pairs(arguments.on),
                fields=_pairs(arguments.fields),
                active=arguments.active,
                status_words=_words(arguments.status_words),
            )
        for path, write in ((arguments.html, found.to_html), (arguments.json, found.to_json)):
            if path is not None:
                write(path)
    except OSError as why:
        raise CannotBegin(str(why)) from None
    _say(repr(found))
    if len(found) and arguments.html is None and arguments.json is None:
        _say("Who, and why: --html FILE or --json FILE; they name people.")
    return 1 if len(found) else 0


def _words(text: str) -> dict[str, bool]:
    """Read ``A=on,B=off``."""
    found = {}
    for part in (part for part in text.split(",") if part.strip()):
        word, _, means = (one.strip() for one in part.rpartition("="))
        if means not in ("on", "off"):
            raise CannotBegin(f"--status-words are written as Pending=on,Left=off; got {part.strip()!r}")
        found[word] = means == "on"
    return found


def _pairs(text: str) -> dict[str, str]:
    """Read ``a,b=c`` as the app's columns with those of the directory."""
    parts = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    return {ours.strip(): theirs.strip() or ours.strip() for ours, _, theirs in parts}


# -- starter -------------------------------------------------------------------------------------------------


def run_starter(arguments: argparse.Namespace) -> int:
    """Write the starter, and say what to do with it."""
    own = None
    words = {word: means == "on" for word, means in _said(arguments.status_words, {"on", "off"}).items()}
    columns, defaults = _said(arguments.columns), _said(arguments.defaults)
    starter.require_empty(arguments.folder)
    if arguments.url:
        from .starter.own_table import read_own_table

        own = read_own_table(
            arguments.url, arguments.table, columns=columns, status_words=words, defaults=defaults
        )
    elif arguments.table or columns or words or defaults:
        raise CannotBegin("--url says in which database your table is: sqlite:///app.db")
    files = starter.write_files(arguments.folder, own)
    if own is not None:
        _say(f"{own.table.fullname}: {', '.join(f'{role} is {name}' for role, name in own.roles.items())}.")
        for note in own.notes:
            _say(note)
        _say("It is kept once APP_DATABASE_URL names its database; see directory_worker/mapping.py first.")
    _say(f"{len(files)} files in {arguments.folder}. Begin with its README.md, or:")
    # A line each, without && or variables in front: so they work in bash, PowerShell and cmd alike.
    _say(f'  cd "{arguments.folder}"')
    needed = "dev,postgresql" if arguments.url and arguments.url.startswith("postgres") else "dev"
    _say(f'  pip install {extras.requirement()} -e ".[{needed}]"')
    _say("  python -m pytest")
    _say("  python -m directory_worker --once")
    return 0


def _said(text: str, values: set[str] | None = None) -> dict[str, str]:
    """Read ``a=b,c=d``."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    for name, sign, value in parts:
        if not sign or (values is not None and value.strip() not in values):
            wanted = " or ".join(sorted(values or {"VALUE"}))
            raise CannotBegin(f"{name.strip()!r} is followed by = and {wanted}")
    return {name.strip(): value.strip() for name, _, value in parts}


# -- common --------------------------------------------------------------------------------------------------


def _check_variables() -> None:
    """Refuse what ``connect()`` would refuse in every notebook."""
    if tour.workos() is None and os.environ.get("WORKOS_BASE_URL", "").strip():
        raise CannotBegin(
            "WORKOS_BASE_URL names a server but there is no key: set WORKOS_API_KEY, or unset the address "
            "to use the embedded sandbox"
        )


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
