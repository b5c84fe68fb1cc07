"""Where a build of llama.cpp is, for tests that hold ours against it."""

import os
import shutil
from pathlib import Path

import pytest

FOLDER = "LLAMAWATT_TEST_LLAMA_DIR"


def program(name: str) -> Path:
    """Return a program of llama.cpp, or skip the test when none is here."""
    folder = os.environ.get(FOLDER)
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on PATH or in {FOLDER}")
    return Path(found)


def library_environment(tool: Path) -> dict[str, str]:
    """Return an environment in which a program finds the libraries beside it."""
    return os.environ | {"LD_LIBRARY_PATH": str(tool.parent)}
