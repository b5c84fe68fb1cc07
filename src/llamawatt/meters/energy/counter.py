"""Energy of a window from a counter's knots."""

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.flags import Flag
from llamawatt.core.readings import Unavailable
from llamawatt.meters.energy.counter_edges import Knots
from llamawatt.meters.energy.error_sums import Spread, total
from llamawatt.meters.energy.idle import IdlePowerEstimate, MeanPower
from llamawatt.meters.energy.noise import MIN_MOMENTS, SHARP_FACTOR, noise_of
from llamawatt.meters.energy.window import MAX_MISSING_SHARE, WindowEnergy, tail

WIDEST_S = 2.0
"""A window is widened by at most this much on each side, or three periods."""

BEFORE_END_S = 0.1
"""The power just before the end of a window is the mean over at least this long."""

DRIFT_SHARE = 0.03
"""Relative deviation of idle power from an estimate that was taken elsewhere in time."""

STALE_S = 10.0
"""An idle that ended longer ago than this was taken elsewhere in time."""


def between(
    knots: Knots, t0_s: float, t1_s: float, resolution_j: float
) -> WindowEnergy | Unavailable:
    """Return the energy between two moments, linear between knots.

    Linear interpolation is the middle of what is possible: between two knots the power may have
    stepped anywhere. With the slopes of the neighbouring stretches as the two powers, the energy at
    a moment lies in a parallelogram about the line; its half-height there is the doubt.
    """
    missing_s = _missing_s(knots, t0_s, t1_s)
    if isinstance(missing_s, Unavailable):
        return missing_s
    start_j, start = _at(knots, t0_s, _resolved(knots, t0_s, t1_s))
    end_j, end = _at(knots, t1_s, _resolved(knots, t0_s, t1_s))
    lost_s = _lost_s(knots, t0_s, t1_s)
    mean_w = (end_j - start_j) / max(t1_s - t0_s - lost_s, 1e-9)
    flags = [Flag.WINDOW_NOT_COVERED] if missing_s > 0 else []
    if lost_s > 0:
        flags += _loss_flags(knots, t0_s, t1_s)
    if lost_s > MAX_MISSING_SHARE * (t1_s - t0_s):
        what = "rose beyond belief" if Flag.COUNTER_JUMPED in flags else "ran backwards"
        return Unavailable(
            f"The counter {what} and {lost_s:.3g} s of {t1_s - t0_s:.3g} s are lost.",
            "Repeat the measurement.",
        )
    spread = total(
        [start, end, _quantum(resolution_j), Spread.uniform(mean_w * (lost_s + missing_s))]
    )
    return WindowEnergy(end_j - start_j, spread, tuple(flags))


def widened(
    knots: Knots,
    t0_s: float,
    t1_s: float,
    resolution_j: float,
    before: IdlePowerEstimate,
    after: IdlePowerEstimate,
) -> WindowEnergy | None:
    """Return the energy of work between two idles; None when no knot lies in them.

    The window is widened to a knot inside the idle on each side, and idle power times the added
    time is taken off. An edge that is late by d then costs d times *idle* power, once a side.
    """
    first = _best_knot(knots, t0_s, before, -1)
    last = _best_knot(knots, t1_s, after, 1)
    if first is None or last is None or knots.backwards[first + 1 : last + 1].any():
        return None
    lead_s, lag_s = t0_s - float(knots.t_s[first]), float(knots.t_s[last]) - t1_s
    rest = tail(_power_before_w(knots, first, t1_s) - after.power_w, lag_s)
    energy_j = (
        float(knots.energy_j[last] - knots.energy_j[first])
        - before.power_w * lead_s
        - after.power_w * lag_s
        - rest.energy_j
    )
    spread = total(
        [
            Spread.uniform(before.power_w * float(knots.half_s[first])),
            Spread.uniform(after.power_w * float(knots.half_s[last])),
            idle_spread(before, after, lead_s, lag_s, t0_s),
            _quantum(resolution_j),
            rest.spread,
        ]
    )
    return WindowEnergy(energy_j, spread)


def idle_spread(
    before: IdlePowerEstimate, after: IdlePowerEstimate, lead_s: float, lag_s: float, t0_s: float
) -> Spread:
    """Return the error of taking idle power off the added time on both sides.

    Two estimates err independently; one used twice errs the same way on both sides. Idle power
    moves: with clocks still up behind the work, and with temperature over time.

    Args:
        before: Idle power before the window.
        after: Idle power behind it.
        lead_s: Time added before.
        lag_s: Time added behind.
        t0_s: Start of the window.
    """
    stale = t0_s - before.t1_s > STALE_S
    drift_j2 = (DRIFT_SHARE * before.power_w * lead_s) ** 2 if stale else 0.0
    noise_j2 = before.noise.variance_j2(lead_s) + after.noise.variance_j2(lag_s)
    if before is not after:
        means_j2 = (before.sigma_w * lead_s) ** 2 + (after.sigma_w * lag_s) ** 2
        return Spread(noise_j2 + means_j2 + drift_j2)
    drift_j2 += (DRIFT_SHARE * before.power_w * lag_s) ** 2
    return Spread(noise_j2 + (before.sigma_w * (lead_s + lag_s)) ** 2 + drift_j2)


def idle_power(
    knots: Knots, t0_s: float, t1_s: float, resolution_j: float
) -> MeanPower | Unavailable:
    """Return the mean power over an idle stretch.

    The stretch shrinks to its first and last knot, so nothing is interpolated.
    """
    inside = np.flatnonzero((knots.t_s >= t0_s) & (knots.t_s <= t1_s))
    if len(inside) < MIN_MOMENTS:
        return Unavailable(
            f"The counter was seen to tick {len(inside)} times in an idle of {t1_s - t0_s:.3g} s; "
            f"{MIN_MOMENTS} are needed.",
            "Lengthen the idle window.",
        )
    if knots.backwards[inside[1:]].any():
        return Unavailable("The counter ran backwards while idle.", "Repeat the measurement.")
    first, last = _sharp_ends(knots, inside)
    length_s = float(knots.t_s[last] - knots.t_s[first])
    power_w = float(knots.energy_j[last] - knots.energy_j[first]) / length_s
    half_s = knots.half_s[inside]
    own_half_s = np.where(knots.on_grid[inside], 0.0, half_s)
    noise = noise_of(knots.t_s[inside], knots.energy_j[inside], half_s, own_half_s, power_w)
    ends_s2 = float(knots.half_s[first] ** 2 + knots.half_s[last] ** 2) / 3
    edges_j2 = power_w**2 * ends_s2 + resolution_j**2 / 6
    return MeanPower(power_w, edges_j2 / length_s**2, length_s, noise)


def _sharp_ends(knots: Knots, inside: NDArray[np.intp]) -> tuple[int, int]:
    """Return the first and the last of the knots that are known well."""
    sharp = inside[knots.half_s[inside] <= SHARP_FACTOR * knots.half_s[inside].min()]
    ends = sharp if len(sharp) > 1 else inside
    return int(ends[0]), int(ends[-1])


def _best_knot(knots: Knots, t_s: float, idle: IdlePowerEstimate, side: int) -> int | None:
    """Return the knot outside the window, on one side of it, that errs least."""
    reach_s = max(WIDEST_S, 3 * (knots.period_s or 0.0))
    added_s = side * (knots.t_s - t_s)
    usable = (added_s >= 0) & (added_s <= reach_s)
    if side < 0:
        usable &= knots.t_s >= idle.t0_s - knots.half_s
    candidates = np.flatnonzero(usable)
    if not len(candidates):
        return None
    added_s, half_s = added_s[candidates], knots.half_s[candidates]
    error_j2 = (idle.power_w * half_s) ** 2 / 3 + idle.noise.density_w2s * added_s
    return int(candidates[np.argmin(error_j2 + (idle.sigma_w * added_s) ** 2)])


def _power_before_w(knots: Knots, first: int, t_s: float) -> float:
    """Return the mean power over the last stretch between knots before a moment."""
    end = int(np.searchsorted(knots.t_s, t_s, side="right")) - 1
    start = int(np.searchsorted(knots.t_s, knots.t_s[end] - BEFORE_END_S, side="right")) - 1
    start = max(start, first)
    if end <= start:
        end = min(start + 1, len(knots.t_s) - 1)
    length_s = float(knots.t_s[end] - knots.t_s[start])
    return float(knots.energy_j[end] - knots.energy_j[start]) / length_s if length_s > 0 else 0.0


def _quantum(resolution_j: float) -> Spread:
    """Return the error of two values that were cut to a multiple of the resolution."""
    return Spread.uniform(resolution_j / 2) + Spread.uniform(resolution_j / 2)


def _missing_s(knots: Knots, t0_s: float, t1_s: float) -> float | Unavailable:
    """Return how much of the window lies outside the knots, if it is less than a period."""
    if len(knots.t_s) < 2:
        return Unavailable(
            "The counter did not tick while it was watched.",
            "Lengthen the window, or check the sensor with `llamawatt doctor`.",
        )
    first_s, last_s = float(knots.t_s[0]), float(knots.t_s[-1])
    missing_s = max(0.0, first_s - t0_s) + max(0.0, t1_s - last_s)
    allowed_s = min(1.5 * (knots.period_s or 0.0), MAX_MISSING_SHARE * (t1_s - t0_s))
    if missing_s > allowed_s:
        return Unavailable(
            f"The counter's ticks cover {first_s:.3f} to {last_s:.3f} s, "
            f"the window is {t0_s:.3f} to {t1_s:.3f} s.",
            "Sample for longer on both sides of the window.",
        )
    return missing_s


def _loss_flags(knots: Knots, t0_s: float, t1_s: float) -> list[Flag]:
    """Return why stretches within a window were left out."""
    ends = np.append(knots.t_s[1:], np.inf)
    touches = np.append(False, (knots.t_s[:-1] < t1_s) & (ends[:-1] > t0_s))
    lost = knots.backwards & touches
    flags = [Flag.COUNTER_BACKWARDS] if (lost & ~knots.jumped).any() else []
    return flags + ([Flag.COUNTER_JUMPED] if (lost & knots.jumped).any() else [])


def _lost_s(knots: Knots, t0_s: float, t1_s: float) -> float:
    """Return how much of the window lies in stretches that were left out."""
    after = np.flatnonzero(knots.backwards)
    after = after[after > 0]
    start_s = np.maximum(knots.t_s[after - 1], t0_s)
    end_s = np.minimum(knots.t_s[after], t1_s)
    return float(np.sum(np.maximum(0.0, end_s - start_s)))


def _resolved(knots: Knots, t0_s: float, t1_s: float) -> bool:
    """Whether a stretch between knots lies wholly in the window, so that its power was seen."""
    return int(np.count_nonzero((knots.t_s >= t0_s) & (knots.t_s <= t1_s))) > 1


def _at(knots: Knots, t_s: float, resolved: bool) -> tuple[float, Spread]:
    """Return the energy at one moment and its error."""
    last = len(knots.t_s) - 1
    right = min(max(int(np.searchsorted(knots.t_s, t_s, side="right")), 1), last)
    left = right - 1
    length_s = float(knots.t_s[right] - knots.t_s[left])
    rise_j = float(knots.energy_j[right] - knots.energy_j[left])
    if length_s <= 0:
        return float(knots.energy_j[right]), Spread.uniform(rise_j)
    slope_w = rise_j / length_s
    since_s = t_s - float(knots.t_s[left])
    share = min(1.0, max(0.0, since_s / length_s))
    spread = total(
        [
            Spread.two_point(
                _parallelogram_j(knots, left, share * length_s)
                if resolved
                else rise_j * max(share, 1 - share)
            ),
            Spread.uniform(slope_w * (1 - share) * float(knots.half_s[left])),
            Spread.uniform(slope_w * share * float(knots.half_s[right])),
        ]
    )
    return float(knots.energy_j[left]) + slope_w * since_s, spread


def _parallelogram_j(knots: Knots, left: int, since_s: float) -> float:
    """Return how far the energy may lie from the line, `since_s` after the knot `left`."""
    nearby = slice(max(0, left - 1), left + 3)
    length_s = np.diff(knots.t_s[nearby])
    slopes_w = np.diff(knots.energy_j[nearby])[length_s > 0] / length_s[length_s > 0]
    low_w, high_w = float(slopes_w.min()), float(slopes_w.max())
    whole_s = float(knots.t_s[left + 1] - knots.t_s[left])
    rise_j = float(knots.energy_j[left + 1] - knots.energy_j[left])
    line_j = rise_j * since_s / whole_s
    lower_j = max(low_w * since_s, rise_j - high_w * (whole_s - since_s))
    upper_j = min(high_w * since_s, rise_j - low_w * (whole_s - since_s))
    return max(0.0, upper_j - line_j, line_j - lower_j)
