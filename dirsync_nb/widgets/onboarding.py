"""Pick people and groups; see who can be invited; write invite list, accounts and teams. Nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets as t

from .. import onboarding
from ..client import DirectoryClient, identifier
from ..frames import concat
from ..search import USER_TEXT
from ._code import snippets
from ._controls import MENU, Controls
from ._face import KINDS, MATCHES, Face
from ._filters import UserFilters
from ._groups import GroupPicker
from ._jobs import PATIENCE, Job
from ._listing import Listing, Mask, attribute_names
from ._lists import COLUMNS, NOUNS, SPLIT, VIEWS, Rows, counts_html, directory_entries, lists_of, preview
from ._panel import Panel
from ._parts import ROWS, Column
from ._reading import read_frame, read_memberships
from ._selection import Selection, Steps
from ._text import count_of, html_table, label

__all__ = ["Onboarding"]

STATIC_ROWS = 10


class Onboarding(Panel):
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
        :func:`dirsync_nb.onboarding.invite_list`.
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
        The frames, as the functions of :mod:`dirsync_nb.onboarding` give them.
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
        super().__init__()
        self.client = client
        self.directories = pd.DataFrame()
        self.written: list[Path] = []
        self._app = {"app_users": app_users, "on": on, "active": active, "seats": seats}
        self._attributes_wanted = tuple(attributes)
        self._given = (users, groups, memberships)
        self._wanted = _identifiers(directory_ids)
        self._controls = Controls(self)
        self._patience: float | None = PATIENCE
        self._forget()
        self._build()
        self._connect()
        self.folder = str(folder)
        self.again()
        self._patience = None

    def _forget(self) -> None:
        """Know nobody."""
        self.roster: onboarding.Roster | None = None
        self._people: Listing | None = None
        self._groups_listed: Listing | None = None
        self._selection: Selection | None = None

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._filters = UserFilters(self._controls, domain=True)
        self._groups = GroupPicker(self._controls, "Members of these groups", rows=4)
        self._face = Face(self._filters, self._groups, tick=self.toggle)
        self._table = self._face.table
        self.assemble(self._face.top, self._face.picking, self._face.lists)
        dress, top, picking, lists, status, code = self.children
        self.children = (dress, top, picking, status, lists, code)

    def _connect(self) -> None:
        for control, trait in (
            (self._face.match, "match"),
            (self._face.views, "view"),
            (self._face.kind, "kind"),
            (self._face.folder, "folder"),
        ):
            self._controls.tie(control, trait)
        self._face.directory.observe(lambda change: self._directory_picked(change["new"]), "value")
        self._table.observe(lambda change: self._sorted(change["new"]), "sort")
        for button, press in (
            (self._face.add, self.select),
            (self._face.drop, self.deselect),
            (self._face.others, self.select_others),
            (self._face.none, self.select_nobody),
            (self._face.clear, self.clear_filters),
            (self._face.write, self.write),
        ):
            button.on_click(lambda _, press=press: self.retired or press())
        self._face.before.on_click(lambda _: setattr(self, "page", self.page - 1))
        self._face.next.on_click(lambda _: setattr(self, "page", self.page + 1))
        self.observe(self._directories_changed, "directory_ids")
        self.observe(self._turned_attribute, "attribute")
        self.observe(
            self._filter_changed,
            ["search", "state", "domain", "attribute", "attribute_value", "group_ids", "match", "sort"],
        )
        self.observe(lambda _: self._groups.offer(self._groups_listed), "find")
        self.observe(lambda _: self._draw(), ["page", "view"])
        self.observe(lambda _: self._show_code(), ["kind", "folder"])

    # Validation ---------------------------------------------------------------------------------------------

    @t.validate("directory_ids")
    def _only_listed_directories(self, proposal: Any) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(str(one) for one in proposal.value))
        for one in wanted:
            if self._given[0] is None and one not in self.directories.index:
                raise t.TraitError(f"no directory {one!r} among the {len(self.directories):,} listed")
        return wanted

    @t.validate("group_ids")
    def _only_listed_groups(self, proposal: Any) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(proposal.value))
        known = () if self._groups_listed is None else self._groups_listed.frame.index
        for one in wanted:
            if one not in known:
                raise t.TraitError(f"no group {one!r} among the {len(known):,} whose members are known")
        return wanted

    @t.validate("sort")
    def _only_by_a_column(self, proposal: Any) -> str:
        known = [column["key"] for column in COLUMNS["People"] if column.get("sortable")]
        if proposal.value.removeprefix("-") not in known:
            raise t.TraitError(f"sort must be one of {', '.join(known)}; got {proposal.value!r}")
        return str(proposal.value)

    @t.validate("page")
    def _only_a_page_there_is(self, proposal: Any) -> int:
        return max(1, min(int(proposal.value), -(-self.total // ROWS) or 1))

    # Loading ------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Read once more what did not end well."""
        if self._given[0] is not None:
            self._load()
        elif self.directories.empty:
            self.busy("Reading directories …")
            self._run("directories", lambda job: read_frame(self.client, "directories", job), self._listed)
        elif self.roster is None:
            self._load()
        elif self.roster.memberships is None:
            self._load_memberships()

    def _run(self, name: str, work: Any, done: Any) -> None:
        self.jobs.run(name, work, done, self._failed, patience=self._patience)

    def _failed(self, problem: BaseException) -> None:
        self.status.problem(problem)
        self._show_code()

    def _listed(self, frame: pd.DataFrame) -> None:
        self.directories = frame
        self._controls.fill(self._face.directory, directory_entries(frame), first="choose …")
        wanted, self._wanted = self._wanted, ()
        missing = [one for one in wanted if one not in frame.index]
        if missing:
            self.status.say("error", f"There is no directory {missing[0]} in this environment.")
        elif wanted:
            self.directory_ids = wanted
        self._draw()

    def _directory_picked(self, value: str) -> None:
        if not self._controls.idle:
            self.directory_ids = tuple(value.split(SPLIT)) if value else ()

    def _directories_changed(self, _: Any) -> None:
        """Forget the people of before; nobody is selected."""
        for name in ("people", "memberships", "preview", "files"):
            self.jobs.drop(name)
        self._forget()
        with self.hold_trait_notifications():
            self.search, self.find, self.page, self.count, self.total = "", "", 1, 0, 0
            self.state = self.domain = self.attribute = self.attribute_value = None
            self.group_ids = ()
        value = SPLIT.join(self.directory_ids)
        if value in [v for _, v in self._face.directory._options_full]:
            self._controls.fill(self._face.directory, list(self._face.directory._options_full), value=value)
        self._draw()
        if self.directory_ids:
            self._load()

    def _load(self) -> None:
        self.busy("Reading groups and users …")
        users, groups, memberships = self._given
        if users is not None:
            homes = tuple(dict.fromkeys(users["directory_id"].dropna()))
            self._run("people", lambda _: self._prepared(users, groups, memberships), self._read)
            self._face.directory.layout.display = "none"
            with self.hold_trait_notifications():
                self.unobserve(self._directories_changed, "directory_ids")
                self.directory_ids = homes
        else:
            self._run("people", self._read_people, self._read)

    def _read_people(self, job: Job) -> Any:
        """Read groups and users of each directory, all on the thread."""
        groups, users = [], []
        for home in self.directory_ids:
            counts = self.directories.loc[home, ["active_users", "inactive_users"]]
            expected = int(counts.to_numpy(dtype=int).sum()) if counts.notna().all() else None
            groups.append(read_frame(self.client, "groups", job, directory_id=home))
            users.append(read_frame(self.client, "users", job, directory_id=home, expected=expected))
        job.tell("Preparing the search …")
        return self._prepared(concat(users), concat(groups), None)

    def _prepared(self, users: pd.DataFrame, groups: Any, memberships: Any) -> Any:
        roster = onboarding.Roster(users, groups, memberships, **self._app)  # type: ignore[arg-type]
        roster.verdicts(roster.everybody)
        people = Listing(users, COLUMNS["People"][:3], USER_TEXT)
        people.order("name")
        domains = Counter(filter(None, map(onboarding.domain_of, users["address"])))
        return roster, people, attribute_names(users), [name for name, _ in domains.most_common()]

    def _read(self, found: Any) -> None:
        self.roster, self._people, attributes, domains = found
        self._selection = Selection(self.roster)
        self._filters.offer(self._people, attributes=attributes, domains=domains)
        self._joined()
        if self._given[0] is None:
            self._load_memberships()

    def _load_memberships(self) -> None:
        roster = self.roster
        if roster is not None and roster.groups is not None:
            self._run(
                "memberships",
                lambda job: read_memberships(self.client, roster.users, roster.groups, job),
                self._memberships_read,
            )

    def _memberships_read(self, memberships: pd.DataFrame) -> None:
        if self.roster is not None:
            self.roster = self.roster.joined(self.roster.groups, memberships)
            self._joined()

    def _joined(self) -> None:
        """Offer groups, once it is known who is in them."""
        roster = self.roster
        known = roster is not None and roster.groups is not None and roster.memberships is not None
        column: list[Column] = [{"key": "name", "title": "Group"}]
        self._groups_listed = Listing(roster.groups, column, ("name", "idp_id")) if known else None  # type: ignore[union-attr, arg-type]
        self._groups.offer(self._groups_listed)
        self._draw()

    # Choosing -----------------------------------------------------------------------------------------------

    def _turned_attribute(self, change: Any) -> None:
        self.attribute_value = None
        users = None if self._people is None else self._people.frame
        self._filters.offer_values(users, change["new"])

    def _filter_changed(self, change: Any) -> None:
        if change["name"] == "group_ids":
            self._groups.offer(self._groups_listed)
        if self.page != 1:
            self.page = 1  # which draws
        else:
            self._draw()

    def _sorted(self, sort: str) -> None:
        if not self._controls.idle:
            self.sort = sort

    def clear_filters(self) -> None:
        """List everybody again; the selection stays."""
        with self.hold_trait_notifications():
            self.search, self.find, self.group_ids = "", "", ()
            self.state = self.domain = self.attribute = self.attribute_value = None
        self._controls.follow()

    def _asked(self) -> dict[str, Any]:
        """Give the filters as arguments of ``select_users``."""
        asked: dict[str, Any] = {}
        if self.search.strip():
            asked["search"] = self.search
        if self.state is not None:
            asked["state"] = self.state
        if self.domain is not None:
            asked["domain"] = self.domain
        if self.attribute is not None and self.attribute_value is not None:
            asked["attributes"] = {self.attribute: self.attribute_value}
        if self.group_ids:
            asked["in_groups"] = list(self.group_ids)
            if self.match == "in all" and len(self.group_ids) > 1:
                asked["match"] = "all"
        return asked

    def _fitting(self) -> Mask:
        """Say who fits the filters."""
        assert self._people is not None and self.roster is not None  # noqa: PT018
        mask = self._filters.mask(self._people)
        if self.group_ids:
            mask = mask & self.roster.members(self.group_ids, self.match.removeprefix("in "))
        return mask

    def select(self) -> None:
        """Add everybody who fits the filters to the selection."""
        if self._selection is not None:
            self._selection.add(self._asked(), self._fitting())
            self._choose()

    def deselect(self) -> None:
        """Take everybody who fits the filters out of the selection."""
        if self._selection is not None:
            self._selection.drop(self._asked(), self._fitting())
            self._choose()

    def select_others(self) -> None:
        """Select everybody but those who fit the filters."""
        if self._selection is not None:
            self._selection.others(self._asked(), self._fitting())
            self._choose()

    def select_nobody(self) -> None:
        """Empty the selection."""
        if self._selection is not None:
            self._selection.nobody()
            self._choose()

    def toggle(self, user_id: str) -> None:
        """Select one person, or no more."""
        if self._selection is not None and not self.retired:
            self._selection.toggle(user_id)
            self._choose()

    @property
    def selected(self) -> pd.Index:
        """Ids of the selected people, in the order of the users."""
        return pd.Index([], dtype="str") if self.roster is None else self.roster.users.index[self._chosen]

    @selected.setter
    def selected(self, user_ids: Any) -> None:
        self._known()
        if self._selection is not None:
            self._selection.only(user_ids)
            self._choose()

    @property
    def _chosen(self) -> Mask:
        assert self._selection is not None
        return self._selection.mask

    def _choose(self) -> None:
        self.count = int(self._chosen.sum())
        self._draw()

    # Answers ------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> dict[str, int | None]:
        """How many are selected, of each verdict, and how many seats are left."""
        if self.roster is None:
            return {"selected": 0, **dict.fromkeys(onboarding.VERDICTS, 0), "seats left": self._app["seats"]}  # type: ignore[dict-item]
        return self.roster.counts(self._chosen)

    def _known(self) -> onboarding.Roster:
        if self.roster is None:
            raise t.TraitError("choose a directory first")
        return self.roster

    @property
    def invites(self) -> pd.DataFrame:
        """The invite list."""
        return self._known().invites(self._chosen)

    @property
    def accounts(self) -> pd.DataFrame:
        """What is known of each new account."""
        users = self._known().users
        return onboarding.account_prefill(users, self.invites, attributes=self._attributes_wanted)

    @property
    def teams(self) -> pd.DataFrame:
        """The teams the app could make."""
        return onboarding.team_prefill(*self._of_groups(), self.invites)

    @property
    def team_members(self) -> pd.DataFrame:
        """Whose account belongs to which team."""
        return onboarding.team_members(*self._of_groups(), self.invites)

    def _of_groups(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        roster = self._known()
        if roster.groups is None or roster.memberships is None:
            raise t.TraitError("groups and their members are not read yet")
        return roster.groups, roster.memberships

    def write(self) -> None:
        """Write the lists into the folder."""
        if self.roster is None or not self.count:
            self.status.say("empty", "Nobody is selected, so there is nothing to write.")
            return
        folder, kind = Path(self.folder.strip() or ".").expanduser(), self.kind
        self.busy("Writing files …")

        roster, chosen, wanted = self.roster, self._chosen, self._attributes_wanted

        def work(_: Job) -> Any:
            lists = lists_of(roster, chosen, wanted)
            return [len(frame) for frame in lists.values()], onboarding.save_lists(folder, lists, kind=kind)

        self._run("files", work, self._wrote)

    def _wrote(self, found: tuple[list[int], list[Path]]) -> None:
        sizes, paths = found
        self.written = [path.resolve() for path in paths]
        told = ", ".join(f"{path.name} ({size:,} rows)" for path, size in zip(paths, sizes, strict=True))
        teams = "" if len(paths) > 2 else " Without memberships there are no teams."
        self.status.say("ready", f"Written into {paths[0].parent}: {told}.{teams} Nothing was sent.")

    # Drawing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.retired:
            return
        here = self.roster is not None
        self._face.picking.layout.display = self._face.lists.layout.display = "" if here else "none"
        self._show_code()
        if not here:
            self._draw_nobody()
            return
        groups = "" if self._groups_listed is not None and len(self._groups_listed) else "none"
        for control in (self._groups.find, self._groups.list, self._groups.said):
            control.layout.display = groups
        self._face.match.layout.display = "" if len(self.group_ids) > 1 else "none"
        self._face.clear.layout.display = "" if self._asked() else "none"
        self._face.none.disabled = self._face.write.disabled = not self.count
        self._controls.follow()
        self._face.counts.value = counts_html(self.counts)
        with self._controls.silence(), self._table.hold_sync():
            self._table.columns, self._table.label = COLUMNS[self.view], self.view
            self._table.tickable = self._table.clickable = self.view == "People"
            self._table.sort = self.sort if self.view == "People" else ""
            self._draw_rows()
        self.settled()

    def _draw_nobody(self) -> None:
        if self.status.kind == "error" or self.jobs.busy:
            return
        if self.directories.empty:
            text = "No directory in this environment yet: connect one with the Setup widget."
        else:
            text = f"Choose one of {len(self.directories):,} directories."
        self.status.say("empty", text)
        self.settled()

    def _draw_rows(self) -> None:
        fitting = self._fitting()
        assert self._people is not None and self.roster is not None  # noqa: PT018
        self.total, places = self._people.page(fitting, self.sort, self.page)
        people = self.view == "People"
        self.jobs.drop("preview")
        if people:
            verdicts = self.roster.verdicts(self._chosen)
            rows: Rows = [
                (i, (*cells, "" if verdicts[place] < 0 else onboarding.VERDICTS[verdicts[place]]))
                for place, (i, cells) in zip(places, self._people.rows(places), strict=True)
            ]
            self._table.show(rows, empty=f"None of the {len(self._people):,} people fits. Clear the filters.")
            self._table.ticked = [i for (i, _), place in zip(rows, places, strict=True) if self._chosen[place]]
        else:
            self._show_preview()
        self._draw_pages(people)
        if people and not self._speaks:
            whole = f" ({len(self._people):,} without filters)" if self._asked() else ""
            pages = -(-self.total // ROWS)
            place = f", page {self.page} of {pages:,}" if pages > 1 else ""
            text = f"{count_of(len(rows), self.total, 'people')}{place}{whole}. Click a row to select it."
            self.status.say("ready" if self.total else "empty", text)

    @property
    def _speaks(self) -> bool:
        """Whether the status line has something to say that must stay: work, or groups that were not read."""
        unread = self.roster is None or (self.roster.memberships is None and self._given[0] is None)
        return self.jobs.busy or (self.status.kind == "error" and unread)

    def _show_preview(self) -> None:
        """Show the first rows of a list, made beside the loop: of 100,000 people it takes a while."""
        roster, chosen, view = self._known(), self._chosen, self.view
        if not self._speaks:
            self.busy("Making the list …")

        def ready(found: tuple[Rows, int]) -> None:
            rows, total = found
            self._table.show(rows, empty="Nobody." if self.count else "Nobody is selected.")
            if not self._speaks:
                text = f"{count_of(len(rows), total, NOUNS[view])}."
                self.status.say("ready" if rows else "empty", text)
            self.settled()

        self._run("preview", lambda _: preview(roster, chosen, view), ready)

    def _draw_pages(self, people: bool) -> None:
        pages = -(-self.total // ROWS)
        many = "" if people and pages > 1 else "none"
        for control in (self._face.before, self._face.next, self._face.place):
            control.layout.display = many
        self._face.before.disabled, self._face.next.disabled = self.page <= 1, self.page >= pages
        self._face.place.value = f'<span class="dsn-count">page {self.page} of {pages:,}</span>'
        fit = f"{self.total:,}"
        self._face.add.description, self._face.drop.description = f"Select these {fit}", f"Deselect these {fit}"

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        if not self.directory_ids:
            self.code.snippets = snippets(self.client, ("directories", "directories", {}))
            return
        calls: list[Any] = []
        for kind in ("users", "groups"):
            for number, home in enumerate(self.directory_ids, 1):
                name = kind if len(self.directory_ids) == 1 else f"{kind}_{number}"
                calls.append((name, kind, {"directory_id": home}))
        steps = Steps() if self._selection is None else self._selection.steps
        ours, sdk = steps.code(self.directory_ids, self._app, self._attributes_wanted, self.folder, self.kind)
        self.code.snippets = snippets(self.client, *calls, then=ours, sdk_then=sdk)

    def _whose(self) -> str:
        names: Any = self.directories.get("name", {})
        return " + ".join(label(names[one], MENU) for one in self.directory_ids if one in names)

    def summary(self) -> str:
        """Say how many are selected, and how many of them can be invited."""
        if self.roster is None:
            return "no directory chosen"
        counts, whose = self.counts, self._whose()
        people = f"{len(self.roster.users):,} people" + (f" of {whose}" if whose else "")
        return f"{counts['selected']:,} of {people} selected, {counts['invite']:,} to invite"

    def static(self) -> str:
        """Give counts and the first of the invite list, or of the people where nobody is selected."""
        if self.status.kind == "error" or self.roster is None:
            return html_table(("Onboarding",), [(self.status.text,)])
        if not self.count:
            drawn = [cells for _, *cells in self._table.rows[:STATIC_ROWS]]
            titles = [c["title"] for c in self._table.columns]
            return html_table(titles, drawn, caption=f"{self.summary()}; here {len(drawn)} rows")
        columns = ["name", "address", "verdict", "reason"]
        frame = self.roster.invites(self._chosen, most=STATIC_ROWS)[columns]
        rest = count_of(len(frame), self.count, "selected people")
        counts = ", ".join(f"{name}: {number:,}" for name, number in self.counts.items() if number is not None)
        rows = frame.itertuples(index=False, name=None)
        return html_table([name.title() for name in columns], rows, caption=f"{counts}; here {rest}")


def _identifiers(given: Any) -> tuple[str, ...]:
    """Read one directory, or several."""
    if given is None:
        return ()
    several = isinstance(given, list | tuple | set | pd.Index)
    return tuple(identifier(one, "directory_ids") for one in (given if several else [given]))
