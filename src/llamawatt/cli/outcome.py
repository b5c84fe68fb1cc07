"""What a finished run prints: the table, its doubts, the report; or JSON alone."""

import sys

import typer
from rich.console import Console

from llamawatt.cli.jsonform import run_json
from llamawatt.cli.tables import print_run
from llamawatt.runs.store import Run


def finish(run: Run, *, as_json: bool, with_report: bool) -> None:
    """Print a run, and write its report beside it unless told not to."""
    if as_json:
        typer.echo(run_json(run))
    else:
        print_run(run, Console(file=sys.stdout, highlight=False))
        typer.echo(f"\nrun:    {run.path}")
    if with_report:
        from llamawatt.report.write import write_report  # matplotlib loads only when it draws

        files = write_report(run)
        typer.echo(f"report: {files.html}", err=as_json)
