"""Finds every meter that works here, and says of the others why they do not."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.machine import Gpu, MissingMeter
from llamawatt.core.readings import DomainKind
from llamawatt.host.cpu.own_time import OwnTime
from llamawatt.host.pci_power import any_suspended
from llamawatt.meters.base import Meter
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.battery import open_battery
from llamawatt.meters.sensors.cpu.meter import CpuModelMeter, CpuTimes
from llamawatt.meters.sensors.cpu.model import CpuPowerModel, Processor, choose_model
from llamawatt.meters.sensors.nvml import find_gpus, open_nvml
from llamawatt.meters.sensors.nvml_evidence import descends_from_us
from llamawatt.meters.sensors.rapl import open_rapl
from llamawatt.meters.sensors.wall_plug import open_wall
from llamawatt.meters.sensors.zeus import open_zeus

SYSFS = Path("/sys")
GPU_NAME = re.compile(r"gpu-\d+")


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found.

    Attributes:
        meters: Working meters, open; closing them is the caller's.
        missing: What gives nothing here, with reason and remedy.
    """

    meters: tuple[Meter, ...]
    missing: tuple[MissingMeter, ...]


def discover(
    *,
    want_gpu: bool = True,
    sysfs_root: Path = SYSFS,
    wall_url: str | None = None,
    cpu_power: CpuPowerModel | None = None,
    allow_model: bool = True,
    own_cpu_only: bool = False,
    is_ours: Callable[[int], bool] = descends_from_us,
) -> Discovery:
    """Open every meter of this machine. Never raises.

    Args:
        want_gpu: Whether a sleeping GPU may be woken because it will be used.
        sysfs_root: Root of sysfs; what lies beside it is looked at for signs of a Jetson.
        wall_url: URL of a wall plug.
        cpu_power: Power model of the CPU, used only where no counter works; the one in force on
            this machine when None.
        allow_model: Whether to model at all.
        own_cpu_only: Whether a modelled CPU charges only this process and what it starts.
        is_ours: Tells whether a process belongs to the work; others on a GPU are foreign.
    """
    nvidia = open_nvml(sysfs_root, want_gpu=want_gpu, is_ours=is_ours)
    tried = [
        open_rapl(sysfs_root),
        nvidia,
        open_zeus(sysfs_root.parent, n_gpus=_n_gpus(nvidia), want_gpu=want_gpu),
        open_battery(sysfs_root),
    ]
    if wall_url is not None:
        tried.append(open_wall(wall_url))
    found = [opened.meter for opened in tried if opened.meter is not None]
    missing = [gap for opened in tried for gap in opened.missing]
    if allow_model and not _covers_cpu(found):
        model = cpu_power or choose_model(Processor.here(sysfs_root))
        times = CpuTimes(own_s=OwnTime()) if own_cpu_only else CpuTimes()
        found.append(CpuModelMeter(model, times=times))
    return Discovery(tuple(found), tuple(missing))


def gpus(*, want_gpu: bool = True, sysfs_root: Path = SYSFS) -> tuple[Gpu, ...]:
    """Return every NVIDIA GPU; empty without a driver. Never raises.

    Args:
        want_gpu: Whether a sleeping GPU may be woken.
        sysfs_root: Root of sysfs.
    """
    return find_gpus(sysfs_root, want_gpu=want_gpu)


def gpu_sleeps(sysfs_root: Path = SYSFS) -> bool:
    """Tell, without waking it, whether an NVIDIA GPU sleeps."""
    return any_suspended(sysfs_root)


def _n_gpus(opened: Opened) -> int:
    """Count the GPUs of an interface, those included that tell nothing."""
    mute = {gap.meter for gap in opened.missing if GPU_NAME.fullmatch(gap.meter)}
    domains = opened.meter.domains() if opened.meter is not None else ()
    return len(mute | {domain.name for domain in domains if GPU_NAME.fullmatch(domain.name)})


def _covers_cpu(meters: Iterable[Meter]) -> bool:
    kinds = {domain.kind for meter in meters for domain in meter.domains()}
    return bool(kinds & {DomainKind.CPU_PACKAGE, DomainKind.SOC})
