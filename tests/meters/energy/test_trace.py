"""The energy of a window, against loads whose energy is known."""

import numpy as np
import pytest

from llamawatt.core.flags import Flag
from llamawatt.core.readings import (
    Calibration,
    Domain,
    DomainKind,
    EnergyReading,
    Method,
    Quantity,
    Sample,
    Unavailable,
)
from llamawatt.meters.energy.trace import Trace

COUNTER = Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "test")
POWER = Domain("gpu-0", DomainKind.GPU, Quantity.POWER, Method.INTEGRAL, "test", gain_error=0.05)
STEADY = Calibration("gpu-0", 0.1, 0.0001, 0.004, 0.004, resolution_j=0.001)


def counter_trace(t_s, value_j, domain=COUNTER, calibration=None):
    return Trace(domain, np.array(t_s), np.array(value_j), np.zeros(len(t_s)), calibration)


def energy(trace, t0_s, t1_s, **idle) -> EnergyReading:
    found = trace.energy(t0_s, t1_s, **idle)
    assert isinstance(found, EnergyReading), found
    return found


def test_steady_power_between_edges_is_exact():
    t_s = np.arange(0, 10, 0.1)
    found = energy(counter_trace(t_s, 50 * t_s), 2.0, 7.0)
    assert found.energy_j == pytest.approx(250)
    assert found.method is Method.COUNTER


def test_an_edge_lies_between_its_reads_and_not_earlier_than_a_period_before():
    trace = counter_trace([0, 1, 2, 3, 4], [0, 100, 200, 300, 400], calibration=STEADY)
    knots = trace.knots
    assert np.all(knots.t_s + knots.half_s <= trace.t_s + 1e-9)
    assert np.all(knots.t_s - knots.half_s >= trace.t_s - 0.1 - 0.001)


def test_trapezoid_of_power_is_exact_on_lines():
    t_s = np.array([0, 1, 2, 5, 6.0])
    trace = Trace(POWER, t_s, 10 + 4 * t_s, np.zeros(5))
    found = energy(trace, 0.5, 5.5)
    assert found.energy_j == pytest.approx(10 * 5 + 2 * (5.5**2 - 0.5**2))
    assert found.systematic_j == pytest.approx(0.05 * found.energy_j)


def test_a_window_outside_the_samples_has_no_figure():
    found = counter_trace([0, 1, 2], [0, 10, 20]).energy(5, 9)
    assert isinstance(found, Unavailable)
    assert "5.000 to 9.000" in found.reason


def test_a_counter_that_never_ticks_has_no_figure():
    found = counter_trace(np.arange(0, 5, 0.1), np.full(50, 7.0)).energy(1, 3)
    assert isinstance(found, Unavailable)


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="empty"):
        counter_trace([0, 1, 2], [0, 10, 20]).energy(1, 1)


def test_a_short_window_says_so_and_admits_its_doubt():
    t_s = np.arange(0, 10, 0.1)
    found = energy(counter_trace(t_s, 50 * t_s, calibration=STEADY), 5.02, 5.05)
    assert Flag.BELOW_RESOLUTION in found.flags
    assert found.energy_j > 0
    assert found.uncertainty_j > 0


def test_samples_without_value_are_gaps():
    samples = [Sample(float(t), energy_j=None if t == 3 else 10.0 * t) for t in range(8)]
    found = energy(Trace.of(COUNTER, samples), 1.0, 6.0)
    assert Flag.READS_FAILED in found.flags
    assert found.energy_j == pytest.approx(50, rel=0.15)
