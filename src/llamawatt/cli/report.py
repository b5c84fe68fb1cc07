"""`llamawatt report`: page, Markdown, figures, CSV and JSON of a run."""

from pathlib import Path
from typing import Annotated

import typer

from llamawatt.cli import options
from llamawatt.cli.console.streams import ascii_json

ReportOut = Annotated[
    Path | None, typer.Option("--out", help="Where to write. Default: RUN/report.")
]


def report(
    run: options.RunPath,
    out: ReportOut = None,
    assume: options.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Write the report of a run: what a reply costs, why, and how far to trust it."""
    from llamawatt.app.settings import assumed
    from llamawatt.report.forms.write import write_report

    files = write_report(run, out, assumed=assumed(assume))
    if as_json:
        typer.echo(ascii_json(files.json.read_text(encoding="utf-8")), nl=False)
        return
    typer.echo(files.model.learnt)
    typer.echo(f"next: {files.model.next_step}")
    typer.echo(f"\n{files.model.headline}")
    for passage in files.model.passages:
        if passage.tone == "warning":
            typer.echo(f"note: {passage.title}. {passage.text}")
    if files.missing:
        names = ", ".join(entry.name for entry in files.missing)
        typer.echo(f"note: not drawn, for the reasons that the report gives: {names}")
    for warning in files.model.warnings:
        typer.echo(f"note: {warning}", err=True)
    typer.echo(f"\nreport: {files.html}")
