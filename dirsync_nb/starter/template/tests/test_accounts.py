"""Your own table: who a row is, what is written, and what is left alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, DateTime, Engine, Integer, MetaData, String, Table, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from directory_worker import accounts as module
from directory_worker.__main__ import main
from directory_worker.accounts import Accounts, Keeper, TableRefused, TooManyOff, open_accounts
from directory_worker.config import Config, ConfigError
from directory_worker.mapping import ACCOUNTS
from directory_worker.tables import Failed, User, make_tables, open_database

from .conftest import Desk

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
TABLE = Table(
    "people",
    MetaData(),
    Column("id", Integer(), primary_key=True),
    Column("mail", String(40), unique=True),
    Column("idp_id", String(40)),
    Column("name", String(40)),
    Column("org", String(40)),
    Column("state", String(10), nullable=False),
    Column("gone_at", DateTime()),
    Column("plan", String(10), nullable=False),
)
SAMPLE = Accounts(
    table=TABLE,
    key="id",
    address="mail",
    idp_id="idp_id",
    name="name",
    organization="org",
    active="state",
    on="live",
    off="shut",
    words={"live": True, "trial": True, "shut": False},
    deleted_at="gone_at",
    defaults={"plan": "free"},
)


class Book:
    """A table of people, beside the worker's own."""

    def __init__(self, engine: Engine, app: Engine) -> None:
        self.engine, self.app, self.accounts, self.config = engine, app, SAMPLE, Config()

    def directory(self, who: str, status: str = "active", **fields: Any) -> None:
        """Let the worker's tables hold somebody."""
        told = {"directory_id": "directory_1", "organization_id": "org_1", "idp_id": who, "name": who.title()}
        told |= {"email": f"{who}@acme.test", "present": status in ("active", "inactive"), "status": status}
        with Session(self.engine) as session:
            session.merge(User(id=f"user_{who}", **(told | fields)))
            session.commit()

    def row(self, who: str, **fields: Any) -> None:
        """Let your table hold somebody."""
        told = {"mail": f"{who}@acme.test", "idp_id": who, "name": who.title(), "org": "org_1"}
        with self.app.begin() as connection:
            connection.execute(insert(TABLE).values(**told | {"state": "live", "plan": "gold"} | fields))

    def keep(self, **settings: Any) -> bool:
        """Bring your table in step."""
        keeper = Keeper(self.accounts, self.app, replace(self.config, **settings))
        return keeper.keep(sessionmaker(self.engine), NOW)

    def rows(self, *columns: str) -> list[Any]:
        """Give columns of your table."""
        names = columns or tuple(TABLE.columns.keys())
        with self.app.connect() as connection:
            found = connection.execute(select(*(TABLE.c[one] for one in names)).order_by(TABLE.c.id))
            return [row[0] if len(names) == 1 else tuple(row) for row in found]


@pytest.fixture
def book(engine: Engine, tmp_path: Path) -> Iterator[Book]:
    app = open_database(os.environ.get("TEST_DATABASE_URL", f"sqlite:///{tmp_path / 'app.db'}"))
    TABLE.metadata.drop_all(app)
    TABLE.metadata.create_all(app)
    yield Book(engine, app)
    app.dispose()


def test_rows_are_created_changed_and_switched_off_and_the_rest_stays(book: Book) -> None:
    for name, status in (("new", "active"), ("old", "active"), ("off", "inactive"), ("gone", "removed")):
        book.directory(name, status)
    book.row("old", mail="OLD@acme.test ", name="Before")
    book.row("off", name="Off By Hand")
    book.row("gone", state="trial")
    assert book.keep()
    assert book.rows("name", "mail", "state", "gone_at", "plan") == [
        ("Old", "old@acme.test", "live", None, "gold"),
        ("Off By Hand", "off@acme.test", "shut", None, "gold"),
        ("Gone", "gone@acme.test", "shut", NOW.replace(tzinfo=None), "gold"),
        ("New", "new@acme.test", "live", None, "free"),
    ]
    before = book.rows()
    assert book.keep()
    assert book.rows() == before


def test_who_returns_is_switched_on_and_no_longer_marked(book: Book) -> None:
    book.directory("ann")
    book.row("ann", state="shut", gone_at=NOW.replace(tzinfo=None))
    book.keep()
    assert book.rows("state", "gone_at") == [("live", None)]


def test_without_a_status_the_time_says_it(book: Book) -> None:
    book.accounts = replace(
        SAMPLE, active=None, on=None, off=None, words={}, defaults={"plan": "x", "state": "y"}
    )
    book.directory("ann", "retained")
    book.directory("bob")
    book.directory("cy")
    book.row("ann")
    book.row("bob", gone_at=NOW.replace(tzinfo=None))
    book.keep()
    assert book.rows("gone_at", "state") == [(NOW.replace(tzinfo=None), "live"), (None, "live"), (None, "y")]


def test_what_the_directory_does_not_say_erases_nothing(book: Book) -> None:
    book.directory("ann", name=None, email=None, organization_id=None)
    book.row("ann")
    before = book.rows()
    book.keep()
    assert book.rows() == before


def test_an_address_is_found_among_the_others_and_an_id_is_added(book: Book) -> None:
    emails = [{"value": "x@acme.test"}, {"value": "ann@work.test", "type": "work"}]
    book.directory("ann", email=None, custom_attributes={"emails": emails})
    book.directory("bob", email=None, custom_attributes={"username": "bob@acme.test"})
    book.row("ann", idp_id=None, mail="Ann@Work.test")
    book.row("bob", idp_id=None)
    book.keep()
    assert book.rows("idp_id", "mail") == [("ann", "ann@work.test"), ("bob", "bob@acme.test")]


def test_access_lasts_until_the_last_directory_of_somebody_goes(book: Book) -> None:
    book.directory("ann", "retained")
    book.directory("b", idp_id="other", email="ann@acme.test", directory_id="directory_2")
    book.row("ann")
    book.keep()
    assert book.rows("state") == ["live"]
    book.directory("cy")
    book.directory("b", "retained", idp_id="other", email="ann@acme.test", directory_id="directory_2")
    book.keep()
    assert book.rows("state") == ["shut", "live"]


UNCLEAR: dict[str, Callable[[Book], None]] = {
    "two rows of one person": lambda book: (
        book.directory("ann"),
        book.row("ann", name="Before"),
        book.row("ann", mail="a@b.c", name="Before"),
    )[0],
    "a status nobody knows": lambda book: (book.directory("ann"), book.row("ann", state="away"))[0],
    "an address of two": lambda book: (
        [
            book.directory(one, email="desk@acme.test", directory_id=f"directory_{one}", organization_id=org)
            for one, org in (("ann", "org_1"), ("bob", "org_2"))
        ]
        and book.row("x", idp_id=None, mail="desk@acme.test", org=None)
    ),
    "an address of somebody who left": lambda book: (
        book.directory("ann", "retained", email="desk@acme.test"),
        book.directory("bob", email="desk@acme.test"),
        book.row("x", idp_id=None, mail="desk@acme.test"),
    )[0],
    "an id and an address of two": lambda book: (
        book.directory("ann"),
        book.directory("bob"),
        book.row("ann", mail="bob@acme.test"),
        book.row("bob", mail=None, idp_id="bob"),
    )[0],
    "an id that only looks like one": lambda book: (
        book.directory("7", email="seven@acme.test"),
        book.row("007", mail="other@acme.test"),
    )[0],
}


@pytest.mark.parametrize("make", UNCLEAR.values(), ids=UNCLEAR)
def test_a_row_of_which_it_is_not_clear_who_it_is_stays_and_nobody_is_made_for_it(
    book: Book, make: Callable[[Book], None]
) -> None:
    make(book)
    before = book.rows("mail", "idp_id", "state", "name")
    book.keep(guard_share=1.0)
    assert book.rows("mail", "idp_id", "state", "name")[: len(before)] == before
    made = book.rows("idp_id")[len(before) :]
    assert not {"ann", "7"} & set(made)


def test_nobody_is_made_whom_nothing_would_find_again(book: Book) -> None:
    book.accounts = replace(SAMPLE, idp_id=None)
    book.directory("ann", email="desk@acme.test")
    book.directory("bob", email="desk@acme.test")
    book.directory("cy", email=None)
    book.directory("dan")
    book.keep()
    assert book.rows("mail") == ["dan@acme.test"]


def test_an_address_that_was_handed_on_does_not_hand_on_the_account(book: Book) -> None:
    book.directory("ann", "removed", email="desk@acme.test")
    book.directory("bob", email="desk@acme.test")
    book.accounts = replace(SAMPLE, address="name", name=None)  # a column that may hold it twice
    book.directory("eve", email="door@acme.test")
    book.row("ann", name="desk@acme.test")
    book.row("zoe", name="door@acme.test")  # of whom no directory speaks any more
    book.keep()
    assert book.rows("idp_id", "state", "name") == [
        ("ann", "shut", "desk@acme.test"),
        ("zoe", "shut", "door@acme.test"),
        ("bob", "live", "desk@acme.test"),
        ("eve", "live", "door@acme.test"),
    ]


def test_rows_that_no_directory_gave_an_id_are_your_own(book: Book) -> None:
    book.directory("ann")
    for name, fields in {"ann": {}, "admin": {"idp_id": None}, "left": {}, "far": {"org": "org_9"}}.items():
        book.row(name, **fields)
    book.keep()
    assert book.rows("state") == ["live", "live", "shut", "live"]
    book.keep(local_accounts="off")
    assert book.rows("state") == ["live", "shut", "shut", "live"]


def test_who_came_in_a_form_that_cannot_be_read_is_not_taken_for_gone(book: Book) -> None:
    book.directory("ann")
    book.row("ann")
    book.row("bob")
    with Session(book.engine) as session:
        session.merge(Failed(id="user_bob", kind="user", reason="x", kept='{"idp_id": "bob"}'))
        session.commit()
    book.keep()
    assert book.rows("state") == ["live", "live"]


def test_more_than_may_be_believed_are_not_switched_off_and_nothing_is_written(book: Book) -> None:
    for number in range(4):
        book.directory(f"u{number}", "retained" if number < 3 else "active", name="New name")
        book.row(f"u{number}")
    before = book.rows()
    for settings in ({}, {"confirm_off": 4}, {"guard_share": 0.7}):
        with pytest.raises(TooManyOff, match="3 of 4"):
            book.keep(**settings)
    assert book.rows() == before
    book.keep(confirm_off=3)
    assert book.rows("state") == ["shut", "shut", "shut", "live"]


def test_where_no_directory_has_anybody_not_even_a_few_are_switched_off(book: Book) -> None:
    book.directory("cy", "inactive")
    book.row("ann")
    book.row("bob", state="shut")
    with pytest.raises(TooManyOff):
        book.keep()
    assert book.rows("state") == ["live", "shut"]


def test_a_row_that_is_refused_takes_none_along(book: Book) -> None:
    book.directory("ann", name="A" * 41)  # too long
    book.directory("bob", email="taken@acme.test")  # of another, who is your own
    book.directory("cy")
    book.directory("dan", email="taken@acme.test")
    book.row("x", idp_id="x", mail="taken@acme.test", org="org_9")
    book.row("dan", name="Before")
    book.keep()
    assert book.rows("idp_id", "name") == [("x", "X"), ("dan", "Before"), ("cy", "Cy")]


def test_a_row_that_somebody_else_changed_meanwhile_is_looked_at_again(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.directory("ann")
    book.row("ann", name="Before")
    plan = module._Turn.plan

    def overtaken(turn: Any, connection: Any) -> None:
        plan(turn, connection)
        connection.execute(update(TABLE).values(name="By somebody else"))

    with monkeypatch.context() as patch:
        patch.setattr(module._Turn, "plan", overtaken)
        assert not book.keep()
    assert book.rows("name") == ["By somebody else"]
    assert book.keep()
    assert book.rows("name") == ["Ann"]


def test_a_database_that_cannot_be_written_is_said_and_stays(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    writable = open_database(f"sqlite:///{file}")
    TABLE.metadata.create_all(writable)
    writable.dispose()
    app = open_database(f"sqlite:///file:{file}?mode=ro&uri=true")
    book, before = Book(engine, app), file.read_bytes()
    book.directory("ann")
    with pytest.raises(TableRefused, match="may this user write to it"):
        book.keep()
    with pytest.raises(TableRefused):
        open_accounts(SAMPLE, app)
    app.dispose()
    assert file.read_bytes() == before


def test_a_table_that_is_not_as_it_was_read_is_refused(book: Book, tmp_path: Path) -> None:
    open_accounts(SAMPLE, book.app)
    more = Table(
        "people", MetaData(), *(Column(one.name, one.type) for one in TABLE.c), Column("new", String())
    )
    with pytest.raises(ConfigError, match="has no column new"):
        open_accounts(replace(SAMPLE, table=more, name="new"), book.app)
    with pytest.raises(ConfigError, match="has no table other"):
        open_accounts(replace(SAMPLE, table=Table("other", MetaData(), Column("id", Integer()))), book.app)
    book.row("ann")
    book.row("bob")
    with pytest.raises(ConfigError, match="plan of people does not tell rows apart"):
        open_accounts(replace(SAMPLE, key="plan"), book.app)
    missing = open_database(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(ConfigError, match="a file that is not there"):
        open_accounts(SAMPLE, missing)
    assert not (tmp_path / "none.db").exists()


def test_a_table_of_another_is_not_taken_for_the_workers_own(tmp_path: Path) -> None:
    app = open_database(f"sqlite:///{tmp_path / 'app.db'}")
    Table("users", MetaData(), Column("id", Integer(), primary_key=True)).create(app)
    with pytest.raises(ConfigError, match="a table users without"):
        make_tables(app)
    app.dispose()


def test_the_worker_keeps_it_in_step_with_what_happens(desk: Desk, book: Book) -> None:
    sandbox, home = desk.sandbox, desk.home
    desk.keeper = Keeper(SAMPLE, book.app, desk.config)
    worker = desk.worker
    worker.run_once()
    people = sandbox.truth.users(home)
    assert sorted(book.rows("mail")) == sorted(one["email"] for one in people)
    sandbox.deactivate_user(people[0]["id"])
    sandbox.update_user(people[1]["id"], last_name="Lindqvist")
    worker.run_once()
    found = {mail: (name, state) for mail, name, state in book.rows("mail", "name", "state")}
    assert found[people[0]["email"]] == ("P0 Quay", "shut")
    assert found[people[1]["email"]] == ("P1 Lindqvist", "live")
    sandbox.reactivate_user(people[0]["id"])
    worker.run_once()
    assert len(book.rows("id")) == len(people)
    assert set(book.rows("state")) == {"live"}


@pytest.mark.skipif(ACCOUNTS is None, reason="mapping.py names no table")
def test_the_table_of_mapping_py_is_filled_from_the_directory(desk: Desk, own_url: str) -> None:
    assert ACCOUNTS is not None
    app = open_database(own_url)
    open_accounts(ACCOUNTS, app)
    desk.keeper = Keeper(ACCOUNTS, app, desk.config)
    desk.worker.run_once()
    leaver = desk.sandbox.truth.users(desk.home)[0]
    desk.sandbox.deactivate_user(leaver["id"])
    desk.worker.run_once()
    with app.connect() as connection:
        rows = [dict(one) for one in connection.execute(select(ACCOUNTS.table)).mappings()]
    app.dispose()
    assert len(rows) == len(desk.sandbox.truth.users(desk.home)) + 1
    assert [ACCOUNTS.is_on(row) for row in rows].count(False) == 1
    if ACCOUNTS.address is not None:
        (off,) = (row[ACCOUNTS.address] for row in rows if not ACCOUNTS.is_on(row))
        assert off == leaver["email"]


def test_a_table_without_its_database_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("directory_worker.__main__.ACCOUNTS", SAMPLE)
    monkeypatch.setenv("WORKOS_API_KEY", "sk_test_1")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'directory.db'}")
    assert main(["--once"]) == 2
    assert "APP_DATABASE_URL is not set" in capfd.readouterr().err
