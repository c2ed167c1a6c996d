"""A sample app: a small database whose users fit a directory's, but for flaws that real tables have."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..client import Record
from ..client.calls import every_call
from ..files import replacing
from ..frames import require_complete, takes_frames
from ..sync import replay
from .database import address_of, refusals

__all__ = ["RowChange", "SampleApp", "sample_flaws", "write_sample_app"]

COLUMNS = ("email", "name", "idp_id", "org_id", "department", "active")
TABLE = """CREATE TABLE users (
    id INTEGER PRIMARY KEY, email TEXT, name TEXT, idp_id TEXT, org_id TEXT, department TEXT,
    active INTEGER NOT NULL DEFAULT 1
)"""
INSERT = f"INSERT INTO users ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 (own names)

# Which of the people who are on have which flaw; the others are as the directory has them.
MISSING_EVERY, OFF_EVERY, DEPARTMENT_EVERY, CASE_EVERY = 9, 14, 6, 11
MANY = 6  # users of the app, from which on two leavers beside the administrator do not look like a broken plan

Row = tuple[Any, ...]


@takes_frames()
def write_sample_app(users: pd.DataFrame, path: str | Path = "app.db", *, replace: bool = False) -> Path | str:
    """Write the database of an invented app whose users are those of a directory, nearly; give its path.

    Some of its users are missing, some switched off although they work here, some in another department; one
    was renamed since, one stands in it twice, two left long ago, an administrator was never in the directory,
    and addresses are typed in another case. Of a few people it has fewer of these; :func:`sample_flaws` says
    who has which. The same users give the same rows, and in SQLite the same file.

    Parameters
    ----------
    users
        A whole users frame, such as the sandbox's.
    path
        The file of an SQLite database, or the address of a database: ``sqlite:///app.db``,
        ``postgresql://user:password@host/app``. Its table is ``users``: ``id``, ``email``, ``name``,
        ``idp_id``, ``org_id``, ``department``, ``active``.
    replace
        Whether a file, or in PostgreSQL a table, that is there may go.

    Returns
    -------
    pathlib.Path or str
        The file; of PostgreSQL the address without its password.

    Raises
    ------
    ArgumentError
        The file or table is there already, or nobody is active in the directory.
    IncompleteError
        A partial frame.
    MissingExtra
        PostgreSQL needs the extra ``sql``.
    ConfigurationError
        The database cannot be reached, or refused.

    Examples
    --------
    >>> ds.write_sample_app(users, "shop.db").name
    'shop.db'
    """
    require_complete(users, "a sample app")
    rows = [row for _, row in _rows(users)]
    address = address_of(path) if isinstance(path, str) and "://" in path else None
    if address is not None and address.get_backend_name() != "sqlite":
        return _write_table(address, rows, replace=replace)
    target = Path(path if address is None else address.database or "app.db")
    if target.exists() and not replace:
        raise _there(target.name)
    _write_file(target, rows)
    return target


@takes_frames()
def sample_flaws(users: pd.DataFrame) -> pd.DataFrame:
    """Return what is wrong in the sample app of these users: one row a flaw.

    Returns
    -------
    pandas.DataFrame
        ``flaw`` is "missing", "off", "department", "case", "renamed", "duplicate", "left" or "administrator";
        ``user_id`` the directory's, missing where it has nobody; ``email`` as the app has it.

    Examples
    --------
    >>> from dirsync_nb.provisioning.sample import sample_flaws
    >>> flaws = sample_flaws(users)
    >>> int((flaws["flaw"] == "renamed").sum())
    1
    """
    rows = _rows(users)
    held = {user_id for (user_id, _), _ in rows}
    away = users.index[(users["state"] == "active") & ~users.index.isin(held)]
    found = [(flaw, user_id, row[0]) for (user_id, flaws), row in rows for flaw in flaws]
    found += [("missing", user_id, None) for user_id in away]
    return pd.DataFrame(found, columns=["flaw", "user_id", "email"]).astype("str")


def _rows(users: pd.DataFrame) -> list[tuple[tuple[str | None, tuple[str, ...]], Row]]:
    """Return rows of the table, each with whose it is and which flaws it has, at fixed places."""
    people = users[(users["state"] == "active") & users["address"].notna()].sort_values(["address", "idp_id"])
    people = people[~people["address"].str.casefold().duplicated()]
    if people.empty:
        raise errors.ArgumentError("nobody in these users is active and has an address")
    count = len(people)
    rows = [_row(number, count, person) for number, person in enumerate(people.itertuples())]
    kept = [row for row in rows if row is not None]
    (first, flaws), renamed = kept[0]
    owner, domain = renamed[3], str(renamed[0]).rpartition("@")[2]
    kept[0] = (
        (first, ("renamed", *(flaw for flaw in flaws if flaw != "case"))),
        (f"former.{str(renamed[0]).lower()}", "Former Name", *renamed[2:]),
    )
    if len(kept) > 1:
        (last, flaws), doubled = kept[-1]
        kept[-1] = ((last, (*flaws, "duplicate")), doubled)
        kept.append(((last, ()), doubled))
        domain = str(doubled[0]).rpartition("@")[2]
    left = 2 if len(kept) > MANY else 0
    kept += [
        ((None, ("left",)), (f"left{n}@{domain}", f"Left Long Ago {n}", f"left-{n}", owner, None, 1))
        for n in range(1, left + 1)
    ]
    return [*kept, ((None, ("administrator",)), (f"admin@{domain}", "Administrator", None, owner, None, 1))]


def _row(number: int, count: int, person: Any) -> tuple[tuple[str | None, tuple[str, ...]], Row] | None:
    """Return the row of one of so many people; None for whoever is missing."""
    if number % MISSING_EVERY == MISSING_EVERY - 1 or (2 < count < MISSING_EVERY and number == count - 1):
        return None
    flaws = {
        "off": number % OFF_EVERY == OFF_EVERY - 1 or (3 < count < OFF_EVERY and number == 1),
        "department": number % DEPARTMENT_EVERY == 4,
        "case": number % CASE_EVERY == 3 and person.address != person.address.upper(),
    }
    address, name, idp_id, owner, department = _values(person)
    address = address.upper() if flaws["case"] else address
    department = "Old department" if flaws["department"] else department
    whose = str(person.Index), tuple(flaw for flaw, has in flaws.items() if has)
    return whose, (address, name, idp_id, owner, department, int(not flaws["off"]))


def _values(person: Any) -> Row:
    """Return what the columns have of somebody, all but whether they are on."""
    held = person.custom_attributes if isinstance(person.custom_attributes, Mapping) else {}
    department = held.get("department_name")
    values = (person.address, person.name, person.idp_id, person.organization_id, department)
    return tuple(None if value is None or pd.isna(value) else str(value).replace("\0", "") for value in values)


def _write_file(target: Path, rows: list[Row]) -> None:
    with replacing(target) as temporary, closing(sqlite3.connect(temporary)) as connection, connection:
        connection.execute(TABLE)
        connection.executemany(INSERT, rows)


def _write_table(address: Any, rows: list[Row], *, replace: bool) -> str:
    """Write the table into a database that is there; all of it or nothing."""
    import sqlalchemy as sa

    named = sa.text(INSERT.replace("?, ?, ?, ?, ?, ?", ", ".join(f":{name}" for name in COLUMNS)))
    engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    try:
        with refusals("writing the sample app to", address), engine.begin() as connection:
            if sa.inspect(connection).has_table("users"):
                if not replace:
                    raise _there("the table users")
                connection.execute(sa.text("DROP TABLE users"))
            connection.execute(sa.text(TABLE.replace("PRIMARY", "GENERATED BY DEFAULT AS IDENTITY PRIMARY")))
            connection.execute(named, [dict(zip(COLUMNS, row, strict=True)) for row in rows])
    finally:
        engine.dispose()
    return str(address.render_as_string(hide_password=True))


def _there(what: str) -> errors.ArgumentError:
    return errors.ArgumentError(f"{what} is there already: replace=True writes a new one in its place")


# -- an app that follows ----------------------------------------------------------------------------------

FOUND = "SELECT * FROM users WHERE idp_id = ? OR (idp_id IS NULL AND lower(email) = lower(?)) ORDER BY id"


@dataclass(frozen=True)
class RowChange:
    """What an event did to the app's table.

    Attributes
    ----------
    what
        "INSERT", "UPDATE", or "" where nothing was to be done.
    why
        In words.
    row
        The row as it is afterwards; empty where there is none.
    before
        The columns that changed, as they were.
    sql
        The statement that was run.
    """

    what: str
    why: str
    row: Record = field(default_factory=dict)
    before: Record = field(default_factory=dict)
    sql: str = ""


class SampleApp:
    """The sample app as it follows a directory: it begins in line with it, and takes events in any order.

    Whoever leaves is switched off; no row is ever deleted.

    Parameters
    ----------
    users
        A whole users frame.
    path
        The file, which is made anew.

    Attributes
    ----------
    path
        The file.

    Examples
    --------
    >>> from dirsync_nb.provisioning.sample import SampleApp
    >>> shop = SampleApp(users, "following.db")
    >>> shop.follow(next(client.events(events="dsync.group.created"))).why
    'the table of users has no column for this'
    """

    def __init__(self, users: pd.DataFrame, path: str | Path) -> None:
        require_complete(users, "a sample app")
        here = users[users["state"] == "active"]
        self.path = Path(path)
        self._state, self._lock = replay([]), threading.Lock()
        _write_file(self.path, [(*_values(person), 1) for person in here.itertuples()])

    def __repr__(self) -> str:
        return f"<SampleApp {self.path.name}>"

    def follow(self, event: Record) -> RowChange:
        """Apply an event; return what became of the row of whom it is about."""
        data = event.get("data")
        with self._lock, closing(sqlite3.connect(self.path)) as connection, connection:
            self._state.apply([event])
            if not str(event.get("event")).startswith("dsync.user.") or not isinstance(data, dict):
                return RowChange("", "the table of users has no column for this")
            connection.row_factory = sqlite3.Row
            users = self._state.users
            # By the provider's id too: who comes back has another one here, and may be told of before the end.
            same = (users.index == data["id"]) | (users["idp_id"] == data.get("idp_id"))
            known = users[same & (users["state"] == "active")]
            found = [dict(row) for row in connection.execute(FOUND, (data.get("idp_id"), data.get("email")))]
            wanted = _wanted(known, found)
            return _set(connection, found[0] if found else {}, wanted)


def _wanted(known: pd.DataFrame, found: list[Record]) -> Record:
    """Return what a row should have: all of somebody who is here, and the end of somebody who is not."""
    if known.empty:
        return {"active": 0} if found else {}
    return dict(zip(COLUMNS, (*_values(next(known.itertuples())), 1), strict=True))


def _set(connection: sqlite3.Connection, row: Record, wanted: Record) -> RowChange:
    """Give a row what it should have, with one statement."""
    changed = {name: value for name, value in wanted.items() if name not in row or row[name] != value}
    if not changed:
        return RowChange("", "the row is as it should be" if row else "the app never had them", row)
    if row:
        names = ", ".join(f"{name} = ?" for name in changed)
        sql, values = f"UPDATE users SET {names} WHERE id = ?", [*changed.values(), row["id"]]  # noqa: S608
    else:
        sql, values = INSERT, list(wanted.values())
    cursor = connection.execute(sql, values)
    before = {name: row[name] for name in changed if row}
    after = {"id": cursor.lastrowid, **row, **changed} if not row else {**row, **changed}
    why = (
        "switched on again" if before.get("active") == 0 else "switched off" if changed == {"active": 0} else ""
    )
    return RowChange(sql.partition(" ")[0], why or ("changed" if row else "added"), after, before, sql)


every_call(__name__)
