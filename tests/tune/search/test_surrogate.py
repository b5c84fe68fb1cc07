"""A model of all windows believes the truth more closely than single windows do."""

import numpy as np
import pytest

from llamawatt.tune.search.surrogate import Surrogate
from tests.tune.search.landscapes import landscape


def windows(seed, n, scatter, drift=0.0):
    space, _, truth = landscape(seed)
    rng = np.random.default_rng(seed + 100)
    settings = list(truth)
    chosen = [settings[i] for i in rng.integers(len(settings), size=n)]
    ramp = np.linspace(0, drift, n)
    losses = [
        truth[each] + rng.normal(0, scatter) + r for each, r in zip(chosen, ramp, strict=True)
    ]
    return space, truth, chosen, losses


def beliefs_error(space, truth, model):
    settings = list(truth)
    belief = model.believe(settings)
    true = np.array([truth[each] - truth[space.default()] for each in settings])
    return belief, true


def test_it_learns_more_than_the_windows_say_by_themselves():
    space, truth, chosen, losses = windows(3, 60, 0.1)
    belief, true = beliefs_error(space, truth, Surrogate(space, chosen, losses))
    assert np.sqrt(np.mean((belief.mean - true) ** 2)) < 0.1


def test_a_steady_drift_is_not_taken_for_an_effect():
    space, truth, chosen, losses = windows(4, 80, 0.02, drift=0.3)
    belief, true = beliefs_error(space, truth, Surrogate(space, chosen, losses))
    assert np.sqrt(np.mean((belief.mean - true) ** 2)) < 0.08


def test_its_doubt_covers_the_truth():
    hits = []
    for seed in range(8):
        space, truth, chosen, losses = windows(seed, 60, 0.05)
        belief, true = beliefs_error(space, truth, Surrogate(space, chosen, losses))
        hits += list(np.abs(belief.mean - true) <= 2 * belief.deviation + 1e-6)
    assert np.mean(hits) > 0.85


def test_of_the_default_over_itself_it_is_sure():
    space, _, chosen, losses = windows(1, 30, 0.05)
    belief = Surrogate(space, chosen, losses).believe([space.default()])
    assert belief.mean[0] == pytest.approx(0, abs=1e-9)
    assert belief.deviation[0] == pytest.approx(0, abs=1e-6)


def test_it_refuses_a_single_window():
    space, _, chosen, losses = windows(1, 1, 0.05)
    with pytest.raises(ValueError, match="two windows"):
        Surrogate(space, chosen, losses)
