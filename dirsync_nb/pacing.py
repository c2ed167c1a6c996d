"""Budgets and patience: how fast to ask, when to ask again, how long to wait.

The figures are WorkOS's published limits: 4 requests a second per directory on ``/directory_users`` and
6,000 a minute per key on everything. We keep inside them from the first request instead of running into 429.
Clock and sleep are handed in, so that tests run without waiting.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Pacer", "RetryPolicy", "parse_retry_after"]

KEY = ""  # the budget of the whole key, among the directories' own
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class RetryPolicy:
    """When a failed request is worth another try, and after how long.

    Parameters
    ----------
    attempts
        Tries in all, the first included. The official libraries make 4.
    base, ceiling
        Seconds of the first pause and the longest one; pauses double in between and are spread by a random
        factor of 0.5 to 1.5 so that several notebooks do not come back at the same moment.
    max_wait
        The longest pause we accept from a ``Retry-After``. A service that asks for more gets an error
        instead of an early retry.
    """

    attempts: int = 4
    base: float = 1.0
    ceiling: float = 30.0
    max_wait: float = 60.0
    spread: Callable[[], float] = field(default=lambda: random.uniform(0.5, 1.5), repr=False)

    def pause(self, tries_so_far: int, retry_after: float | None) -> float | None:
        """Give the seconds to wait before the next try, or None when there shall be none."""
        if tries_so_far >= self.attempts:
            return None
        if retry_after is None:
            return min(self.base * 2.0 ** (tries_so_far - 1), self.ceiling) * self.spread()
        if retry_after > self.max_wait:
            return None
        return retry_after


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date; None when absent or unreadable.

    A date in the past means "now": 0.0. A bare ``0`` is read as one second: the service has been seen to send
    it together with a limit that was still in force, so that asking again at once earned the next 429.
    """
    if value is None or not value.strip():
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return (seconds if seconds > 0 else 1.0) if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def sleep(seconds: float, stop: threading.Event | None = None) -> None:
    """Sleep, or wake at once when ``stop`` is set."""
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)


class Pacer:
    """Keep requests inside the published limits, over all threads that share one key.

    A request takes a turn on its directory's budget, where it has one, and then a turn on the key's. Turns of a
    budget are evenly spaced: that reaches the ceiling exactly and never bursts past it. The key's turn is taken
    last, so that a queue on one directory holds back no other.

    Parameters
    ----------
    per_directory, per_key
        Requests a second. ``None`` lifts the limit.
    clock, sleep
        Seconds from a monotonic clock, and how to wait: a function of seconds and an event that ends the wait.
    """

    def __init__(
        self,
        *,
        per_directory: float | None = 4.0,
        per_key: float | None = 100.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float, threading.Event | None], None] = sleep,
    ) -> None:
        self.per_directory = per_directory
        self.per_key = per_key
        self.clock = clock
        self.sleep = sleep
        self._free_at: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> Pacer:
        """Make a pacer that never holds a request back, for a server on this machine."""
        return cls(per_directory=None, per_key=None)

    def wait(self, scope: str | None, stop: threading.Event | None = None) -> float:
        """Wait for the turn of one request; give the seconds waited.

        Parameters
        ----------
        scope
            What the per-directory limit counts on, or None for a path that has only the key's limit.
        stop
            Ends the wait early when it is set.
        """
        waited = self._turn(scope, self.per_directory, stop) if scope is not None else 0.0
        return waited + self._turn(KEY, self.per_key, stop)

    def _turn(self, name: str, rate: float | None, stop: threading.Event | None) -> float:
        with self._lock:
            now = self.clock()
            start = max(now, self._free_at[name])
            self._free_at[name] = start + (1.0 / rate if rate else 0.0)
        if start > now:
            self.sleep(start - now, stop)
        return start - now

    def hold(self, scope: str | None, seconds: float) -> None:
        """Let nobody ask on this budget for some seconds: one caller's 429 is everybody's."""
        name = KEY if scope is None else scope
        with self._lock:
            self._free_at[name] = max(self._free_at[name], self.clock() + seconds)
