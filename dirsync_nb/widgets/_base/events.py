"""Events in words: what happened to whom."""

from __future__ import annotations

from dataclasses import dataclass

from ...client import Record
from ...frames import choose_address
from ...text import ABSENT
from .text import label, plain, value_labels

__all__ = ["COUNTED", "KINDS", "Line", "changed", "sentence"]

KINDS = ("Joined", "Left", "Changed", "Added", "Removed", "Groups", "Directory", "Other")
COUNTED = {kind: (kind.lower(), kind.lower()) for kind in KINDS} | {
    "Groups": ("group", "groups"),
    "Directory": ("directory", "directories"),
}
"""What one event of a kind is called after its count, and what several are: ``1 group``, ``3 joined``."""

WORDS = {
    "dsync.user.created": ("Joined", "{who} joined"),
    "dsync.user.deleted": ("Left", "{who} left (deleted, or made inactive)"),
    "dsync.user.updated": ("Changed", "{who}: {changes}"),
    "dsync.group.user_added": ("Added", "{who} was added to {group}"),
    "dsync.group.user_removed": ("Removed", "{who} was removed from {group}"),
    "dsync.group.created": ("Groups", "Group {own} was created"),
    "dsync.group.updated": ("Groups", "Group {own}: {changes}"),
    "dsync.group.deleted": ("Groups", "Group {own} was deleted, its memberships with it"),
    "dsync.activated": ("Directory", "Directory {own} was linked"),
    "dsync.deactivated": ("Directory", "Directory {own} was unlinked"),
    "dsync.deleted": ("Directory", "Directory {own} was deleted, with everybody in it"),
    "dsync.token.created": ("Directory", "A SCIM token was made"),
    "dsync.token.revoked": ("Directory", "A SCIM token was withdrawn"),
}
"""What kind of event it is, and what it says."""
VALUE = 40  # characters of an old or new value


@dataclass(frozen=True)
class Line:
    """One event as a person reads it."""

    event_id: str
    when: str
    what: str
    text: str
    who: str
    user_id: str | None
    directory_id: str | None


def sentence(event: Record) -> Line:
    """Put an event into words; one that lacks what it should hold is said to, and stops nothing."""
    name, data = plain(event.get("event")), event.get("data")
    data = data if isinstance(data, dict) else {}
    user, group = _part(data, "user", name, "dsync.user."), _part(data, "group", name, "dsync.group.")
    what, who = WORDS.get(name, ("Other", ""))[0], _who(user)
    if name == "dsync.user.updated" and _turned(data, "inactive"):
        what = "Left"
    elif name == "dsync.user.updated" and _turned(data, "active"):
        what = "Joined"
    text = _words(name, what, data, who, label(group.get("name"), 60)) if data else ""
    if not text or (what in ("Joined", "Left", "Changed", "Added", "Removed") and not user):
        text = f"{name}: the event lacks what it should hold; see its record."
    return Line(
        event_id=plain(event.get("id")),
        when=plain(event.get("created_at")).replace("T", " ")[:19],
        what=what,
        text=text,
        who=who,
        user_id=plain(user.get("id")) or None,
        directory_id=plain(data.get("id" if name.startswith(("dsync.act", "dsync.de")) else "directory_id"))
        or None,
    )


def _part(data: Record, key: str, name: str, prefix: str) -> Record:
    """Find the user or group of an event: inside the data, or the data itself."""
    inner = data.get(key)
    if isinstance(inner, dict):
        return inner
    itself = name.startswith(prefix) and not name.startswith("dsync.group.user_") and data.get("id")
    return data if itself else {}


def _who(user: Record) -> str:
    name = plain(user.get("name")) or " ".join(
        part for part in (plain(user.get("first_name")), plain(user.get("last_name"))) if part
    )
    return label(name or choose_address(user)[0] or user.get("idp_id") or user.get("id"), 60)


def _turned(data: Record, state: str) -> bool:
    previous = data.get("previous_attributes")
    return isinstance(previous, dict) and "state" in previous and data.get("state") == state


def _words(name: str, what: str, data: Record, who: str, group: str) -> str:
    changes = _changes(data)
    if name == "dsync.user.updated":
        turned = {"Left": "made inactive", "Joined": "active again"}.get(what)
        changes = "; ".join(filter(None, (turned, changes))) or "changed (what is not said)"
    if name not in WORDS:
        return name
    return WORDS[name][1].format(
        who=who, group=group, own=label(data.get("name"), 60), changes=changes or "changed"
    )


def changed(event: Record) -> list[tuple[str, str, str]]:
    """List what an event says has changed: each attribute with the labels of its value before and after."""
    data = event.get("data")
    return _pairs(data) if isinstance(data, dict) else []


def _pairs(data: Record) -> list[tuple[str, str, str]]:
    previous = data.get("previous_attributes")
    if not isinstance(previous, dict):
        return []
    old = {n: v for n, v in previous.items() if n not in ("custom_attributes", "state", "updated_at")}
    pairs = [(name, value, data.get(name, ABSENT)) for name, value in old.items()]
    inner, now = previous.get("custom_attributes"), data.get("custom_attributes")
    if isinstance(inner, dict):
        now = now if isinstance(now, dict) else {}
        pairs += [(name, value, now.get(name, ABSENT)) for name, value in inner.items()]
    return [(name, *value_labels([_slug(before), _slug(after)])) for name, before, after in pairs]


def _slug(value: object) -> object:
    """Return the word of a role, and any other value as it is."""
    return value["slug"] if isinstance(value, dict) and set(value) == {"slug"} else value


def _changes(data: Record) -> str:
    """Return what changed, from the old values an event carries."""
    return "; ".join(
        f"{label(name, VALUE)} {label(before, VALUE)} → {label(after, VALUE)}"
        for name, before, after in _pairs(data)
    )
