"""Holds the CPU estimate against a meter that sees the CPU, at levels of load."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from llamawatt.analysis.estimates.cpu_fit import CpuFit, fit_cpu
from llamawatt.core.clock import Clock
from llamawatt.core.errors import MeterError
from llamawatt.core.readings import Domain, DomainKind, Method, Unavailable
from llamawatt.meters.base import Instrument
from llamawatt.meters.sensors.cpu.curve import SATURATION_EXPONENT, Curve
from llamawatt.meters.sensors.cpu.fitted import FittedCpu
from llamawatt.meters.sensors.cpu.model import CpuPowerModel
from llamawatt.wall.busy_watch import BusyWatch, Shares

LOAD_SHARES = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)
SETTLE_S = 3.0
EXPONENTS = tuple(round(0.3 + 0.1 * step, 1) for step in range(8))
PATH_EFFICIENCY = {"counter": 1.0, "battery": 0.9, "wall": 0.8}
"""How much of a watt more at the reference the processor gets: the board's converters take about a
tenth, the power supply another. Stated; 80 PLUS asks 0.80 to 0.94 of a power supply."""
PATH_FACTOR = {"counter": 1.0, "battery": 1.1, "wall": 1.15}
"""Bound of that efficiency, as a factor either way."""


class Reference(StrEnum):
    """What the estimate is held against."""

    COUNTER = "counter"
    BATTERY = "battery"
    WALL = "wall"

    @property
    def words(self) -> str:
        """The reference, in words."""
        return {
            "counter": "its own energy counters",
            "battery": "the battery's discharge",
            "wall": "a plug at the wall",
        }[self.value]


@dataclass(frozen=True, slots=True)
class CpuLevel:
    """One level of load.

    Attributes:
        n_busy: CPUs kept busy.
        power_w: Power of the reference.
        shares: Busy shares of its stretches.
    """

    n_busy: int
    power_w: float
    shares: Sequence[Shares]


def find_reference(domains: Sequence[Domain]) -> tuple[Reference, tuple[str, ...]] | None:
    """Return the best reference among domains, and their names; None without one."""
    counters = tuple(
        d.name
        for d in domains
        if d.kind is DomainKind.CPU_PACKAGE and d.in_total and d.method is not Method.MODEL
    )
    if counters:
        return Reference.COUNTER, counters
    for reference, kind in (
        (Reference.WALL, DomainKind.WALL),
        (Reference.BATTERY, DomainKind.BATTERY),
    ):
        names = tuple(d.name for d in domains if d.kind is kind and not d.checks)
        if names:
            return reference, names[:1]
    return None


def counts(n_threads: int) -> tuple[int, ...]:
    """Return the busy CPUs of each level, in rising order, each once."""
    return tuple(sorted({math.ceil(share * n_threads) for share in LOAD_SHARES}))


def measure_reference(
    bench: Instrument,
    names: Sequence[str],
    watch: BusyWatch,
    levels: tuple[Sequence[int], float],
    clock: Clock,
    tell: Callable[[str], None],
) -> tuple[CpuLevel, ...]:
    """Measure the reference's power at each level.

    Args:
        bench: The meters.
        names: Domains of the reference, added up.
        watch: The load, watched.
        levels: Busy CPUs of each level, and how long each is measured, in seconds.
        clock: The clock that the bench goes by.
        tell: Hears what is done.

    Raises:
        MeterError: the reference gave no energy at some level.
    """
    n_busy_each, level_s = levels
    powers_w = {}
    for n_busy in n_busy_each:
        tell(f"measuring with {n_busy} of {max(n_busy_each)} CPUs busy")
        with watch.load(n_busy):
            clock.sleep_s(SETTLE_S)
            bench.edge()
            t0_s = clock.now_s()
            clock.sleep_s(level_s)
            t1_s = clock.now_s()
            bench.edge()
        readings = bench.energies(t0_s, t1_s, surrounded=False)
        powers_w[n_busy] = sum(_power_w(readings, name, n_busy, t1_s - t0_s) for name in names)
    return tuple(CpuLevel(n, power_w, watch.seen[n]) for n, power_w in powers_w.items())


def _power_w(readings: Mapping[str, object], name: str, n_busy: int, length_s: float) -> float:
    found = readings[name]
    if isinstance(found, Unavailable):
        raise MeterError(
            f"{name} gave no energy with {n_busy} CPUs busy: {found.reason}", found.remedy
        )
    return float(getattr(found, "energy_j", math.nan)) / length_s


def fitted_cpu(
    levels: Sequence[CpuLevel], model: CpuPowerModel, reference: Reference, made_at: str
) -> FittedCpu:
    """Fit the estimate to levels.

    Behind a plug or a battery only what load adds can be told from the rest of the machine: idle
    stays what it was.

    Args:
        levels: Levels of load.
        model: The model from rated power.
        reference: What was measured.
        made_at: When, UTC, ISO 8601.

    Raises:
        MeterError: power did not rise with load, or there were too few levels.
    """
    seen = [level for level in levels if level.shares]
    shares = {exponent: [_mean(model, exponent, level) for level in seen] for exponent in EXPONENTS}
    fit = fit_cpu([level.power_w for level in seen], shares, SATURATION_EXPONENT)
    if fit is None:
        raise MeterError(
            f"{reference.words.capitalize()} showed no power that rises with load at "
            f"{len(seen)} levels.",
            "Leave the machine alone meanwhile, and measure longer: --seconds 60.",
        )
    return _kept(fit, model, reference, made_at)


def _mean(model: CpuPowerModel, exponent: float, level: CpuLevel) -> float:
    curve = Curve(exponent)
    found = [curve.span_share(model.topology, shares) for shares in level.shares]
    return math.fsum(found) / len(found)


def _kept(fit: CpuFit, model: CpuPowerModel, reference: Reference, made_at: str) -> FittedCpu:
    known, sees_idle = model.estimate, reference is Reference.COUNTER
    path = math.log(PATH_FACTOR[reference.value])
    return FittedCpu(
        cpu=model.cpu,
        n_threads=model.topology.n_threads,
        reference=reference.words,
        made_at=made_at,
        idle_w=fit.rest_w if sees_idle else known.idle_w,
        span_w=fit.span_w * PATH_EFFICIENCY[reference.value],
        idle_factor=fit.idle_factor if sees_idle else known.idle_factor,
        span_factor=math.exp(math.hypot(math.log(fit.span_factor), path)),
        saturation_exponent=fit.saturation_exponent,
        n_levels=fit.n_levels,
    )
