"""NVIDIA GPUs: the energy counter, momentary power beside it, and evidence of their state."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import Gpu, MissingMeter
from llamawatt.core.readings import Unavailable
from llamawatt.core.trials import FactorValue
from llamawatt.core.units import w_from_mw
from llamawatt.host.pci_power import any_suspended, has_nvidia_gpu
from llamawatt.meters.channel_meter import Channel, ChannelMeter
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.memory_nameplate import nameplate_bytes_per_s
from llamawatt.meters.sensors.nvml_evidence import (
    HZ_PER_MHZ,
    descends_from_us,
    device_evidence,
    in_container,
)
from llamawatt.meters.sensors.nvml_library import Nvml, NvmlError, guarded, load_nvml
from llamawatt.meters.sensors.nvml_sources import find_sources

ASLEEP = "An NVIDIA GPU sleeps and was not woken: reading it costs 5 W to 25 W on a laptop."
NO_GPU = "NVML knows of no GPU."


class NvmlMeter(ChannelMeter):
    """Reads the GPUs of one machine, and what they say of their state.

    Args:
        nvml: The library; let go with the meter. That it refuses to be let go changes nothing.
        channels: What is read, by the number of the GPU.
        clock: The clock.
        is_ours: Tells whether a process belongs to the work; others on a GPU are foreign.
        is_contained: Whether this process lives in a container; found out unless told.
    """

    def __init__(
        self,
        nvml: Nvml,
        channels: Mapping[int, Sequence[Channel]],
        clock: Clock | None = None,
        is_ours: Callable[[int], bool] = descends_from_us,
        *,
        is_contained: bool | None = None,
    ) -> None:
        every = chain.from_iterable(channels.values())
        super().__init__("nvml", every, clock, partial(_shut_down, nvml))
        self._nvml = nvml
        self._indices = tuple(channels)
        self._is_ours = is_ours
        self._is_contained = in_container() if is_contained is None else is_contained

    def evidence(self) -> dict[str, FactorValue]:
        """Return temperature, clocks, P-state, throttling and other processes of every GPU."""
        if self._closed:
            return {}
        said: dict[str, FactorValue] = {}
        for index in self._indices:
            said |= device_evidence(
                self._nvml, index, self._is_ours, is_contained=self._is_contained
            )
        return said


def open_nvml(
    sysfs_root: Path = Path("/sys"),
    *,
    want_gpu: bool = True,
    load: Callable[[], Nvml | Unavailable] = load_nvml,
    clock: Clock | None = None,
    is_ours: Callable[[int], bool] = descends_from_us,
) -> Opened:
    """Open every NVIDIA GPU, unless that would wake one that is not wanted. Never raises.

    Args:
        sysfs_root: Root of sysfs, where a GPU's sleep is seen without touching it.
        want_gpu: Whether the GPU will be used, so that it may be woken.
        load: Gives the library.
        clock: The clock.
        is_ours: Tells whether a process belongs to the work.
    """
    if not want_gpu and any_suspended(sysfs_root):
        return _missing(ASLEEP, "Ask for the GPU in an arm, and it is woken and metered.")
    nvml = _loaded(load)
    if isinstance(nvml, Unavailable):
        if has_nvidia_gpu(sysfs_root) is False:
            return _missing(f"No NVIDIA GPU is seen on the PCI bus. {nvml.reason}")
        return _missing(nvml.reason, nvml.remedy)
    channels: dict[int, Sequence[Channel]] = {}
    missing: list[MissingMeter] = []
    for index in range(_count(nvml)):
        try:
            found = find_sources(nvml, index, clock or SystemClock())
        except NvmlError as error:
            reason = f"NVML refuses to tell of this GPU ({error})."
            missing.append(MissingMeter(f"gpu-{index}", reason, error.remedy))
            continue
        if found.channels:
            channels[index] = found.channels
        missing += found.missing
    if not channels:
        _shut_down(nvml)
        return Opened(missing=tuple(missing)) if missing else _missing(NO_GPU)
    return Opened(NvmlMeter(nvml, channels, clock, is_ours), tuple(missing))


def find_gpus(
    sysfs_root: Path = Path("/sys"),
    *,
    want_gpu: bool = True,
    load: Callable[[], Nvml | Unavailable] = load_nvml,
) -> tuple[Gpu, ...]:
    """Return every NVIDIA GPU that tells its name; empty without a driver. Never raises.

    Args:
        sysfs_root: Root of sysfs.
        want_gpu: Whether a sleeping GPU may be woken.
        load: Gives the library.
    """
    if not want_gpu and any_suspended(sysfs_root):
        return ()
    nvml = _loaded(load)
    if isinstance(nvml, Unavailable):
        return ()
    try:
        found = (_gpu(nvml, index) for index in range(_count(nvml)))
        return tuple(gpu for gpu in found if gpu is not None)
    finally:
        _shut_down(nvml)


def _loaded(load: Callable[[], Nvml | Unavailable]) -> Nvml | Unavailable:
    """Load the library so that every call of it fails in one way."""
    try:
        found = load()
    except Exception as error:  # noqa: BLE001  (a broken installation may raise anything)
        return Unavailable(f"NVML does not load ({type(error).__name__}: {error}).")
    return found if isinstance(found, Unavailable) else guarded(found)


def _gpu(nvml: Nvml, index: int) -> Gpu | None:
    try:
        identity = nvml.identity(index)
    except NvmlError:
        return None
    limit_mw = _asked(nvml.power_limit_mw, index)
    clock_mhz = _asked(nvml.max_memory_clock_mhz, index)
    return Gpu(
        index=index,
        name=identity["name"],
        uuid=identity["uuid"],
        memory_bytes=_asked(nvml.memory_bytes, index),
        driver=identity["driver"],
        power_limit_w=None if limit_mw is None else w_from_mw(limit_mw),
        nameplate_bytes_per_s=nameplate_bytes_per_s(
            _asked(nvml.memory_bus_bits, index),
            None if clock_mhz is None else clock_mhz * HZ_PER_MHZ,
        ),
    )


def _asked(read: Callable[[int], int], index: int) -> int | None:
    try:
        return read(index)
    except NvmlError:
        return None


def _count(nvml: Nvml) -> int:
    try:
        return nvml.count()
    except NvmlError:
        return 0


def _shut_down(nvml: Nvml) -> None:
    try:
        nvml.shutdown()
    except NvmlError:
        return


def _missing(reason: str, remedy: str = "") -> Opened:
    return Opened(missing=(MissingMeter("nvml", reason, remedy),))
