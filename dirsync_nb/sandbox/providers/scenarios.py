"""Scenarios: named stretches of time at an invented company, in which providers write to SCIM over HTTP.

A scenario makes the company's organization and directories, so it can be watched in any sandbox. The same one
in the same sandbox leaves the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args

from ..directory import clock
from ..directory.recorder import Removals
from ..directory.refusal import Invalid
from . import polled
from .base import Employee, Persona, opaque
from .desk import PERSONAS
from .entra import EntraId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..directory.changes import Changes
    from ..directory.store import Store

_DOMAIN = "acme.test"
_TEAMS = {"Engineering": "Engineer", "Operations": "Dispatcher", "Finance": "Accountant"}
_PROVIDERS = {
    "Okta": "okta scim v2.0", "Entra ID": "azure scim v2.0", "OneLogin": "onelogin scim v2.0",
    "JumpCloud": "jump cloud scim v2.0", "Google": "gsuite directory", "Workday": "workday",
}  # fmt: skip
NAMES = (
    "Ann Lee", "Bo Stone", "Cy Marlowe", "Dee Okafor", "Eli Brandt", "Fay Lund",
    "Gus Ibáñez", "Hedda Nygård", "Ivo Żurawik", "Jun Sato", "Kim Park", "Lou Weißmann",
)  # fmt: skip


class Stage(Protocol):
    """What a scenario needs of a sandbox."""

    @property
    def changes(self) -> Changes:
        """Everything that can happen."""

    def scim(self, directory_id: str) -> Any:
        """Return endpoint and token of a directory."""


class Scene(NamedTuple):
    """Hold what one scene led to: requests sent by providers, and events by name."""

    at: str
    who: str
    what: str
    requests: int
    events: dict[str, int]


@dataclass(slots=True)
class Scenario:
    """Tell a story, and note scene by scene what came of it."""

    stage: Stage
    store: Store
    directories: dict[str, str] = field(default_factory=dict)
    scenes: list[Scene] = field(default_factory=list)
    personas: dict[str, Persona] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)

    def scene(self, wait: float, who: str, what: str, act: Callable[[], object]) -> None:
        """Let some minutes pass, do something, and note requests and events."""
        self.stage.changes.wait(wait)
        before, sent = self.store.events.last(), self._sent()
        at = clock.iso(self.store.now)
        act()
        self.scenes.append(Scene(at, who, what, self._sent() - sent, self.store.events.counts_since(before)))

    def poll(self, who: str) -> dict[str, int]:
        """Let a source be polled."""
        return polled.poll(self.store, self.stage.changes, self.directories[who], self.sources[who])

    def _sent(self) -> int:
        return sum(len(persona.sent) for persona in self.personas.values())


def employees(kind: str) -> list[Employee]:
    """Return the staff of Acme as one provider knows them."""
    teams = list(_TEAMS)
    return [
        Employee(
            id=opaque(kind, name),
            email=f"{mail_name(name)}@{_DOMAIN}",
            first_name=name.split()[0],
            last_name=name.split()[1],
            title=_TEAMS[teams[number % 3]],
            department=teams[number % 3],
            number=f"{number + 101:04d}",
        )
        for number, name in enumerate(NAMES)
    ]


def mail_name(name: str) -> str:
    """Return what stands before the @ of somebody's address."""
    plain = name.translate(str.maketrans("áñåŻß", "anaZs"))
    return plain.lower().replace(" ", ".")


# -- a day at Acme ------------------------------------------------------------------------------------


def a_day_at_acme(scenario: Scenario) -> None:
    """Six providers are set up in the morning, and by the evening everything has happened once."""
    scenario.scene(0, "Acme", "an admin sets up six directories", lambda: _set_up(scenario))
    for act in (_at_okta, _at_entra, _at_onelogin, _at_jumpcloud, _at_google, _at_the_hr_system):
        act(scenario)


def _set_up(scenario: Scenario) -> None:
    changes = scenario.stage.changes
    organization = changes.add_organization(name="Acme", domains=[_DOMAIN], external_id="cust-acme")
    for name, kind in _PROVIDERS.items():
        scenario.directories[name] = changes.add_directory(
            organization, type=kind, name=f"Acme {name}", domain=_DOMAIN
        )
    for name, kind in _PROVIDERS.items():
        if kind in PERSONAS:
            scenario.personas[name] = PERSONAS[kind](*scenario.stage.scim(scenario.directories[name]))


def _assign(persona: Persona, people: list[Employee]) -> None:
    for person in people:
        persona.assign(person)


def _by_team(people: list[Employee]) -> Iterator[tuple[str, list[str]]]:
    for team in _TEAMS:
        yield team, [person.id for person in people if person.department == team]


def _push_teams(persona: Persona, people: list[Employee]) -> None:
    for team, members in _by_team(people):
        persona.push_group(team, members)


def _at_okta(scenario: Scenario) -> None:
    okta, staff = scenario.personas["Okta"], employees("okta")
    ann, bo, cy = (person.id for person in staff[:3])
    scenario.scene(10, "Okta", "nine people are assigned", lambda: _assign(okta, staff[:9]))
    scenario.scene(1, "Okta", "three groups are pushed", lambda: _push_teams(okta, staff[:9]))
    married = {"last_name": "Lee-Lund", "email": f"ann.lund@{_DOMAIN}"}
    scenario.scene(30, "Okta", "somebody marries: PUT", lambda: okta.change(ann, **married))
    scenario.scene(20, "Okta", "somebody moves", lambda: _move(okta, bo, "Operations", "Finance"))
    scenario.scene(5, "Okta", "a group is renamed", lambda: okta.rename_group("Engineering", "Builders"))
    scenario.scene(9, "Okta", "somebody leaves: active is false", lambda: okta.unassign(cy))
    scenario.scene(90, "Okta", "and is rehired", lambda: okta.assign(staff[2]))
    scenario.scene(1, "Okta", "and is let in again", lambda: okta.change_members("Finance", add=[cy]))
    scenario.scene(2, "Okta", "a group is unlinked", lambda: okta.drop_group("Operations"))


def _move(persona: Persona, who: str, former: str, team: str) -> None:
    persona.change(who, department=team, title=_TEAMS[team])
    persona.change_members(former, remove=[who])
    persona.change_members(team, add=[who])


def _at_entra(scenario: Scenario) -> None:
    entra, staff = scenario.personas["Entra ID"], employees("entra")
    dee, eli = staff[3].id, staff[4].id
    scenario.scene(12, "Entra ID", "eight people come, each in two steps", lambda: _assign(entra, staff[:8]))
    scenario.scene(0, "Entra ID", "groups come empty, members follow", lambda: _push_teams(entra, staff[:8]))
    married = {"last_name": "Lund", "email": f"dee.lund@{_DOMAIN}"}
    scenario.scene(40, "Entra ID", "a filtered path changes an address", lambda: entra.change(dee, **married))
    scenario.scene(40, "Entra ID", "somebody moves", lambda: _move(entra, eli, "Operations", "Finance"))
    scenario.scene(40, "Entra ID", 'sign-in is blocked: "False"', lambda: entra.unassign(eli))
    scenario.scene(40, "Entra ID", "a group is renamed", lambda: entra.rename_group("Finance", "Money"))


def _at_onelogin(scenario: Scenario) -> None:
    onelogin, staff = scenario.personas["OneLogin"], employees("onelogin")
    scenario.scene(3, "OneLogin", "six people are assigned", lambda: _assign(onelogin, staff[:6]))
    scenario.scene(1, "OneLogin", "roles become groups", lambda: _push_teams(onelogin, staff[:6]))
    scenario.scene(9, "OneLogin", "a role goes: its people do", lambda: onelogin.drop_group("Finance"))


def _at_jumpcloud(scenario: Scenario) -> None:
    jumpcloud, staff = scenario.personas["JumpCloud"], employees("jumpcloud")
    scenario.scene(3, "JumpCloud", "people come through groups", lambda: _assign(jumpcloud, staff[6:]))
    scenario.scene(1, "JumpCloud", "every member is added twice", lambda: _push_teams(jumpcloud, staff[6:]))
    scenario.scene(9, "JumpCloud", "a group is deleted", lambda: jumpcloud.drop_group("Finance"))


def _at_google(scenario: Scenario) -> None:
    google = scenario.sources["Google"] = polled.GoogleWorkspace()
    for number, person in enumerate(employees("google")):
        key = f"1{number:020d}"
        google.users[key] = {
            "email": person.email,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "custom_attributes": {"department_name": person.department, "job_title": person.title},
        }
        google.groups[f"0{person.department}"] = str(person.department)
        google.members.add((key, f"0{person.department}"))
    first = min(google.users)
    scenario.scene(5, "Google", "the first poll", lambda: scenario.poll("Google"))
    google.archived.add(first)
    scenario.scene(30, "Google", "somebody was archived", lambda: scenario.poll("Google"))
    google.chosen = {"0Engineering", "0Operations"}
    scenario.scene(30, "Google", "the admin chose two groups", lambda: scenario.poll("Google"))


def _at_the_hr_system(scenario: Scenario) -> None:
    workday = scenario.sources["Workday"] = polled.HrSystem()
    for person in employees("workday")[:7]:
        workday.rows.append(
            {
                "employee_id": person.number, "first_name": person.first_name, "last_name": person.last_name,
                "primary_work_email": person.email, "job_title": person.title,
                "department_name": person.department, "group_name": person.department,
                "employment_start_date": "2024-02-01T00:00:00.000Z",
            }
        )  # fmt: skip
    scenario.scene(5, "Workday", "the first poll of the report", lambda: scenario.poll("Workday"))
    workday.row("0103").update(job_title="Controller")
    workday.row("0104").update(status="terminated")
    scenario.scene(30, "Workday", "a promotion and a leaver", lambda: scenario.poll("Workday"))


def purge(scenario: Scenario) -> int:
    """Let thirty days pass, then let Entra ID delete whom it had switched off; return how many."""
    entra = scenario.personas["Entra ID"]
    assert isinstance(entra, EntraId)
    blocked = list(entra.blocked)
    scenario.scene(30 * 24 * 60, "Entra ID", "accounts are purged", lambda: _purge_all(entra, blocked))
    return len(blocked)


def _purge_all(entra: EntraId, people: list[str]) -> None:
    for one in people:
        entra.purge(one)


# -- late removals ------------------------------------------------------------------------------------


def late_removals(scenario: Scenario) -> None:
    """Users and groups are deleted, and removals from groups are told of in every way that has been seen."""
    changes = scenario.stage.changes
    organization = changes.add_organization(name="Acme", domains=[_DOMAIN], external_id="cust-acme")
    directory = changes.add_directory(
        organization, type="generic scim v2.0", name="Acme Generic", domain=_DOMAIN, state="linked"
    )
    people = [changes.add_user(directory, email=one.email) for one in employees("generic")]
    for number, how in enumerate(get_args(Removals)):
        group, staying = (changes.add_group(directory, name=f"{name} {how}") for name in ("Crew", "Team"))
        for user in people[3 * number : 3 * number + 3]:
            changes.add_member(group, user)
            changes.add_member(staying, user)
        leaver, off = people[3 * number], people[3 * number + 1]
        told = f"removals are told: {how}"
        for what, act in (
            ("a user is deleted", partial(changes.delete_user, leaver, removals=how)),
            ("a user is switched off", partial(changes.deactivate_user, off, removals=how)),
            ("a group is deleted", partial(changes.delete_group, group, removals=how)),
        ):
            scenario.scene(5, "Acme", f"{what}; {told}", act)
    stray = partial(changes.end_unknown_membership, directory)
    scenario.scene(5, "Acme", "a membership ends of which nobody was told that it began", stray)


# -- a week at a customer's own desk -------------------------------------------------------------------


class Beat(NamedTuple):
    """Hold one step of a story to play at a desk: what happens, with a place for the name, and to whom."""

    title: str
    verb: Literal["hire", "marry", "move", "let_go", "rehire"]
    who: Literal["newcomer", "colleague"]


WEEK = (
    Beat("Monday: {who} begins", "hire", "newcomer"),
    Beat("Tuesday: {who} marries, with another name and address", "marry", "newcomer"),
    Beat("Wednesday: {who} moves to another team", "move", "colleague"),
    Beat("Thursday: {who} leaves", "let_go", "colleague"),
    Beat("Friday: {who} comes back", "rehire", "colleague"),
    Beat("Friday evening: {who} leaves for good", "let_go", "newcomer"),
)


SCENARIOS: dict[str, Callable[[Scenario], None]] = {
    "a day at Acme": a_day_at_acme,
    "late removals": late_removals,
}


def perform(name: str, stage: Stage, store: Store) -> Scenario:
    """Perform a scenario, scene by scene."""
    if name not in SCENARIOS:
        raise Invalid(f"a scenario must be one of {', '.join(map(repr, SCENARIOS))}; got {name!r}")
    if store.organizations.has_external_id("cust-acme"):
        raise Invalid("Acme is here already: reset the sandbox first")
    scenario = Scenario(stage, store)
    SCENARIOS[name](scenario)
    return scenario
