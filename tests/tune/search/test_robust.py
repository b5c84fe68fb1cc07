"""Trimmed means bear a wild window and cover what they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.tune.search.robust import centre

values = st.lists(st.floats(-100, 100), min_size=1, max_size=40)


@given(values)
def test_the_centre_lies_among_its_values(given_values):
    told = centre(given_values)
    assert min(given_values) - 1e-9 <= told.mean <= max(given_values) + 1e-9


@given(values=values, shift=st.floats(-50, 50))
def test_the_centre_moves_with_its_values(values, shift):
    moved = centre([value + shift for value in values])
    assert moved.mean == pytest.approx(centre(values).mean + shift, abs=1e-6)


def test_one_wild_value_in_five_hardly_moves_it():
    calm = [0.1, 0.11, 0.09, 0.1, 0.1]
    assert centre([*calm[:4], 1e6]).mean == pytest.approx(centre(calm).mean, abs=0.01)


def test_nothing_has_no_centre_and_one_value_has_no_error():
    with pytest.raises(ValueError, match="needs a value"):
        centre([])
    assert centre([3.0]).error is None
    assert math.isinf(centre([3.0]).half_width(0.95))


@pytest.mark.parametrize("heavy", [False, True])
def test_its_interval_covers_what_it_says(heavy):
    rng = np.random.default_rng(1)
    rows = rng.standard_t(3, (4000, 20)) if heavy else rng.normal(0, 1, (4000, 20))
    told = [centre(row) for row in rows]
    covered = np.mean([abs(each.mean) <= each.half_width(0.95) for each in told])
    assert 0.935 <= covered <= 0.975
