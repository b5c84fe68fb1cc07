"""From search and race to a verdict: the leader against the default, in windows of their own.

The windows that chose the leader flatter it (the winner's curse). The verdict therefore rests on
windows taken afterwards, of the leader and the default in turn, whose number is fixed before the
first of them is seen: one comparison, one interval, nothing to correct.
"""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from llamawatt.tune.search.explore import Explored, Wanted, explore, shortlist
from llamawatt.tune.search.measured import Budget, Measure, Measured, Stage, comparable
from llamawatt.tune.search.race import Raced, difference, race
from llamawatt.tune.search.robust import Centre, centre
from llamawatt.tune.search.space import Setting, Space

EXPLORE_SHARE, RACE_SHARE = 0.4, 0.75
"""Shares of the budget that may be spent when the search, and the race, have ended."""
DUEL_SHARE = 0.3
"""The same for the race, where one setting is held against the default."""
N_FINALISTS = 8
ROUNDS_MIN, ROUNDS_MAX = 8, 1000
LEVEL = 0.95
_POWER_SUM = 1.959964 + 1.644854  # two-sided 5 % and 95 % power


class Answer(StrEnum):
    """What a search ends with."""

    BETTER = "better"
    NOTHING_BETTER = "nothing better"
    NOTHING_FITS = "nothing fits"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search found.

    Attributes:
        answer: Its verdict.
        winner: The setting to use; the default where nothing better was found, None where no
            setting meets the requirements.
        ratio: Winner over default, of the objective's metric; None without a confirmation.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n_rounds: Pairs of windows that the verdict rests on.
        equals: Finalists that could not be told from the winner.
        explored: The search.
        raced: The race.
        confirmed: Of each confirming round, leader and default.
    """

    answer: Answer
    winner: Setting | None
    ratio: float | None
    low: float | None
    high: float | None
    n_rounds: int
    equals: tuple[Setting, ...]
    explored: Explored
    raced: Raced
    confirmed: tuple[tuple[Measured, Measured], ...] = ()


def search(
    space: Space,
    wanted: Wanted,
    measure: Measure,
    budget: Budget,
    *,
    seed: int,
    starts: Sequence[Setting] = (),
) -> Outcome:
    """Find the best setting, and say whether it is better than the default.

    Args:
        space: What varies.
        wanted: Objective and requirements.
        measure: Tries one setting.
        budget: What there is.
        seed: Of every random choice.
        starts: Settings to try early.
    """
    found = explore(space, wanted, measure, budget, seed=seed, share=EXPLORE_SHARE, starts=starts)
    finalists, _ = shortlist(space, wanted, found, N_FINALISTS)
    default = space.default()
    fits = _fits(found, wanted, default)
    entered = (default, *finalists) if fits else finalists
    if not entered:
        return Outcome(Answer.NOTHING_FITS, None, None, None, None, 0, (), found, Raced())
    raced = race(
        entered,
        wanted,
        measure,
        budget,
        seed=seed + 1,
        share=RACE_SHARE,
        space=space,
        before=found.comparable,
    )
    if not raced.left:
        return Outcome(Answer.NOTHING_FITS, None, None, None, None, 0, (), found, raced)
    return _confirmed(found, raced, wanted, measure, budget, default, seed + 2)


def duel(
    space: Space, wanted: Wanted, measure: Measure, budget: Budget, rival: Setting, *, seed: int
) -> Outcome:
    """Hold one setting against the default, without a search.

    Args:
        space: What varies.
        wanted: Objective and requirements.
        measure: Tries one setting.
        budget: What there is.
        rival: The setting.
        seed: Of the order.
    """
    default = space.default()
    raced = race(
        (default, rival), wanted, measure, budget, seed=seed, share=DUEL_SHARE, space=space
    )
    if not raced.left:
        return Outcome(Answer.NOTHING_FITS, None, None, None, None, 0, (), Explored(), raced)
    return _confirmed(Explored(), raced, wanted, measure, budget, default, seed + 1)


def _fits(found: Explored, wanted: Wanted, default: Setting) -> bool:
    windows = found.of(default)
    return sum(wanted.holds(each) for each in windows) * 2 > len(windows)


def _confirmed(
    found: Explored,
    raced: Raced,
    wanted: Wanted,
    measure: Measure,
    budget: Budget,
    default: Setting,
    seed: int,
) -> Outcome:
    leader = raced.left[0]
    if leader == default:
        return Outcome(
            Answer.NOTHING_BETTER, default, None, None, None, 0, raced.left[1:], found, raced
        )
    pairs = _pairs(raced, wanted, measure, budget, (leader, default), seed)
    logs = [
        a - b
        for one, other in pairs
        if comparable(one, other)
        and (a := wanted.loss(one)) is not None
        and (b := wanted.loss(other)) is not None
    ]
    told = centre(logs) if logs else Centre(0.0, None, 0, 0)
    half = told.half_width(LEVEL)
    better = bool(logs) and told.mean + half < 0
    # A default that breaks a requirement, or does not run, is no rival.
    needed = default not in raced.rounds[0] if raced.rounds else False
    answer = Answer.BETTER if better or needed else Answer.NOTHING_BETTER
    known = bool(logs) and math.isfinite(half)
    return Outcome(
        answer=answer,
        winner=leader if answer is Answer.BETTER else default,
        ratio=math.exp(told.mean) if logs else None,
        low=math.exp(told.mean - half) if known else None,
        high=math.exp(told.mean + half) if known else None,
        n_rounds=len(logs),
        equals=tuple(each for each in raced.left[1:] if each != default),
        explored=found,
        raced=raced,
        confirmed=tuple(pairs),
    )


def _pairs(
    raced: Raced,
    wanted: Wanted,
    measure: Measure,
    budget: Budget,
    sides: tuple[Setting, Setting],
    seed: int,
) -> list[tuple[Measured, Measured]]:
    """Measure leader and default in turn, as often as the race says it takes."""
    rng = random.Random(seed)  # noqa: S311  # an order, no secret
    pairs: list[tuple[Measured, Measured]] = []
    n_rounds = _rounds_needed(raced, wanted, sides)
    while len(pairs) < n_rounds and budget.left_s() > 0:
        order = list(sides)
        rng.shuffle(order)
        number = len(pairs) + 1
        taken = {each: budget.take(measure(each, Stage.CONFIRM, number)) for each in order}
        pairs.append((taken[sides[0]], taken[sides[1]]))
    return pairs


def _rounds_needed(raced: Raced, wanted: Wanted, sides: tuple[Setting, Setting]) -> int:
    """Rounds that tell a difference as large as the race saw, with 95 % power.

    What a window scatters by is read from all finalists; of the default alone there may be few
    windows, since it drops out early where it is clearly worse.
    """
    seen = difference(raced, wanted, *sides)
    scatter = _scatter(raced, wanted, sides[0])
    if seen is None or seen.error is None or scatter is None or not seen.mean:
        return ROUNDS_MAX
    # What the race saw flatters its leader, all the more after few rounds: plan for less.
    effect = max(abs(seen.mean) - 2 * scatter / math.sqrt(seen.n), abs(seen.mean) / 3)
    needed = math.ceil((_POWER_SUM * scatter / effect) ** 2) + 4
    return min(ROUNDS_MAX, max(ROUNDS_MIN, needed))


def _scatter(raced: Raced, wanted: Wanted, leader: Setting) -> float | None:
    """Return what one pair of windows scatters by; the median over all pairs with the leader."""
    others = {each for taken in raced.rounds for each in taken} - {leader}
    found = [difference(raced, wanted, each, leader) for each in others]
    scatters = [each.error * math.sqrt(each.n) for each in found if each and each.error]
    return statistics.median(scatters) if scatters else None
