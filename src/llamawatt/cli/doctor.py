"""`llamawatt doctor`: what can be measured here, how well, and what would help."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options
from llamawatt.core.format import MISSING, duration_text, gain_text, percent_text

if TYPE_CHECKING:
    from llamawatt.core.machine import MachineRecord
    from llamawatt.core.readings import Calibration, Domain


def doctor(
    as_json: options.Json = False,
    server: options.Server = None,
    url: options.Url = None,
    remote_model: options.RemoteModel = "",
    api_key: options.ApiKey = "",
    ca_file: options.CaFile = None,
    insecure: options.Insecure = False,
    wall: options.Wall = None,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    wake: Annotated[
        bool, typer.Option("--wake", help="Also wake a sleeping laptop GPU to calibrate it.")
    ] = False,
) -> None:
    """Check meters, devices and noise; every gap comes with its fix.

    With --url, check a running server instead: what it is, what it reports, and what can be
    measured of it.
    """
    from llamawatt.app.machine.examination import examine
    from llamawatt.app.metering import Metering
    from llamawatt.runs.schema import to_json

    if url is not None:
        from llamawatt.app.serving import Serving
        from llamawatt.cli.doctor_server import tell_server

        serving = Serving(server, url, remote_model).reached_with(api_key, ca_file, insecure)
        tell_server(serving, as_json=as_json)
        return
    found = examine(server, Metering(wall, cpu_idle_w, cpu_max_w), wake=wake)
    machine, build, findings = found.machine, found.build, found.findings
    if as_json:
        told = json.loads(to_json(machine))
        told["llama_cpp"] = asdict(build)
        told["noise"] = [asdict(finding) for finding in findings]
        typer.echo(json.dumps(told, indent=1))
        return
    _tell_machine(machine)
    _tell_meters(machine)
    typer.echo("\nllama.cpp")
    typer.echo(f"  {'gpu' if build.runs else 'does not run':15} {build.gpu or build.why_not}")
    typer.echo("\nnoise")
    for finding in findings:
        typer.echo(f"  {finding.text} {finding.remedy}")
    if not findings:
        typer.echo("  quiet")


def _tell_machine(machine: "MachineRecord") -> None:
    typer.echo("machine")
    typer.echo(f"  cpu             {machine.cpu}, {machine.n_cores} cores")
    typer.echo(f"  memory          {machine.memory_bytes / 2**30:.0f} GiB")
    for place, rate in machine.bandwidth_bytes_per_s.items():
        typer.echo(f"  bandwidth       {rate / 1e9:.0f} GB/s read by the {place}, measured")
    for gpu in machine.gpus:
        typer.echo(f"  gpu-{gpu.index}           {gpu.name}, driver {gpu.driver}")
        if gpu.nameplate_bytes_per_s is not None:
            rate = gpu.nameplate_bytes_per_s / 1e9
            typer.echo(f"  {'':15} memory {rate:.0f} GB/s by its nameplate, not measured")


def _tell_meters(machine: "MachineRecord") -> None:
    typer.echo("\nmeters")
    known = {calibration.domain: calibration for calibration in machine.calibrations}
    for domain in machine.domains:
        typer.echo(f"  {domain.name:15} {_method(domain)}")
        typer.echo(f"  {'':15} {_sensor(known[domain.name])}")
        if domain.note:
            typer.echo(f"  {'':15} {domain.note}")
        if domain.estimate is not None and domain.estimate.advice:
            typer.echo(f"  {'':15} {domain.estimate.advice}")
    for missing in machine.missing:
        typer.echo(f"  {missing.meter:15} {MISSING} {missing.reason}")
        if missing.remedy:
            typer.echo(f"  {'':15} {missing.remedy}")


def _method(domain: "Domain") -> str:
    role = "" if domain.in_total else ", not summed"
    if domain.checks:
        role = f", checks {domain.checks}"
    gain = f", {gain_text(domain.gain_error)}" if domain.gain_error else ""
    return f"{domain.method.value} ({domain.source}{gain}{role})"


def _sensor(calibration: "Calibration") -> str:
    period = (
        f"updates every {duration_text(calibration.update_period_s)}"
        if calibration.update_period_s
        else "no update seen"
    )
    duty = (
        f", sees {percent_text(calibration.duty_cycle)} of the time"
        if calibration.duty_cycle is not None and calibration.duty_cycle < 1
        else ""
    )
    return f"{period}, one read costs {duration_text(calibration.read_cpu_s)} of CPU{duty}"
