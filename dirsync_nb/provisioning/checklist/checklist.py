"""What stands between a notebook and production, looked up in the environment at hand instead of asked.

Each item is read from the service, from the receipts of this client or from what is handed in, and ends in one
of three words: ``ok``, ``attention``, or ``not checked`` where nothing here can tell. Nothing is written, sent
or configured anywhere.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from ... import errors
from ...client import DirectoryClient, needs_client
from ...frames import require_complete, takes_frames
from ...frames.tools import rows_frame
from . import items
from .items import Environment, Verdict, unclear

STATES = ("ok", "attention", "not checked")
COLOURS = {"ok": "#2a7f4f", "attention": "#b3541e", "not checked": "#6b7280"}
CHECK_COLUMNS = {"state": "category", "finding": "str", "what_to_do": "str"}


class Checklist:
    """The items with what was found, as a table to read. Made by :func:`to_production`.

    Attributes
    ----------
    frame
        One row an item: index ``item``; ``state`` (``ok``, ``attention``, ``not checked``), ``finding``,
        ``what_to_do`` (empty where nothing is to be done).

    Examples
    --------
    >>> checks = ds.checklist.to_production(client, users=users, events=events)
    >>> checks.frame.index.name
    'item'
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    @property
    def open(self) -> pd.DataFrame:
        """The items that are not ``ok``."""
        return self.frame[self.frame["state"] != "ok"]

    def __repr__(self) -> str:
        counts = self.frame["state"].value_counts()
        lines = [", ".join(f"{counts[state]} {state}" for state in STATES)]
        for item, state, finding, what_to_do in self._rows():
            lines.append(f"[{state}] {item}: {finding}")
            if what_to_do:
                lines.append(f"    {what_to_do}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        left, firm = "text-align: left; vertical-align: top", "white-space: nowrap"
        names = ("item", "state", "finding", "what to do")
        heads = "".join(f'<th style="{left}">{name}</th>' for name in names)
        rows = "".join(
            f'<tr><th style="{left}; {firm}">{html.escape(item)}</th>'
            f'<td style="{left}; {firm}; color: {COLOURS[state]}"><b>{state}</b></td>'
            f'<td style="{left}">{html.escape(finding)}</td>'
            f'<td style="{left}">{html.escape(what_to_do)}</td></tr>'
            for item, state, finding, what_to_do in self._rows()
        )
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        yield from self.frame.reset_index().astype(str).itertuples(index=False, name=None)


@needs_client
@takes_frames()
def to_production(
    client: DirectoryClient,
    *,
    keep: str | Path | None = None,
    after: str | None = None,
    webhook_secret: str | None = None,
    delivery: tuple[bytes | str, str] | None = None,
    inactive_policy: str | None = None,
    attributes: Sequence[str] = (),
    users: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    clock: Callable[[], float] = time.time,
) -> Checklist:
    """Check what an app should know about an environment before it goes live.

    The items go the way of WorkOS's own quick start (key, directories, lists, memberships, events) and look at
    what that leaves out: the order of lists, the whole list within the limits, inactive users, a place that is
    kept, attributes and addresses.

    It costs a request for each hundred directories, one for each hundred events of the last 30 days, one page
    of users for each of the first 25 directories, and a few more. Nothing is written.

    Parameters
    ----------
    keep, after
        Where your app is in the stream of events: the file of :func:`dirsync_nb.follow_events`, or the id of
        the last event it dealt with.
    webhook_secret, delivery
        The endpoint's secret, and the body and signature header of one delivery to it.
    inactive_policy
        What your app takes the environment to do with users who are switched off: ``"delete"`` or ``"keep"``.
    attributes
        Custom attributes that your app needs.
    users, events
        Frames you have, instead of the sample and the last 30 days.
    clock
        For tests.

    Returns
    -------
    Checklist
        Its ``frame`` has one row an item, with the declared columns ``CHECK_COLUMNS``.

    Raises
    ------
    ArgumentError
        An unknown policy, or both ``keep`` and ``after``.
    IncompleteError
        A partial frame of events: what it lacks would pass for not having happened.

    Examples
    --------
    >>> checks = ds.checklist.to_production(client, users=users, events=events)
    >>> checks.frame["state"].iloc[0]
    'attention'
    """
    if inactive_policy not in (None, "delete", "keep"):
        raise errors.ArgumentError(f"inactive_policy must be 'delete' or 'keep'; got {inactive_policy!r}")
    if keep is not None and after is not None:
        raise errors.ArgumentError("keep and after both say where your app is; give one")
    if events is not None:
        require_complete(events, "a checklist")
    found = Environment(client, users, events)
    checks: dict[str, Callable[[], Verdict]] = {
        "API key": lambda: items.key(client, found),
        "directory states": lambda: items.directory_states(found.directories),
        "empty directories": lambda: items.empty_directories(found.directories),
        "order of lists": lambda: items.order(client),
        "first load": lambda: items.first_load(found.directories),
        "memberships": lambda: items.memberships(found.directories),
        "following events": lambda: items.following(found.events),
        "events cursor": lambda: items.cursor(client, keep, after, found),
        "inactive users": lambda: items.inactive_users(found, inactive_policy),
        "webhooks": lambda: items.webhook_delivery(webhook_secret, delivery, clock),
        "attributes": lambda: items.attributes(found.users, attributes),
        "addresses": lambda: items.addresses(found.users),
        "deprecated fields": lambda: items.deprecated_fields(found),
        "refusals": lambda: items.refusals(client),
    }
    index = pd.Index(list(checks), dtype="str", name="item")
    return Checklist(rows_frame(map(_checked, checks.values()), CHECK_COLUMNS, index, state=STATES))


def _checked(check: Callable[[], Verdict]) -> Verdict:
    """Look at one item; what cannot be read is no reason to leave out the others."""
    try:
        return check()
    except errors.LoadError as problem:
        told = f"It could not be read: {type(problem).__name__}."
        return unclear(told, "See the first item, and run this again.")
