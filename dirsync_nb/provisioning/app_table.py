"""What is known of an app's own table of users: its name, its key, its columns, and how it says on and off."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ..analysis.identity import id_key
from ..text import is_missing
from .status import says_until

ATTRS = "app_table"  # where load_app_users keeps it, in ``frame.attrs``, as plain JSON

OFF_FOR = {
    "active": "inactive",
    "activated": "deactivated",
    "enabled": "disabled",
    "on": "off",
    "yes": "no",
    "y": "n",
    "true": "false",
    "t": "f",
    "1": "0",
    "aktiv": "inaktiv",
    "actif": "inactif",
    "activo": "inactivo",
}


@dataclass(frozen=True)
class AppTable:
    """An app's table as it was read, for a script that changes it.

    Attributes
    ----------
    name
        ``table`` or ``schema.table``; None where nobody said.
    key
        The column whose values are the plan's ``app_key``.
    columns
        For each column of the database: ``kind`` (boolean, integer, number, text, time, other), ``length``,
        ``nullable``, ``filled`` (the database gives new rows a value), ``unique``.
    rows, on_rows
        How many rows were read, and how many of them have the value ``on``; None where only a part was read.
    part_of
        How many rows the table had, where fewer were compared; else None.
    keys
        The app's columns by which people were found, with the directory's.
    active, on, off
        The column that says who may sign in, and the values it has for that.
    until
        Whether that column holds the time since when somebody may not, as ``deleted_at`` does: ``on`` is None.
    scope
        Columns whose value all compared rows share, such as the organization.
    confirmed
        The number of people to switch off that was confirmed, or None.
    guard
        The share of active users that may be switched off, or None.
    doubled
        Values of the key that several rows have.
    """

    name: str | None = None
    key: Hashable = None
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    on_rows: int | None = None
    part_of: int | None = None
    active: str | None = None
    on: Any = None
    off: Any = None
    until: bool = False
    scope: Mapping[str, Any] = field(default_factory=dict)
    confirmed: int | None = None
    guard: float | None = None
    doubled: frozenset[str | None] = frozenset()


def known_table(app_users: pd.DataFrame) -> Mapping[str, Any]:
    """Return what ``load_app_users`` keeps of a table with its rows; nothing of any other frame."""
    known = app_users.attrs.get(ATTRS)
    return known if isinstance(known, Mapping) else {}


def table_of(
    app_users: pd.DataFrame,
    key: str | None,
    active: str | None,
    on: list[bool | None],
    keys: Mapping[str, str] | None = None,
) -> AppTable:
    """Return what is known of the table that a frame was read from."""
    known = known_table(app_users)
    whole = known.get("rows") in (None, len(app_users))
    values = [None] * len(on) if active is None else list(app_users[active].astype(object))
    until = active is not None and says_until(active, values)
    says_on = None if until else _most_common(values, on, means=True)
    names = pd.Series(app_users.index if key is None else app_users[key], dtype=object).map(id_key)
    return AppTable(
        name=known.get("name"),
        key=key if key is not None else app_users.index.name,
        columns=known.get("columns", {}),
        keys=keys or {},
        rows=len(app_users) if whole else None,
        on_rows=_count_on(values, says_on, until=until) if whole else None,
        part_of=None if whole else known["rows"],
        active=active,
        on=says_on,
        off=None if until else _most_common(values, on, means=False),
        until=until,
        doubled=frozenset(names[names.duplicated() & names.notna()]),
    )


def scoped(table: AppTable, whole: AppTable, part: pd.DataFrame, scope: Mapping[str, Any]) -> AppTable:
    """Return the table of one organization's rows, which says on and off as the whole one does."""
    on_rows = None
    if table.active is not None and table.rows is not None:
        values = part[table.active].astype(object)
        on_rows = _count_on(values, whole.on, until=whole.until)
    return replace(table, scope=scope, on=whole.on, off=whole.off, until=whole.until, on_rows=on_rows)


def _count_on(values: Iterable[Any], on: Any, *, until: bool) -> int:
    return sum(_nothing(value) if until else not _nothing(value) and value == on for value in values)


def _most_common(values: list[Any], on: list[bool | None], *, means: bool) -> Any:
    """Return the value by which a column says on, or off: the one it has most often, or one that fits it."""
    held = [(value, one) for value, one in zip(values, on, strict=True) if not _nothing(value)]
    if found := [value for value, one in held if one is means]:
        return pd.Series(found, dtype=object).value_counts().index[0]
    return _opposite(held[0][0], means=means) if held else None


def _opposite(value: Any, *, means: bool) -> Any:
    if not isinstance(value, str):
        return type(value)(means) if isinstance(value, (bool, int, float, np.generic)) else None
    pairs = OFF_FOR if not means else {off: on for on, off in OFF_FOR.items()}
    word = pairs.get(value.strip().casefold())
    if word is None:
        return None
    return word.upper() if value.isupper() else word.capitalize() if value.istitle() else word


def _nothing(value: Any) -> bool:
    return is_missing(value) or value == ""
