"""What a finished run prints: the table, its doubts, the report; or JSON alone."""

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from llamawatt.app.outcome import require_complete
from llamawatt.app.settings import assumed
from llamawatt.cli.tables import print_run
from llamawatt.core.redaction import arguments_without_secrets
from llamawatt.core.settings import NOTHING_ASSUMED, Assumptions
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.forms.run_json import run_json
from llamawatt.runs.store import Run

if TYPE_CHECKING:
    from llamawatt.app.order import Order
    from llamawatt.report.model import ReportModel

MOST_FINDINGS = 12


def run_shown(order: "Order", *, quiet: bool) -> Run:
    """Run an order, shown as it goes on.

    Raises:
        LlamawattError: something the user should know; finished trials are on the disk.
    """
    from llamawatt.app.running import run_study
    from llamawatt.cli.console.progress import ConsoleObserver

    command = shlex.join(["llamawatt", *arguments_without_secrets(sys.argv[1:])])
    with ConsoleObserver(quiet=quiet) as observer:
        return run_study(replace(order, command=command), observer)


def carry_out(
    order: "Order",
    *,
    quiet: bool,
    as_json: bool,
    with_report: bool,
    assume: list[str] | None = None,
) -> None:
    """Run an order, shown as it goes on, and print what came of it.

    Raises:
        LlamawattError: as `run_shown` and `finish`.
    """
    told = assumed(assume)  # before anything is measured: it may be refused
    run = run_shown(order, quiet=quiet)
    finish(run, as_json=as_json, with_report=with_report, assumed=told)


def finish(
    run: Run, *, as_json: bool, with_report: bool, assumed: Assumptions = NOTHING_ASSUMED
) -> None:
    """Print a run, and write its report beside it unless told not to.

    Raises:
        TargetError: an arm never gave a trial; what the others gave is printed.
        MeterError: no trial has any joule; what else is known is printed.
    """
    where, source = [f"run:    {run.path}"], source_of(run, assumed)
    model = summarise(source)
    if with_report:  # before anything is printed: who reads may have had enough
        from llamawatt.report.forms.write import write_report  # matplotlib loads only when it draws

        files = write_report(source)
        where.append(f"report: {files.html}")
    if as_json:
        typer.echo(run_json(model, str(run.path)))
    else:
        console = Console(file=sys.stdout, highlight=False)
        console.print(model.learnt, markup=False, style="bold")
        console.print(f"next: {model.next_step}\n", markup=False)
        print_run(model, console)
        _print_findings(model, console)
    for line in ("", *where):
        typer.echo(line, err=as_json)
    require_complete(run)


def _print_findings(model: "ReportModel", console: Console) -> None:
    """Print what the report found, in a line each; its page has the numbers and the doubts."""
    from llamawatt.report.words.headings import Section

    answers = (each for each in model.passages if each.about in {Section.WINNERS, Section.TUNING})
    found = [each.title for each in answers if each.tone == "result"][:MOST_FINDINGS]
    if found:
        console.print()
    for title in found:
        console.print(f"found: {title}", markup=False, soft_wrap=False)
