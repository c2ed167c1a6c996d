"""Filters and PATCH: find values in a resource, and change it in every form providers use.

A resource is a plain dict, as it was sent: a PATCH of an attribute nobody has heard of must work too. The
grammar of filters is that of scim2-models.
"""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import Comparison, FilterNode, LogicalExpr, Not, Present, ValuePath

from .schemas import (
    ENTERPRISE,
    GROUP,
    USER,
    ScimRefused,
    attributes,
    is_case_exact,
    schema_of,
    spelled,
    syntax,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..directory.objects import Object

_PATH = re.compile(
    r"(?:(?P<urn>urn:[^\[\]]+):)?(?P<attr>\$?[A-Za-z][\w$-]*)"
    r"(?:\[(?P<filter>.*)\])?(?:\.(?P<sub>\$?[A-Za-z][\w$-]*))?",
    re.IGNORECASE | re.DOTALL,
)
_EXTENSION = re.compile(r"urn:[^\[\]]+:\d+(\.\d+)*:[a-z]\w*", re.IGNORECASE)  # a schema, without an attribute
_CORES = frozenset({USER.lower(), GROUP.lower()})
_BOOLEANS = frozenset({"active", "primary"})
_ORDERS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
_HALF = re.compile("[\\ud800-\\udfff]")
_LONGEST_FILTER = 2_000  # characters: a parser can be kept busy by more


# -- filters ------------------------------------------------------------------------------------------


def parse_filter(written: str) -> FilterNode:
    """Read a filter, or refuse it."""
    if len(written) > _LONGEST_FILTER:
        raise ScimRefused(400, f"The filter is longer than {_LONGEST_FILTER} characters.", "invalidFilter")
    try:
        node: FilterNode = ScimFilter(written).ast
    except (InvalidFilterException, RecursionError) as error:
        raise ScimRefused(400, f"The filter cannot be read: {error}.", "invalidFilter") from None
    return node


def matches(node: FilterNode, item: Any, within: str | None = None) -> bool:
    """Return whether a resource, or an entry of the list ``within`` one, fits a filter."""
    if isinstance(node, LogicalExpr):
        every = (matches(term, item, within) for term in node.terms)
        return all(every) if node.op == "and" else any(every)
    if isinstance(node, Not):
        return not matches(node.expr, item, within)
    if isinstance(node, ValuePath):
        path = node.attr_path
        return any(matches(node.val_filter, entry, path.attr) for entry in values(item, path))
    if isinstance(node, Present):
        return any(value not in (None, "", [], {}) for value in values(item, node.attr_path))
    assert isinstance(node, Comparison)
    return _compares(node, item, within)


def values(item: Any, path: Any) -> list[Any]:
    """Return every value at ``attribute`` or ``attribute.sub``; those of lists one by one."""
    inside = item if not path.uri or path.uri.lower() in _CORES else _get(item, path.uri)
    found = _flat(_get(inside, path.attr))
    if path.sub_attr is not None:
        return [value for entry in found for value in _flat(_get(entry, path.sub_attr))]
    return found


def _get(item: Any, name: str) -> Any:
    if not isinstance(item, dict):
        return item if name.lower() == "value" else None  # a list of plain texts
    if name in item:
        return item[name]
    return next((value for key, value in item.items() if key.lower() == name.lower()), None)


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _compares(node: Comparison, item: Any, within: str | None) -> bool:
    path, wanted, op = node.attr_path, node.value, str(node.op)
    attr, sub = (within, path.attr) if within else (path.attr, path.sub_attr)
    exact = is_case_exact(attr.lower(), sub and sub.lower())
    found = values(item, path)
    if path.sub_attr is None:  # `emails eq "x"` means the value of each
        found = [entry.get("value") if isinstance(entry, dict) else entry for entry in found]
    if op == "ne":
        return not any(_holds("eq", value, wanted, exact=exact) for value in found)
    return any(_holds(op, value, wanted, exact=exact) for value in found)


def _holds(op: str, value: Any, wanted: Any, *, exact: bool) -> bool:
    if isinstance(value, str) and isinstance(wanted, str):
        if not exact:
            value, wanted = value.casefold(), wanted.casefold()
        texts = {"co": wanted in value, "sw": value.startswith(wanted), "ew": value.endswith(wanted)}
        if op in texts:
            return bool(texts[op])
    if op == "eq":
        return type(value) is type(wanted) and bool(value == wanted)
    ordered = type(value) is type(wanted) and type(value) in (str, int, float)
    return ordered and op in _ORDERS and bool(_ORDERS[op](value, wanted))


def looked_up(node: FilterNode) -> tuple[str, str] | None:
    """Return (attribute, value) where a filter is one look-up, which an index can answer."""
    if isinstance(node, Comparison) and node.op == "eq" and isinstance(node.value, str):
        path = node.attr_path
        halved = _HALF.search(node.value)  # no index holds half a character
        if path.sub_attr is None and path.uri is None and not halved:
            return path.attr.lower(), node.value
    return None


# -- paths --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what a PATCH path points at: ``extension`` is the schema it is in, None for the core one."""

    extension: str | None
    attr: str | None
    filter: FilterNode | None = None
    sub: str | None = None


def parse_path(written: Any) -> Target:
    """Read a PATCH path, or refuse it."""
    if not isinstance(written, str):
        raise ScimRefused(400, f"path must be text; got {written!r}.", "invalidPath")
    if _EXTENSION.fullmatch(written.strip()):
        return Target(_extension(written.strip()), attr=None)
    match = _PATH.fullmatch(written.strip())
    if match is None:
        raise ScimRefused(400, f"The path cannot be read: {written!r}.", "invalidPath")
    node = parse_filter(match["filter"]) if match["filter"] is not None else None
    return Target(_extension(match["urn"]), match["attr"], node, match["sub"])


def _extension(urn: str | None) -> str | None:
    if urn is None or urn.lower() in _CORES:
        return None
    return ENTERPRISE if urn.lower() == ENTERPRISE.lower() else urn


def operations(body: Any, *, strict: bool) -> list[tuple[str, Any, Any]]:
    """Read a PATCH body into (op, path or None, value); names and operations in any case."""
    if not isinstance(body, dict):
        raise syntax("The body must be an object.")
    listed = _get(body, "Operations")
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list) or not listed:
        raise syntax("Operations must be a list with one operation or more.")
    return [_operation(one, strict=strict) for one in listed]


def _operation(one: Any, *, strict: bool) -> tuple[str, Any, Any]:
    op = _get(one, "op") if isinstance(one, dict) else None
    if not isinstance(op, str) or (op if strict else op.lower()) not in ("add", "replace", "remove"):
        raise syntax(f"op must be add, replace or remove; got {op!r}.")
    path, value = _get(one, "path") or None, _get(one, "value")
    if path is None and op.lower() == "remove":
        raise ScimRefused(400, "A remove needs a path.", "noTarget")
    if path is None and not isinstance(value, dict):
        raise syntax("An operation without a path needs an object as its value.")
    return op.lower(), path, value


def spread(op: str, path: Any, value: Any) -> Iterable[tuple[str, Target, Any]]:
    """Return each single change of an operation: one without a path makes one for each key."""
    if path is not None:
        yield op, parse_path(path), value
        return
    for key, item in value.items():
        if key.lower() not in ("schemas", "id", "meta"):  # Okta sends the id along with a rename
            yield op, parse_path(key), item


# -- changes ------------------------------------------------------------------------------------------


def patch(resource: Object, kind: str, op: str, target: Target, value: Any, *, text_booleans: bool) -> None:
    """Change a resource in place by one operation with one target."""
    urn = target.extension and _present(resource, target.extension)
    if target.attr is None:
        _patch_extension(resource, kind, op, urn or schema_of(kind), value, text_booleans=text_booleans)
        return
    holder = resource.setdefault(urn, {}) if urn else resource
    if not isinstance(holder, dict):
        raise ScimRefused(400, f"{urn} is no object.", "invalidPath")
    known = _known(urn, kind).get(target.attr.lower())
    name = known["name"] if known else _present(holder, target.attr)
    value = _shaped(value, known, target, text_booleans=text_booleans)
    if target.filter is not None:
        _patch_entries(holder, name, op, target, value)
    elif target.sub is not None:
        _patch_sub(holder, name, op, _sub_name(known, target.sub), value)
    else:
        _patch_whole(holder, name, op, value, known)
    if urn and not resource[urn]:
        del resource[urn]


def _known(urn: str | None, kind: str) -> dict[str, Object]:
    """Return the attributes known of a schema; nothing is known of other extensions."""
    return attributes(schema_of(kind)) if urn is None else attributes(ENTERPRISE) if urn == ENTERPRISE else {}


def _patch_extension(
    resource: Object, kind: str, op: str, urn: str, value: Any, *, text_booleans: bool
) -> None:
    if op == "remove" or value is None:
        resource.pop(urn, None)
        return
    if not isinstance(value, dict):
        raise syntax(f"{urn} must be an object.")
    for key, item in value.items():
        one = Target(_extension(urn), attr=key)
        patch(resource, kind, op, one, item, text_booleans=text_booleans)


def _present(resource: Object, name: str) -> str:
    return next((key for key in resource if key.lower() == name.lower()), name)


def _sub_name(known: Object | None, sub: str) -> str:
    found = (known or {}).get("subs", {}).get(sub.lower())
    return found["name"] if found else sub


def _shaped(value: Any, known: Object | None, target: Target, *, text_booleans: bool) -> Any:
    """Return a value the shape its attribute has, where providers are known to send another one."""
    if target.sub is not None:
        return as_boolean(target.sub, value) if text_booleans else value
    if known is None:
        return value
    plain = known["type"] != "complex" and not known["multiValued"]
    if plain and isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("value")  # Entra ID of old wraps even plain values
    value = spelled(value, known) or None if isinstance(value, str) else spelled(value, known)
    return _booleans(known["name"], value) if text_booleans else value


def as_boolean(name: str, value: Any) -> Any:
    """Take text for a boolean where the attribute is one: Entra ID writes ``"False"``."""
    if name.lower() in _BOOLEANS and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _booleans(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_booleans(name, item) for item in value]
    if isinstance(value, dict):
        return {key: as_boolean(key, item) for key, item in value.items()}
    return as_boolean(name, value)


def _patch_whole(holder: Object, name: str, op: str, value: Any, known: Object | None) -> None:
    several = known["multiValued"] if known else isinstance(holder.get(name), list)
    if op == "remove":
        if several and value:
            unwanted = {_key(item) for item in _flat(value)}
            holder[name] = [item for item in holder.get(name, []) if _key(item) not in unwanted]
        if not several or not value or not holder[name]:
            holder.pop(name, None)
    elif value is None:
        holder.pop(name, None)
    elif several:
        old = holder.get(name, []) if op == "add" else []
        holder[name] = _joined(old, _flat(value))
    elif isinstance(value, dict) and isinstance(holder.get(name), dict):
        holder[name] = {**holder[name], **value}
    else:
        holder[name] = value


def _key(item: Any) -> str:
    """Return what makes two entries of a list the same: their value, and their type if both have one."""
    if isinstance(item, dict) and "value" in item:
        return json.dumps([item["value"], item.get("type")])
    return json.dumps(item, sort_keys=True)


def _joined(old: list[Any], new: list[Any]) -> list[Any]:
    """Add entries to a list; one that is there already is replaced, and only the newest is primary."""
    found = {_key(item): item for item in old}
    if any(isinstance(item, dict) and item.get("primary") is True for item in new):
        found = {key: _not_primary(item) for key, item in found.items()}
    found.update({_key(item): item for item in new})
    return list(found.values())


def _not_primary(item: Any) -> Any:
    return {**item, "primary": False} if isinstance(item, dict) and item.get("primary") is True else item


def _patch_sub(holder: Object, name: str, op: str, sub: str, value: Any) -> None:
    current = holder.get(name)
    entries = current if isinstance(current, list) else [holder.setdefault(name, {})]
    for entry in entries:
        if not isinstance(entry, dict):
            raise ScimRefused(400, f"{name} has no {sub}.", "invalidPath")
        _set(entry, sub, None if op == "remove" else value)
    if not isinstance(current, list) and not holder[name]:
        del holder[name]


def _set(entry: Object, sub: str, value: Any) -> None:
    if value is None:
        entry.pop(sub, None)
    else:
        entry[sub] = value


def _patch_entries(holder: Object, name: str, op: str, target: Target, value: Any) -> None:
    assert target.filter is not None
    entries = holder.get(name)
    if not isinstance(entries, list):
        entries = [entries] if entries else []
    fitting = [entry for entry in entries if matches(target.filter, entry, name)]
    if op == "remove" and target.sub is None:
        entries = [entry for entry in entries if not any(entry is one for one in fitting)]
    elif op != "remove" and not fitting:
        fitting = [_described(target.filter)]
        entries = [*entries, *fitting]
    if op != "remove" or target.sub is not None:
        for entry in fitting:
            _change_entry(entry, target.sub, None if op == "remove" else value)
        if any(isinstance(entry, dict) and entry.get("primary") is True for entry in fitting):
            others = [one for one in entries if not any(one is entry for entry in fitting)]
            for entry in others:
                entry.update(_not_primary(entry))
    if target.sub == "value":  # what was emptied goes: a phone without a number is none
        entries = [one for one in entries if not (isinstance(one, dict) and _is_blank(one.get("value")))]
    holder[name] = entries
    if not entries:
        del holder[name]


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _change_entry(entry: Any, sub: str | None, value: Any) -> None:
    if not isinstance(entry, dict):
        raise ScimRefused(400, "A filter selects among objects only.", "invalidPath")
    if sub is not None:
        _set(entry, sub, value)
    elif isinstance(one := value[0] if isinstance(value, list) and value else value, dict):
        entry.update(one)
    else:
        raise syntax("A filtered path without a sub-attribute needs an object as its value.")


def _described(node: FilterNode) -> Object:
    """Make the entry a filter describes: Entra ID patches the work address of users who have none."""
    terms = node.terms if isinstance(node, LogicalExpr) and node.op == "and" else (node,)
    if not all(isinstance(term, Comparison) and term.op == "eq" for term in terms):
        raise ScimRefused(400, "The filter of the path matches nothing.", "noTarget")
    return {term.attr_path.attr: term.value for term in terms}  # type: ignore[attr-defined]
