"""Against the real nvidia-ml-py: its constants, its field structure, its exceptions."""

import pynvml
import pytest

from llamawatt.core.readings import Unavailable
from llamawatt.meters.sensors import nvml_library
from llamawatt.meters.sensors.nvml_evidence import POWER_CAPPED, THROTTLING
from llamawatt.meters.sensors.nvml_library import NvmlError, PyNvml, load_nvml


@pytest.fixture
def nvml(monkeypatch):
    """The adapter over the real module, whose C library is replaced call by call."""
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: f"handle-{index}")
    return PyNvml()


def field_value(**members):
    value = pynvml.c_nvmlFieldValue_t()
    value.fieldId = pynvml.NVML_FI_DEV_POWER_INSTANT
    for name, given in members.items():
        setattr(value.value if name.endswith("Val") else value, name, given)
    return value


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, "uiVal"),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "ullVal"),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, "siVal"),
    ],
)
def test_momentary_power_is_read_from_the_member_that_nvml_names(nvml, monkeypatch, kind, member):
    asked = []

    def values(handle, fields):
        asked.append((handle, fields))
        return [field_value(valueType=kind, nvmlReturn=0, **{member: 61_500})]

    monkeypatch.setattr(pynvml, "nvmlDeviceGetFieldValues", values)
    assert nvml.instant_power_mw(1) == 61_500
    assert asked == [("handle-1", [186])]


def test_a_field_may_fail_although_the_call_succeeds(nvml, monkeypatch):
    refused = field_value(nvmlReturn=pynvml.NVML_ERROR_NOT_SUPPORTED, uiVal=0)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetFieldValues", lambda handle, fields: [refused])
    with pytest.raises(NvmlError, match="Not Supported") as caught:
        nvml.instant_power_mw(0)
    assert caught.value.kind == "NotSupported"


def test_nvmls_own_exceptions_become_ours(nvml, monkeypatch):
    def lost(handle):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", lost)
    with pytest.raises(NvmlError, match="lost") as caught:
        nvml.energy_mj(0)
    assert caught.value.remedy


def test_a_lost_gpu_takes_no_other_along(nvml, monkeypatch):
    def handle(index):
        if index == 0:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPowerUsage", lambda handle: 20_000)
    with pytest.raises(NvmlError):
        nvml.average_power_mw(0)
    assert nvml.average_power_mw(1) == 20_000


@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_NO_PERMISSION,
    ],
)
def test_a_driver_that_does_not_start_has_a_remedy(monkeypatch, code):
    def fail():
        raise pynvml.NVMLError(code)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)
    found = load_nvml()
    assert isinstance(found, Unavailable)
    assert found.remedy


def test_remedies_are_for_errors_that_nvml_has():
    for kind in nvml_library.REMEDIES:
        assert issubclass(getattr(pynvml, f"NVMLError_{kind}"), pynvml.NVMLError)


def test_every_call_exists_in_the_real_module():
    for name in (
        "nvmlDeviceGetTotalEnergyConsumption",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetFieldValues",
        "nvmlDeviceGetEnforcedPowerLimit",
        "nvmlDeviceGetTemperature",
        "nvmlDeviceGetClockInfo",
        "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetPerformanceState",
        "nvmlDeviceGetCurrentClocksThrottleReasons",
        "nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetMemoryInfo",
        "nvmlDeviceGetPciInfo",
    ):
        assert callable(getattr(pynvml, name))
    assert pynvml.NVML_FI_DEV_POWER_INSTANT == 186


def test_throttle_bits_are_those_of_nvml():
    held_back = (
        pynvml.nvmlClocksThrottleReasonHwSlowdown,
        pynvml.nvmlClocksThrottleReasonSwThermalSlowdown,
        pynvml.nvmlClocksThrottleReasonHwThermalSlowdown,
        pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
    )
    assert set(THROTTLING) == set(held_back)
    assert pynvml.nvmlClocksThrottleReasonSwPowerCap == POWER_CAPPED


def test_bus_width_and_highest_clock_of_the_memory_are_asked_by_nvmls_own_names(nvml, monkeypatch):
    asked = []

    def max_clock(handle, kind):
        asked.append((handle, kind))
        return 2619

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMaxClockInfo", max_clock)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryBusWidth", lambda handle: 5120)
    assert nvml.max_memory_clock_mhz(1) == 2619
    assert nvml.memory_bus_bits(1) == 5120
    assert asked == [("handle-1", pynvml.NVML_CLOCK_MEM)]
