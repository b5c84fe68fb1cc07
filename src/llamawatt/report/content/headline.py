"""What a reply costs, in words for a neighbour."""

from llamawatt.core.format import (
    deviation_text,
    duration_text,
    energy_text,
    number_text,
    plus_minus_text,
)
from llamawatt.report.model import Row
from llamawatt.report.words.phrases import joined, methods_text, suite_text

BULB_W = 10.0
"""Watts of the LED bulb in the comparison."""

LAPTOP_J = 50.0 * 3600
"""Joules in the 50 Wh laptop battery of the comparison."""

_N_ARMS = 3


def headline(rows: tuple[Row, ...]) -> str:
    """Say what a reply costs on the first suite, and what that is like.

    Args:
        rows: Rows of suite windows, the baseline's if there is one.
    """
    if not rows:
        return "No trial has finished yet, so there is nothing to tell."
    suite = rows[0].suite
    told = [row for row in rows if row.suite == suite]
    metered = [row for row in told if "energy_j" in row.estimates and not row.blind_to]
    cheapest = min(metered, key=_energy_j, default=None)
    reply = f"On this machine a reply ({suite_text(suite)}) takes"
    if len(told) > _N_ARMS and cheapest is not None:
        dearest = max(metered, key=_energy_j)
        ends = f"the dearest and the cheapest of {len(metered)} arms"
        text = f"{reply} {_cost(dearest)} down to {_cost(cheapest)}, {ends}."
    else:
        text = f"{reply} {joined((_cost(row) for row in told[:_N_ARMS]), 'and')}."
    return text if cheapest is None else f"{text} {_likeness(cheapest)}"


def error_text(row: Row) -> str:
    """Return method and total error of a row's joules, as `energy counter, ±4.1 %`.

    Interval and gain bound add linearly: the gain does not average out.
    """
    made, methods = row.estimates["energy_j"], methods_text(row.methods)
    if made.low is None or made.high is None:
        return f"{methods}, one repeat, sensor {plus_minus_text(row.gain)}"
    reach_j = row.gain * made.value
    return f"{methods}, {deviation_text(made.value, made.low - reach_j, made.high + reach_j)}"


def _cost(row: Row) -> str:
    time = duration_text(row.estimates["latency_s"].value)
    if "energy_j" not in row.estimates:
        return f"{time} on {row.arm} (energy not measured)"
    part = f", without the {row.blind_to.upper()}, which has no meter" if row.blind_to else ""
    return f"{time} and {energy_text(_energy_j(row))} on {row.arm} ({error_text(row)}{part})"


def _likeness(row: Row) -> str:
    energy_j = _energy_j(row)
    n_replies = LAPTOP_J / energy_j
    digits = 2 if n_replies >= 10 else 1
    modelled = " by the model's guess" if (row.modelled_share or 0.0) > 0.5 else ""
    return (
        f"{energy_text(energy_j)} keep a {BULB_W:g} W lamp lit for "
        f"{duration_text(energy_j / BULB_W)}; a 50 Wh laptop battery holds about "
        f"{_grouped(float(number_text(n_replies, digits)))} such replies{modelled}."
    )


def _energy_j(row: Row) -> float:
    return row.estimates["energy_j"].value


def _grouped(value: float) -> str:
    return f"{value:,.0f}"
