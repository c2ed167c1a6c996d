"""Budgets: how fast to ask.

The figures are WorkOS's published limits: 4 requests a second per directory on ``/directory_users`` and
6,000 a minute per key on everything. We keep inside them from the first request instead of running into 429,
and where a 429 comes all the same, the pace is learnt from it.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from .waiting import wait

KEY = ""  # the budget of the whole key, among the directories' own
HAIR = 1.01  # turns are longer by this: exactly on the limit, a request that travels faster gets a 429

SLOWER = 1.5  # times the gap between two turns, after a refusal
FASTER = 0.9  # times the gap, after so many answers in a row:
CALM = 24
LEARNT_FIRST = 0.1  # seconds between two turns where nothing limited so far
LEARNT_MOST = 2.0
UNNOTICED = 0.005  # a gap that is not worth keeping


@dataclass
class _Budget:
    """When the next turn is, and what refusals taught about the pace."""

    free_at: float = 0.0
    held_until: float = 0.0
    learnt: float = 0.0  # seconds between two turns
    warned: bool = False  # refused once, which may be chance
    refusals: int = 0  # since the last answer
    answers: int = 0  # since the last refusal, or the last change of pace

    def refused(self, now: float, pause: float, gap: float) -> None:
        """Let nobody ask before a pause is over; at a second refusal slow down.

        A refusal after a whole pause means that others ask as well: then as slowly as the service asks for,
        which keeps the place in its window that the last answer left.
        """
        if pause > 0 and now >= self.held_until:  # else one of several under way, and of the same making
            self.refusals += 1
            self.answers = 0
            slowest = min(pause * HAIR, LEARNT_MOST)
            if self.refusals > 1:
                self.learnt = slowest
            elif self.warned:
                self.learnt = min(max(gap * SLOWER, LEARNT_FIRST), slowest)
            self.warned = True
        self.held_until = max(self.held_until, now + pause)
        self.free_at = max(self.free_at - gap, self.held_until)  # the turn that was refused counts for nothing

    def answered(self, published: float) -> None:
        """Speed up again, a little after each run of answers."""
        self.refusals = 0
        self.answers += 1
        if self.answers >= CALM:
            self.answers = 0
            self.warned = self.learnt > 0
            self.learnt *= FASTER
            if self.learnt <= max(published, UNNOTICED):
                self.learnt = 0.0


class Pacer:
    """Keep requests inside the published limits, over all threads that share one key.

    A request takes a turn on its directory's budget, where it has one, and then a turn on the key's. Turns of a
    budget are evenly spaced and never burst; they keep one part in a hundred below the limit, because requests
    sent exactly on it arrive a little unevenly, and over it. The key's turn is taken last, so that a queue on
    one directory holds back no other.

    Whatever the limits, refusals (429) slow a budget down for everybody on it, and answers speed it up again,
    up to the limit.

    Parameters
    ----------
    per_directory, per_key
        Requests a second. ``None`` lifts the limit.
    clock, sleep
        Seconds from a monotonic clock, and how to wait: a function of seconds and an event that ends the wait.
        For tests that run without waiting.

    Examples
    --------
    >>> client = ds.connect_sandbox(pacer=ds.client.Pacer(per_directory=4.0))
    >>> client.transport.pacer.per_directory
    4.0
    """

    def __init__(
        self,
        *,
        per_directory: float | None = 4.0,
        per_key: float | None = 100.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float, threading.Event | None], object] = wait,
    ) -> None:
        self.per_directory = per_directory
        self.per_key = per_key
        self.clock = clock
        self.sleep = sleep
        self._budgets: defaultdict[str, _Budget] = defaultdict(_Budget)
        self._lock = threading.Lock()

    @classmethod
    def unlimited(cls) -> Pacer:
        """Return a pacer that holds no request back before a first refusal, for a server on this machine."""
        return cls(per_directory=None, per_key=None)

    def rate(self, scope: str | None) -> float | None:
        """Return the requests a second that a budget allows just now, or None without a limit."""
        names = [KEY] if scope is None else [scope, KEY]
        with self._lock:
            limits = [self._limit(name) for name in names]
            limits += [1 / b.learnt for b in (self._budgets.get(name) for name in names) if b and b.learnt]
        return min((limit for limit in limits if limit), default=None)

    def wait(self, scope: str | None, stop: threading.Event | None = None) -> float:
        """Wait for the turn of one request; return the seconds waited.

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
            self._budgets[scope].free_at += max(0.0, self.clock() - due)
        return waited

    def hold(self, scope: str | None, seconds: float) -> None:
        """Note a 429: nobody asks on this budget for some seconds, and from then on more slowly."""
        name = KEY if scope is None else scope
        with self._lock:
            budget = self._budgets[name]
            budget.refused(self.clock(), seconds, max(_gap(self._limit(name)), budget.learnt))

    def answered(self, scope: str | None) -> None:
        """Note a request that was not refused: after some of them, the budget is faster again."""
        name = KEY if scope is None else scope
        with self._lock:
            self._budgets[name].answered(_gap(self._limit(name)))

    def _turn(self, name: str, limit: float | None, stop: threading.Event | None) -> tuple[float, float]:
        """Wait for a turn on one budget; return the seconds waited, and when the turn was due."""
        with self._lock:
            now = self.clock()
            budget = self._budgets[name]
            due = max(now, budget.free_at)
            budget.free_at = due + max(_gap(limit), budget.learnt)
        if due > now:
            self.sleep(due - now, stop)
        return due - now, due

    def _limit(self, name: str) -> float | None:
        return self.per_key if name == KEY else self.per_directory


def _gap(limit: float | None) -> float:
    """Return the seconds between two turns that keep a budget inside its limit."""
    return HAIR / limit if limit else 0.0
