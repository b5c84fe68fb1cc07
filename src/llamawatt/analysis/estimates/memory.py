"""Repeats that lean on the repeat before: how strongly, and how much wider their interval must be.

A first-order autoregression with correlation `r` between neighbours stands for whatever makes
repeats alike: heat that lingers, another process, a slow drift. Its correlation matrix is
`R_ij = r^|i-j|`. Two things follow for the mean of n repeats, with `C` the centring matrix:

    variance of the mean           s2 * sum(R) / n^2, more than s2 / n
    expected sample variance       s2 * tr(C R) / (n - 1), less than s2

and the sample variance has `tr(C R)^2 / tr((C R)^2)` degrees of freedom (Box 1954,
doi:10.1214/aoms/1177728786). The sample correlation of a few repeats is pulled far below the
truth; it is taken back to the correlation whose expectation it has (Kendall 1954,
doi:10.1093/biomet/41.3-4.403), pooled over all series of a run.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

N_STEPS_MIN = 8
"""Steps from a repeat to the next, over all series, from which a correlation can be told."""
N_REPEATS_MIN = 3
LAG1_MAX = 0.9

_GRID: NDArray[np.float64] = np.linspace(-0.5, 0.95, 146)

Floats = NDArray[np.float64]


def widening(n: int, lag1: float) -> tuple[float, float]:
    """Return by what a half-width grows, and the degrees of freedom of the sample variance.

    Args:
        n: Repeats, at least two.
        lag1: Correlation of neighbours; none is assumed where it is not positive, and with fewer
            than `N_REPEATS_MIN` repeats.
    """
    if lag1 <= 0 or n < N_REPEATS_MIN:
        return 1.0, n - 1.0
    return _widening(n, round(min(lag1, LAG1_MAX), 3))


def pooled_lag1(series: Iterable[Floats]) -> float:
    """Return the correlation of neighbours that all series share; 0 when it cannot be told.

    Args:
        series: Rows of repeats in the order of execution, shape (n,) each, any level and spread.
            Those with fewer than `N_REPEATS_MIN` repeats, or none but equal ones, are left out.
    """
    steps, squares = 0.0, 0.0
    weights: dict[int, tuple[int, float]] = {}
    for row in series:
        n = row.size
        if n < N_REPEATS_MIN:
            continue
        centred = row - row.mean()
        square = float(centred @ centred)
        if square > 0:
            steps += float(centred[1:] @ centred[:-1])
            squares += square
            count, weight = weights.get(n, (0, 0.0))
            weights[n] = count + 1, weight + square / (n - 1)
    if sum((n - 1) * count for n, (count, _) in weights.items()) < N_STEPS_MIN:
        return 0.0
    up, down = np.zeros_like(_GRID), np.zeros_like(_GRID)
    for n, (_, weight) in weights.items():
        expected = _expected(n)
        up += weight * expected[0]
        down += weight * expected[1]
    curve = np.maximum.accumulate(up / down)
    return float(np.interp(steps / squares, curve, _GRID))


@lru_cache(maxsize=256)
def _widening(n: int, lag1: float) -> tuple[float, float]:
    row_sums = _row_sums(n, lag1)
    total = float(row_sums.sum())
    powers = lag1 ** (2 * np.arange(1, n))
    frobenius = n + 2 * float((np.arange(n - 1, 0, -1) * powers).sum())
    trace = n - total / n
    trace_squared = frobenius - 2 * float(row_sums @ row_sums) / n + (total / n) ** 2
    inflation = (total / n) / (trace / (n - 1))
    return float(np.sqrt(inflation)), trace**2 / trace_squared


@lru_cache(maxsize=64)
def _expected(n: int) -> tuple[Floats, Floats]:
    """Expected sums of neighbouring products and of squares, for each correlation of the grid."""
    up, down = np.empty_like(_GRID), np.empty_like(_GRID)
    for at, lag1 in enumerate(_GRID.tolist()):
        means = _row_sums(n, lag1) / n
        total = float(means.sum()) / n
        up[at] = (n - 1) * (lag1 + total) - float((means[1:] + means[:-1]).sum())
        down[at] = n - n * total
    return up, down


def _row_sums(n: int, lag1: float) -> Floats:
    """Row sums of the correlation matrix, shape (n,)."""
    i = np.arange(n)
    before = (1 - lag1 ** (i + 1)) / (1 - lag1)
    after = lag1 * (1 - lag1 ** (n - 1 - i)) / (1 - lag1)
    sums: Floats = (before + after).astype(np.float64)
    return sums
