"""How well the search finds the best setting: on machines that are a table, and on this one.

    python benchmarks/tuner.py --simulate 200            # against a truth that is known
    python benchmarks/tuner.py --grid 64 --budget 6m     # against a grid measured here

**Simulated.** Landscapes of 432 settings: four values of one strong knob, weaker ones, a pair that
only works together. Windows of 3 s scatter by 3 % (Gaussian, 20 minutes), or by 10 % with heavy
tails while the machine warms by 10 % and wanders (30 minutes). In half of the landscapes the
default is the best setting. Counted are: named winners within 2 % of the best; of landscapes whose
default is best, those where nothing better is named; and intervals that hold the true ratio.

**Real.** A grid of settings is measured here, its best tenth again; the yardstick is the best of
these. The tuner, a random search and a staged search (one knob after the other, as most tools do)
then get the same time, a part of the grid's; each one's pick is measured again beside the
yardstick.

Exit code 1 when a bound is missed.
"""

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from real_tuning import opened

from llamawatt.app.serving import Serving
from llamawatt.meters.sensors.discover import gpus
from llamawatt.tune.record import Asked
from llamawatt.tune.search.decide import Answer, search
from llamawatt.tune.search.explore import Wanted
from llamawatt.tune.search.measured import Budget, Measured, Stage
from llamawatt.tune.search.objective import Objective
from llamawatt.tune.search.simulate import Noise, SimulatedMachine, Weather
from llamawatt.tune.search.space import Knob, Setting, Space
from llamawatt.tune.setup.preparing import prepare

SIZES = (4, 3, 3, 2, 2, 3)
SCATTERS = (0.3, 0.12, 0.06, 0.04, 0.02, 0.01)
PAIR_SCATTER, OWN_SCATTER = 0.08, 0.005
CLOSE = math.log(1.02)
LEAST_SHARE = 0.95
WEATHERS = {
    "3 % Gaussian, 20 min": (Weather(), 1200.0),
    "10 % heavy-tailed, warming and wandering, 30 min": (
        Weather(Noise.HEAVY, 0.10, ramp=0.10, wander=0.01),
        1800.0,
    ),
}
WANTED = Wanted(Objective.ENERGY)
REACHED, TIME_SHARE = 0.98, 0.15


@dataclass(frozen=True)
class Trial:
    """What came of one landscape: its answer, and logarithms of ratios."""

    answer: Answer
    regret: float
    default_regret: float
    covered: bool | None
    spent_s: float


def landscape(
    seed: int, *, default_is_best: bool
) -> tuple[Space, dict[Setting, dict[str, float]], dict[Setting, float]]:
    """Return a space, the table of a machine, and every setting's true loss."""
    rng = np.random.default_rng(seed)
    knobs = tuple(Knob(f"k{i}", tuple(range(n)), int(rng.integers(n))) for i, n in enumerate(SIZES))
    space = Space(knobs)
    settings = list(space.settings())
    main = [rng.normal(0, scatter, n) for n, scatter in zip(SIZES, SCATTERS, strict=True)]
    pair = rng.normal(0, PAIR_SCATTER, SIZES[:2])
    own = rng.normal(0, OWN_SCATTER, len(settings))
    losses = own.copy()
    for at, setting in enumerate(settings):
        places = space.places(setting)
        losses[at] += sum(effect[place] for effect, place in zip(main, places, strict=True))
        losses[at] += pair[places[:2]]
    if default_is_best:
        at, best = settings.index(space.default()), int(losses.argmin())
        losses[at], losses[best] = losses[best], losses[at]
    truth = dict(zip(settings, losses.tolist(), strict=True))
    return space, {each: {"j_per_token": math.exp(v)} for each, v in truth.items()}, truth


def simulated(case: tuple[int, str, bool]) -> Trial:
    """Search one landscape."""
    seed, name, default_is_best = case
    weather, budget_s = WEATHERS[name]
    space, table, truth = landscape(seed, default_is_best=default_is_best)
    budget = Budget(budget_s)
    machine = SimulatedMachine(table, weather, seed + 10_000)
    found = search(space, WANTED, machine, budget, seed=seed)
    best, default = min(truth.values()), truth[space.default()]
    if found.winner is None:
        raise AssertionError("a landscape without requirements has a winner")
    covered = None
    if found.low is not None and found.high is not None and found.raced.left:
        true = truth[found.raced.left[0]] - default
        covered = math.log(found.low) <= true <= math.log(found.high)
    regret = truth[found.winner] - best
    return Trial(found.answer, regret, default - best, covered, budget.spent_s)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    share, extra = hits / n, z**2 / n
    middle = (share + extra / 2) / (1 + extra)
    half = z * math.sqrt(share * (1 - share) / n + extra / (4 * n)) / (1 + extra)
    return middle - half, middle + half


def row(what: str, hits: int, n: int, *, bound: float | None = LEAST_SHARE) -> bool:
    """Print a share; say whether it keeps its bound."""
    if not n:
        print(f"| {what} | – | – | – |")
        return True
    low, high = wilson(hits, n)
    kept = bound is None or hits / n >= bound
    mark = "" if bound is None else f"≥ {bound:.0%}" + ("" if kept else " **missed**")
    print(f"| {what} | {hits} of {n} ({hits / n:.1%}) | {low:.1%} to {high:.1%} | {mark} |")
    return kept


def simulate(n_seeds: int, n_workers: int, first: int) -> bool:
    """Print how searches of simulated machines end; say whether every bound is kept."""
    kept = True
    for name in WEATHERS:
        began_s = time.perf_counter()
        seeds = range(first, first + n_seeds)
        with ProcessPoolExecutor(n_workers) as pool:
            open_ones = list(pool.map(simulated, [(seed, name, False) for seed in seeds]))
            settled = list(pool.map(simulated, [(seed, name, True) for seed in seeds]))
        named = [each for each in open_ones if each.answer is Answer.BETTER]
        told = [each for each in open_ones if each.covered is not None]
        close = sum(each.regret < CLOSE for each in named)
        none = sum(each.answer is Answer.NOTHING_BETTER for each in settled)
        final = sum(each.regret < CLOSE for each in open_ones)
        print(f"\n### {name}\n\n| | | 95 % interval | bound |\n| --- | --- | --- | --- |")
        kept &= row("named winner within 2 % of the best", close, len(named))
        kept &= row("nothing better, where the default is best", none, len(settled))
        row("setting to use within 2 % of the best, named or the default", final, len(open_ones),
            bound=None)  # fmt: skip
        row("95 % interval holds the true ratio", sum(bool(e.covered) for e in told), len(told),
            bound=None)  # fmt: skip
        regrets = sorted(each.regret for each in open_ones)
        spent_s = statistics.mean(each.spent_s for each in open_ones)
        middle, high = (regrets[int(share * (len(regrets) - 1))] for share in (0.5, 0.95))
        print(
            f"\nMedian above the best {middle:.2%}, 95th percentile {high:.2%}; mean time "
            f"{spent_s:.0f} s of the budget; {time.perf_counter() - began_s:.0f} s of computing."
        )
        sys.stdout.flush()
    return kept


Pick = Callable[[Space, Callable[[Setting], Measured], float, int], Setting]


def random_search(
    space: Space, measure: Callable[[Setting], Measured], budget_s: float, seed: int
) -> Setting:
    """Try settings at random, and pick the best window."""
    rng = random.Random(seed)
    left = list(space.settings())
    rng.shuffle(left)
    return _best(measure, left, budget_s)


def staged_search(
    space: Space,
    measure: Callable[[Setting], Measured],
    budget_s: float,
    seed: int,  # noqa: ARG001  # it has no choice to make
) -> Setting:
    """Turn one knob after the other, keeping what was best."""
    best, spent_s = space.default(), 0.0
    best_loss = math.inf
    for knob in (*space.knobs, *space.knobs):
        for value in knob.values:
            setting = Setting(tuple((best.as_dict() | {knob.name: value}).items()))
            if spent_s > budget_s or space.refuse(setting):
                continue
            taken = measure(setting)
            spent_s += taken.took_s
            loss = WANTED.loss(taken)
            if loss is not None and loss < best_loss:
                best, best_loss = setting, loss
    return best


def _best(
    measure: Callable[[Setting], Measured], settings: Sequence[Setting], budget_s: float
) -> Setting:
    found: dict[Setting, float] = {}
    spent_s = 0.0
    for setting in settings:
        if spent_s > budget_s:
            break
        taken = measure(setting)
        spent_s += taken.took_s
        loss = WANTED.loss(taken)
        if loss is not None:
            found[setting] = loss
    return min(found, key=lambda each: found[each])


def real(n_grid: int, model: str, suites: tuple[str, ...], objective: Objective) -> bool:
    """Measure a grid here, then the tuner and its rivals at the same time; print the table."""
    wanted = Wanted(objective)
    asked = Asked(objective.value, budget_s=3600.0, models=(model,) if model else (), suites=suites)
    ready = prepare(asked, Serving(), gpus)
    settings = list(ready.space.settings())
    step = max(1, len(settings) // n_grid)
    grid = list(dict.fromkeys([ready.space.default(), *settings[::step]]))
    with tempfile.TemporaryDirectory() as folder, opened(ready, Path(folder) / "run") as windows:

        def window(setting: Setting) -> Measured:
            return windows(setting, Stage.EXPLORE, 1)

        taken = {each: window(each) for each in grid}
        grid_s = sum(each.took_s for each in taken.values())
        losses = {
            each: loss for each, got in taken.items() if (loss := wanted.loss(got)) is not None
        }
        tenth = sorted(losses, key=lambda each: losses[each])[: max(3, len(losses) // 10)]
        budget_s = TIME_SHARE * grid_s
        ready = replace(ready, wanted=wanted)
        budget = Budget(budget_s)
        picks = {"default": ready.space.default()}
        tuned = search(ready.space, wanted, windows, budget, seed=1)
        picks["llamawatt tune"] = tuned.winner or ready.space.default()
        picks["random search"] = random_search(ready.space, window, budget_s, 1)
        picks["one knob after the other"] = staged_search(ready.space, window, budget_s, 1)
        final: dict[Setting, list[float]] = {each: [] for each in (*tenth, *picks.values())}
        for number in range(1, 9):
            for setting in random.Random(number).sample(list(final), len(final)):
                loss = wanted.loss(windows(setting, Stage.CONFIRM, number))
                if loss is not None:
                    final[setting].append(loss)
    told = {each: statistics.median(values) for each, values in final.items() if values}
    yardstick = min(told[each] for each in tenth if each in told)
    print(f"\n### {objective.value}: {len(grid)} settings in {grid_s:.0f} s, ", end="")
    print(f"rivals {budget_s:.0f} s each\n")
    print("| search | of the yardstick |\n| --- | --- |")
    for name, setting in picks.items():
        print(f"| {name} | {math.exp(yardstick - told[setting]):.1%} |")
    print(json.dumps({name: setting.as_dict() for name, setting in picks.items()}))
    return math.exp(yardstick - told[picks["llamawatt tune"]]) >= REACHED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulate", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--grid", type=int, default=0, metavar="SETTINGS")
    parser.add_argument("--model", default="")
    parser.add_argument("--suite", action="append", default=[])
    given = parser.parse_args(arguments)
    kept = True
    if given.simulate:
        kept &= simulate(given.simulate, given.workers, given.first)
    if given.grid:
        for objective in (Objective.EDP, Objective.LATENCY):
            kept &= real(given.grid, given.model, tuple(given.suite), objective)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
