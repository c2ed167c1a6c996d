"""Sources that are polled every half hour: Google Workspace, and an HR system that offers reports.

A source is the provider's own truth. ``poll`` brings a directory to what the source says now, in one burst.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ..directory import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..directory.changes import Changes
    from ..directory.objects import Object
    from ..directory.store import Store
    from ..directory.store.people import Groups, Users

INTERVAL = 30 * clock.MINUTE

# Columns of the two Workday reports that end in ``custom_attributes``, all optional.
_COLUMNS = (
    "job_title", "employee_type", "employment_start_date", "display_name", "department_name", "manager_name",
    "manager_email", "manager_id", "division_name", "cost_center_name",
)  # fmt: skip
_FIELDS = ("email", "first_name", "last_name", "custom_attributes")


@dataclass(frozen=True, slots=True)
class Roster:
    """Hold what one poll brings: users and groups by the provider's id, and who is where."""

    users: dict[str, Object]
    groups: dict[str, str]
    members: set[tuple[str, str]]


@dataclass(slots=True)
class GoogleWorkspace:
    """Be Google Workspace.

    Parameters
    ----------
    chosen
        Groups the admin chose to sync, by id; then only their direct members are synced. None is everybody.
    """

    users: dict[str, Object] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    archived: set[str] = field(default_factory=set)
    chosen: set[str] | None = None

    def roster(self) -> Roster:
        """Return what a poll sees: no archived users, and behind a filter only members of chosen groups."""
        groups = {key: name for key, name in self.groups.items() if self.chosen is None or key in self.chosen}
        there = {key for key in self.users if key not in self.archived}
        if self.chosen is not None:
            there &= {user for user, group in self.members if group in groups}
        members = {(user, group) for user, group in self.members if user in there and group in groups}
        return Roster({key: self.users[key] for key in self.users if key in there}, groups, members)


@dataclass(slots=True)
class HrSystem:
    """Be an HR system: one report of people, with their status and the names of their groups."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def row(self, employee_id: str) -> dict[str, Any]:
        """Return somebody's row, to be changed."""
        return next(row for row in self.rows if row["employee_id"] == employee_id)

    def roster(self) -> Roster:
        """Read the report; people who are terminated are not in it any more."""
        users, groups, members = {}, {}, set()
        for row in self.rows:
            if row.get("status", "active") != "active":
                continue
            key = str(row["employee_id"])
            users[key] = _user_of(row)
            for name in _listed(row.get("group_name")):
                groups[name] = name
                members.add((key, name))
        return Roster(users, groups, members)


def _user_of(row: Mapping[str, Any]) -> Object:
    attributes = {name: row.get(name) for name in _COLUMNS}
    address = row["primary_work_email"]
    attributes["emails"] = [{"type": "work", "value": address, "primary": True}] if address else []
    attributes["username"] = row.get("user_name") or address
    return {
        "email": address,
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "custom_attributes": attributes,
    }


def _listed(value: str | Iterable[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


# -- polling ------------------------------------------------------------------------------------------


def poll(
    store: Store, changes: Changes, directory_id: str, source: GoogleWorkspace | HrSystem
) -> dict[str, int]:
    """Bring a directory to what its source says, at the next half hour; return how many things changed."""
    with store.transaction():
        directory = store.directories.get(directory_id)
        # Every half hour, counted from the first sync.
        store.now += -(store.now - directory["created_at"]) % INTERVAL
        if directory["state"] in ("validating", "unlinked"):
            changes.set_directory_state(directory_id, "linked")
        poll = _Poll(store, changes, directory)
        roster = source.roster()
        return {"users": poll.users(roster), "groups": poll.groups(roster), "members": poll.members(roster)}


class _Poll:
    """Compare one roster with one directory, and let happen what is different."""

    def __init__(self, store: Store, changes: Changes, directory: Object) -> None:
        self._store, self._changes = store, changes
        self._id, self._n = directory["id"], directory["n"]

    def users(self, roster: Roster) -> int:
        def change(user_id: str, **fields: Any) -> bool:
            known = {name: value for name, value in fields.items() if name in _FIELDS}
            return self._changes.update_user(user_id, **known)

        add, delete = partial(self._changes.add_user, self._id), self._changes.delete_user
        return _bring(self._known(self._store.users), roster.users, add, change, delete)

    def groups(self, roster: Roster) -> int:
        wanted = {key: {"name": name} for key, name in roster.groups.items()}
        add, changes = partial(self._changes.add_group, self._id), self._changes
        return _bring(self._known(self._store.groups), wanted, add, changes.set_group, changes.delete_group)

    def members(self, roster: Roster) -> int:
        users, groups, count = self._known(self._store.users), self._known(self._store.groups), 0
        wanted = {(groups[group]["id"], users[user]["id"]) for user, group in roster.members}
        now = {(group, user) for user, group in self._store.memberships.of_directory(self._n)}
        for pair in sorted(wanted - now):
            count += self._changes.add_member(*pair)
        for pair in sorted(now - wanted):
            count += self._changes.remove_member(*pair)
        return count

    def _known(self, table: Users | Groups) -> dict[str, Object]:
        rows = table.of(self._n)
        return {one["idp_id"]: one for one in (row.parsed() for row in rows)}


def _bring(
    now: Mapping[str, Object],
    wanted: Mapping[str, Object],
    add: Callable[..., object],
    change: Callable[..., bool],
    delete: Callable[[str], None],
) -> int:
    """Let what there is become what is wanted, by the provider's ids; return how many things changed."""
    count = 0
    for key, fields in wanted.items():
        if key in now:
            count += change(now[key]["id"], **fields, idp_id=key)
        else:
            add(**fields, idp_id=key)
            count += 1
    gone = [one["id"] for key, one in now.items() if key not in wanted]
    for one in gone:
        delete(one)
    return count + len(gone)
