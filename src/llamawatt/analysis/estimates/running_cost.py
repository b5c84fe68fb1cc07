"""What a load costs in a day: kilowatt-hours of replies, of residency and of loads, with intervals.

Only what lies above the machine's bare idle is the model's: the machine itself would draw that
anyway. A reply costs its joules above bare idle; a resident model costs what it draws in silence
above bare idle, for the hours in which it is resident and silent.
"""

import math
from dataclasses import dataclass

from llamawatt.core.units import J_PER_WH

S_PER_H = 3600.0
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the ends of its 95 % interval; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Daily:
    """A daily load.

    Attributes:
        n_replies: Replies a day.
        resident_h: Hours a day in which the model is resident.
        n_loads: Loads of the model a day.
    """

    n_replies: float
    resident_h: float
    n_loads: float = 1.0


@dataclass(frozen=True, slots=True)
class Model:
    """What a model costs, as measured.

    Attributes:
        reply_j: Joules of a reply above bare idle.
        reply_s: Seconds of a reply, one after the other.
        extra_w: What it draws resident and silent, above bare idle; None where not measured.
        load_j: Joules to load it above bare idle; None where not measured.
        n_tokens: Tokens of a reply.
    """

    reply_j: Figure
    reply_s: float
    extra_w: Figure | None
    load_j: Figure | None
    n_tokens: float


@dataclass(frozen=True, slots=True)
class DayCost:
    """What a day takes.

    Attributes:
        replies_wh: Watt-hours of replies.
        silence_wh: Of the resident model between them; None where not measured.
        loads_wh: Of loading it; None where not measured.
        total_wh: Of all that was measured.
        silence_share: Share of the silence in the total; None where not measured.
        busy_h: Hours of replying.
    """

    replies_wh: Figure
    silence_wh: Figure | None
    loads_wh: Figure | None
    total_wh: Figure
    silence_share: float | None
    busy_h: float


def day_cost(model: Model, load: Daily) -> DayCost:
    """Return what a day takes.

    Args:
        model: What it costs.
        load: The load.

    Raises:
        ValueError: the replies take longer than the hours in which the model is resident.
    """
    busy_h = load.n_replies * model.reply_s / S_PER_H
    if busy_h > load.resident_h:
        raise ValueError(
            f"{load.n_replies:g} replies take {busy_h:.1f} hours, and the model is resident for "
            f"{load.resident_h:g}"
        )
    replies = scaled(model.reply_j, load.n_replies / J_PER_WH)
    silence = model.extra_w and scaled(model.extra_w, load.resident_h - busy_h)
    loads = model.load_j and scaled(model.load_j, load.n_loads / J_PER_WH)
    parts = [part for part in (replies, silence, loads) if part is not None]
    total = summed(parts)
    share = silence.value / total.value if silence is not None and total.value > 0 else None
    return DayCost(replies, silence, loads, total, share, busy_h)


def scaled(figure: Figure, factor: float) -> Figure:
    """Return a figure times a factor of zero or more."""
    ends = (None if each is None else each * factor for each in (figure.low, figure.high))
    return Figure(figure.value * factor, *ends)


def summed(parts: list[Figure]) -> Figure:
    """Add figures whose errors do not know of each other; without interval if one has none."""
    value = math.fsum(part.value for part in parts)
    lows = [part.value - part.low for part in parts if part.low is not None]
    highs = [part.high - part.value for part in parts if part.high is not None]
    if len(lows) < len(parts) or len(highs) < len(parts):
        return Figure(value)
    return Figure(value, value - math.hypot(*lows), value + math.hypot(*highs))
