"""How a program of llama.cpp finds the libraries that lie beside it."""

import os
import sys
from pathlib import Path


def with_libraries_of(path: Path) -> dict[str, str]:
    """Return this process's environment for a child that loads the libraries in a file's folder.

    Only Linux needs to be told; elsewhere a program finds what lies beside it.
    """
    environment = dict(os.environ)
    if sys.platform.startswith("linux"):
        places = (str(path.resolve().parent), environment.get("LD_LIBRARY_PATH", ""))
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, places))
    return environment
