"""Frames: made of records, put together, taken apart.

The declared columns stand in :mod:`dirsync_nb.frames.schema`, how records become columns in
:mod:`dirsync_nb.frames.records` and :mod:`dirsync_nb.frames.builder`; their names are found here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from .. import errors
from ..client import DSYNC_EVENTS, Receipt, Record
from .builder import FrameBuilder, categorical
from .records import (
    DIRECTORIES,
    EVENTS,
    GROUPS,
    ORGANIZATIONS,
    USERS,
    FrameSpec,
    as_dict,
    as_tuple,
    choose_address,
    looks_like_address,
)
from .schema import (
    DIRECTORY_COLUMNS,
    DIRECTORY_STATES,
    DIRECTORY_TYPES,
    EVENT_COLUMNS,
    GROUP_COLUMNS,
    MEMBERSHIP_COLUMNS,
    ORGANIZATION_COLUMNS,
    TIME,
    USER_COLUMNS,
    USER_STATES,
)

__all__ = [
    "DIRECTORIES",
    "DIRECTORY_COLUMNS",
    "DIRECTORY_STATES",
    "DIRECTORY_TYPES",
    "DSYNC_EVENTS",
    "EVENTS",
    "EVENT_COLUMNS",
    "GROUPS",
    "GROUP_COLUMNS",
    "MEMBERSHIP_COLUMNS",
    "ORGANIZATIONS",
    "ORGANIZATION_COLUMNS",
    "TIME",
    "USERS",
    "USER_COLUMNS",
    "USER_STATES",
    "FrameBuilder",
    "FrameSpec",
    "choose_address",
    "concat",
    "directories_frame",
    "emails_frame",
    "events_frame",
    "groups_frame",
    "looks_like_address",
    "organizations_frame",
    "receipts_frame",
    "require_complete",
    "spread_attributes",
    "typed_values",
    "users_frame",
]


def _collected(table: FrameSpec, records: Iterable[Record]) -> pd.DataFrame:
    columns = FrameBuilder(table)
    columns.add(list(records))
    return columns.frame()


def organizations_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per organization, indexed by ``organization_id``; columns: ``ORGANIZATION_COLUMNS``."""
    return _collected(ORGANIZATIONS, records)


def directories_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory, indexed by ``directory_id``; columns: ``DIRECTORY_COLUMNS``."""
    return _collected(DIRECTORIES, records)


def users_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory user, indexed by ``user_id``; columns: ``USER_COLUMNS``."""
    return _collected(USERS, records)


def groups_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory group, indexed by ``group_id``; columns: ``GROUP_COLUMNS``."""
    return _collected(GROUPS, records)


def events_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per event, indexed by ``event_id``; columns: ``EVENT_COLUMNS``."""
    return _collected(EVENTS, records)


# Working with frames ------------------------------------------------------------------------------------


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of one kind below each other, with the declared dtypes kept.

    ``pandas.concat`` turns categories that differ between frames into plain text; here they are united.
    A partial frame among them makes the whole one partial.
    """
    parts = list(frames)
    if not parts:
        raise errors.ArgumentError("concat needs at least one frame")
    names = list(dict.fromkeys(part.index.name for part in parts))
    if len(names) > 1:
        raise errors.ArgumentError(f"concat puts frames of one kind together; these are indexed by {names}")
    columns = list(dict.fromkeys(name for part in parts for name in part.columns))
    categories = [name for name in columns if any(_is_category(part, name) for part in parts)]
    plain = [part.astype({n: "str" for n in categories if _is_category(part, n)}) for part in parts]
    # Memberships have no index of their own: theirs is counted anew.
    whole = pd.concat(plain, ignore_index=names == [None])[columns]
    for name in categories:
        whole[name] = categorical(whole[name].astype("str"))
    whole.index.name = names[0]
    return mark_partial(whole, *parts)


def _is_category(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype)


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """Take each object once, as loaded last; rows that are merely numbered stay as they are."""
    return frame if frame.index.name is None else frame[~frame.index.duplicated(keep="last")]


def why_incomplete(*frames: pd.DataFrame | None) -> str | None:
    """Return why the first partial one of these frames is partial; None when all are whole."""
    partial = (f for f in frames if f is not None and "incomplete" in f.attrs)
    return next((str(f.attrs["incomplete"]) for f in partial), None)


def mark_partial(answer: pd.DataFrame, *sources: pd.DataFrame | None) -> pd.DataFrame:
    """Carry on that a source was partial, and nothing else of what its ``attrs`` say."""
    reason = why_incomplete(*sources)
    answer.attrs = {} if reason is None else {"incomplete": reason}
    return answer


def require_complete(frame: pd.DataFrame, purpose: str) -> pd.DataFrame:
    """Refuse a partial frame where only a whole one gives a true answer; else give it back.

    Raises
    ------
    IncompleteError
        The frame came from a load that broke.
    """
    if "incomplete" in frame.attrs:
        raise errors.IncompleteError(
            f"{purpose} needs whole frames, and this one is partial ({frame.attrs['incomplete']}). Load it "
            "again, or go on with resume=client.receipts[-1]."
        )
    return frame


def spread_attributes(users: pd.DataFrame, names: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Return each custom attribute a column ``custom_attributes.<name>`` in place of the one that held them.

    Columns stand in the order in which the attributes are first seen. Texts become ``str``, whole numbers
    ``Int64``, other numbers ``Float64``, truth values ``boolean``; lists, objects and mixtures stay as
    they are.
    An attribute without data (null) and one that is not enabled (absent) are both missing here; the original
    frame tells them apart.

    Parameters
    ----------
    users
        A users frame.
    names
        Only this attribute, or these; the others are left out. Default: all.
    """
    names = [names] if isinstance(names, str) else names
    rows = [as_dict(value) for value in users["custom_attributes"]]
    wanted = list(dict.fromkeys(name for row in rows for name in row)) if names is None else list(names)
    spread = {
        f"custom_attributes.{name}": typed_values([row.get(name) for row in rows], users.index)
        for name in wanted
    }
    kept = users.drop(columns=["custom_attributes", *[name for name in spread if name in users]])
    result = pd.concat([kept, pd.DataFrame(spread, index=users.index)], axis="columns")
    result.attrs = dict(users.attrs)
    return result


def typed_values(values: list[Any], index: pd.Index) -> pd.Series:
    """Make a Series of the one dtype that holds all values exactly; ``object`` where none does."""
    kinds = {type(value) for value in values if value is not None}
    dtype: Any = object
    if kinds == {str} or not kinds:
        dtype = "str"
    elif kinds == {bool}:
        dtype = "boolean"
    elif kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        dtype = "Int64"
    elif kinds <= {int, float} and all(value is None or abs(value) <= 2**53 for value in values):
        dtype = "Float64"
    series: pd.Series
    try:
        series = pd.Series(values, index=index, dtype=dtype)
    except UnicodeEncodeError:
        series = pd.Series(values, index=index, dtype=object)
    return series


def emails_frame(users: pd.DataFrame) -> pd.DataFrame:
    """Make one row per known e-mail address of a user.

    Columns: ``user_id``, ``value``, ``type``, ``primary``, ``source``. ``primary`` is a nullable flag:
    "not primary" (False) and "unknown" (missing) are different answers.
    Addresses come from the custom attribute ``emails``, else from the deprecated field of that name.
    """
    rows = []
    for user_id, attributes, older in zip(
        users.index, users["custom_attributes"], users["emails"], strict=True
    ):
        newer = as_dict(attributes).get("emails")
        source, entries = ("custom_attributes.emails", newer) if newer else ("emails", older)
        for entry in as_tuple(entries):
            if isinstance(entry, dict):
                primary = entry.get("primary")
                flag = primary if isinstance(primary, bool) else None
                rows.append((user_id, entry.get("value"), entry.get("type"), flag, source))
    columns = {"user_id": "str", "value": "str", "type": "str", "primary": "boolean", "source": "str"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def receipts_frame(receipts: Iterable[Receipt]) -> pd.DataFrame:
    """Make one row per load, in the order they ran: what was asked, what it cost, whether it is whole."""
    columns = {
        "endpoint": "str",
        "filters": "object",
        "requests": "Int64",
        "pages": "Int64",
        "rows": "Int64",
        "duplicates": "Int64",
        "seconds": "float64",
        "seconds_waited": "float64",
        "complete": "bool",
    }
    rows = [[getattr(receipt, name) for name in columns] for receipt in receipts]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
