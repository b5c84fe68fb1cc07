"""Settings to begin with: few, yet every pair of values of every two knobs is seen once.

A covering array of strength two, made greedily. Knobs that only help together are then found,
which turning one knob at a time never does.
"""

import itertools
import random

from llamawatt.tune.search.space import Setting, Space

N_DRAWN = 60
"""Settings drawn for each place; the one that covers most is taken."""

Pair = tuple[int, int, int, int]
"""Two knobs and the places of their values: knob, place, other knob, place."""


def covering(space: Space, seed: int) -> tuple[Setting, ...]:
    """Return settings that together hold every pair of values that can run.

    Args:
        space: What varies.
        seed: Of the draws.
    """
    rng = random.Random(seed)  # noqa: S311  # a design, no secret
    left = set(_all_pairs(space))
    chosen: list[Setting] = []
    while left:
        drawn = [_drawn(space, rng, left) for _ in range(N_DRAWN)]
        fit = [setting for setting in drawn if not space.refuse(setting)]
        best = max(fit, key=lambda setting: len(_pairs(space, setting) & left), default=None)
        covered = _pairs(space, best) & left if best is not None else set()
        if best is None or not covered:
            break  # what is left cannot run
        left -= covered
        chosen.append(best)
    return tuple(chosen)


def _all_pairs(space: Space) -> list[Pair]:
    found: list[Pair] = []
    for (i, one), (j, other) in itertools.combinations(enumerate(space.knobs), 2):
        found += [(i, a, j, b) for a in range(len(one.values)) for b in range(len(other.values))]
    return found


def _pairs(space: Space, setting: Setting) -> set[Pair]:
    places = enumerate(space.places(setting))
    return {(i, a, j, b) for (i, a), (j, b) in itertools.combinations(places, 2)}


def _drawn(space: Space, rng: random.Random, left: set[Pair]) -> Setting:
    """Draw a setting that holds one of the pairs that are left."""
    places = [rng.randrange(len(knob.values)) for knob in space.knobs]
    i, a, j, b = rng.choice(sorted(left))
    places[i], places[j] = a, b
    values = zip(space.knobs, places, strict=True)
    return Setting(tuple((knob.name, knob.values[place]) for knob, place in values))
