"""Landscapes of settings whose best one is known."""

import math

import numpy as np

from llamawatt.tune.search.space import Knob, Setting, Space

SIZES = (4, 3, 2, 2)
SCATTERS = (0.3, 0.12, 0.05, 0.02)


def landscape(
    seed: int, *, default_is_best: bool = False
) -> tuple[Space, dict[Setting, dict[str, float]], dict[Setting, float]]:
    """Return a space, its table for a simulated machine, and each setting's true loss."""
    rng = np.random.default_rng(seed)
    knobs = tuple(Knob(f"k{i}", tuple(range(n)), int(rng.integers(n))) for i, n in enumerate(SIZES))
    space = Space(knobs)
    settings = list(space.settings())
    main = [rng.normal(0, scatter, n) for n, scatter in zip(SIZES, SCATTERS, strict=True)]
    pair = rng.normal(0, 0.08, SIZES[:2])
    loss = np.array(
        [
            sum(effect[place] for effect, place in zip(main, space.places(each), strict=True))
            + pair[space.places(each)[:2]]
            for each in settings
        ]
    ) + rng.normal(0, 0.005, len(settings))
    if default_is_best:
        at, best = settings.index(space.default()), int(loss.argmin())
        loss[at], loss[best] = loss[best], loss[at]
    table = {
        each: {"j_per_token": 0.3 * math.exp(value), "tok_per_s": 50 * math.exp(-value)}
        for each, value in zip(settings, loss, strict=True)
    }
    return space, table, dict(zip(settings, loss.tolist(), strict=True))
