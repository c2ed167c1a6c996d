"""Loading a fleet: each directory by one process, here or on the workers of a cluster, within one key's budget.

Dask's scheduler spreads batches of directories over the workers, and gives those of a worker that died to
another. The budget is split into equal shares, one for each worker process that lives: whoever is new waits for
its share before it asks for anything. A directory is loaded by one process, so its own limit holds there. Every
batch has the same mixture of directories, so that workers with equal shares come to their ends together.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from .. import errors
from ..client import DirectoryClient, LoadContext, Pacer, Receipt
from ..client.waiting import Stop, wait
from ..connect import connect
from ..load.contents import Contents, load_contents
from ..load.parallel import for_each_directory, side_by_side
from ..load.progress import tell
from .dataset import MANIFEST, Entry, directory_entry, file_sizes, save_directory

__all__ = ["Connect", "Job", "Outcomes", "Run", "load_here", "load_there", "opened", "refuse_key_in"]

ROUNDS = 8  # directories in a batch, for each that is loaded side by side
IN_A_ROW = 10  # failures after which the others are not tried
LOOK = 0.5  # seconds between two looks at the workers
ALONE = 60.0  # seconds without any worker, or in a worker without a share, before it is an error

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
        What every entry says; ``run`` tells one run from the others.
    counts
        How many users and groups the list of directories counts, by kind and directory.
    """

    folder: str
    server: str
    about: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __call__(self, context: LoadContext, directory_id: str) -> Entry:
        """Load a directory and write it."""
        at = datetime.now(UTC).isoformat()
        counts = {kind: known[directory_id] for kind, known in self.counts.items() if directory_id in known}
        contents = load_contents(context, directory_id, counts=counts or None)
        about = {"at": at, "read_at": at, **self.about, **_known_from(context.receipts, contents)}
        context.receipts.clear()  # those of thousands of directories would pile up
        try:
            return save_directory(Path(self.folder), directory_id, contents._asdict(), about)
        except OSError as problem:
            raise errors.DirsyncError(f"{directory_id} could not be written: {problem}") from problem


def _known_from(receipts: Sequence[Receipt], contents: Contents) -> dict[str, Any]:
    """Return what a directory cost, what there is to tell, and whose lists were 404 though they are listed."""
    listed = {*contents.groups.index, *contents.users.index}
    lost = [one for receipt in receipts for one in receipt.details.get("deleted", ()) if one in listed]
    notices = [
        f"{one} was listed and then not found (404): its memberships are missing, unless it was deleted just "
        "then. take_fleet with the same folder reads the directory again."
        for one in lost
    ]
    notices += [one for receipt in receipts if receipt.endpoint != "memberships" for one in receipt.notices]
    cost = {
        "requests": sum(receipt.requests for receipt in receipts),
        "refused": sum(one.cause == "429" for receipt in receipts for one in receipt.waits),
    }
    return {"cost": cost, "notices": notices, "again": bool(lost)}


# In one process ---------------------------------------------------------------------------------------------


@dataclass
class Run:
    """What one process does for a run: how far it is, and when it is to end.

    Attributes
    ----------
    stop
        Ends all loading of this process when set.
    ended
        Why the rest is not tried; None while it is.
    done
        How many directories were loaded or failed.
    """

    stop: Stop = field(default_factory=Stop)
    ended: str | None = None
    done: int = 0
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connecting: threading.Lock = field(default_factory=threading.Lock)
    _pacer: Pacer = field(default_factory=Pacer)
    _client: DirectoryClient | None = None
    _has_share: threading.Event = field(default_factory=threading.Event)

    def end(self, why: str) -> None:
        """End the run here, at once."""
        self.ended = self.ended or why
        self.stop.set()
        self._has_share.set()

    def note(self, problem: errors.DirsyncError | None) -> None:
        """Note that a directory was loaded, or failed; after too many failures in a row, the run ends."""
        with self._lock:
            self.done += 1
            # What is not found says nothing about the others, and what was given up nothing about the service.
            if problem is None:
                self._in_a_row = 0
            elif not isinstance(problem, errors.NotFound) and not self.stop.is_set():
                self._in_a_row += 1
            if problem is not None and self._in_a_row >= IN_A_ROW:
                self.end(f"{IN_A_ROW} directories failed in a row, the last with {_reason(problem)}")

    def share(self, per_directory: float | None, per_key: float | None) -> None:
        """Take this process's share of the budget."""
        self._pacer.per_directory, self._pacer.per_key = per_directory, per_key
        self._has_share.set()

    def client(self, server: str, connect_worker: Connect | None) -> DirectoryClient:
        """Return the one client of this process, once it has a share of the budget."""
        if not self._has_share.wait(ALONE):
            raise errors.DirsyncError(
                "no share of the key's budget came: has the process that began this ended?"
            )
        with self._connecting:  # a lock of its own: shares come on the worker's loop, which may not wait for it
            if self._client is None:
                self._client = (connect_worker or _connect)(server, self._pacer)
            return self._client


def load_here(
    client: DirectoryClient, job: Any, todo: Sequence[str], workers: int | None = None, run: Run | None = None
) -> Outcomes:
    """Load in threads of this process."""
    run = run or Run(Stop(client.context.stop))

    def load(context: LoadContext, directory_id: str) -> Entry:
        if run.ended is not None:
            raise errors.LoadError(run.ended)
        try:
            entry: Entry = job(context, directory_id)
        except errors.DirsyncError as problem:
            run.note(problem)
            raise
        run.note(None)
        return entry

    done, failed = for_each_directory(client.context.branch(run.stop), todo, load, workers=workers)
    return {**done, **{one: _reason(problem, run.ended) for one, problem in failed.items()}}


def _reason(problem: errors.DirsyncError, ended: str | None = None) -> str:
    if ended and type(problem) is errors.LoadError:
        return f"not tried: {ended}"
    problem.partial = None  # its rows are not kept, and its message shall not say so
    return f"{type(problem).__name__}: {problem}"


# On a cluster -----------------------------------------------------------------------------------------------


def load_there(
    pacer: Pacer,
    job: Job,
    todo: Sequence[str],
    cluster: Any,
    workers: int | None,
    connect_worker: Connect | None,
    show: Callable[[int], None] = lambda _: None,
) -> Iterator[Outcomes]:
    """Load on the workers of a cluster, whichever live; yield what became of each batch."""
    from distributed import CancelledError, KilledWorker

    with opened(cluster) as scheduler:
        crew, futures = _Crew(scheduler, pacer, job.about["run"]), []
        try:
            crew.look()
            if not crew.places:
                raise errors.ArgumentError("the cluster has no workers")
            tell([f"Dask's dashboard of this run: {scheduler.dashboard_link}"], set())
            count = workers or side_by_side(Pacer(per_directory=pacer.per_directory, per_key=crew.share))
            batches = _dealt(todo, len(crew.places), count)
            load = partial(_load_batch, job=job, workers=workers, connect_worker=connect_worker)
            futures = scheduler.map(load, batches, pure=False, key=f"load-directories-{job.about['run']}")
            running = dict(zip(futures, batches, strict=True))
            while running:
                for future in [one for one in running if one.done()]:
                    batch = running.pop(future)
                    try:
                        yield future.result()
                    except (KilledWorker, CancelledError) as problem:  # by worker after worker, or by somebody
                        yield dict.fromkeys(batch, f"{type(problem).__name__}: {problem}")
                crew.look()
                show(min(crew.done, len(todo)))
                wait(LOOK if running else 0)
        finally:
            with suppress(OSError, RuntimeError):  # of a scheduler that is gone itself
                crew.end("the run was ended")
                scheduler.cancel(futures)


class _Crew:
    """The worker processes of a cluster, as they come and go: who they are, their share, how far they are."""

    def __init__(self, scheduler: Any, pacer: Pacer, run: str) -> None:
        self._scheduler, self._pacer, self._run = scheduler, pacer, run
        self._addresses: set[str] = set()
        self._counts: dict[str, int] = {}
        self._seen = time.monotonic()
        self.places: set[str] = set()

    @property
    def share(self) -> float | None:
        """What each process may ask for of the key's budget, in requests a second."""
        return self._pacer.per_key and self._pacer.per_key / max(1, len(self.places))

    @property
    def done(self) -> int:
        """How many directories were loaded or failed."""
        return sum(self._counts.values())

    def look(self) -> None:
        """See which workers live, give each process its share, and ask how far it is."""
        addresses = set(self._scheduler.nthreads())
        if addresses != self._addresses:
            self.places = set(self._ask(_place).values())
            self._addresses = addresses
        if addresses:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > ALONE:
            raise errors.DirsyncError(
                f"the cluster has had no workers for {ALONE:.0f} s; what was loaded stays"
            )
        found = dict(self._ask(_look, self._run, self._pacer.per_directory, self.share).values())
        self._counts |= {place: done for place, (done, _) in found.items()}
        if ended := next((why for _, why in found.values() if why), None):
            self.end(ended)

    def end(self, why: str) -> None:
        """End the run in every process, at once."""
        self._ask(_end, self._run, why)

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Ask every worker; one that dies meanwhile has no answer."""
        answers: dict[str, Any] = self._scheduler.run(question, *arguments, on_error="ignore")
        return answers


def _dealt(todo: Sequence[str], processes: int, count: int) -> list[list[str]]:
    """Deal directories out, so that every batch has the same mixture of sizes, and the smallest ones last.

    At the end of a batch fewer directories are left than use up a share. So batches are few and long, and their
    ends, among small directories, short.
    """
    hands = processes * max(1, round(len(todo) / (processes * count * ROUNDS)))
    return [list(todo[place::hands]) for place in range(min(hands, len(todo)))]


# What a worker does -----------------------------------------------------------------------------------------

_runs: dict[str, Run] = {}
_runs_lock = threading.Lock()


def _run_called(token: str) -> Run:
    """Return this process's part in a run: all its threads have one share, one client and one end."""
    with _runs_lock:
        if token not in _runs:
            while len(_runs) > 3:
                _runs.pop(next(iter(_runs)))
            _runs[token] = Run()
        return _runs[token]


def _place() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def _look(token: str, per_directory: float | None, per_key: float | None) -> tuple[str, tuple[int, str | None]]:
    run = _run_called(token)
    run.share(per_directory, per_key)
    return _place(), (run.done, run.ended)


def _end(token: str, why: str) -> None:
    _run_called(token).end(why)


def _load_batch(
    directory_ids: Sequence[str], *, job: Job, workers: int | None, connect_worker: Connect | None
) -> Outcomes:
    """Load some directories on a worker; whatever goes wrong is told with its name."""
    run = _run_called(job.about["run"])
    try:
        if not (Path(job.folder) / MANIFEST).exists():
            raise errors.ArgumentError(
                f"{job.folder} is not found: workers must reach the folder by the same path"
            )
        # Where a worker died, another begins its batch anew, and need not load what was whole already.
        folder = Path(job.folder)
        sizes = file_sizes(folder)
        entries = {one: directory_entry(folder, one, sizes) for one in directory_ids}
        whole: Outcomes = {
            one: entry for one, entry in entries.items() if entry and entry["run"] == job.about["run"]
        }
        rest = [one for one in directory_ids if one not in whole]
        outcomes = load_here(run.client(job.server, connect_worker), job, rest, workers, run)
    except errors.DirsyncError as problem:
        problem.args = (f"{problem.args[0] if problem.args else ''} (worker {_place()})", *problem.args[1:])
        raise
    named = {one: f"{it} (worker {_place()})" if isinstance(it, str) else it for one, it in outcomes.items()}
    return {**whole, **named}


def _connect(server: str, pacer: Pacer) -> DirectoryClient:
    return connect(base_url=server, pacer=pacer)


def refuse_key_in(connect_worker: Connect | None, client: DirectoryClient) -> None:
    """Refuse a function that carries the key: the scheduler keeps what travels, and has other clients."""
    if connect_worker is None:
        return
    import cloudpickle

    try:
        content = cloudpickle.dumps(connect_worker)
    except Exception as problem:  # noqa: BLE001 - whatever their function holds
        raise errors.ArgumentError(f"connect_worker cannot travel to workers: {problem}") from None
    if any(secret.hidden_in_bytes(content) != content for secret in client.transport.connections.secrets):
        raise errors.ArgumentError(
            "connect_worker carries the key, and the scheduler shows what travels through it to its other "
            "clients: let the function read the key where it runs, from the environment or a file there"
        )


@contextmanager
def opened(cluster: Any) -> Iterator[Any]:
    """Return a client of the cluster: the one handed in (or None), or for an address one while it is needed."""
    if not isinstance(cluster, str):
        yield cluster
        return
    from distributed import Client

    try:
        client = Client(cluster, set_as_default=False)  # type: ignore[no-untyped-call,unused-ignore]
    except (OSError, ValueError) as problem:
        raise errors.ArgumentError(
            f"no scheduler answers at {cluster!r} ({problem}): its address is such as tcp://127.0.0.1:8786"
        ) from problem
    with client:
        yield client
