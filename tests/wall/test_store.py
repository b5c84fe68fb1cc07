from dataclasses import replace
from types import SimpleNamespace

import pytest

from llamawatt.app import machine_record as machine
from llamawatt.core.errors import UsageError
from llamawatt.core.machine import Gpu, WallModel
from llamawatt.core.readings import Domain, DomainKind, Method, Quantity, Unavailable
from llamawatt.wall.store import load_wall_model, save_wall_model, wall_model_path

CPU = Domain("cpu-package-0", DomainKind.CPU_PACKAGE, Quantity.ENERGY, Method.COUNTER, "rapl")
GPU = Domain("gpu-0", DomainKind.GPU, Quantity.ENERGY, Method.COUNTER, "nvml-counter")
WALL = Domain(
    "wall", DomainKind.WALL, Quantity.POWER, Method.INTEGRAL, "shelly-gen2-power", in_total=False
)
MODELLED = replace(CPU, method=Method.MODEL, source="cpu-model", note="10 W idle, 65 W full")
MODEL = WallModel(
    21.5, 1.2, 0.7, 0.03, 0.2, 4, ("cpu-package-0",), "2026-01-01T00:00:00Z", -0.8, (9.0, 61.0)
)


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def test_what_is_kept_comes_back_and_leaves_nothing_beside_it(config):
    path = wall_model_path("abc", [CPU])
    assert load_wall_model(path) is None
    save_wall_model(path, replace(MODEL, slope=2.0))
    save_wall_model(path, MODEL)
    assert load_wall_model(path) == MODEL
    assert [each for each in config.rglob("*") if each.is_file()] == [path]


@pytest.mark.parametrize(
    ("hostname_hash", "domains"),
    [
        ("other", [CPU]),
        ("abc", [CPU, GPU]),
        ("abc", [GPU]),
        ("abc", [MODELLED]),
        ("abc", [replace(CPU, device="another")]),
    ],
)
def test_another_machine_or_boundary_has_another_file(hostname_hash, domains):
    assert wall_model_path(hostname_hash, domains) != wall_model_path("abc", [CPU])


def test_a_cpu_modelled_with_other_watts_is_another_boundary():
    other = replace(MODELLED, note="10 W idle, 125 W full")
    assert wall_model_path("abc", [MODELLED]) != wall_model_path("abc", [other])


def test_neither_order_nor_the_plug_itself_makes_another_boundary():
    assert wall_model_path("abc", [CPU, GPU]) == wall_model_path("abc", [WALL, GPU, CPU])


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"rest_w": "many"}', b"\xff\xfe"])
def test_a_broken_file_is_named_with_the_remedy(text):
    path = wall_model_path("abc", [CPU])
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    found = load_wall_model(path)
    assert isinstance(found, Unavailable)
    assert str(path) in found.reason
    assert "calibrate --wall" in found.remedy


def test_a_folder_that_cannot_be_made_is_a_usage_error(config):
    config.write_text("a file")
    with pytest.raises(UsageError, match="could not be kept") as caught:
        save_wall_model(wall_model_path("abc", [CPU]), MODEL)
    assert "LLAMAWATT_CONFIG" in caught.value.remedy


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(machine, "memory_bandwidth", lambda _: 1e10)
    monkeypatch.setattr(machine, "on_battery", lambda _: None)
    bench = SimpleNamespace(domains=(CPU,), calibrations={}, missing=())
    return lambda: machine.machine_record(bench, (), "")


def test_a_later_run_with_the_same_domains_records_the_model(recorded):
    assert recorded().wall_model is None
    save_wall_model(wall_model_path(machine.key_here((), [CPU]), [CPU, WALL]), MODEL)
    assert recorded().wall_model == MODEL


def test_a_run_with_other_domains_does_not(recorded):
    save_wall_model(wall_model_path(machine.key_here((), [CPU]), [CPU, GPU]), MODEL)
    assert recorded().wall_model is None


def test_on_battery_the_wall_feeds_nothing(recorded, monkeypatch):
    save_wall_model(wall_model_path(machine.key_here((), [CPU]), [CPU]), MODEL)
    monkeypatch.setattr(machine, "on_battery", lambda _: True)
    assert recorded().wall_model is None


def test_a_broken_model_stops_no_run_and_is_said(recorded):
    path = wall_model_path(machine.key_here((), [CPU]), [CPU])
    path.parent.mkdir(parents=True)
    path.write_text("{")
    record = recorded()
    assert record.wall_model is None
    assert [gap.meter for gap in record.missing] == ["wall-model"]


def test_another_card_or_machine_id_has_another_model(recorded, monkeypatch):
    card = Gpu(0, "NVIDIA H100", "GPU-1")
    key = machine.key_here((card,), [CPU, GPU])
    assert machine.key_here((replace(card, uuid="GPU-2"),), [CPU, GPU]) != key
    assert machine.key_here((card,), [CPU]) == machine.key_here((), [CPU])
    monkeypatch.setattr(machine, "machine_id", lambda: "another")
    assert machine.key_here((card,), [CPU, GPU]) != key
