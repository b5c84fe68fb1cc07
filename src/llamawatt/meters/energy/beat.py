"""Replies that beat with a sensor that sees only part of the time: what it may never have seen."""

from collections.abc import Sequence

import numpy as np

from llamawatt.meters.energy.error_sums import Spread
from llamawatt.meters.energy.power import PowerPoints
from llamawatt.meters.energy.ticks import Floats

LONG_PERIODS = 4.0
"""Replies longer than this many updates are seen at several places each, whatever the beat."""
BINS_MAX = 32
N_PHASES = 8
"""Phases of the sensor's tick that are tried: which it has is not known, and the worst counts."""
DEPTH_SHARE = 0.2
"""Standard deviation of power within a reply, as a share of its mean, of which no less is believed
where few of its places were seen: a prefill takes up to 1.6 times the power of decoding, a pause
between replies about half."""
MANY_PLACES = 6
"""So many places of a reply tell its variation by themselves."""


def unseen_of_replies(
    points: PowerPoints, t0_s: float, t1_s: float, starts_s: Sequence[float]
) -> Spread:
    """Return the doubt over parts of a reply that no reading fell into.

    Where the time between replies is near a multiple or a fraction of the sensor's period, readings
    fall at a few places of the reply again and again. They look steady, so their own scatter cannot
    tell the error. Here the reply is cut into as many bins as readings fit into it. With e the
    share of bins that no reading fell into, r the number of separate stretches that were seen and
    s² the variance between bins, e·s²/r is the variance of the mean; that some bins were
    seen more often than others adds the square of what weighing them alike would change.

    Args:
        points: The readings.
        t0_s: Start of the window.
        t1_s: End of it.
        starts_s: When replies in it began.
    """
    starts = np.unique(np.asarray(starts_s, dtype=np.float64))
    if points.unseen_share <= 0 or len(starts) < 2 or points.period_s <= 0:
        return Spread()
    spacing_s = float(np.median(np.diff(starts)))
    if not points.averaging_s < spacing_s < LONG_PERIODS * points.apart_s:
        return Spread()
    inside = np.flatnonzero((points.t_s >= t0_s) & (points.t_s <= t1_s))
    if not len(inside):
        return Spread()
    n_bins = min(BINS_MAX, max(2, round(spacing_s / max(points.averaging_s, 1e-6))))
    read_s, power_w = points.t_s[inside] + points.delay_s, points.power_w[inside]
    variance_w2 = max(
        _variance_w2(_places(_updates(read_s, points, share), starts, spacing_s), power_w, n_bins)
        for share in np.arange(N_PHASES) / N_PHASES
    )
    return Spread(variance_w2 * (t1_s - t0_s) ** 2)


def _updates(read_s: Floats, points: PowerPoints, phase_share: float) -> Floats:
    """Return what moment each read speaks of, if the sensor updates at this phase.

    A read shows the last update, which may be a whole period old: reads that are spread evenly over
    the replies may all show one place of them.
    """
    period_s = points.period_s
    ticks = np.floor(read_s / period_s - phase_share) + phase_share
    return ticks * period_s - points.averaging_s / 2


def _places(t_s: Floats, starts_s: Floats, spacing_s: float) -> Floats:
    """Return where in its reply each moment lies, 0..1."""
    number = np.clip(np.searchsorted(starts_s, t_s, side="right") - 1, 0, len(starts_s) - 1)
    length_s = np.append(np.diff(starts_s), spacing_s)[number]
    place: Floats = ((t_s - starts_s[number]) / length_s) % 1.0
    return place


def _variance_w2(place: Floats, power_w: Floats, n_bins: int) -> float:
    bins = np.minimum((place * n_bins).astype(int), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    seen = count > 0
    mean_w = np.bincount(bins, power_w, n_bins)[seen] / count[seen]
    unseen_share = 1.0 - float(np.mean(seen))
    plain_w, even_w = float(np.mean(power_w)), float(np.mean(mean_w))
    within_w2 = float(np.var(mean_w, ddof=1)) if len(mean_w) > 1 else 0.0
    if len(mean_w) < MANY_PLACES:
        within_w2 = max(within_w2, (DEPTH_SHARE * plain_w) ** 2)
    n_stretches = max(1, int(np.sum(seen & ~np.roll(seen, 1))))
    return unseen_share * within_w2 / n_stretches + (even_w - plain_w) ** 2
