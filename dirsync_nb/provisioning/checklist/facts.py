"""What the items of a checklist look at, read once, and what they answer with: a verdict and its words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import pandas as pd

from ... import errors
from ...client import DirectoryClient, Record, read_pages
from ...frames import concat, users_frame
from ...load import load_directories, load_events

SAMPLED = 25  # directories of which a page of users is read
ASKED_GROUPS = 5  # groups asked for members until one has any


class Verdict(NamedTuple):
    """How one item stands."""

    state: str
    finding: str
    what_to_do: str = ""


ok, attention, unclear = (partial(Verdict, state) for state in ("ok", "attention", "not checked"))


@dataclass
class Environment:
    """What several items look at, read once and only if needed."""

    client: DirectoryClient
    given_users: pd.DataFrame | None
    given_events: pd.DataFrame | None

    @cached_property
    def directories(self) -> pd.DataFrame:
        """Return all directories the key sees."""
        return load_directories(self.client)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Return the events handed in, or those of the last 30 days."""
        return self.given_events if self.given_events is not None else load_events(self.client)

    @cached_property
    def users(self) -> pd.DataFrame:
        """Return the users handed in, or the first page of each of the first directories."""
        if self.given_users is not None:
            return self.given_users
        pages = [_page(self.client, directory_id=one) for one in self.directories.index[:SAMPLED]]
        return concat([users_frame([]), *(users_frame(page) for page in pages if page)])

    @cached_property
    def members(self) -> list[Record]:
        """Return the users of the first group found that has any: they are in a group for sure."""
        linked = self.directories.index[self.directories["groups"].fillna(0) > 0]
        for directory_id in linked[:1]:
            groups = _page(self.client, "groups", directory_id=directory_id)
            for group in groups[:ASKED_GROUPS]:
                if page := _page(self.client, group_id=group["id"]):
                    return page
        return []


def _page(client: DirectoryClient, kind: str = "users", **filters: str) -> list[Record]:
    """Read the first page of a list; somebody may have deleted what it is about just now."""
    try:
        return next(read_pages(client.context, client.context.open(kind, filters, log=False)), [])
    except errors.NotFound:
        return []


# Words ------------------------------------------------------------------------------------------------------


def minutes(seconds: float) -> str:
    """Write a length of time in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def ago(span: pd.Timedelta) -> str:
    """Write how long ago something was in minutes, hours or days."""
    if span < pd.Timedelta(hours=2):
        return f"{span / pd.Timedelta(minutes=1):.0f} min"
    return f"{span / pd.Timedelta(hours=1):.0f} h" if span < pd.Timedelta(days=2) else f"{span.days} days"
