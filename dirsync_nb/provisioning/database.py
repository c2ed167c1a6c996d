"""An app's own users from its database, read in a transaction that cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import errors, extras
from ..client.calls import every_call
from ..frames import one_of
from .app_table import ATTRS
from .script import column_facts

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["load_app_users"]


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
    if table is not None and query is not None:
        raise errors.ArgumentError("give either table or query")
    with open_app(url, table or "a query") as connection:
        if query is None:
            return read_table(connection, reflect(connection, table), table)
        import sqlalchemy as sa

        return pd.read_sql(sa.text(query), connection)


@contextmanager
def open_app(url: str, what: str) -> Iterator[sa.Connection]:
    """Open a connection that cannot write; raise as :func:`load_app_users` does."""
    extras.need("reading a database", "sql", "sqlalchemy")
    import sqlalchemy as sa

    address = address_of(url)
    with refusals(f"reading {what} from", address), _connected(sa, address) as connection:
        yield connection


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


@contextmanager
def _connected(sa: Any, address: Any) -> Iterator[sa.Connection]:
    engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    if address.get_backend_name() == "sqlite":
        _sqlite_must_exist(address)
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
                connection.commit()  # it holds for the transactions that follow
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


def reflect(connection: sa.Connection, table: str | None) -> sa.Table:
    """Return a table as the database describes it; without a name the one called ``users``, or the only one."""
    import sqlalchemy as sa

    looking = sa.inspect(connection)
    schema, _, name = (table or _only_table(looking.get_table_names())).rpartition(".")
    there = [*looking.get_table_names(schema or None), *looking.get_view_names(schema or None)]
    one_of("table", name, there, f"of the schema {schema}:" if schema else "of the database:")
    return sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection)


def read_table(connection: sa.Connection, table: sa.Table, name: str | None = None) -> pd.DataFrame:
    """Return the rows of a table, with what is known of it in ``attrs``."""
    frame: pd.DataFrame = pd.read_sql(table.select(), connection)
    frame.attrs[ATTRS] = {
        "name": name or table.fullname,
        "key": list(table.primary_key.columns.keys()),
        "columns": column_facts(table),
        "rows": len(frame),
    }
    return frame


def why_read_only(connection: sa.Connection, table: sa.Table) -> str | None:
    """Return why a table cannot be written, in words; None where it can. Nothing is written to find out."""
    import sqlalchemy as sa

    if connection.dialect.name == "sqlite":
        file = Path(connection.engine.url.database or "")
        if file.is_file() and not file.stat().st_mode & 0o222:
            return "the file is read-only"
        try:
            connection.exec_driver_sql("PRAGMA query_only = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # nobody else has it locked
            column = next(iter(table.columns))
            connection.execute(table.update().where(sa.false()).values({column.name: column}))
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA query_only = ON")
        except sa.exc.OperationalError as problem:
            return str(problem.orig)
        return None
    name = connection.dialect.identifier_preparer.format_table(table)
    may = [sa.func.has_table_privilege(name, one) for one in ("INSERT", "UPDATE")]
    if not all(connection.execute(sa.select(*may)).one()):
        return "this user may not insert and update"
    asked = "SELECT pg_is_in_recovery() OR reset_val = 'on' FROM pg_settings WHERE name = :name"
    read_only = connection.scalar(sa.text(asked), {"name": "default_transaction_read_only"})
    return "the database takes no changes" if read_only else None


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


every_call(__name__)
