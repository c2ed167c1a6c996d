"""The data as an app meets it: custom attributes, addresses, and fields that newer teams see empty."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...analysis import attribute_coverage
from ...analysis.identity import address_key
from ...text import some
from .facts import Environment, Verdict, attention, ok, unclear

_NOBODY = unclear("There is no user to look at.")


def attributes(users: pd.DataFrame, wanted: Sequence[str]) -> Verdict:
    """Return which custom attributes come; null means no value, absent means not enabled."""
    if users.empty:
        return _NOBODY
    coverage = attribute_coverage(users)
    rows = coverage[coverage.index.str.startswith("custom_attributes.")]
    names = rows.index.str.removeprefix("custom_attributes.")
    missing, listed = [name for name in wanted if name not in set(names)], some(list(names))
    blank = list(names[rows["filled"] == 0])
    partly = list(names[(rows["absent"] > 0)])
    if missing:
        return attention(
            f"Absent for all {len(users):,} users looked at: {', '.join(missing)}. Enabled: {listed}.",
            "Enable it in the dashboard, User Attributes; it takes up to an hour to show.",
        )
    if not len(names):
        return attention(f"None comes, for {len(users):,} users.", "Enable what the app needs.")
    told = f"{len(names)} come, for {len(users):,} users: {listed}."
    told += f" Null for everybody: {some(blank)}." if blank else ""
    if not partly:
        return ok(told)
    return attention(
        f"{told} Absent for some: {some(partly)}.",
        "Enabled for some directories only, or switched within the hour. Read each with a default.",
    )


def addresses(users: pd.DataFrame) -> Verdict:
    """Count the users without an address of their own in the field for it."""
    if users.empty:
        return _NOBODY
    without = int(users["address"].isna().sum())
    elsewhere = int((users["address_source"].notna() & (users["address_source"] != "email")).sum())
    folded = users["address"].map(address_key)
    doubled = int((folded.notna() & folded.duplicated(keep=False)).sum())
    parts = [
        f"{without:,} have no address" if without else "",
        f"{elsewhere:,} have one only outside email" if elsewhere else "",
        f"{doubled:,} share theirs with another user" if doubled else "",
    ]
    told = ", ".join(part for part in parts if part)
    if not told:
        return ok(f"Each of {len(users):,} users has an address of their own in email.")
    return attention(
        f"Of {len(users):,} users, {told}.",
        "Let user_id be the key of your table, not the address; directory_id and idp_id tell who returns.",
    )


def deprecated_fields(found: Environment) -> Verdict:
    """Tell a team from before May 2026, whose old fields are still filled, from a newer one."""
    users, members = found.users, found.members
    old = {
        "groups": any(member.get("groups") for member in members),
        "emails": any(map(len, users["emails"].dropna())),
        "raw_attributes": any(map(bool, users["raw_attributes"].dropna())),
        "job_title": bool(users["job_title"].notna().any()),
        "username": bool(users["username"].notna().any()),
    }
    filled = [name for name, has in old.items() if has]
    if filled:
        return attention(
            f"Still filled here: {', '.join(filled)}. A team made before May 2026; newer ones see them empty.",
            "Read memberships from the group side, and the rest from custom_attributes.",
        )
    if not members:
        return unclear("No group with members was found to tell by.")
    return ok(f"Empty, as newer teams see them: {len(members):,} members of a group list no group.")
