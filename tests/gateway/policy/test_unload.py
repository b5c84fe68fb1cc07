import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.gateway.costs import BatchPoint, TargetCosts
from llamawatt.gateway.policy.unload import (
    MIN_SILENCE_S,
    UnloadRule,
    clairvoyant_cost_j,
    silence_cost_j,
)


def costs_of(resident_w, wake_j):
    return TargetCosts(0.01, 1000.0, (BatchPoint(1, 0.2, 100.0),), resident_w, 1.0, wake_j)


@given(
    resident_w=st.floats(0.1, 500),
    wake_j=st.floats(0, 1e5),
    silences_s=st.lists(st.floats(0, 1e6), min_size=1, max_size=50),
)
def test_never_more_than_twice_what_one_pays_who_knows_the_future(resident_w, wake_j, silences_s):
    costs = costs_of(resident_w, wake_j)
    after_s = costs.break_even_s
    paid_j = sum(silence_cost_j(costs, each, after_s) for each in silences_s)
    best_j = sum(clairvoyant_cost_j(costs, each) for each in silences_s)
    assert paid_j <= 2 * best_j * (1 + 1e-9) + 1e-9


def test_the_silence_is_wake_energy_over_resident_power():
    assert UnloadRule(costs_of(50.0, 150.0)).after_s() == pytest.approx(3.0)


def test_a_target_that_costs_nothing_to_keep_is_kept():
    assert UnloadRule(costs_of(0.0, 150.0)).after_s() == float("inf")


def test_the_users_silence_and_always_resident_are_kept():
    costs = costs_of(50.0, 150.0)
    assert UnloadRule(costs, silence_s=60.0).after_s() == 60.0
    assert not UnloadRule(costs, always_resident=True).is_due(1e9)
    assert UnloadRule(costs, silence_s=0.0).after_s() == MIN_SILENCE_S
