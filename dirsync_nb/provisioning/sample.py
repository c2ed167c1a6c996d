"""A sample app: a small SQLite database whose users fit a directory's, but for flaws that real tables have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..files import replacing
from ..frames import require_complete

__all__ = ["write_sample_app"]

TABLE = """CREATE TABLE users (
    id INTEGER PRIMARY KEY, email TEXT, name TEXT, idp_id TEXT, org_id TEXT, department TEXT,
    active INTEGER NOT NULL DEFAULT 1
)"""
INSERT = "INSERT INTO users (email, name, idp_id, org_id, department, active) VALUES (?, ?, ?, ?, ?, ?)"

# Which of the people who are on have which flaw; the others are as the directory has them.
MISSING_EVERY, OFF_EVERY, DEPARTMENT_EVERY, CASE_EVERY = 9, 14, 6, 11


def write_sample_app(users: pd.DataFrame, path: str | Path = "app.db", *, replace: bool = False) -> Path:
    """Write the database of an invented app whose users are those of a directory, nearly; give its path.

    Some of its users are missing, some switched off although they work here, some in another department; one
    was renamed since, one stands in it twice, two left long ago, an administrator was never in the directory,
    and addresses are typed in another case. The same users give the same file.

    Parameters
    ----------
    users
        A whole users frame, such as the sandbox's.
    path
        The file. Its table is ``users``: ``id``, ``email``, ``name``, ``idp_id``, ``org_id``, ``department``,
        ``active``.
    replace
        Whether a file that is there may go.

    Raises
    ------
    ArgumentError
        The file is there already, or nobody is active in the directory.
    IncompleteError
        A partial frame.
    """
    require_complete(users, "a sample app")
    target = Path(path)
    if target.exists() and not replace:
        raise errors.ArgumentError(
            f"{target.name} is there already: replace=True writes a new one in its place"
        )
    rows = _rows(users)
    with replacing(target) as temporary, closing(sqlite3.connect(temporary)) as connection, connection:
        connection.execute(TABLE)
        connection.executemany(INSERT, rows)
    return target


def _rows(users: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return rows of the table, with their flaws at fixed places."""
    people = users[(users["state"] == "active") & users["address"].notna()].sort_values(["address", "idp_id"])
    people = people[~people["address"].str.casefold().duplicated()]
    if people.empty:
        raise errors.ArgumentError("nobody in these users is active and has an address")
    rows = [_row(number, person) for number, person in enumerate(people.itertuples())]
    kept = [row for number, row in enumerate(rows) if number % MISSING_EVERY != MISSING_EVERY - 1]
    renamed, doubled, owner = list(kept[0]), kept[-1], kept[0][3]
    renamed[0], renamed[1] = f"former.{str(renamed[0]).lower()}", "Former Name"
    kept[0] = tuple(renamed)
    domain = str(doubled[0]).rpartition("@")[2]
    extra = [(f"left{n}@{domain}", f"Left Long Ago {n}", f"left-{n}", owner, None, 1) for n in (1, 2)]
    return [*kept, doubled, *extra, (f"admin@{domain}", "Administrator", None, owner, None, 1)]


def _row(number: int, person: Any) -> tuple[Any, ...]:
    held = person.custom_attributes if isinstance(person.custom_attributes, dict) else {}
    address = person.address.upper() if number % CASE_EVERY == 3 else person.address
    department = "Old department" if number % DEPARTMENT_EVERY == 4 else held.get("department_name")
    values = (address, person.name, person.idp_id, person.organization_id, department)
    plain = [None if value is None or pd.isna(value) else str(value) for value in values]
    return (*plain, int(number % OFF_EVERY != OFF_EVERY - 1))
