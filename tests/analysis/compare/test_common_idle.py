"""Energy above idle between arms: over one bare idle, paid by whoever is resident."""

import dataclasses
import math

import pytest

from llamawatt.analysis.assess import assess
from llamawatt.analysis.compare.ratios import paired_ratio
from llamawatt.core.settings import Assumptions
from llamawatt.core.trials import Purpose
from tests.analysis.synthetic import SUITES, Factory, paper_arms

RESIDENT_W = 50.0


@pytest.fixture(scope="module")
def two_arms():
    """Two arms of equal work on one machine; the second keeps 50 W resident, idle or not."""
    plain = paper_arms()[0]
    heavy = dataclasses.replace(plain, record=dataclasses.replace(plain.record, name="heavy"))
    run = Factory(arms=[plain, heavy], n_blocks=8, phases=False, noise=0.004).run()
    return run, assess(run.study, run.machine, [burdened(trial) for trial in run.trials])


def burdened(trial):
    if trial.arm != "heavy":
        return trial
    extra_j = RESIDENT_W * trial.window.duration_s
    gpu = trial.energy["gpu-0"]
    idle = trial.idle["model"]["gpu-0"]
    return dataclasses.replace(
        trial,
        energy={**trial.energy, "gpu-0": dataclasses.replace(gpu, energy_j=gpu.energy_j + extra_j)},
        idle={**trial.idle, "model": {**trial.idle["model"], "gpu-0": dataclasses.replace(
            idle, power_w=idle.power_w + RESIDENT_W)}},
    )  # fmt: skip


@pytest.mark.parametrize("suite", tuple(SUITES)[:3])
def test_the_arm_that_keeps_fifty_watts_resident_is_charged_for_them(two_arms, suite):
    _, found = two_arms
    plain, heavy = (found.cells[arm, suite, Purpose.SUITE] for arm in ("cpu", "heavy"))
    made = paired_ratio(heavy, plain, "above_bare_j")
    bare_w = 9.0 + 11.0
    work_w = plain.mean("power_w") - bare_w
    assert made.value == pytest.approx((work_w + RESIDENT_W) / work_w, rel=0.03)
    assert made.low_total < (work_w + RESIDENT_W) / work_w < made.high_total
    assert made.low > 1


def test_above_resident_idle_forgives_it_and_is_not_compared_between_arms(two_arms):
    _, found = two_arms
    plain, heavy = (found.cells[a, "short_dialogue", Purpose.SUITE] for a in ("cpu", "heavy"))
    own = [cell.estimate("above_idle_j").value for cell in (plain, heavy)]
    assert own[1] == pytest.approx(own[0], rel=0.05)
    assert paired_ratio(heavy, plain, "above_idle_j") is None


def test_the_error_of_the_common_idle_does_not_shrink_with_repeats(two_arms):
    run, found = two_arms
    cell = found.cells["cpu", "short_dialogue", Purpose.SUITE]
    worse = assess(run.study, run.machine, run.trials, Assumptions({"bare_uncertainty_w": 10.0}))
    wide = worse.cells["cpu", "short_dialogue", Purpose.SUITE].estimate("above_bare_j")
    share_j = 10.0 * float(cell.columns["duration_s"].mean()) / 4
    narrow = cell.estimate("above_bare_j")
    assert wide.high - wide.value > 0.95 * share_j > 3 * (narrow.high - narrow.value)


def test_without_a_bare_idle_nothing_is_above_it(two_arms):
    run, _ = two_arms
    bare = [dataclasses.replace(t, idle={"model": t.idle["model"]}) for t in run.trials]
    found = assess(run.study, run.machine, bare)
    cells = [found.cells[arm, "short_dialogue", Purpose.SUITE] for arm in ("cpu", "heavy")]
    assert not cells[0].has("above_bare_j")
    assert paired_ratio(*cells, "above_bare_j") is None
    assert found.family("baseline", "above_bare_j").ratios == {}


def test_a_figure_at_or_below_the_idle_has_no_ratio_but_a_value(two_arms):
    run, _ = two_arms
    found = assess(run.study, run.machine, run.trials, Assumptions({"bare_w": 1000.0}))
    cell = found.cells["cpu", "short_dialogue", Purpose.SUITE]
    assert cell.estimate("above_bare_j").value < 0
    assert paired_ratio(cell, cell, "above_bare_j") is None
    assert math.isfinite(cell.estimate("above_bare_j").low)
