"""Questions about frames: who is in what, what overlaps, who would lose access, which attributes are filled.

Pure functions from frames to frames: no network, no drawing, no argument is changed. Names of groups and users
are not unique, so every answer is keyed by id and carries the name beside it. Where a partial frame would make
the answer untrue it is refused (``IncompleteError``); where it only makes it smaller, the answer carries
``attrs["incomplete"]`` on. A frame of another kind, or without its ids in the index, is refused
(``ArgumentError``). The comparison of two moments lives in ``diffs`` and is named here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from . import errors
from .diffs import diff_groups, diff_memberships, diff_users, require_columns, require_ids
from .frames import require_complete

__all__ = [
    "attribute_coverage",
    "attribute_status",
    "diff_groups",
    "diff_memberships",
    "diff_users",
    "effective_memberships",
    "group_by_attribute",
    "group_overlap",
    "group_sizes",
    "groups_per_user",
    "losing_access",
    "membership_matrix",
    "overlap_matrix",
    "state_by_group",
    "users_without_group",
]

STANDARD_FIELDS = ("name", "email", "first_name", "last_name")
NO_VALUE = "(none)"
NOT_IN_USERS = "(not in users)"

BLOCK = 256  # groups multiplied at once: bounds the memory of an overlap, whatever its number of pairs
CLUSTER_EXACTLY = 300  # the best order of leaves costs the cube of their number
ABSENT: Any = object()  # an attribute the record does not have, unlike one that is null

Array = np.ndarray[Any, Any]


# Memberships ----------------------------------------------------------------------------------------------


def membership_matrix(
    memberships: pd.DataFrame, users: pd.DataFrame | None = None, groups: pd.DataFrame | None = None
) -> tuple[Any, pd.Index, pd.Index]:
    """Give memberships as a sparse matrix: one row per user, one column per group, 1 where the user is in it.

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
    """
    from scipy import sparse  # type: ignore[import-untyped,unused-ignore]

    _check(memberships, users, groups)
    user_codes, user_ids = _codes(memberships["user_id"], users)
    group_codes, group_ids = _codes(memberships["group_id"], groups)
    known = (user_codes >= 0) & (group_codes >= 0)
    rows, columns = user_codes[known], group_codes[known]
    shape = (len(user_ids), len(group_ids))
    matrix = sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix, user_ids.rename("user_id"), group_ids.rename("group_id")


def _check(
    memberships: pd.DataFrame, users: pd.DataFrame | None = None, groups: pd.DataFrame | None = None
) -> None:
    """Refuse frames that are not what they are handed in as: their ids would match nothing, in silence."""
    require_columns("memberships", memberships, "user_id", "group_id")
    for name, frame, ids in (("users", users, "user_id"), ("groups", groups, "group_id")):
        if frame is not None:
            require_ids(name, frame, ids)


def _codes(ids: pd.Series, frame: pd.DataFrame | None) -> tuple[Array, pd.Index]:
    """Turn ids into numbers: those of the frame in its order, then the rest as they come; missing is -1."""
    codes, found = pd.factorize(ids)
    known = pd.Index([], dtype="str") if frame is None else frame.index.unique()
    places = known.get_indexer(pd.Index(found))
    new = places < 0
    places[new] = len(known) + np.arange(new.sum())
    index = known.append(pd.Index(found)[new]) if len(known) else pd.Index(found)[new]
    return np.append(places, -1)[codes], index


def _beside(ids: pd.Index, frame: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    """Look up columns of a frame for these ids; text that is not known is missing."""
    if frame is None:
        return pd.DataFrame({name: pd.Series(np.nan, index=ids, dtype="str") for name in names})
    once = frame[~frame.index.duplicated(keep="last")]
    return pd.DataFrame(once[list(names)].reindex(ids))


def _homes(memberships: pd.DataFrame, ids: pd.Index) -> pd.Series:
    """Look up the directories of these users or groups; missing where the memberships do not tell."""
    key = str(ids.name)
    known = memberships.reindex(columns=[key, "directory_id"]).dropna(subset=[key]).drop_duplicates(key)
    return known.set_index(key)["directory_id"].astype("str").reindex(ids)


def _marked(answer: pd.DataFrame, *sources: pd.DataFrame | None) -> pd.DataFrame:
    """Carry on that a source was partial."""
    reasons = [s.attrs["incomplete"] for s in sources if s is not None and "incomplete" in s.attrs]
    answer.attrs = {"incomplete": reasons[0]} if reasons else {}
    return answer


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
    """
    matrix, _, ids = membership_matrix(memberships, groups=groups)
    answer = _beside(ids, groups, ["name", "directory_id"])
    answer["directory_id"] = answer["directory_id"].fillna(_homes(memberships, ids))
    answer["members"] = pd.array(np.bincount(matrix.indices, minlength=len(ids)), dtype="Int64")
    answer = answer.sort_values(["members", "name", "group_id"], ascending=[False, True, True])
    return _marked(answer, memberships, groups)


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
        Indexed by ``user_id``: ``name``, ``address``, ``directory_id``, ``groups`` (Int64).
    """
    matrix, ids, _ = membership_matrix(memberships, users=users)
    answer = _beside(ids, users, ["name", "address", "directory_id"])
    answer["directory_id"] = answer["directory_id"].fillna(_homes(memberships, ids))
    answer["groups"] = pd.array(np.diff(matrix.indptr), dtype="Int64")
    answer = answer.sort_values(["groups", "user_id"], ascending=[False, True])
    return _marked(answer, memberships, users)


def users_without_group(memberships: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Pick the users who are in no group: their rows of the users frame, in its order.

    Raises
    ------
    IncompleteError
        A frame is partial: whoever was not read yet would pass for being without a group.
    ArgumentError
        ``users`` is not indexed by ``user_id``: everybody would pass for being without a group.
    """
    _check(memberships, users)
    for frame in (memberships, users):
        require_complete(frame, "users_without_group")
    return pd.DataFrame(users[~users.index.isin(memberships["user_id"].unique())])


# Overlap --------------------------------------------------------------------------------------------------


def group_overlap(
    memberships: pd.DataFrame,
    groups: pd.DataFrame | None = None,
    *,
    by: str = "count",
    min_shared: int = 1,
    top: int | None = None,
) -> pd.DataFrame:
    """Compare groups: one row per pair of groups with members in common, the strongest overlap first.

    Parameters
    ----------
    memberships, groups
        Frames; ``groups`` gives the names.
    by
        What makes an overlap strong: ``"count"``, the number of shared members, or ``"jaccard"``, their share
        of all who are in either group.
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
    """
    _one_of("by", by, ("count", "jaccard"))
    for name, value in (("min_shared", min_shared), ("top", top)):
        if value is not None and value < 1:
            raise errors.ArgumentError(f"{name} must be at least 1; got {value}")
    matrix, _, ids = membership_matrix(memberships, groups=groups)
    sizes = np.bincount(matrix.indices, minlength=len(ids))
    a, b, shared = _strongest(_shared(matrix, min_shared), sizes, by, top)
    names = _beside(ids, groups, ["name"])["name"]
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
    return _marked(answer, memberships, groups)


Pairs = tuple[Array, Array, Array]
"""Positions of the first groups, of the second ones, and how many members they share."""


def _shared(matrix: Any, min_shared: int) -> Iterator[Pairs]:
    """Give the pairs that share members, each once, a block of groups at a time."""
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
    """
    _one_of("by", by, ("count", "jaccard"))
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
    return _marked(
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


# Groups by what their members are ---------------------------------------------------------------------------


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
        are shown as JSON.
    groups
        The groups frame: adds names and empty groups.
    top
        Only the most common values get a column, the others share one. None: all.

    Returns
    -------
    pandas.DataFrame
        Int64, members. The index is (``group_id``, ``name``), the largest group first; columns are texts, the
        most common value first, then ``(n other values)``, ``(none)`` (null, blank or absent) and ``(not in
        users)`` where they occur.

    Raises
    ------
    ArgumentError
        No user has such an attribute; the message names those there are.
    """
    matrix, user_ids, group_ids = membership_matrix(memberships, users, groups)
    labels = [_as_label(value) for value in _values(users, attribute)]
    once = pd.Series(labels, index=users.index, dtype=object)
    once = once[~once.index.duplicated()]
    codes, values = _ranked(np.append(once, [NOT_IN_USERS] * (len(user_ids) - len(once))), matrix, top)
    counts = _counted(matrix, codes, len(values))
    names = _beside(group_ids, groups, ["name"])["name"]
    index = pd.MultiIndex.from_arrays([group_ids, names], names=["group_id", "name"])
    answer = pd.DataFrame(counts, index=index, columns=pd.Index(values, dtype="str", name=attribute))
    order = np.lexsort((np.arange(len(index)), -counts.sum(axis=1)))
    return _marked(answer.iloc[order].astype("Int64"), memberships, users, groups)


def state_by_group(
    memberships: pd.DataFrame, users: pd.DataFrame, groups: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Count members by state: one row per group, one column per state, as :func:`group_by_attribute` does."""
    return group_by_attribute(memberships, users, "state", groups, top=None)


def _ranked(labels: Array, matrix: Any, top: int | None) -> tuple[Array, list[str]]:
    """Turn labels into numbers, the most common first; those beyond ``top`` become one."""
    codes, found = pd.factorize(labels)
    counts = np.bincount(codes, weights=np.diff(matrix.indptr), minlength=len(found))
    special: dict[Any, int] = {NO_VALUE: 2, NOT_IN_USERS: 3}
    order = sorted(range(len(found)), key=lambda i: (special.get(found[i], 0), -counts[i], found[i]))
    order = [i for i in order if counts[i] or found[i] not in special]
    common = [i for i in order if found[i] not in special]
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
    from scipy import sparse

    known = np.flatnonzero(codes >= 0)
    ones = np.ones(len(known), dtype=np.int32)
    chosen = sparse.csr_array((ones, (known, codes[known])), shape=(len(codes), width))
    counts: Array = (matrix.T @ chosen).toarray()
    return counts


def _values(users: pd.DataFrame, attribute: str) -> list[Any]:
    """Give an attribute's value for every user, from the columns first, then from the custom attributes."""
    if attribute in users:
        return users[attribute].tolist()
    name = attribute.removeprefix("custom_attributes.")
    rows = [row if isinstance(row, dict) else {} for row in users["custom_attributes"]]
    if rows and not any(name in row for row in rows):
        known = sorted({key for row in rows for key in row})
        raise errors.ArgumentError(
            f"attribute must be a column of users or a custom attribute; got {attribute!r}. Custom attributes "
            f"here: {', '.join(known) or 'none'}"
        )
    return [row.get(name) for row in rows]


def _as_label(value: Any) -> str:
    if _is_empty(value):
        return NO_VALUE
    return value if isinstance(value, str) else _key(value)


def _key(value: Any) -> str:
    """Write any value as text, equal values alike, so that lists and objects can be counted."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _is_empty(value: Any) -> bool:
    """Say whether there is no data: null, blank text, an empty list or object."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, dict | list | tuple):
        return not value
    return value is None or bool(pd.isna(value))


# Access -----------------------------------------------------------------------------------------------------


def losing_access(
    memberships: pd.DataFrame,
    group_id: str | Sequence[str],
    groups: pd.DataFrame | None = None,
    users: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Ask what if a group went: one row per member, those left without any group first.

    Parameters
    ----------
    memberships
        Every membership of the directory; use :func:`effective_memberships` where groups hold groups.
    group_id
        The group that would go, or several that would go together.
    groups, users
        Frames: ``groups`` makes empty groups known, ``users`` adds names.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``user_id``: ``name``, ``address``, ``state``, ``lost_groups`` and ``remaining_groups``
        (Int64), ``left_without_group`` (bool).

    Raises
    ------
    IncompleteError
        A frame is partial: a group that was not read might still hold the person.
    ArgumentError
        There is no such group.
    """
    _check(memberships, users, groups)
    for frame in (memberships, groups, users):
        if frame is not None:
            require_complete(frame, "losing_access")
    going = [group_id] if isinstance(group_id, str) else list(dict.fromkeys(group_id))
    matrix, user_ids, group_ids = membership_matrix(memberships, users, groups)
    places = group_ids.get_indexer(pd.Index(going, dtype="str"))
    if (places < 0).any():
        unknown = [name for name, place in zip(going, places, strict=True) if place < 0]
        raise errors.ArgumentError(
            f"no group {', '.join(map(repr, unknown))} among the {len(group_ids):,} known; a group without "
            "members is known only when groups= is given"
        )
    lost = matrix[:, places].sum(axis=1)
    members = np.flatnonzero(lost)
    remaining = np.diff(matrix.indptr)[members] - lost[members]
    answer = _beside(user_ids[members], users, ["name", "address", "state"])
    answer["lost_groups"] = pd.array(lost[members], dtype="Int64")
    answer["remaining_groups"] = pd.array(remaining, dtype="Int64")
    answer["left_without_group"] = remaining == 0
    return answer.sort_values(["remaining_groups", "name", "user_id"])


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
    """
    _check(memberships)
    require_columns("nesting", nesting, "group_id", "member_group_id")
    nested = pd.unique(pd.concat([nesting["group_id"], nesting["member_group_id"]]))
    people = memberships[~memberships["user_id"].isin(nested)].drop_duplicates(["user_id", "group_id"])
    direct = people.assign(direct=True, via=pd.Series(np.nan, index=people.index, dtype="str"))
    through = people.merge(
        _closure(nesting), left_on="group_id", right_on="member_group_id", suffixes=("_direct", "")
    )
    through = through.assign(via=through["group_id_direct"], direct=False)[direct.columns]
    answer = pd.concat([direct, through], ignore_index=True).drop_duplicates(["user_id", "group_id"])
    return _marked(answer.reset_index(drop=True), memberships, nesting)


def _closure(nesting: pd.DataFrame) -> pd.DataFrame:
    """Give every group with each group it lies in at any depth; ends at cycles, since nothing new is found."""
    from scipy import sparse

    codes, ids = pd.factorize(pd.concat([nesting["member_group_id"], nesting["group_id"]]))
    inner, outer = np.split(codes, 2)
    size = len(ids)
    reach = sparse.csr_array((np.ones(len(inner), dtype=bool), (inner, outer)), shape=(size, size))
    found = -1
    while reach.nnz != found:  # each round doubles the depth
        found = reach.nnz
        reach = ((reach + reach @ reach) > 0).tocsr()
    pairs = reach.tocoo()
    index = pd.Index(ids, dtype="str")
    return pd.DataFrame({"member_group_id": index.take(pairs.row), "group_id": index.take(pairs.col)})


# Attributes -------------------------------------------------------------------------------------------------


def attribute_coverage(users: pd.DataFrame) -> pd.DataFrame:
    """Describe what is filled in: one row per standard field and per custom attribute.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``attribute``, named as the columns of ``spread_attributes`` are: the standard fields, then
        ``custom_attributes.<name>`` in the order first seen. ``users``, ``filled``, ``null`` (there, but
        without data: null, blank text, an empty list or object), ``absent`` (not enabled for the user's
        directory) and ``distinct`` values are Int64; ``filled_share`` is a fraction of 1; ``types`` names
        the kinds of values seen; ``example`` is one of them.
    """
    attributes = _attributes(users)
    rows = [_described(values) for values in attributes.values()]
    columns = ["users", "filled", "null", "absent", "filled_share", "types", "distinct", "example"]
    index = pd.Index(list(attributes), dtype="str", name="attribute")
    answer = pd.DataFrame(rows, columns=columns, index=index, dtype=object)
    counts = dict.fromkeys(("users", "filled", "null", "absent", "distinct"), "Int64")
    return _marked(answer.astype({**counts, "filled_share": "Float64", "types": "str"}), users)


def _described(values: list[Any]) -> tuple[Any, ...]:
    filled = [value for value in values if value is not ABSENT and not _is_empty(value)]
    absent = sum(value is ABSENT for value in values)
    share = len(filled) / len(values) if values else None
    kinds = ", ".join(sorted({_kind(value) for value in filled}))
    distinct = len({value if isinstance(value, str) else (type(value), _key(value)) for value in filled})
    example = filled[0] if filled else None
    null = len(values) - len(filled) - absent
    return len(values), len(filled), null, absent, share, kinds, distinct, example


def _kind(value: Any) -> str:
    kinds = {str: "text", bool: "true or false", int: "number", float: "number", list: "list", dict: "object"}
    return kinds.get(type(value), type(value).__name__)


def attribute_status(users: pd.DataFrame) -> pd.DataFrame:
    """Say what each user has: one row per user, one column per attribute: filled, null or absent.

    The columns are the rows of :func:`attribute_coverage`, and the words mean the same.
    """
    require_ids("users", users, "user_id")
    states = pd.CategoricalDtype(["filled", "null", "absent"])
    columns = {
        name: pd.Series([_status(value) for value in values], index=users.index, dtype=states)
        for name, values in _attributes(users).items()
    }
    return _marked(pd.DataFrame(columns, index=users.index), users)


def _status(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    return "null" if _is_empty(value) else "filled"


def _attributes(users: pd.DataFrame) -> dict[str, list[Any]]:
    """Give each attribute's values, one per user, in the order attributes are first seen."""
    rows = [row if isinstance(row, dict) else {} for row in users["custom_attributes"]]
    custom = dict.fromkeys(name for row in rows for name in row)
    standard = {name: users[name].tolist() for name in STANDARD_FIELDS}
    return standard | {f"custom_attributes.{name}": [row.get(name, ABSENT) for row in rows] for name in custom}


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise errors.ArgumentError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
