import socket

import pytest

from llamawatt.core.readings import Method, Quantity, Unavailable
from llamawatt.meters.sensors import plugs
from llamawatt.meters.sensors.wall_plug import open_wall
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.fakeplug import GEN1, GEN2, PM1, TASMOTA, plug_server

PLUGS = {"shelly-gen2": GEN2, "shelly-pm1": PM1, "shelly-gen1": GEN1, "tasmota": TASMOTA}


@pytest.mark.parametrize("kind", PLUGS)
def test_every_kind_of_plug_keeps_the_contract(kind):
    with plug_server(PLUGS[kind]) as plug:
        assert_meter_contract(lambda: open_wall(plug.url).meter)


@pytest.mark.parametrize(
    ("kind", "power_w", "energy_j"),
    [
        ("shelly-gen2", 61.5, 1234.567 * 3600),
        ("shelly-pm1", 61.5, 1234.567 * 3600),
        ("shelly-gen1", 61.5, 74074 * 60),
        ("tasmota", 61.0, 1234 * 3600),
    ],
)
def test_power_and_energy_are_in_si(kind, power_w, energy_j):
    with plug_server(PLUGS[kind]) as plug:
        meter = open_wall(f"{plug.url}/").meter
        assert meter.read("wall").power_w == pytest.approx(power_w)
        assert meter.read("wall-counter").energy_j == pytest.approx(energy_j)
        power, counter = meter.domains()
        meter.close()
    assert power.source == f"{kind}-power"
    assert (power.quantity, power.method) == (Quantity.POWER, Method.INTEGRAL)
    assert (counter.quantity, counter.checks) == (Quantity.ENERGY, "wall")
    assert not power.in_total
    assert not counter.in_total


def test_a_plug_without_a_counter_gives_power_alone():
    with plug_server({"/rpc/Switch.GetStatus?id=0": {"apower": 5}}) as plug:
        meter = open_wall(plug.url).meter
        assert [domain.name for domain in meter.domains()] == ["wall"]
        meter.close()


HTML = (200, {"Content-Type": "text/html"}, b"<html>Sign in to your router</html>")
BAD = {
    "html": (HTML, "text/html"),
    "empty": ((200, {}, b""), "no JSON"),
    "redirect": ((302, {"Location": "https://login.example/"}, b""), "redirects to https://login"),
    "unauthorised": ((401, {}, b""), "status 401"),
    "broken": ((500, {}, b"oops"), "status 500"),
    "cut short": ((200, {"Content-Type": "application/json"}, b'{"apower": 6'), "no JSON"),
    "field missing": ({"output": True}, "apower is missing"),
    "null": ({"apower": None}, "None as power"),
    "text": ({"apower": "61,5"}, "'61,5' as power"),
    "true": ({"apower": True}, "True as power"),
    "negative": ({"apower": -3.0}, "cannot be"),
    "not a number": ((200, {}, b'{"apower": NaN}'), "cannot be"),
    "a list": ([1, 2, 3], "apower is missing"),
    "not text": ((200, {}, b"\xff\xfe\x00"), "no JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_came_back_instead_is_named_at_the_start(case):
    answer, words = BAD[case]
    with plug_server({"/rpc/Switch.GetStatus?id=0": answer}) as plug:
        found = open_wall(plug.url)
    assert found.meter is None
    assert words in found.missing[0].reason
    assert "--wall" in found.missing[0].remedy


@pytest.mark.parametrize("case", BAD)
def test_what_came_back_instead_is_named_midway(case):
    answer, words = BAD[case]
    with plug_server(GEN2) as plug:
        meter = open_wall(plug.url).meter
        plug.answers["/rpc/Switch.GetStatus?id=0"] = answer
        found = meter.read("wall")
        meter.close()
    assert isinstance(found, Unavailable)
    assert words in found.reason


def test_a_meter_that_calls_itself_invalid_is_believed():
    answer = {"meters": [{"power": 0.0, "is_valid": False, "total": 0}]}
    with plug_server({"/status": answer}) as plug:
        assert "not valid" in open_wall(plug.url).missing[0].reason


def test_a_plug_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(plugs, "TIMEOUT_S", 0.05)
    with plug_server(GEN2) as plug:
        plug.delay_s = 0.5
        found = open_wall(plug.url)
        assert len(plug.paths) == 1
    assert "ReadTimeout" in found.missing[0].reason


def test_nobody_at_the_address_is_asked_only_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        reason = open_wall(url).missing[0].reason
    assert reason.count("ConnectError") == 1


@pytest.mark.parametrize("url", ["", "plug", "ftp://192.0.2.7", "http://[bad", "http://a:port"])
def test_a_url_that_is_none_is_no_crash(url):
    found = open_wall(url)
    assert found.meter is None
    assert found.missing[0].reason


def test_a_password_in_the_url_is_not_shown():
    with plug_server(GEN2) as plug:
        url = plug.url.replace("://", "://admin:secret@")
        meter = open_wall(url).meter
        plug.answers.clear()
        said = f"{meter.domains()} {meter.read('wall')}"
        meter.close()
        said += str(open_wall(url).missing)
    assert "secret" not in said
