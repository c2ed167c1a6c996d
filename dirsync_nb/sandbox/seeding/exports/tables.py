"""Files to tables: delimited text in any encoding, JSON of several systems, LDIF, frames; all values text."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...directory.refusal import Invalid
from .forms import form_of, is_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...directory.objects import Object

__all__ = ["Table", "read_table"]

MOST_BYTES = 256_000_000
SEARCHED = 20  # rows in which the header may stand, below titles and filters

Table = tuple[list[str], list[tuple[int, list[str]]]]


def read_table(source: str | Path | Any) -> Table:
    """Return the header and the numbered rows of a file or a frame, every value as text.

    Raises
    ------
    ValueError
        It cannot be read, or holds no table.
    """
    if not isinstance(source, str | Path):
        if not hasattr(source, "to_dict"):
            raise Invalid(f"people must be a file, several, or a DataFrame; got {type(source).__name__}")
        return _of_records(source.to_dict("records"))
    path = Path(source)
    data = _bytes_of(path)
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise Invalid(f"{path.name} is a workbook: save the sheet as CSV (UTF-8) and give that")
    text = _decoded(data)
    start = text.lstrip()[:1]
    if start == "<":
        raise Invalid(f"{path.name} is a web page or XML, whatever its name says: export it as CSV")
    if start in ("{", "["):
        return _of_records(_json_records(path.name, text))
    if re.match(r"(?:#[^\n]*\n|\s*\n)*(?:version: *\d|dn::? )", text, re.IGNORECASE):
        return _of_records(_ldif_records(text))
    return _of_lines(path.name, text)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid(f"{path.name} has more than {MOST_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from None


def _decoded(data: bytes) -> str:
    """Return the text of bytes whose encoding nobody states: Excel and PowerShell write any of these."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:200]:
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _of_lines(file: str, text: str) -> Table:
    """Read delimited text; titles above the header, lines for machines and totals below are passed over."""
    csv.field_size_limit(2**24)
    first = text.split("\n", SEARCHED)[:SEARCHED]
    stated = next((line[4:5] for line in first[:2] if line.lower().startswith("sep=")), "")
    sign = stated or max(",;\t|", key=lambda each: max(line.count(each) for line in first))
    cells = (
        (n, [cell.strip() for cell in row])
        for n, row in enumerate(csv.reader(io.StringIO(text), delimiter=sign), 1)
    )
    rows = [(n, row) for n, row in cells if any(row) and not _FOR_MACHINES.match(row[0])]
    if not rows:
        raise Invalid(f"{file} is empty")
    place = _header_place([row for _, row in rows[:SEARCHED]])
    header = rows[place][1]
    body = [(n, [*row, *[""] * len(header)][: len(header)]) for n, row in rows[place + 1 :] if row != header]
    return header, [(n, [_unguarded(cell) for cell in row]) for n, row in body if not _is_no_person(row)]


_FOR_MACHINES = re.compile(r"#TYPE |sep=|version:v", re.IGNORECASE)
_TOTALS = re.compile(r"(grand )?total|count:|page \d|confidential|copyright|report generated", re.IGNORECASE)


def _header_place(rows: Sequence[Sequence[str]]) -> int:
    """Return which row is the header: the first that fits a form, else the one with the most known names."""
    fits = (place for place, row in enumerate(rows) if form_of(row))
    return next(fits, max(range(len(rows)), key=lambda place: sum(map(is_known, rows[place]))))


def _unguarded(cell: str) -> str:
    """Return a cell without the guard that keeps Excel from reading a number into it."""
    guarded = re.fullmatch(r'="(.*)"', cell)
    return guarded[1] if guarded else cell


def _is_no_person(row: Sequence[str]) -> bool:
    """Return whether a row is a footer with one cell, or the example row of a template."""
    alone = sum(map(bool, row)) == 1 < len(row)
    return row[0].startswith("Example:") or (alone and _TOTALS.match(row[0]) is not None)


_LISTS = ("Resources", "Report_Entry", "employees", "users", "value", "data")


def _json_records(file: str, text: str) -> list[Object]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{file} is not JSON: {error}") from None
    if isinstance(given, dict):
        holder = next(
            (
                given[k]
                for k in ("Resources", "Report_Entry", "employees", "users", "value", "data")
                if k in given
            ),
            None,
        )
        if holder is None and given.get("totalResults") == 0:
            holder = []
        given = holder
    if not isinstance(given, list):
        raise Invalid(
            f"{file} holds no list of people (Resources, Report_Entry, employees, users, value or data)"
        )
    records = [record for record in given if isinstance(record, dict)]
    return [row for record in records for row in (_memberships(record) or [_flat(record)])]


def _memberships(record: Mapping[str, Any]) -> list[Object]:
    """Return a row for each member of a SCIM group, none for anything else."""
    members = record.get("members")
    if not isinstance(members, list) or "userName" in record:
        return []
    group = {"groupId": record.get("id"), "groupName": record.get("displayName")}
    return [{**group, "scimId": member.get("value")} for member in members if isinstance(member, dict)]


def _flat(record: Mapping[str, Any]) -> Object:
    """Return a JSON record as columns: what SCIM, Okta, Google and HR systems nest, one level up."""
    made: Object = {}
    for name, value in record.items():
        key = "scimId" if name == "id" and "schemas" in record else str(name).rsplit(":", 1)[-1]
        if isinstance(value, list):
            made |= _of_list(key, [entry for entry in value if isinstance(entry, dict)])
        elif not isinstance(value, dict):
            made.setdefault(key, value)
        elif key == "manager":
            made |= {"managerId": value.get("value"), "managerName": value.get("displayName")}
        elif key in ("name", "profile", "User", "work"):  # "User" is the end of the enterprise extension's URN
            made |= _flat(value)
    return made


def _of_list(key: str, entries: Sequence[Mapping[str, Any]]) -> Object:
    first: Mapping[str, Any] = next(
        (entry for entry in entries if entry.get("primary") is True), next(iter(entries), {})
    )
    values = [entry.get("value") or entry.get("address") for entry in entries if entry is not first]
    made: dict[str, Object] = {
        "emails": {
            "email": first.get("value") or first.get("address"),
            "secondEmail": " ".join(str(value) for value in values if value),
        },
        "organizations": {name: first.get(name) for name in ("title", "department", "costCenter")},
        "relations": {
            "managerEmail": next(
                (entry.get("value") for entry in entries if entry.get("type") == "manager"), None
            )
        },
        "externalIds": {"employeeNumber": first.get("value")},
        "groups": {"groups": "|".join(str(entry.get("display") or entry.get("value")) for entry in entries)},
    }
    return made.get(key, {})


def _ldif_records(text: str) -> list[Object]:
    """Read the people in LDIF (RFC 2849): folded lines joined, base64 decoded, repeated values between bars."""
    records: list[Object] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        entry: dict[str, list[str]] = {}
        for line in block.replace("\n ", "").split("\n"):
            if found := re.match(r"([A-Za-z][\w.-]*)(?:;[\w-]+)*(::?) ?(.*)", line):
                name, kind, value = found.groups()
                entry.setdefault(name.lower(), []).append(_from_base64(value) if kind == "::" else value)
        kinds = {kind.lower() for kind in entry.pop("objectclass", ["person"])}
        if "dn" in entry and kinds & {"person", "inetorgperson", "user"} and "computer" not in kinds:
            records.append({name: "|".join(values) for name, values in entry.items()})
    return records


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value).decode("utf-8", errors="replace")
    except ValueError:
        return value


def _of_records(records: Sequence[Mapping[Any, Any]]) -> Table:
    header = list(dict.fromkeys(str(name) for record in records for name in record))
    rows = [[_text(record.get(name)) for name in header] for record in records]
    return header, list(enumerate(rows, 1))


def _text(value: Any) -> str:
    if value is None or value != value or str(value) in ("NaT", "<NA>"):  # NaN is not itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # an id that a blank in its column made a fraction
    return str(value).strip()
