"""Files to tables: delimited text in any encoding, JSON of several systems, LDIF, frames; all values text."""

from __future__ import annotations

import base64
import codecs
import csv
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....guard import bytes_within
from ...directory.refusal import Invalid
from .forms import form_of, is_known

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...directory.objects import Object

__all__ = ["Table", "read_table"]

MOST_BYTES = 256_000_000
MOST_CELLS = 100_000_000  # a row of a byte has as many as the header
SEARCHED = 20  # rows in which the header may stand, below titles and filters


@dataclass
class Table:
    """Hold what a file says, every value as text.

    ``rows`` are numbered as in the file; ``form`` is what the wrapping of JSON says;
    ``refused`` are rows that do not fit the header, with the reason;
    ``notices`` say what was made of the file.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]]
    form: str | None = None
    refused: list[tuple[int, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_table(source: str | Path | Any) -> Table:
    """Return the header and the rows of a file or a frame.

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
    for starts, kind in _OTHER_FILES.items():
        if data.startswith(starts):
            raise Invalid(f"{path.name} is {kind}, whatever its name says: export people as CSV (UTF-8)")
    text, notices = _decoded(path.name, data)
    table = _of_text(path.name, text)
    table.notices[:0] = notices
    return table


_OTHER_FILES = {
    b"PK\x03\x04": "a workbook or a zip", b"\xd0\xcf\x11\xe0": "a workbook", b"%PDF": "a PDF",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"\x1f\x8b": "a compressed file",
    b"SQLite format 3": "a database",
}  # fmt: skip


def _of_text(file: str, text: str) -> Table:
    start = text.lstrip()[:1]
    if start == "<":
        raise Invalid(f"{file} is a web page or XML, whatever its name says: export it as CSV")
    if start in ("{", "["):
        return _of_json(file, text)
    if re.match(r"(?:#[^\n]*\n|\s*\n)*(?:version: *\d|dn::? )", text, re.IGNORECASE):
        return _of_records(_ldif_records(text), file)
    return _of_lines(file, text)


def _bytes_of(path: Path) -> bytes:
    try:
        return bytes_within(path, MOST_BYTES)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from None


def _decoded(file: str, data: bytes) -> tuple[str, list[str]]:
    """Return the text of bytes whose encoding nobody states (Excel writes any), and what to say of it."""
    text, notices = _unicode(file, data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    begin = text[:4096]
    if sum(not one.isprintable() and one not in "\n\t" for one in begin) * 20 > len(begin):
        raise Invalid(f"{file} holds no text: export people as CSV (UTF-8)")
    if "\0" in text:
        places = [n for n, line in enumerate(text.split("\n"), 1) if "\0" in line]
        notices.append(f"{file}: NUL characters were left out, in {_lines(places)}")
        text = text.replace("\0", "")
    return text, notices


def _unicode(file: str, data: bytes) -> tuple[str, list[str]]:
    for mark, encoding in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), []
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return data.decode("utf-16", errors="replace"), []
    odd, even = data[1:400:2].count(0), data[0:400:2].count(0)
    if max(odd, even) * 4 > len(data[:400]) and not min(odd, even):
        return data.decode("utf-16-le" if odd else "utf-16-be", errors="replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return _by_lines(file, data.removeprefix(codecs.BOM_UTF8))


def _by_lines(file: str, data: bytes) -> tuple[str, list[str]]:
    """Decode lines in Windows's encoding that are not UTF-8: files are put together from others."""
    lines, old, example = [], [], ""
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", errors="replace"))
            old.append(number)
            example = example or next(re.finditer(r"\w*[^\x00-\x7f]\w*", lines[-1]))[0]
    told = f"{file}: not UTF-8 and read as Windows-1252: {_lines(old)}; right if {example!r} is"
    return "\n".join(lines), [told]


def _lines(numbers: Sequence[int], one: str = "line") -> str:
    more = f" and {len(numbers) - _TOLD:,} more" if len(numbers) > _TOLD else ""
    return f"{one}{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:_TOLD]))}{more}"


_TOLD = 5


def _of_lines(file: str, text: str) -> Table:
    """Read delimited text; titles above the header, lines for machines and totals below are passed over."""
    csv.field_size_limit(2**24)
    first = text.split("\n", SEARCHED)[:SEARCHED]
    stated = next((line[4:5] for line in first[:2] if line.lower().startswith("sep=")), "")
    sign = stated or max(",;\t|", key=lambda each: max(line.count(each) for line in first))
    rows = [(n, row) for n, row in _split(file, text, sign) if any(row) and not _FOR_MACHINES.match(row[0])]
    if not rows:
        raise Invalid(f"{file} is empty")
    place = _header_place([row for _, row in rows[:SEARCHED]])
    header = rows[place][1]
    width, table, short = len(header), Table(header, []), []
    _check_cells(file, width, len(rows))
    for n, row in rows[place + 1 :]:
        if len(row) > width and any(row[width:]):
            table.refused.append((n, f"it has {len(row)} cells for {width} columns: one is not quoted"))
            continue
        cells = [*row, *[""] * (width - len(row))][:width]
        if cells == header or _is_no_person(cells):
            continue
        if len(row) < width:
            short.append(n)
        table.rows.append((n, [_unguarded(cell) if cell[:1] == "=" else cell for cell in cells]))
    if short:
        table.notices.append(
            f"{file}: fewer cells than columns, the missing ones blank: {_lines(short, 'row')}"
        )
    return table


def _split(file: str, text: str, sign: str) -> Iterator[tuple[int, list[str]]]:
    """Yield numbered rows; refuse a file in which a quote is never closed, and so swallows rows."""
    number, width, lines = 0, 0, 0
    reader = csv.reader(io.StringIO(text), delimiter=sign)
    try:
        for number, row in enumerate(reader, 1):
            several, lines = reader.line_num > lines + 1, reader.line_num
            if several and width > 2 and any("\n" in one and one.count(sign) >= width - 1 for one in row):
                raise Invalid(f"{file}: a quote that is opened in row {number} is not closed there")
            width = max(width, len(row))
            yield number, [cell.strip() for cell in row]
    except csv.Error as error:
        raise Invalid(f"{file}, row {number + 1}: {error}") from None


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
    if row[0] and any(row[1:]):
        return row[0].startswith("Example:")
    alone = sum(map(bool, row)) == 1 < len(row)
    return alone and _TOTALS.match(row[0]) is not None


_LISTS = ("Resources", "Report_Entry", "employees", "users", "value", "data")
_NEXT_PAGE = ("@odata.nextLink", "nextPageToken", "nextLink")


def _of_json(file: str, text: str) -> Table:
    given = _json(file, text)
    notices, form = [], None
    if isinstance(given, dict):
        held = next((given[name] for name in _LISTS if name in given), None)
        if held is None and given.get("totalResults") == 0:
            held = []
        total = given.get("totalResults")
        more = isinstance(total, int) and isinstance(held, list) and total > len(held)
        if more or any(given.get(name) for name in _NEXT_PAGE):
            count = f" ({total:,} in all)" if more else ""
            notices = [f"{file} is one page of more{count}: the rest is missing"]
        form, given = _form_of_json(given), held
    if not isinstance(given, list):
        raise Invalid(f"{file} holds no list of people ({', '.join(_LISTS)})")
    records = [record for record in given if isinstance(record, dict)]
    table = _of_records([row for record in records for row in (_memberships(record) or [_flat(record)])], file)
    table.notices += notices
    table.form = form
    return table


def _form_of_json(given: Mapping[str, Any]) -> str | None:
    """Return the form that the names around a list of people tell."""
    if "Report_Entry" in given:
        return "Workday report"
    if str(given.get("kind", "")).startswith("admin#directory#users"):
        return "Google Workspace users"
    if "graph.microsoft.com" in str(given.get("@odata.context", "")):
        return "Entra ID users"
    return "BambooHR employees" if "employees" in given and "fields" in given else None


def _json(file: str, text: str) -> Any:
    """Return what JSON says, or the objects of its lines."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        except (ValueError, RecursionError):
            raise Invalid(f"{file} is not JSON: {error}") from None


def _memberships(record: Mapping[str, Any]) -> list[Object]:
    """Return a row for each member of a SCIM group, or one for an empty group; none for anything else."""
    members = record.get("members", [])
    kinds = [str(kind) for kind in _listed(record.get("schemas"))]
    is_group = "members" in record or any(kind.endswith(":Group") for kind in kinds)
    if not is_group or not isinstance(members, list) or "userName" in record:
        return []
    group = {"groupId": record.get("id"), "groupName": record.get("displayName")}
    return [
        {**group, "scimId": member.get("value"), "memberType": member.get("type")}
        for member in members
        if isinstance(member, dict)
    ] or [group]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _flat(record: Mapping[str, Any]) -> Object:
    """Return a JSON record as columns: what SCIM, Okta, Google and HR systems nest, one level up."""
    made: Object = {}
    for name, value in record.items():
        key = "scimId" if name == "id" and "schemas" in record else str(name).rsplit(":", 1)[-1]
        if isinstance(value, list):
            read = _of_list(key, [entry for entry in value if isinstance(entry, dict)])
            made |= {key: value or None} if read is None else read
        elif not isinstance(value, dict):
            made.setdefault(key, value)
        elif key == "manager":
            made |= {"managerId": value.get("value"), "managerName": value.get("displayName")}
        elif key in ("name", "profile", "work", "internal", "custom_attributes"):
            made |= _flat(value)
        elif key == "User":  # the end of the enterprise extension's URN
            boss = value.get("manager")
            made |= _flat({**value, "manager": {"value": boss}} if isinstance(boss, str) else value)
        else:
            made[key] = value or None
    if "primaryEmail" in made:  # which is among the others
        made.pop("email", None)
    return {name: value for name, value in made.items() if name not in _OF_PROTOCOLS}


_OF_PROTOCOLS = ("schemas", "meta", "_links", "kind", "etag")


def _of_list(key: str, entries: Sequence[Mapping[str, Any]]) -> Object | None:
    """Return what a list says as columns; None where nothing is known of such a list."""
    first: Mapping[str, Any] = next(
        (entry for entry in entries if entry.get("primary") is True),
        next((entry for entry in entries if entry.get("type") == "organization"), next(iter(entries), {})),
    )
    values = [entry.get("value") or entry.get("address") for entry in entries if entry is not first]
    made: dict[str, Object] = {
        "addresses": {
            name: first.get(name) for name in ("streetAddress", "locality", "region", "postalCode", "country")
        },
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
    return made.get(key)


def _ldif_records(text: str) -> list[Object]:
    """Read the entries of LDIF (RFC 2849): folded lines joined, base64 decoded, repeated values together."""
    records: list[Object] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        entry: dict[str, list[str]] = {}
        for line in block.replace("\n ", "").split("\n"):
            if found := re.match(r"([A-Za-z][\w.-]*(?:;[\w-]+)*)(::?) ?(.*)", line):
                name, kind, value = found.groups()
                entry.setdefault(name.lower(), []).append(_from_base64(value) if kind == "::" else value)
        if "dn" in entry:
            entry["proxyaddresses"] = entry.get("proxyaddresses", []) + entry.get("mail", [])[1:]
            entry["mail"] = entry.get("mail", [])[:1]
            several = {"objectclass", "member", "uniquemember", "memberof", "proxyaddresses"}
            records.append({
                name: ("\n" if name in several else ", ").join(values)
                for name, values in entry.items() if values
            })  # fmt: skip
    return records


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value).decode("utf-8", errors="replace")
    except ValueError:
        return value


def _of_records(records: Sequence[Mapping[Any, Any]], file: str = "the frame") -> Table:
    header = list(dict.fromkeys(str(name) for record in records for name in record))
    _check_cells(file, len(header), len(records))
    rows = [[_text(record.get(name)) for name in header] for record in records]
    return Table(header, list(enumerate(rows, 1)))


def _check_cells(file: str, columns: int, rows: int) -> None:
    if columns * rows > MOST_CELLS:
        raise Invalid(
            f"{file} makes a table of {columns:,} columns and {rows:,} rows, more than {MOST_CELLS:,} cells: "
            "export fewer columns"
        )


def _text(value: Any) -> str:
    if value is None or value != value or str(value) in ("NaT", "<NA>"):  # NaN is not itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # an id that a blank in its column made a fraction
    return str(value).strip()
