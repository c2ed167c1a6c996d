"""What a load reads with, handed down from the client to whatever reads for it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

from .. import errors
from .endpoints import ENDPOINTS, endpoint_at, fitting_id, identifier, of_kind, path_of, path_part, wire_filters
from .receipts import Receipt
from .transport import Traffic, Transport

Record = dict[str, Any]
"""One API object, parsed."""


def _as_given(name: str, value: object) -> object:  # noqa: ARG001
    return value


@dataclass
class LoadContext:
    """What a load reads with: requests and their limits, and where it leaves its receipt.

    Attributes
    ----------
    transport
        How requests are made.
    page_size, max_rows, max_pages
        As in :class:`DirectoryClient`.
    receipts
        What every load did, oldest first.
    told
        Notices that were already shown to the person at the keyboard; each is shown once.
    stop
        Gives up whatever is being read when set; None: nothing does.
    side_by_side
        How many directories are being read at once with the same budgets.
    disguise, rounded
        What stands in a receipt for the value of a filter, by its name, and the unit that times are rounded to;
        for redacted clients.
    scoped_lists
        Whether whole lists of one directory are read at the paths inside it, where the server has them.
    looked_at, asking
        Filters that the service was seen to look at since the client began, and what is held while one is asked
        about.

    Examples
    --------
    >>> context = client.context
    >>> context.single("directories", directories.index[0])["name"]
    'Harbourline Okta'
    """

    transport: Transport
    page_size: int = 100
    max_rows: int | None = None
    max_pages: int | None = None
    receipts: list[Receipt] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    stop: threading.Event | None = None
    side_by_side: int = 1
    disguise: Callable[[str, object], object] = _as_given
    scoped_lists: bool = False
    rounded: str | None = None
    looked_at: set[str] = field(default_factory=set)
    asking: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def branch(self, stop: threading.Event, side_by_side: int | None = None) -> LoadContext:
        """Return the context of a part of a larger work: the same budgets, receipts of its own.

        Whatever it does is given up when ``stop`` is set.
        """
        count = side_by_side or self.side_by_side
        return dataclasses.replace(self, receipts=[], stop=stop, side_by_side=count)

    def open(
        self,
        kind: str,
        filters: Mapping[str, object],
        *,
        order: str | None = "asc",
        part: Mapping[str, object] | None = None,
        log: bool = True,
    ) -> Receipt:
        """Check a call and open its entry in ``receipts``; nothing is sent yet.

        Parameters
        ----------
        kind
            A key of ``ENDPOINTS``.
        filters, order
            What is asked for, in our names.
        part
            Which part of the list: ``limit``, and the cursor ``before`` or ``after``; those that are not None.
        log
            False for a part of a larger load, which has a receipt of its own.

        Raises
        ------
        ArgumentError
            A missing filter, two that exclude each other, a bad order, or a part that cannot be.
        """
        endpoint = ENDPOINTS[kind]
        if endpoint.ordered and order not in ("asc", "desc", "normal"):
            raise errors.ArgumentError(f"order must be one of 'asc', 'desc', 'normal'; got {order!r}")
        given = {name: self.disguise(name, value) for name, value in filters.items()}
        wire, notices = wire_filters(endpoint, given, typed=log or kind == "events")
        places = {name: self.disguise(name, value) for name, value in (part or {}).items()}
        details = part_of_list({**places, "after": wire.pop("after", places.get("after"))})
        receipt = Receipt(
            endpoint=endpoint.path,
            filters=wire,
            order=order if endpoint.ordered else None,
            notices=notices,
            cursor=details.get("before", details.get("after")),
            details=details,
            within=not log,
            stop=self.stop,
        )
        if log:
            self.receipts.append(receipt)
        return receipt

    def page(
        self,
        receipt: Receipt,
        extra: Mapping[str, str | None],
        *,
        order: str | None = None,
        limit: int | None = None,
        number: int | None = None,
        traffic: Traffic | None = None,
    ) -> tuple[list[Record], dict[str, Any]]:
        """Read one page of a receipt's list; return its records and ``list_metadata``.

        Parameters
        ----------
        receipt
            What is read; its cost is noted here, or in ``traffic``.
        extra
            The cursor, or other parameters of this page alone.
        order
            Another order than the receipt's.
        limit
            Fewer rows than a page holds.
        number
            Which page it is, for messages.
        traffic
            As in :meth:`Transport.get`.
        """
        merged = {**receipt.filters, **extra}
        if "after" in extra:
            # With a cursor, range_start has done its work and the API wants one or the other.
            merged.pop("range_start", None)
        endpoint = endpoint_at(receipt.endpoint)
        params: dict[str, str | int] = {name: value for name, value in merged.items() if value is not None}
        if endpoint.paged:
            params["limit"] = self.page_size if limit is None else min(limit, self.page_size)
        if receipt.order is not None:
            params["order"] = order or receipt.order
        doing = f"{doing_of(receipt)}, page {number or receipt.pages + 1:,}"

        def ask(path: str) -> tuple[list[Record], dict[str, Any]]:
            in_path = {"directory"} if path == endpoint.scoped else endpoint.in_path
            query = {name: value for name, value in params.items() if name not in in_path}
            payload = self.transport.get(
                path_of(path, receipt.filters),
                query,
                scope=_scope(receipt),
                doing=doing,
                traffic=receipt if traffic is None else traffic,
            )
            return _envelope(payload, doing, paged=endpoint.paged)

        # Only the bare list: of filters inside a directory no name is known.
        if not self.scoped_lists or endpoint.scoped is None or [*receipt.filters] != ["directory"]:
            return ask(endpoint.path)
        scoped, asked = endpoint.scoped, frozenset(receipt.filters.values())
        return self.transport.routes.read(
            lambda: ask(scoped), lambda: ask(endpoint.path), asked, lambda answer: bool(answer[0])
        )

    def object_id(self, kind: str, value: object) -> str:
        """Return the id of one object, and refuse one that is surely of another kind."""
        name = ENDPOINTS[kind].id_name
        given = identifier(value, name)
        of_kind(str(self.disguise(name, given)), name)  # a redacted client refuses real ids of any kind
        return given

    def single(self, kind: str, value: object, **options: Any) -> Record:
        """Read one object, by id; ``options`` are those of :meth:`Transport.get`. Raises NotFound."""
        endpoint = ENDPOINTS[kind]
        object_id = fitting_id(self._asked_id(endpoint.id_name, value), endpoint.id_name)
        path = f"{endpoint.path}/{path_part(object_id)}"
        return asked_for(self.get(path, f"reading {endpoint.single} {object_id}", **options), "id", object_id)

    def _asked_id(self, name: str, value: object) -> str:
        """Return the id to ask for; a redacted client's is a pseudonym."""
        return str(self.disguise(name, identifier(value, name)))

    def inside(self, kind: str, value: object, directory_id: object) -> Record:
        """Read one user or group of a directory. Raises NotFound when there is none, or in another one."""
        endpoint = ENDPOINTS[kind]
        object_id, home = self._asked_id(endpoint.id_name, value), self._asked_id("directory_id", directory_id)
        doing = f"reading {endpoint.single} {object_id} of {home}"
        scope = home if kind == "users" else None

        def ask(where: str) -> Callable[[], Record]:
            path = f"{path_of(where, {'directory': home})}/{path_part(object_id)}"
            return lambda: self.get(path, doing, scope=scope)

        def is_here(record: Record) -> bool:
            return record.get("directory_id") in (home, None)

        assert endpoint.scoped is not None
        asked = frozenset((object_id, home))
        record = self.transport.routes.read(ask(endpoint.scoped), ask(endpoint.path), asked, is_here)
        if not is_here(record):
            raise errors.NotFound(f"{doing}: it is in another directory", status_code=404)
        return record

    def get(self, path: str, doing: str, **options: Any) -> Record:
        """Read the one object at a path; ``options`` are those of :meth:`Transport.get`."""
        payload = self.transport.get(path, doing=doing, **{"traffic": Traffic(stop=self.stop), **options})
        if not isinstance(payload, dict):
            kind = type(payload).__name__
            raise errors.BadPayload(f"a single object was expected, and the answer is a {kind}")
        return payload

    def rate(self, receipt: Receipt) -> float | None:
        """Return the requests a second that the budgets allow a list, or None without a limit."""
        return self.transport.pacer.rate(_scope(receipt))


def doing_of(receipt: Receipt) -> str:
    """Return what a receipt's load is doing, for messages."""
    endpoint = endpoint_at(receipt.endpoint)
    names = (*endpoint.in_path[::-1], "group", "user", "directory")
    owners = [receipt.filters[name] for name in names if name in receipt.filters]
    return f"reading {endpoint.noun}" + (f" of {owners[0]}" if owners else "")


def asked_for(record: Record, field: str, wanted: str) -> Record:
    """Give back the one object that was asked for; refuse another one."""
    if isinstance(record.get(field), str) and record[field] != wanted:
        raise errors.FilterIgnored(
            f"the {record.get('object') or 'object'} of {field} {record[field]} came for {wanted}. Is it the "
            "WorkOS API that answers, or something in its place?"
        )
    return record


def part_of_list(part: Mapping[str, object]) -> dict[str, Any]:
    """Check which part of a list is asked for, and return what stands of it in the receipt."""
    given = {name: value for name, value in part.items() if value is not None}
    limit = given.get("limit", 1)
    if isinstance(limit, bool) or not isinstance(limit, Integral) or limit < 1:
        raise errors.ArgumentError(f"limit must be a number of rows, 1 or more; got {limit!r:.80}")
    if {"before", "after"} <= set(given):
        raise errors.ArgumentError("before and after are two places in one list; give one of them")
    whole: dict[str, Any] = {"limit": int(limit)} if "limit" in given else {}
    return whole | {name: identifier(value, name) for name, value in given.items() if name != "limit"}


def _scope(receipt: Receipt) -> str | None:
    """Return the budget a list counts on; a group's directory is not known from a call with only ``group``."""
    if receipt.endpoint != "/directory_users":
        return None
    return receipt.filters.get("directory") or receipt.filters["group"]


def _envelope(payload: object, doing: str, *, paged: bool) -> tuple[list[Record], dict[str, Any]]:
    """Check that an answer is a list of objects with its cursors, and take it apart."""
    data = payload.get("data") if isinstance(payload, dict) else None
    metadata = payload.get("list_metadata") if isinstance(payload, dict) else None
    if metadata is None and not paged:
        metadata = {}
    if not isinstance(data, list) or not isinstance(metadata, dict):
        raise errors.BadPayload(f"{doing}: the answer is not a list with data and list_metadata")
    if not all(isinstance(record, dict) for record in data):
        raise errors.BadPayload(f"{doing}: the list holds entries that are not objects")
    for name in ("before", "after"):
        if not isinstance(metadata.get(name), str | None):
            raise errors.BadPayload(f"{doing}: the cursor {name} is not text")
    return data, metadata
