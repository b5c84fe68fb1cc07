"""Whatever a vendor's binding raises, one device is nameless or missing and the rest works."""

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Unavailable
from llamawatt.meters.sensors.nvml import find_gpus, open_nvml
from llamawatt.meters.sensors.nvml_library import NAMELESS
from llamawatt.meters.sensors.zeus_channels import amd_channels
from tests.meters.fakenvml import FakeGpu, FakeNvml

RAISED = [
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    AttributeError("nvmlDeviceGetName_v9"),
    OSError("libnvidia-ml.so.1: undefined symbol"),
    RuntimeError("boom"),
    KeyError("gpu"),
    ValueError("NULL pointer access"),
]
CALLS = [
    "identity", "energy_mj", "instant_power_mw", "average_power_mw", "power_limit_mw",
    "memory_bytes", "temperature_c", "sm_clock_mhz", "memory_clock_mhz", "busy_percent",
    "performance_state", "clock_reasons", "compute_pids", "shutdown",
]  # fmt: skip


class Breaking(FakeNvml):
    """A binding that raises something for its first GPU."""

    def __init__(self, clock, call, raised):
        super().__init__(clock, FakeGpu(), FakeGpu(name="NVIDIA L4"))
        self.call, self.raised = call, raised

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name not in CALLS or name != super().__getattribute__("call"):
            return found
        raised = super().__getattribute__("raised")

        def call(*arguments):
            if arguments in {(), (0,)}:
                raise raised
            return found(*arguments)

        return call


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_one_gpu_that_cannot_be_asked_leaves_the_other(tmp_path, call, raised):
    clock = FakeClock()
    opened = open_nvml(tmp_path, load=lambda: Breaking(clock, call, raised), clock=clock)
    meter = opened.meter
    assert meter is not None
    names = {domain.name for domain in meter.domains()}
    assert "gpu-1" in names
    for name in sorted(names):
        found = meter.read(name)
        assert found is not None
        if name.startswith("gpu-1"):
            assert not isinstance(found, Unavailable)
    meter.evidence()
    meter.close()
    assert {
        gpu.name for gpu in find_gpus(tmp_path, load=lambda: Breaking(clock, call, raised))
    } >= {"NVIDIA L4"}


def test_a_gpu_whose_name_is_no_text_is_metered_nameless(tmp_path):
    clock = FakeClock()
    opened = open_nvml(tmp_path, load=lambda: Breaking(clock, "identity", RAISED[0]), clock=clock)
    devices = {domain.name: domain.device for domain in opened.meter.domains()}
    assert devices["gpu-0"] == NAMELESS
    assert devices["gpu-1"] == "NVIDIA L4"


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_a_binding_that_does_not_load_is_said(tmp_path, raised):
    def load():
        raise raised

    opened = open_nvml(tmp_path, load=load)
    assert opened.meter is None
    assert type(raised).__name__ in opened.missing[0].reason
    assert find_gpus(tmp_path, load=load) == ()


@pytest.mark.parametrize("power_w", [1051.0, 4_294_967.295])
def test_power_above_the_boards_own_limit_is_refused(tmp_path, power_w):
    clock = FakeClock()
    gpu = FakeGpu(refused={"energy_mj"})
    meter = open_nvml(tmp_path, load=lambda: FakeNvml(clock, gpu), clock=clock).meter
    gpu.power_w = 900.0
    assert meter.read("gpu-0").power_w == 900.0
    gpu.power_w = power_w
    found = meter.read("gpu-0")
    assert isinstance(found, Unavailable)
    assert "power limit of 700 W" in found.reason


class Amd:
    """One of Zeus' AMD GPUs, of which some calls fail."""

    def __init__(self, *broken):
        self.broken = broken

    def _say(self, name, value):
        if name in self.broken:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return value

    def get_name(self):
        return self._say("name", "AMD Radeon RX 7900 XTX")

    def supports_get_total_energy_consumption(self):
        return self._say("supports", True)

    def get_total_energy_consumption(self):
        return self._say("energy", 5000)

    def get_instant_power_usage(self):
        return self._say("power", 40_000)

    def get_average_power_usage(self):
        return self._say("power", 40_000)


@pytest.mark.parametrize("broken", ["name", "supports", "energy", "power"])
def test_one_amd_gpu_that_cannot_be_asked_leaves_the_other(broken):
    found = amd_channels([Amd(broken), Amd()])
    by_name = {channel.domain.name: channel for channel in found.channels}
    assert by_name["gpu-1"].read() == pytest.approx(5.0)
    assert "gpu-0" in by_name
    if broken == "name":
        assert by_name["gpu-0"].domain.device == NAMELESS
