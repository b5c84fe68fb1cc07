import pytest

from llamawatt.core.clock import FakeClock, SystemClock
from llamawatt.core.readings import DomainKind, Unavailable
from llamawatt.host.power_supply import on_battery
from llamawatt.meters.sampling.calibrate import calibrate
from llamawatt.meters.sensors.battery import open_battery
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.fakesysfs import battery

UWH = 1_000_000


def drawn_j(meter):
    return meter.read("battery").energy_j


def test_it_keeps_the_contract(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    clock = FakeClock()
    assert_meter_contract(lambda: open_battery(tmp_path, clock).meter, clock)


def test_energy_lost_is_energy_drawn(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, energy_now=49 * UWH)
    assert drawn_j(meter) == pytest.approx(3600.0)
    (domain,) = meter.domains()
    assert (domain.kind, domain.in_total) == (DomainKind.BATTERY, False)
    assert domain.source == "battery-energy"


def test_charge_is_weighed_by_the_voltage_it_left_at(tmp_path):
    battery(tmp_path, charge_now=4_000_000, voltage_now=12_000_000)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, charge_now=3_000_000, voltage_now=11_000_000)
    assert drawn_j(meter) == pytest.approx(1.0 * 3600 * 11.5)
    assert meter.domains()[0].source == "battery-charge"


def test_a_voltage_that_sags_under_load_is_no_energy(tmp_path):
    battery(tmp_path, charge_now=4_000_000, voltage_now=12_000_000)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, charge_now=4_000_000, voltage_now=10_500_000)
    assert drawn_j(meter) == 0.0


def test_two_batteries_are_summed_and_one_may_rest(tmp_path):
    battery(tmp_path, "BAT0", energy_now=20 * UWH, status="Not charging")
    battery(tmp_path, "BAT1", energy_now=20 * UWH)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, "BAT0", energy_now=19 * UWH)
    battery(tmp_path, "BAT1", energy_now=18 * UWH)
    assert drawn_j(meter) == pytest.approx(3 * 3600.0)


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown", ""])
def test_a_battery_that_does_not_discharge_tells_nothing(tmp_path, status):
    battery(tmp_path, energy_now=50 * UWH, status=status)
    found = open_battery(tmp_path)
    assert found.meter is None
    assert "not discharging" in found.missing[0].reason
    assert "Unplug" in found.missing[0].remedy


def test_what_happened_on_the_charger_is_not_counted(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, energy_now=49 * UWH)
    assert drawn_j(meter) == pytest.approx(3600.0)
    battery(tmp_path, energy_now=45 * UWH, status="Charging")
    assert isinstance(meter.read("battery"), Unavailable)
    battery(tmp_path, energy_now=60 * UWH)
    assert drawn_j(meter) == pytest.approx(3600.0)
    battery(tmp_path, energy_now=59 * UWH)
    assert drawn_j(meter) == pytest.approx(7200.0)


def test_a_gauge_that_corrects_itself_upwards_is_no_negative_energy(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, energy_now=51 * UWH)
    assert isinstance(meter.read("battery"), Unavailable)
    assert drawn_j(meter) == 0.0


@pytest.mark.parametrize("content", ["", "fifty", "-3", "5e7"])
def test_garbage_is_never_a_figure(tmp_path, content):
    battery(tmp_path, energy_now=50 * UWH)
    meter = open_battery(tmp_path).meter
    battery(tmp_path, energy_now=content)
    found = meter.read("battery")
    assert isinstance(found, Unavailable)
    assert "energy_now" in found.reason


def test_a_missing_voltage_is_said(tmp_path):
    battery(tmp_path, charge_now=4_000_000)
    assert "voltage_now" in open_battery(tmp_path).missing[0].reason


def test_the_battery_of_a_mouse_is_not_the_machines(tmp_path):
    battery(tmp_path, "hidpp_battery_0", energy_now=5 * UWH, scope="Device")
    assert open_battery(tmp_path).meter is None
    assert open_battery(tmp_path).missing == ()
    assert on_battery(tmp_path) is None


def test_a_gauge_that_rests_for_a_second_is_not_called_stuck(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    found = calibrate(open_battery(tmp_path).meter, "battery", SystemClock(), 0.05)
    assert found.update_period_s is None
    assert found.flags == ()


@pytest.mark.parametrize(("status", "expected"), [("Discharging", True), ("Full", False)])
def test_running_on_battery_is_told(tmp_path, status, expected):
    battery(tmp_path, energy_now=5 * UWH, status=status)
    assert on_battery(tmp_path) is expected


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("AC", {"type": "Mains", "online": 1}),
        ("ucsi-source-psy-USBC000:001", {"type": "USB", "online": 1}),
        ("tcpm-source", {"type": "USB_PD", "online": 2}),
    ],
)
def test_a_weak_charger_makes_the_battery_a_part_of_the_machine(tmp_path, name, files):
    battery(tmp_path, energy_now=50 * UWH)
    battery(tmp_path, name, status="", **files)
    missing = open_battery(tmp_path).missing[0]
    assert f"although a charger is connected ({name})" in missing.reason
    assert "only a part" in missing.reason
    assert "Unplug" in missing.remedy


def test_a_charger_that_comes_midway_ends_the_reading(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    battery(tmp_path, "AC", type="Mains", online=0, status="")
    meter = open_battery(tmp_path).meter
    battery(tmp_path, "AC", type="Mains", online=1, status="")
    assert isinstance(meter.read("battery"), Unavailable)
    battery(tmp_path, "AC", type="Mains", online=0, status="")
    assert drawn_j(meter) == 0.0


def test_a_charger_of_a_mouse_is_none_of_the_machine(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    battery(tmp_path, "hid-mouse", type="USB", online=1, scope="Device", status="")
    assert open_battery(tmp_path).meter is not None


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"energy_now": 242 * UWH, "energy_full": 57 * UWH}, "242 Wh in a pack of 57 Wh"),
        ({"energy_now": 242 * UWH, "energy_full_design": 60 * UWH}, "242 Wh in a pack of 60 Wh"),
        (
            {"charge_now": 16 * UWH, "charge_full": 4 * UWH, "voltage_now": 12 * UWH},
            "16 Ah in a pack of 4 Ah",
        ),
    ],
)
def test_more_than_the_pack_holds_is_refused(tmp_path, files, told):
    battery(tmp_path, **files)
    assert told in open_battery(tmp_path).missing[0].reason


def test_a_new_pack_may_hold_a_little_more_than_its_name_says(tmp_path):
    battery(tmp_path, energy_now=58 * UWH, energy_full=57 * UWH, energy_full_design=56 * UWH)
    assert open_battery(tmp_path).meter is not None


def test_a_single_read_of_nothing_is_no_energy_drawn(tmp_path):
    battery(tmp_path, energy_now=50 * UWH)
    meter = open_battery(tmp_path, FakeClock()).meter
    battery(tmp_path, energy_now=0)
    assert isinstance(meter.read("battery"), Unavailable)
    battery(tmp_path, energy_now=50 * UWH)
    assert drawn_j(meter) == 0.0
