"""The rate limits: 4 requests a second per directory on /directory_users, 6,000 a minute per key."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Window:
    """Let through at most ``count`` requests within any ``seconds``."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=count)
        self._count = count

    def wait(self, now: float) -> float:
        """Return how long until another request would be let through; 0 if it is now."""
        if len(self._times) < self._count:
            return 0.0
        return max(0.0, self._times[0] + self._seconds - now)

    def take(self, now: float) -> None:
        """Count one request that was let through."""
        self._times.append(now)


class Limits:
    """Keep the windows of all directories and of the one key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = Window(6_000, 60.0)
        self._directories: dict[int, Window] = {}

    def retry_after(self, directory: int | None) -> int:
        """Count a request, or give the whole seconds it should wait. Refused requests are not counted."""
        now = self._clock()
        windows = [self._key]
        if directory is not None:
            windows.append(self._directories.setdefault(directory, Window(4, 1.0)))
        wait = max(window.wait(now) for window in windows)
        if wait > 0:
            return math.ceil(wait)
        for window in windows:
            window.take(now)
        return 0

    def clear(self) -> None:
        """Forget all requests."""
        self._key = Window(6_000, 60.0)
        self._directories.clear()
