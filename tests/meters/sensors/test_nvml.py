import os

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import Method, Quantity, Unavailable
from llamawatt.meters.sensors.nvml import find_gpus, open_nvml
from llamawatt.meters.sensors.nvml_evidence import descends_from_us, device_evidence
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.fakenvml import FakeGpu, FakeNvml


def opened(clock, tmp_path, *gpus, **options):
    return open_nvml(tmp_path, load=lambda: FakeNvml(clock, *gpus), clock=clock, **options)


def pci_gpu(sysfs, address, status, vendor="0x10de", kind="0x030200"):
    device = sysfs / "bus/pci/devices" / address
    (device / "power").mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    (device / "power/runtime_status").write_text(f"{status}\n")


def must_not_load():
    raise AssertionError("NVML was opened")


@pytest.mark.parametrize(
    "gpu",
    [
        FakeGpu(),
        FakeGpu(refused={"energy_mj"}),
        FakeGpu(refused={"energy_mj", "instant_power_mw"}),
        FakeGpu(stuck=True),
    ],
)
def test_it_keeps_the_contract(tmp_path, gpu):
    clock = FakeClock()
    assert_meter_contract(lambda: opened(clock, tmp_path, gpu).meter, clock)


def test_a_counter_is_primary_and_momentary_power_checks_it(tmp_path):
    counter, check = opened(FakeClock(), tmp_path, FakeGpu()).meter.domains()
    assert (counter.name, counter.source, counter.method) == (
        "gpu-0",
        "nvml-counter",
        Method.COUNTER,
    )
    assert counter.in_total
    assert (check.name, check.source, check.checks) == (
        "gpu-0-instant",
        "nvml-power-instant",
        "gpu-0",
    )
    assert not check.in_total
    assert counter.gain_error == 0.05
    assert "2312.02741" in counter.gain_source


@pytest.mark.parametrize(
    ("refused", "source"),
    [
        ({"energy_mj"}, "nvml-power-instant"),
        ({"energy_mj", "instant_power_mw"}, "nvml-power-average"),
    ],
)
def test_without_a_counter_power_is_integrated_and_labelled(tmp_path, refused, source):
    (domain,) = opened(FakeClock(), tmp_path, FakeGpu(refused=refused)).meter.domains()
    assert (domain.name, domain.source, domain.quantity) == ("gpu-0", source, Quantity.POWER)
    assert domain.method is Method.INTEGRAL
    assert domain.in_total


def test_a_counter_that_stands_still_is_not_believed(tmp_path):
    found = opened(FakeClock(), tmp_path, FakeGpu(stuck=True))
    assert [domain.source for domain in found.meter.domains()] == ["nvml-power-instant"]
    assert "stands still" in found.missing[0].reason


def test_every_gpu_of_the_machine_is_metered_and_a_mute_one_is_named(tmp_path):
    mute = FakeGpu(refused={"energy_mj", "instant_power_mw", "average_power_mw"})
    lost = FakeGpu(refused={"identity"})
    found = opened(FakeClock(), tmp_path, FakeGpu(), mute, FakeGpu(), lost)
    totals = [domain.name for domain in found.meter.domains() if domain.in_total]
    assert totals == ["gpu-0", "gpu-2"]
    assert [missing.meter for missing in found.missing] == ["gpu-1", "gpu-3"]


def test_values_are_in_si(tmp_path):
    clock = FakeClock()
    meter = opened(clock, tmp_path, FakeGpu(power_w=250.0)).meter
    before = meter.read("gpu-0")
    clock.sleep_s(10.0)
    after = meter.read("gpu-0")
    assert after.energy_j - before.energy_j == pytest.approx(2500.0, rel=0.01)
    assert meter.read("gpu-0-instant").power_w == pytest.approx(250.0)


def test_a_read_refused_midway_says_so(tmp_path):
    gpu = FakeGpu()
    meter = opened(FakeClock(), tmp_path, gpu).meter
    gpu.refused.add("energy_mj")
    found = meter.read("gpu-0")
    assert isinstance(found, Unavailable)
    assert "Not Supported" in found.reason


def test_no_driver_names_a_remedy(tmp_path):
    pci_gpu(tmp_path, "0000:01:00.0", "active")
    unavailable = Unavailable("NVML does not start.", "Install the driver.")
    found = open_nvml(tmp_path, load=lambda: unavailable)
    assert found.meter is None
    assert found.missing[0].remedy == "Install the driver."


def test_a_machine_without_a_gpu_is_told_no_remedy(tmp_path):
    pci_gpu(tmp_path, "0000:00:02.0", "active", vendor="0x8086")
    found = open_nvml(tmp_path, load=lambda: Unavailable("No library.", "Install the driver."))
    assert "No NVIDIA GPU" in found.missing[0].reason
    assert found.missing[0].remedy == ""


def test_a_sleeping_gpu_is_not_woken_unless_wanted(tmp_path):
    pci_gpu(tmp_path, "0000:01:00.0", "suspended")
    pci_gpu(tmp_path, "0000:01:00.1", "active", kind="0x040300")
    found = open_nvml(tmp_path, want_gpu=False, load=must_not_load)
    assert found.meter is None
    assert "sleeps" in found.missing[0].reason
    assert find_gpus(tmp_path, want_gpu=False, load=must_not_load) == ()
    assert opened(FakeClock(), tmp_path, FakeGpu(), want_gpu=True).meter is not None


def test_a_gpu_that_is_awake_is_metered_although_not_wanted(tmp_path):
    pci_gpu(tmp_path, "0000:01:00.0", "active")
    pci_gpu(tmp_path, "0000:02:00.0", "suspended", vendor="0x1002")
    assert opened(FakeClock(), tmp_path, FakeGpu(), want_gpu=False).meter is not None


def test_closing_lets_go_once(tmp_path):
    nvml = FakeNvml(FakeClock(), FakeGpu())
    meter = open_nvml(tmp_path, load=lambda: nvml, clock=nvml.clock).meter
    meter.close()
    meter.close()
    assert nvml.n_open == 0


def test_gpus_are_described_as_far_as_they_tell(tmp_path):
    partly = FakeGpu(refused={"memory_bytes", "power_limit_mw", "memory_bus_bits"})
    nvml = FakeNvml(FakeClock(), FakeGpu(), partly, FakeGpu(refused={"identity"}))
    full, part = find_gpus(tmp_path, load=lambda: nvml)
    assert (full.memory_bytes, full.power_limit_w) == (80 * 2**30, 700.0)
    assert full.nameplate_bytes_per_s == pytest.approx(3.352e12, rel=1e-3)
    assert (part.memory_bytes, part.power_limit_w) == (None, None)
    assert part.nameplate_bytes_per_s is None
    assert nvml.n_open == 0


def evidence(gpu, is_ours=lambda pid: False, is_contained=False):
    return device_evidence(FakeNvml(FakeClock(), gpu), 0, is_ours, is_contained=is_contained)


def test_evidence_tells_the_state_in_si():
    said = evidence(FakeGpu())
    assert said["gpu-0.temp_c"] == 41
    assert said["gpu-0.sm_clock_hz"] == 1_980_000_000
    assert said["gpu-0.mem_clock_hz"] == 2_619_000_000
    assert said["gpu-0.pstate"] == 0
    assert said["gpu-0.power_limit_w"] == 700.0
    assert said["gpu-0.busy_share"] == 0.25


def test_evidence_takes_a_handful_of_calls():
    nvml = FakeNvml(FakeClock(), FakeGpu())
    device_evidence(nvml, 0, lambda pid: True, is_contained=False)
    assert nvml.n_calls <= 8


@pytest.mark.parametrize(
    ("reasons", "throttle", "is_capped"),
    [
        (0x00, "", False),
        (0x01, "", False),
        (0x04, "", True),
        (0x40, "hardware thermal", False),
        (0x84, "power brake", True),
        (0x20 | 0x08, "hardware slowdown, software thermal", False),
    ],
)
def test_only_being_held_back_counts_as_throttling(reasons, throttle, is_capped):
    said = evidence(FakeGpu(reasons=reasons))
    assert said["gpu-0.throttle"] == throttle
    assert said["gpu-0.power_capped"] is is_capped
    throttling = [key for key, value in said.items() if "throttle" in key and value]
    assert bool(throttling) is bool(throttle)


def test_what_a_gpu_does_not_tell_is_none():
    refused = {"temperature_c", "clock_reasons", "compute_pids", "power_limit_mw"}
    said = evidence(FakeGpu(refused=refused))
    for key in ("temp_c", "throttle", "power_capped", "n_foreign_processes", "power_limit_w"):
        assert said[f"gpu-0.{key}"] is None


@pytest.mark.parametrize(
    ("pids", "is_contained", "n_foreign"),
    [
        ([], False, 0),
        ([7], False, 0),
        ([7, 8, 9], False, 2),
        ([8], False, 1),
        ([], True, None),
        ([8], True, None),
        ([7, 8], True, 1),
    ],
)
def test_foreign_processes_are_counted_where_they_can_be_told_apart(pids, is_contained, n_foreign):
    said = evidence(FakeGpu(pids=pids), lambda pid: pid == 7, is_contained=is_contained)
    assert said["gpu-0.n_foreign_processes"] == n_foreign


def test_this_process_and_its_children_are_ours():
    assert descends_from_us(os.getpid())
    assert not descends_from_us(os.getppid())
    assert not descends_from_us(2**22 + 1)
