"""The stopping rule looks at finished trials only, and pairs go on together."""

from dataclasses import replace

import pytest

from llamawatt.analysis.estimates.metrics import trial_metrics
from llamawatt.core.trials import Purpose, Status, TrialRecord
from llamawatt.study.order import Cell
from llamawatt.study.spec import ProtocolSpec
from llamawatt.study.stopping import open_cells, progress
from tests.runs import records

CPU, GPU = Cell("cpu", "s"), Cell("gpu", "s")
PROTOCOL = replace(records.study().protocol, repeats_min=3, repeats_max=6, half_width_target=0.05)


def trial(cell: Cell, block: int, energy_j: float, *, ok: bool = True) -> TrialRecord:
    base = records.trial(block)
    energy = {
        name: replace(part, energy_j=energy_j, uncertainty_j=0.0)
        for name, part in base.energy.items()
    }
    made = replace(
        base,
        arm=cell.arm,
        suite=cell.suite,
        purpose=cell.purpose,
        status=Status.OK if ok else Status.FAILED,
        energy=energy,
    )
    return replace(made, metrics=trial_metrics(made)) if ok else made


def steady(cell: Cell, count: int) -> list[TrialRecord]:
    return [trial(cell, block, 50.0 + 0.01 * (block % 2)) for block in range(count)]


def noisy(cell: Cell, count: int) -> list[TrialRecord]:
    return [trial(cell, block, 50.0 + 20.0 * (block % 2)) for block in range(count)]


def test_nothing_is_settled_before_the_minimum() -> None:
    assert open_cells((CPU,), [], PROTOCOL) == (CPU,)
    assert open_cells((CPU,), steady(CPU, 2), PROTOCOL) == (CPU,)
    assert open_cells((CPU,), steady(CPU, 3), PROTOCOL) == ()


def test_a_steady_arm_goes_on_beside_its_noisy_pair_until_the_cap() -> None:
    trials = steady(CPU, 3) + noisy(GPU, 3)
    assert open_cells((CPU, GPU), trials, PROTOCOL) == (CPU, GPU)
    trials = steady(CPU, 6) + noisy(GPU, 6)
    assert open_cells((CPU, GPU), trials, PROTOCOL) == ()
    state = progress((CPU, GPU), trials, PROTOCOL)
    assert "cap of 6" in state[GPU].reason


def test_another_suite_does_not_wait() -> None:
    other = Cell("cpu", "t")
    trials = steady(CPU, 3) + noisy(other, 3)
    assert open_cells((CPU, other), trials, PROTOCOL) == (other,)


def test_an_arm_that_never_succeeds_is_given_up_and_frees_its_pair() -> None:
    failed = [trial(GPU, 0, 1.0, ok=False)]
    assert open_cells((CPU, GPU), steady(CPU, 3) + failed, PROTOCOL) == ()
    assert open_cells((CPU, GPU), noisy(CPU, 3) + failed, PROTOCOL) == (CPU,)


def test_an_arm_that_failed_once_among_successes_goes_on() -> None:
    trials = [*noisy(GPU, 3), trial(GPU, 3, 1.0, ok=False)]
    assert open_cells((GPU,), trials, PROTOCOL) == (GPU,)


def test_without_the_metric_repeats_go_to_the_cap() -> None:
    unmeasured = [replace(t, energy={}) for t in steady(CPU, 5)]
    assert open_cells((CPU,), unmeasured, PROTOCOL) == (CPU,)


@pytest.mark.parametrize("purpose", [Purpose.PREFILL, Purpose.DECODE])
def test_phase_windows_stop_at_the_minimum(purpose: Purpose) -> None:
    cell = Cell("cpu", "pp512", purpose)
    assert open_cells((cell,), noisy(cell, 2), PROTOCOL) == (cell,)
    assert open_cells((cell,), noisy(cell, 3), PROTOCOL) == ()


@pytest.mark.parametrize("metric", ["power_w", "edp_js", "ttft_s"])
def test_any_metric_may_be_watched(metric: str) -> None:
    watching = replace(PROTOCOL, primary_metric=metric)
    assert open_cells((CPU,), steady(CPU, 3), watching) == ()


def test_a_metric_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'energy' is not a metric .* Did you mean energy_j\?"):
        ProtocolSpec(primary_metric="energy")
    with pytest.raises(ValueError, match="not a metric that a trial has"):
        ProtocolSpec(primary_metric="above_bare_j")
