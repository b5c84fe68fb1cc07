import pytest

from llamawatt.analysis.estimates.attribution import attribute, split
from llamawatt.analysis.estimates.cells import cells
from llamawatt.core.trials import Purpose
from tests.analysis.synthetic import IDLE_W, SUITES, Factory, cpu_truth, gpu_truth, paper_arms

IDLE_TOTAL_W = sum(IDLE_W["model"].values())
TRUTHS = {"cpu": cpu_truth(), "gpu": gpu_truth()}


@pytest.fixture(scope="module")
def sorted_cells():
    return cells(Factory(n_blocks=8).run().trials)


def true_costs(truth):
    prefill = (sum(truth.prefill_w.values()) - IDLE_TOTAL_W) / truth.prefill_tok_per_s
    decode = (sum(truth.decode_w.values()) - IDLE_TOTAL_W) / truth.decode_tok_per_s
    return prefill, decode


@pytest.mark.parametrize("arm", ["cpu", "gpu"])
@pytest.mark.parametrize("way", ["regression", "dedicated"])
def test_both_ways_find_the_true_cost_of_a_token(sorted_cells, arm, way):
    cost = getattr(attribute(arm, sorted_cells), way)
    prefill, decode = true_costs(TRUTHS[arm])
    slack = 0.02 * decode
    assert cost.decode_j_per_token.low - slack < decode < cost.decode_j_per_token.high + slack
    slack = 0.05 * prefill
    assert cost.prefill_j_per_token.low - slack < prefill < cost.prefill_j_per_token.high + slack


@pytest.mark.parametrize("arm", ["cpu", "gpu"])
def test_the_two_ways_agree(sorted_cells, arm):
    assert attribute(arm, sorted_cells).agree


def test_one_suite_is_not_enough_and_says_so(sorted_cells):
    made = attribute("cpu n_threads=4", sorted_cells)
    assert made.regression is None
    assert made.dedicated is None
    assert made.best is None
    assert "one suite" in made.why_not


def test_without_idle_windows_nothing_is_attributed():
    bare = cells(Factory(idle_levels=()).run().trials)
    made = attribute("cpu", bare)
    assert made.best is None
    assert "idle" in made.why_not
    assert split(bare["cpu", "short_dialogue", Purpose.SUITE], made) is None


@pytest.mark.parametrize("suite", list(SUITES)[:3])
@pytest.mark.parametrize("arm", ["cpu", "gpu"])
def test_the_parts_of_a_reply_make_the_whole(sorted_cells, arm, suite):
    cell = sorted_cells[arm, suite, Purpose.SUITE]
    parts = split(cell, attribute(arm, sorted_cells))
    whole = parts.idle_j + parts.prefill_j + parts.decode_j + parts.rest_j
    assert whole == pytest.approx(cell.estimate("energy_j").value)
    assert abs(parts.rest_j) < 0.06 * whole
    truth = TRUTHS[arm]
    assert parts.idle_j == pytest.approx(
        IDLE_TOTAL_W * cell.estimate("latency_s").value / truth.n_parallel, rel=0.03
    )


def test_suites_of_one_mix_cannot_be_told_apart(sorted_cells):
    arm = next(arm for arm in paper_arms() if arm.record.name == "cpu")
    alike = {
        ("cpu", name, Purpose.SUITE): sorted_cells["cpu", "short_dialogue", Purpose.SUITE]
        for name in ("a", "b")
    }
    assert "alike" in attribute(arm.record.name, alike).why_not
