"""Definitions of roles, and in which order they count where a user may have one only."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .database import NotFound, Table


class Ranking(NamedTuple):
    """Hold the roles of an environment or organization, the highest first, and the one that is the default."""

    order: list[str]
    default: str


class Roles(Table):
    """Read and write roles. The environment is the organization without an id."""

    def of(self, organization_id: str) -> list[dict[str, Any]]:
        """Return the roles defined for an organization alone, or with "" for the environment."""
        texts = self._column("SELECT json FROM roles WHERE organization_id = ?", (organization_id,))
        return [json.loads(text) for text in texts]

    def get(self, organization_id: str, slug: str) -> dict[str, Any]:  # type: ignore[override]
        """Return one role, or raise NotFound."""
        statement = "SELECT json FROM roles WHERE organization_id = ? AND slug = ?"
        row = self._one(statement, (organization_id, slug))
        if row is None:
            raise NotFound("Role", slug)
        role: dict[str, Any] = json.loads(row[0])
        return role

    def add(self, organization_id: str, slug: str, text: bytes) -> None:
        """Store a role."""
        self._run("INSERT INTO roles VALUES (?, ?, ?)", (organization_id, slug, text))

    def remove(self, organization_id: str, slug: str) -> None:
        """Remove a role; groups that were mapped to it are mapped to none."""
        self._run("DELETE FROM roles WHERE organization_id = ? AND slug = ?", (organization_id, slug))
        self._run(
            "UPDATE groups SET role = NULL WHERE role = ? AND directory IN"
            " (SELECT n FROM directories WHERE ? IN ('', organization_id))",
            (slug, organization_id),
        )

    def organizations(self) -> list[str]:
        """Return the organizations that have roles, and so a ranking, of their own."""
        return self._column("SELECT DISTINCT organization_id FROM roles WHERE organization_id <> ''")

    def ranking(self, organization_id: str = "") -> Ranking:
        """Return what counts in an organization: its own ranking, or else that of the environment."""
        own = self._database.meta(f"ranking/{organization_id}") or self._database.meta("ranking/")
        return Ranking(*json.loads(own or '[[], ""]'))

    def set_ranking(self, organization_id: str, ranking: Ranking) -> None:
        """Keep a ranking."""
        self._database.set_meta(f"ranking/{organization_id}", json.dumps(ranking))

    def users_of(self, organization_id: str) -> list[int]:
        """Return the internal numbers of the users that have roles in an organization, or with "" in any."""
        return self._column(
            "SELECT users.n FROM users JOIN directories ON directories.n = directory"
            " WHERE has_roles AND ? IN ('', organization_id) ORDER BY users.n",
            (organization_id,),
        )
