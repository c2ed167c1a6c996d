"""What a frame nests, spread into columns and rows of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from .builder import text_dtype
from .checks import known_attributes, require_columns, takes_frames
from .records import as_dict, as_tuple
from .schema import EMAIL_COLUMNS, JSON
from .tools import rows_frame


@takes_frames()
def spread_attributes(users: pd.DataFrame, names: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Return each custom attribute a column ``custom_attributes.<name>`` in place of the one that held them.

    Columns stand in the order in which the attributes are first seen. Texts become ``str``, whole numbers
    ``Int64``, other numbers ``Float64``, truth values ``boolean``; lists, objects and mixtures ``json``, whose
    values are as they were, and can be sorted, grouped and counted.
    An attribute without data (null) and one that is not enabled (absent) are both missing here; the original
    frame and :func:`dirsync_nb.analysis.attribute_status` tell them apart.

    Parameters
    ----------
    users
        A users frame.
    names
        Only this attribute, or these; the others are left out. Default: all.

    Raises
    ------
    ArgumentError
        No user has an attribute of this name; the message names those that are near.

    Examples
    --------
    >>> wide = ds.spread_attributes(users, ["department_name"])
    >>> wide["custom_attributes.department_name"].value_counts().index[0]
    'Engineering'
    """
    require_columns("users", users, "custom_attributes")
    values = attribute_values(users["custom_attributes"], None)
    if names is not None and len(users):
        values = {name: values[name] for name in known_attributes("names", names, values)}
    elif names is not None:  # the same columns as with users
        values = {name: [] for name in ([names] if isinstance(names, str) else names)}
    spread = {f"custom_attributes.{name}": typed_values(column, users.index) for name, column in values.items()}
    kept = users.drop(columns=["custom_attributes", *[name for name in spread if name in users]])
    result = pd.concat([kept, pd.DataFrame(spread, index=users.index)], axis="columns")
    result.attrs = dict(users.attrs)
    return result


def attribute_values(attributes: Iterable[Any], absent: Any) -> dict[str, list[Any]]:
    """Turn attributes into columns, in the order first seen; ``absent`` stands where a row has no such one.

    Examples
    --------
    >>> ds.frames.attribute_values([{"team": "A"}, {}], None)
    {'team': ['A', None]}
    """
    rows = list(attributes)
    columns: dict[str, list[Any]] = {}
    for place, row in enumerate(rows):
        for name, value in as_dict(row).items():
            if name not in columns:
                columns[name] = [absent] * len(rows)
            columns[name][place] = value
    return columns


def typed_values(values: list[Any], index: pd.Index) -> pd.Series:
    """Make a Series of the one dtype that holds all values exactly; ``json`` where no simpler one does.

    Examples
    --------
    >>> ds.frames.typed_values([1, None], pd.RangeIndex(2)).dtype
    Int64Dtype()
    """
    kinds = {float if issubclass(kind, float) else kind for kind in set(map(type, values)) - {type(None)}}
    numbers = [value for value in values if value is not None] if kinds <= {int, float} else []
    dtype: Any = JSON
    if kinds == {str} or not kinds:
        dtype = text_dtype()
    elif kinds == {bool}:
        dtype = "boolean"
    elif kinds == {int} and -(2**63) <= min(numbers) <= max(numbers) < 2**63:
        dtype = "Int64"
    elif kinds == {float} or (kinds == {int, float} and max(map(abs, numbers)) <= 2**53):
        dtype = "Float64"
    series: pd.Series
    try:
        series = pd.Series(values, index=index, dtype=dtype)
    except UnicodeEncodeError:
        series = pd.Series(values, index=index, dtype=JSON)
    return series


@takes_frames()
def emails_frame(users: pd.DataFrame) -> pd.DataFrame:
    """Make one row per known e-mail address of a user.

    Columns: ``user_id``, ``value``, ``type``, ``primary``, ``source``. ``primary`` is a nullable flag:
    "not primary" (False) and "unknown" (missing) are different answers.
    Addresses come from the custom attribute ``emails``, else from the deprecated field of that name.

    Examples
    --------
    >>> addresses = ds.emails_frame(users)
    >>> list(addresses)
    ['user_id', 'value', 'type', 'primary', 'source']
    """
    rows = []
    for user_id, attributes, older in zip(
        users.index, users["custom_attributes"], users["emails"], strict=True
    ):
        newer = as_dict(attributes).get("emails")
        source, entries = ("custom_attributes.emails", newer) if newer else ("emails", older)
        for entry in as_tuple(entries):
            if isinstance(entry, dict):
                primary = entry.get("primary")
                flag = primary if isinstance(primary, bool) else None
                rows.append((user_id, entry.get("value"), entry.get("type"), flag, source))
    return rows_frame(rows, EMAIL_COLUMNS)
