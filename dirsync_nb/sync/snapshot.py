"""A directory at one moment: take it, save it, open it, bring it up to date from events.

A snapshot is five whole frames and a position: the last event that they are sure to contain. The position is
taken before the load begins, and the events of the meantime are applied at its end, so that the frames hold for
one moment although reading them took many.

On disk it is one file, a zip of Parquet files with a manifest that holds their checksums. It is written beside
its place and moved there in one step: a save that is killed leaves the old one whole.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pandas as pd

from .. import errors
from ..client import DirectoryClient, LoadContext, needs_client
from ..files import Room, need_for, open_within, remove_folder, replacing, save_frame
from ..frames import MEMBERSHIP_COLUMNS, concat, require_complete, tools
from ..guard import SHARE, bytes_within, check_guard, check_vanished, why_stopped
from ..load import load_directories, load_events, load_organizations
from ..load.contents import Contents, load_contents
from ..load.parallel import directory_ids_of, for_each_directory
from ..load.progress import tell
from ..load.session import PAGE_FORMAT, Checkpoint
from .events import NEVER, Moment, moment_of
from .follow import LostPlace, knows, latest_event, load_since
from .state import InactivePolicy, State, oldest_first, replay

__all__ = ["DamagedSnapshot", "Snapshot", "open_snapshot", "take_snapshot"]

FORMAT = 1
ABOUT = "about.json"  # in the folder of a load under way: without it, what is there counts for nothing
MOST_MANIFEST = 2**24  # bytes
FRAMES = ("organizations", "directories", "users", "groups", "memberships")
NO_ZIP = (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error)
NO_POSITION_FOR = timedelta(days=29)  # without one, the last 30 days of events must hold everything


class DamagedSnapshot(errors.DirsyncError):
    """A file that is no snapshot, or whose content is not what its manifest says."""


@dataclass(frozen=True, repr=False, eq=False)
class Snapshot:
    """Directories with all that is in them, at one moment.

    Attributes
    ----------
    organizations, directories, users, groups, memberships
        Whole frames; a partial one is refused.
    position
        The last event that the frames are sure to contain, or None where there was none.
    taken_at
        When it was last made or brought up to date, by the clock of this machine.
    server
        Where it was read: an address, or a sandbox by its world.
    scope
        Ids of the directories it was taken of; None for all there are.
    inactive_policy
        What the environment does with users who are switched off, see :func:`dirsync_nb.sync.replay`.
    notices
        What a reader should know about it, one sentence each.
    news
        After :meth:`refresh`: what became of each event, as in ``State.report``; else None. Not saved.

    Examples
    --------
    >>> moment = ds.take_snapshot(client, directories.index[0])
    >>> moment.save("today.snapshot")
    PosixPath('today.snapshot')
    >>> len(moment.refresh(client).users) == len(users)
    True
    """

    organizations: pd.DataFrame
    directories: pd.DataFrame
    users: pd.DataFrame
    groups: pd.DataFrame
    memberships: pd.DataFrame
    position: Moment | None
    taken_at: datetime
    server: str
    scope: tuple[str, ...] | None = None
    inactive_policy: InactivePolicy = "delete"
    notices: tuple[str, ...] = ()
    news: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for name in FRAMES:
            require_complete(getattr(self, name), "a snapshot")

    @property
    def moment(self) -> Moment:
        """The position as a place in the order of all events."""
        return self.position or NEVER

    def __repr__(self) -> str:
        counts = {"directory" if len(self.directories) == 1 else "directories": len(self.directories)}
        counts |= {name: len(getattr(self, name)) for name in FRAMES[2:]}
        what = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        return f"<Snapshot as of {self.as_of:%Y-%m-%d %H:%M:%S} UTC: {what}>"

    @property
    def as_of(self) -> pd.Timestamp:
        """The moment it holds for, by the clock of the service; without any event, by ours."""
        if self.position is None:
            return pd.Timestamp(self.taken_at)
        return pd.Timestamp(self.position.time, unit="us", tz="UTC")

    def save(self, path: str | Path) -> Path:
        """Save it as one file. It is whole or not there: a save that breaks leaves what was there before."""
        need_for("parquet")
        target = Path(path)
        with tempfile.TemporaryDirectory() as folder, replacing(target) as temporary:
            parts = {name: Path(folder, f"{name}.parquet") for name in FRAMES}
            for name, part in parts.items():
                save_frame(getattr(self, name), part)
            with zipfile.ZipFile(temporary, "w") as archive:
                for part in parts.values():
                    archive.write(part, part.name)
                archive.writestr("manifest.json", json.dumps(self._manifest(parts), indent=1))
            with temporary.open("r+b") as written:  # on the disk before it takes the old one's name
                os.fsync(written.fileno())
        return target

    def _manifest(self, parts: Mapping[str, Path]) -> dict[str, Any]:
        files = {
            part.name: {"sha256": _checksum(part.read_bytes()), "rows": len(getattr(self, name))}
            for name, part in parts.items()
        }
        return {
            "what": "dirsync_nb snapshot",
            "format": FORMAT,
            "server": self.server,
            "scope": self.scope,
            "position": self.position,
            "taken_at": self.taken_at.isoformat(),
            "inactive_policy": self.inactive_policy,
            "notices": self.notices,
            "files": files,
        }

    def refresh(
        self, client: DirectoryClient, *, guard: float | None = SHARE, confirm: int | None = None
    ) -> Snapshot:
        """Bring it up to date from events, and give the new one; this one stays as it is.

        It takes one request for each hundred events, and one each for directory and organization, however many
        users there are. Where the service no longer has all events since the position, everything is loaded
        again, and ``notices`` say so. Events do not carry the deprecated list ``groups`` of a user, which is
        missing for those they speak of.

        Parameters
        ----------
        guard
            Stop where more than this share of the users, of the groups or of the memberships would vanish, and
            always where all would. What goes with a directory, a user or a group that goes is not counted
            again. None: never.
        confirm
            The exact number that may vanish, of the kinds the guard stopped at, whatever the guard says. Any
            other number is refused.

        Raises
        ------
        TooManyGone
            The guard stopped it.
        ArgumentError
            The client reads another server than the one this was taken from, or a guard that is no share.
        LoadError
            Reading events broke; this snapshot is as good as before.
        """
        if not (client.reads(self.server) or client.copies(self.server)):
            raise errors.ArgumentError(
                f"this snapshot is of {self.server}, and the client reads {client.server}"
            )
        check_guard(guard, confirm)
        _check_times(client)
        reason = "it has no position and is older than the events that can be read"
        try:
            events = self._events(client)
        except LostPlace as lost:
            events, reason = None, str(lost.gap)
        if events is None:
            fresh = self._loaded_again(client, reason)
            _check_vanished(self, fresh, self.directories.index, guard, confirm)
        else:
            fresh = _caught_up(client, self, events)
            # An event says that a directory was deleted; what was in it is not missing.
            _check_vanished(self, fresh, fresh.directories.index, guard, confirm)
        return fresh

    def _events(self, client: DirectoryClient) -> pd.DataFrame | None:
        """Load what came since; None where nobody can say whether that is all."""
        organization = self._organization()
        if self.position is not None:
            return load_since(client, self.position.event_id, organization_id=organization, at=self.as_of)
        if datetime.now(UTC) - self.taken_at > NO_POSITION_FOR:
            return None
        return load_events(client, organization_id=organization)

    def _organization(self) -> str | None:
        """Name the one organization whose events are enough, if it is one."""
        owners = self.directories["organization_id"]
        names = set(owners) if self.scope is not None and owners.notna().all() else set()
        return names.pop() if len(names) == 1 else None

    def _loaded_again(self, client: DirectoryClient, reason: str) -> Snapshot:
        fresh = take_snapshot(client, directory_id=self.scope, inactive_policy=self.inactive_policy)
        notice = f"Everything was loaded again instead of catching up from events: {reason}."
        tell([notice], client.context.told)
        return dataclasses.replace(fresh, notices=(notice, *fresh.notices))


def _check_vanished(
    before: Snapshot, after: Snapshot, homes: pd.Index, guard: float | None, confirm: int | None
) -> None:
    """Stop where too much of what was in some directories is gone."""
    counts: dict[str, tuple[int, int, bool]] = {}
    for kind in ("users", "groups"):
        was, now = getattr(before, kind), getattr(after, kind)
        ids = was.index[was["directory_id"].isin(homes)]
        counts[kind] = len(ids.difference(now.index)), len(ids), now.empty
    pairs = before.memberships
    stay = pairs["user_id"].isin(after.users.index) & pairs["group_id"].isin(after.groups.index)
    was, now = (
        pd.MultiIndex.from_frame(frame[["user_id", "group_id"]]) for frame in (pairs[stay], after.memberships)
    )
    counts["memberships"] = len(was.difference(now)), len(was), now.empty
    told = {kind: why_stopped(*one[:2], "{}", guard=guard, empty=one[2]) for kind, one in counts.items()}
    stopped = [kind for kind in counts if told[kind] is not None]
    if not stopped and confirm is None:
        return
    kinds = stopped or list(counts)
    gone, of = (sum(counts[kind][place] for kind in kinds) for place in (0, 1))
    check_vanished(gone, of, " and ".join(kinds), guard=guard, confirm=confirm, empty=bool(stopped))


def _caught_up(client: DirectoryClient, snapshot: Snapshot, events: pd.DataFrame) -> Snapshot:
    """Apply events; directories and organizations, of which events tell little, are read again."""
    only = snapshot.scope
    state = replay(events, base=snapshot, inactive_policy=snapshot.inactive_policy, directory_id=only)
    directories, organizations = _tops(client, only, known=state.directories)
    notices = tuple(_doubts(state, directories))
    tell(notices, client.context.told)
    frames = {name: getattr(state, name) for name in ("users", "groups", "memberships")}
    return dataclasses.replace(
        snapshot,
        **frames,
        organizations=organizations,
        directories=directories,
        position=state.moment if state.moment != NEVER else None,
        taken_at=datetime.now(UTC),
        server=client.server,
        notices=notices,
        news=state.report,
    )


def _doubts(state: State, directories: pd.DataFrame) -> Iterator[str]:
    """Return what the events leave open, and where the service counts otherwise than we do."""
    yield from state.notices
    if failed := state.report["outcome"].eq("failed").sum():
        yield f"{failed} events could not be placed; their ids and reasons are in `news`."
    found = state.users["directory_id"].value_counts()
    counts = directories["active_users"] + directories["inactive_users"]
    for directory_id, count in counts.dropna().items():
        ours = found.get(directory_id, 0)
        if count != ours:
            yield (
                f"The service counts {count:,} users in {directory_id}, the snapshot {ours:,}: somebody came "
                "or went just now, or an event was missed. If it stays so, take a new snapshot."
            )


@needs_client
def take_snapshot(
    client: DirectoryClient,
    directory_id: Any = None,
    *,
    path: str | Path | None = None,
    inactive_policy: InactivePolicy = "delete",
) -> Snapshot:
    """Load directories with all that is in them, as of one moment, several side by side.

    Parameters
    ----------
    directory_id
        One directory or several (ids, records or rows). Default: all there are.
    path
        Save it here. While it loads, what was read is kept beside it in a folder ``<path>.loading``: a load
        that is interrupted or killed goes on from there when it is called again.
    inactive_policy
        What the environment does with users who are switched off, see :func:`dirsync_nb.sync.replay`.

    Raises
    ------
    NotFound
        No such directory in this environment.
    DirectoriesFailed
        Some of several directories failed, after all others were read. With ``path``, call again to go on.
    LoadError
        The load broke. With ``path``, call again to go on.
    ArgumentError
        The folder beside ``path`` belongs to a load of something else.

    Examples
    --------
    >>> moment = ds.take_snapshot(client, directories.index[0])
    >>> len(moment.users) == len(users)
    True
    """
    _check_times(client)
    if path is not None:
        need_for("parquet")  # before all is loaded
    scope = None if directory_id is None else tuple(directory_ids_of(directory_id, "take_snapshot"))
    keeper = None if path is None else _Keeper.opened(Path(f"{path}.loading"), client, scope)
    if keeper is not None and keeper.position is not None and not knows(client, keeper.position):
        keeper = _Keeper.anew(keeper.folder, client, scope, keeper.notices)
    position = keeper.position if keeper is not None else _position(client)
    directories, organizations = _tops(client, scope)
    whole = _contents(client.context, directories, keeper, sure=scope is not None)
    snapshot = Snapshot(
        organizations=organizations,
        directories=directories,
        users=oldest_first(concat([one.users for one in whole] or [tools.users_frame([])])),
        groups=oldest_first(concat([one.groups for one in whole] or [tools.groups_frame([])])),
        memberships=_together([one.memberships for one in whole]),
        position=position,
        taken_at=datetime.now(UTC),
        server=client.server,
        scope=scope,
        inactive_policy=inactive_policy,
    )
    events = snapshot._events(client)
    if events is not None:
        snapshot = dataclasses.replace(_caught_up(client, snapshot, events), news=None)
    if keeper is not None and path is not None:
        snapshot = dataclasses.replace(snapshot, notices=(*keeper.notices, *snapshot.notices))
        snapshot.save(path)
        keeper.clear()
    return snapshot


def open_snapshot(path: str | Path) -> Snapshot:
    """Open a snapshot that was saved, and check that it is what was saved.

    Raises
    ------
    DamagedSnapshot
        The file is no snapshot, was cut short, or holds something else than its manifest says.
    ArgumentError
        A newer version of this toolkit wrote it.

    Examples
    --------
    >>> _ = ds.take_snapshot(client, directories.index[0], path="monday.snapshot")
    >>> len(ds.open_snapshot("monday.snapshot").users) == len(users)
    True
    """
    need_for("parquet")
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            manifest = _manifest_of(archive, path)
            room = Room()
            held: dict[str, Any] = {name: _part(archive, manifest, name, Path(folder), room) for name in FRAMES}
    except FileNotFoundError:
        raise errors.ArgumentError(f"there is no file {path}") from None
    except errors.DirsyncError:
        raise
    except (*NO_ZIP, msgspec.MsgspecError, *errors.MISSHAPEN) as problem:
        raise DamagedSnapshot(f"{path} is not a whole snapshot: {problem}") from problem
    names = ("taken_at", "server", "scope", "inactive_policy", "notices")
    held |= {name: getattr(manifest, name) for name in names}
    return Snapshot(**held, position=manifest.position and Moment(*manifest.position))


class _Manifest(msgspec.Struct):
    """What a snapshot's file says of itself."""

    server: str
    position: tuple[Annotated[int, msgspec.Meta(ge=-(10**17), le=10**17)], str] | None
    taken_at: Annotated[datetime, msgspec.Meta(tz=True)]
    inactive_policy: InactivePolicy
    files: dict[str, dict[str, Any]]
    scope: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()


def _manifest_of(archive: zipfile.ZipFile, path: str | Path) -> _Manifest:
    """Read what a file says of itself, if it is one of ours; its parts are then no larger than the file."""
    if archive.getinfo("manifest.json").file_size > MOST_MANIFEST:
        raise DamagedSnapshot(f"{path} is not a snapshot of dirsync_nb: its manifest is too large")
    held = json.loads(archive.read("manifest.json"))
    if not isinstance(held, dict) or held.get("what") != "dirsync_nb snapshot":
        raise DamagedSnapshot(f"{path} is not a snapshot of dirsync_nb")
    if held["format"] > FORMAT:
        raise errors.ArgumentError(
            f"{path} has format {held['format']}, and this version reads up to {FORMAT}: upgrade dirsync_nb"
        )
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise DamagedSnapshot(f"{path} is not what was saved: something in it is compressed")
    return msgspec.convert(held, _Manifest)


def _part(archive: zipfile.ZipFile, manifest: _Manifest, name: str, folder: Path, room: Room) -> pd.DataFrame:
    """Unpack one frame, and hold it against its checksum."""
    member = f"{name}.parquet"
    content = archive.read(member)
    if _checksum(content) != manifest.files[member]["sha256"]:
        raise DamagedSnapshot(f"{archive.filename}: {member} is not what was saved; its checksum differs")
    part = folder / member
    part.write_bytes(content)
    try:
        return open_within(part, room)
    except errors.FileTooLarge as problem:
        raise errors.FileTooLarge(str(problem).replace(str(part), f"{archive.filename}: {member}")) from None
    except errors.ArgumentError as problem:
        raise DamagedSnapshot(f"{archive.filename} is not a whole snapshot: {problem}") from problem


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Loading ------------------------------------------------------------------------------------------------


def _check_times(client: DirectoryClient) -> None:
    """Refuse a client that rounds times: what happened while a snapshot is taken has no order then."""
    if client.context.rounded is not None:
        raise errors.ArgumentError(
            f"this client rounds times to the {client.context.rounded}, and a snapshot needs to know which "
            "event came first: take it with a client without round_times, and redact(snapshot, round_times=...)"
        )


def _position(client: DirectoryClient) -> Moment | None:
    event = latest_event(client)
    return None if event is None else moment_of(event)


def _tops(
    client: DirectoryClient, scope: tuple[str, ...] | None, known: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Load directories and their organizations.

    With ``known``, a directory that is gone keeps the row it has there, if it has one: its event will come.
    """
    if scope is None:
        return load_directories(client), load_organizations(client)
    context = client.context
    found, missing = for_each_directory(context, scope, _directory, noun="directories")
    for problem in missing.values():
        if known is None or not isinstance(problem, errors.NotFound):
            raise problem
    directories = tools.directories_frame([record for record, _ in found.values()])
    if known is not None and len(kept := known[known.index.isin(missing)]):
        directories = concat([directories, kept])
    owners = {owner["id"]: owner for _, owner in found.values() if owner is not None}
    return directories, tools.organizations_frame(list(owners.values()))


def _directory(context: LoadContext, directory_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return a directory and its organization."""
    directory = context.single("directories", directory_id)
    owner = directory.get("organization_id")
    return directory, None if owner is None else context.single("organizations", owner)


def _contents(
    context: LoadContext, directories: pd.DataFrame, keeper: _Keeper | None, *, sure: bool
) -> list[Contents]:
    """Load what is in directories; one deleted meanwhile is left out, unless it was asked for by name."""

    def load(part: LoadContext, directory_id: str) -> Contents:
        checkpoint = None if keeper is None else keeper.checkpoints(directory_id)
        return load_contents(part, directory_id, checkpoint)

    done, failed = for_each_directory(context, directories.index, load)
    failed = {one: why for one, why in failed.items() if sure or not isinstance(why, errors.NotFound)}
    if len(directories) == 1 and failed:
        raise next(iter(failed.values()))
    if failed:
        raise errors.DirectoriesFailed(failed, len(directories))
    return list(done.values())


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else tools.rows_frame([], MEMBERSHIP_COLUMNS)


# What a killed load leaves ------------------------------------------------------------------------------


class _Keeper:
    """Keep what a load has read in a folder, so that it can go on after the process was killed.

    Each list has a file of its own, one page a line.
    """

    def __init__(self, folder: Path, position: Moment | None, notices: tuple[str, ...] = ()) -> None:
        self.folder, self.position, self.notices = folder, position, notices

    @classmethod
    def opened(cls, folder: Path, client: DirectoryClient, scope: tuple[str, ...] | None) -> _Keeper:
        """Go on with what is there, or begin."""
        about = folder / ABOUT
        if not about.exists():
            return cls.anew(folder, client, scope)
        try:
            held = json.loads(bytes_within(about, MOST_MANIFEST))
            of, position = held["load"]["server"], held["position"] and Moment(*held["position"])
        except errors.MISSHAPEN:
            raise errors.ArgumentError(
                f"{folder} does not hold the beginning of a load; remove it, or name another path"
            ) from None
        if not client.reads(of) or held["load"] != {**_load_of(client, scope), "server": of}:
            raise errors.ArgumentError(
                f"{folder} holds the beginning of another load ({held['load']}); remove it, or name another "
                "path"
            )
        if held.get("pages") != PAGE_FORMAT:
            notice = (
                f"{folder} was begun by another version of dirsync_nb: everything is loaded from its beginning."
            )
            tell([notice], client.context.told)
            return cls.anew(folder, client, scope, (notice,))
        return cls(folder, position)

    @classmethod
    def anew(
        cls,
        folder: Path,
        client: DirectoryClient,
        scope: tuple[str, ...] | None,
        notices: tuple[str, ...] = (),
    ) -> _Keeper:
        """Begin, with a position from before anything is read."""
        remove_folder(folder, ABOUT)
        folder.mkdir(parents=True)
        position = _position(client)
        with replacing(folder / ABOUT) as temporary:
            about = {"load": _load_of(client, scope), "pages": PAGE_FORMAT, "position": position}
            temporary.write_text(json.dumps(about))
        return cls(folder, position, notices)

    def clear(self) -> None:
        """Remove the folder: the load is whole and saved."""
        remove_folder(self.folder, ABOUT)

    def checkpoints(self, directory_id: str) -> Callable[[str], Checkpoint]:
        """Return how to open the checkpoint of one kind of rows of a directory."""
        # Ids are other people's typing: a directory moved to WorkOS keeps those its server had given out.
        part = hashlib.sha256(directory_id.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        return lambda kind: Checkpoint(self.folder / f"{kind}-{part}.jsonl")


def _load_of(client: DirectoryClient, scope: Iterable[str] | None) -> dict[str, Any]:
    return {"server": client.server, "scope": None if scope is None else list(scope), "format": FORMAT}
