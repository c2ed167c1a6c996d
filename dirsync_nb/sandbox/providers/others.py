"""OneLogin and JumpCloud, as far as they differ from each other and from the two large ones, and any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import Employee, Persona, core_user, opaque, with_extension

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..directory.objects import Object


class OneLogin(Persona):
    """Be OneLogin: groups come from roles, and removing one sends nothing about the group.

    Users who were in no other group turn inactive.
    """

    agent: ClassVar[str] = "OneLogin"
    content_type: ClassVar[str] = "application/json"

    def change(self, person_id: str, **changes: str | None) -> None:
        """PUT the whole user."""
        _, after = self._changed(person_id, changes)
        self._put(after, active=True)

    def unassign(self, person_id: str) -> None:
        """PUT the whole user, inactive."""
        self._put(self.people[person_id], active=False)

    def drop_group(self, name: str) -> None:
        """Send nothing about the group; switch off who was only in this one."""
        gone = self.groups.pop(name)
        del self._group_ids[name]
        still = {one for members in self.groups.values() for one in members}
        for one in gone:
            if one not in still:
                self.unassign(one)

    def _patch_members(self, path: str, name: str, add: list[str], remove: list[str]) -> None:  # noqa: ARG002 (as at others)
        """PATCH one member at a time."""
        for one in add:
            self._patch(path, [{"op": "add", "path": "members", "value": [{"value": self._users[one]}]}])
        for one in remove:
            self._patch(path, [self._removal(one)])

    def _naming(self, name: str) -> Object:
        return {"op": "replace", "value": {"displayName": name}}

    def _new_user(self, person: Employee) -> Object:
        return self._whole(person, active=True)

    def _bring_back(self, person: Employee) -> None:
        self._put(person, active=True)

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
        Persona.drop_group(self, name)

    def change_members(self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """PATCH one member at a time, and everybody who is added twice."""
        super().change_members(name, add=[*add, *add], remove=remove)

    def _new_group(self, name: str) -> Object:
        return {**super()._new_group(name), "externalId": opaque("jumpcloud", f"group/{name}")}


class PlainScim(OneLogin):
    """Be a provider of which nothing special is known: users are PUT whole, members PATCHed."""

    agent: ClassVar[str] = "SCIM client"
    content_type: ClassVar[str] = "application/scim+json"
