import dataclasses

import numpy as np
import pytest

from llamawatt.core.metrics import METRICS, QUANTITIES, Use, keys


def test_every_formula_is_made_of_the_quantities_that_are_documented():
    numbers = {name: np.array([4.0]) for name in QUANTITIES}
    for spec in METRICS.values():
        assert np.isfinite(spec.formula(numbers)).all(), spec.key


@pytest.mark.parametrize("use", list(Use))
def test_every_place_shows_some_metric_and_a_column_has_its_heading(use):
    assert keys(use) or use is Use.WORTH
    assert all(METRICS[key].heading for key in keys(Use.RESULTS))


def test_a_metric_says_what_it_is():
    for spec in METRICS.values():
        assert spec.meaning.endswith("."), spec.key
        assert all(getattr(spec, f.name) != "" for f in dataclasses.fields(spec)[:6]), spec.key


def test_more_is_better_for_speeds_alone():
    assert {key for key, spec in METRICS.items() if not spec.lower_is_better} == {
        "tok_per_s", "prefill_tok_per_s", "decode_tok_per_s",
    }  # fmt: skip
