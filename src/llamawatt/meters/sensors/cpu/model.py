"""The power model of one machine's processor, and how it is chosen.

In force is, first of these: watts given by the user, watts fitted on this machine, rated power.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from llamawatt.core.errors import UsageError
from llamawatt.core.readings import PowerEstimate, Unavailable
from llamawatt.host.cpu.name import PROC, cpu_name
from llamawatt.host.cpu.rated import PowerClass, RatedPower, rated_power
from llamawatt.host.cpu.sharing import Sharing, read_sharing
from llamawatt.host.cpu.topology import SYSFS, Topology, read_topology
from llamawatt.meters.sensors.cpu.curve import Curve
from llamawatt.meters.sensors.cpu.fitted import FittedCpu, load_fitted

FULL_SHARE = 0.62
"""Power at full load over rated power: 0.5 to 0.7 on the processors of the validation."""
IDLE_SHARE = {PowerClass.CLIENT: 0.08, PowerClass.SERVER: 0.20}
"""Idle power over rated power. Server dies keep fabric and memory controllers awake."""
IDLE_FACTOR = 2.0
SPAN_FACTOR = 1.8
"""Bounds either way, that at least 90 % of loaded points of a processor never seen lie within."""
NAMES = {
    "rated-power": "rated power",
    "calibrated": "a calibration of this machine",
    "given": "given watts",
}
"""What an estimate rests on, in words."""
GIVEN_FACTOR = 1.2
"""Bound of watts that the user gives."""
CURVE_FACTOR = 1.5
"""Bound of the curve alone, where full load is known: processors bend differently."""
VIRTUAL_FACTOR = 2.0
"""What a virtual machine adds: its cores are turns on cores that others use too."""
QUOTA_FACTOR = 1.3
"""What a container's limit adds: turns on a core come in bursts."""
CALIBRATE = (
    "To halve this error, calibrate once: `llamawatt calibrate` where the CPU's energy counters "
    "can be read (as root, say) or on battery, `llamawatt calibrate --wall URL` with a plug. "
    "--cpu-idle-w and --cpu-max-w take watts that you know."
)
ON_HOST = "Only the host can measure this. --cpu-idle-w and --cpu-max-w take watts that you know."
SERVER_THREAD_W = 3.0
CLIENT_THREAD_W = 6.0
"""Rated watts of one logical CPU of a virtual machine: 2 W to 5 W on servers (280 W over 128
threads, 240 W over 48), 2 W to 8 W on clients."""


@dataclass(frozen=True, slots=True)
class CpuPowerModel:
    """Power of the whole processor over its busy cores.

    Attributes:
        estimate: Idle watts and span, with their bounds and source.
        cpu: Name of the processor.
        topology: Its cores.
        curve: How power rises over load.
        remarks: What makes the figures worse here, in sentences.
    """

    estimate: PowerEstimate
    cpu: str
    topology: Topology
    curve: Curve = field(default_factory=Curve)
    remarks: tuple[str, ...] = ()

    @property
    def full_w(self) -> float:
        """Watts with all cores busy."""
        return self.estimate.idle_w + self.estimate.span_w

    def power_w(self, busy_share: Mapping[int, float]) -> float:
        """Return the watts with each logical CPU busy for some share of the time, 0..1."""
        share = self.curve.span_share(self.topology, busy_share)
        return self.estimate.idle_w + self.estimate.span_w * share

    @property
    def note(self) -> str:
        """What a reader should know of the figures."""
        known = self.estimate
        watts = (
            f"Estimated from busy cores and {NAMES[known.name]}: {known.idle_w:.3g} W idle "
            f"(×/÷ {known.idle_factor:.2g}), up to {known.span_w:.3g} W more under load "
            f"(×/÷ {known.span_factor:.2g}); "
            f"{known.source}."
        )
        return " ".join((watts, *self.remarks))

    @property
    def bound_source(self) -> str:
        """Where the bound comes from, in a word or two."""
        if self.estimate.name == "calibrated":
            return "fitted on this machine"
        plain = (self.estimate.idle_factor, self.estimate.span_factor) == (IDLE_FACTOR, SPAN_FACTOR)
        return "validated on other processors" if plain else "stated"


@dataclass(frozen=True, slots=True)
class Processor:
    """What is known of the processor before any watt.

    Attributes:
        name: Its name.
        topology: Its cores.
        sharing: Who else is in it.
    """

    name: str
    topology: Topology
    sharing: Sharing = field(default_factory=Sharing)

    @classmethod
    def here(cls, sysfs_root: Path = SYSFS, proc_root: Path = PROC) -> "Processor":
        """Look at this machine."""
        return cls(
            cpu_name(proc_root), read_topology(sysfs_root), read_sharing(sysfs_root, proc_root)
        )


def choose_model(
    processor: Processor, idle_w: float | None = None, max_w: float | None = None
) -> CpuPowerModel:
    """Return the model in force for a processor.

    Args:
        processor: The processor.
        idle_w: Idle watts given by the user.
        max_w: Full-load watts given by the user.

    Raises:
        UsageError: no processor draws such watts.
    """
    if idle_w is None and max_w is None:
        fitted = load_fitted(processor.name, processor.topology.n_threads)
        if isinstance(fitted, FittedCpu):
            return _calibrated(processor, fitted)
        model = rated_model(processor)
        if isinstance(fitted, Unavailable):
            said = f"{fitted.reason} {fitted.remedy}"
            model = replace(model, remarks=(*model.remarks, said))
        return model
    return _given(rated_model(processor), idle_w, max_w)


def rated_model(processor: Processor) -> CpuPowerModel:
    """Return the model from rated power, widened where the processor is shared."""
    topology, sharing = processor.topology, processor.sharing
    n_cores = math.ceil(len(topology.cores) / topology.n_packages)
    rated = rated_power(processor.name, n_cores)
    power_w, source = rated.power_w * topology.n_packages, rated.source
    if topology.n_packages > 1:
        source = f"{topology.n_packages} packages, {source}"
    is_guest = bool(sharing.hypervisor) and not sharing.is_windows_subsystem
    if is_guest:
        power_w, source = _virtual_share(rated, topology.n_threads)
    factors = (
        rated.factor,
        VIRTUAL_FACTOR if sharing.hypervisor else 1.0,
        QUOTA_FACTOR if sharing.quota_cores else 1.0,
    )
    idle_w = IDLE_SHARE[rated.power_class] * power_w
    estimate = PowerEstimate(
        name="rated-power",
        source=source,
        idle_w=idle_w,
        span_w=FULL_SHARE * power_w - idle_w,
        idle_factor=_widened(IDLE_FACTOR, *factors),
        span_factor=_widened(SPAN_FACTOR, *factors),
        advice=ON_HOST if is_guest else CALIBRATE,
    )
    return CpuPowerModel(estimate, processor.name, topology, remarks=_remarks(topology, sharing))


def _virtual_share(rated: RatedPower, n_threads: int) -> tuple[float, str]:
    """Return the rated watts of a virtual machine's share of the processor."""
    is_server = rated.power_class is PowerClass.SERVER
    thread_w = SERVER_THREAD_W if is_server else CLIENT_THREAD_W
    share_w = thread_w * n_threads
    known = rated.factor == 1
    if known and rated.power_w <= share_w:
        return rated.power_w, rated.source
    return share_w, f"{thread_w:g} W for each of its {n_threads} virtual CPUs"


def _widened(factor: float, *others: float) -> float:
    """Return the factor of independent errors together: their logarithms add in quadrature."""
    return math.exp(math.hypot(math.log(factor), *(math.log(other) for other in others)))


def _remarks(topology: Topology, sharing: Sharing) -> tuple[str, ...]:
    said = []
    if sharing.is_windows_subsystem:
        said.append("This is Linux within Windows: the load of Windows itself is not seen.")
    elif sharing.hypervisor:
        said.append(
            f"This is a virtual machine ({sharing.hypervisor}): its part of the host's processor "
            "can only be guessed."
        )
    if sharing.quota_cores:
        said.append(
            f"A container's limit of {sharing.quota_cores:.3g} CPUs holds here: the figure is the "
            f"whole processor's, with its {topology.n_threads} logical CPUs."
        )
    if not topology.is_told and topology.n_threads > 1:
        said.append("Which logical CPUs share a core is assumed: the system does not say.")
    return tuple(said)


def _calibrated(processor: Processor, fitted: FittedCpu) -> CpuPowerModel:
    estimate = PowerEstimate(
        name="calibrated",
        source=f"fitted on this machine against {fitted.reference} on {fitted.made_at[:10]}",
        idle_w=fitted.idle_w,
        span_w=fitted.span_w,
        idle_factor=fitted.idle_factor,
        span_factor=fitted.span_factor,
    )
    curve = Curve(fitted.saturation_exponent)
    remarks = _remarks(processor.topology, processor.sharing)
    return CpuPowerModel(estimate, processor.name, processor.topology, curve, remarks)


def _given(base: CpuPowerModel, idle_w: float | None, max_w: float | None) -> CpuPowerModel:
    """Put the user's watts in place of the model's own."""
    known = base.estimate
    full_w = base.full_w if max_w is None else max_w
    usual_w = known.idle_w * full_w / base.full_w
    lowest_w = usual_w if idle_w is None else idle_w
    if not 0 <= lowest_w <= full_w < math.inf:
        raise UsageError(
            f"A CPU of {lowest_w:.3g} W idle and {full_w:.3g} W full cannot be.",
            "Give watts of zero or more, idle not above full: --cpu-idle-w 10 --cpu-max-w 65W.",
        )
    given = " and ".join(
        word for word, watts in (("idle", idle_w), ("full-load", max_w)) if watts is not None
    )
    rest = "" if idle_w is not None and max_w is not None else f"; the rest from {known.source}"
    estimate = PowerEstimate(
        name="given",
        source=f"{given} watts given by you{rest}",
        idle_w=lowest_w,
        span_w=full_w - lowest_w,
        idle_factor=known.idle_factor if idle_w is None else GIVEN_FACTOR,
        span_factor=known.span_factor if max_w is None else _widened(CURVE_FACTOR, GIVEN_FACTOR),
        advice=known.advice,
    )
    return replace(base, estimate=estimate)
