"""The Python API: a block's energy, its sum, its doubts, and commands that are sent signals."""

import math
import os
import signal
import sys
import threading
import time

import pytest

from llamawatt.app import measuring as api
from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.meters.sensors.discover import Discovery

POWER_W = 20.0


class SteadyMeter:
    """Counts exactly POWER_W, until it is told to fail."""

    name = "steady"

    def __init__(self, *domains: Domain) -> None:
        self._domains = domains
        self._clock = SystemClock()
        self.failing = ""
        self.closed = False

    def domains(self) -> tuple[Domain, ...]:
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        t_s = self._clock.now_s()
        if domain == self.failing:
            return Unavailable("gone")
        return Sample(t_s, energy_j=POWER_W * (t_s // 0.01) * 0.01)

    def close(self) -> None:
        self.closed = True


def domain(
    name: str, kind: DomainKind, method: Method = Method.COUNTER, *, in_total: bool = True
) -> Domain:
    return Domain(name, kind, Quantity.ENERGY, method, "steady", in_total=in_total)


CPU = domain("cpu-package-0", DomainKind.CPU_PACKAGE)
WALL = domain("wall", DomainKind.WALL, in_total=False)
GPU = domain("gpu-0", DomainKind.GPU)


def meters(*domains: Domain) -> tuple[SteadyMeter, Discovery]:
    meter = SteadyMeter(*domains)
    return meter, Discovery((meter,), ())


def test_a_block_costs_its_power_times_its_time() -> None:
    meter, found = meters(CPU)
    with api.measure(0.2, found) as measured:
        time.sleep(0.5)
    assert meter.closed
    assert measured.total_j == pytest.approx(POWER_W * measured.duration_s, rel=0.1)
    assert Flag.DRAM_NOT_MEASURED in measured.flags
    assert Flag.CPU_NOT_MEASURED not in measured.flags


def test_a_sum_adds_gain_errors_linearly_and_random_ones_in_quadrature() -> None:
    _, found = meters(CPU, GPU, WALL)
    with api.measure(0.2, found) as measured:
        time.sleep(0.3)
    parts = [measured.energy[name] for name in ("cpu-package-0", "gpu-0")]
    assert measured.total is not None
    assert measured.total_j == pytest.approx(sum(part.energy_j for part in parts))
    assert measured.total.uncertainty_j == pytest.approx(
        math.hypot(*(part.uncertainty_j for part in parts))
    )
    assert measured.total.systematic_j == pytest.approx(sum(part.systematic_j for part in parts))


def test_a_failed_domain_leaves_no_sum_but_one_outside_the_sum_does_not_matter() -> None:
    for failing, known in (("cpu-package-0", False), ("wall", True)):
        meter, found = meters(CPU, WALL)
        with api.measure(0.0, found) as measured:
            meter.failing = failing
            time.sleep(0.3)
        assert failing in measured.unavailable
        assert (measured.total_j is not None) == known
        assert (Flag.READS_FAILED in measured.flags) == (not known)


def test_a_sum_of_measured_and_modelled_parts_says_so() -> None:
    _, found = meters(domain("cpu-package-0", DomainKind.CPU_PACKAGE, Method.MODEL), GPU)
    with api.measure(0.0, found) as measured:
        time.sleep(0.2)
    assert {Flag.MIXED_METHODS, Flag.MODELLED} <= set(measured.flags)


def test_what_no_meter_covers_is_said_of_a_command() -> None:
    _, found = meters(GPU)
    result = api.run_command([sys.executable, "-c", "exit(3)"], idle_s=0.0, meters=found)
    assert result.exit_code == 3
    assert Flag.CPU_NOT_MEASURED in result.measurement.flags


def test_a_command_that_is_none_is_named() -> None:
    _, found = meters(CPU)
    with pytest.raises(UsageError, match="no-such-program cannot be started"):
        api.run_command(["no-such-program"], idle_s=60.0, meters=found)  # and not after a minute
    for odd in ([], [""], ["/"]):
        with pytest.raises(UsageError, match="cannot be started"):
            api.run_command(odd, idle_s=0.0, meters=found)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_what_would_end_us_ends_the_command_and_its_cost_is_told() -> None:
    _, found = meters(CPU)
    before = signal.getsignal(signal.SIGTERM)

    def end_us_once_it_runs() -> None:
        while signal.getsignal(signal.SIGTERM) is before:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    ender = threading.Thread(target=end_us_once_it_runs)
    ender.start()
    result = api.run_command(["sleep", "60"], idle_s=0.0, meters=found)
    ender.join()
    assert result.exit_code == 128 + signal.SIGTERM
    assert result.measurement.total_j is not None
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_command_does_not_inherit_deafness_to_ctrl_c() -> None:
    _, found = meters(CPU)
    script = "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(9)"
    shell = f"exec {sys.executable} -c '{script}'"
    result = api.run_command(["sh", "-c", shell], idle_s=0.0, meters=found)
    assert result.exit_code in {128 + signal.SIGINT, 1}
    assert result.measurement.duration_s < 9
