"""What is read of each of Zeus' devices, and what it is called here.

Zeus gives millijoules and milliwatts. A field that a device does not have is None there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.core.units import j_from_mj, w_from_mw
from llamawatt.meters.channel_meter import Channel

T = TypeVar("T")

APPLE_GAIN_ERROR = 0.2
APPLE_GAIN_SOURCE = "stated: Apple publishes no accuracy of its energy model"
JETSON_GAIN_ERROR = 0.05
JETSON_GAIN_SOURCE = "stated: shunt monitors on the module"
AMD_GAIN_ERROR = 0.1
AMD_GAIN_SOURCE = "stated: AMD publishes no accuracy of its sensors"
INTEGRATED = "Graphics"
"""AMD's names of graphics within a processor end so, as `AMD Radeon 780M Graphics`."""
CPU_GAIN_ERROR = 0.05
CPU_GAIN_SOURCE = "stated: makers publish no accuracy of these counters"


NAMELESS = "a GPU that does not tell its name"


class ZeusReadError(Exception):
    """Zeus, or a vendor's library below it, failed."""


def guarded(call: Callable[[], T]) -> T:
    """Call into Zeus, with every failure made one kind.

    Raises:
        ZeusReadError: it failed.
    """
    try:
        return call()
    except Exception as error:  # vendors' libraries below Zeus may raise anything
        raise ZeusReadError(f"{type(error).__name__}: {error}") from error


class Soc(Protocol):
    """A system on a chip, as Zeus has it."""

    def get_total_energy_consumption(self) -> object:
        """Return cumulative millijoules by part, in fields that end in `_mj`."""


class CpuMeasurement(Protocol):
    """Cumulative energy of one processor, as Zeus has it."""

    cpu_mj: float
    dram_mj: float | None


class Cpus(Protocol):
    """The processors, as Zeus has them."""

    def __len__(self) -> int:
        """Return how many there are."""

    def get_total_energy_consumption(self, index: int, /) -> CpuMeasurement:
        """Return the cumulative energy of one."""


class AmdGpu(Protocol):
    """One GPU, as Zeus has it."""

    def get_name(self) -> str:
        """Return its name."""

    def supports_get_total_energy_consumption(self) -> bool:
        """Tell whether Zeus found its counter to run true."""

    def get_total_energy_consumption(self) -> int:
        """Return cumulative millijoules."""

    def get_instant_power_usage(self) -> int:
        """Return momentary milliwatts."""

    def get_average_power_usage(self) -> int:
        """Return average milliwatts."""


def channel(domain: Domain, read_milli: Callable[[], float]) -> Channel:
    """Return a channel of what Zeus reads in millijoules or milliwatts."""
    scaled = j_from_mj if domain.quantity is Quantity.ENERGY else w_from_mw

    def read() -> float | Unavailable:
        try:
            return scaled(guarded(read_milli))
        except ZeusReadError as error:
            return Unavailable(f"Zeus cannot read {domain.name} ({error}).")

    return Channel(domain, read)


@dataclass(frozen=True, slots=True)
class Found:
    """What one kind of device came to."""

    channels: tuple[Channel, ...] = ()
    missing: tuple[MissingMeter, ...] = ()


_APPLE = {
    "cpu_total_mj": ("cpu-package-0", DomainKind.CPU_PACKAGE),
    "dram_mj": ("dram-0", DomainKind.DRAM),
    "gpu_mj": ("gpu-0", DomainKind.GPU),
    "gpu_sram_mj": ("gpu-sram-0", DomainKind.OTHER),
    "ane_mj": ("neural-engine-0", DomainKind.OTHER),
}
_JETSON = {
    "total_energy_mj": ("soc-0", DomainKind.SOC),
    "cpu_energy_mj": ("cpu-package-0", DomainKind.CPU_PACKAGE),
    "gpu_energy_mj": ("gpu-0", DomainKind.GPU),
}
_JETSON_TOTAL = "total_energy_mj"


def soc_channels(soc: Soc) -> Found:
    """Return the parts that a system on a chip tells of.

    Raises:
        ZeusReadError: it cannot be read.
    """
    now = guarded(soc.get_total_energy_consumption)
    fields = _JETSON if hasattr(now, _JETSON_TOTAL) else _APPLE
    told = [field for field in fields if getattr(now, field, None) is not None]
    if not told:
        return Found(missing=(MissingMeter("soc", "The chip tells no energy of any part."),))
    is_jetson = fields is _JETSON
    has_total = is_jetson and _JETSON_TOTAL in told
    channels = []
    for field in told:
        name, kind = fields[field]
        in_total = not has_total or field == _JETSON_TOTAL
        make = _jetson_domain if is_jetson else _apple_domain
        channels.append(channel(make(name, kind, in_total), partial(_field_mj, soc, field)))
    return Found(tuple(channels))


def _apple_domain(name: str, kind: DomainKind, in_total: bool) -> Domain:
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.MODEL,
        source="zeus-apple",
        in_total=in_total,
        gain_error=APPLE_GAIN_ERROR,
        gain_source=APPLE_GAIN_SOURCE,
        note="Apple's own energy model (IOReport), not a measurement.",
    )


def _jetson_domain(name: str, kind: DomainKind, in_total: bool) -> Domain:
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.INTEGRAL,
        source="zeus-jetson",
        in_total=in_total,
        gain_error=JETSON_GAIN_ERROR,
        gain_source=JETSON_GAIN_SOURCE,
        note="Power of a rail of the module, integrated by Zeus every 0.1 s."
        + ("" if in_total else " Part of soc-0."),
    )


def cpu_channels(cpus: Cpus) -> Found:
    """Return packages, and memory where it is told.

    Raises:
        ZeusReadError: they cannot be read.
    """
    channels: list[Channel] = []
    for index in range(len(cpus)):
        now = guarded(partial(cpus.get_total_energy_consumption, index))
        package = _cpu_domain(f"cpu-package-{index}", DomainKind.CPU_PACKAGE)
        channels.append(channel(package, partial(_cpu_mj, cpus, index)))
        if now.dram_mj is not None:
            dram = _cpu_domain(f"dram-{index}", DomainKind.DRAM)
            channels.append(channel(dram, partial(_dram_mj, cpus, index)))
    if not channels:
        return Found(missing=(MissingMeter("cpu", "Zeus knows of no processor here."),))
    return Found(tuple(channels))


def _cpu_domain(name: str, kind: DomainKind) -> Domain:
    return Domain(
        name=name,
        kind=kind,
        quantity=Quantity.ENERGY,
        method=Method.COUNTER,
        source="zeus-cpu",
        gain_error=CPU_GAIN_ERROR,
        gain_source=CPU_GAIN_SOURCE,
        note="The operating system's energy meter of the processor.",
    )


def amd_channels(gpus: Sequence[AmdGpu], n_before: int = 0) -> Found:
    """Return the best energy source of each of AMD's GPUs, and power to check a counter by.

    Args:
        gpus: The GPUs.
        n_before: GPUs of other makers, which have the lower numbers.
    """
    channels: list[Channel] = []
    missing: list[MissingMeter] = []
    for number, gpu in enumerate(gpus, start=n_before):
        found = _amd_gpu(gpu, f"gpu-{number}")
        channels += found.channels
        missing += found.missing
    return Found(tuple(channels), tuple(missing))


def _amd_gpu(gpu: AmdGpu, name: str) -> Found:
    device = _asked(gpu.get_name, NAMELESS)
    is_integrated = device.endswith(INTEGRATED)
    counts = _asked(gpu.supports_get_total_energy_consumption, instead=False)
    power = next(
        (
            (source, read)
            for source, read in (
                ("zeus-amd-power-instant", gpu.get_instant_power_usage),
                ("zeus-amd-power-average", gpu.get_average_power_usage),
            )
            if _answers(read)
        ),
        None,
    )
    found = []
    if counts:
        counter = _amd_domain(name, device, "zeus-amd-counter", is_integrated=is_integrated)
        found.append(channel(counter, gpu.get_total_energy_consumption))
    if power is not None:
        source, read = power
        own = f"{name}-{source.rpartition('-')[2]}" if counts else name
        checks = name if counts else None
        domain = _amd_domain(own, device, source, checks, is_integrated=is_integrated)
        found.append(channel(domain, read))
    if not found:
        reason = f"{device} tells neither energy nor power (the second die of a pair does not)."
        return Found(missing=(MissingMeter(name, reason),))
    return Found(tuple(found))


def _amd_domain(
    name: str, device: str, source: str, checks: str | None = None, *, is_integrated: bool
) -> Domain:
    is_counter = source == "zeus-amd-counter"
    return Domain(
        name=name,
        kind=DomainKind.GPU,
        quantity=Quantity.ENERGY if is_counter else Quantity.POWER,
        method=Method.COUNTER if is_counter else Method.INTEGRAL,
        source=source,
        device=device,
        in_total=checks is None and not is_integrated,
        checks=checks,
        gain_error=AMD_GAIN_ERROR,
        gain_source=AMD_GAIN_SOURCE,
        note="Integrated: its energy is in the processor package." if is_integrated else "",
    )


def _field_mj(soc: Soc, field: str) -> float:
    return _told(getattr(soc.get_total_energy_consumption(), field), field)


def _cpu_mj(cpus: Cpus, index: int) -> float:
    return float(cpus.get_total_energy_consumption(index).cpu_mj)


def _dram_mj(cpus: Cpus, index: int) -> float:
    return _told(cpus.get_total_energy_consumption(index).dram_mj, "dram_mj")


def _told(value_mj: float | None, field: str) -> float:
    if value_mj is None:
        raise ZeusReadError(f"{field} is not told any more")
    return float(value_mj)


def _asked(call: Callable[[], T], instead: T) -> T:
    """Return what a GPU says of itself; a stand-in where it fails, so that the rest works."""
    try:
        return guarded(call)
    except ZeusReadError:
        return instead


def _answers(read: Callable[[], int]) -> bool:
    """Tell whether a GPU tells its power. Zero watts tell nothing."""
    try:
        return guarded(read) > 0
    except ZeusReadError:
        return False
