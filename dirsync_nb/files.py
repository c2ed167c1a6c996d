"""Frames to files and back: CSV and XLSX for people, Parquet for the toolkit itself.

Directory text is other people's typing. A spreadsheet runs text that begins with ``=``, ``+``, ``-``, ``@``
(also in full width), a tab or a line end as a formula; in files for people such text gets an apostrophe in
front, in headings as in cells. In CSV so does what stands behind a semicolon, tab or line end within a text,
where a spreadsheet set to another separator begins a new cell. Spreadsheets know no time zones: times are
written in UTC and the heading says so.

A partial frame stays recognisable: in CSV and XLSX a last column ``incomplete`` says in every row why.

Needs the extra ``files``, but for CSV.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pandas as pd

from . import errors, extras
from .client.calls import every_call
from .client.waiting import wait
from .frames import require_frame, takes_frames, text_dtype
from .frames.json_array import JsonDtype
from .guard import memory

__all__ = ["flat", "open_frame", "save_frame", "write_csv", "write_xlsx"]

# A sign that a spreadsheet reads as the beginning of a formula, be there spaces, quotes or what nobody sees
# before it, of which programs drop one or the other.
CONTROLS, SPACES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0", r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
UNSEEN = rf"{CONTROLS}\xad\u180e{SPACES}\ufeff"
SIGN = rf"""(?=[ "{UNSEEN}]*[-=+@\t\r\n＝＋－＠﹦﹢﹣﹫])"""
AT_THE_START, IN_ANY_CELL = re.compile(rf"\A{SIGN}"), re.compile(rf"\A{SIGN}|(?<=[;\t\r\n]){SIGN}")
JSON_MARK, CATEGORIES_MARK = "dirsync_json_columns", "dirsync_categories"

SHEET_ROWS, SHEET_COLUMNS, CELL_LENGTH = 1_048_576, 16_384, 32_767  # what a workbook can hold
FIRST_SHEET_YEAR = 1900

PIECE, PIECE_BYTES = 2**17, 2**26  # rows, and bytes of a Parquet file, that are decoded at a time
WIDEST = 64  # bytes of a number, time or mark
MOST_PARTS = 100_000  # columns, or groups of rows
MOST_NOTES = 2**25  # bytes of a note
OBJECTS = 24  # bytes of Python that one of JSON can become: `{},`

WRITERS = {"csv": "write_csv", "xlsx": "write_xlsx", "parquet": "save_frame"}
NOT_OURS = {"tsv", "txt", "xls", "ods", "json", "jsonl", "feather", "pkl", "pickle", "html", "sqlite", "db"}

Parts = list[tuple[str, pd.Series]]


@takes_frames()
def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of plain columns, as databases, workbooks and plotting libraries take them.

    Lists and objects become JSON text, categories text, and times UTC without a zone, so that ``to_sql`` and
    ``to_excel`` work where the frame itself holds what a table cannot. Formula signs stay as they are; for a
    workbook or CSV file that people will open, :func:`write_xlsx` and :func:`write_csv` are safer.

    Examples
    --------
    >>> flat = ds.files.flat(users)  # then flat.to_sql("users", engine)
    """
    plain = frame.copy()
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        elif isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(column.dtype.categories.dtype)
        elif isinstance(column.dtype, JsonDtype) or column.dtype == object:
            column = pd.Series([_plain(value) for value in column], index=frame.index, dtype=object)
            column = column.infer_objects()
        plain.isetitem(place, column.array)
    return plain


@takes_frames()
def write_csv(frame: pd.DataFrame, path: str | Path, *, raw: bool = False) -> Path:
    """Write a frame as CSV (UTF-8) that a spreadsheet opens without running any of its text.

    A CSV file has no types: a spreadsheet makes numbers of ids such as 00123 when it opens one. Where people
    will open the file, :func:`write_xlsx` keeps them as text.

    Parameters
    ----------
    frame
        Any frame of the toolkit. The index becomes the first column, but for row numbers without a name.
    path
        Where to write; an existing file is replaced in one step and keeps its permissions.
    raw
        True leaves text as it is, for machines that read it back.

    Examples
    --------
    >>> ds.files.write_csv(users, "users.csv").name
    'users.csv'
    """
    target = _named_for("csv", path)
    parts = _parts(frame)
    table = _table(parts if raw else _for_people(parts, signs=IN_ANY_CELL))
    with replacing(target) as temporary:
        # With this line end, that of RFC 4180, a carriage return inside a text is quoted too.
        encoding = "utf-8" if raw else "utf-8-sig"
        table.to_csv(
            temporary, index=False, encoding=encoding, errors="backslashreplace", lineterminator="\r\n"
        )
    return target


def write_xlsx(
    frame: pd.DataFrame | Mapping[str, pd.DataFrame],
    path: str | Path,
    *,
    raw: bool = False,
    sheet: str = "Sheet1",
) -> Path:
    r"""Write a frame as an Excel workbook with times in UTC and no text that is run as a formula.

    A text longer than a cell can hold (32,767 characters) is cut, and says at its end how long it was.

    Parameters
    ----------
    frame
        Any frame of the toolkit, or several by the names of their sheets: ``{"users": users, "crew": crew}``.
        The index becomes the first column, but for row numbers without a name.
    path
        Where to write; an existing file is replaced in one step and keeps its permissions.
    raw
        True puts no apostrophe before formula signs. The cells stay text all the same.
    sheet
        Name of the sheet of one frame: at most 31 characters, and none of ``[ ] : * ? / \``.

    Raises
    ------
    ArgumentError
        The frame has more rows or columns than a sheet can hold, or no sheet can be called so.

    Examples
    --------
    >>> ds.files.write_xlsx(groups, "groups.xlsx").name
    'groups.xlsx'
    """
    need_for("xlsx")
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    target, sheets = _named_for("xlsx", path), _sheets(frame, sheet)
    tables = {
        name: _table(_for_people(parts, signs=None if raw else AT_THE_START, zones=False))
        for name, parts in sheets.items()
    }

    def cell(page: Any, value: Any) -> Any:
        value = _for_sheet(value)
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(page, value=_printable(value))
        made.data_type = "s"  # text, even where it looks like a formula
        return made

    with replacing(target) as temporary:
        book = Workbook(write_only=True)
        for name, table in tables.items():
            page = book.create_sheet(name)
            page.append([cell(page, one) for one in table.columns])
            for row in table.itertuples(index=False, name=None):
                page.append([cell(page, value) for value in row])
        book.save(temporary)
    return target


def _sheets(frame: Any, sheet: str) -> dict[str, Parts]:
    """Return the columns of each sheet by its name; refuse what no workbook can hold."""
    frames = dict(frame) if isinstance(frame, Mapping) else {sheet: frame}
    if not frames:
        raise errors.ArgumentError("a workbook has at least one sheet: {'users': users}")
    if len({str(name).casefold() for name in frames}) < len(frames):
        raise errors.ArgumentError("sheets of a workbook need different names, whatever their case")
    found = {}
    for name, one in frames.items():
        _check_sheet(name)
        require_frame(f"the frame of sheet {name!r}" if frame is not one else "frame", one, "any")
        found[name] = _parts(one)
        _check_fits(len(one), len(found[name]))
    return found


@takes_frames()
def save_frame(frame: pd.DataFrame, path: str | Path) -> Path:
    """Save a frame as Parquet, exactly: :func:`open_frame` gives an equal one.

    Columns of Python objects (attributes, lists, ``extra``) are stored as JSON text that also tells tuples,
    dates and times. A partial frame stays marked as partial.

    Raises
    ------
    ArgumentError
        A column of objects holds something that would not come back as it is, two columns share a name, or
        the path is named like another kind of file.

    Examples
    --------
    >>> ds.files.save_frame(users, "users.parquet").name
    'users.parquet'
    """
    need_for("parquet")
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = _named_for("parquet", path)
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise errors.ArgumentError(f"columns must have different names; got {twice!r} more than once")
    packed = frame.copy(deep=False)
    objects = [place for place, name in enumerate(frame.columns) if frame[name].dtype == object]
    for name in frame.columns[objects]:
        texts = _packed_texts(frame[name], f"column {name!r}")
        packed[name] = pd.Series(texts, index=frame.index, dtype=text_dtype())
    packed.attrs = {}
    table = pa.Table.from_pandas(packed)
    if odd := next((one for one in table.schema if not _is_plain(one.type)), None):
        raise errors.ArgumentError(
            f"column {odd.name!r} is of Arrow's type {odd.type!s:.80}, which would not come back as it is: "
            "make it a column of Python's lists and dicts, or text"
        )
    notes = {
        JSON_MARK: json.dumps(objects),
        CATEGORIES_MARK: json.dumps(_categories(frame)),
        "dirsync_attrs": json.dumps(_packed(frame.attrs, "attrs")),
    }
    if max(map(len, notes.values())) > MOST_NOTES:
        raise errors.ArgumentError(
            f"the categories or attrs of this frame have more than {MOST_NOTES / 1e6:.0f} MB: "
            '.astype("str") makes texts of a column of categories'
        )
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **notes})
    with replacing(target) as temporary:
        pq.write_table(table, temporary)
    return target


def open_frame(path: str | Path) -> pd.DataFrame:
    """Open a frame that :func:`save_frame` wrote, with the same columns, dtypes and values.

    Raises
    ------
    ArgumentError
        The file was not written by :func:`save_frame`, or is not whole.

    Examples
    --------
    >>> _ = ds.files.save_frame(groups, "groups.parquet")
    >>> ds.files.open_frame("groups.parquet").equals(groups)
    True
    """
    return open_within(path, Room())


def open_within(path: str | Path, room: Room) -> pd.DataFrame:
    """Open a frame as :func:`open_frame` does, in room that other files take from too."""
    need_for("parquet")
    import pyarrow as pa

    try:
        table = read_table(path, room)
        notes = table.schema.metadata or {}
        if JSON_MARK.encode() not in notes:
            raise errors.ArgumentError(f"{path} was not written by save_frame; use pandas.read_parquet")
        for place in json.loads(notes[JSON_MARK.encode()]):
            name = table.column_names[place] if isinstance(place, int) else place
            room.take(
                sum(map(_decoded_size, table[name].chunks)) * OBJECTS, path, f"column {name!r} as objects"
            )
        room.take(sum(map(len, notes.values())) * OBJECTS, path, "what is noted of its columns")
        return _restored(table.to_pandas(), notes)
    except errors.ArgumentError:
        raise
    except FileNotFoundError:
        raise errors.ArgumentError(f"there is no file {path}") from None
    except MemoryError:
        raise room.full(path, "what is in it") from None
    except pa.ArrowException as problem:
        raise errors.ArgumentError(f"{path} is not a whole Parquet file: {problem}") from None
    except (*errors.MISSHAPEN, OSError) as problem:
        raise errors.ArgumentError(f"{path} is not what save_frame wrote: {problem}") from problem


class Room:
    """What files read together may take of this machine's memory once they are decoded: half of it."""

    def __init__(self) -> None:
        self._most = self._left = memory() // 2

    def take(self, size: int, path: str | Path, what: str) -> None:
        """Count what a part of a file takes; FileTooLarge where there is less."""
        self._left -= size
        if self._left < 0:
            raise self.full(path, what, self._most - self._left)

    def full(self, path: str | Path, what: str, size: int = 0) -> errors.FileTooLarge:
        """Return the error for a part of a file that does not fit."""
        grown = f" of {size / 1e6:,.0f} MB and more" if size else ""
        return errors.FileTooLarge(
            f"{path} does not fit into memory: with {what} it makes a table{grown}, and there is room for "
            f"{self._most / 1e6:,.0f} MB. If the file is what you expect, read it on a larger machine, or save "
            "fewer directories in one"
        )


def read_table(path: str | Path, room: Room, columns: list[str] | None = None, *, threads: bool = True) -> Any:
    """Return the Arrow table in a Parquet file of plain columns, and decode no more than there is room for.

    Texts are read as places in a dictionary, since a page of some bytes can say a long one a million times,
    and become texts once it is known how long they are together. What a file says of its sizes is not believed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    limits = {"thrift_container_size_limit": MOST_PARTS, "thrift_string_size_limit": MOST_NOTES}
    with pq.ParquetFile(path, **limits) as file:
        about, schema = file.metadata, file.schema_arrow
    for column in schema:
        if not _is_plain(column.type):
            raise errors.ArgumentError(
                f"{path} was not written by dirsync_nb: column {column.name!r} is of type "
                f"{column.type!s:.80}; use pandas.read_parquet"
            )
    room.take(8 * about.num_rows * max(1, len(schema if columns is None else columns)), path, "its rows")
    texts = [place for place, one in enumerate(schema) if _is_text(one.type)]
    pieces = []
    with pq.ParquetFile(path, metadata=about, read_dictionary=texts) as file:
        for piece in file.iter_batches(_rows_at_once(about), columns=columns, use_threads=threads):
            for one, column in zip(piece.schema, piece.columns, strict=True):
                room.take(_decoded_size(column), path, f"column {one.name!r}")
            pieces.append(piece)
        read = file.schema_arrow
    wanted = schema if columns is None else pa.schema([schema.field(one) for one in columns], schema.metadata)
    read = pa.schema([read.field(one) for one in wanted.names])
    return pa.Table.from_batches(pieces, pieces[0].schema if pieces else read).cast(wanted)


def _rows_at_once(about: Any) -> int:
    """Return how many rows to decode before they are counted: fewer where they are said to be wide."""
    groups = (about.row_group(place) for place in range(about.num_row_groups))
    widest = max((one.total_byte_size // max(1, one.num_rows) for one in groups), default=1)
    return int(min(PIECE, max(1, PIECE_BYTES // max(1, widest))))


def _is_plain(kind: Any) -> bool:
    """Whether a value of this kind is one text, number, time or mark, and no list or structure."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return bool(pa.types.is_primitive(kind.storage_type))
    if pa.types.is_fixed_size_binary(kind):
        return bool(kind.byte_width <= WIDEST)
    return (
        pa.types.is_primitive(kind)
        or pa.types.is_null(kind)
        or pa.types.is_dictionary(kind)
        or pa.types.is_decimal(kind)
        or _is_text(kind)
    )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    tests = pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary
    return any(test(kind) for test in tests)


def _decoded_size(column: Any) -> int:
    """Return how many bytes a column takes, its texts written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return int(column.nbytes + (pc.sum(lengths.take(column.indices)).as_py() or 0))


def _restored(frame: pd.DataFrame, notes: Mapping[bytes, bytes]) -> pd.DataFrame:
    """Give a frame back what Parquet does not keep, from the notes in its file."""
    for column in json.loads(notes[JSON_MARK.encode()]):
        # Its place, since names need not be text; earlier files have the name.
        name = frame.columns[column] if isinstance(column, int) else column
        frame[name] = pd.Series(list(from_texts(frame[name])), index=frame.index, dtype=object)
    for place, (values, dtype, ordered) in json.loads(notes.get(CATEGORIES_MARK.encode(), "{}")).items():
        name = frame.columns[int(place)]
        known = pd.CategoricalDtype(pd.Index(_unpacked(values), dtype=dtype), ordered)
        frame[name] = frame[name].astype(known)
    frame.attrs = dict(_unpacked(json.loads(notes[b"dirsync_attrs"])))
    return frame


def _named_for(kind: str, path: str | Path) -> Path:
    """Refuse a name that promises another kind of file than the one that is written."""
    target = Path(path)
    ending = target.suffix.lower().removeprefix(".")
    if ending != kind and (ending in WRITERS or ending in NOT_OURS):
        other = f"; {WRITERS[ending]} writes .{ending}" if ending in WRITERS else ""
        raise errors.ArgumentError(f"{WRITERS[kind]} writes a .{kind} file; got {target.name!r}{other}")
    return target


def need_for(kind: str) -> None:
    """Refuse to begin with a file whose library is not installed; ``kind`` is "xlsx", "parquet" or "csv"."""
    library = {"xlsx": "openpyxl", "parquet": "pyarrow"}.get(kind)
    if library:
        extras.need(f"a file of kind {kind}", "files", library)


# For people -------------------------------------------------------------------------------------------------


def _parts(frame: pd.DataFrame) -> Parts:
    """Return what there is to write, by position, since two columns may share a name: the index comes first."""
    levels = [] if _only_row_numbers(frame.index) else list(range(frame.index.nlevels))
    parts: Parts = []
    for level in levels:
        name = frame.index.names[level]
        usual = "index" if frame.index.nlevels == 1 else f"level_{level}"
        parts.append((usual if name is None else str(name), pd.Series(frame.index.get_level_values(level))))
    keys = dict(parts)
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place].reset_index(drop=True)
        if str(name) in keys and column.equals(keys[str(name)]):
            continue  # a copy of the index, as .assign(user_id=frame.index) makes it
        parts.append((str(name), column))
    if "incomplete" in frame.attrs:
        reason = pd.Series([str(frame.attrs["incomplete"])] * len(frame), dtype=text_dtype())
        parts.append(("incomplete", reason))
    return parts


def _only_row_numbers(index: pd.Index) -> bool:
    return index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index.dtype)


def _table(parts: Parts) -> pd.DataFrame:
    """Put parts side by side; of equal headings the later ones get a number."""
    columns: dict[str, pd.Series] = {}
    for heading, column in parts:
        distinct, number = heading, 2
        while distinct in columns:
            distinct, number = f"{heading} ({number})", number + 1
        columns[distinct] = column
    return pd.DataFrame(columns)


def _for_people(parts: Parts, *, signs: re.Pattern[str] | None, zones: bool = True) -> Parts:
    """Make plain columns: objects as text, times in UTC named in the heading, formula signs disarmed."""
    return [_plain_column(heading, column, signs=signs, zones=zones) for heading, column in parts]


def _plain_column(
    heading: str, column: pd.Series, *, signs: re.Pattern[str] | None, zones: bool
) -> tuple[str, pd.Series]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        heading += " (UTC)"
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        if zones:
            column = column.dt.strftime("%Y-%m-%d %H:%M:%S.%f").str.slice(0, 23)
    elif isinstance(column.dtype, JsonDtype) or column.dtype == object:
        column = pd.Series([_plain(value) for value in column], dtype=object)
    if column.dtype == object or not pd.api.types.is_numeric_dtype(column.dtype):
        disarmed = [signs.sub("'", v) if signs and isinstance(v, str) else v for v in column]
        column = pd.Series(disarmed, dtype=object)
    return signs.sub("'", heading) if signs else heading, column


def _plain(value: Any) -> Any:
    """Return what one cell can hold: text, a number, a truth value or nothing."""
    if isinstance(value, dict | list | tuple):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except (TypeError, ValueError):  # keys that are no text, or an object inside itself
            return str(value)
    if isinstance(value, str | int | float) or value is None or value is pd.NA or value is pd.NaT:
        return value
    return str(value)


def _for_sheet(value: Any) -> Any:
    """Return what a workbook knows how to store; what it does not becomes text."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return str(value) if not FIRST_SHEET_YEAR <= value.year <= 9999 else value.to_pydatetime()
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _check_fits(rows: int, columns: int) -> None:
    if rows + 1 > SHEET_ROWS or columns > SHEET_COLUMNS:
        raise errors.ArgumentError(
            f"a sheet holds {SHEET_ROWS:,} rows, the headings among them, and {SHEET_COLUMNS:,} columns; got "
            f"{rows:,} rows and {columns:,} columns. write_csv and save_frame have no such limit"
        )


def _check_sheet(name: str) -> None:
    """Refuse what a spreadsheet would refuse, or repair by its own lights, when it opens the file."""
    edges = name.startswith("'") or name.endswith("'")
    if not 0 < len(name) <= 31 or edges or set("[]:*?/\\") & set(name) or name.casefold() == "history":
        raise errors.ArgumentError(
            "sheet must be a name of 1 to 31 characters, without [ ] : * ? / \\ and without an apostrophe at "
            f"either end, and not History, which spreadsheets keep for themselves; got {name!r:.60}"
        )


def _printable(text: str) -> str:
    """Drop the characters that a workbook cannot hold, and cut at its limit for one cell."""
    kept = "".join(c for c in text if (c >= " " or c in "\t\n\r") and c not in "\ufffe\uffff")
    units = kept.encode("utf-16-le", "replace")  # in which the limit counts
    if len(units) <= 2 * CELL_LENGTH:
        return units.decode("utf-16-le")
    note = f"… (cut; {len(text):,} characters)"
    return units[: 2 * (CELL_LENGTH - len(note))].decode("utf-16-le", "ignore") + note


# For the toolkit --------------------------------------------------------------------------------------------
#
# JSON knows no tuples and no times. They are written as objects of one key that begins with "$"; an object
# that has such a key of its own is wrapped in {"$dict": …}, so that nothing is taken for what it is not.


def _packed_texts(values: Iterable[Any], where: str) -> list[str | None]:
    def written(value: Any) -> str:
        return json.dumps({"v": _packed(value, where)})

    again = cache(written)
    return [None if value is None else (again if _of_texts(value) else written)(value) for value in values]


def _of_texts(value: Any) -> bool:
    """Whether a value is a tuple of texts, such as people's roles, of which few are different."""
    return isinstance(value, tuple) and all(isinstance(one, str) for one in value)


def _categories(frame: pd.DataFrame) -> dict[int, tuple[Any, str, bool]]:
    """Describe the categories of each column that has some: Parquet keeps those of text, and only with rows."""
    found = {}
    for place, name in enumerate(frame.columns):
        dtype = frame[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            values = _packed(dtype.categories.tolist(), f"column {name!r}")
            found[place] = (values, str(dtype.categories.dtype), bool(dtype.ordered))
    return found


def _packed(value: Any, where: str) -> Any:
    """Turn a value into JSON's kinds, so that :func:`_unpacked` gives an equal one back."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple):
        return {"$tuple": [_packed(item, where) for item in value]}
    if isinstance(value, list):
        return [_packed(item, where) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        packed = {key: _packed(item, where) for key, item in value.items()}
        return {"$dict": packed} if any(key.startswith("$") for key in value) else packed
    if value is pd.NA or value is pd.NaT:
        return {"$missing": "NA" if value is pd.NA else "NaT"}
    if isinstance(value, pd.Timestamp):
        return {"$timestamp": [value.isoformat(), _zone(value), value.unit]}
    if isinstance(value, datetime):
        return {"$datetime": [value.isoformat(), _zone(value)]}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    kind = "a dict whose keys are not all text" if isinstance(value, dict) else f"a {type(value).__name__}"
    raise errors.ArgumentError(
        f"{where} holds {kind}, which would not come back as it is; save_frame keeps text, numbers, truth "
        "values, dates and times, and lists, tuples and dicts of these"
    )


def _zone(time: datetime) -> str | None:
    """Name the zone of a time where its offset alone would not bring it back."""
    key = getattr(time.tzinfo, "key", None)
    return key if isinstance(key, str) else None


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((kind, held),) = value.items()
        if kind in UNPACKERS:
            return UNPACKERS[kind](held)
    return {key: _unpacked(item) for key, item in value.items()}


def _time(text: str, zone: str | None) -> datetime:
    time = datetime.fromisoformat(text)
    if zone is None:
        return time
    # As on the wall, not by the moment: a time that a change of clocks skipped would come back as another.
    for fold in (0, 1):
        there = time.replace(tzinfo=ZoneInfo(zone), fold=fold)
        if there.isoformat() == text:
            return there
    return time.astimezone(ZoneInfo(zone))  # by other rules for this zone


def _timestamp(text: str, zone: str | None, unit: Any) -> pd.Timestamp:
    time = pd.Timestamp(text).as_unit(unit)
    return time if zone is None else time.tz_convert(zone)


UNPACKERS: dict[str, Any] = {
    "$tuple": lambda held: tuple(map(_unpacked, held)),
    "$dict": lambda held: {key: _unpacked(item) for key, item in held.items()},
    "$missing": lambda held: pd.NA if held == "NA" else pd.NaT,
    "$timestamp": lambda held: _timestamp(*held),
    "$datetime": lambda held: _time(*held),
    "$date": date.fromisoformat,
}


def from_texts(texts: Iterable[Any]) -> Iterator[Any]:
    """Yield the values that texts of JSON hold; equal tuples of texts, such as people's roles, are one."""
    same: dict[str, Any] = {}
    for text in texts:
        if text in same:
            yield same[text]
        else:
            value = None if pd.isna(text) else _from_json(text)
            if _of_texts(value):
                same[text] = value
            yield value


def _from_json(text: str) -> Any:
    held = json.loads(text)
    # Earlier files have "t" for a tuple.
    return tuple(map(_unpacked, held["t"])) if "t" in held else _unpacked(held["v"])


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Write beside the target and move over it at the end, so that a broken write leaves the old file.

    A link stays a link: the file it leads to is replaced. The new file has the permissions of the old one.
    """
    real = Path(os.path.realpath(target))
    if not real.parent.is_dir():
        raise errors.ArgumentError(f"there is no folder {real.parent} to write {real.name} into: make it first")
    if real.is_dir():
        raise errors.ArgumentError(f"{target} is a folder: name a file in it")
    mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else None
    temporary = real.with_name(f".{real.name}-{uuid4().hex[:8]}{real.suffix}")
    # Readable by its owner alone until it takes the place of a file that may be; else as any new file is.
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if mode is None else 0o600)
    os.close(handle)
    try:
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        _patiently(lambda: temporary.replace(real), real)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text, whole or not at all, and return where."""
    target = Path(path)
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def remove_folder(folder: Path, marker: str = "") -> None:
    """Remove a folder with all in it, the file that says it is whole first; where there is none, do nothing.

    Raises
    ------
    FileInUse
        Something could not be removed. Without its marker what is left counts for nothing.
    """
    if marker:
        _patiently(lambda: (folder / marker).unlink(missing_ok=True), folder / marker)
    if folder.exists():
        _patiently(lambda: shutil.rmtree(folder), folder)


def _patiently(act: Callable[[], object], path: Path) -> None:
    """Do something with a file; a program that has it open (Excel, a virus scanner) gets about a second."""
    for pause in (0.05, 0.1, 0.2, 0.3, 0.4, None):
        try:
            act()
        except PermissionError as problem:
            if pause is None:
                raise errors.FileInUse(
                    f"{path} cannot be replaced or removed ({problem.strerror or problem}). Is it open in "
                    "another program, such as Excel? Close it there and run this again."
                ) from None
            wait(pause)
        else:
            return


every_call(__name__)
