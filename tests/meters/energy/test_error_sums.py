"""Sums of errors, from errors far below a joule to far above any."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.meters.energy.error_sums import Spread, total

HALVES_J = st.floats(0, 1e60) | st.floats(0, 1e-130)


@given(st.lists(HALVES_J, max_size=6), st.lists(HALVES_J, max_size=3))
def test_every_sum_of_errors_has_a_width(uniforms_j, pairs_j):
    found = total([*map(Spread.uniform, uniforms_j), *map(Spread.two_point, pairs_j)])
    largest_j = max([*uniforms_j, *pairs_j], default=0.0)
    assert 0 <= found.half_width_j <= 1.96 * math.sqrt(9) * largest_j * 1.001 + 5e-324


@given(st.floats(1e-150, 1e70))
def test_the_width_of_one_error_scales_with_it(half_j):
    assert Spread.uniform(half_j).half_width_j == pytest.approx(0.95 * half_j, rel=2e-3)


def test_a_variance_whose_square_is_zero_still_has_a_width():
    found = Spread(5.3e-266, 0.0)
    assert found.half_width_j == pytest.approx(1.96 * math.sqrt(5.3e-266), rel=1e-3)
