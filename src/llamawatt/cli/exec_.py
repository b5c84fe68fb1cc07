"""`llamawatt exec -- CMD …`: like `time`, for energy."""

from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options
from llamawatt.core.format import (
    MISSING,
    duration_text,
    energy_text,
    gain_text,
    power_text,
)
from llamawatt.core.readings import Method

if TYPE_CHECKING:
    from llamawatt.analysis.estimates.metrics import EnergySum
    from llamawatt.app.measuring import CommandResult
    from llamawatt.core.trials import DomainEnergy

CONTEXT = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def exec_(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments.")],
    idle_s: Annotated[
        float, typer.Option("--idle", min=0.0, help="Seconds of idle measured first; 0: none.")
    ] = 1.0,
    as_json: options.Json = False,
    wall: options.Wall = None,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    measured_only: options.MeasuredOnly = False,
) -> None:
    """Run a command; tell its time and energy. Its exit code is passed on.

    With --json the result is the only thing on stdout: the command's own goes to stderr.
    """
    from llamawatt.app.measuring import require_program, run_command, to_json
    from llamawatt.app.metering import Metering

    require_program(command)
    meters = Metering(wall, cpu_idle_w, cpu_max_w, measured_only).discover()
    result = run_command(command, idle_s=idle_s, meters=meters, stdout_to_stderr=as_json)
    if as_json:
        typer.echo(to_json(result))
    else:
        _tell(result)
    raise typer.Exit(result.exit_code)


def _tell(result: "CommandResult") -> None:
    """Print on stderr, as `time` does: stdout is the command's."""
    measured = result.measurement
    lines = ["", f"{'time':16} {duration_text(measured.duration_s)}"]
    lines += [f"{name:16} {_figure(part)}" for name, part in measured.energy.items()]
    if measured.total is not None and sum(p.in_total for p in measured.energy.values()) > 1:
        lines.append(f"{'total':16} {_sum(measured.total)}")
    lines += [f"{name:16} {MISSING} {why.reason}" for name, why in measured.unavailable.items()]
    lines += [f"note: {flag.sentence}" for flag in measured.flags]
    lines += [f"not measured: {m.meter}: {m.reason} {m.remedy}" for m in measured.missing]
    for line in lines:
        typer.echo(line.rstrip(), err=True)


def _sum(total: "EnergySum") -> str:
    gain = gain_text(total.systematic_j / abs(total.energy_j)) if total.energy_j else MISSING
    return (
        f"{energy_text(total.energy_j)} ±{energy_text(total.uncertainty_j)} (sensors up to {gain})"
    )


def _figure(part: "DomainEnergy") -> str:
    above = "" if part.above_idle_j is None else f", {energy_text(part.above_idle_j)} above idle"
    gain = ""
    if part.energy_j and part.systematic_j:
        who = "" if part.method is Method.MODEL else "sensor "
        gain = f", {who}{gain_text(part.systematic_j / abs(part.energy_j))}"
    # Beside the error of a model the scatter of its samples says nothing.
    scatter = "" if part.method is Method.MODEL else f" ±{energy_text(part.uncertainty_j)}"
    return (
        f"{energy_text(part.energy_j)}{scatter} ({part.method.value}{gain}){above}, "
        f"mean {power_text(part.mean_power_w)}"
    )
