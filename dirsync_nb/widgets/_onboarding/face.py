"""The face of the onboarding widget: its controls and where they stand. What they do is the widget's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as w

from .._base.controls import Controls
from .._base.filters import UserFilters
from .._base.groups import GroupPicker
from .._base.parts import Choice, button, field, note, row, status_html
from .._base.table import RowTable
from .lists import COLUMNS, VIEWS, counts_html

__all__ = ["KINDS", "MATCHES", "Face"]

MATCHES = ("in any", "in all")
KINDS = {"CSV": "csv", "Excel": "xlsx", "Parquet": "parquet"}


class Face:
    """The controls, in three parts: the directory on top, whom to pick, and the lists with their files.

    Parameters
    ----------
    controls
        The widget's, to which those that stand for a trait are tied.
    tick
        Called with the id of a person whose row was clicked.
    """

    def __init__(self, controls: Controls, *, tick: Callable[[str], None]) -> None:
        self._make_picking(controls)
        self._make_lists(controls, tick)
        controls.tie(match=self.match, view=self.views, kind=self.kind, folder=self.folder)

    def _make_picking(self, controls: Controls) -> None:
        self.directory = field(w.Dropdown(description="Directory", options=[("choose …", "")]))
        self.top = row(self.directory)
        self.filters = UserFilters(controls, domain=True)
        self.groups = GroupPicker(controls, "Members of these groups")
        self.match = Choice(
            MATCHES, label="Members of", tooltips=["Of any picked group", "Of all picked groups"]
        )
        do = controls.owner
        self.add = button("Select these", "plus", "Add everybody who fits to the selection", do.select)
        self.drop = button(
            "Deselect these", "minus", "Take everybody who fits out of the selection", do.deselect
        )
        self.others = button("All but these", "adjust", "Select everybody who does not fit", do.select_others)
        self.none = button("Select nobody", "times", "Empty the selection", do.select_nobody)
        self.clear = button("Clear filters", "filter", "List everybody again", do.clear_filters)
        self.undo = button("Undo", "undo", "As it was before this was cleared", do.undo)
        self.picking = w.VBox(
            [
                self.filters.row,
                row(self.groups.box, self.match, top=True),
                row(self.add, self.drop, self.others, self.none, self.clear, self.undo, level=True),
            ]
        )

    def _make_lists(self, controls: Controls, tick: Callable[[str], None]) -> None:
        self.counts = w.HTML()
        self.views = Choice(
            VIEWS,
            label="List",
            tooltips=["Whom to select", "Who is invited", "Account prefill", "Team prefill"],
        )
        self.table = RowTable(COLUMNS["People"], label="People", sort="name", tick=tick)
        self.kind = field(w.Dropdown(description="Kind of file", options=list(KINDS.items())))
        self.folder = field(w.Text(description="Folder", continuous_update=False), grow=True)
        self.write = button("Write files", "save", "Write the four lists", controls.owner.write)
        self.wrote = w.HTML()
        files = w.VBox(
            [
                row(self.kind, self.folder, self.write),
                self.wrote,
                note(
                    "Writes invites, accounts, teams and team_members into this folder, beside this notebook's "
                    "kernel; files of the same name are replaced. Nothing is sent to anybody."
                ),
            ]
        )
        files.add_class("dsn-step")
        self.lists = w.VBox([self.counts, self.views, self.table, files])

    def open(self, *, here: bool) -> None:
        """Show all but the directory only when its people are here."""
        self.picking.layout.display = self.lists.layout.display = "" if here else "none"

    def offer(self, counts: Mapping[str, int | None], total: int, *, filtered: bool, several: bool) -> None:
        """Show the counts, and the controls there is something to do with.

        Parameters
        ----------
        counts
            How many are selected, and how many of each verdict.
        total
            How many people fit the filters.
        filtered
            Whether there are any filters.
        several
            Whether more than one group is picked.
        """
        self.match.layout.display = "" if several else "none"
        self.clear.layout.display = "" if filtered else "none"
        self.none.disabled = self.write.disabled = not counts["selected"]
        self.counts.value = counts_html(counts)
        these = "this one" if total == 1 else f"these {total:,}"
        self.add.description, self.drop.description = f"Select {these}", f"Deselect {these}"

    def answer(self, kind: str, text: str) -> None:
        """Say beside the button what became of the files."""
        self.wrote.value = status_html(kind, text) if text else ""

    def turn(self, view: str, sort: str, *, seats: bool) -> None:
        """Let the table show the columns of a view; only people can be sorted and ticked.

        ``seats`` says whether there is an end to them, so that it matters who comes first.
        """
        people = view == "People"
        self.table.offer([one for one in COLUMNS[view] if seats or one["key"] != "seat"], view)
        self.table.tickable = self.table.clickable = people
        self.table.sort = sort if people else ""
        self.table.saved = view.lower().replace(" ", "_")
