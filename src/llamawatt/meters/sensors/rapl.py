"""CPU energy counters of Intel and AMD processors (RAPL), by Linux powercap."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from llamawatt.core.clock import Clock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.core.units import j_from_uj
from llamawatt.meters.channel_meter import Channel, ChannelMeter
from llamawatt.meters.energy.screening import MOST_W
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.powercap import Zone, find_zones, read_uj, why_no_zones

MIRROR_ROUNDS = 10
"""Mirrored counters may tick between two reads; in one of so many rounds they do not."""
GAIN_ERROR = 0.05
GAIN_SOURCE = "stated: makers publish no accuracy of RAPL"
DRAM_GAIN_ERROR = 0.2
DRAM_GAIN_SOURCE = "stated: an offset that differs by machine (Desrochers et al., MEMSYS 2016)"
PLATFORM_GAIN_ERROR = 0.3
PLATFORM_GAIN_SOURCE = "stated: calibrated by vendors, and seen 11 % and 31 % above the battery"
N_CONSTRAINTS = 3
"""Long term, short term and peak power."""
LEAST_MOST_W = 250.0
"""Limits that were lowered may be raised again, up to what any client processor draws."""
_PACKAGE = re.compile(r"package-(\d+)(?:-die-(\d+))?")
_NOTES = {
    DomainKind.CPU_PACKAGE: "The processor package; memory and board are not in it.",
    DomainKind.CPU_CORE: "Part of the package.",
    DomainKind.OTHER: "Part of the package.",
    DomainKind.DRAM: "Memory; not in the package.",
    DomainKind.PLATFORM: "The whole platform as its vendor calibrated it; overlaps the package.",
}


def _energy_j(domain: Domain, path: Path) -> float | Unavailable:
    energy_uj = read_uj(path)
    if isinstance(energy_uj, Unavailable):
        return energy_uj
    energy_j = j_from_uj(energy_uj)
    if domain.wrap_j is not None and energy_j > domain.wrap_j:
        return Unavailable(f"{path} holds {energy_uj}, more than the counter can count.")
    return energy_j


def open_rapl(sysfs_root: Path = Path("/sys"), clock: Clock | None = None) -> Opened:
    """Find the counters of this machine's processors. Never raises.

    Args:
        sysfs_root: Root of sysfs.
        clock: The clock.
    """
    root = sysfs_root / "class/powercap"
    zones = find_zones(root)
    if not zones:
        return Opened(missing=(why_no_zones(root),))
    named: dict[str, tuple[Domain, Zone]] = {}
    for zone in zones:
        domain = _domain(zone)
        # A second zone of the same name is the same silicon seen through MMIO.
        if domain is not None:
            named.setdefault(domain.name, (domain, zone))
    working, missing = _readable(named.values())
    for mirror in mirrored(working):
        del working[mirror]
        reason = "It repeats the counter of another die, which is counted once already."
        missing.append(MissingMeter(mirror.name, reason))
    if working and not any(domain.kind is DomainKind.DRAM for domain, _ in named.values()):
        missing.append(MissingMeter("dram", "This processor has no DRAM counter: not measured."))
    channels = [
        Channel(domain, partial(_energy_j, domain, zone.path / "energy_uj"))
        for domain, zone in working.items()
    ]
    return Opened(ChannelMeter("rapl", channels, clock) if working else None, tuple(missing))


def mirrored(zones: Mapping[Domain, Zone]) -> list[Domain]:
    """Return packages that repeat an earlier one's counter, as dies of AMD's Zen 1 and 2 do.

    Two counters of microjoules that agree to the last digit are one.
    """
    packages = [domain for domain in zones if domain.kind is DomainKind.CPU_PACKAGE]
    if len(packages) < 2:
        return []
    found: dict[Domain, None] = {}
    for _ in range(MIRROR_ROUNDS):
        seen: set[int] = set()
        for package in packages:
            energy_uj = read_uj(zones[package].path / "energy_uj")
            if isinstance(energy_uj, Unavailable) or energy_uj == 0:
                continue
            if energy_uj in seen:
                found[package] = None
            seen.add(energy_uj)
    return list(found)


def _readable(
    named: Iterable[tuple[Domain, Zone]],
) -> tuple[dict[Domain, Zone], list[MissingMeter]]:
    working: dict[Domain, Zone] = {}
    missing = []
    for domain, zone in named:
        found = read_uj(zone.path / "energy_uj")
        if isinstance(found, Unavailable):
            missing.append(MissingMeter(domain.name, found.reason, found.remedy))
        else:
            working[domain] = zone
    return working, missing


def _domain(zone: Zone) -> Domain | None:
    """Name a zone's domain; None for a zone that is not understood."""
    number = _number(zone.label) or _number(zone.parent) or "0"
    kinds = {
        "core": (f"cpu-core-{number}", DomainKind.CPU_CORE, False),
        "uncore": (f"cpu-uncore-{number}", DomainKind.OTHER, False),
        "dram": (f"dram-{number}", DomainKind.DRAM, True),
        "psys": ("platform", DomainKind.PLATFORM, False),
    }
    if _PACKAGE.fullmatch(zone.label):
        name, kind, in_total = f"cpu-package-{number}", DomainKind.CPU_PACKAGE, True
    elif zone.label in kinds:
        name, kind, in_total = kinds[zone.label]
    else:
        return None
    wrap_uj = read_uj(zone.path / "max_energy_range_uj")
    gain_error, gain_source = _gain(kind)
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.COUNTER,
        source="rapl",
        device=zone.label,
        in_total=in_total,
        wrap_j=None if isinstance(wrap_uj, Unavailable) or not wrap_uj else j_from_uj(wrap_uj),
        gain_error=gain_error,
        gain_source=gain_source,
        note=_NOTES[kind],
        max_power_w=_most_w(zone, kind),
    )


def _most_w(zone: Zone, kind: DomainKind) -> float | None:
    """Return more than a package can draw, by the limits of its zone; None where they tell little.

    Limits hold for means over milliseconds to seconds, and may be raised while a run goes on:
    hence the margins. Boards that lift a limit write thousands of watts.
    """
    if kind is not DomainKind.CPU_PACKAGE:
        return None
    found_w = [
        margin * w
        for margin, name in ((2.0, "power_limit_uw"), (4.0, "max_power_uw"))
        for number in range(N_CONSTRAINTS)
        if (w := _limit_w(zone, f"constraint_{number}_{name}")) > 0
    ]
    if not found_w:
        return None
    most_w = max(LEAST_MOST_W, *found_w)
    return most_w if most_w < MOST_W[kind] else None


def _limit_w(zone: Zone, file: str) -> float:
    limit_uw = read_uj(zone.path / file)
    return 0.0 if isinstance(limit_uw, Unavailable) else limit_uw * 1e-6


def _gain(kind: DomainKind) -> tuple[float, str]:
    if kind is DomainKind.DRAM:
        return DRAM_GAIN_ERROR, DRAM_GAIN_SOURCE
    if kind is DomainKind.PLATFORM:
        return PLATFORM_GAIN_ERROR, PLATFORM_GAIN_SOURCE
    return GAIN_ERROR, GAIN_SOURCE


def _number(label: str) -> str:
    """Return the number of a package label, `0` or `0-1` for its second die; empty if none."""
    match = _PACKAGE.fullmatch(label)
    if match is None:
        return ""
    package, die = match.groups()
    return package if die is None or int(die) == 0 else f"{package}-{die}"
