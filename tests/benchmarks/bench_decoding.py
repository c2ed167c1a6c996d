"""What the choice of JSON decoder and of text dtype rests on; the choice itself is told in ``packing``.

``python -m tests.benchmarks.bench_decoding [USERS]``. Decoders read the same pages of users, one by one, and
drop the result. Text dtypes hold the text columns of these users; their memory is what pandas says they hold.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from dirsync_nb.frames import USER_COLUMNS
from dirsync_nb.frames.builder import arrow_text

from ._measure import sandbox
from ._table import Row, machine, row, table
from .bench_load import save_pages

TEXT = [name for name, dtype in USER_COLUMNS.items() if dtype == "str" and name != "address"]
PACKED: dict[str, Callable[[list[Any]], pd.Series]] = {
    "str on Arrow": lambda values: pd.Series(arrow_text(values), copy=False),
    "str on Python": lambda values: pd.Series(values, dtype=pd.StringDtype("python", na_value=float("nan"))),
    "object": lambda values: pd.Series(values, dtype=object),
    "category": lambda values: pd.Series(values, dtype="category"),
}


def rows(quick: bool = False, users: int | None = None) -> list[Row]:
    """Measure decoders in seconds of CPU, and text dtypes in seconds and megabytes."""
    users = users or (10_000 if quick else 100_000)
    with sandbox(users) as (url, key, directory), tempfile.TemporaryDirectory() as home:
        path = Path(home) / "pages.jsonl"
        save_pages(url, key, path, {"directory": directory})
        pages = path.read_bytes().splitlines()
    return [*decoders(pages, users), *dtypes(pages, users)]


def decoders(pages: list[bytes], users: int) -> list[Row]:
    """Decode all pages with each decoder that is installed; the floor is the fastest that is exact, msgspec."""
    found: dict[str, Callable[[bytes], Any]] = {"msgspec": msgspec.json.decode, "json": json.loads}
    with contextlib.suppress(ImportError):
        found["orjson"] = import_module("orjson").loads
    taken = {
        name: best(lambda decode=decode: [decode(page) and None for page in pages])
        for name, decode in found.items()
    }
    size = sum(map(len, pages)) / 1e6
    return [
        row(f"decode {users:,} users ({size:.0f} MB), {name}", seconds, floor=taken["msgspec"])
        for name, seconds in taken.items()
    ]


def dtypes(pages: list[bytes], users: int) -> list[Row]:
    """Make the text columns in each dtype; the floor is ``str`` on Arrow."""
    records = [record for page in pages for record in msgspec.json.decode(page)["data"]]
    columns = [
        [record[name] if isinstance(record[name], str | None) else None for record in records] for name in TEXT
    ]
    del records
    made, seconds, size = [], {}, {}
    for name, pack in PACKED.items():
        seconds[name] = best(lambda pack=pack: [pack(values) for values in columns])
        size[name] = sum(pack(values).memory_usage(index=False, deep=True) for values in columns) / 1e6
        what = f"{len(columns)} text columns of {users:,} users, {name}"
        made.append(row(f"{what}: CPU", seconds[name], floor=seconds["str on Arrow"]))
        made.append(row(f"{what}: memory", size[name], floor=size["str on Arrow"], unit="MB"))
    return made


def best(work: Callable[[], Any], runs: int = 3) -> float:
    """Return the least CPU seconds of some runs."""
    seen = []
    for _ in range(runs):
        started = time.process_time()
        work()
        seen.append(time.process_time() - started)
    return min(seen)


if __name__ == "__main__":
    print(machine())
    print(table(rows(users=int(sys.argv[1]) if len(sys.argv) > 1 else None)))
