"""Organizations with their domains, directories, and the tokens of their SCIM doors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rows import NotFound, Row, found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .database import Database

_ROW = "SELECT n, id, 0, json FROM organizations WHERE "
_DIRECTORY_COLUMNS = (
    "n", "id", "organization_id", "created_at", "updated_at", "name", "folded_name", "type", "state", "domain",
    "external_key", "has_roles", "active", "inactive", "groups", "more",
)  # fmt: skip


class Organizations:
    """Read and write organizations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, organization_id: str) -> Row:
        """Return one organization, or raise NotFound."""
        return found(self._database.one(_ROW + "id = ?", (organization_id,)), "Organization", organization_id)

    def by_external_id(self, external_id: str) -> Row:
        """Return the organization you know by your own id, or raise NotFound."""
        row = self._database.one(_ROW + "external_id = ?", (external_id,))
        return found(row, "Organization", external_id)

    def every(self) -> list[Row]:
        """Return all organizations, oldest first."""
        return [Row(*row) for row in self._database.execute(_ROW + "1 ORDER BY n")]

    def has_external_id(self, external_id: str) -> bool:
        """Return whether an organization has this id of yours."""
        return bool(self._database.one(_ROW + "external_id = ?", (external_id,)))

    def add(
        self,
        organization_id: str,
        *,
        created: int,
        external_id: str | None,
        name: str,
        domains: Iterable[tuple[str, str]],
        text: bytes,
    ) -> None:
        """Store an organization and its domains, given as (domain, id)."""
        self._database.execute(
            "INSERT INTO organizations (id, created_at, external_id, folded_name, json) VALUES (?, ?, ?, ?, ?)",
            (organization_id, created, external_id, name.casefold(), text),
        )
        n = self.get(organization_id).n
        rows = [(domain, n, domain_id) for domain, domain_id in domains]
        self._database.execute_many("INSERT INTO domains VALUES (?, ?, ?)", rows)

    def domains(self, organization_id: str) -> list[tuple[str, str]]:
        """Return the domains of an organization as (id, domain)."""
        return self._database.execute(
            "SELECT domains.id, domain FROM domains JOIN organizations ON organizations.n = organization"
            " WHERE organizations.id = ? ORDER BY domain",
            (organization_id,),
        )


class Directories:
    """Read and write directories. A directory is a dict of its columns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, directory_id: str) -> dict[str, Any]:
        """Return one directory, or raise NotFound."""
        row = self._database.one("SELECT * FROM directories WHERE id = ?", (directory_id,))
        if row is None:
            raise NotFound("Directory", directory_id)
        return as_directory(row)

    def number(self, n: int) -> dict[str, Any]:
        """Return the directory with this internal number."""
        return as_directory(self._database.one("SELECT * FROM directories WHERE n = ?", (n,)))

    def every(self) -> list[dict[str, Any]]:
        """Return all directories, oldest first."""
        return [as_directory(row) for row in self._database.execute("SELECT * FROM directories ORDER BY n")]

    def with_door(self, external_key: str) -> dict[str, Any] | None:
        """Return the directory whose SCIM address ends in a key, or None."""
        row = self._database.one(
            "SELECT * FROM directories WHERE external_key = ? AND type LIKE '%scim%' AND state <> 'deleting'",
            (external_key,),
        )
        return as_directory(row) if row else None

    def add(self, **columns: Any) -> None:
        """Store an empty directory."""
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        self._database.execute(
            f"INSERT INTO directories ({names}) VALUES ({marks})",  # noqa: S608 (own names)
            tuple(columns.values()),
        )

    def touch(self, n: int, *, active: int = 0, inactive: int = 0, groups: int = 0) -> None:
        """Add to the counters of a directory, and note that it changed now."""
        self._database.execute(
            "UPDATE directories SET active = active + ?, inactive = inactive + ?, groups = groups + ?,"
            " updated_at = ? WHERE n = ?",
            (active, inactive, groups, self._database.now, n),
        )

    def set_counts(self, n: int, *, active: int, inactive: int, groups: int) -> None:
        """Set the counters of a directory that was filled in one go."""
        self._database.execute(
            "UPDATE directories SET active = ?, inactive = ?, groups = ? WHERE n = ?",
            (active, inactive, groups, n),
        )

    def set_state(self, n: int, state: str) -> None:
        """Put a directory into a state."""
        self._database.execute("UPDATE directories SET state = ? WHERE n = ?", (state, n))

    def set_has_roles(self, n: int, has_roles: int) -> None:
        """Say whether users of a directory have roles: 0, 1, or 2 for as they were read."""
        self._database.execute("UPDATE directories SET has_roles = ? WHERE n = ?", (has_roles, n))

    def remove(self, n: int) -> None:
        """Remove a directory with all that is in it."""
        inside = (n,)
        self._database.execute(
            "DELETE FROM memberships WHERE group_n IN (SELECT n FROM groups WHERE directory = ?)", inside
        )
        self._database.execute(
            "DELETE FROM hidden WHERE user_n IN (SELECT n FROM users WHERE directory = ?)", inside
        )
        for table in ("users", "groups", "gone", "tokens", "scim", "scim_former"):
            self._database.execute("DELETE FROM " + table + " WHERE directory = ?", inside)  # noqa: S608 (own names)
        self._database.execute("DELETE FROM directories WHERE n = ?", inside)


class Tokens:
    """Read and write the bearer tokens of SCIM doors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, token_id: str) -> Row:
        """Return one live token, or raise NotFound."""
        row = self._database.one("SELECT 0, id, directory, json FROM tokens WHERE id = ?", (token_id,))
        return found(row, "Directory Token", token_id)

    def of(self, directory: int) -> list[str]:
        """Return the ids of the live tokens of a directory, oldest first."""
        return self._database.column("SELECT id FROM tokens WHERE directory = ? ORDER BY id", (directory,))

    def add(self, token_id: str, directory: int, text: bytes) -> None:
        """Store a token."""
        self._database.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token_id, directory, text))

    def remove(self, token_id: str) -> None:
        """Remove a token."""
        self._database.execute("DELETE FROM tokens WHERE id = ?", (token_id,))


def as_directory(row: Sequence[Any]) -> dict[str, Any]:
    """Return a row of the table ``directories`` as a dict by column."""
    return dict(zip(_DIRECTORY_COLUMNS, row, strict=True))
