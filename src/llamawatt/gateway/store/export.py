"""Every request kept, as CSV or Parquet."""

import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.gateway.store.rows import COLUMNS
from llamawatt.host.atomic_file import whole_file

BATCH_ROWS = 10_000
SUFFIXES = (".csv", ".parquet")


def export(connection: sqlite3.Connection, target: Path) -> int:
    """Write every request to a file, by its suffix. Returns how many.

    Raises:
        UsageError: the suffix is neither, or the file cannot be written.
    """
    if target.suffix not in SUFFIXES:
        raise UsageError(f"{target} is neither CSV nor Parquet.", "End it in .csv or .parquet.")
    write = _write_csv if target.suffix == ".csv" else _write_parquet

    def failed(why: str) -> UsageError:
        return UsageError(f"{target} cannot be written ({why}).")

    with whole_file(target, failed) as part:
        return write(connection, part)


def _batches(connection: sqlite3.Connection) -> Iterator[list[tuple[object, ...]]]:
    rows = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM requests ORDER BY finished_at"  # noqa: S608
    )
    while batch := rows.fetchmany(BATCH_ROWS):
        yield batch


def _write_csv(connection: sqlite3.Connection, path: Path) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for batch in _batches(connection):
            writer.writerows(batch)
            n_rows += len(batch)
    return n_rows


def _write_parquet(connection: sqlite3.Connection, path: Path) -> int:
    import pyarrow as pa  # noqa: PLC0415  (heavy, and only this needs it)
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}
    told = connection.execute("PRAGMA table_info(requests)").fetchall()
    kinds = {name: types[kind] for _, name, kind, *_ in told}
    schema = pa.schema([(name, kinds[name]) for name in COLUMNS])
    n_rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(connection):
            columns = [
                pa.array(values, kinds[n])
                for n, values in zip(COLUMNS, zip(*batch, strict=True), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            n_rows += len(batch)
    return n_rows
