"""Spaces refuse what cannot run, and every pair of values is seen early."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.tune.search.covering import covering
from llamawatt.tune.search.space import Knob, Setting, Space

sizes = st.lists(st.integers(2, 5), min_size=2, max_size=5)


def space_of(counts: list[int], refuse=lambda setting: "") -> Space:
    return Space(tuple(Knob(f"k{i}", tuple(range(n)), 0) for i, n in enumerate(counts)), refuse)


def test_a_default_outside_of_the_values_is_refused():
    with pytest.raises(ValueError, match="not among its values"):
        Knob("n_threads", (1, 2), 3)


def test_a_value_given_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        Knob("n_threads", (1, 2, 2), 1)


def test_settings_are_made_of_the_default_and_its_changes():
    space = space_of([3, 2])
    setting = space.setting({"k0": 2})
    assert setting.as_dict() == {"k0": 2, "k1": 0}
    assert space.changes(setting) == {"k0": 2}
    assert space.places(setting) == (2, 0)


@pytest.mark.parametrize("changes", [{"k9": 0}, {"k0": 7}])
def test_a_change_that_the_space_does_not_have_is_refused(changes):
    with pytest.raises(ValueError, match="not in the space"):
        space_of([3, 2]).setting(changes)


@given(counts=sizes)
def test_all_settings_are_there_once(counts):
    settings = list(space_of(counts).settings())
    assert len(settings) == len(set(settings)) == space_of(counts).n_settings


@given(counts=sizes, seed=st.integers(0, 2**20))
def test_a_covering_holds_every_pair_of_values(counts, seed):
    space = space_of(counts)
    held = {
        pair
        for setting in covering(space, seed)
        for pair in itertools.combinations(enumerate(space.places(setting)), 2)
    }
    wanted = {
        ((i, a), (j, b))
        for (i, m), (j, n) in itertools.combinations(enumerate(counts), 2)
        for a in range(m)
        for b in range(n)
    }
    assert held == wanted


def test_a_covering_holds_nothing_that_is_refused():
    def refuse(setting: Setting) -> str:
        return "too large" if setting["k0"] == 2 else ""

    chosen = covering(space_of([3, 3, 2], refuse), 5)
    assert chosen
    assert all(setting["k0"] != 2 for setting in chosen)


def test_a_covering_is_far_smaller_than_the_space():
    assert len(covering(space_of([5, 4, 4, 3, 3]), 1)) < 45
