"""What a card says of a user or a group: who it is, what is known, where it leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets as t

from ...client import Record
from ...frames import choose_address
from ...text import status_of
from .script import script_of
from .text import LONGEST, label, plain, plural

__all__ = ["CardFace", "face_of", "facts_of", "name_of", "overview"]

NAME = 120  # characters of a title
LINKS = 60  # groups named on a card; all of them are in its list
Fact = list[Any]


class CardFace(anywidget.AnyWidget):
    """A part of a card: who it is, or what is known.

    Parameters
    ----------
    lead
        Called with "user" or "group" and an id, where a link was followed.
    back, close
        Called by the buttons.
    """

    _esm = script_of("card")
    card: Any = t.Dict().tag(sync=True)

    def __init__(
        self, lead: Callable[[str, str], None], back: Callable[[], None], close: Callable[[], None]
    ) -> None:
        super().__init__()
        self.lead, self.go_back, self.dismiss = lead, back, close
        self.on_msg(self._received)

    def _received(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if "open" in content:
            self.lead(*map(str, content["open"]))
        elif "back" in content:
            self.go_back()
        elif "close" in content:
            self.dismiss()

    @property
    def facts(self) -> dict[str, str]:
        """All facts shown or folded, by name."""
        parts = [*self.card.get("sections", ()), *self.card.get("folded", ())]
        return {name: text for part in parts for name, text, *_ in part["rows"]}


def name_of(record: Record) -> str:
    """Return the best name of a user or group."""
    return (
        plain(record.get("name"))
        or plain(choose_address(record)[0])
        or plain(record.get("idp_id"))
        or record["id"]
    )


def face_of(
    record: Record,
    *,
    back: str = "",
    closable: bool = False,
) -> dict[str, Any]:
    """Return who it is."""
    return {
        "title": label(name_of(record), NAME),
        "initials": _initials(name_of(record)),
        "chips": _chips(record) if _is_user(record) else [["group", ""]],
        "back": label(back, 40),
        "closable": closable,
        "sections": [],
        "folded": [],
    }


def facts_of(
    record: Record,
    groups: Sequence[Record] | None = None,
    find: Callable[[str], str | None] = lambda _: None,
) -> dict[str, Any]:
    """Return what is known, and where it leads."""
    facts: dict[str, Any] = {
        "sections": [{"title": title, "rows": rows} for title, rows in _sections(record, find) if rows],
        "folded": [],
    }
    if groups:
        items = [["group", group["id"], label(name_of(group), 60)] for group in groups[:LINKS]]
        facts["links"] = {"title": f"In {plural(len(groups), 'group')}", "items": items}
    attributes = _attribute_pairs(_attributes(record))
    if attributes:
        facts["folded"] = [{"title": f"All attributes ({len(attributes)})", "rows": attributes}]
    return facts


def overview(record: Record) -> list[tuple[str, object]]:
    """List what is known of a user or a group, for readers without a kernel."""
    pairs: list[tuple[str, object]] = []
    if _is_user(record):
        address, source = choose_address(record)
        pairs += [("Address", address), ("Address from", source if source != "email" else None)]
        pairs += [("State", record.get("state")), ("Roles", ", ".join(_roles(record)))]
        pairs += [(name, text) for name, text in _attribute_pairs(_attributes(record))]
    pairs += [(name, text) for name, text, *_ in _ids(record)]
    return [(name, value) for name, value in pairs if name != "Address from" or value]


def _is_user(record: Record) -> bool:
    return record.get("object") == "directory_user" or "custom_attributes" in record


def _attributes(record: Record) -> dict[str, Any]:
    attributes = record.get("custom_attributes")
    return attributes if isinstance(attributes, dict) else {}


def _initials(name: str) -> str:
    words = [word for word in name.split() if word[:1].isalpha()]
    return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper() if words else "–"


def _roles(record: Record) -> list[str]:
    roles = [plain(role.get("slug")) for role in record.get("roles") or [] if isinstance(role, dict)]
    main = record.get("role")
    if isinstance(main, dict) and plain(main.get("slug")) not in roles:
        roles.insert(0, plain(main.get("slug")))
    return roles


def _chips(record: Record) -> list[list[str]]:
    state = plain(record.get("state"))
    chips = [[state, state.lower()]] if state else []
    chips += [[label(role, 40), "role"] for role in _roles(record)[:5]]
    return chips if choose_address(record)[0] else [*chips, ["no address", "no address"]]


def _sections(record: Record, find: Callable[[str], str | None]) -> list[tuple[str, list[Fact]]]:
    sections = []
    if _is_user(record):
        address, source = choose_address(record)
        attributes = _attributes(record)
        contact: list[Fact] = [["Address", plain(address), {"copy": True}]]
        if address and source != "email":
            contact.append(["Address from", plain(source)])
        username = plain(attributes.get("username"))
        if username and username != plain(address):
            contact.append(["User name", username, {"copy": True}])
        contact += _named(attributes, {"phone_numbers": "Phone"})
        job = _named(attributes, {"job_title": "Title", "department_name": "Department"})
        sections = [("Contact", contact), ("Job", [*job, *_manager(attributes, find)])]
    return [*sections, ("Ids and dates", _ids(record))]


def _named(attributes: dict[str, Any], titles: dict[str, str]) -> list[Fact]:
    found = [(title, plain(_value(attributes.get(name)))) for name, title in titles.items()]
    return [[title, label(text, LONGEST)] for title, text in found if text]


def _manager(attributes: dict[str, Any], find: Callable[[str], str | None]) -> list[Fact]:
    name, address = plain(attributes.get("manager_name")), plain(attributes.get("manager_email"))
    if not name and not address:
        return []
    user_id = find(address) if address else None
    return [["Manager", label(name or address, 100), {"open": ["user", user_id]} if user_id else {}]]


def _ids(record: Record) -> list[Fact]:
    return [
        ["Provider's id", plain(record.get("idp_id")), {"copy": True}],
        ["Id", plain(record.get("id")), {"copy": True}],
        ["Created", _moment(record.get("created_at"))],
        ["Updated", _moment(record.get("updated_at"))],
    ]


def _attribute_pairs(attributes: dict[str, Any]) -> list[Fact]:
    """List the attributes with a value, then name those that are null or blank; what is absent is not named."""
    held = {name: status_of(value) for name, value in attributes.items()}
    pairs = [[name, label(_value(attributes[name]), LONGEST)] for name in held if held[name] == "filled"]
    for title, status in (("Without a value", "null"), ("Blank", "blank")):
        names = ", ".join(name for name in held if held[name] == status)
        pairs += [[title, names]] if names else []
    return pairs


def _value(value: object) -> object:
    """Return an attribute in words; of addresses and the like, the entries."""
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return "; ".join(plain(e.get("value") or e.get("raw_address") or e) for e in value)
    return "yes" if value is True else "no" if value is False else value


def _moment(value: object) -> str:
    return f"{plain(value).replace('T', ' ')[:16]} UTC" if value else ""
