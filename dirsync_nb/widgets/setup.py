"""From a provider to a directory that is linked and filled, step by step."""

from __future__ import annotations

import os
import time
from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from .. import errors
from ..client import DirectoryClient, Record, require_client
from ..connect import connect, connect_sandbox
from ..frames import directories_frame, takes_frames
from ._base.code import snippets
from ._base.controls import MENU, Controls, ListedId
from ._base.directory_lists import COLUMNS
from ._base.jobs import PATIENCE, Job
from ._base.listing import Found, Listing
from ._base.panel import Panel, Read
from ._base.parts import Choice, KeyField, button, field, row
from ._base.reading import read_frame
from ._base.table import ROWS, Column, RowTable
from ._base.text import facts, html_table, label, name_label, plain, plural, shown
from ._setup.guides import all_states, guide, quick_start
from ._setup.providers import FULL, state_of

__all__ = ["Setup"]

OTHER = "another provider"
WATCH_FIRST, WATCH_MOST = 3.0, 15.0  # seconds between two looks: soon at first, then less often
WATCH_FOR = 45 * 60.0  # seconds; a cycle of Entra ID takes 40 minutes
DIRECTORIES: list[Column] = [
    {**one, "sortable": False} for one in COLUMNS["Directories"] if "hidden" not in one
]


class Setup(Panel):
    """Connect a directory: provider, key, organization and directory, then watch the first sync.

    The key goes from the field straight into the client. It is no trait, stands in no widget state and in no
    notebook file, and is not shown again.

    Parameters
    ----------
    client
        A client you have already. Default: made here, from a key.
    base_url
        Address of the server for a key entered here. Default: ``WORKOS_BASE_URL``, else WorkOS.

    Attributes
    ----------
    client
        The client, once there is a key: for the next cell.
    directory_id
        The directory chosen, or None: for the next cell.
    organization_id
        The organization chosen, or None for all.
    provider
        The provider whose steps are shown.
    find
        Only organizations and directories whose name holds this are offered.
    watching
        Whether the directory's state is being watched.
    state, users, groups
        What the last look saw: the state, and the counts (-1: not known).
    ready
        Whether the directory is linked and holds somebody.

    Examples
    --------
    >>> setup = ds.widgets.Setup(client)
    >>> setup.close()
    """

    name = "no key yet"
    provider = t.Enum((*(one.type for one in FULL), OTHER), FULL[0].type)
    organization_id = ListedId("organization", lambda self: self._organizations.index)
    directory_id = ListedId("directory", lambda self: self._directories.index)
    find = t.Unicode("")
    watching = t.Bool(default_value=False)
    state = t.Unicode("")
    users = t.Int(-1)
    groups = t.Int(-1)
    ready = t.Bool(default_value=False)
    directories = Read()
    organizations = Read()

    @takes_frames()
    def __init__(self, client: DirectoryClient | None = None, *, base_url: str | None = None) -> None:
        super().__init__()
        self.client = None if client is None else require_client(client, "Setup")
        self._directories, self._organizations = pd.DataFrame(), pd.DataFrame()
        self._base_url = base_url
        self._listing: Listing | None = None
        self._record: Record | None = None
        self._watch_ends, self.watch_pause = 0.0, WATCH_FIRST
        self._controls = Controls(self)
        self._patience = PATIENCE
        self._build()
        self._connect_controls()
        self._draw_provider()
        self._draw_key()
        self._offer()
        if client is not None:
            self._load()
        self._patience = None

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        options = [(one.title, one.type) for one in FULL] + [("Another provider …", OTHER)]
        self.provider_buttons = Choice(options, label="Provider")
        self.steps_view = w.HTML()
        self.key_field = KeyField(self._use_key)
        self.environment_button = button(
            "Use WORKOS_API_KEY", "key", "", lambda: self._start(lambda: connect(base_url=self._base_url))
        )
        self.sandbox_button = button(
            "Use the sandbox", "flask", "Invented people; no key needed", lambda: self._start(connect_sandbox)
        )
        self.key_view = w.HTML()
        self.organization_menu = field(w.Dropdown(description="Organization", options=[("all", "")]))
        self.find_field = field(w.Text(description="Find", placeholder="name of a directory …"), grow=True)
        self.table = RowTable(DIRECTORIES, label="Directories", saved="directories")
        self.watch_button = w.ToggleButton(
            description="Watch", icon="eye", tooltip="Look again and again until it is ready"
        )
        self.seen = w.HTML()
        self.watch_button.layout.width = "auto"
        self.choose_step = _step(
            "3. Organization and directory",
            row(self.organization_menu, self.find_field),
            self.table,
        )
        self.watch_step = _step(
            "4. Watch until it is ready", row(self.watch_button), self.seen, w.HTML(quick_start())
        )
        self.assemble(
            _step("1. Provider", self.provider_buttons, self.steps_view),
            _step(
                "2. Key",
                self.key_view,
                self.key_field,
                row(self.environment_button, self.sandbox_button, level=True),
            ),
            below=[self.choose_step, self.watch_step],
        )

    def _connect_controls(self) -> None:
        self._controls.tie(provider=self.provider_buttons, organization_id=self.organization_menu)
        self._controls.tie(find=self.find_field, watching=self.watch_button)
        self.table.observe(lambda change: self._row_picked(change["new"]), "picked")
        self.observe(lambda _: self._draw_provider(), "provider")
        self.observe(lambda _: self._offer(), ["organization_id", "find"])
        self.observe(self._directory_changed, "directory_id")
        self.observe(self._turned_watching, "watching")

    @t.validate("watching")
    def _only_with_a_directory(self, proposal: Any) -> bool:
        if proposal.value and self.directory_id is None:
            raise t.TraitError("choose a directory before watching it")
        return bool(proposal.value)

    def _row_picked(self, directory_id: str) -> None:
        if not self._controls.idle and directory_id:
            self.directory_id = directory_id

    # Provider -----------------------------------------------------------------------------------------------

    def _draw_provider(self) -> None:
        self._controls.follow()
        self.steps_view.value = guide(self.provider)
        self.settled()

    # Key ----------------------------------------------------------------------------------------------------

    def _use_key(self, key: str) -> None:
        self._start(lambda: connect(key, base_url=self._base_url))

    def _start(self, make: Any) -> None:
        """Make a client and read with it; a key that does not work leaves the earlier client in its place."""
        if self.retired:
            return
        try:
            client = make()
        except errors.DirsyncError as problem:
            self.status.say("error", str(problem))
            return
        self._load(client)

    def _draw_key(self) -> None:
        in_environment = bool(os.environ.get("WORKOS_API_KEY", "").strip())
        self.environment_button.layout.display = "" if in_environment else "none"
        found = (
            "<code>WORKOS_API_KEY</code> is set where this kernel runs: use it, or enter another key."
            if in_environment
            else "<code>WORKOS_API_KEY</code> is not set where this kernel runs. The key stands in the WorkOS "
            "dashboard → <b>API Keys</b> (choose the environment first; the key is shown once). It begins with "
            "<code>sk_</code>, and goes into the client only: not into the notebook, not into its saved state."
        )
        if self.client is not None:
            environment = self.client.transport.key_environment
            where = "the embedded sandbox" if self.client.sandbox is not None else plain(self.client.base_url)
            found = f"<b>Key set, {environment}</b>, for {shown(where)}. Another one may be entered."
        self.key_view.value = f"<p>{found}</p>"

    # Loading ------------------------------------------------------------------------------------------------

    def _load(self, client: DirectoryClient | None = None) -> None:
        trying = client or self.client
        if trying is None:
            return
        self.busy("Reading organizations and directories …")
        self._trying = trying

        def read(job: Job) -> tuple[pd.DataFrame, pd.DataFrame]:
            return read_frame(trying, "organizations", job), read_frame(trying, "directories", job)

        self._run("load", read, self._loaded, self._refused)

    def _loaded(self, found: tuple[pd.DataFrame, pd.DataFrame]) -> None:
        with self.hold_trait_notifications():
            self.watching, self.directory_id, self.organization_id, self.find = False, None, None, ""
        self.client = self._trying
        self._organizations, self._directories = found
        self._listing = Listing(self._directories, DIRECTORIES, ("name", "type", "state", "organization_id"))
        self._draw_key()
        self._offer()
        directories = plural(len(self._directories), "directory", "directories")
        count = f"{directories} in {plural(len(self._organizations), 'organization')}"
        kind = "ready" if len(self._directories) else "empty"
        more = (
            "" if len(self._directories) else " Create the first one by the steps above, then press Try again."
        )
        key = f"Key set, {self.client.transport.key_environment}."
        self.status.say(kind, f"{key} {count}.{more}", again=not len(self._directories))
        self.settled()

    def _refused(self, problem: BaseException) -> None:
        self.status.problem(problem)
        self._draw_key()

    def again(self) -> None:
        """Read once more."""
        self._load(getattr(self, "_trying", None))

    # Organization and directory -----------------------------------------------------------------------------

    def _offer(self) -> None:
        """Offer organizations and directories, at most 50 of each."""
        if self._listing is None:
            for step in (self.choose_step, self.watch_step):
                step.layout.display = "none"
            self._show_code()
            return
        self.choose_step.layout.display = self.watch_step.layout.display = ""
        names = self._organizations["name"]
        entries = [(label(name_label(name), MENU), str(i)) for i, name in names[:ROWS].items()]
        known = self.organization_id in [i for _, i in entries]
        chosen = self.organization_id if known else ""
        self._controls.fill(self.organization_menu, entries, value=chosen, of=len(names), first="all")
        with self._controls.silence():
            self._draw_directories()
        if self.code.snippets == [] or self.directory_id is None:
            self._show_code()

    def _draw_directories(self) -> None:
        assert self._listing is not None
        mask = self._listing.matching(self.find)
        if self.organization_id is not None:
            mask = mask & self._listing.equal("organization_id", self.organization_id)
        places = self._listing.found(mask, "name")
        self.table.show(
            Found(self._listing, places),
            empty="No directory fits: look in all organizations.",
            marks=self._listing.words(self.find),
        )
        self.table.picked = self.directory_id or ""
        self._draw_seen(None)

    def _directory_changed(self, change: Any) -> None:
        with self._controls.silence():
            self.table.picked = change["new"] or ""
        with self.hold_trait_notifications():
            self.state, self.users, self.groups, self.ready = "", -1, -1, False
        self._record = None
        self.watching = False
        self._show_code()
        if change["new"] is not None:
            self.watching = True

    # Watching -----------------------------------------------------------------------------------------------

    def _turned_watching(self, change: Any) -> None:
        self.watch_button.value = change["new"]
        self.watch_button.description = "Stop watching" if change["new"] else "Watch"
        self.jobs.forget("watch")
        self.jobs.drop("watch")
        self._draw_seen(self._record)
        if change["new"]:
            self._watch_ends, self.watch_pause = time.monotonic() + WATCH_FOR, WATCH_FIRST
            self.seen.value = '<p class="dsn-note">Looking …</p>'
            self.look()

    def look(self) -> None:
        """Look at the directory once; while it is watched and not ready, the next look follows.

        Examples
        --------
        >>> setup = ds.widgets.Setup(client)
        >>> setup.directory_id = directories.index[0]
        >>> setup.look()
        >>> setup.state
        'linked'
        """
        client, directory_id = self.client, self.directory_id
        if client is None or directory_id is None or self.retired:
            return
        self._run("watch", lambda _: client.directory(directory_id), self._looked, self._not_seen)

    def _looked(self, record: Record) -> None:
        self._record = record
        seen = directories_frame([record]).iloc[0]
        with self.hold_trait_notifications():
            self.state = plain(seen["state"])
            active, inactive, groups = (seen[name] for name in ("active_users", "inactive_users", "groups"))
            self.users = -1 if pd.isna(active) else int(active) + (0 if pd.isna(inactive) else int(inactive))
            self.groups = -1 if pd.isna(groups) else int(groups)
        self.ready = state_of(self.state).settled and self.users > 0
        self._draw_seen(record)
        if self.ready or self.state == "deleting":
            self.watching = False
        elif self.watching:
            self._plan()
        self.settled()

    def _not_seen(self, problem: BaseException) -> None:
        self.status.problem(problem)
        if getattr(problem, "retryable", False) and self.watching:
            self._plan()
        else:
            self.watching = False

    def _plan(self) -> None:
        if time.monotonic() > self._watch_ends:
            self.watching = False
            self.status.say("empty", "Watched for 45 minutes. Press Watch to go on.")
            return
        self.jobs.later("watch", self.watch_pause, self.look)
        self.watch_pause = min(WATCH_MOST, self.watch_pause * 1.5)

    def _draw_seen(self, record: Record | None) -> None:
        if self.directory_id is None:
            self.seen.value = f'<p class="dsn-note">Pick a directory above.</p>{all_states()}'
            return
        if record is None:
            self.seen.value = all_states()
            return
        meaning = state_of(self.state)
        users, groups = (f"{n:,}" if n >= 0 else "not told" for n in (self.users, self.groups))
        verdict = "Ready: linked, and the first people are there." if self.ready else meaning.meaning
        if meaning.settled and not self.ready:
            verdict = "Linked, but nobody has arrived yet. Are people assigned at the provider?"
        pairs = [("State", self.state), ("Users", users), ("Groups", groups), ("What to do", meaning.mend)]
        waiting = "" if self.ready or not self.watching else f" Next look in {self.watch_pause:.0f} s."
        title = f"<h4>{shown(record.get('name'), 200)}</h4>"
        self.seen.value = f"{title}<p><b>{verdict}</b>{waiting}</p>{facts(pairs)}{all_states()}"

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        if self.client is None:
            self.code.snippets = []
            self.code.layout.display = "none"
            return
        self.code.layout.display = ""
        calls: list[Any] = [("directories", "directories", {})]
        if self.organization_id is not None:
            calls = [("directories", "directories", {"organization_id": self.organization_id})]
        if self.directory_id is not None:
            calls = [("directory", "directory", {"directory_id": self.directory_id})]
        self.code.snippets = snippets(self.client, *calls)

    def summary(self) -> str:
        """Return how far it got; never anything of the key."""
        if self.client is None:
            return self.name
        key = f"key set, {self.client.transport.key_environment}"
        if self.directory_id is None:
            return f"{key}, no directory chosen"
        name = label(self._directories.loc[self.directory_id, "name"], MENU)
        return f"{key}, {name}: {self.state or 'not looked at yet'}"

    def static(self) -> str:
        """Return the provider's steps, and the directories."""
        drawn = [[" · ".join(cell.split("\n")) for cell in cells] for _, *cells in self.table.rows]
        table = html_table([c["title"] for c in DIRECTORIES], drawn, caption=self.summary()) if drawn else ""
        return guide(self.provider) + table


def _step(title: str, *parts: Any) -> Any:
    box = w.VBox([w.HTML(f"<h3>{title}</h3>"), *parts])
    box.add_class("dsn-step")
    return box
