"""Draws every figure of a run that its data allow, and says what the others lack."""

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace

import matplotlib as mpl

from llamawatt.analysis.estimates.groups import group_names
from llamawatt.report.content.about import source_line
from llamawatt.report.figures.canvas import Canvas, png
from llamawatt.report.figures.listed import figures_of
from llamawatt.report.figures.spec import FigureSpec
from llamawatt.report.figures.style import RC
from llamawatt.report.model import FigureEntry, ReportModel
from llamawatt.report.words.phrases import joined, methods_text


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn figure.

    Attributes:
        entry: Its title and caption.
        png: For print and for README files.
        svg: The same as vectors.
        narrow_svg: The same, laid out for a phone.
        tips: By id of a mark: what it says.
    """

    entry: FigureEntry
    png: bytes
    svg: str
    narrow_svg: str
    tips: dict[str, str]


def draw_all(model: ReportModel) -> tuple[ReportModel, tuple[Drawing, ...]]:
    """Draw every figure that the data allow.

    Returns:
        The model with every figure listed, the missing ones with their reason; the drawings.
    """
    entries, drawings = [], []
    groups = {"", *group_names(model.study)}
    with ThreadPoolExecutor(1) as pool:
        for spec in (each for each in figures_of(model) if each.group in groups):
            reason = spec.needs(model)
            if reason:
                entries.append(FigureEntry(spec.name, spec.title, spec.section, missing=reason))
                continue
            drawing = _draw(spec, model, pool)
            drawings.append(drawing)
            entries.append(drawing.entry)
    return replace(model, figures=tuple(entries)), tuple(drawings)


def _draw(spec: FigureSpec, model: ReportModel, pool: Executor) -> Drawing:
    note = evidence_text(model, has_repeats=spec.has_repeats)
    source = source_line(model)
    with mpl.rc_context(RC):
        wide = Canvas(spec.name, spec.title, note, source)
        spec.draw(model, wide)
        narrow = Canvas(spec.name, spec.title, note, source, narrow=True)
        spec.draw(model, narrow)
    packed = pool.submit(png, wide.pixels())  # in another thread than the drawing of the vectors
    svg, narrow_svg = wide.svg(), narrow.svg()
    caption = f"{spec.caption} {spec.detail(model)}".strip()
    return Drawing(
        entry=FigureEntry(
            spec.name, spec.title, spec.section, caption, alternative=spec.alternative(model)
        ),
        png=packed.result(),
        svg=svg,
        narrow_svg=narrow_svg,
        tips={**wide.tips, **narrow.tips},
    )


def evidence_text(model: ReportModel, *, has_repeats: bool = True) -> str:
    """Say what the marks rest on: repeats, intervals, method, gain error."""
    rows = model.suite_rows()
    counts = sorted({row.n for row in rows})
    repeats = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    marks = f"Means of {repeats} repeats; thick bars 95 % intervals"
    if counts == [1]:
        marks = "One repeat each, so no intervals"
    metered = [row for row in rows if row.methods]
    if not metered:
        return f"{marks}; no energy was measured."
    methods = {method for row in metered for method in row.methods}
    gains = [row.gain for row in metered]
    worst = f"±{max(gains) * 100:.0f} %"
    text = (
        f"{marks}, thin bars with the sensors' gain error (up to {worst}). "
        if has_repeats
        else f"The sensors' gain error is up to {worst}. "
    )
    text += f"Energy: {methods_text(sorted(methods))}, {joined(model.study.boundary)}."
    blind = dict.fromkeys(row.blind_to.upper() for row in rows if row.blind_to)
    if blind:
        text += f" Joules of settings on the {joined(blind)} left out: no meter covers it."
    return text
