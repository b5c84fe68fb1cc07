"""What this machine offers a tuner: cores that may be used, free memory, GPUs."""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from llamawatt.core.machine import Gpu
from llamawatt.host.cpu.sharing import PROC, SYSFS, cpu_quota
from llamawatt.host.cpu.topology import Core, Topology, read_topology

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Here:
    """A machine as a tuner sees it.

    Attributes:
        n_physical: Physical cores that may be used, at most as many as a quota lets run at once.
        n_logical: Logical cores, likewise.
        performance_mask: Affinity mask of the fast cores, hexadecimal; empty where all are alike.
        efficiency_mask: Of the slow ones.
        n_performance: How many physical cores are fast; 0 where all are alike.
        memory_bytes: Memory that is free for a model.
        gpu_memory_bytes: Memory of the GPU; None without one that llama.cpp can use.
        openmp: Whether llama.cpp's threads are those of OpenMP.
    """

    n_physical: int
    n_logical: int
    performance_mask: str = ""
    efficiency_mask: str = ""
    n_performance: int = 0
    memory_bytes: int = 8 * GIB
    gpu_memory_bytes: int | None = None
    openmp: bool = True


def look_around(
    gpus: Sequence[Gpu],
    *,
    usable_gpu: bool,
    sysfs_root: Path = SYSFS,
    proc_root: Path = PROC,
    usable: frozenset[int] | None = None,
) -> Here:
    """Ask the machine what it offers.

    Args:
        gpus: GPUs that the driver names.
        usable_gpu: Whether the llama.cpp at hand can use one.
        sysfs_root: Root of sysfs.
        proc_root: Root of procfs.
        usable: Logical cores this process may run on; asked of the system when None.
    """
    topology = read_topology(sysfs_root)
    allowed = _allowed(topology) if usable is None else usable
    cores = [core for core in topology.cores if allowed & set(core.threads)]
    quota = cpu_quota(sysfs_root, proc_root)
    most = max(1, math.floor(quota)) if quota is not None else len(allowed)
    fast = [core for core in cores if not core.is_efficiency]
    slow = [core for core in cores if core.is_efficiency]
    hybrid = bool(fast and slow)
    known = [gpu.memory_bytes for gpu in gpus if gpu.memory_bytes]
    return Here(
        n_physical=max(1, min(len(cores) or 1, most)),
        n_logical=max(1, min(len(allowed) or 1, most)),
        performance_mask=_mask(fast, allowed) if hybrid else "",
        efficiency_mask=_mask(slow, allowed) if hybrid else "",
        n_performance=len(fast) if hybrid else 0,
        memory_bytes=_free_memory_bytes(sysfs_root),
        gpu_memory_bytes=max(known) if usable_gpu and known else None,
        openmp=sys.platform == "linux",
    )


def _allowed(topology: Topology) -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(thread for core in topology.cores for thread in core.threads)


def _mask(cores: Sequence[Core], allowed: frozenset[int]) -> str:
    number = sum(1 << thread for core in cores for thread in core.threads if thread in allowed)
    return f"{number:X}"


def _free_memory_bytes(sysfs_root: Path) -> int:
    """Return what is free, within a container's limit."""
    free = int(psutil.virtual_memory().available)
    group = sysfs_root / "fs/cgroup"
    try:
        limit = (group / "memory.max").read_text("ascii").strip()
        used = (group / "memory.current").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return free
    if limit.isdigit() and used.isdigit():
        return max(0, min(free, int(limit) - int(used)))
    return free
