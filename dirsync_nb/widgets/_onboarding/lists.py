"""What the onboarding widget lists: people, and previews of the invite list, of accounts and of teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ...provisioning import onboarding
from .._base.controls import MENU
from .._base.directory_lists import directory_entries
from .._base.listing import Mask
from .._base.table import ROWS, Column, Framed
from .._base.text import NO_NAME, label, shown

__all__ = [
    "COLUMNS",
    "NOUNS",
    "SPLIT",
    "VIEWS",
    "counts_html",
    "joint_entries",
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

COLUMNS: dict[str, list[Column]] = {
    "People": [
        {"key": "name", "title": "Name", "sub": "address", "none": "no address", "sortable": True},
        {"key": "verdict", "title": "Verdict", "kind": "state"},
        {"key": "state", "title": "State", "kind": "state", "room": 2, "sortable": True},
        {"key": "address", "title": "Address", "room": 1, "sortable": True, "hidden": True},
    ],
    "Invite list": [
        {"key": "name", "title": "Name"},
        {"key": "seat", "title": "Seat", "kind": "number"},
        {"key": "verdict", "title": "Verdict", "kind": "state"},
        {"key": "reason", "title": "Why, or in which groups", "room": 1},
        {"key": "address", "title": "Address", "room": 2},
    ],
    "Accounts": [
        {"key": "name", "title": "Name"},
        {"key": "job_title", "title": "Job title"},
        {"key": "department_name", "title": "Department", "room": 1},
        {"key": "manager_name", "title": "Manager", "room": 2},
        {"key": "username", "title": "User name", "room": 2},
    ],
    "Teams": [
        {"key": "label", "title": "Team"},
        {"key": "members", "title": "Members", "kind": "number"},
        {"key": "accounts", "title": "Accounts", "kind": "number"},
        {"key": "idp_id", "title": "Provider's id", "room": 2},
    ],
}


def preview(roster: onboarding.Roster, chosen: Mask, view: str) -> Framed:
    """Return the rows of a list."""
    if view == "Invite list":
        frame = roster.invites(chosen)
        groups = [", ".join(names) for names in frame["groups"]]
        reasons = [r or g for r, g in zip(frame["reason"], groups, strict=True)]
        frame = frame.assign(reason=reasons, seat=_seats(frame["verdict"]))
    elif view == "Accounts":
        invited = np.flatnonzero(roster.verdicts(chosen) == onboarding.VERDICTS.index("invite"))
        frame = onboarding.account_prefill(roster.users.iloc[invited])
    elif roster.groups is None or roster.memberships is None:
        frame = pd.DataFrame(columns=[column["key"] for column in COLUMNS[view]])
    else:
        frame = onboarding.team_prefill(roster.groups, roster.memberships, roster.invites(chosen))
    return Framed(frame)


def _seats(verdicts: pd.Series) -> list[str]:
    """Return each one's seat, given from the top of the list; of those who get none, +1 and on."""
    numbers, given, waiting = [], 0, 0
    for verdict in verdicts:
        given += verdict == "invite"
        waiting += verdict == "over the seats"
        numbers.append({"invite": f"{given:,}", "over the seats": f"+{waiting:,}"}.get(verdict, ""))
    return numbers


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
        if number is None or (look and not number):
            continue  # of what is to be looked at, only what there is
        kind = "dsn-go" if name == "invite" else "dsn-look" if look and number else ""
        chips.append(f'<span class="{kind}"><b>{number:,}</b> {shown(one if number == 1 else many)}</span>')
    return f'<div class="dsn-counts" role="status">{"".join(chips)}</div>'


def joint_entries(directories: pd.DataFrame) -> list[tuple[str, str]]:
    """Offer every directory, and those of one organization together; at most 50."""
    ordered = directories.sort_values("active_users", ascending=False, na_position="last", kind="stable")
    together = [
        (" + ".join(label(name, MENU // len(part)) or NO_NAME for name in part["name"]), SPLIT.join(part.index))
        for _, part in ordered.groupby("organization_id", sort=False, observed=True)
        if 1 < len(part) <= 4
    ]
    return [*together, *directory_entries(directories)][:ROWS]
