"""Microsoft Entra ID: capital operations and text for booleans, unless the flag makes it modern.

A new user comes in two steps. Leaving is a soft delete; DELETE follows only when the account is purged, thirty
days later. Groups are created empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import CORE, ENTERPRISE, Employee, Persona, core_user, enterprise, opaque

if TYPE_CHECKING:
    from ..directory.objects import Object

_GROUP_EXTENSION = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
_FLAG = {"aadOptscim062020": ""}
_EMAIL = 'emails[type eq "work"].value'


class EntraId(Persona):
    """Be Entra ID.

    Parameters
    ----------
    modern
        Whether the tenant URL carries ``aadOptscim062020``: operations in lower case, real booleans, members
        removed by filter, and several attributes in one replace.
    """

    agent: ClassVar[str] = "Microsoft-AzureAD-Provisioning"
    _group_query = {"excludedAttributes": "members"}  # noqa: RUF012 (declared in the base)

    def __init__(self, url: str, token: str, *, modern: bool = False) -> None:
        super().__init__(url, token)
        self._modern = modern
        self._query = _FLAG if modern else None
        self.blocked: list[str] = []  # soft-deleted, to be purged

    def assign(self, person: Employee) -> None:
        """Look the user up, create the core of it, and deliver the rest as an update at once."""
        super().assign(person)
        self._update(person.id, self._extension_paths(person))

    def change(self, person_id: str, **changes: str | None) -> None:
        """PATCH the attributes that changed, the address by a filtered path."""
        before, after = self._changed(person_id, changes)
        old, new = self._paths(before), self._paths(after)
        self._update(person_id, {path: value for path, value in new.items() if old.get(path) != value})

    def unassign(self, person_id: str) -> None:
        """Soft-delete: ``active`` becomes false, as text without the flag."""
        self._switch(person_id, on=False)
        self.blocked.append(person_id)

    def purge(self, person_id: str) -> None:
        """Delete for good, thirty days after the soft delete."""
        self.client.send("DELETE", self._user(person_id), query=self._query)
        self.blocked.remove(person_id)
        del self.people[person_id], self._users[person_id]

    # -- how it writes ------------------------------------------------------------------------------------

    def _op(self, name: str) -> str:
        return name.lower() if self._modern else name

    def _new_user(self, person: Employee) -> Object:
        return {**core_user(person), "active": True, "meta": {"resourceType": "User"}}

    def _bring_back(self, person: Employee) -> None:
        self._switch(person.id, on=True)
        self.blocked = [one for one in self.blocked if one != person.id]

    def _new_group(self, name: str) -> Object:
        return {
            "schemas": [CORE + "Group", _GROUP_EXTENSION],
            "externalId": opaque("entra", f"group/{name}"),
            "displayName": name,
            "meta": {"resourceType": "Group"},
        }

    def _naming(self, name: str) -> Object:
        return {"op": self._op("Replace"), "path": "displayName", "value": name}

    def _switch(self, person_id: str, *, on: bool) -> None:
        value = on if self._modern else str(on)
        self._patch(self._user(person_id), [{"op": self._op("Replace"), "path": "active", "value": value}])

    def _patch_members(self, path: str, name: str, add: list[str], remove: list[str]) -> None:  # noqa: ARG002 (as at others)
        """PATCH members in and out: one request for the new, one for those who go."""
        if add:
            self._patch(path, [{"op": self._op("Add"), "path": "members", "value": self._members(add)}])
        if remove and self._modern:
            self._patch(path, [self._removal(one) for one in remove])
        elif remove:
            self._patch(path, [{"op": "Remove", "path": "members", "value": self._members(remove)}])

    def _members(self, people: list[str]) -> list[Object]:
        return [{"$ref": None, "value": self._users[one]} for one in people]

    def _extension_paths(self, person: Employee) -> Object:
        return {f"{ENTERPRISE}:{name}": value for name, value in self._extension(person).items()}

    def _extension(self, person: Employee) -> Object:
        """Return the extension with the manager as its bare id, as Entra ID sends it."""
        known = enterprise(person)
        return {**known, "manager": known["manager"]["value"]} if "manager" in known else known

    def _paths(self, person: Employee) -> Object:
        return {
            _EMAIL: person.email,
            "userName": person.email,
            "name.givenName": person.first_name,
            "name.familyName": person.last_name,
            "displayName": person.name,
            **({"title": person.title} if person.title else {}),
            **self._extension_paths(person),
        }

    def _update(self, person_id: str, changed: Object) -> None:
        if not changed:
            return
        if not self._modern:
            operations = [{"op": "Replace", "path": path, "value": value} for path, value in changed.items()]
        else:
            bundled = {path: value for path, value in changed.items() if path != _EMAIL}
            filtered = {"op": "replace", "path": _EMAIL, "value": changed.get(_EMAIL)}
            operations = [filtered] if _EMAIL in changed else []
            operations += [{"op": "replace", "value": bundled}] if bundled else []
        self._patch(self._user(person_id), operations)
