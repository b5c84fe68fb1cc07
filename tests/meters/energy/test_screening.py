"""A counter's reads that no device can have made are not believed; good ones are never touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, EnergyReading, Method, Quantity
from llamawatt.meters.energy.screening import MOST_W, Limits, screened
from llamawatt.meters.energy.trace import Trace

RANGE_J = 262_143.3
PACKAGE = Domain(
    "cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.ENERGY, Method.COUNTER, "rapl", wrap_j=RANGE_J
)
GPU = Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "nvml-counter")
POWER_W = 18.5


def trace_of(domain, value_j, spacing_s=1.0):
    t_s = np.arange(len(value_j)) * spacing_s
    return Trace(domain, t_s, np.array(value_j, dtype=float), np.zeros(len(value_j)))


def reading(domain, value_j, spacing_s=1.0):
    found = trace_of(domain, value_j, spacing_s).energy(0.0, (len(value_j) - 1) * spacing_s)
    assert isinstance(found, EnergyReading), found
    return found


def steady(start_j, n_reads=11, power_w=POWER_W, spacing_s=1.0):
    return start_j + power_w * spacing_s * np.arange(n_reads)


@pytest.mark.parametrize(("fall_j", "places"), [(681.0, [5]), (30.0, [4]), (40_000.0, [3, 4])])
@pytest.mark.parametrize("start_j", [50_000.0, 200_000.0])
def test_a_counter_that_falls_and_comes_back_costs_nothing(fall_j, places, start_j):
    value_j = steady(start_j)
    value_j[places] -= fall_j
    found = reading(PACKAGE, value_j)
    assert found.energy_j == pytest.approx(185.0)
    assert Flag.READS_IMPOSSIBLE in found.flags
    assert Flag.COUNTER_BACKWARDS not in found.flags


@pytest.mark.parametrize("bad_j", [0.0, 200.0, 4_294_967.295, 1e15])
@pytest.mark.parametrize("domain", [GPU, PACKAGE])
def test_one_bad_read_is_dropped_on_both_sides(bad_j, domain):
    value_j = steady(22_545_000.0 if domain is GPU else 130_000.0)
    value_j[6] = bad_j
    found = reading(domain, value_j)
    assert found.energy_j == pytest.approx(185.0)
    assert Flag.READS_IMPOSSIBLE in found.flags


@pytest.mark.parametrize("rise_j", [120.0, 300.0, 681.0, 60_000.0])
def test_a_counter_that_rises_and_comes_back_costs_nothing(rise_j):
    value_j = steady(50_000.0)
    value_j[5] += rise_j
    found = reading(PACKAGE, value_j)
    assert found.energy_j == pytest.approx(185.0)
    assert Flag.READS_IMPOSSIBLE in found.flags


@pytest.mark.parametrize("share", [0.55, 0.8, 0.979])
def test_a_reset_from_above_half_the_range_is_no_wrap(share):
    before, after = steady(share * RANGE_J, 6), steady(0.0, 40)
    found = reading(PACKAGE, np.r_[before, after])
    assert found.energy_j == pytest.approx(5 * POWER_W + 39 * POWER_W)
    assert Flag.COUNTER_BACKWARDS in found.flags


def test_a_reset_counter_that_climbs_past_its_old_value_is_not_taken_for_one_that_came_back():
    found = reading(GPU, np.r_[steady(100.0, 6), steady(0.0, 60)])
    assert found.energy_j == pytest.approx(5 * POWER_W + 59 * POWER_W)
    assert Flag.COUNTER_BACKWARDS in found.flags
    assert Flag.READS_IMPOSSIBLE not in found.flags


def test_a_jump_for_good_is_left_out_and_called_one():
    value_j = steady(50_000.0, 40)
    value_j[20:] += 90_000.0
    found = reading(GPU, value_j)
    assert found.energy_j == pytest.approx(38 * POWER_W)
    assert Flag.COUNTER_JUMPED in found.flags
    assert Flag.COUNTER_BACKWARDS not in found.flags


def test_a_wrap_is_still_a_wrap_with_a_bad_read_beside_it():
    value_j = steady(RANGE_J - 60.0) % RANGE_J
    value_j[7] = 131_000.0
    found = reading(PACKAGE, value_j)
    assert found.energy_j == pytest.approx(185.0)
    assert found.flags.count(Flag.READS_IMPOSSIBLE) == 1


def test_a_dip_to_zero_near_the_top_is_no_wrap():
    value_j = steady(RANGE_J - 900.0)
    value_j[4] = 0.0
    assert reading(PACKAGE, value_j).energy_j == pytest.approx(185.0)


def test_a_domain_that_knows_its_device_is_judged_by_it():
    small = Limits.of(GPU)
    assert small.max_power_w == MOST_W[DomainKind.GPU]
    known = Domain("g", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "t", max_power_w=90.0)
    assert Limits.of(known).max_power_w == 90.0


powers_w = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40)
gaps_s = st.lists(st.sampled_from([0.001, 0.02, 0.1, 0.1, 0.5, 1.0, 5.0]), min_size=60, max_size=90)
kinds = st.sampled_from([k for k in DomainKind if k not in (DomainKind.BATTERY, DomainKind.WALL)])


@given(powers_w, gaps_s, kinds, st.sampled_from([0.001, 0.02, 0.1]), st.floats(0, 1), st.booleans())
def test_a_good_counter_is_never_touched(shares, gaps, kind, period_s, start, wraps):
    t_s = np.cumsum(gaps)
    ticks_s = np.arange(0.0, t_s[-1] + period_s, period_s)
    of_tick = np.resize(np.array(shares), len(ticks_s)) * MOST_W[kind] * period_s
    counted_j = np.concatenate([[0.0], np.cumsum(of_tick)])[:-1]
    wrap_j = 12.0 * MOST_W[kind] if wraps else None
    value_j = counted_j[np.searchsorted(ticks_s, t_s, side="right") - 1]
    value_j += start * 12.0 * MOST_W[kind]
    value_j = value_j % wrap_j if wrap_j else value_j
    found = screened(t_s, value_j, wrap_j, Limits(MOST_W[kind]), period_s)
    assert found.kept.all()
    assert not found.left_out.any()
    unknown = screened(t_s, value_j, wrap_j, Limits(MOST_W[kind]))
    assert unknown.kept.all()


@given(
    st.lists(st.floats(1.0, 300.0), min_size=8, max_size=40),
    st.floats(1e4, 1e7),
    st.data(),
)
def test_one_wrong_read_anywhere_within_changes_nothing(powers, start_j, data):
    value_j = start_j + np.cumsum(powers)
    place = data.draw(st.integers(2, len(powers) - 3))
    wrong_j = data.draw(st.floats(0.0, 2e7).filter(lambda j: abs(j - value_j[place]) > 3000.0))
    bad_j = value_j.copy()
    bad_j[place] = wrong_j
    t_s = np.arange(len(powers), dtype=float)
    found = screened(t_s, bad_j, None, Limits(1000.0))
    assert not found.kept[place]
    assert found.kept.sum() == len(powers) - 1
    assert not found.left_out.any()


@given(st.lists(st.floats(-1e9, 1e9), max_size=40), st.sampled_from([None, RANGE_J]))
def test_noise_ends_in_no_error_and_never_in_more_than_the_device_can_draw(values, wrap_j):
    t_s = np.arange(len(values), dtype=float)
    found = screened(t_s, np.array(values), wrap_j, Limits(1000.0))
    believed = np.array(values)[found.kept]
    step_j = np.diff(believed)
    step_j = np.where(found.wrapped[found.kept][1:], step_j + (wrap_j or 0.0), step_j)
    counted_j = step_j[~found.left_out[found.kept][1:]]
    assert (counted_j >= 0).all()
