"""Numbers are printed short, in the right unit, and a missing one is never a zero."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.format import (
    MISSING,
    duration_text,
    energy_text,
    gain_text,
    number_text,
    percent_text,
    plus_minus_text,
    quantity_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (41.234, "41.2 J"),
        (0.00321, "3.21 mJ"),
        (1234.0, "1.23 kJ"),
        (999.9, "1.00 kJ"),
        (-0.5, "-500 mJ"),
        (0.0, "0 J"),
        (None, MISSING),
        (math.nan, MISSING),
    ],
)
def test_energy(value: float | None, text: str) -> None:
    assert energy_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0412, "41.2 ms"),
        (3.214, "3.21 s"),
        (59.99, "60.0 s"),
        (245.0, "4 min 05 s"),
        (7800.0, "2 h 10 min"),
        (None, MISSING),
    ],
)
def test_duration(value: float | None, text: str) -> None:
    assert duration_text(value) == text


def test_shares() -> None:
    assert percent_text(0.0312) == "3.1 %"
    assert plus_minus_text(0.5) == "±50 %"
    assert plus_minus_text(None) == MISSING


@given(st.floats(1e-8, 1e11))
def test_a_printed_quantity_is_the_value_to_its_digits(value: float) -> None:
    number, unit = quantity_text(value, "J").split()
    factor = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "µ": 1e-6, "n": 1e-9}[unit[:-1]]
    assert float(number) * factor == pytest.approx(value, rel=0.006)


@given(st.floats(-1e12, 1e12))
def test_a_printed_number_is_the_value_to_its_digits(value: float) -> None:
    assert float(number_text(value)) == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(
    ("gain_error", "text"),
    [(0.05, "±5.0 %"), (0.25, "±25 %"), (math.tanh(math.log(1.8)), "×/÷ 1.8"), (None, MISSING)],
)
def test_a_large_gain_error_is_told_as_a_factor(gain_error, text):
    assert gain_text(gain_error) == text
