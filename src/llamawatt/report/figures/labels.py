"""Words beside marks, put where they cover nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from llamawatt.report.figures.style import INK, MUTED
from llamawatt.report.figures.text_width import text_width_pt

_SIZE_PT = 6.8
_HEIGHT_PT = 8.4
_MARK_PT = 4.0
"""Half the width of a mark."""
_AIR_PT = 1.0
_LEADER_PT = 14.0
"""A name further from its mark than this is joined to it by a thin line."""
_STEPS_PT = (0.0, 10.0, 20.0, 32.0, 46.0, 62.0)
_N_STEPS = 12
"""A slanted line is taken as so many boxes."""

Where = Callable[[float], Iterator[tuple[float, float]]]
"""From the width of a text, where its left lower end may stand about its mark."""

Floats = NDArray[np.float64]

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""


@dataclass(frozen=True, slots=True)
class ValueLabel:
    """A value to be written beside its mark, in data coordinates."""

    text: str
    x: float
    y: float


def name_marks(
    axes: Axes, marks: Sequence[tuple[str, float, float]], first: Sequence[bool] = ()
) -> None:
    """Name marks, the `first` ones before others, where a name covers no mark, bar or other name.

    A name that finds no such place is left out: the mark itself says it when pointed at.

    Args:
        axes: The panel, its limits final.
        marks: Name and place of each, in data coordinates.
        first: For each, whether it must not lose its place to another; all alike unless given.
    """
    room = _Room(axes, [(x, y) for _, x, y in marks])
    strong = [*first] or [True] * len(marks)
    for i in sorted(range(len(marks)), key=lambda i: not strong[i]):
        name, x, y = marks[i]
        offset = room.take(name, i, _about)
        if offset is None:
            continue
        far = max(abs(offset[1] + _HEIGHT_PT / 2), 0.0) > _LEADER_PT
        axes.annotate(
            name, (x, y), xytext=offset, textcoords="offset points", size=_SIZE_PT,
            color=INK if strong[i] else MUTED, zorder=7, va="bottom",
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 4,
                        "shrinkA": 0} if far else None,
        )  # fmt: skip


def label_values(axes: Axes, labels: Sequence[ValueLabel]) -> None:
    """Write values near their marks, where they cover no interval, mark or line.

    A value that finds no such place is left out: the mark itself says it when pointed at.

    Args:
        axes: The panel, its limits final and everything else drawn.
        labels: The values.
    """
    room = _Room(axes, [(label.x, label.y) for label in labels])
    for i, label in enumerate(labels):
        offset = room.take(label.text, i, _beside)
        if offset is not None:
            axes.annotate(
                label.text, (label.x, label.y), xytext=offset, textcoords="offset points",
                size=_SIZE_PT, color=MUTED, zorder=7, va="bottom",
            )  # fmt: skip


class _Room:
    """What is taken of a panel."""

    def __init__(self, axes: Axes, places: Sequence[tuple[float, float]]) -> None:
        scale = axes.figure.dpi / 72
        left, bottom, right, top = (edge / scale for edge in axes.get_window_extent().extents)
        self._frame: Box = (left, bottom, right, top)
        self._spots = axes.transData.transform(places) / scale if places else ()
        self._taken = [(x - _MARK_PT, y - _MARK_PT, x + _MARK_PT, y + _MARK_PT)
                       for x, y in self._spots]  # fmt: skip
        for found in (_bars, _lines, _patches, _words):
            self._taken += found(axes, scale)

    def take(self, text: str, number: int, where: Where) -> tuple[float, float] | None:
        """Return the offset at which a text covers nothing, and take that place."""
        width = text_width_pt(text, _SIZE_PT)
        x, y = self._spots[number]
        for dx, dy in where(width):
            box = (x + dx - _AIR_PT, y + dy - _AIR_PT, x + dx + width + _AIR_PT,
                   y + dy + _HEIGHT_PT)  # fmt: skip
            if _inside(box, self._frame) and not _meets(box, self._taken):
                self._taken.append(box)
                return dx, dy
        return None


def _about(width: float) -> Iterator[tuple[float, float]]:
    """Yield offsets about a mark, the near ones first."""
    for step in _STEPS_PT:
        for dy in (2.0 + step, -10.0 - step):
            for dx in (6.0, -6.0 - width, -width / 2):
                yield dx, dy


def _beside(width: float) -> Iterator[tuple[float, float]]:
    """Yield offsets near a mark alone: a value far from its mark would say nothing."""
    right, left = 6.0, -6.0 - width
    yield from ((right, -3.0), (right, 4.0), (left, 4.0), (right, -11.0), (left, -11.0))
    yield from ((left, -3.0), (-width / 2, 7.0), (-width / 2, -14.0), (3.0, 10.0))


def _bars(axes: Axes, scale: float) -> Iterator[Box]:
    """Yield the boxes of the bars drawn so far."""
    for found in axes.collections:
        if isinstance(found, LineCollection):
            for segment in found.get_segments():
                ends = axes.transData.transform(segment) / scale
                (left, bottom), (right, top) = ends.min(axis=0), ends.max(axis=0)
                yield left - _AIR_PT, bottom - _AIR_PT, right + _AIR_PT, top + _AIR_PT


def _lines(axes: Axes, scale: float) -> Iterator[Box]:
    """Yield small boxes along the lines and about the marks drawn so far, in data coordinates."""
    for line in axes.lines:
        if line.get_transform() != axes.transData:  # lines across the whole panel
            continue
        points = axes.transData.transform(line.get_xydata()) / scale
        half = _MARK_PT if line.get_marker() not in {"None", "", None, " "} else 0.0
        for x, y in points if half else ():
            yield x - half, y - half, x + half, y + half
        if line.get_linestyle() in {"None", "", " "}:
            continue
        steps = line.get_drawstyle().startswith("steps")
        yield from _along(points, steps=steps)


def _along(points: Floats, *, steps: bool) -> Iterator[Box]:
    for (x0, y0), (x1, y1) in pairwise(points.tolist()):
        if steps:
            yield min(x0, x1), y0, max(x0, x1), y0
            yield x1, min(y0, y1), x1, max(y0, y1)
            continue
        for part in range(_N_STEPS):
            a, b = part / _N_STEPS, (part + 1) / _N_STEPS
            xs = (x0 + (x1 - x0) * a, x0 + (x1 - x0) * b)
            ys = (y0 + (y1 - y0) * a, y0 + (y1 - y0) * b)
            yield min(xs), min(ys), max(xs), max(ys)


def _patches(axes: Axes, scale: float) -> Iterator[Box]:
    """Yield the boxes of bars that stand on an axis."""
    for patch in axes.patches:
        if isinstance(patch, Rectangle):
            left, bottom, right, top = (edge / scale for edge in patch.get_window_extent().extents)
            yield left, bottom, right, top


def _words(axes: Axes, scale: float) -> Iterator[Box]:
    """Yield the boxes of signs and other words drawn so far."""
    for text in axes.texts:
        left, bottom, right, top = (e / scale for e in Text.get_window_extent(text).extents)
        yield left - _AIR_PT, bottom - _AIR_PT, right + _AIR_PT, top + _AIR_PT


def _inside(box: Box, frame: Box) -> bool:
    return frame[0] < box[0] and box[2] < frame[2] and frame[1] < box[1] and box[3] < frame[3]


def _meets(box: Box, others: Iterable[Box]) -> bool:
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for other in others
    )
