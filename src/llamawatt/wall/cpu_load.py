"""Keeps cores busy, to make a load that stands out: `python -m llamawatt.wall.cpu_load`.

Each core gets a child process that hashes without end. It also waits for the end of its standard
input, which comes when the parent closes it, and when the parent dies in any way whatever.
"""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from llamawatt.core.errors import MeterError

BLOCK_BYTES = 1 << 20
READY = b"."
STOP_S = 5.0
REMEDY = "Look for a limit on processes or memory, and calibrate again."


@contextmanager
def busy_cores(n_cores: int) -> Iterator[None]:
    """Keep `n_cores` cores busy inside the block; every child is gone behind it.

    Raises:
        MeterError: a child cannot be started, or ended before the block did.
    """
    children: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(n_cores):
            children.append(_start())  # noqa: PERF401  (those started must be ended if one fails)
        for child in children:
            _await_ready(child)
        yield
        if any(child.poll() is not None for child in children):
            raise MeterError("A process of the load ended while it was measured.", REMEDY)
    finally:
        for child in children:
            _stop(child)


def _start() -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "llamawatt.wall.cpu_load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise MeterError(f"No load could be made ({error.strerror or error}).", REMEDY) from error


def _await_ready(child: "subprocess.Popen[bytes]") -> None:
    if child.stdout is None or child.stdout.read(1) != READY:
        raise MeterError("A process of the load ended while it started.", REMEDY)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait(STOP_S)
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Be one such child: hash until standard input ends."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    block = bytes(BLOCK_BYTES)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    while True:
        hashlib.sha512(block)


if __name__ == "__main__":
    main()
