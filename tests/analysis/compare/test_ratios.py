import dataclasses
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.compare.gain import gain_bound
from llamawatt.analysis.compare.ratios import (
    Logs,
    over_suites,
    paired_ratio,
    unpaired_ratio,
    welch,
)
from llamawatt.analysis.compare.verdict import Limit, Verdict, correct, judged_ratio
from llamawatt.analysis.estimates.cells import cells
from llamawatt.analysis.estimates.drift import autocorrelation, drift, lag1, uneven_drift
from llamawatt.analysis.estimates.stats import Estimate, IntervalMethod
from llamawatt.core.flags import Flag
from llamawatt.core.metrics import METRICS
from llamawatt.core.readings import Method
from llamawatt.core.trials import Purpose, Status
from tests.analysis.synthetic import SUITES, Factory, cpu_truth, gpu_truth, paper_arms

THREE = tuple(SUITES)[:3]
ENERGY = METRICS["energy_j"]


@pytest.fixture(scope="module")
def sorted_cells():
    return cells(Factory().run().trials)


def pick(sorted_cells, arm, suite="short_dialogue"):
    return sorted_cells[arm, suite, Purpose.SUITE]


def true_reply(truth, suite):
    n_prompt, n_generated = SUITES[suite]
    prefill_s = (n_prompt + 4.5) / truth.prefill_tok_per_s
    decode_s = n_generated / truth.decode_tok_per_s
    energy_j = sum(truth.prefill_w[d] * prefill_s + truth.decode_w[d] * decode_s
                   for d in truth.decode_w)  # fmt: skip
    return prefill_s + decode_s, energy_j


@pytest.mark.parametrize("suite", THREE)
def test_the_true_ratio_lies_in_the_interval(sorted_cells, suite):
    latencies, energies = zip(
        true_reply(gpu_truth(), suite), true_reply(cpu_truth(), suite), strict=True
    )
    for metric, (gpu, cpu) in (("latency_s", latencies), ("energy_j", energies)):
        made = paired_ratio(
            pick(sorted_cells, "gpu", suite), pick(sorted_cells, "cpu", suite), metric
        )
        assert made.low * 0.99 < gpu / cpu < made.high * 1.01
        assert made.verdict is Verdict.LOWER
        assert made.n == 6
        assert made.paired


def test_cells_keep_every_finished_trial_and_count_their_doubts(sorted_cells):
    cell = pick(sorted_cells, "gpu n_parallel=4")
    assert cell.n == 6
    assert (np.diff(cell.order) > 0).all()
    assert cell.flags == {Flag.DRAM_NOT_MEASURED: 6, Flag.SHARED_WINDOW: 6}
    assert cell.methods == {Method.COUNTER}


def test_failed_trials_make_no_figure():
    run = Factory(n_blocks=2).run()
    failed = [dataclasses.replace(t, status=Status.FAILED, metrics=None) for t in run.trials]
    assert cells(failed) == {}


def test_an_arm_against_itself_is_seldom_told_apart():
    found = []
    for seed in range(20):
        run = Factory(n_blocks=5, phases=False, seed=seed, arms=paper_arms()[:2]).run()
        other = Factory(n_blocks=5, phases=False, seed=seed + 99, arms=paper_arms()[:2]).run()
        for arm in ("cpu", "gpu"):
            made = paired_ratio(pick(cells(run.trials), arm), pick(cells(other.trials), arm),
                                "energy_j")  # fmt: skip
            found.append(made)
    wrong = [made for made in found if made.verdict is not Verdict.NOT_DISTINGUISHABLE]
    assert len(wrong) <= 5  # of 40, at 5 % each
    assert {made.limit for made in found} <= {Limit.SCATTER, Limit.GAIN, Limit.NONE}


@pytest.mark.parametrize("n", [3, 5, 10])
def test_false_verdicts_stay_below_five_percent_of_families(n):
    rng = np.random.default_rng(n)
    wrong = 0
    for _ in range(400):
        family = [
            judged_ratio("latency_s", *_null(rng.standard_normal(n) * 0.02), gain=0.0)
            for _ in range(8)
        ]
        wrong += any(r.verdict is not Verdict.NOT_DISTINGUISHABLE for r in correct(family))
    assert wrong / 400 < 0.08


@pytest.mark.parametrize("spreads", [(0.03, 0.03), (0.01, 0.06)])
@pytest.mark.parametrize("n_rows", [1, 30, 100])
@pytest.mark.parametrize("n", [2, 3, 5, 7, 10])
def test_welch_gives_at_most_six_false_verdicts_in_a_hundred_families(n, n_rows, spreads):
    """Two runs of one thing: in how many families any row gets a verdict."""
    rng = np.random.default_rng(100 * n + n_rows)
    n_families = 3_000 // (n_rows * n) + 40
    wrong = 0
    for _ in range(n_families):
        a, b = (s * rng.standard_normal((n_rows, n)) for s in spreads)
        made = (
            welch(Logs(x, np.zeros(n)), Logs(y, np.zeros(n))) for x, y in zip(a, b, strict=True)
        )
        family = correct([judged_ratio("latency_s", centre, p, 0.0) for centre, p in made])
        wrong += any(row.verdict is not Verdict.NOT_DISTINGUISHABLE for row in family)
    assert wrong <= 0.06 * n_families + 2.6 * math.sqrt(0.06 * n_families)


def test_welchs_interval_is_the_one_of_the_textbook():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal(5), 3 * rng.standard_normal(8)
    centre, p = welch(Logs(a, np.zeros(5)), Logs(b, np.zeros(8)))
    told = scipy.stats.ttest_ind(a, b, equal_var=False)
    interval = told.confidence_interval()
    assert (centre.low, centre.high) == pytest.approx((interval.low, interval.high))
    assert told.pvalue <= p <= 1.3 * told.pvalue


def _null(logs):
    from llamawatt.analysis.estimates.stats import estimate, p_zero

    return estimate(logs, signed=True), p_zero(logs)


def test_the_same_sensor_cancels_its_gain(sorted_cells):
    one, other = pick(sorted_cells, "cpu"), pick(sorted_cells, "cpu n_threads=4")
    same = gain_bound(one.domains, one.domains, ENERGY)
    assert same == 0
    near = gain_bound(one.domains, other.domains, ENERGY)
    far = gain_bound(one.domains, pick(sorted_cells, "gpu").domains, ENERGY)
    assert 0 < near < far < 0.08
    assert gain_bound(one.domains, one.domains, METRICS["latency_s"]) == 0
    apart = gain_bound(one.domains, one.domains, ENERGY, same_sensors=False)
    by_hand = 0.03 * share(one, "cpu-package-0") + 0.05 * share(one, "gpu-0")
    assert apart == pytest.approx(2 * by_hand, rel=0.01)


def share(cell, name):
    parts = {n: float(np.median(d.energy_j)) for n, d in cell.domains.items()}
    return parts[name] / sum(parts.values())


@pytest.mark.parametrize("gain", [{"gpu-0": 1.05}, {"cpu-package-0": 0.97}, {"gpu-0": 0.95}])
def test_a_sensor_off_by_its_bound_stays_within_the_total_interval(gain):
    off = cells(Factory(gain=gain, phases=False).run().trials)
    made = paired_ratio(pick(off, "gpu"), pick(off, "cpu"), "energy_j")
    gpu = true_reply(gpu_truth(), "short_dialogue")[1]
    cpu = true_reply(cpu_truth(), "short_dialogue")[1]
    assert made.low_total < gpu / cpu < made.high_total


def test_modelled_joules_cannot_settle_an_energy_verdict_between_arms():
    modelled = cells(Factory(modelled=True).run().trials)
    made = paired_ratio(pick(modelled, "gpu"), pick(modelled, "cpu"), "energy_j")
    assert made.within_method is Verdict.LOWER
    assert made.gain == pytest.approx(math.log(1.5 / 0.5))
    assert made.methods == ("model",)
    near = paired_ratio(pick(modelled, "cpu n_threads=8"), pick(modelled, "cpu"), "energy_j")
    assert near.verdict is Verdict.NOT_DISTINGUISHABLE
    assert near.limit is Limit.GAIN
    assert near.n_repeats_needed is None


def test_over_suites_takes_whole_blocks_only(sorted_cells):
    pairs = [(pick(sorted_cells, "gpu", s), pick(sorted_cells, "cpu", s)) for s in THREE]
    made = over_suites(pairs, "latency_s")
    each = [paired_ratio(a, b, "latency_s").value for a, b in pairs]
    assert made.value == pytest.approx(math.prod(each) ** (1 / 3), rel=0.02)
    assert made.suite == "all suites"
    assert made.n == 6


def test_repeats_needed_would_settle_it():
    rng = np.random.default_rng(5)
    logs = 0.01 + 0.02 * rng.standard_normal(5)
    made = judged_ratio("latency_s", *_null(logs), gain=0.0)
    assert made.verdict is Verdict.NOT_DISTINGUISHABLE
    assert made.limit is Limit.SCATTER
    settled = sum(
        judged_ratio(
            "latency_s", *_null(math.log(made.value) + 0.02 * rng.standard_normal(n)), gain=0.0
        ).verdict
        is not Verdict.NOT_DISTINGUISHABLE
        for n in [made.n_repeats_needed] * 100
    )
    assert settled > 50


def test_one_repeat_gives_no_verdict():
    made = judged_ratio("latency_s", Estimate(-1.0, None, None, 1, IntervalMethod.NONE), None, 0.0)
    assert made.verdict is Verdict.NOT_DISTINGUISHABLE
    assert made.limit is Limit.TOO_FEW
    assert made.n_repeats_needed == 3


@given(centre=st.floats(-1, 1), half=st.floats(1e-3, 1), gain=st.floats(0, 1), p=st.floats(1e-9, 1))
def test_gain_errors_never_make_a_verdict_stronger(centre, half, gain, p):
    logs = Estimate(centre, centre - half, centre + half, 5, IntervalMethod.STUDENT_T)
    made = judged_ratio("energy_j", logs, p, gain)
    assert made.low_total <= made.low <= made.value <= made.high <= made.high_total
    assert made.verdict in {made.within_method, Verdict.NOT_DISTINGUISHABLE}
    assert (made.limit is Limit.NONE) == (made.verdict is not Verdict.NOT_DISTINGUISHABLE)


def test_runs_on_the_same_machine_compare_without_pairs():
    first = pick(cells(Factory(phases=False).run().trials), "cpu")
    second = pick(cells(Factory(phases=False, seed=9, gain={}).run().trials), "cpu")
    made = unpaired_ratio(second, first, "energy_j", same_sensors=True, same_work=True)
    assert made.gain < 0.001
    assert made.low < 1 < made.high
    assert not made.paired
    apart = unpaired_ratio(second, first, "energy_j", same_sensors=False, same_work=True)
    assert apart.gain > 0.05


def test_figures_that_are_not_positive_have_no_ratio(sorted_cells):
    cell = pick(sorted_cells, "cpu")
    below = dataclasses.replace(cell, columns={**cell.columns, "above_idle_j": -np.ones(cell.n)})
    assert paired_ratio(below, cell, "above_idle_j") is None
    assert unpaired_ratio(below, cell, "above_idle_j", same_sensors=True, same_work=True) is None


def test_a_trend_is_seen_and_none_is_invented():
    run = Factory(phases=False).run()
    n = len(run.trials)
    warm = [
        dataclasses.replace(t, requests=tuple(
            dataclasses.replace(r, latency_s=r.latency_s * (1 + 0.1 * t.order / n))
            for r in t.requests
        ))
        for t in run.trials
    ]  # fmt: skip
    seen = drift(cells(warm).values(), "latency_s")
    assert seen.is_real
    assert seen.low < 0.1 < seen.high + 0.02
    assert not drift(cells(run.trials).values(), "latency_s").is_real
    assert drift(cells(run.trials[:3]).values(), "latency_s") is None


def test_arms_that_drift_apart_are_named_and_a_shared_drift_is_not():
    run = Factory(arms=paper_arms()[:2], phases=False, n_blocks=10).run()
    n = len(run.trials)

    def warmed(arms):
        return [
            dataclasses.replace(t, requests=tuple(
                dataclasses.replace(r, latency_s=r.latency_s * (1 + 0.3 * t.order / n))
                for r in t.requests)) if t.arm in arms else t
            for t in run.trials
        ]  # fmt: skip

    shared = uneven_drift(cells(warmed({"cpu", "gpu"})).values(), "latency_s")
    assert shared == ()
    assert uneven_drift(cells(warmed({"gpu"})).values(), "latency_s") == (("cpu", "gpu"),)
    assert uneven_drift(cells(run.trials[:20]).values(), "latency_s") is None


def test_long_runs_are_thinned_before_the_slope():
    run = Factory(phases=False, n_blocks=30).run()
    assert drift(cells(run.trials).values(), "latency_s").n > 400


def test_autocorrelation_of_a_random_walk_and_of_noise(sorted_cells):
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(400)
    assert lag1(np.cumsum(noise)) > 0.9
    assert abs(lag1(noise)) < 0.2
    assert lag1([1.0, 1.0, 1.0]) == 0
    assert not autocorrelation(sorted_cells.values(), "latency_s").is_real
