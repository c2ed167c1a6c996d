"""One request of a probe and what came back, told without a word of anybody's data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from ... import errors
from ...client import DSYNC_EVENTS, DirectoryClient, Record
from ...client.answers import json_or
from ...client.retry import parse_retry_after
from ...frames.records import as_dict, as_tuple
from ...sync import latest_event

T = TypeVar("T")

NOBODY = "01" + 24 * "Z"  # the end of an id that nothing has
EVENTS = ",".join(DSYNC_EVENTS)
MOST_REQUESTS = 120
LONGEST_HOLD = 60.0  # seconds to wait where the service says so

# Words of an answer that may stand in a report: names of fields, and codes that the API is known to use.
FIELD = re.compile(r"[a-z_]{1,30}")
CODES = {
    "entity_not_found", "invalid_events_request", "invalid_request_parameters", "rate_limit_exceeded",
    "daily_quota_exceeded", "required", "invalid_limit", "unauthorized", "forbidden", "not_found",
}  # fmt: skip


class NotAsked(Exception):
    """Say why a question could not be asked of this environment."""


@dataclass(frozen=True)
class Seen:
    """One answer, taken apart."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def rows(self) -> list[Record]:
        """The records of a list."""
        return [row for row in as_tuple(as_dict(self.body).get("data")) if isinstance(row, dict)]

    @property
    def ids(self) -> list[Any]:
        """The ids of a list, in its order."""
        return [row.get("id") for row in self.rows]

    def cursor(self, name: str) -> Any:
        """Return a cursor of a list."""
        return as_dict(as_dict(self.body).get("list_metadata")).get(name)

    @property
    def shape(self) -> str:
        """The status, and which fields the body has: no value but a known code."""
        return f"{self.status} {_shape(self.body)}"


def _shape(body: Any) -> str:
    if isinstance(body, dict):
        if isinstance(body.get("data"), list):
            return "list" if body["data"] else "empty list"
        return "{" + ", ".join(sorted(_field(name, value) for name, value in body.items())) + "}"
    return {str: "text", list: "list", type(None): "nothing"}.get(type(body), "other")


def _field(name: str, value: Any) -> str:
    shown = name if FIELD.fullmatch(name) else "?"
    if name == "code" and value in CODES:
        return f"code {value}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{shown} [{_shape(value[0])}]"
    return shown


class Asker:
    """Ask one server one thing after the other, within its limits, and find what there is to ask about.

    Attributes
    ----------
    requests
        How many were sent.
    """

    def __init__(self, client: DirectoryClient) -> None:
        self._client, self.requests, self._spent = client, 0, ""

    def get(self, path: str, **params: Any) -> Seen:
        """Perform one GET; where the service asks to wait, wait once and ask again."""
        seen = self._once(path, params)
        if seen.status == 429:
            pause = parse_retry_after(seen.headers.get("Retry-After")) or 1.0
            if pause <= LONGEST_HOLD:
                self._client.transport.pacer.hold(self._scope(path, params), max(pause, 1.0))
                seen = self._once(path, params)
        if seen.status == 429:
            self._spent = "the rate limit is used up"
            raise NotAsked(self._spent)
        if seen.status == 401:
            raise errors.NotAuthorized("the service refuses the key", status_code=401)
        return seen

    def _once(self, path: str, params: Mapping[str, Any]) -> Seen:
        if self.requests >= MOST_REQUESTS:
            self._spent = "too many requests"
        if self._spent:
            raise NotAsked(self._spent)
        self.requests += 1
        sent = {name: value for name, value in params.items() if value is not None}
        answer = self._client.transport.answer(path, sent, scope=self._scope(path, params))
        body = json_or(answer.content, "text" if answer.content.strip() else None)
        return Seen(answer.status, answer.headers, body)

    def _scope(self, path: str, params: Mapping[str, Any]) -> str | None:
        scoped = re.fullmatch(r"/directories/([^/]+)/users.*", path)
        if scoped:
            return scoped[1]
        return str(params.get("directory") or "probe") if path.startswith("/directory_users") else None

    # What there is to ask about -------------------------------------------------------------------------

    @cached_property
    def directories(self) -> list[Record]:
        """The linked directories, the largest first."""
        found = self.get("/directories", limit=100, order="asc").rows
        linked = [one for one in found if one.get("state") == "linked" and _id(one)]
        return sorted(linked, key=lambda one: -_users_in(one))

    @cached_property
    def directory(self) -> str:
        """The directory with most users."""
        return require(_id(next(iter(self.directories), {})), "there is no linked directory")

    @cached_property
    def users(self) -> list[Record]:
        """The first users of it, oldest first; at least two."""
        found = self.get("/directory_users", directory=self.directory, limit=100, order="asc").rows
        return require(found[1:] and found, "no directory has two users")

    @cached_property
    def groups(self) -> list[Record]:
        """The first groups of it."""
        found = self.get("/directory_groups", directory=self.directory, limit=100, order="asc").rows
        return require(found, "its largest directory has no group")

    @cached_property
    def group(self) -> str:
        """The first group of it that has members."""
        for group in self.groups[:5]:
            if self.get("/directory_users", directory=self.directory, group=_id(group), limit=1).rows:
                return str(_id(group))
        raise NotAsked("the first groups have no members")

    @cached_property
    def elsewhere(self) -> str:
        """Another directory."""
        others = [one for one in self.directories if _id(one) != self.directory]
        return require(_id(next(iter(others), {})), "there is no second linked directory")

    @cached_property
    def events(self) -> list[Record]:
        """The first events of what the service gives unasked; at least one."""
        found = self.get("/events", events=EVENTS, limit=100).rows
        return require(found, "there is no event of the last 30 days")

    @cached_property
    def newest(self) -> Record:
        """The newest event."""
        if self._spent:
            raise NotAsked(self._spent)
        return require(latest_event(self._client), "there is no event of the last 30 days")

    @cached_property
    def organization(self) -> str:
        """The organization of the directory."""
        home = next(iter(self.directories), {}).get("organization_id")
        return str(require(home, "no directory names its organization"))

    @cached_property
    def memberships(self) -> list[Record]:
        """The first organization memberships of that organization."""
        path = "/user_management/organization_memberships"
        found = self.get(path, organization_id=self.organization, limit=100, order="asc").rows
        return require(found, "the organization has no memberships")

    def told(self, *names: str, pages: int = 3) -> Iterator[Record]:
        """Yield events of some kinds, the first pages of what is given unasked."""
        after = None
        for _ in range(pages):
            seen = self.get("/events", events=",".join(names), limit=100, after=after)
            yield from seen.rows
            last, after = after, seen.cursor("after")
            if after in (None, last):
                return


def _id(record: Mapping[str, Any]) -> str:
    value = record.get("id")
    return value if isinstance(value, str) else ""


def _users_in(directory: Record) -> int:
    """Return how many users a directory says it has; 0 where it says nothing that can be read."""
    try:
        return int(directory["metadata"]["users"]["active"])
    except (KeyError, TypeError, ValueError):
        return 0


def require(found: T | None, why_not: str) -> T:
    """Return what was found; where there is nothing, the question cannot be asked."""
    if not found:
        raise NotAsked(why_not)
    return found
