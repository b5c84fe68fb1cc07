"""A whole search on machines whose best setting is known."""

import math
from dataclasses import replace

import pytest

from llamawatt.tune.search.decide import Answer, search
from llamawatt.tune.search.engine import Engine
from llamawatt.tune.search.explore import Wanted, explore
from llamawatt.tune.search.measured import Budget, Measured, Stage
from llamawatt.tune.search.objective import Objective, parse_requirement
from llamawatt.tune.search.simulate import Noise, SimulatedMachine, Weather
from llamawatt.tune.search.space import Knob, Setting, Space
from tests.tune.search.landscapes import landscape

ENERGY = Wanted(Objective.ENERGY)


def outcome(seed, *, weather=Weather(), budget_s=600, wanted=ENERGY, default_is_best=False):  # noqa: B008
    space, table, truth = landscape(seed, default_is_best=default_is_best)
    machine = SimulatedMachine(table, weather, seed + 1000)
    found = search(space, wanted, machine, Budget(budget_s), seed=seed)
    return space, truth, found


@pytest.mark.parametrize("seed", range(2))
def test_the_winner_is_close_to_the_best(seed):
    _, truth, found = outcome(seed)
    assert truth[found.winner] - min(truth.values()) < math.log(1.02)


def test_its_interval_holds_the_true_ratio():
    hits = 0
    for seed in range(3):
        space, truth, found = outcome(seed)
        if found.answer is Answer.BETTER:
            ratio = math.exp(truth[found.winner] - truth[space.default()])
            hits += found.low <= ratio <= found.high
    assert hits >= 2


@pytest.mark.parametrize("seed", range(2))
def test_nothing_beats_a_default_that_is_best(seed):
    space, _, found = outcome(seed, default_is_best=True)
    assert found.answer is Answer.NOTHING_BETTER
    assert found.winner == space.default()


def test_the_same_seed_and_results_decide_alike():
    one, other = (outcome(5, budget_s=200)[2] for _ in range(2))
    assert one == other


def test_a_wild_and_drifting_machine_is_borne():
    weather = Weather(Noise.HEAVY, 0.10, ramp=0.10, wander=0.01)
    _, truth, found = outcome(2, weather=weather, budget_s=1800)
    assert truth[found.winner] - min(truth.values()) < math.log(1.04)


def test_a_requirement_is_kept_by_the_winner():
    space, table, _ = landscape(7)
    speeds = sorted(each["tok_per_s"] for each in table.values())
    bound = speeds[len(speeds) // 3]
    # Here the frugal are the slow.
    table = {each: {**v, "j_per_token": v["tok_per_s"] / 50} for each, v in table.items()}
    wanted = Wanted(Objective.ENERGY, (parse_requirement(f"tok_per_s>={bound}"),))
    found = search(space, wanted, SimulatedMachine(table, Weather(), 1), Budget(1200), seed=1)
    assert table[found.winner]["tok_per_s"] >= 0.97 * bound


def test_where_nothing_can_hold_it_says_so():
    wanted = Wanted(Objective.ENERGY, (parse_requirement("tok_per_s>=1000000"),))
    found = outcome(1, wanted=wanted, budget_s=300)[2]
    assert found.answer is Answer.NOTHING_FITS
    assert found.winner is None


def test_settings_that_fail_are_learnt_from_and_never_win():
    space, table, _ = landscape(9)
    best = min(table, key=lambda each: table[each]["j_per_token"])
    broken = {each: v for each, v in table.items() if each["k0"] != best["k0"]}
    if space.default() not in broken:
        broken[space.default()] = table[space.default()]
    found = search(space, ENERGY, SimulatedMachine(broken, Weather(), 2), Budget(900), seed=2)
    assert found.winner in broken


def test_windows_taken_while_the_machine_moved_are_dropped():
    space, table, _ = landscape(3)
    calm = SimulatedMachine(table, Weather(scatter=0.01), 4)
    n = 0

    def jumps(setting: Setting, stage: Stage, number: int) -> Measured:
        nonlocal n
        n += 1
        taken = calm(setting, stage, number)
        worse = 1.5 if n > 20 else 1.0
        return replace(taken, values={k: v * worse for k, v in taken.values.items()})

    found = explore(space, ENERGY, jumps, Budget(120), seed=1, share=1.0)
    assert found.discarded
    assert all(each.stage is Stage.EXPLORE for each in found.discarded)


def test_the_engine_never_asks_for_what_is_refused_or_known():
    knobs = (Knob("a", (0, 1, 2), 0), Knob("b", (0, 1, 2), 0))
    space = Space(knobs, lambda setting: "no" if setting["a"] == setting["b"] == 2 else "")
    engine, seen = Engine(space, 1, []), []
    while (setting := engine.ask()) is not None:
        seen.append(setting)
        engine.tell(setting, 0.1 * setting["a"], {})
    assert len(seen) == len(set(seen)) == 8
    assert all((each["a"], each["b"]) != (2, 2) for each in seen)


def test_a_search_whose_windows_were_dropped_as_drift_tries_again():
    space, table, _ = landscape(3)
    calm = SimulatedMachine(table, Weather(scatter=0.01), 4)
    n = 0

    def restless(setting: Setting, stage: Stage, number: int) -> Measured:
        nonlocal n
        n += 1
        taken = calm(setting, stage, number)
        worse = 1.5 if 5 < n < 45 and n // 6 % 2 else 1.0
        return replace(taken, values={k: v * worse for k, v in taken.values.items()})

    wanted = Wanted(Objective.ENERGY, (parse_requirement("tok_per_s>=1"),))
    found = explore(space, wanted, restless, Budget(400), seed=1, share=0.4)
    assert found.discarded
    assert len({each.setting for each in found.windows} - {space.default()}) >= 3
