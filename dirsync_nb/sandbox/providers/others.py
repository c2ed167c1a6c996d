"""OneLogin and JumpCloud, as far as they differ from each other and from the two large ones, and any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import CORE, Employee, Persona, core_user, opaque, with_extension

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..directory.objects import Object


class OneLogin(Persona):
    """Be OneLogin: groups come from roles, and removing one sends nothing about the group.

    Users who were in no other group turn inactive.
    """

    agent: ClassVar[str] = "OneLogin"
    content_type: ClassVar[str] = "application/json"

    def assign(self, person: Employee) -> None:
        """Look the user up, then POST, or PUT what is there."""
        self.people[person.id] = person
        found = self.client.find("Users", "userName", person.email)
        if found is None:
            found = self.client.send("POST", "/Users", self._whole(person, active=True))
            self._users[person.id] = found["id"]
        else:
            self._users[person.id] = found["id"]
            self._put(person, active=True)

    def change(self, person_id: str, **changes: str | None) -> None:
        """PUT the whole user."""
        _, after = self._changed(person_id, changes)
        self._put(after, active=True)

    def unassign(self, person_id: str) -> None:
        """PUT the whole user, inactive."""
        self._put(self.people[person_id], active=False)

    def push_group(self, name: str, members: list[str]) -> None:
        """POST the group empty, and add each member by a request of its own."""
        found = self.client.find("Groups", "displayName", name)
        if found is None:
            found = self.client.send("POST", "/Groups", self._new_group(name))
        self._group_ids[name] = found["id"]
        self.groups[name] = []
        self.change_members(name, add=members)

    def rename_group(self, name: str, new: str) -> None:
        """PATCH the name."""
        self.groups[new] = self.groups.pop(name)
        self._group_ids[new] = self._group_ids.pop(name)
        self._patch(self._group(new), [{"op": "replace", "value": {"displayName": new}}])

    def drop_group(self, name: str) -> None:
        """Send nothing about the group; switch off who was only in this one."""
        gone = self.groups.pop(name)
        del self._group_ids[name]
        still = {one for members in self.groups.values() for one in members}
        for one in gone:
            if one not in still:
                self.unassign(one)

    def change_members(self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """PATCH one member at a time."""
        self._move_members(name, list(add), list(remove))
        for one in add:
            value = [{"value": self._users[one]}]
            self._patch(self._group(name), [{"op": "add", "path": "members", "value": value}])
        for one in remove:
            operation = {"op": "remove", "path": f'members[value eq "{self._users[one]}"]'}
            self._patch(self._group(name), [operation])

    def _new_group(self, name: str) -> Object:
        return {"schemas": [CORE + "Group"], "displayName": name}

    def _whole(self, person: Employee, *, active: bool) -> Object:
        return {**with_extension(core_user(person), person), "active": active}

    def _put(self, person: Employee, *, active: bool) -> None:
        self.client.send("PUT", self._user(person.id), self._whole(person, active=active))


class JumpCloud(OneLogin):
    """Be JumpCloud: people come through groups only, adds are repeated, and a deleted group is deleted."""

    agent: ClassVar[str] = "JumpCloud"
    content_type: ClassVar[str] = "application/scim+json"

    def drop_group(self, name: str) -> None:
        """Take the members out, then delete the group."""
        self.change_members(name, remove=list(self.groups[name]))
        self.client.send("DELETE", self._group(name))
        del self.groups[name], self._group_ids[name]

    def change_members(self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """PATCH one member at a time, and everybody who is added twice."""
        super().change_members(name, add=[*add, *add], remove=remove)

    def _new_group(self, name: str) -> Object:
        return {**super()._new_group(name), "externalId": opaque("jumpcloud", f"group/{name}")}


class PlainScim(OneLogin):
    """Be a provider of which nothing special is known: users are PUT whole, members PATCHed."""

    agent: ClassVar[str] = "SCIM client"
    content_type: ClassVar[str] = "application/scim+json"
