"""The samples of one domain, and the energy of any window in them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from llamawatt.core.flags import Flag
from llamawatt.core.normal import Z_95
from llamawatt.core.readings import (
    Calibration,
    Domain,
    EnergyReading,
    Method,
    Quantity,
    Sample,
    Unavailable,
)
from llamawatt.meters.energy import counter, power
from llamawatt.meters.energy.beat import unseen_of_replies
from llamawatt.meters.energy.counter_edges import Knots, knots_of
from llamawatt.meters.energy.idle import IdlePowerEstimate
from llamawatt.meters.energy.ticks import Floats
from llamawatt.meters.energy.window import WindowEnergy

__all__ = ["IdlePowerEstimate", "Trace"]

FEW_PERIODS = 3.0
"""A window shorter than this many update periods is below the sensor's resolution."""


def _floats(values: Sequence[float] | Floats) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class Trace:
    """Samples of one domain in the order they were taken. Immutable.

    Attributes:
        domain: What was read.
        t_s: Monotonic times at the middle of each read, shape (n,).
        value: Joules of a counter or watts of a power sensor, shape (n,); NaN for a failed read.
        read_s: How long each read took, shape (n,).
        calibration: What is known of the sensor; None if it was not calibrated.
        failures: Why reads failed, each reason once.
        stepped_s: Monotonic times at which the clock was seen to step, shape (m,).
    """

    domain: Domain
    t_s: Floats
    value: Floats
    read_s: Floats
    calibration: Calibration | None = None
    failures: tuple[str, ...] = ()
    stepped_s: Floats = field(default_factory=lambda: _floats([]))

    def __post_init__(self) -> None:
        for name in ("t_s", "value", "read_s", "stepped_s"):
            object.__setattr__(self, name, _floats(getattr(self, name)))
        if not len(self.t_s) == len(self.value) == len(self.read_s):
            raise ValueError("t_s, value and read_s must have the same length")

    @classmethod
    def of(
        cls, domain: Domain, samples: Sequence[Sample], calibration: Calibration | None = None
    ) -> "Trace":
        """Make a trace of samples.

        Args:
            domain: What they were read from.
            samples: Samples in the order they were taken.
            calibration: What is known of the sensor.
        """
        is_counter = domain.quantity is Quantity.ENERGY
        values = [sample.energy_j if is_counter else sample.power_w for sample in samples]
        return cls(
            domain,
            _floats([sample.t_s for sample in samples]),
            _floats([math.nan if value is None else value for value in values]),
            _floats([sample.read_s for sample in samples]),
            calibration,
        )

    def energy(
        self,
        t0_s: float,
        t1_s: float,
        idle: IdlePowerEstimate | None = None,
        idle_after: IdlePowerEstimate | None = None,
        starts_s: Sequence[float] = (),
    ) -> EnergyReading | Unavailable:
        """Return the gross energy of a window.

        Args:
            t0_s: Start of the window, monotonic.
            t1_s: End of it.
            idle: Idle power, if the machine idled right before and right after the window. The
                window is then widened into the idle on both sides and the idle power of the added
                time is taken off, which removes most of the error at the edges.
            idle_after: Idle power behind the window, where it was measured apart.
            starts_s: When replies in the window began, for a sensor that sees only part of the
                time and may see the same part of each.

        Returns:
            The energy with its uncertainty, or why there is none.

        Raises:
            ValueError: the window is empty or runs backwards.
        """
        if not t1_s > t0_s:
            raise ValueError(f"the window from {t0_s} to {t1_s} s is empty")
        found = self._plain(t0_s, t1_s)
        if idle is not None and not self._spans_step(t0_s, t1_s):
            better = self._widened(t0_s, t1_s, idle, idle_after or idle)
            if better is not None:
                found = better
        if isinstance(found, Unavailable):
            return self._with_failures(found)
        if self.domain.quantity is Quantity.POWER:
            unseen = unseen_of_replies(self.points, t0_s, t1_s, starts_s)
            found = replace(found, spread=found.spread + unseen)
        return self._reading(found, t0_s, t1_s)

    def idle_power(self, t0_s: float, t1_s: float) -> IdlePowerEstimate | Unavailable:
        """Return the mean power over a stretch in which nothing was asked of the domain.

        Args:
            t0_s: Start of the stretch, monotonic.
            t1_s: End of it.
        """
        if not t1_s > t0_s:
            raise ValueError(f"the idle from {t0_s} to {t1_s} s is empty")
        if self.domain.quantity is Quantity.ENERGY:
            found = counter.idle_power(self.knots, t0_s, t1_s, self._resolution_j)
        else:
            found = power.idle_power(self.points, t0_s, t1_s)
        if isinstance(found, Unavailable):
            return self._with_failures(found)
        return IdlePowerEstimate(
            domain=self.domain.name,
            power_w=found.power_w,
            uncertainty_w=Z_95 * math.sqrt(found.variance_w2),
            noise=found.noise,
            t0_s=t0_s,
            t1_s=t1_s,
            method=self.domain.method,
            flags=self._sampling_flags(t0_s, t1_s),
        )

    @cached_property
    def knots(self) -> Knots:
        """Moments at which a counter's energy is known."""
        good = self._good
        return knots_of(
            self.t_s[good],
            self.value[good],
            self.read_s[good],
            self.domain,
            self.calibration,
        )

    @cached_property
    def points(self) -> power.PowerPoints:
        """Readings of a power sensor, set back by its delay."""
        good = self._good
        return power.points_of(self.t_s[good], self.value[good], self.calibration)

    @cached_property
    def _good(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Which samples can be used: those that did not fail, in rising time."""
        rising = self.t_s > np.maximum.accumulate(np.concatenate([[-np.inf], self.t_s]))[:-1]
        return rising & np.isfinite(self.value)

    @property
    def _resolution_j(self) -> float:
        return (self.calibration.resolution_j or 0.0) if self.calibration else 0.0

    @property
    def _period_s(self) -> float:
        """The time that a window must be long against."""
        if self.domain.quantity is Quantity.ENERGY:
            return self.knots.period_s or 0.0
        return max(self.points.period_s, self.points.averaging_s, self.points.spacing_s)

    def _plain(self, t0_s: float, t1_s: float) -> WindowEnergy | Unavailable:
        if self.domain.quantity is Quantity.ENERGY:
            return counter.between(self.knots, t0_s, t1_s, self._resolution_j)
        return power.between(self.points, t0_s, t1_s)

    def _widened(
        self, t0_s: float, t1_s: float, before: IdlePowerEstimate, after: IdlePowerEstimate
    ) -> WindowEnergy | Unavailable | None:
        found: WindowEnergy | Unavailable | None
        if self.domain.quantity is Quantity.ENERGY:
            found = counter.widened(self.knots, t0_s, t1_s, self._resolution_j, before, after)
        else:
            found = power.widened(self.points, t0_s, t1_s, before, after)
        if isinstance(found, WindowEnergy) and found.energy_j < 0:
            return None
        return found

    def _reading(self, found: WindowEnergy, t0_s: float, t1_s: float) -> EnergyReading:
        uncertainty_j = found.spread.half_width_j
        flags = found.flags + self._sampling_flags(t0_s, t1_s)
        short = t1_s - t0_s < FEW_PERIODS * self._period_s
        if short or uncertainty_j >= abs(found.energy_j):
            flags += (Flag.BELOW_RESOLUTION,)
        if self.domain.method is Method.MODEL:
            flags += (Flag.MODELLED,)
        gain_error = self.domain.gain_error_at(found.energy_j / (t1_s - t0_s))
        return EnergyReading(
            domain=self.domain.name,
            method=self.domain.method,
            energy_j=found.energy_j,
            uncertainty_j=uncertainty_j,
            systematic_j=abs(found.energy_j) * gain_error,
            t0_s=t0_s,
            t1_s=t1_s,
            flags=tuple(dict.fromkeys(flags)),
        )

    def _sampling_flags(self, t0_s: float, t1_s: float) -> tuple[Flag, ...]:
        inside = (self.t_s >= t0_s) & (self.t_s <= t1_s)
        flags = []
        if np.isnan(self.value[inside]).any():
            flags.append(Flag.READS_FAILED)
        if self._spans_step(t0_s, t1_s):
            flags.append(Flag.CLOCK_STEPPED)
        if self.domain.quantity is Quantity.ENERGY:
            stuck_s = self.knots.stuck_s
            if ((stuck_s[:, 0] < t1_s) & (stuck_s[:, 1] > t0_s)).any():
                flags.append(Flag.COUNTER_STUCK)
            impossible_s = self.knots.impossible_s
            if ((impossible_s >= t0_s) & (impossible_s <= t1_s)).any():
                flags.append(Flag.READS_IMPOSSIBLE)
        return tuple(flags)

    def _spans_step(self, t0_s: float, t1_s: float) -> bool:
        return bool(((self.stepped_s >= t0_s) & (self.stepped_s <= t1_s)).any())

    def _with_failures(self, found: Unavailable) -> Unavailable:
        if not self.failures:
            return found
        return Unavailable(f"{found.reason} {' '.join(self.failures)}", found.remedy)
