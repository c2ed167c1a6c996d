"""A data dictionary: what each column of a frame means, where it comes from, and an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from . import schema
from .checks import one_of, require_frame
from .reshape import spread_attributes
from .schema import PREDEFINED, Column
from .tools import rows_frame

TYPES = {
    "str": "text",
    "category": "one of few texts",
    "Int64": "whole number",
    "boolean": "true, false or missing",
    "bool": "true or false",
    "Float64": "number",
    "float64": "number",
    "int64": "whole number",
    schema.JSON: "what the record nests",
    schema.TIME: "time in UTC",
    "object": "object",
}


def describe_columns(frame: pd.DataFrame | str | None = None, column: str | None = None) -> pd.DataFrame:
    """Return what the columns of a frame mean: one row per column, the index first.

    Parameters
    ----------
    frame
        Any frame of the toolkit, or a kind of frame by its name, such as ``"users"``. Default: every column of
        every kind, as a data dictionary.
    column
        Only this one. Of ``custom_attributes`` each attribute that somebody has gets a row: how many have a
        value says :func:`dirsync_nb.analysis.attribute_coverage`.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``column`` (without a frame: ``frame`` and ``column``): ``meaning``, ``type`` in words,
        ``dtype``, ``source`` (the field of the API's record) and ``example``, an invented value. A column that
        the toolkit did not make has no meaning here, and as its example its first value.

    Examples
    --------
    >>> ds.describe_columns(users).loc["address", "meaning"]
    'The best e-mail address known.'
    """
    if isinstance(frame, str):
        told: Any = _dictionary().xs(one_of("frame", frame, schema.KINDS, "a frame, or one of"))
    elif frame is None:
        return _dictionary()
    else:
        require_frame("frame", frame, "any")
        if column is not None and column.startswith("custom_attributes") and "custom_attributes" in frame:
            spread = spread_attributes(frame)
            frame = spread.filter(regex=r"^custom_attributes\.")
            column = column if column in frame else None
        told = _table([(name, *_row(one, kind)) for name, one, kind in _columns_of(frame)], ["column"])
    chosen = told if column is None else told.loc[[one_of("column", column, told.index)]]
    return pd.DataFrame(chosen)


def _dictionary() -> pd.DataFrame:
    """Return what every column of every kind of frame means."""
    rows = []
    for kind, (index, columns) in schema.KINDS.items():
        known = columns if index is None else {index: schema.INDEXES[index], **columns}
        rows += [(kind, name, *_row(one, one.dtype)) for name, one in known.items()]
    return _table(rows, ["frame", "column"])


def declared(frame: pd.DataFrame) -> Mapping[str, Column]:
    """Return the declaration that fits most of a frame's columns, of those that fit at all."""

    def fitting(columns: Mapping[str, Column]) -> int:
        return sum(name in frame and str(frame[name].dtype) == one.dtype for name, one in columns.items())

    best = max((columns for _, columns in schema.KINDS.values()), key=fitting)
    return best if fitting(best) else {}


def _columns_of(frame: pd.DataFrame) -> list[tuple[str, Column, str]]:
    columns, found = declared(frame), []
    if frame.index.name is not None:
        name = str(frame.index.name)
        unknown = Column("", "", "", frame.index[0] if len(frame) else None)
        found.append((name, schema.INDEXES.get(name, unknown), str(frame.index.dtype)))
    for place, label in enumerate(frame.columns):
        values = frame.iloc[:, place]
        name, kind = str(label), str(values.dtype)
        known = columns.get(name) or schema.INDEXES.get(name)
        if known is None or known.dtype not in (kind, "category"):
            first = next(iter(values.dropna().head(1)), None)
            attribute = name.startswith("custom_attributes.")
            meaning = _of_attribute(name.removeprefix("custom_attributes.")) if attribute else ""
            known = Column(kind, meaning, name if attribute else "", first)
        found.append((name, known, kind))
    return found


def _of_attribute(name: str) -> str:
    whose = "one that WorkOS defines" if name in PREDEFINED else "one of this customer's own"
    return f"Custom attribute, {whose}; null and absent are both missing here."


def _row(column: Column, kind: str) -> tuple[Any, ...]:
    words = TYPES.get(kind, "time" if kind.startswith("datetime") else kind)
    return column.meaning or None, words, kind, column.source or None, column.example


def _table(rows: list[tuple[Any, ...]], index: list[str]) -> pd.DataFrame:
    texts = [*index, "meaning", "type", "dtype", "source"]
    return rows_frame(rows, {**dict.fromkeys(texts, "str"), "example": object}).set_index(index)
