"""A list of groups to pick several from, with a search of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import traitlets as t

from .controls import MENU, Controls
from .listing import Listing
from .parts import field
from .text import NO_NAME, count_of, label, shown

__all__ = ["GroupPicker"]


class GroupPicker:
    """Controls tied to the traits ``find`` and ``group_ids`` of a widget.

    Parameters
    ----------
    controls
        The widget's.
    title
        Label of the list.
    rows
        Its height.
    """

    def __init__(self, controls: Controls, title: str, *, rows: int = 7) -> None:
        self._controls = controls
        self._listing: Listing | None = None
        self.find = field(w.Text(description="Find a group", placeholder="part of its name"))
        self.list = field(w.SelectMultiple(description=title, rows=rows), grow=True)
        self.said = w.HTML()
        controls.tie(self.find, "find")
        self.list.observe(lambda change: self._picked(change["new"]), "value")

    def _picked(self, value: Sequence[str]) -> None:
        if self._controls.idle:
            return
        owner = self._controls.owner
        # Groups picked before and hidden by the search stay picked.
        offered = {group_id for _, group_id in self.list.options}
        try:
            owner.group_ids = tuple(one for one in owner.group_ids if one not in offered) + tuple(value)
        except t.TraitError as problem:
            self._controls.refused(problem)
            self.offer(self._listing)

    def offer(self, listing: Listing | None) -> None:
        """Offer the groups that fit the search, at most 50."""
        self._listing = listing
        if listing is None:
            self._controls.fill(self.list, [], value=())
            self.said.value = ""
            return
        owner = self._controls.owner
        total, places = listing.page(listing.matching(owner.find), "name", 1)
        entries = [(label(cells[0], MENU) or NO_NAME, i) for i, cells in listing.rows(places)]
        offered = [i for _, i in entries]
        self._controls.fill(self.list, entries, value=tuple(i for i in owner.group_ids if i in offered))
        self._controls.follow()
        picked = ", ".join(shown(self.name(one), MENU) for one in owner.group_ids)
        text = f"{count_of(len(entries), total, 'group')} offered. Ctrl or Shift with a click picks several."
        self.said.value = f'<p class="dsn-note">{text}{f" Picked: {picked}." if picked else ""}</p>'

    def name(self, group_id: str) -> Any:
        """Name a group."""
        if self._listing is None:
            return NO_NAME
        return label(self._listing.frame["name"][group_id], MENU) or NO_NAME
