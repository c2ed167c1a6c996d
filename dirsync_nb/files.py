"""Frames to files and back: CSV and XLSX for people, Parquet for the toolkit itself.

Directory text is other people's typing. A spreadsheet runs text that begins with ``=``, ``+``, ``-``, ``@``, a
tab or a line end as a formula; in files for people such text gets an apostrophe in front. Spreadsheets know no
time zones: times are written in UTC and the heading says so.

Needs the extra ``files``: ``pip install "dirsync_nb[files]"``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from . import errors

__all__ = ["open_frame", "save_frame", "write_csv", "write_xlsx"]

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
JSON_MARK = "dirsync_json_columns"


def write_csv(frame: pd.DataFrame, path: str | Path, *, raw: bool = False) -> Path:
    """Write a frame as CSV (UTF-8) that a spreadsheet opens without running any of its text.

    Parameters
    ----------
    frame
        Any frame of the toolkit; the index becomes the first column.
    path
        Where to write; an existing file is replaced in one step.
    raw
        True leaves text as it is, for machines that read it back.
    """
    target = Path(path)
    table = frame.reset_index() if raw else _for_people(frame)
    with _replacing(target) as temporary:
        # With this line end, that of RFC 4180, a carriage return inside a text is quoted too.
        encoding = "utf-8" if raw else "utf-8-sig"
        table.to_csv(temporary, index=False, encoding=encoding, lineterminator="\r\n")
    return target


def write_xlsx(frame: pd.DataFrame, path: str | Path, *, raw: bool = False, sheet: str = "Sheet1") -> Path:
    """Write a frame as an Excel workbook with times in UTC and no text that is run as a formula.

    Parameters
    ----------
    frame
        Any frame of the toolkit; the index becomes the first column.
    path
        Where to write; an existing file is replaced in one step.
    raw
        True puts no apostrophe before formula signs. The cells stay text all the same.
    sheet
        Name of the sheet.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    target = Path(path)
    table = _for_people(frame, neutral=not raw, zones=False)
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)

    def cell(value: object) -> Any:
        if not isinstance(value, str):
            return None if pd.isna(value) else value  # type: ignore[call-overload]
        made = WriteOnlyCell(page, value=_printable(value))
        made.data_type = "s"  # text, even where it looks like a formula
        return made

    page.append([cell(str(name)) for name in table.columns])
    for row in table.itertuples(index=False, name=None):
        page.append(
            [cell(value.to_pydatetime() if isinstance(value, pd.Timestamp) else value) for value in row]
        )
    with _replacing(target) as temporary:
        book.save(temporary)
    return target


def save_frame(frame: pd.DataFrame, path: str | Path) -> Path:
    """Save a frame as Parquet, exactly: :func:`open_frame` gives an equal one.

    Columns of Python objects (attributes, lists, ``extra``) are stored as JSON text. A partial frame stays
    marked as partial.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = Path(path)
    packed = frame.copy(deep=False)
    objects = [name for name in frame.columns if frame[name].dtype == object]
    for name in objects:
        packed[name] = pd.Series([_json_or_none(v) for v in frame[name]], index=frame.index, dtype="str")
    packed.attrs = {}
    table = pa.Table.from_pandas(packed)
    notes = {JSON_MARK: json.dumps(objects), "dirsync_attrs": json.dumps(frame.attrs)}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **notes})
    with _replacing(target) as temporary:
        pq.write_table(table, temporary)
    return target


def open_frame(path: str | Path) -> pd.DataFrame:
    """Open a frame that :func:`save_frame` wrote, with the same columns, dtypes and values.

    Raises
    ------
    ArgumentError
        The file was not written by :func:`save_frame`.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    notes = table.schema.metadata or {}
    if JSON_MARK.encode() not in notes:
        raise errors.ArgumentError(f"{path} was not written by save_frame; use pandas.read_parquet")
    frame: pd.DataFrame = table.to_pandas()
    for name in json.loads(notes[JSON_MARK.encode()]):
        values = [None if pd.isna(text) else _from_json(text) for text in frame[name]]
        frame[name] = pd.Series(values, index=frame.index, dtype=object)
    for name in frame.columns[frame.dtypes == "category"]:  # without any row, the kind of categories is lost
        categories = pd.Index(frame[name].cat.categories, dtype="str")
        frame[name] = frame[name].astype(pd.CategoricalDtype(categories))
    frame.attrs = json.loads(notes[b"dirsync_attrs"])
    return frame


def _for_people(frame: pd.DataFrame, *, neutral: bool = True, zones: bool = True) -> pd.DataFrame:
    """Make a plain table: objects as JSON text, times in UTC named in the heading, formula signs disarmed."""
    table = frame.reset_index()
    columns = {}
    for name in table.columns:
        column, heading = table[name], str(name)
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            heading += " (UTC)"
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
            if zones:
                column = column.dt.strftime("%Y-%m-%d %H:%M:%S.%f").str.slice(0, 23)
        elif column.dtype == object:
            column = pd.Series([_plain(value) for value in column], dtype=object)
        if column.dtype != object and pd.api.types.is_numeric_dtype(column.dtype):
            columns[heading] = column
            continue
        disarmed = [_disarmed(v) if neutral and isinstance(v, str) else v for v in column]
        columns[_disarmed(heading) if neutral else heading] = pd.Series(disarmed, dtype=object)
    return pd.DataFrame(columns)


def _disarmed(text: str) -> str:
    return "'" + text if text.startswith(FORMULA_SIGNS) else text


def _plain(value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return value


def _printable(text: str) -> str:
    """Drop the control characters that a workbook cannot hold, and cut at its limit for one cell."""
    kept = "".join(c for c in text if c >= " " or c in "\t\n\r")
    return kept[:32_767]


def _json_or_none(value: object) -> str | None:
    """Write a value as JSON; a tuple as {"tuple": [...]}, since JSON knows lists only."""
    if value is None:
        return None
    return json.dumps({"t": list(value)} if isinstance(value, tuple) else {"v": value})


def _from_json(text: str) -> Any:
    held = json.loads(text)
    return tuple(held["t"]) if "t" in held else held["v"]


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Write beside the target and move over it at the end, so that a broken write leaves the old file."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-", suffix=target.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner may read
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
