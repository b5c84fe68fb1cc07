import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.runs.samples import RawTrace
from llamawatt.runs.traces import read_trace, write_trace
from llamawatt.testing.meter_contract import assert_meter_contract
from llamawatt.testing.replay_meter import ReplayMeter

COUNTER = Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "nvml-counter")
POWER = Domain("wall", DomainKind.WALL, Quantity.POWER, Method.INTEGRAL, "tasmota-power")
T_S = np.array([100.0, 100.1, 100.2, 100.3])


def recorded():
    return {
        COUNTER: RawTrace(T_S, energy_j=np.array([5.0, 6.0, np.nan, 8.0])),
        POWER: RawTrace(T_S + 0.05, power_w=np.array([60.0, 61.0, 62.0, 63.0])),
    }


def test_it_keeps_the_contract():
    assert_meter_contract(lambda: ReplayMeter({COUNTER: recorded()[COUNTER]}))


def test_a_recording_is_shown_as_it_was():
    clock = FakeClock(7.0)
    meter = ReplayMeter(recorded(), clock)
    assert meter.read("gpu-0").energy_j == 5.0
    assert "not begun" in meter.read("wall").reason
    clock.sleep_s(0.16)
    assert meter.read("gpu-0").energy_j == 6.0
    assert meter.read("gpu-0").t_s == pytest.approx(7.16)
    assert meter.read("wall").power_w == 61.0


def test_a_failed_read_stays_failed_and_the_end_is_an_end():
    clock = FakeClock()
    meter = ReplayMeter(recorded(), clock)
    clock.sleep_s(0.21)
    assert "had failed" in meter.read("gpu-0").reason
    clock.sleep_s(0.2)
    assert "ended" in meter.read("gpu-0").reason


def test_a_trace_of_a_run_directory_can_be_played(tmp_path):
    (tmp_path / "traces").mkdir()
    before = recorded()
    write_trace(tmp_path, "t", {domain.name: trace for domain, trace in before.items()})
    after = read_trace(tmp_path, "t")
    meter = ReplayMeter({domain: after[domain.name] for domain in before}, FakeClock())
    assert meter.read("gpu-0").energy_j == 5.0


@pytest.mark.parametrize(
    "trace", [RawTrace(np.array([])), RawTrace(T_S, power_w=T_S), RawTrace(T_S)]
)
def test_a_recording_of_something_else_is_refused(trace):
    with pytest.raises(ValueError, match="gpu-0"):
        ReplayMeter({COUNTER: trace}, FakeClock())


@given(
    steps_s=st.lists(st.floats(0.01, 5.0), min_size=1, max_size=20),
    at_s=st.floats(0.0, 100.0),
)
def test_what_is_shown_was_recorded_last(steps_s, at_s):
    t_s = np.cumsum([0.0, *steps_s])
    clock = FakeClock()
    meter = ReplayMeter({COUNTER: RawTrace(t_s, energy_j=t_s * 3.0)}, clock)
    clock.sleep_s(at_s)
    found = meter.read("gpu-0")
    if at_s > t_s[-1]:
        assert isinstance(found, Unavailable)
    else:
        assert found.energy_j == t_s[t_s <= at_s].max() * 3.0
