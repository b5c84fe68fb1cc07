import dataclasses

import numpy as np
import pytest

from llamawatt.core.metrics import METRICS, QUANTITIES, Use, facts, keys
from llamawatt.core.settings import SETTINGS


def test_every_formula_is_made_of_the_quantities_that_are_documented():
    numbers = {name: np.array([4.0]) for name in (*QUANTITIES, *SETTINGS)}
    for spec in METRICS.values():
        assert np.isfinite(spec.formula(numbers)).all(), spec.key


@pytest.mark.parametrize("use", list(Use))
def test_every_place_shows_some_metric_and_a_column_has_its_heading(use):
    assert keys(use)
    for key in (*keys(Use.RESULTS), *keys(Use.WORTH)):
        assert METRICS[key].heading


def test_a_metric_says_what_it_is():
    for spec in METRICS.values():
        assert spec.meaning.endswith("."), spec.key
        assert all(getattr(spec, f.name) != "" for f in dataclasses.fields(spec)[:6]), spec.key


def test_what_a_metric_needs_is_a_quantity_or_a_setting_that_is_assumed():
    for spec in METRICS.values():
        for name in spec.needs:
            assert name in QUANTITIES or SETTINGS[name].is_assumption


def test_more_is_better_for_speeds_and_for_what_a_joule_buys():
    assert {key for key, spec in METRICS.items() if not spec.lower_is_better} == {
        "tok_per_s", "prefill_tok_per_s", "decode_tok_per_s", "tok_per_wh", "replies_per_charge",
    }  # fmt: skip


def test_worth_worked_by_hand():
    # 4 replies of 90 tokens for 7.2 kJ, which are 2 Wh
    q = {"window_j": 7200.0, "n_replies": 4.0, "n_generated": 360.0}
    q |= {"price_per_kwh": 0.30, "carbon_g_per_kwh": 400.0, "battery_wh": 50.0}
    worth = {key: METRICS[key].formula(q) for key in keys(Use.WORTH)}
    assert worth == pytest.approx(
        {
            "tok_per_wh": 180.0,
            "cost_per_mtok": 0.002 * 0.30 / 360 * 1e6,
            "cost_per_1000_replies": 0.002 * 0.30 / 4 * 1000,
            "co2e_g": 0.002 * 400 / 4,
            "replies_per_charge": 100.0,
        }
    )


def test_the_currency_stands_in_unit_and_heading():
    told = facts(["cost_per_mtok"], "CHF")["cost_per_mtok"]
    assert told.unit == told.heading == "CHF/Mtok"
