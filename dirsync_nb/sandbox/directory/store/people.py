"""Users, groups and memberships, and what of users is hidden or gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..objects import text as text_of
from .database import Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK = 10_000
_GONE = "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?)"

UserColumns = tuple[int, str, int, str, str | None, bytes]
"""n, id, directory, idp_id, folded e-mail, text."""


class Users(Table):
    """Read and write users; those deleted are kept as ``gone``."""

    kind, _select = "Directory User", "SELECT n, id, directory, json FROM users WHERE "

    def number(self, n: int) -> Row:
        """Return the user with this internal number."""
        return self._rows("n = ?", n)[0]

    def numbers(self) -> list[int]:
        """Return the internal numbers of all users, oldest first."""
        return self._column("SELECT n FROM users ORDER BY n")

    def last_number(self) -> int:
        """Return the highest internal number in use."""
        return int(self._one("SELECT coalesce(max(n), 0) FROM users")[0])

    def of(self, directory: int) -> list[Row]:
        """Return all users of a directory, oldest first."""
        return self._rows("directory = ? ORDER BY n", directory)

    def of_organization(self, organization_id: str) -> list[dict[str, Any]]:
        """Return the users of all directories of an organization, oldest first."""
        texts = self._column(
            "SELECT users.json FROM users JOIN directories ON directories.n = directory"
            " WHERE organization_id = ? ORDER BY users.n",
            (organization_id,),
        )
        return [json.loads(text) for text in texts]

    def active_with_email(self, directory: int, email: str) -> list[str]:
        """Return the ids of the active users of a directory who have an address."""
        return self._column(
            "SELECT id FROM users WHERE directory = ? AND folded_email = ?"
            " AND json_extract(CAST(json AS TEXT), '$.state') = 'active'",
            (directory, email.casefold()),
        )

    def add(self, directory: int, user: dict[str, Any]) -> Row:
        """Store a new user."""
        self._run(
            "INSERT INTO users (id, directory, idp_id, folded_email, json) VALUES (?, ?, ?, ?, ?)",
            (user["id"], directory, *_stored(user)),
        )
        return self.get(user["id"])

    def add_many(self, rows: Iterable[UserColumns]) -> None:
        """Store many users whose places are known."""
        self._database.execute_many("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", rows)

    def save(self, n: int, user: dict[str, Any]) -> None:
        """Store a changed user."""
        self._run("UPDATE users SET idp_id = ?, folded_email = ?, json = ? WHERE n = ?", (*_stored(user), n))

    def remove(self, row: Row, text: bytes) -> None:
        """Remove a user with memberships and hidden values, and keep the last text as gone."""
        self._run("DELETE FROM memberships WHERE user_n = ?", (row.n,))
        self._run("DELETE FROM hidden WHERE user_n = ?", (row.n,))
        self._run("DELETE FROM users WHERE n = ?", (row.n,))
        self._run(_GONE, (row.id, row.n, row.directory, text))

    def hide(self, n: int, name: str, text: bytes) -> None:
        """Keep the value of an attribute that does not show."""
        self._run("INSERT OR REPLACE INTO hidden VALUES (?, ?, ?)", (n, name, text))

    def unhide(self, n: int, name: str) -> bytes | None:
        """Return the value of an attribute that did not show, and forget it; None if there is none."""
        row = self._one("SELECT json FROM hidden WHERE user_n = ? AND name = ?", (n, name))
        self._run("DELETE FROM hidden WHERE user_n = ? AND name = ?", (n, name))
        return row[0] if row else None


class Gone(Table):
    """Read users and groups that were deleted, as they were last."""

    kind, _select = "Directory User", "SELECT n, id, directory, json FROM gone WHERE "


def _stored(user: dict[str, Any]) -> tuple[str, str | None, bytes]:
    return user["idp_id"], user["email"] and user["email"].casefold(), text_of(user)


class Groups(Table):
    """Read and write groups, and who is in them."""

    kind, _select = "Directory Group", "SELECT n, id, directory, json FROM groups WHERE "

    def of(self, directory: int) -> list[Row]:
        """Return all groups of a directory, oldest first."""
        return self._rows("directory = ? ORDER BY n", directory)

    def add(self, group_id: str, directory: int, *, role: str | None, text: bytes) -> Row:
        """Store a new group, mapped to a role or to none."""
        row = (group_id, directory, role, text)
        self._run("INSERT INTO groups (id, directory, role, json) VALUES (?, ?, ?, ?)", row)
        return self.get(group_id)

    def save(self, n: int, text: bytes) -> None:
        """Store a changed group."""
        self._run("UPDATE groups SET json = ? WHERE n = ?", (text, n))

    def remove(self, row: Row) -> None:
        """Remove a group with its memberships, and keep it as gone."""
        self._run("DELETE FROM memberships WHERE group_n = ?", (row.n,))
        self._run("DELETE FROM groups WHERE n = ?", (row.n,))
        self._run(_GONE, (row.id, row.n, row.directory, row.json))

    # -- roles ------------------------------------------------------------------------------------------

    def role(self, n: int) -> str | None:
        """Return the role a group is mapped to."""
        role: str | None = self._one("SELECT role FROM groups WHERE n = ?", (n,))[0]
        return role

    def map(self, n: int, role: str | None) -> None:
        """Map a group to a role, or to none."""
        self._run("UPDATE groups SET role = ? WHERE n = ?", (role, n))

    def roles_of_user(self, user_n: int) -> list[str | None]:
        """Return the roles that the groups of a user are mapped to; None for a group that is not."""
        return self._column(
            "SELECT role FROM memberships JOIN groups ON groups.n = group_n WHERE user_n = ?", (user_n,)
        )


class Memberships(Table):
    """Read and write who is in which group, by internal numbers unless it says otherwise."""

    _select = "SELECT n, id, directory, json FROM memberships JOIN groups ON n = group_n WHERE "

    def of_group(self, group_n: int) -> list[int]:
        """Return the members of a group."""
        return self._column("SELECT user_n FROM memberships WHERE group_n = ?", (group_n,))

    def of_user(self, user_n: int) -> list[Row]:
        """Return the groups a user is in, oldest first."""
        return self._rows("user_n = ? ORDER BY n", user_n)

    def of_directory(self, directory: int) -> set[tuple[str, str]]:
        """Return all memberships of a directory as (user id, group id)."""
        rows: list[Any] = self._run(
            "SELECT users.id, groups.id FROM groups JOIN memberships ON memberships.group_n = groups.n"
            " JOIN users ON users.n = memberships.user_n WHERE groups.directory = ?",
            (directory,),
        )
        return set(rows)

    def has(self, group_n: int, user_n: int) -> bool:
        """Return whether a user is in a group."""
        return bool(self._one("SELECT 1 FROM memberships WHERE group_n = ? AND user_n = ?", (group_n, user_n)))

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Store memberships, given as (group, user)."""
        self._database.execute_many("INSERT INTO memberships VALUES (?, ?)", pairs)

    def remove(self, group_n: int, user_n: int) -> None:
        """Remove a membership."""
        self._run("DELETE FROM memberships WHERE group_n = ? AND user_n = ?", (group_n, user_n))


class Portion:
    """Take users and memberships, and store them in large portions."""

    def __init__(self, users: Users, memberships: Memberships) -> None:
        self._tables = users, memberships
        self._users: list[UserColumns] = []
        self._pairs: list[tuple[int, int]] = []

    def add(self, users: Iterable[UserColumns] = (), pairs: Iterable[tuple[int, int]] = ()) -> None:
        """Take some; what was taken is stored once there is enough of it."""
        self._users += users
        self._pairs += pairs
        if max(len(self._users), len(self._pairs)) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Store what was taken."""
        users, memberships = self._tables
        users.add_many(self._users)
        memberships.add(sorted(self._pairs))
        self._users.clear()
        self._pairs.clear()
