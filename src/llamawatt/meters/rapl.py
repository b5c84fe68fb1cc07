"""CPU energy counters of Intel and AMD, by Linux powercap in sysfs.

The layout is described in the kernel's Documentation/power/powercap/powercap.rst.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.core.units import j_from_uj
from llamawatt.meters.opened import Opened

PERMISSION_REMEDY = (
    "Run `sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj "
    "/sys/class/powercap/intel-rapl*/*/energy_uj` (until the next boot). Mind the risk: fine-"
    "grained energy readings let other users' programs guess at secrets (PLATYPUS, CVE-2020-8694)."
)
NO_POWERCAP = (
    "Load the driver with `sudo modprobe intel_rapl_msr` on bare metal; virtual machines, WSL and "
    "most containers do not show these counters."
)
_PACKAGE = re.compile(r"^package-(\d+)(?:-die-(\d+))?$")
MIRROR_READS = 3
"""Looks at all packages: a counter that ticks between two reads hides a mirror only once."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One powercap zone.

    Attributes:
        path: Its folder.
        label: Its `name` file: `package-0`, `core`, `uncore`, `dram`, `psys`.
        parent: The label of the zone it lies in; empty at the top.
    """

    path: Path
    label: str
    parent: str = ""


class RaplMeter:
    """Reads powercap zones.

    Args:
        zones: Zone by domain.
        clock: The clock.
    """

    def __init__(self, zones: dict[Domain, Zone], clock: Clock | None = None) -> None:
        self._paths = {domain.name: zone.path / "energy_uj" for domain, zone in zones.items()}
        self._domains = tuple(zones)
        self._clock = clock or SystemClock()
        self._closed = False

    @property
    def name(self) -> str:
        """Return `rapl`."""
        return "rapl"

    def domains(self) -> tuple[Domain, ...]:
        """Return the zones as domains."""
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        """Read one counter; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        path = self._paths[domain]
        before_s = self._clock.now_s()
        energy_uj = read_uj(path)
        after_s = self._clock.now_s()
        if isinstance(energy_uj, Unavailable):
            return energy_uj
        t_s = (before_s + after_s) / 2
        return Sample(t_s, energy_j=j_from_uj(energy_uj), read_s=after_s - before_s)

    def close(self) -> None:
        """Stop reading."""
        self._closed = True


def open_rapl(sysfs_root: Path = Path("/sys"), clock: Clock | None = None) -> Opened:
    """Find the counters of this machine's processors."""
    root = sysfs_root / "class/powercap"
    zones = find_zones(root)
    if not zones:
        why = f"{root} holds no RAPL zone" if root.is_dir() else f"there is no {root}"
        return Opened(missing=(MissingMeter("rapl", f"{why}.", NO_POWERCAP),))
    missing: list[MissingMeter] = []
    domains: dict[Domain, Zone] = {}
    for zone in zones:
        domain = _domain(zone)
        if domain is None or domain.name in {known.name for known in domains}:
            continue
        found = read_uj(zone.path / "energy_uj")
        if isinstance(found, Unavailable):
            missing.append(MissingMeter(domain.name, found.reason, found.remedy))
        else:
            domains[domain] = zone
    for mirrored in _mirrored(domains):
        del domains[mirrored]
        missing.append(
            MissingMeter(
                mirrored.name, "It mirrors another die's counter, which is counted once already."
            )
        )
    if domains and not any(domain.kind is DomainKind.DRAM for domain in domains):
        missing.append(MissingMeter("dram", "This processor has no DRAM counter: not measured."))
    return Opened(RaplMeter(domains, clock) if domains else None, tuple(missing))


def find_zones(root: Path) -> list[Zone]:
    """Return all zones below a powercap folder, once each; MMIO copies of packages are left out.

    `intel-rapl-mmio` shows the same package as `intel-rapl` through another door.
    """
    zones: list[Zone] = []
    if not root.is_dir():
        return zones
    for folder in sorted(root.iterdir()):
        if not re.fullmatch(r"(intel|amd)-rapl(:\d+)+", folder.name):
            continue
        label = _text(folder / "name")
        if label:
            parent = _text(root / folder.name.rpartition(":")[0] / "name")
            zones.append(Zone(folder, label, parent if folder.name.count(":") > 1 else ""))
    return zones


def read_uj(path: Path) -> int | Unavailable:
    """Read a counter's microjoules, or say why they cannot be had."""
    try:
        text = path.read_text("ascii").strip()
    except PermissionError:
        return Unavailable(f"Permission denied for {path}.", PERMISSION_REMEDY)
    except (OSError, UnicodeDecodeError) as error:
        return Unavailable(f"{path} cannot be read ({error}).")
    if not text.isdigit():
        return Unavailable(f"{path} holds {text[:40]!r}, which is no count of microjoules.")
    return int(text)


def _domain(zone: Zone) -> Domain | None:
    """Name a zone's domain; None for a zone that is not understood."""
    number = _number(zone.label if _PACKAGE.match(zone.label) else zone.parent)
    kinds = {
        "core": (f"cpu-core-{number}", DomainKind.CPU_CORE, False),
        "uncore": (f"cpu-uncore-{number}", DomainKind.OTHER, False),
        "dram": (f"dram-{number}", DomainKind.DRAM, True),
        "psys": ("platform", DomainKind.PLATFORM, False),
    }
    if _PACKAGE.match(zone.label):
        name, kind, in_total = f"cpu-package-{number}", DomainKind.CPU_PACKAGE, True
    elif zone.label in kinds:
        name, kind, in_total = kinds[zone.label]
    else:
        return None
    wrap_uj = read_uj(zone.path / "max_energy_range_uj")
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.COUNTER,
        source="rapl",
        device=zone.label,
        in_total=in_total,
        wrap_j=None if isinstance(wrap_uj, Unavailable) else j_from_uj(wrap_uj),
        note=_NOTES.get(kind, ""),
    )


_NOTES = {
    DomainKind.CPU_PACKAGE: "The processor package; memory and board are not in it.",
    DomainKind.PLATFORM: "The whole platform as its vendor calibrated it; overlaps the package.",
}


def _number(label: str) -> str:
    match = _PACKAGE.match(label)
    if match is None:
        return "0"
    package, die = match.groups()
    return package if die is None or die == "0" else f"{package}-{die}"


def _mirrored(domains: dict[Domain, Zone]) -> list[Domain]:
    """Return packages whose counters repeat an earlier one's (AMD dies that share a counter)."""
    packages = [domain for domain in domains if domain.kind is DomainKind.CPU_PACKAGE]
    if len(packages) < 2:
        return []
    rounds = [
        [read_uj(domains[package].path / "energy_uj") for package in packages]
        for _ in range(MIRROR_READS)
    ]
    return [
        package
        for number, package in enumerate(packages)
        if any(_same(values[number], values[:number]) for values in rounds)
    ]


def _same(value: int | Unavailable, earlier: list[int | Unavailable]) -> bool:
    """Tell whether a count repeats another's: independent counts never agree to a microjoule."""
    return isinstance(value, int) and value > 0 and value in earlier


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
