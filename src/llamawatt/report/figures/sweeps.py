"""Figures of what one setting does: threads, layers, batch, parallel streams."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from llamawatt.analysis.estimates.groups import SWEEPS
from llamawatt.core.format import number_text
from llamawatt.core.metrics import METRICS
from llamawatt.core.plan import ArmRecord
from llamawatt.report.figures.canvas import Canvas, value_label, whiskers
from llamawatt.report.figures.style import DEVICE_COLOURS, MARKERS, MUTED, PAPER, PURPLE
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.phrases import level_text, panel_title, suite_text, value_text

_N_LABELLED = 4
"""Longer lines have their ends and their lowest point labelled, and no more."""

Dashes = Literal["-", "--", "-.", ":"]

AXIS_LABELS = {
    "n_threads": "CPU threads (n_threads)",
    "n_gpu_layers": "Layers on the GPU (n_gpu_layers)",
    "n_batch": "Prompt batch (n_batch)",
    "n_parallel": "Parallel streams (n_parallel)",
}


@dataclass(frozen=True, slots=True)
class Line:
    """The rows of one device and suite along a factor, in ascending order."""

    device: str
    suite: str
    levels: tuple[float, ...]
    rows: tuple[Row, ...]


def lines_of(model: ReportModel, group: str) -> tuple[Line, ...]:
    """Return the lines of a group: one per device asked for and suite, of two levels or more."""
    factor = SWEEPS[group]
    arms = {arm.name: arm for arm in model.study.arms}
    found: dict[tuple[str, str], list[tuple[float, Row]]] = {}
    for row in model.suite_rows(group):
        arm = arms[row.arm]
        level = arm.factors.get(factor, arm.spec.get(factor))
        if isinstance(level, int | float) and not isinstance(level, bool):
            found.setdefault((_place(arm), row.suite), []).append((float(level), row))
    made = []
    for (device, suite), points in found.items():
        ordered = sorted(points, key=lambda point: point[0])
        levels, rows = zip(*ordered, strict=True)
        if len(set(levels)) > 1:
            made.append(Line(device, suite, tuple(levels), tuple(rows)))
    return tuple(made)


def sweep(group: str, metrics: Sequence[str]) -> Callable[[ReportModel, Canvas], None]:
    """Return a drawing of a group: one panel per figure, the factor's levels side by side."""

    def draw(model: ReportModel, canvas: Canvas) -> None:
        lines = lines_of(model, group)
        shown = [m for m in metrics if any(r.has(m) for ln in lines for r in ln.rows)]
        levels = sorted({level for line in lines for level in line.levels})
        handles = _handles(lines, group)
        panels = canvas.panels(len(shown), height_in=2.2, handles=handles)
        for axes, metric in zip(panels, shown, strict=True):
            for number, line in enumerate(lines):
                _line(canvas, axes, line, metric, (levels, number))
            _finish(axes, group, metric, levels)
            if group == "threads" and metric == "latency_s":
                _ideal(axes, lines, levels)

    return draw


def _line(
    canvas: Canvas, axes: Axes, line: Line, metric: str, place: tuple[Sequence[float], int]
) -> None:
    levels, number = place
    info = METRICS[metric]
    colour = DEVICE_COLOURS.get(line.device, PURPLE)
    points = [
        (levels.index(level), row)
        for level, row in zip(line.levels, line.rows, strict=True)
        if row.has(metric)
    ]
    if not points:
        return
    xs = [at for at, _ in points]
    ys = [row.estimates[metric].value for _, row in points]
    axes.plot(xs, ys, color=colour, linewidth=1.2, linestyle=_dashes(number), zorder=3)
    for (at, row), value in zip(points, ys, strict=True):
        whiskers(axes, at, row.estimates[metric], row.gain if info.is_energy else 0.0)
        hollow = info.is_energy and row.is_modelled
        (mark,) = axes.plot(
            at, value, MARKERS[number % len(MARKERS)], color=colour, markersize=6.5, zorder=5,
            markerfacecolor=PAPER if hollow else colour,
        )  # fmt: skip
        canvas.tip(mark, f"{row.arm}, {suite_text(row.suite)}: {value_text(metric, value)}")
        if number == 0 and (len(points) <= _N_LABELLED or value in {ys[0], ys[-1], min(ys)}):
            value_label(axes, number_text(value), (at, value))


def _finish(axes: Axes, group: str, metric: str, levels: Sequence[float]) -> None:
    info = METRICS[metric]
    axes.set_xticks(range(len(levels)), [level_text(level) for level in levels])
    axes.set_xlim(-0.35, len(levels) - 0.55)
    axes.set_ylim(bottom=0)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.12)
    axes.set_xlabel(AXIS_LABELS[SWEEPS[group]])
    axes.set_title(panel_title(info))


def _ideal(axes: Axes, lines: Sequence[Line], levels: Sequence[float]) -> None:
    """What latency would be if twice the threads took half the time."""
    first = lines[0].rows[0].estimates["latency_s"].value * lines[0].levels[0]
    ideal = [first / level for level in levels]
    axes.plot(range(len(levels)), ideal, color=MUTED, linewidth=1.0, linestyle=":", zorder=2)


def _handles(lines: Sequence[Line], group: str) -> list[Artist]:
    handles: list[Artist] = [
        Line2D(
            [], [], color=DEVICE_COLOURS.get(line.device, PURPLE), linestyle=_dashes(number),
            marker=MARKERS[number % len(MARKERS)], label=f"{line.device}, {suite_text(line.suite)}",
        )
        for number, line in enumerate(lines)
    ]  # fmt: skip
    if group == "threads":
        handles.append(Line2D([], [], color=MUTED, linestyle=":", label="if every thread counted"))
    if any(row.is_modelled for line in lines for row in line.rows):
        handles.append(
            Line2D([], [], color=MUTED, linestyle="none", marker="o", markerfacecolor=PAPER,
                   label="(partly) modelled")
        )  # fmt: skip
    return handles


def _dashes(number: int) -> Dashes:
    dashes: tuple[Dashes, ...] = ("-", "--", "-.", ":")
    return dashes[number % len(dashes)]


def _place(arm: ArmRecord) -> str:
    asked = arm.factors.get("device")
    return asked if isinstance(asked, str) else arm.device
