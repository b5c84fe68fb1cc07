"""The seam to NVML: the few calls that are used, and the real library behind them."""

from collections.abc import Sequence
from typing import Any, Protocol

from llamawatt.core.readings import Unavailable

NO_DRIVER = "Install the NVIDIA driver if there is an NVIDIA GPU in this machine."


class NvmlError(Exception):
    """NVML refused a call."""


class Nvml(Protocol):
    """The calls of NVML that llamawatt makes. Units as NVML has them, in the names."""

    def count(self) -> int:
        """Return how many GPUs there are."""

    def identity(self, index: int) -> dict[str, str]:
        """Return `name`, `uuid`, `driver` and `bus_id` of a GPU."""

    def memory_bytes(self, index: int) -> int:
        """Return a GPU's memory."""

    def energy_mj(self, index: int) -> int:
        """Return the cumulative energy counter, millijoules."""

    def instant_power_mw(self, index: int) -> int:
        """Return momentary power, milliwatts (NVML_FI_DEV_POWER_INSTANT)."""

    def average_power_mw(self, index: int) -> int:
        """Return power averaged over a second, milliwatts (nvmlDeviceGetPowerUsage)."""

    def power_limit_mw(self, index: int) -> int:
        """Return the enforced power limit, milliwatts."""

    def temperature_c(self, index: int) -> int:
        """Return the GPU's temperature."""

    def sm_clock_mhz(self, index: int) -> int:
        """Return the clock of the multiprocessors, MHz."""

    def performance_state(self, index: int) -> int:
        """Return the P-state: 0 is fastest."""

    def clock_reasons(self, index: int) -> int:
        """Return the bit mask of reasons that hold the clocks down."""

    def compute_pids(self, index: int) -> Sequence[int]:
        """Return the processes that hold the GPU."""

    def shutdown(self) -> None:
        """Let go of the library."""


class PyNvml:
    """NVML through nvidia-ml-py. Every refusal is an `NvmlError` with NVML's own words.

    Raises:
        NvmlError: on creation, when there is no driver or library.
    """

    def __init__(self) -> None:
        import pynvml  # noqa: PLC0415  (only machines with a GPU pay for the import)

        self._nvml: Any = pynvml
        self._call(pynvml.nvmlInit)
        self._handles = [
            self._call(pynvml.nvmlDeviceGetHandleByIndex, index) for index in range(self.count())
        ]

    def count(self) -> int:
        """Return how many GPUs there are."""
        return int(self._call(self._nvml.nvmlDeviceGetCount))

    def identity(self, index: int) -> dict[str, str]:
        """Return `name`, `uuid`, `driver` and `bus_id` of a GPU."""
        handle = self._handles[index]
        return {
            "name": _text(self._call(self._nvml.nvmlDeviceGetName, handle)),
            "uuid": _text(self._call(self._nvml.nvmlDeviceGetUUID, handle)),
            "driver": _text(self._call(self._nvml.nvmlSystemGetDriverVersion)),
            "bus_id": _text(self._call(self._nvml.nvmlDeviceGetPciInfo, handle).busId),
        }

    def memory_bytes(self, index: int) -> int:
        """Return a GPU's memory."""
        return int(self._call(self._nvml.nvmlDeviceGetMemoryInfo, self._handles[index]).total)

    def energy_mj(self, index: int) -> int:
        """Return the cumulative energy counter, millijoules."""
        call = self._nvml.nvmlDeviceGetTotalEnergyConsumption
        return int(self._call(call, self._handles[index]))

    def instant_power_mw(self, index: int) -> int:
        """Return momentary power, milliwatts (NVML_FI_DEV_POWER_INSTANT)."""
        field = self._nvml.NVML_FI_DEV_POWER_INSTANT
        call = self._nvml.nvmlDeviceGetFieldValues
        value = self._call(call, self._handles[index], [field])[0]
        if value.nvmlReturn != self._nvml.NVML_SUCCESS:
            raise NvmlError(str(self._nvml.NVMLError(value.nvmlReturn)))
        return int(value.value.uiVal)

    def average_power_mw(self, index: int) -> int:
        """Return power averaged over a second, milliwatts (nvmlDeviceGetPowerUsage)."""
        return int(self._call(self._nvml.nvmlDeviceGetPowerUsage, self._handles[index]))

    def power_limit_mw(self, index: int) -> int:
        """Return the enforced power limit, milliwatts."""
        return int(self._call(self._nvml.nvmlDeviceGetEnforcedPowerLimit, self._handles[index]))

    def temperature_c(self, index: int) -> int:
        """Return the GPU's temperature."""
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        return int(self._call(self._nvml.nvmlDeviceGetTemperature, self._handles[index], sensor))

    def sm_clock_mhz(self, index: int) -> int:
        """Return the clock of the multiprocessors, MHz."""
        kind = self._nvml.NVML_CLOCK_SM
        return int(self._call(self._nvml.nvmlDeviceGetClockInfo, self._handles[index], kind))

    def performance_state(self, index: int) -> int:
        """Return the P-state: 0 is fastest."""
        return int(self._call(self._nvml.nvmlDeviceGetPerformanceState, self._handles[index]))

    def clock_reasons(self, index: int) -> int:
        """Return the bit mask of reasons that hold the clocks down."""
        call = self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        return int(self._call(call, self._handles[index]))

    def compute_pids(self, index: int) -> Sequence[int]:
        """Return the processes that hold the GPU."""
        call = self._nvml.nvmlDeviceGetComputeRunningProcesses
        return [int(process.pid) for process in self._call(call, self._handles[index])]

    def shutdown(self) -> None:
        """Let go of the library."""
        self._call(self._nvml.nvmlShutdown)

    def _call(self, function: Any, *arguments: object) -> Any:  # noqa: ANN401  (pynvml is untyped)
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            raise NvmlError(str(error)) from error


def load_nvml() -> Nvml | Unavailable:
    """Return NVML, or why there is none."""
    try:
        return PyNvml()
    except NvmlError as error:
        return Unavailable(f"NVML does not start ({error}).", NO_DRIVER)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
