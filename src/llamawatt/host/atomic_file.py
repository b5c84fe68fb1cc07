"""A file gets its real name when it is whole, and not before."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llamawatt.core.errors import ModelError


def unheard(name: str, done_bytes: int, total_bytes: int | None) -> None:
    """Be a progress that nobody watches."""


@contextmanager
def landing(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to; it is renamed at the end, or thrown away.

    Raises:
        ModelError: the disk refuses.
    """
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(target)
    except OSError as error:
        raise ModelError(
            f"{target} could not be written ({error.strerror or error}).",
            "Check the folder and its free space.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
