"""Writes finished requests from one thread; a full disk delays them and loses none in memory."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from llamawatt.core.errors import UsageError
from llamawatt.gateway.store.migrations import migrate
from llamawatt.gateway.store.rows import UPSERT, RequestRow

RETRY_S = 2.0
KEPT_ROWS = 100_000
"""Rows that wait in memory while nothing can be written; the oldest go first beyond that."""
BUSY_S = 5.0
Done = Callable[[], None]


def open_database(path: Path) -> sqlite3.Connection:
    """Open a database and bring it up to date.

    Raises:
        UsageError: it cannot be opened, is no database, or is newer.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False)
        connection.isolation_level = None
        # A commit survives the death of this process; of the last ones, none a loss of power.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        migrate(connection)
    except (OSError, sqlite3.Error) as error:
        raise UsageError(
            f"The database {path} cannot be used ({error}).",
            "Name another with `database` in the configuration, or make room.",
        ) from error
    return connection


def lock_database(path: Path) -> FileLock:
    """Take a database for this gateway alone; two would count the same joules twice.

    Raises:
        UsageError: another gateway has it.
    """
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"Another gateway uses the database {path}.",
            "End it first, or name another `database` in the configuration.",
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error
    return lock


class Writer:
    """Keeps rows in a database.

    Args:
        path: The database.

    Raises:
        UsageError: it cannot be opened, or another gateway uses it.
    """

    def __init__(self, path: Path) -> None:
        self._lock = lock_database(path)
        try:
            self._connection = open_database(path)
        except UsageError:
            self._lock.release()
            raise
        self._waiting: deque[tuple[RequestRow, Done | None]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self.trouble = ""
        """Why nothing can be written now; empty while all is well."""
        self.n_lost = 0
        self._thread = threading.Thread(target=self._run, name="llamawatt-store", daemon=True)
        self._thread.start()

    def put(self, row: RequestRow, done: Done | None = None) -> None:
        """Have a row written, over one of the same request.

        Args:
            row: The row.
            done: Called from the writing thread once it is kept, or cannot be for now.
        """
        with self._wake:
            if len(self._waiting) >= KEPT_ROWS:
                self._waiting.popleft()
                self.n_lost += 1
            self._waiting.append((row, done))
            self._wake.notify()

    def waiting_row(self, request_id: str) -> RequestRow | None:
        """Return a row that is not written yet."""
        with self._wake:
            found = (row for row, _ in reversed(self._waiting) if row.request_id == request_id)
            return next(found, None)

    @property
    def n_waiting(self) -> int:
        """Number of rows that are not written yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Write what waits, and end."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(2 * BUSY_S)
        with closing(self._connection):
            self._lock.release()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._stopping:
                    self._wake.wait()
                rows = list(self._waiting)
            if rows:
                self._write(rows)
            if self._stopping and (not self._waiting or self.trouble):
                return

    def _write(self, rows: Sequence[tuple[RequestRow, Done | None]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(UPSERT, [row.values() for row, _ in rows])
            self._connection.execute("COMMIT")
            self.trouble = ""
        except sqlite3.Error as error:
            self.trouble = f"The energy of answers cannot be written ({error})."
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        for _, done in rows:
            if done is not None:
                done()
        with self._wake:
            if self.trouble:
                # Nobody waits for these any more, and they are tried again.
                tried = {id(row) for row, _ in rows}
                self._waiting = deque(
                    (row, None if id(row) in tried else done) for row, done in self._waiting
                )
                if not self._stopping:
                    self._wake.wait(RETRY_S)
            else:
                for _ in range(min(len(rows), len(self._waiting))):
                    self._waiting.popleft()
