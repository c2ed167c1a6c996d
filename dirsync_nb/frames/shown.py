"""Frames as people read them: who and what first, ids last, other people's text as typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

import pandas as pd

from .. import errors
from ..text import plain, plural
from .checks import require_ids, takes_frames
from .dictionary import declared
from .tools import latest

FIRST = ("user", "group", "directory", "name", "address", "event", "state", "type")
NOTHING = "–"
LONGEST = 120  # characters of a cell
STYLE = """<style>
.dirsync-frame {border-collapse: collapse; font-size: 0.92em; margin: 0}
.dirsync-frame th, .dirsync-frame td {text-align: left; vertical-align: top; padding: 0.25em 0.75em;
  border-bottom: 1px solid rgba(128, 128, 128, 0.3)}
.dirsync-frame .number {text-align: right; font-variant-numeric: tabular-nums}
.dirsync-frame .id {display: inline-block; max-width: 9em; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; direction: rtl; user-select: all; font-family: monospace; opacity: 0.75}
.dirsync-note {opacity: 0.75; font-size: 0.88em}
</style>"""
# A typesetter would read "$ Budget $" as a formula; these are the words that keep it off.
AS_TYPED = "tex2jax_ignore mathjax_ignore"


class ShownFrame:
    """A frame made ready to be read: HTML in a notebook, a plain table elsewhere."""

    def __init__(self, table: pd.DataFrame, notes: list[str], ids: set[str], numbers: set[str]) -> None:
        self.table = table
        self.notes = notes
        self._ids = ids
        self._numbers = numbers

    def __repr__(self) -> str:
        return "\n".join([self.table.to_string(index=False), *self.notes])

    def _repr_html_(self) -> str:
        head = "".join(f"<th{self._side(name)}>{escape(name)}</th>" for name in map(str, self.table))
        rows = "".join(f"<tr>{''.join(self._cells(row))}</tr>" for row in self.table.itertuples(index=False))
        notes = "".join(f'<p class="dirsync-note">{escape(note)}</p>' for note in self.notes)
        return (
            f'<div class="{AS_TYPED}">{STYLE}<table class="dirsync-frame"><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table>{notes}</div>"
        )

    def _side(self, name: str) -> str:
        return ' class="number"' if name in self._numbers else ""

    def _cells(self, row: tuple[str, ...]) -> Iterator[str]:
        for name, text in zip(self.table.columns, row, strict=True):
            if name in self._ids and text != NOTHING:
                # Cut by the page alone, so that what is selected and copied is the whole id.
                inner = f'<span class="id" title="{escape(text)}"><bdi>{escape(text)}</bdi></span>'
            else:
                inner = escape(text)
            yield f"<td{self._side(name)}>{inner}</td>"


@takes_frames()
def show(
    frame: pd.DataFrame,
    *,
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    directories: pd.DataFrame | None = None,
    rows: int = 25,
) -> ShownFrame:
    """Return a frame to be read: names first, ids short and last, times as dates, nothing as a dash.

    An id is shown by its end; a click selects it whole, to be copied. Deprecated and empty columns are left
    out, and named below. The text of a directory is shown as typed, never as markup or a formula.

    Parameters
    ----------
    frame
        Any frame of the toolkit.
    users, groups, directories
        Frames in which ids are looked up: memberships then read as people and groups.
    rows
        So many rows, from the first.

    Raises
    ------
    ArgumentError
        A frame is not what it is handed in as, or ``rows`` is less than 1.

    Examples
    --------
    >>> shown = ds.show(memberships, users=users, groups=groups)
    """
    given: object = rows
    if not isinstance(given, int) or given < 1:
        raise errors.ArgumentError(f"rows must be a whole number, at least 1; got {rows!r}")
    part = frame.head(rows)
    columns = {str(label): part.iloc[:, place] for place, label in enumerate(part.columns)}
    names = _names(part, columns, users=users, groups=groups, directories=directories)
    known = declared(frame)
    empty = [name for name in columns if not _shown_anyway(name, frame) and frame[name].isna().all()]
    old = [name for name in columns if name in known and known[name].deprecated and name not in empty]
    ids = [name for name in columns if name == "idp_id" or name.endswith("_id")]
    middle = [name for name in columns if name not in (*FIRST, *ids, *empty, *old, "extra")]
    first = [name for name in FIRST if name in columns and name not in empty]
    chosen = {**names, **{name: columns[name] for name in (*first, *middle, *ids) if name not in empty}}
    if part.index.name is not None:
        chosen[str(part.index.name)] = pd.Series(part.index, index=part.index)
        ids.append(str(part.index.name))
    numbers = {n for n, c in chosen.items() if pd.api.types.is_numeric_dtype(c) and c.dtype.kind != "b"}
    table = pd.DataFrame({_heading(n, c): [_cell(v) for v in c] for n, c in chosen.items()}, dtype=object)
    return ShownFrame(table, _notes(frame, rows, empty, old), set(ids), numbers)


def _shown_anyway(name: str, frame: pd.DataFrame) -> bool:
    return name in FIRST or not len(frame)


def _names(
    part: pd.DataFrame, columns: dict[str, pd.Series], **frames: pd.DataFrame | None
) -> dict[str, pd.Series]:
    """Look up whom the ids of a frame mean, but for its own rows and those it names already."""
    found = {}
    for kind, frame in frames.items():
        one = {"users": "user", "groups": "group", "directories": "directory"}[kind]
        if frame is None:
            continue
        require_ids(kind, frame, f"{one}_id")
        if f"{one}_id" in columns and one not in columns:
            known = latest(frame)
            names = known["name"].fillna(known["address"]) if "address" in known else known["name"]
            found[one] = pd.Series(names.reindex(columns[f"{one}_id"]).array, index=part.index)
    return found


def _heading(name: str, column: pd.Series) -> str:
    return f"{name} ({column.dt.tz})" if isinstance(column.dtype, pd.DatetimeTZDtype) else name


def _cell(value: Any) -> str:
    """Write a value as text of one cell."""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple) and all(isinstance(inner, str) for inner in value):
        value = ", ".join(value)
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, int):
        value = f"{value:,}"
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str) if value else ""
    text = " ".join(plain(value).split())
    return (text if len(text) <= LONGEST else text[: LONGEST - 1] + "…") or NOTHING


def _notes(frame: pd.DataFrame, rows: int, empty: list[str], old: list[str]) -> list[str]:
    notes = [f"{min(rows, len(frame)):,} of {plural(len(frame), 'row')}."] if len(frame) > rows else []
    notes += [f"Partial: {frame.attrs['incomplete']}."] if "incomplete" in frame.attrs else []
    notes += [f"Empty, not shown: {', '.join(empty)}."] if empty else []
    told = ["load_memberships(client, directory_id) says who is in what."] if "groups" in old else []
    return [*notes, " ".join([f"Deprecated by WorkOS, not shown: {', '.join(old)}.", *told])] if old else notes
