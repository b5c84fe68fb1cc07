import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.estimates.cpu_fit import fit_cpu

BUSY = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)
EXPONENTS = (0.3, 0.5, 0.7, 1.0)


def shares(busy=BUSY):
    return {exponent: [share**exponent for share in busy] for exponent in EXPONENTS}


@given(st.floats(0.1, 50), st.floats(2, 300), st.sampled_from(EXPONENTS))
def test_it_finds_what_the_levels_were_made_of(rest_w, span_w, exponent):
    power_w = [rest_w + span_w * share**exponent for share in BUSY]
    fit = fit_cpu(power_w, shares(), 0.5)
    assert fit.saturation_exponent == exponent
    assert fit.rest_w == pytest.approx(rest_w, rel=1e-3)
    assert fit.span_w == pytest.approx(span_w, rel=1e-3)


def test_its_bound_is_less_than_half_as_wide_as_the_rated_ones_and_never_nothing():
    fit = fit_cpu([5 + 40 * share**0.5 for share in BUSY], shares(), 0.5)
    assert 1.2 < fit.span_factor < math.sqrt(1.8)


def test_levels_off_the_line_widen_it():
    power_w = [5 + 40 * share**0.5 for share in BUSY]
    off_w = [power * (1.15 if number % 2 else 0.85) for number, power in enumerate(power_w)]
    assert fit_cpu(off_w, shares(), 0.5).span_factor > fit_cpu(power_w, shares(), 0.5).span_factor


def test_few_levels_keep_the_usual_exponent():
    busy = (0.0, 0.5, 1.0)
    fit = fit_cpu([5 + 40 * share for share in busy], shares(busy), 0.5)
    assert fit.saturation_exponent == 0.5


@pytest.mark.parametrize(
    "power_w", [(9.0, 9.0), (50.0, 50.0, 50.1), (0.0, 5.0, 9.0), (30.0, 20.0, 10.0), (-1, 2, 3)]
)
def test_what_does_not_rise_with_load_gives_no_fit(power_w):
    busy = tuple(number / (len(power_w) - 1) for number in range(len(power_w)))
    assert fit_cpu(power_w, shares(busy), 0.5) is None
