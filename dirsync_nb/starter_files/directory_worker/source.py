"""What is asked of WorkOS, by the official SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from workos import BadRequestError, SyncPage, UnprocessableEntityError, WorkOSClient, WorkOSError

from .tables import Record

T = TypeVar("T")
PAGE = 100
EVENTS = (
    "dsync.activated",
    "dsync.deleted",
    "dsync.user.created",
    "dsync.user.updated",
    "dsync.user.deleted",
    "dsync.group.created",
    "dsync.group.updated",
    "dsync.group.deleted",
    "dsync.group.user_added",
    "dsync.group.user_removed",
)


class LostPlace(Exception):
    """WorkOS does not know the event to go on from: it is older than 90 days, or of another environment."""


class StuckCursor(WorkOSError):
    """WorkOS sends the same page again and again."""


class Source:
    """Directories, users, groups and events of one environment."""

    def __init__(self, client: WorkOSClient) -> None:
        self._client = client

    def directories(self) -> Iterator[Record]:
        """Yield every directory."""
        return _every(self._client.directory_sync.list_directories)

    def groups(self, directory_id: str) -> Iterator[Record]:
        """Yield every group of a directory."""
        return _every(self._client.directory_sync.list_groups, directory=directory_id)

    def users(self, directory_id: str, group_id: str | None = None) -> Iterator[Record]:
        """Yield every user of a directory, or those in one of its groups.

        Memberships are read so, group by group: ``groups`` of a user is empty for newer WorkOS teams.
        """
        return _every(self._client.directory_sync.list_users, directory=directory_id, group=group_id)

    def event_pages(self, after: str | None) -> Iterator[list[Record]]:
        """Yield the events after one of them, oldest first, page by page, as they come.

        They are not made into the SDK's models: one event of a new or broken form would stop its whole page.
        """
        while True:
            try:
                page, cursor = self._events(after=after)
            except (BadRequestError, UnprocessableEntityError) as problem:
                if after is None:
                    raise
                raise LostPlace(after) from problem
            if page:
                yield page
            if cursor is None or cursor == after:  # the end is written in either way
                return
            after = cursor

    def newest_event(self) -> Record | None:
        """Find the newest event of the last 30 days: a load begun now is sure to contain it.

        The API lists oldest first only, so this walks them all, a hundred a request. It is needed once.
        """
        newest = None
        for page in self.event_pages(None):
            newest = page[-1]
        return newest

    def _events(self, **query: str | None) -> tuple[list[Record], str | None]:
        asked = {name: value for name, value in query.items() if value is not None}
        body = self._client.request_raw(
            "get", ("events",), params={"events": ",".join(EVENTS), "limit": PAGE, **asked}
        )
        return list(body.get("data") or []), (body.get("list_metadata") or {}).get("after")


def _every(fetch: Callable[..., SyncPage[Any]], **filters: str | None) -> Iterator[Record]:
    """Walk a list to its end, always in a stated order.

    Not by the SDK's ``auto_paging_iter``: it takes an empty page for the last, and follows a cursor that
    repeats for ever.
    """
    after, met = None, set()
    while True:
        page = fetch(limit=PAGE, order="asc", after=after, **filters)
        yield from (item.to_dict() for item in page.data)
        if page.after is None:
            return
        if page.after in met:
            raise StuckCursor("WorkOS sent a cursor for the second time")
        met.add(after := page.after)
