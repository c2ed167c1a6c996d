"""The table of SCIM resources: what providers sent, beside the directory users and groups it became.

A resource has the id of its user or group, except where that one went and came back as another: the provider
keeps its id, the directory gives a new one. Users and groups that nobody sent get a row without a text when the
door is first asked about them, and are written out from the directory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from . import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..directory.objects import Object
    from ..directory.store import Store

Kind = Literal["User", "Group"]
State = Literal["live", "hidden", "validating"]
"""A hidden user was deactivated where that means deletion; a validating one never had a usable address."""

_TABLES = {"User": "users", "Group": "groups"}
_COLUMNS = "s.place, s.id, s.target, s.state, s.created, s.changed, s.json, o.json"
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Record:
    """Hold one SCIM resource, and the directory user or group it stands for (None for hidden users)."""

    place: int
    id: str
    target: str | None
    state: State
    created: int
    changed: int
    sent: Object | None
    object: Object | None


class Rows:
    """Read and write the SCIM resources of one directory."""

    def __init__(self, store: Store, directory: Object) -> None:
        self._store = store
        self._type: str = directory["type"]
        self._n: int = directory["n"]
        self._adopt("User")
        self._adopt("Group")

    # -- reading ----------------------------------------------------------------------------------------

    def get(self, kind: Kind, scim_id: str) -> Record | None:
        """Return one resource by its id."""
        found = self._select(kind, "AND s.id = ?", (scim_id,))
        return found[0] if found else None

    def of_target(self, kind: Kind, target: str) -> Record | None:
        """Return the resource of a directory user or group."""
        found = self._select(kind, "AND s.target = ?", (target,))
        return found[0] if found else None

    def named(self, kind: Kind, name: str) -> list[Record]:
        """Find by user name or display name, ignoring case."""
        return self._select(kind, "AND s.folded = ? ORDER BY s.place", (name.casefold(),))

    def external(self, kind: Kind, external_id: str) -> list[Record]:
        """Find by the provider's own id."""
        return self._select(kind, "AND s.external = ? ORDER BY s.place", (external_id,))

    def count(self, kind: Kind) -> int:
        """Count what can be seen."""
        return int(self._store.one("SELECT count(*) " + _source(kind), (self._n,))[0])

    def page(self, kind: Kind, skip: int, limit: int) -> list[Record]:
        """Return some of them, oldest first."""
        return self._select(kind, "ORDER BY s.place LIMIT ? OFFSET ?", (limit, skip))

    def every(self, kind: Kind) -> Iterator[Record]:
        """Return all of them, oldest first, a few hundred at a time."""
        last = 0
        while found := self._select(kind, "AND s.place > ? ORDER BY s.place LIMIT ?", (last, _CHUNK)):
            yield from found
            last = found[-1].place

    def active_with_email(self, email: str) -> list[str]:
        """Name the active directory users with an address."""
        rows = self._store.execute(
            "SELECT id FROM users WHERE directory = ? AND folded_email = ?"
            " AND json_extract(CAST(json AS TEXT), '$.state') = 'active'",
            (self._n, email.casefold()),
        )
        return [user_id for (user_id,) in rows]

    def members(self, group_id: str) -> list[tuple[str, str]]:
        """Return the members of a directory group as (SCIM id, directory user)."""
        return self._store.execute(
            "SELECT s.id, s.target FROM groups JOIN memberships ON memberships.group_n = groups.n"
            " JOIN users ON users.n = memberships.user_n JOIN scim s ON s.target = users.id"
            " WHERE groups.id = ? ORDER BY users.n",
            (group_id,),
        )

    def groups_of(self, user_id: str) -> list[tuple[str, str]]:
        """Return the groups of a directory user as (SCIM id, name)."""
        return self._store.execute(
            "SELECT s.id, json_extract(CAST(groups.json AS TEXT), '$.name') FROM users"
            " JOIN memberships ON memberships.user_n = users.n JOIN groups ON groups.n = memberships.group_n"
            " JOIN scim s ON s.target = groups.id WHERE users.id = ? ORDER BY groups.n",
            (user_id,),
        )

    def users_of(self, scim_ids: list[str]) -> dict[str, str]:
        """Return the directory users behind SCIM ids, in the order asked; those not known are left out."""
        found: dict[str, str] = {}
        for scim_id in dict.fromkeys(scim_ids):
            row = self._store.one(
                "SELECT users.id FROM scim s JOIN users ON users.id = s.target"
                " WHERE s.id = ? AND s.directory = ? AND s.kind = 'User'",
                (scim_id, self._n),
            )
            if row:
                found[scim_id] = row[0]
        return found

    def had_identity(self, identity: str, besides: str | None) -> bool:
        """Return whether another group has or had this identity."""
        (now,) = self._store.one(
            "SELECT count(*) " + _source("Group") + " AND s.external = ? AND s.id IS NOT ?",
            (self._n, identity, besides),
        )
        (once,) = self._store.one(
            "SELECT count(*) FROM scim_former WHERE directory = ? AND identity = ? AND id IS NOT ?",
            (self._n, identity, besides),
        )
        return bool(now or once)

    def notes(self) -> list[tuple[str, str]]:
        """Return what the dashboard would list as errors of processing, as (SCIM id, sentence)."""
        return self._store.execute(
            "SELECT id, note FROM scim WHERE directory = ? AND note IS NOT NULL ORDER BY place", (self._n,)
        )

    # -- writing ----------------------------------------------------------------------------------------

    def add(
        self, kind: Kind, scim_id: str, resource: Object, *, target: str | None, state: State, note: str | None
    ) -> Record:
        """Add a resource."""
        now = self._store.now
        folded, external = self._keys(kind, resource)
        self._store.execute(
            "INSERT INTO scim (id, directory, kind, target, state, folded, external, note, created, changed,"
            " json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (scim_id, self._n, kind, target, state, folded, external, note, now, now, _text(resource)),
        )
        return Record(0, scim_id, target, state, now, now, resource, None)

    def save(
        self,
        kind: Kind,
        record: Record,
        resource: Object,
        *,
        target: str | None,
        state: State,
        note: str | None,
    ) -> None:
        """Keep what a resource is now."""
        folded, external = self._keys(kind, resource)
        self._store.execute(
            "UPDATE scim SET target = ?, state = ?, folded = ?, external = ?, note = ?, changed = ?, json = ?"
            " WHERE id = ?",
            (target, state, folded, external, note, self._store.now, _text(resource), record.id),
        )

    def remove(self, scim_id: str) -> None:
        """Forget a resource, and the names it had."""
        self._store.execute("DELETE FROM scim WHERE id = ?", (scim_id,))
        self._store.execute("DELETE FROM scim_former WHERE id = ?", (scim_id,))

    def remember_identity(self, scim_id: str, identity: str) -> None:
        """Keep a name a group had: no other group may take it."""
        row = (self._n, identity, scim_id)
        self._store.execute("INSERT OR IGNORE INTO scim_former VALUES (?, ?, ?)", row)

    def forget_validating(self, user_name: str) -> None:
        """Drop what was kept of a user who had no usable address."""
        self._store.execute(
            "DELETE FROM scim WHERE directory = ? AND kind = 'User' AND state = 'validating' AND folded = ?",
            (self._n, user_name.casefold()),
        )

    def validating(self) -> list[Object]:
        """Return the users that wait for a usable address, unseen."""
        rows = self._store.execute(
            "SELECT json FROM scim WHERE directory = ? AND state = 'validating' ORDER BY place", (self._n,)
        )
        return [json.loads(text) for (text,) in rows]

    # -- the parts of it --------------------------------------------------------------------------------

    def _keys(self, kind: Kind, resource: Object) -> tuple[str, str | None]:
        if kind == "User":
            return resource["userName"].casefold(), resource.get("externalId")
        return resource["displayName"].casefold(), mapping.group_identity(resource, self._type)

    def _select(self, kind: Kind, rest: str, parameters: tuple[Any, ...]) -> list[Record]:
        statement = f"SELECT {_COLUMNS} {_source(kind)} {rest}"
        return [_record(row) for row in self._store.execute(statement, (self._n, *parameters))]

    def _adopt(self, kind: Kind) -> None:
        """Give rows to the users or groups that came without the door since the last look."""
        store, table, mark = self._store, _TABLES[kind], f"scim/{self._n}/{kind}"
        seen = int(store.meta(mark) or 0)
        (last,) = store.one("SELECT coalesce(max(n), 0) FROM " + table + " WHERE directory = ?", (self._n,))  # noqa: S608 (own names)
        if last == seen:
            return
        rows = store.execute(
            "SELECT id, json FROM " + table + " WHERE directory = ? AND n > ? AND id NOT IN"  # noqa: S608 (own names)
            " (SELECT target FROM scim WHERE target = " + table + ".id) ORDER BY n",
            (self._n, seen),
        )
        for object_id, text in rows:
            self._adopt_one(kind, object_id, json.loads(text))
        store.set_meta(mark, str(last))

    def _adopt_one(self, kind: Kind, object_id: str, found: Object) -> None:
        name = mapping.user_name(found) if kind == "User" else found["name"]
        came_back = kind == "User" and self._store.one(
            "SELECT id FROM scim WHERE directory = ? AND kind = 'User' AND folded = ? AND state = 'hidden'",
            (self._n, name.casefold()),
        )
        if came_back:
            self._store.execute(
                "UPDATE scim SET target = ?, state = 'live' WHERE id = ?", (object_id, came_back[0])
            )
            return
        self._store.execute(
            "INSERT INTO scim (id, directory, kind, target, state, folded, external, created, changed)"
            " VALUES (?, ?, ?, ?, 'live', ?, ?, ?, ?)",
            (
                object_id, self._n, kind, object_id, name.casefold(), found["idp_id"],
                self._store.now, self._store.now,
            ),
        )  # fmt: skip


def _source(kind: Kind) -> str:
    seen = "(o.id IS NOT NULL OR s.state = 'hidden')"
    return (
        f"FROM scim s LEFT JOIN {_TABLES[kind]} o ON o.id = s.target"
        f" WHERE s.directory = ? AND s.kind = '{kind}' AND {seen}"
    )


def _record(row: Any) -> Record:
    place, scim_id, target, state, created, changed, sent, found = row
    return Record(
        place, scim_id, target, state, created, changed,
        json.loads(sent) if sent else None, json.loads(found) if found else None,
    )  # fmt: skip


def _text(resource: Object) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
