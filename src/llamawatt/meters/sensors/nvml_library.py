"""The seam to NVML: the few calls that are used, and the real library behind them."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

from llamawatt.core.readings import Unavailable
from llamawatt.meters.sensors.guarded import Guarded

REMEDIES = {
    "LibraryNotFound": "Install the NVIDIA driver; start a container with `--gpus all`.",
    "DriverNotLoaded": "Load the driver with `sudo modprobe nvidia`.",
    "LibRmVersionMismatch": "Driver and library are of two versions: restart the machine.",
    "NoPermission": "Give this user access to /dev/nvidia* (often the groups video or render).",
    "GpuIsLost": "The GPU fell off the bus: restart the machine.",
}
"""What helps against which of NVML's errors, by the name of its exception in nvidia-ml-py."""


BINDING = "Binding"
"""Kind of the errors that are not NVML's own."""
NAMELESS = "a GPU that does not tell its name"


class NvmlError(Exception):
    """NVML refused a call.

    Args:
        text: NVML's own words.
        kind: The error's name in nvidia-ml-py, less its prefix.
    """

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(text)
        self.kind = kind

    @property
    def remedy(self) -> str:
        """What would help; empty when nothing is known."""
        return REMEDIES.get(self.kind, "")


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

    def memory_clock_mhz(self, index: int) -> int:
        """Return the clock of the memory, MHz."""

    def max_memory_clock_mhz(self, index: int) -> int:
        """Return the highest clock of the memory, MHz."""

    def memory_bus_bits(self, index: int) -> int:
        """Return the width of the bus to the memory, bits."""

    def busy_percent(self, index: int) -> int:
        """Return the share of the last sample period in which a kernel ran, percent."""

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
        self._handles: dict[int, Any] = {}

    def count(self) -> int:
        """Return how many GPUs there are."""
        return int(self._call(self._nvml.nvmlDeviceGetCount))

    def identity(self, index: int) -> dict[str, str]:
        """Return `name`, `uuid`, `driver` and `bus_id` of a GPU."""
        handle = self._handle(index)
        return {
            "name": self._told(self._nvml.nvmlDeviceGetName, handle) or NAMELESS,
            "uuid": self._told(self._nvml.nvmlDeviceGetUUID, handle),
            "driver": self._told(self._nvml.nvmlSystemGetDriverVersion),
            "bus_id": self._bus_id(handle),
        }

    def memory_bytes(self, index: int) -> int:
        """Return a GPU's memory."""
        return int(self._call(self._nvml.nvmlDeviceGetMemoryInfo, self._handle(index)).total)

    def energy_mj(self, index: int) -> int:
        """Return the cumulative energy counter, millijoules."""
        call = self._nvml.nvmlDeviceGetTotalEnergyConsumption
        return int(self._call(call, self._handle(index)))

    def instant_power_mw(self, index: int) -> int:
        """Return momentary power, milliwatts (NVML_FI_DEV_POWER_INSTANT)."""
        field = self._nvml.NVML_FI_DEV_POWER_INSTANT
        call = self._nvml.nvmlDeviceGetFieldValues
        value = self._call(call, self._handle(index), [field])[0]
        if value.nvmlReturn != self._nvml.NVML_SUCCESS:
            raise self._error(self._nvml.NVMLError(value.nvmlReturn))
        # NVML says in which member of the union it wrote.
        member = {
            self._nvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
            self._nvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
            self._nvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
            self._nvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
            self._nvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
            self._nvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
            self._nvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "usVal",
        }.get(value.valueType)
        if member is None:
            raise NvmlError(f"a value of the unknown type {value.valueType}")
        return int(getattr(value.value, member))

    def average_power_mw(self, index: int) -> int:
        """Return power averaged over a second, milliwatts (nvmlDeviceGetPowerUsage)."""
        return int(self._call(self._nvml.nvmlDeviceGetPowerUsage, self._handle(index)))

    def power_limit_mw(self, index: int) -> int:
        """Return the enforced power limit, milliwatts."""
        return int(self._call(self._nvml.nvmlDeviceGetEnforcedPowerLimit, self._handle(index)))

    def temperature_c(self, index: int) -> int:
        """Return the GPU's temperature."""
        sensor = self._nvml.NVML_TEMPERATURE_GPU
        return int(self._call(self._nvml.nvmlDeviceGetTemperature, self._handle(index), sensor))

    def sm_clock_mhz(self, index: int) -> int:
        """Return the clock of the multiprocessors, MHz."""
        kind = self._nvml.NVML_CLOCK_SM
        return int(self._call(self._nvml.nvmlDeviceGetClockInfo, self._handle(index), kind))

    def memory_clock_mhz(self, index: int) -> int:
        """Return the clock of the memory, MHz."""
        kind = self._nvml.NVML_CLOCK_MEM
        return int(self._call(self._nvml.nvmlDeviceGetClockInfo, self._handle(index), kind))

    def max_memory_clock_mhz(self, index: int) -> int:
        """Return the highest clock of the memory, MHz."""
        kind = self._nvml.NVML_CLOCK_MEM
        return int(self._call(self._nvml.nvmlDeviceGetMaxClockInfo, self._handle(index), kind))

    def memory_bus_bits(self, index: int) -> int:
        """Return the width of the bus to the memory, bits."""
        return int(self._call(self._nvml.nvmlDeviceGetMemoryBusWidth, self._handle(index)))

    def busy_percent(self, index: int) -> int:
        """Return the share of the last sample period in which a kernel ran, percent."""
        return int(self._call(self._nvml.nvmlDeviceGetUtilizationRates, self._handle(index)).gpu)

    def performance_state(self, index: int) -> int:
        """Return the P-state: 0 is fastest."""
        return int(self._call(self._nvml.nvmlDeviceGetPerformanceState, self._handle(index)))

    def clock_reasons(self, index: int) -> int:
        """Return the bit mask of reasons that hold the clocks down."""
        call = self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        return int(self._call(call, self._handle(index)))

    def compute_pids(self, index: int) -> Sequence[int]:
        """Return the processes that hold the GPU."""
        call = self._nvml.nvmlDeviceGetComputeRunningProcesses
        return [int(process.pid) for process in self._call(call, self._handle(index))]

    def shutdown(self) -> None:
        """Let go of the library."""
        self._call(self._nvml.nvmlShutdown)

    def _told(self, function: Any, *arguments: object) -> str:  # noqa: ANN401
        """Return a text; empty when this one cannot be had, which takes no other along."""
        try:
            return _text(self._call(function, *arguments))
        except NvmlError:
            return ""

    def _bus_id(self, handle: Any) -> str:  # noqa: ANN401
        try:
            return _text(self._call(self._nvml.nvmlDeviceGetPciInfo, handle).busId)
        except (NvmlError, AttributeError):
            return ""

    def _handle(self, index: int) -> Any:  # noqa: ANN401  (pynvml is untyped)
        """Return a GPU's handle, got once: a GPU that is lost takes no other one along."""
        if index not in self._handles:
            self._handles[index] = self._call(self._nvml.nvmlDeviceGetHandleByIndex, index)
        return self._handles[index]

    def _call(self, function: Any, *arguments: object) -> Any:  # noqa: ANN401  (pynvml is untyped)
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            raise self._error(error) from error
        except Exception as error:  # the binding decodes and unpacks, and may raise anything
            raise unforeseen(error) from error

    @staticmethod
    def _error(error: Exception) -> NvmlError:
        return NvmlError(str(error), type(error).__name__.removeprefix("NVMLError_"))


def load_nvml() -> Nvml | Unavailable:
    """Return NVML, or why there is none."""
    try:
        return PyNvml()
    except NvmlError as error:
        return Unavailable(f"NVML does not start ({error}).", error.remedy)
    except (ImportError, OSError, AttributeError) as error:
        return Unavailable(f"The binding of NVML does not load ({type(error).__name__}: {error}).")


def unforeseen(error: Exception) -> NvmlError:
    """Return the error of a call that failed in the binding, not in NVML."""
    return NvmlError(f"its binding raised {type(error).__name__}: {error}", BINDING)


def guarded(nvml: Nvml) -> Nvml:
    """Return the same library, of which every call raises `NvmlError` or nothing."""
    return cast("Nvml", Guarded(nvml, unforeseen, (NvmlError,)))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
