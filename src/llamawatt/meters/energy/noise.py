"""How idle power fluctuates: a noise with a memory, estimated from energies at a few moments."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llamawatt.meters.energy.error_sums import positive_mean, student_factor
from llamawatt.meters.energy.ticks import Floats

MIN_MOMENTS = 3
"""Two give a mean, the third its fluctuation."""

N_PARTS = 10
"""Parts of a stretch between which its slow fluctuation is estimated."""

SHARP_FACTOR = 4.0
"""Moments known to within this factor of the typical one are good enough."""


MEMORY_FACTOR = 3
"""Quick and slow fluctuation are told apart with this many times more moments for the quick."""

RESOLVED_SHARE = 0.5
"""And where the quick one is known to within this share, and not hidden by timing."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A fluctuation of power about its mean (an Ornstein-Uhlenbeck process).

    Attributes:
        density_w2s: Variance of the energy of a long stretch, for each second of it.
        memory_s: Time over which the power forgets; 0 for white noise.
    """

    density_w2s: float
    memory_s: float = 0.0

    def variance_j2(self, length_s: float) -> float:
        """Return the variance of the energy of a stretch about its mean.

        That of an Ornstein-Uhlenbeck process: S·(T - c·(1 - exp(-T / c))).
        """
        if length_s <= 0:
            return 0.0
        if self.memory_s <= 0:
            return self.density_w2s * length_s
        forgotten_s = self.memory_s * -math.expm1(-length_s / self.memory_s)
        return self.density_w2s * (length_s - forgotten_s)


def noise_of(
    t_s: Floats, energy_j: Floats, half_s: Floats, own_half_s: Floats, power_w: float
) -> Noise:
    """Estimate the fluctuation from energies at some moments, about a mean power.

    A tenth of the stretch apart they tell the slow density, next to each other the quick one; their
    ratio tells the memory. Both are widened by Student's factor for the number of values.

    Args:
        t_s: Moments, rising, shape (n,), n >= 3.
        energy_j: Energy at each, shape (n,).
        half_s: Half-widths of the intervals in which the moments lie, shape (n,).
        own_half_s: The part of them that is independent from one moment to the next, shape (n,).
        power_w: Mean power.
    """
    sharp = np.flatnonzero(half_s <= SHARP_FACTOR * np.median(half_s))
    every = sharp if len(sharp) >= MIN_MOMENTS else np.arange(len(t_s))
    few = _thinned(t_s, half_s, every)
    slow = _density(t_s[few], energy_j[few], own_half_s[few], power_w)
    quick = _density(t_s[every], energy_j[every], own_half_s[every], power_w)
    if quick.density_w2s >= slow.density_w2s:
        return Noise(min(slow, quick, key=lambda each: each.error_w2s).density_w2s)
    told_apart = quick.error_w2s < RESOLVED_SHARE * quick.density_w2s
    if len(every) < MEMORY_FACTOR * len(few) or not told_apart:
        return Noise(slow.density_w2s)
    ratio = quick.density_w2s / slow.density_w2s
    return Noise(slow.density_w2s, _memory_s(ratio, quick.lag_s))


@dataclass(frozen=True, slots=True)
class _Density:
    """Variance of energy per second between moments `lag_s` apart, and its standard error."""

    density_w2s: float
    error_w2s: float
    lag_s: float


def _thinned(t_s: Floats, half_s: Floats, used: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the best moment of each of a few equal parts."""
    share = (t_s[used] - t_s[used[0]]) / (t_s[used[-1]] - t_s[used[0]])
    part = np.minimum((share * N_PARTS).astype(int), N_PARTS - 1)
    best = [
        int(own[np.argmin(half_s[own])])
        for number in range(N_PARTS)
        if len(own := used[part == number])
    ]
    return np.array(best) if len(best) >= MIN_MOMENTS else used


def _density(t_s: Floats, energy_j: Floats, half_s: Floats, power_w: float) -> _Density:
    """Return the variance of energy per second between moments.

    What the timing of the moments explains of the scatter is taken off. What remains is known to
    the standard error of the scatter, and a density is not negative: its expectation is the mean
    of a normal distribution that is cut off at zero.
    """
    step_s = np.diff(t_s)
    residual_j = np.diff(energy_j) - power_w * step_s
    timing_j2 = power_w**2 * float(np.sum(half_s[1:] ** 2 + half_s[:-1] ** 2)) / 3
    n_dof = len(step_s) - 1
    scatter_j2 = float(np.sum(residual_j**2)) * len(step_s) / n_dof
    error_j2 = math.sqrt(2 / n_dof) * min(timing_j2, scatter_j2)
    noise_j2 = positive_mean(scatter_j2 - timing_j2, error_j2)
    length_s = float(np.sum(step_s))
    return _Density(
        density_w2s=noise_j2 / length_s * student_factor(n_dof) ** 2,
        error_w2s=math.sqrt(2 / n_dof) * (timing_j2 + noise_j2) / length_s,
        lag_s=float(np.median(step_s)),
    )


def _memory_s(ratio: float, lag_s: float) -> float:
    """Return the memory at which density at lag T is `ratio` of the slow one.

    Solves 1 - (1 - exp(-x)) / x = ratio for x = T / memory by bisection; the left side rises.
    """
    low, high = 1e-3, 1e3
    for _ in range(40):
        x = math.sqrt(low * high)
        if 1 + math.expm1(-x) / x < ratio:
            low = x
        else:
            high = x
    return lag_s / high
