"""Laws that the energy of a window obeys for every counter and every power."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.flags import Flag
from llamawatt.core.readings import (
    Calibration,
    Domain,
    DomainKind,
    EnergyReading,
    Method,
    Quantity,
    Unavailable,
)
from llamawatt.meters.energy.trace import Trace

RANGE_J = 65713.0
COUNTER = Domain("x", DomainKind.OTHER, Quantity.ENERGY, Method.COUNTER, "test")
WRAPPING = Domain("x", DomainKind.OTHER, Quantity.ENERGY, Method.COUNTER, "test", wrap_j=RANGE_J)
POWER = Domain("x", DomainKind.OTHER, Quantity.POWER, Method.INTEGRAL, "test")
STEADY = Calibration("x", 0.1, 0.0001, 0.004, 0.004, resolution_j=0.001, n_reads=300)

steps_j = st.lists(st.floats(0, 2000), min_size=8, max_size=40)
powers_w = st.lists(st.floats(0, 500), min_size=8, max_size=40)
share = st.floats(0.01, 0.99)
calibration = st.sampled_from([None, STEADY])


def trace_of(domain, value, calibration=None, spacing_s=0.1):
    t_s = np.arange(len(value)) * spacing_s
    return Trace(domain, t_s, np.array(value), np.zeros(len(value)), calibration)


def covered(trace):
    """The stretch that the trace can speak of."""
    if trace.domain.quantity is Quantity.POWER:
        return trace.points.t_s[0], trace.points.t_s[-1]
    knots = trace.knots
    return (knots.t_s[0], knots.t_s[-1]) if len(knots.t_s) > 2 else (0, 0)


def told(trace, t0_s, t1_s):
    found = trace.energy(t0_s, t1_s)
    assert isinstance(found, EnergyReading), found
    return found


def check_additive(trace, first, second):
    start_s, end_s = covered(trace)
    if end_s - start_s < 0.2:
        return
    low, high = sorted((first, second))
    middle_s = start_s + (end_s - start_s) * max(low, 0.02)
    stop_s = start_s + (end_s - start_s) * high
    if stop_s - middle_s < 1e-3:
        return
    parts = told(trace, start_s, middle_s).energy_j + told(trace, middle_s, stop_s).energy_j
    assert parts == pytest.approx(told(trace, start_s, stop_s).energy_j, rel=1e-9, abs=1e-6)


@given(steps_j, calibration, share, share)
def test_counter_energy_is_additive(steps, known, first, second):
    check_additive(trace_of(COUNTER, np.cumsum(steps), known), first, second)


@given(powers_w, share, share)
def test_power_energy_is_additive(powers, first, second):
    check_additive(trace_of(POWER, powers), first, second)


@given(steps_j, calibration, share, share)
def test_a_rising_counter_never_gives_negative_energy(steps, known, first, second):
    trace = trace_of(COUNTER, np.cumsum(steps), known)
    start_s, end_s = covered(trace)
    low, high = sorted((first, second))
    if end_s <= start_s or high - low < 1e-3:
        return
    length_s = end_s - start_s
    found = trace.energy(start_s + low * length_s, start_s + high * length_s)
    assert isinstance(found, Unavailable) or found.energy_j >= -1e-9


@given(steps_j, st.floats(0, RANGE_J), calibration)
def test_wraps_change_nothing(steps, start_j, known):
    rising = start_j + np.cumsum(steps)
    plain = trace_of(COUNTER, rising, known).knots
    wrapped = trace_of(WRAPPING, rising % RANGE_J, known).knots
    assert wrapped.energy_j == pytest.approx(plain.energy_j, abs=1e-6)
    assert not wrapped.backwards.any()


@given(st.floats(1, 500), st.integers(0, 30), st.integers(2, 7))
def test_resampling_a_straight_stretch_of_a_counter_changes_nothing(power_w, offset, thinning):
    t_s = np.arange(0, 200) * 0.05
    value = power_w * t_s
    kept = np.r_[np.arange(0, 60 + offset), np.arange(60 + offset, 150, thinning), 150:200]
    zero = np.zeros
    whole = told(Trace(COUNTER, t_s, value, zero(200)), 1.0, 8.5)
    thin = told(Trace(COUNTER, t_s[kept], value[kept], zero(len(kept))), 1.0, 8.5)
    middles_shift_j = power_w * 0.05 * thinning / 2
    assert thin.energy_j == pytest.approx(whole.energy_j, abs=2 * middles_shift_j)
    inside = told(Trace(COUNTER, t_s[kept], value[kept], zero(len(kept))), 0.5, 2.5)
    assert inside.energy_j == pytest.approx(power_w * 2.0)


@given(powers_w, st.integers(0, 6), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5))
def test_more_samples_on_a_line_of_power_change_nothing(powers, piece, places):
    t_s = np.arange(len(powers), dtype=float)
    extra_s = np.unique(piece + np.array(places))
    more_s = np.sort(np.r_[t_s, extra_s])
    more_w = np.interp(more_s, t_s, powers)
    plain = told(Trace(POWER, t_s, np.array(powers), np.zeros(len(t_s))), 0.3, len(powers) - 1.2)
    dense = told(Trace(POWER, more_s, more_w, np.zeros(len(more_s))), 0.3, len(powers) - 1.2)
    assert dense.energy_j == pytest.approx(plain.energy_j, rel=1e-9, abs=1e-9)


@given(st.integers(10, 30), st.floats(1, 400))
def test_a_fall_without_a_wrap_is_left_out_and_said(index, fall_j):
    value = 10.0 * np.arange(60)
    value[index:] -= fall_j + 10
    found = told(trace_of(COUNTER, value), 0.5, 5.5)
    assert Flag.COUNTER_BACKWARDS in found.flags
    assert 500 - 25 <= found.energy_j <= 500
    assert found.energy_j + found.uncertainty_j >= 500 - 11


@given(st.floats(0.51, 0.99))
def test_a_fall_that_no_wrap_explains_is_not_taken_for_one(share_of_range):
    value = np.full(60, 0.9 * RANGE_J) + np.arange(60)
    value[30:] -= (1 - share_of_range) * RANGE_J
    assert trace_of(WRAPPING, value).knots.backwards.sum() == 1
