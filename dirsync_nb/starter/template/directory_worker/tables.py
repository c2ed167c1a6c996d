"""The tables. Rows are never deleted: who is gone keeps a row that says so.

A *moment* is a place in the order of all events, as text that sorts: time, then event id. The columns
``alive``, ``seen``, ``dead``, ``content`` and ``told`` hold moments. From them ``present`` and ``status``
follow, so that it does not matter in which order events arrive, how often, or how late.

Tables refer to each other by id without foreign keys, because an event may speak of an object before the event
that announces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, DateTime, Engine, Index, String, create_engine, event, inspect, make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from .config import ConfigError

Record = Mapping[str, Any]  # one object of the API, as it came


class Unusable(Exception):
    """An event or a record that does not hold what it must."""


def text(record: Record, name: str) -> str | None:
    """Return a field that holds text or nothing."""
    value = record.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Unusable(f"{name} that is no text")


def roles_in(record: Record) -> list[str]:
    """Return the slugs of a user's roles: all of ``roles``, or the one in ``role`` where there are none."""
    roles = record.get("roles") or [record["role"]] if record.get("roles") or record.get("role") else []
    if not isinstance(roles, list):
        raise Unusable("roles that are no list")
    if not all(isinstance(role, dict) and isinstance(role.get("slug"), str) for role in roles):
        raise Unusable("a role without a slug")
    return [role["slug"] for role in roles]


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """What all tables share."""

    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: DateTime(timezone=True)}  # noqa: RUF012


class Place(Base):
    """One row: how far the events were read. It changes only together with the rows they led to."""

    __tablename__ = "place"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    cursor: Mapped[str | None] = mapped_column(default=None)  # id of the last event that was applied
    told: Mapped[str] = mapped_column(default="")  # its moment
    loaded: Mapped[str] = mapped_column(default="")  # the moment of the last full load
    loaded_at: Mapped[datetime | None] = mapped_column(default=None)  # the same by this machine's clock
    doubtful: Mapped[bool] = mapped_column(default=False)  # events left something open: load again


class Heard(MappedAsDataclass, kw_only=True):
    """What directories, users and groups share."""

    id: Mapped[str] = mapped_column(primary_key=True)
    directory_id: Mapped[str] = mapped_column(index=True)
    organization_id: Mapped[str | None] = mapped_column(default=None)
    name: Mapped[str | None] = mapped_column(default=None)
    present: Mapped[bool] = mapped_column(default=False)
    alive: Mapped[str] = mapped_column(default="")  # newest event of its own that says it is there
    seen: Mapped[str] = mapped_column(default="")  # newest membership that began; it lifts no deletion
    dead: Mapped[str] = mapped_column(default="")  # newest deletion; it begins with its time
    content: Mapped[str] = mapped_column(default="")  # how new the fields are: updated_at, moment

    def fill(self, record: Record) -> None:
        """Take over the fields of a record."""
        self.organization_id, self.name = text(record, "organization_id"), text(record, "name")


class Directory(Heard, Base):
    """A customer's directory. Its own id stands in ``directory_id`` as well."""

    __tablename__ = "directories"

    type: Mapped[str | None] = mapped_column(default=None)
    state: Mapped[str | None] = mapped_column(default=None)

    def fill(self, record: Record) -> None:
        """Take over the fields; events call a linked directory active."""
        super().fill(record)
        words = {"active": "linked", "inactive": "unlinked"}
        self.type, self.state = text(record, "type"), words.get(record["state"], record["state"])


class User(Heard, Base):
    """A directory user.

    ``status`` is ``active``, ``inactive`` (WorkOS lists them, switched off), ``retained`` (deleted, which may
    mean switched off: they may return) or ``removed`` (deleted for good, or their days of grace are over). Only
    ``active`` may come in. Whoever returns under a new id is recognised by ``directory_id`` and ``idp_id``.
    """

    __tablename__ = "users"
    __table_args__ = (Index("users_by_idp_id", "directory_id", "idp_id"),)

    status: Mapped[str] = mapped_column(String(16), index=True, default="removed")
    state: Mapped[str] = mapped_column(default="active")
    idp_id: Mapped[str | None] = mapped_column(default=None)
    email: Mapped[str | None] = mapped_column(index=True, default=None)
    first_name: Mapped[str | None] = mapped_column(default=None)
    last_name: Mapped[str | None] = mapped_column(default=None)
    roles: Mapped[list[str]] = mapped_column(default_factory=list)
    custom_attributes: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    left_at: Mapped[datetime | None] = mapped_column(default=None)  # when we saw it, by this machine's clock
    removed_at: Mapped[datetime | None] = mapped_column(default=None)  # when their days of grace were over

    def fill(self, record: Record) -> None:
        """Take over the fields. Fields that WorkOS has deprecated are left alone, ``groups`` above all."""
        super().fill(record)
        self.state, self.idp_id = record["state"], text(record, "idp_id")
        self.email = (text(record, "email") or "").strip() or None
        self.first_name, self.last_name = text(record, "first_name"), text(record, "last_name")
        self.roles = roles_in(record)
        attributes = record.get("custom_attributes")
        if not isinstance(attributes, dict | None):
            raise Unusable("custom_attributes that are not an object")
        self.custom_attributes = dict(attributes or {})


class Group(Heard, Base):
    """A directory group. Names are not unique; ids are."""

    __tablename__ = "groups"

    idp_id: Mapped[str | None] = mapped_column(default=None)

    def fill(self, record: Record) -> None:
        """Take over the fields."""
        super().fill(record)
        self.idp_id = text(record, "idp_id")


class Membership(Base):
    """One user in one group, now or once."""

    __tablename__ = "memberships"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    group_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    directory_id: Mapped[str] = mapped_column(index=True)
    present: Mapped[bool] = mapped_column(default=False)
    told: Mapped[str] = mapped_column(default="")  # the newest event about the two


class Failed(Base):
    """An event, or a record of a list, that could not be applied; what came behind it was.

    ``kept`` is what came, as text in which no database finds anything to refuse. Such rows are for a person to
    look at: apply the change by hand, or mend the code, and delete the row.
    """

    __tablename__ = "failed"

    id: Mapped[str] = mapped_column(primary_key=True)  # of the event or object, or made of its content
    kind: Mapped[str]
    reason: Mapped[str]
    kept: Mapped[str]


Thing = TypeVar("Thing", Directory, User, Group)


def make_tables(engine: Engine) -> None:
    """Make the tables that are not there; refuse those of the same names that are another's, or older.

    Raises
    ------
    ConfigError
        A table lacks columns: it is your app's, or of an earlier version of this worker.
    """
    looked = inspect(engine)
    for name, table in Base.metadata.tables.items():
        held = {one["name"] for one in looked.get_columns(name)} if looked.has_table(name) else None
        if held is not None and (missing := set(table.columns.keys()) - held):
            raise ConfigError(
                f"the database of DATABASE_URL has a table {name} without {', '.join(sorted(missing))}: is it "
                "your app's? Give the worker a database of its own. Is it an older worker's? Migrate it"
            )
    Base.metadata.create_all(engine)


def open_database(url: str) -> Engine:
    """Return an engine for a database, whose transactions hold whatever savepoints are in them.

    Python's driver for SQLite begins a transaction at the first change only: what is read before it is not in
    it, and a savepoint before it commits when it ends. Here each begins at once, with the lock of who writes.
    """
    address = make_url(url)
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(address)
    except ModuleNotFoundError as problem:
        raise ConfigError(f'no driver for this database: pip install -e ".[postgresql]" ({problem})') from None
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _by_hand(connection: Any, _: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
