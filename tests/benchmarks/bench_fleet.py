"""Measure fleets: taking one, asking it against pandas with all in memory, and sharing a key among workers.

Run on demand: ``python -m tests.benchmarks.bench_fleet [--directories N] [--people N] [--full] [--refresh]``;
``--full`` is 5,000 directories with 5,000,000 users, for which the sandbox takes 8 GB of disk and some minutes
of seeding; pandas is then left out. The sandbox runs in a process of its own, without limits but for the last
row; there the floor is the budget of the key, and the ratio the part of it that two workers reach together.
``--refresh`` measures taking and refreshing alone, within the limits of a key: 2,000 directories if not said
otherwise, then 5, 50 and 500 of them changed; the peer is taking them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dirsync_nb.fleet import open_fleet
from dirsync_nb.sandbox import RemoteSandbox

from ._measure import ROOT, Figures, measure
from ._table import Row, machine, row, table

QUESTIONS = ("group_sizes", "group_overlap", "state_by_group", "attribute_coverage")

SERVER = """
import sys
from dirsync_nb.sandbox import Sandbox
sandbox = Sandbox(world=sys.argv[1], database=sys.argv[2], limits=sys.argv[3] == "limits").start()
print(sandbox.url, sandbox.api_key, flush=True)
sys.stdin.read()
sandbox.stop()
"""

TAKE = """
import dirsync_nb as ds
from dirsync_nb.fleet.take import take_fleet
def prepare(url, key, folder):
    client = ds.connect(key, base_url=url)
    return lambda: len(take_fleet(client, folder).directory_ids)
"""

LOAD = """
import dirsync_nb as ds
def prepare(url, key, folder):
    client = ds.connect(key, base_url=url)
    names = list(ds.load_directories(client).index)
    loads = [ds.load_groups, ds.load_users, ds.load_memberships]
    return lambda: sum(len(load(client, directory_id=names)) for load in loads)
"""

TAKE_LIMITED = """
import dirsync_nb as ds
from dirsync_nb.client import Pacer
def prepare(url, key, folder):
    client = ds.connect(key, base_url=url, pacer=Pacer())
    return lambda: len(ds.take_fleet(client, folder).directory_ids)
"""

REFRESH = """
import dirsync_nb as ds
from dirsync_nb.client import Pacer
def prepare(url, key, folder):
    client = ds.connect(key, base_url=url, pacer=Pacer())
    return lambda: ds.refresh_fleet(client, folder).run["changed"]
"""

ASK = """
from dirsync_nb.fleet import open_fleet
def prepare(folder, question):
    options = {"top": 100} if question == "group_overlap" else {}
    return lambda: len(open_fleet(folder).analyse(question, **options))
"""

IN_MEMORY = """
from dirsync_nb import analysis
from dirsync_nb.fleet import open_fleet
from dirsync_nb.fleet.queries import QUESTIONS
def prepare(folder, question):
    options = {"top": 100} if question == "group_overlap" else {}
    def ask():
        fleet = open_fleet(folder)
        frames = {name: getattr(fleet, name).compute() for name in QUESTIONS[question].needs(options)}
        return len(getattr(analysis, question)(**frames, **options))
    return ask
"""

COUNT = """
from dirsync_nb.fleet import open_fleet
def prepare(folder, question):
    return lambda: int(open_fleet(folder).users["state"].value_counts().sum().compute())
"""

SHARE = """
import json, sys, time
import dirsync_nb as ds
from dirsync_nb.fleet.take import take_fleet
from dirsync_nb.client.rate_limit import Pacer
from distributed import Client, LocalCluster
if __name__ == "__main__":
    url, key, folder = sys.argv[1:]
    own = {"WORKOS_API_KEY": key}
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", env=own)
    with cluster, Client(cluster) as workers, ds.connect(key, base_url=url, pacer=Pacer()) as client:
        workers.run(lambda: __import__("dirsync_nb.fleet.load") and None)
        started = time.perf_counter()
        fleet = take_fleet(client, folder, cluster=workers)
        seconds = time.perf_counter() - started
    costs = [entry["cost"] for entry in fleet.entries.values()]
    figures = {name: sum(cost[name] for cost in costs) for name in ("requests", "refused")}
    print(json.dumps({**figures, "seconds": seconds, "whole": fleet.complete}))
"""


@contextlib.contextmanager
def serving(world: str, home: Path, limits: str = "") -> Iterator[tuple[str, str, float]]:
    """Run a sandbox of many directories; give its address, its key and the seconds until it answered."""
    started = time.perf_counter()
    command = [sys.executable, "-c", SERVER, world, str(home / f"{world.replace(':', '-')}.sqlite"), limits]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert server.stdout is not None
        url, key = server.stdout.readline().split()
        yield url, key, time.perf_counter() - started
    finally:
        server.communicate("")


def taken(url: str, key: str, folder: Path, what: str, *, pandas: bool) -> list[Row]:
    """Take the fleet; the peer loads the same into memory with the loaders."""
    ours = measure(TAKE, url, key, str(folder))
    theirs: Figures = measure(LOAD, url, key, "") if pandas else {}
    told = f"take_fleet, {what}"
    return [
        row(f"{told}: seconds", ours["seconds"], theirs.get("seconds")),
        row(f"{told}: CPU", ours["cpu"], theirs.get("cpu")),
        row(f"{told}: peak memory", ours["peak"], theirs.get("peak"), unit="MB"),
    ]


def asked(folder: Path, what: str, *, pandas: bool) -> list[Row]:
    """Ask each question; the peer reads all frames it needs and asks the function itself."""
    told = []
    for question in QUESTIONS:
        ours = measure(ASK, str(folder), question)
        theirs: Figures = measure(IN_MEMORY, str(folder), question) if pandas else {}
        assert not pandas or ours["rows"] == theirs["rows"]
        told += [
            row(f"{question}, {what}: seconds", ours["seconds"], theirs.get("seconds")),
            row(f"{question}, {what}: peak memory", ours["peak"], theirs.get("peak"), unit="MB"),
        ]
    counted = measure(COUNT, str(folder), "")
    return [*told, row(f"states counted by Dask, {what}: seconds", counted["seconds"])]


def shared(directories: int, people: int) -> Row:
    """Let two worker processes load within the limits of one key. On a busy machine some 429 may occur."""
    with (
        tempfile.TemporaryDirectory() as home,
        serving(f"fleet:{directories}x{people}", Path(home), "limits") as (url, key, _),
    ):
        script = Path(home) / "share.py"
        script.write_text(SHARE)
        command = [sys.executable, str(script), url, key, str(Path(home) / "fleet")]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["whole"]
    rate = figures["requests"] / figures["seconds"]
    cost = f"{figures['requests']:,} requests, {figures['refused']:,} of them met a 429"
    what = f"two workers on one key, {directories:,} directories, {cost}"
    return row(what, rate, floor=100.0, unit="requests/s")


def refreshed(directories: int, people: int, home: Path) -> list[Row]:
    """Take a fleet and refresh it after some of its directories changed, within the limits of a key."""
    with serving(f"fleet:{directories}x{people}", home, "limits") as (url, key, _):
        folder, what = home / "fleet", f"{directories:,} directories, {directories * people:,} users"
        taking = measure(TAKE_LIMITED, url, key, str(folder))
        fleet, sandbox = open_fleet(folder), RemoteSandbox(url)
        assert fleet.complete
        refused = sum(entry["cost"]["refused"] for entry in fleet.entries.values())
        told = f"take_fleet, {what}: {fleet.run['requests']:,} requests, {refused:,} refused, seconds"
        figures = [
            row(told, taking["seconds"], floor=fleet.run["requests"] / 100),
            row(f"take_fleet, {what}: CPU", taking["cpu"]),
            row(f"take_fleet, {what}: peak memory", taking["peak"], unit="MB"),
        ]
        for count in (0, *(n for n in (5, 50, 500) if n <= directories)):
            for place, one in enumerate(fleet.directory_ids[:count]):
                sandbox.add_user(one, email=f"joined{count}.{place}@example.test")
            ours = measure(REFRESH, url, key, str(folder))
            run = open_fleet(folder).run
            assert run["changed"] == ours["rows"] == count
            told = f"refresh_fleet, {count:,} of {directories:,} changed: {run['requests']:,} requests, seconds"
            figures.append(row(told, ours["seconds"], taking["seconds"]))
    return figures


def rows(
    quick: bool = False,
    directories: int | None = None,
    people: int | None = None,
    folder: Path | None = None,
    pandas: bool = True,
) -> list[Row]:
    """Measure a fleet: 300 directories with 300,000 users, or quickly 40 with 40,000."""
    directories, people = directories or (40 if quick else 300), people or 1_000
    what = f"{directories:,} directories, {directories * people:,} users"
    with tempfile.TemporaryDirectory() as home:
        place = folder or Path(home)
        with serving(f"fleet:{directories}x{people}", place) as (url, key, seconds):
            told = [row(f"sandbox of {what}: seconds until it serves", seconds)]
            told += taken(url, key, place / "fleet", what, pandas=pandas)
        told += asked(place / "fleet", what, pandas=pandas)
    return [*told, shared(*((50, 100) if quick else (100, 400)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directories", type=int, help="300, or 2,000 with --refresh")
    parser.add_argument("--people", type=int, help="in each, on average: 1,000, or 100 with --refresh")
    parser.add_argument("--full", action="store_true", help="5,000 directories with 5,000,000 users")
    parser.add_argument("--refresh", action="store_true", help="take and refresh alone, within a key's limits")
    parser.add_argument("--folder", type=Path, help="where sandbox and fleet are kept for another run")
    chosen = parser.parse_args()
    size = 5_000 if chosen.full else chosen.directories
    print(machine())
    if chosen.refresh:
        with tempfile.TemporaryDirectory() as home:
            print(table(refreshed(size or 2_000, chosen.people or 100, Path(home))))
        return
    print(
        table(rows(directories=size or 300, people=chosen.people, folder=chosen.folder, pandas=not chosen.full))
    )


if __name__ == "__main__":
    main()
