"""The people of the onboarding widget: who they are, in what order they are listed, who of them is selected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import traitlets as t

from ...client import DirectoryClient
from ...frames import concat
from ...provisioning import onboarding
from ...text import USER_TEXT
from .._base.groups import GROUP_COLUMNS
from .._base.jobs import Job
from .._base.listing import Found, Listing, Mask, Places, attribute_names
from .._base.reading import read_frame, read_users
from .._base.table import Column, Row
from .lists import COLUMNS
from .selection import Selection

__all__ = ["Chosen", "People", "read_people"]


class People:
    """The people of one directory, or of several, with what has to be worked out once.

    That takes a while and touches no widget, so it can be done on a thread.

    Parameters
    ----------
    users, groups, memberships
        Whole frames; of the last two, None while they are not known.
    app
        What :class:`dirsync_nb.provisioning.onboarding.Roster` wants to know of the app besides.
    """

    def __init__(
        self,
        users: pd.DataFrame,
        groups: pd.DataFrame | None,
        memberships: pd.DataFrame | None,
        app: Mapping[str, Any],
    ) -> None:
        self.roster = onboarding.Roster(users, groups, memberships, **app)
        self.roster.verdicts(self.roster.everybody)
        self.listing = Listing(users, COLUMNS["People"], USER_TEXT)
        self.listing.order("name")
        self.groups = _listed_groups(self.roster)
        self.attributes = attribute_names(users)
        domains = Counter(filter(None, map(onboarding.domain_of, users["address"])))
        self.domains = [name for name, _ in domains.most_common()]
        self.selection = Selection(self.roster)

    def __len__(self) -> int:
        return len(self.listing)

    def join(self, memberships: pd.DataFrame) -> None:
        """Learn who is in which group; the selection stays."""
        self.roster = self.roster.joined(self.roster.groups, memberships)
        self.groups = _listed_groups(self.roster)

    @property
    def chosen(self) -> Mask:
        """Who is selected."""
        return self.selection.mask

    def ticked(self, ids: Sequence[str]) -> list[str]:
        """Return which of these people are selected."""
        places = self.roster.users.index.get_indexer(pd.Index(list(ids), dtype="str"))
        return [i for i, place in zip(ids, places, strict=True) if place >= 0 and self.chosen[place]]

    def in_groups(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return groups and memberships, or say that they are not there yet."""
        if self.roster.groups is None or self.roster.memberships is None:
            raise t.TraitError("groups and their members are not read yet")
        return self.roster.groups, self.roster.memberships


class Chosen(Found):
    """People who fit the filters, each with the verdict if they are selected.

    Parameters
    ----------
    people
        All of them, with the selection.
    places
        The positions of those who fit.
    search
        Why they were found.
    """

    def __init__(self, people: People, places: Places, search: str = "") -> None:
        super().__init__(people.listing, places, search)
        self._verdicts = people.roster.verdicts(people.chosen)

    def rows(self, start: int, stop: int, columns: Sequence[Column]) -> list[Row]:
        """Return some of the rows with the cells of these columns."""
        keys = [column["key"] for column in columns]
        if "verdict" not in keys:
            return super().rows(start, stop, columns)
        at = keys.index("verdict")
        rows = super().rows(start, stop, [column for column in columns if column["key"] != "verdict"])
        verdicts = [self._verdicts[place] for place in self.places[start:stop]]
        words = ["" if verdict < 0 else onboarding.VERDICTS[verdict] for verdict in verdicts]
        return [(i, [*cells[:at], word, *cells[at:]]) for word, (i, cells) in zip(words, rows, strict=True)]


def read_people(
    client: DirectoryClient,
    directories: pd.DataFrame,
    directory_ids: Sequence[str],
    app: Mapping[str, Any],
    job: Job,
) -> People:
    """Read groups and users of each directory, on a thread; memberships take longer, and come later."""
    groups, users = [], []
    for home in directory_ids:
        groups.append(read_frame(client, "groups", job, directory_id=home))
        users.append(read_users(client, directories, home, job))
    job.tell("Preparing the search …")
    return People(concat(users), concat(groups), None, app)


def _listed_groups(roster: onboarding.Roster) -> Listing | None:
    """Return the groups to pick from, once it is known who is in them."""
    if roster.groups is None or roster.memberships is None:
        return None
    sizes = roster.memberships["group_id"].value_counts()
    members = roster.groups.index.to_series().map(sizes).fillna(0).astype("int64")
    return Listing(roster.groups.assign(members=members), GROUP_COLUMNS, ("name", "idp_id"))
