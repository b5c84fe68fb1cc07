"""NVIDIA GPUs: the energy counter, momentary power beside it, and evidence of their state."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.machine import Gpu, MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.core.trials import FactorValue
from llamawatt.core.units import j_from_mj, w_from_mw
from llamawatt.meters.device_facts import sensor_facts
from llamawatt.meters.nvml_evidence import device_evidence
from llamawatt.meters.nvml_library import Nvml, NvmlError, load_nvml
from llamawatt.meters.opened import Opened
from llamawatt.meters.pci_power import all_suspended

ASLEEP = "Every NVIDIA GPU sleeps, and a meter would wake it: 5 W to 25 W on a laptop."
DEFAULT_GAIN = 0.05
DEFAULT_GAIN_SOURCE = "arXiv 2312.02741: ±5 % between boards"


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing read of one GPU."""

    domain: Domain
    index: int
    read: Callable[[int], int]


class NvmlMeter:
    """Reads the GPUs of one machine.

    Args:
        nvml: The library.
        channels: What is read.
        clock: The clock.
    """

    def __init__(
        self, nvml: Nvml, channels: tuple[Channel, ...], clock: Clock | None = None
    ) -> None:
        self._nvml = nvml
        self._channels = {channel.domain.name: channel for channel in channels}
        self._clock = clock or SystemClock()
        self._closed = False

    @property
    def name(self) -> str:
        """Return `nvml`."""
        return "nvml"

    def domains(self) -> tuple[Domain, ...]:
        """Return what is read of each GPU."""
        return tuple(channel.domain for channel in self._channels.values())

    def read(self, domain: str) -> Sample | Unavailable:
        """Read one channel; see `Meter.read`."""
        if self._closed:
            raise RuntimeError("the meter is closed")
        channel = self._channels[domain]
        before_s = self._clock.now_s()
        try:
            value = channel.read(channel.index)
        except NvmlError as error:
            return Unavailable(f"NVML refused to read {domain} ({error}).")
        after_s = self._clock.now_s()
        t_s, read_s = (before_s + after_s) / 2, after_s - before_s
        if channel.domain.quantity is Quantity.ENERGY:
            return Sample(t_s, energy_j=j_from_mj(value), read_s=read_s)
        return Sample(t_s, power_w=w_from_mw(value), read_s=read_s)

    def evidence(self) -> dict[str, FactorValue]:
        """Return temperature, clock, P-state, throttling and other processes of every GPU."""
        if self._closed:
            return {}
        indices = dict.fromkeys(channel.index for channel in self._channels.values())
        said: dict[str, FactorValue] = {}
        for index in indices:
            said.update(device_evidence(self._nvml, index))
        return said

    def close(self) -> None:
        """Let go of NVML."""
        if not self._closed:
            self._closed = True
            self._nvml.shutdown()


def open_nvml(
    sysfs_root: Path = Path("/sys"),
    *,
    want_gpu: bool = True,
    load: Callable[[], Nvml | Unavailable] = load_nvml,
    clock: Clock | None = None,
) -> Opened:
    """Open every NVIDIA GPU, unless that would wake one that is not wanted.

    Args:
        sysfs_root: Root of sysfs, where a GPU's sleep is seen without touching it.
        want_gpu: Whether the GPU will be used, so that it may be woken.
        load: Gives the library.
        clock: The clock.
    """
    if not want_gpu and all_suspended(sysfs_root):
        return Opened(missing=(MissingMeter("nvml", ASLEEP, "Ask for the GPU to use it."),))
    nvml = load()
    if isinstance(nvml, Unavailable):
        return Opened(missing=(MissingMeter("nvml", nvml.reason, nvml.remedy),))
    channels: list[Channel] = []
    missing: list[MissingMeter] = []
    for index in range(nvml.count()):
        found = _channels(nvml, index)
        channels += found
        if not found:
            missing.append(MissingMeter(f"gpu-{index}", "The GPU tells neither energy nor power."))
    if not channels:
        nvml.shutdown()
        return Opened(missing=tuple(missing) or (MissingMeter("nvml", "There is no NVIDIA GPU."),))
    return Opened(NvmlMeter(nvml, tuple(channels), clock), tuple(missing))


def find_gpus(load: Callable[[], Nvml | Unavailable] = load_nvml) -> tuple[Gpu, ...]:
    """Return every NVIDIA GPU; empty without a driver."""
    nvml = load()
    if isinstance(nvml, Unavailable):
        return ()
    try:
        return tuple(_gpu(nvml, index) for index in range(nvml.count()))
    finally:
        nvml.shutdown()


def _gpu(nvml: Nvml, index: int) -> Gpu:
    identity = nvml.identity(index)
    try:
        limit_w = w_from_mw(nvml.power_limit_mw(index))
    except NvmlError:
        limit_w = None
    return Gpu(
        index=index,
        name=identity["name"],
        uuid=identity["uuid"],
        memory_bytes=nvml.memory_bytes(index),
        driver=identity["driver"],
        power_limit_w=limit_w,
    )


def _channels(nvml: Nvml, index: int) -> list[Channel]:
    """Return the best energy source of a GPU, and momentary power to check a counter by."""
    device = nvml.identity(index)["name"]
    has_counter = _answers(nvml.energy_mj, index)
    has_instant = _answers(nvml.instant_power_mw, index)
    name = f"gpu-{index}"
    if has_counter:
        counter = _domain(name, device, Method.COUNTER, "nvml-counter")
        found = [Channel(counter, index, nvml.energy_mj)]
        if has_instant:
            check = _domain(f"{name}-instant", device, Method.INTEGRAL, "nvml-power-instant", name)
            found.append(Channel(check, index, nvml.instant_power_mw))
        return found
    if has_instant:
        instant = _domain(name, device, Method.INTEGRAL, "nvml-power-instant")
        return [Channel(instant, index, nvml.instant_power_mw)]
    if _answers(nvml.average_power_mw, index):
        average = _domain(name, device, Method.INTEGRAL, "nvml-power-average")
        return [Channel(average, index, nvml.average_power_mw)]
    return []


def _domain(
    name: str, device: str, method: Method, source: str, checks: str | None = None
) -> Domain:
    facts = sensor_facts(device)
    return Domain(
        name=name,
        kind=DomainKind.GPU,
        quantity=Quantity.ENERGY if method is Method.COUNTER else Quantity.POWER,
        method=method,
        source=source,
        device=device,
        in_total=checks is None,
        checks=checks,
        gain_error=facts.gain_error if facts else DEFAULT_GAIN,
        gain_source=facts.source if facts else DEFAULT_GAIN_SOURCE,
        note=_NOTES[source],
    )


_NOTES = {
    "nvml-counter": "The board's own energy counter; it covers the GPU board with its memory.",
    "nvml-power-instant": "Momentary board power, integrated here.",
    "nvml-power-average": "Board power averaged over a second on most boards since Ampere.",
}


def _answers(read: Callable[[int], int], index: int) -> bool:
    """Tell whether a GPU supports a reading. A counter at exactly zero counts nothing."""
    try:
        return read(index) > 0
    except NvmlError:
        return False
