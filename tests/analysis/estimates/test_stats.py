import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.estimates.stats import (
    IntervalMethod,
    estimate,
    holm,
    outliers,
    p_zero,
    relative_half_width,
    sensor_half_width,
)

rows = st.lists(st.floats(0.1, 1e3), min_size=2, max_size=40)


def coverage(n, n_simulations=800):
    rng = np.random.default_rng(n)
    made = [estimate(100 * np.exp(0.1 * rng.standard_normal(n))) for _ in range(n_simulations)]
    return sum(e.low <= 100 <= e.high for e in made) / n_simulations


@pytest.mark.parametrize("n", [2, 3, 5, 7, 8, 9, 12, 31])
def test_intervals_hold_the_truth_about_95_times_in_100(n):
    assert 0.925 <= coverage(n) <= 0.99


def test_a_positive_quantity_has_students_t_on_its_logarithms():
    x = np.array([1.0, 2.0, 4.0])
    made = estimate(x)
    low, high = scipy.stats.t.interval(0.95, 2, np.log(x).mean(), scipy.stats.sem(np.log(x)))
    assert (made.low, made.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert made.method is IntervalMethod.LOG_STUDENT_T
    assert made.value == pytest.approx(2.0)
    assert made.high / made.value == pytest.approx(made.value / made.low)


def test_two_far_readings_of_idle_give_no_negative_watts():
    made = estimate([71.0, 123.0])
    assert 0 < made.low < 71 < made.value < 123 < made.high


def test_a_difference_has_students_t_as_it_stands():
    x = [1.0, 2.0, 4.0]
    made = estimate(x, signed=True)
    low, high = scipy.stats.t.interval(0.95, 2, np.mean(x), scipy.stats.sem(x))
    assert (made.low, made.value, made.high) == pytest.approx((low, 7 / 3, high))
    assert made.method is IntervalMethod.STUDENT_T
    below = estimate([-1.0, 0.0, 2.0])
    assert below.method is IntervalMethod.STUDENT_T
    assert below.value == pytest.approx(1 / 3)


def test_the_width_has_no_step_at_any_number_of_repeats():
    rng = np.random.default_rng(8)
    widths = [
        np.median([estimate(np.exp(0.05 * rng.standard_normal(n))).relative_half_width
                   for _ in range(400)])
        for n in range(5, 13)
    ]  # fmt: skip
    assert all(b < a * 1.05 for a, b in pairwise(widths))


def test_the_ratio_of_two_figures_is_the_mean_of_their_ratios():
    rng = np.random.default_rng(3)
    a, b = np.exp(rng.standard_normal((2, 7)))
    assert estimate(a / b).value == pytest.approx(estimate(a).value / estimate(b).value)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_repeats_that_lean_on_each_other_get_wider_intervals(n):
    rng = np.random.default_rng(n)
    lag1 = 0.57
    root = np.linalg.cholesky(lag1 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))))
    rows = np.exp(0.03 * rng.standard_normal((1500, n)) @ root.T)
    plain, wide = (
        np.mean([made.low <= 1 <= made.high for made in (estimate(x, lag1=r) for x in rows)])
        for r in (0.0, lag1)
    )
    assert plain < 0.87
    assert 0.93 <= wide <= 0.975


def test_one_repeat_has_no_interval():
    made = estimate([3.0], [0.1])
    assert (made.low, made.high, made.relative_half_width) == (None, None, None)
    assert made.method is IntervalMethod.NONE


@pytest.mark.parametrize("n", [4, 9])
def test_where_repeats_agree_better_than_the_sensor_the_sensor_decides(n):
    made = estimate([50.0] * n, [2.0] * n)
    assert made.method is IntervalMethod.SENSOR
    assert math.log(made.high / 50.0) == pytest.approx(2.0 / 50.0 / math.sqrt(n))


def test_sensor_error_inside_the_scatter_is_not_counted_twice():
    rng = np.random.default_rng(5)
    sensor = 2.0 * rng.standard_normal(30)
    assert estimate(50 + sensor, [4.0 / 2] * 30) == estimate(50 + sensor)


@given(x=rows)
def test_the_interval_holds_the_figure(x):
    made = estimate(x)
    assert made.low <= made.value <= made.high


@given(x=rows, scale=st.floats(0.01, 100))
def test_a_change_of_unit_changes_nothing_else(x, scale):
    a, b = estimate(x), estimate(np.asarray(x) * scale)
    assert (b.value, b.low, b.high) == pytest.approx(
        (a.value * scale, a.low * scale, a.high * scale), rel=1e-6, abs=1e-6 * scale
    )


def test_no_width_before_the_fewest_repeats():
    assert relative_half_width([1.0]) is None
    assert relative_half_width([1.0, 1.0]) is None
    assert relative_half_width([1.0, 1.0], n_min=2) == 0.0
    assert relative_half_width([1.0], n_min=1) is None
    assert relative_half_width([-1.0, 0.0, 1.0]) is None


def stopped_coverage(n_min, n_simulations=400):
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(n_simulations):
        x = []
        while len(x) < 30:
            x.append(100 + 4 * rng.standard_normal())
            width = relative_half_width(x, n_min=n_min)
            if width is not None and width <= 0.03:
                break
        made = estimate(x)
        hits += made.low <= 100 <= made.high
    return hits / n_simulations


def test_the_guard_against_lucky_stops_works():
    assert stopped_coverage(5) > stopped_coverage(2)
    assert stopped_coverage(5) > 0.89


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [[1.0]]])
def test_what_is_no_row_of_figures_is_refused(bad):
    with pytest.raises(ValueError, match="finite values"):
        estimate(bad)


def test_each_value_has_its_uncertainty():
    with pytest.raises(ValueError, match="3 values but 2"):
        sensor_half_width([1.0, 2.0, 3.0], [1.0, 1.0])


def test_p_of_no_difference_is_students():
    x = [0.1, 0.3, 0.2, 0.25]
    assert p_zero(x) == pytest.approx(scipy.stats.ttest_1samp(x, 0).pvalue)
    assert p_zero([0.1]) is None
    assert p_zero([0.0, 0.0]) is None
    assert p_zero([1.0, 1.0]) == 0.0
    assert p_zero([1.0, 1.0], half_width=2.0) == pytest.approx(0.327, abs=1e-3)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_makes_a_finding_stronger(p):
    adjusted = holm(p)
    assert all(a >= q for a, q in zip(adjusted, p, strict=True))
    assert min(adjusted) == pytest.approx(min(1, min(p) * len(p)))


def test_outliers_are_marked_and_kept():
    x = [10.0, 10.1, 9.9, 10.05, 9.95, 30.0]
    assert outliers(x).tolist() == [False] * 5 + [True]
    made = estimate(x)
    assert made.n == 6
    assert made.n_outliers == 1
    assert not outliers([1.0, 1.0, 9.0]).any()
    assert not outliers([5.0] * 6).any()
