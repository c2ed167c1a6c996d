"""Measure how the cost of ``load_users`` grows with the directory: CPU and peak memory per user.

``python -m tests.benchmarks.bench_growth [SIZES...]``. Each size is read by a fresh process from a sandbox in
another. Peak memory is that of the whole reading process, imports included: the target is 1.5 GB for a million.
"""

from __future__ import annotations

import sys
from itertools import pairwise

from ._measure import measure, sandbox
from ._table import Row, machine, number, row, table
from .bench_load import USERS

SIZES = (1_000, 10_000, 100_000, 1_000_000)
RUNS = {1_000: 5, 10_000: 3}  # a short load is measured more often
LIMIT = 1_500.0  # MB, for a million users


def rows(quick: bool = False, sizes: tuple[int, ...] = ()) -> list[Row]:
    """Measure each size; the floor of a size is the size before it, so that 1.0 means growth in proportion."""
    sizes = sizes or (SIZES[:-1] if quick else SIZES)
    cpu: dict[int, float] = {}
    peak: dict[int, tuple[float, float]] = {}
    for users in sizes:
        with sandbox(users) as where:
            seen = [measure(USERS["ours"], *where) for _ in range(RUNS.get(users, 1))]
        assert all(one["rows"] == users for one in seen)
        best = min(seen, key=lambda one: one["cpu"])
        cpu[users], peak[users] = best["cpu"] / users * 1e6, (best["peak"], best["memory"])
    before = {later: earlier for earlier, later in pairwise(sizes)}
    made = [
        row(f"load_users, {n:,} users: CPU per user (floor: a tenth of the users)", cpu[n], unit="µs")
        | {"floor": floor_of(cpu.get(before.get(n, 0))), "ratio to floor": ratio_of(cpu, n, before.get(n, 0))}
        for n in sizes
    ]
    for n in sizes:
        whole, above = peak[n]
        text = f"load_users, {n:,} users: peak of the process ({number(above / n * 1024)} kB per user)"
        made.append(row(text, whole, floor=LIMIT if n == 1_000_000 else None, unit="MB"))
    return made


def floor_of(value: float | None) -> str | None:
    return None if value is None else f"{number(value)} µs"


def ratio_of(cpu: dict[int, float], users: int, before: int) -> str | None:
    return number(cpu[users] / cpu[before]) if before in cpu else None


if __name__ == "__main__":
    print(machine())
    print(table(rows(sizes=tuple(map(int, sys.argv[1:])))))
