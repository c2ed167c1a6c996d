"""What shares the limits of one key: ``python -m tests.benchmarks.bench_together``.

The server enforces WorkOS's limits and adds to every answer what a far away service takes. A snapshot of eight
directories reads what the loaders read, so these are its peer; with ``path`` it keeps what it read as well. The
members of one large group come over the same four requests a second as the users of its directory: rates are
those after the first second, of a client that has read a group before. Two clients of one key in a process are
measured beside one that both share.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import dirsync_nb as ds
from dirsync_nb.client import Pacer

from ._table import Row, machine, row, table
from .bench_ceiling import answers_of, equal_directories, limited

LATENCIES = (0.3, 0.6)


@contextmanager
def fresh(url: str, key: str) -> Iterator[ds.client.DirectoryClient]:
    """Connect as a process does that made no request yet, once the windows of the limits are empty again."""
    time.sleep(1.5)
    with ds.connect(key, base_url=url, pacer=Pacer()) as client:
        yield client


def took(work: Callable[[], Any]) -> float:
    """Return the seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def load_all(client: ds.client.DirectoryClient, names: Any) -> None:
    """Load what a snapshot holds of these directories, with the loaders."""
    for load in (ds.load_groups, ds.load_users, ds.load_memberships):
        load(client, directory_id=names)


def snapshots(directories: int, people: int, latency: float) -> list[Row]:
    """Take a snapshot of several directories, plain and kept, and refresh it, beside loading them."""
    with (
        tempfile.TemporaryDirectory() as home,
        equal_directories(directories, people, latency) as (url, key),
    ):
        with fresh(url, key) as client:
            names = ds.load_directories(client).index
            loaded = took(lambda: load_all(client, names))
        with fresh(url, key) as client:
            plain = took(lambda: ds.take_snapshot(client, names))
        with fresh(url, key) as client:
            kept: list[ds.Snapshot] = []
            path = Path(home) / "snapshot"
            saved = took(lambda: kept.append(ds.take_snapshot(client, names, path=path)))
        with fresh(url, key) as client:
            refreshed = took(lambda: kept[0].refresh(client))
    what = f"{directories} directories of {people:,}, {1000 * latency:.0f} ms a request, beside the loaders"
    return [
        row(f"take_snapshot, {what}", plain, loaded),
        row(f"take_snapshot with path, {what}", saved, loaded),
        row(f"refresh of it, nothing new, {what}", refreshed, loaded),
    ]


def large_group(members: int, latency: float) -> list[Row]:
    """Load the members of one large group, and count requests after the first second."""
    with limited("harbour", members, latency) as (url, key):
        with fresh(url, key) as client:
            directory = ds.load_directories(client)["active_users"].idxmax()
            sizes = ds.load_memberships(client, directory_id=directory)["group_id"].value_counts()
        with fresh(url, key) as client:
            ds.load_users(client, group_id=sizes.index[-1])  # asks, once, whether the filter is looked at
            time.sleep(1.5)
            answered = answers_of(client)
            started = time.perf_counter()
            found = len(ds.load_users(client, group_id=sizes.index[0]))
            seconds = time.perf_counter() - started
    later = sum(moment > started + 1 for moment in answered) / (max(answered) - started - 1)
    what = f"load_users, a group of {found:,}, {1000 * latency:.0f} ms a request"
    return [
        row(what, seconds, None, (found / 100 - 1) / 4),
        row(f"{what}; after the first second", later, None, 4.0, unit="/s"),
    ]


def two_clients(users: int, latency: float) -> list[Row]:
    """Load the same directory twice at once: by two clients of one key, and by one that both share."""
    with limited("harbour", users, latency) as (url, key):
        with fresh(url, key) as client:
            directory = ds.load_directories(client)["active_users"].idxmax()
        seconds, refused = zip(*(_at_once(url, key, directory, count) for count in (2, 1)), strict=True)
    what = f"{users:,} users twice at once, two connect() beside one, {1000 * latency:.0f} ms a request"
    what += f"; refused: {refused[0]}, peer {refused[1]}"
    return [row(what, seconds[0], seconds[1], (2 * users / 100 - 1) / 4)]


def _at_once(url: str, key: str, directory: str, count: int) -> tuple[float, int]:
    """Load one directory in two threads over so many clients, at the pace for a server elsewhere."""
    time.sleep(1.5)
    with mock.patch.object(Pacer, "unlimited", Pacer):  # which one on this machine would get
        clients = [ds.connect(key, base_url=url) for _ in range(count)]
    loads = [
        threading.Thread(target=ds.load_users, args=(clients[number % count], directory)) for number in range(2)
    ]
    started = time.perf_counter()
    for load in loads:
        load.start()
    for load in loads:
        load.join()
    seconds = time.perf_counter() - started
    refused = sum(
        wait.cause == "429" for client in clients for receipt in client.receipts for wait in receipt.waits
    )
    for client in clients:
        client.close()
    return seconds, refused


def rows(quick: bool = False) -> list[Row]:
    """Measure all three; the quick run leaves them out, as they only wait."""
    if quick:
        return []
    members = [one for latency in LATENCIES for one in large_group(4_000, latency)]
    return [*snapshots(8, 1_000, 0.3), *members, *two_clients(4_000, 0.3)]


if __name__ == "__main__":
    print(machine())
    print(table(rows()))
