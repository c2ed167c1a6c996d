"""Everything about one user or one group."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as w
import traitlets as t

from .. import errors
from ..client import DSYNC_EVENTS, DirectoryClient, Record, checked_id, needs_client
from ..frames import choose_address
from ..provisioning.access import access_in_short
from ._base.code import snippets
from ._base.controls import Offered
from ._base.events import sentence
from ._base.face import CardFace, face_of, facts_of, name_of, overview
from ._base.jobs import PATIENCE, Job
from ._base.panel import Panel
from ._base.parts import Choice
from ._base.reading import overlaps, read_records
from ._base.table import Column, Row, RowTable
from ._base.text import html_table, json_block, label, plain, plural

__all__ = ["DetailCard"]

SECTIONS = {
    "user": ("Overview", "Groups", "History", "Raw record"),
    "group": ("Overview", "Members", "Overlap", "Raw record"),
}
HISTORY_PAGES = 20
HISTORY_FRESH = 20.0  # seconds for which an organization's events are not asked for again
NOBODY = "Nobody chosen: set user_id or group_id."
COLUMNS: dict[str, list[Column]] = {
    "Groups": [{"key": "name", "title": "Group"}, {"key": "idp_id", "title": "Provider's id", "room": 2}],
    "Members": [
        {"key": "name", "title": "Member"},
        {"key": "state", "title": "State", "kind": "state", "room": 2},
    ],
    "Overlap": [
        {"key": "name", "title": "Other group"},
        {"key": "shared", "title": "In both", "kind": "number"},
        {"key": "share", "title": "Of this group", "kind": "number", "room": 1},
    ],
    "History": [{"key": "what", "title": "What", "kind": "state"}, {"key": "text", "title": "Details"}],
}
NOUNS = {
    "Groups": ("group", "groups"),
    "Members": ("member", "members"),
    "Overlap": ("overlapping group", "overlapping groups"),
    "History": ("event", "events"),
}
NONE = {
    "Groups": "In no group.",
    "Members": "Nobody is in this group.",
    "Overlap": "No other group shares a member.",
    "History": "No event about this user in the last 30 days.",
}
LEADS = {"Groups": "group", "Overlap": "group", "Members": "user"}  # what a row of a section opens


class DetailCard(Panel):
    """Show one user (attributes, roles, groups, history, record) or one group (members, overlap, record).

    Groups, members and managers lead on to their own cards, and Back returns.

    Parameters
    ----------
    client
        Where to read.
    user_id, group_id
        Whom or what to show: at most one of them, an id or a record.
    nested
        Whether it is part of another widget.
    close
        Called by the button that closes the card; without it there is none.
    find
        Finds a user's id by an address, so that a manager leads on.

    Attributes
    ----------
    user_id, group_id
        What is shown, or None. Setting one of them shows it.
    section
        What is in view: "Overview", "Groups", "History", "Members", "Overlap" or "Raw record".
    rows
        What the section lists, as a frame.

    Examples
    --------
    >>> card = ds.widgets.DetailCard(client, users.index[0])
    >>> card.kind
    'user'
    >>> card.close()
    """

    name = "Nobody chosen"
    user_id = t.Unicode(None, allow_none=True)
    group_id = t.Unicode(None, allow_none=True)
    section = Offered(lambda self: SECTIONS[self.kind] if self.kind else ("Overview",), "Overview")

    @needs_client
    def __init__(
        self,
        client: DirectoryClient,
        user_id: Any = None,
        *,
        group_id: Any = None,
        nested: bool = False,
        close: Callable[[], None] | None = None,
        find: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        if user_id is not None and group_id is not None:
            raise errors.ArgumentError("give user_id or group_id, not both")
        super().__init__()
        self.client = client
        self.record: Record | None = None
        self.closable, self._find = close is not None, find
        self._patience = PATIENCE
        self._parts: dict[str, Any] = {}
        self._homes: dict[str, Record | None] = {}  # directories, by id; None for one that cannot be read
        self._histories: dict[str, tuple[float, list[Record], bool]] = {}
        self._trail: list[tuple[str, str, str, str]] = []  # kind, id, section and name of what was shown
        self.face = CardFace(self.lead, self.back, close or self.clear)
        self.facts = CardFace(self.lead, self.back, close or self.clear)
        self.sections = Choice([], label="Section")
        self.body = w.HTML()
        self.table = RowTable(COLUMNS["Groups"], label="Groups")
        self.note = w.HTML()
        self.add_class("dsn-card")
        self.assemble(self.face, self.sections, self.facts, self.body, self.table, self.note, nested=nested)
        self.sections.observe(self._section_pressed, "value")
        self.table.observe(lambda change: self._row_picked(change["new"]), "picked")
        self.observe(self._subject_changed, ["user_id", "group_id"])
        self.observe(lambda _: self._draw(), "section")
        self._subject_changed({"name": "user_id", "new": None})
        self.show(user_id=user_id, group_id=group_id)
        self._patience = None

    @property
    def kind(self) -> str | None:
        """Whether a "user" or a "group" is shown, or None."""
        return "user" if self.user_id else "group" if self.group_id else None

    # Going on and back --------------------------------------------------------------------------------------

    def show(self, *, user_id: Any = None, group_id: Any = None) -> None:
        """Show somebody anew: there is nothing to go back to.

        Examples
        --------
        >>> card = ds.widgets.DetailCard(client)
        >>> card.show(group_id=groups.index[0])
        >>> card.kind
        'group'
        """
        self._trail = []
        if user_id is not None:
            self.user_id = checked_id(user_id, "user_id")
        elif group_id is not None:
            self.group_id = checked_id(group_id, "group_id")

    def lead(self, kind: str, subject: str) -> None:
        """Go on to another user or group.

        Examples
        --------
        >>> card = ds.widgets.DetailCard(client, users.index[0])
        >>> card.lead("group", groups.index[0])
        >>> card.kind
        'group'
        """
        if self.kind is not None and not self.retired:
            here = str(self.user_id or self.group_id)
            self._trail.append(
                (self.kind, here, self.section, "" if self.record is None else name_of(self.record))
            )
        setattr(self, f"{kind}_id", subject)

    def back(self) -> None:
        """Return to what was shown before.

        Examples
        --------
        >>> card = ds.widgets.DetailCard(client, users.index[0])
        >>> card.lead("group", groups.index[0])
        >>> card.back()
        >>> card.user_id == users.index[0]
        True
        """
        if self._trail:
            kind, subject, section, _ = self._trail.pop()
            setattr(self, f"{kind}_id", subject)
            self.section = section

    def clear(self) -> None:
        """Show nobody.

        Examples
        --------
        >>> card = ds.widgets.DetailCard(client, users.index[0])
        >>> card.clear()
        >>> card.kind is None
        True
        """
        self._trail = []
        self.user_id = self.group_id = None

    def _row_picked(self, row_id: str) -> None:
        kind = LEADS.get(self.section)
        if row_id and kind and not self.retired:
            self.lead(kind, row_id)

    # Loading ------------------------------------------------------------------------------------------------

    def _subject_changed(self, change: Any) -> None:
        if change["new"] is not None:
            other = "group_id" if change["name"] == "user_id" else "user_id"
            with self.hold_trait_notifications():
                setattr(self, other, None)
        self.jobs.drop("record")
        self.jobs.drop("part")
        self.record, self._parts = None, {}
        self._fill_sections()
        if self.kind is None:
            self.status.say("empty", NOBODY)
            self._draw()
        else:
            self._load_record()

    def _load_record(self) -> None:
        kind, subject = self.kind, str(self.user_id or self.group_id)
        get = self.client.user if kind == "user" else self.client.group
        self.busy(f"Reading the {kind} …")
        self._draw()
        self._run("record", lambda _: get(subject), self._arrived)

    def _failed(self, problem: BaseException) -> None:
        if isinstance(problem, errors.NotFound):
            self.status.say(
                "empty", f"This {self.kind} is not there any more: deleted since the list was read."
            )
        else:
            self.status.problem(problem)

    def again(self) -> None:
        """Read once more."""
        if self.kind is not None:
            self._parts = {}
            self._load_record()

    def _part(self, name: str, work: Any) -> Any:
        """Return a part of the card if it was read, else start reading it."""
        if name in self._parts:
            return self._parts[name]
        if not self.jobs.busy:
            self.busy(f"Reading {name.lower()} …")
            self._run("part", work, lambda found: self._arrived(found, name))
        return self._parts.get(name)

    def _arrived(self, found: Any, part: str = "") -> None:
        if part:
            self._parts[part] = found
        else:
            self.record = found
        self.status.say("ready", "")
        self._draw()
        self.settled()

    # Drawing ------------------------------------------------------------------------------------------------

    def _fill_sections(self) -> None:
        names = SECTIONS[self.kind] if self.kind else ()
        with self.hold_trait_notifications():
            self.sections.offer(names)
            self.sections.layout.display = "" if names else "none"
            self.section = "Overview"

    def _section_pressed(self, change: Any) -> None:
        if change["new"] and self.kind and change["new"] != self.section:
            self.section = change["new"]

    def _draw(self) -> None:
        record = self.record
        if self.kind and self.sections.value != self.section:
            self.sections.value = self.section
        # Empty boxes would leave gaps.
        self.body.value = self.note.value = ""
        for part in (self.body, self.note, self.table):
            part.layout.display = "none"
        self.face.card = self.facts.card = {}
        if record is not None:
            back = self._trail[-1][3] if self._trail else ""
            self.face.card = face_of(record, back=back, closable=self.closable)
            if self.section == "Overview":
                self._draw_overview(record)
            elif self.section == "Raw record":
                self.body.value, self.body.layout.display = json_block(record), ""
            else:
                self._draw_list()
        self._show_code()

    def _draw_overview(self, record: Record) -> None:
        groups = self._part("Groups", self._read_groups) if self.kind == "user" else None
        self.facts.card = facts_of(record, _by_name(groups or []), self._find) | self._access(record)

    def _access(self, record: Record) -> dict[str, Any]:
        """Return the line on what keeps a user out, once their directory is read."""
        home = str(record.get("directory_id"))
        if self.kind == "user" and home not in self._homes:
            found = self._part("Directory", lambda _: (home, self._read_home(home)))
            self._homes |= dict([found] if found else [])
        directory = self._homes.get(home)
        if self.kind != "user" or directory is None:
            return {}
        address, source = choose_address(record)
        user = {"state": plain(record.get("state")), "address": address, "address_source": source}
        where = {"state": plain(directory.get("state")), "name": label(directory.get("name"))}
        return {"access": access_in_short(user, where)}

    def _read_home(self, directory_id: str) -> Record | None:
        try:
            return self.client.directory(directory_id)
        except errors.DirsyncError:
            return None  # the card is of the user; nothing is said then

    def _draw_list(self) -> None:
        """List what the section is about, once it is read."""
        read = {"Groups": self._read_groups, "Members": self._read_members, "Overlap": self._read_overlap}
        found = self._part(self.section, read.get(self.section, self._read_history))
        if found is None:
            return
        if self.section == "Groups":
            rows: list[Row] = [(g["id"], (g.get("name"), g.get("idp_id"))) for g in _by_name(found)]
        elif self.section == "Members":
            rows = [(m["id"], ((name_of(m), choose_address(m)[0]), m.get("state"))) for m in _by_name(found)]
        elif self.section == "Overlap":
            members, names, pairs = found
            rows = [(i, (names.get(i, i), f"{shared:,}", f"{shared / members:.0%}")) for i, shared in pairs]
        else:
            lines = [sentence(event) for event in reversed(found[0])]
            rows = [(line.event_id, (line.what, (line.text, line.when))) for line in lines]
        self._show_table(rows)
        if self.section == "History" and not found[1]:
            self._say(f"Only the first {HISTORY_PAGES * 100:,} events of the organization were read.")

    def _show_table(self, rows: Sequence[Row]) -> None:
        with self.table.hold_sync():
            if self.table.label != self.section:
                self.table.page = 1
            self.table.clickable = self.section in LEADS
            self.table.picked, self.table.saved = "", self.section.lower()
            self.table.offer(COLUMNS[self.section], self.section)
            self.table.show(rows, empty=NONE[self.section])
        self.table.layout.display = ""
        if 0 < len(rows) <= self.table.size:
            self._say(f"{plural(len(rows), *NOUNS[self.section])}.")

    def _say(self, text: str) -> None:
        self.note.value, self.note.layout.display = f'<p class="dsn-note">{text}</p>', ""

    # Reading ------------------------------------------------------------------------------------------------

    def _read_groups(self, job: Job) -> list[Record]:
        return read_records(self.client, "groups", job, user_id=self.user_id)[0]

    def _read_members(self, job: Job) -> list[Record]:
        assert self.record is not None
        filters = {"group_id": self.record["id"], "directory_id": self.record.get("directory_id")}
        return read_records(self.client, "users", job, **filters)[0]

    def _read_overlap(self, job: Job) -> tuple[int, dict[str, str], list[tuple[str, int]]]:
        assert self.record is not None
        directory, group = str(self.record.get("directory_id")), self.record["id"]
        members = self._parts.get("Members") or self._read_members(job)
        groups, _ = read_records(self.client, "groups", job, directory_id=directory)
        names = {g["id"]: plain(g.get("name")) for g in groups}
        pairs = overlaps(self.client, group, [m["id"] for m in members], names, directory, job)
        return len(members), names, pairs

    def _read_history(self, job: Job) -> tuple[list[Record], bool]:
        assert self.record is not None
        user_id, organization = self.record["id"], self.record.get("organization_id")
        read_at, events, whole = self._histories.get(str(organization), (float("-inf"), [], True))
        if time.monotonic() - read_at > HISTORY_FRESH:
            filters = {"organization_id": organization} if organization else {}
            events, whole = read_records(self.client, "events", job, pages=HISTORY_PAGES, **filters)
            self._histories[str(organization)] = time.monotonic(), events, whole
        return [event for event in events if sentence(event).user_id == user_id], whole

    # What it says of itself -----------------------------------------------------------------------------------

    def _show_code(self) -> None:
        subject = self.user_id or self.group_id
        if subject is None or self.kind is None:
            self.code.layout.display = "none"
            return
        calls: list[Any] = [(self.kind, self.kind, {f"{self.kind}_id": subject})]
        if self.section == "Groups":
            calls.append(("groups", "groups", {"user_id": subject}))
        elif self.section in ("Members", "Overlap"):
            calls.append(("members", "users", {"group_id": subject}))
        elif self.section == "History" and self.record is not None:
            calls.append(("events", "events", history_filters(self.record)))
        self.code.layout.display = ""
        self.code.snippets = snippets(self.client, *calls, **_only_of(self.section, subject))

    def summary(self) -> str:
        """Return who is shown."""
        return self.name if self.record is None else f"{self.kind} {label(name_of(self.record))}"

    def static(self) -> str:
        """Return the overview as a table."""
        if self.record is None:
            return html_table(("Detail card",), [(self.name,)])
        return html_table(("Field", "Value"), overview(self.record), caption=label(name_of(self.record)))


def _by_name(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (name_of(record).casefold(), record["id"]))


def history_filters(record: Record) -> dict[str, object]:
    """Return which events a history is picked from."""
    organization = record.get("organization_id")
    names = [name for name in DSYNC_EVENTS if ".user" in name]
    return {"events": names} | ({"organization_id": organization} if organization else {})


def _only_of(section: str, subject: str) -> dict[str, str]:
    if section == "History":
        return {"then": f'events = events[events["user_id"] == {subject!r}]'}
    return {}
