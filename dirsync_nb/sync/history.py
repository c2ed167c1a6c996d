"""What happened, told from events: who joined and left, which fields changed, what the events leave out.

Every time is given in one stated zone, ``tz``, whatever zone the events frame is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .. import errors
from ..client import Record
from ..frames import TIME, choose_address
from ..frames.records import as_dict
from ..text import plain
from .events import Events, ParsedEvent, Unusable, event_records, id_in, parse_event

__all__ = ["arrivals", "changes", "missed", "timeline"]


def _in_order(events: Events) -> list[tuple[ParsedEvent, Record]]:
    """Return the usable events in the order they were recorded, each once."""
    found: dict[str, tuple[ParsedEvent, Record]] = {}
    for record in event_records(events):
        try:
            parts = parse_event(record)
        except Unusable:
            continue
        found.setdefault(parts.moment.event_id, (parts, record))
    return sorted(found.values(), key=lambda pair: pair[0].moment)


# Joiners and leavers ------------------------------------------------------------------------------------

TIMELINE_COLUMNS = {
    "at": TIME,
    "change": "category",
    **dict.fromkeys(("manner", "user_id", "user", "directory_id", "previous_user_id", "event_id"), "str"),
}


def timeline(events: Events, *, tz: str = "UTC") -> pd.DataFrame:
    """Return who joined, left and returned, one row each, oldest first; a leaver told of twice is one row.

    Parameters
    ----------
    events
        An events frame, or records of the events API or of webhooks, in any order.
    tz
        The zone of ``at``, such as ``"Europe/Paris"``.

    Returns
    -------
    pandas.DataFrame
        ``at``; ``change`` (``joined``, ``left``, ``returned``); ``manner``, which is ``created``,
        ``reactivated``, ``created anew`` (under a new id: the former is ``previous_user_id``), ``deactivated``,
        ``deleted``, ``deactivated, then deleted`` or ``directory deleted``; ``user_id``, ``user`` (address or
        name), ``directory_id``, ``previous_user_id``, ``event_id``.

    Raises
    ------
    ArgumentError
        There is no such zone.

    Examples
    --------
    >>> told = ds.history.timeline(events)
    >>> told["change"].iloc[0]
    'left'
    """
    story = _Story()
    for parts, record in _in_order(events):
        if parts.directory is not None and parts.kind == "dsync.deleted":
            story.end_directory(parts)
        elif parts.user is not None and parts.group is None:
            story.apply_user(parts, parts.user, _previous(record))
        elif parts.user is not None and parts.kind.endswith("user_added"):
            story.apply_membership(parts, parts.user)
    return story.frame(_zone(tz))


def arrivals(events: Events, *, tz: str = "UTC") -> pd.Series:
    """Return who came and went as steps: 1 for each who joined or returned, -1 for each who left.

    The rows are those of :func:`timeline`, so charts and tables count alike; ``.cumsum()`` is how many
    more there are than before the first event.

    Returns
    -------
    pandas.Series
        ``int64``, indexed by ``at``, oldest first.

    Examples
    --------
    >>> steps = ds.history.arrivals(events)
    >>> steps.name
    'step'
    """
    told = timeline(events, tz=tz)
    steps = told["change"].astype("str").map({"joined": 1, "returned": 1, "left": -1}).astype("int64")
    return pd.Series(steps.array, index=pd.DatetimeIndex(told["at"], name="at"), name="step")


def _zone(tz: object) -> pd.DatetimeTZDtype:
    try:
        return pd.DatetimeTZDtype("us", tz if isinstance(tz, str) else "")
    except (TypeError, ValueError, KeyError, OSError) as problem:
        raise errors.ArgumentError(
            f"tz must name a time zone such as 'UTC' or 'Europe/Paris'; got {tz!r}"
        ) from problem


def _times(micros: pd.Series, zone: pd.DatetimeTZDtype) -> pd.Series:
    """Read microseconds since 1970 as times of a zone."""
    return pd.to_datetime(micros.astype("int64"), unit="us", utc=True).astype(zone)


def _previous(record: Record) -> Mapping[str, Any]:
    """Return an update's old values, from the data or, failing that, the context."""
    found = (as_dict(record.get(name)).get("previous_attributes") for name in ("data", "context"))
    return next((one for one in found if isinstance(one, dict)), {})


@dataclass
class _Story:
    """Who is in, who is out, and the rows told so far."""

    rows: list[list[Any]] = field(default_factory=list)
    people: dict[str, Record] = field(default_factory=dict)
    inside: dict[str, bool] = field(default_factory=dict)
    left_row: dict[str, list[Any]] = field(default_factory=dict)
    by_idp: dict[tuple[str | None, str], str] = field(default_factory=dict)
    ended: set[str | None] = field(default_factory=set)

    def apply_membership(self, parts: ParsedEvent, user: Record) -> None:
        """Note somebody whom a membership speaks of; no news of coming or going."""
        if parts.directory_id not in self.ended:
            self.people.setdefault(user["id"], user)
            self.inside.setdefault(user["id"], user.get("state") == "active")

    def apply_user(self, parts: ParsedEvent, user: Record, previous: Mapping[str, Any]) -> None:
        user_id, on = user["id"], user.get("state") == "active" and not parts.kind.endswith("deleted")
        was = self.inside.get(user_id)
        self.people[user_id], self.inside[user_id] = user, on
        if parts.kind.endswith("deleted"):
            self._delete(parts, user, was)
        elif on and was is None and parts.kind.endswith("created"):
            former = self._former(user)
            manner = ("returned", "created anew") if former else ("joined", "created")
            self._tell(parts, *manner, user, former)
        elif on and (was is False or (was is None and previous.get("state") not in (None, "active"))):
            self._tell(parts, "returned", "reactivated", user)
        elif not on and (was or (was is None and previous.get("state") == "active")):
            self.left_row[user_id] = self._tell(parts, "left", "deactivated", user)
        if idp_id := id_in(user, "idp_id"):
            self.by_idp[id_in(user, "directory_id"), idp_id] = user_id

    def _delete(self, parts: ParsedEvent, user: Record, was: bool | None) -> None:
        if was is False:  # out already: told once
            row = self.left_row.get(user["id"])
            if row is not None and row[2] == "deactivated":
                row[2] = "deactivated, then deleted"
        else:
            self.left_row[user["id"]] = self._tell(parts, "left", "deleted", user)

    def end_directory(self, parts: ParsedEvent) -> None:
        self.ended.add(parts.directory_id)
        for name, user in self.people.items():
            if self.inside[name] and user.get("directory_id") == parts.directory_id:
                self.inside[name] = False
                self.left_row[name] = self._tell(parts, "left", "directory deleted", user)

    def _former(self, user: Record) -> str | None:
        former = self.by_idp.get((id_in(user, "directory_id"), id_in(user, "idp_id") or ""))
        return former if former is not None and self.inside.get(former) is False else None

    def _tell(
        self, parts: ParsedEvent, change: str, manner: str, user: Record, former: str | None = None
    ) -> list[Any]:
        shown = plain(choose_address(user)[0] or user.get("name") or user.get("idp_id")) or None
        at, event_id = parts.moment
        row = [at, change, manner, user["id"], shown, parts.directory_id, former, event_id]
        self.rows.append(row)
        return row

    def frame(self, zone: pd.DatetimeTZDtype) -> pd.DataFrame:
        frame = pd.DataFrame(self.rows, columns=list(TIMELINE_COLUMNS))
        frame["at"] = _times(frame["at"], zone)
        frame["change"] = pd.Categorical(frame["change"], categories=["joined", "left", "returned"])
        return frame.astype({name: kind for name, kind in TIMELINE_COLUMNS.items() if kind == "str"})


# What changed, and what was missed ----------------------------------------------------------------------


def changes(events: Events, *, tz: str = "UTC") -> pd.DataFrame:
    """Return what updates changed, one row a field, oldest first, from their ``previous_attributes``.

    An old value that is repeated unchanged is no change. The service does not tell null from absent here.

    Parameters
    ----------
    events, tz
        As for :func:`timeline`.

    Returns
    -------
    pandas.DataFrame
        ``at``, ``event_id``, ``object_id`` (of the user or group), ``field`` (custom attributes one by one),
        ``before``, ``after``.

    Examples
    --------
    >>> ds.history.changes(events).shape[0] > 0
    True
    """
    rows = []
    for parts, record in _in_order(events):
        subject = parts.user or parts.group
        if subject is None or not parts.kind.endswith(".updated"):
            continue
        new = {**subject, **_flat(subject)}
        for name, before in _flat(_previous(record)).items():
            if not _same(before, after := new.get(name)):
                rows.append((parts.moment.time, parts.moment.event_id, subject["id"], name, before, after))
    names = ["at", "event_id", "object_id", "field", "before", "after"]
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    frame["at"] = _times(frame["at"], _zone(tz))
    return frame.astype({"event_id": "str", "object_id": "str", "field": "str"})


def missed(events: Events) -> pd.DataFrame:
    """Find changes that no event here tells of: an update's old value is not what the event before left.

    Returns
    -------
    pandas.DataFrame
        One row a field: ``object_id``, ``field``, the two events between which something is missing
        (``after_event_id``, ``before_event_id``), what was ``expected`` and what was ``found`` instead. Nothing
        found is no proof that nothing is missing.

    Examples
    --------
    >>> ds.history.missed(events).shape[0]
    0
    """
    last: dict[str, tuple[str, Record]] = {}
    rows = []
    for parts, record in _in_order(events):
        subject = (parts.user or parts.group) if parts.user is None or parts.group is None else None
        if subject is None:
            continue
        if subject["id"] in last and parts.kind.endswith(".updated"):
            earlier, before_it = last[subject["id"]]
            held = {**before_it, **_flat(before_it)}
            for name, before in _flat(_previous(record)).items():
                if not _same(held.get(name), before):
                    ends = (earlier, parts.moment.event_id)
                    rows.append((subject["id"], name, *ends, held.get(name), before))
        last[subject["id"]] = (parts.moment.event_id, subject)
    names = ["object_id", "field", "after_event_id", "before_event_id", "expected", "found"]
    return pd.DataFrame(rows, columns=names, dtype=object).astype(dict.fromkeys(names[:4], "str"))


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Put custom attributes beside the other fields."""
    attributes = record.get("custom_attributes")
    if not isinstance(attributes, dict):
        return dict(record)
    flat = {name: value for name, value in record.items() if name != "custom_attributes"}
    return flat | {f"custom_attributes.{name}": value for name, value in attributes.items()}


def _same(x: Any, y: Any) -> bool:
    """Whether two values are the same JSON; to Python, ``True`` and 1 are equal."""
    if isinstance(x, bool) or isinstance(y, bool):
        return x is y
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(_same(x[name], y[name]) for name in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(_same, x, y))
    return bool(x == y)
