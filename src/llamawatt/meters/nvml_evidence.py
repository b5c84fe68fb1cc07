"""What a GPU tells of itself around a trial. Each call costs, so only what a judge would ask."""

from collections.abc import Callable

import psutil

from llamawatt.core.trials import FactorValue
from llamawatt.meters.nvml_library import Nvml, NvmlError

THROTTLING = {
    0x08: "hardware slowdown",
    0x20: "software thermal",
    0x40: "hardware thermal",
    0x80: "power brake",
}
"""Bits of nvmlClocksThrottleReasons (nvml.h) that mean the device is held back against its will.
Idle (0x01), application clocks (0x02) and the power cap (0x04) are ordinary working conditions."""
POWER_CAPPED = 0x04


def device_evidence(nvml: Nvml, index: int) -> dict[str, FactorValue]:
    """Return the evidence of one GPU; what it does not tell is None."""
    reasons = _asked(nvml.clock_reasons, index)
    clock_mhz = _asked(nvml.sm_clock_mhz, index)
    name = f"gpu-{index}"
    return {
        f"{name}.temp_c": _asked(nvml.temperature_c, index),
        f"{name}.sm_clock_hz": None if clock_mhz is None else clock_mhz * 1_000_000,
        f"{name}.pstate": _asked(nvml.performance_state, index),
        f"{name}.throttle": None if reasons is None else throttle_text(reasons),
        f"{name}.power_capped": None if reasons is None else bool(reasons & POWER_CAPPED),
        f"{name}.n_foreign_processes": _n_foreign(nvml, index),
    }


def throttle_text(reasons: int) -> str:
    """Return the throttling among a mask of reasons, in words; empty when there is none."""
    return ", ".join(word for bit, word in THROTTLING.items() if reasons & bit)


def _n_foreign(nvml: Nvml, index: int) -> int | None:
    """Count processes on the GPU that are neither ours nor our children's."""
    try:
        pids = set(nvml.compute_pids(index))
    except NvmlError:
        return None
    me = psutil.Process()
    ours = {me.pid, *(child.pid for child in me.children(recursive=True))}
    # A container sees the host's numbers for its own processes; then nobody can be told apart.
    if pids and not any(psutil.pid_exists(pid) for pid in pids):
        return None
    return len(pids - ours)


def _asked(read: Callable[[int], int], index: int) -> int | None:
    try:
        return read(index)
    except NvmlError:
        return None
