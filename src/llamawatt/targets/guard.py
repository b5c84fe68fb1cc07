"""Starts a program that dies with its parent: `python -m llamawatt.targets.guard PARENT -- CMD …`.

On Linux the kernel is asked to kill the program when its parent dies (prctl PR_SET_PDEATHSIG,
`man 2 prctl`), which survives exec; elsewhere a thread of this process watches the parent and
kills the program.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
WATCH_S = 0.5
"""How often the parent is looked for where the kernel does not tell."""
GPU_VISIBILITY = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES")
"""Set to nothing where no GPU shall be opened: `--device none` alone only offloads nothing."""
KEY_VARIABLE = "LLAMA_API_KEY"
"""Where llama-server finds its key. Unlike its flags, no other user can read its environment."""
FLAG_VARIABLES = ("LLAMA_ARG_", KEY_VARIABLE)
"""Beginnings of variables that llama-server takes for flags."""
NOT_STARTED = 127
"""What a shell reports for a program that cannot be run."""


def environment(
    inherited: Mapping[str, str],
    own: Mapping[str, str],
    *,
    key: str,
    gpu: bool,
) -> dict[str, str]:
    """Return the environment of a server.

    Args:
        inherited: The environment of this process. Variables from which llama-server would take
            flags are left out: what a record says must be what ran.
        own: The variables of the setting.
        key: The key that the server shall ask for.
        gpu: Whether it may open a GPU.
    """
    kept = {n: value for n, value in inherited.items() if not n.startswith(FLAG_VARIABLES)}
    hidden = {} if gpu else dict.fromkeys(GPU_VISIBILITY, "")
    return {**kept, **hidden, **own, KEY_VARIABLE: key}


def become(parent_pid: int, command: list[str]) -> int:
    """Turn this process into the program, bound to the life of its parent. Linux only.

    Returns:
        The exit code, only when the program cannot be run.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the kernel was asked
        return NOT_STARTED
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; exec would keep that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606  (this is what a guard is for)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    return NOT_STARTED


def watch_over(parent_pid: int, command: list[str]) -> int:
    """Run the program and kill it when the parent is gone. Returns the exit code."""
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return NOT_STARTED
    threading.Thread(target=_watch, args=(parent_pid, child), daemon=True).start()
    return child.wait()


def _watch(parent_pid: int, child: "subprocess.Popen[bytes]") -> None:
    while os.getppid() == parent_pid:
        time.sleep(WATCH_S)
    child.kill()
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Run the command by the better of the two ways."""
    parent_pid, command = int(arguments[0]), arguments[2:]
    start = become if sys.platform == "linux" else watch_over
    return start(parent_pid, command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
