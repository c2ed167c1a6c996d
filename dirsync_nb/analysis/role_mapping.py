"""Which group gives which role: a table to edit, to look at before it takes effect, and to hand on.

Neither the mapping nor the order of roles can be read from the service, so whoever knows them says them here.
What can be read is the result, the ``role`` and ``roles`` of users: :func:`read_roles`. Nothing is changed
anywhere::

    mapping = ds.RoleMapping({"App Administrators": "admin"}, groups, roles=ds.load_roles(client))
    mapping = mapping.give("Audit", "auditor").rank("admin", "auditor", "member")
    now, then = ds.role_mapping.read_roles(users, memberships, groups), mapping.suppose(users, memberships)
    changes = ds.what_if.role_changes(now, then)
    mapping.findings(users, memberships)
    ds.write_mapping(mapping, "roles.yaml")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from .. import errors
from ..client.calls import every_call
from ..frames import one_of, require_columns, require_ids, takes_frames
from ..frames.tools import rows_frame
from ..guard import SHARE, check_vanished
from ..text import plural
from .what_if import ROLE_COLUMNS, Roles, require_slugs

__all__ = ["FINDING_COLUMNS", "FINDING_KINDS", "RoleMapping", "group_effects", "read_roles"]

FINDING_COLUMNS = {
    "kind": "category",
    "user_id": "str",
    "group_id": "str",
    "name": "str",  # of the user or the group
    "role": "str",
    "why": "str",
}
FINDING_KINDS = (
    "gone group",
    "renamed group",
    "same name",
    "empty group",
    "unmapped group",
    "unused role",
    "clash",
    "several roles",
    "no role",
    "default role",
)
EFFECT_COLUMNS = {
    "name": "str",
    "roles": "object",
    **dict.fromkeys(("members", "affected", "to_default"), "Int64"),
}
SOME = 6  # groups named in one reason


@dataclass(frozen=True, repr=False)
class RoleMapping:
    """Which group gives which role, and which role counts. Every edit gives a new one.

    Parameters
    ----------
    table
        As for :class:`dirsync_nb.what_if.Roles`: a mapping from a group's id or name to a role, or with several
        roles a user to a list of them; or a frame with ``group`` and ``role``.
    groups
        The groups frame: what there is to map, and what names mean.
    roles
        The roles there are: slugs, or the frame of :func:`dirsync_nb.load_roles`. Default: those of the table.
    priority
        Roles, the highest first; what is left out comes after, as in ``roles``. The service does not tell it.
    mode : {"single", "multiple"}
        Whether a user has one role, that of the highest priority, or all.
    default
        The role of whoever is in no mapped group; None for none.
    organizations
        Organizations with a ``priority`` or ``default`` of their own, by id.
    names
        What groups were called when they were mapped, by id: a group that is mapped and gone is known by it.

    Attributes
    ----------
    mapped
        The roles that each mapped group gives, by its id.
    order
        All roles, the highest first.

    Raises
    ------
    ArgumentError
        A group, role or mode that there is not, with those that are near; a group with several roles where a
        user has one.

    Examples
    --------
    >>> mapping = ds.RoleMapping({"Everyone": "member"}, groups, roles=["admin", "member"])
    >>> mapping.give("Everyone", "admin").order
    ('admin', 'member')
    """

    table: Any = field(default_factory=dict)
    groups: pd.DataFrame | None = None
    roles: Any = None
    priority: Sequence[str] = ()
    mode: str = "single"
    default: str | None = "member"
    organizations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    mapped: Mapping[str, tuple[str, ...]] = field(init=False)
    order: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        require_slugs("default", self._default)
        if self.groups is not None:
            require_ids("groups", self.groups, "group_id", once=True)
        supposed = self._roles_of(self.table, self._known_groups())
        known = _slugs(self.roles)
        if known is not None:
            self._require_roles(supposed, known)
        order = [*self.priority, *(known or ()), *supposed.order, *self._default]
        called = {one: self.names.get(one, one) for one in supposed.mapped}
        names = {one: supposed.name_of(one) if was == one else was for one, was in called.items()}
        object.__setattr__(self, "mapped", supposed.mapped)
        object.__setattr__(self, "order", tuple(dict.fromkeys(order)))
        object.__setattr__(self, "names", names)

    @property
    def _default(self) -> list[str]:
        return [] if self.default is None else [self.default]

    def _roles_of(self, table: Any, groups: pd.DataFrame | None) -> Roles:
        users = pd.DataFrame({"state": pd.Series(dtype="str")}, index=pd.Index([], name="user_id", dtype="str"))
        edges = pd.DataFrame({"user_id": [], "group_id": []}, dtype="str")
        return Roles(users, edges, table, groups, self.priority, self.mode, organizations=self.organizations)

    def _known_groups(self) -> pd.DataFrame | None:
        """Return the groups there are, and those that are mapped and gone."""
        if self.groups is None:
            return None
        gone = [one for one, name in self.names.items() if one not in self.groups.index and name != one]
        names = pd.DataFrame({"name": [self.names[one] for one in gone]}, index=gone, dtype="str")
        kept = [one for one in ("name", "organization_id") if one in self.groups]
        return pd.concat([self.groups[kept], names]).rename_axis("group_id")

    def _require_roles(self, supposed: Roles, known: Sequence[str]) -> None:
        defaults = [self.default, *(own.get("default") for own in self.organizations.values())]
        ranked = [one for own in self.organizations.values() for one in own.get("priority", ())]
        for role in (*supposed.order, *ranked, *(one for one in defaults if one is not None)):
            one_of("a role", role, known, "one of the roles there are:")

    def __repr__(self) -> str:
        how = "the highest counts" if self.mode == "single" else "all count"
        text = f"{plural(len(self.mapped), 'mapped group')}, {how}: {' > '.join(self.order)}"
        return f"<RoleMapping of {text}; default {self.default or 'none'}>"

    # -- to edit ---------------------------------------------------------------------------------------

    def group_id(self, group: Any) -> str:
        """Find a group by id, else by name; a record or a row of a frame will do."""
        return self._roles_of({}, self._known_groups()).group_id(group)

    def role(self, role: str) -> str:
        """Return a role that there is; refuse any other, and name those that are near."""
        return one_of("role", role, self.order, "one of the roles there are:")

    def give(self, group: Any, *roles: str) -> RoleMapping:
        """Let a group give these roles instead of those it gave; with none, it is mapped no more."""
        group_id = self.group_id(group)
        wanted = list(dict.fromkeys(self.role(one) for one in roles))
        if len(wanted) > 1 and self.mode == "single":
            raise errors.ArgumentError(
                f"with one role a user a group gives one role; got {', '.join(wanted)}. "
                "mapping.switch('multiple') lets it give several"
            )
        rows = {one: list(held) for one, held in self.mapped.items() if one != group_id}
        return self._with(table={**rows, group_id: wanted} if wanted else rows)

    def drop(self, group: Any) -> RoleMapping:
        """Let a group give no role."""
        return self.give(group)

    def add_role(self, role: str) -> RoleMapping:
        """Add a role below the others."""
        return self._with(roles=[*self.order, *(_slugs([role]) or ())])

    def rank(self, *roles: str) -> RoleMapping:
        """Put these roles first, the highest first; the others keep their order behind them."""
        first = [self.role(one) for one in roles]
        return self._with(priority=[*first, *(one for one in self.order if one not in first)])

    def move(self, role: str, places: int) -> RoleMapping:
        """Move a role so many places down, or with a negative number up."""
        others = [one for one in self.order if one != self.role(role)]
        place = max(0, self.order.index(role) + places)
        return self.rank(*others[:place], role, *others[place:])

    def switch(self, mode: str) -> RoleMapping:
        """Change the mode; where a user gets one role, of several roles a group keeps the highest."""
        now = replace(self._roles_of(self.mapped, self._known_groups()), priority=self.order)
        return self._with(table=now.under(mode=mode).mapped, mode=mode)

    def with_default(self, role: str | None) -> RoleMapping:
        """Change the role of whoever is in no mapped group; None for none."""
        return self._with(default=None if role is None else self.role(role))

    def on(self, groups: pd.DataFrame) -> RoleMapping:
        """Return the same mapping for the groups as they are now."""
        return self._with(groups=groups)

    def _with(self, **changes: Any) -> RoleMapping:
        kept = {"table": {one: list(held) for one, held in self.mapped.items()}, "priority": self.order}
        return replace(self, **{**kept, "roles": self.order, **changes})

    # -- to look at ------------------------------------------------------------------------------------

    @property
    def gone(self) -> tuple[str, ...]:
        """Ids of groups that are mapped and not there any more."""
        return () if self.groups is None else tuple(one for one in self.mapped if one not in self.groups.index)

    @property
    def matrix(self) -> pd.DataFrame:
        """Groups by roles: one row a group, gone ones too, with its name and whether it gives each role."""
        groups = self._known_groups()
        names = dict(self.names) if groups is None else named(groups)
        ids = pd.Index(list(names), name="group_id", dtype="str")
        columns = {"name": pd.Series([names[one] for one in ids], index=ids, dtype="str")}
        for role in self.order:
            given = [role in self.mapped.get(one, ()) for one in ids]
            columns[role] = pd.Series(given, index=ids, dtype="bool")
        return pd.DataFrame(columns)

    def suppose(
        self,
        users: pd.DataFrame,
        memberships: pd.DataFrame,
        *,
        directories: pd.DataFrame | None = None,
        inactive_policy: str = "delete",
        default_mapping: str = "fallback",
        guard: float | None = SHARE,
        confirm: int | None = None,
    ) -> Roles:
        """Return who would have which role, for :func:`dirsync_nb.what_if.role_changes` and its like.

        Groups that are gone give nothing. Parameters and errors are those of
        :class:`dirsync_nb.what_if.Roles`; ``guard`` and ``confirm`` stop where too many mapped groups are gone,
        as in :func:`dirsync_nb.what_if.role_changes`.
        """
        gone = self.gone
        check_vanished(len(gone), len(self.mapped), "mapped groups", guard=guard, confirm=confirm)
        return Roles(
            users,
            memberships,
            {one: list(held) for one, held in self.mapped.items() if one not in gone},
            self.groups,
            priority=self.order,
            mode=self.mode,
            default=self.default,
            organizations=self.organizations,
            directories=directories,
            inactive_policy=inactive_policy,
            default_mapping=default_mapping,
        )

    @takes_frames()
    def findings(self, users: pd.DataFrame, memberships: pd.DataFrame) -> pd.DataFrame:
        """Return what to look at before this takes effect: one row a finding, columns ``FINDING_COLUMNS``.

        ``kind`` is one of ``FINDING_KINDS``: groups that are mapped and gone, called otherwise since, empty, or
        that share a name; groups nobody mapped; roles that no group gives; people in groups of different roles
        (``clash``: which wins, and why; ``several roles`` where all count), with the group of the first role;
        people with no role, and those left with the default.
        """
        supposed = self.suppose(users, memberships, guard=None)
        rows = [*self._about_groups(memberships), *self._about_roles(), *self._about_people(supposed)]
        frame = rows_frame(rows, FINDING_COLUMNS, kind=FINDING_KINDS)
        return frame.sort_values("kind", kind="stable", ignore_index=True)

    def _about_groups(self, memberships: pd.DataFrame) -> Iterable[tuple[Any, ...]]:
        sizes = memberships.drop_duplicates(["user_id", "group_id"])["group_id"].value_counts().to_dict()
        names: dict[str, Any] = {} if self.groups is None else named(self.groups)
        shared = pd.Series(names, dtype="object").duplicated(keep=False)
        for group_id in self.mapped:
            role, was, now = ", ".join(self.mapped[group_id]), self.names[group_id], names.get(group_id)
            if group_id in self.gone:
                yield "gone group", None, group_id, was, role, "mapped, and not in the directory any more"
                continue
            if isinstance(now, str) and now != was != group_id:
                told = f"was {was} when it was mapped; an id stays, a table of names loses it"
                yield "renamed group", None, group_id, now, role, told
            if isinstance(now, str) and shared[group_id]:
                others = [one for one in names if names[one] == now and one != group_id]
                told = f"{', '.join(others[:SOME])} is called so too; {group_id} is meant"
                yield "same name", None, group_id, now, role, told
            if not sizes.get(group_id):
                yield "empty group", None, group_id, now or was, role, "mapped, and nobody is in it"
        for group_id, name in names.items():
            if group_id not in self.mapped:
                told = f"{plural(sizes.get(group_id, 0), 'member')}; it counts for the default role"
                yield "unmapped group", None, group_id, name, self.default, told

    def _about_roles(self) -> Iterable[tuple[Any, ...]]:
        given = {role for roles in self.mapped.values() for role in roles}
        for role in self.order:
            if role not in given and role != self.default:
                yield "unused role", None, None, None, role, "no group gives it, and it is not the default"

    def _about_people(self, supposed: Roles) -> Iterable[tuple[Any, ...]]:
        names = named(supposed.users)
        every = supposed.under(mode="multiple").frame()
        held: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for user_id, role, groups in zip(every["user_id"], every["role"], every["groups"], strict=True):
            held.setdefault(user_id, []).extend([(role, groups)] if groups else [])
        frame = supposed.frame()
        first = frame[frame["primary"]]
        for user_id, role in zip(first["user_id"], first["role"], strict=True):
            roles = held.get(user_id, [])
            told = [f"{one} by {', '.join(map(supposed.label_of, groups[:SOME]))}" for one, groups in roles]
            if not roles:
                why = "in no mapped group, so the default counts"
                yield "default role", user_id, None, names.get(user_id), role, why
            elif len(roles) > 1:
                kind = "clash" if self.mode == "single" else "several roles"
                why = f"{told[0]} wins, as it ranks highest; not {'; '.join(told[1:])}"
                why = why if self.mode == "single" else "; ".join(told)
                yield kind, user_id, roles[0][1][0], names.get(user_id), role, why
        for user_id in supposed.present().difference(pd.Index(frame["user_id"]), sort=False):
            why = "in no mapped group, and there is no default role"
            yield "no role", user_id, None, names.get(user_id), None, why


def named(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the name of each row by its id."""
    return dict(zip(map(str, frame.index), frame["name"], strict=True)) if "name" in frame else {}


def _slugs(roles: Any) -> list[str] | None:
    """Return the slugs of roles that were given as such, or as a frame of ``load_roles``."""
    if roles is None:
        return None
    if isinstance(roles, pd.DataFrame):
        require_columns("roles", roles, "slug")
        return list(dict.fromkeys(roles["slug"].astype("str")))
    listed = [roles] if isinstance(roles, str) else list(roles)
    require_slugs("roles", listed)
    return list(dict.fromkeys(listed))


# What is, and what one group is worth -----------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class _AsRead(Roles):
    """Who has which role as the service says it; by which group, it does not say."""

    def frame(self) -> pd.DataFrame:
        """Return the roles that were read: one row per user and role, the users in their order."""
        users = self.users[self._there()]
        rows = [
            (user_id, role, place == 0, ())
            for user_id, first, every in zip(users.index, users["role"], users["roles"], strict=True)
            for place, role in enumerate(_listed_roles(first, every))
        ]
        return rows_frame(rows, ROLE_COLUMNS)

    def without_reason(self, has: str) -> str:
        """Say why somebody loses a role that the service says they have."""
        return f"no group of theirs gives it; has {has}"


def _listed_roles(first: Any, every: Any) -> list[str]:
    """Return the roles of a user, the primary one first."""
    listed = [str(one) for one in every] if isinstance(every, (list, tuple, np.ndarray)) else []
    return list(dict.fromkeys([first, *listed] if isinstance(first, str) else listed))


@takes_frames()
def read_roles(
    users: pd.DataFrame,
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    inactive_policy: str = "delete",
) -> Roles:
    """Return who has which role now, as the service says it in ``role`` and ``roles`` of users.

    By which group it does not say, nor which role outranks which. For
    :func:`dirsync_nb.what_if.role_changes`, as the side before a mapping takes effect.

    Raises
    ------
    IncompleteError
        A frame is partial.
    ArgumentError
        A frame is of another kind, or users have no column ``role`` and ``roles``.

    Examples
    --------
    >>> now = ds.role_mapping.read_roles(users, memberships, groups)
    >>> set(now.frame()["role"]) == set(users.loc[now.present(), "role"])
    True
    """
    require_columns("users", users, "role", "roles")
    pairs = zip(users["role"], users["roles"], strict=True)
    known = sorted({one for pair in pairs for one in _listed_roles(*pair)})
    options: dict[str, Any] = {"priority": known, "default": None, "inactive_policy": inactive_policy}
    return _AsRead(users, memberships, {}, groups, **options)


def group_effects(roles: Roles) -> pd.DataFrame:
    """Return what each mapped group is worth: whose roles would change if it were deleted, one row a group.

    The same people are affected where the group is renamed and an app maps by name; mapped by id, as WorkOS
    does it, a new name changes nothing.

    Returns
    -------
    pandas.DataFrame
        Index ``group_id``; ``name``, ``roles``, ``members``, ``affected`` (people whose roles would change) and
        ``to_default`` (those of them left with the default role, or with none). The most affected first.

    Examples
    --------
    >>> roles = ds.what_if.Roles(users, memberships, {"Everyone": "admin"}, groups)
    >>> effects = ds.role_mapping.group_effects(roles)
    >>> effects["affected"].tolist() == effects["members"].tolist()
    True
    """
    if not isinstance(roles, Roles):
        raise errors.ArgumentError(
            f"roles must be Roles, such as mapping.suppose(users, memberships); got {type(roles).__name__}"
        )
    members = roles.memberships[roles.memberships["user_id"].isin(roles.present())]
    of_group = {str(one): part["user_id"].unique() for one, part in members.groupby("group_id", observed=True)}
    rows = [_effect(roles, one, of_group.get(one, np.array([], dtype=object))) for one in roles.mapped]
    index = pd.Index(list(roles.mapped), name="group_id", dtype="str")
    frame = rows_frame(rows, EFFECT_COLUMNS, index)
    return frame.sort_values("affected", ascending=False, kind="stable")


def _effect(roles: Roles, group_id: str, members: Any) -> tuple[Any, ...]:
    part = roles.memberships[roles.memberships["user_id"].isin(members)]
    now = replace(roles._mapped(roles.mapped), users=roles.users.loc[members], memberships=part)
    before, after = now.frame(), now.without_group(group_id).frame()
    was, then = (set(zip(frame["user_id"], frame["role"], strict=True)) for frame in (before, after))
    changed = {user_id for user_id, _ in was ^ then}
    explained = set(after.loc[after["groups"].map(bool), "user_id"])
    counts = len(members), len(changed), len(changed - explained)
    return (roles.name_of(group_id), roles.mapped[group_id], *counts)


every_call(__name__)
