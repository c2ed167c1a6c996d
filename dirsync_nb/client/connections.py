"""Connections to one server, on which every promise holds by construction.

Only GET leaves this machine; the key is put on at the last moment, by a connection that was made for its
server alone; no redirect is followed, no cookie kept and no ``.netrc`` read. Each exchange ends by a deadline,
from connecting to the last trailer, and brings no more bytes than allowed.
"""

from __future__ import annotations

import http.client
import io
import logging
import os
import platform
import socket
import ssl
import threading
import time
from collections.abc import ItemsView, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPResponse, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import LocationValueError
from urllib3.util import create_urllib3_context, parse_url

from .. import errors
from .credentials import Login, Secret, is_loopback
from .waiting import SLICE

MOST_BYTES = 32 * 2**20  # of one answer, decoded: a page is 100 records at most
MOST_ERROR_BYTES = 2**16  # of an error's body, of which a person is told some words
WIRE = 2  # times as many bytes on the wire, for what frames them
READ_SIZE = 2**16  # at a time; small, so that what is packed a thousandfold is noticed in time
MOST_CONNECTIONS = 64  # kept open
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


class TooSlow(Exception):
    """Nothing came for the timeout, or not all by the deadline; ``limit`` are its seconds."""

    def __init__(self, limit: float, whole: bool) -> None:
        super().__init__()
        self.limit, self.whole = limit, whole


class TooMuch(Exception):
    """More bytes came than an answer may have."""


class GivenUp(Exception):
    """The load that asked has ended meanwhile."""


@dataclass(frozen=True)
class Answer:
    """An answer, decoded; of an error's body only the beginning."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Exchange:
    """The bounds of one request and its answer.

    Parameters
    ----------
    timeout
        Seconds in which something must come.
    deadline
        Seconds in which all must have come.
    stop
        Ends it when set.
    """

    def __init__(self, timeout: float, deadline: float, stop: threading.Event | None = None) -> None:
        self.timeout, self.deadline, self.stop = timeout, deadline, stop
        self.ends = time.monotonic() + deadline
        self.received = 0

    def left(self) -> float:
        """Return the seconds to the deadline; raise TooSlow when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TooSlow(self.deadline, whole=True)
        return left

    def receive(self, sock: socket.socket, buffer: Any) -> int:
        """Read what a socket has into a buffer, waiting in slices for it."""
        silent = time.monotonic() + self.timeout
        while True:
            if self.stop is not None and self.stop.is_set():
                raise GivenUp
            patience = silent - time.monotonic()
            if patience <= 0:
                raise TooSlow(self.timeout, whole=False)
            sock.settimeout(min(self.left(), patience, SLICE))
            try:
                count = sock.recv_into(buffer)
            except TimeoutError:
                continue
            self.received += count
            if self.received > WIRE * MOST_BYTES:
                raise TooMuch
            return count


_exchange: ContextVar[Exchange] = ContextVar("dirsync_nb_exchange")


class _Stream(io.RawIOBase):
    """What a socket receives, within the bounds of the exchange under way."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._held = sock.makefile("rb", buffering=0)  # keeps the socket open while this is read
        self._bounds = _exchange.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._bounds.receive(self._sock, buffer)

    def close(self) -> None:
        self._held.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer, also a proxy's to CONNECT, every byte of which comes through :class:`_Stream`."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Stream(sock), READ_SIZE)

    def begin(self) -> None:
        """Read status and headers; pass over interim answers (103), lest the next request gets the real one."""
        super().begin()
        while 101 < self.status < 200:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _OneServer(HTTPConnection):
    """A connection for GET alone, which knows the key of its server and when an exchange must end."""

    debuglevel = 0  # http.client's would print the headers
    response_class = _Response
    key: Secret

    def connect(self) -> None:
        """Connect by the deadline: each address of the host may be tried in turn, then comes the handshake."""
        attempts = 1
        with suppress(OSError):
            attempts = len(socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM))
        share = _exchange.get().left() / (attempts + 1)
        self.timeout = min(share, _exchange.get().timeout)
        super().connect()

    def request(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Send a request, with the key."""
        signed = {**(headers or {}), "Authorization": "Bearer " + self.key.reveal()}
        super().request(method, url, body=body, headers=signed, **options)


class _OnlyGet(HTTPConnectionPool):
    """Refuse every verb but GET, and any server but ours, before a socket opens."""

    def urlopen(self, method: str, url: str, *args: Any, **options: Any) -> BaseHTTPResponse:
        if method != "GET" or not url.startswith("/"):
            raise errors.ReadOnlyError(
                f"{method} {urlsplit(url).path} was not sent: dirsync_nb only reads, and from one server. Use "
                "the dashboard or the official WorkOS SDK to change something."
            )
        return super().urlopen(method, url, *args, **options)


class _ProxyHeaders(dict[str, str]):
    """The headers that log in at a proxy, shown to whoever sends them and in no repr or copy."""

    def __init__(self, login: Login) -> None:
        super().__init__({"Proxy-Authorization": repr(login)})
        self._login = login

    def items(self) -> ItemsView[str, str]:  # type: ignore[override]
        return {**self, "Proxy-Authorization": self._login.header()}.items()

    def copy(self) -> _ProxyHeaders:
        return self


class Connections:
    """Perform GET requests to one server, with its key; many at a time.

    Proxies are those of the environment (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``) or the system, except
    for a server on this machine. Certificates are those of ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``,
    ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, the first that is set; else those of certifi and of the system.

    Attributes
    ----------
    pool
        The connections.
    proxy
        The proxy they go by, without its password; or None.
    secrets
        What must show nowhere: the key, and the proxy's password.

    Raises
    ------
    ConfigurationError
        The proxy or the certificates named in the environment cannot be used.
    """

    def __init__(self, base_url: str, key: Secret) -> None:
        self.base_url = base_url
        self._key = key
        self._root = urlsplit(base_url).path
        self._headers = {"User-Agent": user_agent(), "Accept": "application/json", "Accept-Encoding": "gzip"}
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        host = urlsplit(self.base_url)
        try:
            manager = self._manager(host.scheme, host.hostname or "")
            manager.pool_classes_by_scheme = {
                scheme: self._guarded(kind) for scheme, kind in manager.pool_classes_by_scheme.items()
            }
            self.pool = manager.connection_from_host(host.hostname, host.port, host.scheme)
            return
        except (OSError, ValueError) as problem:
            words = getattr(problem, "strerror", None) or problem
        # Out here, so that no frame in which a proxy's address is read stands in the traceback.
        raise errors.ConfigurationError(
            f"no connection to {self.base_url} can be made ({self.trust()}; proxy: {self.proxy or 'none'}; "
            f"{words}). Check the proxy and REQUESTS_CA_BUNDLE or SSL_CERT_FILE in the environment."
        )

    def _manager(self, scheme: str, host: str) -> PoolManager:
        self.secrets: list[Secret] = [self._key]
        self.proxy: str | None = None
        options: dict[str, Any] = {"maxsize": MOST_CONNECTIONS, "retries": False}
        if scheme == "https":
            options["ssl_context"] = _certificates()
        address = _proxy_address(scheme, host) if not is_loopback(self.base_url) else None
        if address is None:
            return PoolManager(**options)
        try:
            proxy = parse_url(address if "://" in address else f"http://{address}")
        except LocationValueError:
            raise ValueError("the proxy's address cannot be read") from None  # the library's words quote it
        self.proxy = proxy._replace(auth=None).url
        if not proxy.host:
            raise ValueError("the proxy's address has no host")
        login = Login(unquote(proxy.auth)) if proxy.auth else None
        if login:
            self.secrets += [login, Login(str(proxy.auth))]
        if str(proxy.scheme).startswith("socks"):
            return _socks(self.proxy, login, options)
        headers = _ProxyHeaders(login) if login else None
        context = options["ssl_context"] if proxy.scheme == "https" else None
        return ProxyManager(self.proxy, proxy_headers=headers, proxy_ssl_context=context, **options)

    def _guarded(self, kind: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        """Return a kind of pool, or of its connections, with our guards on it."""
        connection = type("OneServer", (_OneServer, kind.ConnectionCls), {"key": self._key})
        return type("OnlyGet", (_OnlyGet, kind), {"ConnectionCls": connection})

    def __repr__(self) -> str:
        return f"<Connections to {self.base_url}>"

    def trust(self) -> str:
        """Return which certificates are trusted, for messages."""
        name = bundle()
        return f"certificates of {f'{name}={os.environ[name]}' if name else 'certifi and the system'}"

    def close(self) -> None:
        """Close the sockets. A later request opens new ones."""
        self.pool.close()

    def get(self, target: str, bounds: Exchange) -> Answer:
        """Send one GET and read its answer to the end.

        Raises
        ------
        TooSlow, TooMuch, GivenUp
            A bound was reached; the connection is closed.
        HTTPError
            Of urllib3.
        """
        if self._process != os.getpid() or self.pool.pool is None:
            # Closed; or forked, and must not read answers from connections it shares with its parent.
            self._open()
        token = _exchange.set(bounds)
        try:
            response = self.pool.urlopen(
                "GET",
                self._root + target,
                headers=self._headers,
                timeout=bounds.timeout,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
            most = MOST_BYTES if response.status == 200 else MOST_ERROR_BYTES
            assert isinstance(response, HTTPResponse)
            return Answer(response.status, response.headers, b"".join(_pieces(response, bounds, most)))
        finally:
            _exchange.reset(token)


def _pieces(response: HTTPResponse, bounds: Exchange, most: int) -> Iterator[bytes]:
    """Yield a body. One that is too long is an error; of an error's, the beginning will do."""
    size = 0
    whole = False
    try:
        if response.status == 200 and (response.length_remaining or 0) > most:
            raise TooMuch
        while piece := response.read1(READ_SIZE, decode_content=True):
            bounds.left()
            size += len(piece)
            if size > most:
                if response.status == 200:
                    raise TooMuch
                return
            yield piece
        whole = True
    finally:
        if not whole:
            response.close()  # with its connection, on which the rest is still to come


def _certificates() -> ssl.SSLContext:
    """Return what https is checked against."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    name = bundle()
    if name is None:
        context.load_verify_locations(certifi.where())
        context.load_default_certs()  # a company's own certificate is often installed in the system
    elif Path(os.environ[name]).is_dir():
        context.load_verify_locations(capath=os.environ[name])
    else:
        context.load_verify_locations(cafile=os.environ[name])
    return context


def bundle() -> str | None:
    """Return the variable that names the certificates to trust, or None."""
    return next((name for name in BUNDLES if os.environ.get(name)), None)


def _proxy_address(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment or the system names for a host."""
    proxies = getproxies()
    return None if proxy_bypass(host) else proxies.get(scheme) or proxies.get("all")


def _socks(address: str, login: Login | None, options: dict[str, Any]) -> PoolManager:
    if find_spec("socks") is None:
        raise ValueError("a SOCKS proxy needs the package pysocks")
    from urllib3.contrib.socks import SOCKSProxyManager

    user, _, password = login.reveal().partition(":") if login else ("", "", "")
    return SOCKSProxyManager(address, username=user or None, password=password or None, **options)


def user_agent() -> str:
    """Return our name for the server: package and Python version, nothing about the machine."""
    try:
        own = version("dirsync_nb")
    except PackageNotFoundError:
        own = "source"
    return f"dirsync-nb/{own} (python {'.'.join(platform.python_version_tuple()[:2])})"


for _name in ("urllib3.connection", "urllib3.response"):
    # What the HTTP library warns of in our answers quotes them as they came.
    logging.getLogger(_name).addFilter(lambda _: _exchange.get(None) is None)
