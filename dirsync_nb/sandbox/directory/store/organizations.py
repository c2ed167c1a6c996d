"""Organizations with their domains, directories, and the tokens of their SCIM doors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .database import NotFound, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DIRECTORY_COLUMNS = (
    "n", "id", "organization_id", "created_at", "updated_at", "name", "folded_name", "type", "state", "domain",
    "external_key", "has_roles", "active", "inactive", "groups", "more",
)  # fmt: skip


class Organizations(Table):
    """Read and write organizations."""

    kind, _select = "Organization", "SELECT n, id, 0, json FROM organizations WHERE "

    def by_external_id(self, external_id: str) -> Row:
        """Return the organization you know by your own id, or raise NotFound."""
        return self._found("external_id = ?", external_id)

    def every(self) -> list[Row]:
        """Return all organizations, oldest first."""
        return self._rows("1 ORDER BY n")

    def has_external_id(self, external_id: str) -> bool:
        """Return whether an organization has this id of yours."""
        return bool(self._rows("external_id = ?", external_id))

    def add(
        self, organization: dict[str, Any], created: int, domains: Iterable[tuple[str, str]], text: bytes
    ) -> None:
        """Store an organization and its domains, given as (domain, id)."""
        name = organization.get("name") or ""
        self._run(
            "INSERT INTO organizations (id, created_at, external_id, folded_name, json) VALUES (?, ?, ?, ?, ?)",
            (organization["id"], created, organization.get("external_id"), name.casefold(), text),
        )
        n = self.get(organization["id"]).n
        rows = [(domain, n, domain_id) for domain, domain_id in domains]
        self._database.execute_many("INSERT INTO domains VALUES (?, ?, ?)", rows)

    def domains(self, organization_id: str) -> list[tuple[str, str]]:
        """Return the domains of an organization as (id, domain)."""
        return self._run(
            "SELECT domains.id, domain FROM domains JOIN organizations ON organizations.n = organization"
            " WHERE organizations.id = ? ORDER BY domain",
            (organization_id,),
        )


class Directories(Table):
    """Read and write directories. A directory is a dict of its columns."""

    def get(self, directory_id: str) -> dict[str, Any]:  # type: ignore[override]
        """Return one directory, or raise NotFound."""
        row = self._one("SELECT * FROM directories WHERE id = ?", (directory_id,))
        if row is None:
            raise NotFound("Directory", directory_id)
        return as_directory(row)

    def number(self, n: int) -> dict[str, Any]:
        """Return the directory with this internal number."""
        return as_directory(self._one("SELECT * FROM directories WHERE n = ?", (n,)))

    def every(self) -> list[dict[str, Any]]:
        """Return all directories, oldest first."""
        return [as_directory(row) for row in self._run("SELECT * FROM directories ORDER BY n")]

    def with_door(self, external_key: str) -> dict[str, Any] | None:
        """Return the directory whose SCIM address ends in a key, or None."""
        row = self._one(
            "SELECT * FROM directories WHERE external_key = ? AND type LIKE '%scim%' AND state <> 'deleting'",
            (external_key,),
        )
        return as_directory(row) if row else None

    def add(self, **columns: Any) -> None:
        """Store a directory, by default an empty one that was never changed."""
        given = {"updated_at": columns["created_at"], "folded_name": columns["name"].casefold(), **columns}
        names, marks = ", ".join(given), ", ".join("?" * len(given))
        self._run(f"INSERT INTO directories ({names}) VALUES ({marks})", tuple(given.values()))  # noqa: S608 (own names)

    def touch(self, n: int, *, active: int = 0, inactive: int = 0, groups: int = 0) -> None:
        """Add to the counters of a directory, and note that it changed now."""
        self._run(
            "UPDATE directories SET active = active + ?, inactive = inactive + ?, groups = groups + ?,"
            " updated_at = ? WHERE n = ?",
            (active, inactive, groups, self._database.now, n),
        )

    def change(self, n: int, **columns: Any) -> None:
        """Set columns: the state, the counters, or whether users have roles (0, 1, or 2: as they were read)."""
        changes = ", ".join(f"{name} = ?" for name in columns)
        self._run(f"UPDATE directories SET {changes} WHERE n = ?", (*columns.values(), n))  # noqa: S608 (own names)

    def remove(self, n: int) -> None:
        """Remove a directory with all that is in it."""
        self._run("DELETE FROM memberships WHERE group_n IN (SELECT n FROM groups WHERE directory = ?)", (n,))
        self._run("DELETE FROM hidden WHERE user_n IN (SELECT n FROM users WHERE directory = ?)", (n,))
        for table in ("users", "groups", "gone", "tokens", "scim", "scim_former"):
            self._run("DELETE FROM " + table + " WHERE directory = ?", (n,))  # noqa: S608 (own names)
        self._run("DELETE FROM directories WHERE n = ?", (n,))


class Tokens(Table):
    """Read and write the bearer tokens of SCIM doors."""

    kind, _select = "Directory Token", "SELECT 0, id, directory, json FROM tokens WHERE "

    def of(self, directory: int) -> list[str]:
        """Return the ids of the live tokens of a directory, oldest first."""
        return self._column("SELECT id FROM tokens WHERE directory = ? ORDER BY id", (directory,))

    def add(self, token_id: str, directory: int, text: bytes) -> None:
        """Store a token."""
        self._run("INSERT INTO tokens VALUES (?, ?, ?)", (token_id, directory, text))

    def remove(self, token_id: str) -> None:
        """Remove a token."""
        self._run("DELETE FROM tokens WHERE id = ?", (token_id,))


def as_directory(row: Sequence[Any]) -> dict[str, Any]:
    """Return a row of the table ``directories`` as a dict by column."""
    return dict(zip(_DIRECTORY_COLUMNS, row, strict=True))
