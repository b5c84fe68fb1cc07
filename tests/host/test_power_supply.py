"""One place says whether the machine runs on its battery; every other asks there."""

import subprocess
from types import SimpleNamespace

import psutil
import pytest

from llamawatt.app import machine_record
from llamawatt.host import power_supply
from tests.house.tree import SOURCE
from tests.meters.fakesysfs import battery

PLUGGED = [(True, False), (False, True), (None, None)]


@pytest.mark.parametrize(("plugged", "expected"), PLUGGED)
def test_elsewhere_than_on_linux_the_system_is_asked(monkeypatch, plugged, expected):
    monkeypatch.setattr(power_supply.sys, "platform", "darwin")
    found = SimpleNamespace(power_plugged=plugged)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: found, raising=False)
    assert power_supply.on_battery() is expected


def test_no_battery_is_neither(monkeypatch, tmp_path):
    assert power_supply.on_battery(tmp_path) is None
    monkeypatch.setattr(power_supply.sys, "platform", "win32")
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    assert power_supply.on_battery() is None


def test_a_battery_that_drains_although_the_charger_is_in_decides_for_the_record_too(
    monkeypatch, tmp_path
):
    battery(tmp_path, status="Discharging")
    charger = SimpleNamespace(power_plugged=True)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: charger, raising=False)
    monkeypatch.setattr(machine_record, "memory_bandwidth", lambda _: 1e10)
    bench = SimpleNamespace(domains=(), calibrations={}, missing=())
    assert machine_record.machine_record(bench, (), "", tmp_path).on_battery is True


def test_only_one_module_asks_the_system():
    found = subprocess.run(
        ["grep", "-rlE", "sensors_battery|power_plugged", str(SOURCE), "--include=*.py"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line.rsplit("/", 1)[1] for line in found.stdout.split()] == ["power_supply.py"]
