"""An app's own table of users against the directory: what would have to be created, changed or switched off.

The answer is a plan; nothing is written anywhere. ``database`` reads such a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from .. import errors
from ..frames import require_complete

__all__ = ["Plan", "TooManyDeactivations", "compare"]

ACTIONS = (
    "create",
    "update",
    "same_person",
    "deactivate",
    "tombstone",
    "cannot_compare",
)
PLAN_COLUMNS = {
    "action": "category",
    "app_key": "object",
    "user_id": "str",
    "name": "str",
    "address": "str",
    "matched_by": "str",
    "fields": "object",
    "before": "object",
    "after": "object",
    "reason": "str",
}
GUARD = 0.5
GUARD_FROM = 3  # leavers; fewer are never taken for everybody
OFF_WORDS = (
    "",
    "0",
    "false",
    "f",
    "no",
    "n",
    "off",
    "inactive",
    "disabled",
    "suspended",
    "deactivated",
    "deleted",
)


class HasUsers(Protocol):
    """A snapshot, or anything else with a users frame."""

    @property
    def users(self) -> pd.DataFrame:
        """Users frame."""


class TooManyDeactivations(errors.DirsyncError):
    """A plan would switch off so many people that the directory is more likely broken than empty.

    Attributes
    ----------
    plan
        The plan, for looking at.
    """

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(message)
        self.plan = plan


@dataclass(frozen=True, repr=False)
class Plan:
    """What would have to be done to an app's users. Nothing was done.

    Attributes
    ----------
    rows
        One row a person something is to be done about, see :func:`compare`.
    unchanged
        How many are as they should be.
    notices
        What a reader should know, one sentence each.
    """

    rows: pd.DataFrame
    unchanged: int
    notices: tuple[str, ...] = ()

    def __getitem__(self, action: str) -> pd.DataFrame:
        """Return the rows of one action."""
        if action not in ACTIONS:
            raise errors.ArgumentError(f"an action is one of {', '.join(ACTIONS)}; got {action!r}")
        return self.rows[self.rows["action"] == action]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each action has."""
        found = self.rows["action"].value_counts()
        return {action: int(found.get(action, 0)) for action in ACTIONS}

    @property
    def sentence(self) -> str:
        """The plan in plain words."""
        counts = self.counts
        told = [
            f"create {counts['create']:,}",
            f"update {counts['update']:,}{_most_common(self['update'])}",
            f"deactivate {counts['deactivate']:,}",
        ]
        also = []
        if counts["same_person"]:
            also.append(f"{_people(counts['same_person'])} only under another name, case or id")
        if counts["tombstone"]:
            also.append(f"{_people(counts['tombstone'])} left and off already, whose rows should be kept")
        if counts["cannot_compare"]:
            also.append(f"{_people(counts['cannot_compare'])} not to be compared")
        also.append(f"{self.unchanged:,} unchanged")
        return f"To follow the directory: {', '.join(told)}. Besides: {'; '.join(also)}."

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *self.notices])


def compare(
    directory: pd.DataFrame | HasUsers,
    app_users: pd.DataFrame,
    *,
    on: str | Sequence[str] | Mapping[str, str],
    fields: Sequence[str] | Mapping[str, str] = (),
    active: str | None = None,
    guard: float | None = GUARD,
) -> Plan:
    """Compare an app's users with those of the directory, and plan what would bring the app in line.

    Parameters
    ----------
    directory
        A snapshot, or a users frame.
    app_users
        One row a user, indexed as you like; the index is the plan's ``app_key``.
    on
        Columns by which people are found, the strongest first: a name that both tables have, several, or a
        mapping from the app's column to the directory's (``{"workos_id": "user_id", "mail": "address"}``).
        ``user_id`` is the directory's index, and ``email`` means ``address``, the best one known. Addresses are
        compared without regard to case and outer spaces; ids exactly.
    fields
        Columns to keep in line, written like ``on``.
    active
        The app's column that says whether a user may sign in: truth values, numbers, or words such as "active"
        and "disabled". Without it, every row counts as active.
    guard
        Stop where more than this share of the app's active users would be switched off. None: never.

    Returns
    -------
    Plan
        Its ``rows`` have one ``action`` each:

        - ``create``: active in the directory, not in the app.
        - ``update``: in both, and ``fields`` differ (or whether they are active); ``before`` is the app's.
        - ``same_person``: only a key differs, in case, or since the person has a new name or id; ``fields`` are
          the app's columns to set.
        - ``deactivate``: active in the app; inactive in the directory, or not in it.
        - ``tombstone``: inactive in the app and gone from the directory. Keep the row, for they may return.
        - ``cannot_compare``: no key, a key that several have, or keys that point to different people.

        ``matched_by`` names the column that found the person, ``reason`` says why in words.

    Raises
    ------
    EverybodyLeft
        The guard stopped it; the error holds the plan.
    IncompleteError
        A frame is partial: whoever was not read would pass for having left.
    ArgumentError
        A column that is not there.
    """
    users = directory if isinstance(directory, pd.DataFrame) else directory.users
    require_complete(users, "a comparison")
    require_complete(app_users, "a comparison")
    keys, kept = _pairs_of(on, users, app_users, "on"), _pairs_of(fields, users, app_users, "fields")
    if not keys:
        raise errors.ArgumentError("on must name at least one column")
    if active is not None and active not in app_users:
        raise errors.ArgumentError(f"active={active!r} is not a column of app_users")
    found = _Comparison(_Directory(users), app_users, keys, kept, active)
    plan = found.plan(_notices(directory))
    _check_guard(plan, found.active_count, guard, empty=users.empty)
    return plan


def _check_guard(plan: Plan, active: int, guard: float | None, *, empty: bool) -> None:
    leaving = plan.counts["deactivate"]
    share = leaving / active if active else 0.0
    if guard is None or share <= guard or (leaving < GUARD_FROM and not empty):
        return
    raise TooManyDeactivations(
        f"This plan would switch off {leaving:,} of {active:,} active users ({share:.0%}), more than "
        f"guard={guard:g} allows. Is this the right directory, is it linked, and is `on` right? Look at the "
        "plan in this error, and if everybody really left, say guard=None.",
        plan,
    )


def _notices(directory: object) -> tuple[str, ...]:
    """Return which directories of a snapshot are not working: their people are what was last known."""
    directories = getattr(directory, "directories", None)
    if not isinstance(directories, pd.DataFrame):
        return ()
    return tuple(
        f"{name} is {state}: its people are what was last known, not what is so today."
        for name, state in zip(directories["name"], directories["state"].astype("str"), strict=True)
        if state != "linked"
    )


def _pairs_of(
    given: str | Sequence[str] | Mapping[str, str], users: pd.DataFrame, app_users: pd.DataFrame, what: str
) -> dict[str, str]:
    """Read column names into a mapping from the app's to the directory's, and check that they are there."""
    names = [given] if isinstance(given, str) else given
    pairs = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    pairs = {ours: "address" if theirs == "email" else theirs for ours, theirs in pairs.items()}
    for ours, theirs in pairs.items():
        if ours not in app_users:
            raise errors.ArgumentError(
                f"{what}: app_users has no column {ours!r}; it has {list(app_users.columns)}"
            )
        if theirs not in users and theirs != "user_id" and not theirs.startswith("custom_attributes."):
            raise errors.ArgumentError(
                f"{what}: {theirs!r} is no column of users; a custom attribute is custom_attributes.<name>"
            )
    return pairs


class _Directory:
    """Users of the directory, looked up by any column."""

    def __init__(self, users: pd.DataFrame) -> None:
        self.users = users
        self.active = (users["state"] == "active").to_numpy()
        self._values: dict[str, list[Any]] = {}
        self._places: dict[str, dict[str, list[int]]] = {}

    def values(self, column: str) -> list[Any]:
        """Return a column, plain: None where there is nothing."""
        if column not in self._values:
            if column == "user_id":
                found: list[Any] = list(self.users.index)
            elif column in self.users:
                found = list(self.users[column].astype(object))
            else:
                name = column.removeprefix("custom_attributes.")
                found = [
                    held.get(name) if isinstance(held, dict) else None
                    for held in self.users["custom_attributes"]
                ]
            self._values[column] = [_plain(value) for value in found]
        return self._values[column]

    def places(self, column: str, value: Any) -> list[int]:
        """Find the rows with a value; those that are active, if any is."""
        if column not in self._places:
            places: dict[str, list[int]] = {}
            for place, held in enumerate(self.values(column)):
                key = _key(column, held)
                if key is not None:
                    places.setdefault(key, []).append(place)
            self._places[column] = places
        found = self._places[column].get(_key(column, value) or "", [])
        return [place for place in found if self.active[place]] or found

    def successor(self, place: int) -> int:
        """Return the active record that took the place of an inactive one: same provider's id and directory."""
        idp_id = self.values("idp_id")[place]
        if self.active[place] or idp_id is None:
            return place
        where = self.values("directory_id")
        others = [
            one for one in self.places("idp_id", idp_id) if self.active[one] and where[one] == where[place]
        ]
        return others[0] if len(others) == 1 else place


@dataclass
class _Comparison:
    """One comparison under way."""

    directory: _Directory
    app_users: pd.DataFrame
    keys: dict[str, str]
    fields: dict[str, str]
    active: str | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    unchanged: int = 0
    active_count: int = 0

    def plan(self, notices: tuple[str, ...]) -> Plan:
        """Go through the app's users, then those of the directory that nobody matched."""
        columns = {name: [_plain(v) for v in self.app_users[name].astype(object)] for name in self._columns()}
        records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        matches = [self._match(record) for record in records]
        claims: dict[int, int] = {}
        for place, _, _ in matches:
            if place is not None:
                claims[place] = claims.get(place, 0) + 1
        spoken_for: set[int] = set()
        for app_key, record, (place, by, problem) in zip(self.app_users.index, records, matches, strict=True):
            spoken_for |= {place} if place is not None else self._possible(record)
            if place is not None and claims[place] > 1:
                problem = f"{claims[place]} rows of the app are this person"
            self._judge(app_key, record, place, by, problem)
        self._create(spoken_for)
        return Plan(_frame(self.rows), self.unchanged, notices)

    def _columns(self) -> list[str]:
        return list(dict.fromkeys([*self.keys, *self.fields, *([self.active] if self.active else [])]))

    def _match(self, record: dict[str, Any]) -> tuple[int | None, str | None, str | None]:
        """Find the one row of the directory that a row of the app is, by the first key that finds any."""
        first: tuple[int, str] | None = None
        for ours, theirs in self.keys.items():
            places = self.directory.places(theirs, record[ours])
            if len(places) > 1:
                return None, ours, f"{len(places)} people in the directory have this {ours}"
            if not places:
                continue
            place = self.directory.successor(places[0])
            if first is None:
                first = place, ours
            elif place != first[0] and self.directory.active[first[0]] and self.directory.active[place]:
                return None, ours, f"{first[1]} and {ours} point to different people"
        if first is not None:
            return *first, None
        if all(_key(theirs, record[ours]) is None for ours, theirs in self.keys.items()):
            return None, None, "it has no key to look for"
        return None, None, None

    def _possible(self, record: dict[str, Any]) -> set[int]:
        """Return everybody a row may be, so that none of them is created a second time."""
        return {
            place for ours, theirs in self.keys.items() for place in self.directory.places(theirs, record[ours])
        }

    def _judge(
        self, app_key: Any, record: dict[str, Any], place: int | None, by: str | None, problem: str | None
    ) -> None:
        on = self.active is None or is_on(record[self.active])
        self.active_count += on
        if problem is not None:
            self._tell("cannot_compare", app_key, place, by, problem, record=record)
        elif place is None or not self.directory.active[place]:
            where = "not in the directory" if place is None else "inactive in the directory"
            if on:
                self._tell("deactivate", app_key, place, by, where, record=record)
            elif place is None:
                self._tell("tombstone", app_key, place, by, f"{where}, and off already", record=record)
            else:
                self.unchanged += 1
        else:
            self._judge_active(app_key, record, place, by, on=on)

    def _judge_active(
        self, app_key: Any, record: dict[str, Any], place: int, by: str | None, *, on: bool
    ) -> None:
        """Judge somebody who is active in the directory: which of the app's columns are to be set."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for ours, theirs in {**self.keys, **self.fields}.items():
            wanted = self.directory.values(theirs)[place]
            if not _same(record[ours], wanted) and (wanted is not None or ours in self.fields):
                before[ours], after[ours] = record[ours], wanted
        reason = self._difference_of_keys(record, before, after, by)
        if not on and self.active is not None:
            before[self.active], after[self.active] = record[self.active], "active"
        if not before:
            self.unchanged += 1
            return
        only_keys = set(before) <= set(self.keys) and reason is not None
        fields = ", ".join(before)
        action, why = ("same_person", reason) if only_keys else ("update", reason or f"differs: {fields}")
        self._tell(action, app_key, place, by, why or "", before=before, after=after)

    def _difference_of_keys(
        self, record: dict[str, Any], before: dict[str, Any], after: dict[str, Any], by: str | None
    ) -> str | None:
        """Return in words how the keys of one person differ; None where they do not."""
        differing = [ours for ours in self.keys if ours in before and record[ours] is not None]
        if not differing:
            return None
        cases = [
            ours
            for ours in differing
            if _key(self.keys[ours], before[ours]) == _key(self.keys[ours], after[ours])
        ]
        if cases == differing:
            return f"the same person: {' and '.join(differing)} differs in case or spaces only"
        if by in differing:
            return f"the same person under another {' and '.join(differing)}, found by the provider's id"
        return f"the same person under another {' and '.join(differing)}, found by {by}"

    def _create(self, spoken_for: set[int]) -> None:
        for place, user_id in enumerate(self.directory.users.index):
            if place in spoken_for or not self.directory.active[place]:
                continue
            values = {ours: self.directory.values(theirs)[place] for ours, theirs in self._wanted().items()}
            if all(_key(theirs, self.directory.values(theirs)[place]) is None for theirs in self.keys.values()):
                self._tell(
                    "cannot_compare", None, place, None, f"{user_id} has none of the keys in the directory"
                )
            else:
                self._tell("create", None, place, None, "not in the app", after=values)

    def _wanted(self) -> dict[str, str]:
        return {**self.keys, **self.fields}

    def _tell(
        self,
        action: str,
        app_key: Any,
        place: int | None,
        by: str | None,
        reason: str,
        *,
        record: dict[str, Any] | None = None,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        user = (
            {}
            if place is None
            else {n: self.directory.values(n)[place] for n in ("user_id", "name", "address")}
        )
        shown = {name: _text_of(record, self.keys, name) for name in ("name", "address")} if record else {}
        told = {"action": action, "app_key": app_key, "matched_by": by, "reason": reason, **shown}
        told |= {name: value for name, value in user.items() if value is not None}
        changed = tuple(before or ()) if before is not None else ()
        self.rows.append({**told, "fields": changed, "before": before or {}, "after": after or {}})


def _text_of(record: dict[str, Any], keys: Mapping[str, str], name: str) -> str | None:
    """Return what the app itself calls a person, for rows that nobody in the directory matches."""
    held = next((record[ours] for ours, theirs in keys.items() if theirs == name), None)
    return held if isinstance(held, str) else None


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in PLAN_COLUMNS}
    )
    frame = frame.astype({name: kind for name, kind in PLAN_COLUMNS.items() if kind == "str"})
    frame["action"] = pd.Categorical(frame["action"], categories=list(ACTIONS))
    return frame.sort_values("action", kind="stable", ignore_index=True)


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _most_common(updates: pd.DataFrame) -> str:
    counts = updates["fields"].explode().value_counts()
    return (
        f" ({', '.join(f'{name} {count:,}' for name, count in counts.head(3).items())})" if len(counts) else ""
    )


def _plain(value: Any) -> Any:
    """Make every kind of "nothing" None, and tuples lists."""
    if isinstance(value, tuple):
        return list(value)
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _same(ours: Any, theirs: Any) -> bool:
    """Compare values; an app may keep as a number what the directory has as text."""
    return bool(ours == theirs) or (None not in (ours, theirs) and str(ours) == str(theirs))


def _key(column: str, value: Any) -> str | None:
    """Return the form of a value that is looked up: addresses and names by their folded text, ids exactly."""
    if value is None:
        return None
    text = str(value).strip()
    if column not in ("user_id", "idp_id", "directory_id"):
        text = text.casefold()
    return text or None


def is_on(value: Any) -> bool:
    """Return whether an app's mark of who is active means yes: a word, a number, a truth value, or nothing."""
    if isinstance(value, str):
        return value.strip().casefold() not in OFF_WORDS
    return bool(_plain(value))
