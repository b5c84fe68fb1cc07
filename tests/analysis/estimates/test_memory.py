import numpy as np
import pytest

from llamawatt.analysis.estimates.memory import pooled_lag1, widening


def rows(lag1, n, n_rows, seed=1):
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(lag1 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))))
    levels = rng.uniform(0.1, 100, (n_rows, 1))
    return levels + rng.standard_normal((n_rows, n)) @ root.T


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("lag1", [0.0, 0.3, 0.6])
def test_few_repeats_each_tell_the_correlation_together(lag1, n):
    found = [pooled_lag1(rows(lag1, n, 60, seed)) for seed in range(30)]
    assert np.mean(found) == pytest.approx(lag1, abs=0.08)


def test_too_few_steps_tell_nothing():
    assert pooled_lag1(rows(0.6, 3, 3)) == 0.0
    assert pooled_lag1([np.array([1.0, 2.0])] * 50) == 0.0
    assert pooled_lag1([np.ones(9)] * 9) == 0.0
    assert pooled_lag1([]) == 0.0


def test_widening_is_that_of_the_correlation_matrix():
    n, lag1 = 7, 0.5
    matrix = lag1 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    centred = (np.eye(n) - 1 / n) @ matrix
    trace, squared = np.trace(centred), np.trace(centred @ centred)
    wider, n_free = widening(n, lag1)
    assert wider**2 == pytest.approx(matrix.sum() / n / (trace / (n - 1)))
    assert n_free == pytest.approx(trace**2 / squared)


def test_independent_repeats_are_left_alone():
    assert widening(5, 0.0) == (1.0, 4.0)
    assert widening(5, -0.4) == (1.0, 4.0)
    assert widening(2, 0.5) == (1.0, 1.0)
