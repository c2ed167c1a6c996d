"""Whom a row of an app is: found by any of its keys, and never joined by an address that an id contradicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..analysis.identity import WEAK_KEYS
from .people import HOMES, IDS, People, key_of


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
