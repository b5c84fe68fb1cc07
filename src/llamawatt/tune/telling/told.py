"""What a search found, in sentences for people."""

import shlex
from collections.abc import Iterator

from llamawatt.core.format import duration_text, energy_text, number_text
from llamawatt.tune.record import EffectRecord, Found
from llamawatt.tune.running import Tuned
from llamawatt.tune.search.decide import Answer
from llamawatt.tune.search.objective import Objective
from llamawatt.tune.setup.knobs import CHANGES_TEXT
from llamawatt.tune.telling.handing_over import hand_overs, setting_of

WORDS = {
    Objective.ENERGY: "energy per token",
    Objective.LATENCY: "latency of a reply",
    Objective.EDP: "energy-delay product of a reply",
    Objective.ED2P: "energy-delay² product of a reply",
    Objective.THROUGHPUT: "throughput",
    Objective.BATTERY: "energy per token",
    Objective.COST: "cost per token",
}
MOST_EFFECTS = 6
SHOWN = ("j_per_token", "tok_per_s", "latency_s", "ttft_s", "edp_js", "memory_gb")


def told(tuned: Tuned) -> Iterator[str]:
    """Yield what a terminal shows of a search."""
    yield from headline(tuned)
    found = tuned.found
    yield ""
    yield from figures(tuned)
    if found.effects:
        yield ""
        yield "What each knob did, all else averaged:"
        yield from (f"  {each}" for each in effects(found.effects))
    for line in (batching(tuned), pay_back(found), changes_text(found)):
        if line:
            yield ""
            yield line
    for note in found.notes:
        yield ""
        yield f"note: {note}"
    yield ""
    spent = duration_text(found.spent_s)
    yield f"{found.n_windows} windows of {len(found.tried)} settings in {spent}."
    yield from commands(tuned)


def headline(tuned: Tuned) -> Iterator[str]:
    """Yield the answer."""
    found = tuned.found
    lowered = what(tuned)
    if found.answer == Answer.BETTER.value:
        yield f"Best setting found: {found.winner_name}"
        yield f"{lowered}: {gain(found, tuned.record.asked.objective)} against llama.cpp's default"
        if found.equals:
            yield f"As good, as far as could be told: {'; '.join(found.equals)}"
    elif found.answer == Answer.NOTHING_BETTER.value:
        yield "Nothing better than the default was found."
        if found.ratio is not None:
            yield f"The closest rival's {lowered}: {gain(found, tuned.record.asked.objective)}"
    elif found.answer == Answer.NOTHING_FITS.value:
        yield "No setting keeps what is required."
        yield from (f"  nearest miss: {each}" for each in found.miss)
    elif found.winner is None:
        yield "Interrupted before any setting could be told to be good."
    else:
        yield f"Interrupted. Best so far, not confirmed: {found.winner_name}"


def gain(found: Found, objective: str) -> str:
    """Say how a setting compares with the default, with the interval."""
    if found.ratio is None:
        return "not comparable, for the default does not run or breaks a requirement"
    ratios = [found.ratio, found.low, found.high]
    if objective == Objective.THROUGHPUT.value:
        ratios = [None if each is None else 1 / each for each in ratios]
        ratios = [ratios[0], ratios[2], ratios[1]]
    middle, low, high = (None if each is None else 100 * (each - 1) for each in ratios)
    if low is None or high is None:
        return f"{middle:+.1f} %"
    return f"{middle:+.1f} % (95 % interval {low:+.1f} to {high:+.1f} %, {found.n_rounds} pairs)"


def figures(tuned: Tuned) -> Iterator[str]:
    """Yield the figures of winner and default, a line each."""
    found = tuned.found
    default = tuned.ready.bench.arm(tuned.ready.space, tuned.ready.space.default()).name
    for name in dict.fromkeys((found.winner_name, default)):
        values = next((each.values for each in found.tried if each.name == name), None)
        if values:
            shown = (f"{key} {number_text(values[key])}" for key in SHOWN if key in values)
            yield f"{name}: {', '.join(shown)}"


def effects(found: tuple[EffectRecord, ...]) -> Iterator[str]:
    """Yield the largest effects of knobs, a line each."""
    for each in sorted(found, key=lambda e: -abs(e.ratio - 1))[:MOST_EFFECTS]:
        low, high = 100 * (each.low - 1), 100 * (each.high - 1)
        sure = "" if low * high > 0 else ", may be nothing"
        value = "none" if each.value in {"", None} else each.value
        yield (
            f"{each.knob}={value}: {100 * (each.ratio - 1):+.1f} % "
            f"({low:+.1f} to {high:+.1f} %{sure})"
        )


def batching(tuned: Tuned) -> str:
    """Say what batching does by itself; empty with one stream."""
    found, asked = tuned.found, tuned.record.asked
    if found.batching is None:
        return ""
    change = 100 * (found.batching - 1)
    return (
        f"Batching by itself: {asked.n_streams} streams at once change the default's "
        f"{what(tuned)} by {change:+.1f} % against one stream. That is no "
        "merit of the setting, and is in none of the figures above."
    )


def pay_back(found: Found) -> str:
    """Say what the search cost and when that has come back; empty where it was not measured."""
    paid = found.pay_back
    if paid is None:
        return ""
    spent = f"The search took {energy_text(paid.spent_j)}."
    if paid.n_replies is None or paid.saved_j_per_reply is None:
        return spent
    return (
        f"{spent} A reply saves {energy_text(paid.saved_j_per_reply)}: after "
        f"{paid.n_replies:,.0f} replies they have come back."
    )


def changes_text(found: Found) -> str:
    """Warn of knobs that change what is answered; empty where none is turned."""
    turned = [
        f"{name} ({CHANGES_TEXT[name]})"
        for name in CHANGES_TEXT
        if found.winner is not None and f"{name}=" in found.winner_name
    ]
    return f"It changes what is answered: {'; '.join(turned)}." if turned else ""


def commands(tuned: Tuned) -> Iterator[str]:
    """Yield how to run the setting."""
    setting = setting_of(tuned)
    if setting is None:
        return
    yield ""
    yield f"Run it: llamawatt run {shlex.quote(str(tuned.path))}"
    for each in hand_overs(setting, tuned.record.asked.server or "llama-server"):
        if each.program == "llama-server":
            lines = [line for line in each.text.splitlines() if not line.startswith("#")]
            yield from (f"or:     {line}" for line in lines)


def what(tuned: Tuned) -> str:
    """Return what the search made small, in words."""
    return WORDS[Objective(tuned.record.asked.objective)]
