"""Which groups hold the same people: pair by pair, or as a square with similar groups side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from .. import errors
from ..frames import mark_partial, one_of, takes_frames
from .sizes import Array, group_sizes, look_up, membership_matrix

__all__ = ["group_overlap", "overlap_matrix"]

BLOCK = 256  # groups multiplied at once: bounds the memory of an overlap, whatever its number of pairs
CLUSTER_EXACTLY = 300  # the best order of leaves costs the cube of their number

Pairs = tuple[Array, Array, Array]
"""Positions of the first groups, of the second ones, and how many members they share."""


@takes_frames()
def group_overlap(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    by: str = "jaccard",
    min_shared: int = 1,
    top: int | None = None,
) -> pd.DataFrame:
    """Compare groups: one row per pair of groups with members in common, the strongest overlap first.

    Parameters
    ----------
    memberships, groups
        Frames; ``groups`` gives the names.
    by
        What makes an overlap strong: ``"jaccard"``, the shared members as a part of all who are in either
        group, or ``"count"``, their number.
    min_shared
        Fewest shared members, at least 1.
    top
        Only so many pairs; they are chosen while counting, so memory stays small. Default: all pairs, of which
        5,000 groups may have millions.

    Returns
    -------
    pandas.DataFrame
        ``group_a`` (the larger one), ``group_b``, ``name_a``, ``name_b``, ``shared`` (Int64, members), and as
        fractions of 1 ``jaccard``, ``share_of_a``, ``share_of_b`` (1.0: all of b are in a).

    Examples
    --------
    >>> pairs = ds.analysis.group_overlap(memberships, groups, top=3)
    >>> len(pairs)
    3
    """
    one_of("by", by, ("count", "jaccard"))
    for name, value in (("min_shared", min_shared), ("top", top)):
        if value is not None and value < 1:
            raise errors.ArgumentError(f"{name} must be at least 1; got {value}")
    matrix, _, ids = membership_matrix(memberships, groups=groups)
    sizes = np.bincount(matrix.indices, minlength=len(ids))
    a, b, shared = _strongest(_shared(matrix, min_shared), sizes, by, top)
    names = look_up(ids, groups, ["name"])["name"]
    answer = pd.DataFrame(
        {
            "group_a": ids.take(a),
            "group_b": ids.take(b),
            "name_a": names.array.take(a),
            "name_b": names.array.take(b),
            "shared": pd.array(shared, dtype="Int64"),
            "jaccard": shared / (sizes[a] + sizes[b] - shared),
            "share_of_a": shared / sizes[a],
            "share_of_b": shared / sizes[b],
        }
    )
    return mark_partial(answer, memberships, groups)


def _shared(matrix: Any, min_shared: int) -> Iterator[Pairs]:
    """Return the pairs that share members, each once, a block of groups at a time."""
    members = matrix.T.tocsr()
    for start in range(0, members.shape[0], BLOCK):
        product = (members[start : start + BLOCK] @ matrix).tocoo()
        first, second = product.row + start, product.col
        kept = (first < second) & (product.data >= min_shared)
        yield first[kept], second[kept], product.data[kept]


def _strongest(blocks: Iterable[Pairs], sizes: Array, by: str, top: int | None) -> Pairs:
    """Order pairs by strength, the larger group first in each; with ``top``, drop the rest on the way."""
    parts: list[Pairs] = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int32))]
    for block in blocks:
        parts.append(block)
        if top is not None:
            parts = [_ordered(parts, sizes, by, top)]
    first, second, shared = _ordered(parts, sizes, by, top)
    swap = sizes[first] < sizes[second]
    return np.where(swap, second, first), np.where(swap, first, second), shared


def _ordered(parts: list[Pairs], sizes: Array, by: str, top: int | None) -> Pairs:
    first, second, shared = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    jaccard = shared / (sizes[first] + sizes[second] - shared)
    strength = (shared, jaccard) if by == "jaccard" else (jaccard, shared)
    order = np.lexsort((second, first, -strength[0], -strength[1]))[:top]
    return first[order], second[order], shared[order]


@takes_frames()
def overlap_matrix(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    by: str = "jaccard",
    top: int | None = 30,
) -> pd.DataFrame:
    """Make a square table: one row and one column per group, groups with the same people next to each other.

    Parameters
    ----------
    memberships, groups
        Frames; with ``groups``, empty groups have a place too.
    by
        ``"count"``: members in common (whole numbers; a group's own size on the diagonal), or ``"jaccard"``:
        their share of all who are in either group (0 to 1).
    top
        Only the largest groups. None: all; 5,000 groups take about a gigabyte.

    Returns
    -------
    pandas.DataFrame
        Index and columns are group ids in the same order, that of a hierarchical clustering by jaccard.

    Examples
    --------
    >>> ds.analysis.overlap_matrix(memberships, groups, top=5).shape
    (5, 5)
    """
    one_of("by", by, ("count", "jaccard"))
    sizes = group_sizes(memberships, groups).head(top) if top else group_sizes(memberships, groups)
    matrix, _, ids = membership_matrix(memberships, groups=groups)
    chosen = matrix[:, ids.get_indexer(sizes.index)]
    shared = (chosen.T @ chosen).toarray()
    own = shared.diagonal()
    either = own[:, None] + own[None, :] - shared
    jaccard = np.divide(shared, either, out=np.zeros(shared.shape), where=either > 0)
    order = _alike_together(jaccard)
    values = (shared if by == "count" else jaccard)[np.ix_(order, order)]
    labels = sizes.index[order]
    return mark_partial(
        pd.DataFrame(values, index=labels, columns=labels.rename("other_group_id")), memberships, groups
    )


def _alike_together(jaccard: Array) -> Array:
    """Order groups so that similar ones are neighbours: the leaves of an average-linkage tree."""
    if len(jaccard) < 3:
        return np.arange(len(jaccard))
    from scipy.cluster import hierarchy  # type: ignore[import-untyped,unused-ignore]

    distances = 1 - jaccard[np.triu_indices(len(jaccard), k=1)]
    tree = hierarchy.linkage(distances, "average", optimal_ordering=len(jaccard) <= CLUSTER_EXACTLY)
    leaves: Array = hierarchy.leaves_list(tree)
    return leaves
