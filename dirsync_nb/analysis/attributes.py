"""What users have in their attributes: how much is filled in, and how groups divide by a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..frames import attribute_values, mark_partial, one_of, require_columns, takes_frames, text_dtype
from ..frames.tools import rows_frame
from ..text import ABSENT, NOT_IN_USERS, SPECIAL, as_text, attribute_of, status_of, value_labels
from .sizes import Array, look_up, membership_matrix

__all__ = [
    "ABSENT",
    "SPECIAL",
    "STANDARD_FIELDS",
    "STATUS",
    "as_text",
    "attribute_coverage",
    "attribute_status",
    "coverage_frame",
    "group_by_attribute",
    "kind_of",
    "known_attribute",
    "state_by_group",
    "status_of",
    "value_labels",
    "values_by_attribute",
]

STANDARD_FIELDS = ("name", "email", "first_name", "last_name")
COVERAGE_COLUMNS = {
    **dict.fromkeys(("users", "filled", "null", "blank", "absent"), "Int64"),
    "filled_share": "Float64",
    "types": "str",
    "distinct": "Int64",
    "example": "object",
}
STATUS = pd.CategoricalDtype(["filled", "null", "blank", "absent"])


# Groups by what their members are ---------------------------------------------------------------------------


@takes_frames()
def group_by_attribute(
    memberships: pd.DataFrame,
    users: pd.DataFrame,
    attribute: str,
    groups: pd.DataFrame | None = None,
    *,
    top: int | None = 50,
) -> pd.DataFrame:
    """Count members by a value: one row per group, one column per value of the attribute.

    Parameters
    ----------
    memberships, users
        Frames. Members that ``users`` does not hold are counted under ``(not in users)``.
    attribute
        A column of ``users`` such as ``"state"`` or ``"role"``, else a custom attribute such as
        ``"department_name"`` (also spelled ``"custom_attributes.department_name"``). Values that are not text
        are shown as JSON; a text that would read like another value is put in quotation marks.
    groups
        The groups frame: adds names and empty groups.
    top
        Only the most common values get a column, the others share one. None: all.

    Returns
    -------
    pandas.DataFrame
        Int64, members. The index is (``group_id``, ``name``), the largest group first; columns are texts, the
        most common value first, then, where they occur, ``(n other values)``, ``(none)`` (null), ``(blank)``
        (empty text, list or object), ``(absent)`` (not enabled) and ``(not in users)``.

    Raises
    ------
    ArgumentError
        No user has such an attribute; the message names those there are.

    Examples
    --------
    >>> table = ds.analysis.group_by_attribute(memberships, users, "department_name", groups)
    >>> "Engineering" in table.columns
    True
    """
    matrix, user_ids, group_ids = membership_matrix(memberships, users, groups)
    once = pd.Series(value_labels(_values_of(users, attribute)), index=users.index, dtype=object)
    once = once[~once.index.duplicated()]
    codes, values = _ranked(np.append(once, [NOT_IN_USERS] * (len(user_ids) - len(once))), matrix, top)
    counts = _counted(matrix, codes, len(values))
    names = look_up(group_ids, groups, ["name"])["name"]
    index = pd.MultiIndex.from_arrays([group_ids, names], names=["group_id", "name"])
    answer = pd.DataFrame(counts, index=index, columns=pd.Index(values, dtype=text_dtype(), name=attribute))
    order = np.lexsort((np.arange(len(index)), -counts.sum(axis=1)))
    return mark_partial(answer.iloc[order].astype("Int64"), memberships, users, groups)


@takes_frames()
def state_by_group(
    memberships: pd.DataFrame, users: pd.DataFrame, groups: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Count members by state: one row per group, one column per state, as :func:`group_by_attribute` does.

    Examples
    --------
    >>> ds.analysis.state_by_group(memberships, users, groups).columns.tolist()
    ['active']
    """
    return group_by_attribute(memberships, users, "state", groups, top=None)


def _ranked(labels: Array, matrix: Any, top: int | None) -> tuple[Array, list[str]]:
    """Turn labels into numbers, the most common first; those beyond ``top`` become one."""
    codes, found = pd.factorize(labels)
    counts = np.bincount(codes, weights=np.diff(matrix.indptr), minlength=len(found))
    order = sorted(range(len(found)), key=lambda i: (SPECIAL.get(str(found[i]), 0), -counts[i], found[i]))
    order = [i for i in order if counts[i] or found[i] not in SPECIAL]
    common = [i for i in order if found[i] not in SPECIAL]
    rest = set() if top is None else set(common[top:])
    values = [found[i] for i in order if i not in rest]
    if rest:
        values.insert(len(common) - len(rest), f"({len(rest):,} other values)")
    place = {value: number for number, value in enumerate(values)}
    other = len(common) - len(rest)
    ranks = [other if i in rest else place.get(value, -1) for i, value in enumerate(found)]
    return np.array(ranks, dtype=np.int64)[codes], values


def _counted(matrix: Any, codes: Array, width: int) -> Array:
    """Add up, for each group, how many of its members have each code."""
    from scipy import sparse  # type: ignore[import-untyped,unused-ignore]

    known = np.flatnonzero(codes >= 0)
    ones = np.ones(len(known), dtype=np.int32)
    chosen = sparse.csr_array((ones, (known, codes[known])), shape=(len(codes), width))
    counts: Array = (matrix.T @ chosen).toarray()
    return counts


def _values_of(users: pd.DataFrame, attribute: str) -> list[Any]:
    """Return an attribute's value for every user, from the columns first, then from the custom attributes."""
    if attribute in users:
        return users[attribute].tolist()
    require_columns("users", users, "custom_attributes")
    values = attribute_of(users, attribute)
    if len(values) and all(value is ABSENT for value in values):
        known_attribute(attribute, users, attribute_values(users["custom_attributes"], None))
    return values


def known_attribute(attribute: str, users: pd.DataFrame, known: Iterable[str]) -> str:
    """Return the name of an attribute that users have; refuse any other."""
    return one_of("attribute", attribute, [*sorted(known), *users], "a custom attribute or a column of users:")


# What is filled in ------------------------------------------------------------------------------------------


@takes_frames()
def attribute_coverage(users: pd.DataFrame) -> pd.DataFrame:
    """Describe what is filled in: one row per standard field and per custom attribute.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``attribute``, named as the columns of ``spread_attributes`` are: the standard fields, then
        ``custom_attributes.<name>`` in the order first seen. ``users``, ``filled``, ``null`` (no data),
        ``blank`` (blank text, an empty list or object), ``absent`` (not enabled for the user's directory) and
        ``distinct`` values are Int64; ``filled_share`` is a fraction of 1; ``types`` names the kinds of values
        seen; ``example`` is one of them.

    Examples
    --------
    >>> filled = ds.analysis.attribute_coverage(users)
    >>> filled.loc["email", "filled_share"].item()
    0.9923076923076923
    """
    rows = {name: _described(values) for name, values in values_by_attribute(users).items()}
    return mark_partial(coverage_frame(rows), users)


def coverage_frame(rows: Mapping[str, tuple[Any, ...]]) -> pd.DataFrame:
    """Put descriptions of attributes below each other, in the columns of :func:`attribute_coverage`."""
    index = pd.Index(list(rows), dtype=text_dtype(), name="attribute")
    return rows_frame(rows.values(), COVERAGE_COLUMNS, index)


def _described(values: list[Any]) -> tuple[Any, ...]:
    states = [status_of(value) for value in values]
    filled = [value for value, state in zip(values, states, strict=True) if state == "filled"]
    share = len(filled) / len(values) if values else None
    kinds = ", ".join(sorted(set(map(kind_of, {type(value): value for value in filled}.values()))))
    distinct = len({value if isinstance(value, str) else (type(value), as_text(value)) for value in filled})
    example = filled[0] if filled else None
    counts = [states.count(state) for state in STATUS.categories]
    return len(values), *counts, share, kinds, distinct, example


@takes_frames()
def attribute_status(users: pd.DataFrame) -> pd.DataFrame:
    """Return what each user has: one row per user, one column per attribute: filled, null, blank or absent.

    The columns are the rows of :func:`attribute_coverage`, and the words mean the same.

    Examples
    --------
    >>> status = ds.analysis.attribute_status(users)
    >>> status["custom_attributes.department_name"].value_counts().index[0]
    'filled'
    """
    columns = {
        name: pd.Series(list(map(status_of, values)), index=users.index, dtype=STATUS)
        for name, values in values_by_attribute(users).items()
    }
    return mark_partial(pd.DataFrame(columns, index=users.index), users)


# Values -----------------------------------------------------------------------------------------------------


def values_by_attribute(users: pd.DataFrame) -> dict[str, list[Any]]:
    """Return each attribute's values, one per user, in the order attributes are first seen."""
    require_columns("users", users, *STANDARD_FIELDS, "custom_attributes")
    standard = {name: users[name].tolist() for name in STANDARD_FIELDS}
    custom = attribute_values(users["custom_attributes"], ABSENT)
    return standard | {f"custom_attributes.{name}": values for name, values in custom.items()}


def kind_of(value: Any) -> str:
    """Name the kind of a value as a reader would: text, number, list."""
    kinds = {str: "text", bool: "true or false", int: "number", float: "number", list: "list", dict: "object"}
    return kinds.get(type(value), type(value).__name__)
