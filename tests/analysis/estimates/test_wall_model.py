import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamawatt.analysis.estimates.wall_model import (
    Boundary,
    LevelPower,
    fit_wall,
    is_extrapolated,
    wall_equivalent_j,
)
from llamawatt.core.errors import MeterError

CPU = Boundary(("cpu-package-0",), gain_error=0.02)
NOW = "2026-01-01T00:00:00Z"
DOMAINS_W = (10.0, 22.0, 35.0, 60.0)


def levels(rest_w, slope, domains_w=DOMAINS_W, uncertainty_w=0.1):
    return [
        LevelPower(number, power_w, rest_w + slope * power_w, uncertainty_w, uncertainty_w)
        for number, power_w in enumerate(domains_w)
    ]


def noisy(rest_w, slope, sigma_w, rng):
    return [
        LevelPower(
            number,
            power_w + rng.normal(0, sigma_w),
            rest_w + slope * power_w + rng.normal(0, sigma_w),
            1.96 * sigma_w,
            1.96 * sigma_w,
        )
        for number, power_w in enumerate(DOMAINS_W)
    ]


@given(
    rest_w=st.floats(0, 300),
    slope=st.floats(0.6, 2.9),
    low_w=st.floats(1, 50),
    rises_w=st.lists(st.floats(10, 100), min_size=2, max_size=6),
)
def test_an_exact_line_is_found(rest_w, slope, low_w, rises_w):
    domains_w = (low_w + np.cumsum([0.0, 20.0, *rises_w])).tolist()
    model = fit_wall(levels(rest_w, slope, domains_w), CPU, NOW)
    assert model.rest_w == pytest.approx(rest_w, abs=1e-5)
    assert model.slope == pytest.approx(slope, abs=1e-6)
    assert model.residual_w == pytest.approx(0, abs=1e-5)
    assert (model.n_levels, model.made_at) == (len(domains_w), NOW)
    assert model.range_w == (min(domains_w), max(domains_w))


@given(rest_w=st.floats(0, 100), slope=st.floats(0.6, 2.9), scale=st.floats(0.8, 1.2))
def test_a_gain_error_of_the_domains_does_not_reach_the_wall(rest_w, slope, scale):
    true = levels(rest_w, slope)
    seen = [LevelPower(x.n_busy_cores, scale * x.domains_w, x.wall_w, 0.1, 0.1) for x in true]
    try:
        model = fit_wall(seen, CPU, NOW)
    except MeterError:
        assert not 0.5 < slope / scale < 3
        return
    wall_j, _ = wall_equivalent_j(model, scale * 300.0, 10.0)
    assert wall_j == pytest.approx(rest_w * 10.0 + slope * 300.0, rel=1e-5, abs=1e-3)


@settings(max_examples=30)
@given(st.floats(1.0, 3.0), st.floats(0.1, 20.0))
def test_joules_at_the_wall_grow_with_time_and_energy(factor, duration_s):
    model = fit_wall(noisy(20.0, 1.2, 0.1, np.random.default_rng(1)), CPU, NOW)
    one_j, one_u_j = wall_equivalent_j(model, 30.0 * duration_s, duration_s)
    many_j, many_u_j = wall_equivalent_j(model, factor * 30.0 * duration_s, factor * duration_s)
    assert many_j == pytest.approx(factor * one_j)
    assert many_u_j == pytest.approx(factor * one_u_j)
    assert one_j > 30.0 * duration_s
    assert one_u_j > 0


def test_the_intervals_hold_the_truth():
    rng = np.random.default_rng(7)
    n, held = 400, np.zeros(3)
    for _ in range(n):
        model = fit_wall(noisy(25.0, 1.2, 0.3, rng), CPU, NOW)
        wall_j, half_width_j = wall_equivalent_j(model, 300.0, 10.0)
        held += [
            abs(model.rest_w - 25.0) <= model.rest_uncertainty_w,
            abs(model.slope - 1.2) <= model.slope_uncertainty,
            abs(wall_j - (250.0 + 360.0)) <= half_width_j,
        ]
    assert (held / n >= 0.94).all()


def test_a_supply_that_is_not_linear_widens_the_intervals():
    straight = fit_wall(levels(20.0, 1.2), CPU, NOW)
    bent = [
        LevelPower(x.n_busy_cores, x.domains_w, x.wall_w + 0.004 * x.domains_w**2, 0.1, 0.1)
        for x in levels(20.0, 1.2)
    ]
    curved = fit_wall(bent, CPU, NOW)
    assert curved.residual_w > 0.5
    assert curved.slope_uncertainty > 3 * straight.slope_uncertainty
    wall_j, half_width_j = wall_equivalent_j(curved, 350.0, 10.0)
    assert abs(wall_j - 10 * (20 + 1.2 * 35 + 0.004 * 35**2)) <= half_width_j


def test_the_line_is_surest_amid_its_levels():
    model = fit_wall(noisy(20.0, 1.2, 0.2, np.random.default_rng(3)), CPU, NOW)
    widths_j = [wall_equivalent_j(model, power_w, 1.0)[1] for power_w in (10.0, 32.0, 200.0)]
    assert widths_j[1] < widths_j[0] < widths_j[2]
    assert -1 <= model.correlation < 0


def test_beyond_the_levels_is_extrapolated():
    model = fit_wall(levels(20.0, 1.2), CPU, NOW)
    assert [is_extrapolated(model, w) for w in (4.0, 10.0, 40.0, 64.0, 66.0)] == [
        True, False, False, False, True,
    ]  # fmt: skip


REFUSED = {
    "two levels": (levels(20, 1.2, (10.0, 40.0)), "3 levels"),
    "none": ([], "3 levels"),
    "a steady wall": (levels(60, 0.0), "wall plug rose by 0 W"),
    "steady domains": (levels(20, 1.2, (30.0, 30.01, 30.02)), "metered domains rose"),
    "a rise within the doubt": (levels(20, 1.2, uncertainty_w=20.0), "does not stand out"),
    "a rise within two percent": (levels(9000, 1.2), "wall plug rose"),
    "too flat": (levels(20, 0.4), "0.4 W for each watt"),
    "too steep": (levels(20, 3.2), "3.2 W for each watt"),
    "less than nothing left": (levels(-8, 1.2), "less than nothing"),
    "not a number": (levels(math.nan, 1.2), "no finite power"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_in_a_sentence(case):
    found, words = REFUSED[case]
    with pytest.raises(MeterError, match=words) as caught:
        fit_wall(found, CPU, NOW)
    assert caught.value.remedy
    assert caught.value.exit_code == 3


def test_where_the_domains_are_modelled_the_remedy_is_to_give_watts():
    modelled = Boundary(("cpu-package-0",), ("cpu-package-0",))
    with pytest.raises(MeterError, match="--cpu-max-w"):
        fit_wall(levels(20, 4.0), modelled, NOW)
