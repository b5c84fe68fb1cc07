from collections import namedtuple

import pytest

from llamawatt.core.clock import FakeClock
from llamawatt.core.flags import Flag
from llamawatt.measure import preflight as room
from llamawatt.measure.preflight import preflight
from tests.meters.fakesysfs import battery

Times = namedtuple("Times", "user system")
Heat = namedtuple("Heat", "current")


class FakeProcess:
    def __init__(self, pid, name, cpu_s):
        self.info = {"pid": pid, "name": name, "cpu_times": Times(cpu_s, 0.0)}


class Machine(FakeClock):
    """Four cores; what other processes use while preflight looks is set by the test."""

    def __init__(self):
        super().__init__()
        self.used_s = {}
        self.hidden_s = 0.0
        self.looked = False

    def sleep_s(self, duration_s):
        super().sleep_s(duration_s)
        self.looked = True

    def processes(self, attributes):
        return [
            FakeProcess(pid, name, 100.0 + cpu_s * self.looked)
            for pid, (name, cpu_s) in self.used_s.items()
        ]

    def busy_core_s(self):
        used_s = sum(cpu_s for _, cpu_s in self.used_s.values()) + self.hidden_s
        return 1000.0 + used_s * self.looked


@pytest.fixture
def machine(monkeypatch):
    quiet = Machine()
    monkeypatch.setattr(room.psutil, "process_iter", quiet.processes)
    monkeypatch.setattr(room.psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(room.psutil, "sensors_temperatures", dict)
    monkeypatch.setattr(room, "busy_core_s", quiet.busy_core_s)
    return quiet


def look(tmp_path, machine, **evidence):
    found = preflight(
        tmp_path, machine, 1.0, {key.replace("_0_", "-0."): v for key, v in evidence.items()}
    )
    return {finding.flag: finding for finding in found}


def cpufreq(sysfs, cpu="cpu0", **files):
    folder = sysfs / "devices/system/cpu" / cpu / "cpufreq"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def test_a_quiet_machine_has_no_findings(tmp_path, machine):
    machine.used_s = {7: ("init", 0.01)}
    assert look(tmp_path, machine) == {}


def test_other_load_names_the_top_offender(tmp_path, machine):
    machine.used_s = {7: ("backup", 0.2), 8: ("browser", 1.0)}
    finding = look(tmp_path, machine)[Flag.OTHER_LOAD]
    assert "30%" in finding.text
    assert "browser (process 8)" in finding.text
    assert finding.remedy


def test_load_that_no_visible_process_makes_is_still_told(tmp_path, machine):
    machine.hidden_s = 2.0
    finding = look(tmp_path, machine)[Flag.OTHER_LOAD]
    assert "50%" in finding.text
    assert "most of it" not in finding.text


@pytest.mark.parametrize(
    ("driver", "governor", "preference", "doubtful"),
    [
        ("acpi-cpufreq", "powersave", "", True),
        ("acpi-cpufreq", "performance", "", False),
        ("acpi-cpufreq", "schedutil", "", False),
        ("intel_cpufreq", "powersave", "", True),
        ("amd-pstate", "powersave", "", True),
        ("intel_pstate", "powersave", "balance_performance", False),
        ("intel_pstate", "powersave", "power", True),
        ("amd-pstate-epp", "powersave", "balance_power", True),
        ("intel_pstate", "performance", "performance", False),
    ],
)
def test_only_governors_that_save_are_told(
    tmp_path, machine, driver, governor, preference, doubtful
):
    cpufreq(
        tmp_path,
        scaling_driver=driver,
        scaling_governor=governor,
        energy_performance_preference=preference,
    )
    findings = look(tmp_path, machine)
    assert (Flag.GOVERNOR in findings) is doubtful
    if doubtful:
        assert "sudo" in findings[Flag.GOVERNOR].remedy


def test_one_saving_core_among_others_is_told(tmp_path, machine):
    cpufreq(tmp_path, "cpu0", scaling_driver="acpi-cpufreq", scaling_governor="performance")
    cpufreq(tmp_path, "cpu1", scaling_driver="acpi-cpufreq", scaling_governor="powersave")
    assert Flag.GOVERNOR in look(tmp_path, machine)


@pytest.mark.parametrize(("status", "doubtful"), [("Discharging", True), ("Charging", False)])
def test_running_on_battery_is_told(tmp_path, machine, status, doubtful):
    battery(tmp_path, status=status)
    assert (Flag.ON_BATTERY in look(tmp_path, machine)) is doubtful


def test_throttling_is_told_while_it_happens_not_because_it_once_did(tmp_path, machine):
    folder = tmp_path / "devices/system/cpu/cpu0/thermal_throttle"
    folder.mkdir(parents=True)
    (folder / "core_throttle_count").write_text("12\n")
    assert Flag.THROTTLED not in look(tmp_path, machine)

    def heat_up(duration_s):
        (folder / "core_throttle_count").write_text("13\n")
        FakeClock.sleep_s(machine, duration_s)

    machine.sleep_s = heat_up
    assert Flag.THROTTLED in look(tmp_path, machine)


@pytest.mark.parametrize(
    ("sensor", "temp_c", "doubtful"),
    [("coretemp", 95.0, True), ("coretemp", 60.0, False), ("nvme", 95.0, False)],
)
def test_a_hot_processor_is_told_and_a_hot_disk_is_not(
    tmp_path, machine, monkeypatch, sensor, temp_c, doubtful
):
    monkeypatch.setattr(room.psutil, "sensors_temperatures", lambda: {sensor: [Heat(temp_c)]})
    assert (Flag.THROTTLED in look(tmp_path, machine)) is doubtful


def test_what_meters_say_of_gpus_is_told(tmp_path, machine):
    findings = look(tmp_path, machine, gpu_0_throttle="power brake", gpu_0_n_foreign_processes=2)
    assert "power brake" in findings[Flag.THROTTLED].text
    assert "2 other" in findings[Flag.FOREIGN_GPU_PROCESS].text
    quiet = look(tmp_path, machine, gpu_0_throttle="", gpu_0_n_foreign_processes=None)
    assert quiet == {}


def test_it_runs_on_this_machine():
    for finding in preflight(look_s=0.05):
        assert finding.text
        assert finding.remedy
