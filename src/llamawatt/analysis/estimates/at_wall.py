"""What a reply would have cost at the wall, by the fitted model of the machine."""

from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.wall_model import wall_equivalent_j
from llamawatt.core.machine import WallModel


def reply_at_wall_j(cell: Cell, wall: WallModel) -> tuple[float, float] | None:
    """Return a reply's joules at the wall, a model, and their 95 % half-width.

    None where the cell has no energy. The plug's gain error is not in the half-width.
    """
    energy, power = cell.estimate("energy_j"), cell.estimate("power_w")
    if energy is None or power is None or not power.value:
        return None
    return wall_equivalent_j(wall, energy.value, energy.value / power.value)
