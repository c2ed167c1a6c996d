"""Fleets: all directories of an environment in one Parquet dataset, with questions asked out of core.

:func:`dirsync_nb.fleet.take_fleet` writes it; :func:`open_fleet` opens it. Frames are Dask frames, and
questions of ``analysis`` and comparisons with an app's table are worked out a few directories at a time by the
very same functions, so that memory does not grow with the fleet.

Needs the extra ``fleet``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from .. import analysis, errors, extras
from ..client import DirectoryClient, identifier
from ..files import open_frame
from ..frames import TIME, directories_frame, organizations_frame
from ..frames.json_array import JsonArray, JsonDtype
from ..guard import check_guard
from ..load.parallel import as_directory_ids
from ..load.progress import tell
from ..provisioning import Plan
from ..provisioning.app_table import table_of
from ..provisioning.comparison import GUARD, primary_key
from ..provisioning.plan import ACTIONS
from ..provisioning.status import StatusWords
from ..sync import Moment
from ..text import plural
from .board import board_frame
from .comparison import AppComparison, Part, columns_for, nothing_to_do, whole_plan
from .dataset import DIRECTORIES_FILE, ORGANIZATIONS_FILE, TABLES, Entry, Manifest, Reader, on_disk, settle
from .load import opened
from .onward import connect_duckdb, write_tables
from .queries import QUESTIONS, Question, frames_of

__all__ = ["Fleet", "open_fleet"]

PART_ROWS, PART_DIRECTORIES = 25_000, 200  # of users and directories worked on at once, by one thread
AT_ONCE = 32  # parts whose answers are waited for together


def need_fleet(cluster: Any) -> None:
    """Refuse to go on without what the extra ``fleet`` brings, and say how to get it."""
    extras.need("a fleet", "fleet", "pyarrow", "dask.dataframe", *([] if cluster is None else ["distributed"]))


def open_fleet(folder: str | Path, *, cluster: Any = None) -> Fleet:
    """Open a fleet that was taken, whole or not.

    Parameters
    ----------
    folder
        Where it is.
    cluster
        Where questions are worked out: the address of a ``distributed`` scheduler, or a ``distributed.Client``,
        whose workers reach the folder by the same path. Default: whatever Dask is set to, which is threads.

    Raises
    ------
    ArgumentError
        There is no fleet, or a newer version of this toolkit wrote it.

    Examples
    --------
    >>> _ = ds.take_fleet(client, "two", directory_id=directories.index[:2])
    >>> fleet = ds.open_fleet("two")
    >>> len(fleet.directories)
    2
    """
    need_fleet(cluster)
    folder = Path(folder).absolute()
    with on_disk(folder, "read", "Name the folder that take_fleet wrote."):
        settle(folder)
        manifest = Manifest.read(folder)
    ids, entries, failed = manifest.directories, manifest.entries, manifest.failed
    # A run that was cut off at its very beginning leaves no lists, and no directory either.
    listing, organizations = (
        open_frame(folder / file) if (folder / file).exists() else empty([])
        for file, empty in ((DIRECTORIES_FILE, directories_frame), (ORGANIZATIONS_FILE, organizations_frame))
    )
    stale = {
        one: f"As of {entries[one]['at'][:16]}Z, for it could not be read since: {why}"
        for one, why in failed.items()
        if one in entries
    }
    return Fleet(
        folder=folder,
        server=manifest.server,
        directory_ids=tuple(ids),
        entries=entries,
        missing={one: failed.get(one, "not loaded yet") for one in ids if one not in entries},
        notices={
            one: (*([stale[one]] if one in stale else []), *entries[one].get("notices", ()))
            for one in ids
            if one in stale or entries.get(one, {}).get("notices")
        },
        scope=None if manifest.scope is None else frozenset(manifest.scope),
        cluster=cluster,
        run=manifest.run,
        _listing=listing,
        _organizations=organizations,
        _history=manifest.history,
    )


@dataclass(frozen=True, repr=False, eq=False)
class Fleet:
    """Many directories with all that is in them, on disk.

    Attributes
    ----------
    folder
        Where it is.
    server
        Where it was read: an address, or a sandbox by its world.
    directory_ids
        Its directories, in the order of its rows.
    missing
        Directories that are not there, with the reason.
    notices
        By directory: what a reader should know about it. Where :func:`take_fleet` can do something about it, it
        does when it is called again.
    excluded
        Directories left out on purpose, see :meth:`excluding`.
    scope
        The directories asked for when it was taken; None for all there were.
    cluster
        Where questions are worked out; None for Dask's own choice.
    run
        What the last run did: ``did`` ("take" or "refresh"), ``at``, ``seconds``, ``requests``, and how many
        directories it ``changed``.

    Examples
    --------
    >>> fleet = ds.take_fleet(client, "three", directory_id=directories.index[:3])
    >>> fleet.directory(directories.index[0]).users.index.equals(users.index)
    True
    """

    folder: Path
    server: str
    directory_ids: tuple[str, ...]
    entries: Mapping[str, Entry]
    missing: Mapping[str, str]
    notices: Mapping[str, tuple[str, ...]]
    scope: frozenset[str] | None
    cluster: Any
    run: Mapping[str, Any]
    _listing: pd.DataFrame
    _organizations: pd.DataFrame
    _history: Mapping[str, list[list[Any]]]
    excluded: frozenset[str] = frozenset()
    _told: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        rows = {table: sum(one["rows"][table] for one in self.entries.values()) for table in TABLES}
        what = ", ".join(f"{count:,} {table}" for table, count in rows.items())
        count = len(self.directory_ids)
        told = f"{count:,} {'directory' if count == 1 else 'directories'}"
        if self.missing:
            told = f"{len(self.entries):,} of {told}, NOT complete"
        if self.excluded:
            told += f" ({len(self.excluded):,} excluded)"
        return f"<Fleet of {told}: {what}>"

    @property
    def complete(self) -> bool:
        """Whether every directory is there."""
        return not self.missing

    @property
    def taken(self) -> pd.DataFrame:
        """As of when each directory is: one row a directory that is there.

        ``at`` is when it was last read or brought up to date, and ``read_at`` when it was last read whole, by
        this machine's clock when that began; ``event_id`` and ``event_at`` are the last event it is sure to
        contain (missing where there was none); ``users``, ``groups`` and ``memberships`` count rows.
        """
        entries = [self.entries[one] for one in self.directory_ids if one in self.entries]
        moments = [None if one["position"] is None else Moment(*one["position"]) for one in entries]
        times: Any = [moment and pd.Timestamp(moment.time, unit="us", tz="UTC") for moment in moments]
        columns: dict[str, Any] = {
            **{name: _times(one[name] for one in entries) for name in ("at", "read_at")},
            "event_id": pd.array([moment and moment.event_id for moment in moments], dtype="str"),
            "event_at": pd.array(times, dtype=TIME),
            **{table: pd.array([one["rows"][table] for one in entries], dtype="Int64") for table in TABLES},
        }
        index = pd.Index([one["directory_id"] for one in entries], dtype="str", name="directory_id")
        return pd.DataFrame(columns, index=index)

    def excluding(self, directory_id: Any) -> Fleet:
        """Return the fleet without some directories; ``fleet.excluding(fleet.missing)`` is always complete.

        Answers then hold for the others alone, and a comparison leaves the app's users of these out.
        """
        left_out = set(directory_ids_of(directory_id, "excluding"))
        if unknown := left_out - set(self.directory_ids):
            raise errors.ArgumentError(f"no directory {min(unknown)!r} in this fleet")
        return replace(
            self,
            directory_ids=tuple(one for one in self.directory_ids if one not in left_out),
            entries={one: entry for one, entry in self.entries.items() if one not in left_out},
            missing={one: why for one, why in self.missing.items() if one not in left_out},
            notices={one: told for one, told in self.notices.items() if one not in left_out},
            excluded=self.excluded | left_out,
        )

    @property
    def directories(self) -> pd.DataFrame:
        """The directories frame, with those that are missing."""
        return self._listing[self._listing.index.isin(self.directory_ids)]

    @property
    def organizations(self) -> pd.DataFrame:
        """The organizations frame: the customers whose directories these are."""
        return self._organizations

    @property
    def history(self) -> pd.DataFrame:
        """How many users, groups and memberships each directory had, and since when: a row for each change."""
        rows = [(one, *moment) for one in self.directory_ids for moment in self._history.get(one, ())]
        frame = pd.DataFrame(rows, columns=["directory_id", "at", *TABLES])
        kinds = {"directory_id": "str", **dict.fromkeys(TABLES, "Int64")}
        return frame.assign(at=_times(frame["at"])).astype(kinds)

    @property
    def users(self) -> Any:
        """All users, as a Dask DataFrame with the columns and dtypes of ``load_users``."""
        return self._dask("users")

    @property
    def groups(self) -> Any:
        """All groups, as a Dask DataFrame with the columns and dtypes of ``load_groups``."""
        return self._dask("groups")

    @property
    def memberships(self) -> Any:
        """All memberships, as a Dask DataFrame with the columns and dtypes of ``load_memberships``."""
        return self._dask("memberships")

    def directory(self, directory_id: Any) -> SimpleNamespace:
        """Return one directory's ``users``, ``groups``, ``memberships`` and ``directories`` as frames."""
        directory_id = identifier(directory_id, "directory_id")
        if directory_id not in self.entries:
            why = self.missing.get(directory_id, "it is not in this fleet")
            raise errors.IncompleteError(f"directory {directory_id} is not there: {why}")
        reader = Reader(str(self.folder), self.entries[directory_id]["categories"])
        frames = {table: reader.frame(table, [directory_id]) for table in TABLES}
        return SimpleNamespace(**frames, directories=self._listing[self._listing.index == directory_id])

    @property
    def _there(self) -> list[str]:
        return [one for one in self.directory_ids if one in self.entries]

    def _require_complete(self, purpose: str) -> None:
        if self.missing:
            raise errors.IncompleteError(
                f"{purpose} needs the whole fleet, and {self._missing_words}. take_fleet with the same folder "
                "loads these alone; to do without them, use fleet.excluding(fleet.missing)"
            )

    @property
    def _missing_words(self) -> str:
        count, missing = len(self.directory_ids), list(self.missing.items())
        first = ", ".join(f"{one} ({why.splitlines()[0]:.200})" for one, why in missing[:3])
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        are = "is" if len(missing) == 1 else "are"
        return f"{len(missing):,} of {count:,} directories {are} missing: {first}{more}"

    @property
    def told(self) -> list[str]:
        """What a person should know of the whole fleet, one sentence each."""
        sentences = []
        if self.missing:
            sentences.append(f"{self._missing_words}. take_fleet with the same folder loads these alone.")
        if self.notices:
            first = next(iter(self.notices))
            sentences.append(
                f"{plural(len(self.notices), 'directory has', 'directories have')} something to tell, "
                f"see fleet.notices; {first}: {self.notices[first][0]}"
            )
        return sentences

    def _mark(self, answer: Any) -> Any:
        """Say what is missing in an answer; one that is a frame is marked as partial."""
        if self.missing:
            words = self._missing_words
            tell([f"Without them: {words}."], self._told)
            for frame in answer if isinstance(answer, tuple) else (answer,):
                if isinstance(frame, pd.DataFrame):
                    frame.attrs["incomplete"] = words
        return answer

    # The board, and onward --------------------------------------------------------------------------------

    def board(
        self,
        client: DirectoryClient | None = None,
        *,
        drift: pd.DataFrame | None = None,
        old: timedelta = timedelta(days=1),
        days: int = 30,
    ) -> pd.DataFrame:
        """Return one row for each directory, broken ones first, with what is wrong and what to do.

        ``dirsync_nb.widgets.FleetBoard`` shows it to click.

        Parameters
        ----------
        client
            Reads the list of directories, one request for each hundred, so that states and the service's counts
            are those of now. Default: as they were when the fleet was taken or refreshed with states.
        drift
            What :meth:`drift` returns: columns ``app_create``, ``app_update``, ``app_deactivate`` and so on.
        old
            An age from which a directory needs attention.
        days
            ``change`` counts from the first moment known within so many days.

        Returns
        -------
        pandas.DataFrame
            Index ``directory_id``, columns ``BOARD_COLUMNS``: ``customer`` (the organization), ``verdict``
            ("broken", "attention" or "ok"), ``problem`` and ``remedy``; ``change`` is how many people came, on
            balance, since ``since``; ``age`` is how long ago it was known to be so.
        """
        return board_frame(self, client, drift, old, days)

    def duckdb(self, database: str | Path = ":memory:") -> Any:
        """Return a DuckDB connection with the views users, groups, memberships, directories and organizations.

        ``fleet.duckdb().sql("select state, count(*) from users group by all")``; needs ``pip install duckdb``.
        With the path of a ``database`` the views stay in that file, for other tools. What the columns are says
        :func:`dirsync_nb.fleet.parquet_schema`.
        """
        return connect_duckdb(self.folder, self._there, database)

    def write_tables(self, folder: str | Path) -> dict[str, Path]:
        """Write one Parquet file for each table, as warehouses load them; return their paths.

        Each takes the place of an older one when it is whole. Columns as in
        :func:`dirsync_nb.fleet.parquet_schema`; directories and organizations as their frames are.
        """
        with on_disk(folder, "written", "Make room, or name another folder."):
            return write_tables(self.folder, self._there, folder)

    # Frames ---------------------------------------------------------------------------------------------

    @property
    def _reader(self) -> Reader:
        """A reader whose categories are those of the whole fleet, so that all parts have one dtype."""
        seen: dict[str, dict[str, set[str]]] = {}
        for entry in self.entries.values():
            for table, columns in entry["categories"].items():
                for name, values in columns.items():
                    seen.setdefault(table, {}).setdefault(name, set()).update(values)
        return Reader(str(self.folder), {t: {n: sorted(v) for n, v in c.items()} for t, c in seen.items()})

    def _parts(self, directory_ids: Sequence[str] | None = None) -> list[list[str]]:
        """Cut the directories into parts that are worked on at once; an organization stays in one part."""
        owners = self._listing["organization_id"].to_dict()
        parts: list[list[str]] = [[]]
        rows, last = 0, None
        for directory_id in self._there if directory_ids is None else directory_ids:
            entry, owner = self.entries.get(directory_id), owners.get(directory_id)
            count = 0 if entry is None else entry["rows"]["users"]
            full = rows + count > PART_ROWS or len(parts[-1]) >= PART_DIRECTORIES
            same_owner = owner == last and isinstance(owner, str)
            if parts[-1] and full and not same_owner:
                parts.append([])
                rows = 0
            parts[-1].append(directory_id)
            rows, last = rows + count, owner
        return parts

    def _dask(self, table: str) -> Any:
        reader = self._reader
        return self._mark(_from_parts(partial(reader.frame, table), self._parts(), reader.meta(table)))

    # Questions ------------------------------------------------------------------------------------------

    def analyse(self, question: Callable[..., Any] | str, **options: Any) -> Any:
        """Ask a question of ``analysis`` about the whole fleet: ``fleet.analyse(analysis.group_sizes)``.

        It is given every frame of the fleet that it takes; the answer is the one it gives for the frames of all
        directories, one below the other. Functions that compare two moments take ``before=``, another fleet of
        the same server. An answer with a row for each user or membership (``attribute_status``,
        ``effective_memberships``, ``groups_per_user``, ``users_without_group``) is a Dask DataFrame, whose rows
        are ordered within each part; every other one is the function's own kind, in its own order.

        Parameters
        ----------
        question
            A public function of ``analysis``, or its name.
        **options
            Further parameters of the function. ``users=None`` or ``groups=None`` withholds a frame.

        Raises
        ------
        IncompleteError
            Two moments are compared, and a directory is missing and not excluded. Any other answer holds for
            the directories that are there: it says which are not, and a frame is marked as partial.
        ArgumentError
            No such question or option.
        """
        name = question if isinstance(question, str) else getattr(question, "__name__", repr(question))
        asked = QUESTIONS.get(name)
        if asked is None or (callable(question) and question is not getattr(analysis, name, None)):
            raise errors.ArgumentError(f"question must be one of {', '.join(QUESTIONS)}; got {name}")
        before = options.pop("before", None)
        _check_options(name, asked, options, before)
        if asked.moments:
            self._require_complete(name)
            return self._ask(name, options, before, _common(before, self))
        if name == "attribute_status":
            options["attributes"] = self._attributes()
        return self._mark(self._ask(name, options, None, self._parts()))

    def _ask(self, name: str, options: dict[str, Any], before: Fleet | None, parts: Any) -> Any:
        reader, asked = self._reader, QUESTIONS[name]
        of_part = _PartQuestion(name, reader, None if before is None else before._reader, options)
        if asked.whole is None:
            return _from_parts(of_part, parts, of_part([]))
        return asked.whole(self._answers(of_part, parts), options)

    def _attributes(self) -> list[str]:
        of_part = _PartQuestion("attribute_status", self._reader, None, {})
        return list(dict.fromkeys(name for names in self._answers(of_part, self._parts()) for name in names))

    def _answers(self, ask: Callable[..., Any], parts: Iterable[Any]) -> Iterator[Any]:
        """Yield the answers of parts in order, some at a time, so that their answers do not pile up."""
        from dask.base import compute
        from dask.delayed import delayed as delay

        delayed, coming = delay(ask, pure=False, traverse=False), iter(parts)
        with opened(self.cluster) as scheduler:
            while some := [delayed(part) for part in islice(coming, AT_ONCE)]:
                if scheduler is None:
                    yield from compute(*some)  # type: ignore[no-untyped-call,unused-ignore]
                else:
                    yield from scheduler.gather(scheduler.compute(some))

    def compare(
        self,
        app_users: pd.DataFrame,
        *,
        within: str | Mapping[str, str],
        on: str | Sequence[str] | Mapping[str, str] = "email",
        fields: Sequence[str] | Mapping[str, str] = (),
        active: str | None = None,
        status_words: Mapping[Any, bool] | None = None,
        key: str | None = None,
        guard: float | None = GUARD,
        confirm: int | None = None,
    ) -> Plan:
        """Compare an app's users with those of the fleet, each with its own directory or organization.

        Nobody is looked for among the people of another customer: the same address at two of them is two
        people. Otherwise it is :func:`dirsync_nb.provisioning.compare`, with its parameters; rows of the plan
        stand by action, then by directory.

        Parameters
        ----------
        within
            The app's column that says whose user it is, holding ``directory_id`` or ``organization_id``: of
            this name, or as a mapping such as ``{"tenant": "organization_id"}``.
        guard
            Holds for each directory or organization by itself.
        confirm
            The exact number of people that the whole plan switches off.

        Raises
        ------
        TooManyDeactivations
            The guard stopped it, and says where; the error holds the whole plan.
        IncompleteError
            A directory is missing, and is not excluded.
        ArgumentError
            A column that is not there, or a row of the app that belongs to nobody.
        """
        check_guard(guard, confirm)
        key = key or primary_key(app_users)
        asked = {"on": on, "fields": fields, "active": active, "status_words": status_words, "key": key}
        theirs, compared = self._compared(app_users, within, asked, guard)
        on_now: list[bool | None] = [True] * len(app_users)
        if active in app_users:
            status = StatusWords(status_words, column=active or "")
            on_now = status.read_column(app_users[active].astype(object))
        table = replace(table_of(app_users, key, active if active in app_users else None, on_now), guard=guard)
        return whole_plan(compared, theirs, asked, table, confirm)

    def drift(
        self,
        app_users: pd.DataFrame,
        *,
        within: str | Mapping[str, str],
        on: str | Sequence[str] | Mapping[str, str] = "email",
        fields: Sequence[str] | Mapping[str, str] = (),
        active: str | None = None,
        status_words: Mapping[Any, bool] | None = None,
        key: str | None = None,
    ) -> pd.DataFrame:
        """Return how far an app's users are from the directories: a row for each organization or directory.

        Parameters are those of :meth:`compare`; columns are the actions of its plan, counted, and
        ``unchanged``.
        Nothing is planned here, so no guard stops it. ``fleet.board(drift=...)`` shows it beside the rest.
        """
        key = key or primary_key(app_users)
        asked = {"on": on, "fields": fields, "active": active, "status_words": status_words, "key": key}
        theirs, compared = self._compared(app_users, within, asked, None)
        rows = {
            owner: {**plan.counts, "unchanged": plan.unchanged}
            for part in compared
            for owner, plan in zip(part.owners, part.plans, strict=True)
        }
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=[*ACTIONS, "unchanged"], dtype="Int64")
        frame.index = pd.Index(list(rows), dtype="str", name=theirs)
        return frame

    def _compared(
        self, app_users: pd.DataFrame, within: Any, asked: Mapping[str, Any], guard: float | None
    ) -> tuple[str, Iterator[Part]]:
        """Return whose the people are, and the comparisons of owners, part by part."""
        self._require_complete("a comparison")
        pairs = {within: within} if isinstance(within, str) else within
        if not isinstance(pairs, Mapping) or [*pairs.values()] not in (["directory_id"], ["organization_id"]):
            raise errors.ArgumentError(
                "within is directory_id or organization_id, or names the app's column for it, as in "
                f"{{'tenant': 'organization_id'}}; got {within!r}"
            )
        ((ours, theirs),) = pairs.items()
        if ours not in app_users:
            raise errors.ArgumentError(
                f"within: app_users has no column {ours!r}; it has {list(app_users.columns)}"
            )
        if nobodys := int(app_users[ours].isna().sum()):
            raise errors.ArgumentError(f"within: {nobodys:,} rows of app_users have no {ours}")
        return theirs, self._plans(app_users, ours, theirs, asked, guard, self._owners(theirs))

    def _owners(self, theirs: str) -> dict[str, str]:
        """Return whose people each directory has, of those left out too."""
        if theirs == "directory_id":
            return {str(one): str(one) for one in self._listing.index}
        owners = self._listing["organization_id"]
        if owners.isna().any():
            raise errors.ArgumentError("a directory has no organization_id; compare within directory_id")
        return {str(one): str(owner) for one, owner in owners.items()}

    def _plans(
        self,
        app_users: pd.DataFrame,
        ours: str,
        theirs: str,
        asked: Mapping[str, Any],
        guard: float | None,
        owners: Mapping[str, str],
    ) -> Iterator[Part]:
        comparison = AppComparison(self._reader, columns_for(asked), ours, theirs, guard, dict(asked))
        left_out = {owners[one] for one in self.excluded if one in owners}
        kept = [one for one in self.directory_ids if owners[one] not in left_out]
        parts = self._parts(kept) if kept else []
        whose = app_users[ours].astype("str")
        rows = whose.groupby(whose, sort=False).indices

        def dealt_out(part: list[str]) -> tuple[list[str], pd.DataFrame, pd.DataFrame]:
            places = [rows[owner] for owner in dict.fromkeys(owners[one] for one in part) if owner in rows]
            mine = app_users.take(np.concatenate([np.empty(0, dtype=np.intp), *places]))
            return part, mine, self._listing[self._listing.index.isin(part)]

        if skipped := sum(len(rows[owner]) for owner in left_out if owner in rows):
            notice = f"{skipped:,} users of the app belong to what is excluded, and are left out."
            yield Part([nothing_to_do(notice)], [], pd.DataFrame({"custom_attributes": []}), [""])
        yield from self._answers(comparison, map(dealt_out, parts))
        nowhere = app_users[~whose.isin(set(owners.values()))]
        if len(nowhere):
            yield comparison(([], nowhere, self._listing.iloc[:0]))


def directory_ids_of(directory_id: Any, doing: str) -> list[str]:
    """Return the ids of one directory or of several, given as ids, records or rows."""
    if isinstance(directory_id, Mapping) and "id" not in directory_id:
        directory_id = list(directory_id)  # ids with reasons, as in ``missing``
    several = as_directory_ids(directory_id, doing)
    return [identifier(directory_id, "directory_id")] if several is None else several


def _times(texts: Iterable[str]) -> pd.DatetimeIndex:
    return pd.to_datetime(list(texts), utc=True, format="ISO8601").as_unit("us")


def _from_parts(function: Callable[..., Any], parts: Sequence[Any], meta: pd.DataFrame) -> Any:
    import dask
    import dask.dataframe as dd
    from dask.dataframe.extensions import make_array_nonempty

    # What Dask tries functions on, where it is not told what they give.
    sample = JsonArray.of_texts([b"{}", None])
    make_array_nonempty.register(JsonDtype, lambda _: sample)  # type: ignore[no-untyped-call,unused-ignore]
    with dask.config.set({"dataframe.convert-string": False}):  # ours are as they are to be
        return dd.from_map(function, parts, meta=meta)  # type: ignore[no-untyped-call,unused-ignore]


@dataclass(frozen=True)
class _PartQuestion:
    """Ask a question about some directories, wherever this runs."""

    question: str
    reader: Reader
    before: Reader | None
    options: Mapping[str, Any]

    def __call__(self, part: Sequence[Any]) -> Any:
        asked = QUESTIONS[self.question]
        needs = asked.needs(self.options)
        if self.before is None:
            return asked.of_part(frames_of(self.reader, part, needs, self.options), self.options)
        held = zip(("before", "after"), (self.before, self.reader), part, strict=True)
        moments = {name: frames_of(reader, there, needs, self.options) for name, reader, there in held}
        return asked.of_part(moments, self.options)


def _check_options(name: str, asked: Question, options: Mapping[str, Any], before: Fleet | None) -> None:
    taken = inspect.signature(getattr(analysis, name)).parameters
    for option, value in options.items():
        if option not in taken or option in ("memberships", "after"):
            raise errors.ArgumentError(f"{name} of a fleet has no option {option!r}")
        if option in ("users", "groups") and (value is not None or taken[option].default is not None):
            raise errors.ArgumentError(
                f"{option} of a fleet are its own; {option}=None withholds them where it can"
            )
    for option, about in taken.items():
        given = option in options or option in (*TABLES, "before", "after")
        if about.default is inspect.Parameter.empty and not given:
            raise errors.ArgumentError(f"{name} needs {option}=")
    if asked.moments and not isinstance(before, Fleet):
        raise errors.ArgumentError(f"{name} needs before=, an earlier fleet")
    if not asked.moments and before is not None:
        raise errors.ArgumentError(f"{name} of a fleet takes no before=")


def _common(before: Fleet, after: Fleet) -> list[tuple[list[str], ...]]:
    """Return what each of two fleets has of each part; refuse what one of them cannot know about."""
    if before.server != after.server:
        raise errors.ArgumentError(f"the fleets are of two servers: {before.server} and {after.server}")
    before._require_complete("a comparison of two moments")
    for one, other in ((before, after), (after, before)):
        absent = [
            directory_id
            for directory_id in other.directory_ids
            if directory_id not in one.entries
            and (directory_id in one.excluded or (one.scope is not None and directory_id not in one.scope))
        ]
        if absent:
            raise errors.ArgumentError(
                f"{len(absent):,} directories are in one fleet and left out of the other, {absent[0]} for one: "
                "everybody there would seem to have come or gone. Exclude them from both"
            )
    gone = [one for one in before.directory_ids if one not in after.entries]
    parts = after._parts([*after.directory_ids, *gone])
    return [tuple([one for one in part if one in fleet.entries] for fleet in (before, after)) for part in parts]
