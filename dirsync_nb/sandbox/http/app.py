"""The HTTP side: who may ask, which endpoint it is, and how an answer goes out. An ASGI application."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router, request_response

from ..directory import objects
from ..directory.refusal import Invalid
from ..directory.store import NotFound
from ..scim.service import CONTENT_TYPE, ScimRequest, too_large, unauthorized
from ..scim.service import MOST_BYTES as MOST_OF_SCIM
from . import faults as scripted
from .answers import body_within, closed_within, cut, harmed, json_response
from .api import DSYNC_EVENTS, Refused, not_found
from .webhooks import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from starlette.types import Message, Receive, Scope, Send

    from ..scim.service import ScimAnswer, ScimDoors
    from .api import Api
    from .authkit_api import AuthKitApi
    from .control import Control
    from .rate_limits import Limits
    from .webhooks import Deliveries

API_KEY = "sk_test_dirsync_sandbox"
"""The one key. It opens nothing but a sandbox."""

_LOG = logging.getLogger(__name__)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KEPT_REQUESTS = 10_000


class RequestLine(NamedTuple):
    """Hold one request that was made."""

    method: str
    path: str
    query: str


class Endpoint(NamedTuple):
    """Hold a path the API knows: how GET is answered, and which other verbs exist but are refused here.

    ``list`` says that the answer is a page, so that the query is given along with the ids of the path.
    """

    path: re.Pattern[str]
    answer: str
    list: bool
    writes: tuple[str, ...]


def _endpoint(path: str, answer: str, writes: str = "") -> Endpoint:
    """Read a line of the table: ``[]`` behind an answer says that it is a list."""
    pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))
    return Endpoint(pattern, answer.removesuffix("[]"), answer.endswith("[]"), tuple(writes.split()))


_ENDPOINTS = [
    _endpoint(*one)
    for one in (
        ("/directory_users", "users[]"),
        ("/directory_users/{id}", "user"),
        ("/directory_groups", "groups[]"),
        ("/directory_groups/{id}", "group"),
        ("/events", "events[]"),
        ("/directories", "directories[]"),
        ("/directories/{id}", "directory", "DELETE"),
        ("/directories/{id}/sync", "", "POST"),
        ("/directories/{id}/users", "users_in[]"),
        ("/directories/{id}/users/{id}", "user_in"),
        ("/directories/{id}/groups", "groups_in[]"),
        ("/directories/{id}/groups/{id}", "group_in"),
        ("/organizations", "organizations[]", "POST"),
        ("/organizations/external_id/{id}", "organization_by_external_id"),
        ("/organizations/{id}", "organization", "PUT DELETE"),
        ("/organizations/{id}/groups", "workos_groups[]", "POST"),
        ("/organizations/{id}/groups/{id}", "workos_group", "PATCH DELETE"),
        ("/organizations/{id}/groups/{id}/organization-memberships", "workos_group_members[]", "POST PATCH"),
        ("/authorization/roles", "roles[]", "POST"),
        ("/authorization/roles/{slug}", "role", "PATCH DELETE"),
        ("/authorization/organizations/{id}/roles", "organization_roles[]", "POST"),
        ("/authorization/organizations/{id}/roles/{slug}", "organization_role", "PATCH DELETE"),
        ("/authorization/organization_memberships/{id}/role_assignments", "membership_roles[]", "POST DELETE"),
        ("/authorization/groups/{id}/role_assignments", "group_roles[]", "POST PUT DELETE"),
        ("/authorization/groups/{id}/role_assignments/{id}", "group_role", "DELETE"),
        ("/user_management/organization_memberships", "memberships[]", "POST"),
        ("/user_management/organization_memberships/{id}", "membership", "PUT DELETE"),
        ("/user_management/organization_memberships/{id}/groups", "membership_groups[]"),
        ("/webhook_endpoints", "webhook_endpoints[]", "POST"),
        ("/webhook_endpoints/{id}", "", "PATCH DELETE"),
    )
]


class App:
    """Answer requests.

    Parameters
    ----------
    hosts
        Names by which this machine may be asked, besides its own: the one the server was told to listen on, and
        those allowed by name. Requests that name another host are refused, so that a web page cannot reach the
        sandbox through a name of its own.
    webhooks
        The endpoints that ``/webhook_endpoints`` may write; None where the API only reads.
    """

    def __init__(
        self,
        api: Api,
        authkit: AuthKitApi,
        control: Control,
        faults: scripted.Faults,
        limits: Limits | None,
        hosts: Collection[str],
        key: str = API_KEY,
        doors: Callable[[], ScimDoors] | None = None,
        webhooks: Deliveries | None = None,
    ) -> None:
        self.key, self._doors = key, doors
        self.environments: list[App] = [self]
        self._answers = {name: getattr(answers, name) for answers in (api, authkit) for name in dir(answers)}
        self._api, self._faults, self._limits, self._webhooks = api, faults, limits, webhooks
        self._hosts = _LOOPBACK | set(hosts)
        self._count = 0
        self.requests: deque[RequestLine] = deque(maxlen=_KEPT_REQUESTS)
        self.closing = asyncio.Event()
        door = "/scim/v2.0/{key}"
        scim = [Route(door, self._scim), Mount(door, request_response(self._scim))]
        self.control_routes = control.routes
        router = Router([*control.routes, *scim], redirect_slashes=False)
        self._routed = ExceptionMiddleware(router, _HANDLERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        named = self._naming(send)
        try:
            await self._serve(request, scope, receive, named)
        except Refused as refusal:
            await _refused(request, refusal)(scope, receive, named)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 (the last resort: an answer for the client, a record for us)
            _LOG.exception("the sandbox failed on %s %s", scope["method"], scope["path"])
            await json_response(b'{"message":"Internal server error"}', 500)(scope, receive, named)
        finally:
            scope["state"]["received"]()

    def answer_at_once(self, target: str, headers: Mapping[str, str]) -> bytes | None:
        """Return the whole answer to a GET of the API; None where it takes the general road."""
        path, _, raw_query = target.partition("?")
        app = self._opened_by(headers.get("authorization", ""))
        if "%" in path or path.startswith(("/scim/", "/_sandbox")) or len((app or self)._faults):
            return None
        try:
            self._check_origin(headers.get("host", ""), headers.get("origin"))
            response = json_response((app or self)._answer_list(path, raw_query, known=app is not None))
        except Refused as refusal:
            response = _refused(None, refusal)
        except Exception:  # noqa: BLE001 (it fails again on the general road, which tells)
            return None
        self._count += 1
        lines = [b"%b: %b\r\n" % header for header in response.raw_headers]
        status = f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}\r\n".encode()
        return b"".join((status, *lines, b"x-request-id: ", self._name(), b"\r\n\r\n", response.body))

    def _answer_list(self, path: str, raw_query: str, *, known: bool) -> bytes:
        """Answer a GET where no fault is scripted."""
        endpoint, ids = self._look_up("GET", path, raw_query, known=known)
        _check_method("GET", endpoint)
        return self._body(endpoint, ids, QueryParams(raw_query))

    def _look_up(
        self, method: str, path: str, raw_query: str, *, known: bool
    ) -> tuple[Endpoint, tuple[str, ...]]:
        """Note a request, and find its endpoint; ``known`` says whether the key was that of an environment."""
        self.requests.append(RequestLine(method, path, raw_query))
        for endpoint in _ENDPOINTS:
            if match := endpoint.path.fullmatch(path):
                if not known:
                    raise Refused(401, {"message": "Unauthorized"})
                return endpoint, match.groups()
        raise Refused(404, {"message": "Not Found"})

    def _opened_by(self, authorization: str) -> App | None:
        """Return the environment that a key opens."""
        return next((one for one in self.environments if authorization == f"Bearer {one.key}"), None)

    def _name(self) -> bytes:
        return f"5a4db0c5-0000-4000-8000-{self._count:012x}".encode()

    async def _serve(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        self._check_origin(request.headers.get("host", ""), request.headers.get("origin"))
        scope["app"] = self  # lets a Route raise what it refuses, for the handlers to word
        path = scope["path"]
        app = self._opened_by(request.headers.get("authorization", ""))
        if path.startswith("/scim/"):
            await self._routed(scope, receive, send)
        elif path == "/_sandbox" or path.startswith("/_sandbox/"):
            if app is None and request.method != "GET":
                raise Refused(401, {"message": "Writing to the sandbox needs its key."})
            await (app or self)._routed(scope, receive, send)
        else:
            # By hand, since every list and look-up comes this way: Starlette would match each route in turn.
            if request.method == "GET":
                scope["state"]["received"]()
            response = await (app or self)._answer_api(request, known=app is not None)
            await response(scope, receive, send)

    def _naming(self, send: Send) -> Send:
        """Return a ``send`` that gives each answer a request id of its own."""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count += 1
                message["headers"] = [*message["headers"], (b"x-request-id", self._name())]
            await send(message)

        return named

    async def _answer_api(self, request: Request, *, known: bool) -> Response:
        path, raw_query = request.scope["path"], request.scope["query_string"].decode("latin-1")
        endpoint, ids = self._look_up(request.method, path, raw_query, known=known)
        if request.method in endpoint.writes and self._webhooks is not None and "webhook" in path:
            return await self._write_webhook(request, self._webhooks, ids)
        _check_method(request.method, endpoint)
        query = request.query_params
        if len(self._faults):
            return await self._answer_with_faults(request, endpoint, ids, query)
        return json_response(self._body(endpoint, ids, query))

    def _check_origin(self, written: str, origin: str | None) -> None:
        host = _host_of(written)
        if host not in self._hosts or (origin is not None and _host_of(origin) not in self._hosts):
            raise Refused(403, {"message": "The sandbox answers requests of this machine only."})

    def _body(self, endpoint: Endpoint, ids: tuple[str, ...], query: QueryParams) -> bytes:
        answer: Callable[..., bytes] = self._answers[endpoint.answer]
        with self._api.store.lock:
            try:
                if self._limits is not None:
                    self._check_limits(self._limits, endpoint, ids, query)
                return answer(query, *ids) if endpoint.list else answer(*ids)
            except NotFound as error:
                raise not_found(error) from None

    def _check_limits(
        self, limits: Limits, endpoint: Endpoint, ids: tuple[str, ...], query: QueryParams
    ) -> None:
        """Refuse what goes over a limit. A call with only a group counts on the group's directory."""
        store, directory = self._api.store, None
        if endpoint.answer == "user":
            directory = store.users.get(ids[0]).directory
        elif endpoint.answer in ("users_in", "user_in"):
            directory = store.directories.get(ids[0])["n"]
        elif endpoint.answer == "users" and query.get("directory"):
            directory = store.directories.get(query["directory"])["n"]
        elif endpoint.answer == "users" and query.get("group"):
            directory = store.groups.get(query["group"]).directory
        wait = limits.retry_after(directory)
        if wait:
            raise Refused(429, "Ratelimited", {"Retry-After": str(wait)})

    async def _write_webhook(self, request: Request, webhooks: Deliveries, ids: tuple[str, ...]) -> Response:
        body = await body_within(request, MOST_BYTES)
        status, answer = await asyncio.to_thread(webhooks.write, request.method, ids, body)
        return Response(status_code=status) if answer is None else json_response(objects.text(answer), status)

    # -- SCIM -------------------------------------------------------------------------------------------

    async def _scim(self, request: Request) -> Response:
        """Answer at the door of a directory, in whichever environment it is."""
        path, key = request.scope["path"], request.path_params["key"]
        authorization = request.headers.get("authorization", "")
        app, directory = await asyncio.to_thread(self._directory_of, key, authorization)
        app.requests.append(RequestLine(request.method, path, request.scope["query_string"].decode("latin-1")))
        if directory is None:
            return _scim_response(unauthorized())
        try:
            body = await body_within(request, MOST_OF_SCIM)
        except Refused:
            return _scim_response(too_large())
        fault = app._faults.before(path, dict(request.query_params)) if len(app._faults) else None
        if fault and (ended := await app._misfortune(request, fault)):
            return ended
        door = f"/scim/v2.0/{key}"
        base, migrated_id = (
            f"http://{request.headers.get('host', '')}{door}",
            request.headers.get("x-workos-migrated-id"),
        )
        query = dict(request.query_params)
        asked = ScimRequest(request.method, path.removeprefix(door), query, body, base, migrated_id)
        assert app._doors is not None
        answer = await asyncio.to_thread(app._doors().answer, directory, asked)
        return await harmed(request, _scim_response(answer), fault.kind if fault else None)

    def _directory_of(self, external_key: str, authorization: str) -> tuple[App, objects.Object | None]:
        """Find the environment and directory that a key and a token open together."""
        for app in self.environments:
            if app._doors is not None and (found := app._doors().open(external_key, authorization)):
                return app, found
        return self, None

    # -- faults -----------------------------------------------------------------------------------------

    async def _answer_with_faults(
        self, request: Request, endpoint: Endpoint, ids: tuple[str, ...], query: QueryParams
    ) -> Response:
        path, plain = request.scope["path"], dict(query)
        fault = self._faults.before(path, plain)
        if fault and (ended := await self._misfortune(request, fault)):
            return ended
        redirected = self._faults.redirected(path, plain)
        if redirected is not plain:
            query = QueryParams(redirected)
        endpoint, ids, query = _misread(endpoint, ids, query, self._faults.misreadings(path, plain))
        whole = self._body(endpoint, ids, query)
        if endpoint.list:
            whole = self._faults.change_page(path, redirected, whole)
        return await harmed(request, json_response(whole), fault.kind if fault else None)

    async def _misfortune(self, request: Request, fault: scripted.Fault) -> Response | None:
        """Return how a fault ends a request before it is answered; None if it is answered after all."""
        if fault.kind in ("status", "html"):
            status, body, headers = scripted.response_parts(fault)
            return Response(body, status, headers)
        late = fault.kind == "slow" and await closed_within(self.closing, float(fault.options["seconds"]))
        return await cut(request) if late or fault.kind == "reset" else None


# -- refusals ------------------------------------------------------------------------------------------


def _refused(_: Request | None, refusal: Any) -> Response:
    return json_response(objects.text(refusal.body), refusal.status, refusal.headers)


def _not_routed(_: Request, refusal: Any) -> Response:
    headers = dict(refusal.headers or {})
    return json_response(objects.text({"message": refusal.detail}), refusal.status_code, headers)


def _told(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _, error: json_response(objects.text({"message": str(error)}), status)


_HANDLERS: dict[Any, Any] = {
    404: _not_routed, 405: _not_routed, Refused: _refused,
    NotFound: _told(404), Invalid: _told(422), ImportError: _told(422),
}  # fmt: skip


def _scim_response(answer: ScimAnswer) -> Response:
    if answer.body is None:
        return Response(b"", answer.status, answer.headers)
    headers = {"Content-Type": CONTENT_TYPE, **answer.headers}
    return Response(objects.text(answer.body), answer.status, headers)


def _misread(
    endpoint: Endpoint, ids: tuple[str, ...], query: QueryParams, misreadings: scripted.Misreadings
) -> tuple[Endpoint, tuple[str, ...], QueryParams]:
    """Return what is answered in place of what was asked, where a server misreads the question."""
    if misreadings.newest_first and endpoint.answer == "events":
        endpoint = endpoint._replace(answer="events_newest_first")
    ignored = misreadings.ignored
    if ignored:
        kept = [(name, value) for name, value in query.multi_items() if name not in ignored]
        if "events" in ignored:  # no list of events goes without names
            kept.append(("events", ",".join(DSYNC_EVENTS)))
        query = QueryParams(kept)
        if endpoint.answer in _EVERY and not query.keys() & scripted.FILTERS:
            return endpoint._replace(answer=_EVERY[endpoint.answer]), (), query
    return endpoint, ids, query


_EVERY = {"users": "every_user", "users_in": "every_user", "groups": "every_group", "groups_in": "every_group"}


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
