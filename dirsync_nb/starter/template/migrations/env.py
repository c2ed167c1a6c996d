"""Migrations of the worker's own tables, in one transaction; your own table is not theirs."""

from __future__ import annotations

import os

from alembic import context

from directory_worker.config import Config
from directory_worker.tables import Base, open_database

url = context.config.attributes.get("url") or os.environ.get("DATABASE_URL", "").strip()
engine = open_database(url or Config.database_url)
names = Base.metadata.tables.keys()
with engine.begin() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=lambda name, kind, _: kind != "table" or name in names,
        render_as_batch=True,  # SQLite cannot change a column in place
    )
    context.run_migrations()
engine.dispose()
