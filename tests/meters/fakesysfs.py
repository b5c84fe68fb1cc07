"""A folder that looks like /sys where meters look."""

from pathlib import Path

WRAP_UJ = 65_712_999_613


class FakePowercap:
    """Powercap zones below a temporary /sys."""

    def __init__(self, sysfs: Path) -> None:
        self.root = sysfs / "class/powercap"
        self.root.mkdir(parents=True)

    def zone(self, folder: str, label: str, energy_uj: object = 1_000_000) -> Path:
        path = self.root / folder
        path.mkdir()
        (path / "name").write_text(f"{label}\n")
        (path / "energy_uj").write_text(f"{energy_uj}\n")
        (path / "max_energy_range_uj").write_text(f"{WRAP_UJ}\n")
        return path

    def set(self, folder: str, energy_uj: object) -> None:
        (self.root / folder / "energy_uj").write_text(f"{energy_uj}\n")


def laptop(sysfs: Path) -> FakePowercap:
    """A client processor as the kernel shows it: psys, and the package twice."""
    powercap = FakePowercap(sysfs)
    powercap.zone("intel-rapl:0", "package-0", 5_000_000)
    powercap.zone("intel-rapl:0:0", "core", 2_000_000)
    powercap.zone("intel-rapl:0:1", "uncore", 1_000_000)
    powercap.zone("intel-rapl:1", "psys", 9_000_000)
    powercap.zone("intel-rapl-mmio:0", "package-0", 5_000_000)
    (powercap.root / "intel-rapl").mkdir()
    return powercap


def battery(sysfs: Path, name: str = "BAT0", **files: object) -> Path:
    """A power supply; keys are the names of its files."""
    path = sysfs / "class/power_supply" / name
    path.mkdir(parents=True, exist_ok=True)
    for key, value in {"type": "Battery", "status": "Discharging", **files}.items():
        (path / key).write_text(f"{value}\n")
    return path
