"""Worlds: which organizations and directories there are. By name, or from a YAML file of your own.

.. code-block:: yaml

    organizations:
      - name: Acme
        domains: [acme.test]            # also: external_id, metadata
        directories:
          - name: Acme Okta
            type: okta scim v2.0
            people: 25                  # invented, with ninety days of history; 0 is the default
            groups: [Crew, {name: Admins, role: admin}]
            users:                      # by hand, on top of the invented ones
              - {email: ann@acme.test, first_name: Ann, last_name: Lee, groups: [Crew]}
            # also: state, age (days), domain, departments, locations

Or as a fleet, ``fleet:5000x1000``: 5,000 directories, each of one organization, with 1,000 people on average.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ... import extras
from ...errors import FileTooLarge
from ...guard import MOST_YAML, bytes_within, yaml_of
from ..directory import clock, create
from ..directory.changes import STATES
from ..directory.refusal import Invalid

_TOP = {"organizations"}
_ORGANIZATION = {"name", "domains", "external_id", "metadata", "directories"}
_DIRECTORY = {"name", "type", "state", "people", "age", "domain", "departments", "locations", "groups", "users"}
_USER = {"email", "first_name", "last_name", "name", "idp_id", "custom_attributes", "groups"}
_MOST_PEOPLE = 10_000_000
_OLDEST = 3_650  # days
_ROLES = ("admin", "auditor", "member")
_TEXTS = ("email", "first_name", "last_name", "name", "idp_id")

FACTS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_FLEET_FORM = re.compile(r"fleet:([1-9]\d{0,4})x(\d{1,7})")
P = TypeVar("P", bound="OrganizationPlan | DirectoryPlan")
_OUT_OF_REACH = 40  # one directory in so many has credentials that its provider refuses


@dataclass(frozen=True, slots=True)
class OrganizationPlan:
    """Hold what is decided about an organization by hand."""

    key: str
    name: str
    domains: tuple[str, ...]
    external_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryPlan:
    """Hold what is decided about a directory by hand. ``age`` is in days; young ones send their first sync.

    ``groups`` are (name, role) and ``users`` JSON texts: those written by hand in a file.
    """

    key: str
    organization: str
    type: str
    name: str
    state: str
    people: int
    age: int
    domain: str
    departments: int = 8
    locations: int = 5
    projects: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()
    stated_domain: bool = True
    groups: tuple[tuple[str, str | None], ...] = ()
    users: tuple[str, ...] = ()

    core: ClassVar[int] = 260
    """The story and the fuller records are for this many people at most."""

    def born(self, end: int) -> int:
        """Return when the directory was made, in milliseconds, for a story with this end."""
        return end - self.age * clock.DAY


@dataclass(frozen=True, slots=True)
class FleetPlan(DirectoryPlan):
    """Hold what is decided about one directory of many: little happens there, at a moment of its own."""

    later: int = 0  # milliseconds after the day its age says, since no two may be made at once

    core: ClassVar[int] = 20

    def born(self, end: int) -> int:
        """Return when the directory was made, in milliseconds, for a story with this end."""
        return end - self.age * clock.DAY + self.later


@dataclass(frozen=True, slots=True)
class ArrivalPlan(DirectoryPlan):
    """Hold a directory into which people come in one go; ``users`` are JSON texts of fields and group names.

    ``waiting`` are SCIM resources of people without a usable address.
    """

    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """Hold all of it. Two worlds with the same plans are the same world."""

    organizations: tuple[OrganizationPlan, ...] = ()
    directories: tuple[DirectoryPlan, ...] = ()

    def people(self) -> int:
        """Count the people of all directories, invented and written down."""
        return sum(plan.people + len(plan.users) for plan in self.directories)

    @property
    def digest(self) -> str:
        """What tells this world from others."""
        return _digest(self)

    def between_organizations(self) -> int:
        """Return the milliseconds from one organization to the next; those of a fleet are sooner all there."""
        if any(isinstance(plan, FleetPlan) for plan in self.directories):
            return min(clock.DAY // 4, 100 * clock.DAY // len(self.organizations))
        return clock.DAY // 4


def _plan(kind: type[P], facts: dict[str, Any]) -> P:
    """Make a plan of facts, which is compared and hashed: lists become tuples, and so do mappings."""
    plan: dict[str, Any] = {}
    for name, value in facts.items():
        listed = value.items() if isinstance(value, dict) else value
        plan[name] = listed if isinstance(listed, str | int) else tuple(listed)
    return kind(**plan)


HARBOUR = World(
    tuple(_plan(OrganizationPlan, one) for one in FACTS["organizations"]),
    tuple(_plan(DirectoryPlan, one) for one in FACTS["directories"]),
)
"""The world of all examples: eight organizations, nine directories of every state and many types."""


@lru_cache(maxsize=8)
def _digest(world: World) -> str:
    return blake2b(repr(world).encode(), digest_size=8).hexdigest()


def read(path: str | os.PathLike[str]) -> World:
    """Read a world from a YAML file; ValueError says what is wrong with it, and where."""
    extras.need("a world from a YAML file", "scim", "yaml")
    where = Path(path)
    try:
        return world_of(yaml_of(bytes_within(where, MOST_YAML).decode("utf-8-sig")))
    except OSError as error:
        raise Invalid(f"{where} cannot be read: {error.strerror}") from None
    except FileTooLarge as error:
        raise Invalid(f"{error} Put the people into a CSV and give that as people") from None
    except (UnicodeError, RecursionError) as error:
        raise Invalid(f"{where} is not YAML: {error}") from None
    except (ValueError, TypeError) as error:
        raise Invalid(f"{where}: {error}") from None


def world_of(given: Any) -> World:
    """Make a world from what a file says."""
    top = _checked(given, _TOP, "the file")
    organizations, directories = [], []
    for place, one in enumerate(_list(top.get("organizations"), "organizations")):
        spoken = f"organizations[{place}]"
        plain = _checked(one, _ORGANIZATION, spoken)
        key = f"organization-{place}"
        organizations.append(_organization(plain, key, spoken))
        external_id = organizations[-1].external_id
        if external_id is not None and external_id in [one.external_id for one in organizations[:-1]]:
            raise Invalid(f"{spoken}.external_id is that of another organization: {_shown(external_id)}")
        for number, directory in enumerate(_list(plain.get("directories"), f"{spoken}.directories")):
            found = _directory(directory, key, f"{spoken}.directories[{number}]", organizations[-1])
            directories.append(found)
    # Ids and places in lists follow time: the oldest directory comes first.
    return World(tuple(organizations), tuple(sorted(directories, key=lambda plan: -plan.age)))


def fleet(name: str) -> World | None:
    """Make a world of many directories from ``fleet:<directories>x<people on average>``; None for other names.

    Most are small and some are large, and all together they have exactly as many people as the name says.
    """
    if (found := _FLEET_FORM.fullmatch(name)) is None:
        return None
    count, people = int(found[1]), int(found[2])
    facts, span = FACTS["fleet"], 200 * clock.DAY
    of = {name: itertools.cycle(facts[name]) for name in facts}  # in turn
    sizes = [round(next(of["sizes"]) * people) for _ in range(count)]
    sizes[-1] += count * people - sum(sizes)
    if max(sizes) > _MOST_PEOPLE:
        raise Invalid(f"{name}: a directory holds at most {_MOST_PEOPLE:,} people")
    organizations, directories = [], []
    for place, size in enumerate(sizes):
        key, domain = f"customer-{place:05d}", f"customer-{place:05d}.example"
        name = f"{next(of['names'])} {next(of['trades'])} {place}"
        state = "invalid_credentials" if place % _OUT_OF_REACH == _OUT_OF_REACH - 1 else "linked"
        organizations.append(OrganizationPlan(key, name, (domain,), f"cust-{place:05d}"))
        directories.append(FleetPlan(
            key, key, next(of["types"]), name, state, size, age=300, domain=domain, departments=2, locations=0,
            projects=("Project Beacon",), later=place * span // count,
        ))  # fmt: skip
    return World(tuple(organizations), tuple(directories))


def _organization(plain: dict[str, Any], key: str, spoken: str) -> OrganizationPlan:
    metadata = _checked(plain.get("metadata") or {}, None, f"{spoken}.metadata")
    if nested := [name for name, value in metadata.items() if isinstance(value, dict | list)]:
        raise Invalid(f"{spoken}.metadata.{nested[0]} must be text; got {_shown(metadata[nested[0]])}")
    external_id = plain.get("external_id")
    if isinstance(external_id, dict | list | bool):
        raise Invalid(f"{spoken}.external_id must be text; got {_shown(external_id)}")
    domains = _texts(plain.get("domains"), f"{spoken}.domains")
    return OrganizationPlan(
        key,
        _text(plain, "name", spoken),
        tuple(dict.fromkeys(domain.casefold() for domain in domains)),
        None if external_id is None else str(external_id),
        tuple((str(name), str(value)) for name, value in metadata.items()),
    )


def _directory(given: Any, organization: str, spoken: str, owner: OrganizationPlan) -> DirectoryPlan:
    plain = _checked(given, _DIRECTORY, spoken)
    kind, state = _text(plain, "type", spoken), plain.get("state", "linked")
    if kind not in create.TYPES:
        raise Invalid(f"{spoken}.type must be one of {', '.join(create.TYPES)}; got {_shown(kind)}")
    if state not in STATES:
        raise Invalid(f"{spoken}.state must be one of {', '.join(STATES)}; got {_shown(state)}")
    groups = tuple(_group(one, f"{spoken}.groups") for one in _list(plain.get("groups"), f"{spoken}.groups"))
    known = {name for name, _ in groups}
    listed = _list(plain.get("users"), f"{spoken}.users")
    users = [_user(one, known, f"{spoken}.users[{place}]") for place, one in enumerate(listed)]
    people = _whole(plain, "people", 0, spoken)
    least = 1 if people else 0  # invented people work in a department
    return DirectoryPlan(
        key=spoken,
        organization=organization,
        type=kind,
        name=_text(plain, "name", spoken),
        state=state,
        people=people,
        age=_whole(plain, "age", 100, spoken, least=1, most=_OLDEST),
        domain=_text(plain, "domain", spoken)
        if "domain" in plain
        else next(iter(owner.domains), "invented.example"),
        departments=_whole(plain, "departments", 3 * least, spoken, least=least, most=8),
        locations=_whole(plain, "locations", 0, spoken, most=5),
        stated_domain="domain" in plain,
        groups=groups,
        users=tuple(users),
    )


def _group(given: Any, spoken: str) -> tuple[str, str | None]:
    plain = {"name": given} if isinstance(given, str) else _checked(given, {"name", "role"}, spoken)
    role = plain.get("role")
    if role is not None and role not in _ROLES:
        raise Invalid(f"{spoken}.role must be one of {', '.join(_ROLES)}; got {_shown(role)}")
    return _text(plain, "name", spoken), role


def _user(given: Any, groups: set[str], spoken: str) -> str:
    plain = _checked(given, _USER, spoken)
    for name in _TEXTS:
        if not isinstance(plain.get(name), str | None):
            raise Invalid(f"{spoken}.{name} must be text; got {_shown(plain[name])}")
    if plain.get("custom_attributes") is not None:
        _checked(plain["custom_attributes"], None, f"{spoken}.custom_attributes")
    unknown = [name for name in _texts(plain.get("groups"), f"{spoken}.groups") if name not in groups]
    if unknown:
        raise Invalid(f"{spoken}.groups: no such group among its directory's groups: {_shown(unknown[0])}")
    return json.dumps(plain, ensure_ascii=False, default=str)


def _checked(given: Any, allowed: set[str] | None, spoken: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Invalid(f"{spoken} must be a mapping; got {type(given).__name__}")
    unknown = sorted(str(key) for key in given if allowed is not None and key not in allowed)
    if unknown:
        raise Invalid(f"{spoken} has no {_shown(unknown[0])}; known are {', '.join(sorted(allowed or ()))}")
    return given


def _list(given: Any, spoken: str) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise Invalid(f"{spoken} must be a list; got {type(given).__name__}")
    return given


def _texts(given: Any, spoken: str) -> list[str]:
    listed = _list(given, spoken)
    if odd := [one for one in listed if not isinstance(one, str) or not one.strip()]:
        raise Invalid(f"{spoken} must be texts; got {_shown(odd[0])}")
    return listed


def _text(plain: dict[str, Any], name: str, spoken: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{spoken}.{name} must be text; got {_shown(value)}")
    return value


def _whole(
    plain: dict[str, Any], name: str, default: int, spoken: str, *, least: int = 0, most: int = _MOST_PEOPLE
) -> int:
    value = plain.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        span = f"a whole number from {least:,} to {most:,}"
        raise Invalid(f"{spoken}.{name} must be {span}; got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return f"{value!r:.80}"
