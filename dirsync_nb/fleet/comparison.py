"""A fleet against an app's table: each customer's people against the app's users of that customer.

Every comparison is one call of :func:`dirsync_nb.provisioning.compare`; here the app's rows are dealt out and
the plans put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pandas as pd

from ..provisioning import Plan, TooManyDeactivations, compare
from .dataset import TABLES, Reader

__all__ = ["AppComparison", "columns_for", "nothing_to_do", "whole_plan"]

MOST_NOTICES = 5  # a fleet may have hundreds of directories that do not work


def columns_for(asked: Mapping[str, Any]) -> list[str]:
    """Name the columns of users that a comparison looks at."""
    columns = dict.fromkeys(("name", "address", "state", "idp_id", "directory_id", "organization_id"))
    for given in (asked["on"], asked["fields"]):
        names = [given] if isinstance(given, str) else given.values() if isinstance(given, Mapping) else given
        for name in names:
            columns["custom_attributes" if name.startswith("custom_attributes.") else name] = None
    return [name for name in columns if name in TABLES["users"][1]]


@dataclass(frozen=True)
class AppComparison:
    """Compare the people of some directories with the app's rows about them."""

    reader: Reader
    columns: list[str]
    ours: str
    theirs: str
    asked: Mapping[str, Any]

    def __call__(self, part: tuple[list[str], pd.DataFrame, pd.DataFrame]) -> tuple[list[Plan], list[str]]:
        """Compare owner by owner; give the plans, and the owners that the guard stopped at."""
        names, app_users, directories = part
        users = self.reader.frame("users", names, self.columns)
        whose, rows = users[self.theirs].astype("str"), app_users[self.ours].astype("str")
        listed = _by(directories, directories.index if self.theirs == "directory_id" else self.theirs)
        people, theirs = _by(users, whose), _by(app_users, rows)
        plans, stopped = [], []
        for owner in dict.fromkeys([*listed, *theirs]):
            here = SimpleNamespace(users=people.get(owner, users.iloc[:0]), directories=listed.get(owner))
            try:
                plans.append(compare(here, theirs.get(owner, app_users.iloc[:0]), **self.asked))
            except TooManyDeactivations as error:
                plans.append(error.plan)
                stopped.append(owner)
        return plans, stopped


def _by(frame: pd.DataFrame, keys: Any) -> dict[str, pd.DataFrame]:
    return {str(owner): rows for owner, rows in frame.groupby(keys, sort=False, observed=True)}


def nothing_to_do(notice: str) -> Plan:
    """Return an empty plan that says something."""
    empty = compare(Reader("").meta("users"), pd.DataFrame({"user_id": []}), on="user_id")
    return replace(empty, notices=(notice,))


def whole_plan(pieces: Iterable[tuple[list[Plan], list[str]]], theirs: str) -> Plan:
    """Put plans together, by action; raise where the guard stopped one of them."""
    plans: list[Plan] = []
    stopped: list[str] = []
    for some, names in pieces:
        plans += some
        stopped += names
    if not plans:
        return replace(nothing_to_do(""), notices=())
    rows = pd.concat([plan.rows for plan in plans], ignore_index=True)
    notices = list(dict.fromkeys(notice for plan in plans for notice in plan.notices))
    if len(notices) > MOST_NOTICES:
        told = f"The same goes for {len(notices) - MOST_NOTICES:,} more: fleet.directories has their states."
        notices = [*notices[:MOST_NOTICES], told]
    whole = Plan(
        rows.sort_values("action", kind="stable", ignore_index=True),
        sum(plan.unchanged for plan in plans),
        tuple(notices),
    )
    if stopped:
        named = ", ".join(stopped[:3]) + (f" and {len(stopped) - 3:,} more" if len(stopped) > 3 else "")
        raise TooManyDeactivations(
            f"This plan would switch off more of the active users than guard allows, for the {theirs} {named}. "
            "Are these the right directories, are they linked, and is `on` right? Look at the plan in this "
            "error, and if everybody really left, say guard=None.",
            whole,
        )
    return whole
