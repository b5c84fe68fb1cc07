"""What would spoil a measurement, seen before it begins; each finding knows its remedy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.flags import Flag

LOOK_S = 0.5
BUSY_SHARE = 0.1
"""Share of all cores that is more than an idle desktop's background."""
SAVING = {"powersave"}
HOT_C = 85.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that makes figures doubtful.

    Attributes:
        flag: The doubt.
        text: What was found.
        remedy: What the user can do.
    """

    flag: Flag
    text: str
    remedy: str


def preflight(
    sysfs_root: Path = Path("/sys"), clock: Clock | None = None, look_s: float = LOOK_S
) -> tuple[Finding, ...]:
    """Look for other load, a saving governor, a running battery and a hot processor.

    Args:
        sysfs_root: Root of sysfs.
        clock: The clock.
        look_s: How long other load is watched.
    """
    checks: tuple[Callable[[], Finding | None], ...] = (
        lambda: _other_load(clock or SystemClock(), look_s),
        lambda: _governor(sysfs_root),
        _battery,
        _heat,
    )
    return tuple(found for check in checks if (found := check()) is not None)


def _other_load(clock: Clock, look_s: float) -> Finding | None:
    before = _busy_by_process()
    t0_s = clock.now_s()
    clock.sleep_s(look_s)
    span_s = max(clock.now_s() - t0_s, 1e-9)
    after = _busy_by_process()
    busy = {pid: (after[pid][0] - before[pid][0], after[pid][1]) for pid in after.keys() & before}
    total_s = sum(seconds for seconds, _ in busy.values())
    n_cores = psutil.cpu_count() or 1
    if total_s / span_s / n_cores < BUSY_SHARE:
        return None
    _, name = max(busy.values())
    share = total_s / span_s / n_cores
    return Finding(
        Flag.OTHER_LOAD,
        f"Other processes use {share:.0%} of the CPU, {name} most of it.",
        "Close them: one busy neighbour can slow llama.cpp tenfold.",
    )


def _busy_by_process() -> dict[int, tuple[float, str]]:
    """Return CPU seconds and name of every process but this one."""
    me = psutil.Process().pid
    found = {}
    for process in psutil.process_iter(["pid", "name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.info["pid"] != me:
            found[process.info["pid"]] = (times.user + times.system, process.info["name"] or "?")
    return found


def _governor(sysfs_root: Path) -> Finding | None:
    cpu = sysfs_root / "devices/system/cpu/cpu0/cpufreq"
    try:
        governor = (cpu / "scaling_governor").read_text("ascii").strip()
        driver = (cpu / "scaling_driver").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    # The pstate drivers call their ordinary, load-following mode "powersave".
    if governor not in SAVING or driver.endswith(("pstate", "pstate-epp")):
        return None
    return Finding(
        Flag.GOVERNOR,
        f"The CPU governor is {governor}.",
        "For steady figures: sudo cpupower frequency-set -g performance",
    )


def _battery() -> Finding | None:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None or battery.power_plugged is not False:
        return None
    return Finding(
        Flag.ON_BATTERY,
        f"The machine runs on battery ({battery.percent:.0f} %).",
        "Plug it in unless the battery is what you want to know about.",
    )


def _heat() -> Finding | None:
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    hottest_c = max((entry.current for group in sensors.values() for entry in group), default=0.0)
    if hottest_c < HOT_C:
        return None
    return Finding(
        Flag.THROTTLED,
        f"A sensor shows {hottest_c:.0f} °C: the machine may throttle.",
        "Let it cool down first.",
    )
