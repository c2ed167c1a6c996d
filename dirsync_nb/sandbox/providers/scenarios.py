"""Plays: named stretches of time at an invented company, in which providers write to the SCIM door over HTTP.

A play makes the company's organization and directories, so it can be watched in any sandbox. The same play in
the same sandbox leaves the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..directory import clock
from . import polled
from .base import Employee, Persona, opaque
from .entra import EntraId
from .okta import Okta
from .others import JumpCloud, OneLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..directory.changes import Happenings
    from ..directory.objects import Object
    from ..directory.store import Store

_DOMAIN = "acme.test"
_TEAMS = {"Engineering": "Engineer", "Operations": "Dispatcher", "Finance": "Accountant"}
_NAMES = (
    "Ann Lee", "Bo Stone", "Cy Marlowe", "Dee Okafor", "Eli Brandt", "Fay Lund",
    "Gus Ibáñez", "Hedda Nygård", "Ivo Żurawik", "Jun Sato", "Kim Park", "Lou Weißmann",
)  # fmt: skip


class Stage(Protocol):
    """What a play needs of a sandbox."""

    @property
    def happenings(self) -> Happenings:
        """Everything that can happen."""

    def scim(self, directory_id: str) -> Any:
        """Return endpoint and token of a directory."""


@dataclass(slots=True)
class Scene:
    """Hold what one scene of a play led to: requests sent by providers, and events by name."""

    at: str
    who: str
    what: str
    requests: int
    events: dict[str, int]

    def described(self) -> Object:
        """Return it as plain JSON."""
        return {
            "at": self.at, "who": self.who, "what": self.what, "requests": self.requests, "events": self.events,
        }  # fmt: skip


@dataclass(slots=True)
class Play:
    """Tell a story, and note scene by scene what came of it."""

    stage: Stage
    store: Store
    directories: dict[str, str] = field(default_factory=dict)
    scenes: list[Scene] = field(default_factory=list)
    personas: dict[str, Persona] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)

    def scene(self, wait: float, who: str, what: str, act: Callable[[], object]) -> None:
        """Let some minutes pass, do something, and note requests and events."""
        self.stage.happenings.wait(wait)
        before, sent = self._last_event(), self._sent()
        at = clock.iso(self.store.now)
        act()
        rows = self.store.execute(
            "SELECT name, count(*) FROM events WHERE n > ? GROUP BY name ORDER BY min(n)", (before,)
        )
        self.scenes.append(Scene(at, who, what, self._sent() - sent, dict(rows)))

    def pull(self, who: str) -> dict[str, int]:
        """Let a pulled source be read."""
        return polled.pull(self.store, self.stage.happenings, self.directories[who], self.sources[who])

    def _last_event(self) -> int:
        return int(self.store.one("SELECT coalesce(max(n), 0) FROM events")[0])

    def _sent(self) -> int:
        return sum(len(persona.sent) for persona in self.personas.values())


def employees(kind: str) -> list[Employee]:
    """Return the staff of Acme as one provider knows them."""
    teams = list(_TEAMS)
    return [
        Employee(
            id=opaque(kind, name),
            email=f"{_address(name)}@{_DOMAIN}",
            first_name=name.split()[0],
            last_name=name.split()[1],
            title=_TEAMS[teams[number % 3]],
            department=teams[number % 3],
            number=f"{number + 101:04d}",
        )
        for number, name in enumerate(_NAMES)
    ]


def _address(name: str) -> str:
    plain = name.translate(str.maketrans("áñåŻß", "anaZs"))
    return plain.lower().replace(" ", ".")


# -- a day at Acme ------------------------------------------------------------------------------------


def a_day_at_acme(play: Play) -> None:
    """Six providers are set up in the morning, and by the evening everything has happened once."""
    play.scene(0, "Acme", "an admin sets up six directories", lambda: _set_up(play))
    for act in (_at_okta, _at_entra, _at_onelogin, _at_jumpcloud, _at_google, _at_the_hr_system):
        act(play)


def _set_up(play: Play) -> None:
    happenings = play.stage.happenings
    organization = happenings.add_organization(name="Acme", domains=[_DOMAIN], external_id="cust-acme")
    types = {
        "Okta": "okta scim v2.0",
        "Entra ID": "azure scim v2.0",
        "OneLogin": "onelogin scim v2.0",
        "JumpCloud": "jump cloud scim v2.0",
        "Google": "gsuite directory",
        "Workday": "workday",
    }
    for name, kind in types.items():
        play.directories[name] = happenings.add_directory(
            organization, type=kind, name=f"Acme {name}", domain=_DOMAIN
        )
    makers: dict[str, Callable[..., Persona]] = {
        "Okta": Okta, "Entra ID": EntraId, "OneLogin": OneLogin, "JumpCloud": JumpCloud,
    }  # fmt: skip
    for name, make in makers.items():
        play.personas[name] = make(*play.stage.scim(play.directories[name]))


def _assign(persona: Persona, people: list[Employee]) -> None:
    for person in people:
        persona.assign(person)


def _by_team(people: list[Employee]) -> Iterator[tuple[str, list[str]]]:
    for team in _TEAMS:
        yield team, [person.id for person in people if person.department == team]


def _push_teams(persona: Persona, people: list[Employee]) -> None:
    for team, members in _by_team(people):
        persona.push_group(team, members)


def _at_okta(play: Play) -> None:
    okta, staff = play.personas["Okta"], employees("okta")
    ann, bo, cy = (person.id for person in staff[:3])
    play.scene(10, "Okta", "nine people are assigned", lambda: _assign(okta, staff[:9]))
    play.scene(1, "Okta", "three groups are pushed", lambda: _push_teams(okta, staff[:9]))
    married = {"last_name": "Lee-Lund", "email": f"ann.lund@{_DOMAIN}"}
    play.scene(30, "Okta", "somebody marries: PUT", lambda: okta.change(ann, **married))
    play.scene(20, "Okta", "somebody moves", lambda: _move(okta, bo, "Operations", "Finance"))
    play.scene(5, "Okta", "a group is renamed", lambda: okta.rename_group("Engineering", "Builders"))
    play.scene(9, "Okta", "somebody leaves: active is false", lambda: okta.unassign(cy))
    play.scene(90, "Okta", "and is rehired", lambda: okta.assign(staff[2]))
    play.scene(1, "Okta", "and is let in again", lambda: okta.change_members("Finance", add=[cy]))
    play.scene(2, "Okta", "a group is unlinked", lambda: okta.drop_group("Operations"))


def _move(persona: Persona, who: str, former: str, team: str) -> None:
    persona.change(who, department=team, title=_TEAMS[team])
    persona.change_members(former, remove=[who])
    persona.change_members(team, add=[who])


def _at_entra(play: Play) -> None:
    entra, staff = play.personas["Entra ID"], employees("entra")
    dee, eli = staff[3].id, staff[4].id
    play.scene(12, "Entra ID", "eight people come, each in two steps", lambda: _assign(entra, staff[:8]))
    play.scene(0, "Entra ID", "groups come empty, members follow", lambda: _push_teams(entra, staff[:8]))
    married = {"last_name": "Lund", "email": f"dee.lund@{_DOMAIN}"}
    play.scene(40, "Entra ID", "a filtered path changes an address", lambda: entra.change(dee, **married))
    play.scene(40, "Entra ID", "somebody moves", lambda: _move(entra, eli, "Operations", "Finance"))
    play.scene(40, "Entra ID", 'sign-in is blocked: "False"', lambda: entra.unassign(eli))
    play.scene(40, "Entra ID", "a group is renamed", lambda: entra.rename_group("Finance", "Money"))


def _at_onelogin(play: Play) -> None:
    onelogin, staff = play.personas["OneLogin"], employees("onelogin")
    play.scene(3, "OneLogin", "six people are assigned", lambda: _assign(onelogin, staff[:6]))
    play.scene(1, "OneLogin", "roles become groups", lambda: _push_teams(onelogin, staff[:6]))
    play.scene(9, "OneLogin", "a role goes: its people do", lambda: onelogin.drop_group("Finance"))


def _at_jumpcloud(play: Play) -> None:
    jumpcloud, staff = play.personas["JumpCloud"], employees("jumpcloud")
    play.scene(3, "JumpCloud", "people come through groups", lambda: _assign(jumpcloud, staff[6:]))
    play.scene(1, "JumpCloud", "every member is added twice", lambda: _push_teams(jumpcloud, staff[6:]))
    play.scene(9, "JumpCloud", "a group is deleted", lambda: jumpcloud.drop_group("Finance"))


def _at_google(play: Play) -> None:
    google = play.sources["Google"] = polled.GoogleWorkspace()
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
    play.scene(5, "Google", "the first pull", lambda: play.pull("Google"))
    google.archived.add(first)
    play.scene(30, "Google", "somebody was archived", lambda: play.pull("Google"))
    google.chosen = {"0Engineering", "0Operations"}
    play.scene(30, "Google", "the admin chose two groups", lambda: play.pull("Google"))


def _at_the_hr_system(play: Play) -> None:
    workday = play.sources["Workday"] = polled.HrSystem()
    for person in employees("workday")[:7]:
        workday.rows.append(
            {
                "employee_id": person.number, "first_name": person.first_name, "last_name": person.last_name,
                "primary_work_email": person.email, "job_title": person.title,
                "department_name": person.department, "group_name": person.department,
                "employment_start_date": "2024-02-01T00:00:00.000Z",
            }
        )  # fmt: skip
    play.scene(5, "Workday", "the first pull of the report", lambda: play.pull("Workday"))
    workday.row("0103").update(job_title="Controller")
    workday.row("0104").update(status="terminated")
    play.scene(30, "Workday", "a promotion and a leaver", lambda: play.pull("Workday"))


def purge(play: Play) -> int:
    """Let thirty days pass, then let Entra ID delete whom it had switched off; give how many."""
    entra = play.personas["Entra ID"]
    assert isinstance(entra, EntraId)
    blocked = list(entra.blocked)
    play.scene(30 * 24 * 60, "Entra ID", "accounts are purged", lambda: _purge_all(entra, blocked))
    return len(blocked)


def _purge_all(entra: EntraId, people: list[str]) -> None:
    for one in people:
        entra.purge(one)


PLAYS: dict[str, Callable[[Play], None]] = {"a day at Acme": a_day_at_acme}


def perform(name: str, stage: Stage, store: Store) -> Play:
    """Perform a play, scene by scene."""
    if name not in PLAYS:
        raise ValueError(f"a play must be one of {', '.join(map(repr, PLAYS))}; got {name!r}")
    if store.one("SELECT 1 FROM organizations WHERE external_id = 'cust-acme'"):
        raise ValueError("Acme is here already: reset the sandbox first")
    play = Play(stage, store)
    PLAYS[name](play)
    return play
