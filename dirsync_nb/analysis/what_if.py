"""What if: who would gain, keep or lose which role if a group, a person, the table or a policy were another.

Roles follow from groups: an admin maps groups to roles, and WorkOS gives them to the members. The table of
groups and roles cannot be read through the API, so it is handed in. Nothing is changed anywhere::

    now = what_if.Roles(users, memberships, {"App Administrators": "admin", "Audit": "auditor"}, groups,
                        priority=["admin", "auditor"])
    then = now.without_group("Audit").moved("directory_user_01...", leaves="Sales")
    changes = what_if.role_changes(now, then)
    charts.plot_role_changes(changes)

With one role a user (``mode="single"``, the default of environments) the role of the highest priority counts;
with several (``"multiple"``) all of them do. A group without a mapping counts as mapped to the default role,
which whoever has no other role gets. An organization with a custom role has its own priority and default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from .. import errors
from ..client import identifier
from ..client.calls import every_call
from ..frames import FRAMES, near_names, one_of, require_columns, require_frame, require_ids, takes_frames
from ..frames.partial import require_all
from ..guard import SHARE, check_vanished
from ..text import is_sendable, plural

__all__ = ["CHANGE_COLUMNS", "ROLE_COLUMNS", "SUMMARY_COLUMNS", "Roles", "role_changes", "role_summary"]

MODES = ("single", "multiple")
POLICIES = ("delete", "keep")
CHANGES = ("gained", "kept", "lost")

Array = np.ndarray[Any, Any]

ROLE_COLUMNS = {
    "user_id": "str",
    "role": "str",
    "primary": "bool",  # the one in the field `role`
    "groups": "object",  # tuple of the group ids that give it; empty for the default role
}
CHANGE_COLUMNS = {
    **dict.fromkeys(("user_id", "name", "address", "role"), "str"),
    "before": "bool",
    "after": "bool",
    "change": "category",
    "why": "str",
}
EXPLAINED = ("user_id", "role", "change", "groups_before", "groups_after")
SUMMARY_COLUMNS = {"before": "Int64", "gained": "Int64", "kept": "Int64", "lost": "Int64", "after": "Int64"}


@dataclass(frozen=True, repr=False)
class Roles:
    """Who is in which group, and which group gives which role. Every change gives a new one.

    Parameters
    ----------
    users, memberships
        Frames of one directory or several.
    table
        Which group gives which role: a mapping from a group's id or name to a role's slug, or a frame with
        the columns ``group`` and ``role``, and perhaps ``priority`` (the lowest number is the highest). With
        several roles a user, a group may give several: a list of slugs, or a row for each.
    groups
        The groups frame; needed to name groups in the table by name, and in ``why``.
    priority
        Role slugs, the highest first. Roles that are not in it come after, in the order of the table.
    mode : {"single", "multiple"}
        Whether a user has one role, that of the highest priority, or all.
    default
        The role of whoever is in no mapped group; None where the environment has none.
    organizations
        Organizations that have a priority or default of their own: by id a mapping with ``priority`` and
        ``default``, of which what is left out is the environment's.
    default_mapping : {"fallback", "ranked"}
        With one role a user: whether the default role that an unmapped group gives counts only where no mapped
        group gives another, or by its priority, like any. WorkOS documents the first, and not that the second
        never happens.
    inactive_policy : {"delete", "keep"}
        What becomes of users whom the provider deactivates. Under ``"delete"`` inactive ones are gone.
    directories
        The directories frame. With it, users of providers that cannot map groups to roles have none.

    Raises
    ------
    IncompleteError
        A frame is partial: a membership that was not read would pass for a role that is lost.
    ArgumentError
        A group of the table is not known, or its name is that of several.

    Examples
    --------
    >>> roles = ds.what_if.Roles(users, memberships, {"Everyone": "member"}, groups)
    >>> roles.frame()["role"].unique().tolist()
    ['member']
    """

    users: pd.DataFrame
    memberships: pd.DataFrame
    table: Any
    groups: pd.DataFrame | None = None
    priority: Sequence[str] = ()
    mode: str = "single"
    default: str | None = "member"
    inactive_policy: str = "delete"
    directories: pd.DataFrame | None = None
    organizations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    default_mapping: str = "fallback"
    mapped: Mapping[str, tuple[str, ...]] = field(init=False)
    order: tuple[str, ...] = field(init=False)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_of("mode", self.mode, MODES)
        one_of("inactive_policy", self.inactive_policy, POLICIES)
        one_of("default_mapping", self.default_mapping, ("fallback", "ranked"))
        for organization_id, own in self.organizations.items():
            if odd := set(own) - {"priority", "default"}:
                raise errors.ArgumentError(
                    f"organizations[{organization_id!r}] may hold priority and default; got {sorted(odd)}"
                )
        require_ids("users", self.users, "user_id", once=True)
        require_frame("memberships", self.memberships, "memberships")
        for name, frame in (("groups", self.groups), ("directories", self.directories)):
            if frame is not None:
                require_frame(name, frame, FRAMES[name])
        require_all("what_if", self.users, self.memberships, self.groups, self.directories)
        rows = _table(self.table)
        object.__setattr__(self, "mapped", self._by_group(rows))
        object.__setattr__(self, "order", _order(rows, self.priority))
        require_slugs("default", [] if self.default is None else [self.default])
        for own in ({"priority": self.order}, *self.organizations.values()):
            require_slugs("priority", own.get("priority", ()))
            require_slugs("default", [own["default"]] if own.get("default") is not None else [])

    def __repr__(self) -> str:
        groups = plural(len(self.mapped), "mapped group")
        return f"<Roles of {len(self.users):,} users by {groups}, {self.mode}: {' > '.join(self.order)}>"

    def _by_group(self, rows: list[tuple[str, str, float]]) -> dict[str, tuple[str, ...]]:
        """Return the roles that each group gives."""
        names = {group: self.group_id(group) for group in dict.fromkeys(group for group, _, _ in rows)}
        mapped: dict[str, tuple[str, ...]] = {}
        for group, role, _ in rows:
            mapped[names[group]] = (*mapped.get(names[group], ()), role)
        several = self.mode == "single" and max(map(len, mapped.values()), default=0) > 1
        if several or len(mapped) < len(names) or any(len(set(one)) < len(one) for one in mapped.values()):
            more = "; with one role a user it gives one" if self.mode == "single" else ", or to a role twice"
            raise errors.ArgumentError(f"the table maps a group twice{more}")
        return mapped

    # -- what it is now ---------------------------------------------------------------------------------

    def group_id(self, given: Any) -> str:
        """Find a group by id, else by name; a record or a row of a frame will do."""
        group: str = given if isinstance(given, str) else identifier(given, "group_id")
        if self.groups is None:
            return group
        if group in self.groups.index:
            return group
        found = self.groups.index[self.groups["name"] == group]
        if len(found) == 1:
            return str(found[0])
        if len(found):
            raise errors.ArgumentError(f"{len(found)} groups are named {group!r}: name it by its id")
        near = near_names(group, self.groups["name"].dropna())
        raise errors.ArgumentError(
            f"no group with the id or name {group!r} among the {len(self.groups):,} known{near}"
        )

    def present(self) -> pd.Index:
        """Return the ids of the users who are there under the policy and can have roles."""
        return self.users.index[self._there()]

    def _there(self) -> Array:
        users = self.users
        there = np.ones(len(users), dtype=bool)
        if self.inactive_policy == "delete":
            there &= (~users["state"].isin(["inactive", "suspended"])).to_numpy(dtype=bool)
        if self.directories is not None:
            kinds = self.directories["type"].astype("str")
            able = self.directories.index[
                kinds.str.contains("scim", regex=False) | (kinds == "gsuite directory")
            ]
            there &= users["directory_id"].isin(able).to_numpy(dtype=bool)
        return there

    def frame(self) -> pd.DataFrame:
        """Return the roles that follow: one row per user and role, the users in their order."""
        given = self._ranked(self._given())
        given = given.sort_values(["place", "rank", "group_id"], kind="stable", ignore_index=True)
        starts = np.flatnonzero(~given.duplicated(["place", "rank"]))
        ends = np.append(starts, len(given))[1:]
        ids = given["group_id"].tolist()
        answer = given.iloc[starts].drop(columns="group_id")
        groups = [tuple(ids[start:end]) for start, end in zip(starts, ends, strict=True)]
        answer["groups"] = pd.Series(groups, index=answer.index, dtype=object)
        answer["primary"] = ~answer.duplicated("place")
        if self.mode == "single":
            answer = answer[answer["primary"]]
        answer = pd.concat([answer, self._defaults(given)], ignore_index=True)
        answer = answer.sort_values(["place", "rank"], kind="stable", ignore_index=True)
        return answer[list(ROLE_COLUMNS)].astype(ROLE_COLUMNS)

    def _given(self) -> pd.DataFrame:
        """Return each membership that gives a role; the place is the user's in users."""
        pairs = self.memberships[["user_id", "group_id"]].drop_duplicates()
        place = self.users.index.get_indexer(pd.Index(pairs["user_id"]))
        known = np.append(self._there(), False)[place]  # place -1, nobody, reads the False at the end
        pairs = pairs[known].assign(place=place[known])
        given = [(group, role) for group, roles in self.mapped.items() for role in roles]
        rules = pd.DataFrame(given, columns=["group_id", "role"], dtype="str")
        if self.mode == "multiple" or self.default_mapping == "fallback":
            return pairs.merge(rules, on="group_id")
        pairs = pairs.merge(rules, on="group_id", how="left")
        defaults = self._default_of().take(pairs["place"].to_numpy(dtype=np.int64))
        return pairs.assign(role=pairs["role"].fillna(defaults.set_axis(pairs.index))).dropna(subset="role")

    def _ranked(self, given: pd.DataFrame) -> pd.DataFrame:
        """Add each role's place in the priority order that applies to the user's organization."""
        names = [None, *self.organizations]
        orders = {name: {role: rank for rank, role in enumerate(self.order_of(name))} for name in names}
        owners = self._owners().take(given["place"].to_numpy(dtype=np.int64))
        pairs = zip(given["role"], owners, strict=True)
        ranks = [orders.get(owner, orders[None]).get(role, len(self.order)) for role, owner in pairs]
        return given.assign(rank=np.array(ranks, dtype=np.int64))

    def order_of(self, organization_id: str | None) -> tuple[str, ...]:
        """Return the roles, the highest first, as an organization ranks them; None for the environment."""
        own = self.organizations.get(organization_id or "", {}).get("priority", ())
        defaults = [role for role in (self.default,) if role is not None]
        return tuple(dict.fromkeys([*own, *self.order, *defaults]))

    def _owners(self) -> pd.Series:
        if "organization_id" not in self.users:
            return pd.Series(None, index=self.users.index, dtype=object)
        return self.users["organization_id"].astype(object).where(self.users["organization_id"].notna(), None)

    def _default_of(self) -> pd.Series:
        """Return each user's default role: the organization's own, else the environment's."""
        own = {name: held["default"] for name, held in self.organizations.items() if "default" in held}
        defaults = [own.get(owner, self.default) for owner in self._owners()]
        return pd.Series(defaults, index=self.users.index, dtype="str")

    def _defaults(self, given: pd.DataFrame) -> pd.DataFrame:
        """Return the default role to those whom no group gives one."""
        roles = self._default_of()
        without = self._there() & roles.notna().to_numpy()
        without[given["place"].to_numpy(dtype=np.int64)] = False
        places = np.flatnonzero(without)
        return pd.DataFrame(
            {
                "place": places,
                "rank": len(self.order),
                "user_id": self.users.index[places],
                "role": roles.take(places).array,
                "primary": np.ones(len(places), dtype=bool),
                "groups": pd.Series([()] * len(places), dtype=object).array,
            }
        )

    # -- what it could be -------------------------------------------------------------------------------

    def with_table(self, table: Any, priority: Sequence[str] | None = None) -> Roles:
        """Suppose another table of groups and roles; and another priority, if you say so."""
        return replace(self, table=table, priority=self.priority if priority is None else priority)

    def with_group(self, group: str, role: str | Sequence[str] | None) -> Roles:
        """Suppose one group gave another role, several, or none."""
        group_id = self.group_id(group)
        rows: dict[str, Any] = {known: given for known, given in self.mapped.items() if known != group_id}
        return self._mapped({**rows, group_id: role} if role else rows)

    def without_group(self, group: str) -> Roles:
        """Suppose a group was deleted: its memberships end, its members stay."""
        group_id = self.group_id(group)
        kept = self.memberships[self.memberships["group_id"] != group_id]
        groups = None if self.groups is None else self.groups.drop(index=group_id)
        rows = {known: role for known, role in self.mapped.items() if known != group_id}
        told = {**self.reasons, group_id: f"{self.label_of(group_id)} was deleted"}
        return replace(self._mapped(rows), memberships=kept, groups=groups, reasons=told)

    def without_role(self, role: str) -> Roles:
        """Suppose a role was deleted: groups that gave it are unmapped, who has no other role gets the default.

        WorkOS refuses to delete a custom role by API while groups or people have it (409).
        """
        owned = [self.default, *(own.get("default") for own in self.organizations.values())]
        if role in owned:
            raise errors.ArgumentError(f"{role!r} is a default role: choose another default first")
        if role not in self.order:
            near = near_names(role, self.order)
            raise errors.ArgumentError(f"no role {role!r} among {', '.join(self.order) or 'none'}{near}")
        told = {known: f"the role {role} was deleted" for known, given in self.mapped.items() if role in given}
        left = {known: [one for one in given if one != role] for known, given in self.mapped.items()}
        rows = {known: given for known, given in left.items() if given}
        kept = replace(self, table=rows, priority=[one for one in self.order if one != role])
        return replace(kept, reasons={**self.reasons, **told})

    def renamed_group(self, group: str, name: str, *, by: str = "id") -> Roles:
        """Suppose a group was renamed at the provider.

        With ``by="id"``, as WorkOS maps groups, nothing else changes. With ``by="name"``, as in an app with a
        table of names, the mapping is lost, and found again where the new name is in the table.
        """
        one_of("by", by, ("id", "name"))
        if self.groups is None:
            raise errors.ArgumentError("a group can be renamed only where the groups frame was given")
        group_id = self.group_id(group)
        old = self.name_of(group_id)
        renamed = self.groups["name"].where(self.groups.index != group_id, name)
        then = replace(self._mapped(self.mapped), groups=self.groups.assign(name=renamed))
        if by == "id":
            return then
        roles = {self.groups["name"].get(one): role for one, role in self.mapped.items() if one != group_id}
        told = {**self.reasons, group_id: f"{old} is called {name} now, and the table knows names only"}
        return replace(then.with_group(group_id, roles.get(name)), reasons=told)

    def moved(
        self, user_id: str, *, joins: Iterable[str] | str = (), leaves: Iterable[str] | str = ()
    ) -> Roles:
        """Suppose a user left some groups and joined others."""
        user_id = self._user_id(user_id)
        out = [self.group_id(group) for group in _listed(leaves)]
        new = [self.group_id(group) for group in _listed(joins)]
        edges = self.memberships
        edges = edges[~((edges["user_id"] == user_id) & edges["group_id"].isin([*out, *new]))]
        more = pd.DataFrame({"user_id": user_id, "group_id": new}, index=range(len(new)), columns=edges.columns)
        if "directory_id" in edges:
            more["directory_id"] = str(self.users.loc[user_id, "directory_id"])
        more = more.astype({name: edges[name].dtype for name in edges.columns})
        return replace(self, memberships=pd.concat([edges, more], ignore_index=True))

    def without_user(self, user_id: str) -> Roles:
        """Suppose a user was deleted at the provider."""
        user_id = self._user_id(user_id)
        edges = self.memberships[self.memberships["user_id"] != user_id]
        return replace(self, users=self.users.drop(index=user_id), memberships=edges)

    def deactivated(self, user_id: str) -> Roles:
        """Suppose the provider switched a user off: the policy says whether they stay, inactive, or go."""
        if self.inactive_policy == "delete":
            return self.without_user(user_id)
        user_id = self._user_id(user_id)
        states = self.users["state"].astype("str").mask(self.users.index == user_id, "inactive")
        return replace(self, users=self.users.assign(state=states.astype("category")))

    def under(self, *, inactive_policy: str | None = None, mode: str | None = None) -> Roles:
        """Suppose WorkOS support switched the inactive policy, or somebody the mode of roles."""
        policy = self.inactive_policy if inactive_policy is None else inactive_policy
        if mode == "single" and self.mode != "single":  # of several roles a group keeps the highest
            kept = {known: self._highest(known) for known in self.mapped}
            return replace(self, inactive_policy=policy, mode=mode, table=kept, priority=self.order)
        return replace(self, inactive_policy=policy, mode=self.mode if mode is None else mode)

    def _highest(self, group_id: str) -> str:
        """Return the highest role that a group gives, as its organization ranks them."""
        owners: Any = {} if self.groups is None else self.groups.get("organization_id", {})
        owner = owners.get(group_id)
        order = self.order_of(owner if isinstance(owner, str) else None)
        return min(self.mapped[group_id], key=order.index)

    # -- small parts ------------------------------------------------------------------------------------

    def name_of(self, group_id: str) -> str:
        """Name a group for a reader, by its id where it has no name."""
        if self.groups is not None and group_id in self.groups.index:
            name = self.groups.loc[group_id, "name"]
            return name if isinstance(name, str) and name.strip() else group_id
        return group_id

    def label_of(self, group_id: str) -> str:
        """Name a group so that it is told from every other: with its id where others share its name."""
        name = self.name_of(group_id)
        if self.groups is None or name == group_id or int((self.groups["name"] == name).sum()) == 1:
            return name
        return f"{name} ({group_id})"

    def without_reason(self, has: str) -> str:
        """Say why somebody whom no group gave a role loses it; ``has`` is what they have then."""
        return f"no longer the default role: has {has}"

    def _mapped(self, rows: Mapping[str, Any]) -> Roles:
        return replace(self, table=dict(rows), priority=self.order)

    def _user_id(self, user: object) -> str:
        """Return the id of a user who is known; a record or a row of a frame will do."""
        user_id = identifier(user, "user_id")
        if user_id not in self.users.index:
            raise errors.ArgumentError(f"no user {user_id!r} among the {len(self.users):,} known")
        return user_id


# Changes --------------------------------------------------------------------------------------------------


def role_changes(
    before: Roles, after: Roles, *, guard: float | None = SHARE, confirm: int | None = None
) -> pd.DataFrame:
    """Compare: one row per user and role, with whether they have it before and after, and why.

    Parameters
    ----------
    before, after
        The roles at two moments, or as they are and as they would be.
    guard
        Stop where more than this share of the memberships that give roles is gone, and always where all are:
        the source is then more likely broken than its groups empty. Those of users who are gone, and of groups
        that are supposed to be, are not counted. None: never.
    confirm
        The exact number of such memberships that may be gone, whatever the guard says.

    Returns
    -------
    pandas.DataFrame
        Columns ``CHANGE_COLUMNS``. ``change`` is ``gained``, ``kept`` or ``lost``; those that change come
        first. A default role is gained and lost like any other. ``attrs["users"]`` says how many users there
        are before and after.

    Raises
    ------
    TooManyGone
        The guard stopped it.

    Examples
    --------
    >>> now = ds.what_if.Roles(users, memberships, {"Everyone": "member"}, groups, default=None)
    >>> then = now.without_user(users.index[0])
    >>> ds.what_if.role_changes(now, then)["change"].iloc[0]
    'lost'
    """
    for name, roles in (("before", before), ("after", after)):
        if not isinstance(roles, Roles):
            raise errors.ArgumentError(
                f"{name} must be Roles, such as Roles(users, memberships, table); got one of type "
                f"{type(roles).__name__}"
            )
    gone, of = _ended_memberships(before, after)
    check_vanished(gone, of, "memberships that give roles", guard=guard, confirm=confirm)
    old, new = before.frame(), after.frame()
    both = old.merge(new, on=["user_id", "role"], how="outer", suffixes=("_before", "_after"))
    was, now = both["groups_before"].notna(), both["groups_after"].notna()
    both["change"] = np.select([was & now, now], ["kept", "gained"], "lost")
    explain = _Why(before, after, old, new)
    both["why"] = [explain(*row) for row in zip(*(both[name].tolist() for name in EXPLAINED), strict=True)]
    people = pd.concat([before.users, after.users[~after.users.index.isin(before.users.index)]])
    both = both.assign(before=was, after=now)
    for name in ("name", "address"):
        both[name] = people[name].reindex(both["user_id"]).array
    answer = both[list(CHANGE_COLUMNS)].astype({**CHANGE_COLUMNS, "change": pd.CategoricalDtype(list(CHANGES))})
    kept = (answer["change"] == "kept").to_numpy()
    order = np.lexsort((answer["role"].array, answer["user_id"].array, kept))
    answer = answer.iloc[order].reset_index(drop=True)
    answer.attrs = {"users": (len(before.present()), len(after.present())), "roles": _roles_of(before, after)}
    return answer


def _ended_memberships(before: Roles, after: Roles) -> tuple[int, int]:
    """Count the memberships in mapped groups that are gone though nobody supposed it, and all there were."""
    edges = before.memberships
    counted = edges["group_id"].isin([one for one in before.mapped if one not in after.reasons])
    edges = edges[counted & edges["user_id"].isin(after.users.index)]
    was, now = (
        pd.MultiIndex.from_frame(frame[["user_id", "group_id"]]).unique()
        for frame in (edges, after.memberships)
    )
    return len(was.difference(now)), len(was)


def _roles_of(before: Roles, after: Roles) -> tuple[str, ...]:
    """Name every role there is before or after, the highest first, the default role last."""
    defaults = [role for role in (before.default, after.default) if role is not None]
    ordered = dict.fromkeys([*after.order, *before.order])
    return (*(role for role in ordered if role not in defaults), *dict.fromkeys(defaults))


class _Why:
    """Say in words why somebody gains, keeps or loses a role."""

    def __init__(self, before: Roles, after: Roles, old: pd.DataFrame, new: pd.DataFrame) -> None:
        self.before, self.after = before, after
        self.there, self.were = set(after.present()), set(before.present())
        self.roles = _by_user(new)
        self.had = _by_user(old)
        mapped = after.memberships[after.memberships["group_id"].isin(list(before.mapped))]
        self.still_in = set(zip(mapped["user_id"].tolist(), mapped["group_id"].tolist(), strict=True))
        self._names: dict[str, str] = {}
        self.in_some = set(after.memberships["user_id"])

    def __call__(self, user_id: str, role: str, change: str, was: Any, now: Any) -> str:
        if change == "lost":
            return self._lost(user_id, role, was)
        by = f"by {self._named(self.after, now)}" if now else self._default_reason(user_id)
        if change == "kept":
            return by
        if user_id not in self.were:
            return f"{by}; new in the directory"
        lost = [one for one in self.had.get(user_id, ()) if one not in self.roles[user_id]]
        return f"{by}; instead of {', '.join(lost)}" if lost else by

    def _default_reason(self, user_id: str) -> str:
        if user_id in self.in_some:
            return "the default role: in no mapped group"
        return "the default role: in no group"

    def _lost(self, user_id: str, role: str, was: tuple[str, ...]) -> str:
        if user_id not in self.there:
            gone = user_id not in self.after.users.index
            return "gone from the directory" if gone else "inactive, and inactive users are deleted"
        has = ", ".join(self.roles.get(user_id, ())) or "no role"
        if not was:
            return self.before.without_reason(has)
        if any(role in self.after.mapped.get(one, ()) and (user_id, one) in self.still_in for one in was):
            return f"outranked by {has}"
        return f"{'; '.join(dict.fromkeys(self._ended(user_id, one) for one in was))}; has {has}"

    def _ended(self, user_id: str, group_id: str) -> str:
        if group_id in self.after.reasons:
            return self.after.reasons[group_id]
        name = self.before.label_of(group_id)
        if (user_id, group_id) not in self.still_in:
            return f"no longer in {name}"
        roles = ", ".join(self.after.mapped.get(group_id, ()))
        return f"{name} gives {roles} now" if roles else f"{name} gives no role any more"

    def _named(self, roles: Roles, group_ids: tuple[str, ...]) -> str:
        for one in group_ids:
            if one not in self._names:
                name = roles.name_of(one)
                shared = any(known.label_of(one) != known.name_of(one) for known in (self.before, self.after))
                self._names[one] = f"{name} ({one})" if shared and name != one else name
        return ", ".join(self._names[one] for one in group_ids)


def _by_user(roles: pd.DataFrame) -> dict[str, list[str]]:
    return dict(roles.groupby("user_id", sort=False)["role"].agg(list))


@takes_frames(changes="")
def role_summary(changes: pd.DataFrame) -> pd.DataFrame:
    """Count changes: one row per role, the highest first, with users before and after.

    Examples
    --------
    >>> now = ds.what_if.Roles(users, memberships, {"Everyone": "admin"}, groups)
    >>> ds.what_if.role_summary(ds.what_if.role_changes(now, now)).index.tolist()
    ['admin', 'member']
    """
    require_columns("changes", changes, *CHANGE_COLUMNS, loader="what_if.role_changes")
    counts = pd.crosstab(changes["role"], changes["change"].astype("str"))
    counts = counts.reindex(columns=list(CHANGES), fill_value=0)
    known = [role for role in changes.attrs.get("roles", ()) if role in counts.index]
    counts = counts.loc[[*known, *(role for role in counts.index if role not in known)]]
    counts["before"] = counts["kept"] + counts["lost"]
    counts["after"] = counts["kept"] + counts["gained"]
    answer = counts[list(SUMMARY_COLUMNS)].astype(SUMMARY_COLUMNS)
    answer.index = pd.Index(answer.index, dtype="str", name="role")
    answer.columns.name = None
    return answer


# Small parts ----------------------------------------------------------------------------------------------


def _table(table: Any) -> list[tuple[str, str, float]]:
    """Read the table into rows of group, role and priority."""
    if isinstance(table, pd.DataFrame):
        require_columns("table", table, "group", "role")
        given = table["priority"] if "priority" in table else pd.Series(0, index=table.index)
        rows = list(zip(table["group"], table["role"], given, strict=True))
    elif isinstance(table, Mapping):
        rows = [
            (group, role, 0)
            for group, roles in table.items()
            for role in (roles if isinstance(roles, (list, tuple)) else [roles])
        ]
    else:
        raise errors.ArgumentError("table must be a mapping from group to role, or a frame with group and role")
    for group, role, _ in rows:
        if not (is_id(group) and is_id(role)):
            raise errors.ArgumentError(f"a row of the table names a group and a role; got {group!r}, {role!r}")
    return [(group, role, float(rank)) for group, role, rank in rows]


def is_id(given: Any) -> bool:
    """Whether this can be an id or a slug: a text that says something, and that files and databases take."""
    return isinstance(given, str) and bool(given.strip()) and "\0" not in given and is_sendable(given)


def require_slugs(what: str, given: Any) -> None:
    """Refuse roles that are no slugs."""
    listed = _listed(given) if isinstance(given, Iterable) else [given]
    if odd := [one for one in listed if not is_id(one)]:
        raise errors.ArgumentError(f"{what}: a role is a slug such as 'admin'; got {odd[0]!r:.80}")


def _order(rows: list[tuple[str, str, float]], priority: Sequence[str]) -> tuple[str, ...]:
    """Return the roles, the highest first: those of ``priority``, then by the table's own numbers."""
    ranks: dict[str, float] = {}
    for _, role, rank in rows:
        if ranks.setdefault(role, rank) != rank and role not in priority:
            raise errors.ArgumentError(f"the table gives {role!r} two priorities; a role has one")
    listed = [priority] if isinstance(priority, str) else priority
    return tuple(dict.fromkeys([*listed, *sorted(ranks, key=lambda role: ranks[role])]))


def _listed(names: Iterable[str] | str) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


every_call(__name__)
