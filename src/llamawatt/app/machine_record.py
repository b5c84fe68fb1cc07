"""What machine this is: processor, memory, governor, battery, versions."""

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psutil

from llamawatt.core.machine import (
    Gpu,
    MachineRecord,
    MissingMeter,
    WallModel,
    machine_key,
    metered_gpus,
)
from llamawatt.core.readings import Domain, Unavailable
from llamawatt.core.version import VERSION
from llamawatt.host.cpu.name import cpu_name
from llamawatt.host.identity import machine_id
from llamawatt.host.memory_bandwidth import memory_bandwidth
from llamawatt.host.power_supply import on_battery
from llamawatt.meters.sampling.instrument import MeterBench
from llamawatt.meters.sensors.discover import discover
from llamawatt.meters.sensors.discover import gpus as find_gpus
from llamawatt.wall.store import load_wall_model, wall_model_path

GOVERNOR = "devices/system/cpu/cpu0/cpufreq/scaling_governor"


def n_usable_cores() -> int:
    """Return the logical cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_record(
    bench: MeterBench,
    gpus: Sequence[Gpu],
    llama_cpp: str,
    sysfs_root: Path = Path("/sys"),
) -> MachineRecord:
    """Describe the machine and its calibrated meters.

    Args:
        bench: The meters, entered.
        gpus: The GPUs found.
        llama_cpp: What is known of the llama.cpp build.
        sysfs_root: Root of sysfs.
    """
    discharging = on_battery(sysfs_root)
    wall_model, gaps = _wall_model(gpus, bench.domains, on_battery=bool(discharging))
    return MachineRecord(
        hostname_hash=hostname_hash(),
        os=f"{platform.system()} {platform.release()}",
        cpu=cpu_name(),
        n_cores=n_usable_cores(),
        n_physical_cores=psutil.cpu_count(logical=False),
        memory_bytes=psutil.virtual_memory().total,
        governor=_text(sysfs_root / GOVERNOR),
        on_battery=discharging,
        gpus=tuple(gpus),
        domains=bench.domains,
        calibrations=tuple(bench.calibrations.values()),
        missing=(*bench.missing, *gaps),
        versions=_versions(llama_cpp),
        bandwidth_bytes_per_s={"cpu": memory_bandwidth(n_usable_cores())},
        wall_model=wall_model,
        machine_id=machine_id(),
    )


def key_here(gpus: Sequence[Gpu], domains: Sequence[Domain]) -> str:
    """Return the key of this machine, as its record will have it."""
    return machine_key(hostname_hash(), machine_id(), cpu_name(), metered_gpus(gpus, domains))


def this_machine() -> str:
    """Return the key of this machine, by the meters that work here without being told of more."""
    meters = discover().meters
    try:
        domains = [domain for meter in meters for domain in meter.domains()]
        return key_here(find_gpus(), domains)
    finally:
        for meter in meters:
            meter.close()


def hostname_hash() -> str:
    """Return a short hash of the machine's name; the name itself is not kept."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def _wall_model(
    gpus: Sequence[Gpu], domains: Sequence[Domain], *, on_battery: bool
) -> tuple[WallModel | None, tuple[MissingMeter, ...]]:
    """Return the wall model of these domains; on battery, the wall feeds nothing."""
    found = load_wall_model(wall_model_path(key_here(gpus, domains), domains))
    if isinstance(found, Unavailable):
        return None, (MissingMeter("wall-model", found.reason, found.remedy),)
    return (None if on_battery else found), ()


def _versions(llama_cpp: str) -> dict[str, str]:
    versions = {"llamawatt": VERSION, "python": platform.python_version()}
    for package in ("xllamacpp", "nvidia-ml-py"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if llama_cpp:
        versions["llama.cpp"] = llama_cpp
    return versions


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
