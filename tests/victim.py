"""Do jobs in processes that can be killed: ``python -m tests.victim``, one JSON job a line.

Each job is done by a fork of this process, which has everything imported, so that a hundred kills take seconds.
The answer is the fork's pid, and another line once it ended.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import dirsync_nb as ds
from dirsync_nb.sync import snapshot


def load(*, url: str, key: str, directory_id: str, path: str) -> None:
    with ds.connect(key, base_url=url, page_size=10) as client:
        snapshot.take_snapshot(client, directory_id=directory_id, path=path)


def save(*, sources: list[str], path: str) -> None:
    held = [snapshot.open_snapshot(source) for source in sources]
    while True:
        for one in held:
            one.save(path)


JOBS = {"load": load, "save": save}


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
