"""Which attributes of a resource are shown: ``attributes`` and ``excludedAttributes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .urns import ENTERPRISE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..directory.objects import Object

_ALWAYS = frozenset({"schemas", "id"})


Wanted = dict[str, set[str | None]]
"""Sub-attributes by the name of their attribute, in lower case; None is all of it."""


def project(resource: Object, wanted: Mapping[str, Any]) -> Object:
    """Keep the attributes that were asked for, or leave out those that were not wanted."""
    only, without = _names(wanted.get("attributes")), _names(wanted.get("excludedAttributes"))
    keep, named = bool(only), only or without
    shown: Object = {}
    for key, value in resource.items():
        subs = named.get(key.lower(), set())
        whole = None in subs
        if key.lower() in _ALWAYS or (whole if keep else not subs):
            shown[key] = value
        elif subs and not whole:
            shown[key] = _cut(value, subs, keep=keep)
    return shown


def _names(given: Any) -> Wanted:
    """Read ``attributes``: names or ``name.sub``, by comma or as a list, with or without the schema."""
    found: Wanted = {}
    for one in given if isinstance(given, list) else str(given or "").split(","):
        name = str(one).strip().lower()
        if name.startswith(ENTERPRISE.lower()):
            attr, sub = ENTERPRISE.lower(), name[len(ENTERPRISE) + 1 :]
        else:
            attr, _, sub = name.rpartition(":")[2].partition(".")
        if name:
            found.setdefault(attr, set()).add(sub or None)
    return found


def _cut(value: Any, subs: set[str | None], *, keep: bool) -> Any:
    """Return a value with these sub-attributes alone, or without them."""
    if isinstance(value, list):
        return [_cut(one, subs, keep=keep) for one in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if (name.lower() in subs) is keep}
    return value
