"""Options that several commands share, each written once."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

WATTS = re.compile(r"([0-9]+(?:[.,][0-9]+)?|[.][0-9]+)\s*(mw|w|kw|watts?)?", re.IGNORECASE)


def watts(text: str) -> float:
    """Parse a power, as `65`, `65W`, `65 W` or `0.1kW`; a bare number is watts.

    Raises:
        UsageError: it is none.
    """
    from llamawatt.core.errors import UsageError

    found = WATTS.fullmatch(str(text).strip())
    if found is None:
        raise UsageError(f"{text!r} is not a power.", "Write watts, as 65 or 65W.")
    scale = {"mw": 1e-3, "kw": 1e3}.get((found[2] or "").lower(), 1.0)
    return float(found[1].replace(",", ".")) * scale


def set_once(key: str, *, not_with: str = "") -> Callable[..., object]:
    """Return what gives an option that was not typed the value that is set for all commands.

    Args:
        key: The setting.
        not_with: Another option that excludes this one.
    """

    def value(ctx: typer.Context, value: object) -> object:
        if value is not None or ctx.params.get(not_with):
            return value
        from llamawatt.app.settings import settings_found

        found = settings_found().get(key)
        return None if found is None else Path(str(found.value)) if key == "server" else found.value

    return value


def run_named(value: Path | None) -> Path | None:
    """Return the run directory for what was typed: a path, `latest`, `latest~1`, or a run's name.

    Raises:
        RunDirectoryError: there is no such run.
    """
    if value is None:
        return None
    from llamawatt.runs.named import resolve_run

    return resolve_run(value)


Model = Annotated[
    str | None,
    typer.Argument(
        help="A catalogue name, hf:OWNER/REPO/FILE, a URL or a path. Default: smollm2-135m."
    ),
]
Server = Annotated[
    Path | None,
    typer.Option(
        "--server",
        callback=set_once("server", not_with="url"),
        help="Your own llama-server, as one built for a GPU.",
    ),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="A running llama-server, Ollama or OpenAI-compatible server."),
]
RemoteModel = Annotated[
    str, typer.Option("--remote-model", help="Model name to ask the server at --url for.")
]
ApiKey = Annotated[
    str,
    typer.Option(
        "--api-key",
        help="Key of the server at --url. Default: LLAMAWATT_API_KEY, then OPENAI_API_KEY.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", help="Certificates to trust for https, as a PEM file."),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Take any certificate of https; results are marked.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Run directory. Default: llamawatt-runs/TIME-NAME.")
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume", callback=run_named, help="Go on with this run (or latest), in place of --out."
    ),
]
RunPath = Annotated[
    Path,
    typer.Argument(
        callback=run_named,
        help="A run directory, the name of one in llamawatt-runs, latest or latest~1.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON on stdout and nothing else; messages go to stderr.")
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        help="Seed of every random choice. Default: the study's, else drawn and written down.",
    ),
]
Budget = Annotated[str | None, typer.Option("--budget", help="Time budget, as 90s, 15m or 2h.")]
Wall = Annotated[
    str | None,
    typer.Option(
        "--wall",
        callback=set_once("wall"),
        help="URL of a Shelly, Tasmota or TP-Link plug, or of a sensor of Home Assistant.",
    ),
]
CpuIdle = Annotated[
    float | None,
    typer.Option(
        "--cpu-idle-w",
        parser=watts,
        metavar="WATTS",
        callback=set_once("cpu_idle_w"),
        help="Idle watts of your CPU, as 8 or 8W.",
    ),
]
CpuMax = Annotated[
    float | None,
    typer.Option(
        "--cpu-max-w",
        parser=watts,
        metavar="WATTS",
        callback=set_once("cpu_max_w"),
        help="Full-load watts of it, as 65 or 65W.",
    ),
]
MeasuredOnly = Annotated[
    bool, typer.Option("--measured-only", help="No estimates; exit 3 when no sensor works.")
]
Assume = Annotated[
    list[str] | None,
    typer.Option(
        "--assume",
        metavar="NAME=VALUE",
        help="What figures are worked out with, as price_per_kwh=0.30; see `llamawatt config`.",
    ),
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Do not write the report.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing while it runs.")]


def seconds(text: str | None) -> float | None:
    """Parse a duration with its unit, as `90s`, `15m`, `15 min` or `2h`.

    Raises:
        UsageError: it is none, or has no unit.
    """
    from llamawatt.core.errors import UsageError

    if text is None:
        return None
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", text, re.IGNORECASE)
    number, unit = found.groups() if found else ("", "")
    if number and not unit:
        raise UsageError(f"{text!r} has no unit.", f"Write {number}s, {number}m or {number}h.")
    scale = _SECONDS.get(unit.lower(), 0.0)
    value_s = float(number or 0) * scale
    if not 0 < value_s < float("inf"):
        raise UsageError(f"{text!r} is no duration.", "Write 90s, 15m or 2h.")
    return value_s


_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}


def settings(pairs: list[str]) -> dict[str, bool | int | float | str]:
    """Parse `name=value` pairs; whole numbers become integers.

    Raises:
        UsageError: a pair has no name or no value.
    """
    from llamawatt.core.errors import UsageError

    parsed: dict[str, bool | int | float | str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{pair!r} is no setting.", "Write it as n_threads=4.")
        whole = re.fullmatch(r"-?[0-9]+", value)
        parsed[name.strip().replace("-", "_")] = int(value) if whole else value.strip()
    return parsed
