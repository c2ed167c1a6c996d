"""Do jobs in processes that can be killed: ``python -m tests.victim``, one JSON job a line.

Each job is done by a fork of this process, which has everything imported, so that a hundred kills take seconds.
The answer is the fork's pid, and another line once it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import dirsync_nb as ds
from dirsync_nb.fleet import refresh_fleet, take_fleet
from dirsync_nb.sync import snapshot


class Victims:
    """Processes to be killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.victim"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )

    def do(self, seconds: float | None, **job: Any) -> int:
        """Do a job and kill it after so long, if at all; give its exit code, -9 if the kill came first."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(job), file=self.process.stdin, flush=True)
        pid = int(self.process.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return int(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def load(*, url: str, key: str, directory_id: str, path: str) -> None:
    with ds.connect(key, base_url=url, page_size=10) as client:
        snapshot.take_snapshot(client, directory_id=directory_id, path=path)


def save(*, sources: list[str], path: str) -> None:
    held = [snapshot.open_snapshot(source) for source in sources]
    while True:
        for one in held:
            one.save(path)


def refresh(*, url: str, key: str, path: str) -> None:
    with ds.connect(key, base_url=url) as client:
        while True:
            snapshot.open_snapshot(path).refresh(client, guard=None).save(path)


def fleet(*, url: str, key: str, path: str) -> None:
    with ds.connect(key, base_url=url, page_size=10) as client:
        take_fleet(client, path)


def fresh_fleet(*, url: str, key: str, path: str) -> None:
    with ds.connect(key, base_url=url, page_size=10) as client:
        while True:
            refresh_fleet(client, path, guard=None)


JOBS = {"fleet": fleet, "fresh_fleet": fresh_fleet, "load": load, "refresh": refresh, "save": save}


def main() -> None:
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                JOBS[job.pop("do")](**job)
                status = 0
            finally:
                os._exit(status)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
