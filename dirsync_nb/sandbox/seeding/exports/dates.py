"""Dates as exports have them: in the order of some country, or as Excel's number of days."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["date_order", "iso_date"]

_WRITTEN = re.compile(r"(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4})\b.*")
_YEAR_FIRST = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)\b.*")
_DAYS = re.compile(r"[1-6]\d{4}")  # of the years 1927 to 2091
_DAY_0 = date(1899, 12, 30)  # of Excel


def date_order(values: Iterable[str]) -> tuple[str | None, str]:
    """Return ``day`` or ``month``, whichever comes first in a column, or None and why nobody can tell."""
    found = [match.groups() for value in values if (match := _WRITTEN.fullmatch(value))]
    day = any(sign == "." or int(first) > 12 for first, sign, _, _ in found)
    month = any(sign != "." and int(second) > 12 for _, sign, second, _ in found)
    if day and month:
        return None, "some dates begin with the day and some with the month"
    if found and not day and not month:
        return None, "dates may begin with the day or the month"
    return ("day" if day else "month" if month else None), ""


def iso_date(written: str, order: str | None) -> str:
    """Return a date as 2026-08-03, "" for no day at all, and what cannot be told as it is written."""
    try:
        if found := _YEAR_FIRST.fullmatch(written):
            return "" if found[1] == "0000" else date(*map(int, found.groups())).isoformat()
        if _DAYS.fullmatch(written):
            return (_DAY_0 + timedelta(int(written))).isoformat()
        if order and (found := _WRITTEN.fullmatch(written)):
            first, _, second, year = found.groups()
            day, month = (first, second) if order == "day" else (second, first)
            return date(int(year), int(month), int(day)).isoformat()
    except ValueError:  # the 31st of February
        return written
    return written
