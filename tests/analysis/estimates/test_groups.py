"""Any factor of a study is followed along lines on which nothing else varies."""

from dataclasses import replace

from llamawatt.analysis.assess import assess
from llamawatt.analysis.estimates.groups import is_swept, lines
from llamawatt.analysis.rules.argument import argue
from llamawatt.analysis.rules.findings import RaceToSleep, Ranking, Scaling
from llamawatt.core.plan import ArmRecord
from llamawatt.core.sweeps import Scale
from tests.analysis.synthetic import Arm, Factory, gpu_truth


def arm(name, model="tiny", group="mine", **factors):
    return ArmRecord(name, group, "gpu", model, {"device": "gpu", **factors}, dict(factors))


def test_a_grid_of_two_factors_gives_lines_along_each_with_the_other_held():
    arms = [arm(f"{b} {u}", n_batch=b, n_ubatch=u) for b in (256, 512) for u in (64, 128, 256)]
    found = lines("mine", arms)
    assert [(line.spec.axis, line.held, line.levels) for line in found] == [
        ("n_batch", "n_ubatch=64", (256, 512)),
        ("n_batch", "n_ubatch=128", (256, 512)),
        ("n_batch", "n_ubatch=256", (256, 512)),
        ("n_ubatch", "n_batch=256", (64, 128, 256)),
        ("n_ubatch", "n_batch=512", (64, 128, 256)),
    ]


def test_two_models_are_never_on_one_line():
    arms = [arm(f"{m} {n}", m, n_ubatch=n) for m in ("small", "large") for n in (128, 64)]
    assert [(line.held, line.levels) for line in lines("mine", arms)] == [
        ("small", (64, 128)),
        ("large", (64, 128)),
    ]


def test_words_and_switches_are_levels_without_an_order():
    (line,) = lines("mine", [arm("on", flash_attn="on"), arm("off", flash_attn="off")])
    assert (line.spec.scale, line.levels) == (Scale.NAMES, ("on", "off"))
    (line,) = lines("mine", [arm("a", mlock=True), arm("b", mlock=False)])
    assert line.spec.scale is Scale.NAMES
    assert not is_swept("mine", line.arms)


def test_one_level_makes_no_line():
    assert lines("mine", [arm("a", n_ubatch=64)]) == ()
    assert lines("mine", [arm("a", n_ubatch=64), replace(arm("b"), device="cpu")]) == ()
    assert lines("mine", []) == ()


def test_a_users_own_number_is_followed_and_not_ranked_as_well():
    levels = [Arm(arm(f"gpu n_ubatch={n}", n_ubatch=n), gpu_truth(), ("short_dialogue",))
              for n in (64, 128, 256)]  # fmt: skip
    run = Factory(arms=levels, n_blocks=3).run()
    kinds = {type(finding) for finding in argue(assess(run.study, run.machine, run.trials))}
    assert Scaling in kinds
    assert not kinds & {Ranking, RaceToSleep}


def test_a_users_own_words_are_ranked_and_not_followed():
    levels = [Arm(arm(f"gpu flash_attn={w}", flash_attn=w), gpu_truth(), ("short_dialogue",))
              for w in ("on", "off")]  # fmt: skip
    run = Factory(arms=levels, n_blocks=3).run()
    kinds = {type(finding) for finding in argue(assess(run.study, run.machine, run.trials))}
    assert Ranking in kinds
    assert Scaling not in kinds
