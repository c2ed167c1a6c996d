"""Servers that page as they like, each with a truth: no list is silently short, doubled, or of others."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import DirectoryClient, Pacer
from dirsync_nb.client.transport import Traffic

SERVERS = int(os.environ.get("DIRSYNC_SERVERS", "600"))  # 2,000 and more on demand: a minute of CPU
PER_TEST = 100
DAY = "2026-08-03T09:{:02}:00.000Z"

KINDS: dict[str, tuple[str, dict[str, str]]] = {  # what is loaded, and by which filters
    "users": ("/directory_users", {"directory_id": "d1"}),
    "members": ("/directory_users", {"directory_id": "d1", "group_id": "g1"}),
    "namesakes": ("/directory_users", {"directory_id": "d1", "email": "ann@acme.test"}),
    "groups": ("/directory_groups", {"directory_id": "d1"}),
    "groups of": ("/directory_groups", {"user_id": "u1"}),
    "directories": ("/directories", {"organization_id": "org_1"}),
    "found": ("/directories", {"search": "acme"}),
    "organizations": ("/organizations", {"domains": "acme.test"}),
    "events": ("/events", {"events": "dsync.user.created"}),
    "memberships": ("", {"directory_id": "d1"}),
}
WIRE = {"directory_id": "directory", "group_id": "group", "user_id": "user"}


class OddServer:
    """Lists that are paged at the mercy of a seed; what it is asked for, and what is true, is in it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.base_url = "memory"
        limited = rng.random() < 0.5  # slow answers within a limit: read from both ends
        self.now = 0.0
        self.pacer = Pacer(clock=lambda: self.now, sleep=lambda seconds, stop: None)
        self.pacer = self.pacer if limited else Pacer.unlimited()
        self.latency = rng.choice([0.05, 0.6])
        self.kind = rng.choice([*KINDS, "users", "users", "users", "memberships"])
        self.asked = KINDS[self.kind][1]
        self.filters = {WIRE.get(name, name): value for name, value in self.asked.items()}
        self.names = [f"u{number:04}" for number in range(rng.randrange(60))]
        self.groups = {f"g{n}": rng.sample(self.names, rng.randrange(len(self.names) + 1)) for n in range(4)}
        self.opaque = rng.random() < 0.5  # cursors are no ids
        self.empty = rng.choice([0, 0, 0.3])  # share of empty pages that lead on
        self.again = rng.choice([0, 0, 1, 3])  # rows of the page before that come again
        self.deleted = rng.choice([0, 0, 0.1])  # share of cursors whose row is said to be gone
        ignorable = ["group", "user"] if self.kind == "memberships" else list(self.filters)
        self.ignored = rng.choice(ignorable) if rng.random() < 0.15 else None
        self.ignores_order = rng.random() < 0.1
        self.fault = rng.choice([None] * 12 + ["same rows", "only empty", "one cursor"])
        if self.fault == "one cursor":  # an empty page that repeats its cursor is how a list ends
            self.empty = 0
        self.counted = rng.choice([None, len(self.names)])
        self.requests, self.lock, self.cursors = 0, threading.Lock(), {}

    def get(self, path: str, params: Any = None, *, traffic: Traffic, **_: Any) -> Any:
        with self.lock:
            traffic.requests += 1
            self.now += self.latency
            self.requests += 1
            assert self.requests < 4000, "the list never ends"
            if path.startswith("/directories/"):
                people = {"active": self.counted, "inactive": 0}
                return {"id": "d1", "metadata": {"users": people} if self.counted is not None else None}
            if params is None:
                return {"id": path.rpartition("/")[2]}
            return self._page(path, params)

    def listed(self, path: str, query: dict[str, Any]) -> list[str]:
        """Return what an answer is about; a filter that is not looked at leaves everything."""
        asked = {name: value for name, value in query.items() if name != self.ignored}
        if self.kind == "memberships":
            if path == "/directory_users":
                return self.groups.get(asked["group"], []) if "group" in asked else self.names
            owner = asked.get("user")
            return [group for group, inside in self.groups.items() if owner is None or owner in inside]
        right = all(asked.get(name, wanted) == wanted for name, wanted in self.filters.items())
        return self.names if right else []

    def _page(self, path: str, query: dict[str, Any]) -> Any:
        rng, after = self.rng, query.get("after")
        names = sorted(self.listed(path, query))
        names = names if query.get("order", "asc") == "asc" or self.ignores_order else names[::-1]
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
            by_id = size and end <= len(names) and not self.opaque
            cursor = names[end - 1] if by_id else f"cursor{len(self.cursors)}"
            cursor = "stuck" if self.fault == "one cursor" else cursor
            if cursor not in names:  # the place of a row depends on the list, and on its order
                self.cursors[cursor] = end if self.fault != "one cursor" else 0
        rows = [self.record(name, self.filters) for name in page]
        if self.ignored in self.filters and size and names:  # and somebody whom nobody asked for
            rows.append(self.record(f"x{start}", {**self.filters, self.ignored: "another"}))
        return {"data": rows, "list_metadata": {"after": cursor}}

    def record(self, name: str, filters: dict[str, str]) -> dict[str, Any]:
        """Return a record that shows the filters it fits, where records of its kind do."""
        shown = {"directory": "directory_id", "events": "event", "search": "name"}
        record = {shown.get(n, n): value for n, value in filters.items() if n not in ("group", "user")}
        if "domains" in filters:
            record["domains"] = [{"domain": filters["domains"]}]
        own = {"object": "directory_user", "id": name, "groups": [], "directory_id": "d1"}
        return {**own, "created_at": DAY.format(int(name[1:]) % 60), **record}

    def truth(self) -> list[Any]:
        if self.kind == "memberships":
            return sorted((user, group) for group, inside in self.groups.items() for user in inside)
        return self.names

    def load(self, client: DirectoryClient, order: str) -> list[Any]:
        if self.kind == "memberships":
            route = "by_group" if self.ignored == "group" else self.rng.choice(["by_group", "by_user"])
            frame = ds.load_memberships(
                client, route="by_user" if self.ignored == "user" else route, **self.asked
            )
            return sorted(zip(frame["user_id"], frame["group_id"], strict=True))
        kind = {"/directory_users": "users", "/directory_groups": "groups"}.get(KINDS[self.kind][0])
        load = getattr(ds, f"load_{kind or KINDS[self.kind][0].strip('/')}")
        ordered = {} if self.kind == "events" else {"order": order}
        return list(load(client, **self.asked, **ordered).index)


@pytest.mark.parametrize("block", range(max(1, SERVERS // PER_TEST)))
def test_no_list_is_silently_short_and_none_is_doubled(block):
    complete = Counter()
    for seed in range(block * PER_TEST, (block + 1) * PER_TEST):
        server = OddServer(seed)
        client = DirectoryClient(server, page_size=server.rng.choice([3, 7, 20]))  # type: ignore[arg-type]
        order = server.rng.choice(["asc", "desc"])
        told = f"seed {seed}: {server.kind}, ignoring {server.ignored}"
        try:
            found = server.load(client, order)
        except errors.LoadError:
            receipt = client.receipts[-1]
            assert not receipt.complete, told
            assert receipt.partial.index.is_unique, told
            if server.ignored is None and server.kind != "memberships":
                assert set(receipt.partial.index) <= set(server.names), told
            continue
        complete[server.kind] += 1
        assert server.ignored is None or not server.truth(), told
        assert sorted(found) == server.truth(), told
        if not server.ignores_order and server.kind not in ("events", "memberships"):
            assert found == sorted(found, reverse=order == "desc"), told
    assert complete.total() > PER_TEST // 2
    assert len(complete) > len(KINDS) // 2
