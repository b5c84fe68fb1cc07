"""Runs the installed command as a user does."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

COMMAND = (sys.executable, "-m", "llamawatt")


def llamawatt(
    *arguments: str, cwd: Path | None = None, timeout_s: float = 170.0, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **variables},
        timeout=timeout_s,
        check=False,
    )


def start(arguments: Sequence[str], cwd: Path, mark: str = "") -> "subprocess.Popen[str]":
    """Start the command; its processes, children included, carry a mark in their environment."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "LLAMAWATT_TEST_MARK": mark},
        start_new_session=True,
    )


def marked(mark: str) -> list[str]:
    """Return the command lines of all processes that carry a mark."""
    wanted = f"LLAMAWATT_TEST_MARK={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append(line.decode("utf-8", "replace"))
        except OSError:
            continue
    return [line for line in found if line.strip()]
