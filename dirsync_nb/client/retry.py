"""Patience: whether a failed request is worth another try, and after how long."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
MOST_DOUBLINGS = 30
LATER = 0.05  # of a pause that was asked for, at most
GOLDEN = 0.618  # multiples of it, without their whole part, lie far from each other


@dataclass(frozen=True)
class RetryPolicy:
    """When a failed request is worth another try, and after how long.

    A 429 is no failure: it is waited out for as long as ``max_wait`` allows, however often it comes. Anything
    else counts as one of the ``attempts``.

    Parameters
    ----------
    attempts
        Tries in all, the first included. The official libraries make 4. With 1 there is no second try, whatever
        the answer was.
    base, ceiling
        Seconds of the first pause and the longest one; pauses double in between and are spread by a random
        factor of 0.5 to 1.5 so that several notebooks do not come back at the same moment.
    max_wait
        Patience with a service that asks to wait: seconds for one request, all its pauses together. One that
        asks for more gets an error instead of an early retry.

    Examples
    --------
    >>> ds.client.RetryPolicy(attempts=2).attempts
    2
    """

    attempts: int = 4
    base: float = 1.0
    ceiling: float = 30.0
    max_wait: float = 60.0
    spread: Callable[[], float] = field(default=lambda: random.uniform(0.5, 1.5), repr=False)

    def pause(
        self, tries_so_far: int, retry_after: float | None, *, refused: bool = False, waited: float = 0.0
    ) -> float | None:
        """Return the seconds to wait before the next try, or None when there shall be none.

        Parameters
        ----------
        tries_so_far
            How often this request failed, or was refused, so far.
        retry_after
            Seconds that the service asked for.
        refused
            Whether the answer was a 429.
        waited
            Seconds that this request has been held back already.
        """
        if self.attempts <= 1 or (not refused and tries_so_far >= self.attempts):
            return None
        left = self.max_wait - waited
        if retry_after is not None:
            if retry_after > left:
                return None
            # As asked; after a pause in vain a little longer, each time by another bit: whoever comes back
            # after exactly a second meets the same others at the same moment.
            later = LATER * (GOLDEN * tries_so_far * self.spread() % 1) if tries_so_far > 1 else 0.0
            return min(retry_after * (1 + later), left)
        doubled = self.base * 2.0 ** min(tries_so_far - 1, MOST_DOUBLINGS)
        own = min(doubled, self.ceiling) * self.spread()
        if refused:
            return min(own, left) if left > 0 else None
        return own


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date; None when absent or unreadable.

    A date in the past means "now": 0.0. A bare ``0`` is read as one second: the service has been seen to send
    it together with a limit that was still in force, so that asking again at once earned the next 429.
    """
    text = (value or "").strip()
    with suppress(ValueError):
        seconds = float(text)
        return (seconds if seconds > 0 else 1.0) if math.isfinite(seconds) else None
    with suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    return None
