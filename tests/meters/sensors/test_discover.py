import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.machine import MissingMeter
from llamawatt.core.readings import Method
from llamawatt.host.cpu.topology import Topology
from llamawatt.meters.probe import Opened
from llamawatt.meters.sensors import discover as room
from llamawatt.meters.sensors import nvml
from llamawatt.meters.sensors.cpu.model import Processor, choose_model
from llamawatt.meters.sensors.discover import discover, gpus
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.fakenvml import FakeGpu, FakeNvml
from tests.meters.fakeplug import GEN2, plug_server
from tests.meters.fakesysfs import battery, laptop


@pytest.fixture
def found(tmp_path):
    """Discover on a simulated machine; all meters are closed at the end."""
    opened = []

    def look(**options):
        opened.append(discover(sysfs_root=tmp_path / "sys", **options))
        return opened[-1]

    yield look
    for discovery in opened:
        for meter in discovery.meters:
            meter.close()


def names(discovery):
    return [domain.name for meter in discovery.meters for domain in meter.domains()]


def test_a_machine_without_sensors_is_modelled_and_told_why(found):
    discovery = found()
    (meter,) = discovery.meters
    assert [domain.method for domain in meter.domains()] == [Method.MODEL]
    by_meter = {missing.meter: missing for missing in discovery.missing}
    assert set(by_meter) == {"rapl", "nvml"}
    assert all(missing.reason for missing in discovery.missing)
    assert "--cpu-idle-w" in by_meter["rapl"].remedy


def test_nothing_is_modelled_when_that_is_not_allowed(found):
    assert found(allow_model=False).meters == ()


def test_a_counter_takes_the_models_place(tmp_path, found):
    laptop(tmp_path / "sys")
    methods = {domain.method for meter in found().meters for domain in meter.domains()}
    assert methods == {Method.COUNTER}


def test_the_users_watts_reach_the_model(found):
    model = choose_model(Processor("any", Topology.even(4)), 12.0, 88.0)
    (meter,) = found(cpu_power=model).meters
    assert "12 W idle" in meter.domains()[0].note
    assert meter.model.full_w == 88.0


def test_a_whole_laptop_is_found_with_names_that_do_not_clash(tmp_path, found):
    laptop(tmp_path / "sys")
    battery(tmp_path / "sys", energy_now=50_000_000)
    with plug_server(GEN2) as plug:
        told = names(found(wall_url=plug.url))
        assert {"cpu-package-0", "platform", "battery", "wall", "wall-counter"} <= set(told)
        assert len(set(told)) == len(told)


def test_a_plug_that_does_not_answer_is_told_and_stops_nothing(found):
    discovery = found(wall_url="http://127.0.0.1:9")
    assert "wall" in [missing.meter for missing in discovery.missing]
    assert names(discovery) == ["cpu-package-0"]


def test_without_a_driver_there_are_no_gpus(tmp_path):
    assert gpus(sysfs_root=tmp_path / "sys") == ()


def test_every_meter_found_here_keeps_the_contract():
    discovery = discover(want_gpu=False)
    for index, meter in enumerate(discovery.meters):
        meter.close()
        assert_meter_contract(lambda index=index: discover(want_gpu=False).meters[index])


def test_amd_gpus_are_numbered_after_nvidias(tmp_path, found, monkeypatch):
    asked = []
    nvidia = Opened(
        nvml.open_nvml(tmp_path, load=lambda: FakeNvml(FakeClock(), FakeGpu(stuck=True))).meter,
        (MissingMeter("gpu-1", "mute"), MissingMeter("gpu-0 counter", "stuck")),
    )
    monkeypatch.setattr(room, "open_nvml", lambda *roots, **options: nvidia)
    monkeypatch.setattr(
        room, "open_zeus", lambda root, **options: asked.append((root, options)) or Opened()
    )
    found(want_gpu=False)
    assert asked == [(tmp_path, {"n_gpus": 2, "want_gpu": False})]


def test_a_gpu_is_in_the_total_beside_the_cpu(tmp_path):
    clock = FakeClock()
    meter = nvml.open_nvml(tmp_path, load=lambda: FakeNvml(clock, FakeGpu()), clock=clock).meter
    assert [domain.name for domain in meter.domains() if domain.in_total] == ["gpu-0"]
