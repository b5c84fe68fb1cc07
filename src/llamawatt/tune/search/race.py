"""Finalists side by side: every round measures each of them, and the clearly worse drop out."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from llamawatt.tune.search.explore import Explored, Model, Wanted
from llamawatt.tune.search.measured import CHANGED, Budget, Measure, Measured, Stage, comparable
from llamawatt.tune.search.robust import Centre, centre
from llamawatt.tune.search.space import Setting, Space
from llamawatt.tune.search.surrogate import Surrogate

LOOKS = (4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 85, 113, 150)
"""After how many rounds anyone may drop out. Few looks, so that luck gets few chances."""
DROP_DEVIATIONS = 2.6
"""A setting drops out when the leader is believed to be better by so many deviations."""
OPEN_DEVIATIONS = 2.5
"""The race goes on while a setting may be better by so many deviations, and by more than `SAME`."""
N_RACING = 8
"""Settings in a round, at most, where others may enter."""
ENTRY_SHARE = 0.8
"""Others may enter until this share of what search and race may take is spent."""
SAME = math.log(1.005)
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
    space: Space,
    before: Sequence[Measured] = (),
) -> Raced:
    """Measure finalists in interleaved rounds until one leads or those left are as good.

    Args:
        finalists: The settings, two or more; the default belongs among them.
        wanted: Objective and requirements.
        measure: Tries one setting.
        budget: What there is.
        seed: Of the order within each round.
        share: Share of the whole budget that search and race may have taken together.
        space: What varies.
        before: Comparable windows of the search: what they say of neighbours counts here too.
    """
    rng = random.Random(seed)  # noqa: S311  # an order, no secret
    raced, model = Raced(left=tuple(finalists)), Model(space, wanted)
    entry_share = ENTRY_SHARE * share if before else 0.0
    while len(raced.left) > 1 and len(raced.rounds) < LOOKS[-1] and budget.left_s(share) > 0:
        order = list(raced.left)
        rng.shuffle(order)
        number = len(raced.rounds) + 1
        taken = {each: budget.take(measure(each, Stage.RACE, number)) for each in order}
        raced.rounds.append(taken)
        _drop_failed(raced, wanted)
        if number in LOOKS and _settled(raced, model, before):
            break
        if number in LOOKS and budget.left_s(entry_share) > 0:
            _enter(raced, model, before)
    if len(raced.left) > 1:
        raced.left = _ranked(raced, model.fitted(_comparable(raced, before)))
    return raced


def difference(raced: Raced, wanted: Wanted, setting: Setting, other: Setting) -> Centre | None:
    """Return the log ratio of one finalist over another, paired by round; None without a round."""
    logs = [
        a - b
        for taken in raced.rounds
        if setting in taken and other in taken and comparable(taken[setting], taken[other])
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


def _settled(raced: Raced, model: Model, before: Sequence[Measured]) -> bool:
    """Drop the clearly worse; say whether those left cannot be told apart usefully."""
    told = model.fitted(_comparable(raced, before))
    if told is None or len(raced.left) < 2:
        return len(raced.left) < 2
    ranked = _ranked(raced, told)
    leader, open_still = ranked[0], False
    for setting in ranked[1:]:
        mean, deviation = told.contrast([setting], [leader])
        if mean > DROP_DEVIATIONS * deviation:
            raced.dropped[setting] = len(raced.rounds)
        elif mean < OPEN_DEVIATIONS * deviation - SAME:
            open_still = True
    raced.left = tuple(each for each in ranked if each not in raced.dropped)
    return not open_still


def _enter(raced: Raced, model: Model, before: Sequence[Measured]) -> None:
    """Let those in that may yet beat the leader, as all windows so far say."""
    out = {*raced.left, *raced.dropped}
    ranked = model.ranked(Explored(_comparable(raced, before)))
    believed = {each: mean for each, mean, _ in ranked}
    best = min((believed[each] for each in raced.left if each in believed), default=0.0)
    hopeful = [
        each
        for each, mean, deviation in ranked
        if each not in out and mean - OPEN_DEVIATIONS * deviation < best - SAME
    ]
    raced.left += tuple(hopeful[: max(0, N_RACING - len(raced.left))])


def _ranked(raced: Raced, told: Surrogate | None) -> tuple[Setting, ...]:
    """Return those left, the best first, as the model of all windows believes."""
    if told is None or not raced.left:
        return raced.left
    means = told.believe(raced.left).mean.tolist()
    believed = dict(zip(raced.left, means, strict=True))
    return tuple(sorted(raced.left, key=lambda each: believed[each]))


def _comparable(raced: Raced, before: Sequence[Measured]) -> list[Measured]:
    """Return the windows of search and race on the supply of the last one."""
    windows = [*before, *(each for taken in raced.rounds for each in taken.values())]
    known = [each for each in windows if each.supply != CHANGED]
    return [each for each in known if each.supply == known[-1].supply]
