"""A file gets its real name when it is whole, and not before."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(
    target: Path, failed: Callable[[str], Exception], *, durable: bool = False
) -> Iterator[Path]:
    """Give a path beside `target` to write to; it is renamed at the end, or thrown away.

    Args:
        target: The file; its folder is made.
        failed: Makes the error to raise from what the system says.
        durable: Whether it must be on the disk, and not only in the system's memory, afterwards.
    """
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if durable:
            sync(part)
        part.replace(target)
        if durable:
            sync(target.parent)
    except OSError as error:
        raise failed(error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def sync(path: Path) -> None:
    """Flush a file, or where the system lets one a folder's own entries, to the disk."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
