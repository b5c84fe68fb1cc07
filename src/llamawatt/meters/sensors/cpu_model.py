"""CPU energy where no sensor is: modelled from busy time, and labelled so."""

import math
import os
from dataclasses import dataclass

import psutil

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import UsageError
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable

IDLE_W_PER_CORE = 0.74
MAX_W_PER_CORE = 3.5
"""Average idle and full-load watts of a logical core: the constants MIN_WATTS_AVG and MAX_WATTS_AVG
of the Cloud Carbon Footprint methodology for AWS, means over SPECpower_ssj2008 results of whole
servers. A guess for any one machine."""
GAIN_ERROR = 0.5
"""Stated, not measured: server means may be half or twice what one consumer processor draws."""

BUSY_FIELDS = ("user", "nice", "system", "irq", "softirq")
"""Fields of psutil.cpu_times that are work; guests are counted inside user and nice already."""
WINDOWS_TICK_S = 1 / 64
"""Default timer tick of Windows, by which it counts CPU time."""


@dataclass(frozen=True, slots=True)
class CpuPowerModel:
    """Power of the whole processor, linear in its busy share.

    Attributes:
        idle_w: Watts with no core busy.
        max_w: Watts with all cores busy.
        is_default: Whether both are the averages above rather than the user's own.
    """

    idle_w: float
    max_w: float
    is_default: bool = False

    @classmethod
    def of(cls, idle_w: float | None, max_w: float | None) -> "CpuPowerModel":
        """Return the model with the user's own watts where given.

        Raises:
            UsageError: no processor draws such watts.
        """
        n_cores = os.cpu_count() or 1
        model = cls(
            idle_w=IDLE_W_PER_CORE * n_cores if idle_w is None else idle_w,
            max_w=MAX_W_PER_CORE * n_cores if max_w is None else max_w,
            is_default=idle_w is None or max_w is None,
        )
        if not 0 <= model.idle_w <= model.max_w < math.inf:
            raise UsageError(
                f"A CPU of {model.idle_w:.3g} W idle and {model.max_w:.3g} W full cannot be.",
                "Give watts of zero or more, idle not above full: --cpu-idle-w 10 --cpu-max-w 65.",
            )
        return model

    @property
    def note(self) -> str:
        """What a reader should know of the figures."""
        source = "averages of cloud processors" if self.is_default else "watts given by the user"
        return (
            f"CPU energy is CPU time x a power model ({self.idle_w:.3g} W idle, "
            f"{self.max_w:.3g} W full; {source}). Set yours with --cpu-idle-w and --cpu-max-w."
        )


class CpuModelMeter:
    """Cumulative modelled joules of the processor, from the busy time of all its cores.

    E(t) = idle_w · t + (max_w - idle_w) · busy core-seconds / cores, so that no busy time between
    two reads is lost. The kernel counts busy time in ticks of a hundredth of a second.

    Args:
        model: The power model.
        clock: The clock.
    """

    def __init__(self, model: CpuPowerModel, clock: Clock | None = None) -> None:
        self._model = model
        self._clock = clock or SystemClock()
        self._n_cores = os.cpu_count() or 1
        self._tick_s = tick_s()
        self._start_s = self._clock.now_s()
        self._start_busy_s = busy_core_s()
        self._closed = False
        self._domain = Domain(
            name="cpu-package-0",
            kind=DomainKind.CPU_PACKAGE,
            quantity=Quantity.ENERGY,
            method=Method.MODEL,
            source="cpu-model",
            gain_error=GAIN_ERROR,
            gain_source="stated",
            note=model.note,
        )

    @property
    def name(self) -> str:
        """Return `cpu-model`."""
        return "cpu-model"

    def domains(self) -> tuple[Domain, ...]:
        """Return the one modelled domain."""
        return (self._domain,)

    def read(self, domain: str) -> Sample | Unavailable:
        """Model the energy so far; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        if domain != self._domain.name:
            raise KeyError(domain)
        before_s = self._clock.now_s()
        busy_s = busy_core_s() - self._start_busy_s
        after_s = self._clock.now_s()
        t_s = (before_s + after_s) / 2
        span_w = self._model.max_w - self._model.idle_w
        # Idle time is counted in the same ticks as busy time, so that the counter is seen to be
        # no finer than the kernel's accounting.
        elapsed_s = math.floor((t_s - self._start_s) / self._tick_s) * self._tick_s
        energy_j = self._model.idle_w * elapsed_s + span_w * busy_s / self._n_cores
        return Sample(t_s, energy_j=energy_j, read_s=after_s - before_s)

    def close(self) -> None:
        """Stop modelling."""
        self._closed = True


def tick_s() -> float:
    """Return the step in which the kernel counts CPU time (USER_HZ; 10 ms on Linux)."""
    return 1.0 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else WINDOWS_TICK_S


def busy_core_s() -> float:
    """Return the seconds that cores were busy since boot, summed over all cores."""
    times = psutil.cpu_times()
    # Summed from the busy fields: iowait, and so "all but idle", may run backwards (man 5 proc).
    return float(sum(getattr(times, name, 0.0) for name in BUSY_FIELDS))
