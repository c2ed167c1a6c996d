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
from weakref import WeakSet

__all__ = ["Pacer", "RetryPolicy", "Stop", "parse_retry_after"]

KEY = ""  # the budget of the whole key, among the directories' own
HAIR = 1.01  # turns are longer by this: exactly on the limit, a request that travels faster gets a 429
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
        """Return the seconds to wait before the next try, or None when there shall be none."""
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


class Stop(threading.Event):
    """An event that is also set when its parent is: a part of a work ends with the whole, not the other way."""

    def __init__(self, parent: threading.Event | None = None) -> None:
        super().__init__()
        self._parts: WeakSet[Stop] = WeakSet()
        self._adding = threading.Lock()
        if isinstance(parent, Stop):
            with parent._adding:
                parent._parts.add(self)
        if parent is not None and parent.is_set():
            self.set()

    def set(self) -> None:
        """End this work and all its parts."""
        super().set()
        with self._adding:
            parts = list(self._parts)
        for part in parts:
            part.set()


class Pacer:
    """Keep requests inside the published limits, over all threads that share one key.

    A request takes a turn on its directory's budget, where it has one, and then a turn on the key's. Turns of a
    budget are evenly spaced and never burst; they keep one part in a hundred below the limit, because requests
    sent exactly on it arrive a little unevenly, and over it. The key's turn is taken last, so that a queue on
    one directory holds back no other.

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

    def rate(self, scope: str | None) -> float | None:
        """Return the requests a second that a budget allows, or None without a limit."""
        limits = [self.per_key] if scope is None else [self.per_directory, self.per_key]
        return min((limit for limit in limits if limit), default=None)

    def wait(self, scope: str | None, stop: threading.Event | None = None) -> float:
        """Wait for the turn of one request; give the seconds waited.

        Parameters
        ----------
        scope
            What the per-directory limit counts on, or None for a path that has only the key's limit.
        stop
            Ends the wait early when it is set.
        """
        if scope is None:
            return self._turn(KEY, self.per_key, stop)[0]
        waited, due = self._turn(scope, self.per_directory, stop)
        waited += self._turn(KEY, self.per_key, stop)[0]
        # What leaves late, for a queue on the key or a busy machine, would be followed too closely.
        with self._lock:
            self._free_at[scope] += max(0.0, self.clock() - due)
        return waited

    def _turn(self, name: str, rate: float | None, stop: threading.Event | None) -> tuple[float, float]:
        """Wait for a turn on one budget; give the seconds waited, and when the turn was due."""
        with self._lock:
            now = self.clock()
            due = max(now, self._free_at[name])
            self._free_at[name] = due + (HAIR / rate if rate else 0.0)
        if due > now:
            self.sleep(due - now, stop)
        return due - now, due

    def hold(self, scope: str | None, seconds: float) -> None:
        """Let nobody ask on this budget for some seconds: one caller's 429 is everybody's."""
        name = KEY if scope is None else scope
        with self._lock:
            self._free_at[name] = max(self._free_at[name], self.clock() + seconds)
