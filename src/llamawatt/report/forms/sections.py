"""The order of a report: which figures and passages stand under which heading."""

from collections.abc import Sequence
from dataclasses import dataclass

from llamawatt.report.model import Passage, ReportModel
from llamawatt.report.words.findings import PAPER, TUNING, WHY, WINNERS
from llamawatt.report.words.trust import TRUST

_FIGURES = {
    WINNERS: ("energy_vs_latency", "metrics_comparison", "edp_ranking", "pareto"),
    TUNING: ("ablation_threads", "ablation_layers", "ablation_batch", "ablation_concurrency",
             "quantization_pareto", "cache_pareto"),
    WHY: ("power_trace", "phase_split", "roofline"),
    PAPER: (),
    TRUST: (),
}  # fmt: skip


_SHORT = {
    WINNERS: "Who wins", TUNING: "Settings", WHY: "Why", PAPER: "The study", TRUST: "Trust"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a report.

    Attributes:
        id: Its anchor.
        title: Its heading.
        short: Its name in the navigation.
        figures: Names of its figures, those drawn.
        passages: Its passages.
    """

    id: str
    title: str
    short: str
    figures: tuple[str, ...]
    passages: tuple[Passage, ...]


def sections(model: ReportModel) -> tuple[Section, ...]:
    """Return the sections that have anything to show."""
    drawn = {figure.name for figure in model.figures if not figure.missing}
    made = [
        Section(
            id=title.lower().replace(" ", "-"),
            title=title,
            short=_SHORT[title],
            figures=tuple(name for name in names if name in drawn),
            passages=tuple(p for p in model.passages if p.about == title),
        )
        for title, names in _FIGURES.items()
    ]
    return tuple(section for section in made if section.figures or section.passages)


def warnings(model: ReportModel) -> Sequence[Passage]:
    """Return the passages that a reader must see before any number."""
    return [p for p in model.passages if p.about == TRUST and p.tone == "warning"]
