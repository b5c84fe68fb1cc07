"""Receives an answer with as little work per token as possible: two times and the last event."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from llamawatt.core.clock import Clock
from llamawatt.core.errors import TargetError

KEEP_BYTES = 262_144
"""End of an answer that is kept: the last event with its counts is far smaller."""


@dataclass(frozen=True, slots=True)
class Reception:
    """An answer as received.

    Attributes:
        first_s: Time of the first event with a token; None when the answer came whole.
        last_s: Time of the last byte.
        events: The last events, oldest first, parsed.
    """

    first_s: float | None
    last_s: float
    events: tuple[dict[str, object], ...]


def receive(chunks: Iterator[bytes], clock: Clock, *, streamed: bool) -> Reception:
    """Read an answer to its end.

    Raises:
        TargetError: it held no JSON.
    """
    first_s, size = None, 0
    kept: list[bytes] = []
    for chunk in chunks:
        if streamed and first_s is None and _has_event(chunk):
            first_s = clock.now_s()
        kept.append(chunk)
        size += len(chunk)
        if size > 2 * KEEP_BYTES:
            kept = [b"".join(kept)[-KEEP_BYTES:]]
            size = KEEP_BYTES
    last_s = clock.now_s()
    return Reception(first_s, last_s, _events(b"".join(kept)))


def _has_event(chunk: bytes) -> bool:
    """Tell a token's event from a comment or the blank start that keeps a connection open."""
    return b"{" in chunk


def _events(data: bytes) -> tuple[dict[str, object], ...]:
    """Parse the last few events: server-sent ones, JSON lines or one whole document."""
    lines = data.split(b"\n")[-64:] if b"\n" in data.strip() else [data]
    events = []
    for line in lines:
        text = line.removeprefix(b"data:").strip()
        if not text.startswith(b"{"):
            continue
        try:
            events.append(json.loads(text))
        except ValueError:
            continue
    if not events:
        start = data[:120].decode("utf-8", "replace")
        raise TargetError(f"The server's answer holds no JSON; it begins {start!r}.")
    return tuple(events)
