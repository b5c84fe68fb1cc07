"""`llamawatt tune`: the best setting for a load, named with its interval, and how to run it."""

from llamawatt.cli import options
from llamawatt.cli.tuning import options as own


def tune(
    models: own.Models = None,
    objective: own.Objective = "energy",
    require: own.Require = None,
    budget: own.Budget = "20m",
    streams: own.Streams = 1,
    suite: own.Suites = None,
    setting: own.Fixed = None,
    vary: own.Vary = None,
    check: own.Check = None,
    allow_system: own.AllowSystem = False,
    assume: options.Assume = None,
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
    from llamawatt.app import metering, serving, settings
    from llamawatt.cli.tuning.outcome import carry_out
    from llamawatt.tune.record import Asked
    from llamawatt.tune.running import TuneOrder
    from llamawatt.tune.setup.asking import require_meant, varied

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
        allow_system=allow_system,
        price_per_kwh=settings.assumed(assume).numbers.get("price_per_kwh"),
    )
    meters = metering.Metering(wall, cpu_idle_w, cpu_max_w, measured_only)
    order = TuneOrder(require_meant(asked), serving.Serving(server), meters, seed, out, resume)
    carry_out(order, check=check, quiet=quiet, as_json=as_json, with_report=not no_report)
