"""Reads for widgets: page by page, with progress and a way out, printing nothing and touching no widget.

The loaders of ``dirsync_nb`` show a progress bar, which is a widget too, and may not be made on a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ...client import DirectoryClient, Record, read_pages
from ...frames import MEMBERSHIP_COLUMNS
from ...load.lists import load_list
from ...load.memberships import load_directory_memberships
from .jobs import Job

__all__ = ["overlaps", "read_frame", "read_ids", "read_memberships", "read_records", "read_users"]


def read_frame(
    client: DirectoryClient, kind: str, job: Job, *, expected: int | None = None, **filters: Any
) -> pd.DataFrame:
    """Read a list to its end, as the frame the loaders give."""
    total = f" of {expected:,}" if expected else ""

    def watch(count: int) -> None:
        job.check()
        job.tell(f"Reading {kind}: {count:,}{total} …")

    return load_list(client.context, kind, filters, counted=expected, watch=watch)


def read_users(client: DirectoryClient, directories: pd.DataFrame, directory_id: str, job: Job) -> pd.DataFrame:
    """Read the users of a directory; the directories frame tells how many there will be."""
    counts = directories.loc[directory_id, ["active_users", "inactive_users"]]
    expected = int(counts.to_numpy(dtype=int).sum()) if counts.notna().all() else None
    return read_frame(client, "users", job, directory_id=directory_id, expected=expected)


def read_records(
    client: DirectoryClient,
    kind: str,
    job: Job,
    *,
    pages: int | None = None,
    log: bool = True,
    **filters: Any,
) -> tuple[list[Record], bool]:
    """Read records, at most so many pages; say whether the list was read to its end."""
    context = client.context
    receipt = context.open(kind, filters, log=log)
    records: dict[str, Record] = {}
    for number, page in enumerate(read_pages(context, receipt), 1):
        records.update((str(record.get("id")), record) for record in page)
        job.check()
        job.tell(f"Reading {kind}: {receipt.rows:,} …")
        if pages is not None and number >= pages and len(page) == context.page_size:
            return list(records.values()), False
    receipt.complete = True
    return list(records.values()), True


def read_ids(client: DirectoryClient, kind: str, job: Job, *, log: bool = True, **filters: Any) -> list[str]:
    """Read the ids of a list; ``log`` is False for the second and further ones of one question."""
    return [str(record["id"]) for record in read_records(client, kind, job, log=log, **filters)[0]]


def read_memberships(
    client: DirectoryClient, users: pd.DataFrame, groups: pd.DataFrame, job: Job
) -> pd.DataFrame:
    """Read the memberships of these groups, as :func:`dirsync_nb.load_memberships` does."""

    def watch(count: int) -> None:
        job.check()
        job.tell(f"Reading memberships: {count:,} lists …")

    parts = [pd.DataFrame(columns=list(MEMBERSHIP_COLUMNS)).astype(MEMBERSHIP_COLUMNS)]
    for home in groups["directory_id"].dropna().unique():
        people, there = (frame[frame["directory_id"] == home] for frame in (users, groups))
        found = load_directory_memberships(client.context, home, users=people, groups=there, watch=watch)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def overlaps(
    client: DirectoryClient,
    group_id: str,
    members: Iterable[str],
    groups: Mapping[str, str],
    directory_id: str,
    job: Job,
) -> list[tuple[str, int]]:
    """Count the members a group shares with each other group, the most first; (group id, shared).

    Goes whichever way needs fewer requests: each member's groups, or each group's members.
    """
    own = set(members)
    others = [one for one in groups if one != group_id]
    shared: Counter[str] = Counter()
    if len(own) <= len(others):
        for place, user_id in enumerate(sorted(own), 1):
            job.tell(f"Comparing groups: member {place:,} of {len(own):,} …")
            shared.update(read_ids(client, "groups", job, log=place == 1, user_id=user_id))
    else:
        for place, other in enumerate(others, 1):
            job.tell(f"Comparing groups: {place:,} of {len(others):,} …")
            filters = {"group_id": other, "directory_id": directory_id}
            found = read_ids(client, "users", job, log=place == 1, **filters)
            shared[other] = len(own.intersection(found))
    shared.pop(group_id, None)
    return [(name, count) for name, count in shared.most_common() if count]
