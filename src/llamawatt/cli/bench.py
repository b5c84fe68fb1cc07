"""`llamawatt bench`: what a reply costs on this machine, one arm per device."""

from typing import Annotated

import typer

from llamawatt.cli import options


def bench(
    model: options.Model = None,
    quick: Annotated[bool, typer.Option("--quick", help="End within a minute, less sure.")] = False,
    device: Annotated[
        str, typer.Option("--device", help="cpu, gpu or all.", case_sensitive=False)
    ] = "all",
    suite: Annotated[
        list[str] | None,
        typer.Option(
            "--suite", help="Suite, shape, .jsonl or .txt file; may be given several times."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", "-s", help="A llama.cpp setting for every arm, as n_threads=4. Repeatable."
        ),
    ] = None,
    server: options.Server = None,
    url: options.Url = None,
    remote_model: options.RemoteModel = "",
    api_key: options.ApiKey = "",
    ca_file: options.CaFile = None,
    insecure: options.Insecure = False,
    out: options.Out = None,
    resume: options.Resume = None,
    as_json: options.Json = False,
    seed: options.Seed = None,
    budget: options.Budget = None,
    wall: options.Wall = None,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    measured_only: options.MeasuredOnly = False,
    assume: options.Assume = None,
    no_report: options.NoReport = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure what a reply costs in seconds and joules, on the CPU and on the GPU."""
    from llamawatt.app.metering import Metering
    from llamawatt.app.order import Order
    from llamawatt.app.serving import Serving
    from llamawatt.cli.outcome import carry_out
    from llamawatt.study.baseline import bench_study

    spec = bench_study(
        device=device,
        suites=tuple(suite or ()),
        settings=options.settings(setting or []),
        quick=quick,
        seed=seed,
        budget_s=options.seconds(budget),
    )
    serving = Serving(server, url, remote_model).reached_with(api_key, ca_file, insecure)
    metering = Metering(wall, cpu_idle_w, cpu_max_w, measured_only)
    models = (model,) if model else ()
    order = Order(spec, models, serving, metering, out, resume)
    carry_out(order, quiet=quiet, as_json=as_json, with_report=not no_report, assume=assume)
