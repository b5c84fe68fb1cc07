"""What an energy over a window is made of, before it becomes a reading."""

from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.meters.spread import Spread

SETTLE_S = 0.005
"""The last byte of work and the fall of the load's power are this far apart, give or take.

Voltage regulators discharge, queues drain and a client's thread wakes in a few milliseconds. What
a sensor counts behind the window within this time cannot be told from the work."""

MAX_MISSING_SHARE = 0.2
"""Above this share of the window without data, there is no figure."""


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """Energy of one window.

    Attributes:
        energy_j: Joules.
        spread: Its random error.
        flags: Doubts about it.
    """

    energy_j: float
    spread: Spread
    flags: tuple[Flag, ...] = ()


def tail(power_w: float, idle_power_w: float, added_s: float) -> Spread:
    """Return the doubt over work's tail inside the stretch added behind the window."""
    return Spread.uniform(abs(power_w - idle_power_w) * min(SETTLE_S, max(0.0, added_s)))
