"""Figures from repeats with 95 % intervals that know both scatter and sensor; outliers; Holm.

How an interval is made
    A quantity that can only be positive is judged on logarithms: the point is the geometric mean
    of the repeats, the interval is Student's t about the mean of their logarithms. So it is
    centred on what is printed, cannot reach below zero, has no step at any number of repeats, and
    the ratio of two figures is the mean of their ratios. A quantity that may be negative (a
    difference, as joules above idle) has the arithmetic mean and Student's t as it stands.

How neighbours enter
    Repeats that resemble the one before make a mean look surer than it is; `memory` says by how
    much the interval must be wider, and how many degrees of freedom are left.

How sensor uncertainty enters
    Random sensor error is already inside the scatter of the repeats, so adding it again would
    count it twice. The larger of the two is taken: the scatter ("external"), or what the sensors
    promise for the mean, `sqrt(sum u_i^2) / n` ("internal"): Birge's ratio held at one or more
    (doi:10.1103/PhysRev.40.207). Gain error does not shrink by repeating; it never enters here.

What it is good for
    It is the repeatability within one run: another run, with the server started anew, has a
    spread of its own on top, which no number of repeats within the run shows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtr, stdtrit

from llamawatt.analysis.estimates.memory import widening
from llamawatt.core.normal import Z_95

_TAIL = 0.025
_LOG_MOST = 700.0
_MAD_TO_SIGMA = 1.4826
_OUTLIER_Z = 3.5
_N_OUTLIER = 5

Floats = NDArray[np.float64]


class IntervalMethod(StrEnum):
    """How an interval was made."""

    LOG_STUDENT_T = "log-student-t"
    STUDENT_T = "student-t"
    SENSOR = "sensor"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure from repeats.

    Attributes:
        value: Geometric mean of the repeats; their arithmetic mean where they may be negative.
        low: Lower end of the 95 % interval; None with fewer than two repeats.
        high: Upper end; None likewise.
        n: Repeats.
        method: How the interval was made; `sensor` when the sensor's own random error exceeds
            the scatter of the repeats.
        n_outliers: Repeats marked as outliers; they are kept in the figure.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    method: IntervalMethod
    n_outliers: int = 0

    @property
    def relative_half_width(self) -> float | None:
        """Half the interval over the value; None without interval or about zero."""
        if self.low is None or self.high is None or self.value == 0:
            return None
        return (self.high - self.low) / 2 / abs(self.value)


def estimate(
    values: ArrayLike,
    uncertainties: ArrayLike | None = None,
    *,
    signed: bool = False,
    lag1: float = 0.0,
) -> Estimate:
    """Return the figure of repeats with its 95 % interval.

    Args:
        values: One figure per repeat, shape (n,), finite, n >= 1.
        uncertainties: 95 % half-widths of the random sensor error of each, same shape and unit.
        signed: Whether the quantity may be zero or negative, as a difference may. Values that are
            not all positive are taken as signed whatever is said.
        lag1: Correlation of neighbouring repeats, as far as it is known.

    Raises:
        ValueError: No values, values that are not finite, or shapes that differ.
    """
    x = _checked(values)
    n_outliers = int(outliers(x).sum())
    if signed or (x <= 0).any():
        mean, half, method = _mean(x, uncertainties, lag1)
        low, high = mean - half, mean + half
    else:
        relative = None if uncertainties is None else np.asarray(uncertainties, dtype=float) / x
        log, half, method = _mean(np.log(x), relative, lag1)
        mean, low, high = exp(log), exp(log - half), exp(log + half)
        if method is IntervalMethod.STUDENT_T:
            method = IntervalMethod.LOG_STUDENT_T
    if x.size == 1:
        return Estimate(float(x[0]), None, None, 1, IntervalMethod.NONE)
    return Estimate(mean, low, high, x.size, method, n_outliers)


def exp(logarithm: float) -> float:
    """Return e to a power, held within what a number can be."""
    return math.exp(max(-_LOG_MOST, min(logarithm, _LOG_MOST)))


def widened(made: Estimate, half_width: float) -> Estimate:
    """Return a figure whose interval counts a further error that all its repeats share.

    Args:
        made: The figure, as it stands (not of logarithms).
        half_width: 95 % half-width of that error.
    """
    if made.low is None or made.high is None:
        return made
    half = math.hypot((made.high - made.low) / 2, half_width)
    return replace(made, low=made.value - half, high=made.value + half)


def relative_half_width(
    values: Sequence[float], uncertainties: Sequence[float] | None = None, *, n_min: int = 3
) -> float | None:
    """Return the relative half-width of the 95 % interval, for a sequential stopping rule.

    Args:
        values: The repeats so far.
        uncertainties: Their random sensor errors.
        n_min: Fewest repeats for which a width is given; at least 2.

    Returns:
        Half-width over the figure; None with too few repeats or a figure of zero.
    """
    if len(values) < max(2, n_min):
        return None
    return estimate(values, uncertainties).relative_half_width


def sensor_half_width(values: ArrayLike, uncertainties: ArrayLike | None) -> float:
    """Return what the sensors' random errors alone allow for the mean of the repeats.

    Args:
        values: The repeats, shape (n,).
        uncertainties: 95 % half-widths, shape (n,); None counts as no known sensor error.

    Returns:
        `sqrt(sum u_i^2) / n`.
    """
    if uncertainties is None:
        return 0.0
    x, u = _checked(values), _checked(uncertainties)
    if x.shape != u.shape:
        raise ValueError(f"{x.size} values but {u.size} uncertainties")
    return float(np.sqrt(np.square(u).sum())) / x.size


def p_zero(values: ArrayLike, half_width: float = 0.0, *, lag1: float = 0.0) -> float | None:
    """Return the two-sided p-value of a mean of zero (Student's t).

    Args:
        values: Repeats of a difference, shape (n,).
        half_width: Sensor half-width of the mean; where it exceeds the scatter's, it decides.
        lag1: Correlation of neighbouring repeats, as far as it is known.

    Returns:
        The p-value; None with fewer than two repeats, or when neither scatter nor sensor
        gives any error to judge by.
    """
    x = _checked(values)
    if x.size < 2:
        return None
    mean = float(x.mean())
    error, n_free = standard_error(x, lag1)
    if half_width > student(n_free) * error:
        return float(2 * ndtr(-abs(mean) / (half_width / Z_95)))
    if error == 0:
        return None if mean == 0 else 0.0
    return float(2 * stdtr(n_free, -abs(mean) / error))


def standard_error(values: Floats, lag1: float = 0.0) -> tuple[float, float]:
    """Return the standard error of the mean of at least two repeats, and its degrees of freedom."""
    wider, n_free = widening(values.size, lag1)
    return wider * float(values.std(ddof=1)) / math.sqrt(values.size), n_free


def student(n_free: float) -> float:
    """Return the 97.5 % quantile of Student's t."""
    return float(stdtrit(n_free, 1 - _TAIL))


def holm(p_values: Sequence[float], n_hypotheses: int = 0) -> tuple[float, ...]:
    """Adjust the p-values of a family of comparisons (Holm 1979), in the given order.

    Args:
        p_values: Of the comparisons that were made.
        n_hypotheses: Size of the family they were chosen from; their own number if that is more.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    factors = max(p.size, n_hypotheses) - np.arange(p.size)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return tuple(adjusted.tolist())


def outliers(values: ArrayLike) -> NDArray[np.bool_]:
    """Mark values further than 3.5 robust standard deviations from the median.

    Iglewicz & Hoaglin 1993. Marks only: nothing is ever dropped for it. With fewer than five
    values, or no spread, nothing is marked.
    """
    x = np.asarray(values, dtype=float)
    distance = np.abs(x - np.median(x)) if x.size else x
    sigma = _MAD_TO_SIGMA * float(np.median(distance)) if x.size >= _N_OUTLIER else 0.0
    return distance > _OUTLIER_Z * sigma if sigma > 0 else np.zeros(x.shape, dtype=bool)


def _checked(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or x.size == 0 or not np.isfinite(x).all():
        raise ValueError("expected a row of finite values, at least one")
    return x


def _mean(
    x: Floats, uncertainties: ArrayLike | None, lag1: float
) -> tuple[float, float, IntervalMethod]:
    """Mean, half-width and method; the half-width of a single value says nothing."""
    mean, inner = float(x.mean()), sensor_half_width(x, uncertainties)
    if x.size == 1:
        return mean, 0.0, IntervalMethod.NONE
    error, n_free = standard_error(x, lag1)
    half = student(n_free) * error
    if inner > half:
        return mean, inner, IntervalMethod.SENSOR
    return mean, half, IntervalMethod.STUDENT_T
