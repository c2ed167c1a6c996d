"""What the tables give out: rows, and the error for an id that names nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ....errors import DirsyncError


class NotFound(DirsyncError, LookupError):
    """Say that an id names nothing. ``kind`` is the word the API uses for it."""

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(f"{kind} not found: '{object_id}'.")
        self.kind = kind
        self.object_id = object_id


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one stored user, group, organization or token."""

    n: int
    id: str
    directory: int
    json: bytes

    def parsed(self) -> dict[str, Any]:
        """Read the stored text."""
        parsed: dict[str, Any] = json.loads(self.json)
        return parsed


def found(row: Any, kind: str, object_id: str) -> Row:
    """Return a row, or raise NotFound where there is none."""
    if row is None:
        raise NotFound(kind, object_id)
    return Row(*row)
