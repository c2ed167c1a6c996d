"""Frames with pseudonyms in place of people, so that a notebook can be shared and its charts still hold.

::

    users, groups = (redact(frame, key=key) for frame in (users, groups))

What a text becomes and what may stay is laid down in :mod:`dirsync_nb.client.pseudonyms`. A whole notebook
needs no call for each frame: ``client.redacted()`` gives a client whose every answer is redacted, and with the
same key the same pseudonyms.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from .. import errors
from ..client.pseudonyms import DOMAINS, NUMBERS, PREFIXES, TIMES, Pseudonyms, wrapped_key
from ..files import replacing
from ..frames import ROUNDED
from ..frames.json_array import JsonDtype
from ..frames.schema import DIRECTORY_STATES, DIRECTORY_TYPES, USER_STATES
from ..provisioning import Plan
from ..sync import Moment, Snapshot
from ..sync.snapshot import FRAMES
from ..sync.worlds import copy_of, snapshot_of
from .known_frames import is_counted, is_ours, is_row_of_ours

T = TypeVar("T", pd.DataFrame, "pd.Series[Any]", Snapshot, Plan)

OWN_LABEL = re.compile(r"\((none|not in users|[\d,]+ other values)\)")  # that analysis puts among values
OLD_AND_NEW = ("before", "after", "expected", "found")  # values of the field that another column names
STATES = {"state": {*DIRECTORY_STATES, *USER_STATES}, "type": {*DIRECTORY_TYPES}}
OWN_STATES = {"filled", "null", "blank", "absent"}


UNKNOWN = ""  # the name of a field of which nothing is known


def redact(
    frame: T,
    *,
    key: str | bytes | None = None,
    keep_attributes: Iterable[str] = (),
    round_times: str | None = None,
) -> T:
    """Return a copy with stable pseudonyms for names, addresses, ids, attributes and all other text.

    Works on every frame of the toolkit (lists, memberships, events with their payloads, analysis, plans,
    receipts), on a row of one, on a snapshot and a plan; and on any other table, of which nothing is known, so
    that all of it is redacted, whatever its columns are called. A frame counts as ours by the name of its index
    and its columns together: whole, a selection of its columns with their dtypes, or whole with more columns.

    Equal texts become equal pseudonyms, in every column of every frame and in every call with the same key:
    joins hold, and so do sizes, overlaps and matrices. Addresses that differ in case or outer spaces only still
    do, and people of one domain stay in one. In frames of ours states, types, event names, counts and times
    stay as they are; columns, dtypes and order of rows too. Blank and missing values stay blank and missing.

    Parameters
    ----------
    frame
        What to redact; it is not changed.
    key
        Text or bytes, at least 16 of them; better 32 random bytes (``secrets.token_hex(32)``). Whoever has it
        can find people by trying lists of names, so it belongs into a variable of the environment and never
        into the notebook. Default: a key of this process that nobody is shown. Frames of one session then fit
        together, and those of the next do not.
    keep_attributes
        Names of custom attributes, or of columns, that stay as they are: ``("department_name", "role")``.
    round_times
        ``hour``, ``day`` or ``month``: times that stay go back to its beginning (in UTC), since a reader who
        knows that one person joined at 09:14 finds that row. Default: they stay exact. Events so rounded tell
        no order any more, and a replay refuses them.

    Returns
    -------
    DataFrame, Series, Snapshot or Plan
        What was given, redacted. Only a sandbox that is made of it brings a redacted snapshot up to date.

    Raises
    ------
    ArgumentError
        A key that is too short, or no such unit of time.

    Notes
    -----
    Pseudonyms are 64 bits of HMAC-SHA256. A plain hash would be no protection: a few million names and
    addresses are tried in a second. Without the key there is nothing to try against.

    It does not hide everything. Times, sizes and how often a value occurs stay, for the charts need them.
    Custom attributes that are kept may tell more than their name says.

    What is redacted stays so: pseudonyms are recognised and left alone, also under another key. Numbers, flags
    and times that nobody declared become text. Rows are sorted by nothing; a load of a redacted client may put
    rows of one moment in another order, since that is decided by ids.

    Examples
    --------
    >>> hidden = ds.redact(users)
    >>> hidden["name"].isin(users["name"]).any().item()
    True
    >>> len(hidden) == len(users)
    True
    """
    names = Pseudonyms(wrapped_key(key), keep_attributes, round_times=round_times)
    key = None  # no traceback through here shows it
    made: T = redacted_with(names, frame)
    return made


def redacted_with(names: Pseudonyms, thing: Any) -> Any:
    """Return a copy redacted with these pseudonyms."""
    if isinstance(thing, pd.DataFrame):
        return _frame(names, thing)
    if isinstance(thing, pd.Series):
        return _series(names, thing)
    if isinstance(thing, Snapshot):
        return _snapshot(names, thing)
    if isinstance(thing, Plan):
        return dataclasses.replace(thing, rows=_frame(names, thing.rows), notices=())
    raise errors.ArgumentError(
        f"redact takes a frame, a row or column of one, a snapshot or a plan; got a {type(thing).__name__}"
    )


def _snapshot(names: Pseudonyms, snapshot: Snapshot) -> Snapshot:
    position, scope, news = snapshot.position, snapshot.scope, snapshot.news
    frames: dict[str, Any] = {name: _frame(names, getattr(snapshot, name)) for name in FRAMES}
    return dataclasses.replace(
        snapshot,
        **frames,
        position=None if position is None else _position(names, position),
        scope=None if scope is None else tuple(map(names.text, scope)),
        server=f"{snapshot.server.removesuffix(' (redacted)')} (redacted)",  # no client of that server reads it
        notices=(),
        news=None if news is None else _frame(names, news),
    )


def _position(names: Pseudonyms, position: Moment) -> Moment:
    at = names.time(pd.Timestamp(position.time, unit="us", tz="UTC"))
    return Moment(int(at.value // 1000), names.text(position.event_id))


def _series(names: Pseudonyms, series: pd.Series[Any]) -> pd.Series[Any]:
    """Redact a row of a frame, whose labels are its columns, or a column, whose labels are its index."""
    if is_row_of_ours(series):
        values = [_cell(names, str(label), value) for label, value in series.items()]
        made = pd.Series(values, index=series.index, dtype=object)
        made.name = names.text(series.name) if isinstance(series.name, str) else series.name
        return made
    column: pd.Series[Any] = _frame(names, series.to_frame("" if series.name is None else series.name)).iloc[
        :, 0
    ]
    column.name = series.name
    return column


def _frame(names: Pseudonyms, frame: pd.DataFrame) -> pd.DataFrame:
    ours, counted = is_ours(frame), is_counted(frame)
    index = _index(names, frame.index, ours=ours)
    columns = {}
    for place, label in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if names.keeps(str(label)):
            made = column.copy()
        elif ours and label in OLD_AND_NEW and "field" in frame:
            made = _by_field(names, frame["field"], column)
        else:
            made = _column(names, _kind(frame, label, ours=ours), column, counted=counted)
        columns[place] = made.set_axis(index)
    whole = pd.DataFrame(columns, index=index)
    whole.columns = _labels(names, frame.columns, ours=ours or counted)
    if "incomplete" in frame.attrs:
        whole.attrs["incomplete"] = "it was so before it was redacted"
    if names.round_times is not None:
        whole.attrs[ROUNDED] = names.round_times
    return whole


def _kind(frame: pd.DataFrame, label: Any, *, ours: bool) -> str:
    """Name the field a column is: the type of an address is somebody's typing, that of a directory is not."""
    if not ours:
        return label if label in DOMAINS else UNKNOWN
    return "entry_type" if label == "type" and "primary" in frame else str(label)


def _by_field(names: Pseudonyms, fields: pd.Series, column: pd.Series) -> pd.Series:
    """Redact values of which another column says what they are."""
    pairs = zip(fields, column, strict=True)
    return pd.Series([_cell(names, str(name), value) for name, value in pairs], dtype=object)


def _column(names: Pseudonyms, name: str, column: pd.Series, *, counted: bool) -> pd.Series:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(names, name, column)
    if isinstance(dtype, JsonDtype) or pd.api.types.is_object_dtype(dtype):
        return pd.Series([_cell(names, name, value) for value in column], dtype=dtype)
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        if counted or name in NUMBERS:
            return column.copy()
    elif pd.api.types.is_datetime64_any_dtype(dtype) and name in TIMES:
        return pd.Series([names.time(value) for value in column], index=column.index, dtype=dtype)
    codes, found = pd.factorize(column)  # each text is hashed once
    made = pd.array([names.field(name, value) for value in found.tolist()], dtype="str")
    return pd.Series(made.take(codes, allow_fill=True))


def _categories(names: Pseudonyms, name: str, column: pd.Series) -> pd.Series:
    old = column.cat.categories
    if OWN_STATES.issuperset(old):
        return column.copy()
    new = pd.Index([names.field(name, value) for value in old.tolist()], dtype="str")
    if new.equals(old):
        return column.copy()
    made = column.cat.rename_categories(new)
    return made if column.cat.ordered else made.cat.reorder_categories(sorted(new))


def _cell(names: Pseudonyms, name: str, value: Any) -> Any:
    if not isinstance(value, str | dict | list | tuple) and pd.api.types.is_scalar(value) and pd.isna(value):
        return value
    if name == UNKNOWN and isinstance(value, dict):
        return {names.text(str(key)): _cell(names, name, item) for key, item in value.items()}
    if name == UNKNOWN and isinstance(value, list | tuple):
        return type(value)(_cell(names, name, item) for item in value)
    return names.field(name, value)


def _labels(names: Pseudonyms, labels: pd.Index, *, ours: bool) -> pd.Index:
    """Keep headings; where they are values or look like people, put pseudonyms."""
    if isinstance(labels, pd.MultiIndex):
        levels = [_labels(names, labels.get_level_values(place), ours=ours) for place in range(labels.nlevels)]
        return pd.MultiIndex.from_arrays(levels, names=labels.names)
    if labels.name is None:
        made = [_heading(names, label) if isinstance(label, str) else label for label in labels]
    else:
        name = str(labels.name).removeprefix("other_") if ours else UNKNOWN
        made = [label if OWN_LABEL.fullmatch(str(label)) else _cell(names, name, label) for label in labels]
    same = all(isinstance(label, str) for label in labels) and not isinstance(labels.dtype, pd.CategoricalDtype)
    return pd.Index(made, dtype=labels.dtype if same else None, name=labels.name)


def _heading(names: Pseudonyms, label: str) -> str:
    head = "custom_attributes." if label.startswith("custom_attributes.") else ""
    bare = label.removeprefix(head)
    before, _, tail = bare.rpartition("_")
    is_id = before in PREFIXES and any(letter.isdigit() for letter in tail)
    is_name = bare.replace(" ", "_").isidentifier() and not is_id
    return label if is_name or bare in names.keep else head + names.text(bare)


def _index(names: Pseudonyms, index: pd.Index, *, ours: bool) -> pd.Index:
    if isinstance(index, pd.MultiIndex):
        levels = [_index(names, index.get_level_values(place), ours=ours) for place in range(index.nlevels)]
        return pd.MultiIndex.from_arrays(levels, names=index.names)
    if isinstance(index, pd.RangeIndex) or (
        index.name is None and pd.api.types.is_integer_dtype(index.dtype)  # row numbers
    ):
        return index
    name = str(index.name)
    known = ours or name in DOMAINS or STATES.get(name, set()).issuperset(index)  # counted by state
    made: pd.Index = pd.Index(
        _column(names, name if known else UNKNOWN, index.to_series(), counted=False).array
    )
    return made.rename(index.name)


# An environment as a file ------------------------------------------------------------------------------------


def save_world(
    snapshot: Any,
    path: str | Path,
    *,
    redacted: bool = True,
    key: str | bytes | None = None,
    keep_attributes: Iterable[str] = (),
    round_times: str | None = None,
) -> Path:
    """Save a snapshot as a world for sandboxes, redacted first, and return its path.

    The file is text, a record a line, and its first line says whether its people are pseudonyms. Sandboxes,
    ``connect_sandbox(world=...)`` and ``pytest --dirsync-sandbox=FILE`` read it, without pandas or pyarrow.

    Parameters
    ----------
    snapshot
        What :func:`take_snapshot` or :func:`take_fleet` gave, or its path.
    path
        The file, whose name ends in ``.jsonl``. It is whole or not there.
    redacted
        False writes people as they are, and says so in the file: keep that out of repositories.
    key, keep_attributes, round_times
        Of the pseudonyms, as in :func:`redact`. With a key of yours, files of two days fit together.

    Raises
    ------
    ArgumentError
        No such snapshot, one that is not whole, or a name that ends otherwise.

    Examples
    --------
    >>> file = ds.save_world(ds.take_snapshot(client, directories.index[0]), "customer.jsonl")
    >>> copy = ds.connect_sandbox(world=file)
    >>> ds.load_directories(copy)["active_users"].tolist() == [len(users)]
    True
    """
    hidden = wrapped_key(key)
    key = None  # no traceback through here shows it
    target = Path(path)
    if target.suffix != ".jsonl":
        raise errors.ArgumentError(f"the name of a saved world ends in .jsonl; got {target.name!r}")
    whole = snapshot_of(snapshot)
    if redacted:
        names = Pseudonyms(hidden, keep_attributes, round_times=round_times)
        whole = redacted_with(names, whole)
    copy = copy_of(whole)
    with replacing(target) as temporary:
        temporary.write_bytes(b"\n".join(copy.lines) + b"\n")
    return target
