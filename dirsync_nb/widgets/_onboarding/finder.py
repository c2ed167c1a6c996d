"""The half of the onboarding widget that opens directories, reads their people, and finds those who fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import traitlets as t

from ...client import DirectoryClient, identifier
from .._base.controls import only_by_column, only_listed
from .._base.explorer import Explorer
from .._base.listing import Mask
from .._base.pager import Pager
from .._base.reading import read_memberships
from .face import Face
from .lists import COLUMNS, SPLIT, directory_entries
from .people import People, read_people

__all__ = ["PeopleFinder"]

Frames = tuple[pd.DataFrame | None, pd.DataFrame | None, pd.DataFrame | None]


class PeopleFinder(Explorer):
    """Base of the onboarding widget. What is done with the people found, and drawing, is the widget's.

    Parameters
    ----------
    client
        Where to read.
    directory_ids
        The directory, or several of one customer: ids, records, or a row of a directories frame.
    given
        Users, groups and memberships as whole frames: nothing is read then.
    app
        What a roster wants to know of the app besides.
    """

    # Traits, which the widget declares: there people look for them.
    directory_ids: tuple[str, ...]
    search: str
    state: str | None
    domain: str | None
    attribute: str | None
    attribute_value: str | None
    group_ids: tuple[str, ...]
    find: str
    match: str
    sort: str
    page: int
    total: int

    _face: Face
    _pager: Pager

    def __init__(
        self, client: DirectoryClient, directory_ids: Any, given: Frames, app: Mapping[str, Any]
    ) -> None:
        super().__init__(client)
        self._app = app
        self._given = given
        self._wanted = _identifiers(directory_ids)
        self._people: People | None = None

    def _draw(self) -> None:
        """Show what is found."""

    def _connect(self) -> None:
        self._face.directory.observe(lambda change: self._directory_picked(change["new"]), "value")
        self._face.table.observe(lambda change: self._sorted(change["new"]), "sort")
        self.observe(self._directories_changed, "directory_ids")
        self.observe(self._turned_attribute, "attribute")
        self.observe(
            self._filter_changed,
            ["search", "state", "domain", "attribute", "attribute_value", "group_ids", "match", "sort"],
        )
        self.observe(lambda _: self._offer_groups(), "find")
        self.observe(lambda _: self._draw(), "page")

    # Validation ---------------------------------------------------------------------------------------------

    @t.validate("directory_ids")
    def _only_listed_directories(self, proposal: Any) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(str(one) for one in proposal.value))
        if self._given[0] is None:
            for one in wanted:
                only_listed(one, self.directories.index, "directory")
        return wanted

    @t.validate("group_ids")
    def _only_listed_groups(self, proposal: Any) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(proposal.value))
        groups = None if self._people is None else self._people.groups
        for one in wanted:
            only_listed(one, () if groups is None else groups.frame.index, "group", "whose members are known")
        return wanted

    @t.validate("sort")
    def _only_by_a_column(self, proposal: Any) -> str:
        return only_by_column(proposal.value, COLUMNS["People"])

    @t.validate("page")
    def _only_a_page_there_is(self, proposal: Any) -> int:
        return self._pager.within(proposal.value)

    # Directories --------------------------------------------------------------------------------------------

    def _read_on(self) -> None:
        """Read what comes next, or what did not end well."""
        if self._given[0] is not None:
            self._load()
        elif self.directories.empty:
            self._read_directories()
        elif self._people is None:
            self._load()
        elif self._people.roster.memberships is None:
            self._load_memberships()

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self.directories = frame
        self._controls.fill(self._face.directory, directory_entries(frame), first="choose …")
        wanted, self._wanted = self._wanted, ()
        missing = [one for one in wanted if one not in frame.index]
        if missing:
            self._say_missing(missing[0])
        elif wanted:
            self.directory_ids = wanted
        self._draw()

    def _directory_picked(self, value: str) -> None:
        if not self._controls.idle:
            self.directory_ids = tuple(value.split(SPLIT)) if value else ()

    def _directories_changed(self, _: Any) -> None:
        """Forget the people of before; nobody is selected."""
        with self.hold_trait_notifications():
            self._forget()
        value, menu = SPLIT.join(self.directory_ids), self._face.directory
        if value in [v for _, v in menu._options_full]:
            self._controls.fill(menu, list(menu._options_full), value=value)
        self._draw()
        if self.directory_ids:
            self._load()

    def _forget(self) -> None:
        self.jobs.drop("people")
        self.jobs.drop("memberships")
        self._people = None
        self.page, self.total = 1, 0
        self._let_everybody_fit()

    # People -------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        self.busy("Reading groups and users …")
        users, groups, memberships = self._given
        if users is not None:
            homes = tuple(dict.fromkeys(users["directory_id"].dropna()))
            self._run("people", lambda _: People(users, groups, memberships, self._app), self._read)
            self._face.directory.layout.display = "none"
            with self.hold_trait_notifications():
                self.unobserve(self._directories_changed, "directory_ids")
                self.directory_ids = homes
        else:
            client, directories, homes = self.client, self.directories, self.directory_ids
            self._run("people", lambda job: read_people(client, directories, homes, self._app, job), self._read)

    def _read(self, people: People) -> None:
        self._people = people
        self._face.filters.offer(people.listing, attributes=people.attributes, domains=people.domains)
        self._offer_groups()
        self._draw()
        if self._given[0] is None:
            self._load_memberships()

    def _load_memberships(self) -> None:
        roster = None if self._people is None else self._people.roster
        if roster is not None and roster.groups is not None:
            users, groups = roster.users, roster.groups
            self._run(
                "memberships",
                lambda job: read_memberships(self.client, users, groups, job),
                self._memberships_read,
            )

    def _memberships_read(self, memberships: pd.DataFrame) -> None:
        if self._people is not None:
            self._people.join(memberships)
            self._offer_groups()
            self._draw()

    # Filters ------------------------------------------------------------------------------------------------

    def _offer_groups(self) -> None:
        self._face.groups.offer(None if self._people is None else self._people.groups)

    def _turned_attribute(self, change: Any) -> None:
        self.attribute_value = None
        users = None if self._people is None else self._people.listing.frame
        self._face.filters.offer_values(users, change["new"])

    def _filter_changed(self, change: Any) -> None:
        if change["name"] == "group_ids":
            self._offer_groups()
        if not self._pager.rewind():  # a page that turns draws
            self._draw()

    def _sorted(self, sort: str) -> None:
        if not self._controls.idle:
            self.sort = sort

    def _let_everybody_fit(self) -> None:
        self._face.filters.clear()
        self.find, self.group_ids = "", ()

    def _asked(self) -> dict[str, Any]:
        """Return the filters as arguments of ``select_users``."""
        asked = self._face.filters.asked()
        if self.group_ids:
            asked["in_groups"] = list(self.group_ids)
            if self.match == "in all" and len(self.group_ids) > 1:
                asked["match"] = "all"
        return asked

    def _fitting(self, people: People) -> Mask:
        """Say who fits the filters."""
        mask = self._face.filters.mask(people.listing)
        if self.group_ids:
            mask = mask & people.roster.members(self.group_ids, self.match.removeprefix("in "))
        return mask


def _identifiers(given: Any) -> tuple[str, ...]:
    """Read one directory, or several."""
    if given is None:
        return ()
    several = isinstance(given, list | tuple | set | pd.Index)
    return tuple(identifier(one, "directory_ids") for one in (given if several else [given]))
