from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.clock import FakeClock
from llamawatt.core.readings import DomainKind, Method, Unavailable
from llamawatt.meters.sensors import rapl
from llamawatt.meters.sensors.powercap import read_uj, why_no_zones
from llamawatt.meters.sensors.rapl import open_rapl
from llamawatt.testing.meter_contract import assert_meter_contract
from tests.meters.fakesysfs import WRAP_UJ, FakePowercap, laptop


def domains_of(sysfs):
    return {domain.name: domain for domain in open_rapl(sysfs).meter.domains()}


def test_it_keeps_the_contract(tmp_path):
    laptop(tmp_path)
    clock = FakeClock()
    assert_meter_contract(lambda: open_rapl(tmp_path, clock).meter, clock)


def test_a_package_seen_twice_is_counted_once_and_nothing_overlaps_in_the_total(tmp_path):
    laptop(tmp_path)
    domains = domains_of(tmp_path)
    assert set(domains) == {"cpu-package-0", "cpu-core-0", "cpu-uncore-0", "platform"}
    assert [name for name, domain in domains.items() if domain.in_total] == ["cpu-package-0"]
    assert domains["platform"].kind is DomainKind.PLATFORM
    assert all(domain.method is Method.COUNTER for domain in domains.values())


def test_dram_is_summed_where_it_is_and_named_where_it_is_not(tmp_path):
    powercap = laptop(tmp_path)
    assert [missing.meter for missing in open_rapl(tmp_path).missing] == ["dram"]
    powercap.zone("intel-rapl:0:2", "dram")
    assert domains_of(tmp_path)["dram-0"].in_total
    assert open_rapl(tmp_path).missing == ()


def test_every_die_of_every_socket_is_counted(tmp_path):
    powercap = FakePowercap(tmp_path)
    for number, label in enumerate(
        ["package-0-die-0", "package-0-die-1", "package-1-die-0", "package-1-die-1"]
    ):
        powercap.zone(f"intel-rapl:{number}", label, 1000 + number)
        powercap.zone(f"intel-rapl:{number}:0", "dram", 100 + number)
    totals = [name for name, domain in domains_of(tmp_path).items() if domain.in_total]
    assert sorted(totals) == sorted(
        f"{kind}-{die}" for kind in ("cpu-package", "dram") for die in ("0", "0-1", "1", "1-1")
    )


def test_more_than_ten_packages_keep_their_numbers(tmp_path):
    powercap = FakePowercap(tmp_path)
    for number in range(12):
        powercap.zone(f"intel-rapl:{number}", f"package-{number}", 1000 + number)
    assert list(domains_of(tmp_path)) == [f"cpu-package-{number}" for number in range(12)]


def test_dies_that_mirror_one_counter_are_counted_once_and_it_is_said(tmp_path):
    powercap = FakePowercap(tmp_path)
    powercap.zone("intel-rapl:0", "package-0", 68_000_123)
    powercap.zone("intel-rapl:1", "package-1", 68_000_123)
    powercap.zone("intel-rapl:2", "package-2", 70_000_000)
    assert list(domains_of(tmp_path)) == ["cpu-package-0", "cpu-package-2"]
    reasons = {missing.meter: missing.reason for missing in open_rapl(tmp_path).missing}
    assert "another die" in reasons["cpu-package-1"]


def test_a_mirror_that_ticks_between_two_reads_is_still_seen(tmp_path, monkeypatch):
    powercap = FakePowercap(tmp_path)
    powercap.zone("intel-rapl:0", "package-0")
    powercap.zone("intel-rapl:1", "package-1")
    n_reads = 0

    def ticking(path):
        nonlocal n_reads
        n_reads += 1
        return 5_000_000 + n_reads // 3

    monkeypatch.setattr(rapl, "read_uj", lambda p: ticking(p) if p.name == "energy_uj" else 10**9)
    assert [domain.name for domain in open_rapl(tmp_path).meter.domains()] == ["cpu-package-0"]


def test_two_sockets_at_zero_are_not_taken_for_one(tmp_path):
    powercap = FakePowercap(tmp_path)
    powercap.zone("intel-rapl:0", "package-0", 0)
    powercap.zone("intel-rapl:1", "package-1", 0)
    assert len(domains_of(tmp_path)) == 2


@given(energy_uj=st.integers(min_value=0, max_value=WRAP_UJ))
def test_microjoules_become_joules(tmp_path_factory, energy_uj):
    sysfs = tmp_path_factory.mktemp("sys")
    FakePowercap(sysfs).zone("intel-rapl:0", "package-0", energy_uj)
    found = open_rapl(sysfs).meter.read("cpu-package-0")
    assert found.energy_j == pytest.approx(energy_uj / 1e6)


def test_the_wrap_is_the_one_of_the_zone(tmp_path):
    laptop(tmp_path)
    assert domains_of(tmp_path)["cpu-package-0"].wrap_j == pytest.approx(65_712.999613)


@pytest.mark.parametrize("content", ["", "12x4", "-5", "1.5e6", "\x00\x00", str(WRAP_UJ + 1)])
def test_garbage_is_never_a_figure(tmp_path, content):
    powercap = laptop(tmp_path)
    meter = open_rapl(tmp_path).meter
    powercap.set("intel-rapl:0", content)
    found = meter.read("cpu-package-0")
    assert isinstance(found, Unavailable)
    assert "energy_uj" in found.reason


def test_a_counter_that_vanishes_is_unavailable(tmp_path):
    powercap = laptop(tmp_path)
    meter = open_rapl(tmp_path).meter
    (powercap.root / "intel-rapl:0/energy_uj").unlink()
    assert isinstance(meter.read("cpu-package-0"), Unavailable)


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A laptop whose counters only root may read; made by hand as tests may run as root."""
    laptop(tmp_path)
    real = Path.read_text

    def read_text(self, *arguments):
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments)

    monkeypatch.setattr(Path, "read_text", read_text)
    return tmp_path


def test_a_denied_counter_tells_the_command_and_its_risk(locked):
    found = open_rapl(locked)
    assert found.meter is None
    by_meter = {missing.meter: missing for missing in found.missing}
    package = by_meter["cpu-package-0"]
    assert "Permission denied" in package.reason
    assert "sudo chmod a+r /sys/class/powercap/" in package.remedy
    assert "udev" in package.remedy
    assert "CVE-2020-8694" in package.remedy


def test_permission_lost_midway_is_unavailable(tmp_path, monkeypatch):
    laptop(tmp_path)
    meter = open_rapl(tmp_path).meter

    def denied(self, *arguments):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", denied)
    found = meter.read("cpu-package-0")
    assert isinstance(found, Unavailable)
    assert "chmod" in found.remedy
    assert isinstance(read_uj(tmp_path), Unavailable)


def proc(tmp_path, osrelease="6.1.0-13-amd64", flags="fpu vme"):
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text(osrelease)
    (tmp_path / "proc/cpuinfo").write_text(f"flags : {flags}\n")
    return tmp_path / "proc"


@pytest.mark.parametrize(
    ("osrelease", "flags", "word"),
    [
        ("5.15.153.1-microsoft-standard-WSL2", "fpu hypervisor", "WSL"),
        ("6.1.0-13-cloud-amd64", "fpu hypervisor", "virtual machine"),
        ("6.1.0-13-amd64", "fpu", "no Linux powercap"),
    ],
)
def test_without_powercap_the_reason_fits_the_machine(tmp_path, osrelease, flags, word):
    missing = why_no_zones(tmp_path / "class/powercap", proc(tmp_path, osrelease, flags))
    assert word in missing.reason
    assert "--cpu-idle-w" in missing.remedy


def test_an_empty_powercap_names_the_driver(tmp_path):
    (tmp_path / "class/powercap").mkdir(parents=True)
    missing = why_no_zones(tmp_path / "class/powercap", proc(tmp_path))
    assert "modprobe intel_rapl_msr" in missing.remedy


def test_a_machine_without_powercap_has_no_meter(tmp_path):
    found = open_rapl(tmp_path)
    assert found.meter is None
    assert [missing.meter for missing in found.missing] == ["rapl"]


@pytest.mark.parametrize(
    ("limits_uw", "most_w"),
    [
        ({}, None),
        ({"constraint_0_power_limit_uw": 125e6, "constraint_1_power_limit_uw": 253e6}, 506.0),
        ({"constraint_0_power_limit_uw": 15e6, "constraint_0_max_power_uw": 15e6}, 250.0),
        ({"constraint_0_power_limit_uw": 4095e6, "constraint_0_max_power_uw": 65e6}, None),
        ({"constraint_0_power_limit_uw": 0}, None),
    ],
)
def test_a_package_knows_what_it_can_draw_by_the_limits_of_its_zone(tmp_path, limits_uw, most_w):
    powercap = FakePowercap(tmp_path)
    zone = powercap.zone("intel-rapl:0", "package-0")
    for name, limit_uw in limits_uw.items():
        (zone / name).write_text(f"{limit_uw:.0f}\n")
    (domain,) = open_rapl(tmp_path).meter.domains()
    assert domain.max_power_w == most_w
