"""What the benches share: a sandbox in a process of its own, and loads in fresh processes.

CPU is user plus system time of the reading process, from before the work to after it; memory is its highest
resident set, above what the imports took or as a whole (Linux only). The server's cost is in neither.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

SERVER = """
import sys
from dirsync_nb.sandbox import Sandbox
sandbox = Sandbox(users=int(sys.argv[1])).start()
print(sandbox.url, sandbox.api_key, sandbox.truth.directories()[0]["id"], flush=True)
sys.stdin.read()
sandbox.stop()
"""

FRAME = """
import json, sys, time
def usage():  # not ru_maxrss, which a child takes over from the process that started it
    held = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return time.process_time(), int(held.split()[1]) * 1024 / 1e6
work = prepare(*sys.argv[1:])
cpu, memory = usage()
started = time.perf_counter()
rows = work()
seconds = time.perf_counter() - started
after, peak = usage()
print(json.dumps({"rows": rows if isinstance(rows, int) else len(rows), "cpu": after - cpu, "seconds": seconds,
                  "memory": peak - memory, "peak": peak}))
"""

Figures = dict[str, float]


@contextlib.contextmanager
def sandbox(users: int) -> Iterator[tuple[str, str, str]]:
    """Run a sandbox without limits; give its address, its key and the large directory's id."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(users)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert server.stdout is not None
        url, key, directory = server.stdout.readline().split()
        yield url, key, directory
    finally:
        server.communicate("")


def measure(code: str, *arguments: str) -> Figures:
    """Run ``prepare(*arguments)`` and then what it gives in a fresh process; only the latter is measured."""
    done = subprocess.run(
        [sys.executable, "-c", code + FRAME, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return dict(json.loads(done.stdout))


def in_turn(codes: dict[str, str], arguments: dict[str, tuple[str, ...]], runs: int) -> dict[str, Figures]:
    """Run several codes in turn, so that all meet the same other work of the machine; give their medians."""
    results: dict[str, list[Figures]] = {name: [] for name in codes}
    for _ in range(runs):
        for name, code in codes.items():
            results[name].append(measure(code, *arguments[name]))
    return {
        name: {what: statistics.median(run[what] for run in seen) for what in seen[0]}
        for name, seen in results.items()
    }
