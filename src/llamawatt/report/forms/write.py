"""Writes a report: page, Markdown, figures, CSV and JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.settings import NOTHING_ASSUMED, Assumptions
from llamawatt.report.content.source import Source, source_at, source_of
from llamawatt.runs.store import Run, no_collection

if TYPE_CHECKING:
    from llamawatt.report.model import FigureEntry, ReportModel

REPORT_FOLDER = "report"
"""Where a run keeps its report, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """What was written.

    Attributes:
        folder: The folder.
        html: The page.
        markdown: The same as Markdown.
        csv: Every figure as a line.
        json: The whole report.
        figures: PNG and SVG files.
        missing: Figures that the data do not allow, with their reasons.
        model: The report itself.
    """

    folder: Path
    html: Path
    markdown: Path
    csv: Path
    json: Path
    figures: tuple[Path, ...]
    missing: "tuple[FigureEntry, ...]"
    model: "ReportModel"


def write_report(
    run: Run | Source | Path,
    out_dir: Path | None = None,
    made_at: str | None = None,
    assumed: Assumptions = NOTHING_ASSUMED,
) -> ReportFiles:
    """Write the report of a run; the same run gives the same bytes apart from the date.

    Args:
        run: The run, finished or not, or its directory (which spares memory if it is large), or
            either analysed.
        out_dir: Where to write; `report/` in the run directory unless told.
        made_at: The date to put in, ISO 8601; today's unless told.
        assumed: What metrics are worked out with besides, as a price, unless it is analysed.

    Raises:
        RunDirectoryError: the run could not be read, or a file not be written.
    """
    date = datetime.now(UTC).date().isoformat() if made_at is None else made_at
    with no_collection():
        source = _source(run, assumed)
        from llamawatt.report.forms.render import render  # noqa: PLC0415  # it loads what draws

        model, texts, images = render(source, date)
    folder = source.path / REPORT_FOLDER if out_dir is None else out_dir
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for entry in model.figures:
            if entry.missing:
                _remove_stale(folder, entry.name)
        for name, data in {**texts, **images}.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise RunDirectoryError(
            f"Could not write the report to {folder} ({error.strerror or error}).",
            "Choose another folder with --out.",
        ) from error
    return ReportFiles(
        folder=folder,
        html=folder / "report.html",
        markdown=folder / "report.md",
        csv=folder / "summary.csv",
        json=folder / "report.json",
        figures=tuple(folder / name for name in images),
        missing=tuple(entry for entry in model.figures if entry.missing),
        model=model,
    )


def _source(run: Run | Source | Path, assumed: Assumptions) -> Source:
    if isinstance(run, Source):
        return run
    return source_of(run, assumed) if isinstance(run, Run) else source_at(run, assumed)


def _remove_stale(folder: Path, name: str) -> None:
    """A figure that can no longer be drawn must not stay from an earlier report."""
    for ending in ("png", "svg"):
        (folder / "figures" / f"{name}.{ending}").unlink(missing_ok=True)
