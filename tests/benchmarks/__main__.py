"""All benchmarks as one table: ``python -m tests.benchmarks [--quick] [--rounds N] [--check] [NAME...]``.

About fifteen minutes a round, or three with ``--quick`` (smaller sizes, no rate ceilings, no fleets); or only
those named, ``load`` for ``bench_load``. ours and peer are measured in the same run, in turn; ratios are ours
divided by the other. Of several rounds, one after the other through all that was chosen, the median is shown
and the spread. ``--save`` keeps the ratios beside this file, and ``--check`` ends with 1 where one of them has
grown beyond the noise since. A bench that cannot run here (no browser, an extra not installed) is said on
standard error, and the rest goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path

from ._table import Row, machine, middle, ratios, slower, table

BENCHES = (
    "import",
    "load",
    "decoding",
    "growth",
    "ceiling",
    "together",
    "fleet",
    "analysis",
    "sandbox",
    "widgets",
)
LONG = ("ceiling", "together", "fleet")
KEPT = Path(__file__).with_name("ratios.json")


def main() -> int:
    """Measure, and print the table at the end; 1 when a bench failed, or something has grown slower."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, no ceilings, no fleets")
    parser.add_argument(
        "--rounds", type=int, default=1, help="how often all is measured (default: %(default)s)"
    )
    parser.add_argument("--save", action="store_true", help="keep the ratios, to be compared with later")
    parser.add_argument("--check", action="store_true", help="end with 1 where a ratio grew beyond the noise")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    chosen = given.names or [name for name in BENCHES if not (given.quick and name in LONG)]
    failed: set[str] = set()
    rounds = [_round(chosen, failed, quick=given.quick) for _ in range(given.rounds)]
    print(machine())
    print()
    print(table(middle(rounds)))
    if failed:
        print(f"\nNot measured, see above: {', '.join(sorted(failed))}", file=sys.stderr)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    told = slower(ratios(rounds), kept) if given.check else []
    print("\n".join(["", "Slower than was kept:", *told] if told else []), file=sys.stderr)
    if given.save:
        KEPT.write_text(json.dumps({**kept, **ratios(rounds)}, indent=1) + "\n")
    return 1 if failed or told else 0


def _round(chosen: list[str], failed: set[str], *, quick: bool) -> list[Row]:
    rows: list[Row] = []
    for name in chosen:
        started = time.perf_counter()
        try:
            rows += import_module(f".bench_{name}", __package__).rows(quick=quick)
        except Exception:
            traceback.print_exc()
            failed.add(name)
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
