"""All meters of a machine as one instrument: calibrated, sampled, read by window."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import MeterError
from llamawatt.core.flags import Flag
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import (
    Calibration,
    Domain,
    DomainKind,
    EnergyReading,
    Quantity,
    Unavailable,
)
from llamawatt.core.trials import FactorValue, IdlePower
from llamawatt.meters.base import Meter
from llamawatt.meters.energy.crosscheck import compare
from llamawatt.meters.energy.idle import IdlePowerEstimate
from llamawatt.meters.energy.trace import Trace
from llamawatt.meters.sampling.calibrate import calibrate
from llamawatt.meters.sampling.sampler import Sampler, SamplerOverhead
from llamawatt.runs.samples import RawTrace

CALIBRATION_S = 1.5
"""Time given to each domain: fifteen ticks of the slowest common counter (NVML, 100 ms)."""
KEEP_S = 60.0
"""Samples older than this are dropped once a later window has been read."""
NO_IDLE: Mapping[str, IdlePowerEstimate] = {}


class MeterBench:
    """Every working meter, calibrated and sampled in the background. A context manager.

    Args:
        meters: The meters; they are closed on exit.
        missing: What could not be metered, to be told along.
        clock: The clock.
        calibration_s: Time given to the calibration of each domain.
        tell: Hears which domain is being calibrated.

    Raises:
        MeterError: on entry, when no domain can be read.
    """

    def __init__(
        self,
        meters: Sequence[Meter],
        missing: Iterable[MissingMeter] = (),
        clock: Clock | None = None,
        *,
        calibration_s: float = CALIBRATION_S,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._meters = tuple(meters)
        self._clock = clock or SystemClock()
        self._calibration_s = calibration_s
        self._tell = tell or (lambda _: None)
        self._idle: dict[str, IdlePowerEstimate] = {}
        self._sampler: Sampler | None = None
        self.missing: tuple[MissingMeter, ...] = tuple(missing)
        self.calibrations: dict[str, Calibration] = {}
        self.domains: tuple[Domain, ...] = ()

    def __enter__(self) -> "MeterBench":
        try:
            self._calibrate()
            self._sampler = Sampler(self._meters, self.calibrations, self._clock)
            self._sampler.__enter__()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sampler is not None:
            self._sampler.__exit__(kind, error, trace)
        self._close()

    @property
    def boundary(self) -> tuple[str, ...]:
        """Return the names of the domains that are summed."""
        return tuple(domain.name for domain in self.domains if domain.in_total)

    @property
    def slowest_period_s(self) -> float:
        """Return the longest update period among the domains that are summed."""
        known = (self.calibrations[name].update_period_s for name in self.boundary)
        return max((period_s for period_s in known if period_s), default=0.0)

    def edge(self) -> None:
        """Look for counter ticks now, and let power sensors settle."""
        self._running.mark_edge()

    def idle(self, duration_s: float) -> dict[str, IdlePower]:
        """Measure the mean power of the coming `duration_s` seconds, by domain.

        The estimate is remembered: `energies` takes it as what surrounds the next windows.
        """
        self._idle = {}
        if duration_s <= 0:
            return {}
        # Both hunts lie in the idle, and the ticks that they catch are its best ends.
        before = self._running.mark_edge()
        self._clock.sleep_s(duration_s)
        after = self._running.mark_edge()
        for domain in self.domains:
            found = self._running.trace(domain.name).idle_power(before.t0_s, after.t1_s)
            if not isinstance(found, Unavailable):
                self._idle[domain.name] = found
        return {name: estimate.record() for name, estimate in self._idle.items()}

    def energies(
        self, t0_s: float, t1_s: float, *, surrounded: bool, starts_s: Sequence[float] = ()
    ) -> dict[str, EnergyReading | Unavailable]:
        """Return the energy of a past window, by domain.

        Args:
            t0_s: Start of the window.
            t1_s: End of the window.
            surrounded: Whether the idle measured last lies on both sides of the window.
            starts_s: When replies in it began, where there are any.
        """
        idle = self._idle if surrounded else NO_IDLE
        readings = {
            domain.name: self._running.trace(domain.name).energy(
                t0_s, t1_s, idle.get(domain.name), starts_s=starts_s
            )
            for domain in self.domains
        }
        self._running.forget_before(t0_s - KEEP_S)
        return {**readings, **self._checked(readings)}

    def trace(self, domain: str) -> Trace:
        """Return the samples of one domain that are kept.

        Raises:
            KeyError: no meter has that domain.
        """
        return self._running.trace(domain)

    def forget_before(self, t_s: float) -> None:
        """Drop samples from before a moment: for whoever books energy for days."""
        self._running.forget_before(t_s)

    def traces(self, t0_s: float, t1_s: float) -> dict[str, RawTrace]:
        """Return the raw samples around a past window, by domain."""
        found = {}
        for domain in self.domains:
            trace = self._running.trace(domain.name)
            inside = (trace.t_s >= t0_s) & (trace.t_s <= t1_s)
            t_s, value = trace.t_s[inside], trace.value[inside]
            is_counter = domain.quantity is Quantity.ENERGY
            found[domain.name] = RawTrace(
                t_s, energy_j=value if is_counter else None, power_w=None if is_counter else value
            )
        return found

    def evidence(self) -> dict[str, FactorValue]:
        """Return clocks, temperatures, P-states and throttling as the devices tell them."""
        said: dict[str, FactorValue] = {}
        for meter in self._meters:
            source = getattr(meter, "evidence", None)
            if callable(source):
                said.update(source())
        return said

    def doubts(self) -> tuple[Flag, ...]:
        """Return flags that concern every window."""
        summed = (self.calibrations[name] for name in self.boundary)
        flags = dict.fromkeys(flag for calibration in summed for flag in calibration.flags)
        kinds = {domain.kind for domain in self.domains if domain.in_total}
        if DomainKind.CPU_PACKAGE not in kinds and DomainKind.SOC not in kinds:
            flags[Flag.CPU_NOT_MEASURED] = None
        if DomainKind.DRAM not in kinds and DomainKind.SOC not in kinds:
            flags[Flag.DRAM_NOT_MEASURED] = None
        return tuple(flags)

    def overhead(self) -> SamplerOverhead:
        """Return what sampling cost so far."""
        return self._running.overhead()

    def _checked(
        self, readings: Mapping[str, EnergyReading | Unavailable]
    ) -> dict[str, EnergyReading]:
        """Hold each counter against its device's power sensor; flag those that disagree."""
        flagged = {}
        for domain in self.domains:
            counter, check = readings.get(domain.checks or ""), readings[domain.name]
            if not (isinstance(counter, EnergyReading) and isinstance(check, EnergyReading)):
                continue
            found = compare(counter, check)
            if not isinstance(found, Unavailable) and not found.agrees:
                flags = (*counter.flags, Flag.SENSORS_DISAGREE)
                flagged[counter.domain] = replace(counter, flags=flags)
        return flagged

    @property
    def _running(self) -> Sampler:
        if self._sampler is None:
            raise RuntimeError("the bench is not entered")
        return self._sampler

    def _calibrate(self) -> None:
        domains = []
        for meter in self._meters:
            for domain in meter.domains():
                self._tell(f"calibrating {domain.name}")
                found = calibrate(meter, domain.name, self._clock, self._calibration_s)
                if isinstance(found, Unavailable):
                    missing = MissingMeter(domain.name, found.reason, found.remedy)
                    self.missing = (*self.missing, missing)
                else:
                    self.calibrations[domain.name] = found
                    domains.append(domain)
        self.domains = tuple(domains)
        if not domains:
            reasons = "; ".join(f"{m.meter}: {m.reason.rstrip('.')}" for m in self.missing)
            raise MeterError(
                f"Nothing can be measured here ({reasons or 'no meter was found'}).",
                "`llamawatt doctor` tells what would help.",
            )

    def _close(self) -> None:
        for meter in self._meters:
            meter.close()
