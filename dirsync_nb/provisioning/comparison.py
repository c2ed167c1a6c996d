"""An app's own table of users against the directory: what would have to be created, changed or switched off.

The answer is a plan; nothing is written anywhere. ``database`` reads such a table, ``people`` says who is who.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import pandas as pd

from .. import errors
from ..analysis.identity import id_key
from ..client.calls import every_call
from ..frames import near_names, require_columns, require_frame, takes_frames
from ..frames.checks import attribute_names, require_attribute
from ..frames.partial import require_all
from ..guard import SHARE, why_stopped
from ..text import plural
from .app_table import known_table, table_of
from .people import ABSENT, HOMES, Match, Matcher, People, key_of, plain_value
from .plan import PLAN_COLUMNS, Plan, TooManyDeactivations, plan_frame
from .status import StatusWords, is_on, says_until

__all__ = [
    "PLAN_COLUMNS",
    "Plan",
    "TooManyDeactivations",
    "compare",
    "guarded",
    "is_on",
    "known_people",
    "plan_without_guard",
    "primary_key",
    "require_attributes",
]

GUARD = SHARE
ATTRIBUTE = "custom_attributes."
SAME = "the same person:"
WHO = ("user_id", "name", "address")

Columns = str | Sequence[str] | Mapping[str, str]


class HasUsers(Protocol):
    """A snapshot, or anything else with a users frame."""

    @property
    def users(self) -> pd.DataFrame:
        """Users frame."""


@takes_frames()
def compare(
    directory: pd.DataFrame | HasUsers,
    app_users: pd.DataFrame,
    *,
    on: Columns = "email",
    fields: Columns = (),
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
    key: str | None = None,
    guard: float | None = GUARD,
    confirm: int | None = None,
) -> Plan:
    """Compare an app's users with those of the directory, and plan what would bring the app in line.

    Parameters
    ----------
    directory
        A snapshot, or a users frame.
    app_users
        One row a user.
    on
        Columns by which people are found, the strongest first: a name that both tables have, several, or a
        mapping from the app's column to the directory's (``{"workos_id": "user_id", "mail": "address"}``).
        Better than the default are ids with the address behind them: ``on=["idp_id", "email"]``.
        ``user_id`` is the directory's index, and ``email`` means ``address``, the best one known. Addresses and
        names are compared without regard to case, outer spaces and characters that nobody sees, ids exactly; a
        whole number read as a float (``124.0``) is that number. An address or name never joins two whom an id
        tells apart: an address is handed on, an id is not.
    fields
        Columns to keep in line, written like ``on``. What nobody sent (an attribute that is not enabled, a
        field that newer teams no longer get) never changes the app; null does.
    active
        The app's column that says whether a user may sign in: truth values, 0 and 1, or words of apps and
        providers ("active", "DEPROVISIONED"). Without it, every row counts as active.
    status_words
        What further words and numbers of that column mean: ``{"on leave": True, 514: False}``. A word that is
        in no list is told with its count, and its rows are not compared.
    key
        The app's column that names a row, as ``app_key``. Default: the primary key of the table, where
        :func:`dirsync_nb.load_app_users` read one and it is still a column; else the index.
    guard
        Stop where more than this share (0 to 1) of the app's active users would be switched off. None: never.
    confirm
        The exact number of people to switch off, once you have looked at them: it lets that plan pass the
        guard, and no other.

    Returns
    -------
    Plan
        Its ``rows`` have one ``action`` each:

        - ``create``: active in the directory, not in the app.
        - ``update``: in both, and ``fields`` differ (or whether they are active); ``before`` is the app's.
        - ``same_person``: only a key differs, in case, or since the person has a new name, address or id;
          ``fields`` are the app's columns to set.
        - ``deactivate``: active in the app; inactive in the directory, or not in it.
        - ``tombstone``: inactive in the app and gone from the directory. Keep the row, for they may return.
        - ``cannot_compare``: no key, a key that several have, keys that point to different people, an id that
          only looks like one, or a status nobody can read.

        ``matched_by`` names the column that found the person, ``reason`` says why in words.

    Raises
    ------
    TooManyDeactivations
        The guard stopped it; the error holds the plan.
    IncompleteError
        A frame is partial: whoever was not read would pass for having left.
    ArgumentError
        A column or attribute that is not there, or a guard that is no share.

    Notes
    -----
    Somebody who is in several directories of one organization is one person with several sources: one row, and
    access until the last active source goes. Fields are those of the first active record in the order of
    ``users``, unless an id in the app names another active one. Somebody known by an address that the directory
    still lists among their ``emails`` is the same person with another address.

    Examples
    --------
    >>> plan = ds.compare(users, app_users, on=["idp_id", "email"], active="active")
    >>> plan.rows["action"].value_counts().to_dict()
    {'create': 28, 'same_person': 21, 'update': 16, 'deactivate': 3, 'cannot_compare': 2, 'tombstone': 0}
    """
    users = users_of(directory)
    plan, count = plan_without_guard(directory, app_users, on, fields, active, status_words, key)
    require_attributes(on, fields, users)
    return guarded(plan, count, guard, confirm, empty=users.empty)


@takes_frames()
def plan_without_guard(
    directory: pd.DataFrame | HasUsers,
    app_users: pd.DataFrame,
    on: Columns,
    fields: Columns = (),
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
    key: str | None = None,
) -> tuple[Plan, int]:
    """Plan as :func:`compare` does, whatever it would switch off; give also how many of the app are active.

    Examples
    --------
    >>> plan, active = ds.comparison.plan_without_guard(users, app_users, "email")
    >>> active == len(app_users)
    True
    """
    users = users_of(directory)
    found = _compared(users, app_users, on, fields, active, status_words, key)
    return found.plan(_notices(directory)), found.active_count


def users_of(directory: pd.DataFrame | HasUsers) -> pd.DataFrame:
    """Return the users frame of a snapshot, or the one that was given."""
    users = directory if isinstance(directory, pd.DataFrame) else getattr(directory, "users", None)
    if not isinstance(users, pd.DataFrame):
        require_frame("directory", directory, "any")
    require_columns("directory", users, "state")
    return cast("pd.DataFrame", users)


def require_attributes(on: Columns, fields: Columns, users: pd.DataFrame) -> None:
    """Refuse a custom attribute that nobody has and that is no predefined one: it is mistyped.

    Examples
    --------
    >>> ds.comparison.require_attributes("email", {"team": "custom_attributes.department_name"}, users)
    """
    for what, given in (("on", on), ("fields", fields)):
        for name in _pairs(given).values():
            if name.startswith(ATTRIBUTE):
                require_attribute(what, name.removeprefix(ATTRIBUTE), users)


def guarded(
    plan: Plan, active: int, guard: float | None, confirm: int | None, *, empty: bool, where: str = ""
) -> Plan:
    """Return a plan that the guard lets pass, with what it allowed.

    Examples
    --------
    >>> plan, active = ds.comparison.plan_without_guard(users, app_users, "email")
    >>> ds.comparison.guarded(plan, active, 0.5, None, empty=False).counts == plan.counts
    True
    """
    leaving = plan.counts["deactivate"]
    clause = f"This plan would switch off {{}} active users{where}"
    sentence = why_stopped(leaving, active, clause, guard=guard, confirm=confirm, empty=empty)
    if sentence is None:
        return replace(plan, table=replace(plan.table, guard=guard, confirmed=confirm))
    hint = f" and if everybody really left, say confirm={leaving}." if confirm is None else ""
    raise TooManyDeactivations(
        f"{sentence} Is this the right directory, is it linked, and is `on` right? Look at the plan in this "
        f"error{',' + hint if hint else '.'}",
        plan,
        leaving,
        active,
    )


@takes_frames()
def known_people(
    users: pd.DataFrame,
    app_users: pd.DataFrame,
    on: Columns,
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
) -> dict[str, str]:
    """Return who is known to the app, by user id, and how, in words (empty where nothing is to be said).

    Known is whoever a comparison would not create, and has a key of the app themselves.

    Examples
    --------
    >>> known = ds.comparison.known_people(users, app_users, "email")
    >>> 0 < len(known) < len(users)
    True
    """
    found = _compared(users, app_users, on, (), active, status_words, None)
    rows = found.plan(()).rows
    told: dict[str, str] = {}
    for user_id, reason, after in zip(rows["user_id"], rows["reason"], rows["after"], strict=True):
        off = active is not None and after.get(active) == "active"
        # A difference in case says nothing to whoever invites.
        told[user_id] = "switched off there" if off else "" if reason.startswith(SAME) else reason
    return {one: told.get(one, "") for one in map(str, users.index[sorted(found.met)])}


def _compared(
    users: pd.DataFrame,
    app_users: pd.DataFrame,
    on: Columns,
    fields: Columns,
    active: str | None,
    status_words: Mapping[Any, bool] | None,
    key: str | None,
) -> _Comparison:
    require_all("a comparison", users, app_users)
    keys, kept = _pairs_of(on, users, app_users, "on"), _pairs_of(fields, users, app_users, "fields")
    if not keys:
        raise errors.ArgumentError("on must name at least one column")
    for name, column in (("active", active), ("key", key)):
        if column is not None:
            require_app_column(name, column, app_users)
    _require_readable(app_users, keys)
    words = StatusWords(status_words, column=active or "")
    return _Comparison(People(users), app_users, keys, kept, active, words, key or primary_key(app_users))


def require_app_column(name: str, column: str, app_users: pd.DataFrame) -> None:
    """Refuse an argument that names no column of the app's users."""
    if column not in app_users:
        near = near_names(column, app_users.columns)
        raise errors.ArgumentError(f"{name}={column!r} is not a column of app_users{near}")


def _require_readable(app_users: pd.DataFrame, keys: Mapping[str, str]) -> None:
    """Refuse keys that are neither text nor numbers: nobody would be found."""
    for name in keys:
        odd = next((v for v in app_users[name] if isinstance(v, (bytes, list, tuple, dict, set))), None)
        if odd is not None:
            raise errors.ArgumentError(
                f"on: {name!r} of app_users holds type {type(odd).__name__}, by which nobody is found; "
                "make them text"
            )


@takes_frames()
def primary_key(app_users: pd.DataFrame) -> str | None:
    """Name the primary key of the table that was read, where it is one column and still there.

    Examples
    --------
    >>> ds.comparison.primary_key(app_users)
    'id'
    """
    keys = known_table(app_users).get("key", [])
    return str(keys[0]) if len(keys) == 1 and keys[0] in app_users else None


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


def by_column(given: Columns) -> dict[str, str]:
    """Return the app's columns with the directory's, however they were named."""
    names = [given] if isinstance(given, str) else given
    return dict(names) if isinstance(names, Mapping) else {name: name for name in names}


def _pairs(given: Columns) -> dict[str, str]:
    return {ours: "address" if theirs == "email" else theirs for ours, theirs in by_column(given).items()}


def _instead(ours: str, theirs: str, app_users: pd.DataFrame, what: str) -> str:
    """Say how the app's column is named instead of one that is not there."""
    if "directory_id" in app_users and app_users.index.name == "user_id":
        return "it is a frame of users: the directory comes first, the app second"
    if theirs in app_users:
        return f"{what} maps the app's column to the directory's, the other way round: {{{theirs!r}: {ours!r}}}"
    if ours == app_users.index.name:
        return "it is the index: app_users.reset_index() makes it a column"
    listed = list(map(repr, app_users.columns))
    shown = ", ".join([*listed[:12], *["..."][: len(listed) > 12]])
    return f"it has {shown}. To map one of them: {what}={{'mail': {theirs!r}}} (its mail is our {theirs})"


def _pairs_of(given: Columns, users: pd.DataFrame, app_users: pd.DataFrame, what: str) -> dict[str, str]:
    """Read column names into a mapping from the app's to the directory's, and check that they are there."""
    pairs = _pairs(given)
    for ours, theirs in pairs.items():
        if ours not in app_users:
            raise errors.ArgumentError(
                f"{what}: app_users has no column {ours!r}; {_instead(ours, theirs, app_users, what)}"
            )
        if theirs not in users and theirs != "user_id" and not theirs.startswith(ATTRIBUTE):
            attributes = [ATTRIBUTE + name for name in attribute_names(users)]
            near = near_names(theirs, ["user_id", *users.columns, *attributes])
            raise errors.ArgumentError(
                f"{what}: {theirs!r} is no column of users; a custom attribute is custom_attributes.<name>"
                f"{near}"
            )
    return pairs


@dataclass
class _Comparison:
    """One comparison under way."""

    people: People
    app_users: pd.DataFrame
    keys: dict[str, str]
    fields: dict[str, str]
    active: str | None
    words: StatusWords
    key: str | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    met: set[int] = field(default_factory=set)  # places of records that have a key of a row of the app
    unchanged: int = 0
    active_count: int = 0

    def plan(self, notices: tuple[str, ...]) -> Plan:
        """Go through the app's users, then those of the directory that nobody matched."""
        names = dict.fromkeys([*self._wanted(), *([self.active] if self.active else [])])
        columns = {name: [plain_value(v) for v in self.app_users[name].astype(object)] for name in names}
        records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        unsaid: list[bool | None] = [True] * len(records)
        on = unsaid if self.active is None else self.words.read_column(columns[self.active])
        self.active_count = sum(one is True for one in on)
        matcher = Matcher(self.people, self.keys)
        matches = [matcher.match(record) for record in records]
        claims: dict[int, list[int | None]] = {}
        for match in matches:
            if match.person is not None:
                claims.setdefault(match.person, []).append(match.named)
        spoken_for: set[int] = set()
        passed_on: dict[int, str] = {}
        app_keys = self.app_users.index if self.key is None else self.app_users[self.key]
        for app_key, record, state, match in zip(app_keys, records, on, matches, strict=True):
            match = self._readable(matcher.settle(match, record, claims), record, state)
            if match.problem is not None or match.person is not None:
                spoken_for |= matcher.possible(record, match)
            for person, ours, strong in match.others if match.problem is None else ():
                passed_on.setdefault(person, f"{app_key!r} of the app has this {ours}, and another {strong}")
            self._judge(app_key, record, match, state)
        self.met = matcher.met
        self._create(spoken_for, passed_on)
        table = table_of(self.app_users, self.key, self.active, on, self.keys)
        told = (*notices, *self._own_notices(), *self._unread_ends(on))
        rows, unknown = plan_frame(self.rows), dict(self.words.unknown)
        return Plan(rows, self.unchanged, told, self._not_enabled(), unknown, table)

    def _readable(self, match: Match, record: Mapping[str, Any], state: bool | None) -> Match:
        """Leave alone whose status nobody can read."""
        if match.problem is not None or state is not None:
            return match
        word = record[str(self.active)]
        return match._replace(problem=f"{self.active} {word!r} is known neither as on nor as off")

    # What is to be done -------------------------------------------------------------------------------------

    def _judge(self, app_key: Hashable, record: dict[str, Any], match: Match, on: bool | None) -> None:
        person, place, about = match.person, match.place, (app_key, match.place, match.by)
        if match.problem is not None:
            self._tell("cannot_compare", *about, match.problem, record=record)
        elif place is not None and self.people.active[place]:
            self._judge_active(app_key, record, match, place, on=on is True)
        elif on:
            why = "inactive in the directory" if person is not None else "not in the directory"
            held = {} if self.active is None else {self.active: record[self.active]}
            after = dict.fromkeys(held, "inactive")
            told = f"{why}{self._passed_on(match)}"
            self._tell("deactivate", *about, told, record=record, before=held, after=after)
        elif person is None:
            self._tell("tombstone", *about, "not in the directory, and off already", record=record)
        else:
            self.unchanged += 1

    def _passed_on(self, match: Match) -> str:
        """Return who has the address of somebody now, and why that is another person."""
        others = [other for other in match.others if self.people.is_active(other[0])]
        if not others:
            return ""
        person, ours, strong = others[0]
        return f"; {self.people.name(person)} has this {ours} now, and is another person by {strong}"

    def _judge_active(
        self, app_key: Hashable, record: dict[str, Any], match: Match, place: int, *, on: bool
    ) -> None:
        """Judge somebody who is active in the directory: which of the app's columns are to be set."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for ours, theirs in self._wanted().items():
            wanted = self.people.values(theirs)[place]
            if wanted is ABSENT or (wanted is None and ours not in self.fields):
                continue
            if not _same(record[ours], wanted):
                before[ours], after[ours] = record[ours], wanted
        reason = self._difference_of_keys(record, before, after, match)
        if not on and self.active is not None:
            before[self.active], after[self.active] = record[self.active], "active"
        if not before:
            self.unchanged += 1
            return
        only_keys = set(before) <= set(self.keys) and reason is not None
        fields = ", ".join(before)
        action, why = ("same_person", reason) if only_keys else ("update", reason or f"differs: {fields}")
        self._tell(action, app_key, place, match.by, why or "", before=before, after=after)

    def _difference_of_keys(
        self, record: dict[str, Any], before: dict[str, Any], after: dict[str, Any], match: Match
    ) -> str | None:
        """Return in words how the keys of one person differ; None where they do not."""
        differing = [ours for ours in self.keys if ours in before and record[ours] is not None]
        if not differing:
            return None
        names = " and ".join(differing)
        if all(key_of(self.keys[o], before[o]) == key_of(self.keys[o], after[o]) for o in differing):
            seen = [str(side[ours]).strip().casefold() for ours in differing for side in (before, after)]
            plain = seen[::2] == seen[1::2]
            how = "in case or spaces only" if plain else "in characters that nobody sees only"
            return f"{SAME} {names} differs {how}"
        if match.former:
            how = f"by the address {record[match.by or '']!r}, which the directory still lists for them"
        else:
            how = "by the provider's id" if match.by in differing else f"by {match.by}"
        return f"the same person under another {names}, found {how}"

    def _create(self, spoken_for: set[int], passed_on: Mapping[int, str]) -> None:
        planned: dict[tuple[str | None, ...], int] = {}
        for person, records in sorted(self.people.records.items(), key=lambda item: item[1][0]):
            if person in spoken_for or not self.people.is_active(person):
                continue
            place = records[0]
            keys = {theirs: self.people.values(theirs)[place] for theirs in self.keys.values()}
            looked_up = tuple(key_of(theirs, value) for theirs, value in keys.items() if theirs not in HOMES)
            user_id = self.people.users.index[place]
            about = (None, place, None)
            if not any(looked_up):
                self._tell("cannot_compare", *about, f"{user_id} has none of the keys in the directory")
            elif looked_up in planned:
                other = self.people.name(planned[looked_up])
                told = f"{' and '.join(self.keys)} of {user_id} is that of {other} too"
                self._tell("cannot_compare", *about, f"{told}, for whom one account is planned")
            else:
                planned[looked_up] = person
                values = {ours: self.people.values(theirs)[place] for ours, theirs in self._wanted().items()}
                after = {ours: value for ours, value in values.items() if value is not ABSENT}
                reason = "; ".join(["not in the app", *self._about(person, passed_on)])
                self._tell("create", *about, reason, after=after)

    def _about(self, person: int, passed_on: Mapping[int, str]) -> Iterator[str]:
        if len(sources := self.people.sources(person)) > 1:
            yield f"active in {len(sources)} directories, of which {sources[0]} counts"
        if person in passed_on:
            yield f"another person: {passed_on[person]}"

    def _wanted(self) -> dict[str, str]:
        return {**self.keys, **self.fields}

    def _not_enabled(self) -> tuple[str, ...]:
        """Name the app's columns for which nobody in the directory was sent anything."""
        return tuple(
            ours
            for ours, theirs in self.fields.items()
            if len(self.people.users) and all(value is ABSENT for value in self.people.values(theirs))
        )

    def _own_notices(self) -> Iterator[str]:
        if self.words.sentence is not None:
            yield self.words.sentence
        if several := sum(len(self.people.sources(one)) > 1 for one in self.people.records):
            yield (
                f"{plural(several, 'person is', 'people are')} active in several directories of "
                "their organization: one account each, with the fields of the first active record, and access "
                "until the last active one goes."
            )
        for ours in self._not_enabled():
            yield (
                f"{ours} is left as it is: nobody in the directory has {self.fields[ours]}, which is not "
                "the same as having no value."
            )
        if rounded := self._rounded():
            yield f"{', '.join(rounded)}: numbers too large for a float were rounded. Read them as text."

    def _unread_ends(self, on: list[bool | None]) -> Iterator[str]:
        """Say which columns such as ``deleted_at`` have a time in rows that count as on."""
        for name in self.app_users.columns:
            values = self.app_users[name]
            if not says_until(name, values):
                continue
            here = StatusWords(column=name).read_column(values)
            if ended := sum(one is False and is_on is True for one, is_on in zip(here, on, strict=True)):
                yield (
                    f"{name} has a time in {ended:,} of the rows that count as on: if it means gone, "
                    f"say active={name!r}, or leave such rows out of what counts as on."
                )

    def _rounded(self) -> list[str]:
        """Name key columns of the app whose numbers lost their last digits when they were read."""
        return [
            ours
            for ours in self.keys
            if any(isinstance(v, float) and v == v and id_key(v) is None for v in self.app_users[ours])
        ]

    def _tell(
        self,
        action: str,
        app_key: Hashable,
        place: int | None,
        by: str | None,
        reason: str,
        *,
        record: dict[str, Any] | None = None,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        user = {} if place is None else {name: self.people.values(name)[place] for name in WHO}
        shown = {name: _text_of(record, self._wanted(), name) for name in ("name", "address")} if record else {}
        told = {"action": action, "app_key": app_key, "matched_by": by, "reason": reason, **shown}
        told |= {name: value for name, value in user.items() if value is not None and value is not ABSENT}
        self.rows.append({**told, "fields": tuple(before or ()), "before": before or {}, "after": after or {}})


def _text_of(record: dict[str, Any], keys: Mapping[str, str], name: str) -> str | None:
    """Return what the app itself calls a person, for rows that nobody in the directory matches."""
    held = next((record[ours] for ours, theirs in keys.items() if theirs == name), None)
    return held if isinstance(held, str) else None


def _same(ours: Any, theirs: Any) -> bool:
    """Whether values are equal; an app may keep as a number what the directory has as text."""
    return bool(ours == theirs) or (None not in (ours, theirs) and _written(ours) == _written(theirs))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else id_key(value) or str(value)


every_call(__name__)
