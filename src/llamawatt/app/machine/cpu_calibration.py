"""Calibrates the CPU estimate on this machine, and keeps the fit."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llamawatt.analysis.estimates.wall_model import LevelPower
from llamawatt.app.assemble import now_text
from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import MeterError
from llamawatt.core.format import duration_text
from llamawatt.core.readings import Domain
from llamawatt.host.config_folder import config_folder
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.cpu.fitted import FittedCpu, save_fitted
from llamawatt.meters.sensors.cpu.model import (
    CpuPowerModel,
    Processor,
    choose_model,
    rated_model,
)
from llamawatt.meters.sensors.discover import Discovery, discover
from llamawatt.wall.busy_watch import BusyWatch
from llamawatt.wall.cpu_load import busy_cores
from llamawatt.wall.cpu_reference import (
    SETTLE_S,
    CpuLevel,
    Reference,
    counts,
    find_reference,
    fitted_cpu,
    measure_reference,
)

BATTERY_LEVEL_S = 150.0
"""A fuel gauge moves every few seconds to half a minute."""
NO_REFERENCE = (
    "Nothing here shows what the CPU draws: no energy counter can be read, no battery discharges."
)


def how() -> str:
    """Return what would give a reference."""
    return (
        "Read the counters once as root: `sudo env "
        f"LLAMAWATT_CONFIG='{config_folder()}' {sys.executable} -m llamawatt calibrate`; or unplug "
        "a laptop; or name a plug with --wall URL."
    )


@dataclass(frozen=True, slots=True)
class CpuCalibration:
    """A calibration of the CPU estimate.

    Attributes:
        fitted: The fit.
        levels: What it was fitted to.
        before: The model that was in force without it.
        path: Where the fit is kept.
    """

    fitted: FittedCpu
    levels: tuple[CpuLevel, ...]
    before: CpuPowerModel
    path: Path


def calibrate_cpu(
    level_s: float,
    tell: Callable[[str], None],
    found: Discovery | None = None,
    clock: Clock | None = None,
) -> CpuCalibration:
    """Fit the CPU estimate to the machine's own counters, or to its discharging battery.

    Args:
        level_s: How long each level of load is measured.
        tell: Hears what is done.
        found: Meters to use; all that work here when None.
        clock: The clock.

    Raises:
        MeterError: there is nothing to hold it against, or power does not rise with load.
        UsageError: the fit cannot be kept.
    """
    found = found or discover(allow_model=False, want_gpu=False)
    domains = [domain for meter in found.meters for domain in meter.domains()]
    reference = find_reference(domains)
    if reference is None:
        for meter in found.meters:
            meter.close()
        raise MeterError(NO_REFERENCE, how())
    kind, names = reference
    level_s = max(level_s, BATTERY_LEVEL_S) if kind is Reference.BATTERY else level_s
    model = rated_model(Processor.here())
    n_busy_each = counts(model.topology.n_threads)
    length_s = len(n_busy_each) * (SETTLE_S + level_s)
    tell(f"this takes about {duration_text(length_s)}; leave the machine alone")
    clock, watch = clock or SystemClock(), BusyWatch(busy_cores)
    with MeterBench(found.meters, found.missing, clock, tell=tell) as bench:
        levels = measure_reference(bench, names, watch, (n_busy_each, level_s), clock, tell)
    fitted = fitted_cpu(levels, model, kind, now_text())
    return CpuCalibration(fitted, levels, model, save_fitted(fitted))


@dataclass(frozen=True, slots=True)
class Refitted:
    """Levels and domains of a plug's calibration, told by the CPU estimate that came of it.

    Attributes:
        measured: The levels.
        domains: The domains.
        calibration: The fit; None where the CPU is measured, or its watts were given.
    """

    measured: tuple[LevelPower, ...]
    domains: tuple[Domain, ...]
    calibration: CpuCalibration | None = None


def refit_by_wall(
    measured: tuple[LevelPower, ...], domains: tuple[Domain, ...], watch: BusyWatch
) -> Refitted:
    """Fit a modelled CPU to the wall's levels, and tell them by the fit.

    Args:
        measured: What the plug and the domains drew at each level.
        domains: Every domain read.
        watch: What was seen of the load.

    Raises:
        MeterError: the wall's power did not rise with load.
        UsageError: the fit cannot be kept.
    """
    modelled = next((d for d in domains if d.estimate is not None), None)
    seen = [level for level in measured if watch.seen.get(level.n_busy_cores)]
    if modelled is None or modelled.estimate is None or modelled.estimate.name == "given":
        return Refitted(measured, domains)
    if len(seen) < len(measured):
        return Refitted(measured, domains)
    processor = Processor.here()
    before, rated = choose_model(processor), rated_model(processor)
    levels = tuple(
        CpuLevel(level.n_busy_cores, level.wall_w, watch.seen[level.n_busy_cores])
        for level in measured
    )
    fitted = fitted_cpu(levels, rated, Reference.WALL, now_text())
    path = save_fitted(fitted)
    after = choose_model(processor)
    told = tuple(
        replace(level, domains_w=level.domains_w + _mean_w(after, cpu) - _mean_w(before, cpu))
        for level, cpu in zip(measured, levels, strict=True)
    )
    renamed = tuple(replace(d, estimate=after.estimate) if d is modelled else d for d in domains)
    return Refitted(told, renamed, CpuCalibration(fitted, levels, before, path))


def _mean_w(model: CpuPowerModel, level: CpuLevel) -> float:
    return sum(model.power_w(shares) for shares in level.shares) / len(level.shares)
