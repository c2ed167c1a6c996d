"""Who is in what: memberships, by the cheaper of two routes.

The list ``groups`` inside a user is deprecated and empty for newer WorkOS teams, so it is never trusted. The
pairs come from asking each group for its users (the documented way, bound by four requests a second for each
directory), or each user for its groups (bound only by the key's hundred a second).

What a load promises while people come and go: each pair existed at some moment of the load, and nobody who was
in a group throughout is missing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, LoadContext, Pacer, Receipt, Record, needs_client, read_list
from ..client.endpoints import fitting_id, identifier
from ..client.filters import FilterCheck
from ..client.segments import SegmentList
from ..client.waiting import Stop, first_done
from ..frames import READ, require_complete, require_ids, text_dtype
from .lists import count_of, load_groups, load_users
from .parallel import as_directory_ids, load_each
from .progress import Progress
from .session import Checkpoint, Watch, load_session, resumed

WORKERS = 8
FEWEST_WORKERS = 3  # of each of many directories: four requests a second at 600 ms
GROUPS_PER_USER = 3  # assumed for the estimate; no count of memberships is published
KEY_SHARE = 0.25  # of the key's budget, which a product in production lives on at the same time

ROUTES = ("auto", "by_group", "by_user")


@needs_client
def load_memberships(
    client: DirectoryClient,
    directory_id: Any = None,
    *,
    route: str = "auto",
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    names: bool = False,
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load the memberships of a directory, one row for each user in a group.

    Parameters
    ----------
    directory_id
        The directory: an id, a record, or a row of a directories frame. Or several, in a list, tuple, Index,
        Series or directories frame: they are loaded side by side into one frame, in the order given.
    route
        ``"by_group"`` asks each group for its users, ``"by_user"`` each user for its groups; ``"auto"`` takes
        the one that needs less time within the rate limits, judged by the directory's own counts.
    users, groups
        Frames of this directory, where you have them: they save the requests for the lists. With ``users``,
        members who are not in it are looked up one by one; one who is gone by now is left out, and named.
    names
        Add ``user_name`` and ``group_name``, from these frames or, where they are not given, from lists that
        are loaded for it. A user without a name is named by their address.
    resume
        Receipt of the same load that broke; only what is missing is read.

    Returns
    -------
    pandas.DataFrame
        Columns ``user_id``, ``group_id``, ``directory_id``, and those of ``names``; no pair twice, ordered by
        group, then user. The receipt's ``details`` hold ``route``, ``estimate`` (requests and seconds of both
        routes, before) and ``cost`` (after), ``empty_groups`` (None where the route does not meet them),
        ``deleted`` (groups or users that went during the load), ``unlisted`` (members not in ``users``) and
        ``nested`` (groups found inside groups, as pairs).

    Raises
    ------
    ArgumentError
        An unknown route; a frame of another directory, or without its loader's index.
    IncompleteError
        A partial frame.
    FilterIgnored
        The service gives the same members for every group: it does not look at the filter.
    NotFound
        No such directory in this environment.
    DirectoriesFailed
        Some of several directories failed, after all others were loaded.
    LoadError
        The load broke; the pairs read are on the receipt.

    Examples
    --------
    >>> members = ds.load_memberships(client, directories.index[0], names=True)
    >>> list(members)
    ['user_id', 'group_id', 'directory_id', 'user_name', 'group_name']

    More of a person or a group by ``on=``, since a plain ``merge`` would join by ``directory_id`` too:

    >>> people = members.merge(users, on="user_id", suffixes=("", "_of_user"))
    >>> len(people) == len(members)
    True
    """
    if route not in ROUTES:
        raise errors.ArgumentError(f"route must be one of {', '.join(map(repr, ROUTES))}; got {route!r}")
    if directory_id is None:
        raise errors.ArgumentError(
            "memberships are those of a directory: give directory_id= (ds.load_directories(client).index has "
            "the ids; all of them at once load side by side)"
        )
    if names:
        users = load_users(client, directory_id) if users is None else users
        groups = load_groups(client, directory_id) if groups is None else groups
    frame = _of_directories(client.context, directory_id, route, users, groups, resume)
    several = as_directory_ids(directory_id, "load_memberships")
    asked = [identifier(directory_id, "directory_id")] if several is None else several
    frame.attrs[READ] = tuple(str(client.context.disguise("directory_id", one)) for one in asked)
    return _named(frame, users, groups) if names and users is not None and groups is not None else frame


def _named(memberships: pd.DataFrame, users: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Return memberships with two columns more, which say whom and what their ids mean."""
    found = {"user": users["name"].fillna(users["address"]), "group": groups["name"]}
    columns = {
        f"{kind}_name": memberships[f"{kind}_id"].map(names[~names.index.duplicated()]).astype(text_dtype())
        for kind, names in found.items()
    }
    return memberships.assign(**columns)


def _of_directories(
    context: LoadContext,
    directory_id: Any,
    route: str,
    users: pd.DataFrame | None,
    groups: pd.DataFrame | None,
    resume: Receipt | None,
) -> pd.DataFrame:
    """Load the memberships of one directory; of many side by side, where that is asked for."""
    directory_ids = as_directory_ids(directory_id, "load_memberships")
    if directory_ids is None:
        return load_directory_memberships(
            context, directory_id, route=route, users=users, groups=groups, resume=resume
        )

    def load(part: LoadContext, one: str, broken: Receipt | None) -> pd.DataFrame:
        return load_directory_memberships(
            part, one, route=route, users=_only(users, one), groups=_only(groups, one), resume=broken
        )

    empty = Pairs("").frame()
    return load_each(
        context, directory_ids, load, endpoint="memberships", filters={}, empty=empty, resume=resume
    )


def _only(frame: pd.DataFrame | None, directory_id: str) -> pd.DataFrame | None:
    """Return the rows of one directory, where there is a frame."""
    if frame is None or "directory_id" not in frame:
        return frame
    return frame[frame["directory_id"] == directory_id]


def load_directory_memberships(
    context: LoadContext,
    directory_id: object,
    *,
    route: str = "auto",
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
    resume: Receipt | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> pd.DataFrame:
    """Load the memberships of one directory, see :func:`load_memberships`.

    Parameters
    ----------
    watch, checkpoint
        As in :func:`dirsync_nb.load.session.load_session`; ``watch`` is told of lists, not of pairs.
    """
    given = context.disguise("directory_id", identifier(directory_id, "directory_id"))
    directory = fitting_id(str(given), "directory_id")
    _check_frame("users=", users, "user_id", directory)
    _check_frame("groups=", groups, "group_id", directory)
    stop = Stop(context.stop)
    receipt = Receipt(endpoint="memberships", filters={"directory": directory}, stop=stop)
    pairs = resumed(receipt, resume, Pairs, lambda: Pairs(directory))
    if pairs.route is not None and route not in ("auto", pairs.route):
        raise errors.ArgumentError(f"the broken load went {pairs.route}; resume it with that route or 'auto'")
    if resume is not None:
        receipt.details.update(resume.details)
    context.receipts.append(receipt)
    reader = _Reader(context.branch(stop), receipt, pairs)
    progress = Progress("memberships, lists", total=lambda: len(pairs.owners or [])) if watch is None else None
    pairs.groups = groups
    try:
        with load_session(
            context, receipt, pairs, progress=progress, watch=watch, checkpoint=checkpoint
        ) as session:
            reader.choose_route(route, users, groups)
            pairs.owners = pairs.owners or reader.owners(users, groups)
            for _ in reader.walk_owners():
                session.show(len(pairs.done))
            if users is not None:
                reader.look_up_unlisted(users)
    finally:
        receipt.details["cost"] = {"requests": receipt.requests, "seconds": round(receipt.seconds, 2)}
    return session.frame


def _check_frame(name: str, frame: pd.DataFrame | None, index: str, directory: str) -> None:
    """Refuse a frame at hand that would silently leave memberships out."""
    if frame is None:
        return
    require_ids(name, frame, index)
    require_complete(frame, f"load_memberships({name})")
    foreign = frame["directory_id"].dropna().unique().tolist()
    if foreign not in ([], [directory]):
        raise errors.ArgumentError(f"{name} holds rows of other directories than {directory}")


@dataclass
class Pairs:
    """What a load of memberships has so far."""

    directory: str
    route: str | None = None
    owners: list[str] | None = None
    done: dict[str, list[str]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    nested: list[tuple[str, str]] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    embedded_differs: bool = False
    checked: bool = False  # whether the service looks at who is asked for
    groups: pd.DataFrame | None = None
    repeated: int = 0  # rows that came again
    checkpoint: Checkpoint | None = None

    def add(self, owner: str, records: Sequence[Record] | None) -> None:
        """Add the whole list of one owner; None for an owner that is gone."""
        members: list[str] = []
        if records is None:
            self.deleted.append(owner)
        elif self.route == "by_group":
            inside = [record for record in records if record["object"] == "directory_group"]
            self.nested += [(owner, group_id) for group_id in _ids(inside)]
            people = [record for record in records if record not in inside] if inside else records
            # The embedded list is read for one purpose: to say that it is not what the service itself answers.
            self.embedded_differs |= any(r["groups"] is not None and owner not in r["groups"] for r in people)
            members = list(_ids(people))
        else:
            members = list(_ids(records))
        if self.checkpoint is not None:
            self.checkpoint.add({"route": self.route, "owner": owner, "members": members})
        self.done[owner] = members

    def frame(self) -> pd.DataFrame:
        """Return the distinct pairs, ordered by group, then user."""
        lists = self.by_group()
        members = {group: sorted(set(lists[group]) - self.gone) for group in sorted(lists)}
        columns = {
            "user_id": [user for users in members.values() for user in users],
            "group_id": [group for group, users in members.items() for _ in users],
        }
        columns["directory_id"] = [self.directory] * len(columns["user_id"])
        return pd.DataFrame({name: pd.array(texts, dtype=text_dtype()) for name, texts in columns.items()})

    def by_group(self) -> Mapping[str, list[str]]:
        """Return the members of each group so far, in whichever way they were asked for."""
        if self.route == "by_group":
            return self.done
        members: defaultdict[str, list[str]] = defaultdict(list)
        for user, groups in self.done.items():
            for group in groups:
                members[group].append(user)
        return members

    def report(self, receipt: Receipt, frame: pd.DataFrame) -> None:
        """Write what a reader should know into the receipt."""
        receipt.rows, receipt.duplicates = len(frame), self.repeated
        receipt.details |= {
            "deleted": self.deleted + sorted(self.gone),
            "unlisted": list(self.unlisted),
            "nested": sorted(set(self.nested)),
            "empty_groups": self._empty_groups(frame),
        }
        if self.owners is not None and len(self.done) >= len(self.owners):
            receipt.note(*self._notices(receipt))

    def missing(self, receipt: Receipt) -> str:  # noqa: ARG002
        """Return how many lists were read, in words."""
        return f"memberships broke off after {len(self.done):,} of {len(self.owners or []):,} lists"

    def keep(self, checkpoint: Checkpoint) -> None:
        """Take the lists a checkpoint holds, and write those into it that come."""
        for line in checkpoint.lines:
            self.route, self.done[line["owner"]] = line["route"], line["members"]
        self.checkpoint = checkpoint

    def _empty_groups(self, frame: pd.DataFrame) -> list[str] | None:
        """Name the groups without members; None where the route never meets them and no list is at hand."""
        at_hand = None if self.groups is None else self.groups.index
        listed = self.done if self.route == "by_group" else at_hand
        if listed is None:
            return None
        filled = set(frame["group_id"]) | set(self.deleted)
        return [group_id for group_id in listed if group_id not in filled]

    def _notices(self, receipt: Receipt) -> Iterator[str]:
        owner = "groups" if self.route == "by_group" else "users"
        for count, sentence in (
            (len(self.deleted), f"{owner} were deleted during the load and have no rows."),
            (len(self.gone), "members were deleted during the load and are left out."),
            (len(self.unlisted), "members are not in the users frame: they joined since. Load it again."),
            (len(self.nested), "entries are groups inside a group, not people: see the receipt's details."),
        ):
            if count:
                yield f"{count:,} {sentence}"
        if self.embedded_differs:
            yield "The deprecated list of groups inside users differs; it is not used."
        if receipt.details["empty_groups"] is None:
            yield "Asked by user, without groups=: groups that have no members were not met."


# The choice ---------------------------------------------------------------------------------------------


def estimate_routes(
    users: int,
    groups: int,
    pacer: Pacer,
    *,
    listed: tuple[bool, bool] = (False, False),
    side_by_side: int = 1,
) -> dict[str, dict[str, float]]:
    """Estimate requests and seconds of both routes within the rate limits.

    Group sizes are not published, so three groups for each user are assumed. By user is judged
    at a quarter of the key's budget. Without limits, the published ones are used: they tell which is lighter.
    Directories ``side_by_side`` share the key's budget.
    """
    per_key = (pacer.per_key or 100.0) / side_by_side
    slow = min(pacer.per_directory or 4.0, per_key)
    fast = per_key * KEY_SHARE
    user_pages = 0 if listed[0] else -(-users // 100)
    group_pages = 0 if listed[1] else -(-groups // 100)
    member_pages = groups + users * GROUPS_PER_USER // 100
    return {
        "by_group": {
            "requests": group_pages + member_pages,
            "seconds": round(group_pages / fast + member_pages / slow, 2),
        },
        "by_user": {"requests": user_pages + users, "seconds": round(user_pages / slow + users / fast, 2)},
    }


# Reading ------------------------------------------------------------------------------------------------


@dataclass
class _Reader:
    """Reads for one load of memberships, several lists at a time within the budgets."""

    context: LoadContext
    receipt: Receipt
    pairs: Pairs
    running: dict[Future[list[Record] | None], str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    most: int | None = None  # entries of a list, by the service's count

    @property
    def by_group(self) -> bool:
        return self.pairs.route == "by_group"

    def choose_route(self, route: str, users: pd.DataFrame | None, groups: pd.DataFrame | None) -> None:
        """Fix the route, if it is not fixed yet, and write the estimate of both into the receipt."""
        if self.pairs.route is not None:
            self.receipt.details["route"] = self.pairs.route
            return
        if users is None or groups is None:
            directory = self.context.single("directories", self.pairs.directory, traffic=self.receipt)
        user_count = len(users) if users is not None else count_of("users", directory)
        group_count = len(groups) if groups is not None else count_of("groups", directory)
        estimate = None
        if user_count is not None and group_count is not None:
            estimate = estimate_routes(
                user_count,
                group_count,
                self.context.transport.pacer,
                listed=(users is not None, groups is not None),
                side_by_side=self.context.side_by_side,
            )
            self.receipt.details["estimate"] = estimate
        if route == "auto":
            route = min(estimate, key=lambda one: estimate[one]["seconds"]) if estimate else "by_group"
        self.pairs.route = self.receipt.details["route"] = route
        self.most = user_count if self.by_group else group_count

    def owners(self, users: pd.DataFrame | None, groups: pd.DataFrame | None) -> list[str]:
        """Return the ids whose lists are to be read: groups, or users."""
        known, kind = (groups, "groups") if self.by_group else (users, "users")
        if known is not None:
            return [str(owner) for owner in known.index]
        pages = self._read(self.context.open(kind, {"directory_id": self.pairs.directory}, log=False))
        return list(dict.fromkeys(owner for page in pages for owner in _ids(page)))

    def walk_owners(self) -> Iterator[None]:
        """Read every owner's list; each is kept as soon as it is whole."""
        todo = iter([owner for owner in self.pairs.owners or [] if owner not in self.pairs.done])
        workers = max(FEWEST_WORKERS, WORKERS // self.context.side_by_side)
        running = self.running
        pool = ThreadPoolExecutor(workers)
        try:
            while True:
                # A few at a time, so that an interrupt leaves little running.
                for owner in todo:
                    running[pool.submit(self._members, owner)] = owner
                    if len(running) >= workers:
                        break
                if not running:
                    break
                for future in first_done(running):
                    owner = running.pop(future)
                    self.pairs.add(owner, future.result())
                    self._check_filter(owner)
                yield
        except BaseException:
            # Nobody waits for workers once the load broke: they wake from their pauses, find the stop, and go.
            self._stop.set()
            raise
        finally:
            pool.shutdown(wait=not running, cancel_futures=True)

    @property
    def _stop(self) -> threading.Event:
        assert self.receipt.stop is not None
        return self.receipt.stop

    def _members(self, owner: str) -> list[Record] | None:
        """Read one owner's list; None when the owner was deleted meanwhile."""
        records = []
        try:
            for page in self._read(self._open(owner)):
                records += [_slim(record) for record in page]
                self._check_home(owner, page)
                if self._stop.is_set():  # nobody waits for the rest of a long list, and half of one is none
                    raise errors.LoadError(f"reading the list of {owner}: given up, since its load has ended")
        except errors.NotFound:
            return None
        return records

    def _check_home(self, owner: str, page: list[Record]) -> None:
        """Refuse groups of another directory: a user is in groups of its own."""
        home = self.pairs.directory
        foreign = next((row for row in page if row.get("directory_id") not in (home, None)), None)
        if foreign is not None:
            raise errors.FilterIgnored(
                f"reading memberships of {home}: a row of {foreign['directory_id']} came for {owner}. The "
                "service did not look at who was asked for. Is it the WorkOS API, or something in its place?"
            )

    def _open(self, owner: str) -> Receipt:
        """Open the list of one owner."""
        members = {"directory_id": self.pairs.directory, "group_id": owner}
        kind, filters = ("users", members) if self.by_group else ("groups", {"user_id": owner})
        return self.context.open(kind, filters, log=False)

    def _read(self, inner: Receipt) -> Iterator[list[Record]]:
        """Read a list; what it cost is added to the receipt, whole or broken."""
        inner.tell = self.receipt.tell
        with self._counted(inner):
            yield from read_list(
                self.context, inner, SegmentList(), most=self.most, sharing=lambda: len(self.running)
            )

    @contextmanager
    def _counted(self, inner: Receipt) -> Iterator[None]:
        """Add to the receipt what a part of the load cost, whole or broken."""
        try:
            yield
        finally:
            with self.lock:
                self.receipt.requests += inner.requests
                self.receipt.pages += inner.pages
                self.receipt.waits += inner.waits
                self.pairs.repeated += inner.duplicates
                self.receipt.note(*inner.notices)

    def look_up_unlisted(self, users: pd.DataFrame) -> None:
        """Ask for members who are not in the user list: joined since, or gone by now."""
        pairs = self.pairs
        members = set().union(*pairs.by_group().values())
        for user_id in sorted(members - {*users.index, *pairs.unlisted, *pairs.gone}):
            try:
                self.context.single("users", user_id, scope=pairs.directory, traffic=self.receipt)
            except errors.NotFound:
                pairs.gone.add(user_id)
            else:
                pairs.unlisted.append(user_id)

    def _check_filter(self, owner: str) -> None:
        """Refuse lists that are the same for every owner: the service does not look at who is asked for.

        Asked as soon as somebody is in a list, if the client did not ask before.
        """
        name = "group" if self.by_group else "user"
        if self.pairs.checked or not self.pairs.done[owner]:
            return
        self.pairs.checked = True
        with self._counted(inner := self._open(owner)):
            FilterCheck(self.context, inner).ask(name)


def _slim(record: Record) -> Record:
    """Keep what memberships need, so that a large group does not hold its members' whole records."""
    groups = record.get("groups")
    names = [one.get("id") for one in groups if isinstance(one, dict)] if isinstance(groups, list) else None
    return {"groups": names, "id": record.get("id"), "object": record.get("object")}


def _ids(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        object_id = record.get("id")
        if not isinstance(object_id, str):
            raise errors.BadPayload(f"a member or group without an id: {record!r:.100}")
        yield object_id
