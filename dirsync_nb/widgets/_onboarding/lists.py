"""What the onboarding widget lists: people, and previews of the invite list, of accounts and of teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ...provisioning import onboarding
from .._base.controls import MENU
from .._base.listing import Mask
from .._base.parts import ROWS, Column
from .._base.text import NO_NAME, label, plain, shown

__all__ = [
    "COLUMNS",
    "NOUNS",
    "SPLIT",
    "VIEWS",
    "Rows",
    "counts_html",
    "directory_entries",
    "lists_of",
    "preview",
]

VIEWS = ("People", "Invite list", "Accounts", "Teams")
NOUNS = {
    "Invite list": ("person on the invite list", "people on the invite list"),
    "Accounts": ("account to make", "accounts to make"),
    "Teams": ("team", "teams"),
}
SPLIT = " "  # between the ids of a menu entry of several directories
CHIPS = (  # what is counted, how one and several are called, whether it is something to look at
    ("selected", "selected", "selected", False),
    ("invite", "to invite", "to invite", False),
    ("seats left", "seat left", "seats left", False),
    ("over the seats", "over the seats", "over the seats", True),
    ("duplicate address", "duplicate", "duplicates", True),
    ("no address", "without address", "without address", True),
    ("already known", "already known", "already known", True),
    ("inactive", "inactive", "inactive", True),
)

Rows = list[tuple[str, Sequence[object]]]

COLUMNS: dict[str, list[Column]] = {
    "People": [
        {"key": "name", "title": "Name", "width": "auto", "room": 0, "sortable": True},
        {"key": "address", "title": "Address", "width": 34, "room": 1, "sortable": True},
        {"key": "state", "title": "State", "width": 15, "kind": "state", "room": 2, "sortable": True},
        {"key": "verdict", "title": "Verdict", "width": "150px", "kind": "state", "room": 0},
    ],
    "Invite list": [
        {"key": "name", "title": "Name", "width": 22, "room": 0},
        {"key": "address", "title": "Address", "width": 28, "room": 2},
        {"key": "verdict", "title": "Verdict", "width": 18, "kind": "state", "room": 0},
        {"key": "reason", "title": "Why not, or: in which groups", "width": 32, "room": 0},
    ],
    "Accounts": [
        {"key": "name", "title": "Name", "width": 20, "room": 0},
        {"key": "username", "title": "User name", "width": 22, "room": 2},
        {"key": "job_title", "title": "Job title", "width": 20, "room": 0},
        {"key": "department_name", "title": "Department", "width": 18, "room": 1},
        {"key": "manager_name", "title": "Manager", "width": 20, "room": 2},
    ],
    "Teams": [
        {"key": "label", "title": "Team", "width": 36, "room": 0},
        {"key": "idp_id", "title": "Provider's id", "width": 34, "room": 2},
        {"key": "members", "title": "Members", "width": 14, "kind": "number", "room": 0},
        {"key": "accounts", "title": "Accounts", "width": 16, "kind": "number", "room": 0},
    ],
}


def preview(roster: onboarding.Roster, chosen: Mask, view: str) -> tuple[Rows, int]:
    """Return the first rows of a list, and how many it has."""
    if view == "Invite list":
        frame, total = roster.invites(chosen, most=ROWS), int(chosen.sum())
        groups = [", ".join(names) for names in frame["groups"]]
        frame = frame.assign(reason=[r or g for r, g in zip(frame["reason"], groups, strict=True)])
    elif view == "Accounts":
        invited = np.flatnonzero(roster.verdicts(chosen) == onboarding.VERDICTS.index("invite"))
        frame, total = onboarding.account_prefill(roster.users.iloc[invited[:ROWS]]), len(invited)
    elif roster.groups is None or roster.memberships is None:
        return [], 0
    else:
        frame = onboarding.team_prefill(roster.groups, roster.memberships, roster.invites(chosen))
        total = len(frame)
    part = frame[[column["key"] for column in COLUMNS[view]]].head(ROWS)
    return [(str(i), [plain(first) or NO_NAME, *rest]) for i, first, *rest in part.itertuples(name=None)], total


def lists_of(roster: onboarding.Roster, chosen: Mask, attributes: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return all there is to write: without memberships, no teams."""
    invites = roster.invites(chosen)
    lists = {
        "invites": invites,
        "accounts": onboarding.account_prefill(roster.users, invites, attributes=attributes),
    }
    if roster.groups is not None and roster.memberships is not None:
        lists["teams"] = onboarding.team_prefill(roster.groups, roster.memberships, invites)
        lists["team_members"] = onboarding.team_members(roster.groups, roster.memberships, invites)
    return lists


def counts_html(counts: Mapping[str, int | None]) -> str:
    """Write the line of counts."""
    chips = []
    for name, one, many, look in CHIPS:
        number = counts[name]
        if number is None or (name == "over the seats" and counts["seats left"] is None):
            continue
        kind = "dsn-go" if name == "invite" else "dsn-look" if look and number else ""
        chips.append(f'<span class="{kind}"><b>{number:,}</b> {shown(one if number == 1 else many)}</span>')
    return f'<div class="dsn-counts" role="status">{"".join(chips)}</div>'


def directory_entries(directories: pd.DataFrame) -> list[tuple[str, str]]:
    """Offer every directory, and those of one organization together; at most 50."""
    ordered = directories.sort_values("active_users", ascending=False, na_position="last")
    entries = [(label(name, MENU) or NO_NAME, str(i)) for i, name in ordered["name"].items()]
    together = [
        (" + ".join(label(name, MENU // len(part)) or NO_NAME for name in part["name"]), SPLIT.join(part.index))
        for _, part in ordered.groupby("organization_id", sort=False, observed=True)
        if 1 < len(part) <= 4
    ]
    return [*together, *entries][:ROWS]
