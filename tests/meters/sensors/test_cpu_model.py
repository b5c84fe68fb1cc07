import psutil
import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Method
from llamawatt.meters.sensors import cpu_model
from llamawatt.meters.sensors.cpu_model import CpuModelMeter, CpuPowerModel
from llamawatt.testing.meter_contract import assert_meter_contract


@pytest.fixture
def machine(monkeypatch):
    """A machine of four cores whose busy time the test sets."""
    busy = {"s": 100.0}
    monkeypatch.setattr(cpu_model, "busy_core_s", lambda: busy["s"])
    monkeypatch.setattr(cpu_model.os, "cpu_count", lambda: 4)
    return busy


def test_it_keeps_the_contract():
    assert_meter_contract(lambda: CpuModelMeter(CpuPowerModel(10.0, 60.0)))


@pytest.mark.parametrize(("busy_share", "power_w"), [(0.0, 10.0), (0.25, 22.5), (1.0, 60.0)])
def test_energy_is_idle_power_plus_the_busy_share_of_the_rest(machine, busy_share, power_w):
    clock = FakeClock()
    meter = CpuModelMeter(CpuPowerModel(10.0, 60.0), clock)
    first = meter.read("cpu-package-0")
    clock.sleep_s(20.0)
    machine["s"] += busy_share * 4 * 20.0
    second = meter.read("cpu-package-0")
    assert second.energy_j - first.energy_j == pytest.approx(power_w * 20.0)


def test_a_burst_between_two_reads_is_not_lost(machine):
    clock = FakeClock()
    meter = CpuModelMeter(CpuPowerModel(0.0, 100.0), clock)
    first = meter.read("cpu-package-0")
    machine["s"] += 1.0
    clock.sleep_s(60.0)
    second = meter.read("cpu-package-0")
    assert second.energy_j - first.energy_j == pytest.approx(100.0 / 4)


def test_it_says_that_it_is_a_model_and_how_to_set_it(machine):
    (domain,) = CpuModelMeter(CpuPowerModel.of(None, None), FakeClock()).domains()
    assert domain.method is Method.MODEL
    assert domain.gain_error == 0.5
    assert "--cpu-idle-w" in domain.note
    assert "averages" in domain.note


def test_given_watts_replace_the_defaults(machine):
    model = CpuPowerModel.of(7.0, None)
    assert model.idle_w == 7.0
    assert model.max_w == pytest.approx(4 * 3.5)
    assert CpuPowerModel.of(7.0, 65.0).is_default is False


@pytest.mark.parametrize(("idle_w", "max_w"), [(-1.0, 10.0), (20.0, 10.0), (float("nan"), 10.0)])
def test_impossible_watts_are_refused(idle_w, max_w):
    from llamawatt.core.errors import UsageError

    with pytest.raises(UsageError, match="W"):
        CpuPowerModel.of(idle_w, max_w)


def test_busy_time_of_this_machine_is_below_its_uptime_and_grows():
    before_s = cpu_model.busy_core_s()
    sum(n * n for n in range(2_000_000))
    after_s = cpu_model.busy_core_s()
    assert after_s >= before_s
    assert after_s <= sum(psutil.cpu_times())
