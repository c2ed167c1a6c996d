"""Pick people and groups; see who can be invited; write invite list, accounts and teams. Nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets as t

from .. import errors
from ..client import DirectoryClient, needs_client
from ..frames import takes_frames
from ..load.parallel import directory_ids_of
from ..provisioning import onboarding
from ._base.controls import MENU, Ids, Offered, Page, Sort
from ._base.directory_lists import nothing_in
from ._base.explorer import Explorer
from ._base.listing import Found, Mask, Places
from ._base.reading import read_memberships
from ._base.table import Column, Framed
from ._base.text import count_of, html_table, label, none_of, plural
from ._onboarding.code import onboarding_snippets
from ._onboarding.face import KINDS, MATCHES, Face
from ._onboarding.lists import COLUMNS, NOUNS, SPLIT, VIEWS, joint_entries, lists_of, preview
from ._onboarding.people import Chosen, People, read_people
from ._onboarding.selection import Selection, lines_of

__all__ = ["Onboarding"]

STATIC_ROWS = 10
CLEARED = ("search", "state", "domain", "attribute", "attribute_value", "find", "group_ids")


class Onboarding(Explorer):
    """Pick people and groups of a directory, see who can be invited, and write the lists. Nothing is sent.

    Parameters
    ----------
    client
        Where to read.
    directory_id
        The directory, or several of one customer: ids, records, or a row of a directories frame. Default: to be
        chosen.
    users, groups, memberships
        Whole frames, where you have them already: nothing is read then.
    app_users, on, active, status_words
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
        Of the people: a column's key, "" for the best matches of the search first; and from 1 on.
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

    Examples
    --------
    >>> widget = ds.widgets.Onboarding(client, directories.index[0], seats=300)
    >>> widget.close()
    """

    name = "onboarding"
    directory_ids = Ids("directory", lambda self: self._directories.index if self._reads else None)
    search = t.Unicode("")
    state = Offered(lambda self: self._people.listing.states() if self._people else ())
    domain = Offered(lambda self: self._people.domains if self._people else ())
    attribute = Offered(lambda self: self._people.attributes if self._people else ())
    attribute_value = t.Unicode(None, allow_none=True)
    group_ids = Ids("group", lambda self: self._known_groups, "whose members are known")
    find = t.Unicode("")
    match = t.Enum(MATCHES, "in any")
    view = t.Enum(VIEWS, "People")
    sort = Sort(lambda _: COLUMNS["People"])
    page = Page(1)
    total = t.Int(0)
    count = t.Int(0)
    kind = t.Enum(tuple(KINDS.values()), "csv")
    folder = t.Unicode("onboarding")

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
        app_users: pd.DataFrame | None = None,
        on: str | Sequence[str] | Mapping[str, str] = "email",
        active: str | None = None,
        status_words: Mapping[Any, bool] | None = None,
        seats: int | None = None,
        attributes: Sequence[str] = (),
        folder: str | Path = "onboarding",
    ) -> None:
        app: dict[str, Any] = {"app_users": app_users, "on": on, "active": active, "seats": seats}
        app["status_words"] = status_words
        onboarding.free_seats(seats, app_users, active, status_words)  # told here, not once people are chosen
        super().__init__(client)
        self._given, self._app = (users, groups, memberships), app
        self._people: People | None = None
        self._wanted = () if directory_id is None else tuple(directory_ids_of(directory_id, "Onboarding"))
        self.written: list[Path] = []
        self._cleared: Callable[[], None] | None = None
        self._attributes_wanted = tuple(attributes)
        self.folder = str(folder)
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.face = Face(self._controls, tick=self.toggle)
        self.table = self.face.table
        self.assemble(self.face.top, self.face.picking, below=[self.face.lists])

    def _connect(self) -> None:
        self.face.directory.observe(lambda change: self._directory_picked(change["new"]), "value")
        self._controls.lead(self.table, "sort", "sort")
        self._controls.lead(self.table, "page", "page")
        self.observe(self._directories_changed, "directory_ids")
        self.observe(self._turned_attribute, "attribute")
        self.observe(
            self._filter_changed,
            ["search", "state", "domain", "attribute", "attribute_value", "group_ids", "match", "sort"],
        )
        self.observe(lambda _: self._offer_groups(), "find")
        self.table.observe(lambda _: self._tick(), "rows")
        self.observe(lambda change: setattr(self.table, "page", change["new"]), "page")
        self.observe(lambda _: self._from_the_start(), "view")
        self.observe(lambda _: self._show_code(), ["kind", "folder"])

    @property
    def _reads(self) -> bool:
        """Whether people are read, and were not given."""
        return self._given[0] is None

    @property
    def _whole(self) -> bool:
        """Whether people and, where they are read, their memberships are here."""
        return self._people is not None and not (self._reads and self._people.roster.memberships is None)

    @property
    def _known_groups(self) -> Any:
        """The ids of the groups whose members are known."""
        people = self._people
        return () if people is None or people.groups is None else people.groups.frame.index

    # Opening ------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Read what comes next, or once more what did not end well."""
        if self._reads and self._directories.empty:
            self._read_directories()
        elif not self._whole:
            self._read_on()

    def _read_on(self) -> None:
        self.busy("Reading groups and users …")
        users, groups, memberships = self._given
        if self._people is not None:
            self._read_memberships(self._people)
        elif users is None:
            where = self._directories, self.directory_ids, self._app
            self._run("people", lambda job: read_people(self.client, *where, job), self._people_arrived)
        else:
            self.face.directory.layout.display = "none"
            with self._controls.silence():
                self.directory_ids = tuple(users["directory_id"].dropna())
            app = self._app
            self._run("people", lambda _: People(users, groups, memberships, app), self._people_arrived)

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self._directories = frame
        self._controls.fill(self.face.directory, joint_entries(frame), first="choose …")
        wanted, self._wanted = self._wanted, ()
        missing = [one for one in wanted if one not in frame.index]
        if missing:
            self._say_missing(missing[0])
        elif wanted:
            self.directory_ids = wanted
        self._draw()

    def _directory_picked(self, value: str) -> None:
        if not self._controls.idle:
            self.directory_ids = tuple(value.split(SPLIT)) if value else ()

    def _directories_changed(self, _: Any) -> None:
        """Forget the people of before; nobody is selected."""
        if not self._reads:
            return
        for work in ("people", "memberships", "preview", "files"):
            self.jobs.drop(work)
        self._people = None
        self._cleared = None
        with self.hold_trait_notifications():
            self.count, self.page, self.total = 0, 1, 0
            self._let_everybody_fit()
        value, menu = SPLIT.join(self.directory_ids), self.face.directory
        if value in [v for _, v in menu.options]:
            self._controls.fill(menu, list(menu.options), value=value)
        self._draw()
        if self.directory_ids:
            self._read_on()

    def _people_arrived(self, people: People) -> None:
        """Offer what they can be found by, and read who is in which group."""
        self._people = people
        self.face.filters.offer(people.listing, attributes=people.attributes, domains=people.domains)
        self._groups_joined()

        if not self._whole:
            self._read_memberships(people)

    def _read_memberships(self, people: People) -> None:
        users, groups = people.roster.users, people.roster.groups

        def joined(memberships: pd.DataFrame) -> None:
            if people is self._people:
                people.join(memberships)
                self._groups_joined()

        if groups is not None:
            self._run("memberships", lambda job: read_memberships(self.client, users, groups, job), joined)

    def _groups_joined(self) -> None:
        self._offer_groups()
        self._draw()

    def _failed(self, problem: BaseException) -> None:
        super()._failed(problem)
        self._show_code()

    # Filters ------------------------------------------------------------------------------------------------

    def _offer_groups(self) -> None:
        people = self._people
        self.face.groups.offer(None if people is None else people.groups)

    def _turned_attribute(self, change: Any) -> None:
        self.attribute_value = None
        people = self._people
        self.face.filters.offer_values(None if people is None else people.listing, change["new"])

    def _filter_changed(self, change: Any) -> None:
        if change["name"] == "group_ids":
            self._offer_groups()
        self._from_the_start()

    def _from_the_start(self) -> None:
        self.table.page = 1
        self._draw()

    def _let_everybody_fit(self) -> None:
        self.face.filters.clear()
        self.find, self.group_ids = "", ()

    def _asked(self) -> dict[str, Any]:
        """Return the filters as arguments of ``select_users``."""
        asked = self.face.filters.asked()
        if self.group_ids:
            asked["in_groups"] = list(self.group_ids)
            if self.match == "in all" and len(self.group_ids) > 1:
                asked["match"] = "all"
        return asked

    def _fitting(self, people: People) -> Mask:
        """Return who fits the filters."""
        mask = self.face.filters.mask(people.listing)
        if self.group_ids:
            mask = mask & people.roster.members(self.group_ids, self.match.removeprefix("in "))
        return mask

    # Choosing -----------------------------------------------------------------------------------------------

    def clear_filters(self) -> None:
        """List everybody again; the selection stays. ``undo`` brings the filters back.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.search = "lee"
        >>> board.clear_filters()
        >>> board.total == len(users)
        True
        """
        before = {name: getattr(self, name) for name in CLEARED}
        self._cleared = lambda: self._filter_again(before)
        with self.hold_trait_notifications():
            self._let_everybody_fit()
        self._controls.follow()

    def _filter_again(self, before: Mapping[str, Any]) -> None:
        with self.hold_trait_notifications():
            for name, value in before.items():
                setattr(self, name, value)
        self._controls.follow()

    def undo(self) -> None:
        """Bring back the filters, or the selection, that were cleared last.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.select()
        >>> board.select_nobody()
        >>> board.undo()
        >>> board.count == len(users)
        True
        """
        again, self._cleared = self._cleared, None
        if again is not None:
            again()
        self._draw()

    def select(self) -> None:
        """Add everybody who fits the filters to the selection.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.state = "active"
        >>> board.select()
        >>> board.count == int((users["state"] == "active").sum())
        True
        """
        self._select(Selection.add)

    def deselect(self) -> None:
        """Take everybody who fits the filters out of the selection.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.select()
        >>> board.deselect()
        >>> board.count
        0
        """
        self._select(Selection.drop)

    def select_others(self) -> None:
        """Select everybody but those who fit the filters.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.search = "lee"
        >>> board.select_others()
        >>> board.count + board.total == len(users)
        True
        """
        self._select(Selection.others)

    def _select(self, change: Callable[[Selection, dict[str, Any], Mask], None]) -> None:
        """Change the selection by those who fit the filters."""
        self.wait()
        people = self._people
        if people is not None:
            change(people.selection, self._asked(), self._fitting(people))
            self._choose(people)

    def select_nobody(self) -> None:
        """Empty the selection; ``undo`` brings it back.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.select()
        >>> board.select_nobody()
        >>> board.count
        0
        """
        people = self._people
        if people is not None:
            before = people.selection.mask, people.selection.steps

            def again() -> None:
                people.selection.mask, people.selection.steps = before
                self._choose(people)

            self._cleared = again
            people.selection.nobody()
            self._choose(people)

    def toggle(self, user_id: str) -> None:
        """Select one person, or no more.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0])
        >>> board.toggle(users.index[0])
        >>> list(board.selected) == [users.index[0]]
        True
        """
        if self._people is not None and not self.retired:
            self._people.selection.toggle(user_id)
            self._choose(self._people)

    @property
    def picked(self) -> pd.DataFrame:
        """The selected people, on every page, as a frame."""
        return self._known().roster.users.loc[self.selected]

    @property
    def selected(self) -> pd.Index:
        """Ids of the selected people, in the order of the users."""
        self.wait()
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
        self.wait()
        if self._people is None:
            read = self.directory_ids or self.status.kind == "error"
            raise errors.IncompleteError(f"people: {self.missing() if read else 'choose a directory first'}")
        return self._people

    # Answers ------------------------------------------------------------------------------------------------

    @property
    def roster(self) -> onboarding.Roster | None:
        """The roster of these people, or None while no directory is read."""
        self.wait()
        return None if self._people is None else self._people.roster

    @property
    def counts(self) -> dict[str, int | None]:
        """How many are selected, of each verdict, and how many seats are left."""
        self.wait()
        return self._counts()

    def _counts(self) -> dict[str, int | None]:
        if self._people is None:
            return {
                "selected": 0,
                **dict.fromkeys(onboarding.VERDICTS, 0),
                "seats left": self._app["seats"],
            }
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
        """Write the lists into the folder.

        Examples
        --------
        >>> board = ds.widgets.Onboarding(client, directories.index[0], folder="lists")
        >>> board.select()
        >>> board.write()
        >>> [path.name for path in board.written]
        ['invites.csv', 'accounts.csv', 'teams.csv', 'team_members.csv']
        """
        if self._people is None or not self.count:
            self._say_written("empty", "Nobody is selected, so there is nothing to write.")
            return
        folder, kind = Path(self.folder.strip() or ".").expanduser(), self.kind
        self.face.answer("busy", "Writing files …")
        # Whoever is selected now is written, also if somebody goes on choosing meanwhile.
        roster, chosen, wanted = self._people.roster, self._people.chosen, self._attributes_wanted

        def work(_: Any) -> tuple[list[int], list[Path]]:
            lists = lists_of(roster, chosen, wanted)
            return [len(frame) for frame in lists.values()], onboarding.save_lists(folder, lists, kind=kind)

        self._run("files", work, self._wrote, self._not_written)

    def _not_written(self, problem: BaseException) -> None:
        told = (
            str(problem) if isinstance(problem, errors.DirsyncError) else f"{type(problem).__name__}: {problem}"
        )
        self._say_written("error", f"Not written. {told}")

    def _wrote(self, found: tuple[list[int], list[Path]]) -> None:
        sizes, paths = found
        self.written = [path.resolve() for path in paths]
        told = ", ".join(f"{p.name} ({plural(size, 'row')})" for p, size in zip(paths, sizes, strict=True))
        teams = "" if len(paths) > 2 else " Without memberships there are no teams."
        self._say_written("ready", f"Written into {paths[0].parent}: {told}.{teams} Nothing was sent.")

    def _say_written(self, kind: str, text: str) -> None:
        """Answer beside the button; the status line, far above it, says what is listed."""
        self.face.answer(kind, text)
        if self._people is not None and kind != "busy":
            self._draw()

    # Drawing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.retired:
            return
        people = self._people
        self.face.open(here=people is not None)
        self.face.undo.layout.display = "none" if self._cleared is None else ""
        self._show_code()
        if people is None:
            self._ask_for_directory()
            return
        places = people.listing.found(self._fitting(people), self.sort, self.search)
        self.total = len(places)
        self.face.offer(
            self._counts(),
            self.total,
            filtered=bool(self._asked()),
            several=len(self.group_ids) > 1,
        )
        self._controls.follow()
        self.jobs.drop("preview")
        with self._controls.silence(), self.table.hold_sync():
            sort = self.sort or ("" if self.search.strip() else "name")
            self.face.turn(self.view, sort, seats=people.roster.free is not None)
            if self.view == "People":
                self._show_people(people, places)
            else:
                self._show_preview(people)
        self.page = self.table.page
        self.settled()

    def _show_people(self, people: People, places: Places) -> None:
        some = f"{none_of(len(people), 'person', 'people')} Clear the filters."
        nobody = some if len(people) else nothing_in("Users", 0)
        marks = people.listing.words(self.search)
        self.table.show(Chosen(people, places, self.search), empty=nobody, marks=marks)
        self._tick()
        if not self._speaks:
            noun = ("person", "people")
            found = count_of(self.total, len(people), *noun) if self._asked() else plural(len(people), *noun)
            more = " Click a row to select it." if self.total else ""
            self.status.say("ready" if self.total else "empty", f"{found}.{more}")

    def _tick(self) -> None:
        """Tick those of the open page who are selected."""
        people = self._people
        if people is not None and self.view == "People":
            self.table.ticked = people.ticked(self.table.ids)

    @property
    def _speaks(self) -> bool:
        """Whether the status line has something to say that must stay: work, or groups that were not read."""
        return self.jobs.busy or (self.status.kind == "error" and not self._whole)

    def _show_preview(self, people: People) -> None:
        """Show the first rows of a list, made beside the loop: of 100,000 people it takes a while."""
        roster, chosen, view = people.roster, people.chosen, self.view
        if not self._speaks:
            self.busy("Making the list …")

        def ready(rows: Framed) -> None:
            with self._controls.silence():
                self.table.show(rows, empty="Nobody." if self.count else "Nobody is selected.")
            if not self._speaks:
                self.status.say("ready" if len(rows) else "empty", f"{plural(len(rows), *NOUNS[view])}.")
            self.settled()

        self._run("preview", lambda _: preview(roster, chosen, view), ready)

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        steps = [] if self._people is None else self._people.selection.steps
        self.code.snippets = onboarding_snippets(
            self.client,
            self.directory_ids,
            lines_of(steps),
            self._app,
            self._attributes_wanted,
            self.folder,
            self.kind,
        )

    def _whose(self) -> str:
        names: Any = self._directories.get("name", {})
        return " + ".join(label(names[one], MENU) for one in self.directory_ids if one in names)

    def summary(self) -> str:
        """Return how many are selected, and how many of them can be invited."""
        if self._people is None:
            return "no directory chosen"
        counts, whose = self._counts(), self._whose()
        people = plural(len(self._people), "person", "people") + (f" of {whose}" if whose else "")
        return f"{counts['selected']:,} of {people} selected, {counts['invite']:,} to invite"

    def static(self) -> str:
        """Return counts and the first of the invite list, or of the people where nobody is selected."""
        people = self._people
        if self.status.kind == "error" or people is None:
            return html_table(("Onboarding",), [(self.status.text,)])
        if not self.count:
            listed: list[Column] = [{"key": "name", "title": "Name"}, {"key": "address", "title": "Address"}]
            first = Found(people.listing, people.listing.order("name")).rows(0, STATIC_ROWS, listed)
            here = f"{self.summary()}; here the first {len(first)}"
            return html_table([c["title"] for c in listed], [cells for _, cells in first], caption=here)
        columns = ["name", "address", "verdict", "reason"]
        frame = people.roster.invites(people.chosen, most=STATIC_ROWS)[columns]
        rest = f"the first {len(frame)} of {plural(self.count, 'selected person', 'selected people')}"
        counts = ", ".join(
            f"{name}: {number:,}" for name, number in self._counts().items() if number is not None
        )
        rows = frame.itertuples(index=False, name=None)
        return html_table([name.title() for name in columns], rows, caption=f"{counts}; here {rest}")
