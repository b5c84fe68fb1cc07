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

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
WATCH_S = 0.5
"""How often the parent is looked for where the kernel does not tell."""


def die_with(parent_pid: int) -> None:
    """Have this process end when its parent does; end now if the parent is gone already.

    Off Linux a daemon thread watches the parent.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent_pid, None), daemon=True).start()


def _watch(parent_pid: int, child: "subprocess.Popen[bytes] | None") -> None:
    while os.getppid() == parent_pid:
        time.sleep(WATCH_S)
    if child is not None:
        child.kill()
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Replace this process by the command (Linux), or run it under watch (elsewhere)."""
    parent_pid, command = int(arguments[0]), arguments[2:]
    if sys.platform == "linux":
        die_with(parent_pid)
        try:
            os.execvp(command[0], command)  # noqa: S606  (this is what a guard is for)
        except OSError as error:
            sys.stderr.write(f"{command[0]}: {error.strerror}\n")
            return 127
    child = subprocess.Popen(command)
    threading.Thread(target=_watch, args=(parent_pid, child), daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
