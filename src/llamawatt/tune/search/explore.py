"""The search among all settings: short windows, an anchor against drift, a model of them all."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from llamawatt.tune.search.covering import covering
from llamawatt.tune.search.engine import Engine
from llamawatt.tune.search.measured import CHANGED, Budget, Measure, Measured, Stage, comparable
from llamawatt.tune.search.objective import Objective, Requirement, loss_of
from llamawatt.tune.search.robust import centre
from llamawatt.tune.search.space import Setting, Space
from llamawatt.tune.search.surrogate import Floats, Surrogate

ANCHOR_EVERY = 5
"""Windows between two of the default."""
DRIFT_LIMIT = math.log(1.10)
"""A default that moved by more makes the windows since the last one worthless."""
ANCHOR_LOOKS = 3
"""Windows of the default before a drift is believed: one window may be wild."""
N_BELIEVED = 5000
"""Unseen settings that the model is asked about at once, in a large space."""
DRY_WINDOWS = 24
"""The search ends when this many settings in a row changed nothing about the best."""
N_AT_ONCE = 8
"""Hopeful settings tried before the model is fitted anew."""
LEAST_KNOWN = 3
"""Settings beside the default whose windows must count before the search may end early."""
WORTHWHILE = math.log(1.01)
REFIT_GROWTH = 1.25
"""The scales are fitted anew when there are this many times the windows."""
HOPE = 1.5
"""Deviations by which a setting may be better than believed when it is ranked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search is after.

    Attributes:
        objective: What is made small.
        requirements: What must hold.
    """

    objective: Objective
    requirements: tuple[Requirement, ...] = ()

    def loss(self, measured: Measured) -> float | None:
        """Return the loss of a window; None where it failed."""
        return None if measured.failure else loss_of(self.objective, measured.values)

    def broken(self, measured: Measured) -> dict[Requirement, float]:
        """Return by what share each requirement is broken; one that was not measured is."""
        return {
            each: each.excess(measured.values[each.measure])
            if each.measure in measured.values
            else 1.0
            for each in self.requirements
        }

    def holds(self, measured: Measured) -> bool:
        """Whether every requirement holds in this window."""
        return not measured.failure and all(
            each.measure in measured.values and each.holds(measured.values[each.measure])
            for each in self.requirements
        )


@dataclass(slots=True)
class Explored:
    """Windows of a search.

    Attributes:
        windows: Those that count, in the order in which they were taken, anchors included.
        discarded: Those taken while the machine drifted.
    """

    windows: list[Measured] = field(default_factory=list)
    discarded: list[Measured] = field(default_factory=list)

    @property
    def comparable(self) -> list[Measured]:
        """The windows on the supply of the last one: a laptop unplugged is another machine."""
        known = [each for each in self.windows if each.supply != CHANGED]
        return [each for each in known if each.supply == known[-1].supply]

    def of(self, setting: Setting) -> list[Measured]:
        """Return the comparable windows of one setting."""
        return [each for each in self.comparable if each.setting == setting]


Watch = Callable[[Measured], None]


def explore(
    space: Space,
    wanted: Wanted,
    measure: Measure,
    budget: Budget,
    *,
    seed: int,
    share: float,
    starts: Sequence[Setting] = (),
) -> Explored:
    """Try settings until a share of the budget is spent or nothing better turns up.

    Args:
        space: What varies.
        wanted: Objective and requirements.
        measure: Tries one setting.
        budget: What there is; windows are taken from it.
        seed: Of every random choice.
        share: Share of the whole budget that the search may take.
        starts: Settings to try after the default, as the roofline predicts them.
    """
    engine = Engine(space, seed, [*starts, *covering(space, seed)])
    search = _Search(space, wanted, measure, budget, engine)
    search.anchor()
    while budget.left_s(share / 2) > 0 and search.step():
        pass
    model = Model(space, wanted)
    while budget.left_s(share) > 0:
        hopeful = _hopeful(model, search.found)
        if not hopeful and search.knows_too_little and search.step():
            continue
        if not hopeful:
            break
        for setting in hopeful:
            search.try_out(setting)
        search.anchor()
    return search.found


class _Search:
    def __init__(
        self, space: Space, wanted: Wanted, measure: Measure, budget: Budget, engine: Engine
    ) -> None:
        self.found = Explored()
        self._space, self._wanted, self._measure = space, wanted, measure
        self._budget, self._engine = budget, engine
        self._level: float | None = None
        self._since: list[Measured] = []
        self._number = 0
        self._best, self._dry = math.inf, 0

    @property
    def knows_too_little(self) -> bool:
        """Whether so much was dropped as drift that hardly a setting but the default is left."""
        known = {each.setting for each in self.found.comparable} - {self._space.default()}
        return len(known) < LEAST_KNOWN

    def step(self) -> bool:
        """Try one setting; say whether there is more to try."""
        setting = self._engine.ask()
        if setting is None:
            return False
        self.try_out(setting)
        if len(self._since) >= ANCHOR_EVERY:
            self.anchor()
        return self._dry < DRY_WINDOWS

    def try_out(self, setting: Setting) -> None:
        """Take a window of a setting and learn from it."""
        measured = self._take(setting, Stage.EXPLORE)
        loss = self._wanted.loss(measured)
        self._engine.tell(setting, loss, self._wanted.broken(measured))
        self._since.append(measured)
        self._note(measured, loss)

    def anchor(self) -> None:
        """Look at the default again, and drop what was taken while the machine moved."""
        looks = [self._take(self._space.default(), Stage.ANCHOR)]
        if self.found.windows and not comparable(self.found.windows[-1], looks[0]):
            self._level = None  # plugged in or unplugged: a machine of its own from here on
        level = self._median(looks)
        while self._moved(level) and len(looks) < ANCHOR_LOOKS:
            looks.append(self._take(self._space.default(), Stage.ANCHOR))
            level = self._median(looks)
        kept = self.found.discarded if self._moved(level) else self.found.windows
        kept.extend(self._since)
        for measured in self._since if kept is self.found.discarded else []:
            self._engine.suggest(measured.setting)
        self._since = []
        self.found.windows.extend(looks)
        self._level = level if level is not None else self._level

    def _moved(self, level: float | None) -> bool:
        """Whether the default moved by more than the limit and more than its windows scatter."""
        if level is None or self._level is None:
            return False
        losses = [self._wanted.loss(each) for each in self.found.of(self._space.default())]
        known = [loss for loss in losses if loss is not None]
        scatter = centre(known).error if len(known) > 4 else None
        wild = 3 * scatter * math.sqrt(len(known)) if scatter is not None else 0.0
        return abs(level - self._level) > max(DRIFT_LIMIT, wild)

    def _median(self, looks: Sequence[Measured]) -> float | None:
        losses = [loss for each in looks if (loss := self._wanted.loss(each)) is not None]
        return centre(losses).mean if losses else None

    def _take(self, setting: Setting, stage: Stage) -> Measured:
        self._number += 1
        return self._budget.take(self._measure(setting, stage, self._number))

    def _note(self, measured: Measured, loss: float | None) -> None:
        better = loss is not None and loss < self._best - WORTHWHILE
        if better and self._wanted.holds(measured) and loss is not None:
            self._best, self._dry = loss, 0
        else:
            self._dry += 1


class Model:
    """Ranks settings by all windows, fitting its scales only when there are many more of them."""

    def __init__(self, space: Space, wanted: Wanted) -> None:
        self._space, self._wanted = space, wanted
        self._scales: Floats | None = None
        self._n_fitted = 0

    def ranked(self, explored: Explored) -> list[tuple[Setting, float, float]]:
        """Return setting, believed loss over the default and its deviation, most hopeful first.

        The default and settings known to break a requirement or to fail are left out.
        """
        unfit = {each.setting for each in explored.windows if not self._wanted.holds(each)}
        unfit.add(self._space.default())
        candidates = [
            each for each in _candidates(self._space, self._wanted, explored) if each not in unfit
        ]
        model = self.fitted(explored.comparable)
        if model is None or not candidates:
            return []
        belief = model.believe(candidates)
        rows = zip(candidates, belief.mean.tolist(), belief.deviation.tolist(), strict=True)
        return sorted(rows, key=lambda row: row[1] - HOPE * row[2])

    def fitted(self, windows: Sequence[Measured]) -> Surrogate | None:
        """Return a model of comparable windows; None where there are too few.

        Windows of a round share its prompts, and with them a level of their own.
        """
        losses = [(each, loss) for each in windows if (loss := self._wanted.loss(each)) is not None]
        if len(losses) < 2:
            return None
        stale = len(losses) >= REFIT_GROWTH * self._n_fitted
        made = Surrogate(
            self._space,
            [each.setting for each, _ in losses],
            [loss for _, loss in losses],
            None if stale else self._scales,
            [_group(each) for each, _ in losses],
        )
        if stale:
            self._scales, self._n_fitted = made.scales, len(losses)
        return made


def _group(measured: Measured) -> tuple[Stage, int]:
    deciding = measured.stage in {Stage.RACE, Stage.CONFIRM, Stage.ALONE}
    return (measured.stage, measured.round) if deciding else (Stage.EXPLORE, 0)


def _hopeful(model: Model, explored: Explored) -> tuple[Setting, ...]:
    """Return the settings that may yet turn out best; none when the model is sure of the rest."""
    ranked = model.ranked(explored)
    if not ranked:
        return ()
    surest = min(mean + HOPE * deviation for _, mean, deviation in ranked)
    return tuple(
        setting
        for setting, mean, deviation in ranked[:N_AT_ONCE]
        if mean - 2 * deviation < surest - WORTHWHILE
    )


def shortlist(
    space: Space, wanted: Wanted, explored: Explored, n: int
) -> tuple[tuple[Setting, ...], Mapping[Setting, float]]:
    """Return the settings that may be the best, the likeliest first, and what is believed of them.

    The model of all windows ranks them by the best they may plausibly be, unseen ones included.

    Returns:
        The settings, at most `n`, and setting → believed log ratio over the default.
    """
    ranked = Model(space, wanted).ranked(explored)
    return tuple(each for each, _, _ in ranked[:n]), {each: mean for each, mean, _ in ranked}


def _candidates(space: Space, wanted: Wanted, explored: Explored) -> list[Setting]:
    """Every setting of a small space; in a large one those seen and their neighbours.

    Where something is required, only what was seen: a model of the loss says nothing of it.
    """
    seen = list(dict.fromkeys(each.setting for each in explored.comparable))
    if wanted.requirements:
        return seen
    if space.n_settings <= N_BELIEVED:
        return list(space.settings())
    near = [other for each in seen for other in _neighbours(space, each)]
    return list(dict.fromkeys([*seen, *near]))


def _neighbours(space: Space, setting: Setting) -> list[Setting]:
    found = []
    for knob, at in zip(space.knobs, space.places(setting), strict=True):
        for step in (at - 1, at + 1):
            if 0 <= step < len(knob.values):
                values = setting.as_dict() | {knob.name: knob.values[step]}
                other = Setting(tuple(values.items()))
                if not space.refuse(other):
                    found.append(other)
    return found
