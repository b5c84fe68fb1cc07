"""One writer at a time for a run directory; the lock dies with its process."""

from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from llamawatt.core.errors import RunDirectoryError


def lock_run(folder: Path) -> BaseFileLock:
    """Take `run.lock` of a directory. Release it when done.

    Raises:
        RunDirectoryError: another process holds it, or the directory cannot be written.
    """
    # Not of this thread alone: whoever closes the run may be another one.
    lock = FileLock(folder / "run.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunDirectoryError(
            f"Another llamawatt is writing to {folder}.",
            "Wait for it to end, or choose another directory with --out.",
        ) from error
    except OSError as error:
        raise RunDirectoryError(
            f"Could not write to {folder} ({error.strerror or error}).",
            "Choose another directory with --out, or one that you may write with --resume.",
        ) from error
    return lock
