import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.gateway.policy.budgets import Budget
from llamawatt.gateway.policy.learning import LearntCosts, LearntMean
from llamawatt.gateway.policy.waking import WakeValue
from tests.gateway.policy.test_unload import costs_of


def test_costs_are_learnt_from_a_wrong_profile_and_the_error_falls():
    rng = random.Random(1)
    learnt = LearntCosts(0.001, 0.1)
    errors = []
    for _ in range(400):
        n_prompt, n_generated = rng.randint(10, 4000), rng.randint(5, 500)
        truth = (0.01 * n_prompt + 0.4 * n_generated) * rng.lognormvariate(0, 0.1)
        learnt.learn(n_prompt, n_generated, truth)
        errors.append(learnt.error_ratio)
    assert learnt.per_prompt_token == pytest.approx(0.01, rel=0.25)
    assert learnt.per_generated_token == pytest.approx(0.4, rel=0.15)
    assert errors[-1] < 0.2 < errors[5]


@given(
    seen=st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**5), st.floats(allow_nan=True)),
        max_size=60,
    )
)
def test_nothing_that_is_measured_breaks_the_learning(seen):
    learnt = LearntCosts(0.01, 0.3)
    for n_prompt, n_generated, actual in seen:
        learnt.learn(n_prompt, n_generated, actual)
    assert learnt.per_prompt_token > 0
    assert learnt.per_generated_token > 0
    assert learnt.predict(100, 100) < float("inf")


def test_a_mean_follows_what_is_seen():
    mean = LearntMean(1000.0)
    for _ in range(100):
        mean.learn(40.0)
    assert mean.mean == pytest.approx(40.0)


def test_dense_requests_speak_for_waking_and_sparse_ones_do_not():
    dense, sparse = WakeValue(costs_of(50.0, 150.0)), WakeValue(costs_of(50.0, 150.0))
    for number in range(100):
        dense.asked(number * 0.5)
        dense.could_save(30.0)
        sparse.asked(number * 60.0)
        sparse.could_save(30.0)
    assert dense.value_j > 300.0
    assert sparse.value_j < 1.0
    sparse.missed(500.0)
    assert sparse.value_j == 500.0
    sparse.woken()
    assert sparse.value_j < 1.0


def test_a_budget_of_joules_or_money_ends():
    assert Budget().refusal(1e12) == ""
    assert "budget" in Budget(energy_j=100.0).refusal(100.0)
    kwh_j = 3.6e6
    paid = Budget(money=1.0, price_per_kwh=0.25)
    assert paid.refusal(3.9 * kwh_j) == ""
    assert "budget" in paid.refusal(4.1 * kwh_j)
