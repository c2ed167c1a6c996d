"""A sample app: a small database whose users fit a directory's, but for flaws that real tables have."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..files import replacing
from ..frames import require_complete, takes_frames
from .database import address_of, refusals

__all__ = ["sample_flaws", "write_sample_app"]

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
    with replacing(target) as temporary, closing(sqlite3.connect(temporary)) as connection, connection:
        connection.execute(TABLE)
        connection.executemany(INSERT, rows)
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
    held = person.custom_attributes if isinstance(person.custom_attributes, Mapping) else {}
    address = person.address.upper() if flaws["case"] else person.address
    department = "Old department" if flaws["department"] else held.get("department_name")
    values = (address, person.name, person.idp_id, person.organization_id, department)
    plain = [None if value is None or pd.isna(value) else str(value).replace("\0", "") for value in values]
    whose = str(person.Index), tuple(flaw for flaw, has in flaws.items() if has)
    return whose, (*plain, int(not flaws["off"]))


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
