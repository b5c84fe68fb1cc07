"""Which GPUs a llama.cpp build can use, as the build itself tells."""

import re
import subprocess

from llamawatt.core.errors import TargetError
from llamawatt.targets.launcher import PYTHON, Program

LIST_TIMEOUT_S = 60.0
_LISTED = re.compile(r"^\s+(?P<device>[A-Za-z]+\d*): (?P<name>.+?)(?: \(.*)?$")
_EMBEDDED = (
    "import xllamacpp as x\n"
    "for d in x.get_device_info():\n"
    "    kind = d['type'].name\n"
    "    if kind.endswith('GPU'): print('  ' + d['name'] + ': ' + d['description'])\n"
)


def gpu_devices(program: Program) -> tuple[str, ...]:
    """Return the names of the GPUs that a build can use; empty when it has none.

    Asked in a process of its own: asking opens the GPU.

    Raises:
        TargetError: the program does not run.
    """
    if program.kind == "embedded":
        command: tuple[str, ...] = (*PYTHON, "-c", _EMBEDDED)
    else:
        command = (*program.command, "--list-devices")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIST_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"{program.name} does not run ({error}).") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise TargetError(
            f"{program.name} does not run (exit code {done.returncode}): {' '.join(last)}",
            "Install llamawatt again, or name your own llama-server with --server."
            if program.kind == "embedded"
            else "Set LD_LIBRARY_PATH to its folder if a library is missing.",
        )
    return parse_devices(done.stdout)


def parse_devices(text: str) -> tuple[str, ...]:
    """Return the device names in the output of `llama-server --list-devices`."""
    matches = (_LISTED.match(line) for line in text.splitlines())
    return tuple(f"{match['device']}: {match['name']}" for match in matches if match)
