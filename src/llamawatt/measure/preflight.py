"""What would spoil a measurement, seen before it begins; each finding knows its remedy."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.flags import Flag
from llamawatt.core.trials import FactorValue
from llamawatt.host.cpu.busy_time import busy_core_s
from llamawatt.host.other_load import NOTABLE_SHARE
from llamawatt.host.power_supply import on_battery
from llamawatt.meters.sensors.powercap import text_of

LOOK_S = 0.5
HOT_C = 85.0
"""Hot before the work begins; client processors throttle at 90 °C to 105 °C."""
CPU_SENSORS = {"coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal"}
FOLLOWING_DRIVERS = {"intel_pstate", "amd-pstate-epp"}
"""Their governor "powersave" follows the load, steered by the energy-performance preference."""
SAVING_PREFERENCES = {"power", "balance_power"}
NO_EVIDENCE: Mapping[str, FactorValue] = {}


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
    sysfs_root: Path = Path("/sys"),
    clock: Clock | None = None,
    look_s: float = LOOK_S,
    evidence: Mapping[str, FactorValue] = NO_EVIDENCE,
) -> tuple[Finding, ...]:
    """Look for other load, throttling, a saving governor, a discharging battery, foreign processes.

    Args:
        sysfs_root: Root of sysfs.
        clock: The clock.
        look_s: How long other load and throttling are watched.
        evidence: What the meters say of their devices.
    """
    throttled_before = _n_throttled(sysfs_root)
    checks: tuple[Callable[[], Finding | None], ...] = (
        lambda: _other_load(clock or SystemClock(), look_s),
        lambda: _throttling(throttled_before, _n_throttled(sysfs_root)),
        _heat,
        lambda: _governor(sysfs_root),
        lambda: _battery(sysfs_root),
    )
    found = [finding for check in checks if (finding := check()) is not None]
    return (*found, *_device_findings(evidence))


def _other_load(clock: Clock, look_s: float) -> Finding | None:
    """Compare the machine's busy time with this process's own; processes only give the name."""
    me = psutil.Process()
    before, busy_before_s = _busy_by_process(me.pid), busy_core_s()
    own_before_s, t0_s = sum(me.cpu_times()[:2]), clock.now_s()
    clock.sleep_s(look_s)
    span_s = clock.now_s() - t0_s
    busy_s = busy_core_s() - busy_before_s - (sum(me.cpu_times()[:2]) - own_before_s)
    if span_s <= 0:
        return None
    share = busy_s / span_s / (psutil.cpu_count() or 1)
    if share < NOTABLE_SHARE:
        return None
    after = _busy_by_process(me.pid)
    used = [(after[pid][0] - before[pid][0], *after[pid][1:]) for pid in after.keys() & before]
    top_s, name, pid = max(used, default=(0.0, "", 0))
    most = f", {name} (process {pid}) most of it" if top_s > 0 else ""
    return Finding(
        Flag.OTHER_LOAD,
        f"Other processes use {share:.0%} of the CPU{most}.",
        "Close them: one busy neighbour can slow llama.cpp tenfold.",
    )


def _busy_by_process(own_pid: int) -> dict[int, tuple[float, str, int]]:
    """Return CPU seconds, name and number of every process but this one."""
    found = {}
    for process in psutil.process_iter(["pid", "name", "cpu_times"]):
        pid, times = process.info["pid"], process.info["cpu_times"]
        if times is not None and pid != own_pid:
            found[pid] = (times.user + times.system, process.info["name"] or "?", pid)
    return found


def _throttling(before: int, after: int) -> Finding | None:
    if after <= before:
        return None
    return Finding(
        Flag.THROTTLED,
        "The processor is throttling now: it is too hot.",
        "Let it cool down, and clear its air vents.",
    )


def _n_throttled(sysfs_root: Path) -> int:
    """Count throttling events of all cores since boot (Linux on Intel; elsewhere none is told)."""
    counts = (sysfs_root / "devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
    texts = (text_of(path) for path in counts)
    return sum(int(text) for text in texts if text.isdigit())


def _heat() -> Finding | None:
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    readings_c = [
        entry.current for name, group in sensors.items() if name in CPU_SENSORS for entry in group
    ]
    hottest_c = max(readings_c, default=0.0)
    if hottest_c < HOT_C:
        return None
    return Finding(
        Flag.THROTTLED,
        f"The processor is at {hottest_c:.0f} °C before the work begins: it may throttle.",
        "Let it cool down first.",
    )


def _governor(sysfs_root: Path) -> Finding | None:
    saving = {}
    for folder in (sysfs_root / "devices/system/cpu").glob("cpu[0-9]*/cpufreq"):
        governor = text_of(folder / "scaling_governor")
        preference = text_of(folder / "energy_performance_preference")
        if governor != "powersave":
            continue
        if text_of(folder / "scaling_driver") not in FOLLOWING_DRIVERS:
            saving["The CPU governor is powersave, which keeps the clock low."] = "governor"
        elif preference in SAVING_PREFERENCES:
            saving[f"The CPU's energy-performance preference is {preference}."] = "preference"
    if not saving:
        return None
    remedies = {
        "governor": "sudo cpupower frequency-set -g performance",
        "preference": (
            "echo performance | sudo tee "
            "/sys/devices/system/cpu/cpu*/cpufreq/energy_performance_preference"
        ),
    }
    text, kind = min(saving.items())
    return Finding(Flag.GOVERNOR, text, f"For steady figures: {remedies[kind]}")


def _battery(sysfs_root: Path) -> Finding | None:
    if not on_battery(sysfs_root):
        return None
    return Finding(
        Flag.ON_BATTERY,
        "The machine runs on its battery, and may be slower for it.",
        "Plug it in, unless the battery is what you want to know about.",
    )


def _device_findings(evidence: Mapping[str, FactorValue]) -> Iterator[Finding]:
    for key, value in evidence.items():
        device, _, what = key.partition(".")
        if not value:
            continue
        if what == "throttle":
            yield Finding(
                Flag.THROTTLED, f"{device} is held back: {value}.", "Let it cool down first."
            )
        elif what == "n_foreign_processes":
            yield Finding(
                Flag.FOREIGN_GPU_PROCESS,
                f"{value} other compute processes hold {device}: its joules would be theirs too.",
                "End them; nvidia-smi lists them.",
            )
