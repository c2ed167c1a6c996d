"""A list of groups to tick several of, with a search of its own."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import traitlets as t

from .controls import MENU, Controls
from .listing import Found, Listing
from .parts import field, row
from .table import Column, RowTable
from .text import NO_NAME, label, name_label, none_of, shown

__all__ = ["GROUP_COLUMNS", "GroupPicker"]

GROUP_COLUMNS: list[Column] = [
    {"key": "name", "title": "Group", "sortable": False},
    {"key": "members", "title": "Members", "kind": "number", "room": 1},
]


def _columns(listing: Listing) -> list[Column]:
    """Return what is said of each group: its id where two have one name."""
    columns = GROUP_COLUMNS if "members" in listing.frame else GROUP_COLUMNS[:1]
    return [*columns, {"key": "id", "title": "Id"}] if listing.frame["name"].duplicated().any() else columns


class GroupPicker:
    """Controls tied to the traits ``find`` and ``group_ids`` of a widget.

    Parameters
    ----------
    controls
        The widget's.
    title
        Name of the list.
    """

    def __init__(self, controls: Controls, title: str) -> None:
        self._controls = controls
        self._listing: Listing | None = None
        self.find = field(w.Text(description="Find a group", placeholder="part of its name"))
        self.table = RowTable(GROUP_COLUMNS[:1], label=title, tick=self.toggle, size=5, tools=False)
        self.said = w.HTML()
        self.box = w.VBox([row(self.find), self.table, self.said])
        self.box.add_class("dsn-picker")
        controls.tie(find=self.find)

    def toggle(self, group_id: str) -> None:
        """Pick a group, or no more."""
        if self._controls.idle:
            return
        owner = self._controls.owner
        picked = tuple(one for one in owner.group_ids if one != group_id)
        try:
            owner.group_ids = picked if group_id in owner.group_ids else (*picked, group_id)
        except t.TraitError as problem:
            self._controls.refused(problem)

    def offer(self, listing: Listing | None) -> None:
        """Offer the groups that fit the search."""
        self._listing = listing
        owner = self._controls.owner
        self.box.layout.display = "none" if listing is None or not len(listing) else ""
        if listing is None:
            self.table.show([])
            return
        places = listing.found(listing.matching(owner.find), "name")
        with self.table.hold_sync():
            self.table.offer(_columns(listing))
            empty = none_of(len(listing), "group")
            self.table.show(Found(listing, places), empty=empty, marks=listing.words(owner.find))
            self.table.ticked = list(owner.group_ids)
        self._controls.follow()
        picked = ", ".join(shown(self.name(one), MENU) for one in owner.group_ids)
        self.said.value = f'<p class="dsn-note">{f"Picked: {picked}." if picked else ""}</p>'
        self.said.layout.display = "" if picked else "none"

    def name(self, group_id: str) -> Any:
        """Name a group."""
        if self._listing is None:
            return NO_NAME
        return label(name_label(self._listing.frame["name"][group_id]), MENU)
