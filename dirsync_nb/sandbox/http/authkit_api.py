"""What the API answers about roles, organization memberships and WorkOS groups: read-only, from ``AuthKit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..directory import objects
from ..directory.store import NotFound
from .api import invalid, listed

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams as Query

    from ..directory.authkit import AuthKit, Organization
    from ..directory.objects import Object
    from .api import Api

_STATUSES = ("active", "inactive", "pending")


class AuthKitApi:
    """Answer the endpoints of AuthKit that explain a role."""

    def __init__(self, api: Api, authkit: AuthKit) -> None:
        self._api, self._authkit, self._roles = api, authkit, api.store.roles

    # -- roles ------------------------------------------------------------------------------------------

    def roles(self, query: Query) -> bytes:
        """Answer GET /authorization/roles: one list without pages, priority or default."""
        self._api.only(query)
        return _whole(self._in_order(""))

    def role(self, slug: str) -> bytes:
        """Answer GET /authorization/roles/{slug}."""
        return objects.text(self._roles.get("", slug))

    def organization_roles(self, query: Query, organization_id: str) -> bytes:
        """Answer GET /authorization/organizations/{id}/roles: those of the environment, then its own."""
        self._api.only(query)
        self._api.store.organizations.get(organization_id)
        return _whole([*self._in_order(""), *self._in_order(organization_id)])

    def organization_role(self, organization_id: str, slug: str) -> bytes:
        """Answer GET /authorization/organizations/{id}/roles/{slug}."""
        self._api.store.organizations.get(organization_id)
        scope = organization_id if slug.startswith("org-") else ""
        return objects.text(self._roles.get(scope, slug))

    def _in_order(self, organization_id: str) -> list[Object]:
        return sorted(self._roles.of(organization_id), key=lambda role: (role["created_at"], role["slug"]))

    # -- memberships ------------------------------------------------------------------------------------

    def memberships(self, query: Query) -> bytes:
        """Answer GET /user_management/organization_memberships: only active ones unless asked for others."""
        self._api.only(query, "organization_id", "user_id", "statuses", "statuses[]")
        organization_id, user_id = query.get("organization_id") or None, query.get("user_id") or None
        if organization_id is None and user_id is None:
            sentence = 'Please provide either "organization_id" or "user_id".'
            raise invalid(organization_id=sentence, user_id=sentence)
        statuses = listed(query, "statuses") or ["active"]
        if wrong := [one for one in statuses if one not in _STATUSES]:
            raise invalid(statuses=f"{wrong[0]} is not one of {', '.join(_STATUSES)}.")
        if organization_id is not None:
            found: Organization | None = self._authkit.organization(organization_id)
        else:
            found = self._authkit.with_membership("user_id", user_id)
        wanted = [one for one in found.memberships if one["status"] in statuses] if found else []
        return self._api.list_of(query, [one for one in wanted if user_id in (None, one["user_id"])])

    def membership(self, membership_id: str) -> bytes:
        """Answer GET /user_management/organization_memberships/{id}."""
        return objects.text(self._membership(membership_id)[1])

    def membership_groups(self, query: Query, membership_id: str) -> bytes:
        """Answer GET /user_management/organization_memberships/{id}/groups."""
        made, one = self._membership(membership_id)
        return self._api.list_of(query, made.groups_of(one["id"]))

    def membership_roles(self, query: Query, membership_id: str) -> bytes:
        """Answer GET /authorization/organization_memberships/{id}/role_assignments."""
        made, one = self._membership(membership_id)
        return self._api.list_of(query, self._authkit.role_assignments(made, one))

    # -- WorkOS groups ----------------------------------------------------------------------------------

    def workos_groups(self, query: Query, organization_id: str) -> bytes:
        """Answer GET /organizations/{id}/groups."""
        self._api.only(query, "search")
        wanted = (query.get("search") or "").casefold()
        groups = self._authkit.organization(organization_id).groups
        return self._api.list_of(query, [one for one in groups if wanted in one["name"].casefold()])

    def workos_group(self, organization_id: str, group_id: str) -> bytes:
        """Answer GET /organizations/{id}/groups/{id}."""
        return objects.text(_with_id(self._authkit.organization(organization_id).groups, group_id, "Group"))

    def workos_group_members(self, query: Query, organization_id: str, group_id: str) -> bytes:
        """Answer GET /organizations/{id}/groups/{id}/organization-memberships: members without their roles."""
        made = self._authkit.organization(organization_id)
        inside = made.members[_with_id(made.groups, group_id, "Group")["id"]]
        members = [one for one in made.memberships if one["id"] in inside]
        plain = [{key: one[key] for key in one if key not in ("role", "roles")} for one in members]
        return self._api.list_of(query, plain)

    def group_roles(self, query: Query, group_id: str) -> bytes:
        """Answer GET /authorization/groups/{id}/role_assignments."""
        return self._api.list_of(query, self._assignments(group_id))

    def group_role(self, group_id: str, assignment_id: str) -> bytes:
        """Answer GET /authorization/groups/{id}/role_assignments/{id}."""
        return objects.text(_with_id(self._assignments(group_id), assignment_id, "Group Role Assignment"))

    # -- the parts of it --------------------------------------------------------------------------------

    def _membership(self, membership_id: str) -> tuple[Organization, Object]:
        made = self._authkit.with_membership("id", membership_id)
        if made is None:
            raise NotFound("Organization Membership", membership_id)
        return made, _with_id(made.memberships, membership_id, "Organization Membership")

    def _assignments(self, group_id: str) -> list[Object]:
        made = self._authkit.find(lambda made: group_id in made.members)
        if made is None:
            raise NotFound("Group", group_id)
        return made.assignments[group_id]


def _with_id(items: list[Object], wanted: str, kind: str) -> Object:
    for one in items:
        if one["id"] == wanted:
            return one
    raise NotFound(kind, wanted)


def _whole(items: list[Object]) -> bytes:
    return objects.text({"object": "list", "data": items})
