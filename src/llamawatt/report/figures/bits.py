"""Figures of fewer bits: joules against quality, or against bytes where quality is unknown."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes

from llamawatt.core.format import number_text
from llamawatt.report.content import bits, caches
from llamawatt.report.content.quality_limit import KLD_PASSES, Level, cheapest, tied_with
from llamawatt.report.figures.arms import arm_colours, device_handles
from llamawatt.report.figures.canvas import Canvas
from llamawatt.report.figures.labels import name_marks
from llamawatt.report.figures.marks import doubt_mark, tip_text, whiskers
from llamawatt.report.figures.style import INK, MUTED, PAPER
from llamawatt.report.model import ReportModel
from llamawatt.report.words.phrases import joined, suite_text, value_text

_LARGEST_PT = 12.0
_PLAIN_PT = 7.0


@dataclass(frozen=True, slots=True)
class _View:
    """What is drawn of one comparison.

    Attributes:
        found: Levels that are drawn.
        why: Why they are not drawn against quality; empty when they are.
        plain_axis: What else they are drawn against.
        plain: Where a level stands on that axis.
        size: Returns the size of a level, in words.
        noun: What a level is.
        holder: What the size is of.
    """

    found: tuple[Level, ...]
    why: str
    plain_axis: str
    plain: Callable[[Level], float | None]
    size: Callable[[Level], str]
    noun: str
    holder: str

    def at(self, level: Level) -> float:
        """Return where a level stands."""
        return (self.plain(level) if self.why else level.kld) or 0.0


def _shown(found: tuple[Level, ...], why: str) -> tuple[Level, ...]:
    """Keep the first suite's levels, judged ones where any are."""
    metered = [level for level in found if level.row.has("j_per_token")]
    kept = [level for level in metered if why or level.kld is not None]
    return tuple(level for level in kept if level.row.suite == kept[0].row.suite)


def _widths(model: ReportModel) -> _View:
    why = bits.why_no_kld(model)
    return _View(
        _shown(bits.widths(model), why), why, "Bits per weight, as the file holds them",
        lambda level: level.model.bits_per_weight, lambda level: bits.size_text(level.model),
        "model", "the file",
    )  # fmt: skip


def _caches(model: ReportModel) -> _View:
    why = caches.why_no_kld(model)
    return _View(
        _shown(caches.caches(model), why), why, "Cache per token of context (B)",
        lambda level: level.size_bytes, lambda level: level.told,
        "setting", "the cache",
    )  # fmt: skip


def quantization_pareto(model: ReportModel, canvas: Canvas) -> None:
    """Energy per token against divergence, or against bits per weight."""
    _draw(_widths(model), canvas)


def cache_pareto(model: ReportModel, canvas: Canvas) -> None:
    """Energy per token against divergence, or against bytes of cache."""
    _draw(_caches(model), canvas)


def detail(model: ReportModel, name: str) -> str:
    """Say what the axes and the marks are, and why there is no quality where there is none."""
    view = _caches(model) if name == "cache_pareto" else _widths(model)
    found = view.found
    where = f"Suite: {suite_text(found[0].row.suite)}."
    if view.why:
        axis = "bytes of cache" if name == "cache_pareto" else "bits per weight"
        return f"{where} Against {axis}, because {view.why}."
    return (
        f"{where} Area goes with the bytes of {view.holder}; the divergence is from "
        f"{_references(found)}; left of the dotted line, at {KLD_PASSES:g} nat, a {view.noun} "
        f"passes: {_least(model, found)}."
    )


def _references(found: tuple[Level, ...]) -> str:
    names = dict.fromkeys(level.quality.reference for level in found if level.quality)
    return joined(names) if len(names) == 1 else "each model's own f16 cache"


def _least(model: ReportModel, found: tuple[Level, ...]) -> str:
    best = cheapest(found)
    if best is None:
        return "none passes"
    rivals = joined(level.label for level in tied_with(model, best, found))
    tie = f", by its mean only: it is not distinguishable from {rivals}" if rivals else ""
    return f"the cheapest that passes is {best.label}{tie}"


def _draw(view: _View, canvas: Canvas) -> None:
    rows = [level.row for level in view.found]
    colour = arm_colours(rows, by_device=True)
    handles = device_handles(rows, colour)
    (axes,) = canvas.panels(height_in=2.8, handles=handles)
    for level in view.found:
        _mark(canvas, axes, level, view, colour[level.row.arm])
    axes.set_ylabel("Energy per token (J/token)")
    axes.set_ylim(bottom=0)
    if view.why:
        axes.set_xlabel(view.plain_axis)
    else:
        _limit(axes, view.found)
    axes.margins(x=0.15)
    marks = [(level.label, view.at(level), _j_per_token(level)) for level in view.found]
    name_marks(axes, marks)


def _j_per_token(level: Level) -> float:
    return level.row.estimates["j_per_token"].value


def _mark(canvas: Canvas, axes: Axes, level: Level, view: _View, colour: str) -> None:
    made, at = level.row.estimates["j_per_token"], view.at(level)
    sizes_bytes = [each.size_bytes or 0.0 for each in view.found]
    size_pt = _PLAIN_PT
    if not view.why and level.size_bytes:
        size_pt = _LARGEST_PT * math.sqrt(level.size_bytes / max(sizes_bytes))
    whiskers(axes, at, made, level.row.gain)
    (mark,) = axes.plot(
        at, made.value, "o", color=colour, markersize=size_pt, zorder=5,
        markerfacecolor=PAPER if level.row.is_modelled else colour,
    )  # fmt: skip
    doubt_mark(axes, level.row, (at, made.value))
    text = f"{value_text('j_per_token', made.value)}, {view.size(level)}"
    if not view.why:
        text += f", divergence {number_text(at)} nat"
        axes.hlines(made.value, *level.kld_ends, color=INK, linewidth=1.8, zorder=6)
    canvas.tip(mark, tip_text(level.row, text))


def _limit(axes: Axes, found: tuple[Level, ...]) -> None:
    axes.axvline(KLD_PASSES, color=MUTED, linewidth=0.9, linestyle=":")
    best = cheapest(found)
    if best is not None:
        axes.axhline(_j_per_token(best), color=MUTED, linewidth=0.6)
    axes.set_xlabel("Mean divergence from the reference (nat per token)")
