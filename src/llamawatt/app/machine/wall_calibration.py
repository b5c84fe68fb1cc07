"""Fits the wall's power to the metered domains, and keeps the model for later runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llamawatt.analysis.estimates.wall_model import LevelPower, fit_wall
from llamawatt.app.assemble import now_text
from llamawatt.app.machine.cpu_calibration import CpuCalibration, refit_by_wall
from llamawatt.app.machine_record import key_here, n_usable_cores
from llamawatt.app.metering import Metering
from llamawatt.core.clock import SystemClock
from llamawatt.core.errors import MeterError, UsageError
from llamawatt.core.format import duration_text
from llamawatt.core.machine import WallModel
from llamawatt.host import power_supply
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import Discovery, gpus
from llamawatt.wall import levels
from llamawatt.wall.busy_watch import BusyWatch
from llamawatt.wall.cpu_load import busy_cores
from llamawatt.wall.store import save_wall_model, wall_model_path

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class WallCalibration:
    """What was fitted.

    Attributes:
        model: The wall model.
        measured: Power at each level of load.
        path: Where the model is kept.
        cpu: The CPU estimate, fitted to the wall; None where a sensor reads the CPU.
    """

    model: WallModel
    measured: tuple[LevelPower, ...]
    path: Path
    cpu: CpuCalibration | None = None


def calibrate_wall(
    metering: Metering, level_s: float, tell: Tell, *, wake: bool
) -> WallCalibration:
    """Measure the domains and the wall at rising load, fit one to the other, and keep the model.

    Args:
        metering: Which meters, the wall plug among them.
        level_s: Seconds measured at each level.
        tell: Hears what goes on.
        wake: Whether a sleeping GPU may be woken.

    Raises:
        UsageError: the machine runs on battery, or the model cannot be kept.
        MeterError: the plug or the domains cannot be read, or nothing can be fitted.
    """
    _require_mains(tell)
    found = metering.discover(want_gpu=wake)
    _require_plug(found)
    asked, clock = levels.Levels(n_usable_cores(), level_s), SystemClock()
    watch = BusyWatch(busy_cores)
    tell(f"this takes about {duration_text(asked.duration_s)}; leave the machine alone")
    with MeterBench(found.meters, found.missing, clock, tell=tell) as bench:
        measured = levels.measure_levels(bench, asked, watch.load, clock, tell)
        fitted = refit_by_wall(measured, bench.domains, watch)
    model = fit_wall(fitted.measured, levels.boundary_of(fitted.domains), now_text())
    path = wall_model_path(key_here(gpus(want_gpu=wake), fitted.domains), fitted.domains)
    save_wall_model(path, model)
    return WallCalibration(model, fitted.measured, path, fitted.calibration)


def _require_mains(tell: Tell) -> None:
    discharging = power_supply.on_battery()
    if discharging:
        raise UsageError("The machine runs on battery; the wall feeds nothing.", "Plug it in.")
    if discharging is not None:
        tell("note: a battery that charges draws from the wall; calibrate with a full one")


def _require_plug(found: Discovery) -> None:
    """Check that the plug is among the meters; close them when not.

    Raises:
        MeterError: it is not, with what came back instead.
    """
    wall = levels.WALL
    if any(domain.name == wall for meter in found.meters for domain in meter.domains()):
        return
    for meter in found.meters:
        meter.close()
    gap = next((missing for missing in found.missing if missing.meter == wall), None)
    reason, remedy = (gap.reason, gap.remedy) if gap else ("", "")
    raise MeterError(f"The wall plug cannot be read: {reason}", remedy)
