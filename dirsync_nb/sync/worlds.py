"""What a sandbox can be made of: a snapshot, people that somebody exported, or a file of either.

A sandbox knows no DataFrames, so that frames become records here.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import errors, frames
from ..frames.records import SPECS, FrameSpec
from ..frames.tools import rows_frame
from ..load.progress import tell
from .events import Moment
from .snapshot import Snapshot, open_snapshot

if TYPE_CHECKING:
    from ..sandbox.seeding.copies import Copy
    from ..sandbox.seeding.worlds import World

REDACTED = " (redacted)"  # behind the server of a snapshot with pseudonyms
PSEUDONYMS = "redacted: every name, address, id and value is a pseudonym; attributes are called as they were"
REAL = "NOT redacted: these are people as they are; keep this file out of repositories"
LEFT_OUT = {"domain", "stripe_customer_id"}  # by the API, where there is none
FLEET = "fleet.json"  # what a folder that holds a fleet has in it


def copy_of(snapshot: Any) -> Copy:
    """Return the world of a snapshot, a fleet, or the path of either or of a saved world.

    Raises
    ------
    ArgumentError
        It is none of them, cannot be read, or names people and groups that are not in it.
    IncompleteError
        Directories of the fleet are missing.
    """
    from ..sandbox.directory.refusal import Invalid
    from ..sandbox.seeding.copies import Copy, read

    try:
        if isinstance(snapshot, str | Path) and Path(snapshot).suffix == ".jsonl":
            return read(snapshot)
        return Copy(tuple(copy_lines(snapshot_of(snapshot))))
    except Invalid as problem:
        raise errors.ArgumentError(f"this snapshot makes no sandbox: {problem}") from None


def snapshot_of(given: Any) -> Snapshot:
    """Return a snapshot: the one given, of a fleet, or the one at a path."""
    if isinstance(given, Snapshot):
        return given
    if isinstance(given, str | Path):
        return _opened(Path(given))
    if hasattr(given, "directory_ids") and hasattr(given, "missing"):
        return _of_fleet(given)
    partial = isinstance(given, pd.DataFrame) and "incomplete" in given.attrs
    kind = "a partial load" if partial else type(given).__name__
    raise errors.ArgumentError(
        f"snapshot= takes what ds.take_snapshot or ds.take_fleet gave, or its path; got {kind}"
    )


def _opened(path: Path) -> Snapshot:
    if not path.is_dir():
        return open_snapshot(path)
    if not (path / FLEET).exists():
        raise errors.ArgumentError(f"{path} is a folder without a fleet in it: name the file of a snapshot")
    # By its name, since a fleet is built on connect() and so on what stands here.
    fleets = importlib.import_module("dirsync_nb.fleet")
    return _of_fleet(fleets.open_fleet(path))


def _of_fleet(fleet: Any) -> Snapshot:
    if fleet.missing:
        missing = f"{len(fleet.missing):,} of {len(fleet.directory_ids):,} directories"
        raise errors.IncompleteError(
            f"a sandbox needs the whole fleet, and {missing} are missing: ds.take_fleet with the same folder "
            "loads these alone; fleet.excluding(fleet.missing) does without them"
        )
    parts = [fleet.directory(one) for one in fleet.directory_ids]
    positions = [fleet.entries[one]["position"] for one in fleet.directory_ids]
    known = [Moment(*one) for one in positions if one is not None]
    pairs = rows_frame([], frames.MEMBERSHIP_COLUMNS)
    return Snapshot(
        organizations=fleet.organizations,
        directories=fleet.directories,
        users=frames.concat([part.users for part in parts] or [frames.users_frame([])]),
        groups=frames.concat([part.groups for part in parts] or [frames.groups_frame([])]),
        memberships=frames.concat([part.memberships for part in parts] or [pairs]),
        position=min(known) if len(known) == len(positions) and known else None,
        taken_at=datetime.now(UTC),
        server=fleet.server,
        scope=None if fleet.scope is None else tuple(fleet.directory_ids),
    )


# -- frames to records ---------------------------------------------------------------------------------------


def copy_lines(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the lines of a copy, see ``sandbox.seeding.copies``: what it is, its records, who is where."""
    from ..sandbox.seeding.copies import FORMAT, WHAT

    head = {
        "what": WHAT,
        "format": FORMAT,
        "people": PSEUDONYMS if snapshot.server.endswith(REDACTED) else REAL,
        "origin": snapshot.server,
        "position": snapshot.position,
        "taken_at": f"{snapshot.taken_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z",
        "inactive_policy": snapshot.inactive_policy,
    }
    yield _line(head)
    organizations, directories, users = snapshot.organizations, snapshot.directories, snapshot.users
    for frame, derived in (
        (organizations, {"domains": _values(organizations["domain_records"])}),
        (directories, _directory_fields(directories)),
        (users, _role_fields(users)),
        (snapshot.groups, {}),
    ):
        yield from map(_line, _records(frame, SPECS[str(frame.index.name)], derived))
    pairs = snapshot.memberships
    for group_id, members in pairs.groupby("group_id", sort=False)["user_id"]:
        yield _line({"object": "members", "group_id": group_id, "user_ids": members.tolist()})


def _line(one: Mapping[str, Any]) -> bytes:
    # Half a surrogate pair stays what it is in JSON, an escape.
    return json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _records(
    frame: pd.DataFrame, spec: FrameSpec, derived: Mapping[str, list[Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the records that a frame was made of: what columns hold of them, and what ``extra`` kept."""
    columns = {name: _values(frame[name]) for name in spec.copied if name in frame} | dict(derived)
    extras = _values(frame["extra"])
    for place, (object_id, extra) in enumerate(zip(frame.index.tolist(), extras, strict=True)):
        fields = {name: values[place] for name, values in columns.items()}
        kept = {name: value for name, value in fields.items() if value is not None or name not in LEFT_OUT}
        yield {"object": spec.object_name, "id": object_id, **kept, **(extra or {})}


def _values(column: pd.Series[Any]) -> list[Any]:
    """Return what JSON has for the values of a column: None where nothing is, times as the API writes them."""
    if str(column.dtype) == frames.TIME:
        moments = column.dt.tz_localize(None).to_numpy("datetime64[us]")
        fine = bool((moments.astype("int64") % 1000 != 0)[column.notna()].any())
        texts = np.datetime_as_string(moments, unit="us" if fine else "ms").tolist()
        return [None if text == "NaT" else f"{text}Z" for text in texts]
    if str(column.dtype) in (frames.JSON, "object"):
        return [list(value) if isinstance(value, tuple) else value for value in column.tolist()]
    return list(column.astype(object).where(column.notna(), None))


def _directory_fields(frame: pd.DataFrame) -> dict[str, list[Any]]:
    counts = zip(*(_values(frame[name]) for name in ("active_users", "inactive_users", "groups")), strict=True)
    metadata = [{"users": {"active": on, "inactive": off}, "groups": groups} for on, off, groups in counts]
    return {"state": _values(frame["state_reported"]), "metadata": metadata}


def _role_fields(frame: pd.DataFrame) -> dict[str, list[Any]]:
    roles = [[{"slug": slug} for slug in slugs] for slugs in frame["roles"]]
    role = [None if slug is None else {"slug": slug} for slug in _values(frame["role"])]
    return {"role": role, "roles": roles}


# -- people and files ----------------------------------------------------------------------------------------


def world_of_people(people: Any, groups: Any, provider: str | None, company: str | None) -> World:
    """Return a world of somebody's own people; what was not understood or not sent is told."""
    from ..sandbox.seeding.exports import People, read_people, world_of

    try:
        read = people if isinstance(people, People) else read_people(people, groups)
        world = world_of(read, provider=provider, company=company)
    except ValueError as problem:
        raise errors.ArgumentError(str(problem)) from None
    except MemoryError:
        raise errors.FileTooLarge("these people do not fit into memory: give them in smaller files") from None
    tell(read.sentences()[1:], set())
    return world


def world_asked_for(
    world: str, people: Any, groups: Any, provider: str | None, company: str | None
) -> str | World | Copy:
    """Return what the options of a command ask for: a world that has a name, one in a file, or people.

    Raises
    ------
    DirsyncError
        A file cannot be read, or two worlds are asked for.
    """
    from ..sandbox.seeding.seed import has_name

    if not people and (groups or provider or company):
        raise errors.ArgumentError("--groups, --provider and --company go with --people")
    if not people:
        return world if has_name(world) else world_from_file(world)
    if world != "harbour":
        raise errors.ArgumentError("--people and --world are two worlds: give one of them")
    return world_of_people(people, groups, provider, company)


def world_from_file(path: str | Path) -> World | Copy:
    """Return the world in a file: YAML, one that ``ds.save_world`` wrote, a snapshot, a fleet, or an export.

    Raises
    ------
    DirsyncError
        It cannot be read, or holds nothing of these.
    """
    from ..sandbox.seeding import seed as seeds

    where = Path(path)
    if where.is_dir() or _is_snapshot(where):
        return copy_of(where)
    if where.suffix.lower() in (".yaml", ".yml", ".jsonl"):
        try:
            return seeds.world_named(str(where))
        except ValueError as problem:
            raise errors.ArgumentError(str(problem)) from None
    return world_of_people(where, (), None, None)


def _is_snapshot(path: Path) -> bool:
    """Whether it is a zip of ours: workbooks are zips too."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04" and b"organizations.parquet" in file.read(200)
    except OSError:
        return False
