import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.readings import Domain, DomainKind, Method, Quantity
from llamawatt.report.content.power_series import power_series, power_trace, thinned
from llamawatt.runs.samples import RawTrace
from tests.analysis.synthetic import Factory

watts = st.lists(st.floats(0, 500), min_size=3, max_size=3000)


@given(power_w=watts, n_points=st.integers(1, 50))
def test_thinning_keeps_the_energy(power_w, n_points):
    t_s = np.arange(len(power_w) + 1) * 0.1
    knots, thin_w = thinned(t_s, np.array(power_w), n_points)
    assert thin_w.size <= max(n_points, 0) or thin_w.size == len(power_w) <= n_points
    assert float(thin_w @ np.diff(knots)) == pytest.approx(sum(power_w) * 0.1, abs=1e-6)


def test_a_counter_gives_power_between_its_ticks_only():
    t_s = np.arange(0, 1.01, 0.05)
    energy_j = np.floor(t_s / 0.1 + 1e-9) * 10.0
    ticks, power_w = power_series(RawTrace(t_s, energy_j))
    assert np.allclose(power_w, 100.0)
    assert np.allclose(np.diff(ticks), 0.1)


def test_a_wrapped_counter_leaves_a_gap_and_no_spike():
    raw = RawTrace(np.arange(4.0), np.array([100.0, 120.0, 5.0, 25.0]))
    power_w = power_series(raw)[1]
    assert np.isnan(power_w[1])
    assert power_w[[0, 2]].tolist() == [20.0, 20.0]


@pytest.mark.parametrize(
    "raw", [RawTrace(np.empty(0)), RawTrace(np.array([1.0]), None, np.array([5.0]))]
)
def test_too_few_samples_give_no_line(raw):
    run = Factory(n_blocks=1).run()
    assert power_series(raw)[1].size == 0
    assert power_trace(run.trials[0], {"cpu-package-0": raw}) is None


def test_no_trace_gives_no_line():
    assert power_trace(Factory(n_blocks=1).run().trials[0], {}) is None


RISING = RawTrace(np.arange(4.0), np.array([0.0, 10.0, 20.0, 30.0]))
STEADY = RawTrace(np.arange(4.0), None, np.full(4, 10.0))


@pytest.mark.parametrize(
    ("counter", "power", "counter_checks", "power_checks"),
    [
        pytest.param("gpu-0", "gpu-0-instant", None, "gpu-0", id="NVIDIA"),
        pytest.param("gpu-0", "gpu-0-average", None, "gpu-0", id="AMD"),
        pytest.param("wall-counter", "wall", "wall", None, id="a wall plug's pair"),
    ],
)
def test_a_thing_and_its_cross_check_are_one_line(counter, power, counter_checks, power_checks):
    domains = (
        Domain(counter, DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "x",
               checks=counter_checks),
        Domain(power, DomainKind.GPU, Quantity.POWER, Method.INTEGRAL, "x", checks=power_checks),
    )  # fmt: skip
    trial = Factory(n_blocks=1).run().trials[0]
    made = power_trace(trial, {counter: RISING, power: STEADY}, domains)
    assert [line.domain for line in made.lines] == [power]
    alone = power_trace(trial, {counter: RISING}, domains)
    assert [line.domain for line in alone.lines] == [counter]


def test_a_name_alone_makes_no_cross_check():
    domains = [
        Domain(name, DomainKind.OTHER, Quantity.POWER, Method.INTEGRAL, "x")
        for name in ("load", "load-instant")
    ]
    trial = Factory(n_blocks=1).run().trials[0]
    made = power_trace(trial, {"load": STEADY, "load-instant": STEADY}, domains)
    assert len(made.lines) == 2
