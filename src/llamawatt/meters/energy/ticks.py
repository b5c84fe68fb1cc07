"""Where a sensor's ticks lie: the steady grid that a counter updates on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.readings import Calibration

Floats = NDArray[np.float64]

STEADY_SHARE = 0.05
"""A tick is steady when its jitter is below this share of its period."""

LOCK_SHARE = 0.1
"""A predicted tick is used while its standard error is below this share of the period."""

_JITTER_FLOOR_SHARE = 0.001
_PERIOD_ERROR_FLOOR = 2e-5
"""Clocks of sensors are quartz, and not better than that over minutes of warming."""


@dataclass(frozen=True, slots=True)
class TickGrid:
    """A steady tick, of which any one observed edge fixes the phase nearby.

    The phase drifts: each tick adds `jitter_s` at random, and the period itself is known only to
    `period_error_s`, so a prediction `n` ticks away from an edge has the variance
    edge² + n·jitter² + (n·period_error)².

    Attributes:
        period_s: Time between ticks.
        jitter_s: Standard deviation of that time.
        period_error_s: Standard error of `period_s`.
    """

    period_s: float
    jitter_s: float
    period_error_s: float

    @classmethod
    def of(cls, calibration: Calibration | None) -> "TickGrid | None":
        """Return the grid of a calibrated sensor; None when its tick is unknown or unsteady."""
        if calibration is None or not calibration.update_period_s:
            return None
        period_s = calibration.update_period_s
        if calibration.period_jitter_s > STEADY_SHARE * period_s:
            return None
        jitter_s = max(calibration.period_jitter_s, _JITTER_FLOOR_SHARE * period_s)
        return cls(period_s, jitter_s, _period_error_s(calibration, period_s, jitter_s))

    def sigma_s(self, edge_half_s: Floats, n_ticks: Floats) -> Floats:
        """Return the standard error of ticks predicted `n_ticks` away from edges."""
        return np.sqrt(
            edge_half_s**2 / 3
            + np.abs(n_ticks) * self.jitter_s**2
            + (n_ticks * self.period_error_s) ** 2
        )

    def next_tick(self, edge_s: float, edge_half_s: float, now_s: float) -> tuple[float, float]:
        """Return the first predicted tick after `now_s`, and its standard error."""
        n_ticks = math.floor((now_s - edge_s) / self.period_s) + 1
        sigma_s = self.sigma_s(np.asarray(edge_half_s), np.asarray(float(n_ticks)))
        return edge_s + n_ticks * self.period_s, float(sigma_s)

    def trusts(self, sigma_s: float) -> bool:
        """Whether a predicted tick of this standard error is good enough to use."""
        return sigma_s < LOCK_SHARE * self.period_s


def _period_error_s(calibration: Calibration, period_s: float, jitter_s: float) -> float:
    """Return the standard error of a period that was found over the n ticks of a calibration.

    The jitters of n ticks add to jitter²·n over the whole; each end was seen within one read of
    length w, uniformly, which adds w²/6; the period is the n-th part.
    """
    n_ticks = max(2.0, calibration.n_reads * calibration.read_wall_s / period_s)
    whole_s2 = jitter_s**2 * n_ticks + calibration.read_wall_s**2 / 6
    return max(math.sqrt(whole_s2) / n_ticks, _PERIOD_ERROR_FLOOR * period_s)


def place_on_grid(
    grid: TickGrid, read_s: Floats, excess_s: Floats, edge_s: Floats, edge_half_s: Floats
) -> tuple[Floats, Floats]:
    """Return the last tick before each read, and the half-width it is known to.

    Args:
        grid: The tick.
        read_s: Times of reads, shape (n,).
        excess_s: How much earlier or later each may have taken its value, shape (n,).
        edge_s: Times of observed edges, sorted, shape (m,), m > 0.
        edge_half_s: Half-widths of those edges, shape (m,).

    Returns:
        Two arrays of shape (n,): tick time and half-width. NaN where the nearest edge is too far
        to tell, or where the read lies too near a tick to say on which side.
    """
    right = np.clip(np.searchsorted(edge_s, read_s), 0, len(edge_s) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(edge_s[left] - read_s) <= np.abs(edge_s[right] - read_s), left, right)
    n_ticks = np.floor((read_s - edge_s[nearest]) / grid.period_s)
    tick_s = edge_s[nearest] + n_ticks * grid.period_s
    sigma_s = grid.sigma_s(edge_half_s[nearest], n_ticks)
    since_s = read_s - tick_s
    margin_s = 2 * sigma_s + excess_s
    clear = (since_s > margin_s) & (grid.period_s - since_s > margin_s)
    known = clear & (sigma_s < LOCK_SHARE * grid.period_s)
    return np.where(known, tick_s, np.nan), np.where(known, math.sqrt(3) * sigma_s, np.nan)
