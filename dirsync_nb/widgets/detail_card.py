"""Everything about one user or one group."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import traitlets as t

from .. import errors
from ..client import DirectoryClient, Record, identifier
from ..frames import choose_address
from ._base.code import snippets
from ._base.events import sentence
from ._base.jobs import PATIENCE, Job
from ._base.panel import Panel
from ._base.parts import ROWS, RowTable
from ._base.reading import overlaps, read_records
from ._base.text import count_of, facts, html_table, json_block, label, plain, shown

__all__ = ["DetailCard"]

SECTIONS = {
    "user": ("Overview", "Groups", "History", "Raw record"),
    "group": ("Overview", "Members", "Overlap", "Raw record"),
}
HISTORY_PAGES = 20
HISTORY_FRESH = 20.0  # seconds for which an organization's events are not asked for again
GROUP_COLUMNS = [
    {"key": "name", "title": "Group", "room": 0},
    {"key": "idp_id", "title": "Provider's id", "room": 2},
]
MEMBER_COLUMNS = [
    {"key": "name", "title": "Member", "width": 32, "room": 0},
    {"key": "address", "title": "Address", "width": 36, "room": 0},
    {"key": "state", "title": "State", "kind": "state", "room": 2},
]
OVERLAP_COLUMNS = [
    {"key": "name", "title": "Other group", "width": 44, "room": 0},
    {"key": "shared", "title": "In both", "width": 24, "kind": "number", "room": 0},
    {"key": "share", "title": "Of this group", "width": 32, "kind": "number", "room": 0},
]


class DetailCard(Panel):
    """Show one user (attributes, roles, groups, history, record) or one group (members, overlap, record).

    Parameters
    ----------
    client
        Where to read.
    user_id, group_id
        Whom or what to show: at most one of them, an id or a record.
    nested
        Whether it is part of another widget.

    Attributes
    ----------
    user_id, group_id
        What is shown, or None. Setting one of them shows it.
    section
        What is in view: "Overview", "Groups", "History", "Members", "Overlap" or "Raw record".
    """

    name = "Nobody chosen"
    user_id = t.Unicode(None, allow_none=True)
    group_id = t.Unicode(None, allow_none=True)
    section = t.Unicode("Overview")

    def __init__(
        self, client: DirectoryClient, *, user_id: Any = None, group_id: Any = None, nested: bool = False
    ) -> None:
        if user_id is not None and group_id is not None:
            raise errors.ArgumentError("give user_id or group_id, not both")
        super().__init__()
        self.client = client
        self.record: Record | None = None
        self._patience: float | None = PATIENCE
        self._parts: dict[str, Any] = {}
        self._histories: dict[str, tuple[float, list[Record], bool]] = {}
        self._title = w.HTML()
        self.sections = w.ToggleButtons(options=[], tooltips=[])
        self.body = w.HTML()
        self.table = RowTable(GROUP_COLUMNS, label="Groups", clickable=False)
        self.note = w.HTML()
        self.add_class("dsn-card")
        self.assemble(self._title, self.sections, self.body, self.table, self.note, nested=nested)
        self.sections.observe(self._section_pressed, "value")
        self.observe(self._subject_changed, ["user_id", "group_id"])
        self.observe(lambda _: self._draw(), "section")
        self._subject_changed({"name": "user_id", "new": None})
        if user_id is not None:
            self.user_id = identifier(user_id, "user_id")
        if group_id is not None:
            self.group_id = identifier(group_id, "group_id")
        self._patience = None

    @t.validate("section")
    def _only_its_sections(self, proposal: Any) -> str:
        known = SECTIONS[self.kind] if self.kind else ("Overview",)
        if proposal.value not in known:
            raise t.TraitError(f"section must be one of {', '.join(known)}; got {proposal.value!r}")
        return str(proposal.value)

    @property
    def kind(self) -> str | None:
        """Whether a "user" or a "group" is shown, or None."""
        return "user" if self.user_id else "group" if self.group_id else None

    def clear(self) -> None:
        """Show nobody."""
        self.user_id = self.group_id = None

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
            self.status.say("empty", "Nobody chosen: pick a row to see everything about it.")
            self._draw()
        else:
            self._load_record()

    def _load_record(self) -> None:
        kind, subject = self.kind, str(self.user_id or self.group_id)
        get = self.client.user if kind == "user" else self.client.group
        self.busy(f"Reading the {kind} …")
        self._draw()
        self.jobs.run(
            "record", lambda _: get(subject), self._record_read, self._failed, patience=self._patience
        )

    def _record_read(self, record: Record) -> None:
        self.record = record
        self.status.say("ready", "")
        self._draw()
        self.settled()

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
            self.jobs.run(
                "part", work, lambda found: self._part_read(name, found), self._failed, patience=self._patience
            )
        return self._parts.get(name)

    def _part_read(self, name: str, found: Any) -> None:
        self._parts[name] = found
        self.status.say("ready", "")
        self._draw()
        self.settled()

    # Drawing ------------------------------------------------------------------------------------------------

    def _fill_sections(self) -> None:
        names = SECTIONS[self.kind] if self.kind else ()
        with self.hold_trait_notifications():
            self.sections.options = names
            self.sections.layout.display = "" if names else "none"
            self.section = "Overview"

    def _section_pressed(self, change: Any) -> None:
        if change["new"] and self.kind and change["new"] != self.section:
            self.section = change["new"]

    def _draw(self) -> None:
        record = self.record
        self._title.value = (
            "" if record is None else f'<div class="dsn-title">{shown(_name(record), 300)}</div>'
        )
        if self.kind and self.sections.value != self.section:
            self.sections.value = self.section
        self.body.value = self.note.value = ""
        self.table.layout.display = "none"
        if record is not None:
            draw = {
                "Overview": self._draw_overview,
                "Groups": self._draw_groups,
                "History": self._draw_history,
                "Members": self._draw_members,
                "Overlap": self._draw_overlap,
                "Raw record": self._draw_raw,
            }
            draw[self.section](record)
        self._show_code()

    def _draw_overview(self, record: Record) -> None:
        self.body.value = facts(overview(record))

    def _draw_raw(self, record: Record) -> None:
        self.body.value = json_block(record)

    def _draw_groups(self, record: Record) -> None:
        groups = self._part(
            "Groups", lambda job: read_records(self.client, "groups", job, user_id=record["id"])[0]
        )
        if groups is not None:
            rows = [(g["id"], (g.get("name"), g.get("idp_id"))) for g in _by_name(groups)]
            self._show_table(GROUP_COLUMNS, rows, "group", "In no group.")

    def _draw_members(self, _: Record) -> None:
        members = self._part("Members", self._read_members)
        if members is not None:
            rows = [(m["id"], (_name(m), choose_address(m)[0], m.get("state"))) for m in _by_name(members)]
            self._show_table(MEMBER_COLUMNS, rows, "member", "Nobody is in this group.")

    def _draw_overlap(self, _: Record) -> None:
        found = self._part("Overlap", self._read_overlap)
        if found is None:
            return
        members, names, pairs = found
        rows = [
            (name, (names.get(name, name), f"{shared:,}", f"{shared / members:.0%}")) for name, shared in pairs
        ]
        self._show_table(OVERLAP_COLUMNS, rows, "overlapping group", "No other group shares a member.")

    def _draw_history(self, _: Record) -> None:
        found = self._part("History", self._read_history)
        if found is None:
            return
        events, whole = found
        lines = [sentence(event) for event in reversed(events)]
        rows = [(line.when, line.what, line.text) for line in lines[:ROWS]]
        table = html_table(("When (UTC)", "What", "Details"), rows)
        if not rows:
            table = '<p class="dsn-empty">No event about this user in the last 30 days.</p>'
        self.body.value = f'<div class="dsn-list">{table}</div>'
        cut = "" if whole else f" Only the first {HISTORY_PAGES * 100:,} events of the organization were read."
        self.note.value = f'<p class="dsn-note">{count_of(len(rows), len(lines), "event")}.{cut}</p>'

    def _show_table(
        self,
        columns: Sequence[dict[str, Any]],
        rows: Sequence[tuple[str, Sequence[object]]],
        noun: str,
        empty: str,
    ) -> None:
        with self.table.hold_sync():
            self.table.columns, self.table.label = list(columns), f"{noun}s".capitalize()
            self.table.show(rows, empty=empty)
        self.table.layout.display = ""
        text = f"{count_of(min(len(rows), ROWS), len(rows), noun)}." if rows else ""
        self.note.value = f'<p class="dsn-note">{text}</p>'

    # Reading ------------------------------------------------------------------------------------------------

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
        """Say who is shown."""
        return self.name if self.record is None else f"{self.kind} {label(_name(self.record))}"

    def static(self) -> str:
        """Return the overview as a table."""
        if self.record is None:
            return html_table(("Detail card",), [(self.name,)])
        return html_table(("Field", "Value"), overview(self.record), caption=label(_name(self.record)))


def _name(record: Record) -> str:
    """Return the best name of a user or group."""
    return (
        plain(record.get("name"))
        or plain(choose_address(record)[0])
        or plain(record.get("idp_id"))
        or record["id"]
    )


def _by_name(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (_name(record).casefold(), record["id"]))


def overview(record: Record) -> list[tuple[str, object]]:
    """List what a person wants to know first about a user or a group."""
    pairs: list[tuple[str, object]] = []
    if record.get("object") == "directory_user" or "custom_attributes" in record:
        address, source = choose_address(record)
        roles = [role.get("slug") for role in record.get("roles") or [] if isinstance(role, dict)]
        main = record.get("role")
        if isinstance(main, dict) and main.get("slug") not in roles:
            roles.insert(0, main.get("slug"))
        pairs += [
            ("Address", address),
            ("Address from", source if source != "email" else None),
            ("State", record.get("state")),
            ("Roles", ", ".join(plain(role) for role in roles)),
        ]
        attributes = record.get("custom_attributes")
        pairs += _attribute_pairs(attributes if isinstance(attributes, dict) else {})
    pairs += [
        ("Provider's id", record.get("idp_id")),
        ("Id", record.get("id")),
        ("Created (UTC)", _moment(record.get("created_at"))),
        ("Updated (UTC)", _moment(record.get("updated_at"))),
    ]
    return [(name, value) for name, value in pairs if name != "Address from" or value]


def _attribute_pairs(attributes: dict[str, Any]) -> list[tuple[str, object]]:
    """List the attributes with a value, then name those that the provider left empty."""
    filled = [(name, _value(value)) for name, value in attributes.items() if plain(value)]
    empty = ", ".join(name for name, value in attributes.items() if not plain(value))
    return [*filled, ("Without a value", empty)] if empty else [*filled]


def _value(value: object) -> object:
    """Return an attribute in words; of addresses and the like, the entries."""
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return "; ".join(plain(e.get("value") or e.get("raw_address") or e) for e in value)
    return "yes" if value is True else "no" if value is False else value


def _moment(value: object) -> str:
    return plain(value).replace("T", " ")[:16]


def history_filters(record: Record) -> dict[str, object]:
    """Return which events a history is picked from."""
    from ..client import DSYNC_EVENTS

    organization = record.get("organization_id")
    names = [name for name in DSYNC_EVENTS if ".user" in name]
    return {"events": names} | ({"organization_id": organization} if organization else {})


def _only_of(section: str, subject: str) -> dict[str, str]:
    if section == "History":
        return {"then": f'events = events[events["user_id"] == {subject!r}]'}
    return {}
