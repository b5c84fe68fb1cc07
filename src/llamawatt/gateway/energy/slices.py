"""From reads of a sensor to slices of time whose energy is known, each booked once.

A counter is booked from edge to edge, a power sensor from read to read. The slices of a domain
follow one another without gap or overlap, so their sum is what was measured, however long it runs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from llamawatt.core.readings import Quantity
from llamawatt.meters.energy.counter_edges import unwrap
from llamawatt.meters.energy.power import points_of
from llamawatt.meters.energy.screening import Limits, screened
from llamawatt.meters.energy.ticks import Floats
from llamawatt.meters.energy.trace import Trace

HELD_READS = 3
"""Latest reads of a counter that are not booked yet: they may still turn out to be impossible."""
SLICE_S = 0.2
"""Slices shorter than this are joined to the next."""
GAP_SPACINGS = 4.0
"""Power reads further apart than this many usual spacings leave the energy between unknown."""
GAP_MIN_S = 2.0
SLEPT = "The clock stepped, as over a suspension, and the energy of that stretch is unknown."


@dataclass(frozen=True, slots=True)
class Slice:
    """The energy of one domain over one stretch of time.

    Attributes:
        domain: Name of the domain.
        t0_s: Start, monotonic; where the slice before it ended.
        t1_s: End.
        energy_j: Joules; None where they are unknown.
        edge_s: Half-width of the time within which its ends lie.
        reason: Why the energy is unknown; empty where it is known.
    """

    domain: str
    t0_s: float
    t1_s: float
    energy_j: float | None
    edge_s: float = 0.0
    reason: str = ""

    @property
    def duration_s(self) -> float:
        """Length of the slice."""
        return self.t1_s - self.t0_s


@dataclass(frozen=True, slots=True)
class Anchor:
    """Up to where a domain is booked.

    Attributes:
        t_s: End of the last slice.
        read_s: Time of the read that ended it; reads before it are needed no more.
    """

    t_s: float
    read_s: float


def first_anchor(trace: Trace, from_s: float) -> Anchor | None:
    """Return where booking begins: the first good read at or after a moment; None without one."""
    t_s, _ = _good(trace, from_s)
    return Anchor(float(t_s[0]), float(t_s[0])) if len(t_s) else None


def book(trace: Trace, anchor: Anchor, n_held: int = HELD_READS) -> tuple[list[Slice], Anchor]:
    """Return the slices that became known behind an anchor, and the anchor behind them.

    Args:
        trace: The samples kept.
        anchor: Up to where the domain is booked.
        n_held: Latest reads of a counter that are left for later.
    """
    is_counter = trace.domain.quantity is Quantity.ENERGY
    booked = list(_counter(trace, anchor, n_held) if is_counter else _power(trace, anchor))
    if not booked:
        return [], anchor
    return _joined(each for each, _ in booked), booked[-1][1]


def _counter(trace: Trace, anchor: Anchor, n_held: int) -> Iterator[tuple[Slice, Anchor]]:
    t_s, value_j = _good(trace, anchor.read_s)
    calibration = trace.calibration
    period_s = (calibration.update_period_s if calibration else None) or None
    wrap_j = trace.domain.wrap_j
    believed = screened(t_s, value_j, wrap_j, Limits.of(trace.domain), period_s)
    t_s, value_j = t_s[believed.kept], value_j[believed.kept]
    counted = unwrap(value_j, wrap_j, believed.kept_only())
    before_j, end_s = 0.0, anchor.t_s
    for place in map(int, np.flatnonzero(counted.changed[: max(0, len(t_s) - n_held)])):
        read_s, since_s = float(t_s[place]), float(t_s[max(place - 1, 0)])
        reach_s = min(read_s - since_s, period_s or np.inf)
        start_s, end_s = end_s, max(end_s, read_s - reach_s / 2)
        rise_j, before_j = float(counted.energy_j[place]) - before_j, float(counted.energy_j[place])
        lost = _lost(trace, since_s, read_s, backwards=bool(counted.backwards[place]))
        made = Slice(trace.domain.name, start_s, end_s, None if lost else rise_j, reach_s / 2, lost)
        yield made, Anchor(end_s, read_s)


def _power(trace: Trace, anchor: Anchor) -> Iterator[tuple[Slice, Anchor]]:
    spacing_s = points_of(*_good(trace, -np.inf), trace.calibration).spacing_s
    t_s, power_w = _good(trace, anchor.read_s)
    points = points_of(t_s, power_w, trace.calibration)
    longest_s = max(GAP_SPACINGS * max(spacing_s, points.period_s), GAP_MIN_S)
    end_s = anchor.t_s
    for place in range(1, len(t_s)):
        since_s, read_s = float(t_s[place - 1]), float(t_s[place])
        start_s, end_s = end_s, max(end_s, float(points.t_s[place]))
        mean_w = float(power_w[place - 1] + power_w[place]) / 2
        lost = _lost(trace, since_s, read_s, backwards=False)
        if not lost and read_s - since_s > longest_s:
            lost = f"{trace.domain.name} gave nothing for {read_s - since_s:.3g} s."
        energy_j = None if lost else mean_w * (end_s - start_s)
        made = Slice(trace.domain.name, start_s, end_s, energy_j, points.delay_s / 2, lost)
        yield made, Anchor(end_s, read_s)


def _good(trace: Trace, from_s: float) -> tuple[Floats, Floats]:
    """Return the reads from a moment on that gave a number, in rising time."""
    usable = (trace.t_s >= from_s) & np.isfinite(trace.value)
    t_s, value = trace.t_s[usable], trace.value[usable]
    rising = np.concatenate([np.ones(min(1, len(t_s)), np.bool_), np.diff(t_s) > 0])
    return t_s[rising], value[rising]


def _lost(trace: Trace, since_s: float, until_s: float, *, backwards: bool) -> str:
    """Return why the energy between two reads is unknown; empty where it is known."""
    if ((trace.stepped_s > since_s) & (trace.stepped_s <= until_s)).any():
        return SLEPT
    if backwards:
        return f"The counter of {trace.domain.name} jumped or started again."
    return ""


def _joined(slices: Iterable[Slice]) -> list[Slice]:
    """Join short slices to the next of their kind; what they sum to stays the same."""
    joined: list[Slice] = []
    for each in slices:
        last = joined[-1] if joined else None
        if last is None or last.duration_s >= SLICE_S or last.reason != each.reason:
            joined.append(each)
            continue
        total_j = None
        if last.energy_j is not None and each.energy_j is not None:
            total_j = last.energy_j + each.energy_j
        edge_s = max(last.edge_s, each.edge_s)
        joined[-1] = replace(last, t1_s=each.t1_s, energy_j=total_j, edge_s=edge_s)
    return joined
