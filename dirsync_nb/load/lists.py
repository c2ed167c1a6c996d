"""From the client to frames: one call, one typed DataFrame.

A loader returns the whole frame or raises. Whatever ends a load early, an error or the person at the keyboard,
the rows read so far stay reachable as ``client.receipts[-1].partial``, marked incomplete, and
``resume=client.receipts[-1]`` goes on from there.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from .. import errors
from ..client import ENDPOINTS, DirectoryClient, Receipt, Record, RetryPolicy
from ..client.segments import SegmentList
from ..client.transport import Traffic
from ..client.two_ended import can_read_two_ended, read_two_ended
from ..frames import DIRECTORIES, EVENTS, GROUPS, ORGANIZATIONS, USERS, FrameBuilder, FrameSpec
from .parallel import as_directory_ids, load_each
from .progress import Progress, tell

__all__ = [
    "load_directories",
    "load_directory",
    "load_events",
    "load_group",
    "load_groups",
    "load_organization",
    "load_organizations",
    "load_user",
    "load_users",
]


def load_organizations(
    client: DirectoryClient,
    *,
    domains: str | Iterable[str] | None = None,
    search: str | None = None,
    order: str = "asc",
    resume: Receipt | None = None,
    **filters: Any,
) -> pd.DataFrame:
    """Load organizations, one row each, oldest first.

    Parameters
    ----------
    domains
        Only organizations with any of these domains.
    search
        Only organizations whose name contains this text.
    order
        ``"asc"`` (oldest first), ``"desc"``, or ``"normal"`` (newest first, as the API once did).
    resume
        Receipt of the same load that broke; goes on where it ended.

    Returns
    -------
    pandas.DataFrame
        Index ``organization_id``, columns ``dirsync_nb.frames.ORGANIZATION_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter the API does not have.
    LoadError
        The load broke; the rows read are on the receipt.
    """
    filters |= {"domains": domains, "search": search}
    return _load(client, "organizations", ORGANIZATIONS, filters, order, resume)


def load_directories(
    client: DirectoryClient,
    *,
    organization_id: Any = None,
    search: str | None = None,
    order: str = "asc",
    resume: Receipt | None = None,
    **filters: Any,
) -> pd.DataFrame:
    """Load directories, one row each, oldest first.

    ``state`` has the API's words: ``linked`` (working), ``validating`` (first data not there yet),
    ``invalid_credentials`` (the provider refuses), ``unlinked`` (not set up), ``deleting``. The counts
    ``active_users``, ``inactive_users`` and ``groups`` are the service's own.

    Parameters
    ----------
    organization_id
        Only the directories of this organization (id or record).
    search
        Only directories whose name contains this text.
    order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``directory_id``, columns ``dirsync_nb.frames.DIRECTORY_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter the API does not have.
    LoadError
        The load broke; the rows read are on the receipt.
    """
    filters |= {"organization_id": organization_id, "search": search}
    return _load(client, "directories", DIRECTORIES, filters, order, resume)


def load_users(
    client: DirectoryClient,
    *,
    directory_id: Any = None,
    group_id: Any = None,
    idp_id: str | None = None,
    email: str | None = None,
    order: str = "asc",
    resume: Receipt | None = None,
    **filters: Any,
) -> pd.DataFrame:
    """Load directory users, one row each, oldest first.

    An empty directory gives an empty frame with every column present. Requests keep to WorkOS's limit of four a
    second for each directory, so that 1,000 users take about 2.5 seconds. Where answers are slow, a list is
    read from both ends at once, so that the limit decides and not the latency: see
    :mod:`dirsync_nb.client.segments` for what holds while rows come and go.

    Parameters
    ----------
    directory_id
        The directory: an id, a record, or a row of a directories frame. Or several, in a list, tuple, Index,
        Series or directories frame: they are loaded side by side into one frame, in the order given. The API's
        own name for this filter, ``directory``, is accepted too.
    group_id
        Only the members of this group (also as ``group``). One of the two is needed; both must hold.
    idp_id, email
        Only the user with this provider id, or this primary address; each needs ``directory_id``.
    order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``user_id``, columns ``dirsync_nb.frames.USER_COLUMNS``. ``address`` is the best address known and
        ``address_source`` says where it stood. ``groups`` is deprecated and empty for newer teams: memberships
        come from :func:`load_memberships`.

    Raises
    ------
    ArgumentError
        A filter that is missing, or that the API does not have.
    NotFound
        No such directory or group in this environment.
    DirectoriesFailed
        Some of several directories failed, after all others were loaded. It names each; ``resume=`` reads the
        missing ones alone, and the receipt of each, in ``details["receipts"]`` of the whole, resumes that one.
    LoadError
        The load broke; the rows read are on the receipt.
    """
    filters |= {"directory_id": directory_id, "group_id": group_id, "idp_id": idp_id, "email": email}
    return _load(client, "users", USERS, filters, order, resume)


def load_groups(
    client: DirectoryClient,
    *,
    directory_id: Any = None,
    user_id: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
    **filters: Any,
) -> pd.DataFrame:
    """Load directory groups, one row each, oldest first.

    Parameters
    ----------
    directory_id
        The directory: an id, a record, or a row of a directories frame; or several of them, as in
        :func:`load_users` (also as ``directory``).
    user_id
        Only the groups this user belongs to (also as ``user``). One of the two is needed.
    order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``group_id``, columns ``dirsync_nb.frames.GROUP_COLUMNS``. Names are not unique.

    Raises
    ------
    ArgumentError
        A filter that is missing, or that the API does not have.
    NotFound
        No such directory or user in this environment.
    LoadError
        The load broke; the rows read are on the receipt.
    """
    filters |= {"directory_id": directory_id, "user_id": user_id}
    return _load(client, "groups", GROUPS, filters, order, resume)


def load_events(
    client: DirectoryClient,
    *,
    events: str | Iterable[str] | None = None,
    organization_id: Any = None,
    range_start: Any = None,
    range_end: Any = None,
    after: str | None = None,
    resume: Receipt | None = None,
    **filters: Any,
) -> pd.DataFrame:
    """Load events, one row each, always oldest first.

    The service keeps events for 90 days and gives the last 30 unless told where to begin. Longer spans are read
    in windows of 30 days. A name that Directory Sync is not known to have is asked for all the same, with a
    notice that names the nearest real ones.

    Parameters
    ----------
    events
        Event names, such as ``"dsync.user.created"``. Default: every event of Directory Sync.
    organization_id
        Only the events of this organization.
    range_start, range_end
        Datetimes or ISO 8601 text; without a zone they mean UTC.
    after
        Only what came after this event id: where you stopped the last time. Not together with ``range_start``.
    resume
        Receipt of the same load that broke; goes on where it ended.

    Returns
    -------
    pandas.DataFrame
        Index ``event_id``, columns ``dirsync_nb.frames.EVENT_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter the API does not have, or two that exclude each other.
    LoadError
        The load broke; the rows read are on the receipt.
    """
    filters |= {
        "events": events,
        "organization_id": organization_id,
        "range_start": range_start,
        "range_end": range_end,
        "after": after,
    }
    return _load(client, "events", EVENTS, filters, None, resume)


def load_organization(
    client: DirectoryClient, organization_id: Any = None, *, external_id: str | None = None
) -> pd.Series[Any]:
    """Load one organization as a Series of ``ORGANIZATION_COLUMNS``, named by its id.

    Give its id (or a record), or the ``external_id`` that your own system gave it. Raises NotFound.
    """
    if (organization_id is None) == (external_id is None):
        raise errors.ArgumentError("give either organization_id or external_id")
    if external_id is not None:
        return _row(client, ORGANIZATIONS, client.organization_by_external_id(external_id))
    return _row(client, ORGANIZATIONS, client.organization(organization_id))


def load_directory(client: DirectoryClient, directory_id: Any) -> pd.Series[Any]:
    """Load one directory as a Series of ``DIRECTORY_COLUMNS``, named by its id. Raises NotFound."""
    return _row(client, DIRECTORIES, client.directory(directory_id))


def load_user(client: DirectoryClient, user_id: Any) -> pd.Series[Any]:
    """Load one directory user as a Series of ``USER_COLUMNS``, named by its id. Raises NotFound."""
    return _row(client, USERS, client.user(user_id))


def load_group(client: DirectoryClient, group_id: Any) -> pd.Series[Any]:
    """Load one directory group as a Series of ``GROUP_COLUMNS``, named by its id. Raises NotFound."""
    return _row(client, GROUPS, client.group(group_id))


def _row(client: DirectoryClient, table: FrameSpec, record: Record) -> pd.Series[Any]:
    columns = FrameBuilder(table)
    columns.add([record])
    frame = columns.frame()
    tell(columns.notices, client.told)
    # Through object, so that each value keeps the type its column gave it.
    return pd.Series({name: frame[name].iloc[0] for name in frame}, dtype=object, name=frame.index[0])


def _load(
    client: DirectoryClient,
    kind: str,
    table: FrameSpec,
    filters: Mapping[str, Any],
    order: str | None,
    resume: Receipt | None,
) -> pd.DataFrame:
    """Load a list into a frame; of many directories side by side, where that is asked for."""
    name = "directory" if filters.get("directory") is not None else "directory_id"
    names = as_directory_ids(filters.get(name), f"load_{kind}") if kind in ("users", "groups") else None
    if names is None:
        return _load_one(client, kind, table, filters, order, resume)
    with collector_paused():
        return load_each(
            client,
            names,
            lambda part, one, broken: _load_one(part, kind, table, {**filters, name: one}, order, broken),
            endpoint=ENDPOINTS[kind].path,
            filters={other: value for other, value in filters.items() if other != name},
            empty=FrameBuilder(table).frame(),
            order=order,
            resume=resume,
        )


def _load_one(
    client: DirectoryClient,
    kind: str,
    table: FrameSpec,
    filters: Mapping[str, Any],
    order: str | None,
    resume: Receipt | None,
) -> pd.DataFrame:
    """Walk a list into a frame; whatever ends it early leaves the rows so far on the receipt."""
    receipt = client.receipt(kind, filters, order=order, resume=resume)
    rows = receipt.so_far = Rows(FrameBuilder(table)) if resume is None else resume.so_far
    try:
        with collector_paused(), Progress(kind, lambda: _expected_rows(client, kind, receipt)) as progress:
            for page in _walk(client, kind, receipt, rows):
                rows.columns.add(page)
                progress.show(receipt.rows)
        frame = rows.frame()
        _note(receipt, rows, frame)
        receipt.complete = True
    except BaseException as problem:
        _keep_partial(receipt, rows, problem)
        raise
    receipt.so_far = None
    tell(receipt.notices, client.told)
    return frame


@dataclass
class Rows:
    """What a load has so far; a resumed one goes on with it. ``segments`` know the order of the list."""

    columns: FrameBuilder
    segments: SegmentList | None = None

    def frame(self) -> pd.DataFrame:
        """Return the rows in the order of the list."""
        frame = self.columns.frame()
        if self.segments is None:
            return frame
        places = {name: place for place, name in enumerate(self.segments.ids())}
        order = [places.get(name, len(places)) for name in frame.index]
        if all(a <= b for a, b in pairwise(order)):
            return frame
        return frame.iloc[sorted(range(len(order)), key=order.__getitem__)]

    @property
    def duplicates(self) -> int:
        """Rows that came again."""
        return self.columns.duplicates + (self.segments.duplicates if self.segments is not None else 0)


def _walk(client: DirectoryClient, kind: str, receipt: Receipt, rows: Rows) -> Iterator[list[Record]]:
    """Read a list from one end or from both, whichever is faster within the limits."""
    if rows.segments is None and can_read_two_ended(client, receipt):
        rows.segments = SegmentList(receipt.cursor)
        if receipt.cursor is not None:
            rows.segments.head.ids = dict.fromkeys(name for name in rows.columns.frame().index if name)
    if rows.segments is None:
        return client.walk(receipt)
    if client.max_rows is not None or client.max_pages is not None:
        raise errors.ArgumentError(
            "this load was read from both ends at once, which max_rows and max_pages cannot cut: go on with a "
            "client without them"
        )
    return read_two_ended(
        client, receipt, rows.segments, lambda traffic: _expected_rows(client, kind, receipt, traffic)
    )


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector while records pile up.

    Records are trees, freed without it; left on, it walks the same growing heap again and again, which was half
    of a load's CPU time (50,000 users: 2.2 s with it, 1.2 s without, the decoder being the same).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _note(receipt: Receipt, rows: Rows, frame: pd.DataFrame) -> None:
    receipt.rows, receipt.duplicates = len(frame), rows.duplicates
    receipt.notices += [notice for notice in rows.columns.notices if notice not in receipt.notices]


def _keep_partial(receipt: Receipt, rows: Rows, problem: BaseException) -> None:
    """Keep the rows so far as a frame that says it is partial, on the receipt and on the error."""
    partial = rows.frame().copy()  # its own memory: a person may write into it before resuming
    _note(receipt, rows, partial)
    partial.attrs["incomplete"] = f"{receipt.endpoint} broke off after {len(partial):,} rows"
    receipt.partial = partial
    if isinstance(problem, errors.DirsyncError):
        problem.partial, problem.receipt = partial, receipt


def _expected_rows(
    client: DirectoryClient, kind: str, receipt: Receipt, traffic: Traffic | None = None
) -> int | None:
    """Ask how many rows a long load will have, where the directory's own counts tell."""
    directory_id = receipt.filters.get("directory")
    if directory_id is None or len(receipt.filters) > 1:
        return None
    try:
        once = RetryPolicy(attempts=1)  # a total is worth one question and no wait
        counts = (
            client.directory(directory_id, traffic=receipt if traffic is None else traffic, retry=once).get(
                "metadata"
            )
            or {}
        )
        if kind == "groups":
            return int(counts["groups"])
        return int(counts["users"]["active"]) + int(counts["users"]["inactive"])
    except (errors.LoadError, KeyError, TypeError, ValueError, OverflowError):
        return None
