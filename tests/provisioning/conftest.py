"""Databases of an app, in SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3

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
