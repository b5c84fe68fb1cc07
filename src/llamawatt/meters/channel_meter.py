"""A meter made of functions: most sensors are one reading per domain, timed on both sides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.readings import Domain, Quantity, Sample, Unavailable


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing that is read.

    Attributes:
        domain: What it is.
        read: Returns joules or watts, by the domain's quantity, or why there are none. Never
            raises.
    """

    domain: Domain
    read: Callable[[], float | Unavailable]


class ChannelMeter:
    """Reads channels; a sample is stamped with the middle of its read.

    Args:
        name: Short name of the interface, as `rapl`.
        channels: What is read.
        clock: The clock.
        close: Lets go of the interface; called once.
    """

    def __init__(
        self,
        name: str,
        channels: Iterable[Channel],
        clock: Clock | None = None,
        close: Callable[[], object] | None = None,
    ) -> None:
        self._name = name
        self._channels = {channel.domain.name: channel for channel in channels}
        self._domains = tuple(channel.domain for channel in self._channels.values())
        self._clock = clock or SystemClock()
        self._close = close
        self._closed = False

    @property
    def name(self) -> str:
        """Return the name of the interface."""
        return self._name

    def domains(self) -> tuple[Domain, ...]:
        """Return what is read."""
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        """Read one channel; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        channel = self._channels[domain]
        before_s = self._clock.now_s()
        value = channel.read()
        after_s = self._clock.now_s()
        if isinstance(value, Unavailable):
            return value
        t_s, read_s = (before_s + after_s) / 2, after_s - before_s
        if channel.domain.quantity is Quantity.ENERGY:
            return Sample(t_s, energy_j=value, read_s=read_s)
        return Sample(t_s, power_w=value, read_s=read_s)

    def close(self) -> None:
        """Let go of the interface. Safe to call twice."""
        if not self._closed:
            self._closed = True
            if self._close is not None:
                self._close()
