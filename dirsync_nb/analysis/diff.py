"""What changed between two moments: users, groups and memberships, with a rename told apart from a leaver.

A record is first looked for by its id. One that is gone, or switched off, may have a successor: a new record
with the same ``idp_id`` in the same directory, else (users) with the same address. Okta does this when a user
name changes. A pair found so is one person with one row in the answer, not a leaver and a joiner. An address
never joins two whose ``idp_id`` tell them apart: it was handed on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import errors
from ..frames import MEMBERSHIP_COLUMNS, one_of, require_ids, takes_frames, text_dtype
from ..frames.partial import require_all
from ..text import is_missing
from .identity import WEAK_KEYS, address_key, contradicted, id_key

__all__ = ["diff_groups", "diff_memberships", "diff_users"]

USER_FIELDS = (
    "state",
    "address",
    "email",
    "name",
    "first_name",
    "last_name",
    "username",
    "job_title",
    "role",
    "roles",
    "idp_id",
    "custom_attributes",
)
GROUP_FIELDS = ("name", "idp_id")
NAMING = {"address", "email", "name", "first_name", "last_name", "username"}
OFF = ("inactive", "suspended")

USER_CHANGES = ("joined", "returned", "renamed", "recreated", "changed", "deactivated", "left")
GROUP_CHANGES = ("created", "renamed", "recreated", "changed", "deleted")
MISSING: Any = object()

Array = np.ndarray[Any, Any]
Moments = tuple[pd.DataFrame, pd.DataFrame]


@takes_frames(before="user_id", after="user_id")
def diff_users(
    before: pd.DataFrame, after: pd.DataFrame, *, fields: Sequence[str] = USER_FIELDS
) -> pd.DataFrame:
    """Compare two users frames: one row per person something happened to.

    Parameters
    ----------
    before, after
        Users frames of the same directories at two moments.
    fields
        Columns that count as a change. Times and deprecated raw data do not by default.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``user_id`` (the later one). ``change`` is a category, the first that fits:

        - ``joined``, ``left``: only in ``after``, only in ``before``;
        - ``returned``, ``deactivated``: out of, or into, the state inactive or suspended;
        - ``renamed``: an address or a name differs;
        - ``recreated``: the same person under a new id, with the same names;
        - ``changed``: anything else differs.

        Then ``name``, ``address``, ``directory_id``; ``previous_user_id`` where a new record took the place of
        an old one; ``matched_by`` (``"id"``, ``"idp_id"`` or ``"address"``: the last is the weakest evidence);
        ``fields`` (tuple of what differs, custom attributes one by one) and the values ``before`` and
        ``after`` (dicts).

    Raises
    ------
    IncompleteError
        A frame is partial: who was not read would pass for having left.
    ArgumentError
        A frame is not indexed by ``user_id``, or holds a user twice: which row counts would be a guess; or
        ``fields`` names no column.

    Examples
    --------
    >>> ds.analysis.diff_users(users.iloc[1:], users)["change"].tolist()
    ['joined']
    """
    shown = ("name", "address", "directory_id")
    return _diff(before, after, "user_id", fields, USER_FIELDS, USER_CHANGES, shown)


@takes_frames(before="group_id", after="group_id")
def diff_groups(
    before: pd.DataFrame, after: pd.DataFrame, *, fields: Sequence[str] = GROUP_FIELDS
) -> pd.DataFrame:
    """Compare two groups frames: one row per group something happened to.

    Two groups of one name are never taken for one: only the id, and the ``idp_id`` within a directory, count.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``group_id`` (the later one). ``change`` is one of ``created``, ``renamed``, ``recreated``,
        ``changed``, ``deleted``; the other columns are those of :func:`diff_users`, without the address.

    Raises
    ------
    IncompleteError
        A frame is partial.
    ArgumentError
        A frame is not indexed by ``group_id``, or holds a group twice; or ``fields`` names no column.

    Examples
    --------
    >>> renamed = groups.assign(name=groups["name"].where(groups.index != groups.index[0], "All of us"))
    >>> ds.analysis.diff_groups(groups, renamed)["change"].tolist()
    ['renamed']
    """
    return _diff(before, after, "group_id", fields, GROUP_FIELDS, GROUP_CHANGES, ("name", "directory_id"))


@takes_frames(before="memberships", after="memberships", users="", groups="")
def diff_memberships(
    before: pd.DataFrame, after: pd.DataFrame, *, users: Moments | None = None, groups: Moments | None = None
) -> pd.DataFrame:
    """Compare two memberships frames: one row per user and group that came together or apart.

    Parameters
    ----------
    before, after
        Memberships frames at two moments.
    users, groups
        The (before, after) frames of the same moments. With them, a person or group whose record was replaced
        by another is recognised, so that it is no change of membership, and the answer carries names.

    Returns
    -------
    pandas.DataFrame
        ``change`` (``joined`` or ``left``), ``user_id``, ``group_id``, ``directory_id``, ``user`` (address or
        name), ``group``, ``listed`` (whether ``users`` hold the member; missing where they were not given).

    Raises
    ------
    IncompleteError
        A frame is partial.
    ArgumentError
        A frame is of another kind, or one of the ``users`` and ``groups`` holds an id twice.

    Examples
    --------
    >>> ds.analysis.diff_memberships(memberships, memberships.iloc[1:])["change"].tolist()
    ['left']
    """
    require_all("diff_memberships", before, after)
    edges = pd.concat([before, after], ignore_index=True).reindex(columns=list(MEMBERSHIP_COLUMNS))
    edges["user_id"] = _renumbered(edges["user_id"], users, "users")
    edges["group_id"] = _renumbered(edges["group_id"], groups, "groups")
    rows, came = _moved(edges, len(before))
    answer = edges.take(rows)
    kinds = pd.Categorical(np.where(came, "joined", "left"), categories=["joined", "left"])
    answer.insert(0, "change", pd.Series(kinds, index=answer.index))
    answer["user"] = _names(answer["user_id"], users, ["address", "name"])
    answer["group"] = _names(answer["group_id"], groups, ["name"])
    answer["listed"] = _listed(answer, users)
    return answer.sort_values(["change", "group", "group_id", "user", "user_id"], ignore_index=True)


def _moved(edges: pd.DataFrame, split: int) -> tuple[Array, Array]:
    """Find the pairs on one side of the split only: a row of each, and whether it is on the later side."""
    user_codes, _ = pd.factorize(edges["user_id"])
    group_codes, found = pd.factorize(edges["group_id"])
    pairs, different = pd.factorize(user_codes.astype(np.int64) * len(found) + group_codes)
    was, is_now = np.zeros(len(different), dtype=bool), np.zeros(len(different), dtype=bool)
    was[pairs[:split]] = True
    is_now[pairs[split:]] = True
    rows = np.flatnonzero((was != is_now)[pairs])
    rows = rows[np.unique(pairs[rows], return_index=True)[1]]
    return rows, is_now[pairs[rows]]


def _renumbered(ids: pd.Series, moments: Any, name: str) -> pd.Series:
    """Put the later id in place of an earlier one, where a record was replaced."""
    if moments is None:
        return ids
    if isinstance(moments, pd.DataFrame) or not isinstance(moments, Sequence) or len(moments) != 2:
        raise errors.ArgumentError(f"{name} must be two frames, ({name}_before, {name}_after)")
    before, after = moments
    for moment, frame in (("before", before), ("after", after)):
        require_ids(f"{name} {moment}", frame, str(ids.name), once=True)
    match = _match(before, after)
    new = match.replaced
    later = pd.Series(after.index[match.place[new]], index=before.index[new], dtype=text_dtype())
    return ids.map(later).fillna(ids) if len(later) else ids


def _listed(moved: pd.DataFrame, users: Moments | None) -> pd.Series:
    """Whether each member is in the users frame of the moment the row speaks of."""
    listed = pd.Series(pd.NA, index=moved.index, dtype="boolean")
    if users is not None:
        for change, frames in (("joined", users[1:]), ("left", users)):  # a successor stands for who left
            ids = pd.Index(moved["user_id"])
            there = np.logical_or.reduce([frame.index.get_indexer(ids) >= 0 for frame in frames])
            listed = listed.mask(moved["change"] == change, pd.Series(there, index=moved.index))
    return listed


def _names(ids: pd.Series, moments: Moments | None, columns: Sequence[str]) -> pd.Series:
    names = pd.Series(np.nan, index=ids.index, dtype=text_dtype())
    for frame in reversed(moments or ()):
        for column in columns:
            names = names.fillna(pd.Series(frame[column].reindex(ids).array, index=ids.index))
    return names


# Who is who -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Match:
    """Where the records of an earlier frame are in a later one.

    Attributes
    ----------
    place
        For each row of the earlier frame, its row in the later one, or -1.
    by
        How it was found: ``"id"``, ``"idp_id"``, ``"address"``, or ``""``.
    replaced
        Whether a record of another id took its place.
    new
        For each row of the later frame: nobody's, so a joiner. A switched-off record that a successor
        replaced is neither new nor anyone's place.
    """

    place: Array
    by: Array
    replaced: Array
    new: Array


def _match(before: pd.DataFrame, after: pd.DataFrame) -> Match:
    require_all("a comparison", before, after)
    same = after.index.get_indexer(before.index)
    place, by = same.copy(), np.where(same >= 0, "id", "").astype(object)
    new = before.index.get_indexer(after.index) < 0
    off_before, off_after = _off(before), np.append(_off(after), True)
    open_ = off_after[same]  # row -1, gone, reads the True at the end
    for key in ("idp_id", "address"):
        if key not in before or key not in after or not new.any():
            continue
        wanted = _keys(after, key, new)
        # Somebody active comes before records that were switched off earlier and carry the same key.
        for pool in (open_ & ~off_before, open_ & off_before):
            theirs = _keys(before, key, pool)
            pairs = [(row, wanted[one]) for one, row in theirs.items() if one in wanted and new[wanted[one]]]
            rows, found = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
            if key in WEAK_KEYS and "idp_id" in before and "idp_id" in after:
                apart = contradicted(before["idp_id"].iloc[rows], after["idp_id"].iloc[found])
                rows, found = rows[~apart], found[~apart]
            place[rows], by[rows] = found, key
            open_[rows], new[found] = False, False
    return Match(place, by, (place >= 0) & (place != same), new)


def _off(frame: pd.DataFrame) -> Array:
    if "state" not in frame:
        return np.zeros(len(frame), dtype=bool)
    return np.asarray(frame["state"].isin(OFF), dtype=bool)


def _keys(frame: pd.DataFrame, key: str, pool: Array) -> dict[tuple[Any, str | None], int]:
    """Return the row of each directory and key in the pool; only of keys that one row has."""
    rows = np.flatnonzero(pool)
    form = address_key if key in WEAK_KEYS else id_key
    homes, values = (frame[name].iloc[rows].tolist() for name in ("directory_id", key))
    keys = [(home, form(value)) for home, value in zip(homes, values, strict=True)]
    often = Counter(one for one in keys if one[1] and not is_missing(one[0]))
    return {one: row for one, row in zip(keys, rows.tolist(), strict=True) if often[one] == 1}


def _taken(frame: pd.DataFrame, names: Iterable[str], rows: Array) -> pd.DataFrame:
    """Take rows of these columns alone, of those that there are: a column of text is dear to take."""
    return frame[[name for name in names if name in frame]].iloc[rows]


# What differs -----------------------------------------------------------------------------------------------


def _diff(
    before: pd.DataFrame,
    after: pd.DataFrame,
    index: str,
    fields: Sequence[str],
    usual: Sequence[str],
    kinds: Sequence[str],
    shown: Sequence[str],
) -> pd.DataFrame:
    for name, frame in (("before", before), ("after", after)):
        require_ids(name, frame, index, once=True)
    known = dict.fromkeys([*before.columns, *after.columns, *usual])
    fields = [
        one_of("fields", one, known, "columns of") for one in ([fields] if isinstance(fields, str) else fields)
    ]
    match = _match(before, after)
    stays = np.flatnonzero(match.place >= 0)
    compared = dict.fromkeys([*fields, *shown, "state"])
    old, now = _taken(before, compared, stays), _taken(after, compared, match.place[stays])
    changes = _differences(old, now, fields)
    change = _named(changes["fields"], _off(old), _off(now), match.replaced[stays])
    touched = np.flatnonzero(change != "")
    changes = changes.reindex(touched)
    replaced = match.replaced[stays[touched]]
    pairs = _taken(now, shown, touched).assign(
        change=change[touched],
        previous=pd.Series(old.index[touched], dtype=text_dtype()).where(replaced).array,
        matched_by=match.by[stays[touched]],
        fields=changes["fields"].array,
        before=changes["before"].array,
        after=changes["after"].array,
    )
    come = _taken(after, shown, np.flatnonzero(match.new)).assign(change=kinds[0])
    gone = _taken(before, shown, np.flatnonzero(match.place < 0)).assign(change=kinds[-1])
    return _answer([come, pairs, gone], index, kinds, shown)


def _answer(parts: list[pd.DataFrame], index: str, kinds: Sequence[str], shown: Sequence[str]) -> pd.DataFrame:
    """Put the kinds of change below each other, in the declared columns and a stable order."""
    previous = f"previous_{index}"
    columns = ["change", *shown, previous, "matched_by", "fields", "before", "after"]
    whole = pd.concat([part.rename(columns={"previous": previous}) for part in parts])
    whole = whole.reindex(columns=columns)
    for name in (*shown, previous, "matched_by"):
        whole[name] = whole[name].astype(text_dtype())
    for name, empty in (("fields", ()), ("before", {}), ("after", {})):
        kept = whole[name].notna()
        values = [value if keep else empty for value, keep in zip(whole[name], kept, strict=True)]
        whole[name] = pd.Series(values, index=whole.index, dtype=object)
    whole["change"] = pd.Categorical(whole["change"], categories=list(kinds))
    whole.index.name = index
    whole.attrs = {}
    return whole.sort_values(["change", "name", index])


def _named(fields: pd.Series, was_off: Array, is_off: Array, replaced: Array) -> Array:
    """Name each change by the first kind that fits; an empty text where nothing differs."""
    renamed, changed = np.zeros_like(replaced), np.zeros_like(replaced)
    renamed[fields.index] = [not NAMING.isdisjoint(names) for names in fields]
    changed[fields.index] = True
    kinds = {
        "returned": was_off & ~is_off,
        "deactivated": ~was_off & is_off,
        "renamed": renamed,
        "recreated": replaced,
        "changed": changed,
    }
    return np.select(list(kinds.values()), list(kinds), default="").astype(object)


def _differences(old: pd.DataFrame, now: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    """Compare rows that belong together: ``fields``, ``before`` and ``after`` of those that differ, by row."""
    was: dict[int, dict[str, Any]] = defaultdict(dict)
    became: dict[int, dict[str, Any]] = defaultdict(dict)
    for name in fields:
        left, right = _column(old, name), _column(now, name)
        rows = np.flatnonzero(_differs(left, right))
        values = (left.iloc[rows].tolist(), right.iloc[rows].tolist())
        for row, one, other in zip(rows.tolist(), *values, strict=True):
            for field, x, y in _told(name, one, other):
                was[row][field], became[row][field] = x, y
    columns = {"fields": map(tuple, was.values()), "before": was.values(), "after": became.values()}
    rows_of = pd.Index(list(was), dtype=np.intp)
    told = {name: pd.Series(list(values), rows_of, dtype=object) for name, values in columns.items()}
    return pd.DataFrame(told, rows_of)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    column = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(text_dtype())
    return column.reset_index(drop=True)


def _differs(left: pd.Series, right: pd.Series) -> Array:
    if left.dtype == object or right.dtype == object:
        return np.array([not _same(x, y) for x, y in zip(left, right, strict=True)], dtype=bool)
    missing = left.isna() & right.isna()
    return np.asarray((left != right).fillna(True) & ~missing, dtype=bool)


def _same(x: Any, y: Any) -> bool:
    return x is y or bool(x == y) or (is_missing(x) and is_missing(y))


def _told(name: str, x: Any, y: Any) -> list[tuple[str, Any, Any]]:
    """Return a difference by field; custom attributes one by one, where null and absent differ."""
    if name != "custom_attributes":
        return [(name, None if is_missing(x) else x, None if is_missing(y) else y)]
    x, y = (value if isinstance(value, dict) else {} for value in (x, y))
    keys = [key for key in {**x, **y} if x.get(key, MISSING) != y.get(key, MISSING)]
    return [(f"{name}.{key}", x.get(key), y.get(key)) for key in keys]
