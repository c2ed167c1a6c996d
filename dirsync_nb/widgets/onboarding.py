"""Pick people and groups; see who can be invited; write invite list, accounts and teams. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets as t

from ..client import DirectoryClient
from ..provisioning import onboarding
from ._base.controls import MENU
from ._base.explorer import NO_DIRECTORY
from ._base.text import count_of, html_table, label, none_of, plural
from ._onboarding.code import onboarding_snippets
from ._onboarding.face import KINDS, MATCHES, Face
from ._onboarding.finder import PeopleFinder
from ._onboarding.lists import NOUNS, VIEWS, Rows, lists_of, preview
from ._onboarding.people import People
from ._onboarding.selection import Steps

__all__ = ["Onboarding"]

STATIC_ROWS = 10


class Onboarding(PeopleFinder):
    """Pick people and groups of a directory, see who can be invited, and write the lists. Nothing is sent.

    Parameters
    ----------
    client
        Where to read.
    directory_ids
        The directory, or several of one customer: ids, records, or a row of a directories frame. Default: to be
        chosen.
    users, groups, memberships
        Whole frames, where you have them already: nothing is read then.
    app_users, on, active
        The app's own table, and how people are found in it, as for
        :func:`dirsync_nb.provisioning.onboarding.invite_list`.
    seats
        How many accounts the app may have in all. None: no limit.
    attributes
        Custom attributes that accounts get besides the usual ones.
    folder
        Where files are written, seen from the folder the kernel runs in.

    Attributes
    ----------
    directory_ids
        Whose people are listed.
    search, state, domain, attribute, attribute_value
        What the people listed are filtered by; "" or None for nothing.
    group_ids, match
        Only members of these groups: "in any" or "in all" of them.
    find
        Only groups whose name holds this are offered.
    view
        "People", "Invite list", "Accounts" or "Teams".
    sort, page
        Of the people; 50 rows each.
    total
        How many people the filters leave.
    count
        How many are selected: changes whenever the selection does.
    selected
        Ids of the selected people.
    counts
        How many are selected, how many of each verdict, and the seats left.
    invites, accounts, teams, team_members
        The frames, as the functions of :mod:`dirsync_nb.provisioning.onboarding` give them.
    kind, folder
        What kind of files are written, and where.
    written
        Paths of the files written last.
    """

    name = "onboarding"
    directory_ids = t.Tuple()
    search = t.Unicode("")
    state = t.Unicode(None, allow_none=True)
    domain = t.Unicode(None, allow_none=True)
    attribute = t.Unicode(None, allow_none=True)
    attribute_value = t.Unicode(None, allow_none=True)
    group_ids = t.Tuple()
    find = t.Unicode("")
    match = t.Enum(MATCHES, "in any")
    view = t.Enum(VIEWS, "People")
    sort = t.Unicode("name")
    page = t.Int(1)
    total = t.Int(0)
    count = t.Int(0)
    kind = t.Enum(tuple(KINDS.values()), "csv")
    folder = t.Unicode("onboarding")

    def __init__(
        self,
        client: DirectoryClient,
        directory_ids: Any = None,
        *,
        users: pd.DataFrame | None = None,
        groups: pd.DataFrame | None = None,
        memberships: pd.DataFrame | None = None,
        app_users: pd.DataFrame | None = None,
        on: str | Sequence[str] | Mapping[str, str] = "email",
        active: str | None = None,
        seats: int | None = None,
        attributes: Sequence[str] = (),
        folder: str | Path = "onboarding",
    ) -> None:
        app = {"app_users": app_users, "on": on, "active": active, "seats": seats}
        super().__init__(client, directory_ids, (users, groups, memberships), app)
        self.written: list[Path] = []
        self._attributes_wanted = tuple(attributes)
        self.folder = str(folder)
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._face = Face(self._controls, tick=self.toggle)
        self._filters, self._groups, self._pager = self._face.filters, self._face.groups, self._face.pager
        self._table = self._face.table
        self.assemble(self._face.top, self._face.picking, below=[self._face.lists])

    def _connect(self) -> None:
        super()._connect()
        for button, press in (
            (self._face.add, self.select),
            (self._face.drop, self.deselect),
            (self._face.others, self.select_others),
            (self._face.none, self.select_nobody),
            (self._face.clear, self.clear_filters),
            (self._face.write, self.write),
        ):
            button.on_click(lambda _, press=press: self.retired or press())
        self.observe(lambda _: self._draw(), "view")
        self.observe(lambda _: self._show_code(), ["kind", "folder"])

    def again(self) -> None:
        """Read once more what did not end well."""
        self._read_on()

    def _failed(self, problem: BaseException) -> None:
        super()._failed(problem)
        self._show_code()

    def _forget(self) -> None:
        self.jobs.drop("preview")
        self.jobs.drop("files")
        self.count = 0
        super()._forget()

    # Choosing -----------------------------------------------------------------------------------------------

    def clear_filters(self) -> None:
        """List everybody again; the selection stays."""
        with self.hold_trait_notifications():
            self._let_everybody_fit()
        self._controls.follow()

    def select(self) -> None:
        """Add everybody who fits the filters to the selection."""
        if self._people is not None:
            self._people.selection.add(self._asked(), self._fitting(self._people))
            self._choose(self._people)

    def deselect(self) -> None:
        """Take everybody who fits the filters out of the selection."""
        if self._people is not None:
            self._people.selection.drop(self._asked(), self._fitting(self._people))
            self._choose(self._people)

    def select_others(self) -> None:
        """Select everybody but those who fit the filters."""
        if self._people is not None:
            self._people.selection.others(self._asked(), self._fitting(self._people))
            self._choose(self._people)

    def select_nobody(self) -> None:
        """Empty the selection."""
        if self._people is not None:
            self._people.selection.nobody()
            self._choose(self._people)

    def toggle(self, user_id: str) -> None:
        """Select one person, or no more."""
        if self._people is not None and not self.retired:
            self._people.selection.toggle(user_id)
            self._choose(self._people)

    @property
    def selected(self) -> pd.Index:
        """Ids of the selected people, in the order of the users."""
        if self._people is None:
            return pd.Index([], dtype="str")
        return self._people.roster.users.index[self._people.chosen]

    @selected.setter
    def selected(self, user_ids: Any) -> None:
        people = self._known()
        people.selection.only(user_ids)
        self._choose(people)

    def _choose(self, people: People) -> None:
        self.count = int(people.chosen.sum())
        self._draw()

    def _known(self) -> People:
        if self._people is None:
            raise t.TraitError("choose a directory first")
        return self._people

    # Answers ------------------------------------------------------------------------------------------------

    @property
    def roster(self) -> onboarding.Roster | None:
        """The roster of these people, or None while no directory is read."""
        return None if self._people is None else self._people.roster

    @property
    def counts(self) -> dict[str, int | None]:
        """How many are selected, of each verdict, and how many seats are left."""
        if self._people is None:
            return {"selected": 0, **dict.fromkeys(onboarding.VERDICTS, 0), "seats left": self._app["seats"]}
        return self._people.roster.counts(self._people.chosen)

    @property
    def invites(self) -> pd.DataFrame:
        """The invite list."""
        people = self._known()
        return people.roster.invites(people.chosen)

    @property
    def accounts(self) -> pd.DataFrame:
        """What is known of each new account."""
        users = self._known().roster.users
        return onboarding.account_prefill(users, self.invites, attributes=self._attributes_wanted)

    @property
    def teams(self) -> pd.DataFrame:
        """The teams the app could make."""
        return onboarding.team_prefill(*self._known().in_groups(), self.invites)

    @property
    def team_members(self) -> pd.DataFrame:
        """Whose account belongs to which team."""
        return onboarding.team_members(*self._known().in_groups(), self.invites)

    def write(self) -> None:
        """Write the lists into the folder."""
        if self._people is None or not self.count:
            self.status.say("empty", "Nobody is selected, so there is nothing to write.")
            return
        folder, kind = Path(self.folder.strip() or ".").expanduser(), self.kind
        self.busy("Writing files …")
        # Whoever is selected now is written, also if somebody goes on choosing meanwhile.
        roster, chosen, wanted = self._people.roster, self._people.chosen, self._attributes_wanted

        def work(_: Any) -> tuple[list[int], list[Path]]:
            lists = lists_of(roster, chosen, wanted)
            return [len(frame) for frame in lists.values()], onboarding.save_lists(folder, lists, kind=kind)

        self._run("files", work, self._wrote)

    def _wrote(self, found: tuple[list[int], list[Path]]) -> None:
        sizes, paths = found
        self.written = [path.resolve() for path in paths]
        told = ", ".join(f"{p.name} ({plural(size, 'row')})" for p, size in zip(paths, sizes, strict=True))
        teams = "" if len(paths) > 2 else " Without memberships there are no teams."
        self.status.say("ready", f"Written into {paths[0].parent}: {told}.{teams} Nothing was sent.")

    # Drawing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.retired:
            return
        people = self._people
        self._face.open(here=people is not None)
        self._show_code()
        if people is None:
            self._draw_nobody()
            return
        self.total, places = people.listing.page(self._fitting(people), self.sort, self.page)
        self._face.offer(
            self.counts,
            self.total,
            filtered=bool(self._asked()),
            groups=people.groups is not None and len(people.groups) > 0,
            several=len(self.group_ids) > 1,
        )
        self._controls.follow()
        self.jobs.drop("preview")
        with self._controls.silence(), self._table.hold_sync():
            self._face.turn(self.view, self.sort)
            if self.view == "People":
                self._show_people(people, places)
            else:
                self._show_preview(people)
        self._pager.draw(paged=self.view == "People")
        self.settled()

    def _draw_nobody(self) -> None:
        if self.status.kind == "error" or self.jobs.busy:
            return
        several = len(self.directories) > 1
        choose = f"Choose one of {len(self.directories):,} directories." if several else "Choose the directory."
        self.status.say("empty", NO_DIRECTORY if self.directories.empty else choose)
        self.settled()

    def _show_people(self, people: People, places: Sequence[int]) -> None:
        nobody = f"{none_of(len(people), 'person', 'people')} Clear the filters."
        self._table.show(people.rows(places), empty=nobody)
        self._table.ticked = people.ticked(places)
        if not self._speaks:
            whole = f" ({len(people):,} without filters)" if self._asked() else ""
            text = f"{count_of(len(places), self.total, 'person', 'people')}{self._pager.words}{whole}"
            self.status.say("ready" if self.total else "empty", f"{text}. Click a row to select it.")

    @property
    def _speaks(self) -> bool:
        """Whether the status line has something to say that must stay: work, or groups that were not read."""
        unread = self.roster is None or (self.roster.memberships is None and self._given[0] is None)
        return self.jobs.busy or (self.status.kind == "error" and unread)

    def _show_preview(self, people: People) -> None:
        """Show the first rows of a list, made beside the loop: of 100,000 people it takes a while."""
        roster, chosen, view = people.roster, people.chosen, self.view
        if not self._speaks:
            self.busy("Making the list …")

        def ready(found: tuple[Rows, int]) -> None:
            rows, total = found
            self._table.show(rows, empty="Nobody." if self.count else "Nobody is selected.")
            if not self._speaks:
                self.status.say("ready" if rows else "empty", f"{count_of(len(rows), total, *NOUNS[view])}.")
            self.settled()

        self._run("preview", lambda _: preview(roster, chosen, view), ready)

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        steps = Steps() if self._people is None else self._people.selection.steps
        self.code.snippets = onboarding_snippets(
            self.client,
            self.directory_ids,
            steps.lines(),
            self._app,
            self._attributes_wanted,
            self.folder,
            self.kind,
        )

    def _whose(self) -> str:
        names: Any = self.directories.get("name", {})
        return " + ".join(label(names[one], MENU) for one in self.directory_ids if one in names)

    def summary(self) -> str:
        """Return how many are selected, and how many of them can be invited."""
        if self._people is None:
            return "no directory chosen"
        counts, whose = self.counts, self._whose()
        people = plural(len(self._people), "person", "people") + (f" of {whose}" if whose else "")
        return f"{counts['selected']:,} of {people} selected, {counts['invite']:,} to invite"

    def static(self) -> str:
        """Return counts and the first of the invite list, or of the people where nobody is selected."""
        people = self._people
        if self.status.kind == "error" or people is None:
            return html_table(("Onboarding",), [(self.status.text,)])
        if not self.count:
            drawn = [cells for _, *cells in self._table.rows[:STATIC_ROWS]]
            titles = [c["title"] for c in self._table.columns]
            return html_table(titles, drawn, caption=f"{self.summary()}; here {plural(len(drawn), 'row')}")
        columns = ["name", "address", "verdict", "reason"]
        frame = people.roster.invites(people.chosen, most=STATIC_ROWS)[columns]
        rest = count_of(len(frame), self.count, "selected person", "selected people")
        counts = ", ".join(f"{name}: {number:,}" for name, number in self.counts.items() if number is not None)
        rows = frame.itertuples(index=False, name=None)
        return html_table([name.title() for name in columns], rows, caption=f"{counts}; here {rest}")
