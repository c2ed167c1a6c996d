"""How near the rate ceiling loads come, beside the official SDK: ``python -m tests.benchmarks.bench_ceiling``.

The server enforces WorkOS's limits (4 requests a second for each directory's users, 100 a second for the key)
and adds 50, 300 or 600 ms to every answer. The floor of one directory is a request every quarter of a second,
the first at once; the floor of many is the key's 100 a second. Rates of one directory are counted after the
first second: answers to requests for its users, duplicates included.

At 600 ms two walkers cannot fill the limit, and a third needs a place in the middle of the list, which it takes
from the events of the last month, or from the members of a group. The people of the sandbox's larger
directories do nothing, so that load is measured twice: as it is, and after one change each to 60 of the 4,000
people, chosen at random. Pages of members count as requests.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import dirsync_nb as ds
from dirsync_nb.client import Pacer

from ._measure import ROOT
from ._table import Row, machine, row, table

SERVER = """
import random, sys
from dirsync_nb.sandbox import Sandbox
world, users, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
sandbox = Sandbox(world=world, users=users or None, limits=True, clock="now").start()
if len(sys.argv) > 4:
    people = [one["id"] for one in sandbox.truth.users(sandbox.truth.directories()[0]["id"])]
    for one in random.Random(1).sample(people, int(sys.argv[4])):
        sandbox.update_user(one, last_name="Newname")
if seconds:
    sandbox.faults.add("slow", path="/", seconds=seconds, times=None)
print(sandbox.url, sandbox.api_key, flush=True)
sys.stdin.read()
sandbox.stop()
"""
LATENCIES = (0.05, 0.3, 0.6)
OKTA = "okta scim v2.0"


@contextlib.contextmanager
def limited(world: str, users: int = 0, seconds: float = 0.0, changes: int = 0) -> Iterator[tuple[str, str]]:
    """Run a limiting server in a process of its own, after some changes to its people; give address and key."""
    command = [sys.executable, "-c", SERVER, world, str(users), str(seconds)]
    command += [str(changes)] if changes else []
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert server.stdout is not None
        url, key = server.stdout.readline().split()
        yield url, key
    finally:
        server.communicate("")


def by_sdk(url: str, key: str, directory: str) -> tuple[float, int, int]:
    """Load with the official SDK as its documentation does; give seconds, rows and how often it was refused."""
    import httpx2
    from workos import WorkOSClient

    refused, send = [], httpx2.Client.send

    def counted(*args: Any, **more: Any) -> httpx2.Response:
        answer = send(*args, **more)
        refused.extend([answer] if answer.status_code == 429 else [])
        return answer

    client = WorkOSClient(api_key=key, client_id="client_bench", base_url=url, max_retries=50)
    started = time.perf_counter()
    with mock.patch.object(httpx2.Client, "send", counted):
        first: Any = client.directory_sync.list_users(directory=directory, limit=100)
        count = sum(1 for _ in first.auto_paging_iter())
    return time.perf_counter() - started, count, len(refused)


def answers_of(client: ds.client.DirectoryClient) -> list[float]:
    """Return a list to which the moments are added when requests for users are answered from now on."""
    answered: list[float] = []
    get = client.transport.get

    def timed(path: str, *args: Any, **more: Any) -> Any:
        answer = get(path, *args, **more)
        answered.extend([time.perf_counter()] if path == "/directory_users" else [])
        return answer

    client.transport.get = timed  # type: ignore[method-assign]
    return answered


def by_us(url: str, key: str, directory: str) -> tuple[float, int, int, float]:
    """Load a frame; give seconds, rows, how often the server refused, and the rate after the first second."""
    with ds.connect(key, base_url=url, pacer=Pacer()) as client:
        answered = answers_of(client)
        started = time.perf_counter()
        users = ds.load_users(client, directory_id=directory)
        seconds = time.perf_counter() - started
        refused = sum(wait.cause == "429" for wait in client.receipts[-1].waits)
    later = sum(moment > started + 1 for moment in answered)
    return seconds, len(users), refused, later / (max(answered) - started - 1)


def one_directory(latency: float, users: int, changes: int = 0) -> list[Row]:
    """Measure one directory at one latency."""
    with limited("harbour", users, latency, changes) as (url, key):
        with ds.connect(key, base_url=url, pacer=Pacer()) as client:
            directory = ds.load_directories(client)["active_users"].idxmax()
        theirs, their_rows, their_refused = by_sdk(url, key, directory)
        time.sleep(1.5)  # the windows of the limits are empty again
        ours, our_rows, refused, rate = by_us(url, key, directory)
    assert their_rows == our_rows == users
    floor = (users / 100 - 1) / 4
    what = f"load_users, {users:,} users, {1000 * latency:.0f} ms a request"
    what += f", {changes} of them changed" if changes else ""
    return [
        row(f"{what}; refused: {refused}, peer {their_refused}", ours, theirs, floor),
        row(f"{what}; after the first second", rate, None, 4.0, unit="/s"),
    ]


@contextlib.contextmanager
def equal_directories(directories: int, people: int, seconds: float = 0.0) -> Iterator[tuple[str, str]]:
    """Run a limiting server whose directories are all of one size; give address and key."""
    with tempfile.TemporaryDirectory() as home:
        world = Path(home) / "equal.yaml"
        organizations = [
            {"name": f"Customer {number}", "directories": [{"name": "Okta", "type": OKTA, "people": people}]}
            for number in range(directories)
        ]
        world.write_text(json.dumps({"organizations": organizations}))  # JSON is YAML as well
        with limited(str(world), seconds=seconds) as where:
            yield where


def many_directories(directories: int, people: int) -> list[Row]:
    """Measure many directories of one size side by side, against the key's ceiling."""
    with (
        equal_directories(directories, people) as (url, key),
        ds.connect(key, base_url=url, pacer=Pacer()) as client,
    ):
        names = ds.load_directories(client).index
        started = time.perf_counter()
        ds.load_users(client, directory_id=names)
        seconds = time.perf_counter() - started
        whole = client.receipts[-1]
    each = [receipt.seconds for receipt in whole.details["receipts"].values()]
    refused = sum(wait.cause == "429" for wait in whole.waits)
    what = f"load_users, {directories} directories of {people:,} at once"
    return [
        row(f"{what}; refused: {refused}", whole.requests / seconds, None, 100.0, unit="/s"),
        row(f"{what}; the slowest (floor: the quickest)", max(each), None, min(each)),
    ]


def rows(quick: bool = False) -> list[Row]:
    """Measure each latency, and many directories; the quick run leaves both out, as they only wait."""
    if quick:
        return []
    found = [one for latency in LATENCIES for one in one_directory(latency, 4_000)]
    return [*found, *one_directory(LATENCIES[-1], 4_000, changes=60), *many_directories(25, 4_000)]


if __name__ == "__main__":
    print(machine())
    print(table(rows()))
