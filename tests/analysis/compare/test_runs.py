import dataclasses

import pytest

from llamawatt.analysis.compare.differences import Side
from llamawatt.analysis.compare.runs import GateOutcome, compare_runs, gate
from llamawatt.analysis.compare.verdict import Verdict
from llamawatt.analysis.estimates.cells import cells
from llamawatt.core.errors import UsageError
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


def test_a_run_against_its_like_is_not_distinguishable_and_passes():
    made = compare_runs(side(), side("b", seed=8), ["latency_s", "energy_j"])
    assert len(made.rows) == 12
    assert made.differences == ()
    assert {row.ratio.verdict for row in made.rows} == {Verdict.NOT_DISTINGUISHABLE}
    assert GateOutcome.FAILED not in {r.outcome for r in gate(made, "energy_j", 0.05)}


def test_ten_percent_more_energy_fails_a_five_percent_gate_and_passes_a_wide_one():
    made = compare_runs(side(), side("b", seed=8, arms=slower(1.12)), ["energy_j", "tok_per_s"])
    rows = gate(made, "energy_j", 0.05)
    assert {row.outcome for row in rows} == {GateOutcome.FAILED}
    assert all(0.08 < row.worse_by < 0.15 for row in rows)
    assert {row.outcome for row in gate(made, "tok_per_s", 0.05)} == {GateOutcome.FAILED}
    assert {row.outcome for row in gate(made, "energy_j", 0.3)} == {GateOutcome.PASSED}


def test_an_improvement_passes():
    made = compare_runs(side(), side("b", seed=8, arms=slower(0.8)), ["energy_j"])
    assert {row.outcome for row in gate(made, "energy_j", 0.0)} == {GateOutcome.PASSED}
    assert {row.ratio.verdict for row in made.rows} == {Verdict.LOWER}


def test_noise_leaves_the_gate_unsettled_and_never_fails_it():
    noisy = {"noise": 0.2, "n_blocks": 3}
    made = compare_runs(side(**noisy), side("b", seed=8, **noisy), ["latency_s"])
    rows = gate(made, "latency_s", 0.05)
    assert {row.outcome for row in rows} == {GateOutcome.UNSETTLED}
    assert all(row.row.ratio.n_repeats_needed != 3 for row in rows)


def test_a_modelled_regression_on_one_machine_still_fails_the_gate():
    before = side(modelled=True)
    after = side("b", seed=8, modelled=True, arms=slower(1.2))
    rows = gate(compare_runs(before, after, ["energy_j"]), "energy_j", 0.05)
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
