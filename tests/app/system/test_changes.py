"""Whatever happens to who changes the machine, it is put back."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llamawatt.app.system.changes import SystemChanges, restore
from llamawatt.app.system.controls import (
    GOVERNOR,
    POWER_LIMIT,
    FileControl,
    PowerLimit,
    changeable,
    every_control,
    governor_choices,
    governors,
)
from llamawatt.core.errors import RunDirectoryError, UsageError


def sysfs(root: Path, now: str = "schedutil", n_policies: int = 2) -> Path:
    for number in range(n_policies):
        folder = root / f"devices/system/cpu/cpufreq/policy{number}"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(now + "\n")
        (folder / "scaling_available_governors").write_text("performance powersave schedutil\n")
    return root


def values(root: Path) -> list[str]:
    return [control.read() for control in governors(root)]


@dataclass
class FakeNvml:
    """NVIDIA's library with one card whose limit may be set."""

    limit_mw: int = 350_000
    denied: bool = False
    n_cards: int = 1
    NVMLError: type[Exception] = field(default=RuntimeError)

    def nvmlDeviceGetCount(self):
        return self.n_cards

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetPowerManagementLimit(self, handle):
        return self.limit_mw

    def nvmlDeviceSetPowerManagementLimit(self, handle, value):
        if self.denied:
            raise self.NVMLError("Insufficient Permissions")
        self.limit_mw = value

    def nvmlDeviceGetPowerManagementLimitConstraints(self, handle):
        return [200_000, 350_000]

    def nvmlDeviceGetPowerManagementDefaultLimit(self, handle):
        return 350_000


def by_name(root: Path) -> dict[str, FileControl]:
    return {control.name: control for control in governors(root)}


def test_the_end_puts_back_and_leaves_no_note(tmp_path):
    root, note = sysfs(tmp_path / "sys"), tmp_path / "note.json"
    with SystemChanges(by_name(root), note) as changes:
        changes.set(dict.fromkeys(by_name(root), "powersave"))
        assert values(root) == ["powersave"] * 2
        assert note.exists()
        changes.set(dict.fromkeys(by_name(root), "performance"))
    assert values(root) == ["schedutil"] * 2
    assert not note.exists()


def test_an_error_puts_back(tmp_path):
    root, note = sysfs(tmp_path / "sys"), tmp_path / "note.json"

    def fails():
        with SystemChanges(by_name(root), note) as changes:
            changes.set(dict.fromkeys(by_name(root), "powersave"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert values(root) == ["schedutil"] * 2


def test_the_old_value_is_on_the_disk_before_the_change(tmp_path):
    root, note = sysfs(tmp_path / "sys", n_policies=1), tmp_path / "note.json"
    seen = []

    class Watched(FileControl):
        def write(self, value):
            seen.append(json.loads(note.read_text())["before"])
            super().write(value)

    control = Watched(governors(root)[0].path)
    with SystemChanges({control.name: control}, note) as changes:
        changes.set({control.name: "powersave"})
    assert seen[0] == {control.name: "schedutil"}


def test_what_is_set_already_is_not_touched(tmp_path):
    root, note = sysfs(tmp_path / "sys"), tmp_path / "note.json"
    with SystemChanges(by_name(root), note) as changes:
        changes.set(dict.fromkeys(by_name(root), "schedutil"))
        assert not note.exists()


CHANGER = """
import sys, time
from pathlib import Path
from llamawatt.app.system.changes import SystemChanges
from llamawatt.app.system.controls import governors
controls = {c.name: c for c in governors(Path(sys.argv[1]))}
with SystemChanges(controls, Path(sys.argv[2])) as changes:
    changes.set(dict.fromkeys(controls, "powersave"))
    print("changed", flush=True)
    time.sleep(60)
"""


@contextmanager
def changer(root: Path, note: Path) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHANGER, str(root), str(note)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline().strip() == "changed"
        try:
            yield process
        finally:
            process.kill()


def test_a_signal_puts_back(tmp_path):
    root, note = sysfs(tmp_path / "sys"), tmp_path / "note.json"
    with changer(root, note) as process:
        assert values(root) == ["powersave"] * 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM
    assert values(root) == ["schedutil"] * 2
    assert not note.exists()


def test_after_a_kill_restore_brings_every_old_value_back(tmp_path):
    root, note = sysfs(tmp_path / "sys", n_policies=4), tmp_path / "note.json"
    with changer(root, note):
        assert values(root) == ["powersave"] * 4
    with pytest.raises(UsageError, match="not put back"), SystemChanges(by_name(root), note):
        pass
    done = restore(governors(root), note)
    assert values(root) == ["schedutil"] * 4
    assert len(done) == 4
    assert not note.exists()
    assert restore(governors(root), note) == {}


def test_a_killed_change_of_a_cards_limit_is_put_back(tmp_path):
    nvml, note = FakeNvml(), tmp_path / "note.json"
    limit = PowerLimit(nvml, 0)
    changes = SystemChanges({limit.name: limit}, note)
    changes.__enter__()
    changes.set({limit.name: "250000"})
    changes._before = {}  # as a kill leaves it: the note is all there is
    changes.__exit__(None, None, None)
    assert nvml.limit_mw == 250_000
    restore(every_control(tmp_path, lambda: nvml), note)
    assert nvml.limit_mw == 350_000


def test_what_cannot_be_put_back_stays_in_the_note(tmp_path):
    root, note = sysfs(tmp_path / "sys"), tmp_path / "note.json"
    gone = "/sys/gone"
    note.write_text(
        json.dumps(
            {"pid": 1 << 30, "before": {gone: "x", **dict.fromkeys(by_name(root), "powersave")}}
        )
    )
    with pytest.raises(UsageError, match="Not everything"):
        restore(governors(root), note)
    assert values(root) == ["powersave"] * 2
    assert json.loads(note.read_text())["before"] == {gone: "x"}


def test_while_the_changer_runs_nothing_is_taken_from_it(tmp_path):
    root, note = sysfs(tmp_path / "sys"), tmp_path / "note.json"
    with changer(root, note):
        with pytest.raises(UsageError, match="still measures"):
            restore(governors(root), note)
        assert values(root) == ["powersave"] * 2


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00"])
def test_a_broken_note_is_refused_in_words(tmp_path, text):
    note = tmp_path / "note.json"
    note.write_text(text)
    with pytest.raises(RunDirectoryError) as caught:
        restore((), note)
    assert "remove" in caught.value.remedy


def test_a_missing_right_is_said_with_its_remedy(tmp_path):
    nvml = FakeNvml(denied=True)
    limit = PowerLimit(nvml, 0)
    with pytest.raises(UsageError, match="cannot be reached") as caught:
        limit.write("1000")
    assert "sudo" in caught.value.remedy


def test_only_what_has_a_choice_is_offered(tmp_path):
    root = sysfs(tmp_path / "sys")
    machine = changeable(root, FakeNvml)
    assert machine.values == {
        GOVERNOR: ("performance", "schedutil", "powersave"), POWER_LIMIT: (200, 250, 300, 350),
    }  # fmt: skip
    assert machine.today == {GOVERNOR: "schedutil", POWER_LIMIT: 350}
    assert set(machine.wanted(POWER_LIMIT, 250).values()) == {"250000"}
    assert set(machine.wanted(GOVERNOR, "powersave")) == set(by_name(root))
    assert changeable(tmp_path, lambda: FakeNvml(n_cards=0)).values == {}
    assert POWER_LIMIT not in changeable(tmp_path, lambda: FakeNvml(n_cards=2)).values


def test_policies_that_differ_today_are_left_alone(tmp_path):
    root = sysfs(tmp_path / "sys")
    governors(root)[0].write("powersave")
    assert governor_choices(root) == ()


def test_a_driver_that_is_not_there_offers_nothing(tmp_path):
    def missing():
        raise OSError("no driver")

    assert changeable(tmp_path, missing).values == {}
