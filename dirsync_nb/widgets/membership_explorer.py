"""Pick groups; see who is in them, how much they overlap, and both as charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from ..analysis.graph import group_graph, hold_nearly_all
from ..client import DirectoryClient, Record, checked_id, needs_client, one_or_many
from ..frames import MEMBERSHIP_COLUMNS, choose_address
from ._base.code import snippets
from ._base.controls import Ids, ListedId, only_listed
from ._base.directory_lists import directory_entries
from ._base.explorer import NO_DIRECTORY, Explorer
from ._base.groups import GROUP_COLUMNS, GroupPicker
from ._base.jobs import Job
from ._base.listing import Listing
from ._base.panel import Read
from ._base.parts import Choice, button, field, row
from ._base.pictures import TOLD, Picture, bars, combinations_picture, graph_picture, overlap_picture
from ._base.reading import read_frame, read_records
from ._base.table import ROWS, Column, Row, RowTable
from ._base.text import html_table, label, name_label, plain, plural
from .detail_card import DetailCard

__all__ = ["MembershipExplorer"]

MOST = 8  # groups compared at once; a chart of more is no longer read at a glance
STATIC_ROWS = 10
WHO = ("in any", "in all", "in only one")
CHARTS = ("Sizes", "Overlap", "Who is in what", "Graph")
WHOLE = ("Overlap", "Graph")  # pictures of all groups, while none is picked
ALL = 30  # groups of such a picture

MEMBERS: list[Column] = [
    {"key": "name", "title": "Member"},
    {"key": "groups", "title": "In these groups", "room": 2},
]
PAIRS: list[Column] = [
    {"key": "a", "title": "Group"},
    {"key": "b", "title": "and group"},
    {"key": "shared", "title": "In both", "kind": "number"},
    {"key": "jaccard", "title": "Of either", "kind": "number", "room": 2},
]


class MembershipExplorer(Explorer):
    """Compare groups of a directory: members, overlap, pictures.

    The members of a group are read when it is picked, and remembered. A click on a part of the picture lists
    the people it stands for, a click on one of them opens their card.

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
        "Sizes", "Overlap", "Who is in what" or "Graph". While no group is picked, Overlap shows all that are
        offered, at most 30, and a click on two of them goes into them; so does the graph, which always does.
    part
        The part of the picture that was clicked: "in" before the groups its people are in, "only" before those
        they are in and in no other; or "".
    members
        The people shown: a frame of name, address and number of picked groups, by user id.
    memberships
        The memberships read so far, as a memberships frame of the picked groups.

    Examples
    --------
    >>> explorer = ds.widgets.MembershipExplorer(client, directories.index[0])  # ends a cell, to be seen
    >>> explorer.close()
    """

    name = "memberships"
    directory_id = ListedId("directory", lambda self: self._directories.index)
    group_ids = Ids("group", lambda self: self._groups.index, "of this directory")
    find = t.Unicode("")
    who = t.Enum(WHO, "in any")
    chart = t.Enum(CHARTS, "Sizes")
    part = t.Unicode("")
    groups = Read()
    members = Read()

    @needs_client
    def __init__(self, client: DirectoryClient, directory_id: Any = None, *, group_ids: Any = ()) -> None:
        super().__init__(client)
        self._groups = pd.DataFrame()
        self._members = _people([], {}, "in any")
        self._listing: Listing | None = None
        self._read: dict[str, list[Record]] = {}
        self._wanted = None if directory_id is None else checked_id(directory_id, "directory_id")
        self._picks = tuple(one_or_many(group_ids, "group_id"))
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.directory_menu = field(w.Dropdown(description="Directory", options=[]))
        self.picker = GroupPicker(self._controls, f"Groups (pick up to {MOST})")
        self.who_buttons = Choice(WHO, label="Members", tooltips=["Union", "Intersection", "Exactly one"])
        self.chart_buttons = Choice(CHARTS, label="Picture")
        self.table = RowTable(MEMBERS, label="Members of the picked groups", saved="members")
        self.whole_button = button(
            "Show all",
            "times",
            "Everybody again, not only this part of the picture",
            lambda: setattr(self, "part", ""),
        )
        self.out_button = button(
            "All groups",
            "search-minus",
            "Out again: pick none, and see all of them",
            lambda: setattr(self, "group_ids", ()),
        )
        self.pairs_table = RowTable(
            PAIRS, label="Overlap of the picked groups", clickable=False, saved="overlap"
        )
        self.picture = Picture(self._part_clicked)
        self.card = DetailCard(self.client, nested=True, close=self._close)
        self._people = w.VBox([row(self.who_buttons, self.whole_button, level=True), self.table, self.card])
        picture = w.VBox([row(self.chart_buttons, self.out_button, level=True), self.picture, self.pairs_table])
        self._body = w.HBox([self._people, picture])
        self._body.add_class("dsn-split")
        self.assemble(row(self.directory_menu), self.picker.box, below=[self._body])

    def _connect(self) -> None:
        self._controls.tie(directory_id=self.directory_menu, who=self.who_buttons, chart=self.chart_buttons)
        self.table.observe(lambda change: self._row_picked(change["new"]), "picked")
        self.observe(self._directory_changed, "directory_id")
        self.observe(self._found, "find")
        self.observe(self._picks_changed, "group_ids")
        self.observe(lambda _: self._draw_members(), ["who", "part"])
        self.observe(lambda _: self._draw_chart(), "part")
        self.observe(lambda _: self._read_missing(), "chart")

    def _found(self, _: Any) -> None:
        self.picker.offer(self._listing)
        if self._listing is not None and self.chart in WHOLE:
            self._read_missing()

    def _row_picked(self, user_id: str) -> None:
        if not self._controls.idle:
            if user_id:
                self.card.show(user_id=user_id)
            else:
                self.card.clear()
            self._draw_card()

    def _close(self) -> None:
        self.card.clear()
        self.table.picked = ""

    def _draw_card(self) -> None:
        self.card.layout.display = "" if self.card.kind is not None else "none"

    def _part_clicked(self, key: str) -> None:
        if self.retired:
            return
        how, *groups = key.split() or [""]
        if how == "pick":
            self.picker.toggle(groups[0])
            return
        if not set(groups) <= set(self.group_ids):  # of all groups: into these
            self.group_ids = tuple(groups)
        self.part = key

    @t.validate("group_ids")
    def _only_a_few(self, proposal: Any) -> Any:
        if len(proposal.value) > MOST:
            raise t.TraitError(f"at most {MOST} groups can be compared at once; got {len(proposal.value)}")
        return proposal.value

    @t.validate("part")
    def _only_of_the_picked_groups(self, proposal: Any) -> str:
        how, *groups = proposal.value.split() or [""]
        if proposal.value and (how not in ("in", "only") or not groups):
            raise t.TraitError(f"part must begin with in or only, and name groups; got {proposal.value!r}")
        for one in groups:
            only_listed(one, self.group_ids, "group", "picked")
        return str(proposal.value)

    # Loading ------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Read once more what did not end well."""
        if self._directories.empty:
            self._read_directories()
        elif self._listing is None:
            self._directory_changed({"new": self.directory_id})
        else:
            self._picks_changed(None)

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self._directories = frame
        if frame.empty:
            self.status.say("empty", NO_DIRECTORY)
            return
        most = frame["groups"].fillna(-1).idxmax()
        first = str(self._wanted if self._wanted in frame.index else most)
        entries = sorted(directory_entries(frame, by="groups"), key=lambda entry: entry[1] != first)
        self._controls.fill(self.directory_menu, entries[:ROWS], value=first, of=len(entries))
        if self._wanted is not None and self._wanted != first:
            self._say_missing(self._wanted)
            return
        self.directory_id = first

    def _directory_changed(self, change: Any) -> None:
        self.jobs.drop("groups")
        self.jobs.drop("members")
        self._listing, self._groups, self._read = None, pd.DataFrame(), {}
        with self.hold_trait_notifications():
            self.group_ids, self.find, self.part = (), "", ""
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
        self._groups = frame
        self._listing = Listing(frame, GROUP_COLUMNS[:1], ("name", "idp_id"))
        self.picker.offer(self._listing)
        picks, self._picks = self._picks, ()
        if picks:
            self.group_ids = picks
        else:
            self._draw()

    def _picks_changed(self, _: Any) -> None:
        self.part = ""
        self.picker.offer(self._listing)
        self._read_missing()

    @property
    def _compared(self) -> list[str]:
        """The groups of the picture: those picked, or all that are offered."""
        if self._listing is None or (self.group_ids and self.chart != "Graph") or self.chart not in WHOLE:
            return list(self.group_ids)
        offered = self._listing.found(self._listing.matching(self.find), "name")
        return [self._listing.ids[place] for place in offered.tolist()][:ALL]

    def _read_missing(self) -> None:
        missing = [one for one in {*self.group_ids, *self._compared} if one not in self._read]
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
        self.wait()
        return self._pairs_of(self.group_ids)

    def _pairs_of(self, group_ids: Sequence[str]) -> pd.DataFrame:
        pairs = [(m["id"], g, self.directory_id) for g in group_ids for m in self._read.get(g, [])]
        return pd.DataFrame(pairs, columns=list(MEMBERSHIP_COLUMNS)).astype(MEMBERSHIP_COLUMNS)

    def _draw(self) -> None:
        if self.retired:
            return
        whole = self.chart in WHOLE and len(self._groups) > 0
        self._body.layout.display = "" if len(self._groups) else "none"
        self.picture.layout.display = "" if self.group_ids or whole else "none"
        self._people.layout.display = self.pairs_table.layout.display = "" if self.group_ids else "none"
        self.out_button.layout.display = "" if self.group_ids and whole else "none"
        if not self.group_ids:
            self.status.say("empty", self._offer_words())
        self._draw_members()
        self._draw_pairs()
        self._draw_chart()
        self._show_code()
        self.settled()

    def _offer_words(self) -> str:
        groups = len(self._groups)
        if not groups:
            return "This directory has no groups."
        if groups == 1:
            return "1 group. Pick it."
        return f"{groups:,} groups. Pick one or more. {' and '.join(WHOLE)} show them all together."

    def _draw_members(self) -> None:
        if self.retired:
            return
        records = {m["id"]: m for one in self.group_ids for m in self._read.get(one, [])}
        places = self._places()
        listed = {i: held for i, held in places.items() if self._in_part(held)}
        who = "in any" if self.part else self.who
        self._members = _people([records[i] for i in listed], places, who, len(self.group_ids))
        rows: list[Row] = [
            (
                str(i),
                (
                    (name_label(person["name"]), person["address"]),
                    ", ".join(map(self.picker.name, places[str(i)])),
                ),
            )
            for i, person in self._members.iterrows()
        ]
        with self._controls.silence():
            self.table.picked = self.table.picked if self.table.picked in listed else ""
            self.table.show(rows, empty=f"Nobody is {self._told()}.")
        self.whole_button.layout.display = "" if self.part else "none"
        if not self.table.picked:
            self.card.clear()
        self._draw_card()
        if self.group_ids:
            sizes = "; ".join(
                f"{self.picker.name(one)}: {len(self._read.get(one, [])):,}" for one in self.group_ids
            )
            people = plural(len(self._members), "person", "people")
            self.status.say("ready", f"{people} {self._told()}. Members: {sizes}.")
        self._controls.follow()

    def _places(self) -> dict[str, list[str]]:
        """Return the picked groups of each person, in their order."""
        places: dict[str, list[str]] = {}
        for one in self.group_ids:
            for member in self._read.get(one, []):
                places.setdefault(member["id"], []).append(one)
        return places

    def _in_part(self, held: Sequence[str]) -> bool:
        how, *groups = self.part.split() or [""]
        return not groups or (set(held) == set(groups) if how == "only" else set(groups) <= set(held))

    def _told(self) -> str:
        """Return who is listed, in words."""
        how, *groups = self.part.split() or [""]
        if not groups:
            return f"{self.who} of the picked groups"
        names = " and ".join(map(self.picker.name, groups))
        return f"in {names}" + (" and in no other of the picked groups" if how == "only" else "")

    def _pair_rows(self) -> list[Row]:
        people = {one: {m["id"] for m in self._read.get(one, [])} for one in self.group_ids}
        rows: list[tuple[int, Row]] = []
        for a, b in combinations(self.group_ids, 2):
            both, either = len(people[a] & people[b]), len(people[a] | people[b])
            share = f"{both / either:.0%}" if either else "–"
            rows.append((both, (f"{a} {b}", (self.picker.name(a), self.picker.name(b), f"{both:,}", share))))
        return [line for _, line in sorted(rows, key=lambda pair: -pair[0])]

    def _draw_pairs(self) -> None:
        self.pairs_table.show(self._pair_rows(), empty="Pick a second group to see the overlap.")

    def _draw_chart(self) -> None:
        self._controls.follow()
        if not self.retired:
            names = {one: self._full_name(one) for one in self._compared}
            self.picture.show(self._chart_markup() if names else "", self.part, names)

    def _chart_markup(self) -> str:
        compared, graph = self._compared, None
        if not self.group_ids or self.chart == "Graph":  # of all: in the order of the graph, without empty ones
            graph = group_graph(self._pairs_of(compared), self._groups.loc[compared], top=None)
            compared = list(map(str, graph[0].index))
        people = {one: {m["id"] for m in self._read.get(one, [])} for one in compared}
        names = {one: self._full_name(one) for one in compared}
        sizes = {one: len(ids) for one, ids in people.items()}
        if graph is not None and self.chart == "Graph":
            return graph_picture(*graph, self.group_ids, "Which groups share people")
        if self.chart == "Sizes":
            shown = [(f"in {one}", names[one], sizes[one]) for one in self.group_ids]
            return bars(shown, "How many members each group has")
        if self.chart == "Overlap":
            shared = {(a, b): len(people[a] & people[b]) for a, b in combinations(compared, 2)}
            held = hold_nearly_all(pd.Series(sizes, dtype=int), len(set().union(*people.values())))
            title = "Share of a group's members who are in another group"
            return overlap_picture(names, shared, sizes, title, list(held.index[held]))
        counts = Counter(tuple(held) for held in self._places().values())
        return combinations_picture(names, counts.most_common(), "Which groups people are in together")

    def _full_name(self, group_id: str) -> str:
        return label(name_label(self._groups.loc[group_id, "name"]), TOLD)

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
            return f"{plural(len(self._groups), 'group')}, none picked"
        names = ", ".join(self.picker.name(one) for one in self.group_ids)
        people = plural(len(self._members), "person", "people")
        return f"{people} {self._told()}" if self.part else f"{people} {self.who} of {names}"

    def static(self) -> str:
        """Return members, overlap and the chart."""
        if self.status.kind == "error" or not self.group_ids:
            return html_table(("Membership explorer",), [(self.status.text,)])
        drawn = self.table.source.rows(0, STATIC_ROWS, MEMBERS)
        cells = [(*first, held) for _, (first, held) in drawn if isinstance(first, tuple)]
        here = f"; here the first {len(cells)}" if len(cells) < len(self._members) else ""
        people = html_table(("Member", "Address", "In these groups"), cells, caption=f"{self.summary()}{here}")
        pairs = html_table([c["title"] for c in PAIRS], [cells for _, cells in self._pair_rows()])
        return f"{people}{pairs}{self.picture.markup}"


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
