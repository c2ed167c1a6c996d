"""When what is read and written: a full load at first and from time to time, events in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, not_, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, aliased, sessionmaker
from workos import NotFoundError, WorkOSError

from .accounts import Keeper, TableRefused, TooManyOff
from .config import Config
from .health import Pulse
from .logs import failed, say, warn
from .mirror import Mirror, has_id, has_moment, moment_of
from .source import LostPlace, Source
from .tables import Place, Record, User

LONGEST_PAUSE = 300.0


class Overtaken(Exception):
    """Another worker moved on meanwhile. Nothing was written."""


class Worker:
    """Keeps the tables in step.

    Every transaction holds rows together with the place up to which events were read. Whenever the process is
    killed, the next one goes on from there, and what it reads twice changes nothing.
    """

    def __init__(
        self,
        source: Source,
        sessions: sessionmaker[Session],
        config: Config,
        *,
        keeper: Keeper | None = None,
        pulse: Pulse | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source, self._sessions, self._config, self._now = source, sessions, config, now
        self._keeper, self._pulse = keeper, pulse or Pulse()
        self._behind = True  # whether your own table may differ: always so for a worker that has just begun
        self._newest = ""  # moment of the newest event applied in this turn

    def run_once(self) -> None:
        """Bring the tables up to date, then your own."""
        before, self._newest = (self._pulse.applied, self._pulse.failed), ""
        self._mirror()
        self._end_grace()
        if self._keeper is not None and self._behind:
            self._behind = not self._keeper.keep(self._sessions, self._now())
        self._pulse.beat(self._lag())
        applied, broken = self._pulse.applied - before[0], self._pulse.failed - before[1]
        say("turn", events=applied, failed=broken, lag=self._pulse.lag, requests=self._pulse.requests)

    def _lag(self) -> float:
        """Return how many seconds old the newest event of this turn is; 0 where there was none."""
        told = self._newest.partition(" ")[0]
        age = (self._now() - datetime.fromisoformat(told)).total_seconds() if told else 0.0
        return max(round(age, 3), 0.0)

    def _mirror(self) -> None:
        if self._place().loaded_at is not None:
            try:
                self.follow()
            except LostPlace as lost:
                self._forget(str(lost))
        if self._load_is_due():
            self.load()
            self.follow()

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Bring the tables up to date again and again, sooner when woken, more slowly in trouble."""
        pause = self._config.poll_seconds
        while not stop.is_set():
            wake.clear()
            try:
                self.run_once()
                pause = self._config.poll_seconds
            except (WorkOSError, OperationalError, Overtaken, TableRefused, TooManyOff) as problem:
                failed("run_failed", problem)
                pause = min(pause * 2, LONGEST_PAUSE)
            wake.wait(pause)

    # Events ---------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Apply the events since the place, one transaction a page."""
        cursor = self._place().cursor
        for page in self._source.event_pages(cursor):
            with self._sessions.begin() as session:
                place = _locked(session, cursor)
                mirror = self._mirror_in(session, loaded=place.loaded)
                broken = sum(not mirror.take(event) for event in page)
                # Without an id there is no place; the next page's brings us on.
                place.cursor = next((one["id"] for one in reversed(page) if has_moment(one)), place.cursor)
                place.told, cursor = max(place.told, mirror.told), place.cursor
                place.doubtful |= mirror.doubtful
            self._behind, self._newest = True, max(self._newest, mirror.told)
            self._pulse.applied += len(page) - broken
            self._pulse.failed += broken
            counts = {"events": len(page), "failed": broken, "unknown": mirror.unknown}
            say("events_applied", **counts, cursor=cursor)

    # Lists ----------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read everything, one transaction a directory. Events go on from the one before it began."""
        before = self._place()
        newest = self._source.newest_event() if before.cursor is None else None
        cursor = newest["id"] if newest is not None else before.cursor
        told = moment_of(newest) if newest is not None else before.told
        moment = f"{told or '0'}~"  # after that event and before the next
        listed = list(self._source.directories())
        for directory in listed:
            if _ids([directory]):
                self._load_directory(directory, moment)
        with self._sessions.begin() as session:
            place = _locked(session, before.cursor)
            mirror = self._mirror_in(session)
            for directory in listed:
                if not _ids([directory]):
                    mirror.keep("directory", directory, "no whole directory")
            mirror.end_other_directories(_ids(listed), moment)
            place.cursor, place.told, place.loaded = cursor, told, moment
            place.loaded_at, place.doubtful = self._now(), False
        self._behind = True
        say("loaded", directories=len(listed), cursor=cursor)

    def _load_directory(self, directory: Record, moment: str) -> None:
        home = directory["id"]
        try:
            groups = list(self._source.groups(home))
            users = list(self._source.users(home))
            known, pairs = _ids(users), set()
            for group_id in _ids(groups):
                members = self._members(home, group_id)
                users += [one for one in members if _ids([one]) - known]  # joined while we read
                known |= _ids(members)
                pairs |= {(user_id, group_id) for user_id in _ids(members)}
        except NotFoundError:
            return  # deleted while we read; its event comes next
        with self._sessions.begin() as session:
            mirror = self._mirror_in(session)
            mirror.load(directory, users, groups, pairs, moment)
        say(
            "directory_loaded",
            directory=home,
            users=len(users),
            groups=len(groups),
            memberships=len(pairs),
        )

    def _members(self, directory_id: str, group_id: str) -> list[Record]:
        try:
            return list(self._source.users(directory_id, group_id))
        except NotFoundError:
            return []  # the group was deleted while we read; its event comes next

    # Days of grace --------------------------------------------------------------------------------------

    def _mirror_in(self, session: Session, loaded: str = "") -> Mirror:
        grace = self._config.grace_days > 0
        return Mirror(session, self._config.inactive_users, loaded=loaded, grace=grace)

    def _end_grace(self) -> None:
        """Note who left, and mark those for deletion whose days of grace are over and who are not back."""
        now, days = self._now(), self._config.grace_days
        gone, back = not_(User.present), aliased(User)
        with self._sessions.begin() as session:
            session.execute(update(User).where(gone, User.left_at.is_(None)).values(left_at=now))
            if not days:
                return
            same: ColumnElement[bool] = and_(
                back.directory_id == User.directory_id, back.idp_id == User.idp_id, back.present
            )
            over = (gone, User.status == "retained", User.left_at <= now - timedelta(days=days))
            ended = update(User).where(*over, not_(exists().where(same)))
            ended = ended.values(status="removed", removed_at=func.coalesce(User.removed_at, now))
            done = session.execute(ended.execution_options(synchronize_session=False))
        if count := getattr(done, "rowcount", 0):
            self._behind = True
            say("grace_ended", users=count)

    # The place ------------------------------------------------------------------------------------------

    def _load_is_due(self) -> bool:
        place = self._place()
        if place.loaded_at is None or place.doubtful:
            return True
        since = place.loaded_at
        since = since if since.tzinfo else since.replace(tzinfo=UTC)  # SQLite forgets the zone
        return self._now() - since >= timedelta(hours=self._config.reconcile_hours)

    def _forget(self, cursor: str) -> None:
        """Give up a place that WorkOS no longer knows: only a full load tells what happened since."""
        with self._sessions.begin() as session:
            place = _locked(session, cursor)
            place.cursor = place.loaded_at = None
            warn("place_lost", after=cursor, told=place.told)

    def _place(self) -> Place:
        with self._sessions.begin() as session:
            return session.get(Place, 1) or session.merge(Place())


def _locked(session: Session, cursor: str | None) -> Place:
    """Lock the place for this transaction, and see that it is where we think it is."""
    place = session.get_one(Place, 1, with_for_update=True)
    if place.cursor != cursor:
        raise Overtaken
    return place


def _ids(records: list[Record]) -> set[str]:
    """Return the ids of the records that have one; what has none cannot be listed."""
    return {one["id"] for one in records if isinstance(one, dict) and has_id(one)}
