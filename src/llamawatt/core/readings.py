"""What a meter gives: domains, samples, energy readings, and the reason when it gives none."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from llamawatt.core.flags import Flag


class Method(StrEnum):
    """How a joule was got."""

    COUNTER = "counter"
    INTEGRAL = "integral"
    MODEL = "model"
    IMPORT = "import"


class Quantity(StrEnum):
    """What one read of a domain returns."""

    ENERGY = "energy"
    POWER = "power"


class DomainKind(StrEnum):
    """Which part of the machine a domain covers."""

    CPU_PACKAGE = "cpu-package"
    CPU_CORE = "cpu-core"
    DRAM = "dram"
    GPU = "gpu"
    SOC = "soc"
    PLATFORM = "platform"
    BATTERY = "battery"
    WALL = "wall"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A measurement that could not be had. Never a zero.

    Attributes:
        reason: What was tried and why it gave nothing.
        remedy: The exact command or setting that would help; empty when nothing would.
    """

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class PowerEstimate:
    """What stands behind modelled joules: idle watts, and watts that the load adds, each bounded.

    Attributes:
        name: What it rests on: `rated-power`, `calibrated` or `given`.
        source: Where its watts come from, in words.
        idle_w: Watts with nothing to do.
        span_w: Watts that full load adds to them.
        idle_factor: The true idle watts lie within this factor either way.
        span_factor: The same for what the load adds.
        advice: What would at least halve the error, as the logarithm of its factor; empty where
            that is done already.
    """

    name: str
    source: str
    idle_w: float
    span_w: float
    idle_factor: float
    span_factor: float
    advice: str = ""

    def factor(self, power_w: float) -> float:
        """Return the factor either way within which the truth of a modelled power lies.

        Idle and span may be off the same way, so their bounds add.
        """
        if not power_w > 0:
            return self.span_factor
        idle_w = min(self.idle_w, power_w)
        return (idle_w * self.idle_factor + (power_w - idle_w) * self.span_factor) / power_w

    def gain_error(self, power_w: float) -> float:
        """Return the same as a relative error g, whose logarithmic half-width is atanh(g)."""
        return math.tanh(math.log(self.factor(power_w)))


@dataclass(frozen=True, slots=True)
class Domain:
    """One thing that a meter reads.

    Attributes:
        name: Unique in the machine: `cpu-package-0`, `dram-0`, `gpu-0`, `platform`, `wall`.
        kind: Which part of the machine it covers.
        quantity: Whether a read gives cumulative energy or momentary power.
        method: The method of the energies made from it.
        source: The interface read, as `nvml-counter`, `nvml-power-instant`, `rapl`, `cpu-model`.
        device: The device's own name.
        in_total: Whether it is summed into the machine's energy. Overlapping domains
            (platform, battery, wall, core) and cross-checks are not.
        checks: Name of the domain that this one cross-checks, if that is its job.
        wrap_j: Joules at which a cumulative counter starts again from zero; None if never.
        gain_error: Relative systematic error of the sensor, 95 % bound (0.05 is ±5 %).
        gain_source: Where `gain_error` comes from.
        max_power_w: More than the device can ever draw, where that is known; steps beyond it are
            not believed.
        note: What a reader should know (averaging, what the domain leaves out).
        estimate: What modelled joules rest on; None for what a sensor reads.
    """

    name: str
    kind: DomainKind
    quantity: Quantity
    method: Method
    source: str
    device: str = ""
    in_total: bool = True
    checks: str | None = None
    wrap_j: float | None = None
    gain_error: float = 0.0
    gain_source: str = ""
    note: str = ""
    max_power_w: float | None = None
    estimate: PowerEstimate | None = None

    def gain_error_at(self, power_w: float) -> float:
        """Return the relative systematic error at some mean power, 95 % bound."""
        return self.gain_error if self.estimate is None else self.estimate.gain_error(power_w)


@dataclass(frozen=True, slots=True)
class Sample:
    """One read of one domain.

    Attributes:
        t_s: Monotonic time at the middle of the read.
        energy_j: Cumulative joules, for a counter; None for a power sensor.
        power_w: Momentary watts, for a power sensor; None for a counter.
        read_s: How long the read took; half of it bounds the error of `t_s`.
    """

    t_s: float
    energy_j: float | None = None
    power_w: float | None = None
    read_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured of a domain's sensor, on this machine, now.

    Attributes:
        domain: Name of the domain.
        update_period_s: Median time between changes; None if no change was seen.
        period_jitter_s: Robust standard deviation of that time.
        read_cpu_s: CPU seconds that one read costs.
        read_wall_s: Wall seconds that one read takes.
        resolution_j: Smallest step of a counter seen; None for a power sensor.
        resolution_w: Smallest step of a power sensor seen; None for a counter.
        averaging_s: Length of the sensor's averaging window; None when unknown.
        duty_cycle: Share of the time the sensor sees, 0..1; None when unknown.
        duty_source: Where `duty_cycle` comes from.
        n_reads: Reads that the calibration took.
        phase_s: Monotonic time of one observed tick; None if no tick was seen.
        flags: Doubts found while calibrating.
    """

    domain: str
    update_period_s: float | None
    period_jitter_s: float
    read_cpu_s: float
    read_wall_s: float
    resolution_j: float | None = None
    resolution_w: float | None = None
    averaging_s: float | None = None
    duty_cycle: float | None = None
    duty_source: str = ""
    n_reads: int = 0
    phase_s: float | None = None
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class EnergyReading:
    """Energy of one domain over one window.

    Attributes:
        domain: Name of the domain.
        method: How it was got.
        energy_j: Joules over the window.
        uncertainty_j: Half-width of the 95 % interval of the random error.
        systematic_j: 95 % bound of the sensor's gain error over this energy; kept apart,
            because repeating does not shrink it.
        t0_s: Start of the window, monotonic.
        t1_s: End of the window, monotonic.
        flags: Doubts about this figure.
    """

    domain: str
    method: Method
    energy_j: float
    uncertainty_j: float
    systematic_j: float
    t0_s: float
    t1_s: float
    flags: tuple[Flag, ...] = field(default=())

    @property
    def duration_s(self) -> float:
        """Length of the window."""
        return self.t1_s - self.t0_s

    @property
    def mean_power_w(self) -> float:
        """Mean power over the window."""
        return self.energy_j / self.duration_s
