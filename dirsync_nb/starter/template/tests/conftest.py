"""What every test finds: a sandbox that speaks WorkOS's API, an empty database, and a worker between them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dirsync_nb.sandbox import Sandbox
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker
from workos import WorkOSClient

from directory_worker.accounts import Keeper
from directory_worker.config import Config
from directory_worker.mapping import ACCOUNTS
from directory_worker.source import Source
from directory_worker.tables import Base, Directory, Group, Membership, Place, User, open_database
from directory_worker.transport import PoliteTransport
from directory_worker.worker import Worker

PEOPLE = 104


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no key, address, setting or proxy of the machine reach a test."""
    ours = ("WORKOS_", "APP_DATABASE_URL", "GUARD_", "CONFIRM_", "LOCAL_", "GRACE_", "INACTIVE_", "WEBHOOK_")
    for name in os.environ:
        if name.startswith(ours) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    """The program sets its logger up for good; the next test finds it as it was."""
    log = logging.getLogger("directory_worker")
    kept = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.level, log.propagate = kept


@pytest.fixture(scope="session")
def _running() -> Iterator[Sandbox]:
    with Sandbox(world="empty") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: Sandbox) -> Sandbox:
    """A company of 104 people, more than a page, in four groups."""
    _running.reset()
    acme = _running.add_organization(name="Acme", domains=["acme.test"])
    home = _running.add_directory(acme, type="okta scim v2.0", name="Acme Okta", state="linked")
    groups = [_running.add_group(home, name=f"Group {number}") for number in range(4)]
    for number in range(PEOPLE):
        name = {"first_name": f"P{number}", "last_name": "Quay", "email": f"p{number}@acme.test"}
        _running.add_member(groups[number % 4], _running.add_user(home, **name))
    return _running


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database: of SQLite, or what TEST_DATABASE_URL names, whose tables are dropped."""
    url = os.environ.get("TEST_DATABASE_URL", f"sqlite:///{tmp_path / 'directory.db'}")
    engine = open_database(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def own_url(tmp_path: Path) -> str:
    """An empty copy of the table that mapping.py names, in a file; nothing where it names none."""
    if ACCOUNTS is None:
        return ""
    if ACCOUNTS.table.schema:
        pytest.skip("SQLite has no schemas")
    engine = open_database(f"sqlite:///{tmp_path / 'own.db'}")
    ACCOUNTS.table.metadata.create_all(engine)
    engine.dispose()
    return str(engine.url)


class Desk:
    """A worker, its database, and the sandbox it follows."""

    def __init__(self, sandbox: Sandbox, engine: Engine) -> None:
        self.sandbox, self.engine = sandbox, engine
        self.now = datetime(2026, 11, 2, 9, tzinfo=UTC)
        self.waits: list[float] = []
        self.config = Config(users_per_second=100_000)
        self.keeper: Keeper | None = None
        # A clock that stands still: pauses are written down and cost no time.
        self.transport = PoliteTransport(4.0, clock=lambda: 0.0, sleep=self.waits.append)
        self.client = WorkOSClient(
            api_key=sandbox.api_key, base_url=sandbox.url, http_client=self.transport, max_retries=2
        )

    @property
    def worker(self) -> Worker:
        """A new worker, as after a restart."""
        sessions = sessionmaker(self.engine, expire_on_commit=False)
        source, pulse = Source(self.client), self.transport.pulse
        return Worker(source, sessions, self.config, keeper=self.keeper, pulse=pulse, now=lambda: self.now)

    @property
    def home(self) -> str:
        """The directory's id."""
        return str(self.sandbox.truth.directories()[0]["id"])

    def ids(self, kind: type[Directory | User | Group]) -> set[str]:
        """Give who is there, by the tables."""
        with Session(self.engine) as session:
            return set(session.scalars(select(kind.id).where(kind.present)))

    def pairs(self) -> set[tuple[str, str]]:
        """Give who is in what, by the tables."""
        with Session(self.engine) as session:
            found = select(Membership.user_id, Membership.group_id).where(Membership.present)
            return {(user, group) for user, group in session.execute(found)}

    def user(self, user_id: str) -> User:
        """Give a user's row."""
        with Session(self.engine) as session:
            return session.get_one(User, user_id)

    def place(self) -> Place:
        """Give the place."""
        with Session(self.engine) as session:
            return session.get_one(Place, 1)

    def move_place(self, cursor: str) -> None:
        """Let events be read from another one on."""
        with Session(self.engine) as session:
            session.get_one(Place, 1).cursor = cursor
            session.commit()

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give all rows of all tables."""
        with self.engine.connect() as connection:
            tables = Base.metadata.sorted_tables
            return {one.name: [tuple(row) for row in connection.execute(select(one))] for one in tables}

    def check(self) -> None:
        """Compare the tables with what is really so."""
        truth, homes = self.sandbox.truth, [one["id"] for one in self.sandbox.truth.directories()]
        people = {user["id"]: user for home in homes for user in truth.users(home)}
        assert self.ids(Directory) == set(homes)
        assert self.ids(User) == set(people)
        assert self.ids(Group) == {group["id"] for home in homes for group in truth.groups(home)}
        assert self.pairs() == set().union(*(truth.memberships(home) for home in homes))
        with Session(self.engine) as session:
            for row in session.scalars(select(User).where(User.present)):
                known = people[row.id]
                assert (row.email, row.name, row.status) == (known["email"], known["name"], known["state"])


@pytest.fixture
def desk(sandbox: Sandbox, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk whose SDK retries without waiting."""
    desk = Desk(sandbox, engine)
    monkeypatch.setattr("workos._base_client.time.sleep", desk.waits.append)
    yield desk
    desk.transport.close()
