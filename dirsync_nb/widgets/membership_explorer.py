"""Pick groups; see who is in them, how much they overlap, and both as charts."""

from __future__ import annotations

import base64
import io
from html import escape
from itertools import combinations
from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from ..client import DirectoryClient, Record, identifier
from ..frames import MEMBERSHIP_COLUMNS, choose_address
from ._base.code import snippets
from ._base.controls import MENU, only_listed
from ._base.explorer import NO_DIRECTORY, Explorer
from ._base.groups import GroupPicker
from ._base.jobs import Job
from ._base.listing import Listing
from ._base.parts import ROWS, Column, RowTable, field, row
from ._base.reading import read_frame, read_records
from ._base.text import NO_NAME, count_of, html_table, label, plain, plural

__all__ = ["MembershipExplorer"]

MOST = 8  # groups compared at once; a chart of more is no longer read at a glance
STATIC_ROWS = 10
WHO = ("in any", "in all", "in only one")
CHARTS = ("Sizes", "Overlap", "Who is in what")

MEMBERS: list[Column] = [
    {"key": "name", "title": "Member", "width": 30, "room": 0},
    {"key": "address", "title": "Address", "width": 34, "room": 2},
    {"key": "groups", "title": "In these groups", "width": 36, "room": 0},
]
PAIRS: list[Column] = [
    {"key": "a", "title": "Group", "width": 32, "room": 0},
    {"key": "b", "title": "and group", "width": 32, "room": 0},
    {"key": "shared", "title": "In both", "width": 18, "kind": "number", "room": 0},
    {"key": "jaccard", "title": "Of either", "width": 18, "kind": "number", "room": 2},
]


class MembershipExplorer(Explorer):
    """Compare groups of a directory: members, overlap, charts.

    The members of a group are read when it is picked, and remembered.

    Parameters
    ----------
    client
        Where to read.
    directory_id
        The directory: an id, a record, or a row of a directories frame. Default: the one with the most groups.
    group_ids
        Groups picked from the start.

    Attributes
    ----------
    directory_id
        Whose groups are offered.
    group_ids
        The groups picked, at most 8.
    find
        Only groups whose name holds this are offered.
    who
        "in any", "in all" or "in only one" of the picked groups.
    chart
        "Sizes", "Overlap" or "Who is in what".
    members
        The people shown: a frame of name, address and number of picked groups, by user id.
    memberships
        The memberships read so far, as a memberships frame of the picked groups.
    """

    name = "memberships"
    directory_id = t.Unicode(None, allow_none=True)
    group_ids = t.Tuple()
    find = t.Unicode("")
    who = t.Enum(WHO, "in any")
    chart = t.Enum(CHARTS, "Sizes")

    def __init__(self, client: DirectoryClient, directory_id: Any = None, *, group_ids: Any = ()) -> None:
        super().__init__(client)
        self.groups = pd.DataFrame()
        self.members = _people([], {}, "in any")
        self._listing: Listing | None = None
        self._read: dict[str, list[Record]] = {}
        self._wanted = None if directory_id is None else identifier(directory_id, "directory_id")
        self._picks = tuple(identifier(one, "group_ids") for one in group_ids)
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.directory_menu = field(w.Dropdown(description="Directory", options=[]), grow=True)
        self.picker = GroupPicker(self._controls, f"Groups (pick up to {MOST})")
        self.who_buttons = w.ToggleButtons(options=WHO, tooltips=["Union", "Intersection", "Exactly one"])
        self.chart_buttons = w.ToggleButtons(options=CHARTS)
        self.members_table = RowTable(MEMBERS, label="Members of the picked groups", clickable=False)
        self._count = w.HTML()
        self.pairs_table = RowTable(PAIRS, label="Overlap of the picked groups", clickable=False)
        self.picture = w.HTML()
        people = w.VBox([self.who_buttons, self.members_table, self._count])
        picture = w.VBox([self.chart_buttons, self.picture, self.pairs_table])
        self._body = w.HBox([people, picture])
        self._body.add_class("dsn-split")
        top = row(self.directory_menu, self.picker.find)
        self.assemble(top, row(self.picker.list), self.picker.said, below=[self._body])

    def _connect(self) -> None:
        for control, trait in (
            (self.directory_menu, "directory_id"),
            (self.who_buttons, "who"),
            (self.chart_buttons, "chart"),
        ):
            self._controls.tie(control, trait)
        self.observe(self._directory_changed, "directory_id")
        self.observe(lambda _: self.picker.offer(self._listing), "find")
        self.observe(self._picks_changed, "group_ids")
        self.observe(lambda _: self._draw_members(), "who")
        self.observe(lambda _: self._draw_chart(), "chart")

    @t.validate("directory_id")
    def _only_a_listed_directory(self, proposal: Any) -> Any:
        if proposal.value is not None:
            only_listed(proposal.value, self.directories.index, "directory")
        return proposal.value

    @t.validate("group_ids")
    def _only_a_few_listed_groups(self, proposal: Any) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(proposal.value))
        for one in wanted:
            only_listed(one, self.groups.index, "group", "of this directory")
        if len(wanted) > MOST:
            raise t.TraitError(f"at most {MOST} groups can be compared at once; got {len(wanted)}")
        return wanted

    # Loading ------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Read once more what did not end well."""
        if self.directories.empty:
            self._read_directories()
        elif self._listing is None:
            self._directory_changed({"new": self.directory_id})
        else:
            self._picks_changed(None)

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self.directories = frame
        if frame.empty:
            self.status.say("empty", NO_DIRECTORY)
            return
        ordered = frame.sort_values("groups", ascending=False, na_position="last")
        first = str(self._wanted if self._wanted in frame.index else ordered.index[0])
        entries = [(label(name, MENU) or NO_NAME, str(i)) for i, name in ordered["name"][:ROWS].items()]
        if first not in [i for _, i in entries]:
            entries = [(label(frame["name"][first], MENU), first), *entries[: ROWS - 1]]
        self._controls.fill(self.directory_menu, entries, value=first)
        if self._wanted is not None and self._wanted != first:
            self._say_missing(self._wanted)
            return
        self.directory_id = first

    def _directory_changed(self, change: Any) -> None:
        self.jobs.drop("groups")
        self.jobs.drop("members")
        self._listing, self.groups, self._read = None, pd.DataFrame(), {}
        with self.hold_trait_notifications():
            self.group_ids, self.find = (), ""
        if change["new"] is None:
            return
        self._controls.follow()
        self.busy("Reading groups …")
        self._run(
            "groups",
            lambda job: read_frame(self.client, "groups", job, directory_id=change["new"]),
            self._groups_read,
        )

    def _groups_read(self, frame: pd.DataFrame) -> None:
        self.groups = frame
        columns: list[Column] = [{"key": "name", "title": "Group"}]
        self._listing = Listing(frame, columns, ("name", "idp_id"))
        self.picker.offer(self._listing)
        picks, self._picks = self._picks, ()
        if picks:
            self.group_ids = picks
        else:
            self._draw()

    def _picks_changed(self, _: Any) -> None:
        self.picker.offer(self._listing)
        missing = [one for one in self.group_ids if one not in self._read]
        if not missing:
            self._draw()
            return
        self.busy("Reading members …")
        self._run("members", lambda job: self._read_members(missing, job), self._members_read)

    def _read_members(self, groups: list[str], job: Job) -> dict[str, list[Record]]:
        return {
            one: read_records(self.client, "users", job, group_id=one, directory_id=self.directory_id)[0]
            for one in groups
        }

    def _members_read(self, found: dict[str, list[Record]]) -> None:
        self._read |= found
        self._draw()

    # Drawing ------------------------------------------------------------------------------------------------

    @property
    def memberships(self) -> pd.DataFrame:
        """The memberships of the picked groups, one row for each user in a group."""
        pairs = [(m["id"], g, self.directory_id) for g in self.group_ids for m in self._read.get(g, [])]
        return pd.DataFrame(pairs, columns=list(MEMBERSHIP_COLUMNS)).astype(MEMBERSHIP_COLUMNS)

    def _draw(self) -> None:
        if self.retired:
            return
        self._body.layout.display = "" if self.group_ids else "none"
        if not self.group_ids:
            self.status.say("empty", self._offer_words())
        self._draw_members()
        self._draw_pairs()
        self._draw_chart()
        self._show_code()
        self.settled()

    def _offer_words(self) -> str:
        groups = len(self.groups)
        if not groups:
            return "This directory has no groups."
        return f"{plural(groups, 'group')}. Pick {'it' if groups == 1 else 'one or more'}."

    def _draw_members(self) -> None:
        records = {m["id"]: m for one in self.group_ids for m in self._read.get(one, [])}
        places: dict[str, list[str]] = {}
        for one in self.group_ids:
            for member in self._read.get(one, []):
                places.setdefault(member["id"], []).append(one)
        self.members = _people(list(records.values()), places, self.who, len(self.group_ids))
        rows = [
            (
                str(i),
                (
                    person["name"] or NO_NAME,
                    person["address"],
                    ", ".join(self.picker.name(g) for g in places[str(i)]),
                ),
            )
            for i, person in self.members[:ROWS].iterrows()
        ]
        self.members_table.show(rows, empty=f"Nobody is {self.who} of these groups.")
        found = f"{self.who} of the picked groups"
        text = f"{count_of(len(rows), len(self.members), 'person', 'people')} {found}"
        self._count.value = f'<p class="dsn-note">{text}.</p>'
        if self.group_ids:
            sizes = "; ".join(
                f"{self.picker.name(one)}: {len(self._read.get(one, [])):,}" for one in self.group_ids
            )
            self.status.say("ready", f"{text}. Members: {sizes}.")
        self._controls.follow()

    def _pair_rows(self) -> list[tuple[str, tuple[str, str, str, str]]]:
        people = {one: {m["id"] for m in self._read.get(one, [])} for one in self.group_ids}
        rows = []
        for a, b in combinations(self.group_ids, 2):
            both, either = len(people[a] & people[b]), len(people[a] | people[b])
            share = f"{both / either:.0%}" if either else "–"
            rows.append((both, (f"{a} {b}", (self.picker.name(a), self.picker.name(b), f"{both:,}", share))))
        return [line for _, line in sorted(rows, key=lambda pair: -pair[0])]

    def _draw_pairs(self) -> None:
        self.pairs_table.show(self._pair_rows(), empty="Pick a second group to see the overlap.")

    def _draw_chart(self) -> None:
        self._controls.follow()
        if not self.group_ids or self.retired:
            self.picture.value = ""
            return
        png, text = self._chart_png()
        data = base64.b64encode(png).decode()
        self.picture.value = (
            f'<img class="dsn-picture" src="data:image/png;base64,{data}" alt="{escape(plain(text))}">'
        )

    def _chart_png(self) -> tuple[bytes, str]:
        """Draw the chart on a figure of our own: a chart shows by itself only what it made itself."""
        from matplotlib.figure import Figure

        from .. import charts
        from ..charts import figure as drawing

        groups = self.groups.loc[list(self.group_ids)]
        make: Any = Figure  # matplotlib leaves its constructor untyped
        figure = make(
            figsize=(6.4, 1.6 + 0.42 * len(groups) if self.chart == "Sizes" else 4.2), layout="constrained"
        )
        ax = figure.add_subplot()
        if self.chart == "Sizes":
            charts.plot_group_sizes(self.memberships, groups, ax=ax)
        elif self.chart == "Overlap":
            charts.plot_group_overlap(self.memberships, groups, ax=ax)
        else:
            charts.plot_membership_matrix(self.memberships, None, groups, ax=ax)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", pad_inches=0.08)
        return buffer.getvalue(), drawing.alt_text(ax)

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        if self.directory_id is None:
            return
        calls: list[Any] = [("groups", "groups", {"directory_id": self.directory_id})]
        for number, one in enumerate(self.group_ids, 1):
            calls.append((f"members_{number}", "users", {"group_id": one, "directory_id": self.directory_id}))
        then = sdk_then = ""
        if len(self.group_ids) > 1:
            then = "both = members_1.index.intersection(members_2.index)"
            sdk_then = "both = {user.id for user in members_1} & {user.id for user in members_2}"
        self.code.snippets = snippets(self.client, *calls, then=then, sdk_then=sdk_then)

    def summary(self) -> str:
        """Return what is compared."""
        if not self.group_ids:
            return f"{plural(len(self.groups), 'group')}, none picked"
        names = ", ".join(self.picker.name(one) for one in self.group_ids)
        return f"{plural(len(self.members), 'person', 'people')} {self.who} of {names}"

    def static(self) -> str:
        """Return members, overlap and the chart."""
        if self.status.kind == "error" or not self.group_ids:
            return html_table(("Membership explorer",), [(self.status.text,)])
        drawn = [cells for _, *cells in self.members_table.rows[:STATIC_ROWS]]
        rest = count_of(len(drawn), len(self.members), "person", "people")
        people = html_table([c["title"] for c in MEMBERS], drawn, caption=f"{self.summary()}; here {rest}")
        pairs = html_table([c["title"] for c in PAIRS], [cells for _, cells in self._pair_rows()])
        return f"{people}{pairs}{self.picture.value}"


def _people(records: list[Record], places: dict[str, list[str]], who: str, picked: int = 0) -> pd.DataFrame:
    """Return the people that fit, those in the most groups first."""
    fits: Any = {
        "in any": lambda count: count > 0,
        "in all": lambda count: count == picked,
        "in only one": lambda count: count == 1,
    }[who]
    rows = [
        (record["id"], plain(record.get("name")), choose_address(record)[0] or "", len(places[record["id"]]))
        for record in records
        if fits(len(places[record["id"]]))
    ]
    rows.sort(key=lambda one: (-one[3], one[1].casefold(), one[0]))
    frame = pd.DataFrame(rows, columns=["user_id", "name", "address", "groups"])
    return frame.astype({"name": "str", "address": "str", "groups": "Int64"}).set_index("user_id")
