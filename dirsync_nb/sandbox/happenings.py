"""What can happen in a directory: each change to the store together with the events it sends.

An event is recorded in the same transaction as the change, with the object as it was at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from . import clock, objects, providers
from .ids import make_id
from .objects import Object
from .store import NotFound, Row, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

InactivePolicy = Literal["delete", "keep"]

ROLE_PRIORITY = ("admin", "auditor", "member")
"""Roles of the environment, the highest first. The last is what everybody has."""

STATES = ("linked", "validating", "invalid_credentials", "unlinked", "deleting")

_STEP = 2_000  # from one happening to the next, where nobody sets the clock
_EVENT_DELAY = 40  # from a change to the event that tells of it


class Happenings:
    """Make things happen.

    Parameters
    ----------
    policy : {"delete", "keep"}
        What becomes of a deactivated user. "delete" is the secure flow, the default of environments made since
        October 2023; "keep" is the custom management flow.
    """

    def __init__(self, store: Store, seed: int, policy: InactivePolicy) -> None:
        self._store = store
        self._seed = seed
        self._policy = policy

    # -- users ------------------------------------------------------------------------------------------

    def add_user(
        self,
        directory_id: str,
        *,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        name: str | None = None,
        idp_id: str | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
    ) -> str:
        """Let somebody join; give the new user's id."""
        fields = {"email": email, "first_name": first_name, "last_name": last_name, "name": name}
        _check_user_fields({**fields, "idp_id": idp_id, "custom_attributes": custom_attributes})
        store = self._store
        with store.transaction():
            directory = store.directory(directory_id)
            now = store.tick(_STEP)
            user_id = self._new_id("directory_user")
            user = objects.user_object(
                user_id=user_id,
                directory_id=directory_id,
                organization_id=directory["organization_id"],
                idp_id=idp_id or providers.user_idp_id(directory["type"], store.counter),
                email=email,
                first_name=first_name,
                last_name=last_name,
                name=name or objects.full_name(first_name, last_name),
                state="active",
                custom_attributes=dict(custom_attributes or {}),
                roles=[ROLE_PRIORITY[-1]] if directory["has_roles"] else [],
                created_at=now,
                updated_at=now,
            )
            store.execute(
                "INSERT INTO users (id, directory, idp_id, folded_email, json) VALUES (?, ?, ?, ?, ?)",
                (user_id, directory["n"], user["idp_id"], email and email.casefold(), objects.text(user)),
            )
            self._touch(directory["n"], active=1)
            self._record("dsync.user.created", objects.event_user(user))
        return user_id

    def update_user(self, /, user_id: str, *, drop: Iterable[str] = (), **changes: Any) -> bool:
        """Change fields of a user; say whether an event was sent.

        ``custom_attributes`` are merged into those the user has, and those named in ``drop`` go away. A change
        between null and absent sends no event.
        """
        _check_user_fields(changes)
        with self._store.transaction():
            row = self._store.user(user_id)
            old = row.parsed()
            if changes.get("state", old["state"]) != old["state"]:
                raise ValueError("state changes by deactivate_user and reactivate_user")
            new = _changed(old, changes, set(drop))
            return self._save_user(row, old, new)

    def deactivate_user(self, user_id: str) -> None:
        """Let the provider switch a user off: the policy says whether the user stays, inactive, or goes."""
        with self._store.transaction():
            row = self._store.user(user_id)
            if self._policy == "delete":
                self._remove_user(row, {**row.parsed(), "state": "inactive"})
                return
            old = row.parsed()
            if self._save_user(row, old, {**old, "state": "inactive"}):
                self._touch(row.directory, active=-1, inactive=1)

    def reactivate_user(self, user_id: str) -> str:
        """Let a user come back, and give the id they have now.

        Under "keep" it is the same user. Under "delete" it is a new one with the same ``idp_id``, in no group.
        """
        store = self._store
        with store.transaction():
            if self._policy == "delete":
                return self._return_as_new(user_id)
            row = store.user(user_id)
            old = row.parsed()
            if self._save_user(row, old, {**old, "state": "active"}):
                self._touch(row.directory, active=1, inactive=-1)
        return user_id

    def delete_user(self, user_id: str) -> None:
        """Remove a user for good. Nothing is sent for the memberships that go too."""
        with self._store.transaction():
            row = self._store.user(user_id)
            self._remove_user(row, row.parsed())

    # -- groups and memberships -------------------------------------------------------------------------

    def add_group(
        self, directory_id: str, *, name: str, idp_id: str | None = None, role: str | None = None
    ) -> str:
        """Add an empty group, mapped to a role if you say so; give its id."""
        _check_text(name=name, idp_id=idp_id or "")
        if role is not None and role not in ROLE_PRIORITY:
            raise ValueError(f"role must be one of {ROLE_PRIORITY}; got {role!r}")
        store = self._store
        with store.transaction():
            directory = store.directory(directory_id)
            now = store.tick(_STEP)
            group_id = self._new_id("directory_group")
            group = objects.group_object(
                group_id=group_id,
                directory_id=directory_id,
                organization_id=directory["organization_id"],
                idp_id=idp_id or providers.group_idp_id(directory["type"], name, store.counter),
                name=name,
                created_at=now,
            )
            store.execute(
                "INSERT INTO groups (id, directory, role, json) VALUES (?, ?, ?, ?)",
                (group_id, directory["n"], role, objects.text(group)),
            )
            self._touch(directory["n"], groups=1)
            self._record("dsync.group.created", group)
        return group_id

    def rename_group(self, group_id: str, name: str) -> bool:
        """Give a group another name. Okta's group ids are names, so there the ``idp_id`` changes with it."""
        _check_text(name=name)
        store = self._store
        with store.transaction():
            row = store.group(group_id)
            old = row.parsed()
            new = {**old, "name": name, "idp_id": name if old["idp_id"] == old["name"] else old["idp_id"]}
            previous = _difference(old, new)
            if not previous:
                return False
            new["updated_at"] = clock.iso(store.tick(_STEP))
            store.execute("UPDATE groups SET json = ? WHERE n = ?", (objects.text(new), row.n))
            self._touch(row.directory)
            self._record("dsync.group.updated", {**new, "previous_attributes": previous})
        return True

    def delete_group(self, group_id: str) -> None:
        """Remove a group. Its members stay, and nothing is sent for the memberships that end."""
        store = self._store
        with store.transaction():
            row = store.group(group_id)
            (role,) = store.one("SELECT role FROM groups WHERE n = ?", (row.n,))
            members = (
                store.execute("SELECT user_n FROM memberships WHERE group_n = ?", (row.n,)) if role else []
            )
            store.tick(_STEP)
            store.execute("DELETE FROM memberships WHERE group_n = ?", (row.n,))
            store.execute("DELETE FROM groups WHERE n = ?", (row.n,))
            store.execute("INSERT INTO gone VALUES (?, ?, ?, ?)", (row.id, row.n, row.directory, row.json))
            self._touch(row.directory, groups=-1)
            self._record("dsync.group.deleted", row.parsed())
            for (user_n,) in members:
                self._settle_roles(user_n)

    def add_member(self, group_id: str, user_id: str) -> bool:
        """Put a user into a group; say whether that was news."""
        return self._set_member(group_id, user_id, member=True)

    def remove_member(self, group_id: str, user_id: str) -> bool:
        """Take a user out of a group; say whether that was news."""
        return self._set_member(group_id, user_id, member=False)

    # -- directories ------------------------------------------------------------------------------------

    def set_directory_state(self, directory_id: str, state: str) -> bool:
        """Put a directory into a state; becoming linked is the one change that sends an event."""
        if state not in STATES:
            raise ValueError(f"state must be one of {STATES}; got {state!r}")
        store = self._store
        with store.transaction():
            before = store.directory(directory_id)
            if before["state"] == state:
                return False
            store.tick(_STEP)
            store.execute("UPDATE directories SET state = ? WHERE n = ?", (state, before["n"]))
            self._touch(before["n"])
            if state == "linked":
                self._record("dsync.activated", self._activated(directory_id))
        return True

    def delete_directory(self, directory_id: str) -> None:
        """Delete a directory with all that is in it. One event tells of it."""
        store = self._store
        with store.transaction():
            row = store.directory(directory_id)
            store.tick(_STEP)
            inside = (row["n"],)
            store.execute(
                "DELETE FROM memberships WHERE group_n IN (SELECT n FROM groups WHERE directory = ?)", inside
            )
            for table in ("users", "groups", "gone", "tokens"):
                store.execute("DELETE FROM " + table + " WHERE directory = ?", inside)  # noqa: S608 (own names)
            store.execute("DELETE FROM directories WHERE n = ?", inside)
            self._record("dsync.deleted", objects.short_directory({**row, "state": "deleting"}))

    def create_token(self, directory_id: str) -> str:
        """Make a SCIM bearer token; give its id. The token itself exists nowhere."""
        store = self._store
        with store.transaction():
            row = store.directory(directory_id)
            now = store.tick(_STEP)
            token_id = self._new_id("directory_token")
            token = {
                "object": "directory_token",
                "id": token_id,
                "directory_id": directory_id,
                "organization_id": row["organization_id"],
                "token_suffix": f"{store.counter * 40503 % 65536:04x}",
                "created_at": clock.iso(now),
            }
            store.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token_id, row["n"], objects.text(token)))
            self._record("dsync.token.created", token)
        return token_id

    def revoke_token(self, token_id: str) -> None:
        """Withdraw a SCIM bearer token."""
        store = self._store
        with store.transaction():
            found = store.one("SELECT 0, id, directory, json FROM tokens WHERE id = ?", (token_id,))
            if found is None:
                raise NotFound("Directory Token", token_id)
            store.tick(_STEP)
            store.execute("DELETE FROM tokens WHERE id = ?", (token_id,))
            self._record("dsync.token.revoked", Row(*found).parsed())

    def announce(self, directory_id: str) -> None:
        """Send the events of a first sync for what a directory holds now, as linking it does."""
        store = self._store
        with store.transaction():
            n = store.directory(directory_id)["n"]
            self._record("dsync.activated", self._activated(directory_id))
            users = [Row(*row) for row in store.execute(_USERS, (n,))]
            groups = [Row(*row) for row in store.execute(_GROUPS, (n,))]
            for user in users:
                self._record("dsync.user.created", objects.event_user(user.parsed()))
            for group in groups:
                self._record("dsync.group.created", group.parsed())
            by_n = {user.n: user for user in users}
            for group in groups:
                for (user_n,) in store.execute("SELECT user_n FROM memberships WHERE group_n = ?", (group.n,)):
                    self._record("dsync.group.user_added", _membership(by_n[user_n], group))

    # -- the parts of it --------------------------------------------------------------------------------

    def _new_id(self, prefix: str) -> str:
        return make_id(prefix, self._store.now, self._seed, self._store.next_number())

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
        previous = _difference(old, new)
        if previous:
            new["updated_at"] = clock.iso(store.tick(_STEP))
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
        last["updated_at"] = clock.iso(store.tick(_STEP))
        store.execute("DELETE FROM memberships WHERE user_n = ?", (row.n,))
        store.execute("DELETE FROM users WHERE n = ?", (row.n,))
        store.execute(
            "INSERT INTO gone VALUES (?, ?, ?, ?)", (row.id, row.n, row.directory, objects.text(last))
        )
        self._touch(row.directory, active=-int(active), inactive=-int(not active))
        self._record("dsync.user.deleted", objects.event_user(last))

    def _return_as_new(self, user_id: str) -> str:
        former = self._store.gone(user_id).parsed()
        kept = ("email", "first_name", "last_name", "name", "idp_id", "custom_attributes")
        return self.add_user(former["directory_id"], **{key: former[key] for key in kept})

    def _set_member(self, group_id: str, user_id: str, *, member: bool) -> bool:
        store = self._store
        with store.transaction():
            group, user = store.group(group_id), store.user(user_id)
            if group.directory != user.directory:
                raise ValueError("user and group are in different directories")
            pair = (group.n, user.n)
            was = bool(store.one("SELECT 1 FROM memberships WHERE group_n = ? AND user_n = ?", pair))
            if was == member:
                return False
            store.tick(_STEP)
            if member:
                store.execute("INSERT INTO memberships VALUES (?, ?)", pair)
            else:
                store.execute("DELETE FROM memberships WHERE group_n = ? AND user_n = ?", pair)
            self._touch(group.directory)
            name = "dsync.group.user_added" if member else "dsync.group.user_removed"
            self._record(name, _membership(user, group))
            self._settle_roles(user.n)
        return True

    def _settle_roles(self, user_n: int) -> None:
        """Let a user's roles follow from the groups they are in now; a change is a ``dsync.user.updated``."""
        store = self._store
        row = Row(*store.one("SELECT n, id, directory, json FROM users WHERE n = ?", (user_n,)))
        if not store.directory_number(row.directory)["has_roles"]:
            return
        found = store.execute(
            "SELECT groups.role FROM memberships JOIN groups ON groups.n = memberships.group_n"
            " WHERE memberships.user_n = ? AND groups.role IS NOT NULL",
            (user_n,),
        )
        old = row.parsed()
        self._save_user(row, old, {**old, **objects.role_fields(settled_roles([role for (role,) in found]))})

    def _activated(self, directory_id: str) -> Object:
        row = self._store.directory(directory_id)
        domains = self._store.execute(
            "SELECT domains.id, domain FROM domains JOIN organizations ON organizations.n = organization"
            " WHERE organizations.id = ? ORDER BY domain",
            (row["organization_id"],),
        )
        return objects.activated_directory({**row, "state": "linked"}, domains)


_USERS = "SELECT n, id, directory, json FROM users WHERE directory = ? ORDER BY n"
_GROUPS = "SELECT n, id, directory, json FROM groups WHERE directory = ? ORDER BY n"
_CHANGEABLE = ("email", "first_name", "last_name", "name", "idp_id", "custom_attributes", "state")


def settled_roles(found: list[str]) -> list[str]:
    """Order roles by priority; without any, the role everybody has."""
    return [role for role in ROLE_PRIORITY if role in found] or [ROLE_PRIORITY[-1]]


def _membership(user: Row, group: Row) -> Object:
    whole = objects.event_user(user.parsed())
    return {"directory_id": whole["directory_id"], "user": whole, "group": group.parsed()}


def _changed(old: Object, changes: Mapping[str, Any], drop: set[str]) -> Object:
    attributes = {**old["custom_attributes"], **changes.get("custom_attributes", {})}
    new = {**old, **changes}
    new["custom_attributes"] = {key: value for key, value in attributes.items() if key not in drop}
    if "name" not in changes and ("first_name" in changes or "last_name" in changes):
        new["name"] = objects.full_name(new["first_name"], new["last_name"])
    return new


def _difference(old: Object, new: Object) -> Object:
    """Give the old value of each property that changed, one level into ``custom_attributes``.

    Null and absent count as equal, and a property that was not there before shows as null.
    """
    previous = _shallow(old, new, without=("custom_attributes", "updated_at"))
    attributes = _shallow(old.get("custom_attributes", {}), new.get("custom_attributes", {}))
    return {**previous, "custom_attributes": attributes} if attributes else previous


def _shallow(old: Object, new: Object, without: tuple[str, ...] = ()) -> Object:
    keys = [key for key in {**old, **new} if key not in without]
    return {key: old.get(key) for key in keys if old.get(key) != new.get(key)}


def _check_user_fields(fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        if key not in _CHANGEABLE:
            raise ValueError(f"a user's field must be one of {_CHANGEABLE}; got {key!r}")
        if key == "custom_attributes":
            if value is not None and not isinstance(value, dict):
                raise ValueError("custom_attributes must be a dict")
        elif value is not None and not isinstance(value, str):
            raise ValueError(f"{key} must be text or None; got {value!r}")


def _check_text(**fields: Any) -> None:
    for key, value in fields.items():
        if not isinstance(value, str):
            raise ValueError(f"{key} must be text; got {value!r}")
