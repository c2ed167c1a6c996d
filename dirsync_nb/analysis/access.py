"""Who is in a group through another one, and who would lose access if groups went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import errors
from ..frames import listed_ids, mark_partial, require_columns, takes_frames, text_dtype
from ..frames.partial import require_all
from .sizes import in_users, look_up, membership_matrix

__all__ = ["effective_memberships", "losing_access"]


@takes_frames()
def losing_access(
    memberships: pd.DataFrame,
    group_id: str | Sequence[str],
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Ask what if a group went: one row per member, those left without any group first.

    Parameters
    ----------
    memberships
        Every membership of the directory; use :func:`effective_memberships` where groups hold groups.
    group_id
        The group that would go, or several that would go together: ids, or with ``groups`` also names that one
        group alone has.
    users, groups
        Frames: ``users`` adds names, ``groups`` makes empty groups known.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``user_id``: ``name``, ``address``, ``state``, ``lost_groups`` and ``remaining_groups``
        (Int64), ``left_without_group`` (bool), ``in_users`` (boolean: whether the list of users holds this
        member; missing without one).

    Raises
    ------
    IncompleteError
        A frame is partial: a group that was not read might still hold the person.
    ArgumentError
        There is no such group.

    Examples
    --------
    >>> left = ds.analysis.losing_access(memberships, "Everyone", users, groups)
    >>> len(left) == (memberships["group_id"] == groups.index[groups["name"] == "Everyone"][0]).sum().item()
    True
    """
    require_all("losing_access", memberships, groups, users)
    going = listed_ids(group_id, groups)
    part, known = _of_their_members(memberships, going)
    known = known if groups is None else known.union(groups.index, sort=False)
    if unknown := [one for one in going if one not in known]:
        raise errors.ArgumentError(
            f"no group {', '.join(map(repr, unknown))} among the {len(known):,} known; a group without "
            "members is known only when groups= is given"
        )
    matrix, user_ids, group_ids = membership_matrix(part)
    places = group_ids.get_indexer(pd.Index(going, dtype=text_dtype()))
    lost = matrix[:, places[places >= 0]].sum(axis=1)
    remaining = np.diff(matrix.indptr) - lost
    answer = look_up(user_ids, users, ["name", "address", "state"])
    answer["lost_groups"] = pd.array(lost, dtype="Int64")
    answer["remaining_groups"] = pd.array(remaining, dtype="Int64")
    answer["left_without_group"] = remaining == 0
    answer["in_users"] = in_users(answer.index, users)
    return answer.sort_values(["remaining_groups", "name", "user_id"])


def _of_their_members(memberships: pd.DataFrame, going: list[str]) -> tuple[pd.DataFrame, pd.Index]:
    """Return all memberships of those who are in one of these groups, and every group that has members."""
    groups, group_ids = pd.factorize(memberships["group_id"])
    users, user_ids = pd.factorize(memberships["user_id"])
    known = pd.Index(group_ids)
    leaves = np.append(known.isin(going), False)[groups]  # row -1, a missing id, reads the False at the end
    touched = np.zeros(len(user_ids) + 1, dtype=bool)
    touched[users[leaves & (users >= 0)]] = True
    return memberships[touched[users]], known


@takes_frames()
def effective_memberships(memberships: pd.DataFrame, nesting: pd.DataFrame) -> pd.DataFrame:
    """Follow groups inside groups: one row per user and group the user is in, directly or through others.

    Parameters
    ----------
    memberships
        Direct memberships. A row whose user is one of the nested groups is not a person and is left out.
    nesting
        Columns ``group_id`` and ``member_group_id``: the second group is a member of the first. Groups may
        contain each other.

    Returns
    -------
    pandas.DataFrame
        A memberships frame with two more columns: ``direct`` (bool) and ``via``, the group the user is directly
        in that leads there (the first listed of several; missing where direct). A membership that is direct as
        well as nested counts as direct.

    Examples
    --------
    >>> nesting = pd.DataFrame({"group_id": [groups.index[1]], "member_group_id": [groups.index[2]]})
    >>> everybody = ds.analysis.effective_memberships(memberships, nesting)
    >>> len(everybody) > len(memberships)
    True
    """
    require_columns("nesting", nesting, "group_id", "member_group_id")
    nested = pd.unique(pd.concat([nesting["group_id"], nesting["member_group_id"]]))
    people = memberships[~memberships["user_id"].isin(nested)].drop_duplicates(["user_id", "group_id"])
    direct = people.assign(direct=True, via=pd.Series(np.nan, index=people.index, dtype=text_dtype()))
    through = people.merge(
        _closure(nesting), left_on="group_id", right_on="member_group_id", suffixes=("_direct", "")
    )
    through = through.assign(via=through["group_id_direct"], direct=False)[direct.columns]
    answer = pd.concat([direct, through], ignore_index=True).drop_duplicates(["user_id", "group_id"])
    return mark_partial(answer.reset_index(drop=True), memberships, nesting)


def _closure(nesting: pd.DataFrame) -> pd.DataFrame:
    """Return every group with each group it lies in at any depth; ends at cycles, where nothing is new."""
    from scipy import sparse  # type: ignore[import-untyped,unused-ignore]

    codes, ids = pd.factorize(pd.concat([nesting["member_group_id"], nesting["group_id"]]))
    inner, outer = np.split(codes, 2)
    size = len(ids)
    reach = sparse.csr_array((np.ones(len(inner), dtype=bool), (inner, outer)), shape=(size, size))
    found = -1
    while reach.nnz != found:  # each round doubles the depth
        found = reach.nnz
        reach = ((reach + reach @ reach) > 0).tocsr()
    pairs = reach.tocoo()
    index = pd.Index(ids, dtype=text_dtype())
    return pd.DataFrame({"member_group_id": index.take(pairs.row), "group_id": index.take(pairs.col)})
