"""Linux powercap zones as they lie in sysfs, and what to say where there are none.

The layout is described in the kernel's Documentation/power/powercap/powercap.rst.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Unavailable

PERMISSION_REMEDY = (
    "Until the next boot: sudo chmod a+r /sys/class/powercap/*rapl*/energy_uj. For good: put "
    'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chmod a+r /sys%p/energy_uj" into '
    "/etc/udev/rules.d/70-powercap.rules. The risk: any program on this machine can then guess at "
    "secrets from fine-grained energy readings (PLATYPUS, CVE-2020-8694)."
)
MODEL_REMEDY = "Set --cpu-idle-w and --cpu-max-w to model the CPU, or meter the wall (--wall URL)."
_FOLDER = re.compile(r"intel-rapl(-mmio)?(:\d+)+")


@dataclass(frozen=True, slots=True)
class Zone:
    """One powercap zone.

    Attributes:
        path: Its folder.
        label: Its `name` file: `package-0`, `package-0-die-1`, `core`, `uncore`, `dram`, `psys`.
        parent: The label of the zone it lies in; empty at the top.
    """

    path: Path
    label: str
    parent: str = ""


def find_zones(root: Path) -> list[Zone]:
    """Return all RAPL zones below a powercap folder; MMIO zones last.

    `intel-rapl-mmio` shows the same package as `intel-rapl` through another door. AMD's counters
    appear under `intel-rapl` too.
    """
    try:
        folders = [folder for folder in root.iterdir() if _FOLDER.fullmatch(folder.name)]
    except OSError:
        return []
    folders.sort(key=lambda folder: ("mmio" in folder.name, _numbers(folder.name)))
    zones = []
    for folder in folders:
        above = folder.name.rpartition(":")[0]
        parent = text_of(root / above / "name") if ":" in above else ""
        if label := text_of(folder / "name"):
            zones.append(Zone(folder, label, parent))
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


def why_no_zones(root: Path, proc_root: Path = Path("/proc")) -> MissingMeter:
    """Say why a machine shows no RAPL zone, and what helps.

    Args:
        root: The powercap folder.
        proc_root: Root of procfs, where Windows and virtual machines show.
    """
    if "microsoft" in text_of(proc_root / "sys/kernel/osrelease").lower():
        reason = "WSL passes no CPU energy counter on."
        return MissingMeter("rapl", reason, f"Measure on the Windows side. {MODEL_REMEDY}")
    if " hypervisor" in text_of(proc_root / "cpuinfo"):
        reason = "This is a virtual machine, and its host passes no CPU energy counter on."
        return MissingMeter("rapl", reason, MODEL_REMEDY)
    if not root.is_dir():
        reason = f"There is no {root}: no Linux powercap here, or a container that hides it."
    else:
        reason = f"{root} holds no RAPL zone."
    driver = "On bare metal: sudo modprobe intel_rapl_msr."
    container = "In a container, start it with --security-opt systempaths=unconfined, as root."
    return MissingMeter("rapl", reason, f"{driver} {container} {MODEL_REMEDY}")


def text_of(path: Path) -> str:
    """Return a small file's text; empty when it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(":")[1:])
