"""Measure loading against the official SDK followed by ``pandas.json_normalize``, and against bare decoding.

``python -m tests.benchmarks.bench_load [--users N] [--runs N]``. All read the same directory from the same
sandbox, each in a fresh process, in turn. The floor is what no client that looks at the answers can go below:
decoding the same bytes once, page by page, and dropping the result. It is given for ``json`` of the standard
library, on which the target of 2.5 is set, and for msgspec, the fastest there is.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ._measure import Figures, in_turn, sandbox
from ._table import Row, machine, row, table

TARGET = 2.5  # CPU of a load, in multiples of the floor

OURS = """
import dirsync_nb as ds
def prepare(url, key, directory):
    client = ds.connect(key, base_url=url)
    ds.load_users  # imports pandas, as the peer's code does above
    return lambda: ds.{call}
"""

SDK = """
from workos import WorkOSClient
import pandas as pd
def prepare(url, key, directory):
    service = WorkOSClient(api_key=key, base_url=url).directory_sync
    def load():
        return pd.json_normalize([one.to_dict() for one in {call}])
    return load
"""

# The groups first, then the members of each, which is what the SDK's users do.
SDK_MEMBERSHIPS = """
from workos import WorkOSClient
import pandas as pd
def prepare(url, key, directory):
    service = WorkOSClient(api_key=key, base_url=url).directory_sync
    def load():
        groups = service.list_groups(directory=directory, limit=100).auto_paging_iter()
        return pd.DataFrame([
            (user.id, group.id, directory)
            for group in groups
            for user in service.list_users(group=group.id, limit=100).auto_paging_iter()
        ])
    return load
"""

FLOOR = """
import json, msgspec
def prepare(path, decoder):
    decode = {"json": json.loads, "msgspec": msgspec.json.decode}[decoder]
    pages = open(path, "rb").read().splitlines()
    def load():
        for page in pages:
            decode(page)
        return len(pages)
    return load
"""

USERS = {
    "ours": OURS.format(call="load_users(client, directory_id=directory)"),
    "sdk": SDK.format(
        call='service.list_users(directory=directory, limit=100, order="asc").auto_paging_iter()'
    ),
    "json": FLOOR,
    "msgspec": FLOOR,
}
MEMBERSHIPS = {
    "ours": OURS.format(call="load_memberships(client, directory_id=directory)"),
    "sdk": SDK_MEMBERSHIPS,
    "json": FLOOR,
    "msgspec": FLOOR,
}


def save_pages(url: str, key: str, path: Path, *queries: dict[str, str]) -> None:
    """Save the pages of lists of users as they come over the wire, one a line, for the floor."""
    import requests

    with path.open("wb") as file, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        session.trust_env = False
        for filters in queries:
            query = {"limit": "100", "order": "asc", **filters}
            while True:
                answer = session.get(f"{url}/directory_users", params=query, timeout=60)
                file.write(answer.content + b"\n")
                if (after := answer.json()["list_metadata"]["after"]) is None:
                    break
                query["after"] = after


def groups_of(url: str, key: str, directory: str) -> list[str]:
    """Return the ids of a directory's groups."""
    from dirsync_nb import connect, load_groups

    with connect(key, base_url=url) as client:
        return list(load_groups(client, directory_id=directory).index)


def compare(codes: dict[str, str], where: tuple[str, str, str], pages: Path, runs: int) -> dict[str, Figures]:
    """Measure ours, the SDK and both floors."""
    floor = {name: (str(pages), name) for name in ("json", "msgspec")}
    return in_turn(codes, {"ours": where, "sdk": where, **floor}, runs)


def told(what: str, seen: dict[str, Figures]) -> list[Row]:
    """Make the rows of one comparison."""
    ours, sdk = seen["ours"], seen["sdk"]
    return [
        row(f"{what}: CPU, floor json", ours["cpu"], sdk["cpu"], seen["json"]["cpu"]),
        row(f"{what}: CPU, floor msgspec", ours["cpu"], sdk["cpu"], seen["msgspec"]["cpu"]),
        row(f"{what}: memory", ours["memory"], sdk["memory"], unit="MB"),
    ]


def rows(quick: bool = False, users: int | None = None, runs: int | None = None) -> list[Row]:
    """Measure ``load_users`` and ``load_memberships``."""
    users, runs = users or (10_000 if quick else 100_000), runs or (1 if quick else 3)
    with sandbox(users) as where, tempfile.TemporaryDirectory() as home:
        url, key, directory = where
        pages = Path(home) / "pages.jsonl"
        save_pages(url, key, pages, {"directory": directory})
        people = compare(USERS, where, pages, runs)
        assert people["ours"]["rows"] == people["sdk"]["rows"] == users
        save_pages(url, key, pages, *({"group": group} for group in groups_of(url, key, directory)))
        members = compare(MEMBERSHIPS, where, pages, 1)
        assert members["ours"]["rows"] == members["sdk"]["rows"]
    pairs = f"load_memberships, {members['ours']['rows']:,.0f} pairs"
    return told(f"load_users, {users:,} users", people) + told(pairs, members)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    print(machine())
    print(table(rows(users=chosen.users, runs=chosen.runs)))
    print(f"\nTarget: CPU at most {TARGET:g} times the floor of json.")


if __name__ == "__main__":
    main()
