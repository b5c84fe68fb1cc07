"""How much of the time a power sensor sees: found by flickering the load at random.

A part-time sensor (25 of every 100 ms on H100 and A100, Yang et al., SC 2024, arXiv 2312.02741)
cannot be told from a full-time one under a steady load. Under a load that goes on and off at
random, each update is explained best by the share of busy time in the stretch it averaged; the
length and the lateness of that stretch are what fits.
"""

from dataclasses import dataclass

import numpy as np

from llamawatt.meters.energy.ticks import Floats

STEP_S = 0.005
MAX_AVERAGING_S = 0.3
MAX_DELAY_S = 0.2
ONE_SECOND_S = (0.5, 0.75, 1.0, 1.25)
"""Longer averages that are tried too: nvmlDeviceGetPowerUsage averages a second."""
MIN_UPDATES = 30


@dataclass(frozen=True, slots=True)
class WindowFit:
    """What an update of a sensor averages.

    Attributes:
        averaging_s: Length of the stretch that fits best.
        delay_s: How long before the update the stretch ended.
        low_w: Power with the load off.
        high_w: Power with the load on.
        explained: Share of the readings' variance that this explains, 0..1.
        averaging_range_s: Lengths that explain nearly as much: the honest width of the answer.
        n_updates: Updates that were looked at.
    """

    averaging_s: float
    delay_s: float
    low_w: float
    high_w: float
    explained: float
    averaging_range_s: tuple[float, float]
    n_updates: int


def fit_window(update_s: Floats, power_w: Floats, busy_s: Floats) -> WindowFit | None:
    """Find what stretch of the load each update averaged.

    Args:
        update_s: Times of the updates, shape (n,).
        power_w: What they said, shape (n,).
        busy_s: When the load was on: starts and ends, shape (m, 2), in order.

    Returns:
        The best fit; None with too few updates or a load that never changed.
    """
    if len(update_s) < MIN_UPDATES or len(busy_s) < 2 or np.std(power_w) == 0:
        return None
    lengths = [*np.arange(STEP_S, MAX_AVERAGING_S + STEP_S / 2, STEP_S), *ONE_SECOND_S]
    delays = np.arange(0.0, MAX_DELAY_S + STEP_S / 2, STEP_S)
    fits = [
        (explained(update_s, power_w, busy_s, float(length), float(delay)), length, delay)
        for length in lengths
        for delay in delays
    ]
    best, length, delay = max(fits)
    near = [other for share, other, _ in fits if 1 - share <= 1.1 * (1 - best)]
    share_busy = busy_share(update_s - delay, float(length), busy_s)
    slope, low_w = np.polyfit(share_busy, power_w, 1)
    return WindowFit(
        averaging_s=float(length),
        delay_s=float(delay),
        low_w=float(low_w),
        high_w=float(low_w + slope),
        explained=float(best),
        averaging_range_s=(float(min(near)), float(max(near))),
        n_updates=len(update_s),
    )


def explained(
    update_s: Floats, power_w: Floats, busy_s: Floats, averaging_s: float, delay_s: float
) -> float:
    """Return the share of the readings' variance that a stretch explains (R²)."""
    share = busy_share(update_s - delay_s, averaging_s, busy_s)
    if np.std(share) == 0:
        return 0.0
    return float(np.corrcoef(share, power_w)[0, 1] ** 2)


def busy_share(end_s: Floats, averaging_s: float, busy_s: Floats) -> Floats:
    """Return the busy share of the stretches of a length that end at given times, shape (n,)."""
    knots = busy_s.reshape(-1)
    # Every other stretch between knots is a busy one.
    busy = np.arange(len(knots) - 1) % 2 == 0
    total = np.concatenate([[0.0], np.cumsum(np.diff(knots) * busy)])
    until = np.interp(end_s, knots, total)
    since = np.interp(end_s - averaging_s, knots, total)
    return np.asarray((until - since) / averaging_s, dtype=np.float64)
