"""Taking a fleet: which directories, which of them are there already, and what became of the others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, needs_client
from ..files import save_frame
from ..load import load_directories
from ..load.progress import Progress, tell
from ..sync import latest_event, moment_of
from .dataset import (
    DIRECTORIES_FILE,
    MANIFEST,
    TABLES,
    Entry,
    entries_of,
    forget_directory,
    read_manifest,
    write_manifest,
)
from .fleet import Fleet, directory_ids_of, need_fleet, open_fleet
from .load import Connect, Job, Outcomes, load_here, load_there

__all__ = ["take_fleet"]

GONE = "NotFound: "


@needs_client
def take_fleet(
    client: DirectoryClient,
    folder: str | Path,
    *,
    directory_id: Any = None,
    resume: bool = True,
    cluster: Any = None,
    workers: int | None = None,
    connect_worker: Connect | None = None,
) -> Fleet:
    """Load many directories with all that is in them, into one partitioned Parquet dataset.

    A directory counts as soon as it is whole. One that cannot be loaded harms no other: it is among the fleet's
    ``missing``, with the reason. Each directory is as it was while it was read; its row in ``fleet.taken`` says
    when, and which event it is sure to contain, so that ``load_events(client, after=...)`` gives what came
    since.

    Parameters
    ----------
    client
        Where to read. Its budgets hold for the whole fleet, over all workers together.
    folder
        Where the dataset is, or is to be. Workers of a cluster must reach it by the same path.
    directory_id
        One directory or several (ids, records or rows). Default: all there are.
    resume
        True: directories that are there already stay as they are, and only what is missing is loaded, whatever
        ended the earlier run. False: what is there is removed first.
    cluster
        The address of a ``distributed`` scheduler such as ``"tcp://127.0.0.1:8786"``, or a
        ``distributed.Client``: its workers load, each directory on one of them, each worker process with an
        equal share of the key's budget. Default: threads of this process.
    workers
        Directories loaded side by side, on each worker. Default: what the budget can feed.
    connect_worker
        How a worker gets its client, a function of address and pacer. Default: ``connect`` with the key in the
        worker's own ``WORKOS_API_KEY``. It travels to the workers: let it close over no key.

    Raises
    ------
    NotFound
        A directory was asked for by name and is not there.
    NotAuthorized
        The key is refused. What was loaded before stays.
    ArgumentError
        The folder holds a fleet of another server or of other directories, or something else; or a worker
        cannot reach it.
    """
    need_fleet(cluster)
    folder = Path(folder).absolute()
    listing, scope = _listing(client, directory_id)
    held = _begin(folder, client, listing, scope, resume=resume)
    latest = latest_event(client)
    job = Job(str(folder), client.base_url, {"position": None if latest is None else moment_of(latest)})
    todo = [name for name in _largest_first(listing) if name not in held]
    failed: dict[str, str] = {}
    try:
        for outcomes in _outcomes(client, job, todo, cluster, workers, connect_worker):
            failed |= {name: one for name, one in outcomes.items() if isinstance(one, str)}
    finally:
        if scope is None:  # who is gone meanwhile, and was not asked for by name, is no failure
            gone = [name for name, why in failed.items() if why.startswith(GONE)]
            listing = listing[~listing.index.isin(gone)]
        _note(folder, client, listing, scope, held, failed)
    fleet = open_fleet(folder)
    if fleet.missing:
        tell([str(fleet.incomplete("A question"))], client.context.told)
    elif not todo:
        told = f"All {len(listing):,} directories were there already; resume=False takes them anew."
        tell([told], client.context.told)
    return fleet


def _outcomes(
    client: DirectoryClient,
    job: Job,
    todo: Sequence[str],
    cluster: Any,
    workers: int | None,
    connect_worker: Connect | None,
) -> Iterator[Outcomes]:
    """Load directories here or on a cluster; yield what became of them, as it becomes known."""
    if cluster is None:
        yield load_here(client, job, todo, workers)
        return
    with Progress("directories", total=lambda: len(todo)) as progress:
        count = 0
        for outcomes in load_there(client.transport.pacer, job, todo, cluster, workers, connect_worker):
            count += len(outcomes)
            progress.show(count)
            yield outcomes


def _listing(client: DirectoryClient, wanted: Any) -> tuple[pd.DataFrame, list[str] | None]:
    """Load the rows of the directories asked for, and return their ids where they were asked for by name.

    Directories of one organization stand together.
    """
    listing = load_directories(client)
    scope = None
    if wanted is not None:
        scope = sorted(directory_ids_of(wanted, "take_fleet"))
        if not scope:
            raise errors.ArgumentError("directory_id is an empty list; leave it out for all there are")
        for one in scope:
            if one not in listing.index:
                client.directory(one)  # raises NotFound, in the words of the service
        listing = listing[listing.index.isin(scope)]
    owners = listing["organization_id"].fillna(pd.Series(listing.index, index=listing.index))
    first = pd.Series(pd.factorize(owners)[0], index=listing.index)
    return listing.loc[first.sort_values(kind="stable").index], scope


def _largest_first(listing: pd.DataFrame) -> list[str]:
    """Order directories so that those that take longest begin first, and batches are of one size."""
    people = listing["active_users"].fillna(0) + listing["inactive_users"].fillna(0)
    return [str(name) for name in people.sort_values(ascending=False, kind="stable").index]


def _begin(
    folder: Path, client: DirectoryClient, listing: pd.DataFrame, scope: list[str] | None, *, resume: bool
) -> dict[str, Entry]:
    """Open the folder for a load; return the directories of it that are whole already."""
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else None
    if manifest is None and folder.exists() and any(folder.iterdir()):
        raise errors.ArgumentError(f"{folder} holds something else than a fleet; name another folder")
    if manifest is not None and not client.reads(manifest["server"]):
        raise errors.ArgumentError(
            f"{folder} holds a fleet of {manifest['server']}, and the client reads {client.server}"
        )
    if manifest is not None and resume and manifest["scope"] != scope:
        raise errors.ArgumentError(
            f"{folder} holds a fleet of other directories; ask for the same, name another folder, or say "
            "resume=False to remove it"
        )
    if manifest is not None and not resume:
        _remove(folder)
        manifest = None
    held = {} if manifest is None else entries_of(folder, manifest)
    for name in set(held) - set(listing.index):
        forget_directory(folder, name)
    held = {name: entry for name, entry in held.items() if name in listing.index}
    folder.mkdir(parents=True, exist_ok=True)
    _note(folder, client, listing, scope, held, {})
    return held


def _remove(folder: Path) -> None:
    """Remove a fleet, and nothing that is not of it; the manifest, by which it is known, last."""
    for table in TABLES:
        shutil.rmtree(folder / table, ignore_errors=True)
    for name in (DIRECTORIES_FILE, MANIFEST):
        (folder / name).unlink(missing_ok=True)


def _note(
    folder: Path,
    client: DirectoryClient,
    listing: pd.DataFrame,
    scope: list[str] | None,
    held: Mapping[str, Entry],
    failed: Mapping[str, str],
) -> None:
    """Write down which directories there are to be, and what is known of them."""
    names = [str(name) for name in listing.index]
    content = {"server": client.server, "scope": scope, "directories": names, "failed": dict(failed)}
    entries = entries_of(folder, {**content, "entries": held})
    write_manifest(folder, {**content, "complete": len(entries) == len(names), "entries": entries})
    save_frame(listing, folder / DIRECTORIES_FILE)
