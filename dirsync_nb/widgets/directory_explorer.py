"""Directories, then the users and groups of one: search, filter, sort, page, and look at one of them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from ..client import DirectoryClient, identifier
from ..search import USER_TEXT
from ._code import snippets
from ._controls import MENU, Controls
from ._filters import UserFilters
from ._jobs import PATIENCE, Job
from ._listing import Listing, attribute_names
from ._panel import Panel
from ._parts import ROWS, Column, RowTable, row
from ._reading import read_frame, read_ids
from ._text import NO_NAME, count_of, html_table, label, shown
from .detail_card import DetailCard

__all__ = ["DirectoryExplorer"]

VIEWS = ("Directories", "Users", "Groups")
STATIC_ROWS = 10

COLUMNS: dict[str, list[Column]] = {
    "Directories": [
        {"key": "name", "title": "Directory", "width": 34, "room": 0, "sortable": True},
        {"key": "type", "title": "Provider", "width": 22, "room": 2, "sortable": True},
        {"key": "state", "title": "State", "width": 18, "kind": "state", "room": 0, "sortable": True},
        {
            "key": "active_users",
            "title": "Users",
            "width": 13,
            "kind": "number",
            "room": 0,
            "sortable": True,
        },
        {"key": "groups", "title": "Groups", "width": 13, "kind": "number", "room": 2, "sortable": True},
    ],
    "Users": [
        {"key": "name", "title": "Name", "width": 28, "room": 0, "sortable": True},
        {"key": "address", "title": "Address", "width": 36, "room": 0, "sortable": True},
        {"key": "state", "title": "State", "width": 18, "kind": "state", "room": 1, "sortable": True},
        {"key": "role", "title": "Role", "width": 13, "room": 2, "sortable": True},
        {"key": "created_at", "title": "Since", "width": 15, "room": 2, "sortable": True},
    ],
    "Groups": [
        {"key": "name", "title": "Group", "width": 40, "room": 0, "sortable": True},
        {"key": "idp_id", "title": "Provider's id", "width": 40, "room": 0, "sortable": True},
        {"key": "created_at", "title": "Since", "width": 15, "room": 2, "sortable": True},
    ],
}
SEARCHED = {
    "Directories": ("name", "type", "state"),
    "Users": USER_TEXT,
    "Groups": ("name", "idp_id"),
}


class DirectoryExplorer(Panel):
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
        super().__init__()
        self.client = client
        self.users, self.groups, self.directories = users, groups, pd.DataFrame()
        self._lists: dict[str, Listing] = {}
        self._members: dict[str, list[str]] = {}
        self._wanted = None if directory_id is None else identifier(directory_id, "directory_id")
        self._given = (users, groups)
        self._controls = Controls(self)
        self._patience: float | None = PATIENCE
        self._build()
        self._connect()
        self._load_directories()
        self._patience = None

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._views = w.ToggleButtons(options=VIEWS, tooltips=["All directories", "Its users", "Its groups"])
        self._where = w.HTML()
        self._controls.tie(self._views, "view")
        self._filters = UserFilters(self._controls, group=True)
        self._table = RowTable(COLUMNS["Directories"], label="Directories", sort="name")
        self._count = w.HTML()
        self._before = w.Button(icon="chevron-left", tooltip="Previous page", description="Previous")
        self._next = w.Button(icon="chevron-right", tooltip="Next page", description="Next")
        self._reset = w.Button(icon="times", tooltip="Remove search and filters", description="Clear filters")
        self._members_of = w.Button(
            icon="users", description="List its members", tooltip="As the filter of the users"
        )
        self.card = DetailCard(self.client, nested=True)
        for button in (self._before, self._next, self._reset, self._members_of):
            button.layout.width = "auto"
        main = w.VBox(
            [self._table, row(self._before, self._count, self._next, self._reset, self._members_of, level=True)]
        )
        main.add_class("dsn-main")
        split = w.HBox([main, self.card])
        split.add_class("dsn-split")
        self.assemble(row(self._views, self._where, level=True), self._filters.row, split)
        # The status line belongs beside the controls, not below the table.
        dress, top, filters, body, status, code = self.children
        self.children = (dress, top, filters, status, body, code)

    def _connect(self) -> None:
        self._table.observe(lambda change: setattr(self, "sort", change["new"]), "sort")
        self._table.observe(lambda change: self._row_picked(change["new"]), "picked")
        self._before.on_click(lambda _: setattr(self, "page", self.page - 1))
        self._next.on_click(lambda _: setattr(self, "page", self.page + 1))
        self._members_of.on_click(lambda _: self.list_members())
        self._reset.on_click(lambda _: self.clear_filters())
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
        if proposal.value is not None and proposal.value not in self.directories.index:
            raise t.TraitError(f"no directory {proposal.value!r} among the {len(self.directories):,} listed")
        return proposal.value

    @t.validate("view")
    def _only_with_a_directory(self, proposal: Any) -> Any:
        if proposal.value != "Directories" and self.directory_id is None:
            raise t.TraitError(f"choose a directory before its {proposal.value.lower()}")
        return proposal.value

    @t.validate("page")
    def _only_a_page_there_is(self, proposal: Any) -> int:
        return max(1, min(int(proposal.value), -(-self.total // ROWS) or 1))

    @t.validate("sort")
    def _only_by_a_column(self, proposal: Any) -> str:
        known = [column["key"] for column in COLUMNS[self.view]]
        if proposal.value.removeprefix("-") not in known:
            raise t.TraitError(f"sort must be one of {', '.join(known)}; got {proposal.value!r}")
        return str(proposal.value)

    @t.validate("selected")
    def _only_somebody_of_this_view(self, proposal: Any) -> Any:
        frame = {"Users": self.users, "Groups": self.groups}.get(self.view)
        if proposal.value is not None and (frame is None or proposal.value not in frame.index):
            raise t.TraitError(f"no {proposal.value!r} among the {self.view.lower()} of this directory")
        return proposal.value

    # Loading ------------------------------------------------------------------------------------------------

    def _load_directories(self) -> None:
        self.busy("Reading directories …")
        self.jobs.run(
            "directories",
            lambda job: read_frame(self.client, "directories", job),
            self._directories_read,
            self.status.problem,
            patience=self._patience,
        )

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self.directories = frame
        self._lists = {"Directories": Listing(frame, COLUMNS["Directories"], SEARCHED["Directories"])}
        wanted, self._wanted = self._wanted, None
        if wanted is not None and wanted not in frame.index:
            self.status.say("error", f"There is no directory {wanted} in this environment.")
            wanted = None
        if wanted is not None:
            self.directory_id = wanted
        else:
            self._fill_menus()
            self._draw()

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
        self.jobs.run(
            "directory",
            lambda job: self._read_directory(change["new"], given, job),
            self._directory_read,
            self.status.problem,
            patience=self._patience,
        )

    def _forget_directory(self) -> None:
        self._lists = {name: listing for name, listing in self._lists.items() if name == "Directories"}
        self.users = self.groups = None
        self._members = {}
        with self.hold_trait_notifications():
            self.selected = self.group_id = self.attribute = self.attribute_value = self.state = None
            self.search, self.page = "", 1
        self.card.clear()

    def _read_directory(
        self, directory_id: str, given: Any, job: Job
    ) -> tuple[pd.DataFrame, pd.DataFrame, Any]:
        """Read groups and users and prepare the search, all on the thread."""
        users, groups = given
        if groups is None:
            groups = read_frame(self.client, "groups", job, directory_id=directory_id)
        if users is None:
            counts = self.directories.loc[directory_id, ["active_users", "inactive_users"]]
            expected = int(counts.to_numpy(dtype=int).sum()) if counts.notna().all() else None
            users = read_frame(self.client, "users", job, directory_id=directory_id, expected=expected)
        job.tell("Preparing the search …")
        lists = {
            name: Listing(frame, COLUMNS[name], SEARCHED[name])
            for name, frame in (("Users", users), ("Groups", groups))
        }
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
            self._load_directories()
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
            self.selected, self.page, self.search, self.sort = None, 1, "", "name"
            self.state = self.group_id = self.attribute = self.attribute_value = None
        self._fill_menus()
        self._draw()

    def _filter_changed(self, change: Any) -> None:
        if change["name"] == "attribute":
            self.attribute_value = None
            self._filters.offer_values(self.users, self.attribute)
        if change["name"] == "group_id" and change["new"] and change["new"] not in self._members:
            self._load_members(change["new"])
            return
        self._draw_from_the_start()

    def _draw_from_the_start(self) -> None:
        if self.page != 1:
            self.page = 1  # which draws
        else:
            self._draw()

    def _load_members(self, group_id: str) -> None:
        self.busy("Reading the members of the group …")
        filters = {"group_id": group_id, "directory_id": self.directory_id}

        def read(members: list[str]) -> None:
            self._members[group_id] = members
            self._draw_from_the_start()

        self.jobs.run(
            "members",
            lambda job: read_ids(self.client, "users", job, **filters),
            read,
            self.status.problem,
            patience=self._patience,
        )

    def _selection_changed(self, change: Any) -> None:
        chosen = change["new"]
        if chosen is None:
            self.card.clear()
        elif self.view == "Users":
            self.card.user_id = chosen
        else:
            self.card.group_id = chosen
        self._members_of.layout.display = "" if self.view == "Groups" and chosen is not None else "none"
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
        entries = list(self._filters.group._options_full)
        if self.groups is not None and group_id not in [i for _, i in entries]:
            name = label(self.groups.loc[group_id, "name"], MENU) or NO_NAME
            self._filters.offer_groups([(name, group_id), *entries[1:ROWS]], self._lists.get("Groups"))

    def clear_filters(self) -> None:
        """Show everybody again."""
        with self.hold_trait_notifications():
            self.search = ""
            self.state = self.group_id = self.attribute = self.attribute_value = None
        self._follow()
        self._draw()

    # Drawing ------------------------------------------------------------------------------------------------

    def _fill_menus(self) -> None:
        """Offer the choices of this view; a menu never holds more than 50."""
        of_users = self.view == "Users"
        self._filters.offer(
            self._lists.get(self.view),
            groups=self._lists.get("Groups") if of_users else None,
            attributes=getattr(self, "_attributes", []) if of_users else [],
        )
        self._follow()

    def _follow(self) -> None:
        """Let the controls show what the traits say."""
        self._controls.follow()
        with self._controls.silence():
            self._table.picked = self.selected or ""

    def _draw(self) -> None:
        if self.retired:
            return
        self._filters.row.layout.display = "" if self.view in self._lists else "none"
        self.card.layout.display = "none" if self.view == "Directories" else ""
        self._draw_place()
        listing = self._lists.get(self.view)
        with self._table.hold_sync():
            self._table.columns, self._table.label = COLUMNS[self.view], self.view
            self._table.sort = self.sort
            if listing is None:
                self.total = 0
                self._table.show([], empty="")
            else:
                self._draw_rows(listing)
        self._draw_pages(listing)
        self._show_code()
        self.settled()

    def _draw_rows(self, listing: Listing) -> None:
        self.total, places = listing.page(self._mask(listing), self.sort, self.page)
        picked = self.selected or (self.directory_id if self.view == "Directories" else "") or ""
        with self._controls.silence():
            self._table.picked = picked if self.view != "Directories" else ""
            self._table.show(listing.rows(places), empty=self._nobody(listing))

    def _nobody(self, listing: Listing) -> str:
        noun = self.view.lower()
        if len(listing):
            return f"None of the {len(listing):,} {noun} fits. Clear the filters, or search for less."
        if self.view == "Directories":
            return "No directory in this environment yet: connect one with the Setup widget."
        return f"This directory has no {noun} yet. See what its state means in the Setup widget."

    def _mask(self, listing: Listing) -> Any:
        mask = self._filters.mask(listing)
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
        pages = -(-self.total // ROWS)
        many = pages > 1
        self._before.layout.display = self._next.layout.display = "" if many else "none"
        self._before.disabled, self._next.disabled = self.page <= 1, self.page >= pages
        filtered = bool(self.search or self.state or self.group_id or self.attribute_value)
        group_open = self.view == "Groups" and self.selected is not None
        self._members_of.layout.display = "" if group_open else "none"
        self._reset.layout.display = "" if filtered else "none"
        here = min(ROWS, max(0, self.total - (self.page - 1) * ROWS))
        noun = self.view.lower()
        text = count_of(here, self.total, noun) + (f", page {self.page} of {pages:,}" if many else "")
        self._count.value = f'<span class="dsn-count">page {self.page} of {pages:,}</span>' if many else ""
        if listing is not None:
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
        """Say how much of what is shown."""
        noun = self.view.lower()
        text = count_of(len(self._table.rows), self.total, noun)
        if self.directory_id is None:
            return text
        return f"{text} of {label(self.directories.loc[self.directory_id, 'name'], MENU)}"

    def static(self) -> str:
        """Give the first rows as a table."""
        if self.status.kind == "error":
            return html_table(("Directory explorer",), [(self.status.text,)])
        drawn = [cells for _, *cells in self._table.rows[:STATIC_ROWS]]
        rest = count_of(len(drawn), self.total, self.view.lower())
        return html_table(
            [c["title"] for c in COLUMNS[self.view]], drawn, caption=f"{self.summary()}; here {rest}"
        )
