"""When what is read and written: a full load at first and from time to time, events in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from workos import NotFoundError, WorkOSError

from .config import Config
from .logs import failed, say, warn
from .mirror import Mirror, has_id, has_moment, moment_of
from .source import LostPlace, Source
from .tables import Place, Record

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
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source, self._sessions, self._config, self._now = source, sessions, config, now

    def run_once(self) -> None:
        """Bring the tables up to date."""
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
            except (WorkOSError, OperationalError, Overtaken) as problem:
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
                mirror = Mirror(session, self._config.inactive_users, loaded=place.loaded)
                broken = sum(not mirror.take(event) for event in page)
                # Without an id there is no place; the next page's brings us on.
                place.cursor = next((one["id"] for one in reversed(page) if has_moment(one)), place.cursor)
                place.told, cursor = max(place.told, mirror.told), place.cursor
                place.doubtful |= mirror.doubtful
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
            mirror = Mirror(session, self._config.inactive_users)
            for directory in listed:
                if not _ids([directory]):
                    mirror.keep("directory", directory, "no whole directory")
            mirror.end_other_directories(_ids(listed), moment)
            place.cursor, place.told, place.loaded = cursor, told, moment
            place.loaded_at, place.doubtful = self._now(), False
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
            mirror = Mirror(session, self._config.inactive_users)
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
