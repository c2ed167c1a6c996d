"""Other people's text as a search compares it, one spelling for each value, counts in words, a page to send."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

USER_TEXT = ("name", "address", "idp_id", "role", "custom_attributes")
"""Columns of a users frame in which people are looked for, next to their ids."""

ABSENT: Any = object()  # an attribute the record does not have, unlike one that is null
NO_VALUE, BLANK, NOT_ENABLED, NOT_IN_USERS = "(none)", "(blank)", "(absent)", "(not in users)"
SPECIAL = {NO_VALUE: 1, BLANK: 2, NOT_ENABLED: 3, NOT_IN_USERS: 4}  # and their order, behind all values
LIKE_OURS = re.compile(r"\([\d,]+ other values\)|\".*\"", re.DOTALL)
NO_NAME = "(no name)"


def plain(value: object) -> str:
    """Write a value as one text: nothing for a missing one, control characters and half characters replaced."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("NaT", "<NA>"):
        return ""
    if isinstance(value, (dict, list, tuple)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    # A half surrogate cannot be sent to a browser at all.
    text = str(value).encode("utf-8", "replace").decode()
    return "".join(c if c >= " " and unicodedata.category(c) != "Cc" else " " for c in text)


def is_sendable(text: str) -> bool:
    """Return whether a text can be written as UTF-8: half characters cannot."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def fold(text: str) -> str:
    """Write a text as searches compare it: without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def folded_rows(frame: pd.DataFrame, searched: Sequence[str]) -> list[str]:
    """Return the searched text of each row, folded: its id, then these columns, a line each."""
    texts = [_texts(frame[name]) for name in searched]
    ids = [str(one) for one in frame.index]
    return ["\n".join(fold(text) for text in row) for row in zip(ids, *texts, strict=True)]


def holding(folded: Sequence[str], search: str, places: Sequence[int] | None = None) -> list[int]:
    """Return the places, of all or of these, whose text holds every word of a search."""
    found = list(range(len(folded))) if places is None else list(places)
    for word in fold(search).split():
        found = [place for place in found if word in folded[place]]
    return found


def attribute_of(users: pd.DataFrame, name: str) -> list[Any]:
    """Return an attribute's value for every user, ``ABSENT`` for those who do not have it.

    ``"role"`` is the column; an attribute of that name is ``"custom_attributes.role"``.
    """
    if name == "role":
        return list(users["role"])
    held = [row if isinstance(row, dict) else {} for row in users["custom_attributes"]]
    bare = name.removeprefix("custom_attributes.")
    return [row[name] if name in row else row.get(bare, ABSENT) for row in held]


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


# One spelling for each value --------------------------------------------------------------------------------


def value_labels(values: Sequence[Any], none: str = NO_VALUE) -> list[str]:
    """Write each value as one text: equal ones alike, different ones differently.

    Null is ``(none)``, an empty text, list or object ``(blank)``, what a record does not have ``(absent)``;
    a text that would read like another value stands in quotation marks.
    """
    words = [label_of(v) for v in values]
    spelled = [
        (True, v) if isinstance(v, str) and v.strip() else (False, none if word == NO_VALUE else word)
        for v, word in zip(values, words, strict=True)
    ]
    different = set(spelled)
    others = {text for is_text, text in different if not is_text}
    labels = {
        (is_text, text): as_text(text)
        if is_text and (text in others or text in SPECIAL or text == none or LIKE_OURS.fullmatch(text))
        else text
        for is_text, text in different
    }
    return [labels[pair] for pair in spelled]


def label_of(value: Any) -> str:
    """Write one value as a label; a text is its own, unless it is blank."""
    if isinstance(value, str) and value.strip():
        return value
    words = {"absent": NOT_ENABLED, "null": NO_VALUE, "blank": BLANK}
    return words.get(status_of(value)) or as_text(value)


def name_label(name: object) -> str:
    """Write the name of a group or user; one without is told from one that is called so."""
    text = plain(name).strip()
    return as_text(text) if text == NO_NAME else text or NO_NAME


def is_missing(value: Any) -> bool:
    """Return whether a value is none, in any of the ways pandas has to say so."""
    if value is None:
        return True
    import pandas as pd  # not above: texts are read where no frame is, as by the plugin of pytest

    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def status_of(value: Any) -> str:
    """Return whether a value is filled, null (no data), blank (empty text, list or object) or absent."""
    if isinstance(value, str):
        return "filled" if value and not value.isspace() else "blank"
    if isinstance(value, dict | list | tuple):
        return "filled" if value else "blank"
    if value is ABSENT:
        return "absent"
    return "null" if is_missing(value) else "filled"


def as_text(value: Any) -> str:
    """Write any value as text, equal values alike, so that lists and objects can be counted."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


# Words ------------------------------------------------------------------------------------------------------


def plural(count: int, noun: str, many: str = "") -> str:
    """Write a count with its noun: ``1 group``, ``3,000 groups``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def some(names: Sequence[str], most: int = 6) -> str:
    """List the first names, and how many there are beyond them."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def html_page(title: str, style: str, body: str) -> str:
    """Return a page that needs nothing else, in light and dark; the title is a text, the body markup.

    Its policy is the promise that it loads nothing, kept by the browser.
    """
    page = Path(__file__).with_name("page.html").read_text("utf-8")
    return page.format(title=escape(title), style=style, body=body)
