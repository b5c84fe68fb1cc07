"""CPU time as the kernel counts it: busy seconds of each logical CPU."""

import os
from collections.abc import Mapping
from pathlib import Path

import psutil

STAT = Path("/proc/stat")
BUSY_FIELDS = ("user", "nice", "system", "irq", "softirq")
"""Fields of psutil.cpu_times that are work; guests are counted inside user and nice already."""
BUSY_COLUMNS = (1, 2, 3, 6, 7)
"""The same in a line of /proc/stat: iowait (5) may run backwards (man 5 proc)."""
WINDOWS_TICK_S = 1 / 64
"""Default timer tick of Windows, by which it counts CPU time."""


def tick_s() -> float:
    """Return the step in which the kernel counts CPU time (USER_HZ; 10 ms on Linux)."""
    return 1.0 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else WINDOWS_TICK_S


def busy_core_s() -> float:
    """Return the seconds that cores were busy since boot, summed over all cores."""
    return _busy_s(psutil.cpu_times())


def busy_by_cpu_s(stat: Path = STAT) -> Mapping[int, float]:
    """Return the busy seconds since boot of every logical CPU that is online, by its number."""
    try:
        text = stat.read_text("ascii", "replace")
    except OSError:
        return dict(enumerate(_busy_s(times) for times in psutil.cpu_times(percpu=True)))
    return _parsed(text, tick_s())


def _parsed(text: str, tick_length_s: float) -> dict[int, float]:
    found = {}
    for line in text.splitlines():
        if not line.startswith("cpu"):
            break  # the lines of CPUs come first; the rest is long
        words = line.split()
        if words[0] != "cpu" and len(words) > max(BUSY_COLUMNS):
            ticks = sum(int(words[column]) for column in BUSY_COLUMNS)
            found[int(words[0][3:])] = ticks * tick_length_s
    return found


def _busy_s(times: object) -> float:
    return float(sum(getattr(times, name, 0.0) for name in BUSY_FIELDS))
