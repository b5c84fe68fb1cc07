"""`llamawatt study run|list|show`: whole studies, built in or from a file."""

import json
from typing import Annotated

import typer

from llamawatt.cli import options

app = typer.Typer(
    help="Run whole studies: baseline, ablations, or your own YAML.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Judging = Annotated[
    bool | None,
    typer.Option(
        "--quality/--no-quality",
        help="Judge quality after the trials. Default: where bit widths or cache types compete.",
        show_default=False,
    ),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="Model; may be given several times.")
]
Runs = Annotated[
    int | None,
    typer.Option(
        "--runs",
        help="Repeat the whole study, each run with servers started anew and another order, "
        "to tell the spread between runs.",
        show_default=False,
    ),
]
Pause = Annotated[str, typer.Option("--pause", help="Time between the runs of --runs.")]
Study = Annotated[
    str, typer.Argument(help="A built-in study, a YAML file, or the study.yaml of a run.")
]


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """List the built-in studies."""
    from llamawatt.study.load import builtin_names, load_study

    found = {name: load_study(name).description for name in builtin_names()}
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for name, description in found.items():
        typer.echo(f"{name:14} {description}")


@app.command()
def show(study: Study, as_json: options.Json = False) -> None:
    """Print a study's YAML, to start your own from."""
    from llamawatt.study.load import parse_study, study_text

    text, where = study_text(study)
    spec = parse_study(text, where)
    if as_json:
        typer.echo(json.dumps(spec.model_dump(mode="json"), indent=1))
        return
    typer.echo(text, nl=False)


@app.command()
def run(
    study: Study,
    model: Models = None,
    server: options.Server = None,
    url: options.Url = None,
    remote_model: options.RemoteModel = "",
    api_key: options.ApiKey = "",
    ca_file: options.CaFile = None,
    insecure: options.Insecure = False,
    out: options.Out = None,
    resume: options.Resume = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan with what it will take.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take on more than 200 arms, which is refused without.")
    ] = False,
    protocol: Annotated[
        list[str] | None,
        typer.Option("--protocol", "-p", help="Over the study's own, as idle_s=2. Repeatable."),
    ] = None,
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
    quality: Judging = None,
    runs: Runs = None,
    pause: Pause = "5m",
) -> None:
    """Run a study, interleaved and repeated until its intervals are narrow."""
    from llamawatt.app.dry_run import look_ahead, require_confirmed
    from llamawatt.app.metering import Metering
    from llamawatt.app.order import Order
    from llamawatt.app.serving import Serving
    from llamawatt.cli.console.dry import print_plan
    from llamawatt.cli.outcome import carry_out
    from llamawatt.cli.repeating import repeated
    from llamawatt.study.load import load_study, with_protocol

    spec = with_protocol(load_study(study), _changes(protocol, budget), seed)
    serving = Serving(server, url, remote_model).reached_with(api_key, ca_file, insecure)
    metering = Metering(wall, cpu_idle_w, cpu_max_w, measured_only)
    order = Order(spec, tuple(model or ()), serving, metering, out, resume, quality)
    if not yes:
        require_confirmed(order)
    if dry_run:
        print_plan(look_ahead(order), as_json=as_json)
        return
    if runs is not None:
        repeated(order, runs, options.seconds(pause) or 0.0, quiet=quiet, as_json=as_json)
        return
    carry_out(order, quiet=quiet, as_json=as_json, with_report=not no_report, assume=assume)


def _changes(protocol: list[str] | None, budget: str | None) -> dict[str, object]:
    """Return what is typed over the study's own protocol."""
    changes: dict[str, object] = dict(options.settings(protocol or []))
    return changes if budget is None else {**changes, "budget_s": options.seconds(budget)}
