"""Frames as they are handed in: with the ids and columns that a question needs."""

from __future__ import annotations

import pandas as pd

from .. import errors

__all__ = ["require_columns", "require_ids"]

LOADERS = {"user_id": "load_users", "group_id": "load_groups", "directory_id": "load_directories"}


def require_ids(name: str, frame: pd.DataFrame, ids: str, *, once: bool = False) -> None:
    """Refuse a frame whose rows cannot be found by these ids; with ``once`` also one that repeats an id."""
    if frame.index.name != ids:
        got = "an index without a name" if frame.index.name is None else f"{frame.index.name!r}"
        hint = f", and {ids} among the columns: set_index({ids!r}) puts it back" if ids in frame else ""
        raise errors.ArgumentError(
            f"{name} must be indexed by {ids}, as {LOADERS[ids]} gives it; got {got}{hint}"
        )
    if once and frame.index.has_duplicates:
        doubled = frame.index[frame.index.duplicated()].unique()
        count = "1 id stands" if len(doubled) == 1 else f"{len(doubled):,} ids stand"
        raise errors.ArgumentError(
            f"{name} must hold each {ids} once; {count} in it more than once, {doubled[0]!r} for one. To keep "
            "the last row of each: frame[~frame.index.duplicated(keep='last')]"
        )


def require_columns(name: str, frame: pd.DataFrame, *columns: str) -> None:
    """Refuse a frame that lacks one of these columns."""
    if absent := [column for column in columns if column not in frame]:
        raise errors.ArgumentError(
            f"{name} must have the columns {' and '.join(columns)}; {' and '.join(absent)} is not among "
            f"{', '.join(map(repr, frame.columns[:8])) or 'its none'}"
        )
