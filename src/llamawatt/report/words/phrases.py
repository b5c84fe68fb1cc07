"""Small pieces of sentences: figures with intervals, ratios, verdicts."""

import re
from collections.abc import Iterable

from llamawatt.analysis.compare.verdict import Limit, Ratio, Verdict
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.format import (
    deviation_text,
    duration_text,
    energy_text,
    number_text,
    power_text,
    quantity_text,
)
from llamawatt.core.metrics import METRICS, MetricSpec
from llamawatt.core.readings import Method
from llamawatt.core.trials import FactorValue
from llamawatt.report.model import Row

METHOD_WORDS = {
    Method.COUNTER: "energy counter",
    Method.INTEGRAL: "integrated power",
    Method.MODEL: "modelled",
    Method.IMPORT: "imported",
}
"""Methods as a reader says them."""


def value_text(metric: str, value: float, unit: str = "") -> str:
    """Return a figure with its unit, the metric's own unless another is told."""
    unit = unit or METRICS[metric].unit
    if unit == "s":
        return duration_text(value)
    if unit == "J":
        return energy_text(value)
    if unit == "W":
        return power_text(value)
    return quantity_text(value, unit) if unit == "J/token" else f"{number_text(value)} {unit}"


def interval_text(estimate: Estimate) -> str:
    """Return the interval relative to the figure, as `±1.2 %`, or why there is none."""
    deviation = deviation_text(estimate.value, estimate.low, estimate.high)
    if not deviation:
        return "(no interval: one repeat)" if estimate.n == 1 else "(no relative interval)"
    return f"(95 % interval {deviation}, n = {estimate.n})"


def times_text(ratio: Ratio) -> str:
    """Return how many times lower or higher, with the interval that counts the gain errors."""
    low, high = ratio.low_total, ratio.high_total
    value, ends = ratio.value, (low, high)
    if value < 1:
        value, ends = 1 / value, (_over(high), _over(low))
    if ends[0] is None or ends[1] is None:
        return f"{factor_text(value)} (no interval)"
    return f"{factor_text(value)} [{_ends_text(ends[0], ends[1])}]"


def factor_text(value: float) -> str:
    """Return a factor, as `4.9×`."""
    return f"{number_text(value, 3 if value < 1.1 else 2)}×"


def _ends_text(low: float, high: float) -> str:
    """Return both ends with as many digits, to four, as tell them apart and each from one."""
    digits = next((d for d in (2, 3) if _tells(low, high, d)), 4)
    return f"{number_text(low, digits)}–{number_text(high, digits)}"


def _tells(low: float, high: float, digits: int) -> bool:
    ends = {number_text(end, digits) for end in (low, high)}
    return len(ends) == 2 and number_text(1.0, digits) not in ends


def undecided_text(ratio: Ratio) -> str:
    """Say why a ratio has no verdict, and what would give one."""
    if ratio.limit is Limit.ONE_RUN:
        return "one run a side cannot tell a change from the spread between runs"
    if ratio.limit is Limit.TOO_FEW:
        return _too_few_text(ratio)
    if ratio.limit is Limit.GAIN:
        hint = ""
        if ratio.within_method is not Verdict.NOT_DISTINGUISHABLE:
            hint = f"; taken at face value it is {ratio.within_method}"
        return (
            f"the energy may be off by a factor of up to {factor_text(2.718281828**ratio.gain)} "
            f"between the two, so no number of repeats can settle it, only a better sensor{hint}"
        )
    if ratio.n_repeats_needed is None:
        return "the difference, if any, is too small for a reasonable number of repeats"
    what = "runs a side" if ratio.counts_runs else "repeats"
    return f"about {ratio.n_repeats_needed} {what} would settle it"


def _too_few_text(ratio: Ratio) -> str:
    kind = "run" if ratio.counts_runs else "repeat"
    few, among = counted_text(ratio.n, kind), ""
    if ratio.n_family > 1:
        among = f" give a verdict among {ratio.n_family} comparisons"
    more = "take at least three"
    if ratio.n > 1 and ratio.n_repeats_needed is not None:
        more = f"about {ratio.n_repeats_needed} would settle it"
    return f"{few} cannot{among or ' tell'}; {more}"


def methods_text(methods: Iterable[Method | str]) -> str:
    """Name methods, as `energy counter and modelled`."""
    return joined(METHOD_WORDS[Method(method)] for method in methods)


def counted_text(n: int, what: str) -> str:
    """Return a number of things, as `1 repeat` or `2 repeats`."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def joined(words: Iterable[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    listed = list(words)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} {last} {listed[-1]}"


def suite_text(suite: str) -> str:
    """Return a suite's name as a reader says it."""
    return suite.replace("_", " ")


def suite_heading(suite: str) -> str:
    """Return a suite's name to begin a line with; a shape, as `pp512+tg128`, is no word."""
    text = suite_text(suite)
    return text if re.search(r"\d", text) else text[0].upper() + text[1:]


def panel_title(info: MetricSpec) -> str:
    """Return the heading of a panel: the figure and its unit, as short as it can be."""
    return f"{info.label} ({info.unit.removesuffix('/token')})"


def factor_level_text(value: FactorValue) -> str:
    """Return a level of any factor, as an axis names it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return level_text(value) if isinstance(value, int | float) else str(value)


def disturbed_text(row: Row) -> str:
    """Say what disturbed a row's windows, as `disturbed: other load (1 of 3)`."""
    told = (
        f"{flag.replace('_', ' ')} ({count} of {row.n})" for flag, count in row.disturbances.items()
    )
    return f"disturbed: {joined(told)}"


def uneven_text(metric: str, least: float, most: float) -> str:
    """Say that repeats are too far apart, as `repeats ran from 0.8 to 26 s: too uneven …`."""
    info = METRICS[metric]
    return (
        f"{info.label.lower()} of repeats ran from {number_text(least, 2)} to "
        f"{number_text(most, 2)} {info.unit}: too uneven for one figure"
    )


def level_text(value: float) -> str:
    """Return a level of a factor, without a trailing `.0`."""
    return f"{value:g}"


def _over(value: float | None) -> float | None:
    return None if value is None else 1 / value
