"""Databases of an app, in SQLite and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

ROWS = [(1, "p0@x.example", "P0", 1), (2, "P1@x.example", "Old", 1), (3, "gone@x.example", "Gone", 0)]


@pytest.fixture
def sqlite_url(tmp_path) -> str:
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("CREATE TABLE users (id INTEGER, email TEXT, name TEXT, active INTEGER)")
        connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", ROWS)
    connection.close()
    return f"sqlite:///{tmp_path / 'app.db'}"


def server_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    return Path(found[-1]).resolve().parent if found[-1] else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own on a socket, gone afterwards."""
    programs = server_programs()
    if programs is None:
        if os.environ.get("DIRSYNC_NEED_POSTGRES"):
            pytest.fail(
                "DIRSYNC_NEED_POSTGRES is set and there is no PostgreSQL server: apt-get install postgresql"
            )
        pytest.skip("no PostgreSQL server on this machine (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="dirsync-pg-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        who = {"user": "nobody"}
        shutil.chown(folder, "nobody")
    data = folder / "data"
    quiet: dict[str, Any] = {"check": True, "capture_output": True, "timeout": 60, "cwd": folder, **who}
    subprocess.run([programs / "initdb", "-D", data, "-U", "app", "-A", "trust", "-N"], **quiet)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = [programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    quiet |= {"capture_output": False, "stdout": subprocess.DEVNULL}  # the server would keep a pipe open
    subprocess.run([*control, "-o", options, "start"], **quiet)
    try:
        yield f"postgresql://app:hunter2@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres) -> str:
    engine = sa.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.pool.NullPool
    )
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS crm"))
        for table in ("users", "crm.users"):
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {table}"))
            connection.execute(sa.text(f"CREATE TABLE {table} (id INT, email TEXT, name TEXT, active INT)"))
            for row in ROWS:
                values = dict(zip("abcd", row, strict=True))
                connection.execute(sa.text(f"INSERT INTO {table} VALUES (:a, :b, :c, :d)"), values)
    engine.dispose()
    return postgres


@pytest.fixture(params=["sqlite", "postgres"])
def url(request) -> str:
    return request.getfixturevalue(f"{request.param}_url")
