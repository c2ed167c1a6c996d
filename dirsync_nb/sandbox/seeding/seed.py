"""Build the sandbox's world: organizations, directories, people, and the ninety days that led here.

Old directories are filled in one go, a year back; events of that time are past retention, so none are kept.
Then the last ninety days are played through ``changes``, so that every event tells what was so at its
moment, and the end of the story is what the lists show.
"""

from __future__ import annotations

import json
import random
from functools import partial
from typing import TYPE_CHECKING

from ..directory import attributes as switches
from ..directory import clock, create, objects, provider_traits
from ..directory import roles as role_rules
from ..directory.changes import Changes
from ..directory.ids import bearer_token, make_id, rising_ids
from ..directory.refusal import Invalid
from . import copies, worlds
from .people import JOBS, LOCATIONS, Company, Person, attributes, invent
from .worlds import HARBOUR, DirectoryPlan, World

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from ..directory.recorder import InactivePolicy
    from ..directory.roles import RoleMode
    from ..directory.store import Store

RETENTION = 90 * clock.DAY
_PROTECTED = 0.4  # of the first cast nobody leaves: managers and unusual people stay to be found
_TWINS: dict[str, str] = worlds.FACTS["twins"]
_MARKED = {"App Administrators": ("admin", 53), "Internal Audit": ("auditor", 41), "Move 2025": (None, 37)}
"""Groups of providers with roles: which role each gives, and that one person of so many is in it."""

_NO_ADDRESS = "Required attributes missing: emails"

WORLDS = {
    "harbour": HARBOUR,
    "okta": World(HARBOUR.organizations[:1], HARBOUR.directories[:1]),
    "empty": World(),
}
"""Worlds that have a name."""


def has_name(name: object) -> bool:
    """Return whether this is a world that needs no file."""
    return isinstance(name, str) and (name in WORLDS or worlds.fleet(name) is not None)


def world_named(name: str | os.PathLike[str] | World | copies.Copy) -> World | copies.Copy:
    """Return a world by its name, or read it from a file: YAML, or a copy."""
    if isinstance(name, World | copies.Copy):
        return name
    if isinstance(name, str) and name in WORLDS:
        return WORLDS[name]
    if isinstance(name, str) and (made := worlds.fleet(name)) is not None:
        return made
    if str(name).endswith((".yaml", ".yml")):
        return worlds.read(name)
    if str(name).endswith(".jsonl"):
        return copies.read(name)
    raise Invalid(
        f"world must be one of {', '.join(WORLDS)}, or a .yaml or .jsonl file; got {str(name)!r}. Many "
        "directories are written fleet:<directories>x<people on average>, such as fleet:5000x1000. "
        "Exports and snapshots are people= and snapshot= of connect_sandbox"
    )


def build(
    store: Store,
    seed: int,
    users: int | None,
    policy: InactivePolicy,
    world: World | copies.Copy = HARBOUR,
    roles: RoleMode = "single",
    *,
    shift: int = 0,
    live: bool = False,
) -> None:
    """Fill an empty store. ``users`` is how many the Okta directory has in the end.

    The story ends ``shift`` milliseconds, in whole days, after its own end, and with ``live`` time passes then.
    """
    if isinstance(world, copies.Copy):
        copies.build(store, seed, world, live=live)
        return
    changes = Changes(store, seed, policy, roles)
    with store.transaction():
        store.move_story(shift, live=False)
        store.now = clock.NOW + shift - 420 * clock.DAY
        role_rules.add_built_in(store, seed)
        organizations, step = {}, world.between_organizations()
        for plan in world.organizations:
            store.tick(step)
            organization_id = create.add_organization(
                store, seed, name=plan.name, domains=plan.domains, external_id=plan.external_id,
                metadata=dict(plan.metadata),
            )  # fmt: skip
            organizations[plan.key] = organization_id, plan.name
        chapters = []
        for number, home in enumerate(world.directories):
            size = users if users is not None and home.key == "okta" else home.people
            tell = _Arrival if isinstance(home, worlds.ArrivalPlan) else _Chapter
            chapters.append(tell(changes, home, number, size, *organizations[home.organization]))
            chapters[-1].begin()
        # In order of time, whichever directory it is about.
        for moment, _, act in sorted(
            (one for each in chapters for one in each.scenes()), key=lambda one: one[:2]
        ):
            store.now = max(store.now, moment)
            act()
        store.now = max(store.now, clock.NOW + shift)
        for chapter in chapters:
            chapter.add_by_hand()
        store.move_story(shift, live=live)


class _Chapter:
    """Tell the story of one directory: how it began, and what happened in the last ninety days."""

    def __init__(
        self, changes: Changes, plan: DirectoryPlan, number: int, size: int, organization_id: str, company: str
    ) -> None:
        self._changes, self._store = changes, changes.store
        self._plan, self._number, self._organization_id = plan, number, organization_id
        self._rng = random.Random(f"{changes.seed}/{plan.key}")
        self._end = clock.NOW + self._store.shift
        self._born = plan.born(self._end)
        self._company = Company(company, plan.domain, plan.type, plan.switched_off, plan.mapped)
        self._groups: dict[str, tuple[int, str]] = {}
        self._people: dict[str, Person] = {}  # whom the story can still be about, by user id
        self._safe: set[str] = set()
        self._idp_base = (number + 1) * 10**7

        self._story = story = min(size, plan.core) if plan.state == "linked" else 0
        self._joins, self._leaves, self._deletes = story // 20, story // 26, story // 120
        lost = self._deletes + (self._leaves if changes.policy == "delete" else 0)
        self._first_cast = size - self._joins + lost
        self._newcomers = invent(self._rng, self._joins, core=0, started_before=clock.NOW)

    # -- the beginning ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Store the directory and all that was there from its first sync on, silently."""
        plan, store = self._plan, self._store
        self._id = create.add_directory(
            store, self._changes.seed, self._born, organization_id=self._organization_id, type=plan.type,
            name=plan.name, state=plan.state, domain=plan.domain if plan.stated_domain else None,
        )  # fmt: skip
        self._directory = store.directories.get(self._id)
        self._n: int = self._directory["n"]
        self._ranking = store.roles.ranking(self._organization_id)
        self._first_sync = self._born + 20 * clock.MINUTE
        if plan.switched_off:
            switches.switch_off_for(store, self._n, plan.switched_off)
        if "scim" in plan.type:
            self._add_token()
        self._add_groups()
        self._add_first_cast()

    def add_by_hand(self) -> None:
        """Let the groups and users come that are written down by name, once the story is told."""
        changes, home = self._changes, self._id
        groups = {
            name: changes.add_group(home, name=name, role=role or None) for name, role in self._plan.groups
        }
        for text in self._plan.users:
            fields = json.loads(text)
            names = fields.pop("groups", None) or []
            user_id = changes.add_user(home, **fields)
            for name in names:
                changes.add_member(groups[name], user_id)

    def _add_token(self) -> None:
        """Give the directory the token it was set up with; no number of the count is taken for it."""
        seed = self._changes.seed
        token_id = make_id("directory_token", self._born - self._store.shift, seed, -self._n)
        token = objects.token_object(token_id, self._directory, bearer_token(token_id, seed), self._born)
        self._store.tokens.add(token_id, self._n, objects.text(token))
        self._first_token = token_id

    def _group_names(self) -> Iterator[tuple[str, str | None]]:
        plan = self._plan
        if plan.departments:
            yield "Everyone", None
        yield from ((name, None) for name in list(JOBS)[: plan.departments])
        yield from ((f"{name} Office", None) for name in list(LOCATIONS)[: plan.locations])
        yield from ((name, None) for name in (*plan.projects, *plan.empty))
        if provider_traits.has_roles(plan.type) and plan.departments > 2:
            yield from ((name, role) for name, (role, _) in _MARKED.items())

    def _add_groups(self) -> None:
        names = list(self._group_names())
        for (name, role), group_id in zip(names, self._ids("directory_group", len(names)), strict=True):
            idp_id = provider_traits.group_idp_id(self._plan.type, name, self._idp_base + len(self._groups))
            made = {"idp_id": idp_id, "name": name}
            group = objects.group_object(group_id, self._directory, **made, created_at=self._first_sync)
            row = self._store.groups.add(group_id, self._n, role=role, text=objects.text(group))
            self._groups[name] = (row.n, group_id)

    def _ids(self, prefix: str, count: int) -> Iterator[str]:
        return rising_ids(prefix, self._first_sync - self._store.shift, count, self._rng)

    def _add_first_cast(self) -> None:
        """Insert the people of the first sync and their memberships."""
        store, portion = self._store, self._store.portion()
        inactive = 0
        for n, (user, groups) in enumerate(self._first_rows(), start=store.users.last_number() + 1):
            email = user["email"]
            row = (n, user["id"], self._n, user["idp_id"], email and email.casefold(), objects.text(user))
            portion.add([row], [(self._groups[name][0], n) for name in groups])
            inactive += user["state"] == "inactive"
        portion.flush()
        active = self._first_cast - inactive
        store.directories.change(self._n, active=active, inactive=inactive, groups=len(self._groups))

    def _first_rows(self) -> Iterator[tuple[objects.Object, list[str]]]:
        count, core = self._first_cast, min(self._first_cast, self._plan.core)
        people = invent(self._rng, count, core=core, started_before=self._born - self._store.shift)
        chain: list[Person] = []
        for user_id, person in zip(self._ids("directory_user", count), people, strict=True):
            if person.core:
                chain.append(person)
            groups = list(self._groups_for(person))
            user = self._user(user_id, person, self._manager(chain, person.number), groups)
            if self._changes.policy == "keep" and person.core and person.number % 31 == 30:
                user["state"] = "inactive"
            elif person.core and self._story:
                self._people[user_id] = person
                if person.number < _PROTECTED * core:
                    self._safe.add(user_id)
            yield user, groups

    def _user(
        self, user_id: str, person: Person, manager: tuple[Person, str] | None, groups: list[str]
    ) -> objects.Object:
        roles = []
        if provider_traits.has_roles(self._plan.type):
            found = [role for name in groups if (role := _MARKED.get(name, (None, 0))[0])]
            roles = role_rules.settled(found, self._ranking, self._changes.roles)
        fields = self._fields(person, manager)
        return objects.user_object(user_id, self._directory, fields, created_at=self._first_sync, roles=roles)

    def _fields(self, person: Person, manager: tuple[Person, str] | None) -> objects.Object:
        email = f"{person.local_part}@{self._plan.domain}"
        return {
            "email": email if person.has_email else None,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "name": person.display_name,
            "idp_id": self._idp_id(person),
            "custom_attributes": attributes(person, manager, email, self._company),
        }

    def _manager(self, chain: list[Person], number: int) -> tuple[Person, str] | None:
        """Return whom a person reports to: six to one, up to number 0, who reports to nobody."""
        if not number or not chain:
            return None
        boss = chain[(number - 1) // 6 % len(chain)]
        return boss, self._idp_id(boss)

    def _idp_id(self, person: Person) -> str:
        short = self._plan.type in ("workday", "bamboohr", "generic scim v2.0")
        return provider_traits.user_idp_id(self._plan.type, person.number + (117 if short else self._idp_base))

    def _groups_for(self, person: Person) -> Iterator[str]:
        """Name the groups a person belongs in: all in one large group, some in several small ones."""
        number, office = person.number, f"{person.location} Office"
        if number % 19 != 18 and "Everyone" in self._groups:
            yield "Everyone"
        if person.department in self._groups:
            yield person.department
        if not person.core:
            return
        if office in self._groups:
            yield office
        projects = enumerate(self._plan.projects)
        drawn = {project: self._rng.random() < 0.16 - 0.02 * place for place, project in projects}
        yield from (project for project in drawn if drawn[_TWINS.get(project, project)])
        for name, (_, every) in _MARKED.items():
            if name in self._groups and number % every == 3:
                yield name

    # -- the last ninety days ---------------------------------------------------------------------------

    def scenes(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """Return what happens as (moment, tiebreak, act); an act looks for its people when it is time."""
        story = self._story
        if not story and self._plan.state != "linked":
            return
        start = self._end - RETENTION + clock.DAY
        if self._born > start:
            start = self._first_sync + clock.HOUR
            yield self._first_sync, self._number, lambda: self._changes.announce(self._id)
        if "scim" in self._plan.type:
            yield self._at(start), self._number, self._rotate_token
        acts: list[tuple[Callable[[], object], int]] = [
            (self._join, self._joins), (partial(self._go, self._changes.deactivate_user), self._leaves),
            (partial(self._go, self._changes.delete_user), self._deletes),
            (self._be_rehired, story // 90), (self._move, story // 8), (self._get_title, story // 6),
            (self._change_name, story // 40), (self._change_role, story // 40),
            (self._change_project, story // 5),
            (self._rename_project, story // 50), (self._drop_group, story // 100),
        ]  # fmt: skip
        for act, times in acts:
            yield from ((self._at(start), self._number, act) for _ in range(times))

    def _at(self, start: int) -> int:
        """Pick a moment in working hours; what is polled is noticed on the half hour."""
        days = (self._end - clock.DAY - start) // clock.DAY
        moment = start - start % clock.DAY + clock.DAY + self._rng.randrange(days) * clock.DAY
        # 1 January 1970 was a Thursday. Moved to the present, the story keeps its days and so its ids.
        weekday = ((moment - self._store.shift) // clock.DAY + 3) % 7
        moment -= max(0, weekday - 4) * clock.DAY
        moment = max(moment, start - start % clock.DAY + clock.DAY)
        moment += self._rng.randrange(7 * clock.HOUR, 17 * clock.HOUR)
        return moment - moment % (30 * clock.MINUTE) if provider_traits.is_polled(self._plan.type) else moment

    def _somebody(self, *, safe: bool = False) -> str | None:
        free = [user_id for user_id in self._people if safe or user_id not in self._safe]
        return free[self._rng.randrange(len(free))] if free else None

    def _join(self) -> None:
        person = next(self._newcomers)
        person.number += self._first_cast
        person.local_part += f".{person.number}"
        bosses = sorted((self._people[user_id] for user_id in self._safe), key=lambda boss: boss.number)
        boss = bosses[self._rng.randrange(len(bosses))] if bosses else None
        given = self._fields(person, (boss, self._idp_id(boss)) if boss else None)
        later = {}
        if self._plan.type.startswith("azure"):  # Entra ID delivers a new user in two steps
            later = given["custom_attributes"]
            given["custom_attributes"] = dict.fromkeys(later, None)
        user_id = self._changes.add_user(self._id, **given)
        if later:
            self._changes.update_user(user_id, custom_attributes=later)
        self._people[user_id] = person
        for name in self._groups_for(person):
            self._changes.add_member(self._groups[name][1], user_id)

    def _go(self, end: Callable[[str], None]) -> None:
        if user_id := self._somebody():
            del self._people[user_id]
            end(user_id)

    def _be_rehired(self) -> None:
        if user_id := self._somebody():
            person = self._people.pop(user_id)
            self._changes.deactivate_user(user_id)
            self._store.tick(6 * clock.HOUR)
            self._people[self._changes.reactivate_user(user_id)] = person

    def _move(self) -> None:
        if not (user_id := self._somebody()):
            return
        person = self._people[user_id]
        choices = [name for name in list(JOBS)[: self._plan.departments] if name != person.department]
        former, person.department = person.department, choices[self._rng.randrange(len(choices))]
        person.job_title = JOBS[person.department][self._rng.randrange(len(JOBS[person.department]))]
        changed = {"department_name": person.department, "job_title": person.job_title}
        self._changes.update_user(user_id, custom_attributes=changed)
        if former in self._groups:
            self._changes.remove_member(self._groups[former][1], user_id)
        self._changes.add_member(self._groups[person.department][1], user_id)

    def _get_title(self) -> None:
        if user_id := self._somebody(safe=True):
            person = self._people[user_id]
            title = person.job_title
            person.job_title = title.removeprefix("Senior ") if "Senior" in title else f"Senior {title}"
            self._changes.update_user(user_id, custom_attributes={"job_title": person.job_title})

    def _change_name(self) -> None:
        user_id = self._somebody()
        if user_id is None or not (person := self._people[user_id]).last_name or not person.has_email:
            return
        person.last_name, person.local_part = f"{person.last_name}-Hale", f"{person.local_part}-hale"
        now = self._fields(person, None)
        changed = {key: now["custom_attributes"][key] for key in ("display_name", "emails", "username")}
        named = {"last_name": person.last_name, "email": now["email"]}
        self._changes.update_user(user_id, **named, custom_attributes=changed)

    def _change_role(self) -> None:
        group = ("App Administrators", "Internal Audit")[self._rng.randrange(2)]
        user_id = self._somebody(safe=True)
        if user_id and group in self._groups:
            self._toggle(group, user_id)

    def _change_project(self) -> None:
        user_id = self._somebody(safe=True)
        if user_id and self._plan.projects:
            drawn = self._plan.projects[self._rng.randrange(len(self._plan.projects))]
            first = _TWINS.get(drawn, drawn)
            for project in self._plan.projects:
                if _TWINS.get(project, project) == first:
                    self._toggle(project, user_id)

    def _toggle(self, group: str, user_id: str) -> None:
        group_id = self._groups[group][1]
        if not self._changes.add_member(group_id, user_id):
            self._changes.remove_member(group_id, user_id)

    def _rename_project(self) -> None:
        if len(self._plan.projects) > 1:
            name = self._plan.projects[1]
            self._changes.rename_group(self._groups[name][1], f"{name} {2026 + self._rng.randrange(3)}")

    def _drop_group(self) -> None:
        if group := self._groups.pop("Move 2025", None):
            self._changes.delete_group(group[1])

    def _rotate_token(self) -> None:
        self._changes.create_token(self._id)
        self._store.tick(clock.MINUTE)
        self._changes.revoke_token(self._first_token)


class _Arrival(_Chapter):
    """Let people come in one go, whose fields are known: those of somebody's file."""

    def begin(self) -> None:
        """Store the directory and its people, and beside them those who wait for an address."""
        assert isinstance(self._plan, worlds.ArrivalPlan)
        self._first_cast = len(self._plan.users)
        super().begin()
        for text in self._plan.waiting:
            name = json.loads(text)["userName"].casefold()
            self._store.resources(self._n).add(
                "User", f"validating/{self._n}/{name}", target=None, state="validating", folded=name,
                external=None, note=_NO_ADDRESS, json=text,
            )  # fmt: skip

    def add_by_hand(self) -> None:
        """Let nobody come later."""

    def scenes(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """Announce the first sync, if events of that time are kept."""
        if self._end - self._first_sync < RETENTION:
            yield self._first_sync, self._number, lambda: self._changes.announce(self._id)

    def _group_names(self) -> Iterator[tuple[str, str | None]]:
        yield from self._plan.groups

    def _first_rows(self) -> Iterator[tuple[objects.Object, list[str]]]:
        ids, now = self._ids("directory_user", self._first_cast), self._first_sync
        roles = [self._ranking.default] if provider_traits.has_roles(self._plan.type) else []
        for user_id, text in zip(ids, self._plan.users, strict=True):
            fields, groups = json.loads(text)
            fields["name"] = objects.full_name(fields["first_name"], fields["last_name"])
            yield objects.user_object(user_id, self._directory, fields, created_at=now, roles=roles), groups
