"""The sampler: what it costs, what it catches, and what it survives."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.clock import FakeClock, SystemClock
from llamawatt.core.readings import Quantity, Unavailable
from llamawatt.meters.sampling.sampler import Sampler
from llamawatt.meters.sampling.schedule import (
    BUDGET_SHARE,
    WAKE_CPU_S,
    ReadCost,
    Schedule,
    plan_intervals,
)
from llamawatt.testing.fake_meter import FakeMeter
from llamawatt.testing.fake_sensor import COUNTER_1MS, COUNTER_100MS, POWER_PART_TIME, PROFILES
from tests.meters.simulated import IDLE_W, SHAPE, calibration_of

costs = st.builds(ReadCost, st.sampled_from(Quantity), st.floats(1e-6, 0.05))


class Raising(FakeMeter):
    """Fails in a way that no contract foresees."""

    name = "raising"

    def read(self, domain):
        raise ZeroDivisionError("no sensor on board")


class Hanging(FakeMeter):
    """Never comes back from a read, until it is let go."""

    name = "hanging"

    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.release = threading.Event()

    def read(self, domain):
        self.release.wait(60)
        return super().read(domain)


def unthreaded(sensors, seed=1):
    clock = FakeClock()
    meter = FakeMeter(clock, SHAPE, sensors, seed)
    known = {name: calibration_of(sensor) for name, sensor in sensors.items()}
    return clock, Sampler([meter], known, clock, threaded=False)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), costs, min_size=1, max_size=12))
def test_planned_reads_keep_the_budget_and_are_no_denser_than_useful(wanted):
    intervals_s = plan_intervals(wanted)
    share = sum((wanted[n].read_cpu_s + WAKE_CPU_S) / s for n, s in intervals_s.items())
    assert share <= BUDGET_SHARE * 1.000001
    assert all(intervals_s[name] >= cost.wanted_s * 0.999 for name, cost in wanted.items())


def test_a_dear_domain_does_not_starve_a_cheap_one():
    wanted = {
        "gpu": ReadCost(Quantity.ENERGY, 0.004),
        "cpu": ReadCost(Quantity.ENERGY, 20e-6),
    }
    intervals_s = plan_intervals(wanted)
    assert intervals_s["cpu"] == pytest.approx(wanted["cpu"].wanted_s)
    assert intervals_s["gpu"] > 0.5


def test_the_schedule_skips_what_it_missed():
    schedule = Schedule({"a": 1.0}, 0.0)
    schedule.done("a", 5.2)
    assert schedule.next() == (5.7, "a")
    schedule.done("a", 5.3)
    assert schedule.next() == (5.7, "a")


@pytest.mark.parametrize("name", PROFILES)
def test_background_reads_cost_less_than_one_percent_of_a_core(name):
    _clock, sampler = unthreaded({"gpu-0": PROFILES[name]})
    sampler.run_until(20.0)
    overhead = sampler.overhead()
    assert overhead.share < 0.01
    assert overhead.n_reads == len(sampler.trace("gpu-0").t_s)


@pytest.mark.parametrize("name", ["counter-100ms", "counter-20ms", "counter-1ms", "slow"])
def test_an_edge_is_caught_within_a_tenth_of_a_period(name):
    sensor = PROFILES[name]
    _clock, sampler = unthreaded({"gpu-0": sensor})
    mark = sampler.mark_edge()
    assert mark.missed == ()
    assert mark.t1_s - mark.t0_s < 3.5 * sensor.period_s
    knots = sampler.trace("gpu-0").knots
    assert knots.half_s.min() < 0.1 * sensor.period_s


def test_a_known_phase_needs_only_a_handful_of_reads():
    clock, sampler = unthreaded({"gpu-0": COUNTER_100MS})
    sampler.mark_edge()
    counts = []
    for _ in range(6):
        sampler.run_until(clock.now_s() + 1.0)
        before = sampler.overhead().n_reads
        assert sampler.mark_edge().missed == ()
        counts.append(sampler.overhead().n_reads - before)
    assert np.median(counts) <= 8


@pytest.mark.parametrize("n_domains", [2, 8])
def test_all_domains_of_one_meter_are_caught(n_domains):
    clock, sampler = unthreaded({f"gpu-{i}": COUNTER_100MS for i in range(n_domains)})
    assert sampler.mark_edge().missed == ()
    sampler.run_until(clock.now_s() + 1.0)
    mark = sampler.mark_edge()
    assert mark.missed == ()
    assert mark.t1_s - mark.t0_s < 0.35
    for i in range(n_domains):
        assert sampler.trace(f"gpu-{i}").knots.half_s.min() < 0.01


def test_counters_and_powers_side_by_side():
    sensors = {"gpu-0": COUNTER_100MS, "gpu-0-power": POWER_PART_TIME, "cpu": COUNTER_1MS}
    _clock, sampler = unthreaded(sensors)
    sampler.mark_edge()
    sampler.run_until(7.0)
    for name in sensors:
        found = sampler.trace(name).energy(2.0, 6.0)
        assert not isinstance(found, Unavailable)
        assert found.energy_j == pytest.approx(4 * IDLE_W, rel=0.05)


def test_a_counter_that_fails_is_missed_with_its_reason():
    clock = FakeClock()
    sampler = Sampler([Raising(clock)], {}, clock, threaded=False)
    clock.sleep_s(1.0)
    assert sampler.mark_edge().missed == ("gpu-0",)
    trace = sampler.trace("gpu-0")
    assert np.isnan(trace.value).all()
    assert "no sensor on board" in trace.failures[0]


def test_old_samples_can_be_forgotten():
    _clock, sampler = unthreaded({"gpu-0": COUNTER_1MS})
    sampler.run_until(20.0)
    sampler.forget_before(15.0)
    trace = sampler.trace("gpu-0")
    assert trace.t_s[0] >= 15.0
    assert not isinstance(trace.energy(16.0, 19.0), Unavailable)


def test_threads_sample_by_themselves_and_end():
    clock = SystemClock()
    meter = FakeMeter(clock, sensors={"a": COUNTER_1MS, "b": POWER_PART_TIME})
    with Sampler([meter], {}, clock) as sampler:
        sampler.mark_edge()
        clock.sleep_s(0.3)
        sampler.mark_edge()
        overhead = sampler.overhead()
    n_samples = len(sampler.trace("a").t_s)
    assert n_samples > 3
    assert np.all(np.diff(sampler.trace("a").t_s) > 0)
    assert overhead.n_reads > 0
    assert overhead.cpu_s > overhead.edge_cpu_s > 0
    clock.sleep_s(0.2)
    assert len(sampler.trace("a").t_s) == n_samples
    with pytest.raises(RuntimeError):
        sampler.run_until(1.0)


def test_neither_a_raising_nor_a_hanging_meter_stops_another():
    clock = SystemClock()
    good = FakeMeter(clock, sensors={"good": COUNTER_1MS})
    hanging = Hanging(clock, sensors={"hung": COUNTER_1MS})
    raising = Raising(clock, sensors={"bad": COUNTER_1MS})
    with Sampler([hanging, raising, good], {}, clock, patience_s=0.3) as sampler:
        mark = sampler.mark_edge()
        assert {"hung", "bad"} <= set(mark.missed)
        clock.sleep_s(0.2)
        assert np.isfinite(sampler.trace("good").value).sum() > 1
        assert len(sampler.trace("hung").t_s) == 0
        hanging.release.set()


def test_an_unknown_domain_is_a_key_error():
    _clock, sampler = unthreaded({"gpu-0": COUNTER_100MS})
    with pytest.raises(KeyError):
        sampler.trace("gpu-9")


def test_a_sampler_without_meters_does_nothing():
    with Sampler([], {}, SystemClock()) as sampler:
        assert sampler.mark_edge().missed == ()
    assert sampler.overhead().n_reads == 0
