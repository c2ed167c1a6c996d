"""A frame prepared once for search as you type: found, ranked and ordered in milliseconds."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...text import ABSENT, SPECIAL, attribute_of, fold, folded_rows, name_label, plain, value_labels
from .table import Column, Row
from .text import when

__all__ = ["Found", "Listing", "Mask", "Places", "attribute_column", "attribute_names"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.intp]]

ATTRIBUTE = "custom_attributes."
NAMED = ("name", "address")
"""Columns by which people look for somebody first; what is found in others alone comes after."""
REMEMBERED = 40  # searches whose rows are kept
REASONS = {"idp_id": "provider's id", "custom_attributes": ""}


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
        self.ids = [str(one) for one in frame.index]
        self._searched = searched
        folded = folded_rows(frame, searched)
        lines = [place for place, name in enumerate(searched, 1) if name in NAMED]
        heads = [_head(text, lines) for text in folded]
        self._texts, self._heads = Texts(folded), Texts(heads)
        self._names = Starts([head.split("\n")[1:-1] for head in heads])
        self._words = Starts([head.rpartition("\n")[2].split() for head in heads])
        self._arrays = {name: frame[name].array for name in searched}
        self._orders: dict[str, Places] = {}
        self._codes: dict[str, tuple[Places, list[str]]] = {}
        self._labels: dict[str, list[str]] = {}
        self._masks: dict[tuple[str, str], Mask] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def order(self, sort: str) -> Places:
        """Return all positions in order of a column, ``-`` before its name for the other way round."""
        if sort not in self._orders:
            key = sort.removeprefix("-")
            self._orders[sort] = _ordered(self._values(key), descending=sort.startswith("-"))
        return self._orders[sort]

    def _values(self, key: str) -> pd.Series:
        """Return the values to order by, of a column or of an attribute."""
        if key.startswith(ATTRIBUTE):
            values = attribute_of(self.frame, key.removeprefix(ATTRIBUTE))
            texts = [None if value is ABSENT else plain(value) or None for value in values]
            return pd.Series(texts, dtype=object)
        source = next((c.get("source", c["key"]) for c in self.columns if c["key"] == key), key)
        return self.frame[str(source)]

    def matching(self, search: str) -> Mask:
        """Return which rows hold every word of a search."""
        return self._texts.holding(search, self._heads.holding(search))

    def equal(self, column: str, value: str) -> Mask:
        """Return which rows have this value in a column; remembered."""
        return self.fitting((column, value), lambda: (self.frame[column] == value).to_numpy(dtype=bool))

    def having(self, attribute: str, value: str) -> Mask:
        """Return which users have this value of an attribute, as it is labelled; remembered."""

        def look() -> Mask:
            labels = self.labels(attribute)
            return np.fromiter((label == value for label in labels), dtype=bool, count=len(self))

        return self.fitting((f"attribute {attribute}", value), look)

    def codes(self, column: str, *, attribute: bool = False) -> tuple[Places, list[str]]:
        """Return the values of a column or an attribute, and for each row its place among them, or -1.

        Lists and objects have no place.
        """
        key = f"attribute {column}" if attribute else column
        if key not in self._codes:
            values = attribute_of(self.frame, column) if attribute else list(self.frame[column])
            labels = self.labels(column) if attribute else [plain(value) for value in values]
            texts = [text if is_simple(v, text) else None for v, text in zip(values, labels, strict=True)]
            codes, found = pd.factorize(np.array([text or None for text in texts], dtype=object))
            self._codes[key] = codes, [str(value) for value in found]
        return self._codes[key]

    def states(self) -> list[str]:
        """Return the states of the rows, the most common first."""
        return [str(s) for s in self.frame["state"].value_counts().index] if "state" in self.frame else []

    def labels(self, attribute: str) -> list[str]:
        """Return the label of an attribute's value for each row."""
        if attribute not in self._labels:
            values = attribute_of(self.frame, attribute)
            self._labels[attribute] = [plain(label) for label in value_labels(values)]
        return self._labels[attribute]

    def offered(self, attribute: str) -> list[tuple[str, int]]:
        """Return the labels of an attribute's simple values with their counts: the most common first.

        What stands for no value comes last.
        """
        codes, labels = self.codes(attribute, attribute=True)
        counts = np.bincount(codes[codes >= 0], minlength=len(labels)).tolist()
        pairs = sorted(zip(labels, counts, strict=True), key=lambda one: (SPECIAL.get(one[0], 0), -one[1]))
        return [(label, int(count)) for label, count in pairs]

    def words(self, search: str) -> list[str]:
        """Return the words of a search as they are compared."""
        return list(dict.fromkeys(fold(search).split()))

    def fitting(self, key: tuple[str, str], look: Callable[[], Mask]) -> Mask:
        """Look which rows fit, and remember it under this key."""
        if key not in self._masks:
            self._masks[key] = look()
        return self._masks[key]

    def found(self, mask: Mask, sort: str, search: str = "") -> Places:
        """Return the positions of these rows in order: of a column, or the best matches of a search first."""
        order = self.order(sort or "name")
        found: Places = order[mask[order]]
        if sort or not search.strip():
            return found
        return found[np.argsort(self._ranks(fold(search), found), kind="stable")]

    def _ranks(self, search: str, found: Places) -> np.ndarray[Any, Any]:
        """Return how well each matches: the whole name or address, its beginning, words of it, the rest."""
        whole = " ".join(search.split())
        ranks = np.full(len(self), 4, dtype=np.int8)
        starts = [self._words.beginning(word) for word in _SPLIT.sub(" ", search).split()]
        begun = np.logical_and.reduce(starts) if starts else np.zeros(len(self), dtype=bool)
        ranks[self._heads.holding(search)] = 3
        ranks[begun] = 2
        ranks[self._names.beginning(whole)] = 1
        ranks[self._names.equal(whole)] = 0
        return ranks[found]

    def reason(self, place: int, search: str) -> str:
        """Return where a row holds what its name and address do not: ``manager: Amara Abara``."""
        words = [word for word in fold(search).split() if word not in self._heads[place]]
        if not words:
            return ""
        held = self._reasons(place)
        best = [(name, text) for name, text in held if all(word in fold(text) for word in words)]
        name, text = next(iter(best or [one for one in held if words[0] in fold(one[1])]), ("", ""))
        return f"{name}: {text}" if name else ""

    def _reasons(self, place: int) -> list[tuple[str, str]]:
        """List what else of a row is searched, each with what it is."""
        held = []
        for column in self._searched:
            if column in NAMED:
                continue
            value = self._arrays[column][place]
            if isinstance(value, Mapping):
                held += [(_attribute_title(name), text) for name, text in _leaves(value)]
            else:
                held.append((REASONS.get(column, column), plain(value)))
        return [*held, ("id", self.ids[place])]

    def rows(self, places: Sequence[int], columns: Sequence[Column] | None = None) -> list[Row]:
        """Return rows for a table: each an id with its cells."""
        part = self.frame.iloc[list(places)]
        cells = [self._cells(part, places, column) for column in columns or self.columns]
        return [
            (self.ids[place], list(row)) for place, row in zip(places, zip(*cells, strict=True), strict=True)
        ]

    def _cells(self, part: pd.DataFrame, places: Sequence[int], column: Column) -> list[Any]:
        """Write a column's values; a day for a moment, and something to click on for a missing name."""
        if "attribute" in column:
            labels = self.labels(column["attribute"])
            return [labels[place] for place in places]
        if column["key"] == "id":
            return [str(i) for i in part.index]
        values = part[column.get("source", column["key"])]
        if column["key"] == "name":
            first = [name_label(value) for value in values]
        else:
            first = [when(value)[:10] or plain(value) for value in values]
        if "sub" not in column:
            return first
        second = [plain(value) or column.get("none", "") for value in part[column["sub"]]]
        return list(zip(first, second, strict=True))


class Texts:
    """Texts to search as somebody types: what was found is remembered.

    Parameters
    ----------
    texts
        One of each row, folded.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._found: dict[str, Mask] = {"": np.ones(len(texts), dtype=bool)}

    def __getitem__(self, place: int) -> str:
        return self._texts[place]

    def holding(self, search: str, sure: Mask | None = None) -> Mask:
        """Return which hold every word of a search; ``sure`` are known to.

        Typing on only looks at what was found before, and going back looks at nothing.
        """
        words = fold(search).split()
        wanted = " ".join(words)
        if wanted not in self._found:
            before = max((one for one in self._found if wanted.startswith(one)), key=len)
            self._found[wanted] = self._look(words, self._found[before], sure)
            if len(self._found) > REMEMBERED:
                del self._found[list(self._found)[1]]  # the first is of no search
        return self._found[wanted]

    def _look(self, words: Sequence[str], within: Mask, sure: Mask | None) -> Mask:
        mask = within if sure is None else within & ~sure
        for word in words:
            places = np.flatnonzero(mask)
            texts = self._texts if len(places) == len(mask) else [self._texts[n] for n in places.tolist()]
            mask = mask.copy()
            mask[places] = [word in text for text in texts]
        return mask if sure is None else mask | sure


class Starts:
    """Texts of rows in order, so that those that begin in some way are found by halving.

    Parameters
    ----------
    texts
        The texts of each row.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        pairs = sorted((text, place) for place, row in enumerate(texts) for text in row)
        self._texts = [text for text, _ in pairs]
        self._places = np.array([place for _, place in pairs], dtype=np.intp)
        self._rows = len(texts)

    def beginning(self, start: str) -> Mask:
        """Return which rows have a text that begins with this."""
        return self._between(start, start + chr(sys.maxunicode))

    def equal(self, text: str) -> Mask:
        """Return which rows have this text."""
        return self._between(text, text + "\0")

    def _between(self, first: str, end: str) -> Mask:
        mask = np.zeros(self._rows, dtype=bool)
        mask[self._places[bisect_left(self._texts, first) : bisect_left(self._texts, end)]] = True
        return mask


class Found:
    """Rows of a listing, in their order, for a table.

    Parameters
    ----------
    listing
        What they are of.
    places
        Their positions.
    search
        Why they were found: said where it is not to be seen in the row.
    """

    def __init__(self, listing: Listing, places: Places, search: str = "") -> None:
        self.listing, self.places, self.search = listing, places, search

    def __len__(self) -> int:
        return len(self.places)

    def rows(self, start: int, stop: int, columns: Sequence[Column]) -> list[Row]:
        """Return some of the rows with the cells of these columns."""
        places = self.places[start:stop].tolist()
        rows = self.listing.rows(places, columns)
        if not self.search.strip():
            return rows
        return [
            (i, [_with_reason(first, self.listing.reason(place, self.search)), *more])
            for place, (i, (first, *more)) in zip(places, rows, strict=True)
        ]

    def frame(self) -> pd.DataFrame:
        """Return all rows."""
        return self.listing.frame.iloc[self.places]


def attribute_column(name: str) -> Column:
    """Return the column of an attribute, shown when it is chosen."""
    return {
        "key": f"{ATTRIBUTE}{name}",
        "title": name,
        "attribute": name,
        "room": 1,
        "sortable": True,
        "hidden": True,
    }


_SPLIT = re.compile(r"[\W_]+")


def _head(text: str, lines: Sequence[int]) -> str:
    """Return the lines of name and address, and then their words, each after a blank."""
    parts = text.split("\n")
    held = "\n".join(parts[line] for line in lines)
    return f"\n{held}\n {_SPLIT.sub(' ', held)}"


def _with_reason(cell: object, reason: str) -> object:
    lines = cell if isinstance(cell, tuple) else (cell, "")
    return (*lines, reason) if reason else cell


def _leaves(value: Any, name: str = "") -> list[tuple[str, str]]:
    """List the single values of attributes, each with the name of its attribute."""
    if isinstance(value, Mapping):
        return [one for key, inner in value.items() for one in _leaves(inner, name or str(key))]
    if isinstance(value, (list, tuple)):
        return [one for inner in value for one in _leaves(inner, name)]
    return [] if value is None else [(name, plain(value))]


def _attribute_title(name: str) -> str:
    return name.removesuffix("_name").replace("_", " ")


def _ordered(column: pd.Series, *, descending: bool) -> Places:
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
    own = [f"{ATTRIBUTE}{name}" if name == "role" else name for name in sorted(names)]
    return (["role"] if users["role"].notna().any() else []) + own


def is_simple(value: object, label: str) -> bool:
    """Whether a value can be chosen in a menu: one text, number or truth value, or none of these in a word."""
    return label in SPECIAL or isinstance(value, (str, int, float, bool))
