"""How a SCIM resource becomes a directory user or group, and the other way round for those nobody sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..directory.attributes import PREDEFINED
from .urns import ENTERPRISE, GROUP, USER

if TYPE_CHECKING:
    from ..directory.objects import Object

_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\".]+(\.[^@\s,;<>\".]+)+")
_SAME_NAME = {
    "employeeNumber": "employee_number",
    "department": "department_name",
    "division": "division_name",
    "costCenter": "cost_center_name",
    "organization": "organization",
}
_PLACES = {
    "type": "type",
    "streetAddress": "street_address",
    "locality": "locality",
    "region": "region",
    "postalCode": "postal_code",
    "country": "country",
    "formatted": "raw_address",
}


def is_address(value: object) -> bool:
    """Return whether a text looks like an e-mail address."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value.strip()) is not None


def emails(resource: Object) -> list[Object]:
    """Return the e-mails that say something; an address for a user name stands in where there are none."""
    listed = _filled(resource.get("emails", []))
    if listed:
        return listed
    name = resource.get("userName")
    return [{"type": "work", "value": name.strip(), "primary": True}] if is_address(name) else []  # type: ignore[union-attr]


def _filled(listed: list[Object]) -> list[Object]:
    return [one for one in listed if str(one.get("value") or "").strip()]


def primary(listed: list[Object]) -> Object | None:
    """Choose the primary entry: the one marked so, else the first for work, else the first for home."""
    wishes = [
        [one for one in listed if one.get("primary") is True],
        [one for one in listed if str(one.get("type", "")).lower() == "work"],
        [one for one in listed if str(one.get("type", "")).lower() == "home"],
    ]
    return next((found[0] for found in wishes if found), None)


def user_fields(resource: Object) -> Object:
    """Return the fields of a directory user, with every predefined attribute."""
    name, listed = resource.get("name", {}), emails(resource)
    chosen = primary(listed)
    first, last = name.get("givenName") or None, name.get("familyName") or None
    return {
        "email": chosen["value"].strip() if chosen and is_address(chosen["value"]) else None,
        "first_name": first,
        "last_name": last,
        "name": " ".join(part for part in (first, last) if part) or None,
        "idp_id": resource.get("externalId") or resource["userName"].casefold(),
        "custom_attributes": _attributes(resource, listed, chosen),
    }


def _attributes(resource: Object, listed: list[Object], chosen: Object | None) -> Object:
    enterprise = resource.get(ENTERPRISE, {})
    found: Object = dict.fromkeys(PREDEFINED)
    found |= {ours: enterprise.get(theirs) or None for theirs, ours in _SAME_NAME.items()}
    found["display_name"] = resource.get("displayName") or None
    found["job_title"] = resource.get("title") or None
    found["employee_type"] = resource.get("userType") or None
    found["username"] = resource["userName"]
    found["emails"] = [_email(one, one is chosen) for one in listed]
    found["addresses"] = [_place(one) for one in resource.get("addresses", [])] or None
    found["phone_numbers"] = [_phone(one) for one in _filled(resource.get("phoneNumbers", []))] or None
    return found | _manager(enterprise.get("manager", {}))


def _email(one: Object, chosen: bool) -> Object:
    kind = {"type": one["type"]} if "type" in one else {}
    return {**kind, "value": one["value"], "primary": chosen}


def _place(one: Object) -> Object:
    return {
        **{ours: one.get(theirs) for theirs, ours in _PLACES.items()},
        "primary": one.get("primary") is True,
    }


def _phone(one: Object) -> Object:
    return {
        "value": one.get("value"),
        "display": one.get("display"),
        "type": one.get("type"),
        "primary": one.get("primary") is True,
    }


def _manager(manager: Object) -> Object:
    """Return an address or an id as such: Okta's guide puts the manager's e-mail where SCIM wants an id."""
    value = manager.get("value") or None
    key = "manager_email" if is_address(value) else "manager_id"
    return {key: value, "manager_name": manager.get("displayName")}


# -- the other way round ------------------------------------------------------------------------------


def user_resource(user: Object) -> Object:
    """Write the SCIM resource of a directory user that did not come through the door."""
    attributes = user["custom_attributes"]
    name = {"givenName": user["first_name"], "familyName": user["last_name"]}
    who = attributes.get("manager_id") or attributes.get("manager_email")
    address = [{"type": "work", "value": user["email"], "primary": True}] if user["email"] else []
    plain = {
        "userName": user_name(user),
        "externalId": user["idp_id"],
        "displayName": attributes.get("display_name"),
        "title": attributes.get("job_title"),
        "userType": attributes.get("employee_type"),
        "name": {key: value for key, value in name.items() if value},
        "emails": attributes.get("emails") or address,
        "addresses": [written_place(one) for one in attributes.get("addresses") or []],
        "phoneNumbers": [_without_none(one) for one in attributes.get("phone_numbers") or []],
        ENTERPRISE: enterprise(attributes, {"value": who, "displayName": attributes.get("manager_name")}),
    }
    written = {key: value for key, value in plain.items() if value}
    return {"schemas": [USER, ENTERPRISE] if ENTERPRISE in written else [USER], **written, "active": True}


def user_name(user: Object) -> str:
    """Return the user name of a directory user."""
    return str(user["custom_attributes"].get("username") or user["email"] or user["idp_id"])


def group_resource(group: Object, directory_type: str) -> Object:
    """Write the SCIM resource of a group, without its members."""
    external = {} if directory_type.startswith("okta") else {"externalId": group["idp_id"]}
    return {"schemas": [GROUP], "displayName": group["name"], **external}


def group_identity(resource: Object, directory_type: str) -> str:
    """Return the ``idp_id`` of a group: at Okta its name, elsewhere the ``externalId``, else the name."""
    external = None if directory_type.startswith("okta") else resource.get("externalId")
    return str(external or resource["displayName"])


def enterprise(attributes: Object, manager: Object) -> Object:
    """Write the enterprise extension, as far as there is anything in it."""
    found = {theirs: attributes.get(ours) for theirs, ours in _SAME_NAME.items()}
    return _without_none({**found, "manager": _without_none(manager) or None})


def written_place(one: Object) -> Object:
    """Write an address of a directory user as SCIM has it."""
    found = {theirs: one.get(ours) for theirs, ours in _PLACES.items()}
    return _without_none({**found, "primary": one.get("primary")})


def _without_none(one: Object) -> dict[str, Any]:
    return {key: value for key, value in one.items() if value is not None}
