"""Who is in what: memberships, by the cheaper of two routes.

The list ``groups`` inside a user is deprecated and empty for newer WorkOS teams, so it is never trusted. The
pairs come from asking each group for its users (the documented way, bound by four requests a second for each
directory), or each user for its groups (bound only by the key's hundred a second).

What a load promises while people come and go: each pair existed at some moment of the load, and nobody who was
in a group throughout is missing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, Pacer, Receipt, Record, identifier
from ..client.pacing import Stop
from ..frames import MEMBERSHIP_COLUMNS, require_complete
from .lists import collector_paused
from .parallel import as_directory_ids, load_each
from .progress import Progress, tell

__all__ = ["load_memberships"]

WORKERS = 8
FEWEST_WORKERS = 3  # of each of many directories: four requests a second at 600 ms
GROUPS_PER_USER = 3  # assumed for the estimate; no count of memberships is published
KEY_SHARE = 0.25  # of the key's budget, which a product in production lives on at the same time

ROUTES = ("auto", "by_group", "by_user")


def load_memberships(
    client: DirectoryClient,
    *,
    directory_id: Any,
    route: str = "auto",
    users: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
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
    resume
        Receipt of the same load that broke; only what is missing is read.

    Returns
    -------
    pandas.DataFrame
        Columns ``user_id``, ``group_id``, ``directory_id``; no pair twice, ordered by group, then user. The
        receipt's ``details`` hold ``route``, ``estimate`` (requests and seconds of both routes, before) and
        ``cost`` (after), ``empty_groups`` (None where the route does not meet them), ``deleted`` (groups or
        users that went during the load), ``unlisted`` (members not in ``users``) and ``nested`` (groups found
        inside groups, as pairs).

    Raises
    ------
    ArgumentError
        An unknown route; a frame of another directory, or without its loader's index.
    IncompleteError
        A partial frame.
    NotFound
        No such directory in this environment.
    DirectoriesFailed
        Some of several directories failed, after all others were loaded.
    LoadError
        The load broke; the pairs read are on the receipt.
    """
    if route not in ROUTES:
        raise errors.ArgumentError(f"route must be one of {', '.join(map(repr, ROUTES))}; got {route!r}")
    names = as_directory_ids(directory_id, "load_memberships")
    if names is None:
        return _load_one(client, directory_id, route, users, groups, resume)

    def load(part: DirectoryClient, name: str, broken: Receipt | None) -> pd.DataFrame:
        return _load_one(part, name, route, _only(users, name), _only(groups, name), broken)

    empty, _ = Pairs("").frame()
    return load_each(client, names, load, endpoint="memberships", filters={}, empty=empty, resume=resume)


def _only(frame: pd.DataFrame | None, directory: str) -> pd.DataFrame | None:
    """Return the rows of one directory, where there is a frame."""
    if frame is None or "directory_id" not in frame:
        return frame
    return frame[frame["directory_id"] == directory]


def _load_one(
    client: DirectoryClient,
    directory_id: Any,
    route: str,
    users: pd.DataFrame | None,
    groups: pd.DataFrame | None,
    resume: Receipt | None,
) -> pd.DataFrame:
    directory = identifier(directory_id, "directory_id")
    for frame, index in ((users, "user_id"), (groups, "group_id")):
        _check_frame(frame, index, directory)
    receipt = Receipt(endpoint="memberships", filters={"directory": directory}, stop=Stop(client.stop))
    pairs = _opened(receipt, resume, route)
    receipt.so_far = pairs
    client.receipts.append(receipt)
    started = time.monotonic()
    try:
        if pairs.route is None:
            _choose_route(client, receipt, pairs, route, users, groups)
        if pairs.owners is None:
            pairs.owners = _owners(client, receipt, pairs.route == "by_group", users, groups)
        _walk_owners(client, receipt, pairs)
        if users is not None:
            _look_up_unlisted(client, receipt, pairs, users)
        frame = _report(receipt, pairs, groups)
        _add_notices(receipt, pairs)
        receipt.complete = True
    except BaseException as problem:
        _keep_partial(receipt, pairs, problem)
        raise
    finally:
        receipt.seconds += time.monotonic() - started
        receipt.details["cost"] = {"requests": receipt.requests, "seconds": round(receipt.seconds, 2)}
    receipt.so_far = None
    tell(receipt.notices, client.told)
    return frame


def _check_frame(frame: pd.DataFrame | None, index: str, directory: str) -> None:
    """Refuse a frame at hand that would silently leave memberships out."""
    if frame is None:
        return
    name = index.replace("_id", "s=")
    require_complete(frame, f"load_memberships({name})")
    if frame.index.name != index:
        raise errors.ArgumentError(
            f"{name} must be indexed by {index}, as its loader gives it; got {frame.index.name!r}"
        )
    foreign = frame["directory_id"].dropna().unique().tolist()
    if foreign not in ([], [directory]):
        raise errors.ArgumentError(f"{name} holds rows of other directories than {directory}")


@dataclass
class Pairs:
    """What a load of memberships has so far; a resumed one goes on with it."""

    directory: str
    route: str | None = None
    owners: list[str] | None = None
    done: dict[str, list[str]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    nested: list[tuple[str, str]] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    embedded_differs: bool = False

    def frame(self) -> tuple[pd.DataFrame, int]:
        """Return the distinct pairs, ordered by group, then user; and how many came more than once."""
        owners = [name for name, members in self.done.items() for _ in members]
        members = [name for members in self.done.values() for name in members]
        names = ("group_id", "user_id") if self.route == "by_group" else ("user_id", "group_id")
        frame = pd.DataFrame({names[0]: owners, names[1]: members, "directory_id": self.directory})
        frame = frame.astype(MEMBERSHIP_COLUMNS)[list(MEMBERSHIP_COLUMNS)]
        frame = frame[~frame["user_id"].isin(self.gone)]
        distinct = frame.drop_duplicates().sort_values(["group_id", "user_id"], ignore_index=True)
        return distinct, len(frame) - len(distinct)


def _opened(receipt: Receipt, resume: Receipt | None, route: str) -> Pairs:
    """Start anew, or from what an interrupted load left."""
    if resume is None:
        return Pairs(receipt.filters["directory"])
    pairs = resume.so_far
    if resume.complete or resume.filters != receipt.filters or not isinstance(pairs, Pairs):
        raise errors.ArgumentError("resume= takes the receipt of a broken load of these very memberships")
    if pairs.route is not None and route not in ("auto", pairs.route):
        raise errors.ArgumentError(f"the broken load went {pairs.route}; resume it with that route or 'auto'")
    receipt.details.update(resume.details)
    return pairs


# The choice ---------------------------------------------------------------------------------------------


def _choose_route(
    client: DirectoryClient,
    receipt: Receipt,
    pairs: Pairs,
    route: str,
    users: pd.DataFrame | None,
    groups: pd.DataFrame | None,
) -> None:
    """Fix the route and write the estimate of both into the receipt."""
    counts = client.directory(pairs.directory, traffic=receipt).get("metadata")
    counts = counts if isinstance(counts, dict) else {}
    people = counts.get("users")
    people = people if isinstance(people, dict) else {}
    user_count = len(users) if users is not None else _sum(people.get("active"), people.get("inactive"))
    group_count = len(groups) if groups is not None else _sum(counts.get("groups"))
    estimate = None
    if user_count is not None and group_count is not None:
        estimate = estimate_routes(
            user_count,
            group_count,
            client.transport.pacer,
            listed=(users is not None, groups is not None),
            side_by_side=client.side_by_side,
        )
        receipt.details["estimate"] = estimate
    if route == "auto":
        route = min(estimate, key=lambda name: estimate[name]["seconds"]) if estimate else "by_group"
    pairs.route = receipt.details["route"] = route


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


def _sum(*counts: object) -> int | None:
    return sum(c for c in counts if isinstance(c, int)) if all(isinstance(c, int) for c in counts) else None


# The walk -----------------------------------------------------------------------------------------------


def _owners(
    client: DirectoryClient,
    receipt: Receipt,
    by_group: bool,
    users: pd.DataFrame | None,
    groups: pd.DataFrame | None,
) -> list[str]:
    """Return the ids whose lists are to be read: groups, or users."""
    known, kind = (groups, "groups") if by_group else (users, "users")
    directory = receipt.filters["directory"]
    if known is None:
        pages = _list(client, receipt, kind, directory_id=directory)
        return list(dict.fromkeys(name for page in pages for name in _ids(page)))
    return [str(name) for name in known.index]


def _list(client: DirectoryClient, receipt: Receipt, kind: str, **filters: str) -> Iterator[list[Record]]:
    """Walk a list; what it cost is added to the receipt, whole or broken."""
    inner = client.receipt(kind, filters, log=False)
    inner.stop = receipt.stop
    try:
        yield from client.walk(inner)
    finally:
        _add_cost(receipt, inner)


_cost_lock = threading.Lock()


def _add_cost(receipt: Receipt, inner: Receipt) -> None:
    with _cost_lock:
        receipt.requests += inner.requests
        receipt.pages += inner.pages
        receipt.waits += inner.waits
        receipt.notices += [notice for notice in inner.notices if notice not in receipt.notices]


def _walk_owners(client: DirectoryClient, receipt: Receipt, pairs: Pairs) -> None:
    """Read every owner's list, several at a time within the budgets; keep each as soon as it is whole."""
    owners = pairs.owners or []
    todo = iter([name for name in owners if name not in pairs.done])
    running: dict[Future[list[Record] | None], str] = {}
    workers = max(FEWEST_WORKERS, WORKERS // client.side_by_side)
    pool = ThreadPoolExecutor(workers)
    noun = "groups" if pairs.route == "by_group" else "users"
    with collector_paused(), Progress(f"memberships, {noun}", total=lambda: len(owners)) as progress:
        try:
            while True:
                # A few at a time, so that an interrupt leaves little running.
                for owner in todo:
                    running[pool.submit(_members, client, receipt, pairs, owner)] = owner
                    if len(running) >= workers:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _keep(pairs, running.pop(future), future.result())
                progress.show(len(pairs.done))
        except BaseException:
            # Nobody waits for workers once the load broke: they wake from their pauses, find the stop, and go.
            assert receipt.stop is not None
            receipt.stop.set()
            raise
        finally:
            pool.shutdown(wait=not running, cancel_futures=True)


def _members(client: DirectoryClient, receipt: Receipt, pairs: Pairs, owner: str) -> list[Record] | None:
    """Read one owner's list; None when the owner was deleted meanwhile."""
    if pairs.route == "by_group":
        steps = _list(client, receipt, "users", directory_id=pairs.directory, group_id=owner)
    else:
        steps = _list(client, receipt, "groups", user_id=owner)
    records = []
    try:
        for page in steps:
            records += [_slim(record) for record in page]
            if receipt.stop is not None and receipt.stop.is_set():
                break  # the load broke; nobody waits for the rest of a long list
    except errors.NotFound:
        return None
    return records


def _slim(record: Record) -> Record:
    """Keep what memberships need, so that a large group does not hold its members' whole records."""
    embedded = record.get("groups")
    names = None
    if isinstance(embedded, list):
        names = [group.get("id") for group in embedded if isinstance(group, dict)]
    return {"groups": names, **{name: record.get(name) for name in ("id", "object", "directory_id")}}


def _keep(pairs: Pairs, owner: str, records: Sequence[Record] | None) -> None:
    if records is None:
        pairs.deleted.append(owner)
        pairs.done[owner] = []
        return
    by_group = pairs.route == "by_group"
    inside = [record for record in records if by_group and record["object"] == "directory_group"]
    pairs.nested += [(owner, name) for name in _ids(inside)]
    people = [record for record in records if record not in inside] if inside else records
    if by_group:
        # The embedded list is read for one purpose: to say that it is not what the service itself answers.
        pairs.embedded_differs |= any(r["groups"] is not None and owner not in r["groups"] for r in people)
    else:
        people = [r for r in people if r["directory_id"] in (pairs.directory, None)]
    pairs.done[owner] = list(_ids(people))


def _ids(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        name = record.get("id")
        if not isinstance(name, str):
            raise errors.BadPayload(f"a member or group without an id: {record!r:.100}")
        yield name


def _look_up_unlisted(client: DirectoryClient, receipt: Receipt, pairs: Pairs, users: pd.DataFrame) -> None:
    """Ask for members who are not in the user list: joined since, or gone by now."""
    frame, _ = pairs.frame()
    known = set(users.index) | set(pairs.unlisted) | pairs.gone
    for user_id in frame.loc[~frame["user_id"].isin(known), "user_id"].unique():
        try:
            client.user(user_id, directory_id=pairs.directory, traffic=receipt)
        except errors.NotFound:
            pairs.gone.add(user_id)
        else:
            pairs.unlisted.append(user_id)


# The end ------------------------------------------------------------------------------------------------


def _report(receipt: Receipt, pairs: Pairs, groups: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the frame, and write what a reader should know into the receipt."""
    frame, receipt.duplicates = pairs.frame()
    receipt.rows = len(frame)
    receipt.details |= {"deleted": pairs.deleted + sorted(pairs.gone), "unlisted": list(pairs.unlisted)}
    receipt.details["nested"] = sorted(set(pairs.nested))
    receipt.details["empty_groups"] = _empty_groups(pairs, frame, groups)
    return frame


def _empty_groups(pairs: Pairs, frame: pd.DataFrame, groups: pd.DataFrame | None) -> list[str] | None:
    """Name the groups without members; None where the route never meets them and no list is at hand."""
    if pairs.route != "by_group" and groups is None:
        return None
    listed = (
        list(pairs.done) if pairs.route == "by_group" else groups.index.tolist() if groups is not None else []
    )
    filled = set(frame["group_id"]) | set(pairs.deleted)
    return [name for name in listed if name not in filled]


def _add_notices(receipt: Receipt, pairs: Pairs) -> None:
    owner = "groups" if pairs.route == "by_group" else "users"
    for count, sentence in (
        (len(pairs.deleted), f"{owner} were deleted during the load and have no rows."),
        (len(pairs.gone), "members were deleted during the load and are left out."),
        (len(pairs.unlisted), "members are not in the users frame: they joined since. Load it again."),
        (len(pairs.nested), "entries are groups inside a group, not people: see the receipt's details."),
    ):
        if count:
            receipt.notices.append(f"{count:,} {sentence}")
    if pairs.embedded_differs:
        receipt.notices.append("The deprecated list of groups inside users differs; it is not used.")
    if receipt.details["empty_groups"] is None:
        receipt.notices.append("Asked by user, without groups=: groups that have no members were not met.")


def _keep_partial(receipt: Receipt, pairs: Pairs, problem: BaseException) -> None:
    partial = _report(receipt, pairs)
    lists = f"{len(pairs.done):,} of {len(pairs.owners or []):,} lists"
    partial.attrs["incomplete"] = f"memberships broke off after {lists}"
    receipt.partial = partial
    if isinstance(problem, errors.DirsyncError):
        problem.partial, problem.receipt = partial, receipt
