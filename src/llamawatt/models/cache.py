"""Where fetched models and what is known of files are kept."""

import hashlib
import json
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from platformdirs import user_cache_path

from llamawatt.core.errors import ModelError
from llamawatt.host.atomic_file import whole_file
from llamawatt.models.file import sha256_of

SPARE_BYTES = 64 * 1024 * 1024
"""Disk space that a download leaves free."""


def cache_folder() -> Path:
    """Return llamawatt's cache folder, made if it is not there.

    LLAMAWATT_CACHE, else the platform's custom (XDG_CACHE_HOME, ~/Library/Caches, LOCALAPPDATA).
    """
    named = os.environ.get("LLAMAWATT_CACHE")
    folder = Path(named) if named else user_cache_path("llamawatt", appauthor=False, opinion=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"The cache folder {folder} cannot be made ({error.strerror}).",
            "Name another one in LLAMAWATT_CACHE.",
        ) from error
    return folder


def landing(target: Path) -> AbstractContextManager[Path]:
    """Give a path to write to, which becomes `target` when it is whole.

    Raises:
        ModelError: the disk refuses.
    """
    return whole_file(
        target,
        lambda why: ModelError(
            f"{target} could not be written ({why}).", "Check the folder and its free space."
        ),
    )


def require_space(folder: Path, size_bytes: int) -> None:
    """Check that a file of this size fits.

    Raises:
        ModelError: it does not.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < size_bytes + SPARE_BYTES:
        raise ModelError(
            f"{folder} has {free_bytes / 1e9:.2f} GB free; {size_bytes / 1e9:.2f} GB are needed.",
            "Free space, or name another folder in LLAMAWATT_CACHE.",
        )


def known_sha256(path: Path) -> str:
    """Return a file's SHA-256, remembered by path, size and time of change."""
    key, note = _note(path)
    try:
        said = json.loads(note.read_text("utf-8"))
        if said["key"] == key:
            return str(said["sha256"])
    except (OSError, ValueError, KeyError):
        pass
    digest = sha256_of(path)
    remember_sha256(path, digest)
    return digest


def remember_sha256(path: Path, digest: str) -> None:
    """Note a file's SHA-256, so that `known_sha256` need not read the file again."""
    key, note = _note(path)
    with landing(note) as part:
        part.write_text(json.dumps({"key": key, "sha256": digest}), "utf-8")


def _note(path: Path) -> tuple[str, Path]:
    status = path.stat()
    key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    return key, cache_folder() / "hashes" / name
