"""The schema of the database, version by version. A file is brought up to date when opened."""

import sqlite3

from llamawatt.core.errors import UsageError

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE requests (
      request_id TEXT PRIMARY KEY,
      finished_at REAL NOT NULL,
      day TEXT NOT NULL,
      model TEXT NOT NULL,
      target TEXT NOT NULL,
      key TEXT NOT NULL,
      path TEXT NOT NULL,
      status INTEGER NOT NULL,
      n_prompt INTEGER,
      n_generated INTEGER,
      duration_s REAL NOT NULL,
      ttft_s REAL,
      energy_j REAL,
      above_idle_j REAL,
      uncertainty_j REAL,
      window_j REAL,
      method TEXT NOT NULL,
      modelled INTEGER NOT NULL,
      shared_with INTEGER NOT NULL,
      settled INTEGER NOT NULL,
      reason TEXT NOT NULL,
      decision TEXT NOT NULL,
      prompt TEXT
    ) STRICT;
    CREATE INDEX requests_by_day ON requests (day, model, key);
    """,
)
"""Each brings a file from its place in this list to the next; landed ones never change."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to date.

    Raises:
        UsageError: a newer llamawatt wrote it.
        sqlite3.Error: it cannot be read or written.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise UsageError(
            f"The database is of version {version}; this llamawatt knows up to {len(MIGRATIONS)}.",
            "Use the llamawatt that wrote it, or a newer one.",
        )
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(
            f"BEGIN IMMEDIATE;{MIGRATIONS[number]};PRAGMA user_version = {number + 1};COMMIT;"
        )
