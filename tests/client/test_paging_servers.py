"""Two thousand servers that page as they like, each with a truth: no list is silently short, none doubled."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import DirectoryClient, Pacer
from dirsync_nb.client.transport import Traffic

SERVERS = 2000
PER_TEST = 100


class OddServer:
    """A directory whose list is paged at the mercy of a seed; ``honest`` says that its rows can all be had."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.base_url = "memory"
        limited = rng.random() < 0.5  # slow answers within a limit: read from both ends
        self.now = 0.0
        self.pacer = Pacer(clock=lambda: self.now, sleep=lambda seconds, stop: None)
        self.pacer = self.pacer if limited else Pacer.unlimited()
        self.latency = rng.choice([0.05, 0.6])
        self.names = [f"u{number:04}" for number in range(rng.randrange(60))]
        self.opaque = rng.random() < 0.5  # cursors are no ids
        self.empty = rng.choice([0, 0, 0.3])  # share of empty pages that lead on
        self.again = rng.choice([0, 0, 1, 3])  # rows of the page before that come again
        self.deleted = rng.choice([0, 0, 0.1])  # share of cursors whose row is said to be gone
        self.ignores_filter = rng.random() < 0.1
        self.ignores_order = rng.random() < 0.1
        self.fault = rng.choice([None] * 12 + ["same rows", "only empty", "one cursor"])
        if self.fault == "one cursor":  # an empty page that repeats its cursor is how a list ends
            self.empty = 0
        self.counted = rng.choice([None, len(self.names)])
        self.requests, self.lock, self.cursors = 0, threading.Lock(), {}
        self.had_hole = False

    def get(self, path: str, params: Any = None, *, traffic: Traffic, **_: Any) -> Any:
        with self.lock:
            traffic.requests += 1
            self.now += self.latency
            if path.startswith("/directories/"):
                people = {"active": self.counted, "inactive": 0}
                return {"id": "d1", "metadata": {"users": people} if self.counted is not None else None}
            self.requests += 1
            assert self.requests < 400, "the list never ends"
            return self._page(params)

    def _page(self, query: dict[str, Any]) -> Any:
        rng, after = self.rng, query.get("after")
        names = self.names if query["order"] == "asc" or self.ignores_order else self.names[::-1]
        start = 0
        if after is not None:
            if rng.random() < self.deleted:
                raise errors.Unprocessable("unknown cursor", status_code=422)
            if after in self.cursors:
                start = self.cursors[after]
            elif after in names:  # the id of a row is a cursor
                start = names.index(after) + 1
            else:
                raise errors.Unprocessable("unknown cursor", status_code=422)
        if self.fault == "same rows":
            start = 0
        size = 0 if self.fault == "only empty" and after else query["limit"]
        if rng.random() < self.empty:
            size = 0
        end = start + size
        page = names[max(0, start - self.again) if size else start : end]
        cursor = None
        if end < len(names) or self.fault == "only empty":
            cursor = (
                names[end - 1]
                if size and end <= len(names) and not self.opaque
                else f"cursor{len(self.cursors)}"
            )
            cursor = "stuck" if self.fault == "one cursor" else cursor
            self.cursors[cursor] = end if self.fault != "one cursor" else 0
        rows = [{"id": name, "directory_id": "d1", "object": "directory_user"} for name in page]
        if self.ignores_filter and size:
            rows.append({"id": f"far{start}", "directory_id": "d2", "object": "directory_user"})
        return {"data": rows, "list_metadata": {"after": cursor}}


@pytest.mark.parametrize("block", range(SERVERS // PER_TEST))
def test_no_list_is_silently_short_and_none_is_doubled(block):
    complete = 0
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        server = OddServer(seed)
        client = DirectoryClient(server, page_size=server.rng.choice([3, 7, 20]))  # type: ignore[arg-type]
        order = server.rng.choice(["asc", "desc"])
        try:
            found = ds.load_users(client, directory_id="d1", order=order).index.tolist()
        except errors.LoadError:
            receipt = client.receipts[-1]
            assert not receipt.complete, seed
            assert receipt.partial.index.is_unique, seed
            assert set(receipt.partial.index) <= set(server.names), seed
            continue
        complete += 1
        assert not server.ignores_filter or not server.names, seed
        assert sorted(found) == server.names, seed
        if not server.ignores_order:
            assert found == sorted(found, reverse=order == "desc"), seed
    assert complete > PER_TEST // 2
