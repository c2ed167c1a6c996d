"""Frames made of records, and put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from .. import errors
from ..client import Receipt, Record
from ..client.calls import listed_records
from .builder import FrameBuilder, categorical, text_dtype
from .checks import require_frame, takes_frames
from .json_array import spell_infinity
from .partial import READ, mark_partial
from .records import DIRECTORIES, EVENTS, GROUPS, ORGANIZATIONS, USERS, FrameSpec
from .schema import RECEIPT_COLUMNS

NO_RECORDS = "records must be a list of dicts, as client.users(...) gives them"


def _collected(table: FrameSpec, records: Iterable[Record]) -> pd.DataFrame:
    columns = FrameBuilder(table)
    columns.add(spell_infinity(listed_records(records, NO_RECORDS)))
    return columns.frame()


def organizations_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per organization, indexed by ``organization_id``; columns: ``ORGANIZATION_COLUMNS``.

    Examples
    --------
    >>> len(ds.frames.organizations_frame(client.organizations("Harbourline")))
    1
    """
    return _collected(ORGANIZATIONS, records)


def directories_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory, indexed by ``directory_id``; columns: ``DIRECTORY_COLUMNS``.

    Examples
    --------
    >>> ds.frames.directories_frame(client.directories()).equals(directories)
    True
    """
    return _collected(DIRECTORIES, records)


def users_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory user, indexed by ``user_id``; columns: ``USER_COLUMNS``.

    Examples
    --------
    >>> ds.frames.users_frame(client.users(directories.index[0])).equals(users)
    True
    """
    return _collected(USERS, records)


def groups_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per directory group, indexed by ``group_id``; columns: ``GROUP_COLUMNS``.

    Examples
    --------
    >>> ds.frames.groups_frame(client.groups(directories.index[0])).equals(groups)
    True
    """
    return _collected(GROUPS, records)


def events_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Make one row per event, indexed by ``event_id``; columns: ``EVENT_COLUMNS``.

    Examples
    --------
    >>> ds.frames.events_frame([]).index.name
    'event_id'
    """
    return _collected(EVENTS, records)


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put frames of one kind below each other, with the declared dtypes kept.

    ``pandas.concat`` turns categories that differ between frames into plain text; here they are united.
    A partial frame among them makes the whole one partial.

    Examples
    --------
    >>> more = ds.load_users(client, directories.index[1])
    >>> len(ds.concat([users, more])) == len(users) + len(more)
    True
    """
    one = isinstance(frames, pd.DataFrame | pd.Series | str | Mapping) or not hasattr(frames, "__iter__")
    if one:
        raise errors.ArgumentError("concat takes a list of frames: concat([one, another])")
    parts = list(frames)
    if not parts:
        raise errors.ArgumentError("concat needs at least one frame")
    for part in parts:
        require_frame("each of frames", part, "any")
    names = list(dict.fromkeys(part.index.name for part in parts))
    if len(names) > 1:
        raise errors.ArgumentError(f"concat puts frames of one kind together; these are indexed by {names}")
    columns = list(dict.fromkeys(name for part in parts for name in part.columns))
    categories = [name for name in columns if any(_is_category(part, name) for part in parts)]
    plain = [
        part.assign(**{n: part[n].astype(text_dtype()) for n in categories if _is_category(part, n)})
        for part in parts
    ]
    # Memberships have no index of their own: theirs is counted anew.
    whole = pd.concat(plain, ignore_index=names == [None])[columns]
    for name in categories:
        whole[name] = categorical(whole[name].astype(text_dtype()))
    whole.index.name = names[0]
    whole = mark_partial(whole, *parts)
    if all(READ in part.attrs for part in parts):
        whole.attrs[READ] = tuple(dict.fromkeys(one for part in parts for one in part.attrs[READ]))
    return whole


def _is_category(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype)


@takes_frames()
def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """Take each object once, as loaded last; rows that are merely numbered stay as they are.

    Examples
    --------
    >>> twice = pd.concat([groups, groups])
    >>> len(ds.frames.latest(twice)) == len(groups)
    True
    """
    return frame if frame.index.name is None else frame[~frame.index.duplicated(keep="last")]


def rows_frame(
    rows: Iterable[Any], columns: Mapping[str, Any], index: pd.Index | None = None, **words: Sequence[str]
) -> pd.DataFrame:
    """Return rows as a frame with declared columns; ``words`` are what may stand in a category.

    Examples
    --------
    >>> ds.frames.tools.rows_frame([("ok",)], {"state": "category"}, state=("ok", "off"))["state"].tolist()
    ['ok']
    """
    kinds = {name: text_dtype() if kind == "str" else kind for name, kind in columns.items()}
    kinds |= {name: pd.CategoricalDtype(list(known)) for name, known in words.items()}
    return pd.DataFrame(list(rows), columns=list(columns), index=index, dtype=object).astype(kinds)


def receipts_frame(receipts: Iterable[Receipt]) -> pd.DataFrame:
    """Make one row per load, in the order they ran: what was asked, what it cost, whether it is whole.

    Examples
    --------
    >>> log = ds.receipts_frame(client.receipts)
    >>> log["endpoint"].iloc[0]
    '/directories'
    """
    given: Any = receipts
    listed = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(one, Receipt) for one in listed):
        raise errors.ArgumentError("receipts must be a list of them, such as client.receipts")
    return rows_frame(
        ([getattr(receipt, name) for name in RECEIPT_COLUMNS] for receipt in listed), RECEIPT_COLUMNS
    )
