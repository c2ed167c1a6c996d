"""Writers of pandas that cannot take all our columns: where they fail, the error says what to call.

Nothing else about them changes. A workbook knows no time zones, and a database no lists and objects.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pandas as pd

from .json_array import JsonDtype

NESTED = "Some columns hold lists and objects. ds.files.flat(frame).{}(...) writes them as JSON text."
ZONES = (
    "A workbook knows no time zones. ds.files.write_xlsx(frame, path) writes times in UTC, and no text "
    "that is run as a formula; ds.files.flat(frame).to_excel(path) writes the plain columns."
)
HINTS: dict[str, tuple[type, str]] = {
    "to_excel": (pd.DatetimeTZDtype, ZONES),
    **{name: (JsonDtype, NESTED.format(name)) for name in ("to_sql", "to_xml")},
}


def add_hints() -> None:
    """Let the writers of every DataFrame say of such columns what to call."""
    for name, (kind, hint) in HINTS.items():
        setattr(pd.DataFrame, name, _hinting(getattr(pd.DataFrame, name), kind, hint))


def _hinting(write: Callable[..., Any], kind: type, hint: str) -> Callable[..., Any]:
    @functools.wraps(write)
    def written(frame: pd.DataFrame, *args: Any, **given: Any) -> Any:
        try:
            return write(frame, *args, **given)
        except Exception as problem:
            there = str(problem).endswith("already exists.")
            if not there and any(isinstance(dtype, kind) for dtype in frame.dtypes):
                problem.add_note(hint)
            raise

    return written
