"""What opening an interface came to: a meter, or reasons why there is none."""

from dataclasses import dataclass

from llamawatt.core.machine import MissingMeter
from llamawatt.meters.base import Meter


@dataclass(frozen=True, slots=True)
class Opened:
    """An interface that was tried.

    Attributes:
        meter: The meter, if it works.
        missing: What it does not give, with reason and remedy.
    """

    meter: Meter | None = None
    missing: tuple[MissingMeter, ...] = ()
