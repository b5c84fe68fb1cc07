"""The tuner's benchmark counts what it says, and its searches end near the best."""

import pytest
import tuner
from tuner import WEATHERS, landscape, random_search, simulate, simulated, staged_search, wilson

from llamawatt.tune.search.measured import Stage
from llamawatt.tune.search.simulate import SimulatedMachine, Weather


def test_a_share_has_its_interval():
    low, high = wilson(95, 100)
    assert (low, high) == (pytest.approx(0.888, abs=0.002), pytest.approx(0.978, abs=0.002))


def test_where_the_default_is_best_it_is():
    space, _, truth = landscape(3, default_is_best=True)
    assert truth[space.default()] == min(truth.values())
    assert len(truth) == 432


def test_one_seed_of_each_kind_is_counted(capsys):
    assert simulate(1, 1, 4) in {True, False}
    told = capsys.readouterr().out
    assert told.count("### ") == len(WEATHERS)
    assert "nothing better, where the default is best" in told


def test_a_calm_machine_is_searched_well():
    trial = simulated((5, next(iter(WEATHERS)), False))
    assert trial.regret < tuner.CLOSE


@pytest.mark.parametrize("rival", [random_search, staged_search])
def test_rivals_pick_a_setting_of_the_space(rival):
    space, table, truth = landscape(2, default_is_best=False)
    machine = SimulatedMachine(table, Weather(scatter=1e-6), 1)
    pick = rival(space, lambda setting: machine(setting, Stage.EXPLORE, 1), 300.0, 1)
    assert truth[pick] < truth[space.default()] or pick == space.default()
