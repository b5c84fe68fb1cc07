"""The figure of bit widths: joules against quality, or against bits where quality is unknown."""

import math

from matplotlib.axes import Axes

from llamawatt.core.format import number_text
from llamawatt.report.bits import KLD_PASSES, Width, cheapest, size_text, why_no_kld, widths
from llamawatt.report.canvas import Canvas, whiskers
from llamawatt.report.draw_arms import arm_colours, device_handles, name_marks
from llamawatt.report.model import ReportModel
from llamawatt.report.phrases import suite_text, value_text
from llamawatt.report.style import INK, MUTED, PAPER

_LARGEST_PT = 12.0
_PLAIN_PT = 7.0


def shown_widths(model: ReportModel) -> tuple[Width, ...]:
    """Return the bit widths that are drawn: the first suite's, judged ones where any are."""
    found = tuple(width for width in widths(model) if width.row.has("j_per_token"))
    if not why_no_kld(model):
        found = tuple(width for width in found if width.kld is not None)
    return tuple(width for width in found if width.row.suite == found[0].row.suite)


def quantization_pareto(model: ReportModel, canvas: Canvas) -> None:
    """Energy per token against divergence, or against bits per weight."""
    found, judged = shown_widths(model), not why_no_kld(model)
    colour = arm_colours([width.row for width in found], by_device=True)
    handles = device_handles([width.row for width in found], colour)
    (axes,) = canvas.panels(height_in=2.8, n_handles=len(handles))
    for width in found:
        _mark(canvas, axes, width, found, colour[width.row.arm], judged=judged)
    axes.set_ylabel("Energy per token (J/token)")
    axes.set_ylim(bottom=0)
    if judged:
        _limit(axes, found)
    else:
        axes.set_xlabel("Bits per weight, as the file holds them")
    axes.margins(x=0.15)
    name_marks(canvas, axes, [_place(width, judged=judged) for width in found])
    canvas.legend(handles)


def detail(model: ReportModel) -> str:
    """Say what the axes and the marks are, and why there is no quality where there is none."""
    found, why = shown_widths(model), why_no_kld(model)
    where = f"Suite: {suite_text(found[0].row.suite)}."
    if why:
        return f"{where} Against bits per weight, because {why}."
    quality = found[0].quality
    best = cheapest(found)
    least = "none passes" if best is None else f"the cheapest that passes is {best.model.name}"
    return (
        f"{where} Area goes with the bytes of the file; the divergence is from "
        f"{'' if quality is None else quality.reference}; left of the dotted line, at "
        f"{KLD_PASSES:g} nat, a model passes: {least}."
    )


def _place(width: Width, *, judged: bool) -> tuple[str, float, float]:
    """Return the name of a mark and where it stands."""
    at = width.kld if judged else width.model.bits_per_weight
    return width.model.name, at or 0.0, width.row.estimates["j_per_token"].value


def _mark(
    canvas: Canvas, axes: Axes, width: Width, all_: tuple[Width, ...], colour: str, *, judged: bool
) -> None:
    made, file = width.row.estimates["j_per_token"], width.model
    _, at, _ = _place(width, judged=judged)
    largest = max(each.model.size_bytes for each in all_)
    size_pt = _LARGEST_PT * math.sqrt(file.size_bytes / largest) if judged else _PLAIN_PT
    whiskers(axes, at, made, width.row.gain)
    (mark,) = axes.plot(
        at, made.value, "o", color=colour, markersize=size_pt, zorder=5,
        markerfacecolor=PAPER if width.row.is_modelled else colour,
    )  # fmt: skip
    text = f"{file.name}: {value_text('j_per_token', made.value)}, {size_text(file)}"
    if judged:
        text += f", divergence {number_text(at)} nat"
        axes.hlines(made.value, *width.kld_ends, color=INK, linewidth=1.8, zorder=6)
    canvas.tip(mark, text)


def _limit(axes: Axes, found: tuple[Width, ...]) -> None:
    axes.axvline(KLD_PASSES, color=MUTED, linewidth=0.9, linestyle=":")
    best = cheapest(found)
    if best is not None:
        axes.axhline(best.row.estimates["j_per_token"].value, color=MUTED, linewidth=0.6)
    axes.set_xlabel("Mean divergence from the reference (nat per token)")
