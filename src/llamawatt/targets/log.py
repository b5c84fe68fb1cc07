"""What a server wrote before it failed, and what that means in words."""

import contextlib
import os
import re
import sys
import tempfile
import threading
from typing import IO

LAST_LINES = 8
HINT_LINES = 60
TAIL_BYTES = 16_384
MOST_BYTES = 8_388_608
"""Size at which a log is cut down to its tail."""
TRIM_S = 10.0
"""How often the size is looked at: one stat costs microseconds."""

HINTS: tuple[tuple[str, str], ...] = (
    (
        r"address already in use|couldn't bind|bind.*failed",
        "The port is taken by another program.",
    ),
    (
        r"invalid magic|not a gguf|failed to (read|load) (magic|header)",
        "The file is no GGUF.",
    ),
    (
        r"data is not within|corrupted or incomplete|unexpectedly reached end"
        r"|gguf_init_\w+: failed to read",
        "The GGUF is cut short; fetch it again.",
    ),
    (
        r"out of memory|failed to allocate|cudaMalloc|unable to allocate",
        "Memory ran out: use a smaller model or context, or fewer layers on the GPU.",
    ),
    (r"unknown model architecture", "This llama.cpp is too old for the model."),
    (
        r"no kernel image|no CUDA-capable device|cuda driver version",
        "The GPU driver does not fit this build.",
    ),
    (
        r"error while loading shared libraries",
        "A library is missing: set LD_LIBRARY_PATH to the folder of llama-server.",
    ),
    (
        r"unrecognized arguments|error: (invalid|unknown) argument|error: argument ",
        "This llama-server does not know one of the flags.",
    ),
)
"""Pattern in a log → what it means."""


if sys.platform == "win32":  # untried: written after the documentation, run by nobody yet

    def _open() -> IO[bytes]:
        """Open a file that can be read by name while a server writes to it."""
        return tempfile.NamedTemporaryFile(prefix="llamawatt-log-", delete=False)

    def _read_end(file: IO[bytes]) -> bytes:
        with open(file.name, "rb") as other:  # a seek in `file` itself would move the server too
            other.seek(max(0, os.fstat(other.fileno()).st_size - TAIL_BYTES))
            return other.read()

    def _cut(file: IO[bytes], end: bytes) -> None:
        """Leave it as it grew: a server that does not append would write behind a gap."""

    def _close(file: IO[bytes]) -> None:
        file.close()
        with contextlib.suppress(OSError):
            os.unlink(file.name)
else:
    import fcntl

    def _open() -> IO[bytes]:
        """Open a file without a name, to whose end every write goes, also after a cut."""
        file = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the server)
        flags = fcntl.fcntl(file.fileno(), fcntl.F_GETFL)
        fcntl.fcntl(file.fileno(), fcntl.F_SETFL, flags | os.O_APPEND)
        return file

    def _read_end(file: IO[bytes]) -> bytes:
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES))

    def _cut(file: IO[bytes], end: bytes) -> None:
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), end)

    def _close(file: IO[bytes]) -> None:
        file.close()


class ServerLog:
    """Everything a server writes, in a file without a name: nothing is left after a kill.

    The server writes to it by itself, so that no line costs this process anything. A sleeping
    thread keeps it bounded.
    """

    def __init__(self) -> None:
        self._file = _open()
        self._closed = threading.Event()
        threading.Thread(target=self._keep_bounded, name="llamawatt-log", daemon=True).start()

    @property
    def descriptor(self) -> int:
        """The file's descriptor, to be a process's output."""
        return self._file.fileno()

    def last_lines(self, count: int = LAST_LINES) -> list[str]:
        """Return the last lines that are not blank; none when closed."""
        if self._closed.is_set():
            return []
        text = _read_end(self._file).decode("utf-8", "replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def hint(self) -> str:
        """Return what its end means, in a sentence; empty when it says nothing we know."""
        return hint("\n".join(self.last_lines(HINT_LINES)))

    def trim(self, most_bytes: int = MOST_BYTES) -> None:
        """Cut it down to its tail when it has grown beyond `most_bytes`."""
        if os.fstat(self._file.fileno()).st_size > most_bytes:
            _cut(self._file, _read_end(self._file))

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        self._closed.set()
        _close(self._file)

    def _keep_bounded(self) -> None:
        while not self._closed.wait(TRIM_S):
            try:
                self.trim()
            except (OSError, ValueError):  # closed meanwhile, or the disk is full
                return


def hint(text: str) -> str:
    """Return what the end of a log means, in a sentence; empty when it says nothing we know."""
    for pattern, meaning in HINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    return ""
