"""One SQLite connection that all threads share, with the clock and the counter of ids; rows and tables."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ....errors import DirsyncError
from .. import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMAT = 4
"""Version of the tables in ``schema.sql``; a file of another version is not reopened."""

# In memory the store is a throwaway: losing it costs one reseeding, waiting for the disk costs every test run.
# A kept file must outlive a killed process, hence its journal is a file too; the disk is not waited for. It is
# one process's alone, which knows clock and counter.
PRAGMAS = ("synchronous = OFF", "temp_store = MEMORY", "cache_size = -65536")
JOURNALS = {False: ("journal_mode = MEMORY",), True: ("journal_mode = DELETE", "locking_mode = EXCLUSIVE")}

_PATIENCE = 1.0  # seconds for a process that is just ending to let go of its file


class NotFound(DirsyncError, LookupError):
    """Say that an id names nothing. ``kind`` is the word the API uses for it."""

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(f"{kind} not found: '{object_id}'.")
        self.kind = kind
        self.object_id = object_id


class Row(NamedTuple):
    """Hold one stored user, group, organization or token."""

    n: int
    id: str
    directory: int
    json: bytes

    def parsed(self) -> dict[str, Any]:
        """Read the stored text."""
        parsed: dict[str, Any] = json.loads(self.json)
        return parsed


class Database:
    """Run statements.

    One connection serves all threads; ``lock`` is held around each operation. ``transaction`` is the only way
    in for changes, and either all of one goes in or none of it.

    Parameters
    ----------
    path
        A file, or ``:memory:``.
    keep
        Whether the file must outlive a process that is killed.

    Attributes
    ----------
    now, counter
        The time here, in milliseconds, and how many ids were made.
    shift
        By how many milliseconds the story was moved. Ids are made as if it had not been, so that they are the
        same whenever a sandbox begins.
    live
        Whether time passes here as it does outside.
    """

    def __init__(self, path: str = ":memory:", *, keep: bool = False) -> None:
        self.lock = threading.RLock()
        self.now = self.counter = self.shift = 0
        self.live = False
        self._connection = sqlite3.connect(
            path, timeout=_PATIENCE, check_same_thread=False, isolation_level=None
        )
        try:
            for pragma in (*PRAGMAS, *JOURNALS[keep]):
                self._connection.execute("PRAGMA " + pragma)
            if keep:
                self._connection.executescript("BEGIN EXCLUSIVE; COMMIT")  # and the lock stays
        except sqlite3.DatabaseError:  # a file, but not one of SQLite's
            self._connection.close()
            raise

    def create(self) -> None:
        """Make the empty tables."""
        with self.lock:
            self._connection.executescript(Path(__file__).with_name("schema.sql").read_text("utf-8"))

    def wipe(self) -> None:
        """Drop all tables."""
        with self.lock:
            ours = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            for name in self.column(ours):
                self.execute("DROP TABLE " + name)
            self.now = self.counter = 0

    def close(self) -> None:
        """Close the connection; closing twice is no error."""
        with self.lock:
            self._connection.close()

    def dump(self) -> bytes:
        """Return the whole database as bytes."""
        with self.lock:
            return self._connection.serialize()

    def restore(self, image: bytes) -> None:
        """Become the database that was dumped."""
        # Not straight into this connection: SQLite 3.40 crashes on one that was in use before.
        source = sqlite3.connect(":memory:")
        try:
            source.deserialize(image)
            with self.lock:
                source.backup(self._connection)
                self.load_clock()
        finally:
            source.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock, and keep all changes made inside, or after an error none."""
        with self.lock:
            if self._connection.in_transaction:  # a change made of smaller ones
                yield
                return
            before = self.now, self.counter
            self.execute("BEGIN")
            try:
                yield
                self.set_meta("now", str(self.now))
                self.set_meta("counter", str(self.counter))
                self.execute("COMMIT")
            except BaseException:
                self.execute("ROLLBACK")
                self.now, self.counter = before
                raise

    # -- any statement ----------------------------------------------------------------------------------

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        with self.lock:
            return self._connection.execute(statement, parameters).fetchall()

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row, taking rows as they come."""
        with self.lock:
            self._connection.executemany(statement, rows)

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement and return its first row, or None."""
        with self.lock:
            return self._connection.execute(statement, parameters).fetchone()

    def column(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement and return the first value of each row."""
        return [row[0] for row in self.execute(statement, parameters)]

    # -- facts about the database itself ----------------------------------------------------------------

    def has_meta(self) -> bool:
        """Return whether this is a database with our tables in it."""
        try:
            return bool(self.one("SELECT 1 FROM sqlite_schema WHERE name = 'meta'"))
        except sqlite3.DatabaseError:
            return False

    def meta(self, key: str) -> str | None:
        """Read a fact about the database itself."""
        found = self.one("SELECT value FROM meta WHERE key = ?", (key,))
        return found[0] if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Write a fact about the database itself."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def load_clock(self) -> None:
        """Take up clock and counter where the database left them."""
        with self.lock:
            self.now, self.counter = int(self.meta("now") or 0), int(self.meta("counter") or 0)
            self.shift, self.live = int(self.meta("shift") or 0), self.meta("live") == "1"

    def move_story(self, shift: int, *, live: bool) -> None:
        """Note that the story was moved, and whether time passes from now on."""
        self.shift, self.live = shift, live
        self.set_meta("shift", str(shift))
        self.set_meta("live", str(int(live)))

    def moment(self) -> int:
        """Return the time it is here."""
        return max(self.now, clock.wall()) if self.live else self.now

    def tick(self, milliseconds: int) -> int:
        """Move the sandbox clock forward and return the new time."""
        self.now = max(self.now + milliseconds, self.moment())
        return self.now

    def next_number(self) -> int:
        """Count one more thing that needs an id."""
        self.counter += 1
        return self.counter


class Table:
    """Speak the SQL of one table. Where its rows are ``Row``, it says how they are selected and called."""

    kind: ClassVar[str] = ""
    _select: ClassVar[str] = ""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._run, self._one, self._column = database.execute, database.one, database.column

    def get(self, object_id: str) -> Row:
        """Return the row with an id, or raise NotFound."""
        return self._found("id = ?", object_id)

    def _found(self, where: str, key: str) -> Row:
        row = self._one(self._select + where, (key,))
        if row is None:
            raise NotFound(self.kind, key)
        return Row(*row)

    def _rows(self, where: str, *parameters: Any) -> list[Row]:
        return [Row(*row) for row in self._run(self._select + where, parameters)]
