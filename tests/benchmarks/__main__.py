"""All benchmarks as one table: ``python -m tests.benchmarks [--quick]``.

About fifteen minutes, or two with ``--quick`` (smaller sizes, no rate ceilings, no fleets). ours and peer
are measured in the same run, in turn; ratios are ours divided by the other.
"""

from __future__ import annotations

import argparse
import sys
import time

from . import bench_ceiling, bench_decoding, bench_fleet, bench_growth, bench_import, bench_load
from ._table import machine, table

BENCHES = (bench_import, bench_load, bench_decoding, bench_growth, bench_ceiling, bench_fleet)


def main() -> None:
    """Measure, and print the table at the end; what is under way is said on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, no ceilings, no fleets")
    quick = parser.parse_args().quick
    rows = []
    for bench in BENCHES:
        if quick and bench is bench_fleet:
            continue
        started = time.perf_counter()
        rows += bench.rows(quick=quick)
        print(f"{bench.__name__}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    print(machine())
    print()
    print(table(rows))


if __name__ == "__main__":
    main()
