"""`llamawatt idle`: what a silent model costs, and after how long a silence unloading pays."""

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.analysis.estimates.stats import Estimate
    from llamawatt.analysis.rules.unloading import Rule
    from llamawatt.app.saving.idling import Idles
    from llamawatt.runs.store import Run

LEVELS = {
    "bare": "nothing running",
    "runtime": "server asleep, model unloaded",
    "model": "model resident",
}


def idle(
    source: Annotated[
        str | None, typer.Argument(help="A model, or a run whose idles were measured.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="cpu, gpu or all.", case_sensitive=False)
    ] = "all",
    idle_s: Annotated[
        str, typer.Option("--window", help="Length of each idle window, as 10s.")
    ] = "10s",
    server: options.Server = None,
    out: options.Out = None,
    as_json: options.Json = False,
    seed: options.Seed = None,
    wall: options.Wall = None,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    measured_only: options.MeasuredOnly = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure what a silent model costs, and after how long a silence unloading it pays."""
    from llamawatt.app.metering import Metering
    from llamawatt.app.saving.idling import idle_study, idles_of, measure_idles
    from llamawatt.app.serving import Serving
    from llamawatt.cli.console.progress import ConsoleObserver
    from llamawatt.core.redaction import arguments_without_secrets

    run = _read(source)
    if run is None:
        spec = idle_study(device.lower(), options.seconds(idle_s) or 10.0, seed)
        metering = Metering(wall, cpu_idle_w, cpu_max_w, measured_only)
        command = shlex.join(["llamawatt", *arguments_without_secrets(sys.argv[1:])])
        models = (source,) if source else ()
        with ConsoleObserver(quiet=quiet) as observer:
            run = measure_idles(
                spec, models, Serving(server), metering, observer, out=out, command=command
            )
    made = idles_of(run)
    if as_json:
        typer.echo(json.dumps({"run": str(run.path), "settings": [asdict(m) for m in made]}))
        return
    for each in made:
        for line in _lines(each):
            typer.echo(line)
    typer.echo(f"\nrun:    {run.path}")


def _read(source: str | None) -> "Run | None":
    from llamawatt.runs.store import STUDY_FILE, read_run

    path = Path(source) if source else None
    if path is None or not (path / STUDY_FILE).is_file():
        return None
    return read_run(path)


def _lines(made: "Idles") -> list[str]:
    idle = made.idle
    mark = " (estimated)" if idle.modelled else ""
    said = [f"{idle.arm}{mark}"]
    said += [f"  {LEVELS[level]}: {_text(power, 'W')}" for level, power in idle.power_w.items()]
    if idle.load_above_j is not None:
        said.append(f"  loading the model, above bare idle: {_text(idle.load_above_j, 'J')}")
    for rule in made.rules:
        said += _rule(rule)
    return [*said, *(f"  note: {gap}" for gap in made.gaps)]


def _rule(rule: "Rule") -> list[str]:
    from llamawatt.analysis.rules.unloading import snippets

    what = {
        "end": "Ending the process (which alone lets a laptop's GPU suspend)",
        "sleep": "Letting the server sleep (its process and context stay)",
    }[rule.how]
    if rule.after_s is None:
        return [f"  {what}: when it pays is not known, for {rule.why_not}."]
    said = [f"  {what} pays after {_text(rule.after_s, 's')} of silence:"]
    programs = {"end": ("Ollama", "llama-swap"), "sleep": ("llama-server",)}[rule.how]
    known = snippets(rule.after_s.value)
    return [*said, *(f"    {name}: {known[name]}" for name in programs)]


def _text(made: "Estimate", unit: str) -> str:
    if made.low is None or made.high is None:
        return f"{made.value:.3g} {unit}"
    return f"{made.value:.3g} {unit} ({made.low:.3g} to {made.high:.3g})"
