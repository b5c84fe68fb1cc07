"""Renders a report as files in memory: page, Markdown, figures, CSV and JSON."""

from llamawatt.report.content.source import Source
from llamawatt.report.content.summary import summarise
from llamawatt.report.figures.registry import draw_all
from llamawatt.report.forms.csv_form import summary_csv
from llamawatt.report.forms.html import html
from llamawatt.report.forms.json_form import report_json
from llamawatt.report.forms.markdown import markdown
from llamawatt.report.model import ReportModel


def render(source: Source, made_at: str) -> tuple[ReportModel, dict[str, bytes], dict[str, bytes]]:
    """Render the report of a run that has been analysed.

    Args:
        source: The run, analysed.
        made_at: The date to put in, ISO 8601.

    Returns:
        The report itself; its texts, then its figures, each by its path in the report's folder.
    """
    model, drawings = draw_all(summarise(source, made_at))
    texts = {
        "report.html": html(model, drawings).encode(),
        "report.md": markdown(model).encode(),
        "summary.csv": summary_csv(model).encode(),
        "report.json": report_json(model),
    }
    images: dict[str, bytes] = {}
    for drawing in drawings:
        images[f"figures/{drawing.entry.name}.png"] = drawing.png
        images[f"figures/{drawing.entry.name}.svg"] = drawing.svg.encode()
    return model, texts, images
