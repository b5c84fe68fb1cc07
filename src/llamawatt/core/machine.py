"""What is written to `machine.json`: the machine, its meters, and what they cannot see."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from llamawatt.core.readings import Calibration, Domain


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as its driver names it.

    Attributes:
        index: Place in the driver's list, from 0.
        name: Product name.
        uuid: The driver's own identifier; empty when it gives none.
        memory_bytes: Memory of the device; None when unknown.
        driver: Version of the driver.
        power_limit_w: Power at which the driver holds it; None when unknown.
        nameplate_bytes_per_s: Bandwidth of its memory by its design, which no program reaches;
            None when unknown. Not measured.
    """

    index: int
    name: str
    uuid: str = ""
    memory_bytes: int | None = None
    driver: str = ""
    power_limit_w: float | None = None
    nameplate_bytes_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class MissingMeter:
    """A meter or domain that gives nothing here, with the reason and the remedy.

    Attributes:
        meter: Name of the meter or domain.
        reason: Why it gives nothing.
        remedy: What the user can do about it, and its risk; empty when nothing helps.
    """

    meter: str
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class WallModel:
    """What the wall draws, modelled from the metered domains: rest_w + slope × their power.

    The rest is what no domain sees (board, fans, drives, the power supply's own draw); the slope
    is what a watt in the domains costs at the wall. Fitted against a wall plug.

    Attributes:
        rest_w: Watts at the wall that do not follow the domains.
        slope: Watts at the wall for each watt in the domains.
        rest_uncertainty_w: 95 % half-width of `rest_w`.
        slope_uncertainty: 95 % half-width of `slope`.
        residual_w: Standard deviation of the levels about the line.
        n_levels: Levels of load that it was fitted to.
        domains: Names of the domains summed.
        made_at: When it was fitted, UTC, ISO 8601.
        correlation: Correlation of the errors of `rest_w` and `slope`, -1..1.
        range_w: Lowest and highest power of the domains among the levels.
        gain_error: Relative systematic error of the plug, 95 % bound; in none of the half-widths.
        modelled: Which of the domains are themselves modelled.
    """

    rest_w: float
    slope: float
    rest_uncertainty_w: float
    slope_uncertainty: float
    residual_w: float
    n_levels: int
    domains: tuple[str, ...]
    made_at: str
    correlation: float
    range_w: tuple[float, float]
    gain_error: float = 0.0
    modelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """The machine a run was made on.

    Attributes:
        hostname_hash: A short hash; the name itself is not kept.
        os: Operating system and kernel.
        cpu: Processor name.
        n_cores: Logical cores this process may use.
        n_physical_cores: Physical cores; None when unknown.
        memory_bytes: Installed memory.
        governor: CPU frequency governor; empty when unknown.
        on_battery: Whether it runs on battery; None when there is none.
        gpus: Every GPU found.
        domains: Every domain read.
        calibrations: Per domain, what was measured of its sensor.
        missing: What could not be metered.
        versions: Of this package, Python, llama.cpp, the driver.
        bandwidth_bytes_per_s: Measured memory read bandwidth, by `cpu` or `gpu-0`; empty when it
            was not measured.
        machine_id: A short hash of the system's own id of this machine; empty where it has none,
            or in records that are older.
        wall_model: What the wall draws for what the domains draw; None where it was never
            calibrated for the same machine and the same domains, and on battery.
    """

    hostname_hash: str
    os: str
    cpu: str
    n_cores: int
    n_physical_cores: int | None
    memory_bytes: int
    governor: str = ""
    on_battery: bool | None = None
    gpus: tuple[Gpu, ...] = ()
    domains: tuple[Domain, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    missing: tuple[MissingMeter, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    bandwidth_bytes_per_s: dict[str, float] = field(default_factory=dict)
    wall_model: WallModel | None = None
    machine_id: str = ""

    @property
    def key(self) -> str:
        """A short name of this machine with its metered cards; facts about it are kept under it."""
        return machine_key(
            self.hostname_hash, self.machine_id, self.cpu, metered_gpus(self.gpus, self.domains)
        )


def machine_key(hostname_hash: str, machine_id: str, cpu: str, gpus: Iterable[Gpu]) -> str:
    """Return a short name of a machine: by its ids, its processor and its cards' uuids."""
    cards = tuple(gpu.uuid or gpu.name for gpu in gpus)
    parts = (hostname_hash, machine_id, cpu, cards)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def metered_gpus(gpus: Iterable[Gpu], domains: Iterable[Domain]) -> tuple[Gpu, ...]:
    """Return the GPUs that a summed domain covers; one left asleep makes no other machine."""
    names = {domain.name for domain in domains if domain.in_total}
    return tuple(gpu for gpu in gpus if f"gpu-{gpu.index}" in names)
