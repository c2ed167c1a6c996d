"""The SCIM resources of a directory: what providers sent, beside the directory users and groups it became."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .database import Database, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object

Kind = Literal["User", "Group"]
State = Literal["live", "hidden", "validating"]
"""A hidden user was deactivated where that means deletion; a validating one never had a usable address."""

_CHUNK = 500
_TABLES = {"User": "users", "Group": "groups"}
_COLUMNS = "SELECT s.place, s.id, s.target, s.state, s.created, s.changed, s.json, o.json "


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


class Resources(Table):
    """Read and write the SCIM resources of one directory."""

    def __init__(self, database: Database, directory: int) -> None:
        super().__init__(database)
        self._n = directory

    def _records(self, kind: Kind, rest: str, *parameters: Any) -> list[Record]:
        """Return the resources that can be seen, cut down by the end of a statement."""
        rows = self._run(_COLUMNS + _source(kind) + rest, (self._n, *parameters))
        return [Record(*row[:6], *(json.loads(text) if text else None for text in row[6:])) for row in rows]

    def find(self, kind: Kind, scim_id: str) -> Record | None:
        """Return one resource by its id; None if there is none."""
        return next(iter(self._records(kind, "AND s.id = ?", scim_id)), None)

    def named(self, kind: Kind, name: str) -> list[Record]:
        """Return those with a user name or display name, ignoring case."""
        return self._records(kind, "AND s.folded = ? ORDER BY s.place", name.casefold())

    def external(self, kind: Kind, external_id: str) -> list[Record]:
        """Return those with an id of the provider's own."""
        return self._records(kind, "AND s.external = ? ORDER BY s.place", external_id)

    def page(self, kind: Kind, skip: int, limit: int) -> list[Record]:
        """Return some of them, oldest first."""
        return self._records(kind, "ORDER BY s.place LIMIT ? OFFSET ?", limit, skip)

    def every(self, kind: Kind) -> Iterator[Record]:
        """Return all of them, oldest first, a few hundred at a time."""
        last = 0
        while found := self._records(kind, "AND s.place > ? ORDER BY s.place LIMIT ?", last, _CHUNK):
            yield from found
            last = found[-1].place

    def count(self, kind: Kind) -> int:
        """Count what can be seen."""
        return int(self._one("SELECT count(*) " + _source(kind), (self._n,))[0])

    def members(self, group_id: str) -> list[tuple[str, str]]:
        """Return the members of a directory group as (SCIM id, directory user)."""
        return self._run(
            "SELECT s.id, s.target FROM groups JOIN memberships ON memberships.group_n = groups.n"
            " JOIN users ON users.n = memberships.user_n JOIN scim s ON s.target = users.id"
            " WHERE groups.id = ? ORDER BY users.n",
            (group_id,),
        )

    def groups_of(self, user_id: str) -> list[tuple[str, str]]:
        """Return the groups of a directory user as (SCIM id, name)."""
        return self._run(
            "SELECT s.id, json_extract(CAST(groups.json AS TEXT), '$.name') FROM users"
            " JOIN memberships ON memberships.user_n = users.n JOIN groups ON groups.n = memberships.group_n"
            " JOIN scim s ON s.target = groups.id WHERE users.id = ? ORDER BY groups.n",
            (user_id,),
        )

    def users_of(self, scim_ids: list[str]) -> dict[str, str]:
        """Return the directory users behind SCIM ids, in the order asked; those not known are left out."""
        statement = (
            "SELECT users.id FROM scim s JOIN users ON users.id = s.target"
            " WHERE s.id = ? AND s.directory = ? AND s.kind = 'User'"
        )
        found = {scim_id: self._one(statement, (scim_id, self._n)) for scim_id in dict.fromkeys(scim_ids)}
        return {scim_id: row[0] for scim_id, row in found.items() if row}

    def notes(self) -> list[tuple[str, str]]:
        """Return what the dashboard would list as errors of processing, as (SCIM id, sentence)."""
        return self._run(
            "SELECT id, note FROM scim WHERE directory = ? AND note IS NOT NULL ORDER BY place", (self._n,)
        )

    def validating(self) -> list[Object]:
        """Return the users that wait for a usable address, unseen."""
        texts = self._column(
            "SELECT json FROM scim WHERE directory = ? AND state = 'validating' ORDER BY place", (self._n,)
        )
        return [json.loads(text) for text in texts]

    # -- writing ----------------------------------------------------------------------------------------

    def add(self, kind: Kind, scim_id: str, **columns: Any) -> None:
        """Store a resource; one that nobody sent has no ``json``. Columns are those of the table ``scim``."""
        now = self._database.now
        row = {"id": scim_id, "directory": self._n, "kind": kind, "created": now, "changed": now, **columns}
        marks = ", ".join("?" * len(row))
        self._run(f"INSERT INTO scim ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 (own names)

    def save(self, scim_id: str, **columns: Any) -> None:
        """Store a changed resource."""
        row = {**columns, "changed": self._database.now}
        changes = ", ".join(f"{name} = ?" for name in row)
        self._run(f"UPDATE scim SET {changes} WHERE id = ?", (*row.values(), scim_id))  # noqa: S608 (own names)

    def remove(self, scim_id: str) -> None:
        """Forget a resource, and the names it had."""
        self._run("DELETE FROM scim WHERE id = ?", (scim_id,))
        self._run("DELETE FROM scim_former WHERE id = ?", (scim_id,))

    def forget_validating(self, user_name: str) -> None:
        """Drop what was kept of a user who had no usable address."""
        self._run(
            "DELETE FROM scim WHERE directory = ? AND kind = 'User' AND state = 'validating' AND folded = ?",
            (self._n, user_name.casefold()),
        )

    # -- identities of groups ----------------------------------------------------------------------------

    def had_identity(self, identity: str, besides: str | None) -> bool:
        """Return whether another group has or had this identity."""
        now = "SELECT count(*) " + _source("Group") + "AND s.external = ? AND s.id IS NOT ?"
        once = "SELECT count(*) FROM scim_former WHERE directory = ? AND identity = ? AND id IS NOT ?"
        return any(self._one(statement, (self._n, identity, besides))[0] for statement in (now, once))

    def remember_identity(self, scim_id: str, identity: str) -> None:
        """Keep an identity a group had: no other group may take it."""
        self._run("INSERT OR IGNORE INTO scim_former VALUES (?, ?, ?)", (self._n, identity, scim_id))

    # -- those who came without the door -----------------------------------------------------------------

    def newcomers(self, kind: Kind) -> list[Object]:
        """Return the users or groups that are no resource and came since the last look, oldest first."""
        table, mark = _TABLES[kind], f"scim/{self._n}/{kind}"
        seen = int(self._database.meta(mark) or 0)
        newest = int(self._one(f"SELECT coalesce(max(n), 0) FROM {table} WHERE directory = ?", (self._n,))[0])  # noqa: S608 (own names)
        if newest == seen:
            return []
        self._database.set_meta(mark, str(newest))
        texts = self._column(
            f"SELECT json FROM {table} WHERE directory = ? AND n > ? AND id NOT IN"  # noqa: S608 (own names)
            f" (SELECT target FROM scim WHERE target = {table}.id) ORDER BY n",
            (self._n, seen),
        )
        return [json.loads(text) for text in texts]

    def bring_back(self, folded: str, target: str) -> bool:
        """Let a hidden user stand for somebody who came back; return whether there was one."""
        row = self._one(
            "SELECT id FROM scim WHERE directory = ? AND kind = 'User' AND folded = ? AND state = 'hidden'",
            (self._n, folded),
        )
        if row is not None:
            self._run("UPDATE scim SET target = ?, state = 'live' WHERE id = ?", (target, row[0]))
        return row is not None


def _source(kind: Kind) -> str:
    seen = "(o.id IS NOT NULL OR s.state = 'hidden')"
    return (
        f"FROM scim s LEFT JOIN {_TABLES[kind]} o ON o.id = s.target"
        f" WHERE s.directory = ? AND s.kind = '{kind}' AND {seen} "
    )
