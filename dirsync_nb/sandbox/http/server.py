"""A server on a thread of its own: one port, one event loop, gone when stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import uvicorn

from ..directory.refusal import NotRunning

if TYPE_CHECKING:
    from .app import App

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as _Protocol
except ImportError:  # httptools is not there: uvicorn's own choice in that case
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Protocol  # type: ignore[assignment]

_PATIENCE = 10.0
_MOST_PLAIN = 8_000  # bytes
_PLAIN = re.compile(rb"GET (/[!-~]*) HTTP/1\.1\r\n((?:[A-Za-z-]+: ?[ -~]*\r\n)+)\r\n")
_NOT_PLAIN = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"connection"))
LONGEST_REQUEST = 30.0  # seconds for a request to come in whole, headers and body


class _KnownConnection(_Protocol):
    """Let the application see its connection, and end one whose request does not come in whole.

    Some faults can only be shown by breaking a connection. A plain GET of the API, whole in one piece, is
    answered at once, with the same bytes: the general road costs a third of a millisecond for each answer, as
    much as a page of 60 users. From the first other request on, a connection takes the general road.
    """

    _deadline: asyncio.TimerHandle | None = None
    _plain = True
    app_of_ours: App

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {"transport": transport, "received": self._received}
        self._expect(transport)

    def data_received(self, data: bytes) -> None:
        if self._plain and (answer := self._answered_at_once(data)) is not None:
            self._received()
            self._unset_keepalive_if_required()
            self.server_state.total_requests += 1
            self.transport.write(answer)
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
            return
        self._plain = False
        if self._deadline is None:
            self._expect(self.transport)
        super().data_received(data)

    def _answered_at_once(self, data: bytes) -> bytes | None:
        if len(data) > _MOST_PLAIN or self.transport.get_write_buffer_size():
            return None
        if (match := _PLAIN.fullmatch(data)) is None:
            return None
        lines = match[2].split(b"\r\n")[:-1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        if headers.pop(b"connection", b"keep-alive").lower() != b"keep-alive" or headers.keys() & _NOT_PLAIN:
            return None
        if b"host" not in headers or len(headers) < len(lines) - (b"connection:" in match[2].lower()):
            return None  # none, or one of them comes twice
        return self.app_of_ours.answer_at_once(
            match[1].decode(), {name.decode(): value.decode() for name, value in headers.items()}
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._received()
        super().connection_lost(exc)

    def _expect(self, transport: Any) -> None:
        self._deadline = self.loop.call_later(LONGEST_REQUEST, transport.abort)

    def _received(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Server:
    """Serve an application until stopped."""

    def __init__(self, app: App, host: str, port: int) -> None:
        self._app = app
        self._sockets = bind(host, port)
        self.port: int = self._sockets[0].getsockname()[1]
        config = uvicorn.Config(
            app,
            http=type("_Connection", (_KnownConnection,), {"app_of_ours": app}),
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="critical",  # nothing printed into a notebook; the application logs its own failures
            timeout_graceful_shutdown=1,
            server_header=False,
            date_header=False,
            proxy_headers=False,
        )
        self._uvicorn = _Uvicorn(config)
        self._loop = asyncio.new_event_loop()
        self._workers = ThreadPoolExecutor()
        self._loop.set_default_executor(self._workers)
        self._thread = threading.Thread(target=self._run, name="dirsync-sandbox", daemon=True)

    def start(self) -> None:
        """Start the thread and wait until it serves."""
        self._thread.start()
        if not self._uvicorn.ready.wait(_PATIENCE):
            self.stop()
            raise NotRunning(f"the sandbox server did not come up within {_PATIENCE:.0f} s")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._uvicorn.serve(sockets=self._sockets))
        finally:
            self._workers.shutdown()  # asyncio's own way starts a thread, which Python 3.12 refuses at exit
            self._loop.close()

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and free the port."""
        self._uvicorn.should_exit = True
        with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
            self._loop.call_soon_threadsafe(self._app.closing.set)
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(_PATIENCE)
        for bound in self._sockets:
            bound.close()


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind before the thread starts, so that a taken port is an error here.

    For this machine's own name both address families are tried: ``localhost`` means ``::1`` to some clients.
    """
    if host not in ("127.0.0.1", "localhost", "::1"):
        return [_bound(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port)]
    first = _bound(socket.AF_INET, "127.0.0.1", port)
    try:
        return [first, _bound(socket.AF_INET6, "::1", first.getsockname()[1])]
    except OSError:  # no IPv6 here, or the port is taken there
        return [first]


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # Named, since asyncio turns Nagle off only where it sees TCP: 40 ms per answer otherwise.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made
