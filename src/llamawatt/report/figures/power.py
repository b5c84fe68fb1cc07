"""Figures of power over time and of where the joules go."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from llamawatt.analysis.estimates.attribution import PhaseSplit
from llamawatt.core.flags import DISTURBANCES, Flag
from llamawatt.core.format import energy_text, number_text, percent_text
from llamawatt.core.plan import BASELINE
from llamawatt.core.readings import Method
from llamawatt.report.figures.canvas import Canvas, label_room_in, wrapped
from llamawatt.report.figures.marks import SIGN, doubt_handles, doubt_mark, sign_handles
from llamawatt.report.figures.style import (
    BLUE,
    GREEN,
    HATCH,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SHADE,
    SKY,
    VERMILION,
)
from llamawatt.report.model import PowerTrace, ReportModel
from llamawatt.report.words.phrases import suite_text

_BASELINE_BARS = 12


def power_trace(model: ReportModel, canvas: Canvas) -> None:
    """Power of every domain around one window of each device's arm."""
    names = list(dict.fromkeys(line.domain for trace in model.traces for line in trace.lines))
    colour = {name: _domain_colour(name, i) for i, name in enumerate(names)}
    handles: list[Artist] = [
        Line2D([], [], color=colour[name], label=name + _tag(model, name)) for name in names
    ]
    handles.append(Patch(facecolor=SHADE, edgecolor=MUTED, linewidth=0.5, label="measured window"))
    handles.append(Line2D([], [], color=MUTED, linestyle=":", label="idle, model resident"))
    handles.append(Line2D([], [], color=MUTED, marker="|", linestyle="none", label="request sent"))
    handles += sign_handles(f for trace in model.traces for f in _disturbances(trace))
    panels = canvas.panels(len(model.traces), height_in=1.9, stacked=True, handles=handles)
    for axes, trace in zip(panels, model.traces, strict=True):
        _trace(canvas, axes, trace, colour)


def phase_split(model: ReportModel, canvas: Canvas) -> None:
    """Joules of a reply by phase: idling, prefill, decode, and what the model leaves."""
    splits = shown_splits(model)
    labels = [_split_label(split, canvas.narrow) for split in splits]
    used = [name for name in _PHASE_COLOURS if any(_parts(split)[name] > 0 for split in splits)]
    handles: list[Artist] = [Patch(facecolor=_PHASE_COLOURS[name], label=name) for name in used]
    shown = {(split.arm, split.suite) for split in splits}
    handles += doubt_handles([r for r in model.suite_rows() if (r.arm, r.suite) in shown])
    (axes,) = canvas.panels(
        height_in=0.4 + 0.3 * len(splits), handles=handles, lefts_in=(label_room_in(labels),)
    )
    modelled = {row.arm for row in model.rows if row.is_modelled}
    rows = {(row.arm, row.suite): row for row in model.suite_rows()}
    for at, split in enumerate(splits):
        _stack(canvas, axes, at, split, hatched=split.arm in modelled)
        doubt_mark(axes, rows[split.arm, split.suite], (sum(_parts(split).values()), at))
    axes.set_yticks(range(len(splits)), labels)
    axes.set_ylim(len(splits) - 0.4, -0.6)
    ends = ((sum(p.values()), f" {energy_text(sum(p.values()))}") for p in map(_parts, splits))
    canvas.fit_bars(axes, [*ends])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("Joules per reply")


def shown_splits(model: ReportModel) -> tuple[PhaseSplit, ...]:
    """Return the splits that are drawn: the baseline's, as far as there is room."""
    plain = {row.arm for row in model.suite_rows(BASELINE)}
    blind = {row.arm for row in model.rows if row.blind_to}
    seen = [split for split in model.splits if split.arm not in blind]
    found = [split for split in seen if split.arm in plain] or seen
    return tuple(found[:_BASELINE_BARS])


_PHASE_COLOURS = {"idle": "#9aa5b1", "prefill": SKY, "decode": VERMILION, "unexplained": ORANGE}


def _stack(canvas: Canvas, axes: Axes, at: int, split: PhaseSplit, *, hatched: bool) -> None:
    parts = _parts(split)
    whole_j = sum(parts.values())
    left_j = 0.0
    for name, joules in parts.items():
        if joules <= 0:
            continue
        (bar,) = axes.barh(
            at, joules, 0.66, left=left_j, color=_PHASE_COLOURS[name],
            edgecolor=INK if hatched else "none", hatch=HATCH if hatched else None, linewidth=0,
        )  # fmt: skip
        share = percent_text(joules / whole_j)
        canvas.tip(
            bar, f"{split.arm}, {suite_text(split.suite)}: {name} {energy_text(joules)}, {share}"
        )
        left_j += joules
    axes.text(left_j, at, f" {energy_text(whole_j)}", va="center", size=7.5, color=INK)


def _parts(split: PhaseSplit) -> dict[str, float]:
    parts = (split.idle_j, split.prefill_j, split.decode_j, split.rest_j)
    return dict(zip(_PHASE_COLOURS, parts, strict=True))


def _split_label(split: PhaseSplit, narrow: bool) -> str:
    arm = wrapped(split.arm, narrow=narrow, n_lines=1)
    return f"{arm}{chr(10) if narrow else ', '}{suite_text(split.suite)}"


def _trace(canvas: Canvas, axes: Axes, trace: PowerTrace, colour: dict[str, str]) -> None:
    axes.axvspan(0, trace.duration_s, color=SHADE, zorder=0, linewidth=0)
    for line in trace.lines:
        _steps(axes, line.t_s, line.power_w, colour[line.domain])
        mean_w = _mean_inside(line.t_s, line.power_w, trace.duration_s)
        handle = axes.lines[-1]
        canvas.tip(handle, f"{line.domain} on {trace.arm}: mean {number_text(mean_w)} W in window")
        if line.domain in trace.idle_w:
            axes.axhline(
                trace.idle_w[line.domain], color=colour[line.domain], linestyle=":", linewidth=0.9
            )
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top * 1.06)
    axes.plot(
        trace.request_starts_s, [top * 1.03] * len(trace.request_starts_s), "|", color=MUTED,
        markersize=4,
    )  # fmt: skip
    doubt = f"{SIGN} " if _disturbances(trace) else ""
    axes.set_title(f"{doubt}{trace.arm}, {suite_text(trace.suite)}")
    axes.set_ylabel("Power (W)")
    axes.set_xlabel("Seconds since the window began")


def _steps(axes: Axes, t_s: Sequence[float], power_w: Sequence[float], colour: str) -> None:
    """Draw steps: each value holds from its knot to the next."""
    held = [*power_w, power_w[-1]][: len(t_s)]
    axes.step(t_s, held, where="post", color=colour, linewidth=1.0, zorder=3)


def _mean_inside(t_s: Sequence[float], power_w: Sequence[float], duration_s: float) -> float:
    t = np.asarray(t_s)
    inside = np.clip(t, 0, duration_s)
    lengths, watts = np.diff(inside), np.asarray(power_w)
    known = np.isfinite(watts) & (lengths > 0)
    total_s = float(lengths[known].sum())
    return float((lengths[known] * watts[known]).sum() / total_s) if total_s else float("nan")


def _domain_colour(name: str, number: int) -> str:
    for start, colour in (("cpu", BLUE), ("gpu", VERMILION), ("dram", GREEN)):
        if name.startswith(start):
            return colour
    return (PURPLE, ORANGE, SKY, MUTED)[number % 4]


def _disturbances(trace: PowerTrace) -> list[Flag]:
    return [flag for flag in trace.flags if flag in DISTURBANCES]


def _tag(model: ReportModel, domain: str) -> str:
    lines = [line for trace in model.traces for line in trace.lines if line.domain == domain]
    return " (modelled)" if any(line.method is Method.MODEL for line in lines) else ""
