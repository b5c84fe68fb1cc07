import math

import pytest

from llamawatt.analysis.estimates.idle import break_even_s
from llamawatt.analysis.estimates.stats import Estimate, IntervalMethod, estimate
from llamawatt.analysis.rules.findings import Residency
from llamawatt.report.words.findings import passages

T = IntervalMethod.STUDENT_T


def figure(value, share):
    return Estimate(value, value * (1 - share), value * (1 + share), 3, T)


def told(load, extra):
    silence = break_even_s(load, extra)
    found = Residency("gpu", estimate([70.0] * 3), estimate([120.0] * 3), extra, load, silence,
                      modelled=False)  # fmt: skip
    return " ".join(f"{p.text}" for p in passages([found]))


def test_the_pay_back_carries_the_errors_of_both_parts():
    made = break_even_s(figure(20.0, 0.1), figure(50.0, 0.05))
    assert made.value == pytest.approx(0.4)
    reach = math.hypot(0.1003, 0.05004)
    assert made.high / made.value == pytest.approx(math.exp(reach), rel=1e-3)
    assert "unloading pays after 400 ms of silence (95 % interval 358 ms to 447 ms)" in told(
        figure(20.0, 0.1), figure(50.0, 0.05)
    )


@pytest.mark.parametrize("load", [figure(91.5, 0.9), figure(0.5, 3.0), figure(-4.0, 0.2),
                                  Estimate(20.0, None, None, 1, IntervalMethod.NONE)])  # fmt: skip
def test_a_load_that_is_not_known_within_a_factor_of_two_gives_no_point(load):
    assert break_even_s(load, figure(50.0, 0.05)) is None
    text = told(load, figure(50.0, 0.05))
    assert "cannot be told" in text
    assert "pays after" not in text


def test_an_extra_power_that_may_be_nothing_gives_no_point():
    assert break_even_s(figure(20.0, 0.1), figure(5.0, 1.2)) is None
    assert "no extra power is distinguishable" in told(figure(20.0, 0.1), figure(5.0, 1.2))
