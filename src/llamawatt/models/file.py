"""A model file that is there, and the checks that make it one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.errors import ModelError

Progress = Callable[[str, int, int | None], None]
"""Hears what is fetched or made, bytes so far, and bytes in all where known."""
MAGIC = b"GGUF"
BEFORE_GGUF = {b"lmgg", b"fmgg", b"tjgg", b"algg"}
"""Starts of ggml, ggmf, ggjt and ggla files, as they lie on the disk."""
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF on this machine.

    Attributes:
        path: Where it is.
        name: Short name for tables.
        source: Where it came from, as the user may name it again.
        sha256: Its hash, where it was verified already; None when not yet known.
    """

    path: Path
    name: str
    source: str
    sha256: str | None = None


def require_gguf(path: Path) -> None:
    """Check that a path is a GGUF, by its first bytes.

    Raises:
        ModelError: it is missing, empty or something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder, not a model.", "Name the .gguf file.") from error
    except OSError as error:
        raise ModelError(
            f"The model {path} cannot be read ({error.strerror}).",
            "Name a .gguf file, or a model that `llamawatt model list` shows.",
        ) from error
    if start in BEFORE_GGUF:
        raise ModelError(
            f"{path} is of the GGML format of before August 2023, which llama.cpp no longer reads.",
            "Fetch a newer file of this model, or convert its original again.",
        )
    if start != MAGIC:
        raise ModelError(
            f"{path} is no GGUF: it begins with {start!r}.",
            "Name a .gguf file; other formats must be converted with llama.cpp first.",
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
