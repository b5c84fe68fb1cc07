"""What is drawn about a mark: its interval, and the sign of a disturbed window."""

from collections.abc import Iterable, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.flags import Flag
from llamawatt.report.figures.style import ALARM, INK, PAPER
from llamawatt.report.model import Row
from llamawatt.report.words.phrases import disturbed_text, joined, suite_text

_CAP = 2.5
"""Intervals are drawn up to so many times the largest figure of a panel."""
SIGN = "!"
"""Stands beside marks that rest on a disturbed window."""


def whiskers(
    axes: Axes, at: float, estimate: Estimate, gain: float = 0.0, *, vertical: bool = True
) -> None:
    """Draw the 95 % interval (thick) and the same with the sensor's gain error (thin)."""
    draw = axes.vlines if vertical else axes.hlines
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        low = high = estimate.value
    else:
        draw(at, low, high, color=INK, linewidth=1.8, zorder=6)
    if gain:
        draw(at, low * (1 - gain), high * (1 + gain), color=INK, linewidth=0.7, zorder=6)


def dot(axes: Axes, at: float, row: Row, estimate: Estimate, colour: str) -> Line2D:
    """Draw a figure of a row with its intervals and its doubt; hollow where it is modelled."""
    whiskers(axes, at, estimate, row.gain, vertical=False)
    (mark,) = axes.plot(
        estimate.value, at, "o", color=colour, markersize=6.5, zorder=5,
        markerfacecolor=PAPER if row.is_modelled else colour,
    )  # fmt: skip
    doubt_mark(axes, row, (estimate.value, at))
    return mark


def cap_intervals(axes: Axes, values: Sequence[float]) -> None:
    """Cut intervals that would squeeze a linear panel, and show by an arrow that they go on.

    Args:
        axes: A panel whose figures stand on zero, with all intervals drawn.
        values: Its figures.
    """
    top = _CAP * max(values, default=0.0)
    if not 0 < top < axes.get_ylim()[1]:
        return
    axes.set_ylim(top=top)
    for found in axes.collections:
        for segment in found.get_segments() if isinstance(found, LineCollection) else ():
            if segment[:, 1].max() > top:
                axes.plot(segment[0, 0], top, "^", color=INK, markersize=4, clip_on=False, zorder=8)


def doubt_mark(axes: Axes, row: Row, at: tuple[float, float]) -> None:
    """Put the sign of a disturbed window beside a mark that rests on one."""
    if row.disturbances:
        sign(axes, at)


def sign(axes: Axes, at: tuple[float, float]) -> None:
    """Put the sign of a disturbed window up and left of a place."""
    axes.annotate(
        SIGN, at, xytext=(-5, 3), textcoords="offset points", size=9, weight="bold", color=ALARM,
        ha="right", zorder=8, annotation_clip=True,
        bbox={"facecolor": PAPER, "edgecolor": ALARM, "linewidth": 0.7, "pad": 0.8,
              "boxstyle": "round,pad=0.12"},
    )  # fmt: skip


def doubt_handles(rows: Sequence[Row]) -> list[Artist]:
    """Return the legend of the sign, saying what disturbed these rows; none where nothing did."""
    return sign_handles(flag for row in rows for flag in row.disturbances)


def sign_handles(flags: Iterable[Flag]) -> list[Artist]:
    """Return the legend of the sign for these disturbances."""
    told = dict.fromkeys(str(flag).replace("_", " ") for flag in sorted(flags))
    if not told:
        return []
    return [
        Line2D([], [], linestyle="none", marker=f"${SIGN}$", markersize=6, color=ALARM,
               label=f"disturbed: {joined(told)}")
    ]  # fmt: skip


def tip_text(row: Row, figures: str) -> str:
    """Return what a mark says when pointed at: whose it is, its figures, and what disturbed it."""
    text = f"{row.arm}, {suite_text(row.suite)}: {figures}"
    return f"{text}; {disturbed_text(row)}" if row.disturbances else text
