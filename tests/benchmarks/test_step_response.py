"""A step of the load tells how long a power sensor averages."""

from dataclasses import replace

import pytest
from step_response import step_response, with_step

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Unavailable
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import POWER_PART_TIME
from llamawatt.testing.load_shape import LoadShape
from tests.meters.simulated import calibration_of


class SwitchedLoad:
    """A load that the caller switches, as seen by a simulated sensor."""

    def __init__(self, sensor, high_w=200.0):
        self.clock = FakeClock()
        self.shape = LoadShape.through([0.0, 6.0, 6.001, 99.0], [60.0, 60.0, high_w, high_w])
        self.meter = FakeMeter(self.clock, self.shape, {"gpu-0": sensor}, seed=2)
        self.switched = []

    def read(self):
        return self.meter.read("gpu-0")

    def switch(self, on):
        self.switched.append((on, self.clock.now_s()))


@pytest.mark.parametrize("averaging_s", [0.1, 0.5, 1.0])
def test_a_step_tells_the_averaging_time(averaging_s):
    load = SwitchedLoad(replace(POWER_PART_TIME, averaging_s=averaging_s))
    found = step_response(load.read, load.switch, load.clock, update_period_s=0.1)
    assert found.averaging_s == pytest.approx(averaging_s, abs=0.12)
    assert found.low_w == pytest.approx(60, rel=0.01)
    assert found.high_w == pytest.approx(200, rel=0.01)
    assert found.delay_s < 0.11
    assert load.switched[-1][0] is False
    assert with_step(calibration_of(POWER_PART_TIME), found).averaging_s == found.averaging_s


def test_a_step_lost_in_noise_is_no_step():
    load = SwitchedLoad(POWER_PART_TIME, high_w=60.0)
    assert isinstance(step_response(load.read, load.switch, load.clock), Unavailable)
