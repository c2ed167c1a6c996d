"""Which frames are ours: told by the name of the index and the columns together, never by one column alone.

An app's own table may well have a column ``state`` or ``count``. What it holds is nobody's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ..analysis import role_mapping, what_if
from ..client.endpoints import DSYNC_EVENTS
from ..client.pseudonyms import WORDS
from ..frames import schema
from ..provisioning import audit, comparison, onboarding, prefill
from ..sync import history, state, webhooks


def _names(columns: str) -> dict[str, str]:
    """Return columns whose dtype tells nothing."""
    return dict.fromkeys(columns.split(), "")


_DIFF = _names("change name address directory_id previous_user_id matched_by fields before after")
_WITH_INDEX: dict[str, list[dict[str, str]]] = {
    "user_id": [
        _names("name address directory_id groups in_users"),  # groups_per_user
        {**_names("name address idp_id directory_id lifecycle"), "since": schema.TIME},  # people of a replay
        _names("name address lost_groups remaining_groups left_without_group in_users"),
        _DIFF,
        onboarding.INVITE_COLUMNS,
        prefill.ACCOUNT_COLUMNS,
    ],
    "group_id": [
        _names("name directory_id members"),  # group_sizes
        _names("change name directory_id matched_by fields before after previous_group_id"),  # diff_groups
        prefill.TEAM_COLUMNS,
    ],
    "event_id": [state.REPORT_COLUMNS],
    "attribute": [_names("filled null blank absent filled_share distinct")],  # attribute_coverage
    "role": [what_if.SUMMARY_COLUMNS],
}
for _index, _columns in schema.KINDS.values():
    if _index is not None:
        _WITH_INDEX.setdefault(_index, []).append(schema.dtypes(_columns))
_WITHOUT_INDEX: list[Iterable[str]] = [
    schema.MEMBERSHIPS,
    ("group_a", "group_b", "shared", "jaccard", "share_of_a", "share_of_b"),  # group_overlap
    schema.EMAILS,
    history.TIMELINE_COLUMNS,
    ("at", "event_id", "object_id", "field", "before", "after"),  # changes
    ("change", "user_id", "group_id", "directory_id", "user", "group", "listed"),  # diff_memberships
    schema.RECEIPTS,
    comparison.PLAN_COLUMNS,
    webhooks.DELIVERY_COLUMNS,
    audit.FINDING_COLUMNS,
    audit.USER_COLUMNS,
    audit.GROUP_COLUMNS,
    what_if.ROLE_COLUMNS,
    what_if.CHANGE_COLUMNS,
    role_mapping.FINDING_COLUMNS,
    prefill.TEAM_MEMBER_COLUMNS,
]
_PLAIN = {"str", "object", "json", "boolean"}  # dtypes that a frame of anybody's may have as well


def is_ours(frame: pd.DataFrame) -> bool:
    """Return whether a frame is one of the toolkit: whole, some of its columns, or whole with more of them."""
    if frame.index.nlevels > 1:
        return False
    labels = set(map(str, frame.columns))
    own = {label for label in labels if not label.startswith("custom_attributes.")}
    name = frame.index.name
    if not labels:
        return False
    if name is None:
        # The index of a frame may have been made a column; nothing less than all of it counts.
        indexed = ({name, *shape} for name, shapes in _WITH_INDEX.items() for shape in shapes)
        return any(labels.issuperset(shape) for shape in [*_WITHOUT_INDEX, *indexed])
    shapes = _WITH_INDEX.get(str(name), [])
    whole = any(own.issuperset({*shape} - {"custom_attributes"}) for shape in shapes)
    return whole or (frame.columns.is_unique and any(_is_part(frame, own, shape) for shape in shapes))


def _is_part(frame: pd.DataFrame, labels: set[str], shape: dict[str, str]) -> bool:
    """Return whether these are columns of a shape, with dtypes and words that only our own frames have."""
    return all(
        label in shape
        and (shape[label] in _PLAIN or shape[label] in ("", str(frame[label].dtype)))
        and (label not in WORDS or _holds_words_of_ours(frame[label]))
        for label in labels
    )


def _holds_words_of_ours(column: pd.Series[Any]) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or set(column.dropna()) <= {*DSYNC_EVENTS}


def is_row_of_ours(series: pd.Series[Any]) -> bool:
    """Return whether a series is a whole row of one of our frames, its labels being the columns."""
    if series.index.name is not None or not series.index.is_unique:
        return False
    labels = set(map(str, series.index))
    shapes = [*_WITHOUT_INDEX, *(shape for shapes in _WITH_INDEX.values() for shape in shapes)]
    return any(labels.issuperset(shape) for shape in shapes)


def is_counted(frame: pd.DataFrame) -> bool:
    """Return whether a frame holds how often something occurs: of ``value_counts``, or of groups by a value."""
    if not all(map(pd.api.types.is_numeric_dtype, frame.dtypes)):
        return False
    if frame.columns.name is not None:
        return bool(frame.index.names[0] == "group_id")
    return list(frame.columns) in (["count"], ["proportion"]) and None not in frame.index.names
