"""Copies: an environment as somebody read it, record by record, to go on from there.

A copy is lines of JSON, in memory and in a file (``.jsonl``) alike. The first says what it is: whose, as of
which event, and whether its people are pseudonyms. The others are records as the API gives them, organizations
before directories before users before groups, each kind in the order of its lists, and then who is where::

    {"what": "dirsync_nb world", "format": 1, "people": "redacted: ...", "origin": "...", "position": [...]}
    {"object": "directory_user", "id": "directory_user_...", ...}
    {"object": "members", "group_id": "directory_group_...", "user_ids": ["directory_user_..."]}
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...guard import bytes_within
from ..directory import clock, objects, provider_traits, roles
from ..directory.refusal import Invalid
from ..directory.store.roles import Ranking

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from ..directory.objects import Object
    from ..directory.recorder import InactivePolicy
    from ..directory.store import Store

__all__ = ["FORMAT", "WHAT", "Copy", "build", "read"]

WHAT, FORMAT = "dirsync_nb world", 1
MOST_BYTES = 2_000_000_000
MOST_LINE = 2**26  # the longest are groups: this is one of 1,400,000 members
AS_READ = 2
"""Of ``has_roles``: users keep the roles they were read with, since nobody can read which group gives which."""

_LAST = 10**17  # microseconds since 1970: some thousand years
_NEEDED: dict[str, tuple[tuple[str, type], ...]] = {
    "organization": (("id", str),),
    "directory": (("id", str), ("type", str), ("state", str), ("name", str), ("created_at", str)),
    "directory_user": (("id", str), ("directory_id", str), ("state", str), ("custom_attributes", dict)),
    "directory_group": (("id", str), ("directory_id", str), ("name", str)),
    "members": (("group_id", str), ("user_ids", list)),
}
_ORDER = list(_NEEDED)
_TEXTS = (
    "organization_id", "external_id", "external_key", "domain", "idp_id", "email", "first_name", "last_name",
    "name",
)  # fmt: skip
_LISTS = ("domains", "roles")
_IDS = (
    "id", "directory_id", "organization_id", "group_id", "external_id", "external_key", "domain", "idp_id",
    "email",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Copy:
    """Hold the lines of a copy. All are checked when it is made: a bad one starts nothing."""

    lines: tuple[bytes, ...]
    _seen: tuple[int, bool] = field(init=False)  # how many users, and whether one of them is off

    def __post_init__(self) -> None:
        head = _parsed(self.lines[0] if self.lines else b"", 1)
        if head.get("what") != WHAT:
            raise Invalid(f"line 1 must say {WHAT!r}: this is no world that was saved")
        if head.get("format") != FORMAT:
            raise Invalid(f"it has format {head.get('format')!r}, and this version reads {FORMAT}")
        object.__setattr__(self, "_seen", _check(self))

    def __repr__(self) -> str:
        return f"<Copy of {self.head.get('origin')}: {self.people():,} users>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Copy) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """What tells this copy from others."""
        digest = blake2b(digest_size=8)
        for line in self.lines:
            digest.update(line)
        return digest.hexdigest()

    @cached_property
    def head(self) -> Object:
        """What the first line says."""
        return _parsed(self.lines[0], 1)

    @property
    def origin(self) -> str | None:
        """The server it was read from."""
        return self.head.get("origin")

    def people(self) -> int:
        """Count the users."""
        return self._seen[0]

    @property
    def inactive_policy(self) -> InactivePolicy:
        """What its environment does with users who are switched off: where one is, it keeps them."""
        return "keep" if self._seen[1] or self.head.get("inactive_policy") == "keep" else "delete"


def read(path: str | os.PathLike[str]) -> Copy:
    """Return the copy in a file; Invalid says what is wrong with it, and in which line."""
    where = Path(path)
    try:
        content = bytes_within(where, MOST_BYTES)
    except OSError as error:
        raise Invalid(f"{where} cannot be read: {error.strerror}") from None
    try:
        return Copy(tuple(content.removeprefix(BOM_UTF8).rstrip().splitlines()))
    except ValueError as error:
        raise Invalid(f"{where}: {error}") from None
    except MemoryError:
        raise Invalid(f"{where} does not fit into memory: save fewer directories in one") from None


def _parsed(line: bytes, number: int) -> Object:
    if len(line) > MOST_LINE:
        raise Invalid(f"line {number} has more than {MOST_LINE / 1e6:.0f} MB")
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise Invalid(f"line {number} is not JSON") from None
    if not isinstance(given, dict):
        raise Invalid(f"line {number} must be a mapping")
    return given


def _records(copy: Copy) -> Iterator[tuple[str, Object, bytes]]:
    """Yield (kind, record, line), in the order of the lines."""
    for number, line in enumerate(copy.lines[1:], 2):
        one = _parsed(line, number)
        yield str(one.get("object")), one, line


def _check(copy: Copy) -> tuple[int, bool]:
    """Refuse a copy that is not whole: records of another shape, or of people and groups that are not there."""
    _check_position(copy.head)
    seen: dict[str, set[str]] = {kind: set() for kind in _ORDER}
    last, off, external = 0, False, set[str]()
    for number, (kind, one, _) in enumerate(_records(copy), 2):
        if kind not in _NEEDED or _ORDER.index(kind) < last:
            raise Invalid(f"line {number}: {kind!r} is not one of {', '.join(_ORDER)}, in this order")
        last = _ORDER.index(kind)
        for name, shape in _NEEDED[kind]:
            if not isinstance(one.get(name), shape):
                raise Invalid(f"line {number}: {kind} must have {name}; got {str(one.get(name))[:80]!r}")
        _check_kinds(one, f"line {number}: ")
        home = one.get("directory_id")
        if home is not None and home not in seen["directory"]:
            raise Invalid(f"line {number}: it is of {home!r}, a directory that is not there")
        off |= kind == "directory_user" and one["state"] != "active"
        if kind == "members":
            _check_members(one, number, seen)
        elif one["id"] in seen[kind] or (kind == "organization" and one.get("external_id") in external):
            raise Invalid(f"line {number}: there is a {kind} {one['id']!r} or with its external_id already")
        else:
            seen[kind].add(one["id"])
            external |= {one["external_id"]} if one.get("external_id") else set()
    return len(seen["directory_user"]), off


def _check_position(head: Object) -> None:
    _moment(head.get("taken_at"), "line 1: ")
    position = head.get("position")
    shapes = [type(one) for one in _list(position)] if position is not None else []
    if position is not None and (shapes != [int, str] or not 0 <= position[0] <= _LAST):
        raise Invalid(f"line 1: position must be microseconds and an event's id; got {str(position)[:80]}")


def _check_kinds(one: Object, where: str) -> None:
    """Refuse a field that is of another kind than the API gives it."""
    for name in _TEXTS:
        if not isinstance(one.get(name), str | None):
            raise Invalid(f"{where}{name} must be text; got {str(one[name])[:80]}")
    for name in _IDS:  # a database finds rows by them
        if isinstance(one.get(name), str) and any("\ud800" <= each <= "\udfff" for each in one[name]):
            raise Invalid(f"{where}{name} holds half a character: {one[name]!a:.80}")
    for name in _LISTS:
        if not isinstance(one.get(name), list | None):
            raise Invalid(f"{where}{name} must be a list; got {str(one[name])[:80]}")
    for name in ("created_at", "updated_at"):
        _moment(one.get(name), where)


def _check_members(one: Object, number: int, seen: dict[str, set[str]]) -> None:
    if one["group_id"] not in seen["directory_group"]:
        raise Invalid(f"line {number}: there is no group {one['group_id']!r}")
    strangers = [user_id for user_id in one["user_ids"] if user_id not in seen["directory_user"]]
    if strangers:
        raise Invalid(f"line {number}: {strangers[0]!r} is in a group and not among the users")


# -- filling a store -----------------------------------------------------------------------------------------


def build(store: Store, seed: int, copy: Copy, *, live: bool) -> None:
    """Fill an empty store with a copy. Its clock begins where the copy ends, and so do its events."""
    with store.transaction():
        store.move_story(0, live=False)
        filling = _Filling(store, seed)
        for kind, one, line in _records(copy):
            filling.add(kind, one, line)
        filling.portion.flush()
        position = copy.head.get("position")
        if position is not None:
            store.events.know_place(position[1])
        end = -(-position[0] // 1_000) if position is not None else _moment(copy.head.get("taken_at"))
        store.now = max(end, filling.latest)
        filling.settle_roles()
        store.move_story(0, live=live)


class _Filling:
    """Take records one by one, and store them."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store, self._seed, self.portion = store, seed, store.portion()
        self._directories: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._roles: Counter[str] = Counter()
        self._with_roles: set[str] = set()
        self._several = False
        self.latest = 0

    def add(self, kind: str, one: Object, line: bytes) -> None:
        """Store a record; users and members as soon as there are enough."""
        self.latest = max(self.latest, _moment(one.get("created_at")), _moment(one.get("updated_at")))
        getattr(self, f"_add_{kind}")(one, line)

    def _add_organization(self, one: Object, line: bytes) -> None:
        listed = [each for each in one.get("domains") or [] if isinstance(each, dict) and each.get("domain")]
        domains = {each["domain"]: str(each.get("id")) for each in listed}
        self._store.organizations.add(one, _moment(one.get("created_at")), domains.items(), line)

    def _add_directory(self, one: Object, line: bytes) -> None:  # noqa: ARG002 (as the others)
        counts = _dict(one.get("metadata"))
        users = _dict(counts.get("users"))
        created = _moment(one["created_at"])
        self._directories[one["id"]] = n = len(self._directories) + 1
        known = ("id", "organization_id", "name", "type", "state", "domain", "external_key")
        more = {name: value for name, value in one.items() if name not in (*known, *_WITHOUT_COLUMN)}
        self._store.directories.add(
            n=n,
            **{name: one.get(name) for name in known},
            created_at=created,
            updated_at=_moment(one.get("updated_at")) or created,
            has_roles=0,
            active=users.get("active") or 0,
            inactive=users.get("inactive") or 0,
            groups=counts.get("groups") or 0,
            more=objects.text(more).decode() if more else None,
        )

    def _add_directory_user(self, one: Object, line: bytes) -> None:
        n = self._numbers[one["id"]] = len(self._numbers) + 1
        email = one.get("email")
        home = self._directories[one["directory_id"]]
        row = (n, one["id"], home, one.get("idp_id") or "", email and email.casefold(), line)
        self.portion.add([row])
        slugs = [role["slug"] for role in one.get("roles") or [] if isinstance(role, dict) and role.get("slug")]
        self._roles.update(slugs)
        self._several |= len(slugs) > 1
        if slugs:
            self._with_roles.add(one["directory_id"])

    def _add_directory_group(self, one: Object, line: bytes) -> None:
        home = self._directories[one["directory_id"]]
        self._numbers[one["id"]] = self._store.groups.add(one["id"], home, role=None, text=line).n

    def _add_members(self, one: Object, line: bytes) -> None:  # noqa: ARG002 (as the others)
        group_n = self._numbers[one["group_id"]]
        users = dict.fromkeys(one["user_ids"])
        self.portion.add(pairs=[(group_n, self._numbers[user_id]) for user_id in users])

    def settle_roles(self) -> None:
        """Define the roles that users have, the rarest highest, the commonest as the default."""
        store = self._store
        if not self._roles:
            roles.add_built_in(store, self._seed)
            return
        order = [slug for slug, _ in reversed(self._roles.most_common())]
        for slug in order:
            roles.define(store, self._seed, slug, name=slug.replace("-", " ").capitalize())
        store.roles.set_ranking("", Ranking(order, order[-1]))
        if self._several:
            store.set_meta("role_mode", "multiple")
        for directory in store.directories.every():
            if directory["id"] in self._with_roles or provider_traits.has_roles(directory["type"]):
                store.directories.change(directory["n"], has_roles=AS_READ)


_WITHOUT_COLUMN = ("object", "metadata", "created_at", "updated_at")  # of their own name


def _dict(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(text: Any, where: str = "") -> int:
    try:
        return clock.parse(text) if text else 0
    except (ValueError, TypeError):
        raise Invalid(f"{where}{str(text)[:40]!r} is not a time as the API writes it") from None
