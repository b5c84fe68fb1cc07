"""What is published of the power sensors in GPU families: how much of the time they see."""

import re
from dataclasses import dataclass

SENSOR_PAPER = "Yang, Adamek and Armour, SC 2024, arXiv 2312.02741"
"""Measured against an external meter on more than 70 GPUs."""


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """The on-board power sensor of one family of GPUs.

    Attributes:
        family: Name of the family.
        update_period_s: Time between updates of the reading.
        averaging_s: Length of the stretch that one update averages.
        gain_error: Relative error of the board's sensor, bound.
        source: Where these figures come from.
    """

    family: str
    update_period_s: float
    averaging_s: float
    gain_error: float = 0.05
    source: str = SENSOR_PAPER

    @property
    def duty_cycle(self) -> float:
        """Share of the time that the sensor sees, 0..1."""
        return min(1.0, self.averaging_s / self.update_period_s)


_FAMILIES: tuple[tuple[str, SensorFacts], ...] = (
    (r"GH200|Grace Hopper", SensorFacts("GH200", 0.1, 0.02)),
    (r"\bH100\b|\bH800\b", SensorFacts("H100", 0.1, 0.025)),
    (r"\bA100\b|\bA800\b", SensorFacts("A100", 0.1, 0.025)),
    (r"\bRTX 3090\b", SensorFacts("RTX 3090", 0.1, 0.1)),
    (r"\bRTX 20\d\d\b|\bTITAN RTX\b|\bQuadro RTX\b|\bT4\b", SensorFacts("Turing", 0.1, 0.1)),
    (r"\bV100\b|\bTITAN V\b", SensorFacts("Volta", 0.02, 0.01)),
    (r"\bGTX 10\d\d\b|\bP100\b|\bP40\b|\bTITAN Xp\b", SensorFacts("Pascal", 0.02, 0.01)),
)


def sensor_facts(device: str) -> SensorFacts | None:
    """Return what is known of a device's power sensor; None when it was not studied.

    Args:
        device: The name that the driver gives, as `NVIDIA H100 80GB HBM3`.
    """
    for pattern, facts in _FAMILIES:
        if re.search(pattern, device, re.IGNORECASE):
            return facts
    return None
