"""An append-only file of JSON lines that survives a kill at any instant."""

import os
from collections.abc import Iterator
from pathlib import Path

from llamawatt.core.errors import RunDirectoryError
from llamawatt.host.atomic_file import sync, whole_file

PIECE_BYTES = 4 << 20
"""Journals are read in pieces of about this size."""

MOST_BYTES = 64 << 20
"""A line, or a file that is read whole, is refused beyond this."""


def read_whole(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises:
        RunDirectoryError: it cannot be read, or is too large to be what it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise RunDirectoryError(f"Could not read {path} ({error.strerror or error}).") from error
    if len(data) > most_bytes:
        raise RunDirectoryError(f"{path} is larger than {most_bytes >> 20} MiB, so it is not read.")
    return data


def pieces(path: Path, warnings: list[str]) -> Iterator[tuple[int, bytes]]:
    """Yield a journal in pieces of whole lines, each with the number of its first line.

    A line is whole when it ends in a newline: the newline is written last. A missing file is an
    empty journal.

    Args:
        path: The file.
        warnings: Gets a sentence if the end was torn off.

    Raises:
        RunDirectoryError: it cannot be read, or a line has no end.
    """
    number = 1
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES) + file.readline(MOST_BYTES):
                whole, newline, torn = piece.rpartition(b"\n")
                n_lines = whole.count(newline) + 1 if newline else 0
                if len(torn) >= MOST_BYTES:
                    raise RunDirectoryError(
                        f"{path}:{number + n_lines} is longer than {MOST_BYTES >> 20} MiB."
                    )
                if torn.strip():
                    warnings.append(
                        f"{path.name} ends in a half-written line of {len(torn)} bytes; left out."
                    )
                if newline:
                    yield number, whole + newline
                number += n_lines
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunDirectoryError(f"Could not read {path} ({error.strerror or error}).") from error


class Journal:
    """Appends lines; each is on the disk when `append` returns.

    Opening mends a torn end: the half line is moved to `<name>.torn`, so nothing is thrown away.

    Raises:
        RunDirectoryError: it cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            _mend(path)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise RunDirectoryError(
                f"Could not write {path} ({error.strerror or error}).",
                "Make room and see that you may write there, then try again.",
            ) from error
        sync(path.parent)

    def append(self, line: bytes) -> None:
        """Write one line (newline included) and flush it to the disk.

        Raises:
            RunDirectoryError: the disk is full or gone; the journal is as it was before.
        """
        start = self._file.seek(0, os.SEEK_END)
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, "only part of the line could be written")
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(start)
            raise RunDirectoryError(
                f"Could not write {self._path} ({error.strerror or error}); "
                "every earlier trial is safe.",
                "Free disk space, then go on with --resume.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is either the old one or the new one, never half.

    Raises:
        RunDirectoryError: it could not be written.
    """

    def failed(why: str) -> RunDirectoryError:
        return RunDirectoryError(
            f"Could not write {path} ({why}).", "Free disk space and try again."
        )

    with whole_file(path, failed, durable=True) as part:
        part.write_bytes(data)


def _mend(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end == len(data):
        return
    with path.with_name(path.name + ".torn").open("ab") as torn:
        torn.write(data[end:] + b"\n")
    with path.open("r+b") as file:
        file.truncate(end)
        os.fsync(file.fileno())
