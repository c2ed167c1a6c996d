"""The table of SCIM resources: what providers sent, beside the directory users and groups it became."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .database import Database

Kind = Literal["User", "Group"]
State = Literal["live", "hidden", "validating"]
"""A hidden user was deactivated where that means deletion; a validating one never had a usable address."""

_TABLES = {"User": "users", "Group": "groups"}
_COLUMNS = "s.place, s.id, s.target, s.state, s.created, s.changed, s.json, o.json"


class Resources:
    """Read and write SCIM resources; a row is (place, id, target, state, created, changed, sent, object)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def select(self, kind: Kind, directory: int, rest: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the resources that can be seen, cut down by the end of a statement."""
        statement = f"SELECT {_COLUMNS} {_source(kind)} {rest}"
        return self._database.execute(statement, (directory, *parameters))

    def by_id(self, kind: Kind, directory: int, scim_id: str) -> list[Any]:
        """Return the resource with an id, if there is one."""
        return self.select(kind, directory, "AND s.id = ?", (scim_id,))

    def by_name(self, kind: Kind, directory: int, folded: str) -> list[Any]:
        """Return those with a user name or display name."""
        return self.select(kind, directory, "AND s.folded = ? ORDER BY s.place", (folded,))

    def by_external(self, kind: Kind, directory: int, external_id: str) -> list[Any]:
        """Return those with an id of the provider's own."""
        return self.select(kind, directory, "AND s.external = ? ORDER BY s.place", (external_id,))

    def page(self, kind: Kind, directory: int, skip: int, limit: int) -> list[Any]:
        """Return some of them, oldest first."""
        return self.select(kind, directory, "ORDER BY s.place LIMIT ? OFFSET ?", (limit, skip))

    def after(self, kind: Kind, directory: int, place: int, limit: int) -> list[Any]:
        """Return some of them beyond a place, oldest first."""
        return self.select(kind, directory, "AND s.place > ? ORDER BY s.place LIMIT ?", (place, limit))

    def count(self, kind: Kind, directory: int) -> int:
        """Count what can be seen."""
        return int(self._database.one("SELECT count(*) " + _source(kind), (directory,))[0])

    def members(self, group_id: str) -> list[tuple[str, str]]:
        """Return the members of a directory group as (SCIM id, directory user)."""
        return self._database.execute(
            "SELECT s.id, s.target FROM groups JOIN memberships ON memberships.group_n = groups.n"
            " JOIN users ON users.n = memberships.user_n JOIN scim s ON s.target = users.id"
            " WHERE groups.id = ? ORDER BY users.n",
            (group_id,),
        )

    def groups_of(self, user_id: str) -> list[tuple[str, str]]:
        """Return the groups of a directory user as (SCIM id, name)."""
        return self._database.execute(
            "SELECT s.id, json_extract(CAST(groups.json AS TEXT), '$.name') FROM users"
            " JOIN memberships ON memberships.user_n = users.n JOIN groups ON groups.n = memberships.group_n"
            " JOIN scim s ON s.target = groups.id WHERE users.id = ? ORDER BY groups.n",
            (user_id,),
        )

    def user_behind(self, directory: int, scim_id: str) -> str | None:
        """Return the id of the directory user behind a SCIM id; None if there is none."""
        row = self._database.one(
            "SELECT users.id FROM scim s JOIN users ON users.id = s.target"
            " WHERE s.id = ? AND s.directory = ? AND s.kind = 'User'",
            (scim_id, directory),
        )
        return row[0] if row else None

    def notes(self, directory: int) -> list[tuple[str, str]]:
        """Return what was noted about resources, as (SCIM id, sentence)."""
        return self._database.execute(
            "SELECT id, note FROM scim WHERE directory = ? AND note IS NOT NULL ORDER BY place", (directory,)
        )

    def validating(self, directory: int) -> list[str]:
        """Return the texts of users that wait for a usable address."""
        return self._database.column(
            "SELECT json FROM scim WHERE directory = ? AND state = 'validating' ORDER BY place", (directory,)
        )

    # -- writing ----------------------------------------------------------------------------------------

    def add(
        self,
        kind: Kind,
        directory: int,
        scim_id: str,
        *,
        target: str | None,
        state: State,
        folded: str,
        external: str | None,
        note: str | None = None,
        text: str | None = None,
    ) -> None:
        """Store a resource; one that nobody sent has no text."""
        now = self._database.now
        self._database.execute(
            "INSERT INTO scim (id, directory, kind, target, state, folded, external, note, created, changed,"
            " json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (scim_id, directory, kind, target, state, folded, external, note, now, now, text),
        )

    def save(
        self,
        scim_id: str,
        *,
        target: str | None,
        state: State,
        folded: str,
        external: str | None,
        note: str | None,
        text: str,
    ) -> None:
        """Store a changed resource."""
        self._database.execute(
            "UPDATE scim SET target = ?, state = ?, folded = ?, external = ?, note = ?, changed = ?, json = ?"
            " WHERE id = ?",
            (target, state, folded, external, note, self._database.now, text, scim_id),
        )

    def remove(self, scim_id: str) -> None:
        """Forget a resource, and the names it had."""
        self._database.execute("DELETE FROM scim WHERE id = ?", (scim_id,))
        self._database.execute("DELETE FROM scim_former WHERE id = ?", (scim_id,))

    def forget_validating(self, directory: int, folded: str) -> None:
        """Drop what was kept of a user who had no usable address."""
        self._database.execute(
            "DELETE FROM scim WHERE directory = ? AND kind = 'User' AND state = 'validating' AND folded = ?",
            (directory, folded),
        )

    # -- identities of groups ----------------------------------------------------------------------------

    def had_identity(self, directory: int, identity: str, besides: str | None) -> bool:
        """Return whether another group has or had this identity."""
        wanted = (directory, identity, besides)
        now = "SELECT count(*) " + _source("Group") + " AND s.external = ? AND s.id IS NOT ?"
        once = "SELECT count(*) FROM scim_former WHERE directory = ? AND identity = ? AND id IS NOT ?"
        return any(self._database.one(statement, wanted)[0] for statement in (now, once))

    def remember_identity(self, directory: int, identity: str, scim_id: str) -> None:
        """Keep an identity a group had: no other group may take it."""
        row = (directory, identity, scim_id)
        self._database.execute("INSERT OR IGNORE INTO scim_former VALUES (?, ?, ?)", row)

    # -- those who came without the door -----------------------------------------------------------------

    def newest(self, kind: Kind, directory: int) -> int:
        """Return the place of the newest user or group of a directory; 0 if there is none."""
        statement = "SELECT coalesce(max(n), 0) FROM " + _TABLES[kind] + " WHERE directory = ?"  # noqa: S608 (own names)
        return int(self._database.one(statement, (directory,))[0])

    def without(self, kind: Kind, directory: int, seen: int) -> list[tuple[str, bytes]]:
        """Return the users or groups beyond a place that are no resource, as (id, text), oldest first."""
        table = _TABLES[kind]
        return self._database.execute(
            "SELECT id, json FROM " + table + " WHERE directory = ? AND n > ? AND id NOT IN"  # noqa: S608 (own names)
            " (SELECT target FROM scim WHERE target = " + table + ".id) ORDER BY n",
            (directory, seen),
        )

    def bring_back(self, directory: int, folded: str, target: str) -> bool:
        """Let a hidden user stand for somebody who came back; return whether there was one."""
        row = self._database.one(
            "SELECT id FROM scim WHERE directory = ? AND kind = 'User' AND folded = ? AND state = 'hidden'",
            (directory, folded),
        )
        if row is None:
            return False
        self._database.execute("UPDATE scim SET target = ?, state = 'live' WHERE id = ?", (target, row[0]))
        return True


def _source(kind: Kind) -> str:
    seen = "(o.id IS NOT NULL OR s.state = 'hidden')"
    return (
        f"FROM scim s LEFT JOIN {_TABLES[kind]} o ON o.id = s.target"
        f" WHERE s.directory = ? AND s.kind = '{kind}' AND {seen}"
    )
