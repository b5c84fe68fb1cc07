"""What a finished run prints: the table, its doubts, the report; or JSON alone."""

import sys

import typer
from rich.console import Console

from llamawatt.cli.jsonform import run_json
from llamawatt.cli.tables import print_run
from llamawatt.core.errors import MeterError, TargetError
from llamawatt.core.trials import Status
from llamawatt.runs.store import Run
from llamawatt.study.stopping import hopeless_arms


def finish(run: Run, *, as_json: bool, with_report: bool) -> None:
    """Print a run, and write its report beside it unless told not to.

    Raises:
        TargetError: an arm never gave a trial; what the others gave is printed.
        MeterError: no trial has any joule; what else is known is printed.
    """
    if as_json:
        typer.echo(run_json(run))
    else:
        print_run(run, Console(file=sys.stdout, highlight=False))
        typer.echo(f"\nrun:    {run.path}")
    if with_report:
        from llamawatt.report.write import write_report  # matplotlib loads only when it draws

        files = write_report(run)
        typer.echo(f"report: {files.html}", err=as_json)
    require_complete(run)


def require_complete(run: Run) -> None:
    """Check that every arm gave a trial, and some trial a joule.

    Raises:
        TargetError: an arm never did.
        MeterError: none did.
    """
    hopeless = hopeless_arms(run.trials)
    for trial in run.trials:
        if trial.arm in hopeless:
            raise TargetError(f"The arm {trial.arm!r} gave no trial. {trial.error}")
    if not any(trial.energy for trial in run.trials if trial.status is Status.OK):
        raise MeterError(
            "No trial has an energy: no meter gave any in its windows.",
            "`llamawatt doctor` tells what would help.",
        )
