"""Users, groups and memberships, and what of users is hidden or gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .rows import Row, found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .database import Database

_USER = "SELECT n, id, directory, json FROM users WHERE "
_GROUP = "SELECT n, id, directory, json FROM groups WHERE "

UserColumns = tuple[int, str, int, str, str | None, bytes]
"""n, id, directory, idp_id, folded e-mail, text."""


class Users:
    """Read and write users; those deleted are kept as ``gone``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: str) -> Row:
        """Return one user, or raise NotFound."""
        return found(self._database.one(_USER + "id = ?", (user_id,)), "Directory User", user_id)

    def number(self, n: int) -> Row:
        """Return the user with this internal number."""
        return Row(*self._database.one(_USER + "n = ?", (n,)))

    def numbers(self) -> list[int]:
        """Return the internal numbers of all users, oldest first."""
        return self._database.column("SELECT n FROM users ORDER BY n")

    def last_number(self) -> int:
        """Return the highest internal number in use."""
        return int(self._database.one("SELECT coalesce(max(n), 0) FROM users")[0])

    def of(self, directory: int) -> list[Row]:
        """Return all users of a directory, oldest first."""
        return [Row(*row) for row in self._database.execute(_USER + "directory = ? ORDER BY n", (directory,))]

    def of_organization(self, organization_id: str) -> list[dict[str, Any]]:
        """Return the users of all directories of an organization, oldest first."""
        texts = self._database.column(
            "SELECT users.json FROM users JOIN directories ON directories.n = directory"
            " WHERE organization_id = ? ORDER BY users.n",
            (organization_id,),
        )
        return [json.loads(text) for text in texts]

    def gone(self, user_id: str) -> Row:
        """Return a deleted user as it was last, or raise NotFound."""
        row = self._database.one("SELECT n, id, directory, json FROM gone WHERE id = ?", (user_id,))
        return found(row, "Directory User", user_id)

    def active_with_email(self, directory: int, email: str) -> list[str]:
        """Return the ids of the active users of a directory who have an address."""
        return self._database.column(
            "SELECT id FROM users WHERE directory = ? AND folded_email = ?"
            " AND json_extract(CAST(json AS TEXT), '$.state') = 'active'",
            (directory, email.casefold()),
        )

    def add(self, user_id: str, directory: int, *, idp_id: str, email: str | None, text: bytes) -> Row:
        """Store a new user."""
        self._database.execute(
            "INSERT INTO users (id, directory, idp_id, folded_email, json) VALUES (?, ?, ?, ?, ?)",
            (user_id, directory, idp_id, email and email.casefold(), text),
        )
        return self.get(user_id)

    def add_many(self, rows: Iterable[UserColumns]) -> None:
        """Store many users whose places are known."""
        self._database.execute_many("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", rows)

    def save(self, n: int, *, idp_id: str, email: str | None, text: bytes) -> None:
        """Store a changed user."""
        self._database.execute(
            "UPDATE users SET idp_id = ?, folded_email = ?, json = ? WHERE n = ?",
            (idp_id, email and email.casefold(), text, n),
        )

    def remove(self, row: Row, text: bytes) -> None:
        """Remove a user with memberships and hidden values, and keep the last text as gone."""
        self._database.execute("DELETE FROM memberships WHERE user_n = ?", (row.n,))
        self._database.execute("DELETE FROM hidden WHERE user_n = ?", (row.n,))
        self._database.execute("DELETE FROM users WHERE n = ?", (row.n,))
        self._database.execute(
            "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?)", (row.id, row.n, row.directory, text)
        )

    def hide(self, n: int, name: str, text: bytes) -> None:
        """Keep the value of an attribute that does not show."""
        self._database.execute("INSERT OR REPLACE INTO hidden VALUES (?, ?, ?)", (n, name, text))

    def unhide(self, n: int, name: str) -> bytes | None:
        """Return the value of an attribute that did not show, and forget it; None if there is none."""
        row = self._database.one("SELECT json FROM hidden WHERE user_n = ? AND name = ?", (n, name))
        self._database.execute("DELETE FROM hidden WHERE user_n = ? AND name = ?", (n, name))
        return row[0] if row else None


class Groups:
    """Read and write groups, and who is in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, group_id: str) -> Row:
        """Return one group, or raise NotFound."""
        return found(self._database.one(_GROUP + "id = ?", (group_id,)), "Directory Group", group_id)

    def of(self, directory: int) -> list[Row]:
        """Return all groups of a directory, oldest first."""
        return [Row(*row) for row in self._database.execute(_GROUP + "directory = ? ORDER BY n", (directory,))]

    def add(self, group_id: str, directory: int, *, role: str | None, text: bytes) -> Row:
        """Store a new group, mapped to a role or to none."""
        self._database.execute(
            "INSERT INTO groups (id, directory, role, json) VALUES (?, ?, ?, ?)",
            (group_id, directory, role, text),
        )
        return self.get(group_id)

    def save(self, n: int, text: bytes) -> None:
        """Store a changed group."""
        self._database.execute("UPDATE groups SET json = ? WHERE n = ?", (text, n))

    def remove(self, row: Row) -> None:
        """Remove a group with its memberships, and keep it as gone."""
        self._database.execute("DELETE FROM memberships WHERE group_n = ?", (row.n,))
        self._database.execute("DELETE FROM groups WHERE n = ?", (row.n,))
        self._database.execute(
            "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?)", (row.id, row.n, row.directory, row.json)
        )

    # -- roles ------------------------------------------------------------------------------------------

    def role(self, n: int) -> str | None:
        """Return the role a group is mapped to."""
        role: str | None = self._database.one("SELECT role FROM groups WHERE n = ?", (n,))[0]
        return role

    def map(self, n: int, role: str | None) -> None:
        """Map a group to a role, or to none."""
        self._database.execute("UPDATE groups SET role = ? WHERE n = ?", (role, n))

    def roles_of_user(self, user_n: int) -> list[str | None]:
        """Return the roles that the groups of a user are mapped to; None for a group that is not."""
        return self._database.column(
            "SELECT groups.role FROM memberships JOIN groups ON groups.n = memberships.group_n"
            " WHERE memberships.user_n = ?",
            (user_n,),
        )


class Memberships:
    """Read and write who is in which group, by internal numbers unless it says otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_group(self, group_n: int) -> list[int]:
        """Return the members of a group."""
        return self._database.column("SELECT user_n FROM memberships WHERE group_n = ?", (group_n,))

    def of_user(self, user_n: int) -> list[Row]:
        """Return the groups a user is in, oldest first."""
        rows = self._database.execute(
            "SELECT n, id, directory, json FROM memberships JOIN groups ON n = group_n WHERE user_n = ?"
            " ORDER BY n",
            (user_n,),
        )
        return [Row(*row) for row in rows]

    def of_directory(self, directory: int) -> set[tuple[str, str]]:
        """Return all memberships of a directory as (user id, group id)."""
        rows: list[Any] = self._database.execute(
            "SELECT users.id, groups.id FROM groups JOIN memberships ON memberships.group_n = groups.n"
            " JOIN users ON users.n = memberships.user_n WHERE groups.directory = ?",
            (directory,),
        )
        return set(rows)

    def has(self, group_n: int, user_n: int) -> bool:
        """Return whether a user is in a group."""
        statement = "SELECT 1 FROM memberships WHERE group_n = ? AND user_n = ?"
        return bool(self._database.one(statement, (group_n, user_n)))

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Store memberships, given as (group, user)."""
        self._database.execute_many("INSERT INTO memberships VALUES (?, ?)", pairs)

    def remove(self, group_n: int, user_n: int) -> None:
        """Remove a membership."""
        self._database.execute("DELETE FROM memberships WHERE group_n = ? AND user_n = ?", (group_n, user_n))
