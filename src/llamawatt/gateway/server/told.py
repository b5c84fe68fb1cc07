"""What a backend tells of its answer: tokens and times, in every form that is known."""

from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Told:
    """Counts and times that a backend told; None for what it did not.

    Attributes:
        n_prompt: Prompt tokens.
        n_generated: Generated tokens.
        n_cached: Prompt tokens from its cache.
        prefill_s: Time on the prompt.
        decode_s: Time on the answer.
    """

    n_prompt: int | None = None
    n_generated: int | None = None
    n_cached: int | None = None
    prefill_s: float | None = None
    decode_s: float | None = None


class _Answer(msgspec.Struct):
    usage: dict[str, Any] | None = None
    timings: dict[str, Any] | None = None
    message: Any = None
    response: Any = None


_DECODER = msgspec.json.Decoder(_Answer)


def told_by(*bodies: bytes) -> Told:
    """Return what answers, or the events of one stream, tell; the later ones count."""
    usage: dict[str, Any] = {}
    timings: dict[str, Any] = {}
    for body in bodies:
        try:
            found = _DECODER.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        nested = [
            each.get("usage") for each in (found.message, found.response) if isinstance(each, dict)
        ]
        for each in (found.usage, *nested):
            if isinstance(each, dict):
                usage |= {name: value for name, value in each.items() if value is not None}
        timings |= found.timings or {}
    n_read, n_cached = _count(timings, "prompt_n"), _count(timings, "cache_n")
    n_timed = None if n_read is None else n_read + (n_cached or 0)
    n_prompt = _count(usage, "prompt_tokens", "input_tokens")
    n_generated = _count(usage, "completion_tokens", "output_tokens")
    return Told(
        n_prompt=n_timed if n_prompt is None else n_prompt,
        n_generated=_count(timings, "predicted_n") if n_generated is None else n_generated,
        n_cached=n_cached,
        prefill_s=_seconds(timings, "prompt_ms"),
        decode_s=_seconds(timings, "predicted_ms"),
    )


def _count(found: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = found.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def _seconds(found: dict[str, Any], name: str) -> float | None:
    value = found.get(name)
    return value / 1e3 if isinstance(value, int | float) and value >= 0 else None
