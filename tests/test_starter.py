"""The starter as people get it: written, installed in a fresh environment, tested, and run for real."""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy
import yaml

import dirsync_nb as ds
from dirsync_nb import errors, starter
from dirsync_nb.cli import main
from dirsync_nb.client import Pacer
from dirsync_nb.provisioning import load_app_users
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.starter import own_table
from dirsync_nb.starter.own_table import read_own_table
from dirsync_nb.sync import state as sync
from dirsync_nb.sync import take_snapshot

pytestmark = pytest.mark.timeout(900)  # an environment is installed, whoever asks for it first
FRESH = {name: value for name, value in os.environ.items() if not name.startswith(("WORKOS_", "PYTHON"))}


def run(*command: Any, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**FRESH, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)


# Writing it ---------------------------------------------------------------------------------------------


def test_it_writes_a_project_and_says_which_files(tmp_path):
    folder = tmp_path / "deep" / "worker"
    files = starter.write_starter(folder)
    assert {"README.md", "pyproject.toml", ".env.example", ".gitignore"} <= {str(one) for one in files}
    assert Path("directory_worker/worker.py") in files
    assert Path("tests/test_worker.py") in files
    assert all((folder / one).read_text() == (starter.FILES / one).read_text() for one in files)
    assert {path.suffix for path in files} <= {".py", ".md", ".toml", ".example", ".ini", ".mako", ".yaml", ""}


def test_what_tools_leave_behind_is_not_copied(tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(starter.FILES, source)
    for name in ("directory_worker/__pycache__/x.pyc", ".mypy_cache/x.json", "tests/.pytest_cache/v"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("left behind")
    monkeypatch.setattr(starter.write, "FILES", source)
    files = starter.write_starter(tmp_path / "worker")
    assert not [one for one in files if "cache" in str(one)]


def test_files_from_a_read_only_installation_can_be_changed(tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(starter.FILES, source)
    for path in [*source.rglob("*"), source]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setattr(starter.write, "FILES", source)
    folder = tmp_path / "worker"
    starter.write_starter(folder)
    assert all(path.stat().st_mode & stat.S_IWUSR for path in [folder, *folder.rglob("*")])
    for path in [source, *source.rglob("*")]:
        path.chmod(0o755)


def test_nothing_is_overwritten(tmp_path):
    mine = tmp_path / "worker.py"
    mine.write_text("mine")
    with pytest.raises(errors.ArgumentError, match="not empty"):
        starter.write_starter(tmp_path)
    with pytest.raises(errors.ArgumentError, match="is a file"):
        starter.write_starter(mine)
    with pytest.raises(errors.ArgumentError, match="cannot write"):
        starter.write_starter(mine / "inside")
    assert [path.name for path in tmp_path.iterdir()] == ["worker.py"]
    assert mine.read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    assert starter.write_starter(tmp_path)
    assert (tmp_path / "pyproject.toml").is_file()


def test_the_command_writes_it_and_refuses_what_is_not_empty(tmp_path, capsys):
    folder = tmp_path / "worker"
    assert main(["starter", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "python -m directory_worker --once" in told
    assert "&&" not in told  # PowerShell before 7 knows no such sign
    assert main(["starter", str(folder)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_it_holds_no_key_and_nobody_from_outside_reserved_domains():
    for path in starter.FILES.rglob("*.py"):
        text = path.read_text()
        assert "sk_live" not in text
        assert "—" not in text


def test_its_image_is_built_in_layers_holds_no_secret_and_runs_as_nobody():
    """As hadolint reads it; Docker itself is not asked."""
    text = (starter.FILES / "Dockerfile").read_text().replace("\\\n", "")
    steps = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    images = [rest.split()[0] for name, rest in steps if name == "FROM"]
    assert len(images) == 2
    assert all(":" in one and not one.endswith(":latest") for one in images)
    copies = [rest.split()[-2] for name, rest in steps if name == "COPY"]
    assert copies.index("pyproject.toml") < copies.index("directory_worker")  # what changes least comes first
    assert not [one for one in copies if one == "."]
    last = steps[[name for name, _ in steps].index("FROM", 1) :]
    assert [rest for name, rest in last if name == "USER"] == ["10001"]
    assert [name for name, _ in last].index("USER") < [name for name, _ in last].index("CMD")
    assert any("/healthz" in rest for name, rest in last if name == "HEALTHCHECK")
    assert all(json.loads(rest[rest.index("[") :]) for name, rest in last if name in ("CMD", "HEALTHCHECK"))
    assert all("--no-cache-dir" in rest for name, rest in steps if "pip install" in rest)
    assert not [
        rest for name, rest in steps if name in ("ARG", "ENV") and re.search("KEY|SECRET|PASSWORD", rest)
    ]
    assert ".env" in (starter.FILES / ".dockerignore").read_text().split()
    services = yaml.safe_load((starter.FILES / "compose.yaml").read_text())["services"]
    assert re.fullmatch(r"postgres:\d+.*", services["database"]["image"])
    told = {**services["database"]["environment"], **services["worker"]["environment"]}
    assert all("${" in told[name] for name in told if re.search("KEY|SECRET|PASSWORD", name))
    listed = set(re.findall("^([A-Z_]+)=", (starter.FILES / ".env.example").read_text(), re.M))
    given = {name for name in told if not name.startswith("POSTGRES_")}
    # What somebody sets in .env reaches the worker, its confirmation too; the image sets the port.
    assert given == listed - {"WEBHOOK_PORT"}


# In a fresh environment ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter") / "worker"
    starter.write_starter(folder)
    return folder


@pytest.fixture(scope="module")
def own_project(project: Path) -> Path:
    """The project for a table of one's own."""
    url = sqlite_app(project.parent, GOOD)
    starter.write_starter(project.parent / "own", url=url)
    return project.parent / "own"


@pytest.fixture(scope="module")
def python(project: Path) -> Path:
    """A fresh environment with the starter installed; it sees our libraries, since nothing may be fetched."""
    home = project.parent / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=project.parent).check_returncode()
    (packages,) = home.glob("lib/python*/site-packages")
    ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in ours]
    (packages / "ours.pth").write_text("".join(lines))
    fresh = home / "bin" / "python"
    assert run(fresh, "-c", "import directory_worker", cwd=project.parent).returncode == 1
    install = (fresh, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation")
    done = run(*install, "--disable-pip-version-check", project, cwd=project.parent)
    assert done.returncode == 0, done.stderr
    return fresh


def test_it_installs_with_all_it_needs(python, project):
    where = run(python, "-c", "import directory_worker; print(directory_worker.__file__)", cwd=project.parent)
    assert where.stdout.startswith(str(python.parents[1]))
    done = run(python, "-m", "pip", "check", "--disable-pip-version-check", cwd=project.parent)
    assert "directory-worker" not in done.stdout
    listed = run(python, "-m", "pip", "show", "directory-worker", cwd=project.parent).stdout
    assert "Requires: httpx2, sqlalchemy, workos" in listed


def test_its_own_tests_pass_with_a_table_of_your_own(python, own_project):
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # not with the plugins of our own tests
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=own_project, **alone)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = int(done.stdout.split(" passed")[0].split()[-1])
    assert passed >= 150
    assert "skipped" not in done.stdout


def test_whatever_an_event_holds_postgresql_keeps_it_too(python, project, postgres):
    """Also what SQLite takes and PostgreSQL refuses: NUL in a name, in an address, in an id."""
    variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    variables["TEST_DATABASE_URL"] = postgres.replace("postgresql:", "postgresql+psycopg:")
    options = ("-q", "-p", "no:cacheprovider", *ON_BOTH, "-k", "not shuffled")
    done = run(python, "-m", "pytest", *options, cwd=project, **variables)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = int(done.stdout.split(" passed")[0].split()[-1])
    assert passed >= 55
    (project / "tests" / "test_poison.py").write_text(NUL_IN_AN_EVENT)
    done = run(python, "-m", "pytest", *options[:3], "tests/test_poison.py", cwd=project, **variables)
    (project / "tests" / "test_poison.py").unlink()
    assert done.returncode == 0, done.stdout[-5000:]


ON_BOTH = ("tests/test_mirror.py", "tests/test_accounts.py", "tests/test_migrations.py")
NUL_IN_AN_EVENT = """
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from directory_worker.mirror import Mirror
from directory_worker.tables import Failed, User

from .test_mirror import event, inside

TEXT = [
    inside(first_name="a\\0b"),
    inside(email="\\0@acme.test"),
    inside(idp_id="\\0"),
    inside(directory_id="directory_\\0"),
    inside(user_id="\\0"),
    event("group.created", 1, name="Crew\\0"),
]
JSON = [{"deep": [{"a": "b\\0"}]}, {"\\0": 1}]


@pytest.mark.parametrize("poison", TEXT)
def test_in_a_text_it_is_kept_among_the_failed(engine, poison):
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        taken = [mirror.take(one) for one in (inside(2, user_id="before"), poison, inside(3))]
        session.commit()
    assert taken == [True, False, True]
    with Session(engine) as session:
        assert len(list(session.scalars(select(User.id)))) == 2
        (failed,) = session.scalars(select(Failed))
        assert failed.reason and failed.kept.isascii() and "\\0" not in failed.kept


@pytest.mark.parametrize("held", JSON)
def test_among_the_attributes_it_comes_back_as_it_is(engine, held):
    with Session(engine) as session:
        assert Mirror(session, "delete").take(inside(custom_attributes=held))
        session.commit()
    with Session(engine) as session:
        assert session.scalars(select(User)).one().custom_attributes == held
"""


def test_its_code_is_clean_by_its_own_strict_settings_with_a_table_of_your_own(python, own_project):
    for command in (
        ("mypy", "--cache-dir", own_project.parent / "mypy"),
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache"),
    ):
        done = run(python, "-m", *command, *(["."] if command[0] == "ruff" else []), cwd=own_project)
        assert done.returncode == 0, done.stdout + done.stderr


# A table of your own ------------------------------------------------------------------------------------

GOOD = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, idp_id TEXT, active BOOLEAN NOT NULL)"


def sqlite_app(folder: Path, *statements: str) -> str:
    with closing(sqlite3.connect(folder / "app.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return f"sqlite:///{folder / 'app.db'}"


def test_columns_are_recognised_by_their_names_and_held_against_what_stands_in_them(tmp_path):
    url = sqlite_app(
        tmp_path,
        "CREATE TABLE accounts (uid VARCHAR(36) PRIMARY KEY, EmailAddress VARCHAR(80) NOT NULL, FullName TEXT, "
        "external_id TEXT, organization_id INTEGER, isDisabled BOOLEAN, deletedAt TIMESTAMP, plan TEXT)",
        "INSERT INTO accounts VALUES ('1', 'ann@acme.test', 'Ann', 'x', 7, 0, NULL, 'gold')",
        "INSERT INTO accounts VALUES ('2', 'bob@acme.test', 'Bob', 'y', 7, 1, NULL, 'gold')",
    )
    own = read_own_table(url, defaults={"uid": "uuid4"})
    roles = {"key": "uid", "address": "EmailAddress", "name": "FullName", "active": "isDisabled"}
    assert own.roles == roles | {"deleted_at": "deletedAt"}
    assert (own.on, own.off, own.words) == (False, True, {False: True, True: False, None: True})
    assert "organization_id is not: it holds integer values" in own.notes[0]
    assert "idp_id, which no column was recognised as" in own.notes[1]  # external_id might be anybody's
    source = own.source()
    assert 'Column("EmailAddress", String(80), nullable=False)' in source
    assert 'defaults={"uid": lambda: str(uuid4())}' in source
    more = read_own_table(url, columns={"idp_id": "external_id", "name": ""}, defaults={"uid": "uuid4"})
    assert (more.roles["idp_id"], "name" in more.roles) == ("external_id", False)


def test_words_of_a_status_are_those_found_and_those_that_were_said(tmp_path):
    url = sqlite_app(
        tmp_path,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, status VARCHAR(10))",
        *(f"INSERT INTO users VALUES ({n}, 'u{n}@acme.test', '{w}')" for n, w in enumerate(WORDS)),
    )
    with pytest.raises(errors.ArgumentError, match="'on leave' .1.*--status-words 'on leave=on'"):
        read_own_table(url)
    own = read_own_table(url, status_words={"on leave": True, "Gone": False})
    assert (own.on, own.off) == ("ACTIVE", "Gone")
    assert own.words == {"active": True, "admin": True, "on leave": True, "gone": False}


WORDS = ("ACTIVE", "ACTIVE", "admin", "on leave", "Gone")
BAD: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "no key": (["CREATE TABLE users (email TEXT, active INT)"], {}, "has no key: .*--columns key="),
    "a key of two": (
        ["CREATE TABLE users (a INT, email TEXT UNIQUE, active INT, PRIMARY KEY (a, email))"],
        {},
        "has a key of 2 columns: .*key=email",
    ),
    "a doubled key": (
        [
            "CREATE TABLE users (n INT, email TEXT, active INT)",
            *["INSERT INTO users VALUES (7, 'a@b.test', 1)"] * 2,
        ],
        {"columns": {"key": "n"}},
        "1 rows have the n of another",
    ),
    "an empty key": (
        [
            "CREATE TABLE users (n INT, email TEXT, active INT)",
            "INSERT INTO users VALUES (NULL, 'a@b.test', 1)",
        ],
        {"columns": {"key": "n"}},
        "1 rows have none",
    ),
    "no address": (
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT, active INT)"],
        {},
        "recognised as address or idp_id; it has id, login, active. Say it: --columns address=",
    ),
    "two that may be it": (
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, mail TEXT, active INT)"],
        {},
        "2 columns that may be address: email, mail. Say which: --columns address=email",
    ),
    "an address that is none": (
        [
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, active INT)",
            "INSERT INTO users VALUES (1, 'ann', 1)",
        ],
        {},
        "most of its values are no addresses",
    ),
    "an address of another type": (
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, n INT, active INT)"],
        {"columns": {"address": "n"}},
        "cannot have n as address: it holds integer values, not text",
    ),
    "no status": (["CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)"], {}, "active or deleted_at"),
    "a status that is a time": (
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, active TIMESTAMP)"],
        {},
        "active is not: it holds time values",
    ),
    "a word nobody can write": (
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, status TEXT)"],
        {},
        "no row that shows how status says on: --status-words WORD=on",
    ),
    "a column that must be filled": (
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, active INT, plan TEXT NOT NULL)"],
        {},
        "needs plan in new rows, and nothing fills it: .*--defaults plan=VALUE",
    ),
    "a key that must be filled": (
        ["CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, active INT)"],
        {},
        "needs id in new rows.*--defaults id=uuid4",
    ),
    "a role that is none": ([GOOD], {"columns": {"adress": "email"}}, "adress"),
    "a column that is not there": (
        [GOOD],
        {"columns": {"address": "emial"}},
        "no column 'emial'; near it: 'email'",
    ),
    "a view": (
        [GOOD, "CREATE VIEW people AS SELECT * FROM users"],
        {"table": "people"},
        "cannot be written: .*it is a view",
    ),
    "no such table": ([GOOD], {"table": "peple"}, "peple"),
    "a read-only database": (
        [GOOD],
        {"query": "?mode=ro&uri=true"},
        "cannot be written: attempt to write a readonly",
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_recognised_is_asked_for_and_nothing_is_written(tmp_path, bad):
    statements, settings, message = bad
    url = sqlite_app(tmp_path, *statements)
    settings, before = dict(settings), (tmp_path / "app.db").read_bytes()
    if query := settings.pop("query", ""):
        url = url.replace("sqlite:///", "sqlite:///file:") + query
    with pytest.raises((errors.ArgumentError, errors.ConfigurationError), match=message):
        starter.write_starter(tmp_path / "worker", url=url, **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["app.db"]
    assert (tmp_path / "app.db").read_bytes() == before


def test_a_file_that_nobody_may_write_and_one_that_is_not_there_are_said(tmp_path):
    url = sqlite_app(tmp_path, GOOD)
    (tmp_path / "app.db").chmod(0o444)
    with pytest.raises(errors.ConfigurationError, match="the file is read-only"):
        read_own_table(url)
    with pytest.raises(errors.ConfigurationError, match="no database file"):
        read_own_table(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(errors.ArgumentError, match="url= says"):
        starter.write_starter(tmp_path / "worker", table="users")
    assert not (tmp_path / "worker").exists()


def test_the_command_asks_and_tells_what_it_recognised(tmp_path, capsys):
    url = sqlite_app(tmp_path, GOOD.replace("email", "login"))
    command = ["starter", str(tmp_path / "worker"), "--table", "users"]
    for more, message in (
        ([], "--url says in which database"),
        (["--url", url, "--columns", "address"], "'address' is followed by = and VALUE"),
        (["--url", url, "--status-words", "on leave=yes"], "'on leave' is followed by = and off or on"),
        (["--url", url, "--columns", "idp_id=,active=active"], "--columns address=COLUMN"),
    ):
        assert main(command + more) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "worker").exists()
    assert main([*command, "--url", url, "--columns", "address=login"]) == 0
    told = capsys.readouterr().out
    assert "users: key is id, address is login, idp_id is idp_id, active is active." in told
    assert "Left alone: organization" in told
    assert f"APP_DATABASE_URL={url}\n" in (tmp_path / "worker" / ".env.example").read_text()


def test_an_address_with_a_password_is_not_written_down():
    assert own_table._shown(sqlalchemy.make_url("postgresql://app:CANARY@host/app")) == ""


@pytest.fixture
def pg_app(postgres: str) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:

        def run_all(*texts: str) -> None:
            for text in texts:
                connection.execute(sqlalchemy.text(text))

        run_all("DROP SCHEMA IF EXISTS shop CASCADE", "CREATE SCHEMA shop")
        yield run_all
        run_all("DROP SCHEMA shop CASCADE")
    engine.dispose()


def test_who_may_not_write_to_postgresql_is_told_before_anything_is_written(tmp_path, pg_app, postgres):
    pg_app(
        GOOD.replace("users", "shop.users").replace("INTEGER", "SERIAL"),
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
    )
    pg_app("GRANT USAGE ON SCHEMA shop TO reader", "GRANT SELECT ON shop.users TO reader")
    for url, message in (
        (postgres.replace("app:hunter2", "reader"), "this user may not insert and update"),
        (postgres + "&options=-c%20default_transaction_read_only=on", "the database takes no changes"),
    ):
        with pytest.raises(errors.ConfigurationError, match=message):
            starter.write_starter(tmp_path / "worker", url=url, table="shop.users")
    pg_app("DROP OWNED BY reader", "DROP ROLE reader")
    assert not list(tmp_path.iterdir())
    own = read_own_table(postgres, "shop.users")
    assert own.url == ""  # there was a password
    assert 'MetaData(schema="shop")' in own.source()


# For real -----------------------------------------------------------------------------------------------


class Desk:
    """The installed worker beside a sandbox, and what we ourselves know of the same sandbox."""

    def __init__(self, python: Path, sandbox: Sandbox, folder: Path) -> None:
        self.python, self.sandbox, self.folder = python, sandbox, folder
        self.url = f"sqlite:///{folder / 'directory.db'}"
        transport = ds.connect(sandbox.api_key, base_url=sandbox.url, pacer=Pacer.unlimited())
        self.client = transport
        self.home = str(sandbox.truth.directories()[0]["id"])
        self.variables = {
            "WORKOS_API_KEY": sandbox.api_key,
            "WORKOS_BASE_URL": sandbox.url,
            "DATABASE_URL": self.url,
            "USERS_PER_SECOND": "100000",
            "INACTIVE_USERS": sandbox.inactive_policy,
            "POLL_SECONDS": "0.02",
        }

    def once(self) -> None:
        done = run(self.python, "-m", "directory_worker", "--once", cwd=self.folder, **self.variables)
        assert done.returncode == 0, done.stderr

    def start(self) -> subprocess.Popen[bytes]:
        command, environment = [self.python, "-m", "directory_worker"], {**FRESH, **self.variables}
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.DEVNULL)

    def table(self, name: str) -> pd.DataFrame:
        return load_app_users(self.url, table=name)

    def check(self) -> None:
        """Hold every table against what our own loaders say."""
        people, now = self.table("users").set_index("id"), take_snapshot(self.client)
        here = people[people["present"]].sort_index()
        theirs = now.users.sort_index()
        assert list(here.index) == list(theirs.index)
        for column in ("email", "name", "first_name", "last_name", "idp_id", "directory_id", "organization_id"):
            assert _plain(here[column]) == _plain(theirs[column])
        assert _plain(here["status"]) == _plain(theirs["state"].astype(object))
        assert list(here["roles"]) == [list(roles) for roles in theirs["roles"]]
        for ours, record in zip(here["custom_attributes"], theirs["custom_attributes"], strict=True):
            assert _filled(ours) == _filled(record)
        groups = self.table("groups")
        names = groups[groups["present"]].set_index("id")["name"]
        assert names.sort_index().to_dict() == now.groups["name"].sort_index().to_dict()
        pairs = self.table("memberships").query("present")
        assert _pairs(pairs) == _pairs(now.memberships)
        homes = self.table("directories").query("present").set_index("id")["state"]
        assert homes.to_dict() == now.directories["state"].astype(object).to_dict()


def _plain(column: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in column]


def _filled(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes without those that are null: between null and absent no event is sent."""
    return {name: value for name, value in attributes.items() if value is not None}


def _pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["user_id"], frame["group_id"], strict=True))


@pytest.fixture
def desk(python: Path, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**settings: Any) -> Desk:
        desks.append(Desk(python, Sandbox(**settings).start(), tmp_path))
        return desks[-1]

    yield make
    for one in desks:
        one.client.close()
        one.sandbox.stop()


def _until(true: Callable[[], Any], seconds: float = 60) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        pause.wait(0.02)
    pytest.fail("it has not come to pass")


def _a_day(sandbox: Sandbox, home: str, number: int) -> None:
    """Let people join, leave, move and return, and groups begin and end: events of every kind."""
    users = [one["id"] for one in sandbox.truth.users(home) if one["state"] == "active"]
    groups = [one["id"] for one in sandbox.truth.groups(home)]
    crew = sandbox.add_group(home, name=f"Crew {number}", role="admin")
    joiner = sandbox.add_user(home, email=f"j{number}@acme.test", first_name="Jo", last_name=f"Nr {number}")
    for user in (joiner, *users[:4]):
        sandbox.add_member(crew, user)
    sandbox.update_user(users[0], last_name=f"N{number}", custom_attributes={"department_name": f"D{number}"})
    sandbox.deactivate_user(users[1])
    sandbox.reactivate_user(users[1])
    sandbox.deactivate_user(users[2])
    sandbox.delete_user(users[3])
    sandbox.remove_member(crew, users[0])
    sandbox.rename_group(groups[0], f"Renamed {number}")
    sandbox.delete_group(groups[1])


@pytest.mark.parametrize("policy", ["delete", "keep"])
def test_its_tables_are_what_our_own_loaders_say_run_after_run(desk, policy):
    one = desk(users=60, inactive_policy=policy)
    one.once()
    one.check()
    before = take_snapshot(one.client, inactive_policy=policy)
    for number in range(2):
        _a_day(one.sandbox, one.home, number)
    one.sandbox.delete_directory(one.sandbox.truth.directories()[1]["id"])
    asked = len(one.sandbox.requests)
    one.once()
    assert {path for _, path, _ in one.sandbox.requests[asked:]} == {"/events"}
    one.check()
    state = sync.replay(ds.load_events(one.client), base=before, inactive_policy=policy)
    lifecycles = state.people()["lifecycle"].astype(object)
    statuses = one.table("users").set_index("id")["status"]
    # Whoever is here again under a new id, our own replay calls removed; the worker leaves them retained.
    returned = lifecycles[(lifecycles == "removed") & (statuses.reindex(lifecycles.index) == "retained")]
    assert len(returned) == (2 if policy == "delete" else 0)
    assert statuses.drop(returned.index).to_dict() == lifecycles.drop(returned.index).to_dict()


def test_killed_in_the_middle_rows_and_place_agree_and_nothing_is_lost(desk):
    one = desk(world="okta", users=60)
    one.once()
    for number in range(250):
        one.sandbox.add_user(one.home, email=f"p{number}@acme.test")
    fault = one.sandbox.faults.add("slow", path="/events", skip=2, seconds=60)
    worker = one.start()
    _until(lambda: fault.fired)  # two pages are in; it waits for the third
    worker.kill()
    worker.wait(60)
    one.sandbox.faults.clear()
    here = one.table("users").query("present")
    assert len(here) == 260
    events = ds.load_events(one.client, events="dsync.user.created")
    assert here["id"].iloc[-1] in set(events["user_id"])
    place = one.table("place")["cursor"].iloc[0]
    assert events.loc[place, "user_id"] in set(here["id"])
    assert set(events["user_id"][list(events.index).index(place) + 1 :]).isdisjoint(here["id"])
    one.once()
    one.check()


def test_killed_again_and_again_while_things_happen_it_ends_right(desk):
    one = desk(world="okta", users=60)
    for number in range(3):
        worker = one.start()
        asked = len(one.sandbox.requests)
        _until(lambda before=asked + 3 * number: len(one.sandbox.requests) > before)
        _a_day(one.sandbox, one.home, number)
        worker.kill()
        worker.wait(60)
    one.once()
    one.check()


# The sample app's table on each database; a type that only PostgreSQL has included.
ON_POSTGRESQL = (
    "CREATE TYPE shop.mood AS ENUM ('active', 'inactive', 'unknown')",
    "CREATE TABLE shop.people (id BIGSERIAL PRIMARY KEY, email VARCHAR(200), name TEXT, idp_id TEXT, "
    "org_id TEXT, department TEXT, active shop.mood NOT NULL, deleted_at TIMESTAMPTZ)",
)


def _own_app(one: Desk, kind: str, request: Any) -> tuple[str, str | None]:
    """Make the sample app, in a file or in PostgreSQL; give its address and table."""
    path = ds.write_sample_app(take_snapshot(one.client).users, one.folder / "app.db")
    if kind == "sqlite":
        return f"sqlite:///{path}", None
    request.getfixturevalue("pg_app")(*ON_POSTGRESQL)
    url = request.getfixturevalue("postgres")
    rows = load_app_users(f"sqlite:///{path}").drop(columns="id")
    rows["active"] = rows["active"].map({1: "active", 0: "inactive"})
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        table = sqlalchemy.Table("people", sqlalchemy.MetaData(), schema="shop", autoload_with=connection)
        connection.execute(table.insert(), rows.astype(object).where(rows.notna(), None).to_dict("records"))
    engine.dispose()
    return url, "shop.people"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_after_it_ran_nothing_is_left_to_do_in_a_table_of_your_own(desk, tmp_path, kind, request):
    one = desk(world="okta", users=60)
    url, table = _own_app(one, kind, request)
    starter.write_starter(tmp_path / "worker", url=url, table=table)
    one.folder, one.variables = (
        tmp_path / "worker",
        one.variables | {"APP_DATABASE_URL": url, "LOCAL_ACCOUNTS": "off"},
    )
    before = load_app_users(url, table=table).set_index("id")

    def left() -> dict[str, int]:
        plan = ds.compare(take_snapshot(one.client), load_app_users(url, table=table), guard=None, **COMPARED)
        unclear = plan["cannot_compare"]["reason"]
        assert set(unclear) <= {"2 rows of the app are this person"}
        return {name: count for name, count in plan.counts.items() if count and name != "tombstone"}

    assert min(left().get(name, 0) for name in ("create", "update", "deactivate")) > 0
    one.once()
    assert left() == {"cannot_compare": 2}  # the person whom the sample has twice
    after = load_app_users(url, table=table).set_index("id")
    assert set(before.index) < set(after.index)
    assert after["department"].reindex(before.index).equals(before["department"])  # which it does not know
    if kind == "sqlite":
        return
    _a_day(one.sandbox, one.home, 1)
    assert left() != {"cannot_compare": 2}
    one.once()
    assert left() == {"cannot_compare": 2}


COMPARED: dict[str, Any] = {
    "on": ["idp_id", "email"],
    "fields": {"name": "name", "org_id": "organization_id"},
    "active": "active",
}
