"""Batteries and mains as Linux shows them in /sys/class/power_supply.

The files and their units are described in the kernel's Documentation/ABI/testing/sysfs-class-power:
energies in µWh, charges in µAh, voltages in µV.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from llamawatt.core.readings import Unavailable
from llamawatt.core.units import j_from_wh

DISCHARGING = "Discharging"
S_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class Supply:
    """One battery of the machine (not one of a mouse).

    Attributes:
        path: Its folder.
        model: What its maker calls it; empty when it is not told.
    """

    path: Path
    model: str = ""

    @property
    def counts_energy(self) -> bool:
        """Whether it tells energy; else it tells charge."""
        return (self.path / "energy_now").exists()

    def status(self) -> str:
        """Return `Discharging`, `Charging`, `Full`, `Not charging`, …; empty when untold."""
        return _text(self.path / "status")

    def energy_j(self) -> float | Unavailable:
        """Return the energy left."""
        energy_uwh = _number(self.path / "energy_now")
        return energy_uwh if isinstance(energy_uwh, Unavailable) else j_from_wh(energy_uwh * 1e-6)

    def charge_c(self) -> float | Unavailable:
        """Return the charge left, coulombs."""
        charge_uah = _number(self.path / "charge_now")
        return charge_uah if isinstance(charge_uah, Unavailable) else charge_uah * 1e-6 * S_PER_H

    def voltage_v(self) -> float | Unavailable:
        """Return the voltage at its terminals."""
        voltage_uv = _number(self.path / "voltage_now")
        return voltage_uv if isinstance(voltage_uv, Unavailable) else voltage_uv * 1e-6

    def full_j(self) -> float | None:
        """Return the most energy that the battery can hold; None when it is not told."""
        wh = [_number(self.path / name) for name in ("energy_full", "energy_full_design")]
        told = [each for each in wh if not isinstance(each, Unavailable) and each > 0]
        return j_from_wh(max(told) * 1e-6) if told else None

    def full_c(self) -> float | None:
        """Return the most charge that the battery can hold, coulombs; None when it is not told."""
        ah = [_number(self.path / name) for name in ("charge_full", "charge_full_design")]
        told = [each for each in ah if not isinstance(each, Unavailable) and each > 0]
        return max(told) * 1e-6 * S_PER_H if told else None


CHARGERS = frozenset({"Mains", "USB", "Wireless", "UPS"})
"""Types of supplies that feed the machine beside its battery."""


def online_chargers(sysfs_root: Path) -> tuple[str, ...]:
    """Return the names of the chargers that are connected and feed the machine."""
    found = []
    for path in sorted((sysfs_root / "class/power_supply").glob("*")):
        is_charger = _text(path / "type").partition("_")[0] in CHARGERS
        feeds_machine = _text(path / "scope") != "Device"
        if is_charger and feeds_machine and _text(path / "online") not in {"", "0"}:
            found.append(path.name)
    return tuple(found)


def find_batteries(sysfs_root: Path) -> tuple[Supply, ...]:
    """Return the batteries that feed the machine, by name."""
    found = []
    for path in sorted((sysfs_root / "class/power_supply").glob("*")):
        feeds_machine = _text(path / "scope") != "Device"
        if _text(path / "type") == "Battery" and feeds_machine:
            found.append(Supply(path, _text(path / "model_name")))
    return tuple(found)


def on_battery(sysfs_root: Path = Path("/sys")) -> bool | None:
    """Tell whether the machine runs on its battery; None when it has none.

    On Linux a battery that discharges decides: some machines drain it although the charger is in.
    Elsewhere the system says whether the charger is in.
    """
    if sys.platform != "linux":
        return _unplugged()
    batteries = find_batteries(sysfs_root)
    if not batteries:
        return None
    return any(battery.status() == DISCHARGING for battery in batteries)


def charge_share() -> float | None:
    """Return how full the machine's battery is, 0..1; None where none is seen."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return None if battery is None else battery.percent / 100


def _unplugged() -> bool | None:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None or battery.power_plugged is None:
        return None
    return not battery.power_plugged


def _number(path: Path) -> float | Unavailable:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        return Unavailable(f"{path} cannot be read ({error}).")
    if not text.isdigit():
        return Unavailable(f"{path} holds {text[:40]!r}, which is no number.")
    return float(text)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
