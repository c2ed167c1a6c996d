"""Other people's text as a search compares it (folded, word by word), and counts in words."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

__all__ = ["USER_TEXT", "attribute_of", "fold", "folded_rows", "holding", "plain", "plural"]

USER_TEXT = ("name", "address", "idp_id", "role", "custom_attributes")
"""Columns of a users frame in which people are looked for, next to their ids."""


def plain(value: object) -> str:
    """Write a value as one text: nothing for a missing one, control characters and half characters replaced."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("NaT", "<NA>"):
        return ""
    if isinstance(value, (dict, list, tuple)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    # A half surrogate cannot be sent to a browser at all.
    text = str(value).encode("utf-8", "replace").decode()
    return "".join(c if c >= " " and unicodedata.category(c) != "Cc" else " " for c in text)


def fold(text: str) -> str:
    """Write a text as searches compare it: without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def folded_rows(frame: pd.DataFrame, searched: Sequence[str]) -> list[str]:
    """Return the searched text of each row, folded: its id, then these columns, a line each."""
    texts = [_texts(frame[name]) for name in searched]
    ids = [str(name) for name in frame.index]
    return ["\n".join(fold(text) for text in row) for row in zip(ids, *texts, strict=True)]


def holding(folded: Sequence[str], search: str, places: Sequence[int] | None = None) -> list[int]:
    """Return the places, of all or of these, whose text holds every word of a search."""
    found = list(range(len(folded))) if places is None else list(places)
    for word in fold(search).split():
        found = [place for place in found if word in folded[place]]
    return found


def attribute_of(users: pd.DataFrame, name: str) -> list[Any]:
    """Return an attribute's value for every user: the column ``role``, or the custom attribute of this name."""
    if name == "role":
        return list(users["role"])
    return [a.get(name) if isinstance(a, dict) else None for a in users["custom_attributes"]]


def _texts(column: pd.Series) -> list[str]:
    """Return a column as texts; of attributes, all their values."""
    missing = column.isna()
    return ["" if none else " ".join(_leaves(v)) for v, none in zip(column, missing, strict=True)]


def _leaves(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in _leaves(inner)]
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in _leaves(inner)]
    return [] if value is None else [str(value)]


def plural(count: int, noun: str, many: str = "") -> str:
    """Write a count with its noun: ``1 group``, ``3,000 groups``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
