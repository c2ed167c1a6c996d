"""Time as the API writes it: milliseconds inside, ISO 8601 with ``Z`` outside."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)


@lru_cache(maxsize=4096)
def iso(milliseconds: int) -> str:
    """Write a moment as ``2026-08-03T09:00:00.000Z``."""
    moment = _UNIX + timedelta(milliseconds=milliseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse(text: str) -> int:
    """Read a moment; ValueError unless it is UTC written with ``Z`` (``+00:00`` is refused by the API)."""
    if not _FORM.fullmatch(text):
        raise ValueError(f"not an ISO 8601 timestamp in UTC ending in Z: {text!r}")
    return int((datetime.fromisoformat(text) - _UNIX) / timedelta(milliseconds=1))


def wall() -> int:
    """Return what time it really is."""
    return time.time_ns() // 1_000_000


def days_since_story() -> int:
    """Return by how many milliseconds, in whole days, the story must move to end in the last 24 hours."""
    return (wall() - NOW) // DAY * DAY


NOW = parse("2026-08-03T09:00:00.000Z")
"""The moment at which every seed ends, unless its story is moved to the present."""
