"""The processor's name, as each system tells it, and in one spelling for look-ups."""

import platform
import re
import subprocess
import sys
from pathlib import Path

PROC = Path("/proc")
REGISTRY_KEY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
ASK_S = 2.0

_NOISE = re.compile(
    r"\((?:r|tm|c)\)|[®™]|@.*$|\bwith\b.*$|\bw/.*$|\b\d+-core\b|\b\d+(?:st|nd|rd|th) gen\b"
    r"|\b(?:cpu|processor|apu|genuine|authentic|(?:dual|triple|quad|six|eight)[ -]core)\b",
)
"""What names of one and the same product differ by: marks, clocks, core counts, generations."""


def cpu_name(proc_root: Path = PROC) -> str:
    """Return the processor's name; the machine's architecture where none is told."""
    return (
        _from_cpuinfo(proc_root / "cpuinfo")
        or _from_device_tree(proc_root / "device-tree/model")
        or _from_registry()
        or _from_sysctl()
        or platform.processor()
        or platform.machine()
    )


def plain_name(name: str) -> str:
    """Return a name in the spelling of the table, as `intel xeon e3-1240 v2`."""
    bare = _NOISE.sub(" ", name.lower().replace("core(tm)2", "core 2"))
    words = re.sub(r"[^\w+./-]+", " ", bare)
    return " ".join(re.sub(r"\s-(?=\w)", "-", words).split())


def _from_cpuinfo(path: Path) -> str:
    for line in _text(path).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "cpu model"} and value.strip():
            return value.strip()
    return ""


def _from_device_tree(path: Path) -> str:
    """Return the board's name: Arm processors seldom tell theirs."""
    return _text(path).replace("\0", "").strip()


def _from_registry() -> str:
    if sys.platform != "win32":
        return ""
    import winreg  # noqa: PLC0415  (Windows alone has it)

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, REGISTRY_KEY) as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    except OSError:
        return ""


def _from_sysctl() -> str:
    if sys.platform != "darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
