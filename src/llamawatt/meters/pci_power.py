"""Whether GPUs sleep, seen in sysfs without waking them.

See the kernel's Documentation/ABI/testing/sysfs-devices-power (`power/runtime_status`).
"""

from pathlib import Path

NVIDIA_VENDOR = "0x10de"
DISPLAY_CLASS = "0x03"


def nvidia_status(sysfs_root: Path) -> dict[str, str]:
    """Return the runtime status of every NVIDIA GPU by PCI address, as `suspended`."""
    found = {}
    for device in sorted((sysfs_root / "bus/pci/devices").glob("*")):
        vendor, kind = _text(device / "vendor"), _text(device / "class")
        if vendor == NVIDIA_VENDOR and kind.startswith(DISPLAY_CLASS):
            found[device.name] = _text(device / "power/runtime_status")
    return found


def all_suspended(sysfs_root: Path) -> bool:
    """Tell whether there are NVIDIA GPUs and every one of them sleeps."""
    states = nvidia_status(sysfs_root).values()
    return bool(states) and all(state == "suspended" for state in states)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
