"""Invented frames, ordinary and awkward, that every analysis and every chart is led through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dirsync_nb.frames import MEMBERSHIP_COLUMNS, directories_frame, events_frame, groups_frame, users_frame

HOSTILE_NAMES = (
    "$$",
    "US$ & CA$",
    "R&D \\$",
    "50% ^_",
    "営業部",
    "판매",
    "قسم",
    "😀 team",
    "two\nlines\tand a tab",
    "bell\x07 and \u202eoverride",
    "_underscore",
    "<b>bold</b>",
    "=SUM(A1:A9)",
    "",
    "A very long name of a group that somebody in procurement typed in without ever stopping for breath",
)

DEPARTMENTS = ("Sales", "Engineering", "Support", "Finance", "People", "Legal", "Design", "Operations")
PLACES = ("EMEA", "Americas", "APAC", "Oslo", "Berlin", "Lisbon", "Austin", "Osaka", "Remote", "HQ")
FIRST = ("Ann", "Bo", "Chioma", "Dag", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jon", "Kaja", "Liv", "Mei")
LAST = ("Lee", "Holm", "Okafor", "Nilsen", "Kaya", "Rahimi", "Vogel", "Sato", "Costa", "Berg", "Aas", "Chen")


@dataclass(frozen=True)
class Company:
    """The frames of one moment."""

    directories: pd.DataFrame
    users: pd.DataFrame
    groups: pd.DataFrame
    memberships: pd.DataFrame
    events: pd.DataFrame


def user(user_id: str, address: str | None = None, **fields: Any) -> dict[str, Any]:
    record = {
        "object": "directory_user",
        "id": user_id,
        "directory_id": "directory_1",
        "organization_id": "org_1",
        "idp_id": f"idp-{user_id}",
        "email": address,
        "first_name": None,
        "last_name": None,
        "state": "active",
        "custom_attributes": {},
        "created_at": "2026-01-05T09:00:00.000Z",
        "updated_at": "2026-01-05T09:00:00.000Z",
    }
    return record | fields


def group(group_id: str, name: str | None, **fields: Any) -> dict[str, Any]:
    record = {
        "object": "directory_group",
        "id": group_id,
        "name": name,
        "idp_id": f"idp-{group_id}",
        "directory_id": "directory_1",
        "organization_id": "org_1",
        "created_at": "2026-01-05T09:00:00.000Z",
        "updated_at": "2026-01-05T09:00:00.000Z",
    }
    return record | fields


def memberships(*pairs: tuple[str, str], directory_id: str = "directory_1") -> pd.DataFrame:
    rows = [(user_id, group_id, directory_id) for user_id, group_id in pairs]
    return pd.DataFrame(rows, columns=list(MEMBERSHIP_COLUMNS)).astype(MEMBERSHIP_COLUMNS)


def partial(frame: pd.DataFrame) -> pd.DataFrame:
    """Mark a copy as what is left of a load that broke."""
    frame = frame.copy()
    frame.attrs["incomplete"] = "broke off after 200 rows"
    return frame


def company(
    people: int = 260, group_count: int = 25, *, seed: int = 7, hostile: bool = False, directories: int = 2
) -> Company:
    """Invent a company: departments with teams inside, one group of everyone, a few empty groups."""
    rng = np.random.default_rng(seed)
    homes = [f"directory_{number}" for number in range(1, directories + 1)]
    department = rng.choice(len(DEPARTMENTS), people, p=_skewed(len(DEPARTMENTS)))
    home = np.where(rng.random(people) < 0.7, 0, rng.integers(0, directories, people))
    states = rng.choice(["active", "inactive", "suspended", "staged"], people, p=[0.86, 0.1, 0.03, 0.01])
    days = np.sort(rng.choice(400, people, p=_waves(400)))
    start = pd.Timestamp("2025-01-06T08:00:00Z")
    users = []
    for number in range(people):
        first, last = rng.choice(FIRST), rng.choice(LAST)
        when = start + pd.Timedelta(days=int(days[number]), minutes=int(rng.integers(0, 600)))
        users.append(
            user(
                f"directory_user_{number:06d}",
                f"{first}.{last}{number}@acme.test".lower(),
                first_name=str(first),
                last_name=str(last),
                name=f"{first} {last}",
                state=str(states[number]),
                directory_id=homes[home[number]],
                custom_attributes={"department_name": DEPARTMENTS[department[number]]},
                created_at=when.isoformat(),
            )
        )
    groups, pairs = _groups(rng, group_count, department, home, homes, hostile)
    edges = pd.DataFrame(
        {
            "user_id": [users[u]["id"] for u, _ in pairs],
            "group_id": [groups[g]["id"] for _, g in pairs],
            "directory_id": [groups[g]["directory_id"] for _, g in pairs],
        }
    ).astype(MEMBERSHIP_COLUMNS)
    provider = ("okta scim v2.0", "azure scim v2.0", "acme people v9")
    names = ("Okta, head office", "Entra ID of $Fjordlight$", "Workday")
    roots = [
        {"object": "directory", "id": home, "name": names[i % 3], "type": provider[i % 3], "state": "linked"}
        for i, home in enumerate(homes)
    ]
    return Company(
        directories_frame(roots),
        users_frame(users),
        groups_frame(groups),
        edges,
        events_frame(_events(rng, users, groups, start)),
    )


def _skewed(size: int) -> np.ndarray:
    weights = 1 / np.arange(1, size + 1)
    return weights / weights.sum()


def _waves(days: int) -> np.ndarray:
    weights = np.ones(days)
    weights[0] = days * 0.6  # the first sync brings most people at once
    weights[np.arange(days) % 30 == 0] += 6
    weights[np.arange(days) % 7 >= 5] = 0.02
    return weights / weights.sum()


def _groups(
    rng: np.random.Generator,
    count: int,
    department: np.ndarray,
    home: np.ndarray,
    homes: list[str],
    hostile: bool,
) -> tuple[list[dict[str, Any]], list[tuple[int, int]]]:
    groups: list[dict[str, Any]] = []
    pairs: list[tuple[int, int]] = []
    for number in range(count):
        where = 0 if number < 2 else int(rng.integers(0, len(homes)))
        here = np.flatnonzero(home == where)
        if number == 0:
            name, members = "Everyone", here[rng.random(len(here)) < 0.95]
        elif number <= len(DEPARTMENTS):
            kind = (number - 1) % len(DEPARTMENTS)
            name, members = DEPARTMENTS[kind], here[department[here] == kind]
        else:
            kind = int(rng.integers(0, len(DEPARTMENTS)))
            name = f"{DEPARTMENTS[kind]} {PLACES[number % len(PLACES)]}"
            pool = here[department[here] == kind]
            share = 0 if number % 11 == 0 else rng.beta(1.2, 3)
            members = pool[rng.random(len(pool)) < share]
            strays = rng.integers(0, 3) if share else 0
            members = np.unique(np.append(members, rng.choice(here, min(strays, len(here)), replace=False)))
        if hostile and number % 2 == 1 and number // 2 < len(HOSTILE_NAMES):
            name = HOSTILE_NAMES[number // 2]
        groups.append(group(f"directory_group_{number:05d}", name, directory_id=homes[where]))
        pairs += [(int(u), number) for u in members]
    return groups, pairs


def _events(
    rng: np.random.Generator, users: list[dict[str, Any]], groups: list[dict[str, Any]], start: pd.Timestamp
) -> list[dict[str, Any]]:
    kinds = {
        "dsync.user.created": 0.3,
        "dsync.user.updated": 0.22,
        "dsync.user.deleted": 0.08,
        "dsync.group.user_added": 0.22,
        "dsync.group.user_removed": 0.1,
        "dsync.group.created": 0.04,
        "dsync.group.updated": 0.02,
        "dsync.group.deleted": 0.01,
        "dsync.token.created": 0.01,
    }
    count = min(4 * len(users), 2_000) if users and groups else 0
    days = np.sort(rng.integers(0, 60, count))
    events = []
    for number, kind in enumerate(rng.choice(list(kinds), count, p=list(kinds.values()))):
        who, what = users[rng.integers(len(users))], groups[rng.integers(len(groups))]
        data = {"user": who, "group": what, "directory_id": "directory_1"} if ".user_" in kind else dict(who)
        when = start + pd.Timedelta(days=int(days[number]), minutes=int(rng.integers(0, 600)))
        events.append(
            {
                "object": "event",
                "id": f"event_{number:05d}",
                "event": str(kind),
                "data": data,
                "created_at": when.isoformat(),
            }
        )
    return events


def zoo() -> dict[str, Company]:
    """Return the awkward companies by name."""
    small = company(30, 6, directories=1)
    nobody = Company(directories_frame([]), users_frame([]), groups_frame([]), memberships(), events_frame([]))
    same_names = groups_frame(
        [group("g_one_aaaa", "Sales"), group("g_two_bbbb", "Sales", directory_id="directory_2")]
    )
    return {
        "nothing at all": nobody,
        "users but no groups": replace(nobody, users=small.users),
        "groups that are all empty": replace(nobody, users=small.users, groups=small.groups),
        "one user in one group": replace(
            nobody,
            users=users_frame([user("u1", None)]),
            groups=groups_frame([group("g1", None)]),
            memberships=memberships(("u1", "g1")),
        ),
        "two groups of one name": replace(
            nobody,
            users=users_frame([user("u1", "a@acme.test"), user("u2", "b@acme.test")]),
            groups=same_names,
            memberships=memberships(("u1", "g_one_aaaa"), ("u1", "g_two_bbbb"), ("u2", "g_two_bbbb")),
        ),
        "memberships of strangers": replace(small, memberships=memberships(("nobody", "nowhere"))),
        "hostile names": company(40, 31, hostile=True),
        "a small company": small,
    }
