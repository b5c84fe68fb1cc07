"""One figure: a title, what the marks mean, panels side by side or (narrow) one under another."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from PIL import Image

from llamawatt.core.format import number_text
from llamawatt.report.figures.style import MUTED, PAPER, RC
from llamawatt.report.figures.text_width import text_width_pt

WIDE_IN, NARROW_IN = 7.2, 3.5
_LEFT_IN, _RIGHT_IN = 0.66, 0.14
_TITLE_IN, _LINE_IN, _XLABEL_IN, _STACK_GAP_IN = 0.52, 0.19, 0.46, 0.66
_FOOT_IN = 0.12
"""A line at the foot."""
_N_COLOURS = 128
"""Few hues in many shades of their edges."""
_DPI = 160
_LETTER_IN = 0.066
"""Mean width of a letter of tick labels."""
_LABEL_SHORT, _LABEL_NARROW, _LABEL_WIDE = 16, 24, 44
"""Letters of a tick label: up to which it stays in one line, and most of a line."""
_ROOM_NARROW, _ROOM_WIDE = 60, 128
"""Letters of a line above or below the panels."""
_LEGEND_PT = 8.0
_AXIS_PT = 8.5
_BOLD = 1.16
"""Bold letters are so much wider."""
_EDGE_IN = 0.06
_EM_IN = _LEGEND_PT / 72
_COLUMN_GAP_EM, _HANDLE_EM, _HANDLE_GAP_EM = 1.2, 1.6, 0.5
_MOST_COLUMNS = 6
_LEGEND_LEFT_IN = 0.04
_MINOR_DIGITS = ("25", "2357", "234568")
"""First digits of the ticks named between powers of ten: the fewest that name three."""


@dataclass
class Canvas:
    """A figure while it is drawn.

    Attributes:
        name: Name of the figure; ids of its marks begin with it.
        title: Its title.
        note: What the marks mean, in one line (two when narrow).
        source: Model, machine and date, at the foot.
        narrow: Whether it is drawn for a phone.
        tips: By id of a mark: what it says when pointed at.
    """

    name: str
    title: str
    note: str
    source: str = ""
    narrow: bool = False
    tips: dict[str, str] = field(default_factory=dict)
    figure: Figure = field(init=False)

    def panels(
        self,
        n: int = 1,
        *,
        height_in: float = 2.5,
        handles: Sequence[Artist] = (),
        lefts_in: Sequence[float] = (),
        stacked: bool = False,
    ) -> list[Axes]:
        """Make the figure and `n` panels, with room for titles and labels, and the legend.

        Args:
            n: Panels.
            height_in: Height of one panel.
            handles: Entries of the legend under the panels.
            lefts_in: Room left of each panel; the first counts for all when they are stacked.
            stacked: Whether panels are stacked even when wide.
        """
        width_in = NARROW_IN if self.narrow else WIDE_IN
        columns = 1 if self.narrow or stacked else n
        rows = n // columns
        notes, feet = self._wrapped(self.note), self._wrapped(self.source)
        foot_in = _FOOT_IN * len(feet)
        n_columns, n_lines = _fit_legend(handles, width_in)
        bottom_in = _XLABEL_IN + _LINE_IN * n_lines + foot_in
        top_in = _TITLE_IN + _LINE_IN * len(notes) * 0.85
        total_in = top_in + rows * height_in + (rows - 1) * _STACK_GAP_IN + bottom_in
        self.figure = Figure(figsize=(width_in, total_in))
        lefts = [*lefts_in, *[_LEFT_IN] * n][:columns]
        panel_in = (width_in - columns * _RIGHT_IN - sum(lefts)) / columns
        made = []
        for i in range(n):
            row, column = divmod(i, columns)
            x_in = sum(lefts[: column + 1]) + column * (panel_in + _RIGHT_IN)
            y_in = bottom_in + (rows - 1 - row) * (height_in + _STACK_GAP_IN)
            box = (x_in / width_in, y_in / total_in, panel_in / width_in, height_in / total_in)
            made.append(self.figure.add_axes(box))
        self._head(notes, width_in, total_in)
        self.figure.text(0.1 / width_in, 0.05 / total_in, "\n".join(feet), va="bottom", size=6.5,
                         color=MUTED, linespacing=1.2)  # fmt: skip
        if handles:
            self._legend(handles, n_columns, foot_in)
        return made

    def _head(self, notes: Sequence[str], width_in: float, total_in: float) -> None:
        x = 0.1 / width_in
        self.figure.text(x, 1 - 0.09 / total_in, self.title, va="top", weight="bold", size=10.5)
        self.figure.text(
            x, 1 - 0.29 / total_in, "\n".join(notes), va="top", size=7.5, color=MUTED,
            linespacing=1.25,
        )  # fmt: skip

    def _legend(self, handles: Sequence[Artist], n_columns: int, foot_in: float) -> None:
        width_in, total_in = self.figure.get_size_inches()
        self.figure.legend(
            handles=list(handles),
            loc="lower left",
            bbox_to_anchor=(_LEGEND_LEFT_IN / width_in, (0.04 + foot_in) / total_in),
            ncols=n_columns,
            columnspacing=_COLUMN_GAP_EM,
            handlelength=_HANDLE_EM,
            handletextpad=_HANDLE_GAP_EM,
            borderaxespad=0,
        )

    def fit_bars(self, axes: Axes, ends: Sequence[tuple[float, str]]) -> None:
        """Widen a panel of bars until what stands right of their ends fits into it.

        Args:
            axes: The panel.
            ends: Where each bar ends, and the text right of it.
        """
        width_in = axes.get_position().width * self.figure.get_size_inches()[0]
        most = axes.get_xlim()[1]
        for end, text in ends:
            room_in = width_in - 1.1 * _width_in(text)
            most = max(most, end * width_in / max(room_in, 0.2 * width_in))
        axes.set_xlim(right=most)

    def _fit(self) -> None:
        """Move titles and axis labels that would leave the figure, and cut what still would."""
        total_in = self.figure.get_size_inches()[0]
        for axes in self.figure.axes:
            box = axes.get_position()
            left_in, width_in = box.x0 * total_in, box.width * total_in
            title = axes.get_title(loc="left")
            if left_in + _bold_in(title) > total_in - _EDGE_IN:
                most = total_in - 2 * _EDGE_IN
                title = title if _bold_in(title) <= most else _cut(title, most)
                at_in = total_in - _EDGE_IN - _bold_in(title)
                axes.set_title(title, loc="left", x=(at_in - left_in) / width_in)
            label = axes.xaxis.label
            half_in = _width_in(label.get_text()) * _AXIS_PT / _LEGEND_PT / 2
            centre_in = min(left_in + width_in / 2, total_in - _EDGE_IN - half_in)
            label.set_x((centre_in - left_in) / width_in)

    def tip(self, artist: Artist, text: str) -> None:
        """Give a mark words for a pointer or a screen reader."""
        gid = f"{self.name}-{'n' if self.narrow else 'w'}{len(self.tips)}"
        artist.set_gid(gid)
        self.tips[gid] = text

    def svg(self) -> str:
        """Return the figure as SVG, the same bytes every time."""
        buffer = io.StringIO()
        about = {"Title": self.title, "Description": self.source}
        metadata = {"Date": None, "Creator": None, **about}
        salt = f"llamawatt-{self.name}-{self.narrow}"
        with mpl.rc_context({**RC, "svg.hashsalt": salt}):
            self._fit()
            FigureCanvasSVG(self.figure)
            self.figure.savefig(
                buffer,
                format="svg",
                metadata=metadata,
                facecolor=PAPER,
            )
        # Where the font that was measured with is missing, another without serifs stands in.
        return buffer.getvalue().replace("'DejaVu Sans'", "'DejaVu Sans', sans-serif")

    def pixels(self) -> Image.Image:
        """Return the figure as an image, the same every time."""
        buffer = io.BytesIO()
        with mpl.rc_context(RC):
            self._fit()
            FigureCanvasAgg(self.figure)
            self.figure.savefig(buffer, format="raw", dpi=_DPI, facecolor=PAPER)
        width_in, height_in = self.figure.get_size_inches()
        size = int(width_in * _DPI), int(height_in * _DPI)
        return Image.frombytes("RGBA", size, buffer.getvalue())

    def _wrapped(self, text: str) -> list[str]:
        room = _ROOM_NARROW if self.narrow else _ROOM_WIDE
        lines, line = [], ""
        for word in text.split():
            if line and len(line) + len(word) >= room:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        return [*lines, line]


def plain_ticks(axes: Axes, which: str) -> None:
    """Write numbers as people do on a logarithmic axis, with some between the powers of ten."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value, 1)))
    majors = sum(low <= tick <= high for tick in axis.get_majorticklocs())
    minors = [tick for tick in axis.get_minorticklocs() if low <= tick <= high]
    leading = next(
        (some for some in _MINOR_DIGITS if majors + sum(_digit(t) in some for t in minors) >= 3),
        _MINOR_DIGITS[-1],
    )
    if high / low >= 80:
        leading = ""
    axis.set_minor_formatter(
        FuncFormatter(lambda value, _: number_text(value, 1) if _digit(value) in leading else "")
    )


def label_room_in(labels: Sequence[str]) -> float:
    """Return the room that tick labels need left of an axis."""
    lines = [line for label in labels for line in label.split("\n")]
    return 0.2 + _LETTER_IN * max(map(len, lines), default=0)


def _fit_legend(handles: Sequence[Artist], width_in: float) -> tuple[int, int]:
    """Break labels that are wider than the figure; return columns and lines of the legend."""
    gap_in, handle_in = _COLUMN_GAP_EM * _EM_IN, (_HANDLE_EM + _HANDLE_GAP_EM) * _EM_IN
    room_in = width_in - 2 * _LEGEND_LEFT_IN
    texts = [str(handle.get_label()) for handle in handles]
    labels = [_broken(text, room_in - handle_in) for text in texts]
    for handle, lines in zip(handles, labels, strict=True):
        handle.set_label("\n".join(lines))
    longest_in = max((_width_in(line) for lines in labels for line in lines), default=0.0)
    fit = int((room_in + gap_in) / (longest_in + handle_in + gap_in))
    n_columns = max(1, min(fit, len(handles), _MOST_COLUMNS))
    n_rows = max(1, -(-len(handles) // n_columns))
    # Columns are filled one after another; each is as high as its labels.
    columns = [labels[n * n_rows : (n + 1) * n_rows] for n in range(n_columns)]
    return n_columns, max(1, *(sum(map(len, column)) for column in columns))


def _broken(text: str, room_in: float) -> list[str]:
    width_in = _width_in(text)
    if width_in <= room_in:
        return [text]
    return textwrap.wrap(text, max(1, int(len(text) * room_in / width_in)))


def _bold_in(text: str) -> float:
    """Width of a panel's title."""
    return _BOLD * _width_in(text) * _AXIS_PT / _LEGEND_PT


def _cut(text: str, room_in: float) -> str:
    """Cut a title to a width."""
    n = max(1, int(len(text) * room_in / _bold_in(text)) - 1)
    return f"{text[:n].rstrip()}…"


def _width_in(text: str) -> float:
    """Width of a legend's text; hinting on a screen's grid makes it a little wider than drawn."""
    return 1.05 * text_width_pt(text, _LEGEND_PT) / 72


def wrapped(label: str, *, narrow: bool, n_lines: int = 2) -> str:
    """Break a long tick label, and cut what does not fit into its lines: the panel needs room."""
    width = _LABEL_NARROW if narrow else _LABEL_WIDE
    if narrow and n_lines > 1 and _LABEL_SHORT < len(label) <= width:
        return label.replace(" ", "\n", 1)
    return "\n".join(
        textwrap.wrap(label, width, max_lines=n_lines, placeholder=" …", break_on_hyphens=False)
    )


def label_rows_in(labels: Sequence[str], *, narrow: bool) -> float:
    """Return the height that one row of such labels needs."""
    return 0.27 if narrow or any("\n" in label for label in labels) else 0.2


def swatch(colour: str, label: str, marker: str = "s", *, hollow: bool = False) -> Line2D:
    """Return a legend entry."""
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=6,
        color=colour,
        markerfacecolor=PAPER if hollow else colour,
        label=label,
    )


def _digit(value: float) -> str:
    return f"{value:.0e}"[0]


def png(drawn: Image.Image) -> bytes:
    """Return an image as PNG with a palette, the same bytes every time.

    A palette takes a third of the bytes, and makes no difference that an eye sees.
    """
    small = io.BytesIO()
    few = drawn.convert("RGB").quantize(_N_COLOURS, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()
