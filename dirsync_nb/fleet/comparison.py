"""A fleet against an app's table: each customer's people against the app's users of that customer.

Every comparison is that of :func:`dirsync_nb.provisioning.compare`; here the app's rows are dealt out and the
plans put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import pandas as pd

from ..guard import why_stopped
from ..provisioning import Plan, TooManyDeactivations
from ..provisioning.app_table import AppTable
from ..provisioning.comparison import plan_without_guard, require_attributes
from ..provisioning.status import unknown_sentence
from .dataset import TABLES, Reader

__all__ = ["AppComparison", "Part", "columns_for", "nothing_to_do", "whole_plan"]

MOST_NOTICES = 5  # a fleet may have hundreds of directories that do not work


class Part(NamedTuple):
    """Plans of some owners, before the guard."""

    plans: list[Plan]
    stopped: list[str]  # owners that the guard stops at
    attributes: pd.DataFrame  # custom attributes that are seen, as a users frame of one row
    owners: list[str]  # of the plans, in their order


def columns_for(asked: Mapping[str, Any]) -> list[str]:
    """Name the columns of users that a comparison looks at; the last two hold a person's other addresses."""
    columns = dict.fromkeys(("name", "address", "state", "idp_id", "directory_id", "organization_id"))
    columns |= dict.fromkeys(("custom_attributes", "emails"))
    for given in (asked["on"], asked["fields"]):
        names = [given] if isinstance(given, str) else given.values() if isinstance(given, Mapping) else given
        columns |= dict.fromkeys(names)
    return [name for name in columns if name in TABLES["users"][1]]


@dataclass(frozen=True)
class AppComparison:
    """Compare the people of some directories with the app's rows about them."""

    reader: Reader
    columns: list[str]
    ours: str
    theirs: str
    guard: float | None
    asked: Mapping[str, Any]

    def __call__(self, part: tuple[list[str], pd.DataFrame, pd.DataFrame]) -> Part:
        """Compare owner by owner."""
        directory_ids, app_users, directories = part
        users = self.reader.frame("users", directory_ids, self.columns)
        whose, rows = users[self.theirs].astype("str"), app_users[self.ours].astype("str")
        listed = _by(directories, directories.index if self.theirs == "directory_id" else self.theirs)
        people, theirs = _by(users, whose), _by(app_users, rows)
        plans, stopped, owners = [], [], list(dict.fromkeys([*listed, *theirs]))
        for owner in owners:
            here = SimpleNamespace(users=people.get(owner, users.iloc[:0]), directories=listed.get(owner))
            mine = theirs.get(owner, app_users.iloc[:0])
            plan, active = plan_without_guard(here, mine, **self.asked)
            plans.append(plan)
            leaving = plan.counts["deactivate"]
            if why_stopped(leaving, active, "{}", guard=self.guard, empty=here.users.empty):
                stopped.append(owner)
        return Part(plans, stopped, _seen(users), owners)


def _seen(users: pd.DataFrame) -> pd.DataFrame:
    names = {name: None for held in users["custom_attributes"] if isinstance(held, Mapping) for name in held}
    return pd.DataFrame({"custom_attributes": [names] if len(users) else []}, dtype=object)


def _by(frame: pd.DataFrame, keys: Any) -> dict[str, pd.DataFrame]:
    return {str(owner): rows for owner, rows in frame.groupby(keys, sort=False, observed=True)}


def nothing_to_do(*notices: str) -> Plan:
    """Return an empty plan with these notices."""
    empty, _ = plan_without_guard(Reader("").meta("users"), pd.DataFrame({"user_id": []}), on="user_id")
    return replace(empty, notices=notices)


def whole_plan(
    compared: Iterable[Part], theirs: str, asked: Mapping[str, Any], table: AppTable, confirm: int | None
) -> Plan:
    """Put plans together, by action; raise where the guard stopped one of them."""
    parts = list(compared)
    plans = [plan for part in parts for plan in part.plans]
    stopped = [owner for part in parts for owner in part.stopped]
    if not plans:
        return nothing_to_do()
    if seen := [part.attributes for part in parts if len(part.attributes)]:
        require_attributes(asked["on"], asked["fields"], pd.concat(seen, ignore_index=True))
    rows = pd.concat([plan.rows for plan in plans], ignore_index=True)
    unknown: Counter[str] = Counter()
    for plan in plans:
        unknown.update(plan.unknown_status)
    whole = Plan(
        rows.sort_values("action", kind="stable", ignore_index=True),
        sum(plan.unchanged for plan in plans),
        tuple(_told(plans, asked["active"] or "", unknown)),
        tuple(dict.fromkeys(name for plan in plans for name in plan.not_enabled)),
        dict(unknown),
        replace(table, confirmed=confirm),
    )
    _check(whole, stopped, theirs, confirm)
    return whole


def _told(plans: list[Plan], column: str, unknown: Mapping[str, int]) -> list[str]:
    """Put notices together, each once; of what is said of single directories, the first few."""
    own = {unknown_sentence(column, plan.unknown_status) for plan in plans}
    notices = [text for text in dict.fromkeys(n for plan in plans for n in plan.notices) if text not in own]
    if len(notices) > MOST_NOTICES:
        told = f"The same goes for {len(notices) - MOST_NOTICES:,} more: fleet.directories has their states."
        notices = [*notices[:MOST_NOTICES], told]
    words = unknown_sentence(column, unknown)
    return [words, *notices] if words else notices


def _check(whole: Plan, stopped: list[str], theirs: str, confirm: int | None) -> None:
    leaving = whole.counts["deactivate"]
    if confirm is not None and confirm != leaving:
        raise TooManyDeactivations(
            f"This plan would switch off {leaving:,} active users, and confirm={confirm} names another number. "
            "Look at the plan in this error.",
            whole,
            leaving,
        )
    if stopped and confirm is None:
        named = ", ".join(stopped[:3]) + (f" and {len(stopped) - 3:,} more" if len(stopped) > 3 else "")
        raise TooManyDeactivations(
            f"This plan would switch off more of the active users than guard allows, for the {theirs} {named}. "
            "Are these the right directories, are they linked, and is `on` right? Look at the plan in this "
            f"error, and if everybody really left, say confirm={leaving}.",
            whole,
            leaving,
        )
