"""All benchmarks as one table: ``python -m tests.benchmarks [--quick] [NAME...]``.

About fifteen minutes, or three with ``--quick`` (smaller sizes, no rate ceilings, no fleets); or only those
named, ``load`` for ``bench_load``. ours and peer are measured in the same run, in turn; ratios are ours divided
by the other. A bench that cannot run here (no browser, an extra not installed) is said on standard error, and
the rest goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from importlib import import_module

from ._table import Row, machine, table

BENCHES = ("import", "load", "decoding", "growth", "ceiling", "fleet", "analysis", "sandbox", "widgets")
LONG = ("ceiling", "fleet")


def main() -> int:
    """Measure, and print the table at the end; 1 when a bench failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, no ceilings, no fleets")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    chosen = given.names or [name for name in BENCHES if not (given.quick and name in LONG)]
    rows: list[Row] = []
    failed = []
    for name in chosen:
        started = time.perf_counter()
        try:
            rows += import_module(f".bench_{name}", __package__).rows(quick=given.quick)
        except Exception:
            traceback.print_exc()
            failed.append(name)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print(machine())
    print()
    print(table(rows))
    if failed:
        print(f"\nNot measured, see above: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
