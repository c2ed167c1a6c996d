"""Say which group gives which role, and see who gains, keeps and loses one. Nothing is changed anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from .. import errors
from ..analysis import role_mapping, what_if
from ..analysis.role_files import write_mapping
from ..analysis.role_mapping import RoleMapping
from ..client import DirectoryClient, needs_client, one_or_many
from ..frames import takes_frames
from ..load.parallel import directory_ids_of
from ._base.code import snippets
from ._base.controls import MENU, ListedId, Offered, only_offered
from ._base.directory_lists import directory_entries, nothing_in
from ._base.explorer import Explorer
from ._base.jobs import Job
from ._base.parts import Choice, button, field, note, row, status_html
from ._base.pictures import Picture, changes_picture
from ._base.reading import read_frame, read_memberships, read_users
from ._base.table import ROWS, Column, Framed, Row, RowTable
from ._base.text import NO_NAME, fold, html_table, label, plain, plural

__all__ = ["RoleMapper"]

STATIC_ROWS = 12
ROLE = "role: "  # before a role in the key of its column
SHOW = {
    "All changes": ("gained", "lost"),
    "Gained": ("gained",),
    "Lost": ("lost",),
    "Kept": ("kept",),
    "To look at": (),
}
FILES = {"JSON": "roles.json", "YAML": "roles.yaml", "Python": "roles.py", "Test": "test_roles.py"}
GROUP: list[Column] = [
    {"key": "name", "title": "Group", "sub": "told", "sortable": True},
    {"key": "members", "title": "Members", "kind": "number", "sortable": True, "room": 1},
]
RANKED: list[Column] = [
    {"key": "role", "title": "Role"},
    {"key": "groups", "title": "Groups", "kind": "number", "room": 1},
    {"key": "before", "title": "Now", "kind": "number"},
    {"key": "after", "title": "Then", "kind": "number"},
]
CHANGED: list[Column] = [
    {"key": "name", "title": "Person, and why"},
    {"key": "change", "title": "Change", "kind": "state"},
    {"key": "role", "title": "Role"},
    {"key": "address", "title": "Address", "room": 2},
]
FOUND: list[Column] = [
    {"key": "name", "title": "Who or what, and why"},
    {"key": "kind", "title": "Finding", "fixed": True},
    {"key": "role", "title": "Role", "room": 1},
]
UNREAD = (
    "The service tells neither which group gives which role nor which role outranks which: say it here. What "
    "people have now is read from their role. Nothing is changed anywhere."
)


@dataclass(frozen=True)
class _Company:
    """What was read of a directory."""

    users: pd.DataFrame
    groups: pd.DataFrame
    memberships: pd.DataFrame
    roles: tuple[str, ...]
    told: str = ""


@dataclass(frozen=True)
class _Preview:
    """What a mapping would do."""

    changes: pd.DataFrame
    summary: pd.DataFrame
    findings: pd.DataFrame


class RoleMapper(Explorer):
    """Say which group of a directory gives which role; see who gains, keeps and loses one, and why.

    Nothing is changed anywhere: the mapping is handed on as a file, and made in the WorkOS dashboard.

    Parameters
    ----------
    client
        Where to read.
    directory_id
        The directory: an id, a record, or a row of a directories frame. Default: to be chosen.
    users, groups, memberships
        Whole frames, where you have them already: nothing is read then.
    mapping
        What to begin with. Default: no group gives a role.
    roles
        The roles there are, the highest first. Default: those of the service, or else those that users have.
    folder
        Where files are written, seen from the folder the kernel runs in.

    Attributes
    ----------
    directory_id
        Whose groups are mapped.
    mapping
        The :class:`dirsync_nb.RoleMapping` as it is now; set it to go on with another.
    mode
        "single" or "multiple".
    default
        The role of whoever is in no mapped group; None for none.
    role
        The role that is picked, or "": it can be moved up and down, and the preview is about it alone.
    find
        Only groups in whose name this occurs are listed.
    show
        What the preview lists: "All changes", "Gained", "Lost", "Kept" or "To look at".
    changes, findings
        Who gains, keeps and loses which role, and what to look at, as frames.
    folder, written
        Where files are written, and the paths of those written last.

    Examples
    --------
    >>> mapper = ds.widgets.RoleMapper(client, directories.index[0], mapping={"App Administrators": "admin"})
    >>> mapper.changes["change"].value_counts()["kept"].item() > 200
    True
    >>> mapper.close()
    """

    name = "groups to roles"
    directory_id = ListedId("directory", lambda self: self._directories.index if self._given is None else None)
    mapping = t.Instance(RoleMapping, allow_none=True)
    mode = t.Enum(what_if.MODES, "single")
    default = Offered(lambda self: self.mapping.order if self.mapping else ())
    role = Offered(lambda self: self.mapping.order if self.mapping else (), "")
    find = t.Unicode("")
    show = t.Enum(tuple(SHOW), "All changes")
    folder = t.Unicode("roles")

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
        mapping: RoleMapping | Mapping[str, Any] | None = None,
        roles: Any = None,
        folder: str | Path = "roles",
    ) -> None:
        super().__init__(client)
        wanted = None if directory_id is None else directory_ids_of(directory_id, "RoleMapper")
        if wanted is not None and len(wanted) != 1:
            raise errors.ArgumentError(f"RoleMapper opens one directory; got {len(wanted)}")
        given = (users, groups, memberships)
        if any(one is not None for one in given) and any(one is None for one in given):
            raise errors.ArgumentError("users, groups and memberships are given together, or none of them")
        self._wanted = None if wanted is None else wanted[0]
        self._given = None if users is None else given
        self._begin, self._roles = mapping, None if roles is None else one_or_many(roles, "role")
        self._company: _Company | None = None
        self._preview: _Preview | None = None
        self._columns: tuple[str, ...] = ()
        self.written: list[Path] = []
        self.folder = str(folder)
        self.begin()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.directory = field(w.Dropdown(description="Directory", options=[("choose …", "")]))
        self.mode_buttons = Choice(
            [("One role each", "single"), ("All roles", "multiple")],
            label="Roles of a person",
            tooltips=["The highest role of a person's groups counts", "All roles of a person's groups count"],
        )
        self.default_menu = field(w.Dropdown(description="Default role", options=[("none", "")]))
        self.find_field = field(w.Text(description="Find groups", placeholder="name"), grow=True)
        self.matrix = RowTable(
            GROUP, label="Groups by roles", clickable=False, saved="groups_by_roles", check=self.check
        )
        self.ranking = RowTable(RANKED, label="Roles in order", saved="roles", tools=False)
        above, below = (
            "Let the picked role outrank the one above it",
            "Let the one below outrank the picked role",
        )
        self.up = button("Higher", "arrow-up", above, lambda: self._move(-1))
        self.down = button("Lower", "arrow-down", below, lambda: self._move(1))
        self.new_role = field(w.Text(description="Another role", placeholder="slug", continuous_update=False))
        self.picture = Picture(self._role_picked)
        self.show_buttons = Choice(tuple(SHOW), label="What the preview lists")
        self.table = RowTable(CHANGED, label="Preview", clickable=False, saved="role_changes")
        self.folder_field = field(w.Text(description="Folder", continuous_update=False), grow=True)
        self.export_buttons = {
            one: button(one, "save", f"Write {name} into the folder", partial(self.write, one))
            for one, name in FILES.items()
        }
        self.answer = w.HTML()
        self._controls.tie(mode=self.mode_buttons, default=self.default_menu, find=self.find_field)
        self._controls.tie(show=self.show_buttons, folder=self.folder_field, directory_id=self.directory)
        self._put_together()

    def _put_together(self) -> None:
        ranks = w.VBox(
            [
                note("The highest role stands first."),
                self.ranking,
                row(self.up, self.down, self.new_role),
                self.picture,
            ]
        )
        lists = w.HBox([self.matrix, ranks])
        lists.add_class("dsn-split")
        self.matrix.add_class("dsn-main")
        files = w.VBox([row(self.folder_field, *self.export_buttons.values()), self.answer])
        files.add_class("dsn-step")
        preview = w.VBox([self.show_buttons, self.table])
        preview.add_class("dsn-step")
        self._settings = row(self.mode_buttons, self.default_menu, self.find_field)
        self._body = w.VBox([note(UNREAD), lists, preview, files])
        self.assemble(row(self.directory), self._settings, below=[self._body])

    def _connect(self) -> None:
        self._controls.lead(self.ranking, "picked", "role")
        self.matrix.observe(lambda _: self._draw_matrix(), "sort")
        self.new_role.observe(lambda change: self._role_typed(change["new"]), "value")
        self.observe(lambda _: self._directory_changed(), "directory_id")
        self.observe(self._follow_mapping, "mapping")
        self.observe(lambda change: self._edit(lambda one: one.switch(change["new"])), "mode")
        self.observe(lambda change: self._edit(lambda one: one.with_default(change["new"])), "default")
        self.observe(lambda _: self._draw(), ["role", "find", "show"])

    # Opening ------------------------------------------------------------------------------------------------

    def again(self) -> None:
        """Read what comes next, or once more what did not end well."""
        if self._given is not None:
            self.directory.layout.display = "none"
            users, groups, memberships = self._given
            assert users is not None
            assert groups is not None
            assert memberships is not None
            homes = list(dict.fromkeys(users["directory_id"].dropna()))
            with self._controls.silence():
                self.directory_id = homes[0] if homes else None
            self._arrived(_Company(users, groups, memberships, _roles_seen(users)))
        elif self._directories.empty:
            self._read_directories()
        elif self.directory_id is not None:
            self._directory_changed()

    def _directories_read(self, frame: pd.DataFrame) -> None:
        self._directories = frame
        self._controls.fill(self.directory, directory_entries(frame)[:ROWS], of=len(frame), first="choose …")
        wanted, self._wanted = self._wanted, None
        if wanted is None and len(frame) == 1:
            wanted = str(frame.index[0])
        if wanted is not None and wanted not in frame.index:
            self._say_missing(wanted)
        elif wanted is not None:
            self.directory_id = wanted
        self._draw()

    def _directory_changed(self) -> None:
        if self._controls.idle or self._given is not None:
            return
        self._company, self._preview = None, None
        with self._controls.silence():
            self.mapping, self.role = None, ""
        self._controls.follow()
        self._draw()
        if self.directory_id is not None:
            self.busy("Reading users, groups and roles …")
            home = self.directory_id
            self._run("company", lambda job: self._read(home, job), self._arrived)

    def _read(self, home: str, job: Job) -> _Company:
        users = read_users(self.client, self._directories, home, job)
        groups = read_frame(self.client, "groups", job, directory_id=home)
        roles, told = _roles_seen(users), ""
        owner = self._directories.loc[home, "organization_id"]
        if self._roles is None and isinstance(owner, str):
            try:
                read = read_frame(self.client, "organization_roles", job, organization_id=owner)
                roles = tuple(dict.fromkeys([*read["slug"], *roles]))
            except errors.ApiError as problem:
                why = plain(problem).partition(".")[0]
                told = f" The roles there are could not be read ({why}): these are in use."
        return _Company(users, groups, read_memberships(self.client, users, groups, job), roles, told)

    def _arrived(self, company: _Company) -> None:
        self._company = company
        begin, roles = self._begin, company.roles if self._roles is None else self._roles
        try:
            if isinstance(begin, RoleMapping):
                mapping = begin.on(company.groups)
            else:
                default = "member" if "member" in roles or begin else None
                mapping = RoleMapping(
                    begin or {}, company.groups, roles if len(roles) else None, default=default
                )
        except errors.ArgumentError as problem:
            self._company = None
            self._failed(problem)
            return
        self.mapping = mapping

    # Editing ------------------------------------------------------------------------------------------------

    def _edit(self, change: Callable[[RoleMapping], RoleMapping]) -> None:
        """Go on with an edited mapping; an edit that cannot be is said, and undone."""
        if self._controls.idle or self.mapping is None:
            return
        try:
            self.mapping = change(self.mapping)
        except errors.ArgumentError as problem:
            self._controls.refused(problem)

    def check(self, group_id: str, key: str) -> None:
        """Let a group give a role, or no more; where a person has one role, a group gives one.

        Examples
        --------
        >>> frames = {"users": users, "groups": groups, "memberships": memberships}
        >>> mapper = ds.widgets.RoleMapper(client, **frames)
        >>> mapper.check(groups.index[0], "admin")
        >>> mapper.mapping.mapped == {groups.index[0]: ("admin",)}
        True
        """
        role = key.removeprefix(ROLE)

        def toggled(mapping: RoleMapping) -> RoleMapping:
            held = mapping.mapped.get(group_id, ())
            if role in held:
                return mapping.give(group_id, *(one for one in held if one != role))
            return mapping.give(group_id, *(held if mapping.mode == "multiple" else ()), role)

        self._edit(toggled)

    def _move(self, places: int) -> None:
        role = self.role
        if role:
            self._edit(lambda one: one.move(role, places))

    def _role_typed(self, text: str) -> None:
        if text.strip() and not self._controls.idle:
            self._edit(lambda one: one.add_role(text))
            with self._controls.silence():
                self.new_role.value = ""

    def _role_picked(self, role: str) -> None:
        if not self._controls.idle:
            self.role = role

    def _follow_mapping(self, _: Any) -> None:
        """Follow a mapping that was edited or set, and work out what it would do."""
        company, mapping = self._company, self.mapping
        if self.retired or company is None or mapping is None:
            return
        if mapping.groups is not company.groups:
            mapping = mapping.on(company.groups)
        with self._controls.silence():
            self.mapping, self.mode, self.default = mapping, mapping.mode, mapping.default
            if self.role not in mapping.order:
                self.role = ""
            offered = [("none", ""), *((label(one, MENU), one) for one in mapping.order)]
            self.default_menu.options, self.default_menu.value = offered, mapping.default or ""
        self.busy("Working out who gains and who loses …")
        self._run("preview", lambda _: _worked_out(company, mapping), self._worked_out)

    def _worked_out(self, preview: _Preview) -> None:
        self._preview = preview
        self._draw()

    # What it gives --------------------------------------------------------------------------------------------

    @property
    def changes(self) -> pd.DataFrame:
        """Who gains, keeps and loses which role, and why."""
        return self._known().changes

    @property
    def findings(self) -> pd.DataFrame:
        """What to look at before the mapping takes effect."""
        return self._known().findings

    def _known(self) -> _Preview:
        self.wait()
        if self._preview is None:
            raise errors.IncompleteError(f"groups to roles: {self.missing()}")
        return self._preview

    def write(self, kind: str) -> None:
        """Write the mapping into the folder: "JSON", "YAML", "Python", or "Test".

        Examples
        --------
        >>> frames = {"users": users, "groups": groups, "memberships": memberships}
        >>> mapper = ds.widgets.RoleMapper(client, **frames, folder="roles")
        >>> mapper.write("JSON")
        >>> mapper.written[0].name
        'roles.json'
        """
        only_offered(kind, FILES, "kind")
        if self.retired:
            return
        if self.mapping is None:
            self._say_written("empty", "No directory is open, so there is nothing to write.")
            return
        path = Path(self.folder.strip() or ".").expanduser() / FILES[kind]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mapping(self.mapping, path)
        except OSError as problem:
            self._say_written("error", f"Not written. {path}: {problem.strerror}")
            return
        self.written = [path.resolve()]
        self._say_written("ready", f"Written: {path}. Nothing was sent.")

    def _say_written(self, kind: str, text: str) -> None:
        self.answer.value = status_html(kind, text)

    # Drawing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.retired or self._controls.idle:
            return
        here = self.mapping is not None and self._preview is not None
        self._settings.layout.display = self._body.layout.display = "" if here else "none"
        self._show_code()
        if self.mapping is None or self._preview is None:
            self._ask_for_directory()
            return
        self._controls.follow()
        self._draw_matrix()
        self._draw_ranking(self.mapping, self._preview)
        self._draw_preview(self._preview)
        told = "" if self._company is None else self._company.told
        self.status.say("ready", f"{self.summary()}.{told}")
        self.settled()

    def _groups(self, mapping: RoleMapping) -> pd.DataFrame:
        """Return the groups that fit, with their members and what tells them apart."""
        matrix = mapping.matrix
        sizes = {} if self._company is None else self._company.memberships["group_id"].value_counts().to_dict()
        shared = matrix["name"].duplicated(keep=False)
        told = [
            "not there any more" if one in mapping.gone else one if shared[one] else "" for one in matrix.index
        ]
        matrix.insert(1, "members", [int(sizes.get(one, 0)) for one in matrix.index])
        matrix.insert(1, "told", told)
        wanted = fold(self.find.strip())
        if wanted:
            matrix = matrix[[wanted in fold(plain(name)) for name in matrix["name"]]]
        sort = self.matrix.sort
        if sort:
            matrix = matrix.sort_values(sort.removeprefix("-"), ascending=sort[:1] != "-", kind="stable")
        return matrix

    def _draw_matrix(self) -> None:
        if self.mapping is None or self._controls.idle:
            return
        columns = [
            *GROUP,
            *({"key": f"{ROLE}{one}", "title": one, "kind": "box"} for one in self.mapping.order),
        ]
        empty = "No group fits." if self.find.strip() else nothing_in("Groups", 0)
        with self._controls.silence(), self.matrix.hold_sync():
            if self._columns != self.mapping.order:
                self._columns = self.mapping.order
                self.matrix.offer(columns, "Groups by roles")
            self.matrix.show(Framed(self._groups(self.mapping), _group_cell), empty=empty)

    def _draw_ranking(self, mapping: RoleMapping, preview: _Preview) -> None:
        given = [role for roles in mapping.mapped.values() for role in roles]
        counts = preview.summary.reindex(list(mapping.order)).fillna(0).astype(int).to_dict(orient="index")
        rows: list[Row] = [
            (
                role,
                [
                    (role, "default") if role == mapping.default else role,
                    f"{given.count(role):,}",
                    *(f"{counts[role][side]:,}" for side in ("before", "after")),
                ],
            )
            for role in mapping.order
        ]
        with self._controls.silence():
            self.ranking.show(rows, empty="There is no role yet: type one below.")
            self.ranking.picked = self.role
        place = mapping.order.index(self.role) if self.role else -1
        self.up.disabled, self.down.disabled = place <= 0, place in (-1, len(mapping.order) - 1)
        drawn = [(one, *(counts[one][side] for side in ("kept", "gained", "lost"))) for one in mapping.order]
        title = f"People by role: {_counted(preview.changes)}"
        self.picture.show(changes_picture([one for one in drawn if any(one[1:])], title), self.role)

    def _draw_preview(self, preview: _Preview) -> None:
        looks = self.show == "To look at"
        frame = preview.findings if looks else preview.changes[preview.changes["change"].isin(SHOW[self.show])]
        if self.role:
            frame = frame[frame["role"] == self.role]
        key = "" if looks else "user_id"
        about = f" of {self.role}" if self.role else ""
        with self._controls.silence(), self.table.hold_sync():
            self.table.offer(FOUND if looks else CHANGED, f"Preview: {self.show.lower()}")
            self.table.saved = "role_findings" if looks else "role_changes"
            self.table.show(Framed(frame, _preview_cell, key), empty=f"Nothing{about}: {self.show.lower()}.")

    def _show_code(self) -> None:
        self.code.snippets = _code(self.client, self.directory_id, self.mapping)

    def summary(self) -> str:
        """Return how many groups are mapped, and how many people would gain or lose a role."""
        if self.mapping is None or self._preview is None:
            return "no directory chosen"
        mapped = f"{len(self.mapping.mapped):,} of {plural(len(self.mapping.matrix), 'group')} mapped"
        return f"{mapped}; {_counted(self._preview.changes)}"

    def static(self) -> str:
        """Return the mapping, and the first who gain or lose a role."""
        if self.mapping is None or self._preview is None:
            return html_table(("Groups to roles",), [(self.status.text,)])
        names = self.mapping.matrix["name"]
        rows = [(names[one], ", ".join(roles)) for one, roles in self.mapping.mapped.items()]
        more = f"; here the first {STATIC_ROWS}" if len(rows) > STATIC_ROWS else ""
        order = " > ".join(self.mapping.order)
        mapped = html_table(
            ("Group", "Gives"), rows[:STATIC_ROWS], caption=f"{self.summary()}. Order: {order}{more}"
        )
        moved = self._preview.changes[self._preview.changes["change"] != "kept"]
        cells = moved[["name", "change", "role", "why"]].head(STATIC_ROWS).itertuples(index=False, name=None)
        return mapped + (html_table(("Person", "Change", "Role", "Why"), cells) if len(moved) else "")


def _roles_seen(users: pd.DataFrame) -> tuple[str, ...]:
    """Return the roles that users have, the most frequent first."""
    return tuple(map(str, users["role"].dropna().value_counts().index)) if "role" in users else ()


def _worked_out(company: _Company, mapping: RoleMapping) -> _Preview:
    now = role_mapping.read_roles(company.users, company.memberships, company.groups)
    changes = what_if.role_changes(now, mapping.suppose(company.users, company.memberships, guard=None))
    findings = mapping.findings(company.users, company.memberships)
    return _Preview(changes, what_if.role_summary(changes), findings)


def _counted(changes: pd.DataFrame) -> str:
    counts = changes["change"].value_counts()
    return ", ".join(f"{counts.get(one, 0):,} {one}" for one in ("gained", "lost", "kept"))


def _group_cell(group: Any, key: str) -> object:
    if key == "name":
        return (plain(group["name"]).strip() or NO_NAME, group["told"])
    if key == "members":
        return f"{group['members']:,}"
    return "✓" if group[key.removeprefix(ROLE)] else ""


def _preview_cell(line: Any, key: str) -> object:
    if key != "name":
        return plain(line[key])
    known = (plain(line.get(one)).strip() for one in ("name", "address", "role"))
    return (next(filter(None, known), NO_NAME), line["why"])


def _code(client: DirectoryClient, directory_id: str | None, mapping: RoleMapping | None) -> list[list[str]]:
    """Write the same in lines of Python."""
    if directory_id is None or mapping is None:
        return snippets(client, ("directories", "directories", {}))
    here = {"directory_id": directory_id}
    rows = [
        f"    {one!r}: {list(held) if len(held) > 1 else held[0]!r}," for one, held in mapping.mapped.items()
    ]
    own = f", organizations={dict(mapping.organizations)!r}" if mapping.organizations else ""
    lines = [
        f"memberships = ds.load_memberships(client, directory_id={directory_id!r})",
        "",
        "table = {",
        *rows,
        "}",
        f"mapping = ds.RoleMapping(table, groups, {list(mapping.order)!r}, mode={mapping.mode!r},",
        f"                         default={mapping.default!r}{own})",
        "now = ds.role_mapping.read_roles(users, memberships, groups)",
        "changes = ds.what_if.role_changes(now, mapping.suppose(users, memberships))",
        "findings = mapping.findings(users, memberships)",
        'ds.write_mapping(mapping, "roles.json")  # writes a file, sends nothing',
    ]
    calls = (("users", "users", here), ("groups", "groups", here))
    return snippets(client, *calls, then="\n".join(lines))
