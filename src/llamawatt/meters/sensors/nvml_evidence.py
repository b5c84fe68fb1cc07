"""What a GPU tells of itself around a trial. Each call costs, so only what a judge would ask."""

import os
from collections.abc import Callable
from pathlib import Path

import psutil

from llamawatt.core.trials import FactorValue
from llamawatt.core.units import w_from_mw
from llamawatt.meters.sensors.nvml_library import Nvml, NvmlError

THROTTLING = {
    0x08: "hardware slowdown",
    0x20: "software thermal",
    0x40: "hardware thermal",
    0x80: "power brake",
}
"""Bits of nvmlClocksThrottleReasons (nvml.h) that mean the device is held back against its will.
Idle (0x01), application clocks (0x02) and the power cap (0x04) are ordinary working conditions."""
POWER_CAPPED = 0x04
HZ_PER_MHZ = 1_000_000
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def device_evidence(
    nvml: Nvml,
    index: int,
    is_ours: Callable[[int], bool],
    *,
    is_contained: bool,
) -> dict[str, FactorValue]:
    """Return the evidence of one GPU; what it does not tell is None.

    Args:
        nvml: The library.
        index: Which GPU.
        is_ours: Tells whether a process belongs to the work.
        is_contained: Whether this process lives in a container, which does not see others.
    """
    reasons = _asked(nvml.clock_reasons, index)
    sm_clock_mhz = _asked(nvml.sm_clock_mhz, index)
    memory_clock_mhz = _asked(nvml.memory_clock_mhz, index)
    limit_mw = _asked(nvml.power_limit_mw, index)
    busy_percent = _asked(nvml.busy_percent, index)
    name = f"gpu-{index}"
    return {
        f"{name}.temp_c": _asked(nvml.temperature_c, index),
        f"{name}.sm_clock_hz": None if sm_clock_mhz is None else sm_clock_mhz * HZ_PER_MHZ,
        f"{name}.mem_clock_hz": None if memory_clock_mhz is None else memory_clock_mhz * HZ_PER_MHZ,
        f"{name}.pstate": _asked(nvml.performance_state, index),
        f"{name}.power_limit_w": None if limit_mw is None else w_from_mw(limit_mw),
        f"{name}.busy_share": None if busy_percent is None else busy_percent / 100,
        f"{name}.throttle": None if reasons is None else throttle_text(reasons),
        f"{name}.power_capped": None if reasons is None else bool(reasons & POWER_CAPPED),
        f"{name}.n_foreign_processes": _n_foreign(nvml, index, is_ours, is_contained=is_contained),
    }


def throttle_text(reasons: int) -> str:
    """Return the throttling among a mask of reasons, in words; empty when there is none."""
    return ", ".join(word for bit, word in THROTTLING.items() if reasons & bit)


def descends_from_us(pid: int) -> bool:
    """Tell whether a process is this one or one that it started, directly or not."""
    me = os.getpid()
    try:
        return pid == me or any(parent.pid == me for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return False


def in_container() -> bool:
    """Tell whether this process lives in a container, as far as containers leave marks."""
    marked = any(mark.exists() for mark in CONTAINER_MARKS)
    return marked or "KUBERNETES_SERVICE_HOST" in os.environ or "container" in os.environ


def _n_foreign(
    nvml: Nvml, index: int, is_ours: Callable[[int], bool], *, is_contained: bool
) -> int | None:
    """Count compute processes on the GPU that are not ours; None when nobody can tell.

    A container is shown no processes, or the host's numbers for them. Only when one of ours is
    recognised are the others known to be foreign.
    """
    try:
        pids = set(nvml.compute_pids(index))
    except NvmlError:
        return None
    n_ours = sum(1 for pid in pids if is_ours(pid))
    if is_contained and not n_ours:
        return None
    return len(pids) - n_ours


def _asked(read: Callable[[int], int], index: int) -> int | None:
    try:
        return read(index)
    except NvmlError:
        return None
