"""The WorkOS API as Python, still without a DataFrame: single objects, and whole lists of them.

The client always asks for full pages in a stated order, follows cursors to the end and keeps a receipt of what
each load did. Which filters each list takes stands in :mod:`dirsync_nb.client.endpoints`.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .. import errors
from .context import LoadContext, Record, asked_for
from .endpoints import as_ids, filters_of, foreign_id, identifier, one_directory_id, path_part
from .paging import read_pages
from .pseudonyms import ID_FILTERS, TEXT_FILTERS, Pseudonyms, RedactedTransport, wrapped_key
from .receipts import Receipt
from .transport import Transport

SETTINGS = ("page_size", "max_rows", "max_pages", "sandbox", "scoped_lists")


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
    scoped_lists
        As in :func:`dirsync_nb.connect`.

    Attributes
    ----------
    receipts
        What every load did, oldest first.

    Examples
    --------
    >>> [record["name"] for record in client.directories(search="Okta")]
    ['Harbourline Okta']
    >>> client.receipts[-1].complete
    True
    """

    def __init__(
        self,
        transport: Transport,
        *,
        page_size: int = 100,
        max_rows: int | None = None,
        max_pages: int | None = None,
        sandbox: Any = None,
        scoped_lists: bool = False,
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
        self.scoped_lists = scoped_lists
        self.receipts: list[Receipt] = []
        self._told: set[str] = set()
        self._looked_at: set[str] = set()
        self._asking = threading.Lock()

    @property
    def context(self) -> LoadContext:
        """What a load reads with; it logs its receipt here."""
        caps = self.page_size, self.max_rows, self.max_pages
        return LoadContext(
            self.transport,
            *caps,
            receipts=self.receipts,
            told=self._told,
            scoped_lists=self.scoped_lists,
            looked_at=self._looked_at,
            asking=self._asking,
        )

    @property
    def base_url(self) -> str:
        """Address of the server."""
        return self.transport.base_url

    @property
    def server(self) -> str:
        """What kept places and snapshots are of: a sandbox by its world, at any port; else the address."""
        if self.sandbox is None:
            return self.base_url
        try:
            identity: str = self.sandbox.identity
        except OSError as problem:
            raise errors.ConnectionFailed(f"the sandbox at {self.base_url} does not answer") from problem
        return identity

    def reads(self, server: str) -> bool:
        """Whether what was kept of a server is of the one this client reads."""
        return server == self.base_url or server == self.server

    def copies(self, server: str) -> bool:
        """Whether this client reads a sandbox that was made of a snapshot of a server."""
        return self.sandbox is not None and self.sandbox.origin == server

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
        self,
        *,
        key: str | bytes | None = None,
        keep_attributes: Iterable[str] = (),
        round_times: str | None = None,
    ) -> RedactedClient:
        """Return a client whose every answer has pseudonyms in place of people, for notebooks to share.

        Frames, raw records, events, widgets, receipts, errors and saved snapshots then hold pseudonyms only,
        the very ones that :func:`dirsync_nb.redaction.redact` makes with the same key. Ids from its frames can
        be passed back as usual, and filters such as ``email=`` take a pseudonym or the text itself.

        Parameters
        ----------
        key, keep_attributes, round_times
            As in :func:`dirsync_nb.redaction.redact`. With rounded times nobody knows which of two events came
            first, so that neither a replay nor a snapshot can be made of what this client reads.
        """
        names = Pseudonyms(wrapped_key(key), keep_attributes, round_times=round_times)
        key = None  # no traceback through here shows it
        settings = {name: getattr(self, name) for name in SETTINGS}
        return RedactedClient(RedactedTransport(self.transport, names), **settings)

    # Single objects -------------------------------------------------------------------------------------

    def organization(self, organization_id: object) -> Record:
        """Get one organization, by id. Raises NotFound when there is none."""
        return self._single("organizations", organization_id)

    def organization_by_external_id(self, external_id: str) -> Record:
        """Get one organization by the id that your own system gave it. Raises NotFound."""
        external_id = str(self.context.disguise("external_id", external_id))
        path = f"/organizations/external_id/{path_part(external_id)}"
        record = self.context.get(path, f"reading the organization with external id {external_id}")
        return asked_for(record, "external_id", external_id)

    def directory(self, directory_id: object) -> Record:
        """Get one directory, by id. Raises NotFound when there is none."""
        return self._single("directories", directory_id)

    def user(self, user_id: object, *, directory_id: object = None) -> Record:
        """Get one directory user, by id. Raises NotFound when there is none, or not in ``directory_id``.

        With ``directory_id`` it is read inside that directory, on its budget, where the server has such a path.
        """
        if directory_id is not None:
            return self.context.inside("users", self.context.object_id("users", user_id), directory_id)
        return self._single("users", user_id, scope="directory_users")

    def group(self, group_id: object, *, directory_id: object = None) -> Record:
        """Get one directory group, by id. Raises NotFound when there is none, or not in ``directory_id``."""
        if directory_id is not None:
            return self.context.inside("groups", self.context.object_id("groups", group_id), directory_id)
        return self._single("groups", group_id)

    def _single(self, kind: str, value: object, *, scope: str | None = None) -> Record:
        given = self.context.object_id(kind, value)
        try:
            return self.context.single(kind, given, scope=scope)
        except errors.NotFound as problem:
            if told := foreign_id(given):
                problem.args = (f"{problem.args[0]} Besides, {told}.",)
            raise

    # Lists ----------------------------------------------------------------------------------------------

    @filters_of("organizations")
    def organizations(
        self,
        search: str | None = None,
        *,
        domains: str | Iterable[str] | None = None,
        order: str = "asc",
    ) -> Iterator[Record]:
        """Yield every organization once: all, or those with any of some domains, or with a text in the name."""
        return self._records("organizations", {"domains": domains, "search": search}, order)

    @filters_of("directories")
    def directories(
        self,
        organization_id: object = None,
        *,
        search: str | None = None,
        domain: str | None = None,
        order: str = "asc",
    ) -> Iterator[Record]:
        """Yield every directory once: all, or those of an organization, or with a text in the name.

        ``domain`` is deprecated by WorkOS: ask by organization.
        """
        filters = {"organization_id": organization_id, "search": search, "domain": domain}
        return self._records("directories", filters, order)

    @filters_of("users")
    def users(
        self,
        directory_id: object = None,
        *,
        directory: object = None,
        group_id: object = None,
        idp_id: str | None = None,
        email: str | None = None,
        order: str = "asc",
    ) -> Iterator[Record]:
        """Yield directory users once each: of one directory, of several one after the other, or of a group."""
        filters = {"group_id": group_id, "idp_id": idp_id, "email": email}
        for one in self._each(one_directory_id(directory_id, directory)):
            yield from self._records("users", {"directory_id": one, **filters}, order)

    @filters_of("groups")
    def groups(
        self,
        directory_id: object = None,
        *,
        directory: object = None,
        user_id: object = None,
        order: str = "asc",
    ) -> Iterator[Record]:
        """Yield directory groups once each: of one directory or of several, or those a user belongs to."""
        for one in self._each(one_directory_id(directory_id, directory)):
            yield from self._records("groups", {"directory_id": one, "user_id": user_id}, order)

    @filters_of("events")
    def events(
        self,
        events: str | Iterable[str] | None = None,
        *,
        organization_id: object = None,
        range_start: object = None,
        range_end: object = None,
        after: str | None = None,
    ) -> Iterator[Record]:
        """Yield events once each, oldest first.

        ``events`` are their names (default: all of Directory Sync); ``range_start`` and ``range_end`` are
        datetimes, or text, where zone-less means UTC; ``after`` is an event id.
        """
        span = {"range_start": range_start, "range_end": range_end, "after": after}
        return self._records("events", {"events": events, "organization_id": organization_id, **span}, None)

    def _each(self, directory_id: object) -> list[Any]:
        several = as_ids(directory_id, "directory_id")
        return [directory_id] if several is None else several

    def _records(self, kind: str, filters: Mapping[str, object], order: str | None) -> Iterator[Record]:
        receipt = self.context.open(kind, filters, order=order)
        for page in read_pages(self.context, receipt):
            yield from page
        receipt.complete = True


class RedactedClient(DirectoryClient):
    """A client that gives pseudonyms and takes them back. Made by :meth:`DirectoryClient.redacted`.

    It remembers which text each id, address and domain it gave out stands for, in memory alone: a pseudonym
    from an earlier session or of another client is refused, and so is a real id, lest it end in a receipt.
    ``sandbox``, where there is one, is the sandbox itself and shows its invented people as they are.
    """

    transport: RedactedTransport

    @property
    def context(self) -> LoadContext:
        """What a load reads with; what was typed is noted by its pseudonym."""
        rounded = self.transport.names.round_times
        return dataclasses.replace(super().context, disguise=self._disguised, rounded=rounded)

    def __repr__(self) -> str:
        return super().__repr__()[:-1] + ", redacted>"

    def redacted(
        self,
        *,
        key: str | bytes | None = None,
        keep_attributes: Iterable[str] = (),
        round_times: str | None = None,
    ) -> RedactedClient:
        """Return this client: it is redacted already. A key, attributes or a unit of times are refused."""
        if key is not None or keep_attributes or round_times is not None:
            raise errors.ArgumentError("this client is redacted already; ask the one it was made from")
        return self

    def _disguised(self, name: str, value: object) -> object:
        """Return what stands in a receipt for the value of a filter: its pseudonym."""
        if value is None or name not in ID_FILTERS | TEXT_FILTERS | {"external_id"}:
            return value
        if name in ID_FILTERS:
            value = identifier(value, name)
        if name == "domains":
            several = value.split(",") if isinstance(value, str) else value
            if isinstance(several, Iterable):
                return [self._disguised("domain", one) for one in several]
        return self.transport.names.disguise(name, value) if isinstance(value, str) else value
