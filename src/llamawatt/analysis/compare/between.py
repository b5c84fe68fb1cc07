"""Several runs a side: trials within runs, runs within a side.

The logarithm of a trial is `mu_side + b_run + e_trial`, with a standard deviation of `tau` between
runs (the server started anew, another moment) and `sigma` within one. A run's mean scatters with
`tau^2 + sigma^2 / n` about its side, so runs, not trials, are what is counted: a mean over runs is
judged by Student's t on the run means, with one variance for both sides, as both are repeated in
the same way on the same machine. With as many trials in each run this is the exact test of the
two-level model (Searle, Casella & McCulloch 1992, ch. 3). Runs that were repeated before on the
same machine may lend their variance and its degrees of freedom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr

from llamawatt.analysis.compare.ratios import Logs
from llamawatt.analysis.estimates.stats import (
    Estimate,
    IntervalMethod,
    sensor_half_width,
    student,
)
from llamawatt.core.normal import Z_95


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the means of whole runs lie apart.

    Attributes:
        variance: Of the logarithms of run means.
        n_free: Its degrees of freedom.
        made_at: When the runs were made, for a reader; empty for the runs compared themselves.
    """

    variance: float
    n_free: int
    made_at: str = ""

    @property
    def relative(self) -> float:
        """Standard deviation as a share of the figure."""
        return math.expm1(math.sqrt(self.variance))


def spread_of(runs: Sequence[Logs], made_at: str = "") -> Spread | None:
    """Return the spread between the runs of one side; None with fewer than two."""
    if len(runs) < 2:
        return None
    return Spread(float(np.var(_means(runs), ddof=1)), len(runs) - 1, made_at)


def pooled(spreads: Sequence[Spread | None]) -> Spread | None:
    """Return one variance for several sides; None when no side has one."""
    known = [spread for spread in spreads if spread is not None]
    n_free = sum(spread.n_free for spread in known)
    if not n_free:
        return None
    variance = math.fsum(spread.variance * spread.n_free for spread in known) / n_free
    made_at = next((spread.made_at for spread in known if spread.made_at), "")
    return Spread(variance, n_free, made_at)


def between_runs(
    a: Sequence[Logs], b: Sequence[Logs], spread: Spread
) -> tuple[Estimate, float | None]:
    """Return the difference of two sides' means over runs, with its interval and p-value.

    Args:
        a: The runs of one side, at least one.
        b: The runs of the other.
        spread: Between runs, see `pooled`.
    """
    value = float(_means(a).mean() - _means(b).mean())
    error = math.sqrt(spread.variance * (1 / len(a) + 1 / len(b)))
    half, method = student(spread.n_free) * error, IntervalMethod.STUDENT_T
    p = 0.0 if value else None
    if error:
        p = float(2 * stdtr(spread.n_free, -abs(value) / error))
    inner = math.hypot(_sensor(a), _sensor(b))
    if inner > half:
        half, method = inner, IntervalMethod.SENSOR
        p = float(2 * ndtr(-abs(value) / (inner / Z_95)))
    return Estimate(value, value - half, value + half, min(len(a), len(b)), method), p


def over_runs(runs: Sequence[Logs]) -> Estimate:
    """Return a side's figure: the geometric mean of its runs, with Student's t on their logs."""
    means = _means(runs)
    value = math.exp(float(means.mean()))
    spread = spread_of(runs)
    if spread is None:
        return Estimate(value, None, None, 1, IntervalMethod.NONE)
    half = student(spread.n_free) * math.sqrt(spread.variance / len(runs))
    half = max(half, _sensor(runs))
    low, high = value * math.exp(-half), value * math.exp(half)
    return Estimate(value, low, high, len(runs), IntervalMethod.LOG_STUDENT_T)


def _means(runs: Sequence[Logs]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([run.values.mean() for run in runs])


def _sensor(runs: Sequence[Logs]) -> float:
    return math.hypot(*(sensor_half_width(run.values, run.errors) for run in runs)) / len(runs)
