"""What a frame nests, spread into columns and rows of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from .records import as_dict, as_tuple

__all__ = ["emails_frame", "spread_attributes", "typed_values"]


def spread_attributes(users: pd.DataFrame, names: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Return each custom attribute a column ``custom_attributes.<name>`` in place of the one that held them.

    Columns stand in the order in which the attributes are first seen. Texts become ``str``, whole numbers
    ``Int64``, other numbers ``Float64``, truth values ``boolean``; lists, objects and mixtures stay as
    they are.
    An attribute without data (null) and one that is not enabled (absent) are both missing here; the original
    frame tells them apart.

    Parameters
    ----------
    users
        A users frame.
    names
        Only this attribute, or these; the others are left out. Default: all.
    """
    names = [names] if isinstance(names, str) else names
    rows = [as_dict(value) for value in users["custom_attributes"]]
    wanted = list(dict.fromkeys(name for row in rows for name in row)) if names is None else list(names)
    spread = {
        f"custom_attributes.{name}": typed_values([row.get(name) for row in rows], users.index)
        for name in wanted
    }
    kept = users.drop(columns=["custom_attributes", *[name for name in spread if name in users]])
    result = pd.concat([kept, pd.DataFrame(spread, index=users.index)], axis="columns")
    result.attrs = dict(users.attrs)
    return result


def typed_values(values: list[Any], index: pd.Index) -> pd.Series:
    """Make a Series of the one dtype that holds all values exactly; ``object`` where none does."""
    kinds = {type(value) for value in values if value is not None}
    dtype: Any = object
    if kinds == {str} or not kinds:
        dtype = "str"
    elif kinds == {bool}:
        dtype = "boolean"
    elif kinds == {int} and all(value is None or abs(value) < 2**63 for value in values):
        dtype = "Int64"
    elif kinds <= {int, float} and all(value is None or abs(value) <= 2**53 for value in values):
        dtype = "Float64"
    series: pd.Series
    try:
        series = pd.Series(values, index=index, dtype=dtype)
    except UnicodeEncodeError:
        series = pd.Series(values, index=index, dtype=object)
    return series


def emails_frame(users: pd.DataFrame) -> pd.DataFrame:
    """Make one row per known e-mail address of a user.

    Columns: ``user_id``, ``value``, ``type``, ``primary``, ``source``. ``primary`` is a nullable flag:
    "not primary" (False) and "unknown" (missing) are different answers.
    Addresses come from the custom attribute ``emails``, else from the deprecated field of that name.
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
    columns = {"user_id": "str", "value": "str", "type": "str", "primary": "boolean", "source": "str"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
