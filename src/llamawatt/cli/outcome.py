"""What a finished run prints: the table, its doubts, the report; or JSON alone."""

import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from llamawatt.cli.jsonform import run_json
from llamawatt.cli.tables import print_run
from llamawatt.core.errors import MeterError, TargetError
from llamawatt.core.trials import Status
from llamawatt.runs.store import Run
from llamawatt.study.stopping import hopeless_arms

if TYPE_CHECKING:
    from llamawatt.report.model import ReportModel

MOST_FINDINGS = 12


def finish(run: Run, *, as_json: bool, with_report: bool) -> None:
    """Print a run, and write its report beside it unless told not to.

    Raises:
        TargetError: an arm never gave a trial; what the others gave is printed.
        MeterError: no trial has any joule; what else is known is printed.
    """
    where, model = [f"run:    {run.path}"], None
    if with_report:  # before anything is printed: who reads may have had enough
        from llamawatt.report.forms.write import write_report  # matplotlib loads only when it draws

        files = write_report(run)
        model = files.model
        where.append(f"report: {files.html}")
    if as_json:
        typer.echo(run_json(run))
    else:
        console = Console(file=sys.stdout, highlight=False)
        print_run(run, console)
        if model is not None:
            _print_findings(model, console)
    for line in ("", *where):
        typer.echo(line, err=as_json)
    require_complete(run)


def _print_findings(model: "ReportModel", console: Console) -> None:
    """Print what the report found, in a line each; its page has the numbers and the doubts."""
    from llamawatt.report.words.findings import TUNING, WINNERS

    answers = (each for each in model.passages if each.about in {WINNERS, TUNING})
    found = [each.title for each in answers if each.tone == "result"][:MOST_FINDINGS]
    if found:
        console.print()
    for title in found:
        console.print(f"found: {title}", markup=False, soft_wrap=False)


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
