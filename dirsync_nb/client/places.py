"""Places in the middle of a list of users, where a walk can begin: ids of users that something else names.

An object's id is a cursor, so any id of the list is such a place. There are two sources:

- ``/events``, which counts on the key's budget and not on the directory's: users who were created, changed or
  moved between groups in the last month. That costs one to three requests, and none of the four a second.
- Where no such place is left, the members of a group, which is one of the four a second: asked for only while
  a walker would have nothing to do, one page at a time, and the fewer the shorter the list. The list of groups
  has no limit of its own; groups from its middle come first, since the oldest is often everyone, whose first
  hundred members are the hundred rows the walk began with.

Where a question fails, there are no places; the walk has two ends all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import errors
from .client import DirectoryClient, Record
from .pacing import RetryPolicy
from .segments import Places, key_of
from .transport import Traffic

__all__ = ["find_groups", "find_in_events", "find_in_group"]

EVENTS = (
    "dsync.user.created",
    "dsync.user.updated",
    "dsync.group.user_added",
    "dsync.group.user_removed",
)


def find_in_events(
    client: DirectoryClient, directory_id: str, organization_id: str, cursor: str | None, traffic: Traffic
) -> tuple[Places, str | None]:
    """Return users of a directory whom a page of events names, and the cursor of the next page."""
    filters = {"events": EVENTS, "organization_id": organization_id}
    page, after = _ask(client, "events", filters, traffic, after=cursor)
    found: Places = {}
    for event in page:
        data = event.get("data")
        user = data.get("user", data) if isinstance(data, dict) else None
        if isinstance(user, dict) and user.get("directory_id") == directory_id:
            found |= _places([user])
    return found, after


def find_groups(client: DirectoryClient, directory_id: str, traffic: Traffic) -> list[str]:
    """Return a few groups of a directory, from the middle of their list first."""
    page, _ = _ask(client, "groups", {"directory_id": directory_id}, traffic)
    names = [group["id"] for group in page if isinstance(group.get("id"), str)]
    sixteenths = (8, 4, 12, 2, 6, 10, 14, 1)
    return list(dict.fromkeys(names[len(names) * part // 16] for part in sixteenths)) if names else []


def find_in_group(
    client: DirectoryClient, filters: dict[str, str], order: str, cursor: str | None, traffic: Traffic
) -> tuple[Places, str | None]:
    """Return members of a group and the last of them; where no page follows, all and None.

    Those of a large group's page stand close together, so that only the last is a place of its own.
    """
    page, after = _ask(client, "users", filters, traffic, after=cursor, order=order)
    found = _places(page[-1:] if after else page)
    return found, next(iter(found), None) if after else None


def _places(users: list[Record]) -> Places:
    return {user["id"]: key_of(user) for user in users if isinstance(user.get("id"), str)}


def _ask(
    client: DirectoryClient,
    kind: str,
    filters: Mapping[str, object],
    traffic: Traffic,
    *,
    after: str | None = None,
    order: str = "asc",
) -> tuple[list[Record], str | None]:
    """Read one page, without a second try; give its records and the next cursor."""
    try:
        receipt = client.receipt(kind, filters, order=order, log=False)
        extra = {"after": after} if after else {}
        page, metadata = client.page(receipt, extra, traffic=traffic, retry=RetryPolicy(attempts=1))
    except errors.DirsyncError:
        return [], None
    return page, metadata.get("after") if page else None
