"""The one sequence of all events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .database import Table

if TYPE_CHECKING:
    from collections.abc import Iterable


class Events(Table):
    """Read and write events."""

    def add(self, event_id: str, name: str, organization_id: str | None, text: bytes) -> None:
        """Append an event to the sequence."""
        self._run(
            "INSERT INTO events (id, name, organization_id, created_at, json) VALUES (?, ?, ?, ?, ?)",
            (event_id, name, organization_id, self._database.now, text),
        )

    def forget_before(self, moment: int) -> None:
        """Drop what is past retention."""
        self._run("DELETE FROM events WHERE created_at < ?", (moment,))

    def know_place(self, event_id: str) -> None:
        """Let an event that was elsewhere be a place from which all events here can be read."""
        self._database.set_meta(f"place/{event_id}", "0")

    def last(self) -> int:
        """Return the place of the newest event; 0 if there is none."""
        return int(self._one("SELECT coalesce(max(n), 0) FROM events")[0])

    def last_before(self, moment: int) -> int:
        """Return the place of the last event before a moment; 0 if there is none."""
        row = self._one(
            "SELECT n FROM events WHERE created_at < ? ORDER BY created_at DESC, n DESC LIMIT 1", (moment,)
        )
        return int(row[0]) if row else 0

    def place(self, event_id: str) -> int | None:
        """Return the place of an event; None if unknown."""
        row = self._one("SELECT n FROM events WHERE id = ?", (event_id,))
        found = row[0] if row else self._database.meta(f"place/{event_id}")
        return None if found is None else int(found)

    def since(self, place: int) -> list[tuple[int, str, bytes]]:
        """Return the events after a place as (place, name, text)."""
        return self._run("SELECT n, name, json FROM events WHERE n > ? ORDER BY n", (place,))

    def counts_since(self, place: int) -> dict[str, int]:
        """Count the events after a place by name, in the order they first came."""
        rows = self._run(
            "SELECT name, count(*) FROM events WHERE n > ? GROUP BY name ORDER BY min(n)", (place,)
        )
        return dict(rows)

    def page(
        self,
        names: Iterable[str],
        organization_id: str | None,
        after: int,
        until: int,
        limit: int,
        *,
        newest: bool = False,
    ) -> list[tuple[str, bytes]]:
        """Return the first ``limit`` events of these names with ``after < n <= until``, as (id, text).

        With ``newest`` they are the last ones, and come in that order.

        Each name is read in order from its own index and the few numbers found are merged: a rare event among
        millions of others costs no more than a frequent one.
        """
        where, scope = ("", ()) if organization_id is None else ("organization_id = ? AND ", (organization_id,))
        order = "DESC" if newest else "ASC"
        statement = (
            f"SELECT n FROM events WHERE {where}name = ? AND n > ? AND n <= ? ORDER BY n {order} LIMIT ?"  # noqa: S608 (own words)
        )
        found: list[Any] = []
        with self._database.lock:
            for name in names:
                found += self._column(statement, (*scope, name, after, until, limit))
            chosen = json.dumps(sorted(found, reverse=newest)[:limit])
            return self._run(
                f"SELECT id, json FROM events WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n {order}",  # noqa: S608 (own words)
                (chosen,),
            )
