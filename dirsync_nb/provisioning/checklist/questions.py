"""What a probe asks: each question with the answer that client and sandbox count on, and where that stands.

An answer is a word or the shape of a body, never a value: a report of answers can be shared. ``concerns`` says
who acts on the belief, and so what is to be changed should the service answer otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from ...client import DSYNC_EVENTS, Record
from ...client.endpoints import api_time
from ...frames.records import as_dict
from .asking import EVENTS, NOBODY, Asker, require


@dataclass(frozen=True)
class Question:
    """One thing to find out.

    Parameters
    ----------
    id
        A short name that stays.
    asked
        The request, with names in braces for ids.
    believed
        The answer that is counted on.
    source
        Where that stands, and how sure it is.
    concerns
        Who counts on it: ``client``, ``sandbox`` or both.
    ask
        Finds the answer. Raises NotAsked where this environment has not got what it takes.
    """

    id: str
    asked: str
    believed: str
    source: str
    concerns: str
    ask: Callable[[Asker], str]


USERS, GROUPS, DIRECTORIES, EVENT_PATH = "/directory_users", "/directory_groups", "/directories", "/events"
MEMBERSHIPS, ASSIGNMENTS = (
    "/user_management/organization_memberships",
    "/authorization/organization_memberships",
)
NO_DIRECTORY, NO_USER, NO_GROUP, NO_EVENT = (
    f"{kind}_{NOBODY}" for kind in ("directory", "directory_user", "directory_group", "event")
)
NOT_FOUND = "404 {code entity_not_found, entity_id, message}"
INVALID = "422 {errors [{code, field}], message}"
BAD_EVENTS = "400 {code invalid_events_request, message}"
REMOVED, GONE, OFF = "dsync.group.user_removed", "dsync.user.deleted", "dsync.group.deleted"
HERE, ELSEWHERE, GROUP = attrgetter("directory"), attrgetter("elsewhere"), attrgetter("group")

Ask = Callable[[Asker], str]


def _shape(path: str, *, accepted: str = "", **sent: Any) -> Ask:
    """Ask for the shape of one answer, or whether it is accepted; a function tells what the asker has found."""

    def ask(asker: Asker) -> str:
        seen = asker.get(path, **{name: one(asker) if callable(one) else one for name, one in sent.items()})
        return accepted if accepted and seen.status == 200 else seen.shape

    return ask


def _events(**sent: Any) -> Ask:
    return _shape(EVENT_PATH, **{"events": EVENTS, "limit": 1, **sent})


def _beside(hours: float, name: str = "events") -> Callable[[Asker], str]:
    """Return a time so many hours after the first event, or the newest: the service's clock is not ours."""

    def moment(asker: Asker) -> str:
        event = asker.newest if name == "newest" else asker.events[0]
        return api_time(datetime.fromisoformat(str(event.get("created_at"))) + timedelta(hours=hours), "")

    return moment


def _first(rows: list[Record], fits: Callable[[Record], bool]) -> Record:
    found = next((row for row in rows if fits(row)), None)
    return require(found, "no record is fit for it")


# Order and pages ----------------------------------------------------------------------------------------


def _order(path: str, **sent: Any) -> Ask:
    """Return which order a list has without being asked for one: by its first row and its cursors."""

    def ask(asker: Asker) -> str:
        filters = {name: one(asker) for name, one in sent.items()}
        plain, oldest, newest = (
            asker.get(path, limit=1, **filters, **order) for order in ({}, {"order": "asc"}, {"order": "desc"})
        )
        require(oldest.ids != newest.ids and plain.ids, "the list has fewer than two rows")
        before, after = plain.cursor("before"), plain.cursor("after")
        if before and not after and plain.ids == newest.ids:
            return "normal"
        names = {"asc": oldest.ids, "desc": newest.ids}
        found = [name for name, ids in names.items() if ids == plain.ids and after and not before]
        return found[0] if found else "none of normal, desc, asc"

    return ask


def _order_normal(asker: Asker) -> str:
    first = asker.get(USERS, directory=asker.directory, limit=1, order="normal")
    cursor = first.cursor("before")
    if not cursor or first.cursor("after"):
        return "the first page has other cursors"
    second = asker.get(USERS, directory=asker.directory, limit=1, order="normal", before=cursor)
    desc = asker.get(USERS, directory=asker.directory, limit=2, order="desc")
    return "before leads to older rows" if first.ids + second.ids == desc.ids else "before leads elsewhere"


def _page_size(asker: Asker) -> str:
    require(len(asker.users) > 10, "no directory has more than ten users")
    return str(len(asker.get(USERS, directory=asker.directory, order="asc").rows))


def _last_page(asker: Asker) -> str:
    newest = asker.get(USERS, directory=asker.directory, limit=1, order="desc").ids
    seen = asker.get(USERS, directory=asker.directory, order="asc", after=newest[0] if newest else None)
    return f"{'rows' if seen.rows else 'empty'}, {'null' if seen.cursor('after') is None else 'a cursor'}"


# Filters ------------------------------------------------------------------------------------------------


def _email_case(asker: Asker) -> str:
    user = _first(asker.users, lambda one: str(one.get("email") or "").upper() != (one.get("email") or ""))
    email = str(user["email"]).upper()
    seen = asker.get(USERS, directory=asker.directory, email=email, limit=1, order="asc")
    return "found" if user.get("id") in seen.ids else "not found"


def _email_alone(asker: Asker) -> str:
    return str(asker.get(USERS, group=asker.group, email="nobody@example.com", limit=1, order="asc").status)


def _search(asker: Asker) -> str:
    directory = _first(asker.directories, lambda one: len(str(one.get("name") or "")) > 3)
    part = str(directory["name"])[1:-1].swapcase()
    seen = asker.get(DIRECTORIES, search=part, limit=100, order="asc")
    return "found" if directory.get("id") in seen.ids else "not found"


# Refusals and headers -----------------------------------------------------------------------------------


def _worded(path: str, noun: str, object_id: str) -> Ask:
    """Return the shape of a 404, and whether its sentence is the one that is known."""

    def ask(asker: Asker) -> str:
        seen = asker.get(f"{path}/{object_id}")
        known = as_dict(seen.body).get("message") == f"{noun} not found: '{object_id}'."
        return f"{seen.shape}, {'as worded' if known else 'other words'}"

    return ask


def _no_such_path(asker: Asker) -> str:
    seen = asker.get(f"{DIRECTORIES}/{asker.directory}/no_such_path")
    names = as_dict(seen.body).get("code") == "entity_not_found"
    return f"{seen.status}" if seen.status != 404 else "names an object" if names else "names no object"


def _headers(asker: Asker) -> str:
    headers = {name.lower(): value for name, value in asker.get(DIRECTORIES, limit=1).headers.items()}
    limits = any(name.startswith("x-ratelimit") for name in headers)
    etag = headers.get("etag")
    kind = headers.get("content-type", "").replace(" ", "").lower()
    told = (
        f"X-Request-Id {'yes' if 'x-request-id' in headers else 'no'}",
        f"X-RateLimit-* {'yes' if limits else 'no'}",
        f"ETag {'none' if etag is None else 'weak' if etag.startswith('W/') else 'strong'}",
        "JSON in utf-8" if kind == "application/json;charset=utf-8" else "another content type",
    )
    return ", ".join(told)


# Reads inside a directory -------------------------------------------------------------------------------


def _inside(kind: str, flat: str, same: str, other: str, **sent: Any) -> Ask:
    """Return whether a list inside a directory is the one of the flat path."""

    def ask(asker: Asker) -> str:
        filters = {name: one(asker) if callable(one) else one for name, one in sent.items()}
        seen = asker.get(f"{DIRECTORIES}/{asker.directory}/{kind}", order="asc", **filters)
        expected = asker.get(flat, directory=asker.directory, order="asc", **filters)
        if seen.status != 200:
            return seen.shape
        return same if seen.body == expected.body else other

    return ask


def _inside_another(asker: Asker) -> str:
    return asker.get(f"{DIRECTORIES}/{asker.elsewhere}/users/{asker.users[0].get('id')}").shape


# Records ------------------------------------------------------------------------------------------------


def _groups_of_users(asker: Asker) -> str:
    seen = asker.get(USERS, directory=asker.directory, group=asker.group, limit=10, order="asc")
    filled = any(row.get("groups") for row in seen.rows)
    return "filled: a team made before May 2026" if filled else "empty"


def _role(asker: Asker) -> str:
    kinds = {one.get("id"): str(one.get("type")) for one in asker.directories}
    kind = kinds[asker.directory]
    require("scim" in kind or kind == "gsuite directory", "the largest directory has no roles by group")
    without = sum(not row.get("role") for row in asker.users)
    if not without:
        return "every user has one"
    return "some have none" if without < len(asker.users) else "none has"


def _roles(asker: Asker) -> str:
    return "several" if any(len(row.get("roles") or ()) > 1 for row in asker.users) else "one each"


def _role_of_several(asker: Asker) -> str:
    several = [row for row in asker.users if len(row.get("roles") or ()) > 1]
    require(several, "nobody here has several roles")
    first = all(row.get("role") == row["roles"][0] for row in several)
    return "the first of roles" if first else "another of roles"


def _inactive(asker: Asker) -> str:
    keeping = _first(
        asker.directories, lambda one: bool(one.get("metadata", {}).get("users", {}).get("inactive"))
    )
    seen = asker.get(USERS, directory=keeping.get("id"), limit=100, order="asc")
    if any(row.get("state") not in ("active", None) for row in seen.rows):
        return "listed where they are counted"
    require(not seen.cursor("after"), "none is among the first hundred")
    return "counted and not listed"


def _roles_list(asker: Asker) -> str:
    seen = asker.get("/authorization/roles")
    if seen.status != 200 or not seen.rows:
        return seen.shape
    fields = {name for row in seen.rows for name in row}
    told = (
        "pages" if "list_metadata" in seen.body else "no pages",
        "a priority" if fields & {"priority", "position", "order"} else "no priority",
        "a default" if any("default" in name for name in fields) else "no default",
    )
    return ", ".join(told)


def _statuses(asker: Asker) -> str:
    off = asker.get(MEMBERSHIPS, organization_id=asker.organization, statuses="inactive", limit=1, order="asc")
    require(off.rows, "the organization has no inactive membership")
    listed = {str(row.get("status")) for row in asker.memberships}
    return "active ones only" if listed == {"active"} else "others too"


def _role_source(asker: Asker) -> str:
    managed = [one for one in asker.memberships if one.get("directory_managed")][:3]
    paths = [f"{ASSIGNMENTS}/{one.get('id')}/role_assignments" for one in managed]
    found = [row.get("source") for path in paths for row in asker.get(path, limit=100).rows]
    types = {str(one.get("type")) for one in found if isinstance(one, dict)}
    require(types, "no role of a managed membership was found")
    return "direct or group" if types <= {"direct", "group"} else "a word of its own for directories"


# Events -------------------------------------------------------------------------------------------------


def _events_order(asker: Asker) -> str:
    require(len(asker.events) > 1, "there is one event only")
    seen = asker.get(EVENT_PATH, events=EVENTS, limit=2, order="desc")
    return "ignored" if seen.ids == [event.get("id") for event in asker.events[:2]] else "obeyed"


def _events_before(asker: Asker) -> str:
    seen = asker.get(EVENT_PATH, events=EVENTS, limit=1, before=NO_EVENT)
    return "ignored" if seen.ids == [asker.events[0].get("id")] else seen.shape


def _events_last_page(asker: Asker) -> str:
    start = _beside(-1 / 3600, "newest")(asker)
    seen = asker.get(EVENT_PATH, events=EVENTS, limit=100, range_start=start)
    after = seen.cursor("after")
    require(0 < len(seen.rows) < 100, "the last second of events is no page, or more than one")
    return "null" if after is None else "the last id" if after == seen.ids[-1] else "another cursor"


def _other_kinds(asker: Asker) -> str:
    kind = asker.events[0].get("event")
    return ",".join(name for name in DSYNC_EVENTS if name != kind)


def _first_event(asker: Asker) -> Any:
    return asker.events[0].get("id")


def _range_edge(asker: Asker) -> str:
    seen = asker.get(EVENT_PATH, events=EVENTS, limit=100, range_start=_beside(0, "newest")(asker))
    if seen.status != 200:
        return seen.shape
    return "at it" if asker.newest.get("id") in seen.ids else "after it"


def _events_metadata(asker: Asker) -> str:
    metadata = (asker.get(EVENT_PATH, events=EVENTS, limit=1).body or {}).get("list_metadata")
    return "after alone" if isinstance(metadata, dict) and [*metadata] == ["after"] else "otherwise"


def _removals(asker: Asker) -> str:
    ends: dict[Any, int] = {}
    removed: list[tuple[int, set[Any]]] = []
    for place, event in enumerate(asker.told(GONE, OFF, REMOVED)):
        data = event.get("data") or {}
        if event.get("event") == REMOVED:
            removed.append((place, {(data.get(name) or {}).get("id") for name in ("user", "group")}))
        else:
            ends[data.get("id")] = place
    require(ends, "no user or group was deleted in the events looked at")
    # A removal long before a deletion is a change of groups; right before it, it is a part of it.
    after = any(ends[one] < place for place, ids in removed for one in ids & ends.keys())
    return "after" if after else "none"


def _role_changes(asker: Asker) -> str:
    updates = (as_dict(event.get("data")) for event in asker.told("dsync.user.updated"))
    previous = [as_dict(data.get("previous_attributes")) for data in updates]
    changed = [one for one in previous if {"role", "roles"} & one.keys()]
    require(changed, "no role changed in the events looked at")
    return "role in previous_attributes" if any("role" in one for one in changed) else "roles alone"


# The table ----------------------------------------------------------------------------------------------

_BOTH, _ORDERED = "client and sandbox", "workos-2026 1 and 5.2, A; the client always sends an order"
_USERS = f"{USERS}?directory={{id}}"
_ONE: dict[str, Any] = {"limit": 1}
_ASC: dict[str, Any] = {"limit": 1, "order": "asc"}
_QUESTIONS = (
    # Order and pages
    ("order-users", f"{_USERS}&limit=1", "normal", _ORDERED, "sandbox", _order(USERS, directory=HERE)),
    ("order-groups", f"{GROUPS}?directory={{id}}&limit=1", "normal", _ORDERED, "sandbox",
     _order(GROUPS, directory=HERE)),
    ("order-directories", f"{DIRECTORIES}?limit=1", "normal", _ORDERED, "sandbox", _order(DIRECTORIES)),
    ("order-organizations", "/organizations?limit=1", "normal", _ORDERED, "sandbox", _order("/organizations")),
    ("order-normal", f"{_USERS}&limit=1&order=normal, then before=", "before leads to older rows",
     "workos-api 2.2, rec", _BOTH, _order_normal),
    ("page-size", f"{_USERS}&order=asc", "10", "workos-api 2.2, spec", "sandbox", _page_size),
    ("limit-0", f"{_USERS}&limit=0", INVALID, "workos-api 11 #10, assume", "sandbox",
     _shape(USERS, directory=HERE, limit=0)),
    ("limit-101", f"{_USERS}&limit=101", INVALID, "workos-api 11 #10, assume", "sandbox",
     _shape(USERS, directory=HERE, limit=101)),
    ("cursor-unknown", f"{_USERS}&after={{unknown}}", INVALID, "workos-api 11 #9, assume", _BOTH,
     _shape(USERS, directory=HERE, after=NO_USER, order="asc")),
    ("cursors-both", f"{_USERS}&after=&before=", INVALID, "workos-api 11 #11, assume", "sandbox",
     _shape(USERS, directory=HERE, after=lambda asker: asker.users[0].get("id"),
            before=lambda asker: asker.users[1].get("id"), order="asc")),
    ("cursor-last-page", f"{_USERS}&order=asc&after={{newest}}", "empty, null", "workos-api 2.2", _BOTH,
     _last_page),
    # Filters
    ("no-filter-users", USERS, INVALID, "workos-api 2.4, rec", "sandbox", _shape(USERS, **_ONE)),
    ("no-filter-groups", GROUPS, INVALID, "workos-api 2.5, rec", "sandbox", _shape(GROUPS, **_ONE)),
    ("empty-filter", f"{USERS}?directory=", INVALID, "nowhere, assume", "sandbox",
     _shape(USERS, directory="", **_ONE)),
    ("unknown-parameter", f"{_USERS}&no_such_parameter=1", "200 list", "workos-api 11 #13, obs", "sandbox",
     _shape(USERS, directory=HERE, no_such_parameter=1, **_ASC)),
    ("filter-unknown-directory", f"{USERS}?directory={{unknown}}", NOT_FOUND, "workos-api 2.4, assume", _BOTH,
     _shape(USERS, directory=NO_DIRECTORY, **_ASC)),
    ("filter-unknown-group", f"{USERS}?group={{unknown}}", NOT_FOUND, "workos-api 2.4, assume", _BOTH,
     _shape(USERS, group=NO_GROUP, **_ASC)),
    ("filter-group-elsewhere", f"{_USERS}&group={{of another directory}}", "200 empty list",
     "workos-api 2.4, assume", _BOTH, _shape(USERS, directory=ELSEWHERE, group=GROUP, **_ASC)),
    ("filter-email-case", f"{_USERS}&email={{in capitals}}", "found", "workos-api 11 #25, assume", _BOTH,
     _email_case),
    ("filter-email-alone", f"{USERS}?group={{id}}&email=", "422", "workos-api 2.4", "client", _email_alone),
    ("filter-search", f"{DIRECTORIES}?search={{a part of a name, in capitals}}", "found",
     "workos-api 11 #25, assume", _BOTH, _search),
    ("filter-unknown-organization", f"{DIRECTORIES}?organization_id={{unknown}}", "200 empty list",
     "nowhere, assume", "sandbox", _shape(DIRECTORIES, organization_id=f"org_{NOBODY}", **_ASC)),
    # Refusals and headers
    ("404-directory", f"{DIRECTORIES}/{{unknown}}", f"{NOT_FOUND}, as worded", "workos-api 1.6, rec", "sandbox",
     _worded(DIRECTORIES, "Directory", NO_DIRECTORY)),
    ("404-user", f"{USERS}/{{unknown}}", f"{NOT_FOUND}, as worded", "workos-api 11 #12, assume", "sandbox",
     _worded(USERS, "Directory User", NO_USER)),
    ("404-group", f"{GROUPS}/{{unknown}}", f"{NOT_FOUND}, as worded", "workos-api 11 #12, assume", "sandbox",
     _worded(GROUPS, "Directory Group", NO_GROUP)),
    ("404-path", f"{DIRECTORIES}/{{id}}/no_such_path", "names no object", "nowhere, assume", "client",
     _no_such_path),
    ("headers", f"{DIRECTORIES}?limit=1", "X-Request-Id yes, X-RateLimit-* no, ETag weak, JSON in utf-8",
     "workos-api 1.4, rec", _BOTH, _headers),
    # Reads inside a directory
    ("inside-users", f"{DIRECTORIES}/{{id}}/users", "as the flat path", "workos-2026 2.1, A for the path, D",
     _BOTH, _inside("users", USERS, "as the flat path", "otherwise than the flat path", limit=2)),
    ("inside-groups", f"{DIRECTORIES}/{{id}}/groups", "as the flat path", "workos-2026 2.1, A for the path, D",
     _BOTH, _inside("groups", GROUPS, "as the flat path", "otherwise than the flat path", limit=2)),
    ("inside-filter", f"{DIRECTORIES}/{{id}}/users?group={{id}}", "only its members", "workos-2026 5.1, D",
     "sandbox", _inside("users", USERS, "only its members", "others too: the filter has another name",
                        group=GROUP, limit=100)),
    ("inside-other", f"{DIRECTORIES}/{{another}}/users/{{id}}", NOT_FOUND, "workos-2026 2.1, D", _BOTH,
     _inside_another),
    # Records
    ("user-groups", f"{_USERS}&group={{id}}", "empty", "workos-api 4, doc", "client", _groups_of_users),
    ("user-role", f"{USERS}?directory={{of a SCIM or Google directory}}", "every user has one",
     "workos-2026 1, A", _BOTH, _role),
    ("user-roles", _USERS, "one each", "workos-2026 2.3, A: one unless switched", "sandbox", _roles),
    ("user-role-of-several", USERS, "the first of roles", "workos-api 11 #24, assume; 2026 5.5", _BOTH,
     _role_of_several),
    ("user-inactive", USERS, "listed where they are counted", "workos-api 6.5, assume", _BOTH, _inactive),
    ("roles-list", "/authorization/roles", "no pages, no priority, no default", "workos-2026 2.4, A", _BOTH,
     _roles_list),
    ("memberships-statuses", f"{MEMBERSHIPS}?organization_id={{id}}, with and without statuses=inactive",
     "active ones only", "workos-2026 2.4, A", _BOTH, _statuses),
    ("role-source", f"{ASSIGNMENTS}/{{id}}/role_assignments, of some that a directory manages",
     "direct or group", "workos-2026 5.3", _BOTH, _role_source),
    # Events
    ("events-no-names", EVENT_PATH, BAD_EVENTS, "workos-api 2.8, rec", "sandbox", _shape(EVENT_PATH, **_ONE)),
    ("events-wildcard", f"{EVENT_PATH}?events=dsync.*", BAD_EVENTS, "workos-api 2.8, assume", "sandbox",
     _events(events="dsync.*")),
    ("events-order", f"{EVENT_PATH}?order=desc", "ignored", "workos-api 11 #2, obs", _BOTH, _events_order),
    ("events-before", f"{EVENT_PATH}?before={{unknown}}", "ignored", "workos-api 11 #3", "sandbox",
     _events_before),
    ("events-cursor-unknown", f"{EVENT_PATH}?after={{unknown}}", BAD_EVENTS, "workos-2026 1, scim", _BOTH,
     _events(after=NO_EVENT)),
    ("events-last-page", f"{EVENT_PATH}, its last page", "null", "workos-api 11 #8", "sandbox",
     _events_last_page),
    ("events-after-and-range", f"{EVENT_PATH}?after=&range_start=", "accepted", "workos-api 11 #6, lib",
     "sandbox", _events(accepted="accepted", after=_first_event, range_start=_beside(-1))),
    ("events-cursor-of-others", f"{EVENT_PATH}?after={{of another kind}}", "accepted", "workos-api 6.2, assume",
     _BOTH, _events(accepted="accepted", events=_other_kinds, after=_first_event)),
    ("events-range-edge", f"{EVENT_PATH}?range_start={{of an event}}", "after it", "workos-api 6.1", "sandbox",
     _range_edge),
    ("events-range-zone", f"{EVENT_PATH}?range_start=...+00:00", BAD_EVENTS, "workos-api 6.1, lib", "sandbox",
     _events(range_start=lambda asker: _beside(-1)(asker).replace("Z", "+00:00"))),
    ("events-range-long", f"{EVENT_PATH}, of 35 days", BAD_EVENTS, "workos-api 11 #5, assume", "sandbox",
     _events(range_start=_beside(-35 * 24), range_end=_beside(0))),
    ("events-range-future", f"{EVENT_PATH}?range_start={{in a year}}", "200 empty list", "workos-api 11 #8b",
     "sandbox", _events(range_start=_beside(366 * 24))),
    ("events-metadata", EVENT_PATH, "after alone", "workos-api 2.2, spec", "sandbox", _events_metadata),
    ("removals-with-deletions", f"{EVENT_PATH} of {GONE}, {OFF} and {REMOVED}", "none",
     "workos-2026 5.6; others were seen, C", "sandbox", _removals),
    ("role-changes", f"{EVENT_PATH} of dsync.user.updated", "role in previous_attributes",
     "workos-api 10; 2026 5.5", _BOTH, _role_changes),
)  # fmt: skip

QUESTIONS = tuple(Question(*row) for row in _QUESTIONS)
UNASKED = (
    "the limits, since asking would break them, and the body of a 429",
    "what a mapping or the priority of roles gives, and whether a changed one sends events",
    "what happens to directory users when a role is deleted or the mode of roles changes",
    "webhooks, and the SCIM door: a provider writes there",
)
"""What reading cannot find out."""
