"""What the sandbox can bear: a steady load, and pages of a large directory. Run by hand.

    python -m tests.benchmarks.bench_sandbox load --rate 200 --seconds 60
    python -m tests.benchmarks.bench_sandbox pages --small 1000 --large 1000000

The server runs in a process of its own, on one core where the system lets us choose.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from dirsync_nb.sandbox import API_KEY

from ._table import Row, machine, row, table

KEY = {"Authorization": f"Bearer {API_KEY}"}
EVENTS = "dsync.user.created,dsync.user.updated,dsync.group.user_added"


@contextlib.contextmanager
def served(users: int | None) -> Iterator[tuple[str, int]]:
    """Run a sandbox in another process; give its address and process id."""
    command = [sys.executable, "-m", "dirsync_nb.sandbox", "--port", "0"]
    command += ["--users", str(users)] if users is not None else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(process.pid, {0})
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"(http://\S+)$", line.strip()):
                    yield found[1], process.pid
                    return
        finally:
            process.send_signal(signal.SIGTERM)


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asked(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the requests of the mixture, one after another."""
    directories = requests.get(url + "/directories?limit=100", headers=KEY, timeout=30).json()["data"]
    okta = next(one["id"] for one in directories if one["type"] == "okta scim v2.0")
    listed = requests.get(
        url + "/directory_users", params={"directory": okta, "limit": 100}, headers=KEY, timeout=30
    ).json()
    groups = requests.get(
        url + "/directory_groups", params={"directory": okta, "limit": 100}, headers=KEY, timeout=30
    ).json()["data"]
    return [
        ("/directories", {"limit": 100}),
        ("/directory_users", {"directory": okta, "limit": 100, "order": "asc"}),
        ("/directory_users", {"directory": okta, "limit": 100, "after": listed["data"][50]["id"]}),
        ("/directory_users", {"group": groups[-1]["id"], "limit": 100}),
        ("/directory_groups", {"directory": okta, "limit": 100}),
        ("/directory_groups", {"user": listed["data"][0]["id"]}),
        ("/directory_users/" + listed["data"][1]["id"], {}),
        ("/events", {"events": EVENTS, "limit": 100}),
    ]


def load(rate: int, seconds: int, workers: int = 8) -> None:
    """Send requests at a steady rate, each at its own time whether or not the one before is back."""
    with served(None) as (url, pid):
        mixture, count = asked(url), rate * seconds
        before, cpu, began = memory(pid), cpu_seconds(pid), time.perf_counter()
        seen, times, lock = Counter[object](), list[float](), threading.Lock()

        def work(first: int) -> None:
            with requests.Session() as session:
                session.trust_env = False
                session.headers.update(KEY)
                for number in range(first, count, workers):
                    time.sleep(max(0.0, began + number / rate - time.perf_counter()))
                    path, query = mixture[number % len(mixture)]
                    sent = time.perf_counter()
                    try:
                        status: object = session.get(url + path, params=query, timeout=10).status_code
                    except requests.RequestException as error:
                        status = type(error).__name__
                    with lock:
                        seen[status] += 1
                        times.append(time.perf_counter() - sent)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        ordered = sorted(times)
        print(f"{len(times):,} requests in {took:.1f} s = {len(times) / took:.1f} a second; {dict(seen)}")
        print(
            f"median {ordered[len(ordered) // 2] * 1000:.1f} ms, 99 % under "
            f"{ordered[int(len(ordered) * 0.99)] * 1000:.1f} ms, slowest {ordered[-1] * 1000:.1f} ms"
        )
        print(f"server: {(cpu_seconds(pid) - cpu) / took:.0%} of a core, {before:.0f} -> {memory(pid):.0f} MB")


class Paged:
    """Ask one running sandbox for pages of 100 users, here and there in its large directory."""

    def __init__(self, url: str, pid: int, users: int) -> None:
        self.url, self.pid, self.users = url + "/directory_users", pid, users
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(KEY)
        directories = self.session.get(url + "/directories?limit=100&order=asc").json()["data"]
        self.query = {"directory": directories[0]["id"], "limit": 100}
        self.times: list[float] = []
        self.cpu = 0.0
        self.cursors: list[str | None] = [None]
        for _ in range(8):
            page = self.session.get(self.url, params={**self.query, "after": self.cursors[-1]}).json()
            self.cursors.append(page["list_metadata"]["after"])

    def ask(self, number: int) -> None:
        order = ("asc", "desc")[number % 2]
        asked = {**self.query, "order": order, "after": self.cursors[number % len(self.cursors)]}
        used, sent = cpu_seconds(self.pid), time.perf_counter()
        self.session.get(self.url, params=asked)
        self.times.append((time.perf_counter() - sent) * 1000)
        self.cpu += cpu_seconds(self.pid) - used


def rows(
    quick: bool = False, small: int = 1_000, large: int | None = None, rounds: int | None = None
) -> list[Row]:
    """Ask a small and a large sandbox in turn, so that both meet the same other work of the machine.

    The floor of the large one is the small one: a ratio of 1 says that a page costs the same in any directory.
    """
    large, rounds = large or (100_000 if quick else 1_000_000), rounds or (500 if quick else 2_000)
    began = time.perf_counter()
    with served(large) as far, served(small) as near:
        ready = time.perf_counter() - began
        one, two = both = [Paged(*near, small), Paged(*far, large)]
        for number in range(rounds):
            for paged in both:
                paged.ask(number)
        held = memory(two.pid)
    page = f"sandbox, a page of {large:,} users, floor {small:,}"
    medians = [statistics.median(paged.times) for paged in both]
    return [
        row(f"{page}: median", medians[1], floor=medians[0], unit="ms"),
        row(f"{page}: CPU of the server", two.cpu / rounds * 1e3, floor=one.cpu / rounds * 1e3, unit="ms"),
        row(f"sandbox of {large:,} users: until it serves", ready),
        row(f"sandbox of {large:,} users: memory", held, unit="MB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    loading = commands.add_parser("load")
    loading.add_argument("--rate", type=int, default=200)
    loading.add_argument("--seconds", type=int, default=60)
    paging = commands.add_parser("pages")
    paging.add_argument("--small", type=int, default=1_000)
    paging.add_argument("--large", type=int, default=1_000_000)
    given = parser.parse_args()
    if given.command == "load":
        load(given.rate, given.seconds)
    else:
        print(machine())
        print(table(rows(small=given.small, large=given.large)))


if __name__ == "__main__":
    main()
