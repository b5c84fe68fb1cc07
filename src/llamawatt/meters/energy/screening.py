"""Which reads of an energy counter can be true, by what its device can draw.

A good counter rises by at most the device's greatest power times the time since it last changed,
or wraps around. A read that breaks this is either wrong by itself (the reads on both sides of it
agree with each other: it is dropped, and nothing is lost), or the counter was reset or lost count
(what it counted in that stretch is unknown, and the stretch is left out). Reads of a good counter
are never touched.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llamawatt.core.readings import Domain, DomainKind
from llamawatt.meters.energy.ticks import Floats

MOST_W = {
    DomainKind.CPU_PACKAGE: 1000.0,
    DomainKind.CPU_CORE: 1000.0,
    DomainKind.DRAM: 500.0,
    DomainKind.GPU: 3000.0,
    DomainKind.SOC: 1000.0,
    DomainKind.BATTERY: 1000.0,
    DomainKind.PLATFORM: 10_000.0,
    DomainKind.WALL: 25_000.0,
    DomainKind.OTHER: 100_000.0,
}
"""More than any device of a kind draws: about twice the largest sold. A domain may know better."""

SLACK_PERIODS = 2.0
"""A step may hold this many update periods more than the time since the last change."""
UNKNOWN_PERIOD_S = 0.25
"""Longest update period of counters on chips and boards."""
SLOW_PERIOD_S = 120.0
"""Longest update period of fuel gauges and plugs."""
COARSE_STEPS = 2.0
"""Slow counters move in coarse steps; a step of so many usual ones is ordinary at any time."""
MANY_STEPS = 5
"""From so many steps on a usual step is known."""
LIKELIER = math.log(2.0)
"""A story is likelier if its rise is nearer to the usual one by this factor."""
_WRAP_SHARE = 0.5
_LOOK_AHEAD = 20_000


@dataclass(frozen=True, slots=True)
class Screened:
    """What is believed of a counter's reads.

    Attributes:
        kept: Whether each read is believed, shape (n,).
        wrapped: Whether the counter wrapped around before each read, shape (n,).
        left_out: Whether what was counted before each read is unknown, shape (n,).
        jumped: Whether that is because it rose by more than the device can draw, shape (n,).
    """

    kept: NDArray[np.bool_]
    wrapped: NDArray[np.bool_]
    left_out: NDArray[np.bool_]
    jumped: NDArray[np.bool_]

    def kept_only(self) -> "Screened":
        """Return the same of the reads that are believed."""
        kept = self.kept
        return Screened(kept[kept], self.wrapped[kept], self.left_out[kept], self.jumped[kept])


@dataclass(frozen=True, slots=True)
class Limits:
    """What a counter's device can draw at most, and how rarely the counter may move.

    Attributes:
        max_power_w: The greatest power.
        unknown_period_s: Longest update period where none is known.
    """

    max_power_w: float
    unknown_period_s: float = UNKNOWN_PERIOD_S

    @classmethod
    def of(cls, domain: Domain) -> "Limits":
        """Return a domain's limits: by its own word, else by its kind."""
        is_slow = domain.kind in (DomainKind.BATTERY, DomainKind.WALL)
        return cls(
            domain.max_power_w or MOST_W[domain.kind],
            SLOW_PERIOD_S if is_slow else UNKNOWN_PERIOD_S,
        )


def screened(
    t_s: Floats,
    value_j: Floats,
    wrap_j: float | None,
    limits: Limits,
    period_s: float | None = None,
) -> Screened:
    """Return which reads are believed.

    Args:
        t_s: Times of the reads, rising, shape (n,).
        value_j: What was read, shape (n,).
        wrap_j: Where the counter starts again; None if never.
        limits: What the device can draw.
        period_s: Time between updates of the counter, if known.
    """
    n_reads = len(value_j)
    none = np.zeros(n_reads, dtype=np.bool_)
    if n_reads < 2:
        return Screened(~none, none, none, none)
    bound = _Bound.of(t_s, value_j, limits, period_s)
    step_j = np.diff(value_j)
    fits = (step_j >= 0) & (step_j <= bound.between(np.arange(n_reads - 1), np.arange(1, n_reads)))
    if fits.all():
        return Screened(~none, none, none, none)
    return _Screening(t_s, value_j, wrap_j, bound).run()


@dataclass(frozen=True, slots=True)
class _Bound:
    """The most that a counter can have counted between two reads.

    Attributes:
        since_s: When the value of each read can first have been there, shape (n,).
        t_s: Times of the reads, shape (n,).
        max_power_w: The greatest power.
        slack_s: Time added for the update period.
        coarse_j: Energy added for coarse steps.
        usual_w: Power that the counter usually counts.
    """

    since_s: Floats
    t_s: Floats
    max_power_w: float
    slack_s: float
    coarse_j: float
    usual_w: float

    @classmethod
    def of(cls, t_s: Floats, value_j: Floats, limits: Limits, period_s: float | None) -> "_Bound":
        step_j = np.diff(value_j, prepend=value_j[:1])
        changes = np.flatnonzero(step_j != 0)
        heads = np.maximum.accumulate(np.where(step_j != 0, np.arange(len(t_s)), 0))
        ups = step_j[step_j > 0]
        longest_s = limits.unknown_period_s
        tick_s = float(np.median(np.diff(t_s[changes]))) if len(changes) > 1 else longest_s
        period_s = period_s or min(tick_s, longest_s)
        usual_j = float(np.median(ups)) if len(ups) >= MANY_STEPS else 0.0
        usual_w = usual_j / max(tick_s, 1e-9)
        slack_s = SLACK_PERIODS * period_s
        coarse_j = COARSE_STEPS * usual_j
        return cls(t_s[heads], t_s, limits.max_power_w, slack_s, coarse_j, usual_w)

    def between(self, first: NDArray[np.intp] | int, last: NDArray[np.intp] | int) -> Floats:
        """Return the most joules between two reads."""
        waited_s = self.t_s[last] - self.since_s[first] + self.slack_s
        return np.asarray(self.max_power_w * waited_s + self.coarse_j)

    def likelier(self, believed: tuple[float, int, int], step: tuple[float, int, int]) -> bool:
        """Tell whether a rise over dropped reads is more like the counter than the step from them.

        Args:
            believed: The rise, and its first and last read, if the reads between are dropped.
            step: The same of the step that stands if they are not.
        """
        if self.usual_w <= 0:
            return True
        return self._misfit(*believed) + LIKELIER < self._misfit(*step)

    def _misfit(self, rise_j: float, first: int, last: int) -> float:
        """Return how far a rise is from the usual one in that time, as a logarithm of the ratio."""
        usual_j = self.usual_w * max(float(self.t_s[last] - self.t_s[first]), 1e-9)
        return abs(math.log(max(rise_j, 1e-9) / usual_j))


class _Screening:
    """Walks over reads of which at least one is not as it should be."""

    def __init__(self, t_s: Floats, value_j: Floats, wrap_j: float | None, bound: _Bound) -> None:
        self._t_s = t_s
        self._value_j = value_j
        self._wrap_j = wrap_j
        self._bound = bound
        n_reads = len(value_j)
        self._kept = np.ones(n_reads, dtype=np.bool_)
        self._wrapped = np.zeros(n_reads, dtype=np.bool_)
        self._left_out = np.zeros(n_reads, dtype=np.bool_)
        self._jumped = np.zeros(n_reads, dtype=np.bool_)
        self._chain: list[int] = [0]
        self._since = 0
        """Place in the chain from which on nothing wrapped and nothing was left out."""

    def run(self) -> Screened:
        """Walk, and return what is believed."""
        place, n_reads = 1, len(self._value_j)
        while place < n_reads:
            place = self._next(place)
        return Screened(self._kept, self._wrapped, self._left_out, self._jumped)

    def _next(self, place: int) -> int:
        """Judge one read, and return the place of the next to judge."""
        last = self._chain[-1]
        rise_j = float(self._value_j[place] - self._value_j[last])
        if 0 <= rise_j <= self._most_j(last, place):
            return self._keep(place)
        back = self._returns_at(last, place, strictly=rise_j > 0 or self._can_wrap(last, place))
        spike = self._spike_before(place) if rise_j < 0 else None
        n_dip = back - place if back is not None else len(self._value_j)
        if spike is not None and len(self._chain) - spike <= n_dip:
            self._kept[self._chain[spike:]] = False
            del self._chain[spike:]
            return self._keep(place)
        if back is not None:
            self._kept[place:back] = False
            return self._keep(back)
        if self._can_wrap(last, place):
            self._wrapped[place] = True
        else:
            self._left_out[place] = True
            self._jumped[place] = rise_j > 0
        self._since = len(self._chain)
        return self._keep(place)

    def _keep(self, place: int) -> int:
        self._chain.append(place)
        return place + 1

    def _most_j(self, first: int, last: int) -> float:
        return float(self._bound.between(first, last))

    def _restarted(self, last: int, place: int) -> bool:
        """Tell whether a value is small enough to have been counted from zero since a read."""
        return bool(self._value_j[place] <= self._most_j(last, place))

    def _can_wrap(self, last: int, place: int) -> bool:
        """Tell whether a fall is a wrap: reads are closer than half a range, or none could tell."""
        if self._wrap_j is None or self._value_j[place] >= self._value_j[last]:
            return False
        rise_j = float(self._value_j[place] - self._value_j[last]) + self._wrap_j
        return 0 <= rise_j <= min(self._most_j(last, place), _WRAP_SHARE * self._wrap_j)

    def _returns_at(self, last: int, place: int, *, strictly: bool) -> int | None:
        """Return where the counter is back on the way it was on before `place`; None if never.

        Args:
            last: The last read that is believed.
            place: The read that does not fit.
            strictly: Whether the way back must be a step that no device can draw, because without
                that the reads between make sense too.
        """
        places = np.arange(place + 1, min(len(self._value_j), place + _LOOK_AHEAD))
        rise_j = self._value_j[places] - self._value_j[last]
        fitting = places[(rise_j >= 0) & (rise_j <= self._bound.between(last, places))]
        for back in map(int, fitting[:1]):
            before = back - 1
            step_j = float(self._value_j[back] - self._value_j[before])
            if step_j < 0:
                return back
            is_impossible = step_j > self._most_j(before, back)
            back_j = float(self._value_j[back] - self._value_j[last])
            likelier = self._bound.likelier((back_j, last, back), (step_j, before, back))
            is_alone = back - place == 1
            is_glitch = not self._restarted(last, place)
            if is_impossible or (is_alone and not strictly and (likelier or is_glitch)):
                return back
        return None

    def _spike_before(self, place: int) -> int | None:
        """Return from where on the chain is a spike that `place` falls back from; None if none."""
        chain = np.array(self._chain[self._since :])
        if not len(chain):
            return None
        rise_j = self._value_j[place] - self._value_j[chain]
        fitting = np.flatnonzero((rise_j >= 0) & (rise_j <= self._bound.between(chain, place)))
        if not len(fitting) or fitting[-1] + 1 >= len(chain):
            return None
        ground = int(fitting[-1])
        low, high = int(chain[ground]), int(chain[ground + 1])
        step_j = float(self._value_j[high] - self._value_j[low])
        is_impossible = step_j > self._most_j(low, high)
        last = self._chain[-1]
        # Several reads that rise as a device can are work that the counter lost, not a spike.
        is_alone = len(chain) - ground - 1 == 1
        is_glitch = not self._restarted(last, place)
        back_j = float(self._value_j[place] - self._value_j[low])
        likelier = self._bound.likelier((back_j, low, place), (step_j, low, high))
        is_wrap = self._can_wrap(last, place)
        if is_impossible or (is_alone and not is_wrap and (likelier or is_glitch)):
            return self._since + ground + 1
        return None
