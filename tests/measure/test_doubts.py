"""When idle power has drifted."""

import pytest

from llamawatt.core.readings import Method
from llamawatt.core.trials import IdlePower
from llamawatt.measure.doubts import has_drifted

BOUNDARY = ("cpu", "gpu")


def idle(uncertainty_w: float = 0.1, **powers_w: float) -> dict[str, IdlePower]:
    return {name: IdlePower(p, uncertainty_w, 5.0, Method.COUNTER) for name, p in powers_w.items()}


@pytest.mark.parametrize(
    ("now_w", "drifts"),
    [
        ({"cpu": 10.0, "gpu": 78.0}, False),  # 10 % of the sum is 8 W
        ({"cpu": 10.0, "gpu": 79.0}, True),
        ({"cpu": 10.0, "gpu": 61.0}, True),
        ({"cpu": 15.0, "gpu": 65.0}, False),  # one rose as the other fell
        ({"cpu": 14.0, "gpu": 70.0}, False),  # much of a small part
        ({"cpu": 10.0, "gpu": 70.0, "wall": 300.0}, False),
    ],
)
def test_the_sum_decides(now_w: dict[str, float], drifts: bool) -> None:
    first = idle(cpu=10.0, gpu=70.0, wall=100.0)
    assert has_drifted(first, idle(**now_w), BOUNDARY) == drifts


def test_what_the_sensors_cannot_tell_is_no_drift() -> None:
    first = idle(9.0, cpu=10.0, gpu=70.0)
    assert not has_drifted(first, idle(9.0, cpu=10.0, gpu=85.0), BOUNDARY)
    assert has_drifted(first, idle(9.0, cpu=10.0, gpu=105.0), BOUNDARY)


def test_before_the_first_trial_nothing_has_drifted() -> None:
    assert not has_drifted({}, idle(cpu=10.0), BOUNDARY)
    assert not has_drifted(idle(cpu=10.0), idle(gpu=70.0), BOUNDARY)
