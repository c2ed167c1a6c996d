"""An app's table against the directories of many customers: one plan for each organization, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from .. import errors
from ..client.calls import every_call
from ..frames import near_names, takes_frames
from ..frames.partial import require_all
from ..frames.tools import rows_frame
from ..guard import SHARE, check_guard
from ..text import some
from . import comparison
from .app_table import ATTRS, known_table, scoped, table_of
from .comparison import Columns, HasUsers
from .plan import ACTIONS, Plan, TooManyDeactivations, html_told
from .status import StatusWords

__all__ = ["SUMMARY_COLUMNS", "OrganizationPlans", "compare_organizations"]

SUMMARY_COLUMNS = {
    **dict.fromkeys(ACTIONS, "Int64"),
    "unchanged": "Int64",
    "active_users": "Int64",  # of the app, as it is
    "stopped": "boolean",  # by the guard
}


@dataclass(frozen=True, repr=False)
class OrganizationPlans(Mapping[str, Plan]):
    """One plan for each organization: ``plans["org_1"]``, ``len(plans)``, ``for name in plans``.

    A plan at which the guard stopped is not handed out: asking for it raises :class:`TooManyDeactivations`,
    which holds it. The other customers' plans are not touched by that.

    Attributes
    ----------
    summary
        One row an organization: how many rows each action has, ``unchanged``, ``active_users``, ``stopped``.
    notices
        What a reader should know, one sentence each.
    """

    plans: Mapping[str, Plan | TooManyDeactivations]
    summary: pd.DataFrame
    notices: tuple[str, ...] = ()

    def __getitem__(self, organization: str) -> Plan:
        """Return the plan of one organization.

        Raises
        ------
        TooManyDeactivations
            The guard stopped at it.
        """
        if organization not in self.plans:
            raise errors.ArgumentError(
                f"no plan of an organization {organization!r}{near_names(organization, self.plans)}"
            )
        found = self.plans[organization]
        if isinstance(found, TooManyDeactivations):
            raise found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.plans)

    def __len__(self) -> int:
        return len(self.plans)

    @property
    def stopped(self) -> list[str]:
        """The organizations at which the guard stopped."""
        return [name for name, found in self.plans.items() if isinstance(found, TooManyDeactivations)]

    @property
    def sentence(self) -> str:
        """All plans in plain words."""
        sums = self.summary.sum(numeric_only=True)
        told = ", ".join(f"{name} {int(sums[name]):,}" for name in ("create", "update", "deactivate"))
        stop = f" The guard stopped at {', '.join(self.stopped[:5])}." if self.stopped else ""
        return f"{len(self):,} organizations: {told}; {int(sums['unchanged']):,} unchanged.{stop}"

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *self.notices])

    def _repr_html_(self) -> str:
        return html_told((self.sentence, *self.notices), self.summary.to_html(max_rows=50))


@takes_frames()
def compare_organizations(
    directory: pd.DataFrame | HasUsers,
    app_users: pd.DataFrame,
    *,
    organization: str,
    on: Columns = "email",
    fields: Columns = (),
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
    key: str | None = None,
    guard: float | None = SHARE,
    confirm: Mapping[str, int] | None = None,
) -> OrganizationPlans:
    """Compare an app's users with the directory, each customer with its own organization.

    Nobody is looked for among the people of another customer: the same address at two of them is two people.

    Parameters
    ----------
    directory
        A snapshot, or a users frame. Of a snapshot, an organization whose directory is empty is compared too.
    app_users
        The app's users, of all customers.
    organization
        The app's column that holds the ``organization_id`` of each user.
    guard
        Holds for each organization by itself.
    confirm
        The exact number of people to switch off, by organization: ``{"org_1": 140}``.
    on, fields, active, status_words, key
        As in :func:`compare`.

    Returns
    -------
    OrganizationPlans
        A mapping from ``organization_id`` to :class:`Plan`, with ``summary`` and ``notices``. Users of the app
        whose organization has no directory here are left out and counted: nobody said that they left.

    Raises
    ------
    ArgumentError
        A column that is not there, rows of the app without an organization, a confirmation of an organization
        that is not compared.
    IncompleteError
        A frame is partial.

    Examples
    --------
    >>> plans = ds.compare_organizations(users, app_users, organization="org_id")
    >>> list(plans) == [directories["organization_id"].iloc[0]]
    True
    """
    check_guard(guard, None)
    users = comparison.users_of(directory)
    require_all("a comparison", users, app_users)
    comparison.require_app_column("organization", organization, app_users)
    if nobodys := int(app_users[organization].isna().sum()):
        raise errors.ArgumentError(f"{nobodys:,} rows of app_users have no {organization}")
    comparison.require_attributes(on, fields, users)
    people = {str(name): rows for name, rows in users.groupby("organization_id", sort=True, observed=True)}
    rows = app_users[organization].astype("str")
    mine = {str(name): _whole(part, app_users) for name, part in app_users.groupby(rows, sort=False)}
    names = sorted({*people, *_listed(directory)})
    if unknown := [name for name in confirm or {} if name not in names]:
        near = near_names(unknown[0], names)
        raise errors.ArgumentError(f"confirm: no organization {unknown[0]!r} is compared{near}")
    asked = (on, fields, active, status_words, key or comparison.primary_key(app_users))
    column = active if active in app_users else None
    states: list[bool | None] = [True] * len(app_users)
    if column is not None:
        states = StatusWords(status_words, column=column).read_column(app_users[column].astype(object))
    table = table_of(app_users, None, column, states)
    found: dict[str, Plan | TooManyDeactivations] = {}
    summary = []
    for name in names:
        here = people.get(name, users.iloc[:0])
        part = mine.get(name, _whole(app_users.iloc[:0], app_users))
        plan, count = comparison.plan_without_guard(here, part, *asked)
        plan = replace(plan, table=scoped(plan.table, table, part, {organization: name}))
        try:
            number = (confirm or {}).get(name)
            found[name] = comparison.guarded(plan, count, guard, number, empty=here.empty, where=f" of {name}")
        except TooManyDeactivations as stop:
            found[name] = stop
        stopped = isinstance(found[name], TooManyDeactivations)
        summary.append([*plan.counts.values(), plan.unchanged, count, stopped])
    index = pd.Index(names, name="organization_id", dtype="str")
    frame = rows_frame(summary, SUMMARY_COLUMNS, index)
    return OrganizationPlans(found, frame, tuple(_notices(users, mine, names, organization)))


def _whole(part: pd.DataFrame, app_users: pd.DataFrame) -> pd.DataFrame:
    """Mark the rows of one organization as all that it has, if the table was read whole."""
    known = known_table(app_users)
    if known.get("rows") == len(app_users):
        part.attrs[ATTRS] = {**known, "rows": len(part)}
    return part


def _listed(directory: object) -> set[str]:
    """Return the organizations of the directories of a snapshot."""
    directories = getattr(directory, "directories", None)
    if not isinstance(directories, pd.DataFrame):
        return set()
    return set(directories["organization_id"].dropna().astype(str))


def _notices(
    users: pd.DataFrame, mine: Mapping[str, pd.DataFrame], names: list[str], organization: str
) -> Iterator[str]:
    without = {name: len(rows) for name, rows in mine.items() if name not in names}
    if without:
        yield (
            f"{sum(without.values()):,} users of the app are left out: their {organization} "
            f"({some(list(without), 3)}) has no directory here, so nobody said that they left."
        )
    if homeless := int(users["organization_id"].isna().sum()):
        yield f"{homeless:,} users of the directory belong to no organization, and are left out."


every_call(__name__)
