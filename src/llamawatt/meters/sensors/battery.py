"""The whole machine by what its battery loses, while it discharges."""

from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.core.units import J_PER_WH
from llamawatt.host.power_supply import (
    DISCHARGING,
    S_PER_H,
    Supply,
    find_batteries,
    online_chargers,
)
from llamawatt.meters.channel_meter import Channel, ChannelMeter
from llamawatt.meters.probe import Opened

DOMAIN = "battery"
GAIN_ERROR = 0.05
GAIN_SOURCE = "stated: makers publish no accuracy of fuel gauges"
UNPLUG = "Unplug the charger to meter the whole machine by its battery."
GAUGE_REMEDY = "Update the firmware or the kernel, or meter the wall (--wall URL)."
OVERFULL = 1.25
"""A new pack holds a little more than it is named for; one with more than this is misread."""
MOST_W = 500.0
"""More than the batteries of any laptop give."""
GAUGE_S = 120.0
"""A gauge may tell at once what was drawn over this time."""
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

    def __init__(self, batteries: tuple[Supply, ...], sysfs_root: Path, clock: Clock) -> None:
        self._batteries = batteries
        self._sysfs_root = sysfs_root
        self._clock = clock
        self._last_s = 0.0
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
        unfit = not_discharging(self._batteries) or charging(self._sysfs_root)
        if unfit is not None:
            return unfit
        now = {}
        for battery in self._batteries:
            state = _state(battery)
            if isinstance(state, Unavailable):
                return state
            now[battery] = state
        drawn_j = sum(_drawn_j(self._last[b], now[b]) for b in now if b in self._last)
        if drawn_j < 0:
            return Unavailable("The battery tells more energy than before, although it discharges.")
        now_s = self._clock.now_s()
        if drawn_j > MOST_W * (now_s - self._last_s + GAUGE_S):
            return Unavailable(
                f"The battery tells {drawn_j:.0f} J less than a moment before: too much."
            )
        self._last_s = now_s
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
    clock = clock or SystemClock()
    drawn = _Drawn(batteries, sysfs_root, clock)
    meter = ChannelMeter("battery", [Channel(_domain(batteries), drawn.read)], clock)
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


def charging(sysfs_root: Path) -> Unavailable | None:
    """Say that a charger feeds the machine beside a battery that discharges; None if none does.

    A charger that is too weak for the load leaves the rest to the battery, which then tells only
    a part of what the machine draws.
    """
    online = online_chargers(sysfs_root)
    if not online:
        return None
    return Unavailable(
        f"The battery discharges although a charger is connected ({', '.join(online)}): it tells "
        "only a part of what the machine draws.",
        UNPLUG,
    )


def _beyond(battery: Supply, held: float, full: float | None, unit: str, per_unit: float) -> str:
    """Say that a battery holds more than it can; empty if it does not, or tells no capacity."""
    if full is None or held <= OVERFULL * full:
        return ""
    return (
        f"{battery.path.name} tells {held / per_unit:.4g} {unit} in a pack of "
        f"{full / per_unit:.4g} {unit}: its gauge is wrong."
    )


def _state(battery: Supply) -> _State | Unavailable:
    if battery.counts_energy:
        energy_j = battery.energy_j()
        if isinstance(energy_j, Unavailable):
            return energy_j
        wrong = _beyond(battery, energy_j, battery.full_j(), "Wh", J_PER_WH)
        return Unavailable(wrong, GAUGE_REMEDY) if wrong else _State(energy_j, None)
    charge_c, voltage_v = battery.charge_c(), battery.voltage_v()
    if isinstance(charge_c, Unavailable):
        return charge_c
    if isinstance(voltage_v, Unavailable):
        return voltage_v
    wrong = _beyond(battery, charge_c, battery.full_c(), "Ah", S_PER_H)
    if wrong:
        return Unavailable(wrong, GAUGE_REMEDY)
    return _State(charge_c, voltage_v)


def _drawn_j(before: _State, after: _State) -> float:
    drawn = before.stock - after.stock
    if before.voltage_v is None or after.voltage_v is None:
        return drawn
    return drawn * (before.voltage_v + after.voltage_v) / 2
