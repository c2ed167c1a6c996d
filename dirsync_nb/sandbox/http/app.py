"""The HTTP side: who may ask, which endpoint it is, and how an answer goes out. An ASGI application."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
import zlib
from collections import deque
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ... import extras
from ..directory import objects
from ..directory.store import NotFound
from . import faults as scripted
from .api import Api, Refused, not_found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from ..scim.service import ScimAnswer, ScimDoors
    from .control import Control
    from .rate_limits import Limits

API_KEY = "sk_test_dirsync_sandbox"
"""The one key. It opens nothing but a sandbox."""

JSON = "application/json; charset=utf-8"
_LOG = logging.getLogger(__name__)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SCIM = re.compile(r"/scim/v2\.0/(?P<key>[^/]+)(?P<rest>(?:/.*)?)", re.DOTALL)
_MOST_CONTROL_BYTES = 20_000_000
_KEPT_REQUESTS = 10_000


class RequestLine(NamedTuple):
    """Hold one request that was made."""

    method: str
    path: str
    query: str


class Endpoint(NamedTuple):
    """Hold a path the API knows: how GET is answered, and which other verbs exist but are refused here."""

    pattern: re.Pattern[str]
    answer: str | None
    writes: tuple[str, ...] = ()


_ENDPOINTS = (
    Endpoint(re.compile(r"/directories"), "directories"),
    Endpoint(re.compile(r"/directories/([^/]+)"), "directory", ("DELETE",)),
    Endpoint(re.compile(r"/directories/([^/]+)/sync"), None, ("POST",)),
    Endpoint(re.compile(r"/directory_users"), "users"),
    Endpoint(re.compile(r"/directory_users/([^/]+)"), "user"),
    Endpoint(re.compile(r"/directory_groups"), "groups"),
    Endpoint(re.compile(r"/directory_groups/([^/]+)"), "group"),
    Endpoint(re.compile(r"/organizations"), "organizations", ("POST",)),
    Endpoint(re.compile(r"/organizations/external_id/([^/]+)"), "organization_by_external_id"),
    Endpoint(re.compile(r"/organizations/([^/]+)"), "organization", ("PUT", "DELETE")),
    Endpoint(re.compile(r"/events"), "events"),
    Endpoint(re.compile(r"/webhook_endpoints"), None, ("POST",)),
    Endpoint(re.compile(r"/webhook_endpoints/([^/]+)"), None, ("PATCH", "DELETE")),
)


class App:
    """Answer requests.

    Parameters
    ----------
    host
        The host name the server was asked to listen on. Requests that name another host than this one or this
        machine are refused, so that a web page cannot reach the sandbox through a name of its own.
    """

    def __init__(
        self,
        api: Api,
        control: Control,
        faults: scripted.Faults,
        limits: Limits | None,
        host: str,
        key: str = API_KEY,
        doors: Callable[[], ScimDoors] | None = None,
    ) -> None:
        self.key, self._doors = key, doors
        self.environments: list[App] = [self]
        self._api, self._control, self._faults, self._limits = api, control, faults, limits
        self._hosts = _LOOPBACK | {host}
        self._count = 0
        self.requests: deque[RequestLine] = deque(maxlen=_KEPT_REQUESTS)
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Refused as refusal:
            response = _json(objects.text(refusal.body), refusal.status, refusal.headers)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 (the last resort: an answer for the client, a record for us)
            _LOG.exception("the sandbox failed on %s %s", scope["method"], scope["path"])
            response = _json(b'{"message":"Internal server error"}', 500)
        if response is not None:
            response.headers["X-Request-Id"] = self._next_request_id()
            await response(scope, receive, send)

    def _next_request_id(self) -> str:
        self._count += 1
        return f"5a4db0c5-0000-4000-8000-{self._count:012x}"

    async def _answer(self, request: Request) -> Response | None:
        """Return the response; None where the connection was cut instead."""
        path: str = request.scope["path"]
        self._check_origin(request)
        if path.startswith("/scim/"):
            return await self._scim(request)
        asked = request.headers.get("authorization", "")
        app = next((one for one in self.environments if asked == f"Bearer {one.key}"), None)
        if path == "/_sandbox" or path.startswith("/_sandbox/"):
            body = await _body_within(request, _MOST_CONTROL_BYTES)
            control = (app or self)._control
            status, answer = await asyncio.to_thread(control.answer, request.method, path, body)
            return _json(objects.text(answer), status)
        return await (app or self)._answer_api(request, known=app is not None)

    async def _answer_api(self, request: Request, *, known: bool) -> Response | None:
        """Answer for one environment; ``known`` says whether the key was its own."""
        path: str = request.scope["path"]
        raw_query = request.scope["query_string"].decode("latin-1")
        self.requests.append(RequestLine(request.method, path, raw_query))
        endpoint, identifier = _find(path)
        if not known:
            raise Refused(401, {"message": "Unauthorized"})
        _check_method(request.method, endpoint)
        query = request.query_params
        if len(self._faults):
            return await self._answer_with_faults(request, endpoint, identifier, query)
        return _json(self._body(endpoint, identifier, query))

    def _check_origin(self, request: Request) -> None:
        host = _host_of(request.headers.get("host", ""))
        origin = request.headers.get("origin")
        if host not in self._hosts or (origin is not None and _host_of(origin) not in self._hosts):
            raise Refused(403, {"message": "The sandbox answers requests of this machine only."})

    def _body(self, endpoint: Endpoint, identifier: str | None, query: QueryParams) -> bytes:
        answer: Callable[[Any], bytes] = getattr(self._api, endpoint.answer or "")
        with self._api.store.lock:
            try:
                if self._limits is not None:
                    self._check_limits(self._limits, endpoint, identifier, query)
                return answer(query if identifier is None else identifier)
            except NotFound as error:
                raise not_found(error) from None

    def _check_limits(
        self, limits: Limits, endpoint: Endpoint, identifier: str | None, query: QueryParams
    ) -> None:
        """Refuse what goes over a limit. A call with only a group counts on the group's directory."""
        store, directory = self._api.store, None
        if endpoint.answer == "user":
            directory = store.users.get(identifier or "").directory
        elif endpoint.answer == "users" and query.get("directory"):
            directory = store.directories.get(query["directory"])["n"]
        elif endpoint.answer == "users" and query.get("group"):
            directory = store.groups.get(query["group"]).directory
        wait = limits.retry_after(directory)
        if wait:
            raise Refused(429, "Ratelimited", {"Retry-After": str(wait)})

    # -- SCIM -------------------------------------------------------------------------------------------

    async def _scim(self, request: Request) -> Response | None:
        """Answer at the door of a directory, in whichever environment it is."""
        try:
            extras.need("the SCIM door", "scim", "scim2_models")
        except ImportError as missing:
            return _without_scim(str(missing))
        from ..scim.service import MOST_BYTES, ScimRequest, too_large, unauthorized

        path: str = request.scope["path"]
        found = _SCIM.fullmatch(path)
        if found is None:
            raise Refused(404, {"message": "Not Found"})
        authorization = request.headers.get("authorization", "")
        app, directory = await asyncio.to_thread(self._directory_of, found["key"], authorization)
        app.requests.append(RequestLine(request.method, path, request.scope["query_string"].decode("latin-1")))
        if directory is None:
            return _scim_response(unauthorized())
        fault = app._faults.before(path, dict(request.query_params)) if len(app._faults) else None
        if fault and (stop := await app._misfortune(request, fault)):
            return await stop()
        try:
            body = await _body_within(request, MOST_BYTES)
        except Refused:
            return _scim_response(too_large())
        asked = ScimRequest(
            request.method,
            found["rest"],
            dict(request.query_params),
            body,
            f"http://{request.headers.get('host', '')}/scim/v2.0/{found['key']}",
            request.headers.get("x-workos-migrated-id"),
        )
        assert app._doors is not None
        answer = await asyncio.to_thread(app._doors().answer, directory, asked)
        return await _harmed(request, _scim_response(answer), fault)

    def _directory_of(self, external_key: str, authorization: str) -> tuple[App, objects.Object | None]:
        """Find the environment and directory that a key and a token open together."""
        for app in self.environments:
            if app._doors is not None and (found := app._doors().open(external_key, authorization)):
                return app, found
        return self, None

    # -- faults -----------------------------------------------------------------------------------------

    async def _answer_with_faults(
        self, request: Request, endpoint: Endpoint, identifier: str | None, query: QueryParams
    ) -> Response | None:
        path, plain = request.scope["path"], dict(query)
        fault = self._faults.before(path, plain)
        if fault and (stop := await self._misfortune(request, fault)):
            return await stop()
        redirected = self._faults.redirected(path, plain)
        if redirected is not plain:
            query = QueryParams(redirected)
        whole = self._body(endpoint, identifier, query)
        if identifier is None:
            whole = self._faults.change_page(path, redirected, whole)
        return await _harmed(request, _json(whole), fault)

    async def _misfortune(
        self, request: Request, fault: scripted.Fault
    ) -> Callable[[], Awaitable[Response | None]] | None:
        """Return how a fault ends a request before it is answered; None if it is answered after all."""
        if fault.kind in ("status", "html"):
            status, body, headers = scripted.response_parts(fault)

            async def answer() -> Response:
                return _plain(body, status, headers)

            return answer
        late = fault.kind == "slow" and await self._closed_within(float(fault.options["seconds"]))
        return partial(_cut, request) if late or fault.kind == "reset" else None

    async def _closed_within(self, seconds: float) -> bool:
        """Wait, but not longer than the server lives."""
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def _body_within(request: Request, most: int) -> bytes:
    """Read a body, but not one that is too large: what is refused is not kept either."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            raise Refused(413, {"message": f"The body is larger than {most:,} bytes."}, {"Connection": "close"})
    return bytes(read)


def _without_scim(why: str) -> Response:
    """Return in SCIM's words what is not installed; those of ``scim`` need it themselves."""
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "501", "detail": why}
    return _plain(objects.text(body), 501, {"Content-Type": "application/scim+json; charset=utf-8"})


def _scim_response(answer: ScimAnswer) -> Response:
    from ..scim.service import CONTENT_TYPE

    if answer.body is None:
        return _plain(b"", answer.status, answer.headers)
    return _plain(objects.text(answer.body), answer.status, {"Content-Type": CONTENT_TYPE, **answer.headers})


def _find(path: str) -> tuple[Endpoint, str | None]:
    for endpoint in _ENDPOINTS:
        if match := endpoint.pattern.fullmatch(path):
            return endpoint, match[1] if match.lastindex else None
    raise Refused(404, {"message": "Not Found"})


def _check_method(method: str, endpoint: Endpoint) -> None:
    if method == "GET" and endpoint.answer:
        return
    if method in endpoint.writes:
        raise Refused(403, {"message": f"The sandbox is read-only through the API: {method} is refused."})
    allowed = {"Allow": "GET"} if endpoint.answer else {"Allow": ", ".join(endpoint.writes)}
    raise Refused(405, {"message": f"Method not allowed: {method}."}, allowed)


def _host_of(written: str) -> str | None:
    """Read the host name out of a Host or Origin header; None if it cannot be read."""
    try:
        return urlsplit(written if "://" in written else "//" + written).hostname
    except ValueError:
        return None


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    etag = f'W/"{len(body):x}-{zlib.crc32(body):08x}"'
    return _plain(body, status, {"Content-Type": JSON, "ETag": etag, **(headers or {})})


def _plain(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, headers)


# -- what only a broken connection can show ------------------------------------------------------------


async def _cut(request: Request) -> Response | None:
    """Reset the connection. Lingering for no time makes the system send RST and not an orderly end."""
    transport = request.scope["state"]["transport"]
    with suppress(OSError):  # who asked has gone already
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    transport.abort()
    return await _gone(request)


async def _harmed(request: Request, response: Response, fault: scripted.Fault | None) -> Response | None:
    """Break an answer off, if that is the fault; what was asked for is done all the same."""
    body, kind = bytes(response.body), fault.kind if fault else None
    if not body:
        return response
    if kind == "truncate":
        return await _send_half(request, response.status_code, response.headers["content-type"], body)
    if kind == "truncated_json":
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return _plain(body[: len(body) // 2], response.status_code, headers)
    return response


async def _send_half(request: Request, status: int, content_type: str, body: bytes) -> Response | None:
    """Promise the whole body, send half of it and close, behind the back of the server's bookkeeping."""
    transport = request.scope["state"]["transport"]
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    head = f"{line}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    transport.write(head.encode() + body[: len(body) // 2])
    transport.close()
    return await _gone(request)


async def _gone(request: Request) -> Response | None:
    """Wait for the end of the connection, after which no response is due."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return None
