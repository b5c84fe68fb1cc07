"""How figures look: colours that colour-blind readers and printers keep apart, quiet axes."""

from collections.abc import Sequence
from typing import Any

from matplotlib.colors import LinearSegmentedColormap, to_hex

BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, YELLOW = "#cc79a7", "#56b4e9", "#f0e442"
"""Okabe & Ito 2008, "Color Universal Design"."""

ALARM = "#b3261e"
"""Sign of a disturbed window."""

INK, MUTED, GRID, PAPER, SHADE = "#1b1f24", "#5b6570", "#d8dde3", "#fdfdfe", "#eef1f4"

LEVELS = (
    "#440154", "#482374", "#424086", "#375b8d", "#2c728e", "#23898e", "#1fa088", "#32b67a",
)  # fmt: skip
"""From the lowest to the highest of ordered levels: two thirds of viridis (van der Walt & Smith
2015), which differ in lightness, so that the order is seen in grey too."""

THEMED = {
    INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper", SHADE: "--shade",
    BLUE: "--blue", ORANGE: "--orange", GREEN: "--green", VERMILION: "--vermilion",
    PURPLE: "--purple", SKY: "--sky", YELLOW: "--yellow", ALARM: "--alarm",
    **{colour: f"--level-{number}" for number, colour in enumerate(LEVELS)},
}  # fmt: skip
"""Which custom property of the page stands for which colour."""

DEVICE_COLOURS = {"cpu": BLUE, "gpu": VERMILION, "hybrid": GREEN}
_OTHERS = (PURPLE, SKY, ORANGE, MUTED, YELLOW)

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
    """Give each arm a colour that no other has: the first of a device has the device's own.

    Args:
        arms: Name and device of each arm.
    """
    own = {DEVICE_COLOURS[device] for _, device in arms if device in DEVICE_COLOURS}
    spare = [colour for colour in (*_OTHERS, *DEVICE_COLOURS.values()) if colour not in own]
    given: dict[str, str] = {}
    for arm, device in arms:
        colour = DEVICE_COLOURS.get(device)
        if colour is None or colour in given.values():
            if not spare:
                return ramp([name for name, _ in arms])
            colour = spare.pop(0)
        given[arm] = colour
    return given


def ramp(names: Sequence[str]) -> dict[str, str]:
    """Give ordered levels colours from dark to light, as far apart as their number allows."""
    n = len(names)
    if n <= len(LEVELS):
        steps = [round(at * (len(LEVELS) - 1) / max(1, n - 1)) for at in range(n)]
        return dict(zip(names, (LEVELS[step] for step in steps), strict=True))
    map_ = LinearSegmentedColormap.from_list("levels", LEVELS)
    return {name: to_hex(map_(at / (n - 1))) for at, name in enumerate(names)}
