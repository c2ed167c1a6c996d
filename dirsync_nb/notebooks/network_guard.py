"""Keep a Python process to this machine: what would reach beyond it is refused, with its address named.

The refusal sits in Python's audit hooks, below ``socket`` itself: it holds for ``requests``, for asyncio, for
code that kept a reference to a method, and no library can take it away. Child processes are reached by a
``sitecustomize`` on ``PYTHONPATH``; this file is therefore complete in itself and imports nothing but the
standard library. Unix sockets and loopback stay open. Out of reach are programs that are not Python, and
compiled libraries with a network of their own (uvloop, ZeroMQ); on Windows asyncio's own loop too, which
connects by the system and not by ``socket``.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = [
    "UNSEEN_ON_WINDOWS",
    "OutboundRefused",
    "allow",
    "kept_here",
    "read",
    "refuse",
    "write_sitecustomize",
]

UNSEEN_ON_WINDOWS = (
    "on Windows the guard does not see what asyncio's Proactor loop connects to (httpx and aiohttp under "
    "asyncio); requests, urllib3 and all that goes by socket are seen"
)
GUARDED, REFUSED = "guarded", "refused"  # the first word of a line in the log
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ws_proxy", "wss_proxy")

_active = False
_installed = False
_log: Path | None = None


class OutboundRefused(ConnectionRefusedError):
    """The process was to reach this machine only, and something asked for another one."""


def _refusal() -> type[OutboundRefused]:
    """Return the error to raise: of the package's own kind too, where the package is loaded."""
    errors = sys.modules.get("dirsync_nb.errors")
    if errors is None:
        return OutboundRefused
    return type("OutboundRefused", (OutboundRefused, errors.DirsyncError), {})


def refuse(log: Path | None = None) -> None:
    """Refuse from now on, in this process, whatever would reach beyond this machine.

    Parameters
    ----------
    log
        A file that gets one line for this process and one for each refusal, so that a refusal which a library
        swallows is known all the same.
    """
    global _active, _installed, _log  # an audit hook cannot be removed, so it asks these
    _active, _log = True, log
    if not _installed:
        sys.addaudithook(_hook)
        for name, event in _BY_NAME.items():
            _judge_first(name, event)
        _installed = True
    _note(GUARDED, "")


def allow() -> None:
    """Stop refusing in this process."""
    global _active, _log
    _active, _log = False, None


def write_sitecustomize(folder: Path, log: Path) -> None:
    """Write the file by which every Python that finds ``folder`` on its ``PYTHONPATH`` refuses as well.

    A ``sitecustomize`` that the machine or the environment has already still runs, after ours.
    """
    text = _SITECUSTOMIZE.format(guard=str(Path(__file__).resolve()), log=str(log), folder=str(folder))
    (folder / "sitecustomize.py").write_text(text, "utf-8")


def kept_here(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Return an environment in which every Python refuses, without a key, a server, or a proxy as a way out.

    Parameters
    ----------
    environment
        As it is; it stays so.
    folder
        Where :func:`write_sitecustomize` wrote.
    """
    kept = {name: text for name, text in environment.items() if not _leads_out(name)}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), environment.get("PYTHONPATH", "")]))
    return kept


def _leads_out(name: str) -> bool:
    return name.lower() in _PROXIES or name in ("WORKOS_API_KEY", "WORKOS_BASE_URL")


def read(log: Path, offset: int = 0) -> tuple[list[tuple[str, str]], int]:
    """Read what was noted since ``offset``: pairs of a word and an address, and the next offset."""
    if not log.exists():
        return [], offset
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    lines = [line.split("\t", 2) for line in whole.decode("utf-8").splitlines()]
    return [(word, address) for word, _pid, address in lines], offset + len(whole)


# -- the hook ------------------------------------------------------------------------------------------------


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Look at an audited event. It sees every import and every open file, so it must be quick to say no."""
    if not _active or event not in _EVENTS:
        return
    address, counts = _EVENTS[event](*arguments)
    if address:
        if counts:
            _note(REFUSED, address)
        raise _refusal()(f"a connection to {address} was refused: this run may reach this machine only")


def _judge_first(name: str, event: str) -> None:
    """Let a method of ``socket`` be judged before it runs: given a name, it looks that up before its event."""
    original = getattr(socket.socket, name)

    @functools.wraps(original)
    def method(self: socket.socket, *arguments: Any) -> Any:
        if arguments and isinstance(arguments[-1], tuple):
            _hook(event, (self, arguments[-1]))
        return original(self, *arguments)

    setattr(socket.socket, name, method)


def _connection(sock: Any, address: Any, *_: Any) -> tuple[str, bool]:
    """Judge ``sendto`` and ``sendmsg``. Without an address they use the connection that is there."""
    if not isinstance(address, tuple) or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "", False
    host = _text(address[0])
    return "" if _is_here(host) else _written(host, address[1]), True


def _connect(sock: Any, address: Any) -> tuple[str, bool]:
    """Judge ``connect``. Of UDP it sends nothing, and only asks for this machine's address: not noted."""
    refused, counts = _connection(sock, address)
    return refused, counts and sock.type != socket.SOCK_DGRAM


def _lookup(host: Any, port: Any = None, *_: Any) -> tuple[str, bool]:
    """Judge the look-up of a name. A number needs no look-up: what then connects to it is judged there."""
    name = _text(host)
    return "" if _is_number(name) or _is_here(name) else _written(name, port), True


def _reverse_lookup(host: Any, *_: Any) -> tuple[str, bool]:
    name = _text(host[0] if isinstance(host, tuple) else host)
    return "" if _is_here(name) else _written(name, None), True


_EVENTS: dict[str, Callable[..., tuple[str, bool]]] = {
    "socket.connect": _connect,
    "socket.sendto": _connection,
    "socket.sendmsg": _connection,
    "socket.getaddrinfo": _lookup,
    "socket.gethostbyname": _lookup,
    "socket.gethostbyaddr": _reverse_lookup,
    "socket.getnameinfo": _reverse_lookup,
}

_BY_NAME = {"connect": "socket.connect", "connect_ex": "socket.connect", "sendto": "socket.sendto"}


def _text(host: Any) -> str:
    return host.decode("utf-8", "replace") if isinstance(host, (bytes, bytearray)) else str(host or "")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    """Return whether a host, by name or number, is this machine. An empty one and 0.0.0.0 are."""
    name = host.casefold().rstrip(".")
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    if not _is_number(name):
        return name in _own_names()
    number: Any = ipaddress.ip_address(name.split("%")[0])
    number = getattr(number, "ipv4_mapped", None) or number
    return bool(number.is_loopback or number.is_unspecified)


def _own_names() -> set[str]:
    name = socket.gethostname().casefold()
    return {name, "ip6-localhost", "localhost.localdomain"}


def _written(host: str, port: Any) -> str:
    """Write an address on one line of printable characters."""
    shown = "".join(character if character.isprintable() else "?" for character in host)[:200]
    shown = f"[{shown}]" if ":" in shown else shown
    return shown if port in (None, 0, "") else f"{shown}:{_text(port)[:20]}"


def _note(word: str, address: str) -> None:
    """Add a line to the log, whole, whoever else writes to it."""
    if _log is None:
        return
    file = os.open(_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{word}\t{os.getpid()}\t{address}\n".encode())
    finally:
        os.close(file)


_SITECUSTOMIZE = '''"""Written for one run: keep this process to this machine, then do as without this file."""
import importlib.machinery
import importlib.util
import pathlib
import sys

spec = importlib.util.spec_from_file_location("_dirsync_outbound", {guard!r})
guard = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guard)
guard.refuse(pathlib.Path({log!r}))

others = [entry for entry in sys.path if entry != {folder!r}]
spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
if spec is not None and spec.loader is not None:
    sys.modules["sitecustomize"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
'''
