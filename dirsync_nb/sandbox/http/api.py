"""What the API answers: from a path and a query to JSON text, or to a refusal. No HTTP in here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..directory import clock, objects
from ..directory import store as stores
from ..directory.store import NotFound, Page
from ..directory.store.organizations import as_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.datastructures import QueryParams as Query

    from ..directory.objects import Object
    from ..directory.store import Row, Selection, Store
    from ..directory.store.people import Groups, Users

DSYNC_EVENTS = (
    "dsync.activated", "dsync.deleted",
    "dsync.user.created", "dsync.user.updated", "dsync.user.deleted",
    "dsync.group.created", "dsync.group.updated", "dsync.group.deleted",
    "dsync.group.user_added", "dsync.group.user_removed",
    "dsync.token.created", "dsync.token.revoked",
)  # fmt: skip
_EVENT_NAME = re.compile(r"[a-z_]+(\.[a-z_]+)+", re.ASCII)
_RETENTION, _WINDOW = 90 * clock.DAY, 30 * clock.DAY
_PAGING = frozenset({"limit", "before", "after", "order"})


class Refused(Exception):
    """Refuse a request with a status and a body."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def not_found(error: NotFound) -> Refused:
    """Word a 404 as the API does."""
    return Refused(404, {"message": str(error), "code": "entity_not_found", "entity_id": error.object_id})


def invalid(**sentences: str) -> Refused:
    """Word a 422. As recorded, the sentence for humans sits in ``code``."""
    errors = [{"field": name, "code": sentence} for name, sentence in sentences.items()]
    return Refused(422, {"message": "Validation failed", "errors": errors})


def bad_events_request(message: str) -> Refused:
    """Word a 400 of ``/events``."""
    return Refused(400, {"message": message, "code": "invalid_events_request"})


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold the switches that change what is answered, not what is stored."""

    legacy: bool = False
    default_order: str = "normal"
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """Answer the read endpoints of Directory Sync from a store."""

    store: Store
    rules: Rules = field(default_factory=Rules)
    endpoints: Callable[[], list[Object]] = list
    """Gives the webhook endpoints."""

    # -- directories and organizations ------------------------------------------------------------------

    def directories(self, query: Query) -> bytes:
        """Answer GET /directories."""
        self.only(query, "organization_id", "search", "domain")
        organization_id, domain, search = _given(query, "organization_id", "domain", "search")
        selection = stores.directories_of(organization_id=organization_id, domain=domain, search=search)
        return self._list(query, "directories", selection, _directory_text)

    def directory(self, directory_id: str) -> bytes:
        """Answer GET /directories/{id}."""
        return objects.text(objects.directory_object(self.store.directories.get(directory_id)))

    def organizations(self, query: Query) -> bytes:
        """Answer GET /organizations."""
        self.only(query, "domains", "search", "domains[]")
        domains, search = listed(query, "domains") or None, query.get("search") or None
        selection = stores.organizations_of(domains=domains, search=search)
        return self._list(query, "organizations", selection, _stored_text)

    def organization(self, organization_id: str) -> bytes:
        """Answer GET /organizations/{id}."""
        return self.store.organizations.get(organization_id).json

    def organization_by_external_id(self, external_id: str) -> bytes:
        """Answer GET /organizations/external_id/{external_id}."""
        return self.store.organizations.by_external_id(external_id).json

    # -- users ------------------------------------------------------------------------------------------

    def users(self, query: Query) -> bytes:
        """Answer GET /directory_users."""
        self.only(query, "directory", "group", "idp_id", "email")
        return self._users(query, query.get("directory") or None)

    def users_in(self, query: Query, directory_id: str) -> bytes:
        """Answer GET /directories/{id}/users."""
        self.only(query, "group", "idp_id", "email")
        return self._users(query, directory_id)

    def user_in(self, directory_id: str, user_id: str) -> bytes:
        """Answer GET /directories/{id}/users/{id}: not found in another directory than its own."""
        return self._user_text(self._one_in(self.store.users, directory_id, user_id))

    def every_user(self, query: Query) -> bytes:
        """Answer as a server does that ignores the filters of GET /directory_users."""
        return self._list(query, "users", stores.users_of(), self._user_text)

    def _users(self, query: Query, directory_id: str | None) -> bytes:
        group_id, idp_id, email = _given(query, "group", "idp_id", "email")
        _require_either(directory=directory_id, group=group_id)
        for name, value in (("idp_id", idp_id), ("email", email)):
            if value is not None and directory_id is None:
                raise invalid(directory=f'Please provide "directory" together with "{name}".')
        directory, group = self._inside(directory_id, self.store.groups, group_id)
        if group and directory not in (None, group.directory):
            return self._empty(query)
        n = group.n if group else None
        selection = stores.users_of(directory=directory, group=n, idp_id=idp_id, email=email)
        write = self._user_text if self.rules.legacy else _stored_text
        return self._list(query, "users", selection, write, group.directory if group else directory)

    def user(self, user_id: str) -> bytes:
        """Answer GET /directory_users/{id}."""
        return self._user_text(self.store.users.get(user_id))

    def _user_text(self, row: Any) -> bytes:
        if not self.rules.legacy:
            return _stored_text(row)
        groups = [group.parsed() for group in self.store.memberships.of_user(row[0])]
        return objects.text(objects.legacy_user(json.loads(row[3]), groups))

    # -- groups -----------------------------------------------------------------------------------------

    def groups(self, query: Query) -> bytes:
        """Answer GET /directory_groups."""
        self.only(query, "directory", "user")
        return self._groups(query, query.get("directory") or None)

    def groups_in(self, query: Query, directory_id: str) -> bytes:
        """Answer GET /directories/{id}/groups."""
        self.only(query, "user")
        return self._groups(query, directory_id)

    def group_in(self, directory_id: str, group_id: str) -> bytes:
        """Answer GET /directories/{id}/groups/{id}: not found in another directory than its own."""
        return self._group_text(self._one_in(self.store.groups, directory_id, group_id))

    def every_group(self, query: Query) -> bytes:
        """Answer as a server does that ignores the filters of GET /directory_groups."""
        return self._list(query, "groups", stores.groups_of(), self._group_text)

    def _groups(self, query: Query, directory_id: str | None) -> bytes:
        user_id = query.get("user") or None
        _require_either(directory=directory_id, user=user_id)
        directory, user = self._inside(directory_id, self.store.users, user_id)
        if user and directory not in (None, user.directory):
            return self._empty(query)
        selection = stores.groups_of(directory=directory, user=user.n if user else None)
        scope = user.directory if user else directory
        return self._list(query, "groups", selection, self._group_text, scope)

    def group(self, group_id: str) -> bytes:
        """Answer GET /directory_groups/{id}."""
        return self._group_text(self.store.groups.get(group_id))

    def _group_text(self, row: Any) -> bytes:
        if not self.rules.legacy:
            return _stored_text(row)
        return objects.text(objects.legacy_group(json.loads(row[3])))

    def _one_in(self, table: Users | Groups, directory_id: str, object_id: str) -> Row:
        row = table.get(object_id)
        if row.directory != self.store.directories.get(directory_id)["n"]:
            raise NotFound(table.kind, object_id)
        return row

    def _inside(
        self, directory_id: str | None, table: Users | Groups, object_id: str | None
    ) -> tuple[int | None, Row | None]:
        """Return the place of a directory, and the group or user by which a list is cut down."""
        directory = self.store.directories.get(directory_id)["n"] if directory_id else None
        return directory, table.get(object_id) if object_id else None

    # -- events -----------------------------------------------------------------------------------------

    def events_newest_first(self, query: Query) -> bytes:
        """Answer GET /events as WorkOS's emulator does: newest first, and ``after`` leads to older ones."""
        return self._events(query, newest=True)

    def events(self, query: Query) -> bytes:
        """Answer GET /events: oldest first whatever ``order`` says, and ``before`` is ignored."""
        self.only(query, "events", "events[]", "range_start", "range_end", "organization_id")
        return self._events(query, newest=False)

    def _events(self, query: Query, *, newest: bool) -> bytes:
        names, limit, organization_id = _event_names(query), _limit(query), query.get("organization_id") or None
        after, until = self._event_bounds(query)
        if newest and query.get("after"):
            after, until = 0, after - 1
        found = self.store.events.page(names, organization_id, after, until, limit + 1, newest=newest)
        rows, more = found[:limit], len(found) > limit
        return _envelope([self._event_text(text) for _, text in rows], {"after": rows[-1][0] if more else None})

    def _event_text(self, stored: bytes) -> bytes:
        return objects.text(objects.legacy_event(json.loads(stored))) if self.rules.legacy else stored

    def _event_bounds(self, query: Query) -> tuple[int, int]:
        """Return the places (exclusive, inclusive) between which events are wanted."""
        store, cursor = self.store, query.get("after") or None
        now = store.moment()
        start, end = _moment(query, "range_start"), _moment(query, "range_end")
        if start is not None and end is not None and end < start:
            raise bad_events_request("range_start must not be after range_end.")
        # A range that lies in the future, as "from an hour ago" does where this clock stands still, is empty.
        stop = now + 1 if end is None else min(end, now + 1)
        if start is not None and stop - start > _WINDOW + 1:
            raise bad_events_request("The range between range_start and range_end must not exceed 30 days.")
        until = store.events.last_before(stop)
        if cursor is None:
            begin = stop - _WINDOW if start is None else start
            # "created after this date": the moment itself is out, hence one millisecond further.
            return store.events.last_before(max(begin, now - _RETENTION) + 1), until
        if start is not None and self.rules.strict:
            raise bad_events_request("Provide either after or range_start, not both.")
        place = store.events.place(cursor)
        if place is None:
            raise bad_events_request(f"Unknown or expired event: '{cursor}'.")
        return place, until

    # -- webhook endpoints ------------------------------------------------------------------------------

    def webhook_endpoints(self, query: Query) -> bytes:
        """Answer GET /webhook_endpoints."""
        self.only(query)
        return self.list_of(query, self.endpoints())

    # -- lists ------------------------------------------------------------------------------------------

    def list_of(self, query: Query, items: Sequence[Object]) -> bytes:
        """Answer a list that is no table, given oldest first."""
        places = {item["id"]: place for place, item in enumerate(items)}

        def page(cursor: str | None, older: bool, limit: int) -> Page:
            if cursor is not None and cursor not in places:
                raise KeyError(cursor)
            at = places[cursor] if cursor is not None else len(items) if older else -1
            beyond = range(at - 1, -1, -1) if older else range(at + 1, len(items))
            chosen = beyond[:limit]
            rows = [(place, items[place]["id"], 0, objects.text(items[place])) for place in chosen]
            behind = at < len(items) - 1 if older else at > 0
            return Page(rows, len(beyond) > limit, bool(rows) and (cursor is not None or behind))

        return self._paged(query, page, _stored_text)

    def only(self, query: Query, *known: str) -> None:
        """Refuse unknown parameters in strict mode; the real service ignores them."""
        unknown = sorted(set(query.keys()) - _PAGING - set(known)) if self.rules.strict else ()
        if unknown:
            raise invalid(**{name: f"Unknown parameter; known are {', '.join(known)}." for name in unknown})

    def _paging(self, query: Query) -> tuple[int, str, str | None, str | None]:
        """Return limit, order, and the cursors before and after."""
        order = query.get("order") or self.rules.default_order
        if order not in ("desc", "asc", "normal"):
            raise invalid(order="order must be one of desc, asc, normal.")
        before, after = _given(query, "before", "after")
        if before and after:
            sentence = "Please provide either before or after, not both."
            raise invalid(before=sentence, after=sentence)
        return _limit(query), order, before, after

    def _empty(self, query: Query) -> bytes:
        self._paging(query)
        return _envelope([], {"before": None, "after": None})

    def _list(
        self,
        query: Query,
        table: str,
        selection: Selection,
        write: Callable[[Any], bytes],
        scope: int | None = None,
    ) -> bytes:
        """Answer a list that is a table."""

        def page(cursor: str | None, older: bool, limit: int) -> Page:
            place = None if cursor is None else self.store.pages.place(table, cursor, scope)
            if cursor is not None and place is None:
                raise KeyError(cursor)
            return self.store.pages.read(selection, cursor=place, older=older, limit=limit)

        return self._paged(query, page, write)

    def _paged(
        self, query: Query, read: Callable[[str | None, bool, int], Page], write: Callable[[Any], bytes]
    ) -> bytes:
        """Answer a page. In ``normal`` order the cursors are swapped: ``before`` leads to older records."""
        limit, order, before, after = self._paging(query)
        onwards, backwards = (before, after) if order == "normal" else (after, before)
        older = (order == "asc") == bool(backwards)
        try:
            page = read(onwards or backwards, older, limit)
        except KeyError as unknown:
            name = "after" if after else "before"
            raise invalid(**{name: f"Unknown cursor: '{unknown.args[0]}'."}) from None
        rows, follows, precedes = page.rows, page.more_ahead, page.more_behind
        if backwards:
            rows, follows, precedes = rows[::-1], precedes, follows
        first = rows[0][1] if rows and precedes else None
        last = rows[-1][1] if rows and follows else None
        if order == "normal":
            first, last = last, first
        return _envelope([write(row) for row in rows], {"before": first, "after": last})


def _envelope(texts: list[bytes], metadata: dict[str, str | None]) -> bytes:
    # Joined in one go: each + would copy the whole page once more.
    data, after = b'{"object":"list","data":[', b'],"list_metadata":'
    return b"".join((data, b",".join(texts), after, objects.text(metadata), b"}"))


def _given(query: Query, *names: str) -> list[str | None]:
    """Return parameters; blank ones count as not given."""
    return [query.get(name) or None for name in names]


def _require_either(**given: str | None) -> None:
    if not any(given.values()):
        sentence = "Please provide either {} parameters.".format(" or ".join(f'"{name}"' for name in given))
        raise invalid(**dict.fromkeys(given, sentence))


def _stored_text(row: Any) -> bytes:
    return bytes(row[3])


def _directory_text(row: Any) -> bytes:
    return objects.text(objects.directory_object(as_directory(row)))


def _limit(query: Query) -> int:
    given = query.get("limit")
    if given is None:
        return 10
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= 100):
        raise invalid(limit="limit must be an integer from 1 to 100.")
    return int(given)


def listed(query: Query, name: str) -> list[str]:
    """Read a list in any of its spellings: comma-joined, repeated, or with brackets."""
    values = [*query.getlist(name), *query.getlist(name + "[]")]
    return list(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def _event_names(query: Query) -> list[str]:
    names = listed(query, "events")
    if not names:
        raise bad_events_request("One or more event names must be provided.")
    for name in names:
        known = name in DSYNC_EVENTS or name == "dsync.deactivated" or not name.startswith("dsync.")
        if not (known and _EVENT_NAME.fullmatch(name)):
            raise bad_events_request(f"Unknown event name: '{name}'. There are no wildcards.")
    # Other families exist and nothing of theirs happens here; not asking for them also bounds the work.
    return [name for name in names if name in DSYNC_EVENTS]


def _moment(query: Query, name: str) -> int | None:
    given = query.get(name) or None
    if given is None:
        return None
    try:
        return clock.parse(given)
    except (ValueError, OverflowError):
        raise bad_events_request(f"{name} must be an ISO 8601 timestamp in UTC, ending in Z.") from None
