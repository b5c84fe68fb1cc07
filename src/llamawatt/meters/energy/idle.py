"""The mean power of a quiet stretch, with what is needed to take it off elsewhere."""

from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.core.normal import Z_95
from llamawatt.core.readings import Method
from llamawatt.core.trials import IdlePower
from llamawatt.meters.energy.noise import Noise


@dataclass(frozen=True, slots=True)
class MeanPower:
    """Mean power over a stretch, before it becomes an estimate.

    Attributes:
        power_w: Mean power.
        sensing_w2: Variance that the sensor adds to it.
        length_s: Length of what the mean was taken over.
        noise: The fluctuation about it.
    """

    power_w: float
    sensing_w2: float
    length_s: float
    noise: Noise

    @property
    def variance_w2(self) -> float:
        """Variance of the mean as an estimate of the power at other times."""
        return self.sensing_w2 + self.noise.variance_j2(self.length_s) / self.length_s**2


@dataclass(frozen=True, slots=True)
class IdlePowerEstimate:
    """Mean power of one domain while nothing was asked of it.

    Attributes:
        domain: Name of the domain.
        power_w: Mean power.
        uncertainty_w: 95 % half-width of the random error of that mean.
        noise: The fluctuation about that mean.
        t0_s: Start of the stretch the mean was taken over.
        t1_s: End of it.
        method: How it was got.
        flags: Doubts about it.
    """

    domain: str
    power_w: float
    uncertainty_w: float
    noise: Noise
    t0_s: float
    t1_s: float
    method: Method
    flags: tuple[Flag, ...] = ()

    @property
    def sigma_w(self) -> float:
        """Standard deviation of the mean."""
        return self.uncertainty_w / Z_95

    def variance_j2(self, added_s: float) -> float:
        """Return the variance of taking this power off over a stretch of `added_s` seconds."""
        return self.noise.variance_j2(added_s) + (self.sigma_w * added_s) ** 2

    def record(self) -> IdlePower:
        """Return it as it is kept in a trial."""
        return IdlePower(self.power_w, self.uncertainty_w, self.t1_s - self.t0_s, self.method)
