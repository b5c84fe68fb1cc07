"""What a sensor is like, measured here and now: its tick, its read cost, its resolution."""

import math
from dataclasses import dataclass, field

import numpy as np

from llamawatt.core.clock import Clock
from llamawatt.core.flags import Flag
from llamawatt.core.readings import (
    Calibration,
    Domain,
    DomainKind,
    Quantity,
    Sample,
    Unavailable,
)
from llamawatt.meters.base import Meter
from llamawatt.meters.device_facts import sensor_facts
from llamawatt.meters.energy.error_sums import positive_mean, student_factor
from llamawatt.meters.energy.ticks import Floats

BUDGET_S = 3.0
"""Thirty ticks of the slowest common counter (NVML, 100 ms)."""

ENOUGH_EDGES = 200
"""Changes after which a fast sensor is known well enough."""

MAX_READS = 20_000
EAGER_READS = 2_000
"""Reads after which a sensor that has not ticked often is read at leisure."""

LEISURE_S = 0.001
LEISURE_CHANGES = 100
"""A sensor that needs more reads than this for one change is read at leisure."""
MAX_FAILURES = 20
MIN_SHARP = 5
"""With this many edges seen closely, those that a slow read blurred are left out."""

SLOW_KINDS = {DomainKind.BATTERY, DomainKind.WALL}
"""Their counters move once in many seconds: that none moved in a short look tells nothing."""

QUANTUM = 1e-6
"""Values are told in whole micro-units or coarser."""


@dataclass(slots=True)
class _Reads:
    """What was read densely."""

    t_s: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    read_s: list[float] = field(default_factory=list)
    n_changes: int = 0
    n_failed: int = 0
    reason: str = ""
    remedy: str = ""

    def add(self, sample: Sample, value: float) -> None:
        if self.value and value != self.value[-1]:
            self.n_changes += 1
        self.t_s.append(sample.t_s)
        self.value.append(value)
        self.read_s.append(sample.read_s)

    def failed(self, why: Unavailable) -> None:
        self.n_failed += 1
        self.reason, self.remedy = why.reason, why.remedy


def calibrate(
    meter: Meter, domain: str, clock: Clock, budget_s: float = BUDGET_S
) -> Calibration | Unavailable:
    """Read one domain densely and say what its sensor is like.

    Args:
        meter: The meter.
        domain: Name of one of its domains.
        clock: The clock.
        budget_s: How long this may take.

    Returns:
        The calibration, or why there is none.

    Raises:
        KeyError: the meter has no such domain.
    """
    found = {each.name: each for each in meter.domains()}[domain]
    began_s, began_cpu_s = clock.now_s(), clock.cpu_s()
    reads = _read_densely(meter, found, clock, budget_s)
    n_reads = len(reads.t_s) + reads.n_failed
    wall_s, cpu_s = clock.now_s() - began_s, clock.cpu_s() - began_cpu_s
    if len(reads.t_s) < 2:
        return Unavailable(reads.reason or f"{domain} gave no two samples.", reads.remedy)
    return _describe(found, reads, cpu_s / n_reads, wall_s / n_reads)


def _read_densely(meter: Meter, domain: Domain, clock: Clock, budget_s: float) -> _Reads:
    """Read back to back until the tick is known or the time is up."""
    reads = _Reads()
    until_s = clock.now_s() + budget_s
    is_counter = domain.quantity is Quantity.ENERGY
    while clock.now_s() < until_s and len(reads.t_s) < MAX_READS:
        sample = meter.read(domain.name)
        if isinstance(sample, Unavailable):
            reads.failed(sample)
            if reads.n_failed >= MAX_FAILURES > len(reads.t_s):
                break
            continue
        value = sample.energy_j if is_counter else sample.power_w
        if value is None or not math.isfinite(value):
            reads.failed(Unavailable(f"{domain.name} gave {value}."))
            continue
        reads.add(sample, value)
        if reads.n_changes >= ENOUGH_EDGES:
            break
        if len(reads.t_s) > EAGER_READS > LEISURE_CHANGES * reads.n_changes:
            clock.sleep_s(LEISURE_S)
    return reads


def _describe(domain: Domain, reads: _Reads, cpu_s: float, wall_s: float) -> Calibration:
    t_s, value = np.array(reads.t_s), np.array(reads.value)
    is_counter = domain.quantity is Quantity.ENERGY
    edge = np.flatnonzero(np.diff(value) != 0) + 1
    tick = tick_of((t_s[edge] + t_s[edge - 1]) / 2, t_s[edge] - t_s[edge - 1])
    resolution = resolution_of(value)
    facts = None if is_counter else sensor_facts(domain.device)
    flags = [Flag.READS_FAILED] if reads.n_failed else []
    if is_counter and not len(edge) and domain.kind not in SLOW_KINDS:
        flags.append(Flag.COUNTER_STUCK)
    if is_counter and (np.diff(value) < 0).any() and domain.wrap_j is None:
        flags.append(Flag.COUNTER_BACKWARDS)
    if facts is not None and facts.duty_cycle < 1:
        flags.append(Flag.PART_TIME_SENSOR)
    return Calibration(
        domain=domain.name,
        update_period_s=tick[0] if tick else None,
        period_jitter_s=tick[1] if tick else 0.0,
        read_cpu_s=cpu_s,
        read_wall_s=wall_s,
        resolution_j=resolution if is_counter else None,
        resolution_w=None if is_counter else resolution,
        averaging_s=facts.averaging_s if facts else None,
        duty_cycle=facts.duty_cycle if facts else None,
        duty_source=facts.source if facts else "",
        n_reads=len(reads.t_s) + reads.n_failed,
        phase_s=float(t_s[edge[-1]] + t_s[edge[-1] - 1]) / 2 if len(edge) else None,
        flags=tuple(flags),
    )


def tick_of(edge_s: Floats, width_s: Floats) -> tuple[float, float] | None:
    """Return period and jitter of the tick behind observed edges; None for fewer than three.

    The median interval tells how many ticks lie between edges (a value may repeat); the period is
    then the mean over all of them, of edges seen closely.

    Args:
        edge_s: Middles of the intervals in which changes were seen, rising, shape (n,).
        width_s: Lengths of those intervals, shape (n,).
    """
    if len(edge_s) < 3:
        return None
    usual_s = float(np.median(np.diff(edge_s)))
    sharp = width_s <= 2 * np.quantile(width_s, 0.25)
    if np.count_nonzero(sharp) >= MIN_SHARP:
        edge_s, width_s = edge_s[sharp], width_s[sharp]
    number = np.cumsum(np.maximum(1.0, np.round(np.diff(edge_s, prepend=edge_s[0]) / usual_s)))
    number -= number[0]
    period_s = float((edge_s[-1] - edge_s[0]) / number[-1])
    return period_s, _jitter_s(edge_s - number * period_s, number, float(np.median(width_s)))


def _jitter_s(off_s: Floats, number: Floats, width_s: float) -> float:
    """Return the jitter of one tick, from how far edges are off the mean grid.

    Over k ticks the jitters add to k·jitter²; that each edge was seen in an interval of length w
    adds w²/6 once. A longer k tells the jitter better against w; k = 1 tells one that does not add
    up. An estimate is known to its standard error, is not negative, and is widened by Student's
    factor, since ticks are predicted with it.
    """
    seen_s2 = width_s**2 / 6
    single_s2 = _robust_variance(np.diff(off_s) / np.sqrt(np.maximum(1.0, np.diff(number))))
    stride = max(1, len(off_s) // 8)
    apart = off_s[stride:] - off_s[:-stride]
    n_ticks = float(np.mean(number[stride:] - number[:-stride]))
    many_s2 = _robust_variance(apart)
    error_s2 = math.sqrt(stride / len(apart)) * seen_s2
    walk_s2 = positive_mean(many_s2 - seen_s2, error_s2) / max(1.0, n_ticks)
    walk_s2 *= student_factor(max(2, len(apart) // stride)) ** 2
    return math.sqrt(max(walk_s2, single_s2 - 2 * seen_s2))


def _robust_variance(values: Floats) -> float:
    """Return the variance about zero, without the few values that a blurred read threw far off."""
    size = np.abs(values)
    return float(np.mean(size[size <= 4 * np.quantile(size, 0.75)] ** 2))


def resolution_of(value: Floats) -> float | None:
    """Return the greatest step that all changes are whole multiples of; None without changes."""
    step = np.abs(np.diff(np.unique(value)))
    quanta = np.round(step / QUANTUM).astype(np.int64)
    quanta = quanta[quanta > 0]
    return float(np.gcd.reduce(quanta)) * QUANTUM if len(quanta) else None
