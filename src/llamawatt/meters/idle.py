"""The mean power of a quiet stretch, with what is needed to take it off elsewhere."""

from dataclasses import dataclass

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Method
from llamawatt.core.trials import IdlePower
from llamawatt.meters.spread import Z_95


@dataclass(frozen=True, slots=True)
class IdlePowerEstimate:
    """Mean power of one domain while nothing was asked of it.

    Attributes:
        domain: Name of the domain.
        power_w: Mean power.
        uncertainty_w: 95 % half-width of the random error of that mean.
        noise_w2s: Spectral density of the fluctuation about the mean: the energy of another idle
            stretch of length T has the variance `noise_w2s` times T. Already widened for the
            number of values it was estimated from.
        t0_s: Start of the stretch the mean was taken over.
        t1_s: End of it.
        method: How it was got.
        flags: Doubts about it.
    """

    domain: str
    power_w: float
    uncertainty_w: float
    noise_w2s: float
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
        return self.noise_w2s * added_s + (self.sigma_w * added_s) ** 2

    def record(self) -> IdlePower:
        """Return it as it is kept in a trial."""
        return IdlePower(self.power_w, self.uncertainty_w, self.t1_s - self.t0_s, self.method)
