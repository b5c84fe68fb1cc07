"""The simulated meter: exact loads, and every fault seen as a flag or a reason, never a number."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.clock import FakeClock
from llamawatt.core.flags import Flag
from llamawatt.core.readings import EnergyReading, Quantity, Unavailable
from llamawatt.meters.sampling.sampler import Sampler
from llamawatt.testing.fake_meter import FakeMeter, SteppedClock
from llamawatt.testing.fake_sensor import COUNTER_100MS, POWER_PART_TIME, PROFILES
from llamawatt.testing.load_shape import LoadShape, Piece
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.simulated import END_S, SHAPE, T0_S, T1_S, TRUTH_J, watched

SOUND = ("counter-100ms", "counter-20ms", "counter-1ms", "counter-10ms-unsteady", "millijoule")
SENSED = ("part-time", "average-100ms", "average-1s")


def told(trace, before=None, after=None) -> EnergyReading:
    idle = [None if isinstance(each, Unavailable) else each for each in (before, after)]
    found = trace.energy(T0_S, T1_S, *idle)
    assert isinstance(found, EnergyReading), found
    return found


@given(st.floats(0.01, 9.9), st.floats(0.01, 9.9))
def test_a_load_knows_its_integral(first_s, second_s):
    shape = LoadShape([Piece(2, 10, 50), Piece(3, 50, 20, tau_s=0.7), Piece(5, 20, 20)])
    low_s, high_s = sorted((first_s, second_s))
    t_s = np.linspace(low_s, high_s, 20_001)
    power_w = np.array([shape.power_w(t) for t in t_s])
    numeric_j = float(np.sum(np.diff(t_s) * (power_w[1:] + power_w[:-1]) / 2))
    exact_j = shape.energy_j(high_s) - shape.energy_j(low_s)
    assert exact_j == pytest.approx(numeric_j, rel=1e-3, abs=0.05)


@pytest.mark.parametrize("profile", [*SOUND, *SENSED, "wrap", "dropped", "dropped-power", "slow"])
def test_every_sound_sensor_tells_the_work_within_its_doubt(profile):
    errors = []
    for seed in range(4):
        found = told(*watched(profile, seed))
        errors.append(abs(found.energy_j - TRUTH_J))
        assert errors[-1] <= max(2.5 * found.uncertainty_j, 0.002 * TRUTH_J)
    limit = 0.01 if PROFILES[profile].quantity is Quantity.ENERGY else 0.02
    assert np.median(errors) < limit * TRUTH_J


@pytest.mark.parametrize("profile", SOUND)
def test_widening_into_the_idle_sharpens_a_counter(profile):
    trace, before, after = watched(profile)
    assert told(trace, before, after).uncertainty_j < told(trace).uncertainty_j


def test_gain_error_is_kept_out_of_the_random_error():
    sensor = replace(COUNTER_100MS, gain=1.04, gain_error=0.05)
    found = told(*watched(sensor))
    assert found.energy_j == pytest.approx(1.04 * TRUTH_J, rel=0.002)
    assert abs(found.energy_j - TRUTH_J) > found.uncertainty_j
    assert abs(found.energy_j - TRUTH_J) <= found.uncertainty_j + found.systematic_j
    assert found.systematic_j == pytest.approx(0.05 * found.energy_j)


def test_a_stuck_counter_is_said():
    trace, _, _ = watched(replace(COUNTER_100MS, stuck_s=(9.0, 12.0)))
    found = trace.energy(T0_S, T1_S)
    assert Flag.COUNTER_STUCK in found.flags


def test_a_counter_stuck_for_good_gives_no_figure():
    trace, _, _ = watched(replace(COUNTER_100MS, stuck_s=(6.0, 99.0)))
    assert isinstance(trace.energy(T0_S, T1_S), Unavailable)


def test_a_counter_that_falls_is_said_and_not_made_up_for():
    trace, before, after = watched(replace(COUNTER_100MS, backwards_s=10.0, fall_j=500.0))
    found = told(trace, before, after)
    assert Flag.COUNTER_BACKWARDS in found.flags
    assert found.energy_j < TRUTH_J
    assert abs(found.energy_j - TRUTH_J) < 2 * found.uncertainty_j


def test_dropped_reads_are_said():
    often = replace(PROFILES["dropped"], dropped_share=0.5)
    assert Flag.READS_FAILED in told(*watched(often)).flags
    assert Flag.READS_FAILED in told(*watched("dropped-power")).flags


def test_permission_lost_midway_gives_the_reason_not_a_number():
    trace, _, _ = watched(replace(COUNTER_100MS, lost_s=10.0))
    found = trace.energy(T0_S, T1_S)
    assert isinstance(found, Unavailable)
    assert "Permission denied" in found.reason


def test_a_part_time_sensor_says_so_and_doubts_more_than_one_that_sees_all():
    part = told(*watched("part-time"))
    whole = told(*watched("average-1s"))
    assert Flag.PART_TIME_SENSOR in part.flags
    assert Flag.PART_TIME_SENSOR not in whole.flags
    assert part.uncertainty_j > whole.uncertainty_j


def test_a_clock_step_is_said():
    world = FakeClock()
    clock = SteppedClock(world, at_s=10.0, step_s=30.0)
    meter = FakeMeter(clock, SHAPE, "counter-100ms", world=world)
    sampler = Sampler([meter], {}, clock, threaded=False)
    sampler.run_until(9.0)
    sampler.run_until(END_S + 30.0)
    found = sampler.trace("gpu-0").energy(8.0, 45.0)
    assert Flag.CLOCK_STEPPED in found.flags


def test_a_window_below_resolution_says_so():
    trace, before, after = watched("counter-100ms")
    for found in (trace.energy(9.0, 9.2), trace.energy(9.0, 9.02)):
        assert Flag.BELOW_RESOLUTION in found.flags
        assert found.uncertainty_j > 0
    assert Flag.BELOW_RESOLUTION not in told(trace, before, after).flags


def test_a_window_between_two_power_readings_has_no_figure():
    trace, before, after = watched("part-time")
    found = trace.energy(9.0, 9.05, before, after)
    assert isinstance(found, Unavailable)
    assert "apart" in found.reason


def test_reads_cost_simulated_time():
    clock = FakeClock()
    meter = FakeMeter(clock, sensors="counter-100ms")
    sample = meter.read("gpu-0")
    assert clock.cpu_s() == pytest.approx(0.004)
    assert sample.t_s == pytest.approx(0.002)


@pytest.mark.parametrize("name", PROFILES)
def test_it_keeps_the_contract_of_a_meter(name):
    clock = FakeClock()
    assert_meter_contract(lambda: FakeMeter(clock, SHAPE, name), clock)


def test_a_closed_meter_refuses_and_an_unknown_domain_too():
    meter = FakeMeter(FakeClock())
    with pytest.raises(KeyError):
        meter.read("cpu-package-7")
    meter.close()
    meter.close()
    with pytest.raises(RuntimeError):
        meter.read("gpu-0")


@pytest.mark.parametrize("name", PROFILES)
def test_a_seed_fixes_everything(name):
    runs = []
    for _ in range(2):
        clock = FakeClock()
        meter = FakeMeter(clock, SHAPE, name, seed=3)
        found = [meter.read("gpu-0") for _ in range(30)]
        runs.append([each for each in found if not isinstance(each, Unavailable)])
    assert runs[0] == runs[1]


def test_a_moving_average_trails_its_load():
    clock = FakeClock()
    sensor = replace(POWER_PART_TIME, averaging_s=1.0, resolution=0.0)
    meter = FakeMeter(clock, SHAPE, {"gpu-0": sensor})
    clock.sleep_s(T0_S + 0.55)
    assert 100 < meter.read("gpu-0").power_w < 200
    clock.sleep_s(1.0)
    assert math.isclose(meter.read("gpu-0").power_w, 250, rel_tol=1e-3)
