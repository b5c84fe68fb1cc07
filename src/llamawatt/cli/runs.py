"""`llamawatt runs` and `llamawatt open`: the runs that are here, and the page of one of them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from llamawatt.runs.listed import ListedRun

Folder = Annotated[
    Path,
    typer.Argument(help="Where to look, with its llamawatt-runs. Default: here."),
]
LATEST = Path("latest")
WIDEST_NAME = 36
"""Characters of 80 that a run's name may keep from being folded: it is there to be copied."""


def runs(folder: Folder = Path(), as_json: options.Json = False) -> None:
    """List the runs here, the newest first: study, model, machine, time and trials.

    The first is `latest`, the next `latest~1`, and so on: names that every command takes for a run.
    """
    from llamawatt.runs.listed import list_runs

    found = list_runs(_existing(folder))
    if as_json:
        typer.echo(json.dumps([_entry(run) for run in found], indent=1))
        return
    if not found:
        typer.echo("No runs here yet. Make one with `llamawatt bench`.")
        return
    from rich.console import Console

    Console(highlight=False, markup=False).print(_table(found))
    for run in found:
        if run.problem:
            typer.echo(f"note: {run.problem}", err=True)


def open_(
    run: options.RunPath = LATEST,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print where the page is.")
    ] = False,
) -> None:
    """Open a run's report page in the browser; without a browser, print where it is.

    The page is written first where it is missing or older than the last trial.
    """
    import webbrowser

    page = _page(run).resolve()
    typer.echo(str(page))
    if not no_browser and not webbrowser.open(page.as_uri()):
        typer.echo("No browser was found here; open that file in one.", err=True)


def _existing(folder: Path) -> Path:
    """Return a folder that is there.

    Raises:
        UsageError: it is not.
    """
    from llamawatt.core.errors import UsageError

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "Name a folder that holds runs.")
    return folder


def _page(run: Path) -> Path:
    """Return the report page of a run, written anew if it does not show every trial."""
    from llamawatt.report.forms.write import REPORT_FOLDER, write_report
    from llamawatt.runs.store import TRIALS_FILE, require_run

    require_run(run)
    page, trials = run / REPORT_FOLDER / "report.html", run / TRIALS_FILE
    if page.is_file() and not (trials.is_file() and trials.stat().st_mtime > page.stat().st_mtime):
        return page
    from llamawatt.app.settings import assumed

    return write_report(run, assumed=assumed()).html


def _entry(run: "ListedRun") -> dict[str, object]:
    return {**asdict(run), "path": str(run.path)}


def _table(found: "tuple[ListedRun, ...]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    names = [_name(run.path) for run in found]
    table.add_column("run", overflow="fold", min_width=min(WIDEST_NAME, max(map(len, names))))
    for title in ("study", "model", "machine", "when (UTC)"):
        table.add_column(title, overflow="fold")
    table.add_column("trials", justify="right")
    for run, name in zip(found, names, strict=True):
        when = run.created_at[:16].replace("T", " ")
        table.add_row(name, run.study, ", ".join(run.models), run.machine, when, _n(run))
    return table


def _name(path: Path) -> str:
    """Return what may be typed for a run: its name alone where that is enough."""
    from llamawatt.runs.named import RUNS_FOLDER

    return path.name if path.parent == RUNS_FOLDER else str(path)


def _n(run: "ListedRun") -> str:
    """Return how many trials a run has, the failed ones counted apart."""
    if run.n_trials is None:
        return "not readable"
    return f"{run.n_trials}" + (f" ({run.n_failed} failed)" if run.n_failed else "")
