"""What happened, told from events: who joined and left, which fields changed, and what the events leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..client import Record
from ..frames import TIME, choose_address
from .events import Events, ParsedEvent, Unusable, event_records, parse_event

__all__ = ["changes", "missed", "timeline"]


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
    "manner": "str",
    "user_id": "str",
    "user": "str",
    "directory_id": "str",
    "previous_user_id": "str",
    "event_id": "str",
}


def timeline(events: Events) -> pd.DataFrame:
    """Tell who joined, left and returned, one row each, oldest first; a leaver told of twice is one row.

    Returns
    -------
    pandas.DataFrame
        ``at``; ``change`` (``joined``, ``left``, ``returned``); ``manner``, which is ``created``,
        ``reactivated``, ``created anew`` (under a new id: the former is ``previous_user_id``), ``deactivated``,
        ``deleted``, ``deactivated, then deleted`` or ``directory deleted``; ``user_id``, ``user`` (address or
        name), ``directory_id``, ``previous_user_id``, ``event_id``.
    """
    story = _Story()
    for parts, record in _in_order(events):
        if parts.directory is not None and parts.kind == "dsync.deleted":
            story.directory_ends(parts)
        elif parts.user is not None and parts.group is None:
            story.hear(parts, parts.user, _previous(record))
        elif parts.user is not None:
            story.meet(parts.user)
    return story.frame()


def _previous(record: Record) -> Mapping[str, Any]:
    """Return an update's old values, from the data or, failing that, the context."""
    for holder in (record.get("data"), record.get("context")):
        if isinstance(holder, dict) and isinstance(holder.get("previous_attributes"), dict):
            found: dict[str, Any] = holder["previous_attributes"]
            return found
    return {}


@dataclass
class _Story:
    """Who is in, who is out, and the rows told so far."""

    rows: list[list[Any]] = field(default_factory=list)
    people: dict[str, Record] = field(default_factory=dict)
    inside: dict[str, bool] = field(default_factory=dict)
    left_row: dict[str, list[Any]] = field(default_factory=dict)
    by_idp: dict[tuple[Any, Any], str] = field(default_factory=dict)

    def meet(self, user: Record) -> None:
        """Note somebody whom a membership speaks of; no news of coming or going."""
        self.people.setdefault(user["id"], user)
        self.inside.setdefault(user["id"], user.get("state") == "active")

    def hear(self, parts: ParsedEvent, user: Record, previous: Mapping[str, Any]) -> None:
        name, on = user["id"], user.get("state") == "active" and not parts.kind.endswith("deleted")
        was = self.inside.get(name)
        self.people[name], self.inside[name] = user, on
        if parts.kind.endswith("deleted"):
            self._deleted(parts, user, was)
        elif on and was is None and parts.kind.endswith("created"):
            former = self._former(user)
            manner = ("returned", "created anew") if former else ("joined", "created")
            self._tell(parts, *manner, user, former)
        elif on and (was is False or (was is None and previous.get("state") not in (None, "active"))):
            self._tell(parts, "returned", "reactivated", user)
        elif not on and (was or (was is None and previous.get("state") == "active")):
            self.left_row[name] = self._tell(parts, "left", "deactivated", user)
        if user.get("idp_id"):
            self.by_idp[user.get("directory_id"), user["idp_id"]] = name

    def _deleted(self, parts: ParsedEvent, user: Record, was: bool | None) -> None:
        row = self.left_row.get(user["id"])
        if was is False and row is not None:
            if row[2] == "deactivated":
                row[2] = "deactivated, then deleted"
            return
        self.left_row[user["id"]] = self._tell(parts, "left", "deleted", user)

    def directory_ends(self, parts: ParsedEvent) -> None:
        for name, user in self.people.items():
            if self.inside[name] and user.get("directory_id") == parts.directory_id:
                self.inside[name] = False
                self.left_row[name] = self._tell(parts, "left", "directory deleted", user)

    def _former(self, user: Record) -> str | None:
        former = self.by_idp.get((user.get("directory_id"), user.get("idp_id")))
        return former if former is not None and self.inside.get(former) is False else None

    def _tell(
        self, parts: ParsedEvent, change: str, manner: str, user: Record, former: str | None = None
    ) -> list[Any]:
        shown = choose_address(user)[0] or user.get("name") or user.get("idp_id")
        at, event_id = parts.moment
        row = [at, change, manner, user["id"], shown, parts.directory_id, former, event_id]
        self.rows.append(row)
        return row

    def frame(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.rows, columns=list(TIMELINE_COLUMNS))
        frame["at"] = pd.to_datetime(frame["at"].astype("int64"), unit="us", utc=True).dt.as_unit("us")
        frame["change"] = pd.Categorical(frame["change"], categories=["joined", "left", "returned"])
        return frame.astype({name: kind for name, kind in TIMELINE_COLUMNS.items() if kind == "str"})


# What changed, and what was missed ----------------------------------------------------------------------


def changes(events: Events) -> pd.DataFrame:
    """Return what updates changed, one row a field, oldest first, from their ``previous_attributes``.

    Returns
    -------
    pandas.DataFrame
        ``at``, ``event_id``, ``object_id`` (of the user or group), ``field`` (custom attributes one by one),
        ``before``, ``after``. The service does not tell null from absent here.
    """
    rows = []
    for parts, record in _in_order(events):
        subject = parts.user or parts.group
        if subject is None or not parts.kind.endswith(".updated"):
            continue
        old = _flat(_previous(record))
        new = _flat(subject)
        for name, before in old.items():
            told = (parts.moment.time, parts.moment.event_id, subject["id"])
            rows.append((*told, name, before, new.get(name)))
    frame = pd.DataFrame(
        rows, columns=["at", "event_id", "object_id", "field", "before", "after"], dtype=object
    )
    frame["at"] = pd.to_datetime(frame["at"].astype("int64"), unit="us", utc=True).dt.as_unit("us")
    return frame.astype({"event_id": "str", "object_id": "str", "field": "str"})


def missed(events: Events) -> pd.DataFrame:
    """Find changes that no event here tells of: an update's old value is not what the event before left.

    Returns
    -------
    pandas.DataFrame
        One row a field: ``object_id``, ``field``, the two events between which something is missing
        (``after_event_id``, ``before_event_id``), what was ``expected`` and what was ``found`` instead. Nothing
        found is no proof that nothing is missing.
    """
    last: dict[str, tuple[str, Record]] = {}
    rows = []
    for parts, record in _in_order(events):
        subject = (parts.user or parts.group) if parts.user is None or parts.group is None else None
        if subject is None:
            continue
        if subject["id"] in last and parts.kind.endswith(".updated"):
            earlier, held = last[subject["id"]][0], _flat(last[subject["id"]][1])
            for name, before in _flat(_previous(record)).items():
                if held.get(name) != before:
                    ends = (earlier, parts.moment.event_id)
                    rows.append((subject["id"], name, *ends, held.get(name), before))
        last[subject["id"]] = (parts.moment.event_id, subject)
    names = ["object_id", "field", "after_event_id", "before_event_id", "expected", "found"]
    return pd.DataFrame(rows, columns=names, dtype=object).astype(dict.fromkeys(names[:4], "str"))


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Put custom attributes beside the other fields."""
    flat = {name: value for name, value in record.items() if name != "custom_attributes"}
    attributes = record.get("custom_attributes")
    if isinstance(attributes, dict):
        flat |= {f"custom_attributes.{name}": value for name, value in attributes.items()}
    return flat
