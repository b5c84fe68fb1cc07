"""What a server tells of an answer, and where that stands in it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from llamawatt.core.errors import UncountedError
from llamawatt.targets.stream import Event

MOST_TOKENS = 10_000_000
"""More tokens than any context holds: a count beyond it is no count."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a server tells of one answer.

    Attributes:
        n_prompt: Prompt tokens that it evaluated.
        n_generated: Tokens that it generated.
        n_cached: Prompt tokens that it took from a cache; None where it does not say.
        times_s: Its own times over prompt and generation; None where it gives none, NaN for what
            it gives that is no time.
        load_s: Time it took to load the model for this answer; None where it does not say.
        draft_n: Tokens that a draft model proposed; None where it does not say.
        draft_n_accepted: Those of them that were taken.
        finish: Why generation stopped.
    """

    n_prompt: int
    n_generated: int
    n_cached: int | None
    times_s: tuple[float, float] | None = None
    load_s: float | None = None
    draft_n: int | None = None
    draft_n_accepted: int | None = None
    finish: str = ""


def count_in(event: Event, key: str, prompt_id: str) -> int:
    """Return a count of tokens.

    Raises:
        UncountedError: the server gave none, or one that cannot be.
    """
    value = event.get(key)
    if value is None:
        raise UncountedError(
            f"The server did not count the tokens of {prompt_id} (no `{key}`): {excerpt(event)}",
            "llamawatt never counts words instead.",
        )
    count = maybe_count(value)
    if count is None:
        raise UncountedError(
            f"The server's count of {prompt_id} cannot be (`{key}` is {excerpt(value)}).",
            "Use a server that counts its tokens.",
        )
    return count


def maybe_count(value: object) -> int | None:
    """Return a count; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # The range first: an integer too large for a float cannot even be asked whether it is finite.
    return int(value) if 0 <= value <= MOST_TOKENS and value == int(value) else None


def last_of(events: Sequence[Event], key: str) -> object:
    """Return the last value under a key that is not empty; None when there is none."""
    return next((event[key] for event in reversed(events) if event.get(key)), None)


def server_times(timings: Event) -> tuple[float, float] | None:
    """Return prompt and generation time of llama-server's `timings`; None when one is missing."""
    return _both(timings.get("prompt_ms"), timings.get("predicted_ms"), 1e3)


def nanosecond_times(event: Event) -> tuple[float, float] | None:
    """Return prompt and generation time of Ollama's durations; None when one is missing."""
    return _both(event.get("prompt_eval_duration"), event.get("eval_duration"), 1e9)


def seconds_in(value: object, per_s: float) -> float:
    """Return a time; NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) / per_s
    except OverflowError:
        return math.inf


def cached_in(usage: Event) -> int | None:
    """Return how many prompt tokens an OpenAI server took from its cache; None if it says not."""
    details = usage.get("prompt_tokens_details")
    return maybe_count(details.get("cached_tokens")) if isinstance(details, dict) else None


def finish_of(events: Sequence[Event]) -> str:
    """Return why an OpenAI answer ended: the reason of the last choice that gives one."""
    for event in reversed(events):
        choices = event.get("choices")
        for choice in reversed(choices) if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("finish_reason"):
                return str(choice["finish_reason"])
    return ""


def excerpt(value: object) -> str:
    """Return the start of an event, to be shown in a complaint."""
    return json.dumps(value)[:200]


def _both(prompt: object, generation: object, per_s: float) -> tuple[float, float] | None:
    if prompt is None or generation is None:
        return None
    return seconds_in(prompt, per_s), seconds_in(generation, per_s)
