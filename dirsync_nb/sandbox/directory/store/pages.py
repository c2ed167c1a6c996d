"""Lists: which rows one holds, and one page of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .database import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BEFORE_ALL, _AFTER_ALL = -1, 2**62


@dataclass(frozen=True, slots=True)
class Selection:
    """Name the rows of one list: everything of a query but its order and bounds."""

    columns: str
    source: str
    key: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Hold rows in the direction of travel, and whether more lies on either side."""

    rows: list[Any]
    more_ahead: bool
    more_behind: bool


def users_of(
    *,
    directory: int | None = None,
    group: int | None = None,
    idp_id: str | None = None,
    email: str | None = None,
) -> Selection:
    """Select all users, those of a directory or group, or with ``idp_id`` or ``email`` those few that match."""
    columns = "users.n, users.id, users.directory, users.json"
    if idp_id is None and email is None and group is not None:
        # CROSS JOIN keeps SQLite at walking the members in order and looking each one up.
        source = "memberships CROSS JOIN users ON users.n = memberships.user_n WHERE memberships.group_n = ?"
        return Selection(columns, source, "memberships.user_n", (group,))
    wanted = {
        "directory = ?": directory,
        "idp_id = ?": idp_id,
        "folded_email = ?": email and email.casefold(),
        "EXISTS (SELECT 1 FROM memberships WHERE group_n = ? AND user_n = users.n)": group,
    }
    return _matching(columns, "users", wanted)


def groups_of(*, directory: int | None = None, user: int | None = None) -> Selection:
    """Select all groups, those of a directory, or those one user is in."""
    columns = "groups.n, groups.id, groups.directory, groups.json"
    if user is None:
        return _matching(columns, "groups", {"directory = ?": directory})
    source = "memberships CROSS JOIN groups ON groups.n = memberships.group_n WHERE memberships.user_n = ?"
    return Selection(columns, source, "memberships.group_n", (user,))


def organizations_of(*, domains: Sequence[str] | None = None, search: str | None = None) -> Selection:
    """Select organizations, all or those with one of the domains and the text in their name."""
    having = "n IN (SELECT organization FROM domains WHERE domain IN (SELECT value FROM json_each(?)))"
    named = None if domains is None else json.dumps([domain.casefold() for domain in domains])
    wanted = {having: named, "instr(folded_name, ?)": search and search.casefold()}
    return _matching("n, id, 0, json", "organizations", wanted)


def directories_of(
    *, organization_id: str | None = None, domain: str | None = None, search: str | None = None
) -> Selection:
    """Select directories, all or those that match every filter given."""
    wanted = {
        "organization_id = ?": organization_id,
        "domain = ?": domain and domain.casefold(),
        "instr(folded_name, ?)": search and search.casefold(),
    }
    return _matching("*", "directories", wanted)


def _matching(columns: str, table: str, wanted: Mapping[str, Any]) -> Selection:
    """Select the rows of a table for which all conditions hold whose value is given."""
    given = {condition: value for condition, value in wanted.items() if value is not None}
    where = " AND ".join(given) or "1"
    return Selection(columns, f"{table} WHERE {where}", f"{table}.n", tuple(given.values()))


class Pages(Table):
    """Read lists a page at a time."""

    def place(self, table: str, object_id: str, directory: int | None) -> int | None:
        """Return the place of a cursor in its list; None if that list never had it.

        A user deleted since the last page keeps its place, so that a walk under way can go on.
        """
        scope = "" if directory is None else " AND directory = ?"
        parameters = (object_id,) if directory is None else (object_id, directory)
        tables = (table, "gone") if table in ("users", "groups") else (table,)
        for name in tables:
            found = self._one("SELECT n FROM " + name + " WHERE id = ?" + scope, parameters)  # noqa: S608 (own names)
            if found:
                return int(found[0])
        return None

    def read(self, selection: Selection, *, cursor: int | None, older: bool, limit: int) -> Page:
        """Read up to ``limit`` rows beyond the cursor, towards older or newer ones."""
        if cursor is None:
            cursor = _AFTER_ALL if older else _BEFORE_ALL
        with self._database.lock:
            rows = self._beyond(selection, cursor, older=older, limit=limit + 1)
            more_ahead = len(rows) > limit
            del rows[limit:]
            behind = rows and self._beyond(selection, rows[0][0], older=not older, limit=1)
        return Page(rows, more_ahead, bool(behind))

    def _beyond(self, selection: Selection, n: int, *, older: bool, limit: int) -> list[Any]:
        return self._run(page_statement(selection, older=older), (*selection.parameters, n, limit))


def page_statement(selection: Selection, *, older: bool) -> str:
    """Write the one query behind every list."""
    sign, direction = ("<", "DESC") if older else (">", "ASC")
    one = selection
    return (
        f"SELECT {one.columns} FROM {one.source} AND {one.key} {sign} ? ORDER BY {one.key} {direction} LIMIT ?"  # noqa: S608 (own words)
    )
