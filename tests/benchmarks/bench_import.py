"""Measure ``import dirsync_nb`` against importing pandas and requests, each in fresh processes, in turn.

``python -m tests.benchmarks.bench_import``. The target is at most 1.3 times.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from ._measure import ROOT
from ._table import Row, machine, row, table

CODE = "import time; t = time.perf_counter(); import {names}; print(time.perf_counter() - t)"


def rows(quick: bool = False) -> list[Row]:
    """Return the medians of many imports."""
    seen: dict[str, list[float]] = {"dirsync_nb": [], "pandas, requests": []}
    for number in range(6 if quick else 16):
        for names, times in seen.items():
            taken = took(names)
            if number:  # the first one reads the files from the disk
                times.append(taken)
    ours, floor = (statistics.median(times) for times in seen.values())
    what = "import dirsync_nb, floor import pandas and requests"
    return [row(what, ours * 1000, floor=floor * 1000, unit="ms")]


def took(names: str) -> float:
    """Import in a fresh process; give the seconds."""
    code = CODE.format(names=names)
    return float(subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT))


if __name__ == "__main__":
    print(machine())
    print(table(rows()))
