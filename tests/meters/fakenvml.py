"""A simulated NVML over a clock: the calls that llamawatt makes, each refusable."""

from dataclasses import dataclass, field

from llamawatt.core.clock import Clock
from llamawatt.meters.sensors.nvml_library import NvmlError

REFUSED = "Not Supported"


@dataclass
class FakeGpu:
    """A GPU at steady power; `refused` names the calls that it does not support."""

    name: str = "NVIDIA H100 80GB HBM3"
    power_w: float = 100.0
    period_s: float = 0.1
    stuck: bool = False
    refused: set[str] = field(default_factory=set)
    reasons: int = 0x01
    pids: list[int] = field(default_factory=list)


class FakeNvml:
    """Simulated GPUs of one machine."""

    def __init__(self, clock: Clock, *gpus: FakeGpu) -> None:
        self.clock = clock
        self.gpus = gpus
        self.n_open = 1
        self.n_calls = 0

    def count(self) -> int:
        return len(self.gpus)

    def identity(self, index: int) -> dict[str, str]:
        gpu = self._gpu("identity", index)
        return {"name": gpu.name, "uuid": f"GPU-{index}", "driver": "580.0", "bus_id": "0"}

    def memory_bytes(self, index: int) -> int:
        self._gpu("memory_bytes", index)
        return 80 * 2**30

    def energy_mj(self, index: int) -> int:
        gpu = self._gpu("energy_mj", index)
        n_ticks = 0 if gpu.stuck else int(self.clock.now_s() / gpu.period_s + 1e-9)
        return 5_000_000 + round(n_ticks * gpu.period_s * gpu.power_w * 1000)

    def instant_power_mw(self, index: int) -> int:
        return round(self._gpu("instant_power_mw", index).power_w * 1000)

    def average_power_mw(self, index: int) -> int:
        return round(self._gpu("average_power_mw", index).power_w * 1000)

    def power_limit_mw(self, index: int) -> int:
        self._gpu("power_limit_mw", index)
        return 700_000

    def temperature_c(self, index: int) -> int:
        self._gpu("temperature_c", index)
        return 41

    def sm_clock_mhz(self, index: int) -> int:
        self._gpu("sm_clock_mhz", index)
        return 1980

    def memory_clock_mhz(self, index: int) -> int:
        self._gpu("memory_clock_mhz", index)
        return 2619

    def max_memory_clock_mhz(self, index: int) -> int:
        self._gpu("max_memory_clock_mhz", index)
        return 2619

    def memory_bus_bits(self, index: int) -> int:
        self._gpu("memory_bus_bits", index)
        return 5120

    def busy_percent(self, index: int) -> int:
        self._gpu("busy_percent", index)
        return 25

    def performance_state(self, index: int) -> int:
        self._gpu("performance_state", index)
        return 0

    def clock_reasons(self, index: int) -> int:
        return self._gpu("clock_reasons", index).reasons

    def compute_pids(self, index: int) -> list[int]:
        return self._gpu("compute_pids", index).pids

    def shutdown(self) -> None:
        self.n_open -= 1

    def _gpu(self, call: str, index: int) -> FakeGpu:
        self.n_calls += 1
        gpu = self.gpus[index]
        if call in gpu.refused:
            raise NvmlError(REFUSED, "NotSupported")
        return gpu
