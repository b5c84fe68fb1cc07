"""How figures look: colours that colour-blind readers and printers keep apart, quiet axes."""

from collections.abc import Sequence
from typing import Any

BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, YELLOW = "#cc79a7", "#56b4e9", "#f0e442"
"""Okabe & Ito 2008, "Color Universal Design"."""

INK, MUTED, GRID, PAPER, SHADE = "#1b1f24", "#5b6570", "#d8dde3", "#fdfdfe", "#eef1f4"

THEMED = {
    INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper", SHADE: "--shade",
    BLUE: "--blue", ORANGE: "--orange", GREEN: "--green", VERMILION: "--vermilion",
    PURPLE: "--purple", SKY: "--sky", YELLOW: "--yellow",
}  # fmt: skip
"""Which custom property of the page stands for which colour."""

DEVICE_COLOURS = {"cpu": BLUE, "gpu": VERMILION, "hybrid": GREEN}
_OTHERS = (PURPLE, SKY, ORANGE, MUTED)

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCH = "////"
"""Fill of what is modelled."""

RC: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 5.0,
    "axes.titley": 1.0,  # told, so that no tick is measured for it
    "axes.labelsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "hatch.linewidth": 0.7,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "svg.id": None,
    "path.simplify": True,
}
"""Matplotlib settings of every figure."""


def colours(arms: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Give each arm a colour: the first of a device has the device's own.

    Args:
        arms: Name and device of each arm.
    """
    given: dict[str, str] = {}
    spare = [*_OTHERS]
    for arm, device in arms:
        own = DEVICE_COLOURS.get(device)
        if own is not None and own not in given.values():
            given[arm] = own
        else:
            given[arm] = spare[0]
            spare.append(spare.pop(0))
    return given
