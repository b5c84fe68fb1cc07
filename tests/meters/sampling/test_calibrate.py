"""Calibration finds what the simulated sensor was given."""

from dataclasses import replace

import numpy as np
import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Unavailable
from llamawatt.meters.device_facts import sensor_facts
from llamawatt.meters.sampling.calibrate import calibrate, resolution_of, tick_of
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import COUNTER_100MS, POWER_PART_TIME, PROFILES
from tests.meters.simulated import calibration_of


@pytest.mark.parametrize(
    "name", ["counter-100ms", "counter-20ms", "counter-1ms", "part-time", "average-1s", "slow"]
)
def test_the_tick_is_found(name):
    sensor = PROFILES[name]
    found = calibration_of(sensor)
    assert found.update_period_s == pytest.approx(sensor.period_s, rel=0.01)
    assert found.period_jitter_s < 0.03 * sensor.period_s


def test_an_unsteady_tick_is_told_from_a_steady_one():
    found = calibration_of(PROFILES["counter-10ms-unsteady"])
    assert found.period_jitter_s == pytest.approx(0.002, rel=0.4)


@pytest.mark.parametrize("name", ["counter-100ms", "counter-1ms", "part-time"])
def test_the_cost_of_a_read_is_found(name):
    sensor = PROFILES[name]
    found = calibration_of(sensor)
    assert found.read_cpu_s == pytest.approx(sensor.read_cpu_s, rel=1e-6)
    assert found.read_wall_s == pytest.approx(sensor.read_wall_s, rel=0.01)


def test_the_resolution_is_the_quantum_and_not_the_usual_step():
    assert calibration_of(COUNTER_100MS).resolution_j == pytest.approx(0.001)
    assert calibration_of(POWER_PART_TIME).resolution_w == pytest.approx(0.001)
    assert calibration_of(replace(COUNTER_100MS, resolution=0.25)).resolution_j == 0.25


def test_no_change_means_no_resolution_and_no_tick():
    assert resolution_of(np.full(9, 3.0)) is None
    assert tick_of(np.array([1.0, 2.0]), np.array([0.1, 0.1])) is None


def test_the_published_duty_cycle_comes_with_its_source():
    found = calibration_of(POWER_PART_TIME)
    assert found.duty_cycle == 0.25
    assert "2312.02741" in found.duty_source
    assert Flag.PART_TIME_SENSOR in found.flags


@pytest.mark.parametrize(
    ("device", "period_s", "averaging_s"),
    [
        ("NVIDIA H100 80GB HBM3", 0.1, 0.025),
        ("NVIDIA A100-SXM4-40GB", 0.1, 0.025),
        ("NVIDIA GH200 480GB", 0.1, 0.02),
        ("NVIDIA GeForce RTX 3090", 0.1, 0.1),
        ("NVIDIA GeForce RTX 2080 Ti", 0.1, 0.1),
        ("Tesla V100-SXM2-16GB", 0.02, 0.01),
        ("NVIDIA GeForce GTX 1080", 0.02, 0.01),
    ],
)
def test_published_facts_are_found_by_the_name_the_driver_gives(device, period_s, averaging_s):
    facts = sensor_facts(device)
    assert (facts.update_period_s, facts.averaging_s) == (period_s, averaging_s)
    assert facts.gain_error == 0.05


def test_what_was_not_studied_is_not_guessed():
    assert sensor_facts("NVIDIA GeForce RTX 4090") is None
    assert sensor_facts("NVIDIA RTX A1000") is None


def test_a_sensor_that_never_answers_gives_its_reason():
    clock = FakeClock()
    meter = FakeMeter(clock, sensors={"gpu-0": replace(COUNTER_100MS, lost_s=0.0)})
    found = calibrate(meter, "gpu-0", clock)
    assert isinstance(found, Unavailable)
    assert found.reason == "Permission denied."
    assert clock.now_s() < 1.0


def test_a_counter_that_stands_still_is_said():
    clock = FakeClock()
    meter = FakeMeter(clock, sensors={"gpu-0": replace(COUNTER_100MS, stuck_s=(-9.0, 99.0))})
    found = calibrate(meter, "gpu-0", clock)
    assert found.update_period_s is None
    assert Flag.COUNTER_STUCK in found.flags


def test_an_unknown_domain_is_a_key_error():
    clock = FakeClock()
    with pytest.raises(KeyError):
        calibrate(FakeMeter(clock), "gpu-9", clock)
