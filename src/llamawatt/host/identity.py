"""The system's own id of this machine, hashed: it tells machines apart and names none."""

import hashlib
import subprocess
import sys
from pathlib import Path

_LINUX = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_TIMEOUT_S = 5.0


def machine_id(files: tuple[Path, ...] = _LINUX) -> str:
    """Return a short hash of the id that the system was given when installed; empty without one.

    Args:
        files: Where Linux keeps it; the first that has one counts.
    """
    told = _of_linux(files) or _of_darwin() or _of_windows()
    return hashlib.sha256(f"llamawatt {told}".encode()).hexdigest()[:12] if told else ""


def _of_linux(files: tuple[Path, ...]) -> str:
    for file in files:
        try:
            told = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if told and told != "uninitialized":
            return told
    return ""


def _of_darwin() -> str:
    if sys.platform != "darwin":
        return ""
    command = ("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
    try:
        text = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line for line in text.splitlines() if "IOPlatformUUID" in line), "").strip()


def _of_windows() -> str:
    if sys.platform != "win32":
        return ""
    import winreg  # noqa: PLC0415  # on Windows alone

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    except OSError:
        return ""
