"""Many directories side by side: one job for each, under the budget of one key.

A directory allows four requests a second and a key a hundred, so it takes 25 directories at once to use a key
up. They share its budget in turns: none waits for another, and one that fails harms no other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd

from .. import errors
from ..client import LoadContext, Pacer, Receipt, as_ids, one_or_many
from ..client.waiting import Stop, first_done, interruptible
from ..frames import concat, require_complete
from .progress import Gathering, Progress, tell
from .session import Checkpoint, load_session, resumed

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
    return as_ids(directory_id, "directory_id")


def directory_ids_of(directory_id: object, doing: str) -> list[str]:
    """Return the ids of one directory or of several, given in any of those ways; an empty list is refused."""
    several = as_directory_ids(directory_id, doing)
    if several is not None and not several:
        raise errors.ArgumentError("directory_id is an empty list; leave it out for all directories")
    return one_or_many(directory_id, "directory_id") if several is None else several


def for_each_directory(
    context: LoadContext,
    directory_ids: Iterable[str],
    job: Callable[[LoadContext, str], T],
    *,
    workers: int | None = None,
    noun: str = "directories",
) -> tuple[dict[str, T], dict[str, errors.DirsyncError]]:
    """Do a job for each directory, several at a time; give the results and the failures, by id, in order.

    Parameters
    ----------
    context
        Its budgets and connections are shared. Each job gets a context of its own to read with, whose receipts
        join those of ``context`` when all is done.
    directory_ids
        Which; one that is given twice counts once.
    job
        A function of such a context and an id. What it prints or shows is gathered into one display.
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
    todo = list(dict.fromkeys(directory_ids))
    if workers is not None and workers < 1:
        raise errors.ArgumentError(f"workers must be 1 or more; got {workers!r}")
    count = min(workers or side_by_side(context.transport.pacer), max(1, len(todo)))
    stop, gathering = Stop(context.stop), Gathering()
    branches: dict[str, LoadContext] = {}

    def work(directory_id: str) -> T:
        branch = branches[directory_id] = context.branch(stop, count)
        with gathering.part(directory_id):
            return job(branch, directory_id)

    pool = ThreadPoolExecutor(count)
    try:
        with interruptible(), Progress(noun, total=lambda: len(todo)) as progress:
            running = {pool.submit(work, directory_id): directory_id for directory_id in todo}
            done, failed = _collected(running, progress, gathering)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        context.receipts += [receipt for one in todo if one in branches for receipt in branches[one].receipts]
        tell(gathering.notices, context.told)
    return {one: done[one] for one in todo if one in done}, {one: failed[one] for one in todo if one in failed}


def _collected(
    running: dict[Future[T], str], progress: Progress, gathering: Gathering
) -> tuple[dict[str, T], dict[str, errors.DirsyncError]]:
    done: dict[str, T] = {}
    failed: dict[str, errors.DirsyncError] = {}
    while running:
        for future in first_done(running, LOOK):
            directory_id = running.pop(future)
            try:
                done[directory_id] = future.result()
            except errors.NotAuthorized:
                raise
            except errors.DirsyncError as problem:
                failed[directory_id] = problem
        progress.show(len(done) + len(failed), beside=gathering.waiting.beside(f"{gathering.count:,} rows"))
    return done, failed


def side_by_side(pacer: Pacer) -> int:
    """Return how many directories at once use up the key's budget."""
    if not pacer.per_key or not pacer.per_directory:
        return UNPACED
    return max(1, round(SPARE * pacer.per_key / pacer.per_directory))


# Frames of many directories ---------------------------------------------------------------------------


@dataclass
class Parts:
    """What a load of many directories has so far."""

    directory_ids: list[str]
    empty: pd.DataFrame
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)

    def broken(self, directory_id: str) -> Receipt | None:
        """Return the receipt to go on with, where a directory broke off."""
        receipt = self.receipts.get(directory_id)
        return receipt if receipt is not None and not receipt.complete and receipt.so_far is not None else None

    def frame(self) -> pd.DataFrame:
        """Return the rows of the directories that are whole, in the order asked for."""
        return concat([self.frames[one] for one in self.directory_ids if one in self.frames] or [self.empty])

    def report(self, receipt: Receipt, frame: pd.DataFrame) -> None:
        """Write into the receipt what the directories of this run cost, and what each has to tell."""
        receipt.rows = len(frame)
        receipt.details["receipts"] = {
            one: self.receipts[one] for one in self.directory_ids if one in self.receipts
        }
        for part in (self.receipts[one] for one in self.begun if one in self.receipts):
            receipt.requests += part.requests
            receipt.pages += part.pages
            receipt.waits += part.waits
            receipt.duplicates += part.duplicates
            receipt.note(*part.notices)
        self.begun = []

    def missing(self, receipt: Receipt) -> str:
        """Return how many directories are missing, in words."""
        count = len(self.directory_ids) - len(self.frames)
        return f"{receipt.endpoint} of {count:,} of {len(self.directory_ids):,} directories is missing"

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keep nothing: each directory has a checkpoint of its own."""


def load_each(
    context: LoadContext,
    directory_ids: list[str],
    load: Callable[[LoadContext, str, Receipt | None], pd.DataFrame],
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
    context, directory_ids
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
    given = {name: str(context.disguise(name, value)) for name, value in filters.items() if value is not None}
    receipt = Receipt(
        endpoint=endpoint, filters={"directories": f"{len(directory_ids):,}", **given}, order=order
    )
    receipt.details["directories"] = directory_ids
    parts = resumed(receipt, resume, Parts, lambda: Parts(directory_ids, empty))
    parts.begun = [one for one in directory_ids if one not in parts.frames or parts.broken(one)]

    def job(branch: LoadContext, directory_id: str) -> pd.DataFrame:
        try:
            parts.frames[directory_id] = load(branch, directory_id, parts.broken(directory_id))
        finally:
            if branch.receipts:
                parts.receipts[directory_id] = branch.receipts[-1]
        return parts.frames[directory_id]

    context.receipts.append(receipt)  # before anything is read: whatever ends the load finds it there
    own = dataclasses.replace(context, receipts=[])
    try:
        with load_session(context, receipt, parts, watch=_told_already) as session:
            _, failures = for_each_directory(own, parts.begun, job)
            if failures:
                raise errors.DirectoriesFailed(failures, len(directory_ids))
            receipt.by_request = any(part.by_request for part in parts.receipts.values())
    finally:
        place = next(at for at, one in enumerate(context.receipts) if one is receipt)
        context.receipts[place:place] = own.receipts  # the whole stands behind its parts
    return session.frame


def _told_already(count: int) -> None:
    """Show nothing: the directories do."""
