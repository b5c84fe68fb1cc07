"""The whole machine by what its battery loses, while it discharges."""

from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.clock import Clock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.host.power_supply import DISCHARGING, Supply, find_batteries
from llamawatt.meters.channel_meter import Channel, ChannelMeter
from llamawatt.meters.probe import Opened

DOMAIN = "battery"
GAIN_ERROR = 0.05
GAIN_SOURCE = "stated: makers publish no accuracy of fuel gauges"
UNPLUG = "Unplug the charger to meter the whole machine by its battery."
NOTE = (
    "The whole machine, display included. Fuel gauges move every few seconds to half a minute, in "
    "steps of about 36 J: use windows of many minutes."
)


@dataclass(frozen=True, slots=True)
class _State:
    """What a battery held at one read: joules, or coulombs at a voltage."""

    stock: float
    voltage_v: float | None


class _Drawn:
    """Cumulative joules drawn from all batteries together.

    Batteries that tell charge give ∫ V dQ, by the mean voltage of neighbouring reads: charge times
    voltage itself would move with the load's voltage drop although no energy did.
    """

    def __init__(self, batteries: tuple[Supply, ...]) -> None:
        self._batteries = batteries
        self._last: dict[Supply, _State] = {}
        self._drawn_j = 0.0

    def read(self) -> float | Unavailable:
        """Return what was drawn since the first read."""
        failed = self._count()
        if failed is not None:
            # What happens until the next good read is not known, so counting starts afresh there.
            self._last = {}
            return failed
        return self._drawn_j

    def _count(self) -> Unavailable | None:
        """Add what was drawn since the last read, or say why it cannot be told."""
        discharging = not_discharging(self._batteries)
        if discharging is not None:
            return discharging
        now = {}
        for battery in self._batteries:
            state = _state(battery)
            if isinstance(state, Unavailable):
                return state
            now[battery] = state
        drawn_j = sum(_drawn_j(self._last[b], now[b]) for b in now if b in self._last)
        if drawn_j < 0:
            return Unavailable("The battery tells more energy than before, although it discharges.")
        self._drawn_j += drawn_j
        self._last = now
        return None


def open_battery(sysfs_root: Path = Path("/sys"), clock: Clock | None = None) -> Opened:
    """Find the machine's batteries. Never raises; a machine without one misses nothing.

    Args:
        sysfs_root: Root of sysfs.
        clock: The clock.
    """
    batteries = find_batteries(sysfs_root)
    if not batteries:
        return Opened()
    meter = ChannelMeter("battery", [Channel(_domain(batteries), _Drawn(batteries).read)], clock)
    found = meter.read(DOMAIN)
    if isinstance(found, Unavailable):
        return Opened(missing=(MissingMeter(DOMAIN, found.reason, found.remedy),))
    return Opened(meter)


def _domain(batteries: tuple[Supply, ...]) -> Domain:
    counts_energy = all(battery.counts_energy for battery in batteries)
    return Domain(
        name=DOMAIN,
        kind=DomainKind.BATTERY,
        quantity=Quantity.ENERGY,
        method=Method.COUNTER,
        source="battery-energy" if counts_energy else "battery-charge",
        device=", ".join(battery.model for battery in batteries if battery.model),
        in_total=False,
        gain_error=GAIN_ERROR,
        gain_source=GAIN_SOURCE,
        note=NOTE,
    )


def not_discharging(batteries: tuple[Supply, ...]) -> Unavailable | None:
    """Say why batteries do not tell what the machine draws; None when they do.

    One of several batteries may rest while another discharges.
    """
    states = [battery.status() for battery in batteries]
    if "Charging" in states or DISCHARGING not in states:
        told = ", ".join(state or "unknown" for state in states)
        return Unavailable(f"The battery is not discharging (status: {told}).", UNPLUG)
    return None


def _state(battery: Supply) -> _State | Unavailable:
    if battery.counts_energy:
        energy_j = battery.energy_j()
        return energy_j if isinstance(energy_j, Unavailable) else _State(energy_j, None)
    charge_c, voltage_v = battery.charge_c(), battery.voltage_v()
    if isinstance(charge_c, Unavailable):
        return charge_c
    if isinstance(voltage_v, Unavailable):
        return voltage_v
    return _State(charge_c, voltage_v)


def _drawn_j(before: _State, after: _State) -> float:
    drawn = before.stock - after.stock
    if before.voltage_v is None or after.voltage_v is None:
        return drawn
    return drawn * (before.voltage_v + after.voltage_v) / 2
