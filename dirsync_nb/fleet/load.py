"""Loading a fleet: each directory by one process, here or on the workers of a cluster, within one key's budget.

Dask's scheduler spreads batches of directories over the workers. The budget is split into equal shares, one for
each worker process, before the first request; a directory is loaded by one process, so its own limit holds
there. Nothing has to be asked for while loading, and no failure can make all together ask for too much. Every
batch has the same mixture of directories, so that workers with equal shares come to their ends together.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from .. import errors
from ..client import DirectoryClient, LoadContext, Pacer
from ..client.waiting import Stop
from ..connect import connect
from ..load.contents import load_contents
from ..load.parallel import for_each_directory, side_by_side
from .dataset import MANIFEST, Entry, directory_entry, save_directory

__all__ = ["Connect", "Job", "Outcomes", "load_here", "load_there", "opened"]

ROUNDS = 8  # directories in a batch, for each that is loaded side by side

Connect = Callable[[str, Pacer], DirectoryClient]
"""Gives a worker its client, from the address of the server and the worker's share of the budget."""

Outcomes = dict[str, Entry | str]
"""By directory: its entry, or why it failed."""


@dataclass(frozen=True)
class Job:
    """What is to be done with each directory. It travels to workers, and holds nothing secret.

    Parameters
    ----------
    folder
        Where the fleet is.
    server
        Where to read.
    about
        What every entry says.
    """

    folder: str
    server: str
    about: Mapping[str, Any]

    def __call__(self, context: LoadContext, directory_id: str) -> Entry:
        """Load a directory and write it."""
        at = datetime.now(UTC).isoformat()
        contents = load_contents(context, directory_id)
        cost = {
            "requests": sum(receipt.requests for receipt in context.receipts),
            "refused": sum(wait.cause == "429" for receipt in context.receipts for wait in receipt.waits),
        }
        context.receipts.clear()  # those of thousands of directories would pile up
        about = {"at": at, **self.about, "cost": cost}
        return save_directory(Path(self.folder), directory_id, contents._asdict(), about)


def load_here(client: DirectoryClient, job: Job, todo: Sequence[str], workers: int | None = None) -> Outcomes:
    """Load in threads of this process."""
    context = client.context
    branch = context.branch(Stop(context.stop))
    done, failed = for_each_directory(branch, todo, job, workers=workers)
    return {**done, **{directory_id: _reason(problem) for directory_id, problem in failed.items()}}


def _reason(problem: errors.DirsyncError) -> str:
    problem.partial = None  # its rows are not kept, and its message shall not say so
    return f"{type(problem).__name__}: {problem}"


def load_there(
    pacer: Pacer,
    job: Job,
    todo: Sequence[str],
    cluster: Any,
    workers: int | None,
    connect_worker: Connect | None,
) -> Iterator[Outcomes]:
    """Load on the workers that a cluster has now; yield what became of each batch.

    A worker that joins later gets nothing to load, since the budget is shared out already.
    """
    from distributed import KilledWorker, as_completed

    with opened(cluster) as scheduler:
        places = scheduler.run(_place)
        if not places:
            raise errors.ArgumentError("the cluster has no workers")
        processes = len(set(places.values()))
        key_share = pacer.per_key and pacer.per_key / processes
        share = Pacer(per_directory=pacer.per_directory, per_key=key_share)
        count = workers or side_by_side(share)
        load = partial(
            _load_batch,
            job=job,
            rates=(share.per_directory, share.per_key),
            workers=count,
            connect_worker=connect_worker,
        )
        batches = _dealt(todo, processes, count)
        futures = scheduler.map(
            load, batches, workers=list(places), allow_other_workers=False, pure=False, key="load-directories"
        )
        batch_of = {future.key: batch for future, batch in zip(futures, batches, strict=True)}
        try:
            for future in as_completed(futures, loop=scheduler.loop):  # type: ignore[no-untyped-call,unused-ignore]
                try:
                    yield future.result()
                except KilledWorker as problem:  # again and again, on one worker after the other
                    yield dict.fromkeys(batch_of[future.key], f"KilledWorker: {problem}")
        finally:
            scheduler.cancel(futures)


def _dealt(todo: Sequence[str], processes: int, count: int) -> list[list[str]]:
    """Deal directories out, so that every batch has the same mixture of sizes, and the smallest ones last.

    At the end of a batch fewer directories are left than use up a share. So batches are few and long, and their
    ends, among small directories, short.
    """
    hands = processes * max(1, round(len(todo) / (processes * count * ROUNDS)))
    return [list(todo[place::hands]) for place in range(min(hands, len(todo)))]


def _place() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def _load_batch(
    directory_ids: Sequence[str],
    *,
    job: Job,
    rates: tuple[float | None, float | None],
    workers: int,
    connect_worker: Connect | None,
) -> Outcomes:
    """Load some directories on a worker."""
    if not (Path(job.folder) / MANIFEST).exists():
        raise errors.ArgumentError(
            f"a worker on {socket.gethostname()} does not find {job.folder}: workers must reach the folder by "
            "the same path"
        )
    # Where a worker died, another begins its batch anew, and need not load what was whole already.
    entries = {name: directory_entry(Path(job.folder), name) for name in directory_ids}
    whole: Outcomes = {name: entry for name, entry in entries.items() if entry is not None}
    rest = [name for name in directory_ids if name not in whole]
    return {**whole, **load_here(_worker_client(job.server, rates, connect_worker), job, rest, workers)}


_clients: dict[tuple[Any, ...], DirectoryClient] = {}


def _worker_client(
    server: str, rates: tuple[float | None, float | None], connect_worker: Connect | None
) -> DirectoryClient:
    """Return this process's one client for a server: all its threads pace on one share."""
    make = connect_worker or _connect
    key = (server, rates, make.__module__, getattr(make, "__qualname__", repr(make)))
    if key not in _clients:
        _clients[key] = make(server, Pacer(per_directory=rates[0], per_key=rates[1]))
    return _clients[key]


def _connect(server: str, pacer: Pacer) -> DirectoryClient:
    return connect(base_url=server, pacer=pacer)


@contextmanager
def opened(cluster: Any) -> Iterator[Any]:
    """Return a client of the cluster: the one handed in (or None), or for an address one while it is needed."""
    if not isinstance(cluster, str):
        yield cluster
        return
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:  # type: ignore[no-untyped-call,unused-ignore]
        yield client
