"""The desk of an admin at a provider: somebody is hired, moves, is renamed, is let go, is hired again.

At a provider that pushes, each of these is SCIM requests at once; at one that is polled, it waits for the poll.
People go by the provider's own ids, as there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ..directory import provider_traits
from ..directory.refusal import Invalid
from .base import Employee, Persona, opaque
from .entra import EntraId
from .okta import Okta
from .others import JumpCloud, OneLogin, PlainScim

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..directory.objects import Object

PERSONAS: dict[str, type[Persona]] = {
    "okta scim v2.0": Okta,
    "azure scim v2.0": EntraId,
    "onelogin scim v2.0": OneLogin,
    "jump cloud scim v2.0": JumpCloud,
}


class ScimDesk:
    """An admin at a provider that pushes.

    Parameters
    ----------
    kind
        Type of the directory, in the API's words.
    url, token
        What the provider is configured with.
    """

    polled: ClassVar[bool] = False

    def __init__(self, kind: str, url: str, token: str) -> None:
        self.persona = PERSONAS.get(kind, PlainScim)(url, token)
        self._kind = kind.partition(" ")[0]

    def hire(self, email: str, first: str, last: str, *, department: str | None, group: str | None) -> str:
        """Assign somebody to the app, and put them into a group."""
        who = Employee(opaque(self._kind, email), email, first, last, department=department)
        self.persona.assign(who)
        self.move(who.id, into=group)
        return who.id

    def change(self, person_id: str, **changes: str) -> None:
        """Change somebody's profile."""
        self.persona.adopt(person_id)
        self.persona.change(person_id, **changes)

    def move(self, person_id: str, *, into: str | None = None, out_of: str | None = None) -> None:
        """Change the members of both groups."""
        self.persona.adopt(person_id)
        for name, how in ((out_of, "remove"), (into, "add")):
            if name is not None:
                self.persona.adopt_group(name)
                self.persona.change_members(name, **{how: [person_id]})

    def let_go(self, person_id: str) -> None:
        """Take the app away from somebody, or block the sign-in."""
        self.persona.adopt(person_id)
        self.persona.unassign(person_id)

    def rehire(self, person_id: str) -> None:
        """Assign somebody again."""
        self.persona.assign(self.persona.adopt(person_id))


class PolledDesk:
    """An admin at a provider that WorkOS polls: what they do waits until somebody takes it to the poll.

    Parameters
    ----------
    kind, directory_id
        Type of the directory, in the API's words, and its id.
    changes
        What can happen in the sandbox: the sandbox itself, here or in another process.
    user, group
        Give the record of a user by the provider's id, and of a group by name; None if there is none.
    """

    polled: ClassVar[bool] = True

    def __init__(
        self,
        kind: str,
        directory_id: str,
        changes: Any,
        user: Callable[[str], Object | None],
        group: Callable[[str], Object | None],
    ) -> None:
        self._kind, self._id, self._changes = kind, directory_id, changes
        self._user, self._group = user, group
        self._gone: dict[str, Object] = {}
        self._count = 0
        self._waiting: list[Callable[[], object]] = []

    def hire(self, email: str, first: str, last: str, *, department: str | None, group: str | None) -> str:
        """Enter somebody; they are found at the next poll."""
        self._count += 1
        person_id = provider_traits.user_idp_id(self._kind, 900_000 + self._count)
        fields: Object = {"email": email, "first_name": first, "last_name": last}
        if department is not None:
            fields["custom_attributes"] = {"department_name": department}
        self._later(self._changes.add_user, self._id, idp_id=person_id, **fields)
        self.move(person_id, into=group)
        return person_id

    def change(self, person_id: str, **changes: str) -> None:
        """Change somebody's row."""
        fields: Object = {key: value for key, value in changes.items() if key != "department"}
        if "department" in changes:
            fields["custom_attributes"] = {"department_name": changes["department"]}
        self._later(self._update, person_id, fields)

    def move(self, person_id: str, *, into: str | None = None, out_of: str | None = None) -> None:
        """Change the members of both groups."""
        for name, how in ((out_of, "remove_member"), (into, "add_member")):
            if name is not None:
                self._later(self._set_member, how, name, person_id)

    def let_go(self, person_id: str) -> None:
        """Archive somebody, or end their employment: the next poll does not find them any more."""
        self._later(self._delete, person_id)

    def rehire(self, person_id: str) -> None:
        """Enter somebody again under the id they had."""
        self._later(self._return, person_id)

    def take(self) -> list[Callable[[], object]]:
        """Return what waits, for the poll that finds it."""
        waiting, self._waiting = self._waiting, []
        return waiting

    # -- what a poll does ---------------------------------------------------------------------------------

    def _later(self, change: Callable[..., object], *args: Any, **fields: Any) -> None:
        self._waiting.append(partial(change, *args, **fields))

    def _update(self, person_id: str, fields: Object) -> None:
        self._changes.update_user(self._there(person_id)["id"], **fields)

    def _set_member(self, how: str, name: str, person_id: str) -> None:
        group = self._group(name)
        if group is None:
            raise Invalid(f"no group is called {name!r}")
        getattr(self._changes, how)(group["id"], self._there(person_id)["id"])

    def _delete(self, person_id: str) -> None:
        self._gone[person_id] = self._there(person_id)
        self._changes.delete_user(self._gone[person_id]["id"])

    def _return(self, person_id: str) -> None:
        was = self._gone.pop(person_id)
        fields = {key: was[key] for key in ("email", "first_name", "last_name", "custom_attributes")}
        self._changes.add_user(self._id, idp_id=person_id, **fields)

    def _there(self, person_id: str) -> Object:
        user = self._user(person_id)
        if user is None:
            raise Invalid(f"nobody has the id {person_id!r}")
        return user
