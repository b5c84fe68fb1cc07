"""Objectives are logarithms; requirements are read strictly."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.errors import UsageError
from llamawatt.tune.search.objective import (
    MEASURES,
    METRIC,
    Objective,
    Requirement,
    loss_of,
    parse_requirement,
)

positive = st.floats(1e-6, 1e6)


@given(value=positive, factor=st.floats(1.001, 10))
@pytest.mark.parametrize("objective", list(Objective))
def test_a_worse_figure_is_a_larger_loss_by_its_log_ratio(objective, value, factor):
    worse = value / factor if objective is Objective.THROUGHPUT else value * factor
    key = METRIC[objective]
    gap = loss_of(objective, {key: worse}) - loss_of(objective, {key: value})
    assert gap == pytest.approx(math.log(factor), abs=1e-9)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_figure_that_is_none_has_no_loss(value):
    assert loss_of(Objective.LATENCY, {"latency_s": value}) is None
    assert loss_of(Objective.LATENCY, {}) is None


@pytest.mark.parametrize(
    ("text", "measure", "sign", "bound"),
    [
        ("tok_per_s>=20", "tok_per_s", ">=", 20.0),
        ("ttft_s<=1", "ttft_s", "<=", 1.0),
        (" kld <= 0.05 ", "kld", "<=", 0.05),
        ("memory_gb<6e0", "memory_gb", "<", 6.0),
    ],
)
def test_a_requirement_is_read(text, measure, sign, bound):
    assert parse_requirement(text) == Requirement(measure, sign, bound)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tok_per_s=20", "cannot be read"),
        ("20<=tok_per_s", "cannot be read"),
        ("", "cannot be read"),
        ("tok_per_sec>=20", "not measured"),
        ("vibes>=20", "not measured"),
        ("ttft_s<=fast", "has the bound"),
        ("ttft_s<=nan", "has the bound"),
        ("ttft_s<=-1", "has the bound"),
        ("ttft_s<=inf", "has the bound"),
    ],
)
def test_what_cannot_be_required_is_refused_in_words(text, says):
    with pytest.raises(UsageError, match=says):
        parse_requirement(text)


def test_a_near_miss_of_a_name_is_offered():
    with pytest.raises(UsageError) as caught:
        parse_requirement("tok_per_sec>=20")
    assert "tok_per_s" in caught.value.remedy


@given(value=positive, bound=positive, sign=st.sampled_from([">=", "<=", ">", "<"]))
def test_excess_is_positive_exactly_where_a_bound_is_broken(value, bound, sign):
    requirement = Requirement(MEASURES[0], sign, bound)
    if value != bound:
        assert (requirement.excess(value) > 0) == (not requirement.holds(value))
