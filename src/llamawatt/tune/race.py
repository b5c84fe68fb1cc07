"""Finalists side by side: every round measures each of them, and the clearly worse drop out."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from llamawatt.tune.explore import Wanted
from llamawatt.tune.measured import Budget, Measure, Measured, Stage
from llamawatt.tune.robust import Centre, centre
from llamawatt.tune.space import Setting

LOOKS = (5, 7, 10, 14, 19, 26, 36, 50, 70)
"""After how many rounds anyone may drop out. Few looks, so that luck gets few chances."""
DROP_LEVEL = 0.99
"""A setting drops out when this much confidence says that the leader is better."""
SAME = math.log(1.01)
"""Settings this close to the leader are as good as it is: telling them apart costs more joules
than it saves."""


@dataclass(slots=True)
class Raced:
    """A race.

    Attributes:
        rounds: Of each round, setting → window.
        left: Settings that were still in it at the end, the leader first.
        dropped: Setting → after how many rounds it dropped out.
    """

    rounds: list[dict[Setting, Measured]] = field(default_factory=list)
    left: tuple[Setting, ...] = ()
    dropped: dict[Setting, int] = field(default_factory=dict)


def race(
    finalists: Sequence[Setting],
    wanted: Wanted,
    measure: Measure,
    budget: Budget,
    *,
    seed: int,
    share: float,
) -> Raced:
    """Measure finalists in interleaved rounds until one leads or those left are as good.

    Args:
        finalists: The settings, two or more; the default belongs among them.
        wanted: Objective and requirements.
        measure: Tries one setting.
        budget: What there is.
        seed: Of the order within each round.
        share: Share of the whole budget that search and race may have taken together.
    """
    rng = random.Random(seed)  # noqa: S311  # an order, no secret
    raced = Raced(left=tuple(finalists))
    while len(raced.left) > 1 and len(raced.rounds) < LOOKS[-1] and budget.left_s(share) > 0:
        order = list(raced.left)
        rng.shuffle(order)
        number = len(raced.rounds) + 1
        taken = {each: budget.take(measure(each, Stage.RACE, number)) for each in order}
        raced.rounds.append(taken)
        _drop_failed(raced, wanted)
        if number in LOOKS and _settled(raced, wanted):
            break
    raced.left = _ranked(raced, wanted)
    return raced


def difference(raced: Raced, wanted: Wanted, setting: Setting, other: Setting) -> Centre | None:
    """Return the log ratio of one finalist over another, paired by round; None without a round."""
    logs = [
        a - b
        for taken in raced.rounds
        if setting in taken and other in taken
        if (a := wanted.loss(taken[setting])) is not None
        and (b := wanted.loss(taken[other])) is not None
    ]
    return centre(logs) if logs else None


def _drop_failed(raced: Raced, wanted: Wanted) -> None:
    """Whoever fails, or breaks a requirement in most rounds, is out."""
    for setting in raced.left:
        windows = [taken[setting] for taken in raced.rounds if setting in taken]
        n_bad = sum(not wanted.holds(each) for each in windows)
        if n_bad >= max(2, math.ceil(len(windows) / 2)):
            raced.dropped[setting] = len(raced.rounds)
    raced.left = tuple(each for each in raced.left if each not in raced.dropped)


def _settled(raced: Raced, wanted: Wanted) -> bool:
    """Drop the clearly worse; say whether those left cannot be told apart usefully."""
    ranked = _ranked(raced, wanted)
    if len(ranked) < 2:
        return True
    leader, open_still = ranked[0], False
    for setting in ranked[1:]:
        behind = difference(raced, wanted, setting, leader)
        if behind is None:
            continue
        half = behind.half_width(2 * DROP_LEVEL - 1)
        if behind.mean - half > 0:
            raced.dropped[setting] = len(raced.rounds)
        elif behind.mean - half < -SAME:
            open_still = True
    raced.left = tuple(each for each in ranked if each not in raced.dropped)
    return not open_still


def _ranked(raced: Raced, wanted: Wanted) -> tuple[Setting, ...]:
    """Return those left, the best first; all were in every round, so rounds pair them."""
    if not raced.left or not raced.rounds:
        return raced.left
    first = raced.left[0]
    behind = {each: difference(raced, wanted, each, first) for each in raced.left}
    return tuple(
        sorted(
            raced.left,
            key=lambda each: found.mean if (found := behind[each]) is not None else math.inf,
        )
    )
