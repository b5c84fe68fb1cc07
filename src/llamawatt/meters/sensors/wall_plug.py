"""A plug between the machine and the wall: the whole machine, power supply included."""

from llamawatt.core.clock import Clock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.meters.channel_meter import Channel, ChannelMeter
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.plugs import Plug, find_plug

POWER = "wall"
ENERGY = "wall-counter"
GAIN_ERROR = 0.02
GAIN_SOURCE = "stated: makers of consumer plugs name 1 % to 2 %"


def open_wall(url: str, clock: Clock | None = None) -> Opened:
    """Meter the power of a plug, and its energy counter to check the power by. Never raises.

    The counter moves in steps of 3.6 J to 3.6 kJ, about once a minute: too coarse for a reply,
    right for an hour. It is left out where the plug does not tell one.

    Args:
        url: Base URL of the plug, whose kind is found out.
        clock: The clock.
    """
    plug = find_plug(url)
    if isinstance(plug, Unavailable):
        return Opened(missing=(MissingMeter(POWER, plug.reason, plug.remedy),))
    channels = [Channel(_domain(plug, POWER, Quantity.POWER), plug.power_w)]
    if not isinstance(plug.energy_j(), Unavailable):
        channels.append(Channel(_domain(plug, ENERGY, Quantity.ENERGY), plug.energy_j))
    return Opened(ChannelMeter("wall", channels, clock, plug.close))


def _domain(plug: Plug, name: str, quantity: Quantity) -> Domain:
    is_counter = quantity is Quantity.ENERGY
    return Domain(
        name=name,
        kind=DomainKind.WALL,
        quantity=quantity,
        method=Method.COUNTER if is_counter else Method.INTEGRAL,
        source=f"{plug.kind}-{'counter' if is_counter else 'power'}",
        device=plug.address,
        in_total=False,
        checks=POWER if is_counter else None,
        gain_error=GAIN_ERROR,
        gain_source=GAIN_SOURCE,
        note="The whole machine at the wall, power supply included.",
    )
