"""What a simulated sensor is like, good or faulty, and named ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from llamawatt.core.readings import Quantity


@dataclass(frozen=True, slots=True)
class FakeSensor:
    """A simulated sensor.

    Attributes:
        quantity: Counter or power sensor.
        period_s: Mean time between updates.
        jitter_s: Standard deviation of that time; it adds up, so the phase wanders.
        averaging_s: What one power reading averages; 0 for the moment of the update.
        resolution: Joules or watts to a multiple of which a value is cut; 0 for none.
        wrap_j: Where a counter starts again.
        gain: Factor between what is true and what is told.
        gain_error: Bound of the relative gain error that the domain admits to.
        read_wall_s: How long a read takes.
        read_cpu_s: How much of that is CPU time.
        slow_share: Share of reads that take `slow_read_s` instead.
        slow_read_s: How long a slow read takes.
        dropped_share: Share of reads that fail.
        latch_share: Which part of a read has passed when it takes the value, 0..1; a slow read
            takes it at a random moment, as it stalls before or after.
        stuck_s: Start and end of a time in which a counter stands still.
        backwards_s: When a counter falls by `fall_j`; None for never.
        fall_j: By how much.
        lost_s: When reads begin to fail for good; None for never.
        device: What the device calls itself; published facts are found by it.
    """

    quantity: Quantity
    period_s: float
    jitter_s: float = 0.0
    averaging_s: float = 0.0
    resolution: float = 0.0
    wrap_j: float | None = None
    gain: float = 1.0
    gain_error: float = 0.0
    read_wall_s: float = 20e-6
    read_cpu_s: float = 20e-6
    slow_share: float = 0.0
    slow_read_s: float = 0.0
    dropped_share: float = 0.0
    latch_share: float = 0.5
    stuck_s: tuple[float, float] | None = None
    backwards_s: float | None = None
    fall_j: float = 0.0
    lost_s: float | None = None
    device: str = "simulated"


COUNTER_100MS = FakeSensor(
    Quantity.ENERGY,
    period_s=0.1,
    jitter_s=0.0001,
    resolution=1e-3,
    read_wall_s=0.004,
    read_cpu_s=0.004,
)
"""Like an H100's energy counter by NVML."""

COUNTER_1MS = FakeSensor(
    Quantity.ENERGY, period_s=0.001, jitter_s=2e-6, resolution=61e-6, wrap_j=65713.0
)
"""Like Intel's RAPL."""

POWER_PART_TIME = FakeSensor(
    Quantity.POWER,
    period_s=0.1,
    jitter_s=0.0001,
    averaging_s=0.025,
    resolution=1e-3,
    read_wall_s=0.001,
    read_cpu_s=0.001,
    device="simulated H100",
)
"""Like an H100's momentary power by NVML: it sees 25 of every 100 ms."""

PROFILES: Mapping[str, FakeSensor] = {
    "counter-100ms": COUNTER_100MS,
    "counter-20ms": FakeSensor(
        Quantity.ENERGY,
        period_s=0.02,
        jitter_s=50e-6,
        resolution=1e-3,
        read_wall_s=0.001,
        read_cpu_s=0.001,
    ),
    "counter-1ms": COUNTER_1MS,
    "counter-10ms-unsteady": FakeSensor(
        Quantity.ENERGY, period_s=0.01, jitter_s=0.002, read_wall_s=0.0003, read_cpu_s=0.0003
    ),
    "part-time": POWER_PART_TIME,
    "average-1s": replace(
        POWER_PART_TIME, averaging_s=1.0, read_wall_s=2e-6, read_cpu_s=2e-6, device="simulated"
    ),
    "average-100ms": replace(POWER_PART_TIME, averaging_s=0.1, device="simulated RTX 3090"),
    "millijoule": replace(COUNTER_1MS, resolution=1e-3, wrap_j=None),
    "wrap": replace(COUNTER_100MS, wrap_j=5000.0),
    "stuck": replace(COUNTER_100MS, stuck_s=(6.0, 9.0)),
    "backwards": replace(COUNTER_100MS, backwards_s=6.0, fall_j=50.0),
    "dropped": replace(COUNTER_100MS, dropped_share=0.2),
    "dropped-power": replace(POWER_PART_TIME, dropped_share=0.2),
    "slow": replace(COUNTER_100MS, slow_share=0.1, slow_read_s=0.03),
    "lost": replace(COUNTER_100MS, lost_s=6.0),
}
"""Simulated sensors by name. Faults that happen once happen at 6 s."""
