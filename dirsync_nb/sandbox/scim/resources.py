"""The SCIM resources of one directory: what providers sent, and what was written for those nobody sent.

A resource has the id of its user or group, except where that one went and came back as another: the provider
keeps its id, the directory gives a new one. Users and groups that nobody sent get a row without a text when the
door is first asked about them, and are written out from the directory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..directory.objects import Object
    from ..directory.store import Store
    from ..directory.store.resources import Kind, State

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Record:
    """Hold one SCIM resource, and the directory user or group it stands for (None for hidden users)."""

    place: int
    id: str
    target: str | None
    state: State
    created: int
    changed: int
    sent: Object | None
    object: Object | None


class Resources:
    """Read and write the SCIM resources of one directory."""

    def __init__(self, store: Store, directory: Object) -> None:
        self._store, self._table = store, store.resources
        self._type: str = directory["type"]
        self._n: int = directory["n"]
        self._adopt("User")
        self._adopt("Group")

    # -- reading ----------------------------------------------------------------------------------------

    def get(self, kind: Kind, scim_id: str) -> Record | None:
        """Return one resource by its id."""
        found = self._table.by_id(kind, self._n, scim_id)
        return _record(found[0]) if found else None

    def named(self, kind: Kind, name: str) -> list[Record]:
        """Find by user name or display name, ignoring case."""
        return [_record(row) for row in self._table.by_name(kind, self._n, name.casefold())]

    def external(self, kind: Kind, external_id: str) -> list[Record]:
        """Find by the provider's own id."""
        return [_record(row) for row in self._table.by_external(kind, self._n, external_id)]

    def count(self, kind: Kind) -> int:
        """Count what can be seen."""
        return self._table.count(kind, self._n)

    def page(self, kind: Kind, skip: int, limit: int) -> list[Record]:
        """Return some of them, oldest first."""
        return [_record(row) for row in self._table.page(kind, self._n, skip, limit)]

    def every(self, kind: Kind) -> Iterator[Record]:
        """Return all of them, oldest first, a few hundred at a time."""
        last = 0
        while found := self._table.after(kind, self._n, last, _CHUNK):
            for row in found:
                yield _record(row)
            last = found[-1][0]

    def active_with_email(self, email: str) -> list[str]:
        """Return the ids of the active directory users with an address."""
        return self._store.users.active_with_email(self._n, email)

    def members(self, group_id: str) -> list[tuple[str, str]]:
        """Return the members of a directory group as (SCIM id, directory user)."""
        return self._table.members(group_id)

    def groups_of(self, user_id: str) -> list[tuple[str, str]]:
        """Return the groups of a directory user as (SCIM id, name)."""
        return self._table.groups_of(user_id)

    def users_of(self, scim_ids: list[str]) -> dict[str, str]:
        """Return the directory users behind SCIM ids, in the order asked; those not known are left out."""
        behind = {scim_id: self._table.user_behind(self._n, scim_id) for scim_id in dict.fromkeys(scim_ids)}
        return {scim_id: user_id for scim_id, user_id in behind.items() if user_id}

    def had_identity(self, identity: str, besides: str | None) -> bool:
        """Return whether another group has or had this identity."""
        return self._table.had_identity(self._n, identity, besides)

    def notes(self) -> list[tuple[str, str]]:
        """Return what the dashboard would list as errors of processing, as (SCIM id, sentence)."""
        return self._table.notes(self._n)

    def validating(self) -> list[Object]:
        """Return the users that wait for a usable address, unseen."""
        return [json.loads(text) for text in self._table.validating(self._n)]

    # -- writing ----------------------------------------------------------------------------------------

    def add(
        self, kind: Kind, scim_id: str, resource: Object, *, target: str | None, state: State, note: str | None
    ) -> None:
        """Add a resource."""
        folded, external = self._keys(kind, resource)
        self._table.add(
            kind, self._n, scim_id, target=target, state=state, folded=folded, external=external, note=note,
            text=_text(resource),
        )  # fmt: skip

    def save(
        self,
        kind: Kind,
        record: Record,
        resource: Object,
        *,
        target: str | None,
        state: State,
        note: str | None,
    ) -> None:
        """Keep what a resource is now."""
        folded, external = self._keys(kind, resource)
        self._table.save(
            record.id, target=target, state=state, folded=folded, external=external, note=note,
            text=_text(resource),
        )  # fmt: skip

    def remove(self, scim_id: str) -> None:
        """Forget a resource, and the names it had."""
        self._table.remove(scim_id)

    def remember_identity(self, scim_id: str, identity: str) -> None:
        """Keep a name a group had: no other group may take it."""
        self._table.remember_identity(self._n, identity, scim_id)

    def forget_validating(self, user_name: str) -> None:
        """Drop what was kept of a user who had no usable address."""
        self._table.forget_validating(self._n, user_name.casefold())

    # -- the parts of it --------------------------------------------------------------------------------

    def _keys(self, kind: Kind, resource: Object) -> tuple[str, str | None]:
        if kind == "User":
            return resource["userName"].casefold(), resource.get("externalId")
        return resource["displayName"].casefold(), mapping.group_identity(resource, self._type)

    def _adopt(self, kind: Kind) -> None:
        """Give rows to the users or groups that came without the door since the last look."""
        mark = f"scim/{self._n}/{kind}"
        seen, last = int(self._store.meta(mark) or 0), self._table.newest(kind, self._n)
        if last == seen:
            return
        for object_id, text in self._table.without(kind, self._n, seen):
            self._adopt_one(kind, object_id, json.loads(text))
        self._store.set_meta(mark, str(last))

    def _adopt_one(self, kind: Kind, object_id: str, found: Object) -> None:
        folded = (mapping.user_name(found) if kind == "User" else found["name"]).casefold()
        if kind == "User" and self._table.bring_back(self._n, folded, object_id):
            return
        self._table.add(
            kind, self._n, object_id, target=object_id, state="live", folded=folded, external=found["idp_id"]
        )


def _record(row: Any) -> Record:
    place, scim_id, target, state, created, changed, sent, found = row
    return Record(
        place, scim_id, target, state, created, changed,
        json.loads(sent) if sent else None, json.loads(found) if found else None,
    )  # fmt: skip


def _text(resource: Object) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))
