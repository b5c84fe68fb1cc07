"""Two sensors of one device over one window: do they agree within what they admit to?"""

import math
from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.core.readings import EnergyReading, Unavailable
from llamawatt.meters.energy.trace import Trace


@dataclass(frozen=True, slots=True)
class Agreement:
    """A counter against an integrated power over the same window.

    Attributes:
        counter: What the counter says.
        integral: What the power sensor says.
        difference_j: Integral less counter.
        random_j: 95 % half-width of the random error of the difference.
        systematic_j: Difference of both gain errors: what one board's sensors have in common
            cancels, and explains no difference.
    """

    counter: EnergyReading
    integral: EnergyReading
    difference_j: float
    random_j: float
    systematic_j: float

    @property
    def allowed_j(self) -> float:
        """The largest difference that both uncertainties explain together."""
        return self.random_j + self.systematic_j

    @property
    def agrees(self) -> bool:
        """Whether the difference is explained."""
        return abs(self.difference_j) <= self.allowed_j

    @property
    def relative(self) -> float:
        """Difference as a share of what the counter says."""
        return self.difference_j / self.counter.energy_j

    @property
    def flags(self) -> tuple[Flag, ...]:
        """`SENSORS_DISAGREE`, if they do."""
        return () if self.agrees else (Flag.SENSORS_DISAGREE,)

    @property
    def sentence(self) -> str:
        """What came out, in words."""
        verdict = "agree" if self.agrees else "DISAGREE"
        return (
            f"{self.counter.domain} and {self.integral.domain} {verdict}: "
            f"{self.counter.energy_j:.4g} against {self.integral.energy_j:.4g} J "
            f"({self.relative:+.1%}), {self.allowed_j:.3g} J allowed."
        )


def compare(counter: EnergyReading, integral: EnergyReading) -> Agreement | Unavailable:
    """Compare two readings of one window."""
    if (counter.t0_s, counter.t1_s) != (integral.t0_s, integral.t1_s):
        return Unavailable("The two readings are not of the same window.")
    if counter.energy_j == 0:
        return Unavailable("The counter says 0 J, so nothing can be compared with it.")
    return Agreement(
        counter=counter,
        integral=integral,
        difference_j=integral.energy_j - counter.energy_j,
        random_j=math.hypot(counter.uncertainty_j, integral.uncertainty_j),
        systematic_j=abs(counter.systematic_j - integral.systematic_j),
    )


def crosscheck(counter: Trace, power: Trace, t0_s: float, t1_s: float) -> Agreement | Unavailable:
    """Compare a counter with a power sensor over one window, both without idle.

    Args:
        counter: Trace of the counter.
        power: Trace of the power sensor of the same device.
        t0_s: Start of the window, monotonic.
        t1_s: End of it. Five seconds and more make the comparison worth while.

    Returns:
        The agreement, or why there is nothing to compare.
    """
    readings = [trace.energy(t0_s, t1_s) for trace in (counter, power)]
    counted, integrated = readings
    if isinstance(counted, Unavailable):
        return counted
    if isinstance(integrated, Unavailable):
        return integrated
    return compare(counted, integrated)
