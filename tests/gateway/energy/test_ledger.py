from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamawatt.core.readings import Unavailable
from llamawatt.testing.fake_sensor import PROFILES
from llamawatt.testing.load_shape import LoadShape
from tests.gateway.energy.simulated import SimulatedFeed, run

powers_w = st.lists(st.floats(5, 400), min_size=4, max_size=30)


def shape_of(watts):
    return LoadShape.through([2.0 * i for i in range(len(watts))], watts)


def known_truth_j(shape, slices, domain):
    return sum(
        shape.energy_j(each.t1_s) - shape.energy_j(each.t0_s)
        for each in slices
        if each.domain == domain and each.energy_j is not None
    )


@settings(max_examples=15)
@given(
    watts=powers_w,
    sensor=st.sampled_from(["counter-100ms", "counter-20ms", "wrap", "dropped", "slow"]),
    seed=st.integers(0, 99),
)
def test_what_a_counter_books_is_what_was_drawn(watts, sensor, seed):
    shape = shape_of(watts)
    feed = SimulatedFeed({"gpu-0": PROFILES[sensor]}, shape, seed)
    ledger, slices = run(feed, 60.0)
    booked = ledger.booked("gpu-0")
    assert booked.known_s > 50
    edge_j = 2 * max(watts) * 0.1
    assert booked.energy_j == pytest.approx(known_truth_j(shape, slices, "gpu-0"), abs=edge_j)


@settings(max_examples=10)
@given(watts=powers_w, sensor=st.sampled_from(["average-100ms", "average-1s", "dropped-power"]))
def test_what_a_power_sensor_books_is_near_what_was_drawn(watts, sensor):
    shape = shape_of(watts)
    ledger, slices = run(SimulatedFeed({"gpu-0": PROFILES[sensor]}, shape), 60.0)
    truth_j = known_truth_j(shape, slices, "gpu-0")
    assert ledger.booked("gpu-0").energy_j == pytest.approx(truth_j, rel=0.03, abs=max(watts))


@settings(max_examples=10)
@given(sensor=st.sampled_from(sorted(PROFILES)), watts=powers_w)
def test_slices_follow_one_another_without_gap_or_overlap(sensor, watts):
    feed = SimulatedFeed({"gpu-0": PROFILES[sensor]}, shape_of(watts))
    ledger, slices = run(feed, 30.0)
    for before, after in pairwise(slices):
        assert after.t0_s == before.t1_s
        assert after.duration_s >= 0
    summed_j = sum(each.energy_j or 0.0 for each in slices)
    assert summed_j == pytest.approx(ledger.booked("gpu-0").energy_j)


def test_hours_take_no_more_memory_than_minutes():
    kept = []
    for until_s in (60.0, 3600.0):
        feed = SimulatedFeed({"gpu-0": PROFILES["counter-100ms"]}, shape_of([60.0, 60.0]))
        run(feed, until_s)
        kept.append(feed.most_kept)
    assert kept[1] <= 1.5 * kept[0]


def test_a_meter_that_dies_is_unavailable_with_its_reason_and_holds_nobody_up():
    sensors = {"gpu-0": replace(PROFILES["lost"], lost_s=20.0), "cpu": PROFILES["counter-20ms"]}
    ledger, slices = run(SimulatedFeed(sensors, shape_of([60.0, 60.0])), 60.0)
    died = ledger.energy("gpu-0")
    assert isinstance(died, Unavailable)
    assert "Permission denied" in died.reason
    assert ledger.watermark_s > 45
    lost = [each for each in slices if each.domain == "gpu-0" and each.energy_j is None]
    assert sum(each.duration_s for each in lost) > 20
    assert ledger.booked("gpu-0").energy_j == pytest.approx(60 * 20, rel=0.05)
    assert not isinstance(ledger.energy("cpu"), Unavailable)


def test_a_counter_that_starts_again_loses_one_stretch_and_goes_on():
    sensor = replace(PROFILES["backwards"], backwards_s=20.0, fall_j=900.0)
    ledger, slices = run(SimulatedFeed({"gpu-0": sensor}, shape_of([60.0, 60.0])), 60.0)
    lost = [each for each in slices if each.energy_j is None and each.t0_s > 1]
    assert lost
    assert sum(each.duration_s for each in lost) < 2
    assert all("started again" in each.reason for each in lost)
    assert ledger.booked("gpu-0").energy_j == pytest.approx(
        60 * ledger.booked("gpu-0").known_s, rel=0.01
    )


def test_a_stretch_over_which_the_machine_slept_is_unknown():
    feed = SimulatedFeed({"gpu-0": PROFILES["counter-100ms"]}, shape_of([60.0, 60.0]))
    ledger, _ = run(feed, 10.0)
    worker = feed.sampler._workers[0]
    worker.loop.clock_stepped(feed.clock.now_s())
    slices = []
    while feed.clock.now_s() < 20.0:
        feed.sampler.run_until(feed.clock.now_s() + 0.5)
        slices += ledger.advance(feed.clock.now_s())
    assert [each for each in slices if "suspension" in each.reason]
    assert ledger.booked("gpu-0").reason == ""
