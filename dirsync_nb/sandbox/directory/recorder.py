"""How a change is recorded: what the store holds afterwards, and the event that tells of it.

An event is recorded in the same transaction as the change, with the object as it was at that moment.
"""

from __future__ import annotations

from typing import Literal

from . import attributes, clock, objects
from .ids import make_id
from .objects import Object
from .store import Row, Store

InactivePolicy = Literal["delete", "keep"]
RoleMode = Literal["multiple", "single"]

ROLE_PRIORITY = ("admin", "auditor", "member")
"""Roles of the environment, the highest first. The last is what everybody has."""

STEP = 2_000  # from one happening to the next, where nobody sets the clock
_EVENT_DELAY = 40  # from a change to the event that tells of it


class Recorder:
    """Store changed users, and record events.

    Parameters
    ----------
    roles : {"single", "multiple"}
        Whether a user in several mapped groups has the highest of their roles, as environments have it by
        default, or all of them.
    policy : {"delete", "keep"}
        What becomes of a deactivated user. "delete" is the secure flow, the default of environments made since
        October 2023; "keep" is the custom management flow.
    """

    def __init__(self, store: Store, seed: int, policy: InactivePolicy, roles: RoleMode = "single") -> None:
        self._store = store
        self._seed = seed
        self._policy = policy
        self.roles = roles

    def _new_id(self, prefix: str) -> str:
        return make_id(prefix, self._store.now, self._seed, self._store.next_number())

    def _free(self, table: str, wanted: str | None) -> str | None:
        """Return an id that is asked for, unless somebody has it; one that was deleted may come again."""
        if wanted and self._store.one("SELECT 1 FROM " + table + " WHERE id = ?", (wanted,)):  # noqa: S608 (own names)
            raise ValueError(f"the id {wanted!r} is taken")
        return wanted

    def _record(self, name: str, data: Object) -> None:
        store = self._store
        now = store.tick(_EVENT_DELAY)
        event_id = self._new_id("event")
        whose = data if "organization_id" in data else data["user"]
        event = {
            "object": "event",
            "id": event_id,
            "event": name,
            "data": data,
            "created_at": clock.iso(now),
            "context": {},
        }
        store.add_event(event_id, name, whose["organization_id"], objects.text(event))

    def _touch(self, directory: int, *, active: int = 0, inactive: int = 0, groups: int = 0) -> None:
        """Keep a directory's counters and its time of change."""
        self._store.execute(
            "UPDATE directories SET active = active + ?, inactive = inactive + ?, groups = groups + ?,"
            " updated_at = ? WHERE n = ?",
            (active, inactive, groups, self._store.now, directory),
        )

    def _save_user(self, row: Row, old: Object, new: Object) -> bool:
        """Store a changed user and tell what changed; say whether there was anything to tell."""
        store = self._store
        shown, hidden = attributes.split(store, row.directory, new["custom_attributes"])
        new["custom_attributes"] = shown
        attributes.hide(store, row.n, hidden)
        previous = difference(old, new)
        if previous:
            new["updated_at"] = clock.iso(store.tick(STEP))
        store.execute(
            "UPDATE users SET idp_id = ?, folded_email = ?, json = ? WHERE n = ?",
            (new["idp_id"], new["email"] and new["email"].casefold(), objects.text(new), row.n),
        )
        if previous:
            self._touch(row.directory)
            self._record("dsync.user.updated", {**objects.event_user(new), "previous_attributes": previous})
        return bool(previous)

    def _remove_user(self, row: Row, last: Object) -> None:
        store = self._store
        active = row.parsed()["state"] == "active"
        last["updated_at"] = clock.iso(store.tick(STEP))
        store.execute("DELETE FROM memberships WHERE user_n = ?", (row.n,))
        store.execute("DELETE FROM hidden WHERE user_n = ?", (row.n,))
        store.execute("DELETE FROM users WHERE n = ?", (row.n,))
        store.execute(
            "INSERT OR REPLACE INTO gone VALUES (?, ?, ?, ?)",
            (row.id, row.n, row.directory, objects.text(last)),
        )
        self._touch(row.directory, active=-int(active), inactive=-int(not active))
        self._record("dsync.user.deleted", objects.event_user(last))

    def _settle_roles(self, user_n: int) -> bool:
        """Let a user's roles follow from the groups they are in now; a change is a ``dsync.user.updated``."""
        store = self._store
        row = Row(*store.one("SELECT n, id, directory, json FROM users WHERE n = ?", (user_n,)))
        if not store.directory_number(row.directory)["has_roles"]:
            return False
        found = store.execute(
            "SELECT groups.role FROM memberships JOIN groups ON groups.n = memberships.group_n"
            " WHERE memberships.user_n = ? AND groups.role IS NOT NULL",
            (user_n,),
        )
        old = row.parsed()
        roles = settled_roles([role for (role,) in found], self.roles)
        return self._save_user(row, old, {**old, **objects.role_fields(roles)})

    def _activated(self, directory_id: str) -> Object:
        row = self._store.directory(directory_id)
        domains = self._store.execute(
            "SELECT domains.id, domain FROM domains JOIN organizations ON organizations.n = organization"
            " WHERE organizations.id = ? ORDER BY domain",
            (row["organization_id"],),
        )
        return objects.activated_directory({**row, "state": "linked"}, domains)


def settled_roles(found: list[str], mode: RoleMode) -> list[str]:
    """Order roles by priority; where there is none the one everybody has, where one counts the highest."""
    settled = [role for role in ROLE_PRIORITY if role in found] or [ROLE_PRIORITY[-1]]
    return settled[:1] if mode == "single" else settled


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
