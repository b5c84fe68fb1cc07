"""AMD GPUs, Apple Silicon, Jetson and Windows processors, through the Zeus library.

Zeus comes with the extra `hardware`. It is imported only where such hardware is seen.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from llamawatt.core.clock import Clock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Unavailable
from llamawatt.host.pci_power import amd_status
from llamawatt.meters.channel_meter import ChannelMeter
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.zeus_channels import (
    AmdGpu,
    Found,
    ZeusReadError,
    amd_channels,
    cpu_channels,
    soc_channels,
)
from llamawatt.meters.sensors.zeus_library import ZeusLibrary, load_zeus

AMD_ASLEEP = "An AMD GPU sleeps and was not woken."
REMEDY = "Install it with `pip install 'llamawatt[hardware]'`."
JETSON_MARKS = ("etc/nv_tegra_release", "usr/lib/aarch64-linux-gnu/tegra")


def open_zeus(
    root: Path = Path("/"),
    *,
    n_gpus: int = 0,
    want_gpu: bool = True,
    platform: str = sys.platform,
    load: Callable[[], ZeusLibrary | Unavailable] = load_zeus,
    clock: Clock | None = None,
) -> Opened:
    """Open what this machine has of the hardware that only Zeus reads. Never raises.

    Args:
        root: Root of the file system, where hardware is seen without touching it.
        n_gpus: GPUs that other meters read; AMD's are numbered after them.
        want_gpu: Whether a sleeping GPU may be woken.
        platform: The platform, as `sys.platform`.
        load: Gives the library.
        clock: The clock.
    """
    amd = amd_status(root / "sys")
    is_jetson = any((root / mark).exists() for mark in JETSON_MARKS)
    if not (amd or is_jetson or platform in {"darwin", "win32"}):
        return Opened()
    zeus = load()
    if isinstance(zeus, Unavailable):
        return Opened(missing=(MissingMeter("zeus", zeus.reason, zeus.remedy or REMEDY),))
    found: list[Found] = []
    if is_jetson or platform == "darwin":
        found.append(_tried("soc", lambda: soc_channels(zeus.soc())))
    if platform == "win32":
        found.append(_tried("cpu", lambda: cpu_channels(zeus.cpus())))
    if amd and not want_gpu and "suspended" in amd.values():
        found.append(Found(missing=(MissingMeter("amd-gpu", AMD_ASLEEP),)))
    elif amd:
        found.append(_tried("amd-gpu", lambda: _amd(zeus.amd_gpus(), n_gpus, len(amd))))
    channels = [channel for each in found for channel in each.channels]
    missing = tuple(gap for each in found for gap in each.missing)
    return Opened(ChannelMeter("zeus", channels, clock, zeus.close) if channels else None, missing)


def _amd(gpus: list[AmdGpu], n_before: int, n_on_bus: int) -> Found:
    """Return the channels of AMD's GPUs, and say when the environment hides some from Zeus."""
    found = amd_channels(gpus, n_before)
    if len(gpus) >= n_on_bus:
        return found
    hidden = MissingMeter(
        "amd-gpu",
        f"Zeus shows {len(gpus)} of {n_on_bus} AMD GPUs; the others are not metered.",
        "Unset HIP_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES.",
    )
    return Found(found.channels, (*found.missing, hidden))


def _tried(what: str, find: Callable[[], Found]) -> Found:
    try:
        return find()
    except Exception as error:  # noqa: BLE001  (vendors' libraries below Zeus may raise anything)
        said = (
            str(error) if isinstance(error, ZeusReadError) else f"{type(error).__name__}: {error}"
        )
        return Found(missing=(MissingMeter(what, f"Zeus cannot open it ({said})."),))
