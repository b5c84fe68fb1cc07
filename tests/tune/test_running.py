"""A whole search on a simulated machine: recorded, resumed, broken off, unplugged."""

from pathlib import Path

import pytest

from llamawatt.core.errors import UsageError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import Status
from llamawatt.runs.store import RunWriter, read_run
from llamawatt.tune import running
from llamawatt.tune.record import VERSION, KnobRecord, TuneRecord, read_tune, write_tune
from llamawatt.tune.running import SilentTune, Tuned, carry_out
from llamawatt.tune.setup.preparing import Prepared
from llamawatt.tune.setup.script import HELD_OUT, SEARCH
from tests.study.simulated import QuietCompany
from tests.tune.simulated import MACHINE, TunableMachine, prepared, study_of


def run(path: Path, ready: Prepared, machine: TunableMachine | None = None, observer=None):
    """Return what was found and the machine."""
    machine = machine or TunableMachine()
    if (path / "study.yaml").exists():
        writer, before = RunWriter.resume(path)
        so_far = before.study, list(before.trials)
    else:
        so_far = study_of(ready), []
        writer = RunWriter.create(path, so_far[0], MACHINE)
    try:
        found = carry_out(
            ready, machine.rig(), writer, so_far, observer or SilentTune(), QuietCompany()
        )
    finally:
        writer.close()
    return found, machine


def test_the_winner_is_found_and_everything_is_written_down(tmp_path):
    found, machine = run(tmp_path / "r", prepared())
    assert found.answer == "better"
    assert found.winner["n_threads"] == 1
    assert found.winner["env"] == "OMP_WAIT_POLICY=PASSIVE"
    assert found.low < found.ratio < found.high < 1
    assert machine.running == 0
    trials = read_run(tmp_path / "r")
    assert len(trials.trials) == found.n_windows
    assert {arm.name for arm in trials.study.arms} == {trial.arm for trial in trials.trials}
    assert len({trial.trial_id for trial in trials.trials}) == len(trials.trials)


def test_deciding_windows_ask_other_prompts_on_fresh_servers(tmp_path):
    run(tmp_path / "r", prepared())
    trials = read_run(tmp_path / "r").trials
    stages = {trial.evidence["tune.stage"]: trial.suite for trial in trials}
    assert stages == {
        "explore": SEARCH, "anchor": SEARCH, "race": HELD_OUT, "confirm": HELD_OUT,
    }  # fmt: skip
    asked = {
        suite: {r.prompt_id for t in trials if t.suite == suite for r in t.requests}
        for suite in (SEARCH, HELD_OUT)
    }
    assert not asked[SEARCH] & asked[HELD_OUT]
    late = [trial.session for trial in trials if trial.suite == HELD_OUT]
    assert len(set(late)) == len(late)


def test_windows_of_a_round_ask_the_same(tmp_path):
    run(tmp_path / "r", prepared())
    rounds = {}
    for trial in read_run(tmp_path / "r").trials:
        if trial.evidence["tune.stage"] in {"race", "confirm"}:
            key = trial.evidence["tune.stage"], trial.evidence["tune.round"]
            rounds.setdefault(key, set()).add(frozenset(r.prompt_id for r in trial.requests))
    assert rounds
    assert all(len(asked) == 1 for asked in rounds.values())


def test_a_running_server_serves_what_differs_in_requests_alone(tmp_path):
    _, machine = run(tmp_path / "r", prepared())
    searching = [t for t in read_run(tmp_path / "r").trials if t.suite == SEARCH]
    assert len({t.session for t in searching}) < len(searching)
    assert {"top_k": 10} in machine.asked_with
    assert {} in machine.asked_with


def test_a_killed_search_goes_on_where_it_was(tmp_path):
    whole, _ = run(tmp_path / "whole", prepared())
    broken, _ = run(tmp_path / "r", prepared(), TunableMachine(interrupt_after=900))
    assert broken.answer == "interrupted"
    before = read_run(tmp_path / "r").trials
    seen = []

    class Counting(SilentTune):
        def window(self, taken, name, best, left_s):
            seen.append(name)

    run(tmp_path / "r", prepared(), observer=Counting())
    after = read_run(tmp_path / "r").trials
    assert after[: len(before)] == before
    assert len(seen) == len(after)
    assert len(before) < len(after)
    assert whole.answer == "better"


def test_a_finished_search_is_told_again_without_a_window(tmp_path):
    first, _ = run(tmp_path / "r", prepared())
    again, machine = run(tmp_path / "r", prepared(), TunableMachine())
    assert machine.started == []
    assert again == first


def test_ctrl_c_keeps_the_best_so_far(tmp_path):
    found, machine = run(tmp_path / "r", prepared(), TunableMachine(interrupt_after=900))
    assert found.answer == "interrupted"
    assert found.winner is not None
    assert found.low is None
    assert machine.running == 0
    assert any(event.kind == "interrupted" for event in read_run(tmp_path / "r").events)


def test_settings_whose_server_dies_are_written_down_and_avoided(tmp_path):
    found, _ = run(tmp_path / "r", prepared(), TunableMachine(dies_on="n_threads=1"))
    assert found.answer == "better"
    assert found.winner["n_threads"] == 2
    failed = [t for t in read_run(tmp_path / "r").trials if t.status is Status.FAILED]
    assert failed
    assert all("n_threads=1" in trial.arm for trial in failed)
    assert any(each.failure for each in found.tried)


def test_where_no_server_starts_it_says_so(tmp_path):
    machine = TunableMachine(dies_on="")
    machine.broken = dict.fromkeys(["default"], 10**6)
    found, _ = run(tmp_path / "r", prepared(budget_s=100), Everything())
    assert found.answer == "nothing fits"
    assert "exit code 1" in found.miss[0]


class Everything(TunableMachine):
    def target(self, arm):
        self.dies_on = arm.name
        return super().target(arm)


def test_a_requirement_that_nothing_keeps_names_the_nearest_miss(tmp_path):
    found, _ = run(tmp_path / "r", prepared(requirements=("tok_per_s>=100000",)))
    assert found.answer == "nothing fits"
    assert found.winner is None
    assert "comes closest" in found.miss[0]


def test_a_requirement_is_kept(tmp_path):
    found, _ = run(tmp_path / "r", prepared(requirements=("tok_per_s>=80",)))
    best = next(each for each in found.tried if each.name == found.winner_name)
    assert best.values["tok_per_s"] >= 78


def test_a_budget_that_the_first_window_shows_to_be_too_small_is_refused(tmp_path):
    class Slow(TunableMachine):
        def target(self, arm):
            self.clock.sleep_s(60)
            return super().target(arm)

    with pytest.raises(UsageError, match="too small here"):
        run(tmp_path / "r", prepared(budget_s=100), Slow())


def test_unplugging_marks_the_window_and_compares_nothing_across_it(tmp_path, monkeypatch):
    machine = TunableMachine()
    monkeypatch.setattr(
        running, "supply_now", lambda: "ac" if machine.clock.now_s() < 150 else "battery"
    )
    found, _ = run(tmp_path / "r", prepared(), machine)
    trials = read_run(tmp_path / "r").trials
    changed = [t for t in trials if Flag.SUPPLY_CHANGED in t.flags]
    assert len(changed) == 1
    assert {t.evidence["tune.supply"] for t in trials} == {"ac", "changed", "battery"}
    assert any("unplugged" in note for note in found.notes)
    assert found.answer == "better"


def test_batching_is_shown_apart(tmp_path):
    found, _ = run(tmp_path / "r", prepared(n_streams=4))
    alone = [t for t in read_run(tmp_path / "r").trials if t.evidence["tune.stage"] == "alone"]
    assert len(alone) == running.N_ALONE
    assert found.batching is not None
    assert run(tmp_path / "one", prepared())[0].batching is None


def test_the_search_pays_back(tmp_path):
    found, _ = run(tmp_path / "r", prepared())
    spent, saved = found.pay_back.spent_j, found.pay_back.saved_j_per_reply
    assert saved > 0
    assert found.pay_back.n_replies == pytest.approx(spent / saved)


def test_the_record_reads_back(tmp_path):
    ready = prepared()
    found, _ = run(tmp_path / "r", ready)
    knobs = tuple(KnobRecord(k.name, k.values, k.default) for k in ready.space.knobs)
    record = TuneRecord(VERSION, ready.asked, knobs, dict(ready.bench.free_bytes), found)
    write_tune(tmp_path / "r", record)
    assert read_tune(tmp_path / "r") == record
    assert Tuned(tmp_path / "r", record, ready, MACHINE).found == found


def test_the_machine_is_set_before_each_window(tmp_path):
    ready = prepared()
    writer = RunWriter.create(tmp_path / "r", study_of(ready), MACHINE)
    machine, asked = TunableMachine(), []
    found = carry_out(
        ready, machine.rig(), writer, (study_of(ready), []), SilentTune(), QuietCompany(),
        asked.append,
    )  # fmt: skip
    writer.close()
    assert len(asked) == found.n_windows
