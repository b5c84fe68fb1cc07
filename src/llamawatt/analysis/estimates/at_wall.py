"""What a reply would have cost at the wall, by the fitted model of the machine."""

from dataclasses import dataclass

from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.wall_model import is_extrapolated, wall_equivalent_j
from llamawatt.core.machine import WallModel
from llamawatt.core.readings import Method


@dataclass(frozen=True, slots=True)
class AtWall:
    """Joules of a reply at the wall: always a model.

    Attributes:
        method: How it was got.
        energy_j: The joules.
        half_width_j: Their 95 % half-width; the plug's gain error is not in it.
        gain_error: The plug's relative gain error, 95 %.
        extrapolated: Whether the domains drew less or more than at any level of the calibration.
    """

    method: Method
    energy_j: float
    half_width_j: float
    gain_error: float
    extrapolated: bool


def reply_at_wall(cell: Cell, wall: WallModel | None) -> AtWall | None:
    """Return a reply's joules at the wall; None without a model of it, or without energy."""
    energy, power = cell.estimate("energy_j"), cell.estimate("power_w")
    if wall is None or energy is None or power is None or not power.value:
        return None
    wall_j, half_width_j = wall_equivalent_j(wall, energy.value, energy.value / power.value)
    extrapolated = is_extrapolated(wall, power.value)
    return AtWall(Method.MODEL, wall_j, half_width_j, wall.gain_error, extrapolated)
