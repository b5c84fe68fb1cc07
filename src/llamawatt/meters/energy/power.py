"""Energy of a window from samples of power."""

import math
from dataclasses import dataclass

import numpy as np

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Calibration, Unavailable
from llamawatt.meters.energy.counter import BEFORE_END_S, idle_spread
from llamawatt.meters.energy.error_sums import Spread, total
from llamawatt.meters.energy.idle import IdlePowerEstimate, MeanPower
from llamawatt.meters.energy.noise import MIN_MOMENTS, noise_of
from llamawatt.meters.energy.ticks import Floats, TickGrid
from llamawatt.meters.energy.window import MAX_MISSING_SHARE, WindowEnergy, tail

GAP_SPACINGS = 4.0
"""Samples further apart than this many usual spacings are a gap."""


@dataclass(frozen=True, slots=True)
class PowerPoints:
    """Samples of a power sensor, set back by the sensor's delay.

    A reading tells the mean over the averaging time before the last update, so on average it
    speaks of the moment half the averaging time and half the update period ago.

    Attributes:
        t_s: Moments the readings speak of, rising, shape (n,).
        power_w: Readings, shape (n,).
        energy_j: Their trapezoid integral since the first, shape (n,).
        spacing_s: Usual time between samples.
        period_s: Time between updates of the sensor; 0 when it is not known to have any.
        averaging_s: Time that one reading averages; 0 when unknown.
        grid: The sensor's steady tick; None if it has none.
    """

    t_s: Floats
    power_w: Floats
    energy_j: Floats
    spacing_s: float
    period_s: float
    averaging_s: float
    grid: TickGrid | None

    @property
    def delay_s(self) -> float:
        """How long a reading trails what it speaks of."""
        return (self.period_s + self.averaging_s) / 2

    @property
    def apart_s(self) -> float:
        """Time between updates that are seen; 0 where the sensor is not known to have any."""
        return max(self.spacing_s, self.period_s) if self.period_s > 0 else 0.0

    @property
    def stride(self) -> int:
        """How many samples apart readings are independent updates."""
        wanted_s = max(self.period_s, self.averaging_s)
        return max(1, math.ceil(0.9 * wanted_s / self.spacing_s)) if self.spacing_s > 0 else 1

    @property
    def unseen_share(self) -> float:
        """Share of the time between used samples that no reading speaks of."""
        return max(0.0, 1.0 - self.averaging_s / max(self.spacing_s, self.period_s))


def points_of(t_s: Floats, power_w: Floats, calibration: Calibration | None) -> PowerPoints:
    """Set samples back by the sensor's delay and integrate them by the trapezoid rule."""
    period_s = (calibration.update_period_s or 0.0) if calibration else 0.0
    averaging_s = _averaging_s(calibration, period_s)
    step_s = np.diff(t_s)
    energy_j = np.concatenate([[0.0], np.cumsum(step_s * (power_w[1:] + power_w[:-1]) / 2)])
    return PowerPoints(
        t_s=t_s - (period_s + averaging_s) / 2,
        power_w=power_w,
        energy_j=energy_j,
        spacing_s=float(np.median(step_s)) if len(step_s) else 0.0,
        period_s=period_s,
        averaging_s=averaging_s,
        grid=TickGrid.of(calibration),
    )


def _averaging_s(calibration: Calibration | None, period_s: float) -> float:
    if calibration is None:
        return 0.0
    if calibration.averaging_s is not None:
        return calibration.averaging_s
    return (calibration.duty_cycle or 0.0) * period_s


def between(points: PowerPoints, t0_s: float, t1_s: float) -> WindowEnergy | Unavailable:
    """Return the energy between two moments.

    At each end the sensor cannot tell on which side of the moment, within its delay, power
    changed; half the change about the moment times the delay is the doubt.
    """
    missing_s = _missing_s(points, t0_s, t1_s)
    if isinstance(missing_s, Unavailable):
        return missing_s
    gaps = _gaps(points, t0_s, t1_s)
    if isinstance(gaps, Unavailable):
        return gaps
    energy_j = _energy_at(points, t1_s) - _energy_at(points, t0_s)
    mean_w = energy_j / (t1_s - t0_s)
    flags = _flags(points, gaps) + ((Flag.WINDOW_NOT_COVERED,) if missing_s > 0 else ())
    ends = [Spread.two_point(_end_doubt_j(points, moment_s)) for moment_s in (t0_s, t1_s)]
    spread = total([*ends, sampling(points, t0_s, t1_s), gaps, Spread.uniform(mean_w * missing_s)])
    return WindowEnergy(energy_j, spread, flags)


def widened(
    points: PowerPoints,
    t0_s: float,
    t1_s: float,
    before: IdlePowerEstimate,
    after: IdlePowerEstimate,
) -> WindowEnergy | Unavailable | None:
    """Return the energy of work between two idles; None when the samples do not reach into them.

    The window grows on each side until every reading that the work touches is inside, so that
    averaging and delay move energy about but lose none; idle power times the added time is taken
    off.
    """
    added_s = points.delay_s + 1.5 * points.spacing_s
    low_s, high_s = t0_s - added_s, t1_s + added_s
    if len(points.t_s) < 2 or low_s < points.t_s[0] or high_s > points.t_s[-1]:
        return None
    if low_s < before.t0_s:
        return None
    gaps = _gaps(points, low_s, high_s)
    if isinstance(gaps, Unavailable):
        return gaps
    if t1_s - t0_s < points.apart_s:
        return None
    energy_j = _energy_at(points, high_s) - _energy_at(points, low_s)
    rest = tail(_power_before_w(points, t0_s, t1_s) - after.power_w, added_s)
    energy_j -= (before.power_w + after.power_w) * added_s + rest.energy_j
    spread = total(
        [
            sampling(points, low_s, high_s),
            gaps,
            idle_spread(before, after, added_s, added_s, t0_s),
            rest.spread,
        ]
    )
    return WindowEnergy(energy_j, spread, _flags(points, gaps))


def idle_power(points: PowerPoints, t0_s: float, t1_s: float) -> MeanPower | Unavailable:
    """Return the mean power over an idle stretch.

    Only readings that speak of nothing outside the stretch count.
    """
    margin_s = points.delay_s
    inside = np.flatnonzero((points.t_s >= t0_s + margin_s) & (points.t_s <= t1_s - margin_s))
    used = inside[:: points.stride]
    if len(used) < MIN_MOMENTS:
        return Unavailable(
            f"Only {len(used)} separate readings fall in an idle of {t1_s - t0_s:.3g} s; "
            f"{MIN_MOMENTS} are needed.",
            "Lengthen the idle window.",
        )
    first, last = int(used[0]), int(used[-1])
    length_s = float(points.t_s[last] - points.t_s[first])
    power_w = float(points.energy_j[last] - points.energy_j[first]) / length_s
    exact_s = np.zeros(len(used))
    noise = noise_of(points.t_s[used], points.energy_j[used], exact_s, exact_s, power_w)
    unseen_j2 = sampling(points, t0_s, t1_s).variance_j2
    return MeanPower(power_w, unseen_j2 / length_s**2, length_s, noise)


def sampling(points: PowerPoints, t0_s: float, t1_s: float) -> Spread:
    """Return the error of not seeing all the time, and of seeing updates late.

    Readings one update apart (a spacing h) are taken as a walk, which steps and ramps of the load
    are too, plus a part w² that is new in every reading. From the sums of squares of their first
    and second differences, n·w² = (D2 - 2·D1)/2. Over the unseen share u of each spacing the walk
    adds (u·h)²/12 for each squared step, the new part u·(w·h)² for each reading.

    A reading that averages over part of a step splits it, which makes its squared height look
    smaller by a third of the ratio of spacing and averaging time, whichever way it is below 1.

    A sample sees an update late. What is the same for all samples cancels; the rest, of variance
    v, adds v for each squared change.
    """
    inside = np.flatnonzero((points.t_s >= t0_s) & (points.t_s <= t1_s))
    if len(inside) < 2:
        return Spread()
    power_w = points.power_w[inside]
    change_w = np.diff(power_w)
    seen_s = points.t_s[inside[1:]][change_w != 0]
    whole_w2 = float(np.sum(change_w**2)) / _split_share(points.spacing_s, points.averaging_s)
    variance_j2 = whole_w2 * _lateness_s2(points, seen_s)
    unseen = points.unseen_share
    if unseen > 0:
        used_w = power_w[:: points.stride]
        spacing_s = points.stride * points.spacing_s
        first_w2 = float(np.sum(np.diff(used_w) ** 2))
        second_w2 = float(np.sum(np.diff(used_w, n=2) ** 2))
        new_w2 = max(0.0, second_w2 - 2 * first_w2) / 2
        walk_w2 = max(0.0, first_w2 - 2 * new_w2) / _split_share(spacing_s, points.averaging_s)
        variance_j2 += spacing_s**2 * (unseen**2 / 12 * walk_w2 + unseen * new_w2)
    return Spread(variance_j2)


def _split_share(spacing_s: float, averaging_s: float) -> float:
    """Return how much of a step's squared height its changes add up to, on average."""
    if averaging_s <= 0 or spacing_s <= 0:
        return 1.0
    return 1.0 - min(spacing_s / averaging_s, averaging_s / spacing_s) / 3


def _lateness_s2(points: PowerPoints, seen_s: Floats) -> float:
    """Return the variance of the time from an update to the sample that first shows it.

    It is uniform over the lesser of spacing and period at worst. Where the tick is steady, samples
    in step with it are all late alike: then it is the spread of the phases at which changes are
    seen (from the length R of their mean vector, -2·ln R in squared radians), and what the phase
    may have drifted unseen.
    """
    late_s = min(points.spacing_s, points.period_s)
    if late_s <= 0 or len(seen_s) < MIN_MOMENTS or points.grid is None:
        return late_s**2 / 12
    turn_rad = 2 * math.pi * seen_s / points.period_s
    length = float(np.hypot(np.mean(np.cos(turn_rad)), np.mean(np.sin(turn_rad))))
    phase_rad2 = -2 * math.log(min(1.0, max(length, 1e-9)))
    phase_s2 = phase_rad2 * (points.period_s / (2 * math.pi)) ** 2
    n_ticks = (seen_s[-1] - seen_s[0]) / points.period_s
    drift_s = float(points.grid.sigma_s(np.zeros(1), np.array([n_ticks]))[0])
    return min(late_s**2 / 12, phase_s2 + drift_s**2)


def _power_before_w(points: PowerPoints, t0_s: float, t1_s: float) -> float:
    """Return the mean of the last readings that speak of the window alone."""
    end_s = max(t0_s, t1_s - points.averaging_s / 2)
    start_s = max(t0_s, end_s - max(BEFORE_END_S, points.period_s))
    inside = (points.t_s >= start_s) & (points.t_s <= end_s)
    if inside.any():
        return float(np.mean(points.power_w[inside]))
    return float(np.interp(t1_s, points.t_s, points.power_w))


def _energy_at(points: PowerPoints, t_s: float) -> float:
    """Return the integral up to one moment; power is linear between samples."""
    last = len(points.t_s) - 1
    left = min(max(int(np.searchsorted(points.t_s, t_s, side="right")) - 1, 0), last - 1)
    since_s = t_s - float(points.t_s[left])
    length_s = float(points.t_s[left + 1] - points.t_s[left])
    start_w, end_w = float(points.power_w[left]), float(points.power_w[left + 1])
    inside_s = min(max(since_s, 0.0), length_s)
    at_w = start_w + (end_w - start_w) * (inside_s / length_s if length_s > 0 else 0.0)
    beyond_j = at_w * (since_s - inside_s)
    return float(points.energy_j[left]) + (start_w + at_w) / 2 * inside_s + beyond_j


def _end_doubt_j(points: PowerPoints, t_s: float) -> float:
    reach_s = points.delay_s + points.spacing_s / 2
    power_w = np.interp([t_s - reach_s, t_s + reach_s], points.t_s, points.power_w)
    return abs(float(power_w[1] - power_w[0])) * reach_s / 2


def _missing_s(points: PowerPoints, t0_s: float, t1_s: float) -> float | Unavailable:
    if len(points.t_s) < 2:
        return Unavailable(
            f"The power sensor gave {len(points.t_s)} readings; 2 are needed.",
            "Lengthen the window, or check the sensor with `llamawatt doctor`.",
        )
    apart_s = points.apart_s
    if t1_s - t0_s < apart_s:
        return Unavailable(
            f"A window of {t1_s - t0_s:.3g} s may fall between two readings, "
            f"which are {apart_s:.3g} s apart.",
            "Lengthen the window, or repeat the work in it.",
        )
    first_s, last_s = float(points.t_s[0]), float(points.t_s[-1])
    missing_s = max(0.0, first_s - t0_s) + max(0.0, t1_s - last_s)
    allowed_s = max(2 * points.delay_s, 0.0) + 1.5 * points.spacing_s
    if missing_s > min(allowed_s, MAX_MISSING_SHARE * (t1_s - t0_s)):
        return Unavailable(
            f"The power readings cover {first_s:.3f} to {last_s:.3f} s, "
            f"the window is {t0_s:.3f} to {t1_s:.3f} s.",
            "Sample for longer on both sides of the window.",
        )
    return missing_s


def _gaps(points: PowerPoints, t0_s: float, t1_s: float) -> Spread | Unavailable:
    """Return the doubt over stretches without readings; power there may be any seen beside them."""
    step_s = np.diff(points.t_s)
    longest_s = GAP_SPACINGS * max(points.spacing_s, points.period_s)
    gap = np.flatnonzero((step_s > longest_s) & (points.t_s[:-1] < t1_s) & (points.t_s[1:] > t0_s))
    if not len(gap):
        return Spread()
    missing_s = float(
        np.sum(np.minimum(points.t_s[gap + 1], t1_s) - np.maximum(points.t_s[gap], t0_s))
    )
    if missing_s > MAX_MISSING_SHARE * (t1_s - t0_s):
        return Unavailable(
            f"No power reading for {missing_s:.3g} s of a window of {t1_s - t0_s:.3g} s.",
            "Check why the sensor does not answer with `llamawatt doctor`.",
        )
    inside_w = points.power_w[(points.t_s >= t0_s) & (points.t_s <= t1_s)]
    range_w = float(np.ptp(inside_w)) if len(inside_w) else 0.0
    return total(Spread.uniform(range_w / 2 * float(length_s)) for length_s in step_s[gap])


def _flags(points: PowerPoints, gaps: Spread) -> tuple[Flag, ...]:
    undersampled = gaps.variance_j2 > 0 or (0 < 1.5 * points.period_s < points.spacing_s)
    part_time = 0 < points.averaging_s < points.period_s
    return ((Flag.UNDERSAMPLED,) if undersampled else ()) + (
        (Flag.PART_TIME_SENSOR,) if part_time else ()
    )
