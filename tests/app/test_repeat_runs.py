import pytest

from llamawatt.app.repeat_runs import OneRun, Repeats, remember_spread, repeat_runs
from llamawatt.app.sides import known_spreads, read_side, side_of
from llamawatt.core.errors import UsageError
from llamawatt.runs.spread import spread_path
from llamawatt.runs.store import read_run
from tests.analysis.synthetic import paper_arms
from tests.report.conftest import write_run


class Pauses:
    """A clock that only remembers how long it was asked to sleep."""

    def __init__(self):
        self.slept_s = []

    def now_s(self):
        return sum(self.slept_s)

    def sleep_s(self, duration_s):
        self.slept_s.append(duration_s)


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMAWATT_CONFIG", str(tmp_path / "config"))


def carry_out(run: OneRun):
    if run.goes_on:
        return read_run(run.path)
    made = write_run(run.path, (), arms=paper_arms()[:1], n_blocks=3, phases=False, seed=run.seed)
    return read_run(made)


def test_a_study_is_repeated_in_another_order_with_pauses_between(tmp_path):
    clock, said = Pauses(), []
    runs = repeat_runs(Repeats(tmp_path / "all", 3, 60.0, 5), carry_out, clock, said.append)
    assert [run.path.name for run in runs] == ["run-1", "run-2", "run-3"]
    assert [run.study.seed for run in runs] == [5, 6, 7]
    assert clock.slept_s == [60.0, 60.0]
    assert "run 3 of 3" in said[-1]


def test_finished_runs_stay_and_missing_ones_are_made(tmp_path):
    repeats = Repeats(tmp_path / "all", 2, 0.0, 5)
    first = repeat_runs(repeats, carry_out, Pauses(), lambda _: None)
    gone = []

    def again(run):
        gone.append(run.goes_on)
        return carry_out(run)

    more = repeat_runs(Repeats(tmp_path / "all", 3, 9.0, 5), again, clock := Pauses(), gone.append)
    assert [each for each in gone if isinstance(each, bool)] == [True, True, False]
    assert [run.path for run in more[:2]] == [run.path for run in first]
    assert clock.slept_s == [9.0]


def test_the_spread_is_kept_for_single_runs_of_the_same_work(tmp_path):
    runs = repeat_runs(Repeats(tmp_path / "all", 3, 0.0, 5), carry_out, Pauses(), lambda _: None)
    spreads = remember_spread(runs)
    alone = [side_of(runs[0]), side_of(runs[1])]
    assert known_spreads(alone) == spreads
    assert spread_path(runs[0].machine.key).exists()
    assert [side.name for side in read_side([tmp_path / "all"])] == [str(r.path) for r in runs]


@pytest.mark.parametrize(
    ("n_runs", "pause_s"), [(1, 0.0), (0, 0.0), (-1, 0.0), (101, 0.0), (2, -1)]
)
def test_numbers_that_make_no_sense_are_refused(tmp_path, n_runs, pause_s):
    with pytest.raises(UsageError):
        Repeats(tmp_path, n_runs, pause_s, 0)
