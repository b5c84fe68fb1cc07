"""The report as one self-contained page: no network, light and dark, keyboard and print."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from llamawatt.report.content import about
from llamawatt.report.figures.registry import Drawing
from llamawatt.report.forms.all_tables import all_tables
from llamawatt.report.forms.inline import page_svg
from llamawatt.report.forms.sections import sections, warnings
from llamawatt.report.model import FigureEntry, Passage, ReportModel

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class _Figure:
    entry: FigureEntry
    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True)
class _Section:
    id: str
    title: str
    short: str
    figures: tuple[_Figure, ...]
    passages: tuple[Passage, ...]


def html(model: ReportModel, drawings: Sequence[Drawing]) -> str:
    """Return the page."""
    figures = {drawing.entry.name: _figure(drawing) for drawing in drawings}
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        model=model,
        title=about.title(model),
        css=_trusted("report.css"),
        js=_trusted("report.js"),
        facts=about.facts(model),
        warnings=warnings(model),
        sections=[
            _Section(
                s.id, s.title, s.short, tuple(figures[each.name] for each in s.figures), s.passages
            )
            for s in sections(model)
        ],
        tables=all_tables(model),
        method=about.METHOD,
        settings=about.settings(model),
    )


def _figure(drawing: Drawing) -> _Figure:
    # Figures are our own SVG: labels in it were escaped when they were drawn.
    wide, narrow = (Markup(page_svg(drawing, narrow=narrow)) for narrow in (False, True))  # noqa: S704
    return _Figure(drawing.entry, wide, narrow)


def _trusted(name: str) -> Markup:
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704  # our own file
