"""A cache study's prompts are clipped to what its models were trained for, and that is said."""

import pytest

from llamawatt.study.arms import Abilities, expand
from llamawatt.study.context_fit import within_context
from llamawatt.study.load import load_study

CACHE = load_study("cache")


def test_a_context_that_is_long_enough_changes_nothing():
    fitting, notes = within_context(CACHE, [8192, None])
    assert notes == ()
    assert {group.suites for group in fitting.groups} == {("pp2048+tg128",)}
    assert [group.set for group in fitting.groups] == [group.set for group in CACHE.groups]


def test_the_shortest_context_clips_prompt_and_cache():
    fitting, notes = within_context(CACHE, [8192, 2048])
    assert notes == ("cache: pp2048+tg128 clipped to pp1920+tg128, for a context of 2048.",)
    assert {group.suites for group in fitting.groups} == {("pp1920+tg128",)}
    assert {group.set["n_ctx"] for group in fitting.groups} == {2048}


@pytest.mark.parametrize("contexts", [(), (None,)])
def test_an_unknown_context_clips_nothing(contexts):
    assert within_context(CACHE, contexts) == (CACHE, ())


def test_other_studies_are_left_alone():
    assert within_context(load_study("batch"), [128]) == (load_study("batch"), ())


def test_a_context_shorter_than_the_reply_cannot_be_clipped_to():
    fitting, notes = within_context(CACHE, [64])
    assert notes == ()
    assert fitting.groups[0].suites == ("pp2048+tg128",)


def test_the_cache_study_quantises_no_values_without_flash_attention():
    arms, _ = expand(CACHE.groups, "m", 22, Abilities(2))
    told = [(arm.spec.cache_type_k, arm.spec.cache_type_v, arm.spec.flash_attn) for arm in arms]
    assert told == [
        ("f16", "f16", "on"), ("q8_0", "q8_0", "on"), ("q4_0", "q4_0", "on"), ("f16", "f16", "off")
    ]  # fmt: skip
    assert len({arm.name for arm in arms}) == 4
    assert {arm.spec.n_ctx for arm in arms} == {2304}
