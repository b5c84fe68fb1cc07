"""NVIDIA GPUs: the energy counter, momentary power beside it, and evidence of their state."""

from collections.abc import Callable
from pathlib import Path

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import Gpu, MissingMeter
from llamawatt.core.readings import Domain, Quantity, Sample, Unavailable
from llamawatt.core.trials import FactorValue
from llamawatt.core.units import j_from_mj, w_from_mw
from llamawatt.host.pci_power import any_suspended, has_nvidia_gpu
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors.nvml_evidence import descends_from_us, device_evidence, in_container
from llamawatt.meters.sensors.nvml_library import Nvml, NvmlError, load_nvml
from llamawatt.meters.sensors.nvml_sources import Channel, find_sources

ASLEEP = "An NVIDIA GPU sleeps and was not woken: reading it costs 5 W to 25 W on a laptop."
NO_GPU = "NVML knows of no GPU."


class NvmlMeter:
    """Reads the GPUs of one machine.

    Args:
        nvml: The library.
        channels: What is read.
        clock: The clock.
        is_ours: Tells whether a process belongs to the work; others on a GPU are foreign.
        is_contained: Whether this process lives in a container; found out unless told.
    """

    def __init__(
        self,
        nvml: Nvml,
        channels: tuple[Channel, ...],
        clock: Clock | None = None,
        is_ours: Callable[[int], bool] = descends_from_us,
        *,
        is_contained: bool | None = None,
    ) -> None:
        self._nvml = nvml
        self._channels = {channel.domain.name: channel for channel in channels}
        self._clock = clock or SystemClock()
        self._is_ours = is_ours
        self._is_contained = in_container() if is_contained is None else is_contained
        self._domains = tuple(channel.domain for channel in channels)
        self._closed = False

    @property
    def name(self) -> str:
        """Return `nvml`."""
        return "nvml"

    def domains(self) -> tuple[Domain, ...]:
        """Return what is read of each GPU."""
        return self._domains

    def read(self, domain: str) -> Sample | Unavailable:
        """Read one channel; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        channel = self._channels[domain]
        before_s = self._clock.now_s()
        try:
            value = channel.read(channel.index)
        except NvmlError as error:
            return Unavailable(f"NVML refused to read {domain} ({error}).", error.remedy)
        after_s = self._clock.now_s()
        t_s, read_s = (before_s + after_s) / 2, after_s - before_s
        if channel.domain.quantity is Quantity.ENERGY:
            return Sample(t_s, energy_j=j_from_mj(value), read_s=read_s)
        return Sample(t_s, power_w=w_from_mw(value), read_s=read_s)

    def evidence(self) -> dict[str, FactorValue]:
        """Return temperature, clocks, P-state, throttling and other processes of every GPU."""
        if self._closed:
            return {}
        indices = dict.fromkeys(channel.index for channel in self._channels.values())
        said: dict[str, FactorValue] = {}
        for index in indices:
            said |= device_evidence(
                self._nvml, index, self._is_ours, is_contained=self._is_contained
            )
        return said

    def close(self) -> None:
        """Let go of NVML; that it refuses to be let go changes nothing."""
        if not self._closed:
            self._closed = True
            _shut_down(self._nvml)


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
    nvml = load()
    if isinstance(nvml, Unavailable):
        if has_nvidia_gpu(sysfs_root) is False:
            return _missing(f"No NVIDIA GPU is seen on the PCI bus. {nvml.reason}")
        return _missing(nvml.reason, nvml.remedy)
    channels: list[Channel] = []
    missing: list[MissingMeter] = []
    for index in range(_count(nvml)):
        try:
            found = find_sources(nvml, index, clock or SystemClock())
        except NvmlError as error:
            reason = f"NVML refuses to tell of this GPU ({error})."
            missing.append(MissingMeter(f"gpu-{index}", reason, error.remedy))
            continue
        channels += found.channels
        missing += found.missing
    if not channels:
        _shut_down(nvml)
        return Opened(missing=tuple(missing)) if missing else _missing(NO_GPU)
    return Opened(NvmlMeter(nvml, tuple(channels), clock, is_ours), tuple(missing))


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
    nvml = load()
    if isinstance(nvml, Unavailable):
        return ()
    try:
        found = (_gpu(nvml, index) for index in range(_count(nvml)))
        return tuple(gpu for gpu in found if gpu is not None)
    finally:
        _shut_down(nvml)


def _gpu(nvml: Nvml, index: int) -> Gpu | None:
    try:
        identity = nvml.identity(index)
    except NvmlError:
        return None
    limit_mw = _asked(nvml.power_limit_mw, index)
    return Gpu(
        index=index,
        name=identity["name"],
        uuid=identity["uuid"],
        memory_bytes=_asked(nvml.memory_bytes, index),
        driver=identity["driver"],
        power_limit_w=None if limit_mw is None else w_from_mw(limit_mw),
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
