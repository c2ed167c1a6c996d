"""What is asked of WorkOS, by the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workos import BadRequestError, UnprocessableEntityError, WorkOSClient, WorkOSError

from .mirror import has_moment
from .tables import Record

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


class NoList(WorkOSError):
    """WorkOS answers with something that is not a list."""


class Source:
    """Directories, users, groups and events of one environment, as they were sent.

    They are not made into the SDK's models: one record of a new or broken form would stop its whole page.
    """

    def __init__(self, client: WorkOSClient) -> None:
        self._client = client

    def directories(self) -> Iterator[Record]:
        """Yield every directory."""
        return self._every("directories")

    def groups(self, directory_id: str) -> Iterator[Record]:
        """Yield every group of a directory."""
        return self._every("directory_groups", directory=directory_id)

    def users(self, directory_id: str, group_id: str | None = None) -> Iterator[Record]:
        """Yield every user of a directory, or those in one of its groups.

        Memberships are read so, group by group: ``groups`` of a user is empty for newer WorkOS teams.
        """
        return self._every("directory_users", directory=directory_id, group=group_id)

    def event_pages(self, after: str | None) -> Iterator[list[Record]]:
        """Yield the events after one of them, oldest first, page by page, as they come."""
        while True:
            try:
                page, cursor = self._page("events", events=",".join(EVENTS), after=after)
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
            newest = next((event for event in reversed(page) if has_moment(event)), newest)
        return newest

    def _page(self, path: str, **query: str | None) -> tuple[list[Any], str | None]:
        asked = {name: value for name, value in query.items() if value is not None}
        body = self._client.request_raw("get", (path,), params={"limit": PAGE, **asked})
        page, after = body.get("data"), (body.get("list_metadata") or {}).get("after")
        if not isinstance(page, list):
            raise NoList("an answer without the list it should hold")
        return page, after

    def _every(self, path: str, **filters: str | None) -> Iterator[Record]:
        """Walk a list to its end, always in a stated order; an empty page is not the last, its cursor is."""
        after, met = None, set()
        while True:
            page, after = self._page(path, order="asc", after=after, **filters)
            yield from page
            if after is None:
                return
            if after in met:
                raise StuckCursor("WorkOS sent a cursor for the second time")
            met.add(after)
