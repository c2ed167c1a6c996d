"""A file of JSON lines that a kill at any moment leaves usable: what a long load keeps of what it has read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import errors
from ..guard import memory

MOST_LINE = 2**26  # bytes, twice an answer
PAGE_FORMAT = 2  # of the lines that loaders write; 1 knew no segments


class Checkpoint:
    """A file of JSON lines that a kill at any moment leaves usable.

    Attributes
    ----------
    lines
        What was there when it was opened; a line that was cut short is not counted.
    """

    def __init__(self, path: Path) -> None:
        self.lines: list[dict[str, Any]] = []
        whole = 0
        if path.exists():
            if path.stat().st_size > memory() // 2:
                raise errors.FileTooLarge(f"{path} does not fit into memory: remove it, and load anew")
            with path.open("rb") as file:
                while (held := _json_line(line := file.readline(MOST_LINE))) is not None:
                    whole += len(line)
                    self.lines.append(held)
        self._file = path.open("ab")
        self._file.truncate(whole)

    @property
    def path(self) -> str:
        """Where it is."""
        return str(self._file.name)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: Mapping[str, Any]) -> None:
        """Write one line, and hand it to the system, which keeps it whatever becomes of this process."""
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()


def _json_line(line: bytes) -> dict[str, Any] | None:
    """Read a line; None where it was cut short."""
    if not line.endswith(b"\n"):
        return None
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None
