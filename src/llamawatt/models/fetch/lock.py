"""One process at a time for a file to be fetched; the lock dies with its process."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL_S = 0.1

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the operating system's lock on `TARGET.lock`, waiting for whoever has it.

    The lock's file stays: to remove it would let two hold "the" lock, one on a file without name.
    """
    with target.with_name(f"{target.name}.lock").open("ab") as file:
        while True:
            try:
                _take(file)
                break
            except OSError:
                time.sleep(POLL_S)
        yield
