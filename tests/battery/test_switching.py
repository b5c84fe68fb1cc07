"""A profile for each state of the battery, without flutter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.battery import watching
from llamawatt.battery.switching import HYSTERESIS, Reading, State, Switch, next_state
from llamawatt.battery.watching import keep_switched, look
from llamawatt.core.errors import UsageError
from tests.battery.test_packs import battery

AC, OUT = Reading(False, 0.9), Reading(True, 0.9)


class Served:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log
        log.append(f"+{name}")

    def stop(self) -> None:
        self.log.append(f"-{self.name}")


def switch(log: list[str], **changes) -> Switch[str]:
    profiles = {State.AC: "fast", State.BATTERY: "frugal", State.LOW: "tiny"}
    return Switch(profiles, lambda name: Served(name, log), **changes)


@given(share=st.floats(0, 1), low=st.floats(0.01, 0.9), now=st.sampled_from(list(State)))
def test_mains_wins_and_a_low_battery_stays_low_for_a_while(share, low, now):
    assert next_state(now, Reading(False, share), low) is State.AC
    state = next_state(now, Reading(True, share), low)
    assert (state is State.LOW) == (share <= low + (HYSTERESIS if now is State.LOW else 0))


def test_unplugging_switches_once_it_is_sure():
    log: list[str] = []
    made = switch(log)
    made.see(AC)
    made.see(OUT)
    assert log == ["+fast"]
    made.see(OUT)
    assert log == ["+fast", "-fast", "+frugal"]


def test_a_loose_plug_does_not_flutter():
    log: list[str] = []
    made = switch(log)
    for _ in range(10):
        made.see(AC)
        made.see(OUT)
    assert log == ["+fast"]


def test_a_charge_about_the_limit_does_not_flutter():
    log: list[str] = []
    made = switch(log)
    for share in (0.21, 0.21, 0.199, 0.199, 0.21, 0.21, 0.199, 0.24, 0.24):
        made.see(Reading(True, share))
    assert log == ["+frugal", "-frugal", "+tiny"]
    for _ in range(2):
        made.see(Reading(True, 0.26))
    assert log[-1] == "+frugal"


def test_a_state_without_a_profile_keeps_what_runs():
    log: list[str] = []
    made: Switch[str] = Switch({State.AC: "fast"}, lambda name: Served(name, log))
    for seen in (AC, OUT, OUT):
        made.see(seen)
    assert log == ["+fast"]
    made.stop()
    assert log == ["+fast", "-fast"]


def test_the_supply_is_read_from_the_system(tmp_path):
    assert look(tmp_path) is None
    battery(tmp_path, "BAT0", energy_now=10_000_000, energy_full=40_000_000)
    assert look(tmp_path) == Reading(True, 0.25)


def test_nothing_to_switch_is_said(monkeypatch):
    with pytest.raises(UsageError, match="No profile"):
        keep_switched({}, 0.2, "127.0.0.1", 8080, tell=lambda _: None)


def test_a_machine_without_a_battery_never_switches(monkeypatch, tmp_path):
    from llamawatt.app.profiles.profile import write_profile
    from tests.tune.telling.test_handover import PROFILE

    write_profile(tmp_path / "profile.json", PROFILE)
    monkeypatch.setattr(watching, "look", lambda: None)
    with pytest.raises(UsageError, match="no battery"):
        keep_switched({State.AC: tmp_path}, 0.2, "127.0.0.1", 8080, tell=lambda _: None)
