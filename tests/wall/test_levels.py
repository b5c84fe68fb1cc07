"""The procedure on a real bench and a real HTTP plug whose watts follow the simulated domain."""

from contextlib import contextmanager

import pytest

from llamawatt.analysis.estimates.wall_model import fit_wall
from llamawatt.core.clock import FakeClock, SystemClock
from llamawatt.core.errors import MeterError
from llamawatt.core.readings import (
    Domain,
    DomainKind,
    EnergyReading,
    Method,
    Quantity,
    Sample,
    Unavailable,
)
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.wall_plug import open_wall
from llamawatt.wall.levels import Levels, boundary_of, measure_levels
from tests.meters.fakeplug import plug_server

STATUS = "/rpc/Switch.GetStatus?id=0"
IDLE_W, CORE_W = 8.0, 6.5
REST_W, SLOPE = 21.0, 1.25
CPU = Domain("cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.POWER, Method.INTEGRAL, "simulated")
WALL = Domain(
    "wall",
    DomainKind.WALL,
    Quantity.POWER,
    Method.INTEGRAL,
    "shelly-gen2-power",
    in_total=False,
    gain_error=0.02,
)


class CpuMeter:
    """A power sensor that follows the busy cores at once."""

    name = "simulated"

    def __init__(self) -> None:
        self.n_busy = 0
        self.clock = SystemClock()

    @property
    def power_w(self):
        return IDLE_W + CORE_W * self.n_busy

    def domains(self):
        return (CPU,)

    def read(self, domain):
        return Sample(self.clock.now_s(), power_w=self.power_w)

    def close(self):
        pass


@contextmanager
def machine():
    """A meter, a plug, and the load that moves both."""
    meter = CpuMeter()
    with plug_server({STATUS: {"apower": round(REST_W + SLOPE * meter.power_w, 1)}}) as plug:

        @contextmanager
        def load(n_cores):
            meter.n_busy = n_cores
            plug.answers[STATUS] = {"apower": round(REST_W + SLOPE * meter.power_w, 1)}
            yield
            meter.n_busy = 0

        yield meter, plug, load


def bench_of(meter, plug):
    return MeterBench([meter, open_wall(plug.url).meter], calibration_s=0.3)


def test_the_truth_behind_a_plug_is_found():
    said = []
    with machine() as (meter, plug, load), bench_of(meter, plug) as bench:
        found = measure_levels(bench, Levels(4, 0.8, 0.3), load, SystemClock(), said.append)
        model = fit_wall(found, boundary_of(bench.domains), "2026-01-01T00:00:00Z")
    assert [level.n_busy_cores for level in found] == [0, 1, 2, 4]
    assert [level.domains_w for level in found] == pytest.approx(
        [IDLE_W + CORE_W * n for n in (0, 1, 2, 4)], rel=0.02
    )
    assert model.slope == pytest.approx(SLOPE, abs=0.03)
    assert model.rest_w == pytest.approx(REST_W, abs=0.8)
    assert (model.domains, model.modelled, model.gain_error) == (("cpu-package-0",), (), 0.02)
    assert len(said) == 4


def test_a_plug_that_loses_contact_midway_is_told():
    with machine() as (meter, plug, load), bench_of(meter, plug) as bench:

        @contextmanager
        def losing(n_cores):
            with load(n_cores):
                if n_cores == 2:
                    plug.answers.clear()
                yield

        with pytest.raises(MeterError, match="wall gave no energy with 2 cores busy") as caught:
            measure_levels(bench, Levels(4, 0.8, 0.3), losing, SystemClock(), str)
    assert "Check the plug" in caught.value.remedy


class ExactBench:
    """Energies of a machine that is known, on a clock that does not wait."""

    slowest_period_s = 0.1

    def __init__(self, clock, domains=(CPU, WALL)) -> None:
        self.clock = clock
        self.domains = domains
        self.n_busy = 0
        self.lost = ""

    @contextmanager
    def load(self, n_cores):
        self.n_busy = n_cores
        yield

    def edge(self):
        self.clock.sleep_s(0.1)

    def energies(self, t0_s, t1_s, *, surrounded):
        assert not surrounded
        cpu_w = IDLE_W + CORE_W * self.n_busy
        watts = {"cpu-package-0": cpu_w, "gpu-0": 5.0, "wall": REST_W + SLOPE * cpu_w}
        return {
            domain.name: Unavailable("It is gone.")
            if domain.name == self.lost
            else EnergyReading(
                domain.name, Method.INTEGRAL, watts[domain.name] * (t1_s - t0_s), 1.0, 0, t0_s, t1_s
            )
            for domain in self.domains
        }


@pytest.mark.parametrize(
    ("n_cores", "counts"),
    [(2, (0, 1, 2)), (3, (0, 1, 2, 3)), (6, (0, 2, 3, 6)), (16, (0, 4, 8, 16))],
)
def test_levels_lie_between_idle_and_all_cores(n_cores, counts):
    levels = Levels(n_cores, 20.0, 5.0)
    assert levels.n_busy_cores == counts
    assert levels.duration_s == 25.0 * len(counts)


def test_all_summed_domains_are_added_and_the_window_lies_in_the_load():
    clock = FakeClock()
    gpu = Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "simulated")
    bench = ExactBench(clock, (CPU, gpu, WALL))
    found = measure_levels(bench, Levels(4, 20.0, 5.0), bench.load, clock, str)
    assert [x.domains_w for x in found] == pytest.approx([13.0, 19.5, 26.0, 39.0])
    assert found[0].domains_uncertainty_w == pytest.approx(2**0.5 / 20)
    assert fit_wall(found, boundary_of(bench.domains), "").slope == pytest.approx(SLOPE)
    assert clock.now_s() == pytest.approx(4 * 25.2)


def test_a_load_that_does_not_reach_the_machine_is_refused():
    clock = FakeClock()
    bench = ExactBench(clock)

    @contextmanager
    def nothing(n_cores):
        yield

    found = measure_levels(bench, Levels(4, 20.0, 5.0), nothing, clock, str)
    with pytest.raises(MeterError, match="does not stand out"):
        fit_wall(found, boundary_of(bench.domains), "")


def test_one_core_is_refused_before_anything_is_measured():
    clock = FakeClock()
    bench = ExactBench(clock)
    with pytest.raises(MeterError, match="2 levels"):
        measure_levels(bench, Levels(1, 20.0), bench.load, clock, str)
    assert clock.now_s() == 0


@pytest.mark.parametrize("lost", ["wall", "cpu-package-0"])
def test_a_domain_without_energy_is_named(lost):
    clock = FakeClock()
    bench = ExactBench(clock)
    bench.lost = lost
    with pytest.raises(MeterError, match=f"{lost} gave no energy.*It is gone"):
        measure_levels(bench, Levels(4, 20.0), bench.load, clock, str)


@pytest.mark.parametrize(("domains", "words"), [((CPU,), "no wall plug"), ((WALL,), "no domain")])
def test_both_sides_are_needed(domains, words):
    with pytest.raises(MeterError, match=words):
        boundary_of(domains)
