"""When unloading pays, as rules to copy: after how long a silence, by ending or by sleeping.

A model that is resident draws more than an empty machine, and loading it again costs joules. It
pays to unload when the silence lasts longer than load joules over the watts that unloading saves.
Who cannot foresee silences and unloads after just that long never takes more than twice the least
(the ski renter's rule: Karlin et al., Algorithmica 3, 1988).
Asleep, llama-server has unloaded the model but keeps its process and its context, so it saves less
than ending the process, which alone lets a laptop's GPU suspend.
"""

import math
from dataclasses import dataclass

from llamawatt.analysis.estimates.idle import IdleOf, break_even_s
from llamawatt.analysis.estimates.stats import Estimate, IntervalMethod


@dataclass(frozen=True, slots=True)
class Rule:
    """After how long a silence to unload.

    Attributes:
        how: `end` of the process, or `sleep`.
        saves_w: Watts that it saves.
        after_s: Silence after which it pays; None where it cannot be told.
        why_not: Why it cannot be told; empty where it can.
    """

    how: str
    saves_w: Estimate | None
    after_s: Estimate | None
    why_not: str = ""


def rules(idle: IdleOf) -> tuple[Rule, ...]:
    """Return the rules of one setting: ending its process, and letting it sleep."""
    return (
        _rule("end", idle.extra_w, idle.load_above_j),
        _rule("sleep", less(idle.power_w.get("model"), idle.power_w.get("runtime")),
              idle.load_above_j),
    )  # fmt: skip


def _rule(how: str, saves_w: Estimate | None, load_j: Estimate | None) -> Rule:
    if saves_w is None or load_j is None:
        lacks = "the watts saved" if saves_w is None else "the joules to load"
        return Rule(how, saves_w, None, f"{lacks} were not measured")
    after_s = break_even_s(load_j, saves_w)
    if after_s is not None:
        return Rule(how, saves_w, after_s)
    if saves_w.high is not None and saves_w.high <= 0:
        return Rule(how, saves_w, None, "it saves nothing")
    if saves_w.low is None or saves_w.low <= 0:
        return Rule(how, saves_w, None, "what it saves cannot be told from nothing")
    return Rule(how, saves_w, None, "it cannot be told within a factor of two")


def less(one: Estimate | None, other: Estimate | None) -> Estimate | None:
    """Return a difference; half-widths in quadrature, none where one has none."""
    if one is None or other is None:
        return None
    value, n = one.value - other.value, min(one.n, other.n)
    halves = [made.relative_half_width for made in (one, other)]
    if any(each is None for each in halves):
        return Estimate(value, None, None, n, IntervalMethod.STUDENT_T)
    half = math.hypot(
        *(abs(made.value) * (made.relative_half_width or 0.0) for made in (one, other))
    )
    return Estimate(value, value - half, value + half, n, IntervalMethod.STUDENT_T)


def snippets(after_s: float) -> dict[str, str]:
    """Return a silence as settings to copy, by program."""
    whole = max(1, round(after_s))
    return {
        "Ollama": f"OLLAMA_KEEP_ALIVE={whole}s",
        "llama-swap": f"ttl: {whole}",
        "llama-server": f"--sleep-idle-seconds {whole}",
    }
