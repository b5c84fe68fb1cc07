"""`llamawatt serve`: an OpenAI-compatible gateway that says what each answer cost."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.gateway.config.read import Source
    from llamawatt.gateway.config.tables import Configuration

DEFAULT_MODEL = "smollm2-135m"
N_SLOTS = 4


File = Annotated[
    Path | None,
    typer.Argument(help="TOML of models and targets. Default: gateway.toml of the config folder."),
]
Model = Annotated[
    str, typer.Option("--model", "-m", help="Serve this model alone, without a file.")
]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 for any.")]
PolicyName = Annotated[str, typer.Option("--policy", help="latency, energy, edp or battery.")]
Database = Annotated[str, typer.Option("--database", help="File of the energy of all answers.")]
Trace = Annotated[
    str,
    typer.Option(
        "--simulate",
        help="Play a trace instead: a CSV in Azure's columns, or steady, bursty, home-day.",
    ),
]
Profile = Annotated[
    Path | None, typer.Option("--profile", help="With --simulate: TOML of what targets cost.")
]
OneIn = Annotated[
    float, typer.Option("--one-in", min=1, help="With --simulate: keep one request in so many.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="With --simulate: seed of every draw.")]
HashKey = Annotated[
    bool, typer.Option("--hash-key", help="Read a key from stdin and print the hash for `keys`.")
]


def serve(
    configuration: File = None,
    model: Model = "",
    server: options.Server = None,
    url: options.Url = None,
    host: Host = None,
    port: Port = None,
    policy: PolicyName = "",
    database: Database = "",
    simulate: Trace = "",
    profile: Profile = None,
    one_in: OneIn = 1.0,
    seed: Seed = 1,
    hash_key: HashKey = False,
    wall: options.Wall = None,
    cpu_idle_w: options.CpuIdle = None,
    cpu_max_w: options.CpuMax = None,
    measured_only: options.MeasuredOnly = False,
    as_json: options.Json = False,
) -> None:
    """Serve models, and say what every answer cost."""
    from llamawatt.gateway.places import require_extra

    if hash_key:
        _print_hash()
        return
    if simulate:
        _simulate(simulate, profile, policy or "energy", one_in, seed, as_json=as_json)
        return
    require_extra()
    from llamawatt.app.metering import Metering
    from llamawatt.gateway.server.assemble import run_gateway

    given = {"host": host, "port": port, "policy": policy, "database": database}
    changes: dict[str, object] = {
        name: value for name, value in given.items() if value not in (None, "")
    }
    found, source = _configuration(configuration, model, server, url, changes)
    metering = Metering(wall, cpu_idle_w, cpu_max_w, measured_only)
    run_gateway(found, source, metering, lambda at: _tell(at, found, as_json=as_json))


def _configuration(
    path: Path | None,
    model: str,
    server: Path | None,
    url: str | None,
    changes: dict[str, object],
) -> "tuple[Configuration, Source | None]":
    """Return the configuration, and where it comes from; None where it is made here."""
    from llamawatt.core.errors import UsageError
    from llamawatt.gateway.config.read import Source, single
    from llamawatt.gateway.places import default_configuration

    alone = bool(model or server or url)
    if path is not None and alone:
        raise UsageError(
            "A configuration file names its own models.", "Leave --model, --server and --url out."
        )
    path = path or (
        None if alone or not default_configuration().is_file() else default_configuration()
    )
    if path is not None:
        source = Source(path, changes)
        return source.read(), source
    if url:
        table: dict[str, object] = {
            "kind": "attached",
            "url": url,
            "remote_model": model,
            "slots": N_SLOTS,
        }
        return single(model or "default", table, changes), None
    reference = model or DEFAULT_MODEL
    settings = {"n_parallel": N_SLOTS}
    table = {"kind": "binary" if server else "embedded", "model": reference, "settings": settings}
    if server:
        table["server"] = server.resolve()
    name = Path(reference).stem if reference.endswith(".gguf") else reference
    return single(name, table, changes), None


def _tell(url: str, found: "Configuration", *, as_json: bool) -> None:
    names = list(found.models)
    if as_json:
        typer.echo(json.dumps({"url": url, "models": names}))
        return
    typer.echo(f"Serving {', '.join(names)} at {url}/v1")
    typer.echo(f"  health {url}/health, energy {url}/v1/energy, metrics {url}/metrics")
    typer.echo("  Ctrl-C ends it once running answers have ended.")


def _print_hash() -> None:
    import getpass
    import sys

    from llamawatt.core.errors import UsageError
    from llamawatt.gateway.hashing import hash_of

    key = getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if len(key) < 16:
        raise UsageError(
            "The key is shorter than 16 characters.",
            "Take a long random one, as of `openssl rand -hex 24`.",
        )
    typer.echo(hash_of(key))


def _simulate(
    trace: str, profile: Path | None, policy: str, one_in: float, seed: int, *, as_json: bool
) -> None:
    from llamawatt.core.errors import UsageError
    from llamawatt.gateway.policy.router import Policy
    from llamawatt.gateway.simulate import report

    if policy not in list(Policy):
        raise UsageError(f"There is no policy {policy!r}.", f"Take one of {', '.join(Policy)}.")
    levers = report.simulate(trace, profile, Policy(policy), one_in, seed)
    if as_json:
        typer.echo(json.dumps({"trace": trace, "seed": seed, **report.as_json(levers)}, indent=1))
        return
    typer.echo(
        f"{levers.n_requests} requests in {levers.duration_s / 3600:.2g} h; "
        "joules above the machine's bare idle."
    )
    rows = report.as_rows(levers)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        typer.echo("  ".join(cells).rstrip())
