"""An app's own users from its database, read in a transaction that cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors, extras
from ..client.calls import named_arguments
from ..frames import one_of
from .app_table import ATTRS
from .script import column_facts

__all__ = ["load_app_users"]


@named_arguments()
def load_app_users(url: str, table: str | None = None, *, query: str | None = None) -> pd.DataFrame:
    """Read an app's users from its database, without being able to write to it.

    Needs the extra ``sql``.

    Parameters
    ----------
    url
        Address of the database as SQLAlchemy writes it: ``sqlite:///app.db``,
        ``postgresql://user:password@host/app``. Better from a variable than in a notebook.
    table
        Read this whole table; ``schema.table`` too. Default: the one called ``users``, or the only one.
    query
        Or give a SELECT.

    Returns
    -------
    pandas.DataFrame
        One row a row. Of a table, key and columns are remembered in ``attrs``: a plan finds rows by that key,
        and :meth:`Plan.to_sql` follows those types.

    Raises
    ------
    ArgumentError
        Both table and query, an address that cannot be read, a table that is not there, or several tables and
        none called ``users``.
    MissingExtra
        SQLAlchemy or the driver for PostgreSQL is not installed.
    ConfigurationError
        The database cannot be reached, or refused the query. The message holds no password.

    Examples
    --------
    >>> people = ds.load_app_users("sqlite:///app.db", table="users")
    >>> len(people) == len(app_users)
    True
    """
    extras.need("reading a database", "sql", "sqlalchemy")
    import sqlalchemy as sa

    if table is not None and query is not None:
        raise errors.ArgumentError("give either table or query")
    address = address_of(url)
    with refusals(f"reading {table or 'a query'} from", address):
        return _read(sa, address, table, query)


def address_of(url: str) -> Any:
    """Return the address of a database as SQLAlchemy's, with our driver for PostgreSQL.

    Raises
    ------
    ArgumentError
        It cannot be read.
    MissingExtra
        SQLAlchemy or the driver is not installed.
    """
    extras.need("a database by its address", "sql", "sqlalchemy")
    import sqlalchemy as sa

    try:
        address = sa.engine.make_url(url)
    except sa.exc.ArgumentError:
        raise errors.ArgumentError("url is not a database address such as sqlite:///app.db") from None
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
        extras.need("PostgreSQL", "sql", "psycopg")
    return address


@contextmanager
def refusals(doing: str, address: Any) -> Iterator[None]:
    """Say what a database refused, without the password of its address.

    Raises
    ------
    ConfigurationError
        It cannot be reached, or refused.
    """
    import sqlalchemy as sa

    try:
        yield
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError, ImportError) as problem:
        # Not the error itself: its text may hold the address it was given, password and all.
        cause = problem.__cause__ if isinstance(problem, pd.errors.DatabaseError) else problem
        detail = str(getattr(cause, "orig", None) or cause).splitlines()[0]
        if address.password:
            detail = detail.replace(str(address.password), "***")
        shown = address.render_as_string(hide_password=True)
        raise errors.ConfigurationError(f"{doing} {shown}: {detail}") from None


def _read(sa: Any, address: Any, table: str | None, query: str | None) -> pd.DataFrame:
    engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    if address.get_backend_name() == "sqlite":
        _sqlite_must_exist(address)
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
                connection.commit()  # it holds for the transactions that follow
            if query is None:
                looking = sa.inspect(connection)
                table = table or _only_table(looking.get_table_names())
                schema, _, name = table.rpartition(".")
                there = [*looking.get_table_names(schema or None), *looking.get_view_names(schema or None)]
                one_of("table", name, there, f"of the schema {schema}:" if schema else "of the database:")
                found = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection)
                frame: pd.DataFrame = pd.read_sql(sa.select(found), connection)
                frame.attrs[ATTRS] = {
                    "name": table,
                    "key": list(found.primary_key.columns.keys()),
                    "columns": column_facts(found),
                    "rows": len(frame),
                }
            else:
                frame = pd.read_sql(sa.text(query), connection)
            connection.rollback()
    finally:
        engine.dispose()
    return frame


def _only_table(names: list[str]) -> str:
    if "users" in names or len(names) == 1:
        return "users" if "users" in names else names[0]
    held = f"it has {', '.join(sorted(names)[:10])}" if names else "it has no table"
    raise errors.ArgumentError(f"table= says which table holds the users: {held}")


def _sqlite_must_exist(address: Any) -> None:
    """Refuse a file that is not there: SQLite would make an empty one, which is a write."""
    name = address.database
    if name and name != ":memory:" and not name.startswith("file:") and not Path(name).exists():
        raise errors.ConfigurationError(f"there is no database file {name}")
