"""What every knob did: its effect averaged over everything else, with an interval."""

import math
import random
from dataclasses import dataclass

from llamawatt.core.trials import FactorValue
from llamawatt.tune.search.explore import Explored, Model, Wanted
from llamawatt.tune.search.space import Setting, Space

N_AVERAGED = 60
"""Settings that an effect is averaged over."""
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of one value of a knob, over the knob's default.

    Attributes:
        knob: The knob.
        value: The value.
        ratio: Of the objective's loss, value over default, all else averaged; below 1 is better.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n_windows: Windows of the search that had this value.
    """

    knob: str
    value: FactorValue
    ratio: float
    low: float
    high: float
    n_windows: int


def effects(space: Space, wanted: Wanted, explored: Explored, seed: int) -> tuple[Effect, ...]:
    """Return the effect of every value of every knob; none with too few windows."""
    known = [each for each in explored.comparable if wanted.loss(each) is not None]
    model = Model(space, wanted).fitted(known)
    if model is None or len(known) < 3:
        return ()
    rng = random.Random(seed)  # noqa: S311  # a sample, no secret
    found = []
    for knob in space.knobs:
        for value in knob.values:
            if value == knob.default:
                continue
            pairs = _pairs(space, knob.name, value, knob.default, rng)
            if not pairs:
                continue
            mean, deviation = model.contrast([a for a, _ in pairs], [b for _, b in pairs])
            count = sum(each.setting[knob.name] == value for each in known)
            ends = (mean - _Z * deviation, mean + _Z * deviation)
            low, high = (math.exp(end) for end in ends)
            found.append(Effect(knob.name, value, math.exp(mean), low, high, count))
    return tuple(found)


def _pairs(
    space: Space, name: str, value: FactorValue, default: FactorValue, rng: random.Random
) -> list[tuple[Setting, Setting]]:
    """Draw settings that can run with the value and with the default alike."""
    pairs = []
    for _ in range(4 * N_AVERAGED):
        drawn = {knob.name: rng.choice(knob.values) for knob in space.knobs}
        both = (space.setting(drawn | {name: each}) for each in (value, default))
        one, other = both
        if not space.refuse(one) and not space.refuse(other):
            pairs.append((one, other))
        if len(pairs) == N_AVERAGED:
            break
    return pairs
