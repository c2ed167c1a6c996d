"""A place in the events that the service does not know any more, told from a call that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from .. import errors
from ..client import LoadContext, Record, read_pages
from ..client.answers import noted
from ..client.filters import time_in_id, time_of
from ..client.paging import NEWEST_FIRST

REFUSED = (errors.BadRequest, errors.Unprocessable)
"""How a service answers to a cursor that it does not know; 400 with a cursor sent is how WorkOS does."""

RETENTION = timedelta(days=90)
DEFAULT_WINDOW = timedelta(days=30)  # what the service gives when it is not told where to begin


@dataclass(frozen=True)
class Gap:
    """What cannot be read any more: the events between two of them.

    Attributes
    ----------
    after_event_id, after_time
        The last event that was dealt with. The time is missing where neither we nor the id tell.
    until_event_id, until_time
        The oldest event the service still has; both missing if it has none.
    """

    after_event_id: str
    after_time: pd.Timestamp | None
    until_event_id: str | None
    until_time: pd.Timestamp | None

    def __str__(self) -> str:
        began = f" of {self.after_time:%Y-%m-%d %H:%M} UTC" if self.after_time is not None else ""
        if self.until_time is None:
            return f"a gap after {self.after_event_id}{began}; the service has no events at present"
        return (
            f"a gap from {self.after_event_id}{began} to {self.until_event_id} of "
            f"{self.until_time:%Y-%m-%d %H:%M} UTC"
        )


class LostPlace(errors.LoadError):
    """The service does not know the event to go on from: it is too old, or of another environment.

    Attributes
    ----------
    gap
        What was missed, from the last event dealt with to the oldest that is still there.
    """

    def __init__(self, gap: Gap) -> None:
        super().__init__(
            f"The service no longer knows where we were: {gap}. What happened in between cannot be read from "
            "events. Take a snapshot (take_snapshot), and follow on from its position."
        )
        self.gap = gap


def lost_place(
    context: LoadContext, after: str, problem: errors.LoadError, filters: Mapping[str, Any]
) -> errors.LoadError:
    """Tell a place that is lost from a call that is wrong, by asking the same without the place.

    What was read stays with the error.
    """
    asked = {name: value for name, value in filters.items() if name in ("events", "organization_id")}
    try:
        oldest = _oldest_kept(context, asked)
    except errors.LoadError:
        return problem
    until = (str(oldest["id"]), _stamp(time_of(oldest))) if oldest else (None, None)
    lost = LostPlace(Gap(after, _stamp(time_in_id(after)), *until))
    return noted(lost, status_code=problem.status_code, partial=problem.partial, receipt=problem.receipt)


def event_pages(context: LoadContext, filters: Mapping[str, Any]) -> Iterator[list[Record]]:
    """Yield pages of events that hold any, and refuse events that are listed newest first."""
    receipt = context.open("events", filters, log=False)
    for page in read_pages(context, receipt):
        if receipt.details.get("newest_first"):
            raise errors.BadPayload(NEWEST_FIRST)
        if page:
            yield page


def first_events(context: LoadContext, **filters: Any) -> list[Record]:
    """Read the first page of events; a span in what is the service's future is an empty one."""
    try:
        return next(event_pages(context, filters), [])
    except REFUSED:
        if "range_start" in filters:
            return []
        raise


def _oldest_kept(context: LoadContext, asked: dict[str, Any]) -> Record | None:
    """Find the oldest event the service still has: within its default window, and then before it."""
    recent = first_events(context, **asked)
    first = (time_of(recent[0]) if recent else None) or datetime.now(UTC)
    # It is within 30 days, so going back 90 reaches all there is; 60, should it refuse what is past retention.
    for back in (RETENTION, RETENTION - DEFAULT_WINDOW):
        older = first_events(context, **asked, range_start=first - back, range_end=first)
        if older:
            return older[0]
    return recent[0] if recent else None


def _stamp(moment: datetime | None) -> pd.Timestamp | None:
    return None if moment is None else pd.Timestamp(moment)
