"""Invent people: names of many languages, jobs, and the attributes a provider would send about them."""

from __future__ import annotations

import random
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..directory import clock, provider_traits

if TYPE_CHECKING:
    from collections.abc import Iterator

_FACTS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_NATIVE_SHARE = 0.5  # of the people whose script is not Latin, those entered in it
_UNCOMPOSED = str.maketrans(_FACTS["uncomposed"])

LOCATIONS: dict[str, list[str]] = _FACTS["locations"]
JOBS: dict[str, list[str]] = _FACTS["jobs"]
_EMPLOYEE_TYPES: list[str] = _FACTS["employee_types"]


@dataclass(slots=True)
class Person:
    """Hold one invented employee, the same whatever provider speaks of them."""

    number: int
    first_name: str | None
    last_name: str | None
    local_part: str
    department: str
    job_title: str
    location: str
    employee_type: str
    started: int
    has_email: bool = True
    core: bool = True

    @property
    def display_name(self) -> str | None:
        """Both names, as far as there are any."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


def latin(name: str) -> str:
    """Spell a name with the 26 letters, for an address."""
    plain = unicodedata.normalize("NFKD", name.translate(_UNCOMPOSED)).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())


def _pool(words: str) -> list[tuple[str, str, str]]:
    split = [word.partition("/") for word in words.split()]
    return [(native, roman or native, latin(roman or native)) for native, _, roman in split]


_POOLS = [tuple(map(_pool, line.split(" | "))) for line in _FACTS["cultures"].strip().splitlines()]
_WEIGHTED = [pools for pools in _POOLS[:11] for _ in range(3)] + _POOLS[11:]  # most names are Latin
_UNUSUAL = [
    (one.get("first"), one.get("last"), one["mail"], one.get("has_email", True)) for one in _FACTS["unusual"]
]


def invent(rng: random.Random, count: int, *, core: int, started_before: int) -> Iterator[Person]:
    """Invent ``count`` people; the first ``core`` have unusual ones among them and fuller records."""
    taken: dict[str, int] = {}
    departments, locations = list(JOBS), list(LOCATIONS)
    draw = rng.random
    for number in range(count):
        first, last, local, has_email = _name(rng, number, core)
        seen = taken.get(local, 0)
        taken[local] = seen + 1
        department = departments[int(draw() ** 1.4 * len(departments))]
        jobs = JOBS[department]
        yield Person(
            number=number,
            first_name=first,
            last_name=last,
            local_part=f"{local}{seen + 1}" if seen else local,
            department=department,
            job_title=jobs[int(draw() * len(jobs))],
            location=locations[int(draw() ** 1.3 * len(locations))],
            employee_type=_EMPLOYEE_TYPES[int(draw() * len(_EMPLOYEE_TYPES))],
            started=started_before - int(draw() * 3000) * clock.DAY,
            has_email=has_email,
            core=number < core,
        )


def _name(rng: random.Random, number: int, core: int) -> tuple[str | None, str | None, str, bool]:
    if number < core and number % 9 == 7 and number // 9 < len(_UNUSUAL):
        return _UNUSUAL[number // 9]
    given, family = _WEIGHTED[int(rng.random() * len(_WEIGHTED))]
    first, last = given[int(rng.random() * len(given))], family[int(rng.random() * len(family))]
    shown = 0 if rng.random() < _NATIVE_SHARE else 1
    local = f"{first[2]}.{last[2]}" if number % 11 else f"{first[2][:1]}{last[2]}"
    return first[shown], last[shown], local, True


def attributes(
    person: Person, manager: tuple[Person, str] | None, email: str, company: Company
) -> dict[str, Any]:
    """Return ``custom_attributes`` as this company's provider supplies them."""
    boss, boss_idp_id = manager or (None, None)
    place, cost_center = LOCATIONS[person.location], f"CC-{1000 + 10 * list(JOBS).index(person.department)}"
    known: dict[str, Any] = {
        "addresses": _addresses(person, place) if person.core else None,
        "cost_center_name": cost_center if person.number % 7 else None,
        "department_name": person.department,
        "display_name": person.display_name,
        "division_name": _FACTS["divisions"].get(person.department),
        "emails": [{"type": "work", "value": email, "primary": True}] if person.has_email else [],
        "employee_number": f"{person.number + 117:05d}",
        "employee_type": person.employee_type,
        "employment_start_date": clock.iso(person.started - person.started % clock.DAY),
        "job_title": person.job_title,
        "manager_email": f"{boss.local_part}@{company.domain}" if boss and boss.has_email else None,
        "manager_id": boss_idp_id,
        "manager_name": boss.display_name if boss else None,
        "organization": company.name,
        "phone_numbers": _phones(person, place) if person.core and person.number % 4 == 0 else None,
        "username": email,
    }
    for key in provider_traits.unsupported(company.directory_type):
        known[key] = None
    for key in company.switched_off:
        known.pop(key, None)
    return {**known, **_mapped(person, company)}


@dataclass(frozen=True, slots=True)
class Company:
    """Hold what a person's attributes depend on besides the person."""

    name: str
    domain: str
    directory_type: str
    switched_off: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()


def _mapped(person: Person, company: Company) -> dict[str, Any]:
    """Return the attributes this customer mapped by hand: any name, any JSON value."""
    number = person.number
    every: dict[str, Any] = {
        "badge_colour": _FACTS["badges"][number % 4] if number % 5 else None,
        "workplace": {"building": person.location, "desk": {"floor": number % 6, "seat": f"{number % 40:02d}"}},
        "languages": ["en", "nb", "pt", "ja"][: number % 4],
        "on_call": number % 3 == 0,
        "fte": 1 if person.employee_type == "Full Time" else 0.6,
    }
    return {key: every[key] for key in company.mapped}


def _addresses(person: Person, place: list[str]) -> list[dict[str, Any]]:
    street, region, postal_code, country, _ = place
    return [
        {
            "type": "work",
            "street_address": street,
            "locality": person.location,
            "region": region,
            "postal_code": postal_code,
            "country": country,
            "raw_address": f"{street}, {person.location}",
            "primary": True,
        }
    ]


def _phones(person: Person, place: list[str]) -> list[dict[str, Any]]:
    return [{"value": place[4].format(person.number % 100), "display": None, "type": "work", "primary": True}]
