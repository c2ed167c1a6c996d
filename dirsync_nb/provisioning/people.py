"""Users of a directory as people: one person may have several records, and is looked up by any key.

Records are one person's where they have the same provider's id in one directory (a new user name makes a new
record at Okta), or the same address in one directory, or in two of one organization, as long as no id tells
them apart. Where several sources of one person are active, the first of them in the frame counts. A row of an
app is found by any of its keys, and never joined by an address that an id contradicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from ..analysis.identity import WEAK_KEYS, address_key, id_key, near_id
from ..text import is_missing

ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "absent"})()
"""Stands for a value that nobody sent: not enabled, or a field that newer teams no longer get."""

HOMES = ("directory_id", "organization_id")  # keys that say whose somebody is, and not who
IDS = ("user_id", "idp_id", *HOMES)
DEPRECATED = ("username", "job_title", "emails", "raw_attributes", "groups")
EMPLOYEE_NUMBER = "custom_attributes.employee_number"


def plain_value(value: Any) -> Any:
    """Make every kind of "nothing" None, and tuples lists."""
    if isinstance(value, tuple):
        return list(value)
    return None if is_missing(value) else value


def key_of(column: str, value: Any) -> str | None:
    """Return the form of a value that is looked up: ids exactly, everything else by its folded text."""
    if value is ABSENT:
        return None
    return id_key(value) if column in IDS else address_key(value)


def _near_key(_: str, value: Any) -> str | None:
    return None if value is ABSENT else near_id(value)


Form = Callable[[str, Any], str | None]
"""Of the value in a column: what is equal there is the same."""


class Found(NamedTuple):
    """Whom a key leads to."""

    people: list[int]  # persons who have it now
    former: list[int]  # persons whose directory lists it among their other addresses


class People:
    """Users of the directory, as people.

    Attributes
    ----------
    users, active
        The frame, and whether each record is active.
    person
        The person of each record, named by the place of their first record.
    records
        The records of each person: the active ones first, then in the order of the frame.
    """

    def __init__(self, users: pd.DataFrame) -> None:
        self.users = users
        self.active: list[bool] = (users["state"] == "active").tolist()
        self._values: dict[str, list[Any]] = {}
        self._index: dict[tuple[str, Form], dict[str, list[int]]] = {}
        self.person = list(range(len(users)))
        self.records = {place: [place] for place in self.person}
        self._join_same_ids()
        self._join_same_addresses()

    def values(self, column: str) -> list[Any]:
        """Return a column, plain: None where there is nothing, ABSENT where nobody sent anything."""
        if column not in self._values:
            self._values[column] = self._read(column)
        return self._values[column]

    def _read(self, column: str) -> list[Any]:
        if column == "user_id":
            return list(self.users.index)
        if column not in self.users:
            if "custom_attributes" not in self.users:
                return [ABSENT] * len(self.users)
            name = column.removeprefix("custom_attributes.")
            held = self.users["custom_attributes"]
            return [plain_value(one.get(name, ABSENT)) if isinstance(one, Mapping) else ABSENT for one in held]
        found = [plain_value(value) for value in self.users[column].astype(object)]
        if column in DEPRECATED or all(value is None for value in found):
            found = [ABSENT if value is None else value for value in found]
        return found

    def knows(self, column: str) -> bool:
        """Return whether anybody was sent a column at all; of nobody nothing can be told."""
        return self.users.empty or any(value is not ABSENT for value in self.values(column))

    def is_active(self, person: int) -> bool:
        """Return whether any of a person's sources is active: access lasts until the last one goes."""
        return self.active[self.records[person][0]]

    def name(self, person: int) -> str:
        """Return the user id of the record that counts."""
        return str(self.users.index[self.records[person][0]])

    def sources(self, person: int) -> list[str]:
        """Return the directories in which a person is active, the one that counts first."""
        where = self.values("directory_id")
        return list(dict.fromkeys(str(where[one]) for one in self.records[person] if self.active[one]))

    # Looking up ---------------------------------------------------------------------------------------------

    def _places(self, column: str, key: str, form: Form = key_of) -> list[int]:
        """Return the places of the records whose value in a column has this form."""
        if (column, form) not in self._index:
            index = self._index[column, form] = {}
            for place, value in enumerate(self.values(column)):
                if (one := form(column, value)) is not None:
                    index.setdefault(one, []).append(place)
        return self._index[column, form].get(key, [])

    def _people(self, places: Iterable[int]) -> list[int]:
        """Return whose records these are, each person once."""
        return list(dict.fromkeys(self.person[place] for place in places))

    def holding(self, column: str, value: Any) -> Found:
        """Find the people who have a value, now or, for an address, among their other ones."""
        key = key_of(column, value)
        if key is None:
            return Found([], [])
        listed = self._former.get(key, []) if column == "address" else []
        return Found(self._people(self._places(column, key)), self._people(listed))

    def like(self, column: str, value: Any) -> list[int]:
        """Find the people whose id differs from a value in case or leading zeros only."""
        key = near_id(value)
        return [] if key is None else self._people(self._places(column, key, _near_key))

    @cached_property
    def _former(self) -> dict[str, list[int]]:
        """The addresses that a directory lists for somebody besides the one that counts."""
        listed: dict[str, list[int]] = {}
        current = self.values("address")
        for place, address in enumerate(_listed_addresses(self.users)):
            own = key_of("address", current[place])
            for key in dict.fromkeys(filter(None, map(address_key, address))):
                if key != own:
                    listed.setdefault(key, []).append(place)
        return listed

    def told_apart(self, person: int, keys: Mapping[str, Any]) -> str | None:
        """Return the id by which somebody with these values is not that person; None where one is the same."""
        differs = None
        for column, value in keys.items():
            key = key_of(column, value) if column not in WEAK_KEYS else None
            if key is None:
                continue
            held = {key_of(column, self.values(column)[one]) for one in self.records[person]} - {None}
            if key in held and column not in HOMES:
                return None
            if held and key not in held:
                differs = differs or column
        return differs

    # Who is who ---------------------------------------------------------------------------------------------

    def _join(self, person: int, other: int) -> None:
        """Make two people one."""
        records = self.records.pop(other) + self.records.pop(person)
        records.sort(key=lambda place: (not self.active[place], place))
        self.records[records[0]] = records
        for place in records:
            self.person[place] = records[0]

    def _twins(self, column: str, homes: list[Any]) -> Iterator[list[int]]:
        """Find records with one value in one home."""
        groups: dict[tuple[Any, str], list[int]] = {}
        for place, (home, value) in enumerate(zip(homes, self.values(column), strict=True)):
            key = key_of(column, value)
            if key is not None:
                groups.setdefault((home, key), []).append(place)
        return (places for places in groups.values() if len(places) > 1)

    def _join_same_ids(self) -> None:
        if "idp_id" not in self.users or "directory_id" not in self.users:
            return
        for places in self._twins("idp_id", self.values("directory_id")):
            if sum(self.active[place] for place in places) < 2:
                for place in places[1:]:
                    self._join(self.person[places[0]], self.person[place])

    def _join_same_addresses(self) -> None:
        if "address" not in self.users or "directory_id" not in self.users:
            return
        directories = self.values("directory_id")
        owners = self.values("organization_id") if "organization_id" in self.users else directories
        homes = [
            directory if owner is None or owner is ABSENT else (owner,)
            for owner, directory in zip(owners, directories, strict=True)
        ]
        for places in self._twins("address", homes):
            known: list[int] = []
            for place in sorted(places, key=lambda one: (not self.active[one], one)):
                known = self._people(known)
                if self.person[place] in known:
                    continue  # joined by an id: nothing is left to tell
                fits = [one for one in known if not self._are_two(one, self.person[place])]
                # Of two who may be meant, none is taken: that would be a guess.
                if len(fits) == 1 or (fits and not self.is_active(self.person[place])):
                    self._join(fits[0], self.person[place])
                known.append(self.person[place])

    def _are_two(self, person: int, other: int) -> bool:
        """Return whether ids tell two people apart, or one directory has both active at once."""
        where, ids = self.values("directory_id"), self.values("idp_id") if "idp_id" in self.users else None
        numbers = self.values(EMPLOYEE_NUMBER)
        for one in self.records[person]:
            for two in self.records[other]:
                if where[one] == where[two] and self.active[one] and self.active[two]:
                    return True
                if where[one] == where[two] and ids is not None and _differ(ids[one], ids[two]):
                    return True
                if _differ(numbers[one], numbers[two]):
                    return True
        return False


def _differ(one: Any, other: Any) -> bool:
    keys = [None if value is ABSENT else id_key(value) for value in (one, other)]
    return None not in keys and keys[0] != keys[1]


def _listed_addresses(users: pd.DataFrame) -> Iterator[list[Any]]:
    """Return the addresses a directory lists for each user, in the custom attribute and the older field."""
    empty: list[None] = [None] * len(users)
    newer, older = users.get("custom_attributes", empty), users.get("emails", empty)
    for attributes, before in zip(newer, older, strict=True):
        listed = attributes.get("emails") if isinstance(attributes, Mapping) else None
        entries = listed if isinstance(listed, (list, tuple)) and listed else before
        entries = entries if isinstance(entries, (list, tuple)) else ()
        yield [entry.get("value") for entry in entries if isinstance(entry, Mapping)]


# Whom a row of an app is -----------------------------------------------------------------------------------


class Match(NamedTuple):
    """Whom a row of the app is."""

    person: int | None = None
    by: str | None = None  # the app's column that found them
    place: int | None = None  # the record that counts
    named: int | None = None  # the record whose id the row has
    problem: str | None = None
    former: bool = False  # found by an address that is no longer theirs
    others: tuple[tuple[int, str, str], ...] = ()  # persons of the same address whom an id tells apart
    alike: tuple[tuple[int, str], ...] = ()  # persons whose id looks like the row's


class Matcher:
    """Finds the people of a directory that the rows of an app are.

    Parameters
    ----------
    people
        Whom to find.
    keys
        The app's columns by which people are found, with the directory's, the strongest first.

    Attributes
    ----------
    met
        Places of records that have a key of a row of the app.
    """

    def __init__(self, people: People, keys: Mapping[str, str]) -> None:
        self.people, self.keys = people, keys
        self.met: set[int] = set()
        self._usable = {ours: people.knows(theirs) for ours, theirs in keys.items()}

    def match(self, record: Mapping[str, Any]) -> Match:
        """Find the one person that a row of the app is: by its keys in order, an id before an address."""
        values = {theirs: record[ours] for ours, theirs in self.keys.items()}
        first: Match | None = None
        others: list[tuple[int, str, str]] = []
        for ours, theirs in self.keys.items():
            if theirs in HOMES:
                continue
            now, former = self.people.holding(theirs, record[ours])
            apart = {person: self.people.told_apart(person, values) for person in (*now, *former)}
            others += [(person, ours, self._ours(strong)) for person, strong in apart.items() if strong]
            fits = [person for person, strong in apart.items() if not strong]
            if not fits:
                continue
            person, problem = self._one_of(fits, ours)
            if person is None:
                return Match(None, ours, problem=problem)
            place, named = self._places(person, theirs, record[ours])
            found = Match(person, ours, place, named, former=person in former)
            if first is not None and first.person != person and self._disagree(first, found):
                return Match(None, ours, problem=f"{first.by} and {ours} point to different people")
            if first is None or (first.person != person and theirs not in WEAK_KEYS):
                first = found
        if first is None:
            return self._unmatched(record, others)
        for person, ours, _ in others:
            if person != first.person and self._disagree(first, Match(person, ours)):
                return Match(None, ours, problem=f"{first.by} and {ours} point to different people")
        return first._replace(others=tuple(others))

    def _disagree(self, one: Match, other: Match) -> bool:
        """Return whether two people found are a contradiction, and not somebody whose address was handed on."""
        active = [match.person is not None and self.people.is_active(match.person) for match in (one, other)]
        ids = all(self.keys[match.by or ""] not in WEAK_KEYS for match in (one, other))
        return any(active) if ids else all(active)

    def _unmatched(self, record: Mapping[str, Any], others: list[tuple[int, str, str]]) -> Match:
        if all(key_of(theirs, record[ours]) is None for ours, theirs in self.keys.items()):
            return Match(problem="it has no key to look for")
        if not any(self._usable[ours] and key_of(theirs, record[ours]) for ours, theirs in self.keys.items()):
            return Match(problem="nobody in the directory has the keys by which it could be found")
        alike = [
            (person, ours)
            for ours, theirs in self.keys.items()
            if theirs in IDS and theirs not in HOMES
            for person in self.people.like(theirs, record[ours])
        ]
        return Match(others=tuple(others), alike=tuple(alike))

    def _ours(self, theirs: str) -> str:
        return next(ours for ours, other in self.keys.items() if other == theirs)

    def _one_of(self, fits: list[int], ours: str) -> tuple[int | None, str | None]:
        """Choose the one person whom a key means: the only one, else the only active one, if ids allow."""
        active = [person for person in fits if self.people.is_active(person)]
        if len(active) > 1:
            return None, f"{len(active)} people in the directory have this {ours}"
        if not active:
            return fits[0], None  # whoever it is has left
        left = next((one for one in fits if one != active[0] and self._same_directory(one, active[0])), None)
        if left is None:
            return active[0], None
        gone, here = self.people.name(left), self.people.name(active[0])
        return None, (
            f"2 people in the directory have this {ours}: {gone}, who left, and {here}; an id in `on`, such as "
            "idp_id, tells whose row it is"
        )

    def _same_directory(self, one: int, other: int) -> bool:
        where = self.people.values("directory_id")
        homes = [{where[place] for place in self.people.records[person]} for person in (one, other)]
        return not homes[0].isdisjoint(homes[1])

    def _places(self, person: int, theirs: str, value: Any) -> tuple[int, int | None]:
        """Return the record that counts, and the one an id names; the latter counts while it is active."""
        records = self.people.records[person]
        if theirs not in IDS:
            return records[0], None
        held, key = self.people.values(theirs), key_of(theirs, value)
        named = next((one for one in records if key_of(theirs, held[one]) == key), None)
        return (named if named is not None and self.people.active[named] else records[0]), named

    def settle(
        self, match: Match, record: Mapping[str, Any], claims: Mapping[int, Sequence[int | None]]
    ) -> Match:
        """Add what only the whole table shows: several rows of one person, an id that only looks like one."""
        named = [] if match.person is None else claims[match.person]
        if len(named) > 1:
            if None not in named and len(set(named)) == len(named):
                return match._replace(place=match.named)  # an account for each source: each follows its own
            return match._replace(problem=f"{len(named)} rows of the app are this person")
        for person, ours in match.alike:
            if person not in claims:
                theirs = self.people.values(self.keys[ours])[self.people.records[person][0]]
                told = f"{ours} {record[ours]!r} is like {theirs!r} of {self.people.name(person)}"
                return match._replace(problem=f"{told}, but for case or leading zeros: is it the same id?")
        return match

    def possible(self, record: Mapping[str, Any], match: Match) -> set[int]:
        """Return everybody a row may be, so that none of them is created a second time."""
        possible = {match.person} if match.person is not None else set()
        if match.problem is not None:
            for ours, theirs in self.keys.items():
                if theirs not in HOMES:
                    now, former = self.people.holding(theirs, record[ours])
                    possible |= {*now, *former}
            possible -= {person for person, _, _ in match.others}
            possible |= {person for person, _ in match.alike}
        self._meet(record, possible)
        return possible

    def _meet(self, record: Mapping[str, Any], people: set[int]) -> None:
        """Note the records of these people that have a key of the row themselves, or else all of them."""
        for person in people:
            records = self.people.records[person]
            own = [
                one
                for one in records
                if any(
                    key_of(theirs, self.people.values(theirs)[one]) == key_of(theirs, record[ours]) is not None
                    for ours, theirs in self.keys.items()
                )
            ]
            self.met.update(one for one in own or records if self.people.active[one])
            self.met.update(one for one in records[:1] if self.people.active[one])
