"""Receives an answer with as little work per token as possible: two times and the last events."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from llamawatt.core.clock import Clock
from llamawatt.core.errors import TargetError

KEEP_BYTES = 262_144
"""End of an answer that is kept: the last event with its counts is far smaller."""
LAST_EVENTS = 64


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


def receive(
    chunks: Iterator[bytes],
    clock: Clock,
    token: re.Pattern[bytes] | None,
) -> Reception:
    """Read an answer to its end.

    Args:
        chunks: Its bytes as they come.
        clock: Tells the times.
        token: What an event with a token contains; None when the answer is not streamed.

    Raises:
        TargetError: it held no JSON.
    """
    first_s, size = None, 0
    kept: list[bytes] = []
    for chunk in chunks:
        if first_s is None and token is not None and token.search(chunk):
            first_s = clock.now_s()
        kept.append(chunk)
        size += len(chunk)
        if size > 2 * KEEP_BYTES:
            kept = [b"".join(kept)[-KEEP_BYTES:]]
            size = len(kept[0])
    last_s = clock.now_s()
    return Reception(first_s, last_s, _parse(b"".join(kept)))


def _parse(data: bytes) -> tuple[dict[str, object], ...]:
    """Parse one whole document, or the last of server-sent events or JSON lines."""
    whole = _event(data)
    if whole is not None:
        return (whole,)
    lines = data.rsplit(b"\n", 2 * LAST_EVENTS)[-2 * LAST_EVENTS :]
    events = tuple(event for event in map(_event, lines) if event is not None)
    if not events:
        start = data[:120].decode("utf-8", "replace")
        raise TargetError(
            f"The server's answer holds no JSON; it begins {start!r}.",
            "Look whether another program or a proxy answers at its address.",
        )
    return events


def _event(line: bytes) -> dict[str, object] | None:
    text = line.removeprefix(b"data:").removeprefix(b"error:").strip()
    if not text.startswith(b"{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
