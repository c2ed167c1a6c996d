"""Whether two records are one person: how ids and addresses are compared, and which of them wins.

Ids are strong: a provider gives each to one person. Addresses and names are weak: they are handed on. Hence
the one rule of every comparison here: *a weak key never joins what a strong key tells apart*. Somebody who left
with the id 10 and somebody new with the id 22 are two people, though both have the address of the reception.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np

from ..text import is_missing

__all__ = ["WEAK_KEYS", "address_key", "contradicted", "id_key", "invisible_in", "near_id", "without_invisible"]

WEAK_KEYS = frozenset(
    {
        "address",
        "email",
        "first_name",
        "last_name",
        "name",
        "username",
        "custom_attributes.display_name",
        "custom_attributes.username",
    }
)
"""Columns of users that several people may share or hand on; every other key is an id."""

EXACT = 2**53  # beyond it a float no longer holds every whole number

# Shown as nothing, though Unicode counts them as letters or marks.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf") or char in _BLANK


def without_invisible(text: str) -> str:
    """Return a text without characters that nobody sees, such as U+200B; spaces inside it stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text if not _is_invisible(char))


def invisible_in(text: str) -> list[str]:
    """Return the characters of a text that nobody sees, named as ``U+200B ZERO WIDTH SPACE``, each once."""
    if text.isascii() and text.isprintable():
        return []
    hidden = dict.fromkeys(char for char in text if _is_invisible(char))
    return [f"U+{ord(char):04X} {unicodedata.name(char, 'CONTROL CHARACTER')}" for char in hidden]


def address_key(value: Any) -> str | None:
    """Return the form in which addresses, user names and names are compared; None where there is nothing.

    Without regard to case, to spaces around it, to characters that nobody sees, and to how accents are stored.
    """
    text = id_key(value)
    if text is None:
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return without_invisible(text).strip().casefold() or None


def id_key(value: Any) -> str | None:
    """Return the form in which ids are compared: the exact text, spaces around it apart; None for nothing.

    A whole number read as a float (``124.0``, as a column with a blank is read) is that number. A float too
    large to hold every whole number is nothing: its last digits are lost, so it would point to somebody else.
    """
    if isinstance(value, str):
        return value.strip() or None
    if is_missing(value):
        return None
    if isinstance(value, Number) and not isinstance(value, (bool, np.bool_, complex)):
        number: Any = value
        if number == number // 1 and isinstance(value, (float, np.floating)):
            return str(int(number)) if abs(number) < EXACT else None
        if number == number // 1:
            return str(int(number))
    return str(value).strip() or None


def near_id(value: Any) -> str | None:
    """Return the form in which ids look alike to a person: without case, leading zeros, and ``.0`` at the end.

    Alike is not the same: what this finds is told, and nobody is joined by it.
    """
    key = id_key(value)
    if key is None:
        return None
    folded = without_invisible(key).casefold()
    digits = folded.removesuffix(".0")
    return (digits.lstrip("0") or "0") if digits.isdecimal() else folded


def contradicted(left: Iterable[Any], right: Iterable[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return for each pair of ids whether they tell two people apart: both are known, and they differ."""
    pairs = ((id_key(one), id_key(other)) for one, other in zip(left, right, strict=True))
    return np.fromiter((None not in pair and pair[0] != pair[1] for pair in pairs), dtype=bool)
