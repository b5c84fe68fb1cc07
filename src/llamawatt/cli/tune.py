"""`llamawatt tune`: the best setting for a load, named with its interval, and how to run it."""

from pathlib import Path
from typing import Annotated

import typer

from llamawatt.cli import options


def tune(
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Models that compete, as for bench; the first is the reference."),
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            "--objective",
            help="energy, latency, edp, ed2p, throughput, battery or cost.",
            case_sensitive=False,
        ),
    ] = "energy",
    require: Annotated[
        list[str] | None,
        typer.Option("--require", help="What must hold, as 'tok_per_s>=20'. Repeatable."),
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="Time budget, as 5m or 1h.")] = "20m",
    streams: Annotated[
        int, typer.Option("--streams", min=1, max=1024, help="Requests at once that you have.")
    ] = 1,
    suite: Annotated[
        list[str] | None,
        typer.Option("--suite", "--prompts", help="Suite, shape or JSONL file. Repeatable."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="A setting that stays as it is, as n_ctx=8192."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", help="Turn only this knob, as n_threads or n_threads=1,2,4."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", help="Measure whether the setting of a profile still wins."),
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", min=0, help="Price of a kWh, for the cost.")
    ] = None,
    server: options.Server = None,
    out: options.Out = None,
    resume: options.Resume = None,
    as_json: options.Json = False,
    seed: options.Seed = None,
    wall: options.Wall = None,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    measured_only: options.MeasuredOnly = False,
    no_report: options.NoReport = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the setting that costs least for your load, and the command that runs it."""
    from llamawatt.app.metering import Metering
    from llamawatt.app.serving import Serving
    from llamawatt.cli.tune_outcome import carry_out
    from llamawatt.tune.asking import require_meant, varied
    from llamawatt.tune.record import Asked
    from llamawatt.tune.running import TuneOrder

    only, values = varied(tuple(vary or ()))
    asked = Asked(
        objective=objective.lower(),
        requirements=tuple(require or ()),
        budget_s=options.seconds(budget) or 0.0,
        n_streams=streams,
        models=tuple(models or ()),
        suites=tuple(suite or ()),
        fixed=dict(options.settings(setting or [])),
        only=only,
        values=values,
        server=str(server.resolve()) if server else "",
        price_per_kwh=price,
    )
    metering = Metering(wall, cpu_idle_w, cpu_max_w, measured_only)
    order = TuneOrder(require_meant(asked), Serving(server), metering, seed, out, resume)
    carry_out(order, check=check, quiet=quiet, as_json=as_json, with_report=not no_report)
