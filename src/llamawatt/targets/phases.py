"""Splits a reply into prefill and decode, where the times that are told or seen can be true.

A server's own times are believed if they fit into the reply, fill a fair share of it and ask no
more of the machine than any can do. Arrivals of tokens are believed if tokens came one by one, or
if it is known how many came together. Else there are no phases: a reply's latency and energy stay.
"""

import math
from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.answers import Told
from llamawatt.targets.stream import Reception

FAIR_SHARE = 0.25
"""Least share of a reply that a server's own times fill; the rest is its queue and templates."""
SLACK_S = 0.005
"""What a reply may take beside its phases however short it is: connection, parsing, scheduling."""
CLOCKS_SHARE = 0.05
"""How much longer than the client's time a server's may be: two clocks, read at other moments."""
LEAST_DECODE_S = 1e-5
"""No machine generates a token of one stream in less; an H100 takes a millisecond."""
LEAST_PREFILL_S = 1e-7
"""No machine evaluates a prompt token in less; an H100 takes ten microseconds for 1.1B weights."""
STREAM_SHARE = 0.1
"""Least share of its fair time in a reply that a stream of tokens takes. Fair is as if a prompt
token took as long as a generated one; it takes less, so a real stream takes more than its share."""
COUNTED_SHARE = 0.9
"""Least share of the counted tokens that come as events of their own, where one event is one token:
some hold half a letter and are kept back, the last one ends the reply."""
UNSEEN_SHARE = 0.5
"""Most tokens that may come together with the first: beyond, what is seen is not the decoding."""


@dataclass(frozen=True, slots=True)
class Phases:
    """The split of one reply.

    Attributes:
        prefill_s: Time on the prompt.
        decode_s: Time on the tokens after those that came first.
        n_first: Tokens that came first, together.
        side: Who told: `server` or `client`.
    """

    prefill_s: float | None
    decode_s: float
    n_first: int
    side: str


def make_record(
    prompt_id: str, answer: Reception, t0_s: float, told: Told, n_parallel: int = 1
) -> RequestRecord:
    """Put a record together.

    Of an answer that came whole, the first token came when the server began to decode: the latency
    less the decode time.
    """
    latency_s = answer.last_s - t0_s
    phases, flags = _split(answer, t0_s, told, n_parallel)
    ttft_s, timed_by = None, {"latency_s": "client"}
    if answer.first_s is not None:
        ttft_s, timed_by["ttft_s"] = answer.first_s - t0_s, "client"
    elif phases is not None:
        ttft_s, timed_by["ttft_s"] = max(0.0, latency_s - phases.decode_s), "server"
    if phases is not None:
        timed_by["decode_s"] = phases.side
        if phases.prefill_s is not None:
            timed_by["prefill_s"] = phases.side
    return RequestRecord(
        prompt_id=prompt_id,
        n_prompt=told.n_prompt,
        n_generated=told.n_generated,
        latency_s=latency_s,
        ttft_s=ttft_s,
        prefill_s=phases.prefill_s if phases else None,
        decode_s=phases.decode_s if phases else None,
        t0_s=t0_s,
        timed_by=timed_by,
        n_cached=told.n_cached,
        finish=told.finish,
        mode="whole" if answer.first_s is None else "streamed",
        n_first=phases.n_first if phases else 1,
        load_s=told.load_s,
        draft_n=told.draft_n,
        draft_n_accepted=told.draft_n_accepted,
        flags=flags,
    )


def _split(
    answer: Reception, t0_s: float, told: Told, n_parallel: int
) -> tuple[Phases | None, tuple[Flag, ...]]:
    """Return the phases, if any can be believed, and why others were not."""
    flags: list[Flag] = []
    latency_s = answer.last_s - t0_s
    if told.times_s is not None:
        if are_possible(told, latency_s, n_parallel):
            return Phases(*told.times_s, 1, "server"), ()
        flags.append(Flag.SERVER_TIMES_IMPOSSIBLE)
    if answer.first_s is None:
        return None, tuple(flags)
    seen = _seen(answer, t0_s, told, n_parallel)
    return seen, tuple(flags if seen else (*flags, Flag.TOKENS_IN_BURSTS))


def are_possible(told: Told, latency_s: float, n_parallel: int) -> bool:
    """Tell whether a server's own times can be those of a reply.

    With several streams a reply may wait for all others, so the share that its phases fill is
    smaller.
    """
    if told.times_s is None or not all(math.isfinite(time_s) for time_s in told.times_s):
        return False
    prefill_s, decode_s = told.times_s
    total_s = prefill_s + decode_s + _finite(told.load_s)
    return (
        prefill_s >= told.n_prompt * LEAST_PREFILL_S
        and decode_s >= (told.n_generated - 1) * LEAST_DECODE_S
        and min(prefill_s, decode_s) >= 0
        and prefill_s + decode_s <= latency_s * (1 + CLOCKS_SHARE) + SLACK_S
        and total_s >= FAIR_SHARE * latency_s / n_parallel - SLACK_S
    )


def _seen(answer: Reception, t0_s: float, told: Told, n_parallel: int) -> Phases | None:
    """Return the phases as the arrival of tokens shows them; None where it does not show them."""
    first_s = answer.first_s if answer.first_s is not None else answer.last_s
    n_first = _first_tokens(answer, told)
    decode_s, latency_s = answer.last_s - first_s, answer.last_s - t0_s
    if n_first is None or told.n_generated < 1:
        return None
    n_steps = told.n_generated - n_first
    if n_steps == 0 and n_first == 1:
        return Phases(first_s - t0_s, decode_s, 1, "client")
    if n_first > max(1, UNSEEN_SHARE * told.n_generated) or n_steps < 1:
        return None
    fair_s = latency_s * n_steps / (told.n_generated + told.n_prompt)
    if decode_s < max(n_steps * LEAST_DECODE_S, STREAM_SHARE * fair_s / n_parallel):
        return None
    prefill_s = (first_s - t0_s) - (n_first - 1) * decode_s / n_steps
    return Phases(prefill_s if prefill_s > 0 else None, decode_s, n_first, "client")


def _first_tokens(answer: Reception, told: Told) -> int | None:
    """Return how many tokens came first, together; None where it cannot be known."""
    if answer.first_tokens is not None and 1 <= answer.first_tokens <= told.n_generated:
        return answer.first_tokens
    least = COUNTED_SHARE * told.n_generated - 1
    one_each = least <= answer.n_token_events <= told.n_generated + 1
    return answer.n_first_events if one_each else None


def _finite(time_s: float | None) -> float:
    return time_s if time_s is not None and math.isfinite(time_s) and time_s > 0 else 0.0
