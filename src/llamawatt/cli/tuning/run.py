"""`llamawatt run`: starts the server of a tuned profile."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def run(
    profile: Annotated[
        Path, typer.Argument(help="A profile.json, or the run directory of a `llamawatt tune`.")
    ],
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port; several servers take the next.")
    ] = 8080,
    show: Annotated[
        bool, typer.Option("--print", help="Print the command, and start nothing.")
    ] = False,
) -> None:
    """Start the server of a profile as it was tuned; Ctrl-C ends it."""
    from llamawatt.app.machine_record import this_machine
    from llamawatt.app.profiles.launch import launches, machine_doubt, request_advice, stay
    from llamawatt.app.profiles.profile import read_profile

    read = read_profile(profile)
    servers = launches(read, host, port)
    for text in (machine_doubt(read, this_machine()), request_advice(read)):
        if text:
            typer.echo(f"note: {text}", err=True)
    if show:
        for each in servers:
            own = [f"{name}={shlex.quote(value)}" for name, value in read.spec().env]
            typer.echo(" ".join([*own, shlex.join(each.command)]))
        return
    for each in servers:
        typer.echo(f"serving at {each.url}", err=True)
    code = stay(servers)
    if code:
        raise typer.Exit(code)
