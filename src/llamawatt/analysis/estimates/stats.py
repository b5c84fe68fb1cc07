"""Medians with 95 % intervals that know both scatter and sensor; outlier marks; Holm.

How an interval is made
    The point is the median of the repeats. With fewer than `N_BOOTSTRAP` repeats the interval is
    Student's t about their mean, because a bootstrap of so few values is too narrow. From there on
    it is the percentile bootstrap of the median, computed exactly instead of by resampling:
    the bootstrap distribution of an order statistic is binomial (Maritz & Jarrett 1978,
    doi:10.1080/01621459.1978.10480027), so it needs no seed. BCa is not used: its acceleration
    comes from a jackknife, which fails for medians (Efron & Tibshirani 1993, ch. 14.3). Its tail
    is expanded for small samples (Hesterberg 2015, doi:10.1080/00031305.2015.1089789).

How sensor uncertainty enters
    Random sensor error is already inside the scatter of the repeats, so adding it again would
    count it twice. The larger of the two is taken: the scatter ("external"), or what the sensors
    promise for the mean, `sqrt(sum u_i^2) / n` ("internal"): Birge's ratio held at one or more
    (doi:10.1103/PhysRev.40.207). Gain error does not shrink by repeating; it never enters here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtr, stdtr, stdtrit

from llamawatt.core.normal import Z_95

N_BOOTSTRAP = 8
"""From this many repeats on, intervals are bootstrap intervals of the median."""

MEDIAN_INFLATION = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for normal errors."""

_TAIL = 0.025
_MAD_TO_SIGMA = 1.4826
_OUTLIER_Z = 3.5
_N_OUTLIER = 5

Floats = NDArray[np.float64]


class IntervalMethod(StrEnum):
    """How an interval was made."""

    STUDENT_T = "student-t"
    BOOTSTRAP_MEDIAN = "bootstrap-median"
    SENSOR = "sensor"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure from repeats.

    Attributes:
        value: Median of the repeats.
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


def estimate(values: ArrayLike, uncertainties: ArrayLike | None = None) -> Estimate:
    """Return the median of repeats with its 95 % interval.

    Args:
        values: One figure per repeat, shape (n,), finite, n >= 1.
        uncertainties: 95 % half-widths of the random sensor error of each, same shape and unit.

    Raises:
        ValueError: No values, values that are not finite, or shapes that differ.
    """
    x = _checked(values)
    value = float(np.median(x))
    n_outliers = int(outliers(x).sum())
    if x.size == 1:
        return Estimate(value, None, None, 1, IntervalMethod.NONE)
    inner = sensor_half_width(x, uncertainties)
    if x.size < N_BOOTSTRAP:
        centre, half = float(x.mean()), _t_half_width(x)
        low, high, method = centre - half, centre + half, IntervalMethod.STUDENT_T
    else:
        low, high = _bootstrap_median(np.sort(x))
        centre, half, method = value, (high - low) / 2, IntervalMethod.BOOTSTRAP_MEDIAN
    if inner > half:
        low, high, method = centre - inner, centre + inner, IntervalMethod.SENSOR
    return Estimate(value, min(low, value), max(high, value), x.size, method, n_outliers)


def relative_half_width(
    values: Sequence[float], uncertainties: Sequence[float] | None = None, *, n_min: int = 3
) -> float | None:
    """Return the relative half-width of the 95 % interval, for a sequential stopping rule.

    Stopping as soon as an interval happens to be narrow favours lucky runs of the first few
    repeats. `n_min` is the guard: no width is given before that many repeats. What the guard
    leaves of the error is measured in the tests and told in the documentation.

    Args:
        values: One figure per repeat so far.
        uncertainties: 95 % half-widths of each figure's random sensor error.
        n_min: Fewest repeats for which a width is given; at least 2.

    Returns:
        Half-width over the median; None with too few repeats or a median of zero.
    """
    if len(values) < max(2, n_min):
        return None
    return estimate(values, uncertainties).relative_half_width


def sensor_half_width(values: ArrayLike, uncertainties: ArrayLike | None) -> float:
    """Return what the sensors' random errors alone allow for the centre of the repeats.

    Args:
        values: The repeats, shape (n,).
        uncertainties: 95 % half-widths, shape (n,); None counts as no known sensor error.

    Returns:
        `sqrt(sum u_i^2) / n`, times `MEDIAN_INFLATION` where the centre is a median.
    """
    if uncertainties is None:
        return 0.0
    x, u = _checked(values), _checked(uncertainties)
    if x.shape != u.shape:
        raise ValueError(f"{x.size} values but {u.size} uncertainties")
    inflation = MEDIAN_INFLATION if x.size >= N_BOOTSTRAP else 1.0
    return float(np.sqrt(np.square(u).sum())) / x.size * inflation


def p_zero(values: ArrayLike, half_width: float = 0.0) -> float | None:
    """Return the two-sided p-value of a mean of zero (Student's t).

    Args:
        values: Repeats of a difference, shape (n,).
        half_width: Sensor half-width of the centre; where it exceeds the scatter's, it decides.

    Returns:
        The p-value; None with fewer than two repeats, or when neither scatter nor sensor
        gives any error to judge by.
    """
    x = _checked(values)
    if x.size < 2:
        return None
    mean, half = float(x.mean()), _t_half_width(x)
    if half_width > half:
        return float(2 * ndtr(-abs(mean) / (half_width / Z_95)))
    if half == 0:
        return None if mean == 0 else 0.0
    t = mean / (float(x.std(ddof=1)) / math.sqrt(x.size))
    return float(2 * stdtr(x.size - 1, -abs(t)))


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


def _t_half_width(x: Floats) -> float:
    quantile = float(stdtrit(x.size - 1, 1 - _TAIL))
    return quantile * float(x.std(ddof=1)) / math.sqrt(x.size)


def _bootstrap_median(ordered: Floats) -> tuple[float, float]:
    """Percentile interval of the median's exact bootstrap distribution.

    A resample's r-th smallest is at most the k-th of n values with probability
    `P(Binomial(n, k/n) >= r)`. For even n the two middle order statistics are averaged.
    """
    n = ordered.size
    tail = float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, _TAIL)))
    ranks = (n // 2 + 1,) if n % 2 else (n // 2, n // 2 + 1)
    ends = np.zeros(2)
    for rank in ranks:
        # The smallest k whose probability reaches the tail, by the inverse of the binomial sum.
        share = betaincinv(rank, n - rank + 1, np.array([tail, 1 - tail]))
        at = np.ceil(share * n - 1e-9).astype(int) - 1
        ends += ordered[np.clip(at, 0, n - 1)] / len(ranks)
    return float(ends[0]), float(ends[1])
