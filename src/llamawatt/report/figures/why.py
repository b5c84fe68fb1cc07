"""Figures of why: memory traffic against the roof, and bits per weight against joules."""

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from llamawatt.analysis.estimates.roofline import RooflinePoint
from llamawatt.core.format import number_text, percent_text, quantity_text
from llamawatt.report.figures.arms import arm_colours
from llamawatt.report.figures.canvas import (
    Canvas,
    label_room_in,
    label_rows_in,
    swatch,
    wrapped,
)
from llamawatt.report.figures.marks import dot, doubt_handles, doubt_mark, tip_text
from llamawatt.report.figures.style import INK, MUTED
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.phrases import value_text

_G = 1e9
_PLATE = (0, (2, 1))
"""Dashes of a roof that was not measured."""


def shown_roofs(model: ReportModel) -> tuple[RooflinePoint, ...]:
    """Return the points that are drawn: the first suite of each arm, the slowest memory last."""
    first: dict[str, RooflinePoint] = {}
    for point in model.roofs:
        first.setdefault(point.arm, point)
    ordered = sorted(first.values(), key=lambda point: -point.streamed_bytes_per_s)
    return tuple(ordered[:16])


def roofline(model: ReportModel, canvas: Canvas) -> None:
    """Bytes streamed per second beside joules per token, arm by arm."""
    points = shown_roofs(model)
    rows = {(row.arm, row.suite): row for row in model.suite_rows()}
    colour = arm_colours([rows[p.arm, p.suite] for p in points], by_device=True)
    names = [wrapped(point.arm, narrow=canvas.narrow) for point in points]
    room_in = label_room_in(names)
    devices = {rows[p.arm, p.suite].device: colour[p.arm] for p in points}
    handles: list[Artist] = [swatch(c, device) for device, c in devices.items()]
    handles += _roof_handles(points)
    handles += doubt_handles([rows[point.arm, point.suite] for point in points])
    metered = [point for point in points if point.j_per_token is not None]
    height_in = 0.4 + label_rows_in(names, narrow=canvas.narrow) * len(points)
    panels = canvas.panels(
        2 if metered else 1,
        height_in=height_in,
        lefts_in=(room_in, room_in if canvas.narrow else 0.3),
        handles=handles,
    )
    _traffic(canvas, panels[0], points, (rows, colour))
    if metered:
        _joules(canvas, panels[1], points, (rows, colour))
    for number, axes in enumerate(panels):
        shown = names if canvas.narrow or number == 0 else [""] * len(names)
        axes.set_yticks(range(len(points)), shown, size=7.5)
        axes.set_ylim(len(points) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")


def _traffic(
    canvas: Canvas,
    axes: Axes,
    points: tuple[RooflinePoint, ...],
    known: tuple[dict[tuple[str, str], Row], dict[str, str]],
) -> None:
    rows, colour = known
    ends = []
    for at, point in enumerate(points):
        streamed = point.streamed_bytes_per_s / _G
        (bar,) = axes.barh(at, streamed, 0.62, color=colour[point.arm])
        roof = "nameplate" if point.is_nameplate else "measured bandwidth"
        share = "" if point.share is None else f", {percent_text(point.share)} of the {roof}"
        row = rows[point.arm, point.suite]
        doubt_mark(axes, row, (streamed, at))
        text = f"{quantity_text(point.streamed_bytes_per_s, 'B/s')}{share}"
        canvas.tip(bar, tip_text(row, text))
        end = max(streamed, (point.bandwidth_bytes_per_s or 0.0) / _G)
        share = "" if point.share is None else f" ({percent_text(point.share)})"
        ends.append((end, f"  {number_text(streamed)}{share}"))
        axes.text(end, at, ends[-1][1], va="center", size=7, color=MUTED)
        if point.bandwidth_bytes_per_s:
            _roof(axes, point, at)
    canvas.fit_bars(axes, ends)
    axes.set_title("Streamed while decoding (GB/s)")


def _roof(axes: Axes, point: RooflinePoint, at: float) -> None:
    if point.bandwidth_bytes_per_s is None:
        return
    roof = point.bandwidth_bytes_per_s / _G
    if point.is_nameplate:
        axes.plot([roof, roof], [at - 0.36, at + 0.36], color=INK, linewidth=1.4, linestyle=_PLATE)
    else:
        axes.plot(roof, at, "|", color=INK, markersize=12, markeredgewidth=2)


def _roof_handles(points: tuple[RooflinePoint, ...]) -> list[Artist]:
    known = [point for point in points if point.bandwidth_bytes_per_s]
    handles: list[Artist] = []
    if any(not point.is_nameplate for point in known):
        handles.append(
            Line2D([], [], color=INK, marker="|", linestyle="none", markersize=10,
                   markeredgewidth=2, label="measured bandwidth")
        )  # fmt: skip
    if any(point.is_nameplate for point in known):
        handles.append(
            Line2D([], [], color=INK, linewidth=1.4, linestyle=_PLATE,
                   label="bandwidth on the nameplate, not measured")
        )  # fmt: skip
    return handles


def detail(model: ReportModel) -> str:
    """Say what the roofs are."""
    if any(point.is_nameplate for point in shown_roofs(model)):
        return "A dashed roof is the nameplate, bus width × memory clock: no program reaches it."
    return ""


def _joules(
    canvas: Canvas,
    axes: Axes,
    points: tuple[RooflinePoint, ...],
    known: tuple[dict[tuple[str, str], Row], dict[str, str]],
) -> None:
    rows, colour = known
    for at, point in enumerate(points):
        row = rows[point.arm, point.suite]
        if not row.has("j_per_token"):
            continue
        made = row.estimates["j_per_token"]
        mark = dot(axes, at, row, made, colour[point.arm])
        canvas.tip(mark, tip_text(row, value_text("j_per_token", made.value)))
    axes.set_xlim(left=0)
    axes.set_title("Energy per token (J/token)")
