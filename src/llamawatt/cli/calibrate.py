"""`llamawatt calibrate`: the CPU estimate, and the wall, fitted to this machine."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options
from llamawatt.core.format import number_text, plus_minus_text, power_text

if TYPE_CHECKING:
    from llamawatt.analysis.estimates.wall_model import LevelPower
    from llamawatt.app.machine.cpu_calibration import CpuCalibration
    from llamawatt.core.machine import WallModel


def calibrate(
    wall: options.Wall = None,
    level_s: Annotated[
        float, typer.Option("--seconds", min=5.0, max=600.0, help="Seconds measured at each level.")
    ] = 20.0,
    as_json: options.Json = False,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    wake: Annotated[
        bool, typer.Option("--wake", help="Also wake a sleeping laptop GPU and sum it.")
    ] = False,
) -> None:
    """Fit the CPU estimate to this machine, and with --wall the wall's power to the domains.

    Without a plug, readable energy counters or a discharging battery are the reference: read them
    once (as root, say), and later runs without them use the fit. The plug must feed this machine
    alone. Later runs with the same domains show the wall's energy in a column of its own.
    """
    from llamawatt.app.machine.wall_calibration import calibrate_wall
    from llamawatt.app.metering import Metering

    if wall is None:
        _calibrate_cpu(level_s, as_json=as_json)
        return
    found = calibrate_wall(Metering(wall, cpu_idle_w, cpu_max_w), level_s, _tell, wake=wake)
    model, measured, path = found.model, found.measured, found.path
    if as_json:
        typer.echo(_json(model, measured, path))
        return
    fitted = cpu_sentences(found.cpu) if found.cpu is not None else []
    for line in (*_levels(measured), "", *sentences(model), f"kept in {path}", *fitted):
        typer.echo(line)


def _calibrate_cpu(level_s: float, *, as_json: bool) -> None:
    from llamawatt.app.machine.cpu_calibration import calibrate_cpu

    found = calibrate_cpu(level_s, _tell)
    if as_json:
        form = {"method": "model", "path": str(found.path), "model": asdict(found.fitted)}
        levels = [{"n_busy": level.n_busy, "power_w": level.power_w} for level in found.levels]
        typer.echo(json.dumps({**form, "levels": levels}, indent=1))
        return
    for level in found.levels:
        typer.echo(f"{level.n_busy:>4} CPUs busy  {power_text(level.power_w):>9}")
    for line in ("", *cpu_sentences(found)):
        typer.echo(line)


def cpu_sentences(found: "CpuCalibration") -> list[str]:
    """Say what a fit of the CPU estimate is, and what it replaces."""
    fitted, before = found.fitted, found.before.estimate
    return [
        f"CPU estimate: {power_text(fitted.idle_w)} idle (×/÷ {fitted.idle_factor:.2g}), up to "
        f"{power_text(fitted.span_w)} more under load (×/÷ {fitted.span_factor:.2g}), fitted "
        f"against {fitted.reference} at {fitted.n_levels} levels",
        f"before: {power_text(before.idle_w)} idle (×/÷ {before.idle_factor:.2g}), up to "
        f"{power_text(before.span_w)} more (×/÷ {before.span_factor:.2g}), by {before.source}",
        f"kept in {found.path}, and used wherever no counter can be read",
    ]


def sentences(model: "WallModel") -> list[str]:
    """Say in words what a wall model is, and what it is not."""
    low_w, high_w = model.range_w
    said = [
        f"wall = {number_text(model.rest_w)} W (± {number_text(model.rest_uncertainty_w, 2)}) + "
        f"{number_text(model.slope)} (± {number_text(model.slope_uncertainty, 2)}) × "
        f"({' + '.join(model.domains)})",
        f"95 % intervals over {model.n_levels} levels of {power_text(low_w)} to "
        f"{power_text(high_w)}; they lie {power_text(model.residual_w)} about the line; the plug's "
        f"own error, {plus_minus_text(model.gain_error)}, comes on top.",
        "The load was the CPU's: work on other devices lies on the same line only as far as "
        "the power supply treats it alike.",
    ]
    if model.modelled:
        said.append(
            f"note: {' and '.join(model.modelled)} is itself modelled, not measured: this "
            "calibrates a model against the wall, and holds only for the same watts."
        )
    return said


def _levels(measured: "tuple[LevelPower, ...]") -> list[str]:
    head = f"{'cores busy':>10}  {'domains':>9}  {'wall':>9}"
    rows = [
        f"{level.n_busy_cores:>10}  {power_text(level.domains_w):>9}  {power_text(level.wall_w):>9}"
        for level in measured
    ]
    return [head, *rows]


def _json(model: "WallModel", measured: "tuple[LevelPower, ...]", path: Path) -> str:
    form = {
        "method": "model",
        "path": str(path),
        "model": asdict(model),
        "levels": [asdict(level) for level in measured],
    }
    return json.dumps(form, indent=1)


def _tell(text: str) -> None:
    typer.echo(text, err=True)
