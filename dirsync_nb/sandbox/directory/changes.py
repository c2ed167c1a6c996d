"""What can happen in a directory: each change to the store together with the events it sends.

How a user is stored and an event recorded is in ``recorder``.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_args

from . import attributes, clock, create, objects, provider_traits, roles
from .ids import bearer_token
from .objects import PROFILE, Object
from .recorder import STEP, InactivePolicy, Recorder, Removals, difference, membership
from .refusal import Invalid, require_one_of
from .roles import DefaultMappings, RoleMode
from .store.roles import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .store import Row, Store

P = ParamSpec("P")
R = TypeVar("R")

MOST_TOKENS = 2
STATES = ("linked", "validating", "invalid_credentials", "unlinked", "deleting")
_CHANGEABLE = (*PROFILE, "state")
_LONGEST = 366 * 24 * 60  # minutes


def _whole(change: Callable[Concatenate[Changes, P], R]) -> Callable[Concatenate[Changes, P], R]:
    """Let a change happen as a whole, or not at all."""

    @wraps(change)
    def do(changes: Changes, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with changes.store.transaction():
            return change(changes, *args, **kwargs)

    return do


class Changes:
    """Make things happen: each change together with the events it sends.

    Parameters
    ----------
    policy : {"delete", "keep"}
        What becomes of a deactivated user. "delete" is the secure flow, the default of environments made since
        October 2023; "keep" is the custom management flow.
    removals : {"none", "before", "after", "doubled"}
        What tells of the memberships that end with a user or group; see ``Removals``.
    """

    def __init__(
        self,
        store: Store,
        seed: int,
        policy: InactivePolicy,
        roles: RoleMode = "single",
        removals: Removals = "none",
        default_mappings: DefaultMappings = "last",
    ) -> None:
        self.store, self.seed, self.policy, self._removals = store, seed, policy, removals
        self._recorder = Recorder(store, seed, roles, default_mappings)

    @property
    def roles(self) -> RoleMode:
        """Whether a user has one role or several."""
        return self._recorder.roles

    # -- users ------------------------------------------------------------------------------------------

    @_whole
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
        state: str = "active",
        user_id: str | None = None,
    ) -> str:
        """Let somebody join; return the new user's id, which is ``user_id`` for one who had it elsewhere."""
        given = (email, first_name, last_name, name, idp_id, custom_attributes)
        fields: Object = dict(zip(PROFILE, given, strict=True))
        _check_user_fields(fields)
        if state not in ("active", "inactive") or (state == "inactive" and self.policy == "delete"):
            raise Invalid(f"a new user must be active here; got {state!r}")
        store = self.store
        directory = store.directories.get(directory_id)
        now = store.tick(STEP)
        user_id = self._recorder.free_id("directory_user", "users", user_id)
        shown, hidden = attributes.split(store, directory["n"], custom_attributes or {})
        fields["idp_id"] = idp_id or provider_traits.user_idp_id(directory["type"], store.counter)
        fields |= {"name": name or objects.full_name(first_name, last_name), "custom_attributes": shown}
        role = self._default_role(directory)
        user = objects.user_object(user_id, directory, fields, created_at=now, roles=role, state=state)
        row = store.users.add(directory["n"], user)
        attributes.hide(store, row.n, hidden)
        store.directories.touch(directory["n"], active=int(state == "active"), inactive=int(state != "active"))
        self._recorder.record("dsync.user.created", objects.event_user(user))
        return user_id

    @_whole
    def update_user(self, /, user_id: str, *, drop: Iterable[str] = (), **changes: Any) -> bool:
        """Change fields of a user; return whether an event was sent.

        ``custom_attributes`` are merged into those the user has, and those named in ``drop`` go away. A change
        between null and absent sends no event.
        """
        _check_user_fields(changes)
        row = self.store.users.get(user_id)
        old = row.parsed()
        if changes.get("state", old["state"]) != old["state"]:
            raise Invalid("state changes by deactivate_user and reactivate_user")
        new = _changed(old, changes, set(drop))
        return self._recorder.save_user(row, old, new)

    @_whole
    def set_user(self, /, user_id: str, *, state: str, **fields: Any) -> bool:
        """Let a provider write a whole user at once, state and all; return whether an event was sent.

        A user written inactive is one deactivated: the policy says whether it stays.
        """
        _check_user_fields(fields)
        row = self.store.users.get(user_id)
        old = row.parsed()
        new = {**_changed(old, fields, set()), "state": state}
        if state == "inactive" and self.policy == "delete":
            self._remove_user(row, new, None)
            return True
        told = self._recorder.save_user(row, old, new)
        step = (state == "active") - (old["state"] == "active")
        self.store.directories.touch(row.directory, active=step, inactive=-step)
        return told

    @_whole
    def deactivate_user(self, user_id: str, *, removals: Removals | None = None) -> None:
        """Let the provider switch a user off: the policy says whether the user stays, inactive, or goes.

        ``removals`` says for this once what tells of the memberships of one who goes.
        """
        row = self.store.users.get(user_id)
        if self.policy == "delete":
            self._remove_user(row, {**row.parsed(), "state": "inactive"}, removals)
        else:
            self._switch(row, "inactive", step=-1)

    @_whole
    def reactivate_user(self, user_id: str) -> str:
        """Let a user come back, and return the id they have now.

        Under "keep" it is the same user. Under "delete" it is a new one with the same ``idp_id``, in no group.
        """
        if self.policy == "delete":  # a new one
            former = self.store.gone.get(user_id).parsed()
            return self.add_user(former["directory_id"], **{key: former[key] for key in PROFILE})
        self._switch(self.store.users.get(user_id), "active", step=1)
        return user_id

    @_whole
    def delete_user(self, user_id: str, *, removals: Removals | None = None) -> None:
        """Remove a user for good; ``removals`` says for this once what tells of the memberships."""
        row = self.store.users.get(user_id)
        self._remove_user(row, row.parsed(), removals)

    # -- groups and memberships -------------------------------------------------------------------------

    @_whole
    def add_group(
        self,
        directory_id: str,
        *,
        name: str,
        idp_id: str | None = None,
        role: str | None = None,
        group_id: str | None = None,
    ) -> str:
        """Add an empty group, mapped to a role if you say so; return its id.

        It is ``group_id`` for a group that had it elsewhere.
        """
        _check_text(name=name, idp_id=idp_id or "")
        store = self.store
        directory = store.directories.get(directory_id)
        self._check_role(directory, role)
        now = store.tick(STEP)
        group_id = self._recorder.free_id("directory_group", "groups", group_id)
        idp_id = idp_id or provider_traits.group_idp_id(directory["type"], name, store.counter)
        group = objects.group_object(group_id, directory, idp_id=idp_id, name=name, created_at=now)
        store.groups.add(group_id, directory["n"], role=role, text=objects.text(group))
        store.directories.touch(directory["n"], groups=1)
        self._recorder.record("dsync.group.created", group)
        return group_id

    def rename_group(self, group_id: str, name: str) -> bool:
        """Rename a group; return whether that is new. At Okta its ``idp_id``, a name, changes too."""
        old = self.store.groups.get(group_id).parsed()
        idp_id = name if old["idp_id"] == old["name"] else old["idp_id"]
        return self.set_group(group_id, name=name, idp_id=idp_id)

    @_whole
    def set_group(self, group_id: str, *, name: str, idp_id: str) -> bool:
        """Let a provider write a whole group; return whether an event was sent."""
        _check_text(name=name, idp_id=idp_id)
        store = self.store
        row = store.groups.get(group_id)
        old = row.parsed()
        new = {**old, "name": name, "idp_id": idp_id}
        if not (previous := difference(old, new)):
            return False
        new["updated_at"] = clock.iso(store.tick(STEP))
        store.groups.save(row.n, objects.text(new))
        store.directories.touch(row.directory)
        self._recorder.record("dsync.group.updated", {**new, "previous_attributes": previous})
        return True

    @_whole
    def delete_group(self, group_id: str, *, removals: Removals | None = None) -> None:
        """Remove a group; its members stay. ``removals`` says for this once what tells of the memberships."""
        store = self.store
        row = store.groups.get(group_id)
        members = [store.users.number(n) for n in store.memberships.of_group(row.n)]
        mapped = store.groups.role(row.n)
        with self._with_removals([(user, row) for user in members], removals):
            store.tick(STEP)
            store.groups.remove(row)
            store.directories.touch(row.directory, groups=-1)
            self._recorder.record("dsync.group.deleted", row.parsed())
        for user in members if mapped else ():
            self._recorder.settle_roles(user.n)

    @_whole
    def map_role(self, group_id: str, role: str | None) -> int:
        """Map a group to a role, or to none; return how many members got another one, each with an event."""
        store = self.store
        row = store.groups.get(group_id)
        directory = store.directories.number(row.directory)
        self._check_role(directory, role)
        if not directory["has_roles"]:
            raise Invalid("groups of this type of directory cannot be mapped to roles")
        store.groups.map(row.n, role)
        store.directories.change(row.directory, has_roles=1)
        return self._settle(store.memberships.of_group(row.n))

    def add_member(self, group_id: str, user_id: str) -> bool:
        """Put a user into a group; return whether that was news."""
        return self._set_member(group_id, user_id, member=True)

    def remove_member(self, group_id: str, user_id: str) -> bool:
        """Take a user out of a group; return whether that was news."""
        return self._set_member(group_id, user_id, member=False)

    # -- roles ------------------------------------------------------------------------------------------

    @_whole
    def add_role(
        self, slug: str, *, name: str, organization_id: str | None = None, permissions: Iterable[str] = ()
    ) -> None:
        """Define a role, of the environment or of one organization; it ranks lowest.

        With its first role an organization gets a ranking and a default of its own.
        """
        _check_text(slug=slug, name=name)
        store = self.store
        if organization_id is not None:
            store.organizations.get(organization_id)
        store.tick(STEP)
        scope, listed = organization_id or "", list(permissions)
        roles.define(store, self.seed, slug, name=name, permissions=listed, organization_id=scope)

    @_whole
    def delete_role(self, slug: str, *, organization_id: str | None = None) -> int:
        """Delete a role; return how many users lost it.

        Who had no other role gets the default one, and with one role a user also where another group is mapped:
        that counts from the next change of a membership on.
        """
        store, scope, told = self.store, organization_id or "", 0
        store.roles.get(scope, slug)
        scopes = [scope] if scope else ["", *store.roles.organizations()]
        rankings = {one: store.roles.ranking(one) for one in scopes}
        if any(ranking.default == slug for ranking in rankings.values()):
            raise Invalid(f"{slug!r} is a default role: make another one the default first")
        store.roles.remove(scope, slug)
        for one, ranking in rankings.items():
            order = [other for other in ranking.order if other != slug]
            store.roles.set_ranking(one, Ranking(order, ranking.default))
        for n in store.roles.users_of(scope):
            row = store.users.number(n)
            user = row.parsed()
            left = [role["slug"] for role in user["roles"] if role["slug"] != slug]
            if len(left) < len(user["roles"]):
                left = left or [store.roles.ranking(user["organization_id"]).default]
                told += self._recorder.give_roles(row, left)
        return told

    @_whole
    def rank_roles(
        self, order: Iterable[str], *, default: str | None = None, organization_id: str | None = None
    ) -> int:
        """Put roles into an order, the highest first; return how many users got another role by it."""
        store, scope, wanted = self.store, organization_id or "", list(order)
        now = store.roles.ranking(scope)
        if scope and scope not in store.roles.organizations():
            raise Invalid("an organization has a ranking of its own once it has a role of its own")
        if sorted(wanted) != sorted(now.order):
            raise Invalid(f"order must hold each of {', '.join(now.order)} once; got {', '.join(wanted)}")
        if default is not None:
            require_one_of("default", default, wanted)
        store.roles.set_ranking(scope, Ranking(wanted, default or now.default))
        store.tick(STEP)
        return self._settle(store.roles.users_of(scope))

    @_whole
    def set_role_mode(self, mode: RoleMode) -> int:
        """Let users have one role or several; return how many got others by it. The highest one stays."""
        require_one_of("mode", mode, get_args(RoleMode))
        self.store.set_meta("role_mode", mode)
        return self._settle(self.store.roles.users_of(""))

    def _settle(self, users: list[int]) -> int:
        return sum(self._recorder.settle_roles(n) for n in users)

    def _default_role(self, directory: Object) -> list[str]:
        if not directory["has_roles"]:
            return []
        return [self.store.roles.ranking(directory["organization_id"]).default]

    def _check_role(self, directory: Object, role: str | None) -> None:
        if role is not None:
            require_one_of("role", role, self.store.roles.ranking(directory["organization_id"]).order)

    # -- organizations and directories ------------------------------------------------------------------

    @_whole
    def add_organization(
        self,
        *,
        name: str,
        domains: Iterable[str] = (),
        external_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Create an organization; return its id."""
        listed = list(domains)
        _check_text(name=name, external_id=external_id or "")
        for domain in listed:
            _check_text(domain=domain)
        self.store.tick(STEP)
        return create.add_organization(
            self.store, self.seed, name=name, domains=listed, external_id=external_id, metadata=metadata
        )

    @_whole
    def add_directory(
        self,
        organization_id: str,
        *,
        type: str,  # noqa: A002 (the API's own word)
        name: str,
        domain: str | None = None,
        state: str = "unlinked",
    ) -> str:
        """Set up an empty directory; return its id. The first write or poll links it."""
        _check_text(name=name, domain=domain or "")
        require_one_of("type", type, create.TYPES)
        _check_state(state)
        self.store.organizations.get(organization_id)
        return create.add_directory(
            self.store, self.seed, self.store.tick(STEP), organization_id=organization_id, type=type, name=name,
            state=state, domain=domain,
        )  # fmt: skip

    @_whole
    def wait(self, minutes: float) -> str:
        """Let time pass; return the time it is then."""
        given: Any = minutes
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= _LONGEST:
            raise Invalid(f"minutes must be a number from 0 to {_LONGEST}; got {minutes!r}")
        return clock.iso(self.store.tick(int(minutes * clock.MINUTE)))

    @_whole
    def set_directory_state(self, directory_id: str, state: str) -> bool:
        """Put a directory into a state; return whether that is new. Becoming linked alone sends an event."""
        _check_state(state)
        store = self.store
        before = store.directories.get(directory_id)
        if before["state"] == state:
            return False
        store.tick(STEP)
        store.directories.change(before["n"], state=state)
        store.directories.touch(before["n"])
        if state == "linked":
            self._recorder.record_activated(directory_id)
        return True

    @_whole
    def delete_directory(self, directory_id: str) -> None:
        """Delete a directory with all that is in it. One event tells of it."""
        store = self.store
        row = store.directories.get(directory_id)
        store.tick(STEP)
        store.directories.remove(row["n"])
        self._recorder.record("dsync.deleted", objects.short_directory({**row, "state": "deleting"}))

    @_whole
    def create_token(self, directory_id: str) -> str:
        """Make a SCIM bearer token; return its id. At most two live at once, so that one can be changed."""
        store = self.store
        row = store.directories.get(directory_id)
        if len(store.tokens.of(row["n"])) >= MOST_TOKENS:
            raise Invalid(f"a directory has at most {MOST_TOKENS} live tokens: revoke one first")
        now = store.tick(STEP)
        token_id = self._recorder.new_id("directory_token")
        token = objects.token_object(token_id, row, bearer_token(token_id, self.seed), now)
        store.tokens.add(token_id, row["n"], objects.text(token))
        self._recorder.record("dsync.token.created", token)
        return token_id

    @_whole
    def revoke_token(self, token_id: str) -> None:
        """Withdraw a SCIM bearer token."""
        found = self.store.tokens.get(token_id)
        self.store.tick(STEP)
        self.store.tokens.remove(token_id)
        self._recorder.record("dsync.token.revoked", found.parsed())

    @_whole
    def switch_attribute(self, name: str, *, on: bool) -> int:
        """Switch a predefined attribute on or off for the environment; return how many users were told of.

        Only those whose data changed are: between null and absent nothing is sent.
        """
        store, told = self.store, 0
        attributes.switch(store, name, on=on)
        for n in store.users.numbers():
            row = store.users.number(n)
            old = row.parsed()
            new = attributes.switched(store, row, old, name, on=on)
            told += new is not None and self._recorder.save_user(row, old, new)
        return told

    @_whole
    def announce(self, directory_id: str) -> None:
        """Send the events of a first sync for what a directory holds now, as linking it does."""
        store = self.store
        n = store.directories.get(directory_id)["n"]
        self._recorder.record_activated(directory_id)
        users, groups = store.users.of(n), store.groups.of(n)
        for user in users:
            self._recorder.record("dsync.user.created", objects.event_user(user.parsed()))
        for group in groups:
            self._recorder.record("dsync.group.created", group.parsed())
        by_n = {user.n: user for user in users}
        for group in groups:
            for user_n in store.memberships.of_group(group.n):
                self._recorder.record("dsync.group.user_added", membership(by_n[user_n], group))

    @_whole
    def end_unknown_membership(self, directory_id: str) -> None:
        """Tell that somebody left a group, of which nobody was told that either exists: this has been seen."""
        store = self.store
        with self._recorder.untold():
            user_id = self.add_user(directory_id, email="stray@unknown.example")
            group_id = self.add_group(directory_id, name="Stray")
            told = membership(store.users.get(user_id), store.groups.get(group_id))
            self.delete_user(user_id)
            self.delete_group(group_id)
        self._recorder.record("dsync.group.user_removed", told)

    # -- the parts of it --------------------------------------------------------------------------------

    def _remove_user(self, row: Row, last: Object, removals: Removals | None) -> None:
        pairs = [(row, group) for group in self.store.memberships.of_user(row.n)]
        with self._with_removals(pairs, removals):
            self._recorder.remove_user(row, last)

    @contextmanager
    def _with_removals(self, pairs: list[tuple[Row, Row]], removals: Removals | None) -> Iterator[None]:
        """Tell of memberships that end with what is done inside, before it, after it or both."""
        when = removals or self._removals
        require_one_of("removals", when, get_args(Removals))
        for moment in ("before", "after"):
            for user, group in pairs if when in (moment, "doubled") else ():
                self._recorder.record("dsync.group.user_removed", membership(user, group))
            if moment == "before":
                yield

    def _switch(self, row: Row, state: str, *, step: int) -> None:
        old = row.parsed()
        if self._recorder.save_user(row, old, {**old, "state": state}):
            self.store.directories.touch(row.directory, active=step, inactive=-step)

    @_whole
    def _set_member(self, group_id: str, user_id: str, *, member: bool) -> bool:
        store = self.store
        group, user = store.groups.get(group_id), store.users.get(user_id)
        if group.directory != user.directory:
            raise Invalid("user and group are in different directories")
        if store.memberships.has(group.n, user.n) == member:
            return False
        store.tick(STEP)
        if member:
            store.memberships.add([(group.n, user.n)])
        else:
            store.memberships.remove(group.n, user.n)
        store.directories.touch(group.directory)
        what = "added" if member else "removed"
        self._recorder.record(f"dsync.group.user_{what}", membership(user, group))
        self._recorder.settle_roles(user.n)
        return True


def _changed(old: Object, changes: Mapping[str, Any], drop: set[str]) -> Object:
    attributes = {**old["custom_attributes"], **changes.get("custom_attributes", {})}
    new = {**old, **changes}
    new["custom_attributes"] = {key: value for key, value in attributes.items() if key not in drop}
    if "name" not in changes and ("first_name" in changes or "last_name" in changes):
        new["name"] = objects.full_name(new["first_name"], new["last_name"])
    return new


def _check_user_fields(fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        if key not in _CHANGEABLE:
            raise Invalid(f"a user's field must be one of {_CHANGEABLE}; got {key!r}")
        if key == "custom_attributes":
            if value is not None and not isinstance(value, dict):
                raise Invalid("custom_attributes must be a dict")
        elif value is not None and not isinstance(value, str):
            raise Invalid(f"{key} must be text or None; got {value!r}")


def _check_state(state: str) -> None:
    if state not in STATES:
        raise Invalid(f"state must be one of {STATES}; got {state!r}")


def _check_text(**fields: Any) -> None:
    for key, value in fields.items():
        if not isinstance(value, str):
            raise Invalid(f"{key} must be text; got {value!r}")
