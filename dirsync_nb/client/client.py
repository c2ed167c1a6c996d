"""Cursor walks and receipts: the WorkOS API as Python, still without a DataFrame.

The client always asks for full pages in a stated order, follows cursors to the end and keeps a receipt of what
each load did. Which filters each list takes stands in :mod:`dirsync_nb.client.endpoints`.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from .. import errors
from .endpoints import DSYNC_EVENTS, ENDPOINTS, api_time, identifier, wire_filters
from .pacing import RetryPolicy
from .pseudonyms import ID_FILTERS, TEXT_FILTERS, Pseudonyms, RedactedTransport, wrapped_key
from .transport import Traffic, Transport

__all__ = ["DSYNC_EVENTS", "DirectoryClient", "Receipt", "Record", "identifier"]

Record = dict[str, Any]
"""One API object, parsed."""

MAX_EVENT_WINDOW = timedelta(days=30)
MAX_STEPS_BACK = 12  # in one walk, over rows deleted under our feet
WINDOW_OVERLAP = timedelta(seconds=1)  # whether range ends are inclusive is not documented


@dataclass(repr=False)
class Receipt(Traffic):
    """What one load did.

    Attributes
    ----------
    endpoint, filters, order
        What was asked for, in the API's own names.
    requests, pages, rows
        Requests sent (retries included), pages read, distinct rows kept.
    duplicates
        Rows that came again and were dropped.
    waits
        Pauses, each with its cause ("pacing", "429", "503", "TimedOut" ...) and its seconds. Those of requests
        side by side are added up.
    seconds
        From start to end, waits included; a resumed load counts its own time only.
    complete
        Whether the list was read to its end.
    cursor
        Resume point: where the next page begins, or None for the first.
    notices
        What a reader should know about the rows, one sentence each.
    details
        What only one kind of load has to tell.
    partial
        The frame of an incomplete load, else None.
    """

    endpoint: str = ""
    filters: dict[str, str] = field(default_factory=dict)
    order: str | None = None
    pages: int = 0
    rows: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    complete: bool = False
    cursor: str | None = None
    notices: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    partial: Any = None
    so_far: Any = None
    """What a resumed load goes on with; for the loaders."""

    @property
    def seconds_waited(self) -> float:
        """Seconds spent in pauses."""
        return sum(wait.seconds for wait in self.waits)

    def __repr__(self) -> str:
        asked = ", ".join(f"{name}={value}" for name, value in self.filters.items() if name != "events")
        parts = [
            f"{self.rows:,} rows",
            f"{self.pages:,} {'page' if self.pages == 1 else 'pages'}",
            f"{self.requests:,} {'request' if self.requests == 1 else 'requests'}",
            f"{self.seconds:.2f} s",
        ]
        if self.duplicates:
            parts.append(f"{self.duplicates:,} duplicates dropped")
        if self.waits:
            causes = ", ".join(sorted({wait.cause for wait in self.waits}))
            parts.append(f"waited {self.seconds_waited:.1f} s ({causes})")
        parts.append("complete" if self.complete else "NOT complete")
        return f"<Receipt {self.endpoint}{f' ({asked})' if asked else ''}: {', '.join(parts)}>"


class DirectoryClient:
    """Read one WorkOS environment: organizations, directories, users, groups and events.

    It has no method that writes. Most people want :func:`dirsync_nb.connect` and the loaders instead of this
    class; use it for the raw records.

    Parameters
    ----------
    transport
        How requests are made.
    page_size
        Rows asked for in one request, 1 to 100.
    max_rows, max_pages
        Stop a list that is longer, with an error that keeps what was read. None: no limit.
    sandbox
        The embedded sandbox this client talks to, or None.

    Attributes
    ----------
    receipts
        What every load did, oldest first.
    told
        Notices that were already shown to the person at the keyboard; each is shown once.
    stop
        Gives up whatever this client is doing when set; None: nothing does.
    side_by_side
        How many directories are being read at once with the same budgets.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        page_size: int = 100,
        max_rows: int | None = None,
        max_pages: int | None = None,
        sandbox: Any = None,
    ) -> None:
        if not 1 <= page_size <= 100:
            raise errors.ArgumentError(f"page_size must be between 1 and 100; got {page_size!r}")
        for name, cap in (("max_rows", max_rows), ("max_pages", max_pages)):
            if cap is not None and cap < 1:
                raise errors.ArgumentError(f"{name} must be 1 or more, or None for no limit; got {cap!r}")
        self.transport = transport
        self.page_size = page_size
        self.max_rows = max_rows
        self.max_pages = max_pages
        self.sandbox = sandbox
        self.receipts: list[Receipt] = []
        self.told: set[str] = set()
        self.stop: threading.Event | None = None
        self.side_by_side = 1

    def branch(self, stop: threading.Event) -> DirectoryClient:
        """Return a client for a part of a larger work: same connections and budgets, receipts of its own.

        Whatever it does is given up when ``stop`` is set.
        """
        branch = copy.copy(self)
        branch.receipts, branch.stop = [], stop
        return branch

    @property
    def base_url(self) -> str:
        """Address of the server."""
        return self.transport.base_url

    def __repr__(self) -> str:
        where = "embedded sandbox" if self.sandbox is not None else self.base_url
        return f"<DirectoryClient {where}, key set, {self.transport.key_environment}>"

    def __enter__(self) -> DirectoryClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The embedded sandbox goes on; ``client.sandbox.stop()`` ends it."""
        self.transport.close()

    def redacted(
        self, *, key: str | bytes | None = None, keep_attributes: Iterable[str] = ()
    ) -> RedactedClient:
        """Return a client whose every answer has pseudonyms in place of people, for notebooks to share.

        Frames, raw records, events, widgets, receipts, errors and saved snapshots then hold pseudonyms only,
        the very ones that :func:`dirsync_nb.redaction.redact` makes with the same key. Ids from its frames can
        be passed back as usual, and filters such as ``email=`` take a pseudonym or the text itself.

        Parameters
        ----------
        key, keep_attributes
            As in :func:`dirsync_nb.redaction.redact`.
        """
        names = Pseudonyms(wrapped_key(key), keep_attributes)
        key = None  # no traceback through here shows it
        made = RedactedClient(
            RedactedTransport(self.transport, names),
            page_size=self.page_size,
            max_rows=self.max_rows,
            max_pages=self.max_pages,
            sandbox=self.sandbox,
        )
        made.stop = self.stop
        return made

    # Single objects -------------------------------------------------------------------------------------

    def organization(self, organization_id: object) -> Record:
        """Get one organization, by id. Raises NotFound when there is none."""
        return self._single("organizations", organization_id)

    def organization_by_external_id(self, external_id: str) -> Record:
        """Get one organization by the id that your own system gave it. Raises NotFound."""
        path = f"/organizations/external_id/{_path_part(external_id)}"
        doing = f"reading the organization with external id {external_id}"
        return _object(self.transport.get(path, doing=doing, traffic=Traffic(stop=self.stop)))

    def directory(
        self, directory_id: object, *, traffic: Traffic | None = None, retry: RetryPolicy | None = None
    ) -> Record:
        """Get one directory, by id. Raises NotFound when there is none."""
        return self._single("directories", directory_id, traffic=traffic, retry=retry)

    def user(self, user_id: object, *, directory_id: object = None, traffic: Traffic | None = None) -> Record:
        """Get one directory user, by id. Raises NotFound when there is none.

        ``directory_id``, when known, puts the request on that directory's budget.
        """
        scope = "directory_users" if directory_id is None else identifier(directory_id, "directory_id")
        return self._single("users", user_id, scope=scope, traffic=traffic)

    def group(self, group_id: object) -> Record:
        """Get one directory group, by id. Raises NotFound when there is none."""
        return self._single("groups", group_id)

    def _single(
        self,
        kind: str,
        value: object,
        *,
        scope: str | None = None,
        traffic: Traffic | None = None,
        retry: RetryPolicy | None = None,
    ) -> Record:
        endpoint = ENDPOINTS[kind]
        name = identifier(value, f"{kind.removesuffix('s').replace('directorie', 'directory')}_id")
        path = f"{endpoint.path}/{_path_part(name)}"
        doing = f"reading {endpoint.single} {name}"
        traffic = traffic if traffic is not None else Traffic(stop=self.stop)
        return _object(self.transport.get(path, scope=scope, doing=doing, traffic=traffic, retry=retry))

    # Lists ----------------------------------------------------------------------------------------------

    def organizations(self, *, order: str = "asc", **filters: object) -> Iterator[Record]:
        """Yield every organization once. Filters: ``domains`` (one or several), ``search``."""
        return self._records("organizations", filters, order)

    def directories(self, *, order: str = "asc", **filters: object) -> Iterator[Record]:
        """Yield every directory once. Filters: ``organization_id``, ``search``, ``domain`` (deprecated)."""
        return self._records("directories", filters, order)

    def users(self, *, order: str = "asc", **filters: object) -> Iterator[Record]:
        """Yield directory users once each. Filters: ``directory_id``, ``group_id``, ``idp_id``, ``email``."""
        return self._records("users", filters, order)

    def groups(self, *, order: str = "asc", **filters: object) -> Iterator[Record]:
        """Yield directory groups once each. Filters: ``directory_id``, ``user_id``."""
        return self._records("groups", filters, order)

    def events(self, **filters: object) -> Iterator[Record]:
        """Yield events once each, oldest first.

        Filters: ``events`` (default: all of Directory Sync), ``organization_id``, ``range_start``,
        ``range_end`` (datetimes, or text; zone-less means UTC), ``after`` (an event id).
        """
        return self._records("events", filters, None)

    def _records(self, kind: str, filters: Mapping[str, object], order: str | None) -> Iterator[Record]:
        receipt = self.receipt(kind, filters, order=order)
        seen: set[str] = set()
        for page in self.walk(receipt):
            for record in page:
                name = record.get("id")
                if isinstance(name, str):
                    if name in seen:
                        receipt.duplicates += 1
                        receipt.rows -= 1
                        continue
                    seen.add(name)
                yield record
        receipt.complete = True

    # Walks and receipts ---------------------------------------------------------------------------------

    def receipt(
        self,
        kind: str,
        filters: Mapping[str, object],
        *,
        order: str | None = "asc",
        resume: Receipt | None = None,
        log: bool = True,
    ) -> Receipt:
        """Check a call and open its entry in ``receipts``; nothing is sent yet.

        Parameters
        ----------
        kind
            A key of ``ENDPOINTS``.
        filters, order
            What is asked for, in our names or the API's.
        resume
            Receipt of the same load that broke.
        log
            False for a part of a larger load, which has a receipt of its own.

        Raises
        ------
        ArgumentError
            An unknown filter, a missing one, a bad order, or a receipt of another load.
        """
        endpoint = ENDPOINTS[kind]
        if endpoint.ordered and order not in ("asc", "desc", "normal"):
            raise errors.ArgumentError(f"order must be one of 'asc', 'desc', 'normal'; got {order!r}")
        wire, notices = wire_filters(endpoint, filters)
        after = wire.pop("after", None)
        receipt = Receipt(
            endpoint=endpoint.path,
            filters=wire,
            order=order if endpoint.ordered else None,
            notices=notices,
            cursor=after,
            details={} if after is None else {"after": after},
            stop=self.stop,
        )
        if resume is not None:
            _check_resumable(receipt, resume)
            receipt.cursor, receipt.so_far, receipt.rows = resume.cursor, resume.so_far, resume.rows
        if log:
            self.receipts.append(receipt)
        return receipt

    def walk(self, receipt: Receipt) -> Iterator[list[Record]]:
        """Yield the pages of a list until its end, keeping the receipt up to date.

        Whoever walks sets ``receipt.complete`` when the last page is safe with them.

        Raises
        ------
        LoadError
            The kind that fits; the receipt then tells how far it got.
        CursorStuck
            The service sends a cursor for the second time.
        CapReached
            ``max_rows`` or ``max_pages`` of this client were reached.
        """
        started = time.monotonic()
        seen: set[object] = set()
        steps = self._event_pages(receipt) if receipt.endpoint == "/events" else self._pages(receipt)
        try:
            for page, cursor in steps:
                kept, cut = self._within_cap(receipt, page, seen)
                receipt.pages += 1
                yield kept
                # Only now: whoever is interrupted while keeping a page reads it again on resuming.
                if cut:
                    receipt.cursor = kept[-1].get("id") if kept else receipt.cursor
                elif cursor is not None:
                    receipt.cursor = cursor
                self._check_caps(receipt, cut=cut, more=cursor is not None)
        finally:
            receipt.seconds += time.monotonic() - started

    def _within_cap(self, receipt: Receipt, page: list[Record], seen: set[object]) -> tuple[list[Record], bool]:
        """Count a page's rows; cut it at ``max_rows``, which counts rows that came twice only once."""
        if self.max_rows is None:
            receipt.rows += len(page)
            return page, False
        kept: list[Record] = []
        for record in page:
            name = str(record.get("id"))
            if name not in seen:
                if receipt.rows >= self.max_rows:
                    return kept, True
                seen.add(name)
                receipt.rows += 1
            kept.append(record)
        return kept, False

    def _pages(self, receipt: Receipt, cursor: str | None = None) -> Iterator[tuple[list[Record], str | None]]:
        """Yield each page with the cursor of the next one; None ends the list."""
        # In the order "normal" the cursors are swapped: `before` leads to older rows.
        onward = "before" if receipt.order == "normal" else "after"
        cursor = cursor or receipt.cursor
        seen = {cursor}
        earlier: list[str | None] = [None]
        steps_back = 0
        while True:
            try:
                page, metadata = self.page(receipt, {onward: cursor} if cursor else {})
            except (errors.BadRequest, errors.Unprocessable):
                steps_back += 1
                if (
                    cursor is None
                    or not earlier
                    or steps_back > MAX_STEPS_BACK
                    or receipt.endpoint == "/events"
                ):
                    raise
                note_step_back(receipt)
                cursor, seen = earlier.pop(), set()
                continue
            cursor = metadata.get(onward) or None if page else None
            yield page, cursor
            if cursor is None:
                return
            if cursor in seen:
                raise stuck(receipt, f"gave the cursor {cursor} a second time")
            seen.add(cursor)
            # Should the cursor's row be deleted before it is used, these are places to go back to.
            places = (page[at].get("id") for at in (0, len(page) // 2, -min(2, len(page))))
            earlier = [None, *(place for place in places if isinstance(place, str))]

    def _event_pages(self, receipt: Receipt) -> Iterator[tuple[list[Record], str | None]]:
        """Yield pages of events: windows of 30 days until a first event is found, then by cursor."""
        start, end = receipt.filters.get("range_start"), receipt.filters.get("range_end")
        if receipt.cursor is not None or start is None:
            yield from self._pages(receipt)
            return
        for window in _windows(start, end):
            page, metadata = self.page(receipt, window)
            if page or window["range_end"] == end:
                more = metadata.get("after") or (None if window["range_end"] == end else page[-1].get("id"))
                cursor = more if page else None
                yield page, cursor
                if cursor is not None:
                    yield from self._pages(receipt, cursor)
                return

    def page(
        self,
        receipt: Receipt,
        extra: Mapping[str, str | None],
        *,
        order: str | None = None,
        number: int | None = None,
        traffic: Traffic | None = None,
        retry: RetryPolicy | None = None,
    ) -> tuple[list[Record], dict[str, Any]]:
        """Read one page of a receipt's list; give its records and ``list_metadata``.

        Parameters
        ----------
        receipt
            What is read; its cost is noted here, or in ``traffic``.
        extra
            The cursor, or other parameters of this page alone.
        order
            Another order than the receipt's.
        number
            Which page it is, for messages.
        traffic, retry
            As in :meth:`Transport.get`.
        """
        merged = {**receipt.filters, **extra}
        if "after" in extra:
            # With a cursor, range_start has done its work and the API wants one or the other.
            merged.pop("range_start", None)
        params: dict[str, str | int] = {name: value for name, value in merged.items() if value is not None}
        params["limit"] = self.page_size
        if receipt.order is not None:
            params["order"] = order or receipt.order
        doing = f"{_doing(receipt)}, page {number or receipt.pages + 1:,}"
        payload = self.transport.get(
            receipt.endpoint,
            params,
            scope=_scope(receipt),
            doing=doing,
            traffic=receipt if traffic is None else traffic,
            retry=retry,
        )
        return _envelope(payload, doing)

    def rate(self, receipt: Receipt) -> float | None:
        """Return the requests a second that the budgets allow this list, or None without a limit."""
        return self.transport.pacer.rate(_scope(receipt))

    def _check_caps(self, receipt: Receipt, *, cut: bool, more: bool) -> None:
        if cut:
            name, cap = "max_rows", self.max_rows
        elif more and self.max_pages is not None and receipt.pages >= self.max_pages:
            name, cap = "max_pages", self.max_pages
        else:
            return
        raise errors.CapReached(
            f"{_doing(receipt)}: stopped at {name}={cap:,} with {receipt.rows:,} rows kept, and there are "
            f"more. Raise it with connect({name}=...)."
        )


class RedactedClient(DirectoryClient):
    """A client that gives pseudonyms and takes them back. Made by :meth:`DirectoryClient.redacted`.

    It remembers which text each id, address and domain it gave out stands for, in memory alone: a pseudonym
    from an earlier session or of another client is refused, and so is a real id, lest it end in a receipt.
    ``sandbox``, where there is one, is the sandbox itself and shows its invented people as they are.
    """

    transport: RedactedTransport

    def __repr__(self) -> str:
        return super().__repr__()[:-1] + ", redacted>"

    def redacted(
        self, *, key: str | bytes | None = None, keep_attributes: Iterable[str] = ()
    ) -> RedactedClient:
        """Return this client: it is redacted already. A key or attributes are refused."""
        if key is not None or keep_attributes:
            raise errors.ArgumentError("this client is redacted already; ask the one it was made from")
        return self

    def organization_by_external_id(self, external_id: str) -> Record:
        """Get one organization by the id that your own system gave it, or its pseudonym. Raises NotFound."""
        return super().organization_by_external_id(self.transport.names.disguise("external_id", external_id))

    def _single(self, kind: str, value: object, **options: Any) -> Record:
        name = f"{ENDPOINTS[kind].single.rpartition(' ')[2]}_id"
        return super()._single(kind, self.transport.names.disguise(name, identifier(value, name)), **options)

    def receipt(self, kind: str, filters: Mapping[str, object], **options: Any) -> Receipt:
        """Check a call, see :meth:`DirectoryClient.receipt`; what was typed is noted by its pseudonym."""
        return super().receipt(kind, {n: self._disguised(n, value) for n, value in filters.items()}, **options)

    def _disguised(self, name: str, value: object) -> object:
        if value is None or name not in ID_FILTERS | TEXT_FILTERS:
            return value
        if name in ID_FILTERS:
            value = identifier(value, name)
        if name == "domains":
            several = value.split(",") if isinstance(value, str) else value
            if isinstance(several, Iterable):
                return [self._disguised("domain", one) for one in several]
        return self.transport.names.disguise(name, value) if isinstance(value, str) else value


def _windows(start: str, end: str | None) -> Iterator[dict[str, str | None]]:
    """Cut a span into the windows of at most 30 days that one request may cover, oldest first."""
    first = datetime.fromisoformat(start)
    last = datetime.fromisoformat(end) if end else max(datetime.now(UTC), first)
    while last - first > MAX_EVENT_WINDOW:
        cut = first + MAX_EVENT_WINDOW
        yield {"range_start": api_time(first, ""), "range_end": api_time(cut, "")}
        first = cut - WINDOW_OVERLAP
    yield {"range_start": api_time(first, ""), "range_end": end}


def _check_resumable(asked: Receipt, resume: Receipt) -> None:
    if resume.complete:
        raise errors.ArgumentError("resume= takes the receipt of a load that broke; this one is complete")
    if resume.so_far is None:
        raise errors.ArgumentError(
            "resume= takes the receipt of a loader; this one has kept no rows to go on with"
        )
    if any(
        getattr(asked, name) != getattr(resume, name) for name in ("endpoint", "filters", "order", "details")
    ):
        raise errors.ArgumentError(
            f"resume= takes a receipt of the same load; this one read {resume.endpoint} with "
            f"{resume.filters} in order {resume.order}"
        )


def _envelope(payload: object, doing: str) -> tuple[list[Record], dict[str, Any]]:
    """Check that an answer is a list of objects with its cursors, and take it apart."""
    data = payload.get("data") if isinstance(payload, dict) else None
    metadata = payload.get("list_metadata") if isinstance(payload, dict) else None
    if not isinstance(data, list) or not isinstance(metadata, dict):
        raise errors.BadPayload(f"{doing}: the answer is not a list with data and list_metadata")
    if not all(isinstance(record, dict) for record in data):
        raise errors.BadPayload(f"{doing}: the list holds entries that are not objects")
    for name in ("before", "after"):
        if not isinstance(metadata.get(name), str | None):
            raise errors.BadPayload(f"{doing}: the cursor {name} is not text")
    return data, metadata


def note_step_back(receipt: Receipt) -> None:
    """Say that the row that marked our place in the list was deleted meanwhile."""
    notice = "A row that marked the place was deleted during the load; went on from an earlier one."
    if notice not in receipt.notices:
        receipt.notices.append(notice)


def stuck(receipt: Receipt, problem: str) -> errors.CursorStuck:
    """Make the error for cursors that lead nowhere."""
    return errors.CursorStuck(
        f"{_doing(receipt)}: {receipt.endpoint} {problem}; the list would never end. Run it again later; if it "
        "stays, tell WorkOS the time of the call."
    )


def _object(payload: object) -> Record:
    if not isinstance(payload, dict):
        raise errors.BadPayload(f"a single object was expected, and the answer is a {type(payload).__name__}")
    return payload


def _path_part(name: str) -> str:
    if name in ("", ".", ".."):
        raise errors.ArgumentError(f"{name!r} is not an id")
    return quote(name, safe="")


def _doing(receipt: Receipt) -> str:
    noun = next(e.noun for e in ENDPOINTS.values() if e.path == receipt.endpoint)
    owners = [receipt.filters[name] for name in ("group", "user", "directory") if name in receipt.filters]
    owner = owners[0] if owners else ""
    return f"reading {noun}" + (f" of {owner}" if owner else "")


def _scope(receipt: Receipt) -> str | None:
    """Name the budget a list counts on; a group's directory is not known from a call with only ``group``."""
    if receipt.endpoint != "/directory_users":
        return None
    return receipt.filters.get("directory") or receipt.filters["group"]
