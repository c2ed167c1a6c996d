"""Your own table of users, kept in step: rows are created, updated and switched off, and never deleted.

What is decided here is decided as ``dirsync_nb.compare`` decides it: an id goes before an address, an address
never joins two whom an id tells apart, and where it is not clear who a row is, it is left alone and counted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Date, Engine, Table, false, func, insert, inspect, select, update
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from .config import Config, ConfigError
from .logs import say
from .tables import Failed, User

Row = Mapping[str, Any]
FIELDS = ("name", "first_name", "last_name")
STOP_FROM = 3  # fewer are never taken for everybody


class TooManyOff(Exception):
    """So many would be switched off that a directory is more likely broken than empty. Nothing was written."""


class TableRefused(Exception):
    """Your database did not take what was to be written, and holds nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Your table and its columns; None where it has no such column, or none that is to be kept.

    Columns that are not named here are never touched, but for ``defaults``, which new rows get.
    """

    table: Table
    key: str  # tells rows apart
    address: str | None = None
    idp_id: str | None = None  # the provider's id of a person
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    organization: str | None = None  # WorkOS's id of it
    active: str | None = None  # says who may come in
    on: Any = None  # what is written there
    off: Any = None
    words: Mapping[Any, bool] = field(default_factory=dict)  # what each value found there means
    deleted_at: str | None = None  # when somebody left for good, or without ``active`` when they left
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def columns(self) -> list[str]:
        """Return the columns that are read."""
        named = (self.key, self.address, self.idp_id, self.organization, self.active, self.deleted_at)
        fields = [getattr(self, one) for one in FIELDS]
        return list(dict.fromkeys(one for one in (*named, *fields) if one is not None))

    def is_on(self, row: Row) -> bool | None:
        """Return whether a row says that somebody may come in; None where it says neither yes nor no."""
        if self.deleted_at is not None and row[self.deleted_at] is not None:
            return False
        return True if self.active is None else self.words.get(_folded(row[self.active]))

    def switched(self, row: Row, *, on: bool, final: bool, now: datetime) -> dict[str, Any]:
        """Return what changes in a row, so that somebody may come in, or not any more."""
        changed: dict[str, Any] = {}
        is_on = self.is_on(row)
        if self.active is not None and self.words.get(_folded(row[self.active])) is not on:
            changed[self.active] = self.on if on else self.off
        if self.deleted_at is not None and on is not is_on and (on or self.active is None):
            changed[self.deleted_at] = None if on else self._moment(now)
        elif self.deleted_at is not None and final and row[self.deleted_at] is None:
            changed[self.deleted_at] = self._moment(now)
        return changed

    def _moment(self, now: datetime) -> Any:
        kind: Any = self.table.c[str(self.deleted_at)].type
        if isinstance(kind, Date):
            return now.date()
        return now if kind.timezone else now.astimezone(UTC).replace(tzinfo=None)


class Person:
    """Somebody with all their records, one in each directory, those first that let them in."""

    def __init__(self, record: User) -> None:
        self.records = [record]

    @property
    def is_active(self) -> bool:
        """Whether any of their directories lets them in: access lasts until the last one goes."""
        return self.records[0].status == "active"

    @property
    def is_final(self) -> bool:
        """Whether they left for good."""
        return all(one.status == "removed" for one in self.records)

    @property
    def homes(self) -> set[str]:
        """Their directories."""
        return {one.directory_id for one in self.records}

    @property
    def ids(self) -> set[str]:
        """The ids that their providers gave."""
        return {one.idp_id.strip() for one in self.records if one.idp_id}

    def counts(self, idp_id: str | None) -> User:
        """Return the record that counts: the active one that has the id, or the first."""
        named = (one for one in self.records if one.status == "active" and one.idp_id == idp_id)
        return next(named, self.records[0])

    def may_be(self, other: Person) -> bool:
        """Whether nothing but the directory tells two people of one organization and address apart."""
        numbers = [_number(one.records[0]) for one in (self, other)]
        return self.homes.isdisjoint(other.homes) and (None in numbers or numbers[0] == numbers[1])


class People:
    """Everybody the tables know of, to be looked up."""

    def __init__(self, users: Iterable[User]) -> None:
        self.by_id: dict[str, list[Person]] = defaultdict(list)
        self.by_near_id: dict[str, list[Person]] = defaultdict(list)
        self.by_address: dict[str, list[Person]] = defaultdict(list)
        self.organizations: set[str | None] = set()
        ordered = sorted(
            users, key=lambda one: (one.status != "active", not one.present, one.directory_id, one.id)
        )
        self.all = self._joined(ordered)
        for person in self.all:
            for idp_id in person.ids:
                self.by_id[idp_id].append(person)
                self.by_near_id[_near(idp_id)].append(person)
            for address in {_folded(address_of(one)) for one in person.records} - {None}:
                self.by_address[address].append(person)

    def _joined(self, users: list[User]) -> list[Person]:
        known: dict[tuple[str, str], Person] = {}
        for user in users:  # who returns under a new id of WorkOS has the provider's
            person = known.setdefault((user.directory_id, user.idp_id or user.id), Person(user))
            if user is not person.records[0]:
                person.records.append(user)
            self.organizations.add(user.organization_id)
        joined: dict[tuple[str, Any], list[Person]] = defaultdict(list)
        people = []
        for person in known.values():
            first = person.records[0]
            address = _folded(address_of(first))
            same = joined[first.organization_id or first.directory_id, address]
            fits = [one for one in same if address is not None and one.may_be(person)]
            if len(fits) == 1:  # of two who may be meant, none is taken
                fits[0].records += person.records
            else:
                same.append(person)
                people.append(person)
        return people


class Unclear(Exception):
    """It cannot be told who a row is."""


class Keeper:
    """Keeps your table in step with the worker's own."""

    def __init__(self, accounts: Accounts, engine: Engine, config: Config) -> None:
        self._accounts, self._engine, self._config = accounts, engine, config

    def keep(self, sessions: sessionmaker[Session], now: datetime) -> bool:
        """Bring your table in step, in one transaction; return False if somebody else changed a row meanwhile.

        Raises
        ------
        TooManyOff
            More people than GUARD_SHARE of those who are on would be switched off.
        TableRefused
            The database cannot be reached, or refuses to be written.
        """
        with sessions() as session:  # ended before the other begins: both may be one SQLite file
            failed, people = list(session.scalars(select(Failed.kept))), People(session.scalars(select(User)))
        turn = _Turn(self._accounts, people, failed, self._config, now)
        with _refusals(self._accounts), self._engine.begin() as connection:
            turn.plan(connection)
            turn.guard()
            turn.write(connection)
        say("accounts_kept", **turn.counts)
        return not turn.counts["changed_meanwhile"]


@contextmanager
def _refusals(accounts: Accounts) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as problem:
        raise TableRefused(
            f"{accounts.table.fullname} cannot be read or written ({type(problem).__name__}): may this user "
            "write to it, and can the database be reached?"
        ) from problem


class _Turn:
    """One look at your table: first what is to be done, then doing it."""

    def __init__(
        self, accounts: Accounts, people: People, failed: list[str], config: Config, now: datetime
    ) -> None:
        self.accounts, self.people, self.failed, self.config, self.now = accounts, people, failed, config, now
        told = ("created", "updated", "switched_off", "unclear", "local", "refused", "changed_meanwhile")
        self.counts: dict[str, int] = dict.fromkeys(told, 0)
        self.on_rows = 0
        self.leaving: list[tuple[Row, dict[str, Any]]] = []
        self.changes: list[tuple[Row, dict[str, Any]]] = []
        self.new: list[dict[str, Any]] = []

    def plan(self, connection: Connection) -> None:
        """Read the table, and work out what is to be done."""
        table = self.accounts.table
        columns = [table.c[one] for one in self.accounts.columns()]
        rows = [dict(row) for row in connection.execute(select(*columns)).mappings()]
        self.on_rows = sum(self.accounts.is_on(row) is True for row in rows)
        claims: dict[int, list[tuple[Row, Person]]] = defaultdict(list)
        taken: set[int] = set()  # people who have a row, or may have one
        for row in rows:
            try:
                person = self._find(row)
                if self.accounts.is_on(row) is None:
                    raise Unclear
            except Unclear:
                self.counts["unclear"] += 1
                taken |= {id(one) for one in self._possible(row)}
                continue
            if person is None:
                self._stranger(row)
            else:
                claims[id(person)].append((row, person))
        for claimed in claims.values():
            if len(claimed) > 1:
                self.counts["unclear"] += len(claimed)
            else:
                self._known(*claimed[0])
        for person in self.people.all:
            if person.is_active and id(person) not in taken | claims.keys():
                self._create(person)

    # Who is who -----------------------------------------------------------------------------------------

    def _value(self, row: Row, role: str) -> str | None:
        column = getattr(self.accounts, role)
        value = None if column is None or row[column] is None else str(row[column]).strip()
        return value or None

    def _find(self, row: Row) -> Person | None:
        """Return whom a row is; raise Unclear where several may be meant."""
        idp_id, named = self._value(row, "idp_id"), self._at_home(row, self._named(row))
        others = self._at_home(row, self._addressed(row))
        if named:
            person = _one_of(named)
            if person.is_active and any(one.is_active and one is not person for one in others):
                raise Unclear  # id and address point to two people who are here
            return person
        # An address never joins two whom an id tells apart.
        same = [one for one in others if idp_id is None or not one.ids or idp_id in one.ids]
        if same:
            return _one_of(same)
        if idp_id is not None and self.people.by_near_id.get(_near(idp_id)):
            raise Unclear  # an id that differs in case or leading zeros only: is it the same?
        return None

    def _named(self, row: Row) -> list[Person]:
        return self.people.by_id.get(self._value(row, "idp_id") or "", [])

    def _addressed(self, row: Row) -> list[Person]:
        return self.people.by_address.get(_folded(self._value(row, "address")), [])

    def _at_home(self, row: Row, people: list[Person]) -> list[Person]:
        """Return those of people who may be of the row's organization."""
        home = self._value(row, "organization")
        return [
            one
            for one in people
            if home is None or any(user.organization_id in (None, home) for user in one.records)
        ]

    def _possible(self, row: Row) -> list[Person]:
        near = self.people.by_near_id.get(_near(self._value(row, "idp_id") or ""), [])
        return [*near, *self._addressed(row)]

    # What is to be done ---------------------------------------------------------------------------------

    def _stranger(self, row: Row) -> None:
        """Deal with a row of whom no directory speaks: who came from one has left, others are your own."""
        idp_id, home = self._value(row, "idp_id"), self._value(row, "organization")
        if not self.accounts.is_on(row):
            return
        elsewhere = home is not None and home not in self.people.organizations
        own = idp_id is None and self.config.local_accounts == "keep"
        unread = idp_id is not None and any(json.dumps(idp_id) in kept for kept in self.failed)
        if own or elsewhere or unread:
            self.counts["local"] += 1
        else:
            self.leaving.append((row, self.accounts.switched(row, on=False, final=False, now=self.now)))

    def _known(self, row: Row, person: Person) -> None:
        """Deal with the row of somebody the directory knows."""
        final, on = person.is_final, person.is_active
        changed = self.accounts.switched(row, on=on, final=final, now=self.now)
        if on:
            wanted = self._wanted(person.counts(self._value(row, "idp_id")))
            changed |= {name: value for name, value in wanted.items() if not _same(row[name], value)}
        if on or not self.accounts.is_on(row):
            self.changes += [(row, changed)] if changed else []
        else:
            self.leaving.append((row, changed))

    def _wanted(self, record: User) -> dict[str, Any]:
        """Return what columns should hold; what the directory does not say erases nothing."""
        told = {name: getattr(record, name) for name in (*FIELDS, "idp_id")}
        told |= {"address": address_of(record), "organization": record.organization_id}
        columns = {role: getattr(self.accounts, role) for role in told}
        return {columns[role]: value for role, value in told.items() if columns[role] and value is not None}

    def _create(self, person: Person) -> None:
        wanted = self._wanted(person.records[0])
        address = _folded(wanted.get(self.accounts.address or ""))
        active = [one for one in self.people.by_address.get(address, []) if one.is_active]
        if self.accounts.idp_id not in wanted and (address is None or len(active) > 1):
            self.counts["unclear"] += 1  # nothing would find the row again, or it would be that of two
            return
        on = {} if self.accounts.active is None else {self.accounts.active: self.accounts.on}
        self.new.append({**self.accounts.defaults, **on, **wanted})

    def guard(self) -> None:
        """Stop where more would be switched off than may be believed."""
        gone, confirmed = len(self.leaving), self.config.confirm_off
        empty = not any(person.is_active for person in self.people.all)
        few = gone < STOP_FROM and not empty
        share = gone / self.on_rows if gone else 0.0
        if gone == confirmed or not gone or few or (share <= self.config.guard_share and share < 1):
            return
        raise TooManyOff(
            f"{gone:,} of {self.on_rows:,} people who are on would be switched off, more than GUARD_SHARE="
            f"{self.config.guard_share:g} allows. Nothing was written. Is the directory linked, and is this "
            f"the right key? If they really left: CONFIRM_OFF={gone}"
        )

    # Doing it -------------------------------------------------------------------------------------------

    def write(self, connection: Connection) -> None:
        """Write it, who leaves first: an address may pass on. A row that is refused takes none along."""
        table, key = self.accounts.table, self.accounts.key
        for what, changes in (("switched_off", self.leaving), ("updated", self.changes)):
            for row, changed in changes:
                as_read = [table.c[one].is_not_distinct_from(row[one]) for one in (key, *changed)]
                self._do(connection, update(table).where(*as_read), changed, what)
        for values in self.new:
            self._do(connection, insert(table), values, "created")

    def _do(self, connection: Connection, statement: Any, values: dict[str, Any], what: str) -> None:
        try:
            self._require_fit(values)
            with connection.begin_nested():
                done = connection.execute(statement.values(values))
            self.counts[what if done.rowcount else "changed_meanwhile"] += 1
        except (IntegrityError, DataError, ValueError):
            self.counts["refused"] += 1

    def _require_fit(self, values: Mapping[str, Any]) -> None:
        """Refuse what is longer than its column: SQLite would take it, and nobody would notice."""
        for name, value in values.items():
            length = getattr(self.accounts.table.c[name].type, "length", None)
            if isinstance(value, str) and ("\0" in value or (length is not None and len(value) > length)):
                raise ValueError(name)


def open_accounts(accounts: Accounts, engine: Engine) -> None:
    """See that your table is still as it was when the project was written.

    Raises
    ------
    ConfigError
        The table or a column is not there, or the key does not tell rows apart.
    TableRefused
        The database cannot be reached or written.
    """
    table, file = accounts.table, engine.url.database
    if engine.dialect.name == "sqlite" and file and not file.startswith("file:") and not Path(file).exists():
        raise ConfigError("APP_DATABASE_URL names a file that is not there")
    with _refusals(accounts), engine.connect() as connection:
        looked = inspect(connection)
        if not looked.has_table(table.name, schema=table.schema):
            raise ConfigError(f"the database of APP_DATABASE_URL has no table {table.fullname}")
        held = {column["name"] for column in looked.get_columns(table.name, schema=table.schema)}
        if missing := [one for one in [*accounts.columns(), *accounts.defaults] if one not in held]:
            raise ConfigError(f"{table.fullname} has no column {', '.join(missing)}: see mapping.py")
        key = table.c[accounts.key]
        connection.execute(update(table).where(false()).values({key.name: key}))  # may it be written?
        if connection.scalar(select(func.count(key)).having(func.count(key) > func.count(key.distinct()))):
            raise ConfigError(f"{accounts.key} of {table.fullname} does not tell rows apart: see mapping.py")


def address_of(record: User) -> str | None:
    """Return the best address: ``email``, else of ``emails`` the primary one, that of work, of home, any."""
    if record.email:
        return record.email
    listed = record.custom_attributes.get("emails")
    entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    entries = [one for one in entries if isinstance(one.get("value"), str) and one["value"].strip()]
    entries.sort(key=lambda one: (one.get("primary") is not True, _KINDS.get(str(one.get("type")), 2)))
    if entries:
        return str(entries[0]["value"]).strip()
    name = record.custom_attributes.get("username")
    name = name.strip() if isinstance(name, str) else ""
    before, _, domain = name.partition("@")
    is_address = before and "." in domain.strip(".") and not set(name) & set(" \t\n") and "@" not in domain
    return name if is_address else None


_KINDS = {"work": 0, "home": 1}


def _one_of(people: list[Person]) -> Person:
    """Return the only one who is here; raise Unclear where there are several, or somebody left whose it was."""
    active = [one for one in people if one.is_active]
    if len(active) > 1:
        raise Unclear
    if active and any(one is not active[0] and one.homes & active[0].homes for one in people):
        raise Unclear
    return active[0] if active else people[0]


def _folded(value: Any) -> Any:
    """Return text as it is compared: without regard to case and outer spaces."""
    return (value.strip().casefold() or None) if isinstance(value, str) else value


def _near(idp_id: str) -> str:
    folded = idp_id.casefold()
    return (folded.lstrip("0") or "0") if folded.isdecimal() else folded


def _number(record: User) -> str | None:
    held = record.custom_attributes.get("employee_number")
    return None if held is None else str(held).strip() or None


def _same(ours: Any, theirs: Any) -> bool:
    return bool(ours == theirs) or (ours is not None and str(ours) == str(theirs))
