"""What the order of execution hides: drift over the run, and trials that lean on the last one."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.stats import Floats, holm
from llamawatt.core.normal import Z_95
from llamawatt.core.trials import Purpose

N_POINTS_MAX = 200
"""Longer series are first cut into this many stretches, each told by its median."""

_N_MIN = 6
_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Drift:
    """How a figure moved over the run, arms and suites apart.

    Attributes:
        metric: Field of `Metrics`.
        change: Relative change from the first to the last trial (Theil-Sen slope).
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: p-value of "no trend" (Kendall's tau against the order).
        n: Trials.
    """

    metric: str
    change: float
    low: float
    high: float
    p: float

    n: int

    @property
    def is_real(self) -> bool:
        """Whether it is both significant at 1 % and larger than 1 %."""
        return self.p < 0.01 and abs(self.change) > 0.01


@dataclass(frozen=True, slots=True)
class Autocorrelation:
    """How much a trial resembles the one before it, arms and suites apart.

    Attributes:
        metric: Field of `Metrics`.
        lag1: Correlation of neighbouring trials.
        bound: 95 % bound of chance, `1.96 / sqrt(n)`.
        n: Trials.
    """

    metric: str
    lag1: float
    bound: float
    n: int

    @property
    def is_real(self) -> bool:
        """Whether it is beyond chance and large enough (0.3) to narrow intervals falsely."""
        return self.lag1 > max(self.bound, 0.3)


def drift(cells: Iterable[Cell], metric: str) -> Drift | None:
    """Look for a trend of a figure over the run; None with fewer than six trials."""
    order, residual = residuals(cells, metric)
    n = order.size
    if n < _N_MIN or order[-1] == order[0]:
        return None
    x, y = _thinned(order, residual)
    if np.ptp(y) == 0:
        return Drift(metric, 0.0, 0.0, 0.0, 1.0, n)
    from scipy import stats  # noqa: PLC0415  (half a second, for runs of six trials and more)

    span = float(order[-1] - order[0])
    slope = stats.theilslopes(y, x)
    change, low, high = (
        float(each) * span for each in (slope.slope, slope.low_slope, slope.high_slope)
    )
    return Drift(metric, change, low, high, float(stats.kendalltau(x, y).pvalue), n)


def uneven_drift(cells: Iterable[Cell], metric: str) -> tuple[tuple[str, str], ...] | None:
    """Return the pairs of arms whose ratio moved over the blocks: their comparisons share no drift.

    Kendall's tau of the log ratios of each arm over the first one against the blocks, suite by
    suite, at 5 % after Holm's correction.

    Returns:
        Pairs of arms; None where no pair has six common blocks, so that it cannot be told.
    """
    first: dict[tuple[str, Purpose], Cell] = {}
    series = []
    for cell in cells:
        if cell.has(metric):
            base = first.setdefault((cell.suite, cell.purpose), cell)
            logs = _log_ratios(cell, base, metric)
            if cell is not base and logs.size >= _N_MIN and np.ptp(logs) > 0:
                series.append(((base.arm, cell.arm), logs))
    if not series:
        return None
    from scipy import stats  # noqa: PLC0415  (half a second, for runs of six blocks and more)

    p_values = [float(stats.kendalltau(range(logs.size), logs).pvalue) for _, logs in series]
    judged = zip(series, holm(p_values), strict=True)
    return tuple(dict.fromkeys(pair for (pair, _), p in judged if p < _ALPHA))


def _log_ratios(one: Cell, other: Cell, metric: str) -> Floats:
    """Known logs of the ratio in common blocks, in the order of the blocks."""
    _, in_a, in_b = np.intersect1d(one.block, other.block, return_indices=True)
    with np.errstate(all="ignore"):
        logs = np.log(one.columns[metric][in_a] / other.columns[metric][in_b])
    known: Floats = logs[np.isfinite(logs)]
    return known


def autocorrelation(cells: Iterable[Cell], metric: str) -> Autocorrelation | None:
    """Return the lag-1 autocorrelation of a figure; None with fewer than six trials."""
    order, residual = residuals(cells, metric)
    if order.size < _N_MIN:
        return None
    return Autocorrelation(metric, lag1(residual), Z_95 / math.sqrt(order.size), order.size)


def lag1(values: ArrayLike) -> float:
    """Return the lag-1 autocorrelation of a series, shape (n,); 0 for a constant one."""
    x = np.asarray(values, dtype=float)
    centred = x - x.mean()
    power = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / power if power else 0.0


def residuals(cells: Iterable[Cell], metric: str) -> tuple[Floats, Floats]:
    """Return order of execution and relative deviation from the cell's median, sorted."""
    orders, deviations = [np.empty(0)], [np.empty(0)]
    for cell in cells:
        value = cell.columns[metric]
        known = np.isfinite(value)
        centre = np.median(value[known]) if known.any() else 0.0
        if centre and known.sum() > 1:
            orders.append(cell.order[known].astype(float))
            deviations.append(value[known] / centre - 1)
    order, deviation = np.concatenate(orders), np.concatenate(deviations)
    at = np.argsort(order, kind="stable")
    return order[at], deviation[at]


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    if x.size <= N_POINTS_MAX:
        return x, y
    edges = np.linspace(0, x.size, N_POINTS_MAX + 1).astype(int)
    stretches = [slice(a, b) for a, b in pairwise(edges)]
    return (
        np.array([np.median(x[s]) for s in stretches]),
        np.array([np.median(y[s]) for s in stretches]),
    )
