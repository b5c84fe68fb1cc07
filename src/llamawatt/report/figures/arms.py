"""Figures of arms side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from llamawatt.analysis.estimates.groups import lines
from llamawatt.analysis.estimates.pareto import pareto_front
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.format import energy_text, number_text
from llamawatt.core.metrics import METRICS
from llamawatt.core.plan import BASELINE
from llamawatt.core.sweeps import Scale
from llamawatt.report.content.headline import error_text
from llamawatt.report.figures.canvas import (
    Canvas,
    label_room_in,
    label_rows_in,
    plain_ticks,
    swatch,
    wrapped,
)
from llamawatt.report.figures.labels import name_marks
from llamawatt.report.figures.marks import (
    cap_intervals,
    dot,
    doubt_handles,
    doubt_mark,
    tip_text,
    whiskers,
)
from llamawatt.report.figures.style import GRID, HATCH, INK, MARKERS, MUTED, PAPER, colours, ramp
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.phrases import panel_title, suite_text, value_text


def plain_rows(model: ReportModel) -> tuple[Row, ...]:
    """Return the baseline's rows, or all if the run has no baseline."""
    return model.suite_rows(BASELINE) or model.suite_rows()


def busiest_suite(model: ReportModel) -> str:
    """Return the suite on which most arms ran."""
    counts = {suite: len(model.suite_rows(suite=suite)) for suite in model.suites}
    return max(counts, key=lambda suite: counts[suite], default="")


def energy_vs_latency(model: ReportModel, canvas: Canvas) -> None:
    """Scatter joules against seconds, one mark per arm and suite."""
    rows = [row for row in plain_rows(model) if row.has("energy_j")]
    colour = plain_colours(model, rows)
    marker = suite_markers(model, rows)
    handles: list[Artist] = [swatch(colour[arm], arm) for arm in colour]
    handles += [swatch(MUTED, suite_text(suite), marker[suite]) for suite in marker]
    if any(row.is_modelled for row in rows):
        handles.append(swatch(MUTED, "(partly) modelled", hollow=True))
    handles += doubt_handles(rows)
    (axes,) = canvas.panels(height_in=3.0, handles=handles)
    for row in rows:
        _point(canvas, axes, row, colour[row.arm], marker[row.suite])
    _log_log(axes, rows)
    _equal_products(axes)


def metrics_comparison(model: ReportModel, canvas: Canvas) -> None:
    """Bars of latency, energy and energy per token, grouped by suite."""
    rows = plain_rows(model)
    colour = plain_colours(model, rows)
    wanted = ("latency_s", "energy_j", "j_per_token")
    shown = [key for key in wanted if any(row.has(key) for row in rows)]
    handles: list[Artist] = [Patch(facecolor=colour[arm], label=arm) for arm in colour]
    if any(row.is_modelled for row in rows):
        handles.append(
            Patch(facecolor=PAPER, edgecolor=MUTED, hatch=HATCH, label="(partly) modelled")
        )
    handles += doubt_handles(rows)
    panels = canvas.panels(len(shown), height_in=2.2, lefts_in=(0.5,) * 3, handles=handles)
    for metric, axes in zip(shown, panels, strict=True):
        _bars(canvas, axes, rows, metric, colour)


def edp_ranking(model: ReportModel, canvas: Canvas) -> None:
    """Rank every arm of the busiest suite by energy-delay product."""
    rows = [r for r in model.suite_rows(suite=busiest_suite(model)) if r.has("edp_js")]
    rows = sorted(rows, key=lambda row: row.estimates["edp_js"].value)[:24]
    colour = arm_colours(rows, by_device=True)
    handles = device_handles(rows, colour)
    names = [wrapped(row.arm, narrow=canvas.narrow) for row in rows]
    (axes,) = canvas.panels(
        height_in=0.45 + label_rows_in(names, narrow=canvas.narrow) * len(rows),
        handles=handles,
        lefts_in=(label_room_in(names),),
    )
    for at, row in enumerate(rows):
        made = row.estimates["edp_js"]
        mark = dot(axes, at, row, made, colour[row.arm])
        figures = f"{value_text('edp_js', made.value)} ({error_text(row)})"
        canvas.tip(mark, tip_text(row, figures))
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    _log_margins(axes, "x", [e for row in rows for e in _ends(row.estimates["edp_js"], row.gain)])
    plain_ticks(axes, "x")
    axes.set_xlabel("Energy-delay product per reply (J·s)")
    axes.grid(visible=False, axis="y")


def pareto(model: ReportModel, canvas: Canvas) -> None:
    """Energy against latency for every arm of the busiest suite, and the front nothing beats."""
    rows = [r for r in model.suite_rows(suite=busiest_suite(model)) if r.has("energy_j")]
    colour = arm_colours(rows, by_device=True)
    handles = device_handles(rows, colour)
    handles += [swatch(MUTED, "on the line", "o"), swatch(MUTED, "beaten", "X")]
    (axes,) = canvas.panels(height_in=3.0, handles=handles)
    points = [(r.estimates["latency_s"].value, r.estimates["energy_j"].value) for r in rows]
    on_front = pareto_front(points)
    for row, beats in zip(rows, on_front, strict=True):
        _point(canvas, axes, row, colour[row.arm], "o" if beats else "X", 7 if beats else 5)
    _log_log(axes, rows)
    front = sorted(point for point, beats in zip(points, on_front, strict=True) if beats)
    axes.step(*zip(*front, strict=True), where="post", color=INK, linewidth=1.0, zorder=2)
    marks = [(row.arm, *place) for row, place in zip(rows, points, strict=True)]
    name_marks(axes, marks, on_front)


def arm_colours(rows: Sequence[Row], *, by_device: bool = False) -> dict[str, str]:
    """Give every arm of these rows a colour, its device's if there are too many arms."""
    arms = tuple(dict.fromkeys((row.arm, row.device) for row in rows))
    if by_device:
        return {arm: colours([(arm, device)])[arm] for arm, device in arms}
    return colours(arms)


def plain_colours(model: ReportModel, rows: Sequence[Row]) -> dict[str, str]:
    """Give every arm of these rows a colour: from dark to light where they are ordered levels."""
    names = list(dict.fromkeys(row.arm for row in rows))
    groups = dict.fromkeys(group for row in rows for group in row.groups)
    arms = [arm for arm in model.study.arms if arm.name in names]
    for line in (line for group in groups for line in lines(group, arms)):
        ordered = [arm.name for arm in line.arms]
        if line.spec.scale is Scale.NUMBERS and set(names) == set(ordered):
            return ramp(ordered)
    return arm_colours(rows)


def suite_markers(model: ReportModel, rows: Sequence[Row]) -> dict[str, str]:
    """Give every suite of these rows a marker."""
    present = {row.suite for row in rows}
    suites = [suite for suite in model.suites if suite in present]
    return {suite: MARKERS[i % len(MARKERS)] for i, suite in enumerate(suites)}


def _point(
    canvas: Canvas, axes: Axes, row: Row, colour: str, marker: str, size_pt: float = 7.5
) -> None:
    latency, energy = row.estimates["latency_s"], row.estimates["energy_j"]
    whiskers(axes, latency.value, energy, row.gain)
    whiskers(axes, energy.value, latency, vertical=False)
    (mark,) = axes.plot(
        latency.value, energy.value, marker, color=colour, markersize=size_pt, zorder=5,
        markerfacecolor=PAPER if row.is_modelled else colour, markeredgewidth=1.3,
    )  # fmt: skip
    doubt_mark(axes, row, (latency.value, energy.value))
    figures = f"{value_text('latency_s', latency.value)}, {energy_text(energy.value)}"
    canvas.tip(mark, tip_text(row, f"{figures} ({error_text(row)}), n = {row.n}"))


def _log_log(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    latencies = [end for row in rows for end in _ends(row.estimates["latency_s"], 0.0)]
    energies = [end for row in rows for end in _ends(row.estimates["energy_j"], row.gain)]
    _log_margins(axes, "x", latencies)
    _log_margins(axes, "y", energies)
    plain_ticks(axes, "x")
    plain_ticks(axes, "y")
    axes.set_xlabel("Latency of a reply (s)")
    axes.set_ylabel("Energy of a reply (J)")


def _ends(made: Estimate, gain: float) -> tuple[float, float]:
    """Ends of the drawn bars, as far as a logarithmic axis can show them."""
    low = made.value if made.low is None else made.low
    high = made.value if made.high is None else made.high
    return max(low * (1 - gain), made.value / 8), high * (1 + gain)


def _log_margins(axes: Axes, which: str, values: Sequence[float]) -> None:
    """Leave air around the values, and never show less than a factor of three."""
    low, high = min(values), max(values)
    middle, span = (low * high) ** 0.5, max(high / low, 2.2) ** 0.5 * 1.2
    (axes.set_xlim if which == "x" else axes.set_ylim)(middle / span, middle * span)


def _equal_products(axes: Axes) -> None:
    """Draw lines of equal energy-delay product behind the marks."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    powers = range(int(np.ceil(np.log10(x0 * y0))), int(np.floor(np.log10(x1 * y1))) + 1)
    for power in powers:
        product = 10.0**power
        axes.plot([x0, x1], [product / x0, product / x1], color=GRID, linewidth=1.0, zorder=1,
                  linestyle=(0, (5, 3)))  # fmt: skip
        x = min(x1 / 1.03, product / y0 / 1.12)
        if x > x0 * 1.3 and y0 < product / x < y1 / 1.15:
            label = f"{number_text(product, 1)} J·s"
            axes.text(x, product / x, label, color=MUTED, size=6.5, ha="right", va="bottom")


def _bars(
    canvas: Canvas, axes: Axes, rows: Sequence[Row], metric: str, colour: dict[str, str]
) -> None:
    arms = list(colour)
    suites = list(dict.fromkeys(row.suite for row in rows))
    width = 0.8 / len(arms)
    info = METRICS[metric]
    for row in rows:
        if not row.has(metric):
            continue
        made = row.estimates[metric]
        at = suites.index(row.suite) + (arms.index(row.arm) - (len(arms) - 1) / 2) * width
        hatched = info.is_energy and row.is_modelled
        (bar,) = axes.bar(
            at, made.value, width * 0.94, color=PAPER if hatched else colour[row.arm],
            edgecolor=colour[row.arm], hatch=HATCH if hatched else None, linewidth=1.0,
        )  # fmt: skip
        whiskers(axes, at, made, row.gain if info.is_energy else 0.0)
        doubt_mark(axes, row, (at, made.value))
        canvas.tip(bar, tip_text(row, value_text(metric, made.value)))
    names = [suite_text(suite).replace(" ", "\n", 1) for suite in suites]
    axes.set_xticks(range(len(suites)), names, size=6.6)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.set_ylim(bottom=0)
    cap_intervals(axes, [row.estimates[metric].value for row in rows if row.has(metric)])
    axes.set_title(panel_title(info))


def device_handles(rows: Sequence[Row], colour: dict[str, str]) -> list[Artist]:
    """Return the legend of marks that are coloured by device."""
    devices = {row.device: colour[row.arm] for row in rows}
    handles: list[Artist] = [swatch(c, device or "device unknown") for device, c in devices.items()]
    if any(row.is_modelled for row in rows):
        handles.append(swatch(MUTED, "(partly) modelled", "o", hollow=True))
    return [*handles, *doubt_handles(rows)]
