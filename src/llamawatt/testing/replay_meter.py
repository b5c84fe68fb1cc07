"""Plays recorded samples again as if sensors were read: other people's sensors, on any machine."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.readings import Domain, Quantity, Sample, Unavailable
from llamawatt.runs.samples import RawTrace


@dataclass(frozen=True, slots=True)
class _Track:
    domain: Domain
    t_s: tuple[float, ...]
    value: tuple[float, ...]


class ReplayMeter:
    """Shows at each moment what a recording held then: the last sample before it.

    A sensor shows its last value until it updates, so none is interpolated. Outside the recording,
    and where a recorded read had failed, there is no sample.

    Args:
        traces: Recorded samples by domain; times on one axis, rising.
        clock: The clock. The earliest sample of all is shown from the moment the meter is made.

    Raises:
        ValueError: a trace holds no sample, or not the quantity of its domain.
    """

    def __init__(self, traces: Mapping[Domain, RawTrace], clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._tracks = {domain.name: _track(domain, trace) for domain, trace in traces.items()}
        self._domains = tuple(traces)
        first_s = min((track.t_s[0] for track in self._tracks.values()), default=0.0)
        self._shift_s = self._clock.now_s() - first_s
        self._closed = False

    @property
    def name(self) -> str:
        """Return `replay`."""
        return "replay"

    def domains(self) -> tuple[Domain, ...]:
        """Return the recorded domains."""
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        """Show what was recorded for this moment; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        track = self._tracks[domain]
        now_s = self._clock.now_s()
        recorded_s = now_s - self._shift_s
        index = bisect_right(track.t_s, recorded_s) - 1
        if index < 0:
            return Unavailable(f"The recording of {domain} has not begun.")
        if recorded_s > track.t_s[-1]:
            return Unavailable(f"The recording of {domain} ended.")
        value = track.value[index]
        if math.isnan(value):
            return Unavailable(f"The recorded read of {domain} had failed.")
        if track.domain.quantity is Quantity.ENERGY:
            return Sample(now_s, energy_j=value)
        return Sample(now_s, power_w=value)

    def close(self) -> None:
        """Stop playing."""
        self._closed = True


def _track(domain: Domain, trace: RawTrace) -> _Track:
    value = trace.energy_j if domain.quantity is Quantity.ENERGY else trace.power_w
    if value is None or not len(trace.t_s):
        raise ValueError(f"{domain.name} has no recorded {domain.quantity.value}")
    return _Track(domain, tuple(trace.t_s.tolist()), tuple(value.tolist()))
