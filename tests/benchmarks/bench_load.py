"""Measure loading users against the official SDK followed by ``pandas.json_normalize``.

Run on demand: ``python tests/benchmarks/bench_load.py [--users N] [--runs N]``. Both read the same directory
from the same sandbox, which runs in a process of its own without limits; each reading is a fresh process, the
two in turn. CPU is user plus system time of that process from before the load to after it, memory its highest
resident set above what the imports took (Linux only). The floor is ``json.loads`` of the same pages.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

SDK = """
from workos import WorkOSClient
import pandas as pd
def load(url, key, directory):
    with WorkOSClient(api_key=key, base_url=url) as client:
        pages = client.directory_sync.list_users(directory=directory, limit=100, order="asc")
        records = [user.to_dict() for user in pages.auto_paging_iter()]
    return pd.json_normalize(records)
"""

OURS = """
import dirsync_nb as ds
def load(url, key, directory):
    with ds.connect(key, base_url=url) as client:
        return ds.load_users(client, directory_id=directory)
"""

FLOOR = """
import json, pathlib
def load(url, key, directory):
    return [json.loads(line) for line in open(directory, "rb")]
"""

FRAME = """
import json, resource, sys, time
def usage():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
cpu, memory = usage()
started = time.perf_counter()
rows = load(*sys.argv[1:])
seconds = time.perf_counter() - started
after, peak = usage()
print(json.dumps({"rows": len(rows), "cpu": after - cpu, "seconds": seconds, "memory": peak - memory}))
"""


def measure(code: str, *arguments: str) -> dict[str, float]:
    """Run one load in a fresh process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code + FRAME, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return json.loads(done.stdout)


def start_sandbox(users: int) -> tuple[subprocess.Popen[str], str, str, str]:
    """Start the sandbox in its own process; give it with address, key and the large directory's id."""
    code = (
        "import sys; from dirsync_nb.sandbox import Sandbox; s = Sandbox(users=int(sys.argv[1])).start(); "
        "print(s.url, s.api_key, s.truth.directories()[0]['id'], flush=True); sys.stdin.read(); s.stop()"
    )
    sandbox = subprocess.Popen(
        [sys.executable, "-c", code, str(users)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert sandbox.stdout is not None
    return sandbox, *sandbox.stdout.readline().split()


def save_pages(url: str, key: str, directory: str, path: Path) -> None:
    """Save the pages as they come over the wire, one a line, for the floor."""
    import requests

    with path.open("wb") as file, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        session.trust_env = False
        query = {"directory": directory, "limit": 100, "order": "asc"}
        while True:
            answer = session.get(f"{url}/directory_users", params=query, timeout=60)
            file.write(answer.content + b"\n")
            query["after"] = answer.json()["list_metadata"]["after"]
            if query["after"] is None:
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    sandbox, url, key, directory = start_sandbox(chosen.users)
    pages = Path(f"/tmp/dirsync-bench-{os.getpid()}.jsonl")
    results: dict[str, list[dict[str, float]]] = {"sdk": [], "ours": [], "floor": []}
    try:
        save_pages(url, key, directory, pages)
        for _ in range(chosen.runs):
            results["sdk"].append(measure(SDK, url, key, directory))
            results["ours"].append(measure(OURS, url, key, directory))
            results["floor"].append(measure(FLOOR, "", "", str(pages)))
            time.sleep(0.2)
    finally:
        pages.unlink(missing_ok=True)
        sandbox.communicate("")
    show(results, chosen.users)


def show(results: dict[str, list[dict[str, float]]], users: int) -> None:
    names = {
        "sdk": "official SDK + json_normalize",
        "ours": "load_users",
        "floor": "json.loads of the same bytes",
    }
    middle = {
        who: {what: statistics.median(run[what] for run in runs) for what in ("cpu", "seconds", "memory")}
        for who, runs in results.items()
    }
    assert all(run["rows"] == users for who in ("sdk", "ours") for run in results[who])
    print(f"{users:,} users, median of {len(results['sdk'])} runs (lowest to highest CPU)\n")
    print(f"{'':30} {'CPU s':>7} {'':>13} {'wall s':>7} {'peak MB':>8}")
    for who, row in middle.items():
        spread = sorted(run["cpu"] for run in results[who])
        span = f"{spread[0]:.2f}-{spread[-1]:.2f}"
        print(f"{names[who]:30} {row['cpu']:7.2f} {span:>13} {row['seconds']:7.2f} {row['memory']:8.0f}")
    ratio, memory = (middle["sdk"][what] / middle["ours"][what] for what in ("cpu", "memory"))
    print(f"\nSDK / load_users: {ratio:.2f} x CPU, {memory:.2f} x memory")
    print(f"load_users / json.loads: {middle['ours']['cpu'] / middle['floor']['cpu']:.2f} x CPU")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
