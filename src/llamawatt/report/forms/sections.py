"""The order of a report: which figures and passages stand under which heading."""

from collections.abc import Sequence
from dataclasses import dataclass

from llamawatt.report.model import FigureEntry, Passage, ReportModel
from llamawatt.report.words import headings


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a report.

    Attributes:
        id: Its anchor.
        title: Its heading.
        short: Its name in the navigation.
        figures: Its figures, those drawn.
        passages: Its passages.
    """

    id: str
    title: str
    short: str
    figures: tuple[FigureEntry, ...]
    passages: tuple[Passage, ...]


def sections(model: ReportModel) -> tuple[Section, ...]:
    """Return the sections that have anything to show; every drawn figure stands in one."""
    made = [
        Section(
            id=heading.anchor,
            title=heading.value,
            short=heading.short,
            figures=tuple(f for f in model.figures if f.section == heading and not f.missing),
            passages=tuple(p for p in model.passages if p.about == heading),
        )
        for heading in headings.Section
    ]
    return tuple(section for section in made if section.figures or section.passages)


def warnings(model: ReportModel) -> Sequence[Passage]:
    """Return the passages that a reader must see before any number."""
    trust = headings.Section.TRUST
    return [p for p in model.passages if p.about == trust and p.tone == "warning"]
