"""The shapes of API objects: built as dicts, kept and sent as compact JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

Object = dict[str, Any]

PROFILE = ("email", "first_name", "last_name", "name", "idp_id", "custom_attributes")
"""What a provider says of somebody."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

# `state` has two vocabularies: these words in the API, those in events.
EVENT_STATES = {"linked": "active", "unlinked": "inactive"}


def text(value: Any) -> bytes:
    """Write JSON the way the API does: compact, in UTF-8."""
    return _ENCODER.encode(value).encode()


def full_name(first: str | None, last: str | None) -> str | None:
    """Join the names that are there by a space; None when both are missing."""
    return " ".join(part for part in (first, last) if part) or None


def user_object(
    user_id: str,
    directory: Object,
    fields: Object,
    *,
    created_at: int,
    roles: Sequence[str] = (),
    state: str = "active",
) -> Object:
    """Build a user of a directory from what is in ``PROFILE``; the fields deprecated in May 2026 are empty."""
    return {
        "object": "directory_user",
        "id": user_id,
        **_home(directory),
        **{name: fields[name] for name in ("idp_id", "email", "first_name", "last_name", "name")},
        "state": state,
        **role_fields(roles),
        "custom_attributes": fields["custom_attributes"],
        "raw_attributes": {},
        "emails": [],
        "job_title": None,
        "username": None,
        "groups": [],
        **_stamps(created_at, created_at),
    }


def role_fields(roles: Sequence[str]) -> Object:
    """Return ``role`` (the highest) and ``roles``; nothing where roles are not used."""
    return {"role": {"slug": roles[0]}, "roles": [{"slug": slug} for slug in roles]} if roles else {}


def group_object(group_id: str, directory: Object, *, idp_id: str, name: str, created_at: int) -> Object:
    """Build a group of a directory. It has no members and no count of them."""
    return {
        "object": "directory_group",
        "id": group_id,
        "idp_id": idp_id,
        **_home(directory),
        "name": name,
        "raw_attributes": {},
        **_stamps(created_at, created_at),
    }


def token_object(token_id: str, directory: Object, token: str, created_at: int) -> Object:
    """Build a SCIM bearer token as events show it: its last four characters, never the whole."""
    return {
        "object": "directory_token",
        "id": token_id,
        **_home(directory),
        "token_suffix": token[-4:],
        "created_at": clock.iso(created_at),
    }


def _home(directory: Object) -> Object:
    return {"directory_id": directory["id"], "organization_id": directory["organization_id"]}


def _stamps(created_at: int, updated_at: int) -> Object:
    return {"created_at": clock.iso(created_at), "updated_at": clock.iso(updated_at)}


def directory_object(row: Object) -> Object:
    """Build a directory from its columns; without a domain the field is left out, and never null."""
    known = ("id", "organization_id", "external_key", "type", "state", "name")
    counts = {"users": {"active": row["active"], "inactive": row["inactive"]}, "groups": row["groups"]}
    return {
        "object": "directory",
        **{name: row[name] for name in known},
        **({} if row["domain"] is None else {"domain": row["domain"]}),
        "metadata": counts,
        **_stamps(row["created_at"], row["updated_at"]),
        **json.loads(row["more"] or "{}"),
    }


def short_directory(row: Object) -> Object:
    """Build the directory of ``dsync.deleted``: event words, no key, no domains."""
    shown = {
        "object": "directory",
        **{name: row[name] for name in ("id", "organization_id", "type", "state", "name")},
    }
    shown["state"] = EVENT_STATES.get(row["state"], row["state"])
    return {**shown, **_stamps(row["created_at"], row["updated_at"])}


def activated_directory(row: Object, domains: list[tuple[str, str]]) -> Object:
    """Build the directory of ``dsync.activated``."""
    listed = [{"object": "organization_domain", "id": key, "domain": domain} for key, domain in domains]
    return {**short_directory(row), "external_key": row["external_key"], "domains": listed}


def event_user(user: Object) -> Object:
    """Return a user the form it has in events: without ``groups``."""
    return {key: value for key, value in user.items() if key != "groups"}


# -- teams from before the deprecations of 2026 --------------------------------------------------------


_MOVED = ("emails", "job_title", "username")
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def legacy_user(user: Object, groups: list[Object] | None = None) -> Object:
    """Fill what is deprecated now: top-level fields, raw attributes and, outside events, the groups.

    A user who was copied from such a team has them already.
    """
    attributes = user["custom_attributes"]
    old = {
        **user,
        "custom_attributes": {key: value for key, value in attributes.items() if key not in _MOVED},
        "emails": attributes.get("emails") or user.get("emails") or [],
        "job_title": attributes.get("job_title") or user.get("job_title"),
        "username": attributes.get("username") or user.get("username"),
        "raw_attributes": user.get("raw_attributes") or _raw_attributes(user),
    }
    if groups is not None:
        old["groups"] = [legacy_group(group) for group in groups]
    if "previous_attributes" in user:
        old["previous_attributes"] = _legacy_previous(user["previous_attributes"])
    return old


def legacy_group(group: Object) -> Object:
    """Fill the raw attributes of a group."""
    raw = group.get("raw_attributes") or {"displayName": group["name"], "id": group["idp_id"]}
    return {**group, "raw_attributes": raw}


def legacy_event(event: Object) -> Object:
    """Fill the deprecated fields of whatever an event carries."""
    data = event["data"]
    if event["event"].startswith("dsync.group.user_"):
        data = {**data, "user": legacy_user(data["user"]), "group": legacy_group(data["group"])}
    elif event["event"].startswith("dsync.user."):
        data = legacy_user(data)
    elif event["event"].startswith("dsync.group."):
        data = legacy_group(data)
    return {**event, "data": data}


def _raw_attributes(user: Object) -> Object:
    attributes = user["custom_attributes"]
    raw = {
        "externalId": user["idp_id"],
        "userName": attributes.get("username"),
        "name": {"givenName": user["first_name"], "familyName": user["last_name"]},
        "emails": attributes.get("emails"),
        "title": attributes.get("job_title"),
        "active": user["state"] == "active",
        _ENTERPRISE: {
            "department": attributes.get("department_name"),
            "employeeNumber": attributes.get("employee_number"),
        },
    }
    return {key: value for key, value in raw.items() if value is not None}


def _legacy_previous(previous: Object) -> Object:
    attributes = dict(previous.get("custom_attributes", {}))
    moved = {key: attributes.pop(key) for key in _MOVED if key in attributes}
    kept = {key: value for key, value in previous.items() if key != "custom_attributes"}
    return {**kept, **moved, **({"custom_attributes": attributes} if attributes else {})}
