"""Questions of ``analysis`` asked of a fleet: the same functions, a few directories at a time, and one answer.

Users, groups and memberships never cross directories, so a question is put to the frames of some directories
with the very function of ``analysis``, and the answers are put together. What each question needs for that
stands in ``QUESTIONS``: the tables and columns, what is worked out for a part of them where the frames are, and
how parts become the answer that one call on all frames would have given.

How rows that count the same are ordered follows from where groups stand in the frames; parts carry that along.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import analysis, errors
from ..analysis.attributes import (
    ABSENT,
    SPECIAL,
    STANDARD_FIELDS,
    STATUS,
    as_text,
    coverage_frame,
    kind_of,
    known_attribute,
    status_of,
    values_by_attribute,
)
from ..frames import listed_ids
from .dataset import Reader

__all__ = ["QUESTIONS", "Question", "frames_of"]

Frames = dict[str, Any]
Options = Mapping[str, Any]
Array = np.ndarray[Any, Any]

DIGEST = 8  # bytes; among ten million values, two are alike by chance in one of 370,000 fleets
ALL = None

Needs = Mapping[str, Sequence[str] | None]


@dataclass(frozen=True)
class Question:
    """How one function of ``analysis`` is put to a fleet.

    Parameters
    ----------
    needs
        The tables it is given, with the columns it looks at (None: all of them). It may depend on the options.
    of_part
        What is worked out for a part of the directories: a function of their frames and the options.
    whole
        Makes the answer of all parts, in the order of the directories. None where the answer has one row a
        user or membership: then it is a Dask frame of the parts.
    moments
        Whether two fleets are compared.
    """

    needs: Callable[[Options], Needs]
    of_part: Callable[[Frames, Options], Any]
    whole: Callable[[Iterator[Any], Options], Any] | None = None
    moments: bool = False


def frames_of(reader: Reader, directory_ids: Sequence[str], needs: Needs, options: Options) -> Frames:
    """Read what a question needs of these directories; a frame that the caller withheld stays None."""
    return {
        table: None if table in options else reader.frame(table, directory_ids, columns)
        for table, columns in needs.items()
    }


def _rest(options: Options, *names: str) -> dict[str, Any]:
    """Return the options that are no frames."""
    return {name: value for name, value in options.items() if name not in ("users", "groups", *names)}


def _plain(function: Callable[..., Any]) -> Callable[[Frames, Options], Any]:
    """Ask the function itself; frames go by the names of its parameters."""

    def of_part(frames: Frames, options: Options) -> Any:
        return function(**frames, **_rest(options))

    return of_part


def _sorted(by: Sequence[str], ascending: list[bool] | bool = True, *, ignore_index: bool = False) -> Any:
    """Put parts below each other in the order that the function itself gives its rows."""

    def whole(parts: Iterator[pd.DataFrame], _: Options) -> pd.DataFrame:
        whole: pd.DataFrame = pd.concat(list(parts))
        return whole.sort_values(list(by), ascending=ascending, ignore_index=ignore_index)

    return whole


# Groups and their places ------------------------------------------------------------------------------------


def _group_ids(frames: Frames) -> tuple[pd.Index, pd.Index]:
    """Return the ids of groups as ``membership_matrix`` orders them: those of the frame, then the others."""
    listed = frames["groups"].index if frames.get("groups") is not None else pd.Index([], dtype="str")
    met = pd.Index(frames["memberships"]["group_id"].dropna().unique())
    return listed.unique(), met[~met.isin(listed)]


def _in_order(places: Iterable[tuple[pd.Index, pd.Index]]) -> pd.Index:
    """Order the groups of all parts as one frame of them all would: the listed ones come first."""
    listed, met = zip(*places, strict=True)
    parts: list[pd.Index] = [*listed, *met]
    return parts[0].append(parts[1:])


def _overlap_of_part(frames: Frames, options: Options) -> tuple[pd.DataFrame, tuple[pd.Index, pd.Index]]:
    return analysis.group_overlap(**frames, **_rest(options)), _group_ids(frames)


def _overlap(parts: Iterator[Any], options: Options) -> pd.DataFrame:
    answers, places = zip(*parts, strict=True)
    pairs: pd.DataFrame = pd.concat(answers, ignore_index=True)
    ids = _in_order(places)
    a, b = ids.get_indexer(pd.Index(pairs["group_a"])), ids.get_indexer(pd.Index(pairs["group_b"]))
    shared, jaccard = pairs["shared"].to_numpy(dtype=np.int64), pairs["jaccard"].to_numpy()
    strength = (shared, jaccard) if options.get("by", "jaccard") == "jaccard" else (jaccard, shared)
    order = np.lexsort((np.maximum(a, b), np.minimum(a, b), -strength[0], -strength[1]))
    return pairs.iloc[order[: options.get("top")]].reset_index(drop=True)


def _matrix_of_part(frames: Frames, _: Options) -> tuple[Any, ...]:
    matrix, user_ids, group_ids = analysis.membership_matrix(**frames)
    users = 0 if frames.get("users") is None else frames["users"].index.nunique()
    groups = 0 if frames.get("groups") is None else frames["groups"].index.nunique()
    return matrix, user_ids, group_ids, users, groups


def _matrix(parts: Iterator[Any], _: Options) -> tuple[Any, pd.Index, pd.Index]:
    """Put matrices along the diagonal; ids that no frame lists come last, as in one matrix of all."""
    from scipy import sparse  # type: ignore[import-untyped,unused-ignore]

    matrices, users, groups, listed_users, listed_groups = zip(*parts, strict=True)
    whole = sparse.csr_array(sparse.block_diag(matrices, format="csr"))
    rows, user_ids = _listed_first(users, listed_users)
    columns, group_ids = _listed_first(groups, listed_groups)
    if len(rows):
        whole = whole[rows]
    if len(columns):
        whole = whole[:, columns]
    whole.sort_indices()
    return whole.astype(np.int32), user_ids, group_ids


def _listed_first(ids: Sequence[pd.Index], listed: Sequence[int]) -> tuple[Array, pd.Index]:
    known = np.concatenate([np.arange(len(index)) < count for index, count in zip(ids, listed, strict=True)])
    order = np.argsort(~known, kind="stable")
    return order, ids[0].append(list(ids[1:])).take(order)


# Groups by an attribute -------------------------------------------------------------------------------------


@dataclass
class _Counts:
    """Members by group and value, those pairs that occur; ``known`` names attributes where none fits."""

    places: tuple[pd.Index, pd.Index]
    names: pd.Series
    labels: list[str]
    pairs: pd.DataFrame
    known: set[str] | None


def _attribute_of(options: Options) -> str:
    return str(options.get("attribute", "state"))


def _attribute_needs(options: Options) -> Needs:
    attribute = _attribute_of(options)
    listed = attribute in Reader("").meta("users")
    return {
        "memberships": ALL,
        "users": [attribute] if listed else ["custom_attributes"],
        "groups": ["name"],
    }


def _attribute_of_part(frames: Frames, options: Options) -> _Counts:
    attribute, users, known = _attribute_of(options), frames["users"], None
    asked = {"memberships": frames["memberships"], "groups": frames["groups"], "top": None}
    try:
        answer = analysis.group_by_attribute(users=users, attribute=attribute, **asked)
    except errors.ArgumentError:  # none of these users has it; others may
        known = {key for row in users["custom_attributes"] if isinstance(row, dict) for key in row}
        without = users.assign(**{attribute: pd.Series(ABSENT, index=users.index, dtype=object)})
        answer = analysis.group_by_attribute(users=without, attribute=attribute, **asked)
    ids = answer.index.get_level_values("group_id")
    counts = answer.to_numpy(dtype=np.int64)
    rows, columns = np.nonzero(counts)
    pairs = {"group_id": ids.take(rows), "value": columns, "members": counts[rows, columns]}
    names = pd.Series(answer.index.get_level_values("name").array, index=ids)
    return _Counts(_group_ids(frames), names, list(answer.columns), pd.DataFrame(pairs), known)


def _by_attribute(counted: Iterator[_Counts], options: Options) -> pd.DataFrame:
    parts = list(counted)
    attribute, top = _attribute_of(options), options.get("top", 50 if "attribute" in options else None)
    _check_known(parts, attribute)
    values = pd.Index(dict.fromkeys(value for part in parts for value in part.labels), dtype="str")
    ids = _in_order([part.places for part in parts])
    pairs = pd.concat([_numbered(part, ids, values) for part in parts])
    totals = np.bincount(pairs["value"], weights=pairs["members"], minlength=len(values))
    shown, places = _shown(list(values), totals, top)
    counts = np.zeros((len(ids), len(shown)), dtype=np.int64)
    np.add.at(counts, (pairs["group"].to_numpy(), places[pairs["value"]]), pairs["members"].to_numpy())
    names = pd.concat([part.names for part in parts]).reindex(ids)
    index = pd.MultiIndex.from_arrays([ids, names], names=["group_id", "name"])
    answer = pd.DataFrame(counts, index=index, columns=pd.Index(shown, dtype="str", name=attribute))
    return answer.iloc[np.lexsort((np.arange(len(ids)), -counts.sum(axis=1)))].astype("Int64")


def _check_known(parts: Sequence[_Counts], attribute: str) -> None:
    missing = [part.known for part in parts if part.known is not None]
    if missing and all(part.known is not None or not part.labels for part in parts):
        known_attribute(attribute, pd.DataFrame(), set().union(*missing))


def _numbered(part: _Counts, ids: pd.Index, values: pd.Index) -> pd.DataFrame:
    numbers = values.get_indexer(pd.Index(part.labels, dtype="str"))
    return pd.DataFrame(
        {
            "group": ids.get_indexer(pd.Index(part.pairs["group_id"])),
            "value": numbers[part.pairs["value"].to_numpy(dtype=np.int64)],
            "members": part.pairs["members"],
        }
    )


def _shown(values: list[str], totals: Array, top: int | None) -> tuple[list[str], Array]:
    """Return the columns, the most common value first, and the column of each value; the rest share one."""
    order = sorted(range(len(values)), key=lambda i: (SPECIAL.get(values[i], 0), -totals[i], values[i]))
    common = [i for i in order if values[i] not in SPECIAL]
    last = [i for i in order if values[i] in SPECIAL]
    kept = common if top is None else common[:top]
    shown, places = [values[i] for i in kept], np.zeros(len(values), dtype=np.int64)
    places[kept] = np.arange(len(kept))
    if rest := common[len(kept) :]:
        places[rest] = len(shown)
        shown.append(f"({len(rest):,} other values)")
    for i in last:
        places[i] = len(shown)
        shown.append(values[i])
    return shown, places


# Overlap of the largest groups, and access -----------------------------------------------------------------


def _largest_of_part(
    frames: Frames, options: Options
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Keep the groups that may be among the largest of all, with their memberships."""
    sizes = analysis.group_sizes(**frames)
    kept = sizes.head(options.get("top", 30) or len(sizes))
    memberships, groups = frames["memberships"], frames["groups"]
    few = memberships[memberships["group_id"].isin(kept.index)]
    return kept, few, None if groups is None else groups[groups.index.isin(kept.index)]


def _overlap_matrix(parts: Iterator[Any], options: Options) -> pd.DataFrame:
    kept, memberships, groups = zip(*parts, strict=True)
    by_size = pd.concat(kept).sort_values(["members", "name", "group_id"], ascending=[False, True, True])
    chosen = by_size.head(options.get("top", 30) or len(by_size)).index
    pairs = pd.concat(memberships, ignore_index=True)
    listed = None if groups[0] is None else pd.concat(groups)
    return analysis.overlap_matrix(
        pairs[pairs["group_id"].isin(chosen)],
        None if listed is None else listed[listed.index.isin(chosen)],
        **_rest(options),
    )


def _losing_of_part(frames: Frames, options: Options) -> tuple[pd.DataFrame | None, set[str], int]:
    """Ask about those of the groups that are here."""
    going = listed_ids(options["group_id"])
    listed, met = _group_ids(frames)
    here = [name for name in going if name in listed or name in met]
    answer = analysis.losing_access(**frames, group_id=here) if here else None
    return answer, set(going) - set(here), len(listed) + len(met)


def _losing(parts: Iterator[Any], options: Options) -> pd.DataFrame:
    answers, unknown, counts = zip(*parts, strict=True)
    if nowhere := set.intersection(*unknown):
        named = [name for name in listed_ids(options["group_id"]) if name in nowhere]
        raise errors.ArgumentError(
            f"no group {', '.join(map(repr, named))} among the {sum(counts):,} known; a group "
            "without members is known only when groups= is given"
        )
    found: pd.DataFrame = pd.concat([answer for answer in answers if answer is not None])
    return found.sort_values(["remaining_groups", "name", "user_id"])


# Attributes -------------------------------------------------------------------------------------------------


@dataclass
class _Described:
    """What some users have in one attribute."""

    users: int
    filled: int
    blank: int
    absent: int
    kinds: set[str]
    digests: bytes
    example: Any


def _coverage_of_part(frames: Frames, _: Options) -> tuple[int, dict[str, _Described]]:
    attributes = values_by_attribute(frames["users"])
    return len(frames["users"]), {name: _described(values) for name, values in attributes.items()}


def _described(values: list[Any]) -> _Described:
    states = [status_of(value) for value in values]
    filled = [value for value, state in zip(values, states, strict=True) if state == "filled"]
    blank, absent = states.count("blank"), states.count("absent")
    kinds = {kind_of(value) for value in filled}
    texts = {v if isinstance(v, str) else f"\0{type(v).__name__}\0{as_text(v)}" for v in filled}
    digests = b"".join(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest() for text in texts
    )
    return _Described(len(values), len(filled), blank, absent, kinds, digests, filled[0] if filled else None)


def _coverage(parts: Iterator[tuple[int, dict[str, _Described]]], _: Options) -> pd.DataFrame:
    """Put parts together; digests are counted on disk: millions of addresses are not to be held in memory."""
    found: dict[str, list[_Described]] = {}
    users = 0
    with tempfile.TemporaryDirectory(prefix="dirsync-fleet-") as folder:
        paths: dict[str, Path] = {}
        for count, described in parts:
            users += count
            for name, one in described.items():
                with paths.setdefault(name, Path(folder) / str(len(paths))).open("ab") as file:
                    file.write(one.digests)
                one.digests = b""
                found.setdefault(name, []).append(one)
        distinct = {name: len(np.unique(np.fromfile(path, np.uint64))) for name, path in paths.items()}
    rows = {name: _together(users, parts, distinct[name]) for name, parts in found.items()}
    order = [*STANDARD_FIELDS, *(name for name in found if name not in STANDARD_FIELDS)]
    return coverage_frame({name: rows[name] for name in order})


def _together(users: int, parts: Sequence[_Described], distinct: int) -> tuple[Any, ...]:
    """Add up; whoever is in a part that never saw the attribute does not have it."""
    filled, blank = sum(part.filled for part in parts), sum(part.blank for part in parts)
    seen = sum(part.users - part.absent for part in parts)
    example = next((part.example for part in parts if part.filled), None)
    kinds = ", ".join(sorted(set().union(*(part.kinds for part in parts))))
    share = filled / users if users else None
    return users, filled, seen - filled - blank, blank, users - seen, share, kinds, distinct, example


def _status_of_part(frames: Frames, options: Options) -> Any:
    """Return what each user has, in the columns of the whole fleet; asked without them, name those here."""
    if "attributes" not in options:
        return list(values_by_attribute(frames["users"]))
    answer = analysis.attribute_status(frames["users"])
    absent = pd.Series("absent", index=answer.index, dtype=STATUS)
    columns = {name: answer.get(name, absent) for name in options["attributes"]}
    return pd.DataFrame(columns, index=answer.index)


# Two moments ------------------------------------------------------------------------------------------------


def _diff_memberships_of_part(frames: Frames, _: Options) -> pd.DataFrame:
    before, after = frames["before"], frames["after"]
    pairs = {table: (before[table], after[table]) for table in ("users", "groups") if before[table] is not None}
    return analysis.diff_memberships(before["memberships"], after["memberships"], **pairs)


def _diff_of_part(
    function: Callable[..., pd.DataFrame], table: str
) -> Callable[[Frames, Options], pd.DataFrame]:
    def of_part(frames: Frames, options: Options) -> pd.DataFrame:
        return function(frames["before"][table], frames["after"][table], **_rest(options))

    return of_part


def _fixed(**needs: Sequence[str] | None) -> Callable[[Options], Needs]:
    return lambda _: needs


NAMES = ("name", "address", "directory_id")
ATTRIBUTES = (*STANDARD_FIELDS, "custom_attributes")
IDENTITY = ("name", "address", "state", "idp_id", "directory_id")

QUESTIONS: dict[str, Question] = {
    "attribute_coverage": Question(_fixed(users=ATTRIBUTES), _coverage_of_part, _coverage),
    "attribute_status": Question(_fixed(users=ATTRIBUTES), _status_of_part),
    "diff_groups": Question(
        _fixed(groups=ALL),
        _diff_of_part(analysis.diff_groups, "groups"),
        _sorted(["change", "name", "group_id"]),
        moments=True,
    ),
    "diff_memberships": Question(
        _fixed(memberships=ALL, users=IDENTITY, groups=("name", "idp_id", "directory_id")),
        _diff_memberships_of_part,
        _sorted(["change", "group", "group_id", "user", "user_id"], ignore_index=True),
        moments=True,
    ),
    "diff_users": Question(
        _fixed(users=ALL),
        _diff_of_part(analysis.diff_users, "users"),
        _sorted(["change", "name", "user_id"]),
        moments=True,
    ),
    "effective_memberships": Question(_fixed(memberships=ALL), _plain(analysis.effective_memberships)),
    "group_by_attribute": Question(_attribute_needs, _attribute_of_part, _by_attribute),
    "group_overlap": Question(_fixed(memberships=ALL, groups=["name"]), _overlap_of_part, _overlap),
    "group_sizes": Question(
        _fixed(memberships=ALL, groups=["name", "directory_id"]),
        _plain(analysis.group_sizes),
        _sorted(["members", "name", "group_id"], [False, True, True]),
    ),
    "groups_per_user": Question(_fixed(memberships=ALL, users=NAMES), _plain(analysis.groups_per_user)),
    "losing_access": Question(
        _fixed(memberships=ALL, groups=[], users=["name", "address", "state"]), _losing_of_part, _losing
    ),
    "membership_matrix": Question(_fixed(memberships=ALL, users=[], groups=[]), _matrix_of_part, _matrix),
    "overlap_matrix": Question(
        _fixed(memberships=ALL, groups=["name", "directory_id"]), _largest_of_part, _overlap_matrix
    ),
    "state_by_group": Question(_attribute_needs, _attribute_of_part, _by_attribute),
    "users_without_group": Question(_fixed(memberships=ALL, users=ALL), _plain(analysis.users_without_group)),
}
"""Every public question of ``analysis``; a test holds the two lists against each other."""
