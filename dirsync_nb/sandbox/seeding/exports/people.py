"""Rows to people, groups and memberships; what was not understood or not taken is named, never dropped."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...directory.refusal import Invalid
from .dates import date_order, iso_date
from .forms import MAPPED, form_named, form_of, marked_of, meaning_of, status_of
from .tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...directory.objects import Object
    from .tables import Table

__all__ = ["Column", "People", "read_people"]

_ODD = 5  # values named at the most
_TOLD = 20  # rows named at the most
_ATTRIBUTES = (
    "username", "display_name", "job_title", "employee_type", "employee_number", "department_name",
    "division_name", "cost_center_name", "manager_id", "manager_email", "manager_name", "employment_start_date",
)  # fmt: skip
_TYPE_NAMES = ("System.", "Microsoft.Graph", "Microsoft.ActiveDirectory")
"""PowerShell writes these in place of lists and objects, whose values are lost."""
_ADDRESS = {
    "street": "street_address", "locality": "locality", "region": "region", "postal_code": "postal_code",
    "country": "country",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What became of one column of a file."""

    file: str
    name: str
    understood_as: str | None
    filled: int
    odd: tuple[str, ...] = ()


@dataclass
class People:
    """People, groups and memberships out of files: what was understood of each column, and which rows were not.

    Attributes
    ----------
    users
        By the provider's id, else user name or address: ``idp_id``, ``email`` (and ``mail`` where it is
        no user name), ``first_name``, ``last_name``, ``custom_attributes``, those that were ``mapped`` by
        ``columns``, and ``status``: what the file says, ``on``, ``off``, ``not_yet`` or ``unknown``.
    groups
        Names by id.
    members
        Pairs of the id of a user and of a group.
    provider
        Type of directory that such files come from, by their form; None where nothing tells.
    columns, refused, notices
        What was understood; ``(file, row, why)`` of each row not taken; sentences to read.

    Examples
    --------
    >>> people = ds.sandbox.read_people(pd.DataFrame({"email": ["ada@acme.test"], "first_name": ["Ada"]}))
    >>> client = ds.connect_sandbox(people=people, company="Acme")
    >>> ds.load_organizations(client)["name"].tolist()
    ['Acme']
    """

    users: dict[str, Object] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    columns: list[Column] = field(default_factory=list)
    refused: list[tuple[str, int, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    forms: dict[str, str] = field(default_factory=dict)
    provider: str | None = None
    _aliases: dict[str, str] = field(default_factory=dict, repr=False)  # any name of a person to the id

    def __str__(self) -> str:
        width = max((len(column.name) for column in self.columns), default=0)
        lines = [f"{file}: {form}" for file, form in self.forms.items()]
        for name, means, filled, odd in self._rows():
            lines.append(f"  {name:<{width}}  {means:<22} {filled:>7}{f'  odd: {odd}' if odd else ''}")
        return "\n".join([*lines, *self.sentences()])

    def _repr_html_(self) -> str:
        cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows()]
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        head = "<tr><th>column</th><th>understood as</th><th>filled</th><th>odd values</th></tr>"
        return f"<table>{head}{body}</table>" + "".join(f"<p>{escape(line)}</p>" for line in self.sentences())

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (one.name, one.understood_as or "(not understood)", f"{one.filled:,}", ", ".join(one.odd))
            for one in self.columns
        ]

    def sentences(self) -> list[str]:
        """Return what to know of all this: first the counts, then rows that were not taken, then notices."""
        counts = f"{len(self.users):,} people, {len(self.groups):,} groups, {len(self.members):,} memberships"
        refused = [f"{file}, row {row}: not taken, {why}" for file, row, why in self.refused[:_TOLD]]
        more = len(self.refused) - _TOLD
        return [counts, *refused, *([f"and {more:,} more rows"] if more > 0 else []), *self.notices]


def read_people(
    people: str | Path | Any,
    groups: Iterable[str | Path] | str | Path = (),
    *,
    columns: Mapping[str, str] | None = None,
) -> People:
    """Return the people of export files, with their groups and memberships.

    Parameters
    ----------
    people
        A file, several, or a DataFrame with a row for each person.
    groups
        Files of memberships. Where a file does not name its group, its own name does.
    columns
        What columns mean, where it was not recognised: their names in the file, to fields of a directory user
        (``""`` for nothing, ``"custom_attributes.badge"`` for an attribute that the customer maps).

    Raises
    ------
    ValueError
        A file cannot be read, is of no known form, or no person in it has an id, a user name or an address.

    Examples
    --------
    >>> people = ds.sandbox.read_people(pd.DataFrame({"email": ["ada@acme.test"], "first_name": ["Ada"]}))
    >>> len(people.users)
    1
    """
    found = People()
    links: list[tuple[str, Mapping[str, str]]] = []
    sources = people if isinstance(people, list | tuple) else [people]
    group_files = [groups] if isinstance(groups, str | Path) else list(groups)
    for source, is_groups in [(one, False) for one in sources] + [(one, True) for one in group_files]:
        file = Path(source).name if isinstance(source, str | Path) else "the frame"
        table = read_table(source)
        header = table.header
        found.notices += table.notices
        found.refused += [(file, number, why) for number, why in table.refused]
        form = form_of(header) or (form_named(table.form) if table.form else None)
        found.forms[file] = form.name if form else "a table of an unknown form"
        found.provider = found.provider or (form.provider if form else None)
        meaning = meaning_of(header, form, {} if is_groups else columns or {})
        _describe_columns(found, file, table, meaning)
        if is_groups and not {*_NAMES, "group_key", "group_name"} & {*meaning}:
            raise Invalid(f"{file}: no column names a person or a group ({', '.join(header[:8])})")
        left_out: Counter[str] = Counter()
        by_username = 0
        order = _order_of_dates(found, file, table, meaning)
        for number, row in table.rows:
            record = _record(meaning, row, order)
            kind = _kind(record.get("object_class", ""))
            if is_groups or "group_key" in record:
                links.append((Path(file).stem, record))
            elif kind == "group":
                group = {"group_key": record.get("dn", ""), "group_name": record.get("display_name", "")}
                members = [{"dn": member} for member in _several(record.get("member", ""))]
                links += [(file, {**group, **member}) for member in members or [{}]]
            elif kind == "person":
                named = "@" in record.get("username", "")
                by_username += named and "email" in meaning and "email" not in record
                _take(found, file, number, record)
            else:
                left_out[kind] += 1
        found.notices += [
            f"{file}: {count:,} entries are no people and left out: {kind}" for kind, count in left_out.items()
        ]
        if by_username:
            found.notices.append(f"{file}: {by_username:,} people have no address: the user name stands in")
    if not found.users:
        why = "it has groups and no people" if links else _why_nobody(found)
        raise Invalid(f"no person could be read from {', '.join(found.forms)}: {why}")
    _link(found, links)
    _name_managers(found)
    return found


def _why_nobody(found: People) -> str:
    names = ", ".join(f"{column.name:.40}" for column in found.columns[:8])
    if not names:
        return "there are no rows"
    if not any(column.understood_as for column in found.columns):
        return f"no column is known; give columns= ({names})"
    if not {column.understood_as for column in found.columns} & {"idp_id", "server_id", "username", "email"}:
        return f"no column has an id, a user name or an address; give columns= ({names})"
    return found.refused[0][2] if found.refused else "there are no rows"


def _describe_columns(found: People, file: str, table: Table, meaning: Sequence[str]) -> None:
    for place, (name, target) in enumerate(zip(table.header, meaning, strict=True)):
        values = [row[place] for _, row in table.rows if row[place]]
        if not name and not values:  # a separator at the end of each line
            continue
        is_odd = _ODD_VALUES.get(target)
        words = Counter(
            value for value in values if value.startswith(_TYPE_NAMES) or (is_odd is not None and is_odd(value))
        )
        odd = [f"{word!r} ({count:,})" for word, count in words.most_common(_ODD)]
        found.columns.append(Column(file, name or "(no name)", target or None, len(values), tuple(odd)))
    lost = [column.name for column in found.columns if column.file == file and column.understood_as is None]
    if lost:
        found.notices.append(f"{file}: not understood and left out: {', '.join(lost)}")


_LOST_LETTER = re.compile(r"\w\?|\?\w").search  # in 7-bit ASCII, as PowerShell 5.1 writes it
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE).fullmatch  # by Excel: the digits are lost
_ODD_VALUES: dict[str, Callable[[str], object]] = {
    "state": lambda value: status_of(value) == "unknown",
    "off": lambda value: marked_of(value) == "unknown",
    "email": lambda value: "@" not in value,
    **dict.fromkeys(("first_name", "last_name", "display_name"), _LOST_LETTER),
    **dict.fromkeys(("idp_id", "employee_number"), _SHORTENED),
}


# -- rows to people ------------------------------------------------------------------------------------------


def _record(meaning: Sequence[str], row: Sequence[str], order: str | None) -> dict[str, str]:
    """Return a row by what its cells mean; of columns that may recur, each on a line."""
    record: dict[str, str] = {}
    for target, value in zip(meaning, row, strict=True):
        if target and value and not value.startswith(_TYPE_NAMES):
            record[target] = f"{record[target]}\n{value}" if target in record else value
    if start := record.get("employment_start_date"):
        record["employment_start_date"] = iso_date(start, order)
    return record


def _order_of_dates(found: People, file: str, table: Table, meaning: Sequence[str]) -> str | None:
    """Return whether dates of a file begin with the day or the month; say so where nothing tells."""
    if "employment_start_date" not in meaning:
        return None
    place = meaning.index("employment_start_date")
    order, why = date_order(row[place] for _, row in table.rows)
    if why:
        found.notices.append(f"{file}: {why}: start dates are left as they are")
    return order


def _several(cell: str) -> list[str]:
    """Return the values of a cell that holds several, between bars, semicolons or lines."""
    return list(filter(None, map(str.strip, re.split(r"[|;\n]", cell))))


@cache
def _kind(object_class: str) -> str:
    """Return what an entry of a directory is: a person, a group, or what it is called there."""
    kinds = [kind.lower() for kind in _several(object_class)]
    if not kinds or ({"person", "inetorgperson", "user"} & {*kinds} and "computer" not in kinds):
        return "person"
    return "group" if {"group", "groupofnames", "groupofuniquenames"} & {*kinds} else kinds[-1]


def _status(record: Mapping[str, str]) -> str:
    """Return what a row says of the person; blank is not off, and one column that says gone is enough."""
    marks = {marked_of(word) for word in record.get("off", "").split("\n") if word}
    if "off" in marks or status_of(record.get("leaver", "")) == "off":
        return "off"
    said = status_of(record["state"]) if record.get("state") else "on"
    return "unknown" if said == "on" and "unknown" in marks else said


def _take(found: People, file: str, number: int, record: Mapping[str, str]) -> None:
    """Add the person of a row; one with two rows, for two positions or groups, is one person."""
    email, others = _addresses(record)
    aliases = [
        record.get("idp_id"), record.get("username"), email, record.get("server_id"), record.get("dn")
    ]  # fmt: skip
    user_key = next(filter(None, aliases), None)
    if not user_key:
        found.refused.append((file, number, "it has no id, no user name and no address"))
        return
    person = _person(record, email, others)
    person["row"] = f"{file}, row {number}"
    if found.users.setdefault(user_key, person)["email"] != email:
        found.refused.append((file, number, f"the id {user_key!r} is there already, for somebody else"))
        return
    found._aliases.update({alias.casefold(): user_key for alias in aliases if alias})
    for group in _several(record.get("group_name", "")):
        found.groups.setdefault(group, _first_name_in(group))
        found.members.add((user_key, group))


def _addresses(record: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """Return the address and the others; a user name that is one stands in, Entra's form of guests undone."""
    email = re.sub(r"^mailto:|^.*<|>$", "", record.get("email", "").strip(), flags=re.I) or None
    other_text = record.get("other_emails", "")
    others = re.findall(r"(?:smtp:)?([^\s,;+|]+@[^\s,;+|]+)", other_text, re.I)
    if email is None and (main := re.search(r"SMTP:([^\s,;+|]+)", other_text)):
        email = main[1]  # in capitals, Exchange's primary address
    if email is None and "@" in record.get("username", ""):
        email = record["username"].split("#EXT#", maxsplit=1)[0]
        if "#EXT#" in record["username"]:
            name, _, domain = email.rpartition("_")
            email = f"{name}@{domain}"
    return email, [other for other in dict.fromkeys(others) if other != email]


def _person(record: Mapping[str, str], email: str | None, others: Sequence[str]) -> Object:
    attributes: Object = {name: record[name] for name in _ATTRIBUTES if record.get(name)}
    entries = [(email, True)] * (email is not None) + [(other, False) for other in others]
    attributes["emails"] = [{"type": "work", "value": value, "primary": first} for value, first in entries]
    if address := {name: record[column] for column, name in _ADDRESS.items() if record.get(column)}:
        attributes["addresses"] = [{"type": "work", **address, "primary": True}]
    first, last = record.get("first_name"), record.get("last_name")
    status = _status(record)
    if shown := _WORKER.fullmatch(record.get("display_name", "")):
        attributes["display_name"] = shown["name"]
        status = "off" if status_of(shown["state"] or "") == "off" else status
    if not last and "display_name" in attributes:
        given, last = _split_name(attributes["display_name"])
        first = first or given
    return {
        "idp_id": record.get("idp_id"),
        "mail": email if "email" in record or "SMTP:" in record.get("other_emails", "") else None,
        "email": email,
        "first_name": first,
        "last_name": last,
        "custom_attributes": attributes,
        "mapped": {name[len(MAPPED) :]: value for name, value in record.items() if name.startswith(MAPPED)},
        "status": status,
    }


_WORKER = re.compile(r"(?P<name>[^()]+?) \(\d[\w-]*\)(?: \((?P<state>[\w ]+)\))?")  # as Workday shows somebody


def _split_name(name: str) -> tuple[str | None, str | None]:
    if ", " in name:  # Okafor, Ines
        last, first = name.split(", ", 1)
        return first, last
    first, _, last = name.rpartition(" ")
    return (first or None), last


def _link(found: People, links: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Add memberships of files that name people by any of their names; a file may be named after its group."""
    strangers: Counter[str] = Counter()
    others: Counter[tuple[str, str]] = Counter()
    for stem, record in links:
        group = _group_of(found, record, stem)
        kind = record.get("member_type", "").casefold()
        names = [record[name].casefold() for name in _NAMES if record.get(name)]
        member = next((found._aliases[name] for name in names if name in found._aliases), None)
        if member is not None:
            found.members.add((member, group))
        elif kind not in ("", "user"):
            others[found.groups[group], kind] += 1
        elif names:  # a row without any tells of a group alone
            strangers[found.groups[group]] += 1
    found.notices += [
        f"{group}: {count:,} of its members are not among the people" for group, count in strangers.items()
    ]
    found.notices += [
        f"{group}: {count:,} of its members are no people and left out: {kind}"
        for (group, kind), count in others.items()
    ]


_NAMES = ("idp_id", "server_id", "username", "email", "dn")


def _group_of(found: People, record: Mapping[str, str], stem: str) -> str:
    """Return the id of the group of a row; a group that was known by its name alone has it from now on."""
    name = _first_name_in(record.get("group_name") or record.get("group_key") or stem)
    group = record.get("group_key") or record.get("group_name") or stem
    if group not in found.groups and found.groups.get(name) == name:
        del found.groups[name]
        found.members = {(user, group if one == name else one) for user, one in found.members}
    found.groups.setdefault(group, name)
    return group


def _first_name_in(name: str) -> str:
    """Return the first part of a distinguished name, or a name as it is."""
    part = re.match(r"(?:CN|OU|UID)=((?:\\.|[^,\\])+),", name, re.IGNORECASE)
    return re.sub(r"\\(.)", r"\1", part[1]) if part else name


def _name_managers(found: People) -> None:
    """Let managers who are told by their distinguished name be those people."""
    for user in found.users.values():
        attributes = user["custom_attributes"]
        written = attributes.get("manager_name", "")
        if (name := _first_name_in(written)) == written:
            continue
        attributes["manager_name"] = name
        if manager := found.users.get(found._aliases.get(written.casefold(), "")):
            told = {"manager_id": manager["idp_id"], "manager_email": manager["email"]}
            attributes |= {one: value for one, value in told.items() if value}
