"""Many directories side by side: one job for each, under the budget of one key.

A directory allows four requests a second and a key a hundred, so it takes 25 directories at once to use a key
up. They share its budget in turns: none waits for another, and one that fails harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd

from .. import errors
from ..client import DirectoryClient, Pacer, Receipt, identifier
from ..client.pacing import Stop
from ..frames import DIRECTORY_COLUMNS, concat, require_complete
from .progress import Gathering, Progress, tell

__all__ = ["as_directory_ids", "for_each_directory", "load_each"]

T = TypeVar("T")

SPARE = 1.3  # directories at once for each that the key's budget has room for: some are waiting or short
UNPACED = 8  # at once, where nothing limits
LOOK = 0.2  # seconds between two looks at how far the others are


def as_directory_ids(directory_id: object, doing: str) -> list[str] | None:
    """Return the ids in a list, tuple, Index, Series, array or frame of directories; None for one directory.

    A row of a directories frame is one directory. A partial frame of directories is refused.
    """
    if isinstance(directory_id, pd.DataFrame):
        require_complete(directory_id, doing)
        if directory_id.index.name != "directory_id":
            raise errors.ArgumentError(
                f"{doing}: a frame of directories is indexed by directory_id, as its loader gives it; got "
                f"{directory_id.index.name!r}"
            )
        return list(dict.fromkeys(map(str, directory_id.index)))
    if (
        isinstance(directory_id, pd.Series)
        and not directory_id.index.intersection(list(DIRECTORY_COLUMNS)).empty
    ):
        return None
    if isinstance(directory_id, str | Mapping) or hasattr(directory_id, "id"):
        return None
    if not isinstance(directory_id, Iterable):
        return None
    return list(dict.fromkeys(identifier(one, "directory_id") for one in directory_id))


def for_each_directory(
    client: DirectoryClient,
    directory_ids: Iterable[str],
    job: Callable[[DirectoryClient, str], T],
    *,
    workers: int | None = None,
    noun: str = "directories",
) -> tuple[dict[str, T], dict[str, errors.DirsyncError]]:
    """Do a job for each directory, several at a time; give the results and the failures, by id, in order.

    Parameters
    ----------
    client
        Its budgets and connections are shared. Each job gets a client of its own to read with, whose receipts
        join those of ``client`` when all is done.
    directory_ids
        Which; one that is given twice counts once.
    job
        A function of such a client and an id. What it prints or shows is gathered into one display.
    workers
        Directories at a time. Default: as many as use up the key's budget, 33 with the published limits.
    noun
        What the display counts.

    Raises
    ------
    NotAuthorized
        The key was refused, which is no matter of one directory.
    BaseException
        An interrupt, or whatever else a job raised that is not of this package. All others stop within a page.
    """
    names = list(dict.fromkeys(directory_ids))
    if workers is not None and workers < 1:
        raise errors.ArgumentError(f"workers must be 1 or more; got {workers!r}")
    count = min(workers or _side_by_side(client.transport.pacer), max(1, len(names)))
    stop, gathering = Stop(client.stop), Gathering()
    branches: dict[str, DirectoryClient] = {}

    def one(name: str) -> T:
        branch = branches[name] = client.branch(stop)
        branch.side_by_side = count
        with gathering.part(name):
            return job(branch, name)

    pool = ThreadPoolExecutor(count)
    try:
        running = {pool.submit(one, name): name for name in names}
        with Progress(noun, total=lambda: len(names)) as progress:
            done, failed = _collected(running, progress, gathering)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        client.receipts += [
            receipt for name in names if name in branches for receipt in branches[name].receipts
        ]
        tell(gathering.notices, client.told)
    return {name: done[name] for name in names if name in done}, {
        name: failed[name] for name in names if name in failed
    }


def _collected(
    running: dict[Future[T], str], progress: Progress, gathering: Gathering
) -> tuple[dict[str, T], dict[str, errors.DirsyncError]]:
    done: dict[str, T] = {}
    failed: dict[str, errors.DirsyncError] = {}
    while running:
        for future in wait(running, timeout=LOOK, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            try:
                done[name] = future.result()
            except errors.NotAuthorized:
                raise
            except errors.DirsyncError as problem:
                failed[name] = problem
        progress.show(len(done) + len(failed), beside=f"{gathering.count:,} rows")
    return done, failed


def _side_by_side(pacer: Pacer) -> int:
    """Return how many directories at once use up the key's budget."""
    if not pacer.per_key or not pacer.per_directory:
        return UNPACED
    return max(1, round(SPARE * pacer.per_key / pacer.per_directory))


# Frames of many directories ---------------------------------------------------------------------------


@dataclass
class Parts:
    """What a load of many directories has so far; a resumed one goes on with it."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    def in_order(self, names: list[str]) -> dict[str, Receipt]:
        """Return the receipt of each directory that was begun."""
        return {name: self.receipts[name] for name in names if name in self.receipts}

    def broken(self, name: str) -> Receipt | None:
        """Return the receipt to go on with, where a directory broke off."""
        receipt = self.receipts.get(name)
        return receipt if receipt is not None and not receipt.complete and receipt.so_far is not None else None


def load_each(
    client: DirectoryClient,
    directory_ids: list[str],
    load: Callable[[DirectoryClient, str, Receipt | None], pd.DataFrame],
    *,
    endpoint: str,
    filters: Mapping[str, Any],
    empty: pd.DataFrame,
    order: str | None = None,
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load one frame from many directories, in the order given.

    Parameters
    ----------
    client, directory_ids
        As in :func:`for_each_directory`.
    load
        Loads the frame of one directory, from where a receipt of it broke off.
    endpoint, filters, order
        What the receipt of the whole says was asked for, besides the directories.
    empty
        The frame of no directory.
    resume
        Receipt of the same load that broke: only the directories that failed are read, from where they broke.

    Raises
    ------
    DirectoriesFailed
        After all others were loaded: it names those that failed, and keeps the others' rows.
    """
    given = {name: str(value) for name, value in filters.items() if value is not None}
    receipt = Receipt(
        endpoint=endpoint, filters={"directories": f"{len(directory_ids):,}", **given}, order=order
    )
    receipt.details["directories"] = directory_ids
    parts = receipt.so_far = Parts() if resume is None else _resumed(receipt, resume)

    def job(branch: DirectoryClient, name: str) -> pd.DataFrame:
        try:
            parts.frames[name] = load(branch, name, parts.broken(name))
        finally:
            if branch.receipts:
                parts.receipts[name] = branch.receipts[-1]
        return parts.frames[name]

    clock = client.transport.pacer.clock
    started = clock()
    try:
        todo = [name for name in directory_ids if name not in parts.frames]
        _, failures = for_each_directory(client, todo, job)
        frame = concat([parts.frames[name] for name in directory_ids if name in parts.frames] or [empty])
        _add_up(receipt, parts, todo)
        receipt.rows = len(frame)
        if failures:
            raise errors.DirectoriesFailed(failures, len(directory_ids))
        receipt.complete = True
    except BaseException as problem:
        _keep_partial(receipt, parts, empty, problem)
        raise
    finally:
        receipt.seconds = clock() - started
        client.receipts.append(receipt)
    receipt.so_far = None
    return frame


def _resumed(receipt: Receipt, resume: Receipt) -> Parts:
    same = all(getattr(receipt, name) == getattr(resume, name) for name in ("endpoint", "filters", "order"))
    if not same or receipt.details["directories"] != resume.details.get("directories") or resume.complete:
        raise errors.ArgumentError("resume= takes the receipt of a broken load of these very directories")
    parts = resume.so_far
    assert isinstance(parts, Parts)
    return parts


def _add_up(receipt: Receipt, parts: Parts, todo: list[str]) -> None:
    """Write what the directories of this run cost into the receipt of the whole."""
    receipt.details["receipts"] = parts.in_order(receipt.details["directories"])
    for name in todo:
        part = parts.receipts.get(name)
        if part is not None:
            receipt.requests += part.requests
            receipt.pages += part.pages
            receipt.waits += part.waits
            receipt.duplicates += part.duplicates
            receipt.notices += [notice for notice in part.notices if notice not in receipt.notices]


def _keep_partial(receipt: Receipt, parts: Parts, empty: pd.DataFrame, problem: BaseException) -> None:
    """Keep the rows of the directories that are whole, as a frame that says what is missing."""
    names = receipt.details["directories"]
    whole = [parts.frames[name] for name in names if name in parts.frames]
    partial = concat(whole or [empty]).copy()
    missing = len(names) - len(whole)
    partial.attrs["incomplete"] = f"{receipt.endpoint} of {missing:,} of {len(names):,} directories is missing"
    receipt.partial, receipt.rows = partial, len(partial)
    receipt.details["receipts"] = parts.in_order(receipt.details["directories"])
    if isinstance(problem, errors.DirsyncError):
        problem.partial, problem.receipt = partial, receipt
