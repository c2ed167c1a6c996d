"""Measure ``import dirsync_nb`` against importing pandas and requests, each in fresh processes, in turn.

``python -m tests.benchmarks.bench_import``. The target is at most 1.3 times. Seconds are of CPU, and of modules
compiled before, in a folder of their own: an installation without compiled files takes four times as long.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from ._measure import ROOT
from ._table import Row, machine, row, table

CODE = "import time; t = time.process_time(); import {names}; print(time.process_time() - t)"


def rows(quick: bool = False) -> list[Row]:
    """Return the medians of many imports."""
    seen: dict[str, list[float]] = {"dirsync_nb": [], "pandas, requests": []}
    with tempfile.TemporaryDirectory() as compiled:
        for number in range(6 if quick else 16):
            for names, times in seen.items():
                taken = took(names, compiled)
                if number:  # the first one compiles
                    times.append(taken)
    ours, floor = (statistics.median(times) for times in seen.values())
    what = "import dirsync_nb, floor import pandas and requests"
    return [row(what, ours * 1000, floor=floor * 1000, unit="ms")]


def took(names: str, compiled: str) -> float:
    """Import in a fresh process; give the seconds."""
    command = [sys.executable, "-c", CODE.format(names=names)]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
    return float(subprocess.check_output(command, text=True, cwd=ROOT, env=env))


if __name__ == "__main__":
    print(machine())
    print(table(rows()))
