"""What the first block takes is told before the start, and a quick bench repeats one suite."""

from llamawatt.study.baseline import bench_study
from llamawatt.study.estimate import budget_text, first_block_s, least_s
from llamawatt.study.spec import Device, GroupSpec, ProtocolSpec, StudySpec
from tests.study.simulated import simulated_plan

GROUP = GroupSpec(name="baseline", devices=(Device.CPU, Device.GPU))


def plan(budget_s: float | None):
    protocol = ProtocolSpec(budget_s=budget_s, repeats_min=4)
    return simulated_plan(
        StudySpec(name="t", groups=(GROUP,), suites=("a", "b"), protocol=protocol)
    )


def test_a_budget_below_the_first_block_is_said_to_be_overrun() -> None:
    text = budget_text(plan(5.0))
    assert "settings: 2, windows: 4" in text
    assert "more than the budget of 5.00 s" in text
    assert "finished all the same" in text


def test_a_budget_that_holds_it_is_told_too_and_none_needs_no_word() -> None:
    assert "of the budget of 1 h 00 min" in budget_text(plan(3600.0))
    assert budget_text(plan(None)) == ""


def test_all_blocks_take_as_many_times_the_first() -> None:
    assert least_s(plan(None)) == 4 * first_block_s(plan(None))


def test_a_quick_bench_repeats_one_suite() -> None:
    quick = {"device": "all", "settings": {}, "quick": True, "seed": None, "budget_s": None}
    assert bench_study(suites=(), **quick).suites == ("short_dialogue",)
    assert bench_study(suites=("tg8", "pp8"), **quick).suites == ("tg8", "pp8")
    assert bench_study(suites=(), **quick).protocol.repeats_min == 3
