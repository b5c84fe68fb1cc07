"""A simulated meter over a load whose energy is known exactly."""

import math
import random
from bisect import bisect_right
from collections.abc import Mapping

from llamawatt.core.clock import Clock, FakeClock
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.testing.fake_sensor import PROFILES, FakeSensor
from llamawatt.testing.load_shape import LoadShape

IDLE_W = 60.0


class FakeMeter:
    """Reads simulated sensors, all over the same load.

    Args:
        clock: The clock. A `FakeClock` is moved on by what a read costs.
        shape: The load; steady `IDLE_W` unless told.
        sensors: Sensors by the name of their domain, or the name of a profile, whose domain is
            then called `gpu-0`.
        seed: Seed of phases, jitter and dropped reads.
        world: The clock that the load and the sensors live by, where it is not the one that samples
            are stamped by.
    """

    def __init__(
        self,
        clock: Clock,
        shape: LoadShape | None = None,
        sensors: Mapping[str, FakeSensor] | str = "counter-100ms",
        seed: int = 0,
        world: Clock | None = None,
    ) -> None:
        named = {"gpu-0": PROFILES[sensors]} if isinstance(sensors, str) else dict(sensors)
        self._clock = clock
        self._world = world or clock
        self._shape = shape or LoadShape.through([0.0, 1.0], [IDLE_W, IDLE_W])
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._ticks = {
            name: Ticks(sensor, self._world.now_s(), self._random) for name, sensor in named.items()
        }
        self._domains = tuple(domain_of(name, sensor) for name, sensor in named.items())
        self._sensors = named
        self._closed = False

    @property
    def name(self) -> str:
        """Return `fake`."""
        return "fake"

    def domains(self) -> tuple[Domain, ...]:
        """Return the simulated domains."""
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        """Read one simulated sensor; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        sensor = self._sensors[domain]
        began_s = self._clock.now_s()
        latched_s, read_s = self._spend(sensor)
        if sensor.lost_s is not None and latched_s >= sensor.lost_s:
            return Unavailable("Permission denied.", "Give read permission back.")
        if sensor.dropped_share > 0 and self._random.random() < sensor.dropped_share:
            return Unavailable("The read was dropped.")
        tick_s = self._ticks[domain].last(latched_s)
        t_s = began_s + read_s / 2
        if sensor.quantity is Quantity.ENERGY:
            return Sample(t_s, energy_j=self._counted_j(sensor, tick_s), read_s=read_s)
        return Sample(t_s, power_w=self._sensed_w(sensor, tick_s), read_s=read_s)

    def close(self) -> None:
        """Let go; `read` raises afterwards."""
        self._closed = True

    def _spend(self, sensor: FakeSensor) -> tuple[float, float]:
        """Let a read take its time; return when it took the value, and how long it lasted."""
        began_s = self._world.now_s()
        if not isinstance(self._world, FakeClock):
            return began_s, self._world.now_s() - began_s
        slow = sensor.slow_share > 0 and self._random.random() < sensor.slow_share
        read_s = sensor.slow_read_s if slow else sensor.read_wall_s
        self._world.spend_s(read_s, sensor.read_cpu_s)
        latch_share = self._random.random() if slow else sensor.latch_share
        return began_s + latch_share * read_s, read_s

    def _counted_j(self, sensor: FakeSensor, tick_s: float) -> float:
        if sensor.stuck_s is not None and sensor.stuck_s[0] <= tick_s < sensor.stuck_s[1]:
            tick_s = sensor.stuck_s[0]
        counted_j = 1000.0 + sensor.gain * self._shape.energy_j(tick_s)
        if sensor.backwards_s is not None and tick_s >= sensor.backwards_s:
            counted_j -= sensor.fall_j
        cut_j = _cut(counted_j, sensor.resolution)
        return cut_j % sensor.wrap_j if sensor.wrap_j else cut_j

    def _sensed_w(self, sensor: FakeSensor, tick_s: float) -> float:
        if sensor.averaging_s <= 0:
            power_w = self._shape.power_w(tick_s)
        else:
            since_s = tick_s - sensor.averaging_s
            energy_j = self._shape.energy_j(tick_s) - self._shape.energy_j(since_s)
            power_w = energy_j / sensor.averaging_s
        return _cut(sensor.gain * power_w, sensor.resolution)


class Ticks:
    """When a simulated sensor updates: a period with a jitter that adds up, from a random phase.

    Args:
        sensor: The sensor.
        now_s: Ticks are known from one period before this on.
        source: The randomness.
    """

    def __init__(self, sensor: FakeSensor, now_s: float, source: random.Random) -> None:
        self._sensor = sensor
        self._random = source
        self._t_s = [now_s - sensor.period_s * (1 + source.random())]

    def last(self, t_s: float) -> float:
        """Return the last tick at or before a moment."""
        ticks = self._t_s
        while ticks[-1] <= t_s:
            step_s = self._sensor.period_s
            if self._sensor.jitter_s > 0:
                step_s = max(step_s / 10, self._random.gauss(step_s, self._sensor.jitter_s))
            ticks.append(ticks[-1] + step_s)
        return ticks[bisect_right(ticks, t_s) - 1]


class SteppedClock:
    """A clock that steps once, as over a suspension, while the world goes on.

    Args:
        clock: The true clock.
        at_s: True time of the step.
        step_s: By how much it steps forward.
    """

    def __init__(self, clock: Clock, at_s: float, step_s: float) -> None:
        self._clock = clock
        self._at_s = at_s
        self._step_s = step_s

    def now_s(self) -> float:
        """Return the stepped time."""
        now_s = self._clock.now_s()
        return now_s + self._step_s if now_s >= self._at_s else now_s

    def cpu_s(self) -> float:
        """Return the true clock's CPU time."""
        return self._clock.cpu_s()

    def sleep_s(self, duration_s: float) -> None:
        """Sleep on the true clock."""
        self._clock.sleep_s(duration_s)


def domain_of(name: str, sensor: FakeSensor) -> Domain:
    """Return the domain of a simulated sensor."""
    is_counter = sensor.quantity is Quantity.ENERGY
    return Domain(
        name=name,
        kind=DomainKind.OTHER,
        quantity=sensor.quantity,
        method=Method.COUNTER if is_counter else Method.INTEGRAL,
        source="fake-counter" if is_counter else "fake-power",
        device=sensor.device,
        wrap_j=sensor.wrap_j,
        gain_error=sensor.gain_error,
        gain_source="simulated" if sensor.gain_error else "",
    )


def _cut(value: float, step: float) -> float:
    return math.floor(value / step) * step if step > 0 else value
