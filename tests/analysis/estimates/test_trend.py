"""Slope and trend are those of scipy.stats, to the last bit."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from llamawatt.analysis.estimates.trend import kendall_p, theil_sen


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(6, 200),
    n_places=st.sampled_from((10, 300, 10**6)),
    digits=st.sampled_from((0, 1, 15)),
    slope=st.sampled_from((0.0, 1e-3, -1.0)),
)
def test_slope_and_trend_are_those_of_scipy(
    seed: int, n: int, n_places: int, digits: int, slope: float
) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.integers(0, n_places, n)).astype(float)
    y = np.round(rng.standard_normal(n), digits) + slope * x
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    found = stats.theilslopes(y, x)
    assert theil_sen(x, y) == (found.slope, found.low_slope, found.high_slope)
    assert kendall_p(x, y) == stats.kendalltau(x, y).pvalue


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize("n", [6, 200])
def test_a_sorted_series_has_the_exact_p_value(n: int, direction: float) -> None:
    x = np.arange(n, dtype=float)
    y = direction * x
    assert kendall_p(x, y) == stats.kendalltau(x, y).pvalue < 0.01
