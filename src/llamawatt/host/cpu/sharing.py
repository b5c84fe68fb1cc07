"""Who else is in this processor: a hypervisor below, a container's limit around this process."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SYSFS = Path("/sys")
VENDORS = {
    "qemu": "QEMU/KVM", "kvm": "KVM", "vmware": "VMware", "virtualbox": "VirtualBox",
    "innotek": "VirtualBox", "xen": "Xen", "amazon ec2": "Amazon EC2",
    "google compute": "Google Cloud",
    "microsoft corporation virtual": "Hyper-V", "parallels": "Parallels", "bochs": "Bochs",
    "openstack": "OpenStack", "digitalocean": "DigitalOcean", "bhyve": "bhyve",
}  # fmt: skip
"""What DMI names say of hypervisors, lower case."""
UNKNOWN_HYPERVISOR = "a hypervisor"


@dataclass(frozen=True, slots=True)
class Sharing:
    """What stands between this process and the whole processor.

    Attributes:
        hypervisor: The hypervisor below; empty on bare metal, and where it cannot be told.
        quota_cores: Cores' worth of time that a container may use; None without a limit.
    """

    hypervisor: str = ""
    quota_cores: float | None = None

    @property
    def is_windows_subsystem(self) -> bool:
        """Whether this is Linux within Windows: then the processor is the user's own."""
        return self.hypervisor == "WSL"


def read_sharing(sysfs_root: Path = SYSFS, proc_root: Path = PROC) -> Sharing:
    """Look for a hypervisor and a limit on CPU time.

    Args:
        sysfs_root: Root of sysfs.
        proc_root: Root of procfs.
    """
    return Sharing(_hypervisor(sysfs_root, proc_root), cpu_quota(sysfs_root, proc_root))


def cpu_quota(sysfs_root: Path = SYSFS, proc_root: Path = PROC) -> float | None:
    """Return the smallest CPU limit of this process's control groups, in cores; None without one.

    Reads `cpu.max` (version 2) and `cpu.cfs_quota_us` (version 1), in the own group and in all
    above it: see the kernel's Documentation/admin-guide/cgroup-v2.rst.
    """
    limits = []
    for line in _text(proc_root / "self/cgroup").splitlines() or ["0::/"]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            limits += _limits(sysfs_root / "fs/cgroup", path, _limit_v2)
        elif "cpu" in controllers.split(","):
            for mount in ("cpu", "cpu,cpuacct", controllers):
                limits += _limits(sysfs_root / "fs/cgroup" / mount, path, _limit_v1)
    return min(limits, default=None)


def _limits(root: Path, path: str, limit_of: Callable[[Path], float | None]) -> list[float]:
    """Return the limits of a group and of those above it."""
    parts = [part for part in path.split("/") if part not in {"", ".", ".."}]
    folders = [root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
    return [limit for folder in folders if (limit := limit_of(folder)) is not None]


def _limit_v2(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    return _ratio(quota, period or "100000")


def _limit_v1(folder: Path) -> float | None:
    return _ratio(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    """Return quota over period; None for `max`, -1 and what is no number."""
    try:
        cores = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):
        return None
    return cores if 0 < cores < math.inf else None


def _hypervisor(sysfs_root: Path, proc_root: Path) -> str:
    if "microsoft" in _text(proc_root / "sys/kernel/osrelease").lower():
        return "WSL"
    cpuinfo = _text(proc_root / "cpuinfo")
    dmi = sysfs_root / "class/dmi/id"
    told = " ".join(_text(dmi / file) for file in ("sys_vendor", "product_name")).lower()
    named = next((name for mark, name in VENDORS.items() if mark in told), "")
    kind = _text(sysfs_root / "hypervisor/type").capitalize()
    # On x86 the processor itself says so: a vendor's bare-metal machines bear the same names.
    if re.search(r"^flags\s*:", cpuinfo, re.MULTILINE):
        is_virtual = re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE)
        return (named or kind or UNKNOWN_HYPERVISOR) if is_virtual else ""
    return named or kind


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
