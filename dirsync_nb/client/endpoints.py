"""The readable collections of the API and what may be asked of each, checked before anything is sent."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .. import errors

__all__ = ["DSYNC_EVENTS", "ENDPOINTS", "Endpoint", "api_time", "identifier", "wire_filters"]

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


@dataclass(frozen=True)
class Endpoint:
    """One readable collection of the API.

    Parameters
    ----------
    path
        Where it is.
    noun, single
        What it holds, for messages, in the plural and in the singular.
    filters
        Name in Python to name on the wire.
    one_of
        Filters of which the API demands at least one.
    needs
        Filters that the API takes only together with another one.
    ordered
        Whether it takes ``order`` (``/events`` is always oldest first).
    """

    path: str
    noun: str
    single: str
    filters: Mapping[str, str]
    one_of: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True


ENDPOINTS = {
    "organizations": Endpoint(
        "/organizations", "organizations", "organization", {"domains": "domains", "search": "search"}
    ),
    "directories": Endpoint(
        "/directories",
        "directories",
        "directory",
        {"organization_id": "organization_id", "search": "search", "domain": "domain"},
    ),
    "users": Endpoint(
        "/directory_users",
        "users",
        "directory user",
        {"directory_id": "directory", "group_id": "group", "idp_id": "idp_id", "email": "email"},
        one_of=("directory_id", "group_id"),
        needs={"idp_id": "directory_id", "email": "directory_id"},
    ),
    "groups": Endpoint(
        "/directory_groups",
        "groups",
        "directory group",
        {"directory_id": "directory", "user_id": "user"},
        one_of=("directory_id", "user_id"),
    ),
    "events": Endpoint(
        "/events",
        "events",
        "event",
        {
            "events": "events",
            "organization_id": "organization_id",
            "range_start": "range_start",
            "range_end": "range_end",
            "after": "after",
        },
        one_of=("events",),
        ordered=False,
    ),
}


def wire_filters(endpoint: Endpoint, filters: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """Translate filters from Python to the wire, in a fixed order; refuse what the endpoint does not take.

    Both spellings are accepted, ours (``directory_id``) and the API's (``directory``); values may be ids,
    records, rows of a frame, or objects with an ``id``. ``None`` means "no such filter".
    """
    spellings = {**{wire: wire for wire in endpoint.filters.values()}, **endpoint.filters}
    wire: dict[str, str] = {}
    for name, value in filters.items():
        if name not in spellings:
            raise errors.ArgumentError(_unknown_filter(endpoint, name))
        if value is None:
            continue
        if spellings[name] in wire:
            raise errors.ArgumentError(f"{name} was given twice, once under another name")
        wire[spellings[name]] = _wire_value(spellings[name], value, name)
    if endpoint.path == "/events":
        wire.setdefault("events", ",".join(DSYNC_EVENTS))
    _check_combination(endpoint, wire)
    ordered = {name: wire[name] for name in endpoint.filters.values() if name in wire}
    return ordered, _event_notices(ordered) if endpoint.path == "/events" else []


def _check_combination(endpoint: Endpoint, wire: Mapping[str, str]) -> None:
    if endpoint.one_of and not any(endpoint.filters[name] in wire for name in endpoint.one_of):
        raise errors.ArgumentError(
            f"{endpoint.noun} cannot be listed without a filter: give {' or '.join(endpoint.one_of)}"
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


def _unknown_filter(endpoint: Endpoint, name: str) -> str:
    close = difflib.get_close_matches(name, endpoint.filters, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{name!r} is not a filter of {endpoint.noun}; accepted: {', '.join(endpoint.filters)}.{hint}"


def _wire_value(wire_name: str, value: object, name: str) -> str:
    if wire_name in ("events", "domains"):
        items = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else []
        if not items or not all(isinstance(item, str) and item.strip() for item in items):
            raise errors.ArgumentError(f"{name} must be a name or a list of names; got {value!r}")
        return ",".join(dict.fromkeys(str(item).strip() for item in items))
    if wire_name in ("range_start", "range_end"):
        return api_time(value, name)
    if wire_name in ("search", "email", "domain"):
        if not isinstance(value, str) or not value.strip():
            raise errors.ArgumentError(f"{name} must be text; got {value!r}")
        return value
    return identifier(value, name)


def _event_notices(wire: Mapping[str, str]) -> list[str]:
    """Question event names that Directory Sync is not known to have, with the nearest real ones."""
    notices = []
    for name in wire["events"].split(","):
        if name not in DSYNC_EVENTS:
            close = difflib.get_close_matches(name, DSYNC_EVENTS, n=3)
            nearest = f"; the nearest known are {', '.join(close)}" if close else ""
            notices.append(f"{name} is not a known event of Directory Sync{nearest}.")
    return notices


def identifier(value: object, name: str) -> str:
    """Return the id in a text, a record, a row of a frame, or an object of the official SDK."""
    candidates: list[object] = [value]
    if isinstance(value, Mapping):
        candidates = [value.get("id")]
    elif not isinstance(value, str):
        candidates = [getattr(value, "id", None), _row_name(value)]
    for candidate in candidates:
        if isinstance(candidate, str) and candidate.strip():
            return candidate.strip()
    raise errors.ArgumentError(f"{name} must be one id, or a record with an id; got {value!r:.80}")


def _row_name(value: object) -> object:
    """Return the id of a row of a frame, which is its name; that of a column or an index is its heading."""
    labels = getattr(value, "index", None)
    if getattr(labels, "name", labels) is not None or not isinstance(labels, Iterable):
        return None
    headings = list(labels)
    is_row = headings and all(isinstance(heading, str) for heading in headings)
    return getattr(value, "name", None) if is_row else None


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
