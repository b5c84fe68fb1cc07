"""The argument follows the numbers: other machines, other findings."""

import dataclasses

import pytest

from llamawatt.analysis.assess import assess
from llamawatt.analysis.rules.argument import argue
from llamawatt.analysis.rules.findings import (
    Bandwidth,
    Blind,
    Doubtful,
    Failures,
    Gap,
    Modelled,
    Offload,
    Outliers,
    PaperClaim,
    PartialOffload,
    Phases,
    Race,
    RaceToSleep,
    Ranking,
    Residency,
    Scaling,
    Streams,
    Trend,
    Wide,
)
from llamawatt.core.flags import Flag
from llamawatt.core.trials import Status
from tests.analysis.synthetic import CPU, Factory, True_, paper_arms


def argued(factory):
    run = factory.run()
    return argue(assess(run.study, run.machine, run.trials))


def of(findings, kind):
    return [finding for finding in findings if isinstance(finding, kind)]


@pytest.fixture(scope="module")
def findings():
    return argued(Factory())


def gpu_arms(**changes):
    """Baseline alone, with another GPU."""
    cpu, gpu = paper_arms()[:2]
    return [cpu, dataclasses.replace(gpu, truth=dataclasses.replace(gpu.truth, **changes))]


def test_the_gpu_wins_where_it_does(findings):
    found = of(findings, Ranking)
    assert {r.metric for r in found} == {"latency_s", "energy_j", "above_bare_j", "edp_js"}
    assert all(r.order[0].arm == "gpu" and not r.tied for r in found)
    assert all(r.lead.high_total < 1 for r in found)


def test_a_thirsty_gpu_wins_latency_and_loses_energy():
    watts = {"cpu-package-0": 30.0, "gpu-0": 500.0}
    found = argued(Factory(arms=gpu_arms(decode_w=watts, prefill_w=watts)))
    firsts = {(r.metric, r.order[0].arm) for r in of(found, Ranking)}
    assert {("latency_s", "gpu"), ("energy_j", "cpu")} <= firsts
    assert {r.outcome for r in of(found, RaceToSleep)} == {Race.COSTLY_HASTE}


def test_racing_to_sleep_is_found_only_where_power_is_higher(findings):
    assert {r.outcome for r in of(findings, RaceToSleep)} == {Race.RACE_TO_SLEEP}
    watts = {"cpu-package-0": 10.0, "gpu-0": 30.0}
    cool = argued(Factory(arms=gpu_arms(decode_w=watts, prefill_w=watts)))
    assert {r.outcome for r in of(cool, RaceToSleep)} == {Race.FASTER_AND_COOLER}


def test_equal_arms_tie():
    cpu, gpu = paper_arms()[:2]
    twin = dataclasses.replace(gpu, truth=cpu.truth)
    for r in of(argued(Factory(arms=[cpu, twin], phases=False)), Ranking):
        assert r.tied == (r.order[1].arm,)


def test_the_paper_beside_this_machine(findings):
    (claim,) = of(findings, PaperClaim)
    assert claim.latency.value == pytest.approx(4.9, rel=0.1)
    assert 1.5 < claim.energy.low_total < claim.energy.high_total < 5
    assert claim.latency.suite == "all suites"


def test_threads_stop_paying_where_they_do(findings):
    made = next(s for s in of(findings, Scaling) if s.group == "threads")
    assert made.factor == "n_threads"
    assert [p.value for p in made.points] == [1, 4, 8]
    assert made.fastest == 8
    assert made.saturates_at == 8
    assert made.thriftiest == 4
    assert made.energy.verdict == "lower"


def test_partial_offload_is_a_trap_only_where_it_is(findings):
    outcomes = {o.n_gpu_layers: o.outcome for o in of(findings, PartialOffload)}
    assert outcomes[11] in {Offload.BETWEEN, Offload.UNDECIDED, Offload.TRAP}
    arms = [a for a in paper_arms() if "layers" in {a.record.group, *a.record.also_in}]
    slow = True_(300.0, 9.0, {"cpu-package-0": 60.0, "gpu-0": 60.0},
                 {"cpu-package-0": 60.0, "gpu-0": 60.0})  # fmt: skip
    arms[2] = dataclasses.replace(arms[2], truth=slow)
    (trap,) = [o for o in of(argued(Factory(arms=arms)), PartialOffload) if o.n_gpu_layers == 11]
    assert trap.outcome is Offload.TRAP
    assert trap.to_none.low > 1
    assert trap.to_full.low > 1


def test_streams_trade_latency_for_energy(findings):
    (made,) = of(findings, Streams)
    assert made.n_streams == 16
    assert made.throughput.value == pytest.approx(16**0.72, rel=0.1)
    assert made.j_per_token.value < 0.4
    assert made.latency.value > 1.5


def test_residency_has_a_break_even(findings):
    gpu = next(r for r in of(findings, Residency) if r.arm == "gpu")
    assert gpu.extra_w.value == pytest.approx(10.4, rel=0.05)
    above_j = 110 - 1.8 * (9.0 + 11.0)
    assert gpu.break_even_s.value == pytest.approx(above_j / 10.4, rel=0.05)
    assert gpu.break_even_s.low < above_j / 10.4 < gpu.break_even_s.high


def test_phases_and_bandwidth(findings):
    assert {p.attribution.arm for p in of(findings, Phases)} == {"cpu", "gpu"}
    assert all(p.decode_over_prefill > 3 for p in of(findings, Phases))
    assert [b.point.arm for b in of(findings, Bandwidth)] == ["cpu", "gpu"]


def test_what_is_not_measured_and_what_is_doubted(findings):
    assert [g.meter for g in of(findings, Gap)] == ["dram"]
    flags = {d.flag: d for d in of(findings, Doubtful)}
    assert flags[Flag.DRAM_NOT_MEASURED].n_trials == flags[Flag.DRAM_NOT_MEASURED].n_all
    assert not of(findings, Modelled)
    assert not of(findings, Failures)
    assert not of(findings, Trend)[0].drift.is_real


def test_a_modelled_run_says_how_weak_it_is_and_claims_no_energy_winner():
    found = argued(Factory(modelled=True))
    (weak,) = of(found, Modelled)
    assert weak.share == 1
    assert weak.gain_error == 0.5
    assert weak.measured == ()
    threads = [r for r in of(found, Scaling) if r.group == "threads"]
    assert threads[0].energy.verdict == "not distinguishable"
    assert threads[0].energy.within_method == "lower"


def test_joules_that_leave_out_an_arms_own_device_are_held_against_no_other_arm():
    found = argued(Factory(meters=(CPU,)))
    (blind,) = of(found, Blind)
    assert blind.device == "gpu"
    assert "gpu" in blind.arms
    assert "cpu" not in blind.arms
    assert {r.metric for r in of(found, Ranking)} == {"latency_s"}
    assert not of(found, RaceToSleep)
    assert of(found, PaperClaim)[0].energy is None
    assert {o.metric for o in of(found, PartialOffload)} == {"latency_s"}
    threads = next(s for s in of(found, Scaling) if s.group == "threads")
    assert threads.thriftiest == 4


def test_a_run_without_any_meter_still_argues_about_time():
    found = argued(Factory(metered=False))
    assert {r.metric for r in of(found, Ranking)} == {"latency_s"}
    assert not of(found, RaceToSleep)
    (claim,) = of(found, PaperClaim)
    assert claim.energy is None
    assert {o.metric for o in of(found, PartialOffload)} == {"latency_s"}


def test_failures_outliers_and_wide_intervals_are_told():
    run = Factory(n_blocks=6, noise=0.05).run()
    first = dataclasses.replace(run.trials[0], status=Status.FAILED, metrics=None, error="crash")
    victim = next(t for t in run.trials if t.arm == "cpu n_threads=4" and t.block == 3)
    energy = {
        name: dataclasses.replace(part, energy_j=part.energy_j * 9)
        for name, part in victim.energy.items()
    }
    odd = dataclasses.replace(victim, energy=energy)
    trials = [odd if t is victim else t for t in (first, *run.trials[1:])]
    found = argue(assess(run.study, run.machine, trials))
    assert of(found, Failures)[0].errors == ("crash",)
    assert of(found, Outliers)[0].n_outliers >= 1
    (wide,) = of(found, Wide)
    assert "cpu n_threads=4 / short_dialogue" in wide.cells


def test_an_empty_run_has_nothing_to_say():
    run = Factory().run()
    found = argue(assess(run.study, run.machine, ()))
    assert {type(f) for f in found} <= {Gap}
