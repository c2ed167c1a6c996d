"""What SCIM resources look like: the discovery documents, and the check of a body against them.

``schemas.json`` has what RFC 7643 lays down of each attribute: its type, whether it must be there, who may
write it. Descriptions are made of the names here. Where the service is known to differ it is changed.
``discovery.json`` has the documents about the service itself.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .urns import CORE, ENTERPRISE, GROUP, MESSAGES, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..directory.objects import Object

MOST_RESULTS = 1_000  # as discovery.json says

_OWN = frozenset({"schemas", "id", "meta"})  # the service's to set, in whatever body they come
_JSON_TYPES: dict[str, Any] = {
    "string": str,
    "reference": str,
    "binary": str,
    "dateTime": str,
    "boolean": bool,
    "integer": int,
    "decimal": (int, float),
    "complex": dict,
}


class ScimRefused(Exception):
    """Refuse a SCIM request with a status, a sentence and perhaps a ``scimType``."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.scim_type = status, detail, scim_type

    @property
    def body(self) -> Object:
        """The error as SCIM words it: the status is text."""
        kind = {"scimType": self.scim_type} if self.scim_type else {}
        return {"schemas": [MESSAGES + "Error"], "status": str(self.status), **kind, "detail": self.detail}


def syntax(detail: str) -> ScimRefused:
    """Refuse a body of the wrong form."""
    return ScimRefused(400, detail, "invalidSyntax")


# -- discovery -----------------------------------------------------------------------------------------


def _describe(each: Object) -> None:
    """Say in words what a name says: ``familyName`` is the family name."""
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", " ", each["name"]).lower()
    each["description"] = f"The {words}."
    for inner in (*each.get("attributes", ()), *each.get("subAttributes", ())):
        _describe(inner)


@lru_cache(maxsize=1)
def schemas() -> dict[str, Object]:
    """Return the published schemas by their id."""
    found: dict[str, Object] = _json_beside("schemas.json")
    for each in found.values():
        _describe(each)
    by_name = {each["name"]: each for each in found[USER]["attributes"]}
    # "Required attributes missing: emails": what the service insists on besides the user name.
    by_name["emails"]["required"] = True
    _sub(by_name["emails"], "value")["required"] = True
    manager = next(each for each in found[ENTERPRISE]["attributes"] if each["name"] == "manager")
    for name in ("value", "$ref"):
        _sub(manager, name)["required"] = False
    _sub(manager, "displayName")["mutability"] = "readWrite"  # it becomes `manager_name`
    members = next(each for each in found[GROUP]["attributes"] if each["name"] == "members")
    members["subAttributes"] = [sub for sub in members["subAttributes"] if sub["name"] != "display"]
    _sub(members, "$ref")["referenceTypes"] = ["User"]  # groups in groups are not supported
    _sub(members, "type")["canonicalValues"] = ["User"]
    return found


def _json_beside(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _sub(attribute: Object, name: str) -> Object:
    found: Object = next(each for each in attribute["subAttributes"] if each["name"] == name)
    return found


@lru_cache(maxsize=1)
def _discovery() -> dict[str, Object]:
    found: dict[str, Object] = _json_beside("discovery.json")
    return found


def resource_types() -> dict[str, Object]:
    """Return the two types of resources by their id."""
    return _discovery()["ResourceTypes"]


def provider_config() -> Object:
    """Return what this service can do."""
    return _discovery()["ServiceProviderConfig"]


# -- attributes by name -------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def attributes(schema: str) -> dict[str, Object]:
    """Return the attributes of a schema by their name in lower case: SCIM names ignore it."""
    listed = [*schemas()[schema]["attributes"]]
    if schema != ENTERPRISE:
        listed.append({"name": "externalId", "type": "string", "multiValued": False})
    return {each["name"].lower(): {**each, "subs": _by_name(each)} for each in listed}


def _by_name(attribute: Object) -> dict[str, Object]:
    return {sub["name"].lower(): sub for sub in attribute.get("subAttributes", ())}


def schema_of(kind: str) -> str:
    """Return the core schema of a kind of resource."""
    return CORE + kind


def canonical(body: Object, kind: str) -> Object:
    """Spell known names as the schema does, and leave out what only the service may set."""
    spelled = _spelled(body, attributes(schema_of(kind)))
    for key in list(spelled):
        if key.lower() == ENTERPRISE.lower():
            extension = spelled.pop(key)
            known = isinstance(extension, dict)
            spelled[ENTERPRISE] = _spelled(extension, attributes(ENTERPRISE)) if known else extension
        elif key.lower() in _OWN or key == "groups" or key == "password":
            del spelled[key]
    return spelled


def _spelled(body: Object, known: dict[str, Object]) -> Object:
    return {_name(key, known): spelled(value, known.get(key.lower())) for key, value in body.items()}


def _name(key: str, known: dict[str, Object]) -> str:
    found = known.get(key.lower())
    return found["name"] if found else key


def is_case_exact(attr: str, sub: str | None) -> bool:
    """Return whether the texts of an attribute are compared with their case; those nobody knows are not."""
    if attr in ("id", "externalid") or (attr == "meta" and sub in ("location", "version")):
        return True
    for schema in (USER, GROUP, ENTERPRISE):
        if known := attributes(schema).get(attr):
            inside: Object = known["subs"].get(sub or "value", {}) if known["subs"] else known
            return bool(inside.get("caseExact"))
    return False


def spelled(value: Any, attribute: Object | None) -> Any:
    """Spell the names inside a value of an attribute as the schema does.

    A bare id where the schema has an object, as Entra ID sends a manager, becomes that object.
    """
    subs = (attribute or {}).get("subs")
    if not attribute or not subs:
        return value
    if isinstance(value, str) and "value" in subs and not attribute["multiValued"]:
        return {"value": value} if value.strip() else {}
    if isinstance(value, list):
        return [spelled(item, attribute) for item in value]
    if isinstance(value, dict):
        return {_name(key, subs): item for key, item in value.items()}
    return value


# -- the check ----------------------------------------------------------------------------------------


def check(resource: Object, kind: str) -> None:
    """Refuse wrong types and nulls, naming the first attribute that is wrong."""
    for path, value, attribute in _leaves(resource, kind):
        if value is None:
            raise syntax(f"{path} must not be null; leave it out instead.")
        if attribute is not None:
            _check_value(path, value, attribute)


def _leaves(resource: Object, kind: str) -> Iterator[tuple[str, Any, Object | None]]:
    known, extension = attributes(schema_of(kind)), resource.get(ENTERPRISE, {})
    for key, value in resource.items():
        if key == ENTERPRISE:
            continue
        yield key, value, known.get(key.lower())
    if not isinstance(extension, dict):
        raise syntax(f"{ENTERPRISE} must be an object.")
    for key, value in extension.items():
        yield f"{ENTERPRISE}:{key}", value, attributes(ENTERPRISE).get(key.lower())


def _check_value(path: str, value: Any, attribute: Object) -> None:
    if attribute["multiValued"]:
        if not isinstance(value, list):
            raise syntax(f"{path} must be a list.")
        for item in value:
            _check_one(path, item, attribute)
    else:
        _check_one(path, value, attribute)


def _check_one(path: str, value: Any, attribute: Object) -> None:
    wanted = _JSON_TYPES[attribute["type"]]
    right = isinstance(value, wanted) and not (isinstance(value, bool) and wanted is not bool)
    if not right:
        raise syntax(f"{path} must be of type {attribute['type']}; got {type(value).__name__}.")
    if isinstance(value, dict):
        for key, item in value.items():
            sub = attribute.get("subs", {}).get(key.lower())
            if item is None and key.lower() != "$ref":  # Entra ID writes "$ref": null beside each member
                raise syntax(f"{path}.{key} must not be null; leave it out instead.")
            if sub is not None and item is not None:
                _check_one(f"{path}.{key}", item, sub)
