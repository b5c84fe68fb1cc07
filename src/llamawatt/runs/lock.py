"""One writer at a time for a run directory; the lock dies with its process."""

import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from llamawatt.core.errors import RunDirectoryError

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """Holds `run.lock` of a directory, by the operating system's own file lock.

    Raises:
        RunDirectoryError: another process holds it, or the directory cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = (folder / "run.lock").open("ab")
        except OSError as error:
            raise RunDirectoryError(
                f"Could not write to {folder} ({error.strerror or error}).",
                "Choose another directory with --out, or one that you may write with --resume.",
            ) from error
        try:
            _take(self._file)
        except OSError as error:
            self._file.close()
            raise RunDirectoryError(
                f"Another llamawatt is writing to {folder}.",
                "Wait for it to end, or choose another directory with --out.",
            ) from error

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        self._file.close()
