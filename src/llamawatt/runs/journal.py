"""An append-only file of JSON lines that survives a kill at any instant."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from llamawatt.core.errors import RunDirectoryError
from llamawatt.host.atomic_file import sync, whole_file


def read_lines(path: Path) -> tuple[list[bytes], str]:
    """Return the whole lines of a journal, and a warning if its end was torn.

    A line is whole when it ends in a newline: the newline is written last. A missing file is an
    empty journal.

    Raises:
        RunDirectoryError: it cannot be read.
    """
    if not path.exists():
        return [], ""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunDirectoryError(f"Could not read {path} ({error.strerror or error}).") from error
    whole, newline, torn = data.rpartition(b"\n")
    lines = [line for line in whole.split(b"\n") if line.strip()] if newline else []
    if torn.strip():
        return lines, f"{path.name} ends in a half-written line of {len(torn)} bytes; left out."
    return lines, ""


def parse_objects(lines: Iterable[bytes], where: str) -> list[dict[str, object]]:
    """Parse lines as JSON objects, to find the broken one.

    Raises:
        RunDirectoryError: naming the first line that is not a JSON object.
    """
    parsed = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise RunDirectoryError(f"{where}:{number} is not valid JSON ({error}).") from error
        if not isinstance(value, dict):
            raise RunDirectoryError(f"{where}:{number} is not a JSON object.")
        parsed.append(value)
    return parsed


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
