"""What a finished run prints: the table, its doubts, the report; or JSON alone."""

import sys

import typer
from rich.console import Console

from llamawatt.cli.jsonform import run_json
from llamawatt.cli.tables import print_run
from llamawatt.runs.store import Run


def finish(run: Run, *, as_json: bool) -> None:
    """Print a run."""
    if as_json:
        typer.echo(run_json(run))
        return
    print_run(run, Console(file=sys.stdout, highlight=False))
    typer.echo(f"\nrun:    {run.path}")
