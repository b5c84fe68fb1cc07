"""Figures inside a page: colours become the page's, marks become reachable and speak."""

import re
from html import escape

from llamawatt.report.figures.registry import Drawing
from llamawatt.report.figures.style import THEMED

_REFERENCES = re.compile(r'(?:url\(#|href="#)([^")]+)')
_ID = re.compile(r' id="([^"]+)"')
_HEAD = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<title>.*?</title>", re.DOTALL)
_SIZE = re.compile(r' (?:width|height|version)="[^"]*"')
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def page_svg(drawing: Drawing, *, narrow: bool) -> str:
    """Return a drawing as an element of a page.

    Ids that nothing refers to are dropped and the others made unique, because a page holds many
    figures; marks with a tip can be focused and carry it as their label.
    """
    svg = _HEAD.sub("", drawing.narrow_svg if narrow else drawing.svg)
    opening, rest = svg.split(">", 1)
    prefix = f"{drawing.entry.name}-{'n' if narrow else 'w'}-"
    opening = _SIZE.sub("", opening)
    label = escape(f"{drawing.entry.title}. {drawing.entry.alternative}", quote=True)
    variant = "narrow" if narrow else "wide"
    opening += f' class="chart {variant}" role="group" aria-label="{label}"'
    return _themed(f"{opening}>{_identified(_COMMENT.sub('', rest), prefix, drawing.tips)}")


def _identified(svg: str, prefix: str, tips: dict[str, str]) -> str:
    referred = set(_REFERENCES.findall(svg))

    def renamed(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in tips:
            words = escape(tips[name], quote=True)
            return f' class="mark" tabindex="0" role="img" aria-label="{words}"'
        return f' id="{prefix}{name}"' if name in referred else ""

    svg = _ID.sub(renamed, svg)
    return _REFERENCES.sub(lambda m: m.group(0).replace(m.group(1), prefix + m.group(1)), svg)


def _themed(svg: str) -> str:
    for colour, variable in THEMED.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.replace("'DejaVu Sans', sans-serif", "var(--sans)")
