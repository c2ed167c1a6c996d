"""Measure the analyses on a large company against plain pandas doing the same, in the same run.

``python -m tests.benchmarks.bench_analysis [--users N --groups N --memberships N]``. Each
measurement runs in a process of its own, forked from one that holds the frames; memory is the highest resident
set above what the frames take (Linux only). Where plain pandas would need many gigabytes it gets a part of the
users, and its time and memory are scaled up by the rows its join makes, with which both grow; such figures
carry a ~. The peers of counts give the same rows, names and order; that of overlap does less, without names or
order. The diffs have two peers: lines that match by id, compare five fields and tell neither names nor
what differs; and lines that give our columns in our order, of which those for users match by ``idp_id`` too.
Neither looks for a successor by address, sees that an id stands in a frame twice, or that a frame is partial.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dirsync_nb import analysis
from dirsync_nb.analysis.diff import USER_FIELDS
from dirsync_nb.frames import GROUP_COLUMNS, MEMBERSHIP_COLUMNS, USER_COLUMNS

from ._table import Row, machine, row, table

PEER_ROWS = 3_000_000  # rows a self-join of the peer may make


def invent(users: int, groups: int, memberships: int, seed: int = 1) -> tuple[pd.DataFrame, ...]:
    """Make frames of a company whose group sizes follow a power law, as they do in life."""
    rng = np.random.default_rng(seed)
    user_ids = pd.Index([f"directory_user_{n:026d}" for n in range(users)], dtype="str", name="user_id")
    group_ids = pd.Index([f"directory_group_{n:026d}" for n in range(groups)], dtype="str", name="group_id")
    departments = rng.choice([f"Department {n}" for n in range(40)], users)
    user_frame = pd.DataFrame(None, index=user_ids, columns=list(USER_COLUMNS), dtype=object)
    user_frame = user_frame.astype({k: v for k, v in USER_COLUMNS.items() if v in ("str", "json")}).assign(
        directory_id="directory_1",
        email=[f"person{n}@acme.test" for n in range(users)],
        idp_id=[f"idp-{n}" for n in range(users)],
        name=[f"Person {n}" for n in range(users)],
        state=pd.Categorical(rng.choice(["active", "inactive"], users, p=[0.9, 0.1])),
        custom_attributes=pd.array([{"department_name": name} for name in departments], dtype="json"),
    )
    user_frame["address"] = user_frame["email"]
    group_frame = pd.DataFrame(None, index=group_ids, columns=list(GROUP_COLUMNS), dtype=object)
    group_frame = group_frame.astype({k: v for k, v in GROUP_COLUMNS.items() if v == "str"}).assign(
        directory_id="directory_1", name=[f"Team {n}" for n in range(groups)]
    )
    weights = 1 / np.arange(1, groups + 1) ** 0.6
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < memberships:
        more = rng.integers(0, users, memberships) * groups + rng.choice(
            groups, memberships, p=weights / weights.sum()
        )
        pairs = np.unique(np.append(pairs, more))
    pairs = rng.choice(pairs, memberships, replace=False)
    edges = pd.DataFrame(
        {
            "user_id": user_ids.take(pairs // groups),
            "group_id": group_ids.take(pairs % groups),
            "directory_id": "directory_1",
        }
    ).astype(MEMBERSHIP_COLUMNS)
    return user_frame, group_frame, edges


def measure(work: Callable[[], Any]) -> tuple[float, float]:
    """Run in a forked process: seconds of CPU, and megabytes above what was there before."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def run() -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest memory so far
        before, start = resident("VmRSS"), time.process_time()
        work()
        seconds = time.process_time() - start
        theirs.send((seconds, resident("VmHWM") - before))

    process = context.Process(target=run)
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:  # the process was killed, as a rule for want of memory
        return float("nan"), float("nan")
    finally:
        process.join()


def resident(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return float("nan")


def part_of(edges: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Take so many users that joining them with themselves stays small, and the factor to the whole."""
    degrees = edges["user_id"].value_counts()
    chosen = degrees.sample(frac=1, random_state=0)
    rows = (chosen.astype("int64") ** 2).cumsum()
    kept = rows[rows <= PEER_ROWS]
    return edges[edges["user_id"].isin(kept.index)], float(rows.iloc[-1] / kept.iloc[-1])


def pandas_counts(edges: pd.DataFrame, by: str, what: str, known: pd.DataFrame) -> pd.DataFrame:
    counts = edges.groupby(by)[what].nunique().reindex(known.index, fill_value=0).rename("count")
    return known.join(counts).sort_values(["count", "name", by], ascending=[False, True, True])


def pandas_losing(edges: pd.DataFrame, group_id: str, known: pd.DataFrame) -> pd.DataFrame:
    theirs = edges[edges["user_id"].isin(edges.loc[edges["group_id"] == group_id, "user_id"])]
    counts = (theirs.groupby("user_id")["group_id"].nunique() - 1).rename("remaining_groups")
    told = known.join(counts, how="inner")
    told["left_without_group"] = told["remaining_groups"] == 0
    return told.sort_values(["remaining_groups", "name", "user_id"])


def pandas_overlap(edges: pd.DataFrame) -> pd.DataFrame:
    pairs = edges.merge(edges, on="user_id")
    pairs = pairs[pairs["group_id_x"] < pairs["group_id_y"]]
    shared = pairs.groupby(["group_id_x", "group_id_y"]).size().rename("shared").reset_index()
    sizes = edges.groupby("group_id").size()
    a, b = shared["group_id_x"].map(sizes), shared["group_id_y"].map(sizes)
    return shared.assign(jaccard=shared["shared"] / (a + b - shared["shared"])).nlargest(1_000, "shared")


def pandas_by_attribute(edges: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    values = users["custom_attributes"].map(lambda row: row["department_name"]).rename("value")
    joined = edges.merge(values, left_on="user_id", right_index=True)
    return pd.crosstab(joined["group_id"], joined["value"])


def pandas_diff(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    both = before.merge(after, on=["user_id", "group_id"], how="outer", indicator=True)
    return both[both["_merge"] != "both"]


def pandas_diff_users(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    fields = ["state", "address", "email", "name", "idp_id"]
    both = before[fields].add_suffix("_before").join(after[fields].add_suffix("_after"), how="outer")
    texts = both.astype(object)
    changed = [
        (texts[f"{name}_before"] != texts[f"{name}_after"])
        & ~(texts[f"{name}_before"].isna() & texts[f"{name}_after"].isna())
        for name in fields
    ]
    return both[pd.concat(changed, axis=1).any(axis=1)]


def pandas_diff_named(before: pd.DataFrame, after: pd.DataFrame, moments: dict[str, Moments]) -> pd.DataFrame:
    """Compare by id, with the names and the order of our answer; who was replaced passes for a change."""
    moved = pandas_diff(before, after)
    moved["change"] = np.where(moved["_merge"] == "left_only", "left", "joined")
    moved["directory_id"] = moved["directory_id_y"].fillna(moved["directory_id_x"])
    for name, column in (("user", "address"), ("group", "name")):
        older, newer = (frame[column] for frame in moments[f"{name}s"])
        moved[name] = moved[f"{name}_id"].map(newer).fillna(moved[f"{name}_id"].map(older))
    known = pd.concat([frame.index.to_series() for frame in moments["users"]]).unique()
    moved["listed"] = moved["user_id"].isin(known)
    return moved.sort_values(["change", "group", "group_id", "user", "user_id"], ignore_index=True)


def pandas_diff_matched(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare all fields that we do, join who came back under a new id, and say what differs, in our order."""
    key = ["directory_id", "idp_id"]
    came, gone = after[~after.index.isin(before.index)], before[~before.index.isin(after.index)]
    keyed = [one.reset_index().dropna(subset=key).drop_duplicates(key, keep=False) for one in (gone, came)]
    again = keyed[0].merge(keyed[1], on=key, suffixes=("_before", ""))
    older = before.rename(index=dict(zip(again["user_id_before"], again["user_id"], strict=True)))
    fields = [*USER_FIELDS]
    newer = after[fields].assign(directory_id=after["directory_id"])
    both = older[fields].join(newer, how="outer", lsuffix="_before", rsuffix="_after")
    told = both.rename(columns={f"{name}_after": name for name in ("name", "address")})
    texts = both.astype(object)
    differs = pd.DataFrame(index=both.index)
    for name in fields:
        was, now = texts[f"{name}_before"], texts[f"{name}_after"]
        differs[name] = (was != now) & ~(was.isna() & now.isna())
    rows = differs.any(axis=1)
    told = told.loc[rows, ["name", "address", "directory_id"]]
    old, new = (texts.loc[rows, [f"{name}_{side}" for name in fields]] for side in ("before", "after"))
    names = [[name for name, one in zip(fields, row, strict=True) if one] for row in differs[rows].to_numpy()]
    told["fields"] = names
    for side, values in (("before", old), ("after", new)):
        rows_of = zip(names, values.to_numpy(), strict=True)
        told[side] = [{name: row[fields.index(name)] for name in listed} for listed, row in rows_of]
    told["change"] = np.where(told.index.isin(before.index), "changed", "joined")
    told.loc[~told.index.isin(after.index), "change"] = "left"
    return told.rename_axis("user_id").sort_values(["change", "name", "user_id"])


Moments = tuple[pd.DataFrame, pd.DataFrame]
Line = tuple[str, Callable[[], Any], Callable[[], Any] | None, float]
"""A question, how we answer it, how plain pandas does, and by how much that was scaled down."""


def lines(users: pd.DataFrame, groups: pd.DataFrame, edges: pd.DataFrame) -> list[Line]:
    """Return the questions that are asked of both."""
    later = edges.iloc[5_000:]
    before, people = users.iloc[:-500], users.iloc[500:].copy()  # 500 left, 500 came
    people.loc[people.index[:500], "name"] = "Renamed"
    # Without this package a column of dicts is one of objects.
    plain = [one.assign(custom_attributes=one["custom_attributes"].astype(object)) for one in (before, people)]
    part, factor = part_of(edges)
    group_id = edges["group_id"].value_counts().index[0]
    moments: dict[str, Moments] = {"users": (before, people), "groups": (groups, groups)}

    return [
        (
            "group_sizes",
            lambda: analysis.group_sizes(edges, groups),
            lambda: pandas_counts(edges, "group_id", "user_id", groups[["name", "directory_id"]]),
            1,
        ),
        (
            "groups_per_user",
            lambda: analysis.groups_per_user(edges, users),
            lambda: pandas_counts(edges, "user_id", "group_id", users[["name", "address", "state"]]),
            1,
        ),
        (
            "users_without_group",
            lambda: analysis.users_without_group(edges, users),
            lambda: users[~users.index.isin(edges["user_id"].drop_duplicates())],
            1,
        ),
        (
            "group_overlap, top 1,000",
            lambda: analysis.group_overlap(edges, groups, top=1_000),
            lambda: pandas_overlap(part),
            factor,
        ),
        ("group_overlap, all pairs", lambda: analysis.group_overlap(edges, groups), None, 1),
        ("overlap_matrix, 30 groups", lambda: analysis.overlap_matrix(edges, groups), None, 1),
        ("overlap_matrix, all groups", lambda: analysis.overlap_matrix(edges, groups, top=None), None, 1),
        (
            "group_by_attribute",
            lambda: analysis.group_by_attribute(edges, users, "department_name", groups),
            lambda: pandas_by_attribute(edges, users),
            1,
        ),
        (
            "losing_access",
            lambda: analysis.losing_access(edges, group_id, users, groups),
            lambda: pandas_losing(edges, group_id, users[["name", "address", "state"]]),
            1,
        ),
        (
            "diff_memberships",
            lambda: analysis.diff_memberships(edges, later, **moments),
            lambda: pandas_diff(edges, later),
            1,
        ),
        (
            "diff_memberships, peer with names and order",
            lambda: analysis.diff_memberships(edges, later, **moments),
            lambda: pandas_diff_named(edges, later, moments),
            1,
        ),
        (
            "diff_users",
            lambda: analysis.diff_users(before, people),
            lambda: pandas_diff_users(before, people),
            1,
        ),
        (
            "diff_users, peer that matches and tells what differs",
            lambda: analysis.diff_users(before, people),
            lambda: pandas_diff_matched(*plain),
            1,
        ),
        ("attribute_coverage", lambda: analysis.attribute_coverage(users), None, 1),
    ]


def rows(
    quick: bool = False, users: int | None = None, groups: int | None = None, memberships: int | None = None
) -> list[Row]:
    """Measure every question in seconds of CPU and in megabytes."""
    usual = (10_000, 500, 100_000) if quick else (100_000, 5_000, 1_000_000)
    frames = invent(*(given or size for given, size in zip((users, groups, memberships), usual, strict=True)))
    analysis.overlap_matrix(frames[2].head(100))  # what is imported on first use is loaded before measuring
    made = []
    for name, ours, peer, scale in lines(*frames):
        seconds, megabytes = measure(ours)
        theirs, memory = (None, None) if peer is None else [scale * one for one in measure(peer)]
        what = f"{name}, {len(frames[2]):,} memberships"
        made.append(row(what, seconds, theirs, about=scale > 1))
        made.append(row(f"{what}: memory", megabytes, memory, unit="MB", about=scale > 1))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=5_000)
    parser.add_argument("--memberships", type=int, default=1_000_000)
    size = parser.parse_args()
    print(machine())
    print(table(rows(users=size.users, groups=size.groups, memberships=size.memberships)))


if __name__ == "__main__":
    main()
