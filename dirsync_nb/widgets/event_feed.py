"""Who joined, left, changed, was added: events as they arrive."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import ipywidgets as w
import traitlets as t

from .. import errors
from ..client import DSYNC_EVENTS, DirectoryClient, Record, checked_id, needs_client
from ..client.credentials import is_loopback
from ._base.code import snippets
from ._base.controls import Controls
from ._base.events import COUNTED, KINDS, Line, changed, sentence
from ._base.jobs import PATIENCE, Job
from ._base.panel import Panel
from ._base.parts import Pulse, button, field, row
from ._base.reading import read_records
from ._base.table import Column, RowTable
from ._base.text import fold, html_table, json_block, label, plain, plural

__all__ = ["EventFeed"]

COLUMNS: list[Column] = [
    {"key": "what", "title": "What", "kind": "state"},
    {"key": "text", "title": "What happened"},
    {"key": "when", "title": "When (UTC)", "fixed": True, "room": 2},
]
ALL = "All"
LOOKS = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))  # so far back, in turn
ABSENT = 180.0  # seconds without a sign of life from a page; a hidden one gives one each minute
OLDER = 500  # events shown more at once
STATIC_ROWS = 10


class EventFeed(Panel):
    """Show events as they arrive, by polling the events API from a cursor.

    It begins with the events of the last hour (of the sandbox: with its latest), newest on top, and loads older
    ones on request, as far back as the service keeps them. When the page
    is closed it pauses after some minutes, and goes on when somebody opens the page again.

    Parameters
    ----------
    client
        Where to read.
    directory_id, organization_id
        Only events of this directory, of this organization.
    events
        Event names. Default: all of Directory Sync.
    after
        Begin after this event id: where you stopped the last time.
    interval
        Seconds between two looks.
    minutes
        After so long without anybody touching it, it pauses: a forgotten notebook asks nobody.
    limit
        So many events are kept, the newest.

    Attributes
    ----------
    paused
        Whether it waits.
    kind
        "All", or one of "Joined", "Left", "Changed", "Added", "Removed", "Groups", "Directory", "Other".
    find
        Only events whose words hold this.
    cursor
        Id of the last event read: give it as ``after`` to go on from there.
    lines
        The events kept, newest first, in words.
    records
        The same events as the API gave them, by id.

    Examples
    --------
    >>> feed = ds.widgets.EventFeed(client, directories.index[0])
    >>> feed.directory_id == directories.index[0]
    True
    >>> feed.close()
    """

    name = "events"
    paused = t.Bool(default_value=False)
    kind = t.Enum((ALL, *KINDS), ALL)
    find = t.Unicode("")
    cursor = t.Unicode(None, allow_none=True)
    interval = t.Float(3.0)

    @needs_client
    def __init__(
        self,
        client: DirectoryClient,
        directory_id: Any = None,
        *,
        organization_id: Any = None,
        events: str | Iterable[str] | None = None,
        after: Any = None,
        interval: float = 3.0,
        minutes: float = 60.0,
        limit: int = 500,
    ) -> None:
        super().__init__()
        self.client = client
        self.directory_id = None if directory_id is None else checked_id(directory_id, "directory_id")
        self.organization_id = (
            None if organization_id is None else checked_id(organization_id, "organization_id")
        )
        self.events = [events] if isinstance(events, str) else list(events or DSYNC_EVENTS)
        self.interval, self.minutes, self.limit = interval, minutes, limit
        for name in ("minutes", "limit"):
            if not getattr(self, name) > 0:
                raise errors.ArgumentError(f"{name} must be more than 0; got {getattr(self, name)!r}")
        self.cursor = None if after is None else checked_id(after, "after")
        self._lines: list[Line] = []
        self._records: dict[str, Record] = {}
        self._seen: dict[str, None] = {}
        self._older: list[tuple[Line, Record]] = []  # read already, and not shown yet
        self._cleared: tuple[list[Line], dict[str, Record]] | None = None
        self._reach: tuple[datetime, int] | None = None  # when it began, and how far back it looked
        self.clock = time.monotonic
        self._controls = Controls(self)
        self.touch()
        self._last_beat: float | None = None  # none before a page first shows it: there may never be one
        self._away = False
        self._build()
        self._connect()
        self.poll(patience=PATIENCE)

    @t.validate("interval")
    def _not_too_often(self, proposal: Any) -> float:
        if not 0.2 <= proposal.value < float("inf"):
            raise t.TraitError(f"interval must be at least 0.2 seconds; got {proposal.value!r}")
        return float(proposal.value)

    # Building -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.pause_button = w.ToggleButton(description="Pause", icon="pause", tooltip="Stop looking, for now")
        self.clear_button = button("Clear", "trash", "Empty the list; go on from here", self.clear)
        self.kind_menu = field(w.Dropdown(description="Show", options=[(one, one) for one in (ALL, *KINDS)]))
        self.find_field = field(w.Text(description="Find", placeholder="name, group, change …"), grow=True)
        self.undo_button = button("Undo clear", "undo", "Show again what was cleared", self.undo_clear)
        self.older_button = button(
            "Load older", "history", "Events from before those that are listed", self.load_older
        )
        self.pause_button.layout.width = "auto"
        self.table = RowTable(COLUMNS, label="Events, newest first", saved="events")
        self.record_view = w.HTML()
        self.pulse = Pulse(self._beat)
        top = row(self.find_field, self.kind_menu, self.pause_button, self.clear_button, self.undo_button)
        self.assemble(top, below=[self.table, row(self.older_button, level=True), self.record_view, self.pulse])

    def _connect(self) -> None:
        self._controls.tie(paused=self.pause_button, kind=self.kind_menu, find=self.find_field)
        self.table.observe(lambda change: self._show_record(change["new"]), "picked")
        self.observe(self._filter_changed, ["kind", "find"])
        self.observe(self._turned_paused, "paused")

    def _filter_changed(self, _: Any) -> None:
        self.touch()
        self._draw()

    def _turned_paused(self, change: Any) -> None:
        self.pause_button.value = change["new"]
        self.pause_button.description, self.pause_button.icon = (
            ("Resume", "play") if change["new"] else ("Pause", "pause")
        )
        self._last_beat, self._away = None, False
        self.touch()
        if change["new"]:
            self.jobs.forget("poll")
            self.jobs.drop("poll")
            self._draw()
        else:
            self.poll()

    def touch(self) -> None:
        """Begin to count the minutes anew: somebody is here.

        Examples
        --------
        >>> feed = ds.widgets.EventFeed(client, minutes=5)
        >>> feed.touch()
        """
        self._touched = self.clock()

    def _beat(self) -> None:
        """Hear that somebody has the page open."""
        if self.retired:
            return
        if self._away:
            self.paused = False
        self._last_beat = self.clock()

    @property
    def lines(self) -> list[Line]:
        """The events kept, newest first, in words."""
        self.wait()
        return self._lines

    @property
    def records(self) -> dict[str, Record]:
        """The same events as the API gave them, by id."""
        self.wait()
        return self._records

    # Polling ------------------------------------------------------------------------------------------------

    def poll(self, *, patience: float | None = None) -> None:
        """Look once for new events; while a kernel runs and it is not paused, the next look follows.

        Examples
        --------
        >>> feed = ds.widgets.EventFeed(client)
        >>> feed.poll()
        >>> len(feed.lines) == len(events)
        True
        """
        if self.retired:
            return
        cursor = self.cursor
        self.jobs.run(
            "poll", lambda job: self._look(cursor, job), self._arrived, self._failed, patience=patience
        )

    def _look(self, cursor: str | None, job: Job) -> list[Record]:
        filters: dict[str, Any] = {"events": self.events, "organization_id": self.organization_id}
        if cursor is not None:
            filters["after"] = cursor
        elif not is_loopback(self.client.base_url):  # a sandbox has a clock of its own
            begun = datetime.now(UTC)
            self._reach = begun, 0
            filters["range_start"] = begun - LOOKS[0]
        records, _ = read_records(self.client, "events", job, **filters)
        if self.directory_id is not None and cursor is None:
            whose = {sentence(record).directory_id for record in records}
            if self.directory_id not in whose:
                self.client.directory(self.directory_id)  # of one that there is not, nothing would ever come
        # A feed looks all day long; its receipts would pile up.
        for receipt in [
            r for r in self.client.receipts[:-1] if r.endpoint == "/events" and r.complete and not r.rows
        ]:
            self.client.receipts.remove(receipt)
        return records

    def _arrived(self, records: list[Record]) -> None:
        first = self.cursor is None
        fresh = [record for record in records if plain(record.get("id")) not in self._seen]
        self._seen.update((plain(record.get("id")), None) for record in fresh)
        if records:
            self.cursor = plain(records[-1].get("id")) or self.cursor
        lines = [(sentence(record), record) for record in fresh]
        mine = [(line, record) for line, record in lines if self.directory_id in (None, line.directory_id)]
        if first:
            self._older, mine = mine[: -self.limit], mine[-self.limit :]
        self._lines = [line for line, _ in reversed(mine)] + self._lines
        self._records |= {line.event_id: record for line, record in mine}
        self._forget_old()
        if fresh or first or self.status.kind in ("busy", "error", "idle"):
            self._draw()
        self._plan()

    def _forget_old(self) -> None:
        for line in self._lines[self.limit :]:
            self._records.pop(line.event_id, None)
        self._lines = self._lines[: self.limit]
        for event_id in list(self._seen)[: -10 * self.limit]:
            del self._seen[event_id]

    def _failed(self, problem: BaseException) -> None:
        if isinstance(problem, (errors.BadRequest, errors.Unprocessable)) and self.cursor is not None:
            known = f"{self._lines[0].when} UTC" if self._lines else "an event that is not known any more"
            now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
            self.status.say(
                "error",
                f"The service does not know the place {self.cursor} any more. There is a gap from {known} to "
                f"{now} UTC that no feed can fill: load the directory anew, then press Try again to go on "
                "from now.",
                again=True,
            )
            return
        self.status.problem(problem)
        if getattr(problem, "retryable", False):
            self._plan(slower=5)

    def again(self) -> None:
        """Go on: from the cursor, or from now where the cursor is lost."""
        if "does not know the place" in self.status.text:
            self.cursor = None
        self.poll()

    def _plan(self, slower: int = 1) -> None:
        if self.paused:
            return
        if self._last_beat is not None and self.clock() - self._last_beat > ABSENT:
            self.paused, self._away = True, True
            self.status.say("empty", "Paused: the page was closed. It goes on when somebody opens it again.")
            return
        if self.clock() - self._touched > self.minutes * 60:
            self.paused = True
            after = f"{self.minutes:g} minute{'' if self.minutes == 1 else 's'}"
            self.status.say("empty", f"Paused after {after}. Press Resume to go on.")
            return
        self.jobs.later("poll", self.interval * slower, self.poll)

    # Drawing ------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Empty the list; the cursor stays, so nothing comes twice. ``undo_clear`` brings it back.

        Examples
        --------
        >>> feed = ds.widgets.EventFeed(client)
        >>> feed.clear()
        >>> feed.lines
        []
        """
        self._cleared = (self._lines, self._records)
        self._lines, self._records = [], {}
        self.table.picked = ""
        self._draw()

    def undo_clear(self) -> None:
        """Show again what was cleared, under what came since.

        Examples
        --------
        >>> feed = ds.widgets.EventFeed(client)
        >>> feed.clear()
        >>> feed.undo_clear()
        >>> len(feed.lines) == len(events)
        True
        """
        if self._cleared is not None:
            lines, records = self._cleared
            self._cleared = None
            self._lines, self._records = [*self._lines, *lines], records | self._records
            self._draw()

    def load_older(self) -> None:
        """List events from before those that are listed: of the last day, of the last week, of 30 days.

        Examples
        --------
        >>> feed = ds.widgets.EventFeed(client, limit=10)
        >>> feed.load_older()
        >>> len(feed.lines) == len(events)
        True
        """
        if self._older:
            part, self._older = self._older[-OLDER:], self._older[:-OLDER]
            self._add_older(part)
        elif self._reach is not None and self._reach[1] + 1 < len(LOOKS):
            begun, looked = self._reach
            self._reach = begun, looked + 1
            span = {"range_start": begun - LOOKS[looked + 1], "range_end": begun - LOOKS[looked]}
            filters: dict[str, Any] = {"events": self.events, "organization_id": self.organization_id, **span}
            self.busy("Reading older events …")
            self._run(
                "older",
                lambda job: read_records(self.client, "events", job, **filters)[0],
                lambda records: self._add_older([(sentence(one), one) for one in records]),
            )

    def _add_older(self, older: list[tuple[Line, Record]]) -> None:
        known = {line.event_id for line in self._lines}
        older = [
            (line, record)
            for line, record in older
            if self.directory_id in (None, line.directory_id) and line.event_id not in known
        ]
        self.limit += len(older)
        self._lines = [*self._lines, *(line for line, _ in reversed(older))]
        self._records |= {line.event_id: record for line, record in older}
        self._draw()

    def shown_lines(self) -> list[Line]:
        """Return the events that fit the filters, newest first.

        Examples
        --------
        >>> feed = ds.widgets.EventFeed(client)
        >>> feed.kind = "Joined"
        >>> {line.what for line in feed.shown_lines()}
        {'Joined'}
        """
        words = fold(self.find).split()
        return [
            line
            for line in self._lines
            if self.kind in (ALL, line.what) and all(word in fold(line.text) for word in words)
        ]

    def _draw(self) -> None:
        if self.retired:
            return
        self._controls.follow()
        more = bool(self._older) or (self._reach is not None and self._reach[1] + 1 < len(LOOKS))
        self.older_button.layout.display = "" if more else "none"
        self.undo_button.layout.display = "none" if self._cleared is None else ""
        fitting = self.shown_lines()
        rows = [(line.event_id, (line.what, line.text, line.when)) for line in fitting]
        self.table.show(rows, empty="Nothing yet." if not self._lines else "No event fits. Change the filter.")
        counts = Counter(line.what for line in self._lines)
        listed = ", ".join(plural(count, *COUNTED[what]) for what, count in counts.most_common())
        state = "Paused" if self.paused else f"Looking every {self.interval:g} s"
        fits = f"{len(fitting):,} of " if len(fitting) < len(self._lines) else ""
        text = f"{state}. {fits}{plural(len(self._lines), 'event')}" + (f" ({listed})." if listed else ".")
        self.status.say("empty" if self.paused or not fitting else "ready", text)
        self._show_code()
        self.settled()

    def _show_record(self, event_id: str) -> None:
        self.touch()
        record = self._records.get(event_id)
        self.record_view.layout.display = "none" if record is None else ""
        if record is not None:
            changes = html_table(("What changed", "Before", "After"), changed(record))
            self.record_view.value = (
                f"{changes if changed(record) else ''}<h4>The event as it came</h4>{json_block(record)}"
            )

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        filters: dict[str, Any] = {"events": list(self.events)}
        if self.organization_id is not None:
            filters["organization_id"] = self.organization_id
        if self.cursor is not None:
            filters["after"] = self.cursor
        self.code.snippets = snippets(self.client, ("events", "events", filters))

    def summary(self) -> str:
        """Return how many events are shown."""
        return plural(len(self.shown_lines()), "event")

    def static(self) -> str:
        """Return the newest events as a table."""
        if self.status.kind == "error":
            return html_table(("Event feed",), [(self.status.text,)])
        rows = [(line.what, label(line.text, 120), line.when) for line in self.shown_lines()[:STATIC_ROWS]]
        newest = f"The newest {plural(len(rows), 'event')}"
        return html_table([c["title"] for c in COLUMNS], rows, caption=newest)
