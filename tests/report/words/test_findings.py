"""The words follow the numbers, and say what they rest on."""

from dataclasses import replace

import pytest

from llamawatt.analysis.compare.verdict import judged_ratio
from llamawatt.analysis.estimates.stats import Estimate, IntervalMethod
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from llamawatt.report.words.phrases import factor_text, joined, times_text, undecided_text
from llamawatt.report.words.trust import TRUST
from tests.analysis.synthetic import CPU, Factory, paper_arms


def told(**options):
    return summarise(source_of(Factory(**options).run()))


def passage(model, start):
    found = [p for p in model.passages if p.title.startswith(start)]
    assert len(found) == 1, [p.title for p in model.passages]
    return found[0]


def whole(found):
    return " ".join((found.title, found.text, *found.points))


@pytest.fixture(scope="module")
def measured():
    return told()


@pytest.fixture(scope="module")
def modelled():
    return told(modelled=True, phases=False)


def test_a_neighbour_learns_what_a_reply_costs(measured):
    assert measured.headline.startswith("On this machine a reply (short dialogue) takes 2.4")
    assert "energy counter, ±" in measured.headline
    assert "10 W lamp" in measured.headline


def test_a_modelled_headline_says_so(modelled):
    assert "(modelled, ±5" in modelled.headline
    assert "by the model's guess" in modelled.headline


def test_the_headline_names_the_device_that_has_no_meter():
    text = told(meters=(CPU,), arms=paper_arms()[:2], phases=False, n_blocks=3).headline
    assert "without the GPU, which has no meter" in text
    assert "130 J keep" in text


def test_without_meters_the_headline_gives_time_alone():
    text = told(metered=False, phases=False, n_blocks=3).headline
    assert "(energy not measured)" in text
    assert "lamp" not in text


def test_without_trials_there_is_nothing_to_tell():
    run = replace(Factory(n_blocks=1).run(), trials=())
    assert "nothing to tell" in summarise(source_of(run)).headline


def test_winners_are_told_with_factor_interval_and_method(measured):
    found = passage(measured, "Energy: gpu wins in every suite")
    assert found.text == "Energy: energy counter."
    assert len(found.points) == 3
    assert "2.3× [2.1–2.5] below cpu" in found.points[0]


def test_a_race_to_sleep_is_explained(measured):
    assert "a race to sleep that pays" in whole(passage(measured, "gpu beside cpu: race to sleep"))


def test_the_study_stands_beside_this_machine(measured):
    text = whole(passage(measured, "About 5×"))
    assert "about 5× in latency and 2× in energy" in text
    assert "reduction in latency" in text


def test_an_increase_is_called_one():
    gpu = paper_arms()[1]
    watts = {"cpu-package-0": 30.0, "gpu-0": 900.0}
    thirsty = replace(gpu, truth=replace(gpu.truth, decode_w=watts, prefill_w=watts))
    model = told(arms=[paper_arms()[0], thirsty], phases=False)
    assert "INCREASE in energy" in whole(passage(model, "About 5×"))
    assert "haste that does not pay" in whole(passage(model, "gpu beside cpu: costly haste"))


def test_modelled_energy_claims_no_more_than_it_can(modelled):
    text = whole(passage(modelled, "Modelled, not measured"))
    assert "×/÷ 1.7" in text
    threads = whole(passage(modelled, "Short dialogue, cpu: n_threads"))
    assert "only a better sensor" in threads
    titles = [p.title for p in modelled.passages]
    assert not any(title.startswith(("Energy", "gpu beside")) for title in titles)
    assert "gpu" in whole(passage(modelled, "The GPU has no meter"))


def test_different_machines_get_different_discussions(measured, modelled):
    ours = {whole(p) for p in measured.passages}
    theirs = {whole(p) for p in modelled.passages}
    assert len(ours & theirs) <= 3


def test_trust_comes_with_remedies(modelled):
    gaps = [p for p in modelled.passages if p.about == TRUST and "not metered" in p.title]
    assert any("Remedy: Install the driver." in p.text for p in gaps)


def ratio(value, half, gain=0.0):
    import math

    log = math.log(value)
    logs = Estimate(log, log - half, log + half, 5, IntervalMethod.STUDENT_T)
    return judged_ratio("energy_j", logs, 0.01, gain)


def test_factors_read_the_same_from_both_sides():
    assert times_text(ratio(4.0, 0.05)) == times_text(ratio(0.25, 0.05)) == "4.0× [3.8–4.2]"
    assert factor_text(1.034) == "1.03×"


def test_what_prevents_a_verdict_is_said_with_what_would_help():
    assert "repeats would settle it" in undecided_text(ratio(1.02, 0.05))
    assert "only a better sensor" in undecided_text(ratio(1.3, 0.05, gain=0.5))
    one = Estimate(0.1, None, None, 1, IntervalMethod.NONE)
    assert "at least three" in undecided_text(judged_ratio("energy_j", one, None, 0.0))


def test_lists_of_words():
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert joined([]) == ""
