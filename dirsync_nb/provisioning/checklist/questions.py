"""What a probe asks: each question with the answer that client and sandbox count on, and where that stands.

An answer is a word or the shape of a body, never a value: a report of answers can be shared. ``concerns`` says
who acts on the belief, and so what is to be changed should the service answer otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ...client import DSYNC_EVENTS, Record
from ...client.endpoints import api_time
from .asking import EVENTS, NOBODY, Asker, NotAsked

__all__ = ["QUESTIONS", "UNASKED", "Question"]


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


QUESTIONS: list[Question] = []
UNASKED = (
    "the limits, since asking would break them, and the body of a 429",
    "what a mapping or the priority of roles gives, and whether a changed one sends events",
    "what happens to directory users when a role is deleted or the mode of roles changes",
    "webhooks, and the SCIM door: a provider writes there",
)
"""What reading cannot find out."""

USERS, GROUPS = "/directory_users", "/directory_groups"
NO_DIRECTORY, NO_USER, NO_GROUP = (
    f"{kind}_{NOBODY}" for kind in ("directory", "directory_user", "directory_group")
)
NOT_FOUND = "404 {code entity_not_found, entity_id, message}"
INVALID = "422 {errors [{code, field}], message}"
BAD_EVENTS = "400 {code invalid_events_request, message}"
REMOVED, GONE, OFF = "dsync.group.user_removed", "dsync.user.deleted", "dsync.group.deleted"


def _question(
    id: str,  # noqa: A002 (as the field)
    asked: str,
    believed: str,
    source: str,
    concerns: str = "client and sandbox",
) -> Callable[[Callable[[Asker], str]], None]:
    def keep(ask: Callable[[Asker], str]) -> None:
        QUESTIONS.append(Question(id, asked, believed, source, concerns, ask))

    return keep


# Order and pages ----------------------------------------------------------------------------------------


def _order_of(asker: Asker, path: str, *, inside: bool) -> str:
    """Return which order a list has without being asked for one: by its first row and its cursors."""
    filters = {"directory": asker.directory} if inside else {}
    plain = asker.get(path, limit=1, **filters)
    oldest = asker.get(path, limit=1, order="asc", **filters)
    newest = asker.get(path, limit=1, order="desc", **filters)
    if oldest.ids == newest.ids or not plain.ids:
        raise NotAsked("the list has fewer than two rows")
    before, after = plain.cursor("before"), plain.cursor("after")
    if before and not after and plain.ids == newest.ids:
        return "normal"
    names = {"asc": oldest.ids, "desc": newest.ids}
    found = [name for name, ids in names.items() if ids == plain.ids and after and not before]
    return found[0] if found else "none of normal, desc, asc"


_ORDER = ("normal", "workos-2026 1 and 5.2, A; the client always sends an order", "sandbox")


for _name, _path, _inside_one in (
    ("users", USERS, True),
    ("groups", GROUPS, True),
    ("directories", "/directories", False),
    ("organizations", "/organizations", False),
):
    _asked = f"{_path}?directory={{id}}&limit=1" if _inside_one else f"{_path}?limit=1"
    _question(f"order-{_name}", _asked, *_ORDER)(partial(_order_of, path=_path, inside=_inside_one))


@_question(
    "order-normal",
    f"{USERS}?directory={{id}}&limit=1&order=normal, then before=",
    "before leads to older rows",
    "workos-api 2.2, rec",
)
def _(asker: Asker) -> str:
    first = asker.get(USERS, directory=asker.directory, limit=1, order="normal")
    cursor = first.cursor("before")
    if not cursor or first.cursor("after"):
        return "the first page has other cursors"
    second = asker.get(USERS, directory=asker.directory, limit=1, order="normal", before=cursor)
    desc = asker.get(USERS, directory=asker.directory, limit=2, order="desc")
    return "before leads to older rows" if first.ids + second.ids == desc.ids else "before leads elsewhere"


@_question("page-size", f"{USERS}?directory={{id}}&order=asc", "10", "workos-api 2.2, spec", "sandbox")
def _(asker: Asker) -> str:
    if len(asker.users) < 11:
        raise NotAsked("no directory has more than ten users")
    return str(len(asker.get(USERS, directory=asker.directory, order="asc").rows))


@_question("limit-0", f"{USERS}?directory={{id}}&limit=0", INVALID, "workos-api 11 #10, assume", "sandbox")
def _(asker: Asker) -> str:
    return asker.get(USERS, directory=asker.directory, limit=0).shape


@_question("limit-101", f"{USERS}?directory={{id}}&limit=101", INVALID, "workos-api 11 #10, assume", "sandbox")
def _(asker: Asker) -> str:
    return asker.get(USERS, directory=asker.directory, limit=101).shape


@_question("cursor-unknown", f"{USERS}?directory={{id}}&after={{unknown}}", INVALID, "workos-api 11 #9, assume")
def _(asker: Asker) -> str:
    return asker.get(USERS, directory=asker.directory, after=NO_USER, order="asc").shape


@_question(
    "cursors-both", f"{USERS}?directory={{id}}&after=&before=", INVALID, "workos-api 11 #11, assume", "sandbox"
)
def _(asker: Asker) -> str:
    first, second = (row.get("id") for row in asker.users[:2])
    return asker.get(USERS, directory=asker.directory, after=first, before=second, order="asc").shape


@_question(
    "cursor-last-page", f"{USERS}?directory={{id}}&order=asc&after={{newest}}", "empty, null", "workos-api 2.2"
)
def _(asker: Asker) -> str:
    newest = asker.get(USERS, directory=asker.directory, limit=1, order="desc").ids
    seen = asker.get(USERS, directory=asker.directory, order="asc", after=newest[0] if newest else None)
    return f"{'rows' if seen.rows else 'empty'}, {'null' if seen.cursor('after') is None else 'a cursor'}"


# Filters ------------------------------------------------------------------------------------------------


@_question("no-filter-users", USERS, INVALID, "workos-api 2.4, rec", "sandbox")
def _(asker: Asker) -> str:
    return asker.get(USERS, limit=1).shape


@_question("no-filter-groups", GROUPS, INVALID, "workos-api 2.5, rec", "sandbox")
def _(asker: Asker) -> str:
    return asker.get(GROUPS, limit=1).shape


@_question("empty-filter", f"{USERS}?directory=", INVALID, "nowhere, assume", "sandbox")
def _(asker: Asker) -> str:
    return asker.get(USERS, directory="", limit=1).shape


@_question(
    "unknown-parameter",
    f"{USERS}?directory={{id}}&no_such_parameter=1",
    "200 list",
    "workos-api 11 #13, obs",
    "sandbox",
)
def _(asker: Asker) -> str:
    return asker.get(USERS, directory=asker.directory, no_such_parameter=1, limit=1, order="asc").shape


@_question("filter-unknown-directory", f"{USERS}?directory={{unknown}}", NOT_FOUND, "workos-api 2.4, assume")
def _(asker: Asker) -> str:
    return asker.get(USERS, directory=NO_DIRECTORY, limit=1, order="asc").shape


@_question("filter-unknown-group", f"{USERS}?group={{unknown}}", NOT_FOUND, "workos-api 2.4, assume")
def _(asker: Asker) -> str:
    return asker.get(USERS, group=NO_GROUP, limit=1, order="asc").shape


@_question(
    "filter-group-elsewhere",
    f"{USERS}?directory={{id}}&group={{of another directory}}",
    "200 empty list",
    "workos-api 2.4, assume",
)
def _(asker: Asker) -> str:
    return asker.get(USERS, directory=asker.elsewhere, group=asker.group, limit=1, order="asc").shape


@_question(
    "filter-email-case",
    f"{USERS}?directory={{id}}&email={{in capitals}}",
    "found",
    "workos-api 11 #25, assume",
)
def _(asker: Asker) -> str:
    user = _first(asker.users, lambda one: str(one.get("email") or "").upper() != (one.get("email") or ""))
    email = str(user["email"]).upper()
    seen = asker.get(USERS, directory=asker.directory, email=email, limit=1, order="asc")
    return "found" if user.get("id") in seen.ids else "not found"


@_question("filter-email-alone", f"{USERS}?group={{id}}&email=", "422", "workos-api 2.4", "client")
def _(asker: Asker) -> str:
    return str(asker.get(USERS, group=asker.group, email="nobody@example.com", limit=1, order="asc").status)


@_question(
    "filter-search",
    "/directories?search={a part of a name, in capitals}",
    "found",
    "workos-api 11 #25, assume",
)
def _(asker: Asker) -> str:
    directory = _first(asker.directories, lambda one: len(str(one.get("name") or "")) > 3)
    part = str(directory["name"])[1:-1].swapcase()
    seen = asker.get("/directories", search=part, limit=100, order="asc")
    return "found" if directory.get("id") in seen.ids else "not found"


@_question(
    "filter-unknown-organization",
    "/directories?organization_id={unknown}",
    "200 empty list",
    "nowhere, assume",
    "sandbox",
)
def _(asker: Asker) -> str:
    return asker.get("/directories", organization_id=f"org_{NOBODY}", limit=1, order="asc").shape


# Refusals and headers -----------------------------------------------------------------------------------


def _worded(asker: Asker, path: str, noun: str, object_id: str) -> str:
    """Return the shape of a 404, and whether its sentence is the one that is known."""
    seen = asker.get(f"{path}/{object_id}")
    message = seen.body.get("message") if isinstance(seen.body, dict) else None
    known = message == f"{noun} not found: '{object_id}'."
    return f"{seen.shape}, {'as worded' if known else 'other words'}"


for _name, _path, _noun, _id, _source in (
    ("directory", "/directories", "Directory", NO_DIRECTORY, "workos-api 1.6, rec"),
    ("user", USERS, "Directory User", NO_USER, "workos-api 11 #12, assume"),
    ("group", GROUPS, "Directory Group", NO_GROUP, "workos-api 11 #12, assume"),
):
    _question(f"404-{_name}", f"{_path}/{{unknown}}", f"{NOT_FOUND}, as worded", _source, "sandbox")(
        partial(_worded, path=_path, noun=_noun, object_id=_id)
    )


@_question("404-path", "/directories/{id}/no_such_path", "names no object", "nowhere, assume", "client")
def _(asker: Asker) -> str:
    seen = asker.get(f"/directories/{asker.directory}/no_such_path")
    if seen.status != 404:
        return f"{seen.status}"
    names = isinstance(seen.body, dict) and seen.body.get("code") == "entity_not_found"
    return "names an object" if names else "names no object"


@_question(
    "headers",
    "/directories?limit=1",
    "X-Request-Id yes, X-RateLimit-* no, ETag weak, JSON in utf-8",
    "workos-api 1.4, rec",
)
def _(asker: Asker) -> str:
    headers = {name.lower(): value for name, value in asker.get("/directories", limit=1).headers.items()}
    limits = any(name.startswith("x-ratelimit") for name in headers)
    etag = headers.get("etag")
    kind = headers.get("content-type", "").replace(" ", "").lower()
    return ", ".join(
        [
            f"X-Request-Id {'yes' if 'x-request-id' in headers else 'no'}",
            f"X-RateLimit-* {'yes' if limits else 'no'}",
            f"ETag {'none' if etag is None else 'weak' if etag.startswith('W/') else 'strong'}",
            "JSON in utf-8" if kind == "application/json;charset=utf-8" else "another content type",
        ]
    )


# Reads inside a directory -------------------------------------------------------------------------------


def _inside(asker: Asker, kind: str, flat: str) -> str:
    seen = asker.get(f"/directories/{asker.directory}/{kind}", limit=2, order="asc")
    same = asker.get(flat, directory=asker.directory, limit=2, order="asc")
    if seen.status != 200:
        return seen.shape
    return "as the flat path" if seen.body == same.body else "otherwise than the flat path"


for _name, _path in (("users", USERS), ("groups", GROUPS)):
    _question(
        f"inside-{_name}",
        f"/directories/{{id}}/{_name}",
        "as the flat path",
        "workos-2026 2.1, A for the path, D",
    )(partial(_inside, kind=_name, flat=_path))


@_question(
    "inside-filter", "/directories/{id}/users?group={id}", "only its members", "workos-2026 5.1, D", "sandbox"
)
def _(asker: Asker) -> str:
    seen = asker.get(f"/directories/{asker.directory}/users", group=asker.group, limit=100, order="asc")
    members = asker.get(USERS, directory=asker.directory, group=asker.group, limit=100, order="asc")
    if seen.status != 200:
        return seen.shape
    return "only its members" if seen.ids == members.ids else "others too: the filter has another name"


@_question("inside-other", "/directories/{another}/users/{id}", NOT_FOUND, "workos-2026 2.1, D")
def _(asker: Asker) -> str:
    return asker.get(f"/directories/{asker.elsewhere}/users/{asker.users[0].get('id')}").shape


# Records ------------------------------------------------------------------------------------------------


@_question("user-groups", f"{USERS}?directory={{id}}&group={{id}}", "empty", "workos-api 4, doc", "client")
def _(asker: Asker) -> str:
    seen = asker.get(USERS, directory=asker.directory, group=asker.group, limit=10, order="asc")
    filled = any(row.get("groups") for row in seen.rows)
    return "filled: a team made before May 2026" if filled else "empty"


@_question(
    "user-role",
    f"{USERS}?directory={{of a SCIM or Google directory}}",
    "every user has one",
    "workos-2026 1, A",
)
def _(asker: Asker) -> str:
    kinds = {one.get("id"): str(one.get("type")) for one in asker.directories}
    kind = kinds[asker.directory]
    if "scim" not in kind and kind != "gsuite directory":
        raise NotAsked("the largest directory has no roles by group")
    without = sum(not row.get("role") for row in asker.users)
    return (
        "every user has one" if not without else "some have none" if without < len(asker.users) else "none has"
    )


@_question(
    "user-roles", f"{USERS}?directory={{id}}", "one each", "workos-2026 2.3, A: one unless switched", "sandbox"
)
def _(asker: Asker) -> str:
    return "several" if any(len(row.get("roles") or ()) > 1 for row in asker.users) else "one each"


@_question("user-role-of-several", USERS, "the first of roles", "workos-api 11 #24, assume; 2026 5.5")
def _(asker: Asker) -> str:
    several = [row for row in asker.users if len(row.get("roles") or ()) > 1]
    if not several:
        raise NotAsked("nobody here has several roles")
    first = all(row.get("role") == row["roles"][0] for row in several)
    return "the first of roles" if first else "another of roles"


@_question("user-inactive", USERS, "listed where they are counted", "workos-api 6.5, assume")
def _(asker: Asker) -> str:
    keeping = _first(
        asker.directories, lambda one: bool(one.get("metadata", {}).get("users", {}).get("inactive"))
    )
    seen = asker.get(USERS, directory=keeping.get("id"), limit=100, order="asc")
    if any(row.get("state") not in ("active", None) for row in seen.rows):
        return "listed where they are counted"
    if seen.cursor("after"):
        raise NotAsked("none is among the first hundred")
    return "counted and not listed"


@_question(
    "roles-list",
    "/authorization/roles",
    "no pages, no priority, no default",
    "workos-2026 2.4, A",
)
def _(asker: Asker) -> str:
    seen = asker.get("/authorization/roles")
    if seen.status != 200 or not seen.rows:
        return seen.shape
    fields = {name for row in seen.rows for name in row}
    return ", ".join(
        [
            "pages" if "list_metadata" in seen.body else "no pages",
            "a priority" if fields & {"priority", "position", "order"} else "no priority",
            "a default" if any("default" in name for name in fields) else "no default",
        ]
    )


@_question(
    "memberships-statuses",
    "/user_management/organization_memberships?organization_id={id}, with and without statuses=inactive",
    "active ones only",
    "workos-2026 2.4, A",
)
def _(asker: Asker) -> str:
    path = "/user_management/organization_memberships"
    off = asker.get(path, organization_id=asker.organization, statuses="inactive", limit=1, order="asc")
    if not off.rows:
        raise NotAsked("the organization has no inactive membership")
    listed = {str(row.get("status")) for row in asker.memberships}
    return "active ones only" if listed == {"active"} else "others too"


@_question(
    "role-source",
    "/authorization/organization_memberships/{id}/role_assignments, of some that a directory manages",
    "direct or group",
    "workos-2026 5.3",
)
def _(asker: Asker) -> str:
    managed = [one for one in asker.memberships if one.get("directory_managed")][:3]
    paths = [f"/authorization/organization_memberships/{one.get('id')}/role_assignments" for one in managed]
    found = [row.get("source") for path in paths for row in asker.get(path, limit=100).rows]
    types = {str(one.get("type")) for one in found if isinstance(one, dict)}
    if not types:
        raise NotAsked("no role of a managed membership was found")
    return "direct or group" if types <= {"direct", "group"} else "a word of its own for directories"


# Events -------------------------------------------------------------------------------------------------


@_question("events-no-names", "/events", BAD_EVENTS, "workos-api 2.8, rec", "sandbox")
def _(asker: Asker) -> str:
    return asker.get("/events", limit=1).shape


@_question("events-wildcard", "/events?events=dsync.*", BAD_EVENTS, "workos-api 2.8, assume", "sandbox")
def _(asker: Asker) -> str:
    return asker.get("/events", events="dsync.*", limit=1).shape


@_question("events-order", "/events?order=desc", "ignored", "workos-api 11 #2, obs")
def _(asker: Asker) -> str:
    if len(asker.events) < 2:
        raise NotAsked("there is one event only")
    seen = asker.get("/events", events=EVENTS, limit=2, order="desc")
    return "ignored" if seen.ids == [event.get("id") for event in asker.events[:2]] else "obeyed"


@_question("events-before", "/events?before={unknown}", "ignored", "workos-api 11 #3", "sandbox")
def _(asker: Asker) -> str:
    seen = asker.get("/events", events=EVENTS, limit=1, before=f"event_{NOBODY}")
    return "ignored" if seen.ids == [asker.events[0].get("id")] else seen.shape


@_question("events-cursor-unknown", "/events?after={unknown}", BAD_EVENTS, "workos-2026 1, scim")
def _(asker: Asker) -> str:
    return asker.get("/events", events=EVENTS, limit=1, after=f"event_{NOBODY}").shape


@_question("events-last-page", "/events, its last page", "null", "workos-api 11 #8", "sandbox")
def _(asker: Asker) -> str:
    start = _moment(asker.newest, timedelta(seconds=-1))
    seen = asker.get("/events", events=EVENTS, limit=100, range_start=start)
    after = seen.cursor("after")
    if not seen.rows or len(seen.rows) == 100:
        raise NotAsked("the last second of events is no page, or more than one")
    return "null" if after is None else "the last id" if after == seen.ids[-1] else "another cursor"


@_question(
    "events-after-and-range", "/events?after=&range_start=", "accepted", "workos-api 11 #6, lib", "sandbox"
)
def _(asker: Asker) -> str:
    event = asker.events[0]
    start = _moment(event, timedelta(hours=-1))
    seen = asker.get("/events", events=EVENTS, limit=1, after=event.get("id"), range_start=start)
    return "accepted" if seen.status == 200 else seen.shape


@_question("events-cursor-of-others", "/events?after={of another kind}", "accepted", "workos-api 6.2, assume")
def _(asker: Asker) -> str:
    kind = asker.events[0].get("event")
    others = ",".join(name for name in DSYNC_EVENTS if name != kind)
    seen = asker.get("/events", events=others, limit=1, after=asker.events[0].get("id"))
    return "accepted" if seen.status == 200 else seen.shape


@_question("events-range-edge", "/events?range_start={of an event}", "after it", "workos-api 6.1", "sandbox")
def _(asker: Asker) -> str:
    event = asker.newest
    seen = asker.get("/events", events=EVENTS, limit=100, range_start=_moment(event, timedelta()))
    if seen.status != 200:
        return seen.shape
    return "at it" if event.get("id") in seen.ids else "after it"


@_question("events-range-zone", "/events?range_start=...+00:00", BAD_EVENTS, "workos-api 6.1, lib", "sandbox")
def _(asker: Asker) -> str:
    start = _moment(asker.events[0], timedelta(hours=-1)).replace("Z", "+00:00")
    return asker.get("/events", events=EVENTS, limit=1, range_start=start).shape


@_question("events-range-long", "/events, of 35 days", BAD_EVENTS, "workos-api 11 #5, assume", "sandbox")
def _(asker: Asker) -> str:
    event = asker.events[0]
    span = {"range_start": _moment(event, timedelta(days=-35)), "range_end": _moment(event, timedelta())}
    return asker.get("/events", events=EVENTS, limit=1, **span).shape


@_question(
    "events-range-future", "/events?range_start={in a year}", "200 empty list", "workos-api 11 #8b", "sandbox"
)
def _(asker: Asker) -> str:
    start = _moment(asker.events[0], timedelta(days=366))
    return asker.get("/events", events=EVENTS, limit=1, range_start=start).shape


@_question("events-metadata", "/events", "after alone", "workos-api 2.2, spec", "sandbox")
def _(asker: Asker) -> str:
    metadata = (asker.get("/events", events=EVENTS, limit=1).body or {}).get("list_metadata")
    return "after alone" if isinstance(metadata, dict) and [*metadata] == ["after"] else "otherwise"


@_question(
    "removals-with-deletions",
    f"/events of {GONE}, {OFF} and {REMOVED}",
    "none",
    "workos-2026 5.6; others were seen, C",
    "sandbox",
)
def _(asker: Asker) -> str:
    ends: dict[Any, int] = {}
    removed: list[tuple[int, set[Any]]] = []
    for place, event in enumerate(asker.told(GONE, OFF, REMOVED)):
        data = event.get("data") or {}
        if event.get("event") == REMOVED:
            removed.append((place, {(data.get(name) or {}).get("id") for name in ("user", "group")}))
        else:
            ends[data.get("id")] = place
    if not ends:
        raise NotAsked("no user or group was deleted in the events looked at")
    # A removal long before a deletion is a change of groups; right before it, it is a part of it.
    after = any(ends[one] < place for place, ids in removed for one in ids & ends.keys())
    return "after" if after else "none"


@_question(
    "role-changes", "/events of dsync.user.updated", "role in previous_attributes", "workos-api 10; 2026 5.5"
)
def _(asker: Asker) -> str:
    previous = [_previous(event) for event in asker.told("dsync.user.updated")]
    changed = [one for one in previous if {"role", "roles"} & one.keys()]
    if not changed:
        raise NotAsked("no role changed in the events looked at")
    return "role in previous_attributes" if any("role" in one for one in changed) else "roles alone"


# Small parts --------------------------------------------------------------------------------------------


def _previous(event: Record) -> dict[str, Any]:
    data = event.get("data")
    found = data.get("previous_attributes") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _first(rows: list[Record], fits: Callable[[Record], bool]) -> Record:
    found = next((row for row in rows if fits(row)), None)
    if found is None:
        raise NotAsked("no record is fit for it")
    return found


def _moment(event: Record, beside: timedelta) -> str:
    """Return a time beside that of an event: the service's clock is not ours."""
    return api_time(datetime.fromisoformat(str(event.get("created_at"))) + beside, "")
