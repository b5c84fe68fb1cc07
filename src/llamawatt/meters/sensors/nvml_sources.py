"""Which of NVML's energy sources a GPU has, and which of them to believe."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from llamawatt.core.clock import Clock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.core.units import j_from_mj, w_from_mw
from llamawatt.meters.channel_meter import Channel
from llamawatt.meters.device_facts import sensor_facts
from llamawatt.meters.energy.screening import MOST_W
from llamawatt.meters.sensors.nvml_library import BINDING, NAMELESS, Nvml, NvmlError

DEFAULT_GAIN_ERROR = 0.05
DEFAULT_GAIN_SOURCE = "assumed: seen between boards of other models (arXiv 2312.02741)"
TICK_PATIENCE_S = 0.5
"""Five ticks of the slowest counters known (100 ms). One that has not moved by then is stuck."""
LOOK_S = 0.02

_NOTES = {
    "nvml-counter": "The board's own energy counter; it covers the GPU board with its memory.",
    "nvml-power-instant": "Momentary board power, integrated here.",
    "nvml-power-average": (
        "Board power, which most boards since Ampere average over a second; integrated here."
    ),
}


LIMIT_MARGIN = 1.5
"""Boards overshoot their power limit for a moment; a reading this far above it is a fault."""


def _channel(nvml: Nvml, domain: Domain, index: int, read_milli: Callable[[int], int]) -> Channel:
    is_power = domain.quantity is Quantity.POWER
    scaled = w_from_mw if is_power else j_from_mj
    limit_w = _limit_w(nvml, index) if is_power else math.inf

    def read() -> float | Unavailable:
        try:
            value = scaled(read_milli(index))
        except NvmlError as error:
            return Unavailable(f"NVML refused to read {domain.name} ({error}).", error.remedy)
        if value < 0:
            return Unavailable(f"NVML tells {value:g} of {domain.name}, which cannot be.")
        # The limit may have been raised since, so it is asked again before a reading is refused.
        if value > LIMIT_MARGIN * limit_w and value > LIMIT_MARGIN * _limit_w(nvml, index):
            return Unavailable(
                f"NVML tells {value:g} W of {domain.name}, far above its power limit of "
                f"{_limit_w(nvml, index):g} W: the reading is wrong.",
                "Restart the machine or update the driver.",
            )
        return value

    return Channel(domain, read)


def _limit_w(nvml: Nvml, index: int) -> float:
    """Return the power limit of a GPU; half of what any GPU draws where it tells none."""
    try:
        limit_w = w_from_mw(nvml.power_limit_mw(index))
    except NvmlError:
        limit_w = 0.0
    return limit_w if limit_w > 0 else MOST_W[DomainKind.GPU] / LIMIT_MARGIN


@dataclass(frozen=True, slots=True)
class Sources:
    """What one GPU offers.

    Attributes:
        channels: The best energy source, and momentary power to check a counter by.
        missing: What it does not offer, or offers wrongly.
    """

    channels: tuple[Channel, ...]
    missing: tuple[MissingMeter, ...] = ()


def find_sources(nvml: Nvml, index: int, clock: Clock) -> Sources:
    """Choose the energy source of one GPU: counter, else momentary power, else mean power.

    Args:
        nvml: The library.
        index: Which GPU.
        clock: The clock; a counter is watched for a tick or a few.

    Raises:
        NvmlError: NVML refuses to tell of the GPU.
    """
    device, refusal = _name(nvml, index)
    name = f"gpu-{index}"
    has_instant = _answers(nvml.instant_power_mw, index)
    counts = _counts(nvml, index, clock)
    notes: tuple[MissingMeter, ...] = ()
    if counts is False:
        reason = "The energy counter stands still; power is integrated in its place."
        notes = (MissingMeter(f"{name} counter", reason),)
    if counts:
        channels = [_channel(nvml, _domain(name, device, "nvml-counter"), index, nvml.energy_mj)]
        if has_instant:
            check = _domain(f"{name}-instant", device, "nvml-power-instant", checks=name)
            channels.append(_channel(nvml, check, index, nvml.instant_power_mw))
        return Sources(tuple(channels))
    if has_instant:
        instant = _domain(name, device, "nvml-power-instant")
        return Sources((_channel(nvml, instant, index, nvml.instant_power_mw),), notes)
    if _answers(nvml.average_power_mw, index):
        average = _domain(name, device, "nvml-power-average")
        return Sources((_channel(nvml, average, index, nvml.average_power_mw),), notes)
    if refusal is not None:
        raise refusal
    reason = f"{device} tells neither energy nor power (so do virtual and many laptop GPUs)."
    return Sources((), (MissingMeter(name, reason),))


def _name(nvml: Nvml, index: int) -> tuple[str, NvmlError | None]:
    """Return a GPU's name, or a stand-in where the binding failed to say it, and why.

    Raises:
        NvmlError: NVML itself refuses to tell of this GPU.
    """
    try:
        return nvml.identity(index)["name"], None
    except NvmlError as error:
        if error.kind != BINDING:
            raise
        return NAMELESS, error


def _domain(name: str, device: str, source: str, checks: str | None = None) -> Domain:
    is_counter = source == "nvml-counter"
    facts = sensor_facts(device)
    return Domain(
        name=name,
        kind=DomainKind.GPU,
        quantity=Quantity.ENERGY if is_counter else Quantity.POWER,
        method=Method.COUNTER if is_counter else Method.INTEGRAL,
        source=source,
        device=device,
        in_total=checks is None,
        checks=checks,
        gain_error=facts.gain_error if facts else DEFAULT_GAIN_ERROR,
        gain_source=facts.source if facts else DEFAULT_GAIN_SOURCE,
        note=_NOTES[source],
    )


def _answers(read: Callable[[int], int], index: int) -> bool:
    """Tell whether a GPU tells its power. Zero watts tell nothing."""
    try:
        return read(index) > 0
    except NvmlError:
        return False


def _counts(nvml: Nvml, index: int, clock: Clock) -> bool | None:
    """Tell whether the energy counter runs: False when it is there but stands still, else None."""
    try:
        first_mj = nvml.energy_mj(index)
        until_s = clock.now_s() + TICK_PATIENCE_S
        while clock.now_s() < until_s:
            clock.sleep_s(LOOK_S)
            if nvml.energy_mj(index) > first_mj:
                return True
    except NvmlError:
        return None
    return False
