"""From reads of a counter to knots: the moments at which its energy is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.readings import Calibration, Domain
from llamawatt.meters.energy.screening import Limits, Screened, screened
from llamawatt.meters.energy.ticks import Floats, TickGrid, place_on_grid

NARROW_SHARE = 0.25
"""An edge seen within this share of the period may fix the phase of the grid."""

STUCK_PERIODS = 10.0
STUCK_MIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A counter's believed reads as one rising energy.

    Attributes:
        energy_j: Joules since the first read, shape (n,).
        changed: Whether each read differs from the one before, shape (n,).
        backwards: Whether what was counted before each read is lost and left out, shape (n,).
    """

    energy_j: Floats
    changed: NDArray[np.bool_]
    backwards: NDArray[np.bool_]


def unwrap(value_j: Floats, wrap_j: float | None, screened: Screened) -> Unwrapped:
    """Undo wrap-around, and leave out what was lost.

    Args:
        value_j: Believed reads, shape (n,).
        wrap_j: Where the counter starts again; None if never.
        screened: What is believed of them, reads that are not believed taken out.
    """
    step_j = np.diff(value_j, prepend=value_j[:1])
    step_j = np.where(screened.wrapped, step_j + (wrap_j or 0.0), step_j)
    step_j = np.where(screened.left_out, 0.0, step_j)
    return Unwrapped(np.cumsum(step_j), (step_j > 0) | screened.left_out, screened.left_out)


@dataclass(frozen=True, slots=True)
class Knots:
    """Moments at which a counter's energy is known.

    Attributes:
        t_s: Times, rising, shape (n,).
        half_s: Half-widths of the interval in which each lies, shape (n,).
        energy_j: Energy at each, shape (n,).
        on_grid: Whether each was placed on a grid, and so errs as its neighbours do, shape (n,).
        backwards: Whether the stretch before each was left out, shape (n,).
        jumped: Whether that is because the counter rose by more than the device can draw.
        impossible_s: Times of reads that could not be true and were dropped, shape (k,).
        stuck_s: Start and end of stretches over which the counter stood still, shape (m, 2).
        period_s: Time between ticks; None when fewer than two edges were seen.
    """

    t_s: Floats
    half_s: Floats
    energy_j: Floats
    on_grid: NDArray[np.bool_]
    backwards: NDArray[np.bool_]
    jumped: NDArray[np.bool_]
    impossible_s: Floats
    stuck_s: Floats
    period_s: float | None


def knots_of(
    t_s: Floats,
    value_j: Floats,
    read_s: Floats,
    domain: Domain,
    calibration: Calibration | None,
) -> Knots:
    """Find the knots of a counter.

    A change between two reads is an edge, and lies between them, but never earlier than one
    period before the second. If the tick is steady, edges seen closely fix the grid around them,
    and every read near them is placed on it, changed or not.

    Args:
        t_s: Times at the middle of each read, rising, shape (n,).
        value_j: What was read, shape (n,).
        read_s: How long each read took, shape (n,).
        domain: What was read: where its counter starts again, and what it can draw.
        calibration: What is known of its tick.
    """
    period_s, jitter_s = _tick(calibration)
    believed = screened(t_s, value_j, domain.wrap_j, Limits.of(domain), period_s)
    impossible_s = t_s[~believed.kept]
    t_s, value_j, read_s = (each[believed.kept] for each in (t_s, value_j, read_s))
    believed = believed.kept_only()
    unwrapped = unwrap(value_j, domain.wrap_j, believed)
    edge = np.flatnonzero(unwrapped.changed)
    head = np.concatenate([[0], edge]) if period_s is not None and len(t_s) else edge
    # The part of a read's duration that all reads share shifts every edge alike and so cancels
    # between the ends of a window; only what a read took beyond that blurs its moment.
    excess_s = np.maximum(0.0, read_s - np.median(read_s)) / 2 if len(read_s) else read_s
    low_s, high_s = _edge_intervals(t_s, excess_s, head, period_s, jitter_s)
    knot_s, half_s, on_grid = _located(
        t_s, excess_s, unwrapped.changed, head, (low_s, high_s), TickGrid.of(calibration)
    )
    if period_s is None and len(edge) > 1:
        period_s = float(np.median(np.diff(t_s[edge])))
    return Knots(
        t_s=np.maximum.accumulate(knot_s),
        half_s=half_s,
        energy_j=unwrapped.energy_j[head],
        on_grid=on_grid,
        backwards=unwrapped.backwards[head],
        jumped=believed.jumped[head],
        impossible_s=impossible_s,
        stuck_s=_stuck(t_s, edge, period_s),
        period_s=period_s,
    )


def _tick(calibration: Calibration | None) -> tuple[float | None, float]:
    if calibration is None or not calibration.update_period_s:
        return None, 0.0
    return calibration.update_period_s, calibration.period_jitter_s


def _located(
    t_s: Floats,
    excess_s: Floats,
    changed: NDArray[np.bool_],
    head: NDArray[np.intp],
    interval_s: tuple[Floats, Floats],
    grid: TickGrid | None,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the middle and half-width of each knot, and whether the grid told them.

    Every read of one value can tell the tick at which that value appeared; the first that lies
    clear of a tick is used, if it agrees with the interval in which the change was seen.
    """
    low_s, high_s = interval_s
    knot_s, half_s = (low_s + high_s) / 2, (high_s - low_s) / 2
    on_grid = np.zeros(len(head), dtype=np.bool_)
    if grid is None or not len(head):
        return knot_s, half_s, on_grid
    narrow = 2 * half_s < NARROW_SHARE * grid.period_s
    if not narrow.any():
        return knot_s, half_s, on_grid
    tick_s, tick_half_s = place_on_grid(grid, t_s, excess_s, knot_s[narrow], half_s[narrow])
    clear = np.flatnonzero(~np.isnan(tick_s))
    group = np.cumsum(changed)[clear] - (0 if head[0] == 0 else 1)
    groups, first = np.unique(group, return_index=True)
    read = clear[first][groups >= 0]
    groups = groups[groups >= 0]
    agrees = (tick_s[read] > low_s[groups] - tick_half_s[read]) & (
        tick_s[read] < high_s[groups] + tick_half_s[read]
    )
    better = agrees & (tick_half_s[read] < half_s[groups])
    knot_s[groups[better]] = tick_s[read[better]]
    half_s[groups[better]] = tick_half_s[read[better]]
    on_grid[groups[better]] = True
    return knot_s, half_s, on_grid


def _edge_intervals(
    t_s: Floats,
    excess_s: Floats,
    head: NDArray[np.intp],
    period_s: float | None,
    jitter_s: float,
) -> tuple[Floats, Floats]:
    """Return the earliest and the latest time at which each value can have appeared."""
    before = np.maximum(head - 1, 0)
    low_s = np.where(head > 0, t_s[before] - excess_s[before], -np.inf)
    high_s = t_s[head] + excess_s[head]
    if period_s is not None:
        low_s = np.maximum(low_s, t_s[head] - excess_s[head] - period_s - 3 * jitter_s)
    return low_s, high_s


def _stuck(t_s: Floats, edge: NDArray[np.intp], period_s: float | None) -> Floats:
    """Return the stretches over which no edge was seen for longer than the tick allows."""
    if not len(t_s):
        return np.empty((0, 2))
    longest_s = max(STUCK_PERIODS * (period_s or 0.0), STUCK_MIN_S)
    start_s = np.concatenate([t_s[:1], t_s[edge]])
    last_s = np.concatenate([t_s[np.maximum(edge - 1, 0)], t_s[-1:]])
    long = last_s - start_s > longest_s
    return np.column_stack([start_s[long], last_s[long]])
