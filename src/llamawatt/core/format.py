"""Numbers as people read them. The only place where SI values are scaled for print."""

import math

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
MISSING = "–"
"""Printed where there is no figure."""


def shortened(text: str, n_characters: int) -> str:
    """Return a text, cut with an ellipsis where it is longer than that."""
    return text if len(text) <= n_characters else f"{text[:n_characters]}…"


def quantity_text(value: float | None, unit: str, digits: int = 3) -> str:
    """Return a value with an SI prefix and `digits` significant digits, as `1.24 mJ`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return f"0 {unit}"
    size = abs(float(f"{value:.{digits}g}"))
    scale, prefix = next(((s, p) for s, p in _PREFIXES if size >= s), _PREFIXES[-1])
    return f"{number_text(value / scale, digits)} {prefix}{unit}"


def number_text(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` significant digits and no exponent in everyday ranges."""
    if value is None or not math.isfinite(value):
        return MISSING
    rounded = float(f"{value:.{digits}g}")
    if rounded and not 1e-4 <= abs(rounded) < 1e7:
        return f"{value:.{digits - 1}e}"
    decimals = digits - 1 - (math.floor(math.log10(abs(rounded))) if rounded else 0)
    return f"{rounded:.{max(0, decimals)}f}"


def energy_text(energy_j: float | None) -> str:
    """Return joules, as `41.2 J`."""
    return quantity_text(energy_j, "J")


def power_text(power_w: float | None) -> str:
    """Return watts, as `7.41 W`."""
    return quantity_text(power_w, "W")


def duration_text(duration_s: float | None) -> str:
    """Return a duration, as `41 ms`, `3.21 s`, `4 min 05 s` or `2 h 10 min`."""
    if duration_s is None or not math.isfinite(duration_s):
        return MISSING
    if duration_s < 60:
        return quantity_text(duration_s, "s")
    minutes, seconds = divmod(round(duration_s), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def percent_text(share: float | None, digits: int = 2) -> str:
    """Return a share as a percentage, as `3.1 %`."""
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{number_text(share * 100, digits)} %"


def plus_minus_text(share: float | None) -> str:
    """Return a relative half-width, as `±2.1 %`."""
    return MISSING if share is None else f"±{percent_text(abs(share))}"


LARGE_GAIN_ERROR = 0.25
"""From here on a relative error is told as a factor: "±53 %" would hide that it is lopsided."""


def gain_text(gain_error: float | None) -> str:
    """Return a sensor's relative error, as `±5 %`, and as `×/÷ 1.8` where it is large.

    A relative error g has the logarithmic half-width atanh(g); the factor is its exponential.
    """
    if gain_error is None or not LARGE_GAIN_ERROR < abs(gain_error) < 1:
        return plus_minus_text(gain_error)
    return f"×/÷ {number_text(math.exp(math.atanh(abs(gain_error))), 2)}"


def deviation_text(value: float, low: float | None, high: float | None) -> str:
    """Return how far an interval reaches from its figure, as `±2.1 %`, or `−29/+42 %` if uneven.

    As a factor, `×/÷ 5.7`, where it reaches beyond twice the figure. Empty without an interval, and
    about zero, where no share can be told.
    """
    if low is None or high is None or value == 0:
        return ""
    down, up = (value - low) / abs(value), (high - value) / abs(value)
    if max(down, up) > 1:
        return f"×/÷ {number_text(math.sqrt(high / low), 2)}" if low > 0 else ""
    if percent_text(down) == percent_text(up):
        return plus_minus_text(up)
    return f"−{number_text(down * 100, 2)}/+{percent_text(up)}"
