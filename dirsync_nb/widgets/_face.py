"""The face of the onboarding widget: its controls and where they stand. What they do is the widget's."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from ._filters import UserFilters
from ._groups import GroupPicker
from ._lists import COLUMNS, VIEWS
from ._parts import RowTable, field, note, row

__all__ = ["KINDS", "MATCHES", "Face"]

MATCHES = ("in any", "in all")
KINDS = {"CSV": "csv", "Excel": "xlsx", "Parquet": "parquet"}


class Face:
    """The controls, in three parts: the directory on top, whom to pick, and the lists with their files.

    Parameters
    ----------
    filters, groups
        Controls that are tied to the widget already.
    tick
        Called with the id of a person whose row was clicked.
    """

    def __init__(self, filters: UserFilters, groups: GroupPicker, *, tick: Callable[[str], None]) -> None:
        self.directory = field(w.Dropdown(description="Directory", options=[("choose …", "")]), grow=True)
        self.match = w.ToggleButtons(options=MATCHES, tooltips=["Of any picked group", "Of all picked groups"])
        self.add, self.drop, self.others, self.none = (
            w.Button(description=text, icon=icon, tooltip=tip, layout=w.Layout(width="auto"))
            for text, icon, tip in (
                ("Select these", "plus", "Add everybody who fits to the selection"),
                ("Deselect these", "minus", "Take everybody who fits out of the selection"),
                ("All but these", "adjust", "Select everybody who does not fit"),
                ("Select nobody", "times", "Empty the selection"),
            )
        )
        self.clear = w.Button(description="Clear filters", icon="filter", tooltip="List everybody again")
        self.clear.layout.width = "auto"
        self.counts = w.HTML()
        self.views = w.ToggleButtons(
            options=VIEWS, tooltips=["Whom to select", "Who is invited", "Account prefill", "Team prefill"]
        )
        self.table = RowTable(COLUMNS["People"], label="People", sort="name", tick=tick)
        self.before = w.Button(icon="chevron-left", tooltip="Previous page", description="Previous")
        self.next = w.Button(icon="chevron-right", tooltip="Next page", description="Next")
        self.place = w.HTML()
        for button in (self.before, self.next):
            button.layout.width = "auto"
        self.kind = field(w.Dropdown(description="Kind of file", options=list(KINDS.items())))
        self.folder = field(w.Text(description="Folder", continuous_update=False), grow=True)
        self.write = w.Button(
            description="Write files",
            icon="save",
            tooltip="Write the four lists",
            layout=w.Layout(width="auto"),
        )
        self.picking = w.VBox(
            [
                filters.row,
                row(groups.find, groups.list, self.match, top=True),
                groups.said,
                row(self.add, self.drop, self.others, self.none, self.clear, level=True),
            ]
        )
        files = w.VBox(
            [
                row(self.kind, self.folder, self.write),
                note(
                    "Writes invites, accounts, teams and team_members into this folder, beside this notebook's "
                    "kernel; files of the same name are replaced. Nothing is sent to anybody."
                ),
            ]
        )
        files.add_class("dsn-step")
        self.lists = w.VBox(
            [
                self.counts,
                self.views,
                self.table,
                row(self.before, self.place, self.next, level=True),
                files,
            ]
        )
        self.top = row(self.directory)
