"""Memberships as a sparse matrix, and counts of it: members of groups, groups of users.

The other rooms of ``analysis`` work on the same matrix; what they share to look things up stands here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..frames import (
    latest,
    mark_partial,
    require_same_directories,
    takes_frames,
    text_dtype,
)
from ..frames.partial import require_all

__all__ = [
    "Array",
    "group_sizes",
    "groups_per_user",
    "in_users",
    "look_up",
    "membership_matrix",
    "users_without_group",
]

Array = np.ndarray[Any, Any]


# Matrix -----------------------------------------------------------------------------------------------------


@takes_frames()
def membership_matrix(
    memberships: pd.DataFrame, users: pd.DataFrame | None = None, groups: pd.DataFrame | None = None
) -> tuple[Any, pd.Index, pd.Index]:
    """Return memberships as a sparse matrix: one row per user, one column per group, 1 where the user is in it.

    A pair listed twice counts once.

    Parameters
    ----------
    memberships
        A memberships frame.
    users, groups
        Frames whose every row gets its place, in their order, so that users without a group and empty groups
        are there too. Ids that only the memberships know follow after them.

    Returns
    -------
    matrix : scipy.sparse.csr_array of int32, users x groups
    user_ids, group_ids : pandas.Index
        What its rows and columns stand for.

    Examples
    --------
    >>> matrix, user_ids, group_ids = ds.analysis.membership_matrix(memberships, users, groups)
    >>> matrix.shape == (len(users), len(groups))
    True
    """
    from scipy import sparse  # type: ignore[import-untyped,unused-ignore]

    require_same_directories(memberships, users, groups)
    user_codes, user_ids = _codes(memberships["user_id"], users)
    group_codes, group_ids = _codes(memberships["group_id"], groups)
    known = (user_codes >= 0) & (group_codes >= 0)
    rows, columns = user_codes[known], group_codes[known]
    shape = (len(user_ids), len(group_ids))
    matrix = sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix, user_ids.rename("user_id"), group_ids.rename("group_id")


def _codes(ids: pd.Series, frame: pd.DataFrame | None) -> tuple[Array, pd.Index]:
    """Turn ids into numbers: those of the frame in its order, then the rest as they come; missing is -1."""
    codes, values = pd.factorize(ids)
    found = pd.Index(values)
    if frame is None or not len(frame):
        return codes, found
    known = frame.index.unique()
    places = known.get_indexer(found)
    new = places < 0
    places[new] = len(known) + np.arange(new.sum())
    return np.append(places, -1)[codes], known.append(found[new])


def look_up(ids: pd.Index, frame: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    """Look up columns of a frame for these ids; text that is not known is missing."""
    if frame is None:
        return pd.DataFrame({name: pd.Series(np.nan, index=ids, dtype=text_dtype()) for name in names})
    return pd.DataFrame(latest(frame)[list(names)].reindex(ids))


def in_users(ids: pd.Index, users: pd.DataFrame | None) -> Any:
    """Return whether the list of users holds these ids, as nullable flags: without the list nobody knows."""
    if users is None:
        return pd.array([None] * len(ids), dtype="boolean")
    return pd.array(users.index.unique().get_indexer(ids) >= 0, dtype="boolean")


def _homes(memberships: pd.DataFrame, ids: pd.Index) -> pd.Series:
    """Look up the directories of these users or groups; missing where the memberships do not tell."""
    key = str(ids.name)
    known = memberships.reindex(columns=[key, "directory_id"]).dropna(subset=[key]).drop_duplicates(key)
    return known.set_index(key)["directory_id"].astype(text_dtype()).reindex(ids)


# Sizes ------------------------------------------------------------------------------------------------------


@takes_frames()
def group_sizes(memberships: pd.DataFrame, groups: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count members: one row per group, empty ones included, the largest first.

    Parameters
    ----------
    memberships
        A memberships frame. A pair listed twice counts once.
    groups
        The groups frame: without it, groups with nobody in them are not known and names are missing.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``group_id``: ``name``, ``directory_id``, ``members`` (Int64).

    Examples
    --------
    >>> sizes = ds.analysis.group_sizes(memberships, groups)
    >>> sizes["name"].iloc[0]
    'Everyone'
    """
    matrix, _, ids = membership_matrix(memberships, groups=groups)
    answer = look_up(ids, groups, ["name", "directory_id"])
    if answer["directory_id"].hasnans:
        answer["directory_id"] = answer["directory_id"].fillna(_homes(memberships, ids))
    answer["members"] = pd.array(np.bincount(matrix.indices, minlength=len(ids)), dtype="Int64")
    answer = answer.sort_values(["members", "name", "group_id"], ascending=[False, True, True])
    return mark_partial(answer, memberships, groups)


@takes_frames()
def groups_per_user(memberships: pd.DataFrame, users: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count groups: one row per user, those in none included, the most groups first.

    Parameters
    ----------
    memberships
        A memberships frame.
    users
        The users frame: without it, users in no group are not known and names are missing.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``user_id``: ``name``, ``address``, ``directory_id``, ``groups`` (Int64), ``in_users``
        (boolean: whether the list of users holds this member; missing without one). Who it does not hold, as a
        policy or a change during the load may have it, is kept here and is nobody to be counted as a user.

    Examples
    --------
    >>> counts = ds.analysis.groups_per_user(memberships, users)
    >>> len(counts) == len(users)
    True
    """
    matrix, ids, _ = membership_matrix(memberships, users=users)
    answer = look_up(ids, users, ["name", "address", "directory_id"])
    if answer["directory_id"].hasnans:
        answer["directory_id"] = answer["directory_id"].fillna(_homes(memberships, ids))
    answer["groups"] = pd.array(np.diff(matrix.indptr), dtype="Int64")
    answer["in_users"] = in_users(ids, users)
    answer = answer.sort_values(["groups", "user_id"], ascending=[False, True])
    return mark_partial(answer, memberships, users)


@takes_frames()
def users_without_group(memberships: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Pick the users who are in no group: their rows of the users frame, in its order.

    Raises
    ------
    IncompleteError
        A frame is partial: whoever was not read yet would pass for being without a group.
    ArgumentError
        ``users`` is not indexed by ``user_id``: everybody would pass for being without a group.

    Examples
    --------
    >>> alone = ds.analysis.users_without_group(memberships, users)
    >>> alone.index.isin(users.index).all().item()
    True
    """
    require_all("users_without_group", memberships, users)
    require_same_directories(memberships, users=users)
    # By look-up: ``isin`` makes a Python object of every id of both sides.
    known = users.index.unique()
    held = np.zeros(len(known) + 1, dtype=bool)
    held[known.get_indexer(pd.Index(memberships["user_id"].unique()))] = True
    place = known.get_indexer(users.index) if users.index.has_duplicates else np.arange(len(known))
    return pd.DataFrame(users[~held[place]])
