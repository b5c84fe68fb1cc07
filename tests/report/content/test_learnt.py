"""The first line follows verdicts, and claims nothing without one."""

import itertools
from dataclasses import replace

import pytest

from llamawatt.core.flags import Flag
from llamawatt.core.plan import ArmRecord
from llamawatt.report.content.source import source_of
from llamawatt.report.content.summary import summarise
from tests.analysis.synthetic import CPU, Arm, Factory, True_, paper_arms

WATTS = {"cpu-package-0": 25.0, "gpu-0": 100.0}


def model(**options):
    return summarise(source_of(Factory(**options).run()))


def levels(*speeds, factor="n_ubatch", watts=WATTS):
    """Arms of one factor, each with its speed in tokens a second."""
    made = []
    for number, speed in enumerate(speeds):
        value = 64 * 2**number
        factors = {"device": "gpu", factor: value}
        record = ArmRecord(f"gpu {factor}={value}", "mine", "gpu", "tiny", factors, {factor: value})
        made.append(Arm(record, True_(20 * speed, speed, watts, watts), ("short_dialogue",)))
    return made


def test_the_device_that_wins_both_is_named_with_both_ratios():
    made = model(arms=paper_arms()[:2], n_blocks=4, phases=False)
    assert made.learnt.startswith("Use the GPU: ")
    assert "times faster and" in made.learnt
    assert made.learnt.endswith("less energy than the CPU, both beyond doubt.")


def test_speed_and_thrift_may_part():
    cpu, gpu = paper_arms()[:2]
    watts = {"cpu-package-0": 30.0, "gpu-0": 900.0}
    thirsty = replace(gpu, truth=replace(gpu.truth, decode_w=watts, prefill_w=watts))
    text = model(arms=[cpu, thirsty], n_blocks=4, phases=False).learnt
    assert text.startswith("Speed or thrift: the GPU is ")
    assert "the CPU takes " in text


def test_equal_settings_teach_nothing_but_that():
    cpu, gpu = paper_arms()[:2]
    twin = replace(gpu, truth=cpu.truth)
    made = model(arms=[cpu, twin], n_blocks=4, phases=False, seed=3)
    assert made.learnt.startswith("No difference between the settings is beyond doubt")


@pytest.mark.parametrize("n_levels", [2, 3])
@pytest.mark.parametrize("disturbed", [False, True])
def test_one_window_each_is_never_a_finding(n_levels, disturbed):
    orders = itertools.permutations((20.0, 60.0, 180.0)[:n_levels])
    for speeds in orders:
        run = Factory(arms=levels(*speeds, factor="n_threads"), n_blocks=1).run()
        if disturbed:
            first = replace(run.trials[0], flags=(Flag.OTHER_LOAD,))
            run = replace(run, trials=(first, *run.trials[1:]))
        made = summarise(source_of(run))
        text = " ".join([made.learnt, *(p.title + p.text for p in made.passages)])
        assert "does not pay" not in text
        assert "pays up to" not in text
        assert "beyond doubt." not in made.learnt or made.learnt.startswith("No difference")
        assert not [
            p for p in made.passages if p.about.startswith("What the") and p.tone == "result"
        ]


def test_more_that_is_slower_beyond_doubt_does_not_pay():
    made = model(arms=levels(200.0, 100.0, 50.0), n_blocks=4)
    assert made.learnt == "Keep n_ubatch at 64: every higher level is slower beyond doubt."
    assert any("more n_ubatch does not pay" in passage.title for passage in made.passages)


def test_a_level_that_is_faster_is_named_with_what_it_saves():
    text = model(arms=levels(50.0, 100.0, 200.0), n_blocks=4).learnt
    assert (
        text
        == "Set n_ubatch to 256: 4 times faster than 64 and 4 times less energy, both beyond doubt."
    )


def test_streams_are_told_with_their_price():
    arms = [arm for arm in paper_arms() if arm.record.group == "concurrency"]
    text = model(arms=arms, n_blocks=4).learnt
    assert text.startswith("Serve 16 requests at once: ")
    assert "less energy per token, both beyond doubt; each reply takes " in text


def test_a_device_without_a_meter_and_no_meter_at_all_are_said():
    text = model(meters=(CPU,), arms=paper_arms()[:2], phases=False, n_blocks=3).learnt
    assert text.endswith("Their energy is not compared: no meter covers the GPU.")
    text = model(metered=False, arms=paper_arms()[:2], phases=False, n_blocks=3).learnt
    assert text.startswith("Use the GPU for speed: ")
    assert text.endswith("Energy was not measured.")


def test_one_setting_has_nothing_to_be_compared_with():
    made = model(arms=levels(50.0), n_blocks=3)
    assert made.learnt.startswith("One setting was measured: a reply takes ")


def test_no_trial_teaches_nothing():
    made = summarise(source_of(replace(Factory().run(), trials=())))
    assert made.learnt == "Nothing was learnt yet: no trial has finished."
    assert made.next_step.endswith("`llamawatt doctor`")


def command(text, **options):
    run = Factory(**options).run()
    return summarise(source_of(replace(run, study=replace(run.study, command=text)))).next_step


FEW = {"arms": levels(50.0, 60.0), "n_blocks": 2, "noise": 0.05}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("llamawatt study run mine.yaml -m a.gguf --budget 60s -p repeats_max=2",
         "llamawatt study run mine.yaml -m a.gguf -p repeats_min="),
        ("llamawatt bench --quick a.gguf --server=/s --json",
         "llamawatt study run baseline -m a.gguf --server=/s -p repeats_min="),
        ("", "llamawatt study run baseline -p repeats_min="),
        ("llamawatt bench 'un closed", "llamawatt study run baseline -p repeats_min="),
    ],
)  # fmt: skip
def test_what_is_open_is_settled_by_the_same_command_with_more_repeats(given, wanted):
    assert f"`{wanted}" in command(given, **FEW)


def test_a_disturbed_run_is_to_be_repeated():
    run = Factory(arms=levels(50.0, 60.0), n_blocks=3).run()
    trials = tuple(replace(trial, flags=(Flag.OTHER_LOAD,)) for trial in run.trials)
    study = replace(run.study, command="llamawatt bench a.gguf --out here --quick")
    text = summarise(source_of(replace(run, trials=trials, study=study))).next_step
    assert text.startswith("6 windows of 6 were disturbed (other load): ")
    assert text.endswith("`llamawatt bench a.gguf --quick`")


def test_what_is_settled_leads_to_the_next_study():
    text = command("llamawatt bench a.gguf", arms=paper_arms()[:2], n_blocks=4, phases=False)
    assert text.endswith("`llamawatt study run concurrency -m a.gguf`")
