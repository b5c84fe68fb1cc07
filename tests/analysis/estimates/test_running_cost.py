"""A day's energy: replies, silence and loads, nothing twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.estimates.running_cost import Daily, Figure, Model, day_cost, scaled, summed

MODEL = Model(
    Figure(360.0, 342.0, 378.0), 3.6, Figure(10.0, 9.0, 11.0), Figure(3600.0, 3400, 3800), 100
)


def test_a_day_is_made_of_replies_silence_and_loads():
    day = day_cost(MODEL, Daily(1000, 9, 2))
    assert day.busy_h == pytest.approx(1.0)
    assert day.replies_wh.value == pytest.approx(100)
    assert day.silence_wh.value == pytest.approx(80)  # 8 silent hours of 10 W
    assert day.loads_wh.value == pytest.approx(2)
    assert day.total_wh.value == pytest.approx(182)
    assert day.silence_share == pytest.approx(80 / 182)
    assert day.total_wh.low < 182 < day.total_wh.high


def test_what_was_not_measured_is_left_out_and_not_zero():
    day = day_cost(Model(Figure(360.0), 3.6, None, None, 100), Daily(10, 24))
    assert day.silence_wh is None
    assert day.silence_share is None
    assert day.total_wh.value == pytest.approx(1.0)
    assert day.total_wh.low is None


def test_more_replies_than_fit_are_refused():
    with pytest.raises(ValueError, match="resident for 1"):
        day_cost(MODEL, Daily(10_000, 1))


@given(st.floats(0, 1e4), st.floats(0, 1e3), st.floats(0, 100))
def test_scaling_keeps_a_figure_in_its_interval(value, half, factor):
    made = scaled(Figure(value, value - half, value + half), factor)
    assert made.low <= made.value <= made.high


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 100)), min_size=1, max_size=5))
def test_a_sum_is_as_unsure_as_its_parts_in_quadrature(parts):
    made = summed([Figure(v, v - h, v + h) for v, h in parts])
    assert made.value == pytest.approx(sum(v for v, _ in parts), abs=1e-6)
    wide = sum(h for _, h in parts)
    assert (made.high - made.low) / 2 <= wide + 1e-6
