"""The readable collections of the API and what may be asked of each, checked before anything is sent."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from .. import errors
from .calls import unknown_argument

P = ParamSpec("P")
R = TypeVar("R")

DSYNC_EVENTS = (
    "dsync.activated",
    "dsync.deleted",
    "dsync.user.created",
    "dsync.user.updated",
    "dsync.user.deleted",
    "dsync.group.created",
    "dsync.group.updated",
    "dsync.group.deleted",
    "dsync.group.user_added",
    "dsync.group.user_removed",
    "dsync.token.created",
    "dsync.token.revoked",
)
"""The event names of Directory Sync in the API specification of August 2026."""


_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Endpoint:
    """One readable collection of the API.

    Parameters
    ----------
    path
        Where it is. Names in braces stand for filters that are a part of it.
    single
        What one of it is called in messages.
    filters
        Name in Python to name on the wire. Default: those that are a part of the path.
    noun
        What all of it is called. Default: the plural of ``single``.
    one_of
        Filters of which the API demands at least one. Default: the first that is a part of the path.
    needs
        Filters that the API takes only together with another one.
    ordered
        Whether it takes ``order`` (``/events`` is always oldest first).
    instead
        What to do where people would expect a filter that the API does not have.
    paged
        Whether it comes in pages; else it is one answer without cursors.
    scoped
        Where the same list of one directory alone is, since November 2026.

    Attributes
    ----------
    in_path
        The filters that are a part of the path.
    id_name
        What an id of one is called in a call and in a frame.
    """

    path: str
    single: str
    filters: Mapping[str, str] = field(default_factory=dict)
    noun: str = ""
    one_of: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True
    instead: Mapping[str, str] = field(default_factory=dict)
    paged: bool = True
    scoped: str | None = None
    in_path: tuple[str, ...] = field(init=False)
    id_name: str = field(init=False)

    def __post_init__(self) -> None:
        in_path = tuple(_BRACES.findall(self.path))
        made = {
            "in_path": in_path,
            "filters": self.filters or _same(*in_path),
            "one_of": self.one_of or in_path[:1],
            "noun": self.noun or f"{self.single}s",
            "id_name": f"{self.single.removeprefix('directory ').lower().replace(' ', '_')}_id",
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)


def _same(*names: str) -> dict[str, str]:
    """Return filters that have the same name in Python and on the wire."""
    return {name: name for name in names}


def path_of(template: str, filters: Mapping[str, str]) -> str:
    """Return a path with filters in place of the names in braces."""
    return _BRACES.sub(lambda found: path_part(filters[found[1]]), template)


def path_part(value: str) -> str:
    """Return an id as a part of a path."""
    if value in ("", ".", ".."):
        raise errors.ArgumentError(f"{value!r} is not an id")
    return quote(value, safe="")


def _of_loaded(frame: str, **columns: str) -> dict[str, str]:
    """Say for columns that the API has no filter for how loaded rows are filtered."""
    return {
        column: f"The API has no such filter; of loaded rows: {frame}[{frame}[{column!r}] == {value!r}]"
        for column, value in columns.items()
    }


_NAMED = "find(client, ...) looks for a name"
_DIRECTORIES_OF = "load_directories(client, organization_id).index are its directories"
ENDPOINTS = {
    "organizations": Endpoint(
        "/organizations",
        "organization",
        _same("domains", "search"),
        instead={
            "name": "search= looks for a part of the name",
            "organization_id": "load_organization(client, organization_id) reads one",
            "external_id": "load_organization(client, external_id=...) reads one",
        },
    ),
    "directories": Endpoint(
        "/directories",
        "directory",
        _same("organization_id", "search", "domain"),
        "directories",
        instead={
            "name": "search= looks for a part of the name",
            "directory_id": "load_directory(client, directory_id) reads one",
            **_of_loaded("directories", state="linked", type="okta scim v2.0"),
        },
    ),
    "users": Endpoint(
        "/directory_users",
        "directory user",
        {"directory_id": "directory", "group_id": "group", **_same("idp_id", "email")},
        "users",
        one_of=("directory_id", "group_id"),
        needs={"idp_id": "directory_id", "email": "directory_id"},
        instead={
            "name": _NAMED,
            "search": _NAMED,
            "user_id": "load_user(client, user_id) reads one",
            "organization_id": _DIRECTORIES_OF,
            **_of_loaded("users", state="active", role="admin"),
        },
        scoped="/directories/{directory}/users",
    ),
    "groups": Endpoint(
        "/directory_groups",
        "directory group",
        {"directory_id": "directory", "user_id": "user"},
        "groups",
        one_of=("directory_id", "user_id"),
        instead={
            "name": _NAMED,
            "search": _NAMED,
            "group_id": "load_group(client, group_id) reads one",
            "organization_id": _DIRECTORIES_OF,
        },
        scoped="/directories/{directory}/groups",
    ),
    "events": Endpoint(
        "/events",
        "event",
        _same("events", "organization_id", "range_start", "range_end", "after"),
        one_of=("events",),
        ordered=False,
        instead={
            "before": "Events are listed onwards only: after= or range_start= says where to begin",
            "order": "Events always come oldest first",
            **dict.fromkeys(("since", "start"), "Did you mean range_start?"),
            **dict.fromkeys(("until", "end"), "Did you mean range_end?"),
            "type": "Did you mean events?",
            **_of_loaded("events", directory_id="directory_01...", user_id="directory_user_01..."),
        },
    ),
    # Roles, and what AuthKit has: its groups are WorkOS groups, and never those of a directory.
    "roles": Endpoint("/authorization/roles", "role", ordered=False, paged=False),
    "organization_roles": Endpoint(
        "/authorization/organizations/{organization_id}/roles", "role", ordered=False, paged=False
    ),
    "organization_memberships": Endpoint(
        "/user_management/organization_memberships",
        "organization membership",
        {"organization_id": "organization_id", "authkit_user_id": "user_id", "statuses": "statuses"},
        one_of=("organization_id", "authkit_user_id"),
    ),
    "role_assignments": Endpoint(
        "/authorization/organization_memberships/{organization_membership_id}/role_assignments",
        "role assignment",
    ),
    "group_role_assignments": Endpoint(
        "/authorization/groups/{workos_group_id}/role_assignments",
        "group role assignment",
        noun="role assignments",
    ),
    "workos_groups": Endpoint(
        "/organizations/{organization_id}/groups", "WorkOS group", _same("organization_id", "search")
    ),
    "workos_groups_of_member": Endpoint(
        "/user_management/organization_memberships/{organization_membership_id}/groups", "WorkOS group"
    ),
    "workos_group_members": Endpoint(
        "/organizations/{organization_id}/groups/{workos_group_id}/organization-memberships",
        "organization membership",
        noun="members",
    ),
}
_AT = {endpoint.path: endpoint for endpoint in ENDPOINTS.values()}


def endpoint_at(path: str) -> Endpoint:
    """Return the collection at a path."""
    return _AT[path]


def wire_filters(
    endpoint: Endpoint, filters: Mapping[str, object], *, typed: bool = True
) -> tuple[dict[str, str], list[str]]:
    """Translate filters from Python to the wire, in a fixed order; return them with notices about them.

    Values may be ids, records, rows of a frame, or objects with an ``id``. ``None`` means "no such filter".
    ``typed`` is False where ids come from the service, and not from a person.
    """
    wire = {
        wire_name: _wire_value(wire_name, filters[name], name, typed)
        for name, wire_name in endpoint.filters.items()
        if filters.get(name) is not None
    }
    if endpoint.path == "/events":
        wire = {"events": ",".join(DSYNC_EVENTS), **wire}
    _check_combination(endpoint, wire)
    return wire, _event_notices(wire) if endpoint.path == "/events" else _search_notices(endpoint, wire)


_ALIKE = dict.fromkeys(  # what other libraries call it
    ("max_rows", "n", "count", "size", "top", "page_size"), "limit= says how many rows to read."
)


def filters_of(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a call of a list refuse a keyword it does not have in a sentence that lists its filters."""
    endpoint = ENDPOINTS[kind]

    def decorate(call: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(call)
        others = (one for one in signature.parameters if one not in ("self", "client", "directory"))
        accepted = list(dict.fromkeys([*endpoint.filters, *others]))

        @functools.wraps(call)
        def checked(*args: P.args, **given: P.kwargs) -> R:
            for name in given:
                if name not in signature.parameters:
                    what, hints = f"a filter of {endpoint.noun}", {**_ALIKE, **endpoint.instead}
                    raise errors.UnknownFilter(unknown_argument(name, what, accepted, hints))
            return call(*args, **given)

        return checked

    return decorate


def one_directory_id(directory_id: object, directory: object) -> object:
    """Return the one of two that was given: ``directory`` is the API's own word."""
    if directory_id is not None and directory is not None:
        raise errors.ArgumentError("directory was given twice, once as directory_id; they are one filter")
    return directory if directory_id is None else directory_id


def _check_combination(endpoint: Endpoint, wire: Mapping[str, str]) -> None:
    if endpoint.one_of and not any(endpoint.filters[name] in wire for name in endpoint.one_of):
        first, *others = endpoint.one_of
        where = f" ({_WHERE[first]})" if first in _WHERE else ""
        raise errors.ArgumentError(
            f"{endpoint.noun} cannot be listed without a filter: give "
            + " or ".join([f"{first}={where}", *(f"{name}=" for name in others)])
        )
    for name, needed in endpoint.needs.items():
        if endpoint.filters[name] in wire and endpoint.filters[needed] not in wire:
            raise errors.ArgumentError(f"{name} needs {needed} too: the API looks it up in one directory")
    if wire.get("range_start", "") > wire.get("range_end", "~"):
        raise errors.ArgumentError("range_start is later than range_end")
    if "after" in wire and "range_start" in wire:
        raise errors.ArgumentError(
            "after and range_start both say where to begin; give one. To go on from an event, after is enough"
        )


_WHERE = {
    "directory_id": "ds.load_directories(client).index has the ids; all of them at once load side by side",
    "organization_id": "ds.load_organizations(client).index has the ids",
    "organization_membership_id": "ds.load_organization_memberships(client, ...).index has the ids",
    "workos_group_id": "ds.load_workos_groups(client, ...).index has the ids",
}
"""Where the ids of a filter come from."""


def _wire_value(wire_name: str, value: object, name: str, typed: bool = True) -> str:
    if wire_name in ("events", "domains", "statuses"):
        items = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
        if not items or not all(isinstance(item, str) and item.strip() for item in items):
            raise errors.ArgumentError(f"{name} must be a name or a list of names; got {_told(value)}")
        if wire_name == "events":
            _refuse_ids(items)
        for item in items if wire_name == "domains" else ():
            _check_domain(item, name)
        return ",".join(dict.fromkeys(str(item).strip() for item in items))
    if wire_name in ("range_start", "range_end"):
        return api_time(value, name)
    if wire_name in ("search", "email", "domain"):
        if not isinstance(value, str) or not value.strip():
            raise errors.ArgumentError(f"{name} must be text; got {_told(value)}")
        if wire_name == "search" and (kind := _kind_of(value)):
            raise errors.ArgumentError(f"search looks in names, and {_whose(kind)}")
        if wire_name == "domain":
            _check_domain(value, name)
        if wire_name == "email" and "@" not in value:
            raise errors.ArgumentError("email must be an address, with an @. find(client, ...) looks for names")
        return value
    if wire_name == "idp_id":
        of_kind(identifier(value, name), name)
    # Ids of a part of a larger load come from the service itself, whatever they look like.
    return fitting_id(identifier(value, name), name) if typed else identifier(value, name)


def _check_domain(text: object, name: str) -> None:
    """Refuse what is no domain; the message does not repeat an address."""
    if not isinstance(text, str) or set(text.strip()) & set("@/: "):
        raise errors.ArgumentError(f"{name} must be domains such as acme.test, without @, / and blanks")


def _event_notices(wire: Mapping[str, str]) -> list[str]:
    """Question event names that Directory Sync is not known to have, with the nearest real ones."""
    notices = []
    for name in wire["events"].split(","):
        if name not in DSYNC_EVENTS:
            close = difflib.get_close_matches(name, DSYNC_EVENTS, n=3)
            nearest = f"; the nearest known are {', '.join(close)}" if close else ""
            notices.append(f"{name} is not a known event of Directory Sync{nearest}.")
    return notices


def _search_notices(endpoint: Endpoint, wire: Mapping[str, str]) -> list[str]:
    """Say of a search for a domain where domains are looked for."""
    text = wire.get("search", "")
    if "domains" not in endpoint.filters or "." not in text.strip(".") or len(text.split()) > 1:
        return []
    return [f"search looks in the names of organizations; domains={text!r} asks for those of a domain."]


def _refuse_ids(names: Iterable[str]) -> None:
    """Refuse ids in place of names of events."""
    for name in names:
        kind = _kind_of(name)
        if kind == "organization_id":
            call = "load_events(client, organization_id=...)"
            raise errors.ArgumentError(f"events must be names, and that is an organization's id: {call}")
        if kind is not None:
            raise errors.ArgumentError(
                f"events must be names, such as 'dsync.user.created', and that is {_KINDS[kind][1]}'s id. The "
                f"API lists events by organization; of loaded rows: events[events[{kind!r}] == ...]"
            )


def identifier(value: object, name: str) -> str:
    """Return the id in a text, a record, a row of a frame, or an object of the official SDK.

    Examples
    --------
    >>> ds.client.identifier({"id": "directory_01ABC"}, "directory_id")
    'directory_01ABC'
    """
    candidate: object = value
    if isinstance(value, Mapping):
        candidate = value.get("id")
    elif not isinstance(value, str):
        # A row of a frame carries its id as its name. A column, or an index, has a name that is no id.
        candidate = getattr(value, "name" if _is_row(value) else "id", None)
    if isinstance(candidate, str) and candidate.strip():
        return candidate.strip()
    several = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
    hint = "; several are given to directory_id= alone" if several and name != "directory_id" else ""
    raise errors.ArgumentError(f"{name} must be an id, or a record with an id; got {_told(value)}{hint}")


def _told(value: object) -> str:
    """Return in a few words what was given; a frame or a column by what it is, not by its rows."""
    index = getattr(value, "index", value)
    name, kind = getattr(index, "name", None), type(value).__name__
    if hasattr(value, "columns"):
        return f"a frame indexed by {name!r}" if name else "a frame"
    return f"one of type {kind}" if hasattr(index, "name") and not isinstance(value, str) else f"{value!r:.80}"


# What an id of each kind begins with, the kind in words, and the loader to give one to. The longest first.
_KINDS = {
    "user_id": ("directory_user_", "a directory user", "load_user(client, ...)"),
    "group_id": ("directory_group_", "a directory group", "load_users"),
    "directory_id": ("directory_", "a directory", "load_users"),
    "organization_id": ("org_", "an organization", "load_directories"),
    "event_id": ("event_", "an event", "load_events(client, after=...)"),
    "organization_membership_id": ("om_", "an organization membership", "load_role_assignments"),
    "workos_group_id": ("group_", "a WorkOS group", "load_group_role_assignments"),
    "authkit_user_id": ("user_", "an AuthKit user", "load_organization_memberships"),
}
_ELSEWHERE = {
    "conn_": "an SSO connection",
    "prof_": "an SSO profile",
    "role_": "a role",
    "client_": "an application",
    "invitation_": "an invitation",
    "session_": "a session",
    "we_": "a webhook endpoint",
}
"""What WorkOS has besides, by how its ids begin."""
_AUTHKIT = ("organization_membership_id", "workos_group_id", "authkit_user_id")
_ALSO = {"directory": "directory_id", "after": "event_id"}
_ULID = re.compile("[0-9A-HJKMNP-TV-Z]{26}", re.IGNORECASE)


def checked_id(value: object, name: str) -> str:
    """Return the id in a text, a record, a row or an object, where it is of the kind it is asked for as.

    Examples
    --------
    >>> ds.client.checked_id(directories.iloc[0], "directory_id") == directories.index[0]
    True
    """
    return fitting_id(identifier(value, name), name)


def _kind_of(text: str) -> str | None:
    """Return what an id of this form is called in a call; None for any other text."""
    return next((kind for kind, (prefix, *_) in _KINDS.items() if text.startswith(prefix)), None)


def _whose(kind: str) -> str:
    """Say whose an id of a kind is, and what to call with it."""
    _, whose, call = _KINDS[kind]
    return f"that is {whose}'s id: {call if '(' in call else f'{call}(client, {kind}=...)'}"


def foreign_id(text: str) -> str | None:
    """Return in words what an id is that names nothing of a directory; None for any other text."""
    kind = _kind_of(text)
    if text.startswith("sk_"):
        return "that is a key: it belongs into WORKOS_API_KEY, and into no other call"
    if kind == "event_id" or kind in _AUTHKIT:
        return _whose(str(kind))
    other = next((words for start, words in _ELSEWHERE.items() if text.startswith(start)), None)
    return other and f"that is {other}'s id, which is no matter of Directory Sync"


def of_kind(text: str, name: str) -> str | None:
    """Return the kind of id that a text begins like, and refuse an id that is surely of another kind."""
    kind, other = _ALSO.get(name, name), _kind_of(text)
    # Users and groups that were moved to WorkOS keep the ids of another server, whatever those look like.
    foreign = kind in ("user_id", "group_id", "idp_id") and (
        other in _AUTHKIT or not _ULID.fullmatch(text.rpartition("_")[2])
    )
    if other not in (None, kind) and not foreign:
        single = "an id that the provider gave" if kind == "idp_id" else f"the id of {_KINDS[kind][1]}"
        raise errors.ArgumentError(f"{name} must be {single}, and {_whose(str(other))}")
    return other


def fitting_id(text: str, name: str) -> str:
    """Return what may be an id of the kind a list is asked for by, and refuse what cannot.

    WorkOS answers some of it with an empty list. The message never repeats what was given.
    """
    kind = _ALSO.get(name, name)
    if kind not in _KINDS:
        return text
    other = of_kind(text, name)
    prefix, single, _ = _KINDS[kind]
    # No organization, directory or event is moved: a word without any digit is a name; of an event it is one
    # without an underscore too, since a place may come from another tool.
    own = kind in ("organization_id", "directory_id", "event_id") and other is None
    named = own and not any(map(str.isdigit, text)) and not (kind == "event_id" and "_" in text)
    if named or "@" in text or len(text.split()) > 1:
        what = "an address" if "@" in text else "a name"
        raise errors.ArgumentError(
            f"{name} must be the id of {single}, such as {prefix}01...; that is {what}. "
            + ("A time is range_start=" if kind == "event_id" else "find(client, ...) looks for it")
        )
    return text


def as_ids(value: object, name: str) -> list[str] | None:
    """Return the ids in a list, tuple, Index, Series, array or frame, each once; None for a single object.

    A row of a frame is a single object. A frame must be indexed by the id.

    Examples
    --------
    >>> ds.client.as_ids(directories, "directory_id") == directories.index.tolist()
    True
    >>> ds.client.as_ids("directory_01ABC", "directory_id") is None
    True
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable) or _is_row(value):
        return None
    if hasattr(value, "columns"):
        value = getattr(value, "index", value)
        if getattr(value, "name", None) != name:
            raise errors.ArgumentError(
                f"{name} takes a frame that is indexed by {name}, as its loader gives it; this one is indexed "
                f"by {getattr(value, 'name', None)!r}"
            )
    elif hasattr(value, "id"):
        return None
    assert isinstance(value, Iterable)
    return list(dict.fromkeys(fitting_id(identifier(one, name), name) for one in value))


def one_or_many(value: object, name: str) -> list[str]:
    """Return the ids that were given: of one object, or of several in a collection.

    Examples
    --------
    >>> ds.client.one_or_many(directories, "directory_id") == directories.index.tolist()
    True
    """
    several = as_ids(value, name)
    return [fitting_id(identifier(value, name), name)] if several is None else several


def _is_row(value: object) -> bool:
    """Whether a value is a row of a frame: a Series labelled by fields of an object of the API."""
    labels = getattr(value, "index", None)
    if not hasattr(value, "name") or not isinstance(labels, Iterable) or hasattr(value, "columns"):
        return False
    return not ROW_FIELDS.isdisjoint(label for label in labels if isinstance(label, str))


ROW_FIELDS = frozenset(("created_at", "updated_at", "name", "state", "directory_id", "idp_id", "email"))


def api_time(value: object, name: str) -> str:
    """Write a moment as the events API wants it: UTC, milliseconds, ``Z``. Zone-less means UTC."""
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime) or moment != moment:  # NaT differs from itself
        raise errors.ArgumentError(f"{name} must be a datetime or ISO 8601 text; got {value!r:.80}")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
