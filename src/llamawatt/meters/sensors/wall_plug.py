"""A plug between the machine and the wall: the whole machine, power supply included."""

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.plugs import Plug, find_plug

POWER = "wall"
ENERGY = "wall-counter"
GAIN_ERROR = 0.02
GAIN_SOURCE = "stated: makers of consumer plugs name 1 % to 2 %"


class WallMeter:
    """Power of one plug, and its energy counter to check the power by.

    The counter moves in steps of 3.6 J to 3.6 kJ, about once a minute: too coarse for a reply,
    right for an hour. It is left out where the plug does not tell one.

    Args:
        plug: The plug; closed with the meter.
        clock: The clock.
    """

    def __init__(self, plug: Plug, clock: Clock | None = None) -> None:
        self._plug = plug
        self._clock = clock or SystemClock()
        self._closed = False
        counts = not isinstance(plug.energy_j(), Unavailable)
        power = _domain(plug, POWER, Quantity.POWER)
        self._domains = (power, _domain(plug, ENERGY, Quantity.ENERGY)) if counts else (power,)
        self._names = {domain.name for domain in self._domains}

    @property
    def name(self) -> str:
        """Return `wall`."""
        return "wall"

    def domains(self) -> tuple[Domain, ...]:
        """Return the power, and the counter if there is one."""
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        """Ask the plug; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        if domain not in self._names:
            raise KeyError(domain)
        before_s = self._clock.now_s()
        value = self._plug.power_w() if domain == POWER else self._plug.energy_j()
        after_s = self._clock.now_s()
        if isinstance(value, Unavailable):
            return value
        t_s, read_s = (before_s + after_s) / 2, after_s - before_s
        if domain == POWER:
            return Sample(t_s, power_w=value, read_s=read_s)
        return Sample(t_s, energy_j=value, read_s=read_s)

    def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        self._plug.close()


def open_wall(url: str, clock: Clock | None = None) -> Opened:
    """Find out what kind of plug answers at a URL. Never raises.

    Args:
        url: Base URL of the plug.
        clock: The clock.
    """
    plug = find_plug(url)
    if isinstance(plug, Unavailable):
        return Opened(missing=(MissingMeter(POWER, plug.reason, plug.remedy),))
    return Opened(WallMeter(plug, clock))


def _domain(plug: Plug, name: str, quantity: Quantity) -> Domain:
    is_counter = quantity is Quantity.ENERGY
    return Domain(
        name=name,
        kind=DomainKind.WALL,
        quantity=quantity,
        method=Method.COUNTER if is_counter else Method.INTEGRAL,
        source=f"{plug.dialect.name}-{'counter' if is_counter else 'power'}",
        device=plug.address,
        in_total=False,
        checks=POWER if is_counter else None,
        gain_error=GAIN_ERROR,
        gain_source=GAIN_SOURCE,
        note="The whole machine at the wall, power supply included.",
    )
