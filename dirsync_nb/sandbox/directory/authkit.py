"""What AuthKit holds of an organization: memberships, WorkOS groups, and the roles they give.

All of it follows from the directory users and the seed, so it always agrees with them. A membership stands for
one address, in whichever directories of the organization it is. WorkOS groups have nothing to do with directory
groups: their members are memberships, one of them somebody who is in no directory at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import clock
from .ids import make_id
from .roles import RoleMode, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from .objects import Object
    from .store import Store

_GROUPS = (  # name, description, every how many memberships one is in it, role
    ("Launch Partners", "People who see what is new first", 7, None),
    ("Billing Contacts", None, 11, "auditor"),
)


@dataclass(frozen=True, slots=True)
class Organization:
    """Hold the memberships of an organization, its WorkOS groups, and who is in them, all oldest first."""

    memberships: list[Object]
    groups: list[Object]
    members: dict[str, list[str]] = field(default_factory=dict)
    assignments: dict[str, list[Object]] = field(default_factory=dict)

    def groups_of(self, membership_id: str) -> list[Object]:
        """Return the WorkOS groups of one membership."""
        return [group for group in self.groups if membership_id in self.members[group["id"]]]


class AuthKit:
    """Make what AuthKit holds of an organization; the last one asked for is kept until something changes."""

    def __init__(self, store: Store, seed: int, mode: Callable[[], RoleMode]) -> None:
        self._store, self._seed, self._mode = store, seed, mode
        self._made: tuple[tuple[object, ...], Organization] | None = None

    def organization(self, organization_id: str) -> Organization:
        """Return one organization, or raise NotFound."""
        store = self._store
        with store.lock:
            name = store.organizations.get(organization_id).parsed()["name"]
            now = (organization_id, store.now, store.events.last(), self._mode())
            if self._made is None or self._made[0] != now:
                self._made = (now, self._make(organization_id, name))
            return self._made[1]

    def find(self, wanted: Callable[[Organization], bool]) -> Organization | None:
        """Return the first organization that fits; None if there is none."""
        every = (self.organization(row.id) for row in self._store.organizations.every())
        return next((one for one in every if wanted(one)), None)

    def with_membership(self, name: str, value: str | None) -> Organization | None:
        """Return the first organization that has a membership with this value of a field."""
        return self.find(lambda made: any(one[name] == value for one in made.memberships))

    def _make(self, organization_id: str, name: str) -> Organization:
        found: dict[str, Object] = {}
        for user in self._store.users.of_organization(organization_id):
            if user["email"]:
                self._join(found, user, name)
        memberships = [*found.values()]
        if memberships:
            memberships.append(self._outsider(organization_id, name))
        memberships.sort(key=lambda one: (one["created_at"], one["id"]))
        made = Organization(memberships, [])
        for group_name, description, every, role in _GROUPS if memberships else ():
            group = self._group(organization_id, group_name, description)
            made.groups.append(group)
            inside = [one["id"] for at, one in enumerate(memberships) if at % every == 0]
            outside = [one["id"] for one in memberships if not one["directory_managed"]]
            made.members[group["id"]] = list(dict.fromkeys([*inside, *outside]))
            made.assignments[group["id"]] = [self._assignment(group, role)] if role else []
        for one in memberships:
            self._give_roles(made, one)
        return made

    def _join(self, found: dict[str, Object], user: Object, name: str) -> None:
        """Let a directory user count for the membership with the same address; active is who is so anywhere."""
        made = _membership(user["organization_id"], name, user["id"].rpartition("_")[2], user, managed=True)
        former = found.setdefault(user["email"].casefold(), made)
        if former is not made:
            former["status"] = "active" if "active" in (former["status"], made["status"]) else "inactive"
            former["roles"] = list({one["slug"]: one for one in former["roles"] + made["roles"]}.values())

    def _outsider(self, organization_id: str, name: str) -> Object:
        """Return the membership of somebody invited by hand, whom no directory knows."""
        created = self._store.organizations.get(organization_id).parsed()["created_at"]
        tail = self._id("om", created, organization_id).rpartition("_")[2]
        person = {
            "email": f"adviser@{tail[-6:].lower()}.example", "first_name": "Rowan", "last_name": "Adviser",
            "state": "active", "custom_attributes": {}, "created_at": created, "updated_at": created,
        }  # fmt: skip
        return _membership(organization_id, name, tail, person, managed=False)

    def _give_roles(self, made: Organization, one: Object) -> None:
        """Settle the roles of a membership: a directory role that a mapping gave goes before groups."""
        ranking = self._store.roles.ranking(one["organization_id"])
        direct = [role["slug"] for role in one["roles"] if role["slug"] != ranking.default]
        grouped = [
            role["role"]["slug"]
            for group in made.groups_of(one["id"])
            for role in made.assignments[group["id"]]
        ]
        mode = self._mode()
        counted = [*direct, *grouped] if mode == "multiple" or not direct else direct
        slugs = settled(counted, ranking, mode)
        one["role"], one["roles"] = {"slug": slugs[0]}, [{"slug": slug} for slug in slugs]

    def role_assignments(self, made: Organization, one: Object) -> list[Object]:
        """Return where the roles of a membership come from; no value is known for directories: ``direct``."""
        found = []
        for role in one["roles"]:
            slug = role["slug"]
            source: Object = {"type": "direct", "group_role_assignment_id": None, "group": None}
            for group in made.groups_of(one["id"]):
                for assignment in made.assignments[group["id"]]:
                    if assignment["role"]["slug"] == slug:
                        named = {"id": group["id"], "name": group["name"]}
                        source = {"type": "group", "group_role_assignment_id": assignment["id"], "group": named}
            found.append(
                {
                    "object": "role_assignment",
                    "id": self._id("role_assignment", one["created_at"], one["id"], slug),
                    "organization_membership_id": one["id"],
                    "role": role,
                    "resource": _resource(one["organization_id"]),
                    "source": source,
                    **_stamps(one),
                }
            )
        return found

    # -- shapes -----------------------------------------------------------------------------------------

    def _group(self, organization_id: str, name: str, description: str | None) -> Object:
        created = self._store.organizations.get(organization_id).parsed()["created_at"]
        return {
            "object": "group",
            "id": self._id("group", created, organization_id, name),
            "organization_id": organization_id,
            "name": name,
            "description": description,
            "created_at": created,
            "updated_at": created,
        }

    def _assignment(self, group: Object, role: str) -> Object:
        return {
            "object": "group_role_assignment",
            "id": self._id("gra", group["created_at"], group["id"], role),
            "group_id": group["id"],
            "role": {"slug": role},
            "resource": _resource(group["organization_id"]),
            **_stamps(group),
        }

    def _id(self, prefix: str, created: str, *parts: str) -> str:
        return make_id(prefix, clock.parse(created) - self._store.shift, self._seed, "/".join(parts))


def _membership(organization_id: str, name: str, tail: str, person: Object, *, managed: bool) -> Object:
    user = {
        "object": "user",
        "id": f"user_{tail}",
        "email": person["email"],
        "email_verified": True,
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "profile_picture_url": None,
        "last_sign_in_at": None,
        "external_id": None,
        "metadata": {},
        **_stamps(person),
    }
    return {
        "object": "organization_membership",
        "id": f"om_{tail}",
        "user_id": user["id"],
        "organization_id": organization_id,
        "organization_name": name,
        "directory_managed": managed,
        **_stamps(person),
        "status": "active" if person["state"] == "active" else "inactive",
        "roles": person.get("roles", []),
        "custom_attributes": person["custom_attributes"],
        "user": user,
    }


def _resource(organization_id: str) -> Object:
    return {"id": organization_id, "external_id": organization_id, "resource_type_slug": "organization"}


def _stamps(one: Object) -> Object:
    return {"created_at": one["created_at"], "updated_at": one["updated_at"]}
