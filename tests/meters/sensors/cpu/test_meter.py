import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Method
from llamawatt.host.cpu.topology import Topology
from llamawatt.meters.sensors.cpu.meter import DOMAIN, CpuModelMeter, CpuTimes
from llamawatt.meters.sensors.cpu.model import Processor, choose_model
from llamawatt.testing.meter_contract import assert_meter_contract

XEON = Processor("Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", Topology.even(4, 2))
MODEL = choose_model(XEON, 10.0, 60.0)


class Machine:
    """Eight threads whose busy time the test sets, in steps of a kernel's tick."""

    def __init__(self, *, charges_own=False):
        self.clock = FakeClock()
        self.busy_s = dict.fromkeys(range(8), 100.0)
        self.own_s = 0.0
        own = (lambda: self.own_s) if charges_own else None
        times = CpuTimes(lambda: dict(self.busy_s), own, tick_s=0.01)
        self.meter = CpuModelMeter(MODEL, self.clock, times)

    def work(self, length_s, threads=(), own_share=1.0, step_s=0.1):
        """Keep threads busy; return the joules charged."""
        before_j = self.joules()
        for _ in range(round(length_s / step_s)):
            self.clock.sleep_s(step_s)
            for number in threads:
                self.busy_s[number] += step_s
            self.own_s += step_s * len(threads) * own_share
            self.joules()
        return self.joules() - before_j

    def joules(self):
        return self.meter.read(DOMAIN).energy_j

    def others_j(self):
        return self.meter.evidence()[f"{DOMAIN}.others_j"]


def test_it_keeps_the_contract():
    assert_meter_contract(lambda: CpuModelMeter(MODEL))


@pytest.mark.parametrize("threads", [(), (0,), (0, 1, 2, 3), tuple(range(8))])
def test_energy_is_the_power_of_its_busy_threads_over_time(threads):
    expected_w = MODEL.power_w(dict.fromkeys(threads, 1.0))
    assert Machine().work(20.0, threads) == pytest.approx(20.0 * expected_w, rel=0.01)


def test_a_burst_between_two_reads_is_not_lost():
    machine = Machine()
    idle_j = machine.work(60.0, step_s=60.0)
    machine.busy_s[0] += 1.0
    assert machine.work(60.0, step_s=60.0) > idle_j + 1.0


@pytest.mark.parametrize("step_s", [0.01, 0.03, 0.1])
def test_how_often_it_is_read_matters_little(step_s):
    often = Machine().work(6.0, (0, 1), step_s=step_s)
    assert often == pytest.approx(Machine().work(6.0, (0, 1), step_s=0.2), rel=0.02)


def test_it_never_runs_backwards_however_ticks_fall():
    machine = Machine(charges_own=True)
    told = []
    for turn in range(300):
        machine.clock.sleep_s(0.007)
        machine.busy_s[turn % 8] += 0.01 * (turn % 3)
        machine.own_s += 0.01 * (turn % 4 == 0)
        told.append(machine.joules())
    assert told == sorted(told)


def test_a_neighbour_is_not_charged():
    alone, crowded = Machine(charges_own=True), Machine(charges_own=True)
    alone_j = alone.work(10.0, (0, 1))
    crowded_j = crowded.work(10.0, (0, 1, 2, 3), own_share=0.5)
    assert crowded_j < 1.02 * alone_j
    whole_j = 10.0 * MODEL.power_w(dict.fromkeys(range(4), 1.0))
    assert crowded_j + crowded.others_j() == pytest.approx(whole_j, rel=0.01)


def test_a_neighbour_alone_costs_the_work_idle_power_only():
    machine = Machine(charges_own=True)
    assert machine.work(10.0, (0, 1, 2), own_share=0.0) == pytest.approx(100.0, rel=0.01)


def test_without_processes_of_its_own_all_is_charged():
    machine = Machine()
    assert machine.meter.evidence() == {}
    assert "Other processes" not in machine.meter.domains()[0].note


def test_a_count_that_runs_ahead_of_the_machines_is_not_stored_up():
    machine = Machine(charges_own=True)
    machine.work(10.0, (0,), own_share=1.5)
    charged_j = machine.work(10.0, (0,), own_share=0.0)
    assert charged_j == pytest.approx(100.0, rel=0.05)


def test_a_cpu_that_comes_online_starts_at_its_own_count():
    machine = Machine()
    machine.busy_s[9] = 1e6
    assert machine.work(1.0) == pytest.approx(10.0, rel=0.02)
    del machine.busy_s[9]
    assert machine.work(1.0) == pytest.approx(10.0, rel=0.02)


def test_it_says_that_it_is_an_estimate_with_its_name_source_and_bound():
    (domain,) = CpuModelMeter(choose_model(XEON), FakeClock()).domains()
    assert domain.method is Method.MODEL
    assert domain.estimate.name == "rated-power"
    assert "xeon e3-1240 v2" in domain.note
    assert domain.gain_error_at(domain.estimate.idle_w) > domain.gain_error_at(40.0)
