"""Okta, with an application of the catalogue: PUT for the profile, PATCH for activation and groups.

It looks before it creates, never deletes a user, and names the group in every change of its members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import Employee, Persona, core_user, with_extension

if TYPE_CHECKING:
    from ..directory.objects import Object

_FIRST = {"startIndex": "1", "count": "100"}


class Okta(Persona):
    """Be Okta."""

    agent: ClassVar[str] = "Okta SCIM Client 1.0.0"
    _user_query = _group_query = _FIRST

    def change(self, person_id: str, **changes: str | None) -> None:
        """Read the user, then PUT the whole profile."""
        _, after = self._changed(person_id, changes)
        self.client.send("GET", self._user(person_id))
        self._put(after)

    def unassign(self, person_id: str) -> None:
        """PATCH ``active`` without a path. There is no DELETE."""
        self._switch(person_id, on=False)

    def push_group(self, name: str, members: list[str]) -> None:
        """Look the group up, then POST it with its members."""
        self.groups[name] = list(members)
        found = self.client.find("Groups", "displayName", name, **_FIRST)
        if found is not None:
            self._group_ids[name] = found["id"]
            whole = {"op": "replace", "path": "members", "value": self._members(members)}
            self._patch(self._group(name), [self._naming(name), whole])
            return
        body = {**self._new_group(name), "members": self._members(members)}
        self._group_ids[name] = self.client.send("POST", "/Groups", body)["id"]

    # -- how it writes ------------------------------------------------------------------------------------

    def _new_user(self, person: Employee) -> Object:
        extra = {"locale": "en-GB", "groups": [], "password": "x9!Rt2-unused", "active": True}
        return {**self._profile(person), **extra}

    def _bring_back(self, person: Employee) -> None:
        self._switch(person.id, on=True)
        self._put(person)

    def _patch_members(self, path: str, name: str, add: list[str], remove: list[str]) -> None:
        """PATCH the members; a rename to the name it has comes along each time."""
        new: list[Object] = [{"op": "add", "path": "members", "value": self._members(add)}] if add else []
        self._patch(path, [self._naming(name), *map(self._removal, remove), *new])

    def _profile(self, person: Employee) -> Object:
        return with_extension(core_user(person), person)

    def _put(self, person: Employee) -> None:
        path = self._user(person.id)
        self.client.send("PUT", path, {**self._profile(person), "id": self._users[person.id], "active": True})

    def _switch(self, person_id: str, *, on: bool) -> None:
        self._patch(self._user(person_id), [{"op": "replace", "value": {"active": on}}])

    def _naming(self, name: str) -> Object:
        return {"op": "replace", "value": {"id": self._group_ids[name], "displayName": name}}

    def _members(self, people: list[str]) -> list[Object]:
        return [{"value": self._users[one], "display": self.people[one].email} for one in people]
