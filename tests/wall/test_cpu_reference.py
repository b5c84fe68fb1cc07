"""The calibration of the CPU estimate on a simulated processor whose watts are known."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.errors import MeterError
from llamawatt.core.readings import (
    Domain,
    DomainKind,
    EnergyReading,
    Method,
    Quantity,
    Unavailable,
)
from llamawatt.host.cpu.topology import Topology
from llamawatt.meters.sensors.cpu.model import Processor, rated_model
from llamawatt.wall.busy_watch import BusyWatch
from llamawatt.wall.cpu_reference import (
    CpuLevel,
    Reference,
    counts,
    find_reference,
    fitted_cpu,
    measure_reference,
)

CPU = Domain("cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.ENERGY, Method.COUNTER, "rapl")
DRAM = replace(CPU, name="dram-0", kind=DomainKind.DRAM)
WALL = replace(CPU, name="wall", kind=DomainKind.WALL, in_total=False)
BATTERY = replace(CPU, name="battery", kind=DomainKind.BATTERY, in_total=False)
MODEL = rated_model(Processor("Mystery 9000", Topology.even(4, 2)))
IDLE_W, SPAN_W = 6.0, 80.0


def busy(n):
    return dict.fromkeys(range(n), 1.0)


def levels(power_of):
    return tuple(
        CpuLevel(n, power_of(MODEL.curve.span_share(MODEL.topology, busy(n))), [busy(n)] * 3)
        for n in counts(8)
    )


def test_counters_are_the_best_reference_and_a_model_is_none():
    modelled = replace(CPU, method=Method.MODEL)
    other = replace(CPU, name="cpu-package-1")
    assert find_reference([WALL, DRAM, CPU, other]) == (
        Reference.COUNTER,
        ("cpu-package-0", "cpu-package-1"),
    )
    assert find_reference([modelled, BATTERY, WALL]) == (Reference.WALL, ("wall",))
    assert find_reference([modelled, BATTERY]) == (Reference.BATTERY, ("battery",))
    assert find_reference([modelled, DRAM]) is None


@pytest.mark.parametrize("n_threads", [1, 2, 6, 200])
def test_levels_go_from_idle_to_all(n_threads):
    found = counts(n_threads)
    assert (found[0], found[-1]) == (0, n_threads)
    assert len(set(found)) == len(found)


def test_counters_give_idle_and_span():
    fitted = fitted_cpu(levels(lambda g: IDLE_W + SPAN_W * g), MODEL, Reference.COUNTER, "now")
    assert (fitted.idle_w, fitted.span_w) == (pytest.approx(IDLE_W), pytest.approx(SPAN_W))
    assert fitted.span_factor < MODEL.estimate.span_factor
    assert fitted.idle_factor < MODEL.estimate.idle_factor


@pytest.mark.parametrize("reference", [Reference.WALL, Reference.BATTERY])
def test_a_reference_of_the_whole_machine_gives_the_span_alone(reference):
    fitted = fitted_cpu(levels(lambda g: 40 + SPAN_W * g), MODEL, reference, "now")
    assert fitted.idle_w == MODEL.estimate.idle_w
    assert fitted.idle_factor == MODEL.estimate.idle_factor
    assert 0.7 * SPAN_W < fitted.span_w < SPAN_W


def test_power_that_does_not_rise_is_an_error_with_a_remedy():
    with pytest.raises(MeterError, match="rises with load") as caught:
        fitted_cpu(levels(lambda _: 30.0), MODEL, Reference.COUNTER, "now")
    assert "--seconds" in caught.value.remedy


class Bench:
    """Meters whose CPU draws what the number of busy CPUs says."""

    domains = (CPU,)

    def __init__(self, clock):
        self.clock, self.n_busy, self.gone = clock, 0, False

    @contextmanager
    def load(self, n_busy):
        self.n_busy = n_busy
        yield

    def edge(self):
        pass

    def energies(self, t0_s, t1_s, *, surrounded):
        if self.gone:
            return {"cpu-package-0": Unavailable("Permission denied.", "Give it back.")}
        joules = (IDLE_W + 10 * self.n_busy) * (t1_s - t0_s)
        return {"cpu-package-0": EnergyReading("x", Method.COUNTER, joules, 0, 0, t0_s, t1_s)}


def measured(bench, clock):
    watch = BusyWatch(bench.load, lambda: {0: 1.0}, look_s=0.001)
    return measure_reference(
        bench, ("cpu-package-0",), watch, ((0, 1, 2), 10.0), clock, lambda _: None
    )


def test_each_level_has_its_own_power():
    clock = FakeClock()
    found = measured(Bench(clock), clock)
    assert [(level.n_busy, level.power_w) for level in found] == [(0, 6.0), (1, 16.0), (2, 26.0)]


def test_a_reference_that_fails_says_why():
    clock = FakeClock()
    bench = Bench(clock)
    bench.gone = True
    with pytest.raises(MeterError, match="Permission denied") as caught:
        measured(bench, clock)
    assert caught.value.remedy == "Give it back."
