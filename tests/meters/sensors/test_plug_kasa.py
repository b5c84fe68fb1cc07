"""TP-Link plugs through the real python-kasa, against a plug on the loopback."""

import pytest

pytest.importorskip("kasa", reason="python-kasa is not installed (the extra `hardware`)")

from llamawatt.core.readings import Unavailable
from llamawatt.meters.sensors import plug_kasa
from llamawatt.meters.sensors.wall_plug import open_wall
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.fakekasa import kasa_server

pytestmark = pytest.mark.filterwarnings("ignore")


def url(plug, query=""):
    return f"kasa://127.0.0.1:{plug.port}{query}"


def test_a_plug_keeps_the_contract():
    with kasa_server([61.5]) as plug:
        assert_meter_contract(lambda: open_wall(url(plug)).meter)


def test_power_and_energy_are_in_si():
    with kasa_server([61.5]) as plug:
        meter = open_wall(url(plug)).meter
        assert meter.read("wall").power_w == pytest.approx(61.5)
        assert meter.read("wall-counter").energy_j == pytest.approx(1234 * 3600)
        assert meter.domains()[0].source == "kasa-power"
        plug.powers_w = [75.0]
        assert meter.read("wall").power_w == pytest.approx(75.0)
        meter.close()


def test_a_strip_asks_which_outlet():
    with kasa_server([0.0, 61.5]) as plug:
        missing = open_wall(url(plug)).missing[0]
        assert "0 draws 0 W, 1 draws 61.5 W" in missing.reason
        assert "?channel=1" in missing.remedy
        meter = open_wall(url(plug, "?channel=1")).meter
        assert meter.read("wall").power_w == pytest.approx(61.5)
        meter.close()
        meter = open_wall(url(plug, "?channel=sum")).meter
        assert meter.read("wall").power_w == pytest.approx(61.5)
        meter.close()


def test_a_plug_without_a_meter_says_so():
    with kasa_server([1.0], meters=False) as plug:
        assert "meters no power" in open_wall(url(plug)).missing[0].reason


def test_nobody_there_is_said_without_the_login(monkeypatch):
    monkeypatch.setattr(plug_kasa, "TIMEOUT_S", 2.0)
    found = open_wall("kasa://me%40example.org:s3cret@127.0.0.1:9")
    said = f"{found.missing[0].reason} {found.missing[0].remedy}"
    assert "does not answer as a TP-Link plug" in said
    assert "s3cret" not in said
    assert "example.org" not in said


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(plug_kasa.importlib.util, "find_spec", lambda name: None)
    missing = open_wall("tapo://192.0.2.7").missing[0]
    assert "llamawatt[hardware]" in missing.remedy


def test_a_plug_that_goes_away_is_unavailable(monkeypatch):
    monkeypatch.setattr(plug_kasa, "TIMEOUT_S", 2.0)
    with kasa_server([61.5]) as plug:
        meter = open_wall(url(plug)).meter
    found = meter.read("wall")
    meter.close()
    assert isinstance(found, Unavailable)
