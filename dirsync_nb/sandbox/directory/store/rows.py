"""What the tables give out: rows, and the error for an id that names nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ....errors import DirsyncError

if TYPE_CHECKING:
    from .database import Database


class NotFound(DirsyncError, LookupError):
    """Say that an id names nothing. ``kind`` is the word the API uses for it."""

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(f"{kind} not found: '{object_id}'.")
        self.kind = kind
        self.object_id = object_id


class Row(NamedTuple):
    """Hold one stored user, group, organization or token."""

    n: int
    id: str
    directory: int
    json: bytes

    def parsed(self) -> dict[str, Any]:
        """Read the stored text."""
        parsed: dict[str, Any] = json.loads(self.json)
        return parsed


class Table:
    """Speak the SQL of one table. Where its rows are ``Row``, it says how they are selected and called."""

    kind: ClassVar[str] = ""
    _select: ClassVar[str] = ""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._run, self._one, self._column = database.execute, database.one, database.column

    def get(self, object_id: str) -> Row:
        """Return the row with an id, or raise NotFound."""
        return self._found("id = ?", object_id)

    def _found(self, where: str, key: str) -> Row:
        row = self._one(self._select + where, (key,))
        if row is None:
            raise NotFound(self.kind, key)
        return Row(*row)

    def _rows(self, where: str, *parameters: Any) -> list[Row]:
        return [Row(*row) for row in self._run(self._select + where, parameters)]
