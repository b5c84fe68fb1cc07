"""Whether a series moves: Theil-Sen slope and Kendall's tau.

They are those of `scipy.stats`, to the last bit, without half a second of importing it.
"""

import numpy as np
from scipy.special import ndtr, ndtri

from llamawatt.analysis.estimates.stats import Floats

_TAIL = 0.025
_N_EXACT = 33
"""Up to this many values Kendall's p-value is exact, and `scipy.stats` computes it."""


def theil_sen(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return the median slope of all pairs and its 95 % interval (Sen 1968, eq. 2.6).

    Args:
        x: Places, shape (n,), not all equal.
        y: Values, shape (n,).

    Returns:
        Slope, lower end, upper end, in units of y per x.
    """
    run, rise = x[:, None] - x, y[:, None] - y
    slopes = np.sort(rise[run > 0] / run[run > 0])
    n, n_pairs = y.size, slopes.size
    x_ties, y_ties = _ties(x)[2], _ties(y)[2]
    sigma = np.sqrt(1 / 18.0 * (n * (n - 1) * (2 * n + 5) - x_ties - y_ties))
    reach = -float(ndtri(_TAIL)) * sigma
    high = min(int(np.round((n_pairs + reach) / 2)), n_pairs - 1)
    low = max(int(np.round((n_pairs - reach) / 2)) - 1, 0)
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])


def kendall_p(x: Floats, y: Floats) -> float:
    """Return the two-sided p-value of "y does not depend on the order of x", ties allowed.

    Exact for few values or a (nearly) sorted series, else from the normal distribution with the
    variance of Kendall 1970, ch. 4.

    Args:
        x: Places, shape (n,), not all equal.
        y: Values, shape (n,), not all equal.
    """
    n = x.size
    agreement = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    n_agree, n_differ = int((agreement > 0).sum()) // 2, int((agreement < 0).sum()) // 2
    if n <= _N_EXACT or min(n_agree, n_differ) <= 1:
        from scipy import stats  # noqa: PLC0415  # half a second, seldom needed

        return float(stats.kendalltau(x, y).pvalue)
    (x_pairs, x_triples, x_ties), (y_pairs, y_triples, y_ties) = _ties(x), _ties(y)
    m = n * (n - 1.0)
    variance = (
        (m * (2 * n + 5) - x_ties - y_ties) / 18
        + (2 * x_pairs * y_pairs) / m
        + x_triples * y_triples / (9 * m * (n - 2))
    )
    return float(2 * ndtr(-abs((n_agree - n_differ) / np.sqrt(variance))))


def _ties(values: Floats) -> tuple[int, int, int]:
    """Return the sums of k(k-1)/2, k(k-1)(k-2) and k(k-1)(2k+5) over groups of k equal values."""
    k = np.unique(values, return_counts=True)[1].astype(np.int64)
    pairs = k * (k - 1)
    return int(pairs.sum()) // 2, int((pairs * (k - 2)).sum()), int((pairs * (2 * k + 5)).sum())
