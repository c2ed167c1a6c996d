"""Onward: a fleet for DuckDB, for warehouses, and for whoever asks what its columns are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..files import Room, read_table, replacing
from ..frames import describe_columns
from .dataset import DIRECTORIES_FILE, ORGANIZATIONS_FILE, TABLES, arrow_schema, part_of

__all__ = ["connect_duckdb", "parquet_schema", "write_tables"]

GROUP_ROWS = 100_000  # of a row group in a file for warehouses


def parquet_schema() -> pd.DataFrame:
    """Return what the Parquet files of a fleet hold: a row for each table and column.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``table`` and ``column``: ``type`` in Parquet, and ``meaning``. A text that holds what a
        record nests is JSON; lists stand under the key ``v`` there.

    Examples
    --------
    >>> ds.fleet.parquet_schema().loc[("memberships", "user_id"), "type"]
    'string'
    """
    meanings = describe_columns()["meaning"]
    rows = [
        (table, field.name, str(field.type), meanings.get((table, field.name), ""))
        for table in TABLES
        for field in arrow_schema(table)
    ]
    frame = pd.DataFrame(rows, columns=["table", "column", "type", "meaning"], dtype="str")
    return frame.set_index(["table", "column"])


def connect_duckdb(folder: Path, directory_ids: Sequence[str], database: str | Path) -> Any:
    """Return a DuckDB connection with a view for each table, see :meth:`Fleet.duckdb`."""
    try:
        import duckdb
    except ImportError:
        raise errors.MissingExtra("fleet.duckdb() needs DuckDB: pip install duckdb") from None
    import pyarrow as pa

    try:
        connection = duckdb.connect(str(database))
    except duckdb.Error as problem:
        raise errors.ArgumentError(
            f"database is a path for DuckDB, of a file it wrote or of none: {problem}"
        ) from None
    for table in TABLES:
        files = [_quoted(part_of(folder, table, one)) for one in directory_ids]
        if files:
            connection.execute(f"create or replace view {table} as from read_parquet([{', '.join(files)}])")
        else:
            connection.register(table, pa.table(arrow_schema(table).empty_table()))
    for table, file in (("directories", DIRECTORIES_FILE), ("organizations", ORGANIZATIONS_FILE)):
        if (folder / file).exists():
            source = _quoted(folder / file)
            connection.execute(f"create or replace view {table} as from read_parquet({source})")
    return connection


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def write_tables(folder: Path, directory_ids: Sequence[str], to: str | Path) -> dict[str, Path]:
    """Write one Parquet file for each table, see :meth:`Fleet.write_tables`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = Path(to)
    target.mkdir(parents=True, exist_ok=True)
    written = {table: target / f"{table}.parquet" for table in TABLES}
    for table, path in written.items():
        with replacing(path) as temporary:
            schema = arrow_schema(table)
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                held: list[Any] = []
                for one in directory_ids:
                    held.append(read_table(part_of(folder, table, one), Room()).cast(schema))
                    if sum(part.num_rows for part in held) >= GROUP_ROWS:
                        writer.write_table(pa.concat_tables(held))
                        held = []
                writer.write_table(pa.concat_tables([*held, schema.empty_table()]))
    for file in (DIRECTORIES_FILE, ORGANIZATIONS_FILE):
        if (folder / file).exists():
            written[file.partition(".")[0]] = Path(shutil.copy(folder / file, target / file))
    return written
