"""From the client to frames: one call, one typed DataFrame.

What holds when a load ends early stands in :mod:`dirsync_nb.load.session`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, LoadContext, Receipt, Record, RetryPolicy, needs_client, read_list
from ..client.endpoints import ENDPOINTS, filters_of, one_directory_id
from ..client.segments import SegmentList
from ..client.transport import Traffic
from ..frames import FrameBuilder
from ..frames.records import SPECS
from .lost_place import REFUSED, lost_place
from .parallel import as_directory_ids, load_each
from .progress import Progress, tell
from .session import Checkpoint, Watch, load_session, resumed


@filters_of("organizations")
@needs_client
def load_organizations(
    client: DirectoryClient,
    search: str | None = None,
    *,
    domains: str | Iterable[str] | None = None,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load organizations, one row each, oldest first.

    Parameters
    ----------
    search
        Only organizations whose name contains this text.
    domains
        Only organizations with any of these domains.
    limit
        Only so many rows, for a quick look: up to 100 in one request. Of several directories, so many of each.
        Unless that was the whole list, the frame is marked as a part, and a comparison, an audit or a snapshot
        refuses it; the receipt resumes it.
    before, after
        Only what stands before or after this row of the list: an id, such as the API's own cursors, which the
        receipt of a quick look has in ``details["list_metadata"]``. Such a frame is always marked as a part.
    order
        ``"asc"`` (oldest first), ``"desc"``, or ``"normal"`` (newest first, as the API once did).
    resume
        Receipt of the same load that broke, or was a quick look; goes on where it ended.

    Returns
    -------
    pandas.DataFrame
        Index ``organization_id``, columns ``dirsync_nb.frames.ORGANIZATION_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter that cannot be right.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> ds.load_organizations(client, "Harbourline")["name"].tolist()
    ['Harbourline Ferries']
    """
    filters = {"domains": domains, "search": search}
    return load_list(client.context, "organizations", filters, (limit, before, after), order, resume)


@filters_of("directories")
@needs_client
def load_directories(
    client: DirectoryClient,
    organization_id: Any = None,
    *,
    search: str | None = None,
    domain: str | None = None,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
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
    domain
        Only directories of this domain. Deprecated by WorkOS: ask by organization.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``directory_id``, columns ``dirsync_nb.frames.DIRECTORY_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter that cannot be right.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> directories = ds.load_directories(client)
    >>> directories.loc[directories["name"] == "Harbourline Okta", "state"].tolist()
    ['linked']
    """
    filters = {"organization_id": organization_id, "search": search, "domain": domain}
    return load_list(client.context, "directories", filters, (limit, before, after), order, resume)


@filters_of("users")
@needs_client
def load_users(
    client: DirectoryClient,
    directory_id: Any = None,
    *,
    directory: Any = None,
    group_id: Any = None,
    idp_id: str | None = None,
    email: str | None = None,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load directory users, one row each, oldest first.

    ``load_users(client, directory_id)`` gives everybody of one directory; several load side by side into one
    frame. With ``limit=5`` it is a quick look. An empty directory gives an empty frame with every column.

    Parameters
    ----------
    directory_id
        The directory: an id, a record, or a row of a directories frame. Or several, in a list, tuple, Index,
        Series or directories frame: they are loaded side by side into one frame, in the order given.
    directory
        The same by the API's own name.
    group_id
        Only the members of this group. One of the two is needed; both must hold. No row tells whose member it
        is, so one question more makes sure that the service looks at this filter.
    idp_id, email
        Only the user with this provider id, or this primary address; each needs ``directory_id``.
    limit, before, after, order, resume
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
        A filter that is missing, or that cannot be right.
    FilterIgnored
        The service gave rows that were not asked for.
    NotFound
        No such directory or group in this environment.
    DirectoriesFailed
        Some of several directories failed, after all others were loaded. It names each; ``resume=`` reads the
        missing ones alone, and the receipt of each, in ``details["receipts"]`` of the whole, resumes that one.
    LoadError
        The load broke; the rows read are on the receipt.

    Notes
    -----
    Requests keep to WorkOS's limit of four a second for each directory, so that 1,000 users take about 2.5
    seconds. Where answers are slow, a list is read from both ends at once, so that the limit decides and not
    the latency: see :mod:`dirsync_nb.client.segments` for what holds while rows come and go. Where the
    service counts otherwise than was read, the receipt has a notice; it is asked where a list has more than
    one page.

    Examples
    --------
    >>> users = ds.load_users(client, directories.index[0])
    >>> everybody = ds.load_users(client, directories)
    >>> len(everybody) > len(users)
    True
    >>> look = ds.load_users(client, directories.index[0], limit=5)
    >>> look.attrs["incomplete"]
    '5 rows, by request'
    """
    filters = {"group_id": group_id, "idp_id": idp_id, "email": email}
    given, part = one_directory_id(directory_id, directory), (limit, before, after)
    return _load_of_directories(client.context, "users", given, filters, part, order, resume)


@filters_of("groups")
@needs_client
def load_groups(
    client: DirectoryClient,
    directory_id: Any = None,
    *,
    directory: Any = None,
    user_id: Any = None,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load directory groups, one row each, oldest first.

    Parameters
    ----------
    directory_id
        The directory: an id, a record, or a row of a directories frame; or several of them, as in
        :func:`load_users`.
    directory
        The same by the API's own name.
    user_id
        Only the groups this user belongs to. One of the two is needed; one question more makes sure that the
        service looks at it.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``group_id``, columns ``dirsync_nb.frames.GROUP_COLUMNS``. Names are not unique.

    Raises
    ------
    ArgumentError
        A filter that is missing, or that cannot be right.
    FilterIgnored
        The service gave rows that were not asked for.
    NotFound
        No such directory or user in this environment.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> groups = ds.load_groups(client, directories.index[0])
    >>> hers = ds.load_groups(client, user_id=users.index[0])
    >>> hers.index.isin(groups.index).all().item()
    True
    """
    filters = {"user_id": user_id}
    given, part = one_directory_id(directory_id, directory), (limit, before, after)
    return _load_of_directories(client.context, "groups", given, filters, part, order, resume)


@filters_of("events")
@needs_client
def load_events(
    client: DirectoryClient,
    events: str | Iterable[str] | None = None,
    *,
    organization_id: Any = None,
    range_start: Any = None,
    range_end: Any = None,
    after: str | None = None,
    limit: int | None = None,
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load events, one row each, always oldest first.

    The service keeps events for 90 days and gives the last 30 unless told where to begin. Longer spans are read
    in windows of 30 days. A name that Directory Sync is not known to have is asked for all the same, with a
    notice that names the nearest real ones. A service that lists newest first, as some stand-ins do, is told.

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
    limit
        Only the first so many, for a quick look; see :func:`load_organizations`.
    resume
        Receipt of the same load that broke; goes on where it ended.

    Returns
    -------
    pandas.DataFrame
        Index ``event_id``, columns ``dirsync_nb.frames.EVENT_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter that cannot be right, or two that exclude each other.
    LostPlace
        The service does not know the event ``after`` any more; ``gap`` says what cannot be read.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> events = ds.load_events(client, events="dsync.user.created", limit=2)
    >>> events["event"].tolist()
    ['dsync.user.created', 'dsync.user.created']
    """
    span = {"range_start": range_start, "range_end": range_end, "after": after}
    filters = {"events": events, "organization_id": organization_id, **span}
    context = client.context
    try:
        return load_list(context, "events", filters, (limit,), resume=resume)
    except REFUSED as problem:
        place = getattr(problem.receipt, "cursor", None)
        if place is None:
            raise
        raise lost_place(context, place, problem, filters) from problem


@needs_client
def load_organization(
    client: DirectoryClient, organization_id: Any = None, *, external_id: str | None = None
) -> pd.Series[Any]:
    """Load one organization as a Series of ``ORGANIZATION_COLUMNS``, named by its id.

    Give its id (or a record), or the ``external_id`` that your own system gave it. Raises NotFound.

    Examples
    --------
    >>> ds.load_organization(client, directories["organization_id"].iloc[0])["name"]
    'Harbourline Ferries'
    """
    if (organization_id is None) == (external_id is None):
        raise errors.ArgumentError("give either organization_id or external_id")
    if external_id is not None:
        return _row(client, "organization_id", client.organization_by_external_id(external_id))
    return _row(client, "organization_id", client.organization(organization_id))


@needs_client
def load_directory(client: DirectoryClient, directory_id: Any) -> pd.Series[Any]:
    """Load one directory as a Series of ``DIRECTORY_COLUMNS``, named by its id. Raises NotFound.

    Examples
    --------
    >>> ds.load_directory(client, directories.index[0])["name"]
    'Harbourline Okta'
    """
    return _row(client, "directory_id", client.directory(directory_id))


@needs_client
def load_user(client: DirectoryClient, user_id: Any, *, directory_id: Any = None) -> pd.Series[Any]:
    """Load one directory user as a Series of ``USER_COLUMNS``, named by its id. Raises NotFound.

    With ``directory_id``, NotFound is also what a user of another directory is.

    Examples
    --------
    >>> user = ds.load_user(client, users.index[0])
    >>> user.name == users.index[0]
    True
    """
    return _row(client, "user_id", client.user(user_id, directory_id=directory_id))


@needs_client
def load_group(client: DirectoryClient, group_id: Any, *, directory_id: Any = None) -> pd.Series[Any]:
    """Load one directory group as a Series of ``GROUP_COLUMNS``, named by its id. Raises NotFound.

    With ``directory_id``, NotFound is also what a group of another directory is.

    Examples
    --------
    >>> group = ds.load_group(client, groups.index[0])
    >>> group["name"] == groups["name"].iloc[0]
    True
    """
    return _row(client, "group_id", client.group(group_id, directory_id=directory_id))


def _row(client: DirectoryClient, index: str, record: Record) -> pd.Series[Any]:
    columns = FrameBuilder(SPECS[index])
    columns.add([record])
    frame = columns.frame()
    tell(columns.notices, client.context.told)
    # Through object, so that each value keeps the type its column gave it.
    return pd.Series({name: frame[name].iloc[0] for name in frame}, dtype=object, name=frame.index[0])


def _builder(kind: str) -> FrameBuilder:
    return FrameBuilder(SPECS[ENDPOINTS[kind].id_name])


def _load_of_directories(
    context: LoadContext,
    kind: str,
    directory_id: object,
    filters: Mapping[str, object],
    part: tuple[int | None, Any, Any],
    order: str,
    resume: Receipt | None,
) -> pd.DataFrame:
    """Load a list of one directory; of many side by side, where that is asked for."""
    directory_ids = as_directory_ids(directory_id, f"load_{kind}")
    if directory_ids is None:
        given = {"directory_id": directory_id, **filters}
        return load_list(context, kind, given, part, order, resume)
    if any(place is not None for place in part[1:]):
        raise errors.ArgumentError("before and after are places in one list: give one directory, not several")
    return load_each(
        context,
        directory_ids,
        lambda branch, one, broken: load_list(
            branch, kind, {"directory_id": one, **filters}, part, order, broken
        ),
        endpoint=ENDPOINTS[kind].path,
        filters=filters,
        empty=_builder(kind).frame(),
        order=order,
        resume=resume,
    )


def load_list(
    context: LoadContext,
    kind: str,
    filters: Mapping[str, object],
    part: tuple[object, ...] = (),
    order: str = "asc",
    resume: Receipt | None = None,
    *,
    counted: int | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> pd.DataFrame:
    """Load a list into a frame, from both ends where that pays.

    Parameters
    ----------
    context, kind, filters, order
        As in :meth:`LoadContext.open`.
    part
        Which part of the list: ``limit``, ``before`` and ``after``.
    resume, watch, checkpoint
        As in :func:`dirsync_nb.load.session.load_session`.
    counted
        How many rows the service counts, where that is known already.
    """
    places = dict(zip(("limit", "before", "after"), part, strict=False))
    receipt = context.open(kind, filters, order=order, part=places)
    rows = resumed(receipt, resume, Rows, lambda: Rows(_builder(kind), SegmentList(receipt.cursor)))
    count = _Count(context, kind, receipt, counted)
    expected = (lambda: receipt.details.get("limit")) if receipt.is_part else count.ask
    progress = Progress(ENDPOINTS[kind].noun, expected) if watch is None else None
    with load_session(context, receipt, rows, progress=progress, watch=watch, checkpoint=checkpoint) as session:
        expected_rows = count.ask if counted is None else counted
        for page in read_list(context, receipt, rows.segments, expected=expected_rows):
            rows.columns.add(page)
            session.show(receipt.rows)
        if receipt.is_part:
            placed = kind != "events" and not {"before", "after"}.isdisjoint(receipt.details)
            receipt.by_request = placed or bool(rows.segments.open_segments())
        if not receipt.by_request:
            count.compare(rows.segments.row_count, context.page_size)
        if not receipt.rows and checkpoint is None:
            _check_organization(context, receipt)
    return session.frame


def _check_organization(context: LoadContext, receipt: Receipt) -> None:
    """Refuse an organization that there is not: the service has an empty list for it."""
    wanted = receipt.filters.get("organization_id")
    if wanted is not None:
        with suppress(errors.Forbidden):
            context.single("organizations", wanted, traffic=receipt)


@dataclass
class Rows:
    """What a load of a list has so far. ``segments`` know the order of the list."""

    columns: FrameBuilder
    segments: SegmentList = field(default_factory=SegmentList)

    def frame(self) -> pd.DataFrame:
        """Return the rows in the order of the list."""
        frame, ids = self.columns.frame(), self.segments.ids()
        if frame.index.tolist() == ids:
            return frame
        places = {object_id: place for place, object_id in enumerate(ids)}
        order = [places.get(object_id, len(places)) for object_id in frame.index]
        return frame.iloc[sorted(range(len(order)), key=order.__getitem__)]

    def report(self, receipt: Receipt, frame: pd.DataFrame) -> None:
        """Write into the receipt how many rows there are, how many came again, and what is odd about them."""
        receipt.rows = len(frame)
        receipt.duplicates = self.columns.duplicates + self.segments.duplicates
        receipt.note(*self.columns.notices)

    def missing(self, receipt: Receipt) -> str:
        """Return where it broke off, in words."""
        return f"{receipt.endpoint} broke off after {receipt.rows:,} rows"

    def keep(self, checkpoint: Checkpoint) -> None:
        """Take the pages a checkpoint holds, and write those into it that come."""
        for line in checkpoint.lines:
            self.columns.add(self.segments.restore(line))
        self.segments.written = checkpoint.add


def count_of(kind: str, directory: Record) -> int | None:
    """Return how many users or groups a directory has by the service's own count; None where it says none."""
    try:
        counts = directory["metadata"]
        if kind == "groups":
            return int(counts["groups"])
        return int(counts["users"]["active"]) + int(counts["users"]["inactive"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


class _Count:
    """The service's own count of the rows of a list: that of its directory, asked for once.

    One that is ``known`` is from before: where other rows are read, it is asked for anew.
    """

    def __init__(self, context: LoadContext, kind: str, receipt: Receipt, known: int | None) -> None:
        self._context, self._kind, self._receipt, self._count = context, kind, receipt, known
        whole = list(receipt.filters) == ["directory"]
        self._directory_id = receipt.filters["directory"] if whole else None
        self._asked = known is not None or not whole
        self._is_old = known is not None and whole

    def ask(self, traffic: Traffic | None = None) -> int | None:
        """Return how many rows there will be; None where nobody says."""
        if not self._asked:
            self._asked = True
            with suppress(errors.LoadError):
                self._count = self._answer(self._receipt if traffic is None else traffic)
        return self._count

    def _answer(self, traffic: Traffic) -> int | None:
        once = RetryPolicy(attempts=1)  # a total is worth one question and no wait
        directory = self._context.single("directories", self._directory_id, traffic=traffic, retry=once)
        return count_of(self._kind, directory)

    def compare(self, rows: int, page_size: int) -> None:
        """Note a count that differs from the rows read; asked for where they fill a page.

        Raises NotFound where the directory is gone meanwhile.
        """
        count = self.ask() if rows >= page_size else self._count
        if self._is_old and count != rows:
            try:
                count = self._answer(self._receipt)
            except errors.NotFound:
                raise
            except errors.LoadError:
                pass  # nobody says: then the one from before is told
        if count is not None and count != rows:
            self._receipt.note(
                f"The service counts {count:,} {self._kind} in {self._directory_id}, and {rows:,} were read: "
                "somebody came or went just now, or rows are missing."
            )
