"""Where counts and times stand in an answer, and the record they make."""

import json
from collections.abc import Sequence

from llamawatt.core.errors import TargetError
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.stream import Reception

Event = dict[str, object]


def make_record(
    prompt_id: str,
    answer: Reception,
    t0_s: float,
    *,
    counts: tuple[int, int],
    server_s: tuple[float, float] | None,
    n_cached: int | None,
    finish: str = "",
) -> RequestRecord:
    """Put a record together.

    `server_s` is the server's prefill and decode time; without it the first token splits the
    latency. Of an answer that came whole, the first token came when the server began to decode:
    the latency less the decode time.
    """
    latency_s = answer.last_s - t0_s
    ttft_s = None if answer.first_s is None else answer.first_s - t0_s
    timed_by = {"latency_s": "client"}
    if ttft_s is not None:
        timed_by["ttft_s"] = "client"
    elif server_s is not None:
        ttft_s = max(0.0, latency_s - server_s[1])
        timed_by["ttft_s"] = "server"
    prefill_s, decode_s, side = None, None, ""
    if server_s is not None:
        prefill_s, decode_s, side = *server_s, "server"
    elif ttft_s is not None:
        prefill_s, decode_s, side = ttft_s, latency_s - ttft_s, "client"
    if side:
        timed_by |= {"prefill_s": side, "decode_s": side}
    return RequestRecord(
        prompt_id=prompt_id,
        n_prompt=counts[0],
        n_generated=counts[1],
        latency_s=latency_s,
        ttft_s=ttft_s,
        prefill_s=prefill_s,
        decode_s=decode_s,
        t0_s=t0_s,
        timed_by=timed_by,
        n_cached=n_cached,
        finish=finish,
    )


def count_in(event: Event, key: str, prompt_id: str) -> int:
    """Return a count of tokens.

    Raises:
        TargetError: the server gave none.
    """
    value = event.get(key)
    if not isinstance(value, int):
        raise TargetError(
            f"The server did not count the tokens of {prompt_id} (no `{key}`): {excerpt(event)}",
            "llamawatt never counts words instead.",
        )
    return value


def last_of(events: Sequence[Event], key: str) -> object:
    """Return the last value under a key that is not empty; None when there is none."""
    return next((event[key] for event in reversed(events) if event.get(key)), None)


def server_times(timings: Event) -> tuple[float, float] | None:
    """Return prompt and generation time of llama-server's `timings`; None when one is missing."""
    prompt_ms, predicted_ms = timings.get("prompt_ms"), timings.get("predicted_ms")
    if isinstance(prompt_ms, int | float) and isinstance(predicted_ms, int | float):
        return prompt_ms / 1e3, predicted_ms / 1e3
    return None


def nanosecond_times(event: Event) -> tuple[float, float] | None:
    """Return prompt and generation time of Ollama's durations; None when one is missing."""
    prompt_ns, eval_ns = event.get("prompt_eval_duration"), event.get("eval_duration")
    if isinstance(prompt_ns, int) and isinstance(eval_ns, int):
        return prompt_ns / 1e9, eval_ns / 1e9
    return None


def cached_in(usage: Event) -> int | None:
    """Return how many prompt tokens an OpenAI server took from its cache; None if it says not."""
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if isinstance(cached, int) else None


def finish_of(events: Sequence[Event]) -> str:
    """Return why an OpenAI answer ended."""
    for event in reversed(events):
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            return str(choices[0].get("finish_reason") or "")
    return ""


def excerpt(event: Event) -> str:
    """Return the start of an event, to be shown in a complaint."""
    return json.dumps(event)[:200]
