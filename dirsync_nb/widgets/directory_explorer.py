"""Directories, then the users and groups of one: search, filter, sort, page, and look at one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
import traitlets as t

from .. import errors
from ..client import DirectoryClient, checked_id, needs_client
from ..frames import takes_frames
from ._base.code import snippets
from ._base.controls import MENU, ListedId, Offered, Page, Sort
from ._base.directory_lists import NOUNS, SEARCH, VIEWS, columns_of, listing_of, nothing_in
from ._base.explorer import Explorer
from ._base.facets import Facets, counted, facet
from ._base.filters import UserFilters
from ._base.jobs import Job
from ._base.listing import Found, Listing, Mask, attribute_names
from ._base.panel import Read
from ._base.parts import Choice, button, row
from ._base.reading import read_frame, read_ids, read_memberships, read_users
from ._base.table import ROWS, RowTable
from ._base.text import count_of, html_table, label, name_label, plural, shown
from .detail_card import DetailCard

__all__ = ["DirectoryExplorer"]

STATIC_ROWS = 10
STATIC = {
    "Directories": ("name", "type", "state", "active_users", "groups"),
    "Users": ("name", "address", "state", "role", "created_at"),
    "Groups": ("name", "idp_id", "created_at"),
}
FACETED = "department_name"  # the attribute counted where none is chosen
CHOICES: dict[str, Any] = {
    "search": "",
    "state": None,
    "group_id": None,
    "attribute": None,
    "attribute_value": None,
    "sort": "",
    "page": 1,
    "selected": None,
}
"""What is chosen in a view, and what it is at first."""
OF_USERS = ("group_id", "attribute")  # filters that mean nothing in another view
FILTERS = ("search", "state", "group_id", "attribute", "attribute_value", "sort")


class DirectoryExplorer(Explorer):
    """Look through directories, and the users and groups of one.

    Parameters
    ----------
    client
        Where to read.
    directory_id
        The directory to open: an id, a record, or a row of a directories frame. Default: the list of all.
    users, groups, memberships
        Frames of that directory, where you have them already.

    Attributes
    ----------
    directory_id
        The open directory, or None.
    view
        "Directories", "Users" or "Groups". Each keeps its choices when another one is looked at.
    search, state, group_id, attribute, attribute_value
        What the rows are filtered by; "" or None for nothing.
    sort
        A column's key, after "-" for the other way round; "" for the best matches of the search first, and by
        name where nothing is searched.
    page
        From 1 on; ``table.size`` rows each.
    selected
        Id of the user or group whose card is open, or None.
    total
        How many rows the filters leave.
    rows, picked
        The rows that fit, on every page, and the one that is picked, as frames.
    users, groups, memberships
        The frames of the open directory. A cell that asks waits for them; memberships are read when they are
        asked for, since that takes longer. An IncompleteError says why there are none.

    Examples
    --------
    >>> explorer = ds.widgets.DirectoryExplorer(client, directories.index[0], users=users)
    >>> explorer.users is users
    True
    >>> explorer.close()
    """

    name = "directories"
    directory_id = ListedId("directory", lambda self: self._directories.index)
    view = t.Enum(VIEWS, "Directories")
    search = t.Unicode("")
    state = Offered(lambda self: self._lists[self.view].states() if self.view in self._lists else ())
    group_id = ListedId("group", lambda self: self.groups.index, "of this directory")
    attribute = Offered(lambda self: self._attributes)
    attribute_value = t.Unicode(None, allow_none=True)
    sort = Sort(lambda self: columns_of(self.view, self._attributes))
    page = Page(1)
    selected = t.Unicode(None, allow_none=True)
    total = t.Int(0)
    users = Read()
    groups = Read()

    @needs_client
    @takes_frames()
    def __init__(
        self,
        client: DirectoryClient,
        directory_id: Any = None,
        *,
        users: pd.DataFrame | None = None,
        groups: pd.DataFrame | None = None,
        memberships: pd.DataFrame | None = None,
    ) -> None:
        super().__init__(client)
        self._users, self._groups, self._memberships = users, groups, memberships
        self._lists: dict[str, Listing] = {}
        self._members: dict[str, Any] = {}  # places of the users of the groups that were read
        self._wanted = None if directory_id is None else checked_id(directory_id, "directory_id")
        self._given = (users, groups, memberships)
        self._attributes: list[str] = []
        self._kept: dict[str, dict[str, Any]] = {}
        self._trail: list[tuple[str, dict[str, Any]]] = []
        self._came: list[tuple[str, dict[str, Any]]] = []
        self._still = False
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.views = Choice(VIEWS, label="View", tooltips=["All directories", "Its users", "Its groups"])
        self._where = w.HTML()
        self._controls.tie(view=self.views)
        self.filters = UserFilters(self._controls, group=True)
        self.facets = Facets(self._facet_clicked, lambda _: self.count_groups())
        self.table = RowTable(columns_of("Directories"), label="Directories", saved="directories")
        self.back_button = button("Back", "arrow-left", "To what was shown before", self.back)
        self.reset_button = button("Clear filters", "times", "Remove search and filters", self.clear_filters)
        self.members_button = button(
            "List its members", "users", "As the filter of the users", self.list_members
        )
        self.card = DetailCard(self.client, nested=True, close=self._close, find=self._named)
        top = row(self.back_button, self.views, self._where, level=True)
        main = w.VBox([self.table, row(self.reset_button, self.members_button, level=True)])
        main.add_class("dsn-main")
        self._split = w.HBox([self.facets, main, self.card])
        self._split.add_class("dsn-split")
        self._split.add_class("dsn-explorer")
        self.assemble(top, self.filters.row, below=[self._split])

    def _connect(self) -> None:
        self._controls.lead(self.table, "sort", "sort")
        self._controls.lead(self.table, "page", "page")
        self.table.observe(lambda change: self._row_picked(change["new"]), "picked")
        self.card.observe(self._card_turned, ["user_id", "group_id"])
        self.observe(self._directory_changed, "directory_id")
        self.observe(self._turned_view, "view")
        self.observe(self._filter_changed, list(FILTERS))
        self.observe(lambda change: setattr(self.table, "page", change["new"]), "page")
        self.observe(self._selection_changed, "selected")

    # Validation ---------------------------------------------------------------------------------------------

    @t.validate("view")
    def _only_with_a_directory(self, proposal: Any) -> Any:
        if proposal.value != "Directories":
            self.wait()
        if proposal.value != "Directories" and self.directory_id is None:
            raise t.TraitError(f"choose a directory before its {proposal.value.lower()}")
        return proposal.value

    @t.validate("selected")
    def _only_somebody_of_this_view(self, proposal: Any) -> Any:
        if proposal.value is not None:
            self.wait()
        if proposal.value is not None and proposal.value not in self._index_here():
            raise t.TraitError(f"no {proposal.value!r} among the {self.view.lower()} of this directory")
        return proposal.value

    # Loading ------------------------------------------------------------------------------------------------

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self._directories = frame
        self._lists = {"Directories": listing_of("Directories", frame)}
        wanted, self._wanted = self._wanted, None
        if wanted in frame.index:
            self.directory_id = wanted
            return
        self._fill_menus()
        self._draw()
        if wanted is not None:
            self._say_missing(wanted)

    def _directory_changed(self, change: Any) -> None:
        for work in ("directory", "members", "memberships"):
            self.jobs.drop(work)
        self._lists = {name: listing for name, listing in self._lists.items() if name == "Directories"}
        self._users = self._groups = self._memberships = None
        self._members, self._attributes = {}, []
        if self.view == "Directories":
            self._kept = {"Directories": self._choices()}
        else:
            self._kept = {name: kept for name, kept in self._kept.items() if name == "Directories"}
        self._trail, self._came = self._came, []
        self._turn("Users" if change["new"] else "Directories", CHOICES)
        if change["new"] is None:
            return
        given, self._given = self._given, (None, None, None)
        self.busy("Reading groups and users …")
        self._run(
            "directory", lambda job: self._read_directory(change["new"], given, job), self._directory_read
        )

    def _read_directory(self, directory_id: str, given: Any, job: Job) -> tuple[Any, ...]:
        """Read groups and users and prepare the search, all on the thread."""
        users, groups, memberships = given
        if groups is None:
            groups = read_frame(self.client, "groups", job, directory_id=directory_id)
        if users is None:
            users = read_users(self.client, self._directories, directory_id, job)
        job.tell("Preparing the search …")
        lists = {"Users": listing_of("Users", users), "Groups": listing_of("Groups", groups)}
        lists["Users"].order("name")
        return users, groups, memberships, lists, attribute_names(users)

    def _directory_read(self, found: Any) -> None:
        self._users, self._groups, self._memberships, lists, self._attributes = found
        self._lists |= lists
        if self._memberships is not None:
            self._memberships_read(self._memberships)
        self._fill_menus()
        self._draw()

    def again(self) -> None:
        """Read once more what is open."""
        if self.directory_id is None or self._directories.empty:
            self._read_directories()
        elif self.group_id is not None and self.group_id not in self._members:
            self._load_members(self.group_id)
        else:
            self._directory_changed({"new": self.directory_id})

    def _failed(self, problem: BaseException) -> None:
        self._draw()  # of a filter that could not be read nobody is shown, rather than those of before
        self.filters.row.layout.display = "" if self.view in self._lists else "none"
        super()._failed(problem)

    def _load_members(self, group_id: str) -> None:
        self.busy("Reading the members of the group …")
        filters: dict[str, Any] = {"group_id": group_id, "directory_id": self.directory_id}

        def read(members: list[str]) -> None:
            self._members[group_id] = self._places_of(members)
            self._draw()

        self._run("members", lambda job: read_ids(self.client, "users", job, **filters), read)

    def count_groups(self) -> None:
        """Read who is in which group, so that every group has its count.

        Examples
        --------
        >>> explorer = ds.widgets.DirectoryExplorer(client, directories.index[0])
        >>> explorer.count_groups()
        >>> len(explorer.memberships) == len(memberships)
        True
        """
        users, groups = self._users, self._groups
        if users is not None and groups is not None and self._memberships is None:
            self.busy("Reading memberships …")

            def read(memberships: pd.DataFrame) -> None:
                self._memberships_read(memberships)
                self._draw()

            self._run("memberships", lambda job: read_memberships(self.client, users, groups, job), read)

    @property
    def memberships(self) -> pd.DataFrame:
        """Who is in which group, read now if it was not before."""
        users, groups = self.users, self.groups
        assert users is not None
        assert groups is not None
        self.count_groups()
        self.wait()
        if self._memberships is None:
            raise errors.IncompleteError(f"memberships: {self.missing()}")
        return self._memberships

    def missing(self) -> str:
        """Return why something that is read is not there, and what to do."""
        if self.directory_id is None and not self.jobs.busy and self.status.kind != "error":
            return "no directory is open; click one, or set directory_id"
        return super().missing()

    def _memberships_read(self, memberships: pd.DataFrame) -> None:
        self._memberships = memberships
        members = memberships.groupby("group_id", observed=True)["user_id"]
        none = (
            {} if self._groups is None else dict.fromkeys(map(str, self._groups.index), np.empty(0, dtype=int))
        )
        self._members = none | {str(group): self._places_of(ids) for group, ids in members}

    def _places_of(self, user_ids: Any) -> Any:
        places = pd.Index([] if self._users is None else self._users.index).get_indexer(pd.Index(user_ids))
        return places[places >= 0]

    # Choices ------------------------------------------------------------------------------------------------

    def _choices(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in CHOICES}

    @contextmanager
    def _stillness(self) -> Iterator[None]:
        """Change several choices and draw nothing for each."""
        before, self._still = self._still, True
        try:
            yield
        finally:
            self._still = before

    def _turn(self, view: str, choices: dict[str, Any]) -> None:
        """Show a view with these choices."""
        with self._stillness():
            self.view = view
            self.selected = None
            for name in FILTERS:
                setattr(self, name, choices[name])
        self._fill_menus()
        self._draw()
        self.page = choices["page"]
        if choices["selected"] is not None and choices["selected"] in self._index_here():
            self.selected = choices["selected"]
        else:
            self._selection_changed({"new": None})

    def _turned_view(self, change: Any) -> None:
        if not self._still:
            left = self._choices() | {"selected": self.selected}
            self._kept[change["old"]] = left
            self._trail.append((change["old"], left))
            self._turn(change["new"], self._kept.get(change["new"], CHOICES))

    def back(self) -> None:
        """Show what was shown before.

        Examples
        --------
        >>> explorer = ds.widgets.DirectoryExplorer(client, directories.index[0])
        >>> explorer.view = "Groups"
        >>> explorer.back()
        >>> explorer.view
        'Users'
        """
        if self._trail:
            view, choices = self._trail.pop()
            self._turn(view, choices)

    def _row_picked(self, row_id: str) -> None:
        if self._controls.idle:
            return
        if self.view != "Directories":
            self.selected = row_id or None
        elif row_id == self.directory_id:
            self.view = "Users"
        elif row_id:
            self._came = [("Directories", self._choices())]
            self.directory_id = row_id

    def _facet_clicked(self, key: str, value: str | None) -> None:
        if self.retired:
            return
        if key == "attribute":
            with self._stillness():
                self.attribute = self._faceted
            self.attribute_value = value
        elif key in ("state", "group_id"):
            if value is not None and key == "group_id":
                self._offer_group(value)
            setattr(self, key, value)

    def _filter_changed(self, change: Any) -> None:
        name, value = change["name"], change["new"]
        if name == "attribute":
            self.attribute_value = None
            self.filters.offer_values(self._lists.get("Users"), self.attribute)
        if self._still:
            return
        if value and self.view != "Users" and name in OF_USERS:
            left = self._choices() | {name: None}
            self._trail.append((self.view, left))
            self._kept[self.view] = left
            self._turn("Users", CHOICES | {name: value})
        self.table.page = 1
        if name == "group_id" and value and value not in self._members:
            self._load_members(value)
        else:
            self._draw()

    def _selection_changed(self, change: Any) -> None:
        if self._still:
            return
        chosen = change["new"]
        if chosen is None:
            self.card.clear()
        elif self.view == "Users":
            self.card.show(user_id=chosen)
        else:
            self.card.show(group_id=chosen)
        self._draw_card()

    def _card_turned(self, _: Any) -> None:
        """Follow a card that went from a person to a group, or on to somebody else."""
        here = self.card.user_id if self.view == "Users" else self.card.group_id
        with self._stillness():
            self.selected = here if here in self._index_here() else None
        self._draw_card()

    def _index_here(self) -> pd.Index:
        frame = {"Users": self._users, "Groups": self._groups}.get(self.view)
        return pd.Index([]) if frame is None else frame.index

    def _close(self) -> None:
        self.selected = None
        self.card.clear()

    def _named(self, address: str) -> str | None:
        """Find the one user with this address."""
        if self._users is None:
            return None
        found = self._users.index[self._users["address"].str.casefold() == address.casefold()]
        return str(found[0]) if len(found) == 1 else None

    def list_members(self) -> None:
        """Show the members of the group on the card as the list of users.

        Examples
        --------
        >>> explorer = ds.widgets.DirectoryExplorer(client, directories.index[0])
        >>> explorer.view = "Groups"
        >>> explorer.selected = groups.index[0]
        >>> explorer.list_members()
        >>> explorer.group_id == groups.index[0]
        True
        """
        group_id = self.card.group_id
        if group_id is not None:
            self._kept[self.view] = self._choices()
            self._trail.append((self.view, self._choices()))
            self._turn("Users", CHOICES)
            self._offer_group(group_id)
            self.group_id = group_id

    def _offer_group(self, group_id: str) -> None:
        """Put a group into the menu that was not among the first 50."""
        entries = list(self.filters.group.options)
        if self._groups is not None and group_id not in [i for _, i in entries]:
            name = label(name_label(self._groups.loc[group_id, "name"]), MENU)
            self.filters.offer_groups([(name, group_id), *entries[1:ROWS]], self._lists.get("Groups"))

    def clear_filters(self) -> None:
        """Show everybody again.

        Examples
        --------
        >>> explorer = ds.widgets.DirectoryExplorer(client, directories.index[0])
        >>> explorer.search = "lee"
        >>> explorer.clear_filters()
        >>> explorer.total == len(users)
        True
        """
        self._trail.append((self.view, self._choices()))  # Back undoes it
        with self._stillness():
            for name in FILTERS:
                setattr(self, name, CHOICES[name])
        self.table.page = 1
        self._draw()

    # Drawing ------------------------------------------------------------------------------------------------

    def _fill_menus(self) -> None:
        """Offer the choices of this view; a menu never holds more than 50."""
        of_users = self.view == "Users"
        self.filters.search.placeholder = SEARCH[self.view]
        with self._stillness():
            self.filters.offer(
                self._lists.get(self.view),
                groups=self._lists.get("Groups") if of_users else None,
                attributes=self._attributes if of_users else [],
            )
            if self.attribute is not None:
                self.filters.offer_values(self._lists.get("Users"), self.attribute)
            if self.group_id is not None:
                self._offer_group(self.group_id)
        self._controls.follow()

    def _draw(self) -> None:
        if self.retired or self._still:
            return
        self._controls.follow()
        # While it reads, the place of the filters stays free: nothing jumps when they come.
        self.filters.row.layout.display = ""
        self.filters.row.layout.visibility = "visible" if self.view in self._lists else "hidden"
        self.back_button.layout.display = "" if self._trail else "none"
        self._draw_place()
        listing = self._lists.get(self.view)
        with self._controls.silence(), self.table.hold_sync():
            self.table.saved = self.view.lower()
            if self.table.label != self.view or listing is not None:
                self.table.offer(columns_of(self.view, self._attributes), self.view)
            self.table.sort = self.sort or ("" if self.search.strip() else "name")
            if listing is None:
                self.total = 0
                self.table.show([])
            else:
                self._draw_rows(listing)
        self.page = self.table.page
        self._draw_facets(listing)
        self._draw_card()
        self._show_code()
        self.settled()

    def _draw_rows(self, listing: Listing) -> None:
        places = listing.found(self._mask(listing), self.sort, self.search)
        self.total = len(places)
        self.table.show(
            Found(listing, places, self.search),
            empty=nothing_in(self.view, len(listing)),
            marks=listing.words(self.search),
        )
        filtered = bool(self.search.strip() or self.state or self.group_id or self.attribute_value)
        self.reset_button.layout.display = "" if filtered else "none"
        text = self._count(len(listing), filtered=filtered)
        best = " Best matches first." if self.search.strip() and not self.sort and self.total > 1 else ""
        if not self.jobs.busy:
            self.status.say("ready" if self.total else "empty", f"{text}.{best}")

    def _count(self, whole: int, *, filtered: bool) -> str:
        noun, many = NOUNS[self.view]
        return count_of(self.total, whole, noun, many) if filtered else plural(whole, noun, many)

    def _mask(self, listing: Listing, but: str = "") -> Mask:
        mask = self.filters.mask(listing, but=but)
        if self.view == "Users" and self.group_id is not None and but != "group_id":
            # Of a group that is not read yet nobody is shown, rather than everybody.
            members = np.zeros(len(listing), dtype=bool)
            members[self._members.get(self.group_id, [])] = True
            mask = mask & members
        return mask

    def _draw_place(self) -> None:
        if self.directory_id is None:
            self._where.value = '<span class="dsn-note">Pick a directory to see its users and groups.</span>'
            return
        directory = self._directories.loc[self.directory_id]
        self._where.value = f"<span>in <b>{shown(directory['name'], MENU)}</b></span>"

    @property
    def _faceted(self) -> str | None:
        """The attribute that is counted: the one chosen, or the department."""
        return self.attribute or (FACETED if FACETED in self._attributes else None)

    def _draw_facets(self, listing: Listing | None) -> None:
        facets = []
        if listing is not None and self.view == "Users" and len(listing):
            codes, values = listing.codes("state")
            facets.append(
                facet("state", "State", counted(codes, values, self._mask(listing, "state")), self.state)
            )
            if self._faceted is not None:
                codes, values = listing.codes(self._faceted, attribute=True)
                counts = counted(codes, values, self._mask(listing, "attribute"))
                title = self._faceted.removesuffix("_name").replace("_", " ").capitalize()
                facets.append(facet("attribute", title, counts, self.attribute_value))
            if self._groups is not None and len(self._groups):
                facets.append(self._group_facet(self._mask(listing, "group_id")))
        self.facets.facets = facets
        self.facets.layout.display = "" if facets else "none"

    def _group_facet(self, mask: Mask) -> dict[str, Any]:
        assert self._groups is not None
        listing = self._lists["Groups"]
        first = [listing.ids[place] for place in listing.order("name").tolist()]
        counts: dict[str, int | None] = {
            one: int(mask[self._members[one]].sum()) if one in self._members else None
            for one in (first if self._memberships is not None else first[:ROWS])
        }
        names = dict(zip(listing.ids, map(str, self._groups["name"].fillna("")), strict=True))
        ask = "" if self._memberships is not None else "count members"
        return facet("group_id", "Group", counts, self.group_id, names=names, ask=ask)

    def _draw_card(self) -> None:
        """Show the card only where there is somebody on it, and mark the row it is of."""
        on_card = self.view != "Directories" and self.card.kind is not None
        self.card.layout.display = "" if on_card else "none"
        self.members_button.layout.display = "" if on_card and self.card.group_id is not None else "none"
        with self._controls.silence():
            self.table.picked = (self.directory_id if self.view == "Directories" else self.selected) or ""

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        if self.view == "Directories" or self.directory_id is None:
            call: Any = ("directories", "directories", {})
        elif self.view == "Groups":
            call = ("groups", "groups", {"directory_id": self.directory_id})
        else:
            filters = {"directory_id": self.directory_id} | (
                {"group_id": self.group_id} if self.group_id else {}
            )
            call = ("users", "users", filters)
        then = sdk_then = ""
        if self.view == "Users" and self.state is not None:
            then = f'users = users[users["state"] == {self.state!r}]'
            sdk_then = f"users = [user for user in users if user.state == {self.state!r}]"
        self.code.snippets = snippets(self.client, call, then=then, sdk_then=sdk_then)

    def summary(self) -> str:
        """Return how much of what is shown."""
        listing = self._lists.get(self.view)
        whole = self.total if listing is None else len(listing)
        text = self._count(whole, filtered=self.total != whole)
        if self.directory_id is None or self.view == "Directories":
            return text
        return f"{text} of {label(self._directories.loc[self.directory_id, 'name'], MENU)}"

    def static(self) -> str:
        """Return the first rows as a table."""
        if self.status.kind == "error":
            return html_table(("Directory explorer",), [(self.status.text,)])
        columns = [one for key in STATIC[self.view] for one in columns_of(self.view) if one["key"] == key]
        flat = [{name: v for name, v in one.items() if name != "sub"} for one in columns]
        source = self.table.source
        first = source.rows(0, STATIC_ROWS, flat) if isinstance(source, Found) else []
        here = f"; here the first {len(first)}" if len(first) < self.total else ""
        rows = [[cell[0] if isinstance(cell, tuple) else cell for cell in cells] for _, cells in first]
        return html_table([one["title"] for one in columns], rows, caption=f"{self.summary()}{here}")
