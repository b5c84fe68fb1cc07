"""Figures of what one factor does, whichever factors a study varies."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from llamawatt.analysis.estimates.groups import Line as ArmLine
from llamawatt.analysis.estimates.groups import group_names, lines
from llamawatt.core.format import number_text
from llamawatt.core.metrics import METRICS
from llamawatt.core.plan import CACHE
from llamawatt.core.sweeps import SWEEPS, Scale, SweepSpec
from llamawatt.core.trials import FactorValue
from llamawatt.report.figures import alternatives
from llamawatt.report.figures.canvas import Canvas, wrapped
from llamawatt.report.figures.labels import ValueLabel, label_values
from llamawatt.report.figures.marks import (
    cap_intervals,
    doubt_handles,
    doubt_mark,
    tip_text,
    whiskers,
)
from llamawatt.report.figures.spec import FigureSpec, Words
from llamawatt.report.figures.style import MARKERS, MUTED, PAPER, colours
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.headings import Section
from llamawatt.report.words.phrases import (
    factor_level_text,
    panel_title,
    suite_text,
    value_text,
)

_N_LABELLED = 4
"""Longer lines have their ends and their lowest point labelled, and no more."""
_DODGE = 0.09
"""Between lines whose levels are names: they stand beside one another."""

Dashes = Literal["-", "--", "-.", ":"]


@dataclass(frozen=True, slots=True)
class Line:
    """The rows of one line of arms on one suite.

    Attributes:
        label: Its name in the legend.
        device: Where it ran.
        levels: The factor's levels that have rows.
        rows: The row of each.
    """

    label: str
    device: str
    levels: tuple[FactorValue, ...]
    rows: tuple[Row, ...]


def figures(model: ReportModel) -> tuple[FigureSpec, ...]:
    """Return a figure for each factor of each group: the built-in ones always, and what varies."""
    listed = {(spec.group, spec.axis): spec for spec in SWEEPS}
    others = {
        (group, line.spec.axis): line.spec
        for group in group_names(model.study)
        if group != CACHE  # has a figure of its own, with quality
        for line in _asked(model, group)
        if (group, line.spec.axis) not in listed
    }
    axes = [axis for _, axis in others]
    return tuple(
        _figure(_name(group, axis, axes), group, spec)
        for (group, axis), spec in {**listed, **others}.items()
    )


def lines_of(model: ReportModel, group: str, axis: str) -> tuple[Line, ...]:
    """Return what was measured along a factor: a line for each suite and whatever else varies."""
    rows = {(row.arm, row.suite): row for row in model.suite_rows(group)}
    made = []
    for line in (each for each in _asked(model, group) if each.spec.axis == axis):
        for suite in model.suites:
            known = [
                (level, rows[arm.name, suite])
                for level, arm in zip(line.levels, line.arms, strict=True)
                if (arm.name, suite) in rows
            ]
            if len(known) > 1:
                levels, found = zip(*known, strict=True)
                parts = [line.device, line.held, suite_text(suite)]
                label = ", ".join(part for part in parts if part)
                made.append(Line(label, line.device, levels, found))
    return tuple(made)


def _asked(model: ReportModel, group: str) -> tuple[ArmLine, ...]:
    return lines(group, [a for a in model.study.arms if group in {a.group, *a.also_in}])


def _name(group: str, axis: str, others: Sequence[str]) -> str:
    """Return a file name: built-in groups have their own; the rest is named after its factor."""
    if any((spec.group, spec.axis) == (group, axis) for spec in SWEEPS):
        return f"ablation_{group}"
    name = axis if others.count(axis) == 1 else f"{group}_{axis}"
    return "ablation_" + re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _figure(name: str, group: str, spec: SweepSpec) -> FigureSpec:
    def rows(model: ReportModel) -> Iterable[Row]:
        return (row for line in lines_of(model, group, spec.axis) for row in line.rows)

    return FigureSpec(
        name,
        Section.TUNING,
        spec.title,
        _needs(group, spec),
        _drawing(group, spec),
        spec.shows,
        alternatives.of_lines(f"Lines along {spec.axis}", rows, *spec.metrics),
    )


def _needs(group: str, spec: SweepSpec) -> Words:
    def why(model: ReportModel) -> str:
        if lines_of(model, group, spec.axis):
            return ""
        asked = [arm for arm in model.study.arms if group in {arm.group, *arm.also_in}]
        if not asked:
            return f"the study does not vary {spec.axis}; run the study `{group}` or `paper`"
        skipped = next((arm for arm in asked if arm.skipped), None)
        if skipped is not None:
            return f"its settings were skipped: {skipped.skipped}"
        return f"fewer than two levels of {spec.axis} have finished trials"

    return why


def _drawing(group: str, spec: SweepSpec) -> Callable[[ReportModel, Canvas], None]:
    """Return a drawing of a factor: one panel per metric, the factor's levels side by side."""

    def draw(model: ReportModel, canvas: Canvas) -> None:
        found = lines_of(model, group, spec.axis)
        shown = [m for m in spec.metrics if any(r.has(m) for ln in found for r in ln.rows)]
        every = dict.fromkeys(level for line in found for level in line.levels)
        levels = list(every)
        if spec.scale is Scale.NUMBERS:
            levels.sort(key=lambda level: float(level) if isinstance(level, int | float) else 0.0)
        given = colours([(line.label, line.device) for line in found])
        handles = _handles(found, spec, given)
        panels = canvas.panels(len(shown), height_in=2.2, handles=handles)
        for axes, metric in zip(panels, shown, strict=True):
            _panel(canvas, axes, (found, spec, given), metric, levels)

    return draw


def _panel(
    canvas: Canvas,
    axes: Axes,
    drawn: tuple[Sequence[Line], SweepSpec, Mapping[str, str]],
    metric: str,
    levels: Sequence[FactorValue],
) -> None:
    found, spec, given = drawn
    labels: list[ValueLabel] = []
    for number, line in enumerate(found):
        shift = 0.0 if spec.scale is Scale.NUMBERS else (number - (len(found) - 1) / 2) * _DODGE
        points = [
            (levels.index(level) + shift, row)
            for level, row in zip(line.levels, line.rows, strict=True)
            if row.has(metric)
        ]
        colour = given[line.label]
        joins = spec.scale is Scale.NUMBERS
        labels += _line(canvas, axes, (points, number, colour), metric, joins=joins)
    values = [r.estimates[metric].value for line in found for r in line.rows if r.has(metric)]
    _finish(axes, spec, metric, [factor_level_text(level) for level in levels], values)
    if spec.axis == "n_threads" and metric == "latency_s":
        _ideal(axes, found, levels)
    label_values(axes, labels)


def _line(
    canvas: Canvas,
    axes: Axes,
    drawn: tuple[Sequence[tuple[float, Row]], int, str],
    metric: str,
    *,
    joins: bool,
) -> list[ValueLabel]:
    """Draw one line, and return the labels of the first one."""
    points, number, colour = drawn
    info = METRICS[metric]
    values = [row.estimates[metric].value for _, row in points]
    if joins:
        axes.plot([at for at, _ in points], values, color=colour, linewidth=1.2,
                  linestyle=_dashes(number), zorder=3)  # fmt: skip
    labels = []
    for (at, row), value in zip(points, values, strict=True):
        whiskers(axes, at, row.estimates[metric], row.gain if info.is_energy else 0.0)
        hollow = info.is_energy and row.is_modelled
        (mark,) = axes.plot(
            at, value, MARKERS[number % len(MARKERS)], color=colour, markersize=6.5, zorder=5,
            markerfacecolor=PAPER if hollow else colour,
        )  # fmt: skip
        doubt_mark(axes, row, (at, value))
        canvas.tip(mark, tip_text(row, value_text(metric, value)))
        is_end = value in {values[0], values[-1], min(values)}
        if number == 0 and (len(points) <= _N_LABELLED or is_end):
            labels.append(ValueLabel(number_text(value), at, value))
    return labels


def _finish(
    axes: Axes, spec: SweepSpec, metric: str, names: Sequence[str], values: Sequence[float]
) -> None:
    axes.set_xticks(range(len(names)), [wrapped(name, narrow=True) for name in names])
    axes.set_xlim(-0.45, len(names) - 0.55)
    axes.set_ylim(bottom=0)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.14)
    cap_intervals(axes, values)
    label = spec.label if spec.axis in spec.label else f"{spec.label} ({spec.axis})"
    axes.set_xlabel(label)
    axes.set_title(panel_title(METRICS[metric]))


def _ideal(axes: Axes, found: Sequence[Line], levels: Sequence[FactorValue]) -> None:
    """What latency would be if twice the threads took half the time."""
    counts = [float(level) for level in levels if isinstance(level, int | float) and level > 0]
    line = found[0]
    first = line.levels[0]
    if len(counts) < len(levels) or not isinstance(first, int | float):
        return
    whole = line.rows[0].estimates["latency_s"].value * float(first)
    axes.plot(range(len(counts)), [whole / count for count in counts], color=MUTED, linewidth=1.0,
              linestyle=":", zorder=2)  # fmt: skip


def _handles(found: Sequence[Line], spec: SweepSpec, given: Mapping[str, str]) -> list[Artist]:
    joins = spec.scale is Scale.NUMBERS
    handles: list[Artist] = [
        Line2D(
            [], [], color=given[line.label], linestyle=_dashes(number) if joins else "none",
            marker=MARKERS[number % len(MARKERS)], label=line.label,
        )
        for number, line in enumerate(found)
    ]  # fmt: skip
    if spec.axis == "n_threads":
        handles.append(Line2D([], [], color=MUTED, linestyle=":", label="if every thread counted"))
    rows = [row for line in found for row in line.rows]
    if any(row.is_modelled for row in rows):
        handles.append(
            Line2D([], [], color=MUTED, linestyle="none", marker="o", markerfacecolor=PAPER,
                   label="(partly) modelled")
        )  # fmt: skip
    return [*handles, *doubt_handles(rows)]


def _dashes(number: int) -> Dashes:
    dashes: tuple[Dashes, ...] = ("-", "--", "-.", ":")
    return dashes[number % len(dashes)]
