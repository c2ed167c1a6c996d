"""A mapping of groups to roles as a file, and back: JSON, YAML, Python for an app, and the app's test of it.

Names of groups are other people's typing: in each file they are quoted values, never code or comments.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors, extras
from ..files import write_text
from ..frames import one_of
from ..guard import MOST_YAML, bytes_within, yaml_of
from ..text import is_sendable
from .role_mapping import RoleMapping, named
from .what_if import is_id

__all__ = ["KINDS", "mapping_text", "read_mapping", "write_mapping"]

KINDS = ("json", "yaml", "python", "test")
ENDINGS = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".py": "python"}
KEYS = ("mode", "default", "priority", "organizations", "groups")
GROUP_KEYS = ("group_id", "name", "roles")

PYTHON = '''"""Which directory group gives which role. ds.read_mapping(path) reads it back."""

MODE = {mode}  # "single": one role a user, the highest; "multiple": all
DEFAULT = {default}  # of whoever is in no mapped group
PRIORITY = {priority}  # the highest first
ORGANIZATIONS = {organizations}  # those with a priority or default of their own
GROUPS = {groups}
NAMES = {names}


def roles_of(group_ids, organization_id=None):
    """Return the roles of somebody in these groups, the highest first."""
    own = ORGANIZATIONS.get(organization_id, {{}})
    order = [*own.get("priority", []), *PRIORITY]
    default = own.get("default", DEFAULT)
    given = {{role for group_id in group_ids for role in GROUPS.get(group_id, [])}}
    roles = sorted(given, key=order.index) or ([] if default is None else [default])
    return roles[:1] if MODE == "single" else roles
'''
TEST = '''"""Invented people and the roles they get: fails when the mapping of groups to roles is another."""

import pytest
from {module} import roles_of

CASES = {cases}


@pytest.mark.parametrize(("who", "group_ids", "organization_id", "roles"), CASES)
def test_somebody_gets_their_roles(who, group_ids, organization_id, roles):
    assert sorted(roles_of(group_ids, organization_id)) == sorted(roles), who
'''


def mapping_text(mapping: RoleMapping, kind: str, *, module: str = "roles") -> str:
    """Return a mapping as text: "json", "yaml", "python", or "test", which imports ``module``."""
    one_of("kind", kind, KINDS)
    plain = _plain(mapping)
    if kind == "json":
        text = json.dumps(plain, indent=2, ensure_ascii=False)
        return (text if is_sendable(text) else json.dumps(plain, indent=2)) + "\n"
    if kind == "yaml":
        return "".join(f"{name}:{_yaml(value)}\n" for name, value in plain.items())
    if kind == "test":
        return TEST.format(module=module, cases=_literal(list(_cases(mapping))))
    groups = {one["group_id"]: one["roles"] for one in plain["groups"]}
    names = {one["group_id"]: one["name"] for one in plain["groups"]}
    given = {**plain, "groups": groups, "names": names}
    return PYTHON.format(**{name: _literal(value) for name, value in given.items()})


def write_mapping(mapping: RoleMapping, path: str | Path) -> Path:
    """Write a mapping to a file, whole or not at all, and return its path: ``.json``, ``.yaml`` or ``.py``.

    The Python file has a function ``roles_of(group_ids, organization_id=None)`` and needs no package.
    ``test_roles.py`` becomes the test of ``roles.py`` beside it (and so with other names): invented people,
    and the roles they get. :func:`read_mapping` reads all but the test.

    Raises
    ------
    ArgumentError
        Another ending, or a Python file whose name is no name of a module.

    Examples
    --------
    >>> mapping = ds.RoleMapping({"Everyone": "member"}, groups)
    >>> ds.write_mapping(mapping, "roles.py").name, ds.write_mapping(mapping, "test_roles.py").name
    ('roles.py', 'test_roles.py')
    """
    target = Path(path)
    kind = _kind_of(target)
    module = target.stem.removeprefix("test_")
    if kind == "python" and module != target.stem:
        kind = "test"
    if kind in ("python", "test") and not module.isidentifier():
        raise errors.ArgumentError(
            f"{target.name} is no name of a module: letters, digits and _, as in roles.py"
        )
    return write_text(target, mapping_text(mapping, kind, module=module))


def read_mapping(path: str | Path, groups: pd.DataFrame | None = None) -> RoleMapping:
    """Return the mapping that a JSON, YAML or Python file holds; a Python file is read and never run.

    YAML needs the extra ``scim``. With ``groups``, a group that is not there any more is told by
    ``mapping.findings``, and gives nothing.

    Raises
    ------
    ArgumentError
        No such file, or one that holds no mapping; a key, mode or role that there is not, with those near it.

    Examples
    --------
    >>> path = ds.write_mapping(ds.RoleMapping({"Everyone": "member"}, groups), "roles.json")
    >>> ds.read_mapping(path, groups)
    <RoleMapping of 1 mapped group, the highest counts: member; default member>
    """
    source = Path(path)
    kind = _kind_of(source)
    try:
        text = bytes_within(source, MOST_YAML).decode("utf-8-sig")
        held = _parsed(text, kind)
        return _mapping(held, groups)
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no UTF-8 text"
        raise errors.ArgumentError(f"{source} cannot be read: {why}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        told = " ".join(str(problem).split())[:200] or "it is nested too deep, or too large for the memory"
        raise errors.ArgumentError(f"{source} holds no mapping of groups to roles: {told}") from None


def _kind_of(path: Path) -> str:
    one_of("the ending of the file", path.suffix.lower(), ENDINGS)
    return ENDINGS[path.suffix.lower()]


# Reading ------------------------------------------------------------------------------------------------------


def _parsed(text: str, kind: str) -> Any:
    if kind == "json":
        return json.loads(text, object_pairs_hook=_once)
    if kind == "python":
        return _python(text)
    extras.need("reading a mapping from YAML", "scim", "yaml")
    return yaml_of(text)


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; refuse a key that stands twice, of which one value would be lost."""
    held: dict[str, Any] = {}
    for name, value in pairs:
        if name in held:
            raise errors.ArgumentError(f"{name!r:.80} stands twice")
        held[name] = value
    return held


def _python(text: str) -> dict[str, Any]:
    tree = ast.parse(text)
    for each in ast.walk(tree):
        if isinstance(each, ast.Dict):
            _once((str(one.value), None) for one in each.keys if isinstance(one, ast.Constant))
    held = _once(
        (target.id, ast.literal_eval(line.value))
        for line in tree.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    )
    groups, names = held.get("GROUPS"), held.get("NAMES", {})
    if not isinstance(groups, dict) or not isinstance(names, dict):
        raise errors.ArgumentError("it needs GROUPS = {group_id: [role]}")
    rows = [{"group_id": one, "name": names.get(one, one), "roles": roles} for one, roles in groups.items()]
    return {**{name: held[name.upper()] for name in KEYS[:-1] if name.upper() in held}, "groups": rows}


def _mapping(held: Any, groups: pd.DataFrame | None) -> RoleMapping:
    if not isinstance(held, dict) or not isinstance(held.get("groups"), list):
        raise errors.ArgumentError(f"it needs the keys {', '.join(KEYS)}")
    for name in held:
        one_of("a key of a mapping", name, KEYS)
    table: dict[str, list[str]] = {}
    for row in held["groups"]:
        if not isinstance(row, dict) or not isinstance(row.get("group_id"), str):
            raise errors.ArgumentError("each group needs a group_id and its roles")
        for name in row:
            one_of("a key of a group", name, GROUP_KEYS)
        if not isinstance(row.get("name"), (str, type(None))):
            raise errors.ArgumentError(f"the name of {row['group_id']} is no text")
        if row["group_id"] in table:
            raise errors.ArgumentError(f"it maps {row['group_id']} twice")
        table[row["group_id"]] = _texts("roles of a group", row.get("roles"))
    names = {row["group_id"]: str(row.get("name") or row["group_id"]) for row in held["groups"]}
    if groups is not None:  # without a name, a group that is gone goes by its id
        names = {
            one: f"{one} (gone)" if name == one not in groups.index else name for one, name in names.items()
        }
    given = {name: held[name] for name in ("mode", "default") if name in held}
    priority = _texts("priority", held.get("priority", []))
    return RoleMapping(
        table, groups, priority or None, priority, names=names, organizations=_own(held), **given
    )


def _own(held: Mapping[str, Any]) -> dict[str, Any]:
    own = held.get("organizations") or {}
    if not isinstance(own, dict) or not all(is_id(name) and isinstance(one, dict) for name, one in own.items()):
        raise errors.ArgumentError("organizations needs an entry for each organization")
    return own


def _texts(what: str, given: Any) -> list[str]:
    if not isinstance(given, (list, tuple)) or not all(map(is_id, given)):
        raise errors.ArgumentError(f"{what} must be a list of slugs; got {given!r:.80}")
    return list(given)


# Writing ------------------------------------------------------------------------------------------------------


def _plain(mapping: RoleMapping) -> dict[str, Any]:
    """Return a mapping as plain values; groups are called as they are now."""
    names = named(mapping.matrix)
    groups = [
        {"group_id": one, "name": str(names[one]) if isinstance(names[one], str) else one, "roles": list(roles)}
        for one, roles in mapping.mapped.items()
    ]
    organizations = mapping.organizations.items()
    own = {one: {name: _listed(value) for name, value in held.items()} for one, held in organizations}
    return dict(zip(KEYS, (mapping.mode, mapping.default, list(mapping.order), own, groups), strict=True))


def _listed(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else list(value)


def _yaml(value: Any, depth: int = 1) -> str:
    """Write what stands behind a key: a value, or lines of their own."""
    room = "  " * depth
    if isinstance(value, dict) and value:
        return "".join(f"\n{room}{_quoted(name)}:{_yaml(held, depth + 1)}" for name, held in value.items())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        rows = ("\n    ".join(f"{name}:{_yaml(held)}" for name, held in one.items()) for one in value)
        return "".join(f"\n  - {row}" for row in rows)
    if isinstance(value, list):
        return f" [{', '.join(map(_quoted, value))}]"
    return " {}" if value == {} else " null" if value is None else f" {_quoted(value)}"


def _quoted(text: str) -> str:
    """Quote a text for YAML, with an escape for whatever is no letter, digit or sign."""
    parts = (f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(parts)}"'


def _literal(value: Any) -> str:
    """Write a value as Python, an entry a line where it has several."""
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        return "[\n" + "".join(f"    {one!a},\n" for one in value) + "]"
    if isinstance(value, dict) and value:
        return "{\n" + "".join(f"    {_text(name)}: {_text(held)},\n" for name, held in value.items()) + "}"
    return _text(value)


def _text(value: Any) -> str:
    text = repr(value)
    return text if is_sendable(text) else ascii(value)


# The people of the test ---------------------------------------------------------------------------------------


def _cases(mapping: RoleMapping) -> Iterator[tuple[str, list[str], str | None, list[str]]]:
    """Return invented people: who they are, their groups, their organization, and the roles they get.

    One for each group, for each two roles that follow each other in rank, for all groups and for none: so no
    group, rank, mode or default changes without one of them.
    """
    owners = (None, *mapping.organizations)
    people = [(*person, owner) for owner in owners for person in _people(mapping, owner)]
    index = pd.Index([f"person {number}" for number in range(len(people))], name="user_id", dtype="str")
    users = pd.DataFrame({"state": "active", "organization_id": [one[2] for one in people]}, index=index)
    pairs = [(user_id, one) for user_id, (_, groups, _) in zip(index, people, strict=True) for one in groups]
    edges = pd.DataFrame(pairs, columns=["user_id", "group_id"], dtype="str")
    found = mapping.on(mapping.matrix[["name"]]).suppose(users, edges, guard=None).frame()
    roles = found.groupby("user_id")["role"].agg(list).to_dict()
    for user_id, (who, groups, owner) in zip(index, people, strict=True):
        yield who, groups, owner, roles.get(user_id, [])


def _people(mapping: RoleMapping, owner: str | None) -> Iterator[tuple[str, list[str]]]:
    where = f" of {owner}" if owner else ""
    names = named(mapping.matrix)
    giving: dict[str, str] = {}
    for group_id, roles in mapping.mapped.items():
        yield f"somebody{where} in {names[group_id]} alone", [group_id]
        for role in roles:
            giving.setdefault(role, group_id)
    order = dict.fromkeys([*mapping.organizations.get(owner or "", {}).get("priority", ()), *mapping.order])
    ranked = [giving[role] for role in order if role in giving]
    for one, other in pairwise(ranked):
        yield f"somebody{where} in {names[one]} and {names[other]}", [one, other]
    yield f"somebody{where} in every mapped group", list(mapping.mapped)
    unmapped = [one for one in names if one not in mapping.mapped]
    yield f"somebody{where} in every group that is not mapped", unmapped
    yield f"somebody{where} in no group", []
