"""The adapters against Zeus' own classes: its measurements, its error types, its AMD code."""

import gc
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import DomainKind, Method, Quantity, Sample, Unavailable
from llamawatt.meters.channel_meter import ChannelMeter
from llamawatt.meters.sensors.zeus import open_zeus
from llamawatt.meters.sensors.zeus_channels import (
    ZeusReadError,
    amd_channels,
    cpu_channels,
    soc_channels,
)
from llamawatt.meters.sensors.zeus_library import Zeus, load_zeus
from llamawatt.testing.meter_contract import assert_meter_contract

pytest.importorskip("zeus", reason="Zeus is not installed (the extra `hardware`)")

from zeus.device.cpu.common import CPU, CpuDramMeasurement, CPUs, ZeusCPUInitError
from zeus.device.gpu import amd
from zeus.device.soc.apple import AppleSiliconMeasurement
from zeus.device.soc.common import EmptySoC, SoC, ZeusSoCInitError
from zeus.device.soc.jetson import JetsonMeasurement


class FakeSoc(SoC):
    """A chip of Zeus' own interface that counts up what the test says."""

    def __init__(self, kind, step_mj: dict[str, float]) -> None:
        self.kind, self.step_mj, self.n_reads = kind, step_mj, 0

    def get_available_metrics(self) -> set[str]:
        return set(self.step_mj)

    def get_total_energy_consumption(self):
        self.n_reads += 1
        return self.kind(**{field: mj * self.n_reads for field, mj in self.step_mj.items()})

    def begin_window(self, key, restart=False) -> None: ...

    def end_window(self, key): ...


APPLE = {"cpu_total_mj": 1500, "gpu_mj": 2500, "dram_mj": 300, "ane_mj": 0}
JETSON = {"cpu_energy_mj": 1000.0, "gpu_energy_mj": 2000.0, "total_energy_mj": 5000.0}


def meter_of(found) -> ChannelMeter:
    return ChannelMeter("zeus", found.channels, FakeClock())


def test_apple_parts_are_joules_by_domain_and_labelled_as_modelled():
    meter = meter_of(soc_channels(FakeSoc(AppleSiliconMeasurement, APPLE)))
    domains = {domain.name: domain for domain in meter.domains()}
    assert set(domains) == {"cpu-package-0", "gpu-0", "dram-0", "neural-engine-0"}
    assert {domain.method for domain in domains.values()} == {Method.MODEL}
    assert all(domain.in_total for domain in domains.values())
    first, second = meter.read("gpu-0"), meter.read("gpu-0")
    assert second.energy_j - first.energy_j == pytest.approx(2.5)


def test_a_jetson_is_its_total_rail_and_its_parts_are_not_added():
    meter = meter_of(soc_channels(FakeSoc(JetsonMeasurement, JETSON)))
    summed = [domain for domain in meter.domains() if domain.in_total]
    assert [(domain.name, domain.kind) for domain in summed] == [("soc-0", DomainKind.SOC)]
    assert {domain.method for domain in meter.domains()} == {Method.INTEGRAL}
    first, second = meter.read("soc-0"), meter.read("soc-0")
    assert second.energy_j - first.energy_j == pytest.approx(5.0)


def test_a_jetson_without_a_total_rail_is_the_sum_of_its_parts():
    parts = {field: mj for field, mj in JETSON.items() if field != "total_energy_mj"}
    found = soc_channels(FakeSoc(JetsonMeasurement, parts))
    assert {c.domain.name for c in found.channels if c.domain.in_total} == {
        "cpu-package-0",
        "gpu-0",
    }


def test_a_chip_that_tells_nothing_is_missing():
    found = soc_channels(FakeSoc(AppleSiliconMeasurement, {}))
    assert not found.channels
    assert "no energy" in found.missing[0].reason


class FakeCpus(CPUs):
    """Processors of Zeus' own interface."""

    def __init__(self, *measured) -> None:
        self.measured = measured

    def __del__(self) -> None: ...

    @property
    def cpus(self) -> Sequence[CPU]:
        return [FakeCpu(index, measured) for index, measured in enumerate(self.measured)]


class FakeCpu(CPU):
    def __init__(self, cpu_index: int, measured) -> None:
        super().__init__(cpu_index)
        self.measured = measured

    def get_total_energy_consumption(self) -> CpuDramMeasurement:
        return self.measured

    def supports_get_dram_energy_consumption(self) -> bool:
        return self.measured.dram_mj is not None


def test_packages_and_their_memory_where_it_is_told():
    cpus = FakeCpus(CpuDramMeasurement(7000.0, 500.0), CpuDramMeasurement(9000.0))
    meter = meter_of(cpu_channels(cpus))
    assert [domain.name for domain in meter.domains()] == [
        "cpu-package-0",
        "dram-0",
        "cpu-package-1",
    ]
    assert meter.read("cpu-package-1").energy_j == pytest.approx(9.0)
    assert meter.read("dram-0").energy_j == pytest.approx(0.5)


class AmdSmiError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def get_error_code(self) -> int:
        return self.code

    def get_error_info(self) -> str:
        return "no permission"


class FakeSmi(SimpleNamespace):
    """amdsmi as Zeus' AMD code calls it. Counters run as `power_w` says, times `gain`."""

    AmdSmiLibraryException = AmdSmiError
    AmdSmiException = AmdSmiError
    AmdSmiInitFlags = SimpleNamespace(INIT_AMD_GPUS=1)

    def __init__(self, *gpus: dict) -> None:
        super().__init__(gpus=gpus, refuse=False, n_waits=0)

    def amdsmi_init(self, flags):
        self.refuse = False

    def amdsmi_get_processor_handles(self):
        return list(range(len(self.gpus)))

    def amdsmi_get_gpu_enumeration_info(self, handle):
        return {"hip_id": handle}

    def amdsmi_get_gpu_asic_info(self, handle):
        return {"market_name": self.gpus[handle]["name"]}

    def amdsmi_get_power_info(self, handle):
        gpu = self.gpus[handle]
        return {
            "current_socket_power": gpu.get("instant_w", "N/A"),
            "average_socket_power": gpu.get("average_w", "N/A"),
        }

    def amdsmi_get_energy_count(self, handle):
        if self.refuse:
            raise AmdSmiError(10)
        gpu = self.gpus[handle]
        power_w = gpu.get("instant_w", gpu.get("average_w", 0))
        energy_uj = power_w * 0.5 * self.n_waits * gpu.get("gain", 1.0) * 1e6
        return {"energy_accumulator": energy_uj / 15.3, "counter_resolution": 15.3}

    def amdsmi_shut_down(self):
        self.refuse = True


@pytest.fixture
def amd_gpus(monkeypatch):
    """Zeus' real AMD classes over a simulated amdsmi."""

    def made(*gpus: dict):
        smi = FakeSmi(*gpus)
        monkeypatch.setattr(amd, "amdsmi", smi)
        monkeypatch.setattr(amd.time, "sleep", lambda _: setattr(smi, "n_waits", smi.n_waits + 1))
        amd._hip_to_amdsmi_handle.cache_clear()
        for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)
        owner = amd.AMDGPUs()
        owners.append(owner)
        return smi, owner.gpus

    owners = []
    yield made
    owners.clear()
    gc.collect()
    amd._hip_to_amdsmi_handle.cache_clear()


RX = {"name": "AMD Radeon RX 7900 XTX", "instant_w": 100, "average_w": 90}


def test_an_amd_gpu_has_its_counter_and_power_to_check_it_by(amd_gpus):
    smi, gpus = amd_gpus(RX)
    meter = meter_of(amd_channels(gpus, n_before=2))
    counter, check = meter.domains()
    assert (counter.name, counter.quantity, counter.in_total) == ("gpu-2", Quantity.ENERGY, True)
    assert (check.name, check.checks, check.in_total) == ("gpu-2-instant", "gpu-2", False)
    first = meter.read("gpu-2")
    smi.n_waits += 4
    assert meter.read("gpu-2").energy_j - first.energy_j == pytest.approx(200.0, abs=0.01)
    assert meter.read("gpu-2-instant").power_w == pytest.approx(100.0)


def test_a_stuck_amd_counter_is_replaced_by_labelled_power(amd_gpus):
    _, gpus = amd_gpus({**RX, "gain": 0.0})
    (domain,) = meter_of(amd_channels(gpus)).domains()
    assert (domain.source, domain.method) == ("zeus-amd-power-instant", Method.INTEGRAL)
    assert domain.in_total


def test_average_power_stands_in_where_there_is_no_other(amd_gpus):
    _, gpus = amd_gpus({"name": "AMD Instinct MI50", "average_w": 90, "gain": 0.0})
    (domain,) = meter_of(amd_channels(gpus)).domains()
    assert domain.source == "zeus-amd-power-average"


def test_the_second_die_of_a_pair_is_missing_and_said(amd_gpus):
    pair = {"name": "AMD Instinct MI250X", "instant_w": 300}
    _, gpus = amd_gpus(pair, {"name": "AMD Instinct MI250X"})
    found = amd_channels(gpus)
    assert [c.domain.name for c in found.channels if c.domain.in_total] == ["gpu-0"]
    assert found.missing[0].meter == "gpu-1"


def test_graphics_inside_a_processor_are_not_added_to_it(amd_gpus):
    _, gpus = amd_gpus({**RX, "name": "AMD Radeon 780M Graphics"})
    assert not any(domain.in_total for domain in meter_of(amd_channels(gpus)).domains())


def test_a_read_that_zeus_refuses_is_unavailable_in_its_words(amd_gpus):
    smi, gpus = amd_gpus(RX)
    meter = meter_of(amd_channels(gpus))
    smi.refuse = True
    found = meter.read("gpu-0")
    assert isinstance(found, Unavailable)
    assert "ZeusGPUNoPermissionError: no permission" in found.reason


def test_every_kind_keeps_the_contract(amd_gpus):
    _, gpus = amd_gpus(RX)
    for found in (
        soc_channels(FakeSoc(AppleSiliconMeasurement, APPLE)),
        soc_channels(FakeSoc(JetsonMeasurement, JETSON)),
        cpu_channels(FakeCpus(CpuDramMeasurement(7000.0, 500.0))),
        amd_channels(gpus),
    ):
        assert_meter_contract(lambda found=found: meter_of(found))


class FakeZeus:
    """The seam, over the classes above."""

    def __init__(self, soc=None, cpus=None, gpus=()) -> None:
        self._soc, self._cpus, self._gpus = soc, cpus, gpus

    def soc(self):
        if self._soc is None:
            raise ZeusReadError("no chip")
        return self._soc

    def cpus(self):
        return self._cpus

    def amd_gpus(self):
        return list(self._gpus)

    def close(self) -> None: ...


def amd_on_bus(root, *states: str) -> None:
    for number, state in enumerate(states):
        device = root / f"sys/bus/pci/devices/0000:0{number}:00.0"
        (device / "power").mkdir(parents=True)
        (device / "vendor").write_text("0x1002\n")
        (device / "class").write_text("0x030000\n")
        (device / "power/runtime_status").write_text(state + "\n")


def refused():
    raise AssertionError("Zeus must not be loaded here")


def test_without_such_hardware_zeus_is_not_even_loaded(tmp_path):
    opened = open_zeus(tmp_path, platform="linux", load=refused)
    assert opened.meter is None
    assert opened.missing == ()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_without_zeus_the_extra_is_named(tmp_path, platform):
    opened = open_zeus(tmp_path, platform=platform, load=lambda: Unavailable("not installed"))
    assert opened.meter is None
    assert "llamawatt[hardware]" in opened.missing[0].remedy


def test_a_mac_a_jetson_and_windows_find_their_meter(tmp_path):
    apple = FakeZeus(soc=FakeSoc(AppleSiliconMeasurement, APPLE))
    assert open_zeus(tmp_path, platform="darwin", load=lambda: apple).meter is not None
    windows = FakeZeus(cpus=FakeCpus(CpuDramMeasurement(1.0)))
    found = open_zeus(tmp_path, platform="win32", load=lambda: windows).meter
    assert [domain.name for domain in found.domains()] == ["cpu-package-0"]
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").write_text("# R36")
    jetson = FakeZeus(soc=FakeSoc(JetsonMeasurement, JETSON))
    assert open_zeus(tmp_path, platform="linux", load=lambda: jetson).meter is not None


def test_a_chip_that_zeus_cannot_open_is_missing_with_the_reason(tmp_path):
    opened = open_zeus(tmp_path, platform="darwin", load=FakeZeus)
    assert opened.meter is None
    assert "no chip" in opened.missing[0].reason


def test_a_sleeping_amd_gpu_is_not_woken_unless_wanted(tmp_path, amd_gpus):
    amd_on_bus(tmp_path, "suspended")
    _, gpus = amd_gpus(RX)
    asleep = open_zeus(tmp_path, platform="linux", want_gpu=False, load=FakeZeus)
    assert asleep.meter is None
    assert "sleeps" in asleep.missing[0].reason
    woken = open_zeus(tmp_path, platform="linux", load=lambda: FakeZeus(gpus=gpus))
    assert isinstance(woken.meter.read("gpu-0"), Sample)


def test_gpus_hidden_from_zeus_are_told(tmp_path, amd_gpus):
    amd_on_bus(tmp_path, "active", "active")
    _, gpus = amd_gpus(RX)
    opened = open_zeus(tmp_path, platform="linux", load=lambda: FakeZeus(gpus=gpus))
    assert opened.meter is not None
    assert "1 of 2" in opened.missing[0].reason
    assert "HIP_VISIBLE_DEVICES" in opened.missing[0].remedy


def test_zeus_itself_says_in_its_own_words_what_is_not_here(monkeypatch):
    import zeus.device.cpu as zeus_cpu
    import zeus.device.soc as zeus_soc

    def no_cpu():
        raise ZeusCPUInitError("no processor")

    def no_soc():
        raise ZeusSoCInitError("no chip")

    monkeypatch.setattr(zeus_cpu, "get_cpus", no_cpu)
    monkeypatch.setattr(zeus_soc, "get_soc", no_soc)
    monkeypatch.setattr(amd, "amdsmi_is_available", lambda: False)
    zeus = load_zeus()
    assert isinstance(zeus, Zeus)
    with pytest.raises(ZeusReadError, match="ZeusCPUInitError: no processor"):
        zeus.cpus()
    with pytest.raises(ZeusReadError, match="ZeusSoCInitError: no chip"):
        zeus.soc()
    with pytest.raises(ZeusReadError, match="ROCm"):
        zeus.amd_gpus()


def test_amd_is_not_shut_down_while_it_is_read(tmp_path, amd_gpus, monkeypatch):
    smi, _ = amd_gpus(RX)
    monkeypatch.setattr(amd, "amdsmi_is_available", lambda: True)
    amd_on_bus(tmp_path, "active")
    meter = open_zeus(tmp_path, platform="linux").meter
    gc.collect()
    assert isinstance(meter.read("gpu-0"), Sample)
    meter.close()
    gc.collect()
    assert smi.refuse


def test_an_empty_chip_of_zeus_is_a_failure_not_a_zero():
    with pytest.raises(ZeusReadError, match="No SoC is available"):
        soc_channels(EmptySoC())
