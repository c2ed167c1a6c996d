"""Directories, then the users and groups of one: search, filter, sort, page, and look at one of them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from ..client import DirectoryClient, identifier
from ._base.code import snippets
from ._base.controls import MENU, only_by_column, only_listed
from ._base.directory_lists import COLUMNS, NOUNS, VIEWS, listing_of, nothing_in
from ._base.explorer import Explorer
from ._base.filters import UserFilters
from ._base.jobs import Job
from ._base.listing import Listing, attribute_names
from ._base.pager import Pager
from ._base.parts import ROWS, RowTable, button, row
from ._base.reading import read_frame, read_ids, read_users
from ._base.text import NO_NAME, count_of, html_table, label, shown
from .detail_card import DetailCard

__all__ = ["DirectoryExplorer"]

STATIC_ROWS = 10


class DirectoryExplorer(Explorer):
    """Look through directories, and the users and groups of one.

    Parameters
    ----------
    client
        Where to read.
    directory_id
        The directory to open: an id, a record, or a row of a directories frame. Default: the list of all.
    users, groups
        Frames of that directory, where you have them already.

    Attributes
    ----------
    directory_id
        The open directory, or None.
    view
        "Directories", "Users" or "Groups".
    search, state, group_id, attribute, attribute_value
        What the rows are filtered by; "" or None for nothing.
    sort
        A column's key, after "-" for the other way round.
    page
        From 1 on; 50 rows each.
    selected
        Id of the user or group whose card is open, or None.
    total
        How many rows the filters leave.
    users, groups
        The frames of the open directory.
    """

    name = "directories"
    directory_id = t.Unicode(None, allow_none=True)
    view = t.Enum(VIEWS, "Directories")
    search = t.Unicode("")
    state = t.Unicode(None, allow_none=True)
    group_id = t.Unicode(None, allow_none=True)
    attribute = t.Unicode(None, allow_none=True)
    attribute_value = t.Unicode(None, allow_none=True)
    sort = t.Unicode("name")
    page = t.Int(1)
    selected = t.Unicode(None, allow_none=True)
    total = t.Int(0)

    def __init__(
        self,
        client: DirectoryClient,
        directory_id: Any = None,
        *,
        users: pd.DataFrame | None = None,
        groups: pd.DataFrame | None = None,
    ) -> None:
        super().__init__(client)
        self.users, self.groups = users, groups
        self._lists: dict[str, Listing] = {}
        self._members: dict[str, list[str]] = {}
        self._wanted = None if directory_id is None else identifier(directory_id, "directory_id")
        self._given = (users, groups)
        self._attributes: list[str] = []
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.views = w.ToggleButtons(options=VIEWS, tooltips=["All directories", "Its users", "Its groups"])
        self._where = w.HTML()
        self._controls.tie(self.views, "view")
        self.filters = UserFilters(self._controls, group=True)
        self.table = RowTable(COLUMNS["Directories"], label="Directories", sort="name")
        self.pager = Pager(self._controls)
        self.reset_button = button("Clear filters", "times", "Remove search and filters")
        self.members_button = button("List its members", "users", "As the filter of the users")
        self.card = DetailCard(self.client, nested=True)
        buttons = row(*self.pager.controls, self.reset_button, self.members_button, level=True)
        main = w.VBox([self.table, buttons])
        main.add_class("dsn-main")
        split = w.HBox([main, self.card])
        split.add_class("dsn-split")
        self.assemble(row(self.views, self._where, level=True), self.filters.row, below=[split])

    def _connect(self) -> None:
        self.table.observe(lambda change: setattr(self, "sort", change["new"]), "sort")
        self.table.observe(lambda change: self._row_picked(change["new"]), "picked")
        self.members_button.on_click(lambda _: self.list_members())
        self.reset_button.on_click(lambda _: self.clear_filters())
        self.observe(self._directory_changed, "directory_id")
        self.observe(self._turned_view, "view")
        self.observe(
            self._filter_changed, ["search", "state", "group_id", "attribute", "attribute_value", "sort"]
        )
        self.observe(lambda _: self._draw(), "page")
        self.observe(self._selection_changed, "selected")

    # Validation ---------------------------------------------------------------------------------------------

    @t.validate("directory_id")
    def _only_a_listed_directory(self, proposal: Any) -> Any:
        if proposal.value is not None:
            only_listed(proposal.value, self.directories.index, "directory")
        return proposal.value

    @t.validate("view")
    def _only_with_a_directory(self, proposal: Any) -> Any:
        if proposal.value != "Directories" and self.directory_id is None:
            raise t.TraitError(f"choose a directory before its {proposal.value.lower()}")
        return proposal.value

    @t.validate("page")
    def _only_a_page_there_is(self, proposal: Any) -> int:
        return self.pager.within(proposal.value)

    @t.validate("sort")
    def _only_by_a_column(self, proposal: Any) -> str:
        return only_by_column(proposal.value, COLUMNS[self.view])

    @t.validate("selected")
    def _only_somebody_of_this_view(self, proposal: Any) -> Any:
        frame = {"Users": self.users, "Groups": self.groups}.get(self.view)
        if proposal.value is not None and (frame is None or proposal.value not in frame.index):
            raise t.TraitError(f"no {proposal.value!r} among the {self.view.lower()} of this directory")
        return proposal.value

    # Loading ------------------------------------------------------------------------------------------------

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self.directories = frame
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
        self.jobs.drop("directory")
        self.jobs.drop("members")
        self._forget_directory()
        if change["new"] is None:
            self.view = "Directories"
            return
        given, self._given = self._given, (None, None)
        self.busy("Reading groups and users …")
        self.view = "Users"
        self._draw()
        self._run(
            "directory", lambda job: self._read_directory(change["new"], given, job), self._directory_read
        )

    def _forget_directory(self) -> None:
        self._lists = {name: listing for name, listing in self._lists.items() if name == "Directories"}
        self.users = self.groups = None
        self._members = {}
        with self.hold_trait_notifications():
            self.selected, self.page = None, 1
            self.filters.clear()
        self.card.clear()

    def _read_directory(
        self, directory_id: str, given: Any, job: Job
    ) -> tuple[pd.DataFrame, pd.DataFrame, Any]:
        """Read groups and users and prepare the search, all on the thread."""
        users, groups = given
        if groups is None:
            groups = read_frame(self.client, "groups", job, directory_id=directory_id)
        if users is None:
            users = read_users(self.client, self.directories, directory_id, job)
        job.tell("Preparing the search …")
        lists = {"Users": listing_of("Users", users), "Groups": listing_of("Groups", groups)}
        lists["Users"].order("name")
        return users, groups, (lists, attribute_names(users))

    def _directory_read(self, found: Any) -> None:
        self.users, self.groups, (lists, self._attributes) = found
        self._lists |= lists
        self._fill_menus()
        self._draw()
        self.settled()

    def again(self) -> None:
        """Read once more what is open."""
        if self.directory_id is None or self.directories.empty:
            self._read_directories()
        elif self.group_id is not None and self.group_id not in self._members:
            self._load_members(self.group_id)
        else:
            self._directory_changed({"new": self.directory_id})

    # Choices ------------------------------------------------------------------------------------------------

    def _row_picked(self, row_id: str) -> None:
        if self._controls.idle or not row_id:
            return
        if self.view == "Directories":
            self.directory_id = row_id
        else:
            self.selected = row_id

    def _turned_view(self, _: Any) -> None:
        with self.hold_trait_notifications():
            self.selected, self.page, self.sort = None, 1, "name"
            self.filters.clear()
        self._fill_menus()
        self._draw()

    def _filter_changed(self, change: Any) -> None:
        if change["name"] == "attribute":
            self.attribute_value = None
            self.filters.offer_values(self.users, self.attribute)
        if change["name"] == "group_id" and change["new"] and change["new"] not in self._members:
            self._load_members(change["new"])
            return
        self._draw_from_the_start()

    def _draw_from_the_start(self) -> None:
        if not self.pager.rewind():  # a page that turns draws
            self._draw()

    def _load_members(self, group_id: str) -> None:
        self.busy("Reading the members of the group …")
        filters = {"group_id": group_id, "directory_id": self.directory_id}

        def read(members: list[str]) -> None:
            self._members[group_id] = members
            self._draw_from_the_start()

        self._run("members", lambda job: read_ids(self.client, "users", job, **filters), read)

    def _selection_changed(self, change: Any) -> None:
        chosen = change["new"]
        if chosen is None:
            self.card.clear()
        elif self.view == "Users":
            self.card.user_id = chosen
        else:
            self.card.group_id = chosen
        self.members_button.layout.display = "" if self.view == "Groups" and chosen is not None else "none"
        self._follow()

    def list_members(self) -> None:
        """Show the members of the selected group as the list of users."""
        group_id = self.selected
        if self.view == "Groups" and group_id is not None:
            self.view = "Users"
            self._offer_group(group_id)
            self.group_id = group_id

    def _offer_group(self, group_id: str) -> None:
        """Put a group into the menu that was not among the first 50."""
        entries = list(self.filters.group.options)
        if self.groups is not None and group_id not in [i for _, i in entries]:
            name = label(self.groups.loc[group_id, "name"], MENU) or NO_NAME
            self.filters.offer_groups([(name, group_id), *entries[1:ROWS]], self._lists.get("Groups"))

    def clear_filters(self) -> None:
        """Show everybody again."""
        with self.hold_trait_notifications():
            self.filters.clear()
        self._follow()
        self._draw()

    # Drawing ------------------------------------------------------------------------------------------------

    def _fill_menus(self) -> None:
        """Offer the choices of this view; a menu never holds more than 50."""
        of_users = self.view == "Users"
        self.filters.offer(
            self._lists.get(self.view),
            groups=self._lists.get("Groups") if of_users else None,
            attributes=self._attributes if of_users else [],
        )
        self._follow()

    def _follow(self) -> None:
        """Let the controls show what the traits say."""
        self._controls.follow()
        with self._controls.silence():
            self.table.picked = self.selected or ""

    def _draw(self) -> None:
        if self.retired:
            return
        self.filters.row.layout.display = "" if self.view in self._lists else "none"
        self.card.layout.display = "none" if self.view == "Directories" else ""
        self._draw_place()
        listing = self._lists.get(self.view)
        with self.table.hold_sync():
            self.table.columns, self.table.label = COLUMNS[self.view], self.view
            self.table.sort = self.sort
            if listing is None:
                self.total = 0
                self.table.show([], empty="")
            else:
                self._draw_rows(listing)
        self._draw_pages(listing)
        self._show_code()
        self.settled()

    def _draw_rows(self, listing: Listing) -> None:
        self.total, places = listing.page(self._mask(listing), self.sort, self.page)
        picked = self.selected or (self.directory_id if self.view == "Directories" else "") or ""
        with self._controls.silence():
            self.table.picked = picked if self.view != "Directories" else ""
            self.table.show(listing.rows(places), empty=nothing_in(self.view, len(listing)))

    def _mask(self, listing: Listing) -> Any:
        mask = self.filters.mask(listing)
        if self.view == "Users" and self.group_id is not None:
            # Of a group that is not read yet nobody is shown, rather than everybody.
            mask = mask & listing.frame.index.isin(self._members.get(self.group_id, []))
        return mask

    def _draw_place(self) -> None:
        if self.directory_id is None:
            self._where.value = '<span class="dsn-note">Pick a directory to see its users and groups.</span>'
            return
        directory = self.directories.loc[self.directory_id]
        self._where.value = f"<span>in <b>{shown(directory['name'], MENU)}</b></span>"

    def _draw_pages(self, listing: Listing | None) -> None:
        filtered = bool(self.search or self.state or self.group_id or self.attribute_value)
        group_open = self.view == "Groups" and self.selected is not None
        self.pager.draw()
        self.members_button.layout.display = "" if group_open else "none"
        self.reset_button.layout.display = "" if filtered else "none"
        if listing is not None:
            here = min(ROWS, max(0, self.total - (self.page - 1) * ROWS))
            text = f"{count_of(here, self.total, *NOUNS[self.view])}{self.pager.words}"
            whole = f" ({len(listing):,} without filters)" if filtered else ""
            self.status.say("ready" if self.total else "empty", f"{text}{whole}.")

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        calls: list[Any] = []
        if self.view == "Directories" or self.directory_id is None:
            calls = [("directories", "directories", {})]
        elif self.view == "Groups":
            calls = [("groups", "groups", {"directory_id": self.directory_id})]
        else:
            filters = {"directory_id": self.directory_id} | (
                {"group_id": self.group_id} if self.group_id else {}
            )
            calls = [("users", "users", filters)]
        then = sdk_then = ""
        if self.view == "Users" and self.state is not None:
            then = f'users = users[users["state"] == {self.state!r}]'
            sdk_then = f"users = [user for user in users if user.state == {self.state!r}]"
        self.code.snippets = snippets(self.client, *calls, then=then, sdk_then=sdk_then)

    def summary(self) -> str:
        """Return how much of what is shown."""
        text = count_of(len(self.table.rows), self.total, *NOUNS[self.view])
        if self.directory_id is None:
            return text
        return f"{text} of {label(self.directories.loc[self.directory_id, 'name'], MENU)}"

    def static(self) -> str:
        """Return the first rows as a table."""
        if self.status.kind == "error":
            return html_table(("Directory explorer",), [(self.status.text,)])
        drawn = [cells for _, *cells in self.table.rows[:STATIC_ROWS]]
        rest = count_of(len(drawn), self.total, *NOUNS[self.view])
        return html_table(
            [c["title"] for c in COLUMNS[self.view]], drawn, caption=f"{self.summary()}; here {rest}"
        )
