"""A run interleaves, repeats until narrow, survives failures and kills, and resumes exactly."""

import multiprocessing
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from llamawatt.analysis.estimates.idle import idle_by_arm
from llamawatt.core.errors import RunDirectoryError, SpecError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import Purpose, Status, TrialRecord
from llamawatt.host.other_load import Company
from llamawatt.measure.observer import Outlook, SilentObserver
from llamawatt.measure.runner import Runner
from llamawatt.runs.store import RunWriter, read_run
from llamawatt.runs.traces import read_trace
from llamawatt.study.arms import Abilities
from llamawatt.study.load import load_study
from llamawatt.study.plan import Plan
from llamawatt.study.spec import Device, GroupSpec, ProtocolSpec, StudySpec
from tests.runs import records
from tests.study.simulated import (
    IDLE_W,
    BusyCompany,
    QuietCompany,
    SimulatedMachine,
    simulated_plan,
)

PROTOCOL = ProtocolSpec(
    window_min_s=1.0, periods_min=1, idle_s=1.0, cool_down_s=0.5, repeats_min=3, repeats_max=6
)


def spec(**changes: object) -> StudySpec:
    base = StudySpec(
        name="test",
        seed=11,
        suites=("short", "long"),
        groups=(GroupSpec(name="baseline", devices=(Device.CPU, Device.GPU)),),
        protocol=PROTOCOL,
    )
    return base.model_copy(update=changes)


def run(
    path: Path,
    plan: Plan,
    machine: SimulatedMachine | None = None,
    company: Company | None = None,
) -> tuple[TrialRecord, ...]:
    machine = machine or SimulatedMachine()
    if (path / "study.yaml").exists():
        writer, before = RunWriter.resume(path)
        trials = list(before.trials)
    else:
        writer, trials = RunWriter.create(path, plan.study, records.machine()), []
    try:
        company = company or QuietCompany()
        Runner(plan, machine.rig(), writer, SilentObserver(), company, trials).run()
    finally:
        writer.close()
    return read_run(path).trials


def test_every_cell_gets_its_repeats_in_interleaved_blocks(tmp_path: Path) -> None:
    machine = SimulatedMachine()
    trials = run(tmp_path / "r", simulated_plan(spec()), machine)
    assert machine.running == 0
    assert len({trial.trial_id for trial in trials}) == len(trials)
    for arm in ("cpu", "gpu"):
        for suite in ("short", "long"):
            assert 3 <= sum(t.arm == arm and t.suite == suite for t in trials) <= 6
    blocks = [trial.block for trial in trials]
    assert blocks == sorted(blocks)
    assert {trial.arm for trial in trials if trial.block == 0} == {"cpu", "gpu"}


def test_a_record_holds_the_whole_story(tmp_path: Path) -> None:
    trials = run(tmp_path / "r", simulated_plan(spec()))
    trial = next(trial for trial in trials if trial.arm == "gpu")
    assert trial.window.duration_s >= 1.0
    assert trial.load is not None
    assert trial.load.duration_s == pytest.approx(0.5)
    assert set(trial.idle) == {"bare", "model"}
    energy = trial.energy["cpu-package-0"]
    assert energy.energy_j == pytest.approx(150 * trial.window.duration_s)
    assert energy.above_idle_j == pytest.approx(140 * trial.window.duration_s)
    assert trial.metrics is not None
    assert trial.metrics["energy_j"] == pytest.approx(energy.energy_j / len(trial.requests))
    assert Flag.DRAM_NOT_MEASURED in trial.flags
    assert read_trace(tmp_path / "r", trial.trial_id)


def test_the_same_prompts_serve_every_arm_of_a_block(tmp_path: Path) -> None:
    trials = run(tmp_path / "r", simulated_plan(spec()))
    for block in range(3):
        sets = {
            frozenset(request.prompt_id for request in trial.requests)
            for trial in trials
            if trial.block == block and trial.suite == "short"
        }
        assert len(sets) == 1


def test_phase_windows_are_taken_of_the_baseline(tmp_path: Path) -> None:
    phases = spec(protocol=PROTOCOL.model_copy(update={"phases": True}))
    trials = run(tmp_path / "r", simulated_plan(phases))
    assert {trial.purpose for trial in trials} == set(Purpose)


def test_runtime_idle_is_measured_once_per_device(tmp_path: Path) -> None:
    machine = SimulatedMachine()
    wanted = spec(protocol=PROTOCOL.model_copy(update={"runtime_idle": True}))
    trials = run(tmp_path / "r", simulated_plan(wanted), machine)
    assert all("runtime" in trial.idle for trial in trials)
    blocks = max(trial.block for trial in trials) + 1
    assert len(machine.started) <= 2 * blocks + 2


def test_a_failed_start_is_tried_again_and_told(tmp_path: Path) -> None:
    machine = SimulatedMachine(broken={"gpu": 1})
    trials = run(tmp_path / "r", simulated_plan(spec()), machine)
    assert all(trial.status is Status.OK for trial in trials)
    assert "retry" in {event.kind for event in read_run(tmp_path / "r").events}


def test_an_arm_that_never_starts_is_recorded_and_does_not_stop_the_others(tmp_path: Path) -> None:
    machine = SimulatedMachine(broken={"gpu": 10_000})
    trials = run(tmp_path / "r", simulated_plan(spec()), machine)
    failed = [trial for trial in trials if trial.status is Status.FAILED]
    assert [trial.arm for trial in failed] == ["gpu"]  # once is enough: it was tried twice
    assert "exit code 1" in failed[0].error
    assert sum(trial.arm == "cpu" for trial in trials if trial.status is Status.OK) >= 6


def test_a_boundary_domain_that_gives_nothing_leaves_no_sum(tmp_path: Path) -> None:
    trials = run(tmp_path / "r", simulated_plan(spec()), SimulatedMachine(unavailable=True))
    assert all(trial.metrics and trial.metrics["energy_j"] is None for trial in trials)
    assert all(Flag.READS_FAILED in trial.flags for trial in trials)
    assert max(trial.block for trial in trials) == 5  # nothing narrows what is not there


def test_an_arm_on_a_gpu_that_no_meter_sees_says_so(tmp_path: Path) -> None:
    trials = run(tmp_path / "r", simulated_plan(spec()))
    blind = {trial.arm for trial in trials if Flag.GPU_NOT_MEASURED in trial.flags}
    assert blind == {"gpu"}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_idle_beside_a_running_server_is_not_bare(tmp_path: Path, elsewhere: bool) -> None:
    wanted = spec(protocol=PROTOCOL.model_copy(update={"runtime_idle": True}))
    attached = Abilities(8, attached=True, elsewhere=elsewhere)
    trials = run(tmp_path / "r", simulated_plan(wanted, attached))
    assert {trial.arm for trial in trials} == {"attached"}
    assert all(set(trial.idle) == {"model"} for trial in trials)
    assert all((Flag.SERVER_ELSEWHERE in trial.flags) == elsewhere for trial in trials)


def test_a_budget_ends_the_run_and_says_so(tmp_path: Path) -> None:
    short = spec(protocol=PROTOCOL.model_copy(update={"budget_s": 12.0}))
    trials = run(tmp_path / "r", simulated_plan(short))
    assert 4 <= len(trials) < 12  # the first block is whole
    events = read_run(tmp_path / "r").events
    assert any(event.kind == "budget" for event in events)
    stops = [event.text for event in events if event.kind == "stopped"]
    assert any("time was up" in text for text in stops)


class Outlooks(SilentObserver):
    """Keeps what a run expected of itself."""

    def __init__(self) -> None:
        self.seen: list[Outlook] = []

    def finished(self, trial: TrialRecord, outlook: Outlook) -> None:
        self.seen.append(outlook)


def test_what_is_left_heeds_the_budget(tmp_path: Path) -> None:
    plan = simulated_plan(spec(protocol=PROTOCOL.model_copy(update={"budget_s": 40.0})))
    outlooks = Outlooks()
    writer = RunWriter.create(tmp_path / "r", plan.study, records.machine())
    Runner(plan, SimulatedMachine().rig(), writer, outlooks, QuietCompany(), []).run()
    writer.close()
    assert outlooks.seen[0].n_expected >= 4  # the first block is finished whatever it takes
    last = outlooks.seen[-1]
    assert (last.n_expected, last.remaining_s) == (last.n_done, 0.0)
    later = [each for each in outlooks.seen if each.n_done > 4]
    assert later
    assert all(each.elapsed_s + (each.remaining_s or 0.0) <= 40.0 for each in later)


@pytest.mark.parametrize(
    ("machine", "flag"),
    [
        (SimulatedMachine(n_cached=3, odd_every=2), Flag.PROMPT_CACHED),
        (SimulatedMachine(n_cached=None, odd_every=2), Flag.CACHE_UNKNOWN),
        (SimulatedMachine(n_missing=1, odd_every=2), Flag.LENGTH_NOT_FIXED),
    ],
)
def test_requests_that_did_less_than_was_asked_are_told(
    tmp_path: Path, machine: SimulatedMachine, flag: Flag
) -> None:
    trials = run(tmp_path / "odd", simulated_plan(spec()), machine)
    assert all(flag in trial.flags for trial in trials)
    plain = run(tmp_path / "plain", simulated_plan(spec()))
    assert not any(flag in trial.flags for trial in plain)


def test_replies_that_may_end_by_themselves_are_not_too_short(tmp_path: Path) -> None:
    natural = spec(protocol=PROTOCOL.model_copy(update={"fixed_length": False}))
    trials = run(tmp_path / "r", simulated_plan(natural), SimulatedMachine(n_missing=1))
    assert not any(Flag.LENGTH_NOT_FIXED in trial.flags for trial in trials)


@pytest.mark.parametrize(("rises_to_w", "drifts"), [(10.5, False), (13.0, True), (8.0, True)])
def test_an_idle_that_moved_since_the_first_trial_is_told(
    tmp_path: Path, rises_to_w: float, drifts: bool
) -> None:
    machine = SimulatedMachine(idle_rises_to_w=rises_to_w)
    trials = run(tmp_path / "r", simulated_plan(spec()), machine)
    assert any(Flag.IDLE_DRIFT in trial.flags for trial in trials) == drifts
    assert not any(Flag.IDLE_DRIFT in trial.flags for trial in trials if trial.block == 0)


@pytest.mark.parametrize(("longest_s", "waited_s"), [(60.0, 20.0), (5.0, 5.0)])
def test_arms_wait_until_it_is_cool_but_not_for_ever(
    tmp_path: Path, longest_s: float, waited_s: float
) -> None:
    cool = {"cool_below_c": 60.0, "cool_max_s": longest_s}
    wanted = spec(groups=(GroupSpec(name="baseline"),), protocol=PROTOCOL.model_copy(update=cool))
    machine = SimulatedMachine(hot_until_s=30.0)
    trials = run(tmp_path / "r", simulated_plan(wanted), machine)
    assert trials[0].window.t0_s == pytest.approx(waited_s, abs=8)
    assert trials[0].window.t0_s >= waited_s


def bare_w(trial: TrialRecord) -> float:
    return trial.idle["bare"]["cpu-package-0"].power_w


def test_bare_idle_waits_until_an_ended_gpu_process_has_cooled_down(tmp_path: Path) -> None:
    machine = SimulatedMachine(resident_w=50.0, decay_s=3.0)
    trials = run(tmp_path / "r", simulated_plan(spec()), machine)
    assert {trial.arm for trial in trials} == {"cpu", "gpu"}
    assert all(bare_w(trial) == pytest.approx(IDLE_W, rel=0.02) for trial in trials)
    assert not any(Flag.IDLE_UNSETTLED in trial.flags for trial in trials)


def test_without_the_wait_bare_idle_would_be_wrong(tmp_path: Path) -> None:
    hasty = spec(protocol=PROTOCOL.model_copy(update={"settle_max_s": 0.0}))
    machine = SimulatedMachine(resident_w=50.0, decay_s=3.0)
    trials = run(tmp_path / "r", simulated_plan(hasty), machine)
    assert max(bare_w(trial) for trial in trials) > 1.5 * IDLE_W


def test_an_arm_called_cpu_has_the_bare_watts_and_no_layers_does_not(tmp_path: Path) -> None:
    groups = load_study("layers").groups
    trials = run(
        tmp_path / "r",
        simulated_plan(spec(groups=groups)),
        SimulatedMachine(resident_w=50.0, decay_s=1.0),
    )
    resident_w = {t.arm: t.idle["model"]["cpu-package-0"].power_w for t in trials}
    assert resident_w["cpu"] == pytest.approx(IDLE_W, rel=0.02)
    assert resident_w["gpu n_gpu_layers=0"] == pytest.approx(IDLE_W + 50.0, rel=0.02)


def test_an_idle_that_never_settles_is_told_with_the_deadline_and_not_recorded(
    tmp_path: Path,
) -> None:
    plan = simulated_plan(spec(protocol=PROTOCOL.model_copy(update={"settle_max_s": 7.0})))
    trials = run(tmp_path / "r", plan, SimulatedMachine(restless_w=20.0))
    unsettled = [trial for trial in trials if Flag.IDLE_UNSETTLED in trial.flags]
    assert unsettled
    assert not any("bare" in trial.idle for trial in unsettled)
    texts = [event.text for event in read_run(tmp_path / "r").events if event.kind == "warning"]
    assert any("had not settled after 7 s" in text for text in texts)
    assert all("settle_max_s" in text for text in texts)


def test_idle_beside_a_busy_neighbour_is_not_recorded(tmp_path: Path) -> None:
    machine = SimulatedMachine()
    plan = simulated_plan(spec(protocol=PROTOCOL.model_copy(update={"n_again": 0})))
    trials = run(tmp_path / "r", plan, machine, BusyCompany(machine.clock, ((0.0, 1e9),)))
    for trial in trials:
        assert {Flag.IDLE_UNSETTLED, Flag.IDLE_BUSY, Flag.OTHER_LOAD} <= set(trial.flags)
        assert not trial.idle.get("bare")
        assert not trial.idle["model"]
        assert trial.metrics is not None
        assert trial.metrics["above_idle_j"] is None
        assert trial.metrics["energy_j"] is not None


def test_a_disturbed_window_is_measured_again_and_keeps_its_place(tmp_path: Path) -> None:
    undisturbed = run(tmp_path / "quiet", simulated_plan(spec()))
    t0_s = undisturbed[2].window.t0_s
    machine = SimulatedMachine()
    company = BusyCompany(machine.clock, ((t0_s + 0.1, t0_s + 0.3),))
    trials = run(tmp_path / "r", simulated_plan(spec()), machine, company)
    assert [trial.trial_id for trial in trials] == [trial.trial_id for trial in undisturbed]
    assert not any(Flag.OTHER_LOAD in trial.flags for trial in trials)
    texts = [event.text for event in read_run(tmp_path / "r").events if event.kind == "retry"]
    assert any("measured again" in text for text in texts)


def test_who_disturbs_for_ever_does_not_make_the_run_endless(tmp_path: Path) -> None:
    machine = SimulatedMachine()
    run(tmp_path / "r", simulated_plan(spec()), machine, BusyCompany(machine.clock, ((0, 1e9),)))
    again = [event for event in read_run(tmp_path / "r").events if event.kind == "retry"]
    assert 1 <= len(again) <= 4


def test_disturbed_windows_are_not_measured_again_once_the_budget_is_spent(tmp_path: Path) -> None:
    machine = SimulatedMachine()
    short = spec(protocol=PROTOCOL.model_copy(update={"budget_s": 1.0}))
    company = BusyCompany(machine.clock, ((0, 1e9),))
    run(tmp_path / "r", simulated_plan(short), machine, company)
    assert not [event for event in read_run(tmp_path / "r").events if event.kind == "retry"]


def test_idle_and_load_count_once_per_session(tmp_path: Path) -> None:
    alone = run(tmp_path / "one", simulated_plan(spec(groups=(GroupSpec(name="baseline"),))))
    assert len({trial.block for trial in alone}) >= 3
    assert idle_by_arm(alone)["cpu"].power_w["bare"].n == 1
    both = run(tmp_path / "two", simulated_plan(spec()))
    n_sessions = len({trial.session for trial in both if trial.arm == "cpu"})
    assert n_sessions == len({trial.block for trial in both if trial.arm == "cpu"})
    assert idle_by_arm(both)["cpu"].power_w["bare"].n == n_sessions
    assert {trial.session for trial in both if trial.arm == "gpu"}.isdisjoint(
        {trial.session for trial in both if trial.arm == "cpu"}
    )


def test_sessions_are_counted_on_after_a_resume(tmp_path: Path) -> None:
    plan = simulated_plan(spec())
    full = run(tmp_path / "a", plan)
    writer = RunWriter.create(tmp_path / "b", plan.study, records.machine())
    for trial in full[:3]:
        writer.append_trial(trial)
    writer.close()
    resumed = run(tmp_path / "b", plan)
    before = {trial.session for trial in resumed[:3]}
    assert before.isdisjoint({trial.session for trial in resumed[3:]})


def test_a_group_runs_its_own_suites_and_not_its_neighbours() -> None:
    groups = (
        GroupSpec(name="baseline", devices=(Device.CPU,)),
        GroupSpec(name="threads", grid={"n_threads": (1,)}, suites=("other",)),
    )
    cells = simulated_plan(spec(groups=groups)).cells
    assert {(cell.arm, cell.suite) for cell in cells} == {
        ("cpu", "short"),
        ("cpu", "long"),
        ("cpu n_threads=1", "other"),
    }


def test_a_single_arm_keeps_its_server(tmp_path: Path) -> None:
    machine = SimulatedMachine()
    alone = spec(groups=(GroupSpec(name="baseline"),))
    run(tmp_path / "r", simulated_plan(alone), machine)
    assert machine.started == ["cpu"]


def same(first: TrialRecord, second: TrialRecord) -> None:
    """Compare what the analysis sees; simulated clocks differ by their start alone."""
    fields = ("trial_id", "arm", "suite", "block", "order", "purpose", "status", "flags")
    for name in fields:
        assert getattr(first, name) == getattr(second, name)
    assert first.metrics is not None
    assert second.metrics is not None
    assert second.metrics == pytest.approx(first.metrics)


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_hundred_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    noisy = spec(protocol=PROTOCOL.model_copy(update={"repeats_min": 12, "repeats_max": 12}))
    plan = simulated_plan(noisy)
    undisturbed = run(tmp_path / "undisturbed", plan)

    path = tmp_path / "killed"
    RunWriter.create(path, plan.study, records.machine()).close()
    rng = random.Random(3)
    fork = multiprocessing.get_context("fork")
    kills, seen = 0, 0
    while kills < 100:
        child = fork.Process(target=run, args=(path, plan, SlowMachine()))
        child.start()
        time.sleep(rng.uniform(0.0, 0.06))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        kills += 1
        finished = read_run(path).trials
        assert len(finished) >= seen
        seen = len(finished)
    resumed = run(path, plan)

    assert len(resumed) == len(undisturbed)
    for first, second in zip(undisturbed, resumed, strict=True):
        same(first, second)


class SlowMachine(SimulatedMachine):
    """Takes some real time, so that kills fall into every phase of a trial."""

    def edge(self) -> None:
        time.sleep(0.002)
        super().edge()


def test_two_runs_into_one_directory_are_refused(tmp_path: Path) -> None:
    plan = simulated_plan(spec())
    writer = RunWriter.create(tmp_path / "r", plan.study, records.machine())
    with pytest.raises(RunDirectoryError, match="Another llamawatt"):
        run(tmp_path / "r", plan)
    writer.close()


def test_another_build_of_the_server_is_not_mixed_in(tmp_path: Path) -> None:
    plan = simulated_plan(spec())
    writer = RunWriter.create(tmp_path / "r", plan.study, records.machine())
    for trial in run(tmp_path / "a", plan, SimulatedMachine(build="b1"))[:3]:
        writer.append_trial(trial)
    writer.close()
    with pytest.raises(RunDirectoryError, match="was b1 and is b2 now"):
        run(tmp_path / "r", plan, SimulatedMachine(build="b2"))
    assert len(read_run(tmp_path / "r").trials) == 3
    assert len(run(tmp_path / "r", plan, SimulatedMachine(build="b1"))) >= 12


def test_a_changed_order_of_finished_trials_does_not_confuse_a_resume(tmp_path: Path) -> None:
    plan = simulated_plan(spec())
    full = run(tmp_path / "a", plan)
    writer = RunWriter.create(tmp_path / "b", plan.study, records.machine())
    for trial in (full[2], full[0]):
        writer.append_trial(replace(trial, order=0))
    writer.close()
    resumed = run(tmp_path / "b", plan)
    assert sorted(trial.trial_id for trial in resumed) == sorted(trial.trial_id for trial in full)


def test_cells_that_would_share_an_id_are_refused() -> None:
    with pytest.raises(SpecError, match="cannot be told apart"):
        simulated_plan(spec(suites=("my suite", "my-suite")))
