"""How a change is recorded: what the store holds afterwards, and the event that tells of it.

An event is recorded in the same transaction as the change, with the object as it was at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast

from . import attributes, clock, objects
from .ids import make_id
from .objects import Object
from .refusal import Invalid
from .roles import DefaultMappings, RoleMode, settled
from .store import Row, Store

InactivePolicy = Literal["delete", "keep"]
Removals = Literal["none", "before", "after", "doubled"]
"""Whether ``user_removed`` tells of the memberships that end when a user or group is deleted. The documentation
knows none; in production they have been seen before the deletion, after it, and twice."""

STEP = 2_000  # from one change to the next, where nobody sets the clock
_EVENT_DELAY = 40  # from a change to the event that tells of it


class Recorder:
    """Store changed users, and record events.

    Parameters
    ----------
    roles : {"single", "multiple"}
        Whether a user in several mapped groups has the highest of their roles, as environments have it by
        default, or all of them.
    """

    def __init__(
        self, store: Store, seed: int, roles: RoleMode = "single", default_mappings: DefaultMappings = "last"
    ) -> None:
        self._store, self._seed = store, seed
        self._roles, self._default_mappings = roles, default_mappings
        self._untold = False

    @property
    def roles(self) -> RoleMode:
        """Whether a user has one role or several: as it was switched last."""
        return cast(RoleMode, self._store.meta("role_mode") or self._roles)

    def new_id(self, prefix: str) -> str:
        """Make an id for something that is made now."""
        return make_id(prefix, self._store.now - self._store.shift, self._seed, self._store.next_number())

    def free_id(self, prefix: str, table: str, wanted: str | None) -> str:
        """Return the id that is asked for, unless somebody has it, or a new one.

        One that was deleted may come again. A number is used up in both cases, so that what comes later has the
        same id.
        """
        made = self.new_id(prefix)
        if wanted and self._store.has_id(wanted, table):
            raise Invalid(f"the id {wanted!r} is taken")
        return wanted or made

    @contextmanager
    def untold(self) -> Iterator[None]:
        """Let what happens inside be told to nobody."""
        self._untold = True
        try:
            yield
        finally:
            self._untold = False

    def record(self, name: str, data: Object) -> None:
        """Record an event that happened now."""
        if self._untold:
            return
        store = self._store
        now = store.tick(_EVENT_DELAY)
        event_id = self.new_id("event")
        whose = data if "organization_id" in data else data["user"]
        event = {"object": "event", "id": event_id, "event": name, "data": data, "created_at": clock.iso(now)}
        event["context"] = {}
        store.events.add(event_id, name, whose["organization_id"], objects.text(event))

    def save_user(self, row: Row, old: Object, new: Object) -> bool:
        """Store a changed user and tell what changed; return whether there was anything to tell."""
        store = self._store
        shown, hidden = attributes.split(store, row.directory, new["custom_attributes"])
        new["custom_attributes"] = shown
        attributes.hide(store, row.n, hidden)
        previous = difference(old, new)
        if previous:
            new["updated_at"] = clock.iso(store.tick(STEP))
        store.users.save(row.n, new)
        if previous:
            store.directories.touch(row.directory)
            self.record("dsync.user.updated", {**objects.event_user(new), "previous_attributes": previous})
        return bool(previous)

    def remove_user(self, row: Row, last: Object) -> None:
        """Remove a user, and tell of it with the object as it was last."""
        store = self._store
        active = row.parsed()["state"] == "active"
        last["updated_at"] = clock.iso(store.tick(STEP))
        store.users.remove(row, objects.text(last))
        store.directories.touch(row.directory, active=-int(active), inactive=-int(not active))
        self.record("dsync.user.deleted", objects.event_user(last))

    def settle_roles(self, user_n: int) -> bool:
        """Set the roles that a user's groups give; return whether they changed, and sent an event."""
        store = self._store
        row = store.users.number(user_n)
        if store.directories.number(row.directory)["has_roles"] != 1:  # none, or those that were read stay
            return False
        old = row.parsed()
        found = store.groups.roles_of_user(user_n)
        roles = settled(
            [role for role in found if role is not None],
            store.roles.ranking(old["organization_id"]),
            self.roles,
            unmapped=None in found,
            default_mappings=self._default_mappings,
        )
        return self.give_roles(row, roles)

    def give_roles(self, row: Row, roles: list[str]) -> bool:
        """Set a user's roles; return whether they changed. A change is a ``dsync.user.updated``."""
        old = row.parsed()
        return self.save_user(row, old, {**old, **objects.role_fields(roles)})

    def record_activated(self, directory_id: str) -> None:
        """Tell that a directory is linked."""
        row = self._store.directories.get(directory_id)
        domains = self._store.organizations.domains(row["organization_id"])
        self.record("dsync.activated", objects.activated_directory({**row, "state": "linked"}, domains))


def membership(user: Row, group: Row) -> Object:
    """Return what an event about a membership tells."""
    whole = objects.event_user(user.parsed())
    return {"directory_id": whole["directory_id"], "user": whole, "group": group.parsed()}


def difference(old: Object, new: Object) -> Object:
    """Return the old value of each property that changed, one level into ``custom_attributes``.

    Null and absent count as equal, and a property that was not there before shows as null.
    """
    previous = _shallow(old, new, without=("custom_attributes", "updated_at"))
    attributes = _shallow(old.get("custom_attributes", {}), new.get("custom_attributes", {}))
    return {**previous, "custom_attributes": attributes} if attributes else previous


def _shallow(old: Object, new: Object, without: tuple[str, ...] = ()) -> Object:
    keys = [key for key in {**old, **new} if key not in without]
    return {key: old.get(key) for key in keys if old.get(key) != new.get(key)}
