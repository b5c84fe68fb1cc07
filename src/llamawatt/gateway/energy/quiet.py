"""Idle power of each domain, known from the stretches in which nothing was asked."""

import math
from dataclasses import dataclass

from llamawatt.gateway.energy.slices import Slice

MEMORY_S = 600.0
"""Quiet time after which what was seen counts for 1/e: idle power moves with temperature."""
BELIEVED_S = 1.0
"""Quiet time from which on an idle power is believed."""


@dataclass(slots=True)
class _Mean:
    energy_j: float = 0.0
    time_s: float = 0.0

    def add(self, energy_j: float, time_s: float) -> None:
        kept = math.exp(-time_s / MEMORY_S)
        self.energy_j = self.energy_j * kept + energy_j
        self.time_s = self.time_s * kept + time_s


class QuietIdle:
    """Idle power by domain and by what is resident: a loaded model draws more than none."""

    def __init__(self) -> None:
        self._means: dict[tuple[str, str], _Mean] = {}

    def add(self, each: Slice, resident: str) -> None:
        """Learn from a slice in which nothing was asked; one of unknown energy teaches nothing.

        Args:
            each: The slice.
            resident: Which targets were up, as one name.
        """
        if each.energy_j is not None:
            mean = self._means.setdefault((each.domain, resident), _Mean())
            mean.add(each.energy_j, each.duration_s)

    def power_w(self, domain: str, resident: str) -> float | None:
        """Return the idle power of a domain; None while too little of it was seen."""
        mean = self._means.get((domain, resident))
        if mean is None or mean.time_s < BELIEVED_S:
            return None
        return mean.energy_j / mean.time_s
