"""Which prompts begin alike, so that a conversation returns to the target that has it cached."""

from collections import deque
from collections.abc import Mapping
from itertools import accumulate

BLOCK_CHARS = 512
"""Text prompts are compared in blocks of this length."""

Prefix = tuple[int, int]
"""A hash of a prompt's beginning, and how many characters that is."""


def prefixes(body: Mapping[str, object]) -> tuple[Prefix, ...]:
    """Return the beginnings of a request's prompt, shortest first.

    A chat begins alike up to a message, a text up to a block.
    """
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, list):
        parts = [repr(message) for message in messages]
    else:
        text = body.get("prompt", messages)
        text = text if isinstance(text, str) else repr(text)
        parts = [text[i : i + BLOCK_CHARS] for i in range(0, len(text), BLOCK_CHARS)]
    lengths = accumulate(len(part) for part in parts)
    hashes = accumulate(parts, lambda known, part: hash((known, part)), initial=0)
    next(hashes)
    return tuple(zip(hashes, lengths, strict=True))


def n_chars(body: Mapping[str, object]) -> int:
    """Return the characters of a request's prompt, roughly."""
    found = prefixes(body)
    return found[-1][1] if found else 0


class PrefixMemory:
    """The prompts that a target served last: one a slot.

    Args:
        n_slots: Requests that it serves at once.
    """

    def __init__(self, n_slots: int) -> None:
        self._served: deque[frozenset[int]] = deque(maxlen=max(1, n_slots))

    def served(self, asked: tuple[Prefix, ...]) -> None:
        """Note a prompt."""
        self._served.append(frozenset(known for known, _ in asked))

    def cached_chars(self, asked: tuple[Prefix, ...]) -> int:
        """Return how many characters of a prompt are likely in its cache."""
        for known, length in reversed(asked):
            if any(known in served for served in self._served):
                return length
        return 0

    def forget(self) -> None:
        """Forget all: the target was unloaded."""
        self._served.clear()
