import dataclasses
import math

import numpy as np
import pytest

from llamawatt.analysis.compare.differences import Side
from llamawatt.analysis.compare.runs import (
    GateOutcome,
    compare_runs,
    compare_sides,
    gate,
    measured_spreads,
)
from llamawatt.analysis.compare.verdict import Limit, Verdict
from llamawatt.analysis.estimates.cells import cells
from llamawatt.core.errors import UsageError
from llamawatt.report.forms.comparison import comparison_notes
from tests.analysis.synthetic import Factory, paper_arms

BASELINE = paper_arms()[:2]


def side(name="a", **options):
    run = Factory(arms=options.pop("arms", BASELINE), phases=False, **options).run()
    return Side(name, run.study, run.machine, cells(run.trials))


def slower(factor):
    truths = []
    for arm in BASELINE:
        t = arm.truth
        truth = dataclasses.replace(t, decode_tok_per_s=t.decode_tok_per_s / factor)
        truths.append(dataclasses.replace(arm, truth=truth))
    return truths


def with_study(made, **changes):
    return dataclasses.replace(made, study=dataclasses.replace(made.study, **changes))


def sides(n, first_seed=10, run_spread=0.0, arms=BASELINE, **options):
    """Runs of one side; each as a whole is slower or faster by a spread of its own."""
    rng = np.random.default_rng(first_seed)
    made = []
    for i in range(n):
        factor = math.exp(run_spread * rng.standard_normal())
        scaled = [
            dataclasses.replace(arm, truth=dataclasses.replace(
                arm.truth, decode_tok_per_s=arm.truth.decode_tok_per_s / factor,
                prefill_tok_per_s=arm.truth.prefill_tok_per_s / factor))
            for arm in arms
        ]  # fmt: skip
        made.append(side(f"r{first_seed + i}", seed=first_seed + i, arms=scaled, **options))
    return made


def test_one_run_a_side_gives_no_verdict_whatever_it_shows():
    made = compare_runs(side(), side("b", seed=8, arms=slower(1.12)), ["latency_s", "energy_j"])
    assert len(made.rows) == 12
    assert {row.ratio.verdict for row in made.rows} == {Verdict.NOT_DISTINGUISHABLE}
    assert {row.ratio.limit for row in made.rows} == {Limit.ONE_RUN}
    assert made.is_open
    assert {row.outcome for row in gate(made, "energy_j", 0.05)} == {GateOutcome.UNSETTLED}


def test_several_runs_fail_a_five_percent_gate_at_ten_percent_and_pass_a_wide_one():
    before = sides(4, 10, 0.005)
    after = sides(4, 50, 0.005, arms=slower(1.12))
    made = compare_sides(before, after, ["energy_j", "tok_per_s"])
    rows = gate(made, "energy_j", 0.05)
    assert {row.outcome for row in rows} == {GateOutcome.FAILED}
    assert all(0.08 < row.worse_by < 0.15 for row in rows)
    assert {row.outcome for row in gate(made, "tok_per_s", 0.05)} == {GateOutcome.FAILED}
    assert {row.outcome for row in gate(made, "energy_j", 0.3)} == {GateOutcome.PASSED}
    assert (made.n_before, made.n_after) == (4, 4)
    assert all(row.before.n == 4 for row in made.rows)


def test_an_improvement_passes():
    made = compare_sides(sides(3), sides(3, 50, arms=slower(0.8)), ["energy_j"])
    assert {row.outcome for row in gate(made, "energy_j", 0.0)} == {GateOutcome.PASSED}
    assert {row.ratio.verdict for row in made.rows} == {Verdict.LOWER}


def test_runs_of_one_thing_fail_a_gate_falsely_in_at_most_one_of_twenty():
    """Three runs a side, 3 % between runs and 1 % within them."""
    wrong = 0
    for trial in range(40):
        before, after = (sides(3, 1000 * trial + at, 0.03, BASELINE[:1], n_blocks=3)
                         for at in (0, 500))  # fmt: skip
        made = compare_sides(before, after, ["latency_s", "energy_j"])
        failed = [r for r in gate(made, "latency_s", 0.0) if r.outcome is GateOutcome.FAILED]
        wrong += bool(failed)
    assert wrong <= 5


def test_one_side_with_several_runs_tells_the_spread_for_both():
    made = compare_sides(sides(4, 10, 0.03), sides(1, 90), ["latency_s"])
    assert all(row.spread.n_free == 3 for row in made.rows)
    assert all(row.after.n == 6 for row in made.rows)
    assert not made.is_open


def test_a_spread_that_was_kept_gives_verdicts_to_single_runs_and_is_said():
    spreads = measured_spreads(sides(5, 10, 0.01), ["latency_s"], "2026-05-01T00:00:00Z")
    alike = compare_sides([side()], [side("b", seed=8)], ["latency_s"], spreads=spreads)
    assert {row.ratio.verdict for row in alike.rows} == {Verdict.NOT_DISTINGUISHABLE}
    slow = side("b", seed=8, arms=slower(1.5))
    made = compare_sides([side()], [slow], ["latency_s"], spreads=spreads)
    assert {row.ratio.verdict for row in made.rows} == {Verdict.HIGHER}
    assert any("repeated here on 2026-05-01" in note for note in comparison_notes(made))


def test_the_spread_between_runs_is_recovered():
    spreads = measured_spreads(sides(40, 10, 0.03, n_blocks=2), ["latency_s"], "")
    assert [s.relative for s in spreads.values()] == pytest.approx([0.03] * len(spreads), rel=0.3)


def test_a_run_given_twice_is_no_second_run():
    copy = dataclasses.replace(side(), name="a copy")
    with pytest.raises(UsageError, match="a and a copy are one run"):
        compare_sides([side(), copy], [side("b", seed=8)], ["latency_s"])


def test_settings_that_differ_within_a_side_are_refused():
    other = side("b", seed=8)
    arm = dataclasses.replace(other.study.arms[0], spec={"n_threads": 4})
    other = with_study(other, arms=(arm, *other.study.arms[1:]))
    with pytest.raises(UsageError, match="Within one side"):
        compare_sides([side(), other], [side("c", seed=9)], ["latency_s"])


def on_card(made, uuid):
    gpus = tuple(dataclasses.replace(gpu, uuid=uuid) for gpu in made.machine.gpus)
    return dataclasses.replace(made, machine=dataclasses.replace(made.machine, gpus=gpus))


@pytest.mark.parametrize(("uuid", "what"), [("GPU-2", "machine"), ("", "identity")])
def test_another_card_of_the_same_model_may_read_eight_percent_more(uuid, what):
    """Two cards, each right within 5 %: their joules are not told apart at 8 %."""
    gain = {"gpu-0": 1.08, "cpu-package-0": 1.05}
    before, after = sides(4, 10), [on_card(each, uuid) for each in sides(4, 50, gain=gain)]
    made = compare_sides(before, after, ["energy_j"])
    assert {row.ratio.verdict for row in made.rows} == {Verdict.NOT_DISTINGUISHABLE}
    assert {row.ratio.limit for row in made.rows} == {Limit.GAIN}
    said = [each.text for each in made.differences if each.what == what]
    assert any(("another card" if uuid else "no uuid") in text for text in said)
    assert GateOutcome.FAILED not in {row.outcome for row in gate(made, "energy_j", 0.05)}
    same = compare_sides(before, sides(4, 50, gain=gain), ["energy_j"])
    assert Verdict.HIGHER in {row.ratio.verdict for row in same.rows}


def test_a_figure_that_is_not_above_zero_makes_no_row():
    def below(made):
        cells_ = {
            key: dataclasses.replace(cell, columns={**cell.columns, "energy_j": -np.ones(cell.n)})
            for key, cell in made.cells.items()
        }
        return dataclasses.replace(made, cells=cells_)

    made = compare_sides([below(side())], [side("b", seed=8)], ["energy_j", "latency_s"])
    assert {row.ratio.metric for row in made.rows} == {"latency_s"}
    with pytest.raises(UsageError, match="above zero"):
        gate(made, "energy_j", 0.05)


def test_one_repeat_a_run_has_a_figure_and_no_interval():
    made = compare_runs(side(n_blocks=1), side("b", seed=8, n_blocks=1), ["latency_s"])
    assert all(row.ratio.low is None for row in made.rows)
    several = compare_sides(sides(3, n_blocks=1), sides(3, 50, n_blocks=1), ["latency_s"])
    assert all(row.ratio.low is not None for row in several.rows)


def test_a_modelled_regression_on_one_machine_still_fails_the_gate():
    before, after = sides(3, modelled=True), sides(3, 50, modelled=True, arms=slower(1.2))
    rows = gate(compare_sides(before, after, ["energy_j"]), "energy_j", 0.05)
    assert {row.outcome for row in rows} == {GateOutcome.FAILED}


def other_model(made):
    model = dataclasses.replace(made.study.models[0], sha256="ff" * 32)
    return with_study(made, models=(model,))


def other_suite(made):
    suite = dataclasses.replace(made.study.suites[0], sha256="ff" * 32)
    return with_study(made, suites=(suite, *made.study.suites[1:]))


def other_boundary(made):
    return with_study(made, boundary=("gpu-0",))


def other_length(made):
    protocol = dataclasses.replace(made.study.protocol, fixed_length=False)
    return with_study(made, protocol=protocol)


@pytest.mark.parametrize(
    ("change", "word"),
    [(other_model, "model"), (other_suite, "suite"), (other_boundary, "boundary"),
     (other_length, "length")],
)  # fmt: skip
def test_unlike_runs_are_refused_unless_told(change, word):
    with pytest.raises(UsageError, match=r"unlike.*--force"):
        compare_runs(side(), change(side("b")), ["energy_j"])
    made = compare_runs(side(), change(side("b")), ["energy_j"], force=True)
    assert word in {difference.what for difference in made.differences if difference.forbids}


def test_measured_against_modelled_is_refused():
    with pytest.raises(UsageError, match="Method"):
        compare_runs(side(), side("b", modelled=True), ["energy_j"])


def test_another_machine_version_or_setting_is_said_but_allowed():
    other = side("b")
    machine = dataclasses.replace(
        other.machine, hostname_hash="0000", versions={"llama.cpp": "b7000"}
    )
    arm = dataclasses.replace(other.study.arms[0], spec={"n_threads": 4})
    other = with_study(other, arms=(arm, *other.study.arms[1:]))
    made = compare_runs(side(), dataclasses.replace(other, machine=machine), ["energy_j"])
    assert {d.what for d in made.differences} == {"machine", "version", "setting"}
    assert all(row.ratio.gain > 0.05 for row in made.rows)


def test_nothing_in_common_is_an_error_and_gaps_are_named():
    cpu, gpu = side(arms=BASELINE[:1]), side("b", arms=BASELINE[1:])
    with pytest.raises(UsageError, match="no arm and suite in common"):
        compare_runs(cpu, gpu, ["energy_j"], force=True)
    made = compare_runs(side(), cpu, ["energy_j"])
    assert made.only_before == (
        "gpu / short_dialogue", "gpu / analytical_reasoning", "gpu / narrative_generation"
    )  # fmt: skip
    assert made.only_after == ()


def test_a_gate_without_its_metric_is_a_wrong_use():
    bare = compare_runs(side(metered=False), side("b", metered=False), ["energy_j", "latency_s"])
    with pytest.raises(UsageError, match="energy_j"):
        gate(bare, "energy_j", 0.05)
    assert gate(bare, "latency_s", 0.05)
