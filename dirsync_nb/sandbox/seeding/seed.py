"""Build the sandbox's world: organizations, directories, people, and the ninety days that led here.

Old directories are filled in one go, a year back; events of that time are past retention, so none are kept.
Then the last ninety days are played through ``changes``, so that every event tells what was so at its
moment, and the end of the story is what the lists show.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from ..directory import attributes as switches
from ..directory import clock, create, objects, provider_traits
from ..directory import roles as role_rules
from ..directory.changes import Changes
from ..directory.ids import bearer_token, make_id, rising_ids
from ..directory.refusal import Invalid
from . import copies, worlds
from .people import JOBS, LOCATIONS, Company, Person, attributes, invent
from .worlds import DirectoryPlan, OrganizationPlan, World

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from ..directory.recorder import InactivePolicy
    from ..directory.roles import RoleMode
    from ..directory.store import Store
    from ..directory.store.people import UserColumns

RETENTION = 90 * clock.DAY
_CHUNK = 10_000
_PROTECTED = 0.4  # of the first cast nobody leaves: managers and unusual people stay to be found

_TWINS = {"🚢 Launch Crew": "Project Heron"}
"""Groups with exactly the people of another one, as where somebody made a list a second time."""

_MAPPED = ("badge_colour", "workplace", "languages", "on_call", "fte")


ORGANIZATIONS = (
    OrganizationPlan(
        "ferry", "Harbourline Ferries", ("harbourline.example",), "cust-0417", (("tier", "gold"),)
    ),
    OrganizationPlan("energy", "Nordlicht Energie", ("nordlicht.example", "nordlicht.test"), "cust-0533"),
    OrganizationPlan("studio", "Copperleaf Studio", ("copperleaf.example",), None, (("tier", "silver"),)),
    OrganizationPlan("lab", "Tern & Tide Research", ()),
    OrganizationPlan("bakery", "Saltmarsh Bakeries", ("saltmarsh.example",)),
    OrganizationPlan("robots", "Quince Robotics", ("quince.example",)),
    OrganizationPlan("clinic", "Wren Hollow Clinics", ("wrenhollow.example",)),
    OrganizationPlan("mill", "Old Mill Textiles", ("oldmill.example",)),
)

DIRECTORIES = (
    DirectoryPlan(
        "okta", "ferry", "okta scim v2.0", "Harbourline Okta", "linked", 260, 400, "harbourline.example",
        projects=("Project Heron", "Project Beacon", "Night Crew", "Incident Response", "🚢 Launch Crew"),
        empty=("Alumni", "$ Budget $ Owners", "<b>Bold</b> Ideas"), mapped=_MAPPED,
    ),
    DirectoryPlan(
        "azure", "energy", "azure scim v2.0", "Nordlicht Entra ID", "linked", 120, 380, "nordlicht.example",
        departments=6, locations=3, projects=("Windpark Süd", "Project Beacon", "東京オフィス", "צוות תמיכה"),
        empty=('The "Quiet" Room',), mapped=("badge_colour",),
    ),
    DirectoryPlan(
        "workday", "ferry", "workday", "Harbourline Workday", "linked", 50, 370, "harbourline.example",
        departments=5, locations=3, projects=("Safety Delegates",), empty=("Sabbatical",),
    ),
    DirectoryPlan(
        "bamboo", "bakery", "bamboohr", "Saltmarsh BambooHR", "invalid_credentials", 18, 300,
        "saltmarsh.example", departments=4, locations=0,
    ),
    DirectoryPlan(
        "rippling", "mill", "rippling scim v2.0", "Old Mill Rippling", "deleting", 4, 210, "oldmill.example",
        departments=2, locations=0,
    ),
    DirectoryPlan("onelogin", "clinic", "onelogin scim v2.0", "Wren Hollow OneLogin", "unlinked", 0, 120,
                  "wrenhollow.example", departments=0, locations=0),
    DirectoryPlan(
        "google", "studio", "gsuite directory", "Copperleaf Google", "linked", 70, 60, "copperleaf.example",
        departments=5, locations=3, projects=("Brand Refresh", "Winter Catalogue"), empty=("Interns",),
    ),
    DirectoryPlan(
        "generic", "lab", "generic scim v2.0", "Tern & Tide SCIM", "linked", 12, 20, "terntide.example",
        departments=2, locations=0, projects=("Tidal Survey",), stated_domain=False,
        switched_off=("addresses", "cost_center_name", "division_name", "phone_numbers", "organization"),
    ),
    DirectoryPlan("jumpcloud", "robots", "jump cloud scim v2.0", "Quince JumpCloud", "validating", 0, 1,
                  "quince.example", departments=0, locations=0),
)  # fmt: skip


HARBOUR = World(ORGANIZATIONS, DIRECTORIES)
"""The world of all examples: eight organizations, nine directories of every state and many types."""

WORLDS = {
    "harbour": HARBOUR,
    "okta": World(ORGANIZATIONS[:1], DIRECTORIES[:1]),
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
        step = world.between_organizations()
        organizations = {plan.key: _add_organization(store, seed, plan, step) for plan in world.organizations}
        chapters = []
        for number, plan in enumerate(world.directories):
            size = users if users is not None and plan.key == "okta" else plan.people
            tell = _Arrival if isinstance(plan, worlds.ArrivalPlan) else _Chapter
            chapter = tell(store, changes, seed, policy, plan, number, size, organizations[plan.organization])
            chapter.begin()
            chapters.append(chapter)
        _tell(store, [scene for chapter in chapters for scene in chapter.scenes()])
        store.now = max(store.now, clock.NOW + shift)
        for chapter in chapters:
            chapter.add_by_hand()
        store.move_story(shift, live=live)


def _tell(store: Store, scenes: list[tuple[int, int, Callable[[], object]]]) -> None:
    """Let everything happen in order of time, whichever directory it is about."""
    for moment, _, act in sorted(scenes, key=lambda scene: scene[:2]):
        store.now = max(store.now, moment)
        act()


def _add_organization(store: Store, seed: int, plan: OrganizationPlan, step: int) -> tuple[str, str]:
    store.tick(step)
    organization_id = create.add_organization(
        store,
        seed,
        name=plan.name,
        domains=plan.domains,
        external_id=plan.external_id,
        metadata=dict(plan.metadata),
    )
    return organization_id, plan.name


class _Chapter:
    """Tell the story of one directory: how it began, and what happened in the last ninety days."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        seed: int,
        policy: InactivePolicy,
        plan: DirectoryPlan,
        number: int,
        size: int,
        organization: tuple[str, str],
    ) -> None:
        self._store, self._changes, self._seed, self._policy = store, changes, seed, policy
        self._plan, self._number, self._size = plan, number, size
        self._organization_id, organization_name = organization
        self._rng = random.Random(f"{seed}/{plan.key}")
        self._end = clock.NOW + store.shift
        self._born = plan.born(self._end)
        self._company = Company(organization_name, plan.domain, plan.type, plan.switched_off, plan.mapped)
        self._groups: dict[str, tuple[int, str]] = {}
        self._people: dict[str, Person] = {}  # whom the story can still be about, by user id
        self._safe: set[str] = set()
        self._former: list[str] = []
        self._idp_base = (number + 1) * 10**7

        alive = plan.state == "linked"
        story = min(size, plan.core) if alive else 0
        self._joins, self._leaves, self._deletes = story // 20, story // 26, story // 120
        self._story = story
        lost = self._deletes + (self._leaves if policy == "delete" else 0)
        self._first_cast = size - self._joins + lost
        self._newcomers = invent(self._rng, self._joins, core=0, started_before=clock.NOW)

    # -- the beginning ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Store the directory and all that was there from its first sync on, silently."""
        plan, store = self._plan, self._store
        self._id = create.add_directory(
            store,
            self._seed,
            organization_id=self._organization_id,
            type=plan.type,
            name=plan.name,
            state=plan.state,
            domain=plan.domain if plan.stated_domain else None,
            created=self._born,
        )
        self._n = store.directories.get(self._id)["n"]
        self._ranking = store.roles.ranking(self._organization_id)
        self._first_sync = self._born + 20 * clock.MINUTE
        if plan.switched_off:
            switches.switch_off_for(store, self._n, plan.switched_off)
        if "scim" in plan.type:
            self._add_token()
        self._add_groups()
        self._add_first_cast()

    def add_by_hand(self) -> None:
        """Let those come who are written down by name, once the story is told."""
        worlds.add_by_hand(self._changes, self._plan, self._id)

    def _add_token(self) -> None:
        """Give the directory the token it was set up with; no number of the count is taken for it."""
        token_id = make_id("directory_token", self._born - self._store.shift, self._seed, -self._n)
        token = objects.token_object(
            token_id=token_id,
            directory_id=self._id,
            organization_id=self._organization_id,
            token=bearer_token(token_id, self._seed),
            created_at=self._born,
        )
        self._store.tokens.add(token_id, self._n, objects.text(token))
        self._first_token = token_id

    def _group_names(self) -> Iterator[tuple[str, str | None]]:
        plan = self._plan
        if self._plan.departments:
            yield "Everyone", None
        yield from ((name, None) for name in list(JOBS)[: plan.departments])
        yield from ((f"{name} Office", None) for name in list(LOCATIONS)[: plan.locations])
        yield from ((name, None) for name in (*plan.projects, *plan.empty))
        if provider_traits.has_roles(plan.type) and plan.departments > 2:
            yield from (("App Administrators", "admin"), ("Internal Audit", "auditor"), ("Move 2025", None))

    def _add_groups(self) -> None:
        names = list(self._group_names())
        ids = rising_ids("directory_group", self._first_sync - self._store.shift, len(names), self._rng)
        for (name, role), group_id in zip(names, ids, strict=True):
            group = objects.group_object(
                group_id=group_id,
                directory_id=self._id,
                organization_id=self._organization_id,
                idp_id=provider_traits.group_idp_id(self._plan.type, name, self._idp_base + len(self._groups)),
                name=name,
                created_at=self._first_sync,
            )
            row = self._store.groups.add(group_id, self._n, role=role, text=objects.text(group))
            self._groups[name] = (row.n, group_id)

    def _add_first_cast(self) -> None:
        """Insert the people of the first sync and their memberships, a chunk at a time."""
        store = self._store
        last = store.users.last_number()
        self._inactive = 0
        users: list[UserColumns] = []
        memberships: list[tuple[int, int]] = []
        for n, (row, groups) in enumerate(self._first_rows(), start=last + 1):
            users.append((n, *row))
            memberships += [(self._groups[name][0], n) for name in groups]
            if len(users) == _CHUNK:
                self._flush(users, memberships)
        self._flush(users, memberships)
        active = self._first_cast - self._inactive
        store.directories.set_counts(self._n, active=active, inactive=self._inactive, groups=len(self._groups))

    def _flush(self, users: list[UserColumns], memberships: list[tuple[int, int]]) -> None:
        self._store.users.add_many(users)
        self._store.memberships.add(sorted(memberships))
        users.clear()
        memberships.clear()

    def _first_rows(self) -> Iterator[tuple[tuple[str, int, str, str | None, bytes], list[str]]]:
        count, core = self._first_cast, min(self._first_cast, self._plan.core)
        ids = rising_ids("directory_user", self._first_sync - self._store.shift, count, self._rng)
        people = invent(self._rng, count, core=core, started_before=self._born - self._store.shift)
        chain: list[Person] = []
        for user_id, person in zip(ids, people, strict=True):
            if person.core:
                chain.append(person)
            groups = list(self._groups_for(person))
            user = self._user(user_id, person, self._manager(chain, person.number), groups)
            if self._policy == "keep" and person.core and person.number % 31 == 30:
                user["state"] = "inactive"
                self._inactive += 1
            elif person.core and self._story:
                self._people[user_id] = person
                if person.number < _PROTECTED * core:
                    self._safe.add(user_id)
            email = user["email"]
            yield (user_id, self._n, user["idp_id"], email and email.casefold(), objects.text(user)), groups

    def _user(
        self, user_id: str, person: Person, manager: tuple[Person, str] | None, groups: list[str]
    ) -> objects.Object:
        email = f"{person.local_part}@{self._plan.domain}"
        roles = []
        if provider_traits.has_roles(self._plan.type):
            mapped = {"App Administrators": "admin", "Internal Audit": "auditor"}
            found = [mapped[name] for name in groups if name in mapped]
            roles = role_rules.settled(found, self._ranking, self._changes.roles)
        return objects.user_object(
            user_id=user_id,
            directory_id=self._id,
            organization_id=self._organization_id,
            idp_id=self._idp_id(person),
            email=email if person.has_email else None,
            first_name=person.first_name,
            last_name=person.last_name,
            name=person.display_name,
            state="active",
            custom_attributes=attributes(person, manager, email, self._company),
            roles=roles,
            created_at=self._first_sync,
            updated_at=self._first_sync,
        )

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
        for name, every in (("App Administrators", 53), ("Internal Audit", 41), ("Move 2025", 37)):
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
        acts = [
            (self._join, self._joins), (self._leave, self._leaves), (self._delete, self._deletes),
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
        bosses = [self._people[user_id] for user_id in self._safe]
        bosses.sort(key=lambda boss: boss.number)
        boss = bosses[self._rng.randrange(len(bosses))] if bosses else None
        user = self._user("", person, (boss, self._idp_id(boss)) if boss else None, [])
        fields = ("email", "first_name", "last_name", "name", "idp_id", "custom_attributes")
        given = {key: user[key] for key in fields}
        if self._plan.type.startswith("azure"):  # Entra ID delivers a new user in two steps
            later = given["custom_attributes"]
            given["custom_attributes"] = dict.fromkeys(later, None)
            user_id = self._changes.add_user(self._id, **given)
            self._changes.update_user(user_id, custom_attributes=later)
        else:
            user_id = self._changes.add_user(self._id, **given)
        self._people[user_id] = person
        for name in self._groups_for(person):
            self._changes.add_member(self._groups[name][1], user_id)

    def _leave(self) -> None:
        if user_id := self._somebody():
            del self._people[user_id]
            self._changes.deactivate_user(user_id)

    def _delete(self) -> None:
        if user_id := self._somebody():
            del self._people[user_id]
            self._changes.delete_user(user_id)

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
            person.job_title = (
                person.job_title.removeprefix("Senior ")
                if "Senior" in person.job_title
                else (f"Senior {person.job_title}")
            )
            self._changes.update_user(user_id, custom_attributes={"job_title": person.job_title})

    def _change_name(self) -> None:
        user_id = self._somebody()
        if user_id is None or not (person := self._people[user_id]).last_name or not person.has_email:
            return
        person.last_name, person.local_part = f"{person.last_name}-Hale", f"{person.local_part}-hale"
        email = f"{person.local_part}@{self._plan.domain}"
        changed = attributes(person, None, email, self._company)
        self._changes.update_user(
            user_id,
            last_name=person.last_name,
            email=email,
            custom_attributes={key: changed[key] for key in ("display_name", "emails", "username")},
        )

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
            self._store.resources.add(
                "User", self._n, f"validating/{self._n}/{name}", target=None, state="validating", folded=name,
                external=None, note=_NO_ADDRESS, text=text,
            )  # fmt: skip

    def add_by_hand(self) -> None:
        """Let nobody come later."""

    def scenes(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """Announce the first sync, if events of that time are kept."""
        if self._end - self._first_sync < RETENTION:
            yield self._first_sync, self._number, lambda: self._changes.announce(self._id)

    def _group_names(self) -> Iterator[tuple[str, str | None]]:
        yield from self._plan.groups

    def _first_rows(self) -> Iterator[tuple[tuple[str, int, str, str | None, bytes], list[str]]]:
        ids = rising_ids("directory_user", self._first_sync - self._store.shift, self._first_cast, self._rng)
        roles = [self._ranking.default] if provider_traits.has_roles(self._plan.type) else []
        for user_id, text in zip(ids, self._plan.users, strict=True):
            fields, groups = json.loads(text)
            fields["name"] = objects.full_name(fields["first_name"], fields["last_name"])
            user = objects.user_object(
                user_id=user_id,
                directory_id=self._id,
                organization_id=self._organization_id,
                state="active",
                roles=roles,
                created_at=self._first_sync,
                updated_at=self._first_sync,
                **fields,
            )
            email = user["email"]
            yield (user_id, self._n, user["idp_id"], email and email.casefold(), objects.text(user)), groups


_NO_ADDRESS = "Required attributes missing: emails"
