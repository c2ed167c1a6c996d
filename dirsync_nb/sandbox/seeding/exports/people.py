"""Rows to people, groups and memberships; what was not understood or not taken is named, never dropped."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...directory.refusal import Invalid
from .forms import MAPPED, form_of, meaning_of, status_of
from .tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...directory.objects import Object

__all__ = ["Column", "People", "read_people"]

_ODD = 5  # values named at the most
_TOLD = 20  # rows named at the most
_ATTRIBUTES = (
    "username", "display_name", "job_title", "employee_type", "employee_number", "department_name",
    "division_name", "cost_center_name", "manager_id", "manager_email", "manager_name", "employment_start_date",
)  # fmt: skip
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
        By the provider's id, else user name or address: ``idp_id``, ``email`` (``mail`` as the file has it),
        ``first_name``, ``last_name``, ``custom_attributes``, those that were ``mapped`` by ``columns``, and
        ``status``: what the file says, ``on``, ``off``, ``not_yet`` or ``unknown``.
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
        for column in self.columns:
            odd = f"  odd: {', '.join(column.odd)}" if column.odd else ""
            field = column.understood_as or "(not understood)"
            lines.append(f"  {column.name:<{width}}  {field:<22} {column.filled:>7,}{odd}")
        return "\n".join([*lines, *self.sentences()])

    def _repr_html_(self) -> str:
        rows = [
            (
                column.name,
                column.understood_as or "(not understood)",
                f"{column.filled:,}",
                ", ".join(column.odd),
            )
            for column in self.columns
        ]
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        head = "<tr><th>column</th><th>understood as</th><th>filled</th><th>odd values</th></tr>"
        return f"<table>{head}{body}</table>" + "".join(f"<p>{escape(line)}</p>" for line in self.sentences())

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
    links: list[tuple[str, dict[str, str]]] = []
    sources = people if isinstance(people, list | tuple) else [people]
    group_files = [groups] if isinstance(groups, str | Path) else list(groups)
    for source, is_groups in [(one, False) for one in sources] + [(one, True) for one in group_files]:
        file = Path(source).name if isinstance(source, str | Path) else "the frame"
        table = read_table(source)
        header, rows = table.header, table.rows
        found.notices += table.notices
        found.refused += [(file, number, why) for number, why in table.refused]
        form = form_of(header)
        found.forms[file] = form.name if form else "a table of an unknown form"
        found.provider = found.provider or (form.provider if form else None)
        meaning = meaning_of(header, form, {} if is_groups else columns or {})
        _describe_columns(found, file, header, meaning, rows)
        for number, row in rows:
            record = {target: value for target, value in zip(meaning, row, strict=True) if target and value}
            if is_groups or "group_key" in record:
                links.append((Path(file).stem, record))
            else:
                _take(found, file, number, record)
    if not found.users:
        raise Invalid(f"no person could be read from {', '.join(found.forms)}: {_why_nobody(found)}")
    _link(found, links)
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


def _describe_columns(
    found: People,
    file: str,
    header: Sequence[str],
    meaning: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
) -> None:
    for place, (name, target) in enumerate(zip(header, meaning, strict=True)):
        values = [row[place] for _, row in rows if row[place]]
        if not name and not values:  # a separator at the end of each line
            continue
        odd: list[str] = []
        if target == "state":
            words = Counter(value for value in values if status_of(value) == "unknown")
            odd = [f"{word!r} ({count:,})" for word, count in words.most_common(_ODD)]
        elif target == "email":
            odd = [repr(value) for value in values if "@" not in value][:_ODD]
        found.columns.append(Column(file, name or "(no name)", target or None, len(values), tuple(odd)))
    lost = [column.name for column in found.columns if column.file == file and column.understood_as is None]
    if lost:
        found.notices.append(f"{file}: not understood and left out: {', '.join(lost)}")


# -- rows to people ------------------------------------------------------------------------------------------


def _status(record: Mapping[str, str]) -> str:
    """Return what a row says of the person; blank is not off; a reversed column says off by a yes or date."""
    marked = record.get("off", "").casefold()
    if marked and marked not in ("no", "false", "falsch", "faux", "0", "0000-00-00"):
        return "off"
    return status_of(record["state"]) if record.get("state") else "on"


def _take(found: People, file: str, number: int, record: Mapping[str, str]) -> None:
    """Add the person of a row; one with two rows, for two positions or groups, is one person."""
    email, others = _addresses(record)
    aliases = [record.get("idp_id"), record.get("username"), email, record.get("server_id")]
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
    for group in filter(None, map(str.strip, re.split(r"[|;]", record.get("group_name", "")))):
        found.groups.setdefault(group, group)
        found.members.add((user_key, group))


def _addresses(record: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """Return the address and the others; a user name that is one stands in, Entra's form of guests undone."""
    email = re.sub(r"^mailto:|^.*<|>$", "", record.get("email", "").strip(), flags=re.I) or None
    others = re.findall(r"(?:smtp:)?([^\s,;+|]+@[^\s,;+|]+)", record.get("other_emails", ""), re.I)
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
    if not last and record.get("display_name"):
        given, last = _split_name(record["display_name"])
        first = first or given
    return {
        "idp_id": record.get("idp_id"),
        "mail": record.get("email"),
        "email": email,
        "first_name": first,
        "last_name": last,
        "custom_attributes": attributes,
        "mapped": {name[len(MAPPED) :]: value for name, value in record.items() if name.startswith(MAPPED)},
        "status": _status(record),
    }


def _split_name(name: str) -> tuple[str | None, str | None]:
    if ", " in name:  # Okafor, Ines
        last, first = name.split(", ", 1)
        return first, last
    first, _, last = name.rpartition(" ")
    return (first or None), last


def _link(found: People, links: Sequence[tuple[str, Mapping[str, str]]]) -> None:
    """Add memberships of files that name people by any of their names; a file may be named after its group."""
    strangers: Counter[str] = Counter()
    for stem, record in links:
        group = record.get("group_key") or record.get("group_name") or stem
        found.groups.setdefault(group, record.get("group_name") or group)
        names = [record.get(name, "").casefold() for name in ("idp_id", "server_id", "username", "email")]
        member = next((found._aliases[name] for name in names if name in found._aliases), None)
        if member is None:
            strangers[found.groups[group]] += 1
        else:
            found.members.add((member, group))
    found.notices += [
        f"{group}: {count:,} of its members are not among the people" for group, count in strangers.items()
    ]
