"""Events taken apart: when each was recorded, and which user, group or directory it speaks of."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd

from .. import errors
from ..client import DSYNC_EVENTS, Record
from ..frames import require_complete, require_order

Events = pd.DataFrame | Iterable[Record]

TOKENS = ("dsync.token.created", "dsync.token.revoked")
PLACED = (*(name for name in DSYNC_EVENTS if name not in TOKENS), "dsync.deactivated")  # the last in old data


class Moment(NamedTuple):
    """A place in the order of all events: when it was recorded (microseconds since 1970), then its id.

    Examples
    --------
    >>> first = ds.sync.moment_of(next(client.events()))
    >>> first < ds.sync.moment_of(ds.sync.latest_event(client))
    True
    """

    time: int
    event_id: str


NEVER = Moment(-(2**62), "")


class Unusable(errors.DirsyncError):
    """Say why an event cannot be placed."""


@dataclass(slots=True)
class ParsedEvent:
    """An event taken apart."""

    kind: str
    moment: Moment
    directory_id: str | None = None
    user: Record | None = None
    group: Record | None = None
    directory: Record | None = None


NO_EVENTS = "events must be an events frame (load_events) or a list of event records"


def event_records(events: Events) -> Iterator[Record]:
    """Return events as records, whether they come as a frame or as they were read."""
    if not isinstance(events, pd.DataFrame):
        given: Any = events
        for record in given if isinstance(given, Iterable) else [given]:
            if not isinstance(record, Mapping):
                raise errors.ArgumentError(NO_EVENTS)
            yield record  # type: ignore[misc]
        return
    require_complete(events, "a replay")
    require_order(events, "a replay")
    if "data" not in events or "event" not in events:
        raise errors.ArgumentError(NO_EVENTS)
    columns = [events[name] for name in ("event", "created_at", "data", "context")]
    for event_id, event, created_at, data, context in zip(events.index, *columns, strict=True):
        yield {"id": event_id, "event": event, "created_at": created_at, "data": data, "context": context}


def parse_event(record: Record) -> ParsedEvent:
    """Find the user, group or directory an event is about; raise Unusable where something is missing."""
    moment = moment_of(record)
    kind, data = record.get("event"), record.get("data")
    if not isinstance(kind, str):
        raise Unusable("no event name")
    if kind not in PLACED:
        return ParsedEvent(kind, moment, id_in(data, "directory_id") if isinstance(data, dict) else None)
    if not isinstance(data, dict):
        raise Unusable("no data")
    if kind.startswith("dsync.group.user_"):
        user, group = _object(data.get("user"), "user"), _object(data.get("group"), "group")
        where = id_in(data, "directory_id") or id_in(group, "directory_id") or id_in(user, "directory_id")
        return ParsedEvent(kind, moment, where, user=user, group=group)
    if kind.startswith("dsync.user."):
        return ParsedEvent(kind, moment, id_in(data, "directory_id"), user=_object(data, "user"))
    if kind.startswith("dsync.group."):
        return ParsedEvent(kind, moment, id_in(data, "directory_id"), group=_object(data, "group"))
    directory = _object(data, "directory")
    return ParsedEvent(kind, moment, directory["id"], directory=directory)


def id_in(record: Mapping[str, Any], name: str) -> str | None:
    """Return a field that holds an id; None where it is absent, empty or no text (half a character is none)."""
    value = record.get(name)
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value or None


def _object(value: object, noun: str) -> Record:
    if not isinstance(value, dict) or id_in(value, "id") is None:
        raise Unusable(f"no {noun} with an id inside")
    if "previous_attributes" in value:  # what changed is no part of what is
        return {name: held for name, held in value.items() if name != "previous_attributes"}
    return value


def moment_of(record: Mapping[str, Any]) -> Moment:
    """Return an event's place in the order of all events; raise a DirsyncError where it has none.

    Examples
    --------
    >>> first = next(client.events())
    >>> ds.sync.moment_of(first).event_id == events.index[0]
    True
    """
    given: Any = record
    event_id = id_in(record, "id") if isinstance(given, Mapping) else None
    if event_id is None:
        raise Unusable("no event id")
    try:
        return Moment(micros(record.get("created_at")), event_id)
    except (TypeError, ValueError, OverflowError):
        raise Unusable("no readable created_at") from None


def moment_or_none(record: Mapping[str, Any]) -> Moment | None:
    """Return an event's place in the order of all events, if it has one."""
    try:
        return moment_of(record)
    except Unusable:
        return None


def micros(value: Any) -> int:
    """Read a time, as the API writes it or as a frame holds it, in microseconds; without a zone it is UTC."""
    if isinstance(value, pd.Timestamp):
        return int(value.as_unit("us").asm8.view("i8"))  # .value would be nanoseconds
    return _text_micros(value)


@functools.lru_cache(maxsize=4096)
def _text_micros(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * 1_000_000)
