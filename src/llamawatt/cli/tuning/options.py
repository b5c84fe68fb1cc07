"""Options of the commands that tune, each written once."""

from pathlib import Path
from typing import Annotated

import typer

Models = Annotated[
    list[str] | None,
    typer.Argument(help="Models that compete, as for bench; the first is the reference."),
]
Objective = Annotated[
    str,
    typer.Option(
        "--objective",
        help="energy, latency, edp, ed2p, throughput, battery or cost.",
        case_sensitive=False,
    ),
]
Require = Annotated[
    list[str] | None,
    typer.Option("--require", help="What must hold, as 'tok_per_s>=20'. Repeatable."),
]
Budget = Annotated[str, typer.Option("--budget", help="Time budget, as 5m or 1h.")]
Streams = Annotated[
    int, typer.Option("--streams", min=1, max=1024, help="Requests at once that you have.")
]
Suites = Annotated[
    list[str] | None,
    typer.Option("--suite", "--prompts", help="Suite, shape or JSONL file. Repeatable."),
]
Fixed = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="A setting that stays as it is, as n_ctx=8192."),
]
Vary = Annotated[
    list[str] | None,
    typer.Option("--vary", help="Turn only this knob, as n_threads or n_threads=1,2,4."),
]
Check = Annotated[
    Path | None,
    typer.Option("--check", help="Measure whether the setting of a profile still wins."),
]
AllowSystem = Annotated[
    bool,
    typer.Option(
        "--allow-system-changes",
        help="Also try CPU governors and the GPU's power limit; they are put back.",
    ),
]
