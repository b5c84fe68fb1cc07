"""What a figure is: one value with its name, its place, its needs, its drawing and its words."""

from collections.abc import Callable
from dataclasses import dataclass

from llamawatt.report.figures.canvas import Canvas
from llamawatt.report.model import ReportModel
from llamawatt.report.words.headings import Section

Draw = Callable[[ReportModel, Canvas], None]
Words = Callable[[ReportModel], str]


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """A kind of figure.

    Attributes:
        name: File name without ending.
        section: The heading that it stands under.
        title: Title.
        needs: Returns what is missing to draw it; empty when it can be drawn.
        draw: Draws it.
        caption: What it shows, in one sentence.
        alternative: Returns what it shows with its figures, for who does not see it.
        detail: Returns what its caption says of this run.
        group: Group of arms without which the figure is not even missed; empty when it always is.
        has_repeats: Whether its marks are means over repeats, with bars.
    """

    name: str
    section: Section
    title: str
    needs: Words
    draw: Draw
    caption: str
    alternative: Words
    detail: Words = lambda _: ""
    group: str = ""
    has_repeats: bool = True
