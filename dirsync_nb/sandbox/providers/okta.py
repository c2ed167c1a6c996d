"""Okta, with an application of the catalogue: PUT for the profile, PATCH for activation and groups.

It looks before it creates, never deletes a user, and names the group in every change of its members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import CORE, Employee, Persona, core_user, with_extension

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..directory.objects import Object


class Okta(Persona):
    """Be Okta."""

    agent: ClassVar[str] = "Okta SCIM Client 1.0.0"

    def assign(self, person: Employee) -> None:
        """Look the user up; POST a new one, or switch a known one on and PUT the profile."""
        self.people[person.id] = person
        found = self.client.find("Users", "userName", person.email, startIndex="1", count="100")
        if found is not None:
            self._users[person.id] = found["id"]
            self._switch(person.id, on=True)
            self._put(person)
            return
        extra = {"locale": "en-GB", "groups": [], "password": "x9!Rt2-unused", "active": True}
        answer = self.client.send("POST", "/Users", {**self._profile(person), **extra})
        self._users[person.id] = answer["id"]

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
        found = self.client.find("Groups", "displayName", name, startIndex="1", count="100")
        if found is not None:
            self._group_ids[name] = found["id"]
            whole = {"op": "replace", "path": "members", "value": self._members(members)}
            self._patch(self._group(name), [self._naming(name), whole])
            return
        body = {"schemas": [CORE + "Group"], "displayName": name, "members": self._members(members)}
        self._group_ids[name] = self.client.send("POST", "/Groups", body)["id"]

    def rename_group(self, name: str, new: str) -> None:
        """PATCH the name, without a path."""
        self.groups[new] = self.groups.pop(name)
        self._group_ids[new] = self._group_ids.pop(name)
        self._patch(self._group(new), [self._naming(new)])

    def drop_group(self, name: str) -> None:
        """Unlink a pushed group and delete it at the service."""
        self.client.send("DELETE", self._group(name))
        del self.groups[name], self._group_ids[name]

    def change_members(self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """PATCH the members; a rename to the name it has comes along each time."""
        self._move_members(name, list(add), list(remove))
        gone: list[Object] = [
            {"op": "remove", "path": f'members[value eq "{self._users[one]}"]'} for one in remove
        ]
        new: list[Object] = [{"op": "add", "path": "members", "value": self._members(list(add))}] if add else []
        self._patch(self._group(name), [self._naming(name), *gone, *new])

    # -- how it writes ------------------------------------------------------------------------------------

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
