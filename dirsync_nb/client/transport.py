"""One GET, or a typed error.

The transport is where the promises about safety are kept: only GET leaves this machine, the key goes to one
host and into no message, redirects are not followed, a server on this machine is reached past any proxy, and
every wait for a byte has an end.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import platform
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from math import isinf
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, NewConnectionError

from .. import errors
from .pacing import RETRIED_STATUSES, Pacer, RetryPolicy, parse_retry_after

__all__ = ["Secret", "Traffic", "Transport", "Wait", "is_loopback"]

READ_SIZE = 2**20
DEADLINE = 120.0  # seconds for one whole answer, or twice the timeout where that is longer

ERROR_BY_STATUS: dict[int, type[errors.ApiError]] = {
    400: errors.BadRequest,
    401: errors.NotAuthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    422: errors.Unprocessable,
    429: errors.RateLimited,
}


@dataclass(frozen=True)
class Wait:
    """A pause that a load made: why, and for how many seconds."""

    cause: str
    seconds: float


@dataclass
class Traffic:
    """What a load cost so far: requests sent, and pauses made on the way; ``stop`` gives it up when set."""

    requests: int = 0
    waits: list[Wait] = field(default_factory=list)
    stop: threading.Event | None = field(default=None, repr=False)

    def note_wait(self, cause: str, seconds: float) -> None:
        """Note a pause; pauses of zero seconds are none."""
        if seconds > 0:
            self.waits.append(Wait(cause, seconds))


class Transport:
    """Perform GET requests against one server with one key.

    Parameters
    ----------
    base_url
        Address of the server. Anything but a loopback address must be ``https``.
    api_key
        The key. It is kept in an auth object that knows one host and shows itself to nobody.
    key_source
        Where the key was read from, for messages: the name of a variable or argument.
    timeout
        Seconds to wait for the connection, and again for each piece of the answer. A whole answer may take
        120 seconds, or twice the timeout where that is longer: a server that sends a byte now and then does not
        hold a load for ever.
    retry, pacer
        Patience and budgets.

    Raises
    ------
    ConfigurationError
        The address or the key cannot be right.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | Secret,
        *,
        key_source: str = "api_key",
        timeout: float = 60.0,
        retry: RetryPolicy | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        # Wrapped first: from here on no local variable, which a traceback may show, holds the key in the clear.
        self._key = api_key = Secret.wrap(api_key)
        self.base_url = _checked_base_url(base_url)
        self.key_source = key_source
        self.timeout = timeout
        self.deadline = max(DEADLINE, 2 * timeout)
        self.retry = retry or RetryPolicy()
        self.pacer = pacer or Pacer()
        environment = _key_environment(api_key)
        if environment is None:
            raise errors.ConfigurationError(
                f"{key_source} does not hold an API key: those begin with sk_ and have no spaces or line ends. "
                "(A value that begins with client_ is the client id.)"
            )
        self.key_environment = environment
        self._open()

    def _open(self) -> None:
        """Open a session for this process, and take from it what every request needs: connections and headers.

        The session decides about proxies, certificates and the key. To let it do so for every request anew, and
        to wrap every answer, took 0.3 ms a page, of 0.7.
        """
        self._session, self._process = self._opened(), os.getpid()
        request = self._session.prepare_request(requests.Request("GET", self.base_url))
        address = str(request.url)
        settings = self._session.merge_environment_settings(address, {}, True, None, None)
        adapter = self._session.get_adapter(address)
        assert isinstance(adapter, _OnlyGet)
        try:
            self._connections: HTTPConnectionPool = adapter.connections(request, address, settings)
        except (OSError, requests.RequestException) as problem:
            raise errors.ConfigurationError(
                f"no connection to {self.base_url} can be made ({problem}). Check the proxy and "
                "REQUESTS_CA_BUNDLE in the environment."
            ) from None
        self._headers: Mapping[str, str] = request.headers
        self._root = urlsplit(address).path.rstrip("/")

    def _opened(self) -> requests.Session:
        session = requests.Session()
        # Without this, HTTP_PROXY swallows calls to a server on this very machine.
        session.trust_env = not is_loopback(self.base_url)
        session.auth = _KeyForOneHost(self._key, self.base_url)
        session.headers.update({"User-Agent": user_agent(), "Accept": "application/json"})
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # an API needs none
        for scheme in ("http://", "https://"):
            session.mount(scheme, _OnlyGet(pool_maxsize=32))
        return session

    def __repr__(self) -> str:
        # Also asked for by tracebacks of a construction that failed.
        return f"<Transport {getattr(self, 'base_url', '?')}, key set, {getattr(self, 'key_environment', '?')}>"

    def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        self._session.close()

    def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        scope: str | None = None,
        doing: str | None = None,
        traffic: Traffic | None = None,
        retry: RetryPolicy | None = None,
    ) -> Any:
        """Perform one GET with pacing and retries; give the parsed JSON of a 200.

        Parameters
        ----------
        path
            Path under the base address, percent-encoded.
        params
            Query parameters.
        scope
            Directory whose budget the request counts on, or None.
        doing
            What the caller is doing, for messages: "reading users of directory_01ABC".
        traffic
            Where requests and pauses are noted; its ``stop`` ends pauses and further tries.
        retry
            Patience for this request alone.

        Raises
        ------
        LoadError
            The kind that fits; see :mod:`dirsync_nb.errors`.
        """
        doing = doing or f"reading {path}"
        traffic = traffic if traffic is not None else Traffic()
        retry = retry or self.retry
        cause = "pacing"
        for tries in itertools.count(1):
            traffic.note_wait(cause, self.pacer.wait(scope, traffic.stop))
            if traffic.stop is not None and traffic.stop.is_set():
                raise errors.LoadError(f"{doing}: given up, since the load it belongs to has ended")
            traffic.requests += 1
            answer = self._try_once(path, params, doing)
            if not isinstance(answer, BaseException):
                return answer
            if not isinstance(answer, errors.LoadError):
                raise answer  # Ctrl-C, as it came
            pause = retry.pause(tries, answer.retry_after) if answer.retryable else None
            if pause is None:
                raise _give_up(answer, tries, retry.max_wait)
            if answer.status_code == 429:
                # Everybody on this budget waits: the pause is taken at the next turn.
                self.pacer.hold(scope, pause)
                cause = "429"
            else:
                self.pacer.sleep(pause, traffic.stop)
                traffic.note_wait(str(answer.status_code or type(answer).__name__), pause)
                cause = "pacing"
        raise AssertionError("unreachable")

    def _try_once(self, path: str, params: Mapping[str, str | int] | None, doing: str) -> Any:
        """Send one request; give the parsed answer, or the error it amounts to, not raised.

        Errors are built here and raised elsewhere, so that no traceback reaches into the frames of the HTTP
        library, whose local variables hold the Authorization header. That goes for an interrupt as well.
        """
        failure: BaseException
        if self._process != os.getpid() or self._connections.pool is None:
            # Closed; or forked, and must not read answers from connections it shares with its parent.
            self._open()
        try:
            response, content = self._fetch(path, params)
        except NewConnectionError as problem:
            failure = self._no_connection(problem, doing)
        except (urllib3.exceptions.TimeoutError, _TooSlow) as problem:
            whole, limit = ("whole ", self.deadline) if isinstance(problem, _TooSlow) else ("", self.timeout)
            failure = errors.TimedOut(
                f"{doing}: no {whole}answer from {self.base_url} within {limit:g} s. Run it again, or allow "
                "more with connect(timeout=...)."
            )
        except urllib3.exceptions.SSLError as problem:
            failure = errors.ConnectionFailed(
                f"{doing}: no trusted connection to {self.base_url} ({_innermost(problem)}). A company proxy "
                "that inspects traffic needs its certificate in REQUESTS_CA_BUNDLE."
            )
            failure.retryable = False
        except DecodeError as problem:
            failure = errors.BadPayload(f"{doing}: the answer cannot be read ({_innermost(problem)}).")
            failure.retryable = True
        except HTTPError as problem:
            failure = self._no_connection(problem, doing)
        except BaseException as interrupt:  # noqa: BLE001 - raised again by the caller
            failure = interrupt.with_traceback(None)
            failure.__context__ = failure.__cause__ = None
        else:
            return self._read(response, content, doing)
        return failure

    def _fetch(self, path: str, params: Mapping[str, str | int] | None) -> tuple[BaseHTTPResponse, bytes]:
        """Send one request and read its answer to the end, or to the deadline."""
        begun = self.pacer.clock()
        response = self._connections.urlopen(
            "GET",
            self._root + path + (f"?{urlencode(params)}" if params else ""),
            headers=self._headers,
            timeout=urllib3.Timeout(connect=self.timeout, read=self.timeout),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
        )
        pieces = []
        while piece := response.read1(READ_SIZE, decode_content=True):
            pieces.append(piece)
            if self.pacer.clock() - begun > self.deadline:
                response.close()
                raise _TooSlow
        return response, b"".join(pieces)

    def _no_connection(self, problem: BaseException, doing: str) -> errors.ConnectionFailed:
        """Say that the server was not reached, or not to the end."""
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in _causes(problem))
        if refused and is_loopback(self.base_url):
            failure = errors.ConnectionFailed(
                f"{doing}: nothing listens at {self.base_url} on this machine. Was the sandbox stopped? "
                "ds.connect() starts one."
            )
            failure.retryable = False  # here it is known at once, and a pause changes nothing
            return failure
        return errors.ConnectionFailed(
            f"{doing}: the connection to {self.base_url} failed ({_innermost(problem)}). Check the "
            "address, the network and any proxy, then run it again."
        )

    def _read(self, response: BaseHTTPResponse, content: bytes, doing: str) -> Any:
        """Turn an answer into parsed JSON, or into the error it amounts to."""
        if response.status != 200:
            return self._explain(response, content, doing)
        try:
            return parse_json(content)
        except (ValueError, RecursionError):
            failure = errors.BadPayload(
                f"{doing}: the server answered 200 with {len(content):,} bytes that are not JSON, "
                f"or cut short. Is {self.base_url} the API itself, with no proxy or login page before it?"
            )
            failure.status_code = 200
            failure.retryable = True
            return failure

    def _explain(self, response: Any, content: bytes, doing: str) -> errors.ApiError:
        """Return what an error status means here and what to do next."""
        status = response.status
        body = _error_body(response, content)
        said = self._key.hidden_in(_said(body))
        advice = self._advice(status)
        message = f"{doing}: the API answered {status}" + (f" ({said})" if said else "") + f". {advice}"
        request_id = response.headers.get("X-Request-Id")
        if request_id:
            message += f" [request {request_id}]"
        kind = ERROR_BY_STATUS.get(status, errors.ServerFailure if status >= 500 else errors.ApiError)
        failure = kind(
            message,
            status_code=status,
            code=body.get("code") if isinstance(body.get("code"), str) else None,
            request_id=request_id,
            retry_after=_retry_after(response.headers, body),
        )
        failure.retryable = status in RETRIED_STATUSES
        return failure

    def _advice(self, status: int) -> str:
        """Return what a person does next after this status."""
        if status == 401:
            return (
                f"The key read from {self.key_source} ({self.key_environment}) was refused: check that it is "
                "complete and not withdrawn in the WorkOS dashboard under API Keys, then connect again"
                + ("" if self.key_source == "WORKOS_API_KEY" else f" with a new {self.key_source}")
                + "."
            )
        if status == 429:
            return "Too many requests share this key; wait a minute and run it again."
        if 300 <= status < 400:
            return "Redirects are not followed, so that the key stays with one host; check the base URL."
        if status >= 500:
            return "The service has a problem of its own; run it again later."
        return _ADVICE.get(status, "The request cannot succeed unchanged.")


_ADVICE = {
    400: "Check the filters; times end in Z and a cursor must come from this very list.",
    403: "This key may not read it: Directory Sync must be enabled for the environment, and the key allowed "
    "to use it (WorkOS dashboard, API Keys).",
    404: "It was deleted, or it belongs to another environment: staging and production share one address "
    "and the key decides which one you see.",
    422: "Add or correct the filter named here and run it again.",
}


def parse_json(content: bytes) -> Any:
    """Parse JSON quickly, and what only the lenient parser of Python takes (half a surrogate pair, a BOM).

    Measured on pages of 100 users: msgspec needs half the time of ``json``, and unlike orjson keeps whole
    numbers of any size exact.
    """
    try:
        return msgspec.json.decode(content)
    except msgspec.MsgspecError:
        return json.loads(content, parse_float=_any_float, parse_constant=BeyondFloat)


class BeyondFloat(float):
    """Infinity, as JSON can spell it (1e999): of a plain one an encoder would make null."""


def _any_float(text: str) -> float:
    number = float(text)
    return BeyondFloat(number) if isinf(number) else number


def _give_up(failure: errors.LoadError, tries: int, max_wait: float) -> errors.LoadError:
    """Return how often we tried, or that the service asked for more patience than allowed."""
    if failure.retry_after is not None and failure.retry_after > max_wait:
        note = (
            f" It asks for {failure.retry_after:g} s, more than max_wait={max_wait:g}: run it again after "
            f"that, or connect(max_wait={failure.retry_after:g})."
        )
    elif tries > 1:
        note = f" Tried {tries} times."
    else:
        return failure
    failure.args = (str(failure.args[0]) + note, *failure.args[1:])
    return failure


def _error_body(response: BaseHTTPResponse, content: bytes) -> dict[str, Any]:
    """Read an error body of any kind as a dict: JSON object, JSON string, plain text, HTML or nothing."""
    try:
        body = parse_json(content)
    except (ValueError, RecursionError):
        content_type = response.headers.get("Content-Type", "")
        return {} if "html" in content_type else {"message": content.decode("utf-8", "replace")}
    return body if isinstance(body, dict) else {"message": body}


def _said(body: Mapping[str, Any]) -> str:
    """Return the API's own words in one line of bounded length, from whichever field holds them."""
    parts = []
    for entry in _as_list(body.get("errors")):
        if isinstance(entry, dict):
            name = entry.get("field") or entry.get("property")
            words = entry.get("message") or entry.get("code") or entry.get("constraints")
            parts.append(f"{name}: {words}" if name else str(words))
        else:
            parts.append(str(entry))
    if not parts:
        for name in ("message", "error_description", "error"):
            if body.get(name):
                parts = [str(word) for word in _as_list(body[name])]
                break
    line = " ".join("; ".join(dict.fromkeys(parts)).split())
    return line if len(line) <= 300 else line[:299] + "…"


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _retry_after(headers: Mapping[str, str], body: Mapping[str, Any]) -> float | None:
    """Read the pause asked for: from the header, else from the body, where one form of 429 has it."""
    asked = parse_retry_after(headers.get("Retry-After"))
    for name in ("retry_after", "retry_after_seconds"):
        value = body.get(name)
        if asked is None and isinstance(value, int | float) and not isinstance(value, bool):
            asked = parse_retry_after(str(value))
    return asked


class Secret:
    """Hold a key that shows itself only on demand: not in a repr, a traceback, a copy or a file."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def wrap(cls, value: str | Secret) -> Secret:
        """Make a secret of a text; leave one as it is."""
        return value if isinstance(value, Secret) else cls(value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "<key hidden>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a key must not land in a file."""
        raise TypeError("a client cannot be pickled, since its key would be; connect again instead")

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def hidden_in(self, text: str) -> str:
        """Return a text without the key, should somebody have quoted it there."""
        return text.replace(self._value, "<key hidden>") if self._value else text


class _KeyForOneHost(AuthBase):
    """Put the key on requests for one scheme, host and port, and on no other.

    An auth object, not a default header: with a header alone, an entry in ``.netrc`` replaces ours.
    """

    def __init__(self, key: Secret, base_url: str) -> None:
        self._origin = _origin(base_url)
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if _origin(request.url or "") == self._origin:
            request.headers["Authorization"] = "Bearer " + self._key.reveal()
        return request

    def __repr__(self) -> str:
        return repr(self._key)


class _TooSlow(Exception):
    """An answer was still on its way at the deadline."""


class _OnlyGet(HTTPAdapter):
    """Refuse every verb but GET before a connection is looked for."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if request.method != "GET":
            raise errors.ReadOnlyError(
                f"{request.method} {urlsplit(request.url or '').path} was not sent: dirsync_nb only reads. "
                "Use the dashboard or the official WorkOS SDK to change something."
            )
        return super().send(request, *args, **kwargs)

    def connections(self, request: requests.PreparedRequest, address: str, settings: Mapping[str, Any]) -> Any:
        """Return the connections to an address, by its proxy and with its certificates."""
        verify, cert = settings["verify"], settings["cert"]
        pool = self.get_connection_with_tls_context(request, verify, proxies=settings["proxies"], cert=cert)
        self.cert_verify(pool, address, verify, cert)  # type: ignore[no-untyped-call]
        return pool


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def is_loopback(url: str) -> bool:
    """Return whether an address is this very machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked_base_url(base_url: str) -> str:
    """Strip a trailing slash; refuse what would send the key in the clear or nowhere."""
    try:
        parts = urlsplit(base_url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username or parts.password:
        raise errors.ConfigurationError(
            "base_url must look like https://api.workos.com, with no user, query or fragment"
        )
    if parts.scheme == "http" and not is_loopback(base_url):
        raise errors.ConfigurationError(
            f"base_url {base_url} would send the key unencrypted; use https (http is for this machine only)"
        )
    return base_url.rstrip("/")


def _key_environment(key: Secret) -> str | None:
    """Name the environment a key belongs to, by its form; None when it cannot be a key."""
    if not re.fullmatch(r"sk_[!-~]+", key.reveal()):
        return None
    for prefix, name in (("sk_test_", "test environment"), ("sk_live_", "live environment")):
        if key.reveal().startswith(prefix):
            return name
    return "environment unknown"


def user_agent() -> str:
    """Name ourselves to the server: package and Python version, nothing about the machine."""
    try:
        own = version("dirsync_nb")
    except PackageNotFoundError:
        own = "source"
    return f"dirsync-nb/{own} (python {'.'.join(platform.python_version_tuple()[:2])})"


def _innermost(problem: BaseException) -> str:
    """Name the root cause of a chain of library errors, in a few words and without any header."""
    last = problem
    for cause in _causes(problem):
        last = cause
    words = str(last).split(": ", 1)[-1] if "object at 0x" in str(last) else str(last)
    return f"{type(last).__name__}: {words}"[:200] if words else type(last).__name__


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[object] = [problem]
    while todo:
        current = todo.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [getattr(current, "reason", None), current.__cause__, current.__context__, *current.args]
