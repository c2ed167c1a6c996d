"""Groups and the people they share, as a graph: the groups in an order, and the strongest links of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..frames import mark_partial, takes_frames
from .overlap import group_overlap, overlap_matrix
from .sizes import group_sizes

__all__ = ["NEARLY", "group_graph", "hold_nearly_all"]

NEARLY = 0.8
"""From this share of the people on, a group holds nearly everybody: being in it says little."""


def hold_nearly_all(members: pd.Series, people: float) -> pd.Series:
    """Return which groups hold nearly everybody; where there are only two groups, none does."""
    return (members >= NEARLY * max(1, people)) & (len(members) > 2)


@takes_frames()
def group_graph(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    top: int | None = 30,
    links: int = 2,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return groups and the links between them: who shares people with whom.

    Parameters
    ----------
    memberships, groups
        Frames.
    top
        Only so many of the largest groups. None: all.
    links
        So many of the strongest links of each group are kept; with all of them a picture shows nothing.

    Returns
    -------
    groups : pandas.DataFrame
        By group id, groups with the same people next to each other: ``name``, ``members`` and ``nearly_all``
        (whether nearly everybody is in it; such a group has no links, and comes last). Empty groups are not
        among them.
    links : pandas.DataFrame
        As :func:`group_overlap` gives them, the strongest first.

    Examples
    --------
    >>> nodes, links = ds.analysis.group_graph(memberships, groups)
    >>> nodes.loc[nodes["nearly_all"], "name"].tolist()
    ['Everyone']
    """
    sizes = group_sizes(memberships, groups)
    sizes = sizes[sizes["members"] > 0]
    held = hold_nearly_all(sizes["members"], memberships["user_id"].nunique())
    shown = sizes.loc[~held].head(top or len(sizes)).index
    inside = memberships[memberships["group_id"].isin(shown)]
    order = overlap_matrix(inside, None, top=None).index if len(shown) else shown
    nodes = sizes.loc[[*order, *sizes.index[held]], ["name", "members"]].assign(nearly_all=False)
    nodes.loc[sizes.index[held], "nearly_all"] = True
    pairs = group_overlap(inside, groups, min_shared=1)
    kept = _ranks(pairs) < links
    return nodes, mark_partial(pairs[kept].reset_index(drop=True), memberships, groups)


def _ranks(pairs: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return, for each pair, how many stronger ones the less linked of its groups has."""
    seen: dict[str, int] = {}
    ranks = []
    for a, b in zip(pairs["group_a"], pairs["group_b"], strict=True):
        ranks.append(min(seen.get(a, 0), seen.get(b, 0)))
        seen[a], seen[b] = seen.get(a, 0) + 1, seen.get(b, 0) + 1
    return np.array(ranks, dtype=np.int64)
