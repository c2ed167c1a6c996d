"""Which attributes of a resource are shown: ``attributes`` and ``excludedAttributes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .schemas import ENTERPRISE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..directory.objects import Object

_ALWAYS = frozenset({"schemas", "id"})


def project(resource: Object, wanted: Mapping[str, Any]) -> Object:
    """Keep the attributes that were asked for, or leave out those that were not wanted."""
    only, without = _names(wanted.get("attributes")), _names(wanted.get("excludedAttributes"))
    if only:
        return _only_these(resource, only)
    unwanted = {(name, sub) for name, sub in without if name not in _ALWAYS}
    kept = {key: value for key, value in resource.items() if (key.lower(), None) not in unwanted}
    return {key: _without_subs(key, value, unwanted) for key, value in kept.items()}


def _names(given: Any) -> set[tuple[str, str | None]]:
    """Read ``attributes``: names or ``name.sub``, by comma or as a list, with or without the schema."""
    listed = given if isinstance(given, list) else str(given or "").split(",")
    found: set[tuple[str, str | None]] = set()
    for one in listed:
        name = str(one).strip().lower()
        if name.startswith(ENTERPRISE.lower()):
            found.add((ENTERPRISE.lower(), name[len(ENTERPRISE) + 1 :] or None))
        elif name:
            attr, _, sub = name.rpartition(":")[2].partition(".")
            found.add((attr, sub or None))
    return found


def _only_these(resource: Object, only: set[tuple[str, str | None]]) -> Object:
    found: Object = {}
    for key, value in resource.items():
        subs = {sub for name, sub in only if name == key.lower()}
        if key.lower() in _ALWAYS or None in subs:
            found[key] = value
        elif subs:
            found[key] = _subs_alone(value, subs)
    return found


def _subs_alone(value: Any, subs: set[str | None]) -> Any:
    if isinstance(value, list):
        return [_subs_alone(one, subs) for one in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name.lower() in subs}
    return value


def _without_subs(key: str, value: Any, unwanted: set[tuple[str, str | None]]) -> Any:
    subs = {sub for name, sub in unwanted if name == key.lower() and sub}
    if not subs:
        return value
    if isinstance(value, list):
        return [_without_subs(key, one, unwanted) for one in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name.lower() not in subs}
    return value
