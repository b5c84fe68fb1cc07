"""Counter against integrated power: silence when they agree, a loud flag when they do not."""

from dataclasses import replace

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Unavailable
from llamawatt.meters.energy.crosscheck import compare, crosscheck
from llamawatt.meters.sampling.sampler import Sampler
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import COUNTER_100MS, POWER_PART_TIME
from tests.meters.simulated import SHAPE, calibration_of


def traces(**power):
    sensors = {"counter": COUNTER_100MS, "power": replace(POWER_PART_TIME, **power)}
    clock = FakeClock()
    meter = FakeMeter(clock, SHAPE, sensors, seed=4)
    known = {name: calibration_of(sensor) for name, sensor in sensors.items()}
    sampler = Sampler([meter], known, clock, threaded=False)
    sampler.mark_edge()
    sampler.run_until(20.0)
    sampler.mark_edge()
    return sampler.trace("counter"), sampler.trace("power")


def test_two_sensors_of_one_load_agree():
    found = crosscheck(*traces(), 3.0, 18.0)
    assert found.agrees
    assert found.flags == ()
    assert "agree" in found.sentence


def test_a_gain_that_is_admitted_is_no_disagreement():
    assert crosscheck(*traces(gain=1.04, gain_error=0.05), 3.0, 18.0).agrees


def test_a_gain_that_is_not_admitted_is_loud():
    found = crosscheck(*traces(gain=1.15, gain_error=0.05), 3.0, 18.0)
    assert found.flags == (Flag.SENSORS_DISAGREE,)
    assert found.relative == pytest.approx(0.15, abs=0.02)
    assert "DISAGREE" in found.sentence


def test_nothing_is_compared_where_one_has_no_figure():
    assert isinstance(crosscheck(*traces(), 30.0, 40.0), Unavailable)


def test_readings_of_different_windows_are_not_compared():
    counter, power = traces()
    assert isinstance(compare(counter.energy(3, 9), power.energy(3, 10)), Unavailable)
