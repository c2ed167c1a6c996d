"""How the worker is: whether it works (``/healthz``), and numbers for Prometheus (``/metrics``)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from .tables import Place, User

STATUSES = ("active", "inactive", "retained", "removed")


@dataclass
class Pulse:
    """What the worker counted since it began. One thread writes, others only read."""

    clock: Callable[[], float] = time.time
    applied: int = 0  # events
    failed: int = 0  # events
    turns: int = 0
    lag: float = 0.0  # seconds between the newest event of the last turn and its being applied
    last_turn: float | None = None  # when the last good one ended
    requests: int = 0
    limited: int = 0  # answers with 429

    def beat(self, lag: float) -> None:
        """Note that a turn went well."""
        self.turns, self.lag, self.last_turn = self.turns + 1, lag, self.clock()


class Health:
    """Answers who asks how the worker is. Counts only: no names, no ids."""

    def __init__(self, pulse: Pulse, sessions: sessionmaker[Session], healthy: timedelta) -> None:
        self._pulse, self._sessions, self._healthy = pulse, sessions, healthy.total_seconds()

    def check(self) -> tuple[bool, bytes]:
        """Return whether all is well, and each answer as JSON."""
        last = self._pulse.last_turn
        told = {
            "database": False,
            "place": False,
            "turn": last is not None and self._pulse.clock() - last <= self._healthy,
        }
        try:
            with self._sessions() as session:
                told["place"] = session.scalar(select(Place.loaded_at)) is not None
                told["database"] = True
        except SQLAlchemyError:
            pass  # the answer says so
        return all(told.values()), json.dumps(told).encode()

    def metrics(self) -> bytes:
        """Return the numbers in Prometheus's text format; without the database those that need none."""
        return "".join(f"{line}\n" for line in self._lines()).encode()

    def _lines(self) -> Iterator[str]:
        pulse = self._pulse
        for name, kind, told, value in (
            ("events_applied_total", "counter", "Events applied.", pulse.applied),
            ("events_failed_total", "counter", "Events kept in failed.", pulse.failed),
            ("turns_total", "counter", "Turns that went well.", pulse.turns),
            ("requests_total", "counter", "Requests sent to WorkOS.", pulse.requests),
            ("rate_limited_total", "counter", "Answers with 429.", pulse.limited),
            ("lag_seconds", "gauge", "Age of the newest event when it was applied.", pulse.lag),
            ("last_turn_timestamp_seconds", "gauge", "When the last good turn ended.", pulse.last_turn),
        ):
            if value is not None:
                yield from _head(name, kind, told)
                yield f"directory_worker_{name} {value}"
        try:
            with self._sessions() as session:
                rows = session.execute(select(User.status, func.count()).group_by(User.status))
                counts = {str(row[0]): int(row[1]) for row in rows}
        except SQLAlchemyError:
            return
        yield from _head("users", "gauge", "Directory users by status.")
        for status in STATUSES:
            yield f'directory_worker_users{{status="{status}"}} {counts.get(status, 0)}'


def _head(name: str, kind: str, told: str) -> Iterator[str]:
    yield f"# HELP directory_worker_{name} {told}"
    yield f"# TYPE directory_worker_{name} {kind}"
