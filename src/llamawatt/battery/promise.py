"""How far a battery reaches: replies, tokens and hours of a setting, with their intervals."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.metrics import METRICS
from llamawatt.core.readings import DomainKind
from llamawatt.core.units import J_PER_WH

_WHOLE = {DomainKind.BATTERY, DomainKind.PLATFORM}
S_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class Span:
    """A figure and the ends of its 95 % interval; ends are None where they are not known."""

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> "Span":
        """Return it times a factor above zero."""
        ends = (None if each is None else each * factor for each in (self.low, self.high))
        return Span(self.value * factor, *ends)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one setting costs on one suite.

    Attributes:
        setting: Name of the setting.
        suite: Name of the suite.
        reply_j: Joules of a reply.
        gain_share: Relative 95 % bound of the sensors' gain error.
        reply_s: Seconds of a reply, one after the other.
        n_tokens: Tokens of a reply.
        doubts: What the joules leave out, in sentences.
    """

    setting: str
    suite: str
    reply_j: Span
    gain_share: float
    reply_s: float
    n_tokens: float
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Promise:
    """How far a battery reaches with one setting.

    Attributes:
        cost: The setting and what it costs.
        replies: Replies until it is empty.
        tokens: Tokens until then.
        hours: Hours until then, replying without a pause or at the rate that was asked for.
    """

    cost: Cost
    replies: Span
    tokens: Span
    hours: Span


def promise(
    cost: Cost,
    stock_j: float,
    stock_share: float,
    *,
    replies_per_h: float | None = None,
    idle_w: float = 0.0,
) -> Promise:
    """Return how far a battery reaches.

    Args:
        cost: What a reply costs.
        stock_j: What the battery holds.
        stock_share: Relative 95 % bound of that.
        replies_per_h: Replies an hour; one after the other when None.
        idle_w: What the machine draws between replies, where a rate is given.
    """
    busy_h = cost.reply_s / S_PER_H
    pause_h = 0.0 if replies_per_h is None else max(0.0, 1 / replies_per_h - busy_h)
    rest_j = idle_w * pause_h * S_PER_H
    each = Span(
        cost.reply_j.value + rest_j,
        *(None if end is None else end + rest_j for end in (cost.reply_j.low, cost.reply_j.high)),
    )
    replies = _quotient(stock_j, stock_share, each, cost.gain_share)
    return Promise(cost, replies, replies.scaled(cost.n_tokens), replies.scaled(busy_h + pause_h))


def _quotient(stock_j: float, stock_share: float, each: Span, gain_share: float) -> Span:
    """Divide, with the relative errors of both in quadrature, as logarithms."""
    value = stock_j / each.value
    if each.low is None or each.high is None or each.low <= 0:
        return Span(value)
    low, high = math.log(each.value / each.low), math.log(each.high / each.value)
    shared = math.hypot(math.log1p(stock_share), math.log1p(gain_share))
    return Span(
        value,
        value * math.exp(-math.hypot(high, shared)),
        value * math.exp(math.hypot(low, shared)),
    )


def costs(run: Assessment) -> tuple[Cost, ...]:
    """Return what every setting of a run costs on every suite; without joules it is left out."""
    return tuple(cost for cell in run.suite_cells if (cost := _cost(run, cell)) is not None)


def _cost(run: Assessment, cell: Cell) -> Cost | None:
    joules, latency = cell.estimate("energy_j"), cell.estimate("latency_s")
    if joules is None or latency is None or joules.value <= 0:
        return None
    per_reply = cell.columns["duration_s"] / cell.columns["n_replies"]
    tokens = cell.columns["n_generated"] / cell.columns["n_replies"]
    return Cost(
        cell.arm,
        cell.suite,
        _span(joules),
        cell.gain(METRICS["energy_j"]),
        float(per_reply.mean()),
        float(tokens.mean()),
        tuple(doubts(run, cell)),
    )


def _span(made: Estimate) -> Span:
    return Span(made.value, made.low, made.high)


def doubts(run: Assessment, cell: Cell) -> Iterable[str]:
    """Say what joules of a run do not say of a battery."""
    kinds = {d.kind for d in run.machine.domains if d.in_total and d.name in cell.domains}
    if run.machine.on_battery is False:
        yield (
            "Measured on mains: on battery many machines lower their clocks, and joules and "
            "seconds are others."
        )
    if not kinds & _WHOLE:
        yield (
            "Only what the sensors see: screen, drives and the rest of the machine empty the "
            "battery too, so it reaches less far."
        )


def break_even_tokens(one: Iterable[Cost], other: Iterable[Cost]) -> float | None:
    """Return the reply length at which two settings cost the same; None where there is none.

    Each setting's joules are taken as a line over the tokens of a reply, through its suites.
    """
    a, b = _line(list(one)), _line(list(other))
    if a is None or b is None or a[1] == b[1]:
        return None
    (fixed_a, each_a), (fixed_b, each_b) = a, b
    tokens = (fixed_b - fixed_a) / (each_a - each_b)
    return tokens if 0 < tokens < math.inf else None


def _line(found: list[Cost]) -> tuple[float, float] | None:
    """Fit joules over tokens by least squares; None below two lengths."""
    lengths = [cost.n_tokens for cost in found]
    if len(set(lengths)) < 2:
        return None
    mean_n = math.fsum(lengths) / len(found)
    mean_j = math.fsum(cost.reply_j.value for cost in found) / len(found)
    across = math.fsum((cost.n_tokens - mean_n) * (cost.reply_j.value - mean_j) for cost in found)
    slope = across / math.fsum((n - mean_n) ** 2 for n in lengths)
    return mean_j - slope * mean_n, slope


def wh(energy_j: float) -> float:
    """Return joules as watt-hours."""
    return energy_j / J_PER_WH
