"""Names beside marks, put where they cover nothing."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from llamawatt.report.figures.style import INK, MUTED
from llamawatt.report.figures.text_width import text_width_pt

_SIZE_PT = 6.8
_HEIGHT_PT = 8.0
_MARK_PT = 4.0
"""Half the width of a mark."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""


def name_marks(
    axes: Axes, marks: Sequence[tuple[str, float, float]], first: Sequence[bool] = ()
) -> None:
    """Name marks, the `first` ones before others, wherever a name covers no mark and no name.

    A name that would also cross an interval's bar is put there only where there is no other room.

    Args:
        axes: The panel, its limits final.
        marks: Name and place of each, in data coordinates.
        first: For each, whether it must not lose its place to another; all alike unless given.
    """
    scale = axes.figure.dpi / 72
    frame_px = axes.get_window_extent()
    frame = tuple(edge / scale for edge in frame_px.extents)
    spots = axes.transData.transform([(x, y) for _, x, y in marks]) / scale
    taken = [(x - _MARK_PT, y - _MARK_PT, x + _MARK_PT, y + _MARK_PT) for x, y in spots]
    bars = list(_bars(axes, scale))
    strong = [*first] or [True] * len(marks)
    for i in sorted(range(len(marks)), key=lambda i: not strong[i]):
        name, x, y = marks[i]
        offsets = [
            (offset, box)
            for offset, box in _places(name, *spots[i])
            if frame[0] < box[0] and box[2] < frame[2] and not _meets(box, taken)
        ]
        clear = [place for place in offsets if not _meets(place[1], bars)]
        if not offsets:
            continue
        offset, box = (clear or offsets)[0]
        taken.append(box)
        axes.annotate(
            name, (x, y), xytext=offset, textcoords="offset points", size=_SIZE_PT,
            color=INK if strong[i] else MUTED, zorder=7,
        )  # fmt: skip


def _places(name: str, x: float, y: float) -> Iterator[tuple[tuple[float, float], Box]]:
    """Yield where a name may stand about its mark: the offset of its left end, and its box."""
    width = text_width_pt(name, _SIZE_PT)
    for dx in (6.0, -6.0 - width):
        for dy in (2.0, -10.0, 10.0, -18.0):
            left, bottom = x + dx, y + dy
            yield (dx, dy), (left, bottom, left + width, bottom + _HEIGHT_PT)


def _bars(axes: Axes, scale: float) -> Iterator[Box]:
    """Yield the boxes of the bars drawn so far."""
    for lines in axes.collections:
        if isinstance(lines, LineCollection):
            for segment in lines.get_segments():
                ends = axes.transData.transform(segment) / scale
                (left, bottom), (right, top) = ends.min(axis=0), ends.max(axis=0)
                yield left, bottom, right, top


def _meets(box: Box, others: Sequence[Box]) -> bool:
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for other in others
    )
