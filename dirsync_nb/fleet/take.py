"""Taking a fleet: which directories, which of them are there already, and what became of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from .. import errors
from ..client import DirectoryClient, needs_client
from ..client.client import RedactedClient
from ..files import open_frame, save_frame
from ..frames import concat, directories_frame, organizations_frame
from ..guard import SHARE, check_guard, check_vanished
from ..load import load_directories, load_organizations
from ..load.parallel import for_each_directory
from ..load.progress import tell
from ..sync import Moment, latest_event, moment_of
from .dataset import (
    DIRECTORIES_FILE,
    LOCK,
    MANIFEST,
    ORGANIZATIONS_FILE,
    Manifest,
    forget_directory,
    on_disk,
    only_writer,
    settle,
)
from .fleet import Fleet, directory_ids_of, need_fleet, open_fleet
from .load import Connect, Job, Outcomes, load_here, load_there, refuse_key_in

__all__ = ["Work", "take_fleet", "work_on"]

NOT_FOUND = "NotFound: "

Elsewhere = Callable[[Job, Sequence[str]], Iterable[Outcomes]]
"""Loads directories on a cluster; gives what became of them, as it becomes known."""


@needs_client
def take_fleet(
    client: DirectoryClient,
    folder: str | Path,
    *,
    directory_id: Any = None,
    resume: bool = True,
    guard: float | None = SHARE,
    confirm: int | None = None,
    cluster: Any = None,
    workers: int | None = None,
    connect_worker: Connect | None = None,
) -> Fleet:
    """Return many directories with all that is in them, loaded into one Parquet dataset.

    A directory counts as soon as it is whole. One that cannot be loaded harms no other: it is among the fleet's
    ``missing``, with the reason. Each directory is as it was while it was read; its row in ``fleet.taken`` says
    when, and which event it is sure to contain, from where :func:`refresh_fleet` goes on.

    Parameters
    ----------
    client
        Where to read. Its budgets hold for the whole fleet, over all workers together.
    folder
        Where the dataset is, or is to be. Workers of a cluster must reach it by the same path.
    directory_id
        One directory or several (ids, records or rows). Default: all there are. Of a fleet that is there
        already, only these are loaded.
    resume
        True: directories that are there already stay as they are; what is missing, damaged or open is loaded,
        whatever ended the earlier run. False: all are taken anew, each in place of the old one when it is
        whole; one that cannot be loaded stays as it was, and ``fleet.notices`` say so.
    guard, confirm
        Stop where more than this share of the fleet's directories is no longer listed, which a key of another
        environment looks like; ``confirm`` is the exact number that may go. Nothing goes that is listed when
        it is asked for a second time.
    cluster
        The address of a ``distributed`` scheduler such as ``"tcp://127.0.0.1:8786"``, or a
        ``distributed.Client``: its workers load, whichever live, each directory on one of them, each worker
        process with an equal share of the key's budget. Default: threads of this process.
    workers
        Directories loaded side by side, on each worker. Default: what the budget can feed.
    connect_worker
        How a worker gets its client, a function of address and pacer. Default: ``connect`` with the key in the
        worker's own ``WORKOS_API_KEY``, which never passes the scheduler. A function that carries the key is
        refused.

    Raises
    ------
    NotFound
        A directory was asked for by name and is not there.
    NotAuthorized
        The key is refused. What was loaded before stays.
    TooManyGone
        The guard stopped it.
    ArgumentError
        The folder holds a fleet of another server or of other directories, or something else; or a worker
        cannot reach it.
    DirsyncError
        Another process is writing the fleet.

    Examples
    --------
    >>> fleet = ds.take_fleet(client, "fleet", directory_id=directories.index[:2])
    >>> len(fleet.directories)
    2
    """
    need_fleet(cluster)
    check_guard(guard, confirm)
    if cluster is not None and isinstance(client, RedactedClient) and connect_worker is None:
        raise errors.ArgumentError(
            "workers of a cluster would load people as they are: give connect_worker=, which returns a "
            "redacted client there, or leave out cluster="
        )
    refuse_key_in(connect_worker, client)
    wanted = None if directory_id is None else sorted(directory_ids_of(directory_id, "take_fleet"))
    if wanted == []:
        raise errors.ArgumentError("directory_id is an empty list; leave it out for all there are")
    with work_on(client, Path(folder).absolute(), "take", wanted) as work:
        scope = work.manifest.scope
        if scope is not None and (wanted is None or set(wanted) - set(scope)):
            raise errors.ArgumentError(
                f"{work.folder} holds a fleet of other directories, {len(scope):,} by name; ask for those, or "
                "name another folder"
            )
        work.read_listing(guard, confirm, wanted)
        todo = work.todo(wanted, resume=resume)
        latest = latest_event(client)
        position = None if latest is None else moment_of(latest)
        there = partial(load_there, client.transport.pacer, cluster, workers, connect_worker)
        work.load(work.job(position), todo, workers, None if cluster is None else there)
    fleet = open_fleet(work.folder)
    told = [*fleet.told]
    if not todo:
        told.append(
            f"All {len(fleet.directory_ids):,} directories were there already; refresh_fleet brings them "
            "up to date from events, resume=False takes them anew."
        )
    tell(told, client.context.told)
    return fleet


@contextmanager
def work_on(
    client: DirectoryClient, folder: Path, did: str, scope: Sequence[str] | None = None
) -> Iterator[Work]:
    """Open a fleet's folder for writing, alone; what is known at the end is written down, whatever ends it."""
    with on_disk(folder, "written", "What was whole stays. Make room, or name another folder."):
        if did == "take" and not (folder / MANIFEST).exists():
            # The lock is the first thing in it: a run that was killed before it wrote its manifest left one.
            if folder.exists() and not (folder / LOCK).exists() and any(folder.iterdir()):
                raise errors.ArgumentError(f"{folder} holds something else than a fleet; name another folder")
            folder.mkdir(parents=True, exist_ok=True)
        elif not (folder / MANIFEST).exists():
            raise errors.ArgumentError(f"{folder} holds no fleet yet: take_fleet writes one")
        with only_writer(folder):
            if (folder / MANIFEST).exists():
                settle(folder, clean=True)
                manifest = Manifest.read(folder)
            else:
                manifest = Manifest(client.server, None if scope is None else list(scope))
            if not client.reads(manifest.server):
                raise errors.ArgumentError(
                    f"{folder} holds a fleet of {manifest.server}, and the client reads {client.server}"
                )
            work = Work(client, folder, manifest, did, client.transport.requests)
            try:
                yield work
            finally:
                if work.begun:
                    work.write()


@dataclass
class Work:
    """A fleet that is being written.

    Attributes
    ----------
    client, folder, manifest
        Where to read, where to write, and what is known.
    did, before
        What this run is: "take" or "refresh"; and how many requests the client had sent before.
    token
        Tells this run from others.
    changed, elsewhere
        Which directories it wrote, and the requests that workers of a cluster made for them.
    listing, organizations
        The fleet's directories and their organizations, where they were read.
    begun
        Whether there is anything to write down.
    """

    client: DirectoryClient
    folder: Path
    manifest: Manifest
    did: str
    before: int
    token: str = field(default_factory=lambda: uuid4().hex[:12])
    elsewhere: int = 0
    changed: list[str] = field(default_factory=list)
    listing: pd.DataFrame | None = None
    organizations: pd.DataFrame | None = None
    begun: bool = False
    _started: float = field(default_factory=time.monotonic)

    def read_listing(
        self, guard: float | None, confirm: int | None, wanted: Sequence[str] | None = None
    ) -> None:
        """Read which directories there are; forget those that are no more, when they are not listed twice.

        Raises
        ------
        NotFound, TooManyGone
            See :func:`take_fleet`.
        """
        scope, known = self.manifest.scope, self.manifest.directories
        listing = load_directories(self.client)
        for one in wanted or ():
            if one not in listing.index:
                self.client.directory(one)  # raises NotFound, in the words of the service
        if gone := [one for one in known if one not in listing.index]:
            listing, gone = self.listed_again(listing, gone)
            what = "directories of the fleet, for they are no longer listed"
            check_vanished(len(gone), len(known), what, guard=guard, confirm=confirm, empty=listing.empty)
        for one in gone:
            self.manifest.forget(self.folder, one)
        self._use(listing if scope is None else listing[listing.index.isin(scope)])

    def listed_again(self, listing: pd.DataFrame, gone: Iterable[str]) -> tuple[pd.DataFrame, list[str]]:
        """Ask a second time for what was not found; return the listing with what is there, and what is not."""
        second = load_directories(self.client)
        there = second[second.index.isin(list(gone)) & ~second.index.isin(listing.index)]
        return concat([listing, there]), [one for one in gone if one not in second.index]

    def _use(self, listing: pd.DataFrame) -> None:
        """Take a list of directories for the fleet's; those of one organization stand together."""
        owners = listing["organization_id"].fillna(pd.Series(listing.index, index=listing.index))
        first = pd.Series(pd.factorize(owners)[0], index=listing.index)
        self.begun = True
        self.manifest.listed_at = datetime.now(UTC).isoformat()
        self.listing = listing.loc[first.sort_values(kind="stable").index]
        self.manifest.directories = [str(one) for one in self.listing.index]
        self.organizations = self._owners(self.listing)

    def _owners(self, listing: pd.DataFrame) -> pd.DataFrame:
        """Load the organizations, of which a fleet wants the names alone: it goes without, if need be."""
        try:
            if self.manifest.scope is None:
                return load_organizations(self.client)
            ids = listing["organization_id"].dropna().unique()
            context = self.client.context
            records, _ = for_each_directory(context, ids, lambda part, one: part.single("organizations", one))
            return organizations_frame(list(records.values()))
        except errors.LoadError:
            path = self.folder / ORGANIZATIONS_FILE
            return open_frame(path) if path.exists() else organizations_frame([])

    def job(self, position: Moment | None) -> Job:
        """Return how a directory is loaded, of which ``position`` is the last event it is sure to contain."""
        about = {"run": self.token, "position": position}
        listing = directories_frame([]) if self.listing is None else self.listing
        counts = {"users": listing["active_users"] + listing["inactive_users"], "groups": listing["groups"]}
        known: Any = {kind: counted.dropna().to_dict() for kind, counted in counts.items()}
        return Job(str(self.folder), self.client.base_url, about, known)

    def todo(self, wanted: Sequence[str] | None, *, resume: bool) -> list[str]:
        """Return which directories are to be loaded, largest first, so that batches are of one size."""
        manifest, listing = self.manifest, self.listing
        assert listing is not None
        considered = manifest.directories if wanted is None else wanted
        entries, failed = manifest.entries, manifest.failed
        todo = {
            one
            for one in considered
            if not resume or one not in entries or one in failed or entries[one].get("again")
        }
        people = listing["active_users"].fillna(0) + listing["inactive_users"].fillna(0)
        return [str(one) for one in people.sort_values(ascending=False, kind="stable").index if one in todo]

    def load(
        self, job: Any, todo: Sequence[str], workers: int | None = None, there: Elsewhere | None = None
    ) -> None:
        """Load directories, here or where ``there`` does, and take down what becomes of each.

        Remains of directories that are not whole go first, so that no reader counts them.
        """
        manifest = self.manifest
        for one in manifest.directories:
            if one not in manifest.entries:
                forget_directory(self.folder, one)
        before, manifest.failed = manifest.entries, {k: v for k, v in manifest.failed.items() if k not in todo}
        # Until it is done, the files say what is known of these: the old ones, or the new ones.
        manifest.entries = {one: entry for one, entry in before.items() if one not in todo}
        self.write()
        outcomes: Outcomes = {}
        try:
            if there is None or not todo:
                outcomes = load_here(self.client, job, todo, workers)
            else:
                for some in there(job, todo):
                    outcomes |= some
        finally:
            manifest.find(self.folder)
            done = {one: it for one, it in outcomes.items() if not isinstance(it, str)}
            manifest.entries |= {one: it for one, it in done.items() if one in manifest.entries}
            for one, entry in manifest.entries.items():  # as they were: of these more is known than files say
                if one in before and before[one]["run"] == entry["run"]:
                    manifest.entries[one] = before[one]
            failed = {one: it for one, it in outcomes.items() if isinstance(it, str)}
            written = [one for one in todo if manifest.entries.get(one, {}).get("run") == self.token]
            self.changed += written
            if there is not None:
                self.elsewhere += sum(manifest.entries[one]["cost"]["requests"] for one in written)
            manifest.failed |= {one: why for one, why in failed.items() if one not in written}
        self._drop_gone(failed)

    def _drop_gone(self, failed: Mapping[str, str]) -> None:
        """Forget what was not found and is not listed either, unless it was asked for by name."""
        missed = [one for one, why in failed.items() if why.startswith(NOT_FOUND)]
        if not missed or self.listing is None:
            return
        _, gone = self.listed_again(self.listing, missed)
        for one in missed:
            if one not in gone:
                self.manifest.failed[one] += " It is still listed: take_fleet with the same folder asks again."
            elif self.manifest.scope is None:
                self.manifest.forget(self.folder, one)
                self.listing = self.listing.drop(index=one)

    def write(self) -> None:
        """Write down what is known."""
        self.manifest.run = {
            "did": self.did,
            "at": datetime.now(UTC).isoformat(),
            "seconds": round(time.monotonic() - self._started, 2),
            "requests": self.client.transport.requests - self.before + self.elsewhere,
            "changed": len(self.changed),
        }
        for frame, file in ((self.listing, DIRECTORIES_FILE), (self.organizations, ORGANIZATIONS_FILE)):
            if frame is not None:
                save_frame(frame, self.folder / file)
        self.manifest.write(self.folder)
