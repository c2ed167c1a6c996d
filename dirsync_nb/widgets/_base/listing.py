"""A frame prepared once for search as you type: found and ordered in milliseconds, 50 rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...text import attribute_of, fold, folded_rows, holding, plain
from .parts import ROWS, Column
from .text import NO_NAME, when

__all__ = ["Listing", "Mask", "attribute_names", "attribute_values"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Listing:
    """A frame with its search text, masks and orders.

    Parameters
    ----------
    frame
        What is listed; its index are the ids.
    columns
        What is shown of it.
    searched
        Columns of the frame whose text is searched, next to the id.
    """

    def __init__(self, frame: pd.DataFrame, columns: Sequence[Column], searched: Sequence[str]) -> None:
        self.frame = frame
        self.columns = columns
        self.ids = [str(name) for name in frame.index]
        self._folded = folded_rows(frame, searched)
        self._orders: dict[str, np.ndarray[Any, Any]] = {}
        self._masks: dict[tuple[str, str], Mask] = {}
        self._last: tuple[str, Mask] = ("", np.ones(len(frame), dtype=bool))

    def __len__(self) -> int:
        return len(self.ids)

    def order(self, sort: str) -> np.ndarray[Any, Any]:
        """Return all positions in order of a column, ``-`` before its name for the other way round."""
        if sort not in self._orders:
            key = sort.removeprefix("-")
            source = next((c.get("source", c["key"]) for c in self.columns if c["key"] == key), None)
            if source is None:
                self._orders[sort] = np.arange(len(self))
            else:
                self._orders[sort] = _ordered(self.frame[str(source)], descending=sort.startswith("-"))
        return self._orders[sort]

    def matching(self, search: str) -> Mask:
        """Return which rows hold every word of a search; typing on only looks at what was found before."""
        words = fold(search).split()
        wanted = " ".join(words)
        last, found = self._last
        if not words:
            found = np.ones(len(self), dtype=bool)
        elif wanted != last:
            found = self._search(words, found if last and wanted.startswith(last) else None)
        self._last = wanted, found
        return found

    def _search(self, words: Sequence[str], within: Mask | None) -> Mask:
        places = None if within is None else np.flatnonzero(within).tolist()
        mask = np.zeros(len(self), dtype=bool)
        mask[holding(self._folded, " ".join(words), places)] = True
        return mask

    def equal(self, column: str, value: str) -> Mask:
        """Return which rows have this value in a column; remembered."""
        return self.fitting((column, value), lambda: (self.frame[column] == value).to_numpy(dtype=bool))

    def having(self, attribute: str, value: str) -> Mask:
        """Return which users have this value of an attribute; remembered."""

        def look() -> Mask:
            values = attribute_of(self.frame, attribute)
            return np.fromiter((plain(v) == value for v in values), dtype=bool, count=len(self))

        return self.fitting((f"attribute {attribute}", value), look)

    def fitting(self, key: tuple[str, str], look: Callable[[], Mask]) -> Mask:
        """Look which rows fit, and remember it under this key."""
        if key not in self._masks:
            self._masks[key] = look()
        return self._masks[key]

    def page(self, mask: Mask, sort: str, page: int) -> tuple[int, list[int]]:
        """Return how many rows there are, and the positions on one page of 50."""
        order = self.order(sort)
        found = order[mask[order]]
        return len(found), found[(page - 1) * ROWS : page * ROWS].tolist()

    def rows(self, places: Sequence[int]) -> list[tuple[str, list[str]]]:
        """Return rows for a table: each an id with the text of its cells."""
        part = self.frame.iloc[list(places)]
        cells = [_cells(part[column.get("source", column["key"])], column["key"]) for column in self.columns]
        return [
            (self.ids[place], list(row)) for place, row in zip(places, zip(*cells, strict=True), strict=True)
        ]


def _cells(column: pd.Series, key: str) -> list[str]:
    """Write a column's values; a day for a moment, and something to click on for a missing name."""
    missing = NO_NAME if key == "name" else ""
    return [when(value)[:10] or plain(value) or missing for value in column]


def _ordered(column: pd.Series, *, descending: bool) -> np.ndarray[Any, Any]:
    """Return the positions in order, what is missing always last."""
    missing = column.isna().to_numpy(dtype=bool)
    present = np.flatnonzero(~missing)
    values = column.iloc[present]
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_numeric_dtype(values):
        by_value = np.argsort(values.to_numpy(), kind="stable")
    else:
        keys = [fold(str(value)) for value in values]
        by_value = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    if descending:
        by_value = by_value[::-1]
    return np.concatenate([present[by_value], np.flatnonzero(missing)]).astype(np.intp)


def attribute_names(users: pd.DataFrame) -> list[str]:
    """Name what users can be filtered by: the role, and each attribute that has a simple value somewhere."""
    names: dict[str, None] = {}
    for attributes in users["custom_attributes"]:
        if isinstance(attributes, dict):
            names.update((n, None) for n, v in attributes.items() if isinstance(v, (str, int, float, bool)))
    return (["role"] if users["role"].notna().any() else []) + sorted(names)


def attribute_values(users: pd.DataFrame, name: str) -> pd.Series:
    """Count the simple values of an attribute, the most common first."""
    values = [plain(v) for v in attribute_of(users, name) if isinstance(v, (str, int, float, bool))]
    return pd.Series(values, dtype="str").value_counts()
