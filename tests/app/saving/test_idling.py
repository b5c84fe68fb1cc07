"""Idles on fresh starts, written down as a run, and the bills that follow from one."""

from dataclasses import replace

import pytest

from llamawatt.app.metering import Metering
from llamawatt.app.observer import Silent
from llamawatt.app.saving.costing import Daily, bills
from llamawatt.app.saving.idling import (
    N_STARTS,
    SUITE,
    idle_study,
    idles_of,
    measure_idles,
    take_idles,
)
from llamawatt.app.serving import Serving
from llamawatt.battery.sources import costs_at
from llamawatt.core.errors import UsageError
from llamawatt.core.settings import Assumptions
from llamawatt.core.trials import Status
from llamawatt.runs.store import RunWriter, read_run
from tests.runs import records
from tests.study.simulated import BusyCompany, QuietCompany, SimulatedMachine, simulated_plan


@pytest.fixture
def run(tmp_path):
    spec = idle_study("all", 2.0, 5)
    spec = spec.model_copy(update={"suites": (SUITE,)})
    plan = simulated_plan(spec)
    machine = SimulatedMachine(resident_w=30.0)
    writer = RunWriter.create(tmp_path / "r", plan.study, records.machine())
    take_idles(plan, machine.rig(), writer, Silent(), QuietCompany())
    writer.close()
    assert machine.running == 0
    return read_run(tmp_path / "r")


def test_every_start_is_fresh_and_every_level_is_taken(run):
    assert len(run.trials) == 2 * N_STARTS
    assert len({trial.session for trial in run.trials}) == 2 * N_STARTS
    assert all(trial.status is Status.OK for trial in run.trials)
    assert all(set(trial.idle) == {"bare", "runtime", "model"} for trial in run.trials)


def test_what_a_resident_model_draws_is_found(run):
    by_arm = {each.idle.arm: each for each in idles_of(run)}
    gpu = by_arm["gpu"]
    assert gpu.idle.extra_w.value == pytest.approx(30, abs=1)
    assert [rule.how for rule in gpu.rules] == ["end", "sleep"]


def test_a_run_without_idles_says_so(run):
    bare = replace(run, trials=tuple(replace(t, idle={}, load=None) for t in run.trials))
    with pytest.raises(UsageError, match="no idle power"):
        idles_of(bare)


def test_a_running_server_is_not_ours_to_start():
    spec = idle_study("cpu", 2.0, 5)
    with pytest.raises(UsageError, match="running server"):
        measure_idles(spec, (), Serving(url="http://127.0.0.1:1"), Metering(), Silent())


def test_a_day_is_billed_for_every_setting(run):
    made = bills(run.path, Daily(100, 8), Assumptions({"price_per_kwh": 0.3}, "EUR"), 2.0)
    gpu = next(bill for bill in made if bill.setting == "gpu")
    assert gpu.amounts["price"].value == pytest.approx(gpu.day.total_wh.value / 1000 * 0.3)
    assert "co2e_g" not in gpu.amounts
    assert gpu.day.silence_share > 0.5
    assert gpu.api is not None
    year = gpu.of_year(gpu.amounts["price"])
    assert year.value == pytest.approx(365.25 * gpu.amounts["price"].value)


def test_more_replies_than_the_day_holds_are_refused_in_words(run):
    with pytest.raises(UsageError, match="resident for 8"):
        bills(run.path, Daily(1e9, 8), Assumptions())


def test_a_battery_is_promised_from_the_same_run(run):
    found = {cost.setting: cost for cost in costs_at(run.path)}
    assert set(found) == {"cpu", "gpu"}
    assert found["gpu"].reply_j.value > 0
    assert any("sensors see" in doubt for doubt in found["gpu"].doubts)


def test_an_idle_that_a_neighbour_spoilt_is_named_as_the_gap(tmp_path):
    plan = simulated_plan(idle_study("cpu", 2.0, 5))
    machine = SimulatedMachine()
    writer = RunWriter.create(tmp_path / "busy", plan.study, records.machine())
    busy = BusyCompany(machine.clock, ((0.0, 1e9),))
    take_idles(plan, machine.rig(), writer, Silent(), busy)
    writer.close()
    (made,) = idles_of(read_run(tmp_path / "busy"))
    assert set(made.idle.power_w) == {"runtime"}
    assert len(made.gaps) == 2
    assert all("End what else runs" in gap for gap in made.gaps)
    assert all(rule.after_s is None for rule in made.rules)
