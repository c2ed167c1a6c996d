"""The migrations lead to the tables that the code has. They need the extra ``migrations``."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from directory_worker.tables import Base, make_tables

pytest.importorskip("alembic", reason='pip install -e ".[migrations]"')

from alembic.autogenerate import compare_metadata
from alembic.command import downgrade, upgrade
from alembic.config import Config
from alembic.migration import MigrationContext

ROOT = Path(__file__).parents[1]


def test_from_an_empty_database_they_lead_to_the_tables_of_the_code_and_back(engine: Engine) -> None:
    Base.metadata.drop_all(engine)
    config = Config(str(ROOT / "alembic.ini"))
    config.attributes["url"] = engine.url.render_as_string(hide_password=False)
    upgrade(config, "head")
    with engine.connect() as connection:
        ours = {"include_name": lambda name, kind, _: kind != "table" or name in Base.metadata.tables}
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), Base.metadata) == []
    make_tables(engine)  # has nothing to refuse, and nothing to add
    downgrade(config, "base")
    assert not set(inspect(engine).get_table_names()) & Base.metadata.tables.keys()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
