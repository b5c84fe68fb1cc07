"""What a server wrote before it failed, and what that means in words."""

import re
from pathlib import Path

LAST_LINES = 8
TAIL_BYTES = 16_384

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
        r"data is not within|corrupted or incomplete|unexpectedly reached end",
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
        r"unrecognized arguments|invalid argument|unknown argument",
        "This llama-server does not know one of the flags.",
    ),
)
"""Pattern in a log → what it means."""


def last_lines(path: Path, count: int = LAST_LINES) -> list[str]:
    """Return the last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def hint(path: Path) -> str:
    """Return what the log's end means, in a sentence; empty when it says nothing we know."""
    text = "\n".join(last_lines(path, 60))
    for pattern, meaning in HINTS:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    return ""
