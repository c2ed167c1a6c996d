"""Hold the directory in SQLite, and page it at a cost that does not grow with it.

The column ``n`` is a row's place in the order (``created_at``, ``id``). The sandbox clock only goes forward and
first syncs are stored by rising id, so every new row belongs at the end, and a plain integer key holds the
order. A page is then one step into an index, whatever the size of the directory or the group.

Objects are kept as the JSON text the API answers with, so that a page is a join of strings.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMAT = 2
"""Version of the tables below; a file of another version is not reopened."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

CREATE TABLE organizations (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, created_at INTEGER, external_id TEXT UNIQUE, folded_name TEXT,
    json BLOB);
CREATE TABLE domains (
    domain TEXT, organization INTEGER, id TEXT, PRIMARY KEY (domain, organization)) WITHOUT ROWID;

CREATE TABLE directories (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, organization_id TEXT, created_at INTEGER, updated_at INTEGER,
    name TEXT, folded_name TEXT, type TEXT, state TEXT, domain TEXT, external_key TEXT, has_roles INTEGER,
    active INTEGER DEFAULT 0, inactive INTEGER DEFAULT 0, groups INTEGER DEFAULT 0);
CREATE INDEX directories_of_organization ON directories (organization_id);

CREATE TABLE users (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, directory INTEGER, idp_id TEXT, folded_email TEXT, json BLOB);
CREATE INDEX users_of_directory ON users (directory);
CREATE INDEX users_by_idp_id ON users (directory, idp_id);
CREATE INDEX users_by_email ON users (directory, folded_email);

CREATE TABLE groups (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, directory INTEGER, role TEXT, json BLOB);
CREATE INDEX groups_of_directory ON groups (directory);

CREATE TABLE memberships (
    group_n INTEGER, user_n INTEGER, PRIMARY KEY (group_n, user_n)) WITHOUT ROWID;
CREATE INDEX memberships_of_user ON memberships (user_n, group_n);

CREATE TABLE gone (id TEXT PRIMARY KEY, n INTEGER, directory INTEGER, json BLOB) WITHOUT ROWID;
CREATE TABLE tokens (id TEXT PRIMARY KEY, directory INTEGER, json BLOB) WITHOUT ROWID;
CREATE TABLE hidden (user_n INTEGER, name TEXT, json BLOB, PRIMARY KEY (user_n, name)) WITHOUT ROWID;

CREATE TABLE scim (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE, directory INTEGER, kind TEXT, target TEXT, state TEXT,
    folded TEXT, external TEXT, note TEXT, created INTEGER, changed INTEGER, json BLOB);
CREATE INDEX scim_in_order ON scim (directory, kind);
CREATE INDEX scim_by_name ON scim (directory, kind, folded);
CREATE INDEX scim_by_external_id ON scim (directory, kind, external);
CREATE INDEX scim_by_target ON scim (target);
CREATE TABLE scim_former (
    directory INTEGER, identity TEXT, id TEXT, PRIMARY KEY (directory, identity, id)) WITHOUT ROWID;

CREATE TABLE events (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT, organization_id TEXT, created_at INTEGER, json BLOB);
CREATE INDEX events_by_name ON events (name);
CREATE INDEX events_by_organization ON events (organization_id, name);
CREATE INDEX events_by_time ON events (created_at);
"""

# The store is a throwaway: losing it costs one reseeding, waiting for the disk costs every test run.
PRAGMAS = ("journal_mode = MEMORY", "synchronous = OFF", "temp_store = MEMORY", "cache_size = -65536")

_BEFORE_ALL, _AFTER_ALL = -1, 2**62


class NotFound(LookupError):
    """Say that an id names nothing. ``kind`` is the word the API uses for it."""

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(f"{kind} not found: '{object_id}'.")
        self.kind = kind
        self.object_id = object_id


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one stored user, group or organization."""

    n: int
    id: str
    directory: int
    json: bytes

    def parsed(self) -> dict[str, Any]:
        """Read the stored text."""
        parsed: dict[str, Any] = json.loads(self.json)
        return parsed


@dataclass(frozen=True, slots=True)
class Selection:
    """Name the rows of one list: everything of a query but its order and bounds."""

    columns: str
    source: str
    key: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Hold rows in the direction of travel, and whether more lies on either side."""

    rows: list[Any]
    more_ahead: bool
    more_behind: bool


def users_of(
    *,
    directory: int | None = None,
    group: int | None = None,
    idp_id: str | None = None,
    email: str | None = None,
) -> Selection:
    """Select the users of a directory or group; with ``idp_id`` or ``email``, those few that match."""
    columns = "users.n, users.id, users.directory, users.json"
    if idp_id is None and email is None and group is not None:
        # CROSS JOIN keeps SQLite at walking the members in order and looking each one up.
        source = "memberships CROSS JOIN users ON users.n = memberships.user_n WHERE memberships.group_n = ?"
        return Selection(columns, source, "memberships.user_n", (group,))
    conditions, parameters = ["directory = ?"], [directory]
    if idp_id is not None:
        conditions.append("idp_id = ?")
        parameters.append(idp_id)  # type: ignore[arg-type]
    if email is not None:
        conditions.append("folded_email = ?")
        parameters.append(email.casefold())  # type: ignore[arg-type]
    if group is not None:
        conditions.append("EXISTS (SELECT 1 FROM memberships WHERE group_n = ? AND user_n = users.n)")
        parameters.append(group)
    return Selection(columns, "users WHERE " + " AND ".join(conditions), "users.n", tuple(parameters))


def groups_of(*, directory: int | None = None, user: int | None = None) -> Selection:
    """Select the groups of a directory, or those one user is in."""
    columns = "groups.n, groups.id, groups.directory, groups.json"
    if user is not None:
        source = "memberships CROSS JOIN groups ON groups.n = memberships.group_n WHERE memberships.user_n = ?"
        return Selection(columns, source, "memberships.group_n", (user,))
    return Selection(columns, "groups WHERE directory = ?", "groups.n", (directory,))


def organizations_of(*, domains: Sequence[str] | None = None, search: str | None = None) -> Selection:
    """Select organizations, all or those with one of the domains and the text in their name."""
    conditions, parameters = ["1"], []
    if domains is not None:
        conditions.append(
            "n IN (SELECT organization FROM domains WHERE domain IN (SELECT value FROM json_each(?)))"
        )
        parameters.append(json.dumps([domain.casefold() for domain in domains]))
    if search is not None:
        conditions.append("instr(folded_name, ?)")
        parameters.append(search.casefold())
    source = "organizations WHERE " + " AND ".join(conditions)
    return Selection("n, id, 0, json", source, "n", tuple(parameters))


def directories_of(
    *, organization_id: str | None = None, domain: str | None = None, search: str | None = None
) -> Selection:
    """Select directories, all or those that match every filter given."""
    wanted = {
        "organization_id = ?": organization_id,
        "domain = ?": domain and domain.casefold(),
        "instr(folded_name, ?)": search and search.casefold(),
    }
    given = {condition: value for condition, value in wanted.items() if value is not None}
    return Selection("*", "directories WHERE " + " AND ".join(["1", *given]), "n", tuple(given.values()))


class Store:
    """Keep everything the sandbox knows.

    One connection serves all threads; ``lock`` is held around each operation. ``transaction`` is the only way
    in for changes, and either all of one goes in or none of it.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self.lock = threading.RLock()
        self.now = 0
        self.counter = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            for pragma in PRAGMAS:
                self._connection.execute("PRAGMA " + pragma)
        except sqlite3.DatabaseError:  # a file, but not one of SQLite's
            self._connection.close()
            raise

    def create(self) -> None:
        """Make the empty tables."""
        with self.lock:
            self._connection.executescript(SCHEMA)

    def wipe(self) -> None:
        """Drop all tables."""
        with self.lock:
            names = self.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for (name,) in names:
                self.execute("DROP TABLE " + name)
            self.now = self.counter = 0

    def has_meta(self) -> bool:
        """Return whether this is a database with our tables in it."""
        try:
            return bool(self.one("SELECT 1 FROM sqlite_schema WHERE name = 'meta'"))
        except sqlite3.DatabaseError:
            return False

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

    def load_clock(self) -> None:
        """Take up clock and counter where the database left them."""
        with self.lock:
            self.now, self.counter = int(self.meta("now") or 0), int(self.meta("counter") or 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock, and keep all changes made inside, or after an error none."""
        with self.lock:
            if self._connection.in_transaction:  # a happening made of smaller ones
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
        """Run one statement and give its rows."""
        with self.lock:
            return self._connection.execute(statement, parameters).fetchall()

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row, taking rows as they come."""
        with self.lock:
            self._connection.executemany(statement, rows)

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement and give its first row, or None."""
        with self.lock:
            return self._connection.execute(statement, parameters).fetchone()

    def meta(self, key: str) -> str | None:
        """Read a fact about the database itself."""
        found = self.one("SELECT value FROM meta WHERE key = ?", (key,))
        return found[0] if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Write a fact about the database itself."""
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # -- single objects ---------------------------------------------------------------------------------

    def user(self, user_id: str) -> Row:
        """Return one user, or raise NotFound."""
        found = self.one("SELECT n, id, directory, json FROM users WHERE id = ?", (user_id,))
        if found is None:
            raise NotFound("Directory User", user_id)
        return Row(*found)

    def group(self, group_id: str) -> Row:
        """Return one group, or raise NotFound."""
        found = self.one("SELECT n, id, directory, json FROM groups WHERE id = ?", (group_id,))
        if found is None:
            raise NotFound("Directory Group", group_id)
        return Row(*found)

    def organization(self, organization_id: str) -> Row:
        """Return one organization, or raise NotFound."""
        found = self.one("SELECT n, id, 0, json FROM organizations WHERE id = ?", (organization_id,))
        if found is None:
            raise NotFound("Organization", organization_id)
        return Row(*found)

    def organization_by_external_id(self, external_id: str) -> Row:
        """Return the organization you know by your own id, or raise NotFound."""
        found = self.one("SELECT n, id, 0, json FROM organizations WHERE external_id = ?", (external_id,))
        if found is None:
            raise NotFound("Organization", external_id)
        return Row(*found)

    def directory(self, directory_id: str) -> dict[str, Any]:
        """Return one directory as its columns, or raise NotFound."""
        found = self.one("SELECT * FROM directories WHERE id = ?", (directory_id,))
        if found is None:
            raise NotFound("Directory", directory_id)
        return as_directory(found)

    def directory_number(self, n: int) -> dict[str, Any]:
        """Return the directory with this internal number."""
        return as_directory(self.one("SELECT * FROM directories WHERE n = ?", (n,)))

    def gone(self, user_id: str) -> Row:
        """Return a deleted user as it was last, or raise NotFound."""
        found = self.one("SELECT n, id, directory, json FROM gone WHERE id = ?", (user_id,))
        if found is None:
            raise NotFound("Directory User", user_id)
        return Row(*found)

    # -- lists ------------------------------------------------------------------------------------------

    def place(self, table: str, object_id: str, directory: int | None) -> int | None:
        """Return the place of a cursor in its list; None if that list never had it.

        A user deleted since the last page keeps its place, so that a walk under way can go on.
        """
        scope = "" if directory is None else " AND directory = ?"
        parameters = (object_id,) if directory is None else (object_id, directory)
        tables = (table, "gone") if table in ("users", "groups") else (table,)
        for name in tables:
            found = self.one("SELECT n FROM " + name + " WHERE id = ?" + scope, parameters)  # noqa: S608 (own names)
            if found:
                return int(found[0])
        return None

    def page(self, selection: Selection, *, cursor: int | None, older: bool, limit: int) -> Page:
        """Read up to ``limit`` rows beyond the cursor, towards older or newer ones."""
        if cursor is None:
            cursor = _AFTER_ALL if older else _BEFORE_ALL
        with self.lock:
            rows = self._beyond(selection, cursor, older=older, limit=limit + 1)
            more_ahead = len(rows) > limit
            del rows[limit:]
            behind = rows and self._beyond(selection, rows[0][0], older=not older, limit=1)
        return Page(rows, more_ahead, bool(behind))

    def _beyond(self, selection: Selection, n: int, *, older: bool, limit: int) -> list[Any]:
        return self.execute(page_statement(selection, older=older), (*selection.parameters, n, limit))

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        return int(self.one("SELECT count(*) FROM " + table)[0])  # noqa: S608 (own names)

    # -- events -----------------------------------------------------------------------------------------

    def last_event_before(self, moment: int) -> int:
        """Return the place of the last event before a moment; 0 if there is none."""
        found = self.one(
            "SELECT n FROM events WHERE created_at < ? ORDER BY created_at DESC, n DESC LIMIT 1", (moment,)
        )
        return int(found[0]) if found else 0

    def event_place(self, event_id: str) -> int | None:
        """Return the place of an event in the one sequence of all events; None if unknown."""
        found = self.one("SELECT n FROM events WHERE id = ?", (event_id,))
        return int(found[0]) if found else None

    def events(
        self, names: Iterable[str], organization_id: str | None, after: int, until: int, limit: int
    ) -> list[tuple[str, bytes]]:
        """Return the first ``limit`` events of these names with ``after < n <= until``, as (id, text).

        Each name is read in order from its own index and the few numbers found are merged: a rare event among
        millions of others costs no more than a frequent one.
        """
        where, scope = "name = ?", ()
        if organization_id is not None:
            where, scope = "organization_id = ? AND name = ?", (organization_id,)  # type: ignore[assignment]
        parts = ("SELECT n FROM events WHERE", where, "AND n > ? AND n <= ? ORDER BY n LIMIT ?")
        statement = " ".join(parts)
        with self.lock:
            found = [
                n for name in names for (n,) in self.execute(statement, (*scope, name, after, until, limit))
            ]
            chosen = json.dumps(sorted(found)[:limit])
            return self.execute(
                "SELECT id, json FROM events WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n", (chosen,)
            )

    def add_event(self, event_id: str, name: str, organization_id: str | None, text: bytes) -> None:
        """Append an event to the sequence."""
        self.execute(
            "INSERT INTO events (id, name, organization_id, created_at, json) VALUES (?, ?, ?, ?, ?)",
            (event_id, name, organization_id, self.now, text),
        )

    def forget_events_before(self, moment: int) -> None:
        """Drop what is past retention."""
        self.execute("DELETE FROM events WHERE created_at < ?", (moment,))

    # -- clock ------------------------------------------------------------------------------------------

    def tick(self, milliseconds: int) -> int:
        """Move the sandbox clock forward and give the new time."""
        self.now += milliseconds
        return self.now

    def next_number(self) -> int:
        """Count one more thing that needs an id."""
        self.counter += 1
        return self.counter

    def info(self) -> dict[str, Any]:
        """Return how much there is and what time it is here."""
        with self.lock:
            tables = ("organizations", "directories", "users", "groups", "memberships", "events")
            return {"clock": clock.iso(self.now), "counts": {table: self.count(table) for table in tables}}


def page_statement(selection: Selection, *, older: bool) -> str:
    """Write the one query behind every list."""
    sign, direction = ("<", "DESC") if older else (">", "ASC")
    key = selection.key
    parts = [
        "SELECT",
        selection.columns,
        "FROM",
        selection.source,
        "AND",
        key,
        sign,
        "? ORDER BY",
        key,
        direction,
    ]
    return " ".join([*parts, "LIMIT ?"])


_DIRECTORY_COLUMNS = (
    "n", "id", "organization_id", "created_at", "updated_at", "name", "folded_name", "type", "state", "domain",
    "external_key", "has_roles", "active", "inactive", "groups",
)  # fmt: skip


def as_directory(row: Sequence[Any]) -> dict[str, Any]:
    """Return a row of the table ``directories`` its column names."""
    return dict(zip(_DIRECTORY_COLUMNS, row, strict=True))
