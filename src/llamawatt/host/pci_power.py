"""Whether GPUs sleep, seen in sysfs without waking them.

See the kernel's Documentation/ABI/testing/sysfs-devices-power (`power/runtime_status`).
"""

from pathlib import Path

NVIDIA_VENDOR = "0x10de"
AMD_VENDOR = "0x1002"
GPU_CLASSES = ("0x03", "0x12")
"""Display controllers and processing accelerators (PCI class codes)."""


def nvidia_status(sysfs_root: Path) -> dict[str, str]:
    """Return the runtime status of every NVIDIA GPU by PCI address, as `suspended`."""
    return _status(sysfs_root, NVIDIA_VENDOR)


def amd_status(sysfs_root: Path) -> dict[str, str]:
    """Return the runtime status of every AMD GPU by PCI address."""
    return _status(sysfs_root, AMD_VENDOR)


def any_suspended(sysfs_root: Path) -> bool:
    """Tell whether an NVIDIA GPU sleeps: opening NVML wakes all of them."""
    return "suspended" in nvidia_status(sysfs_root).values()


def has_nvidia_gpu(sysfs_root: Path) -> bool | None:
    """Tell whether there is an NVIDIA GPU; None where the PCI bus is not shown."""
    if not (sysfs_root / "bus/pci/devices").is_dir():
        return None
    return bool(nvidia_status(sysfs_root))


def _status(sysfs_root: Path, wanted_vendor: str) -> dict[str, str]:
    found = {}
    for device in sorted((sysfs_root / "bus/pci/devices").glob("*")):
        vendor, kind = _text(device / "vendor"), _text(device / "class")
        if vendor == wanted_vendor and kind.startswith(GPU_CLASSES):
            found[device.name] = _text(device / "power/runtime_status")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
