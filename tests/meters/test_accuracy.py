"""A small, seeded run of the accuracy benchmark: errors small, intervals honest."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ACCURACY = Path(__file__).parents[2] / "benchmarks" / "accuracy.py"


@pytest.fixture(scope="module")
def accuracy():
    spec = importlib.util.spec_from_file_location("accuracy", ACCURACY)
    module = importlib.util.module_from_spec(spec)
    sys.modules["accuracy"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["accuracy"]


@pytest.mark.parametrize("sensor", ["counter-100ms", "counter-1ms", "part-time", "average-1s"])
def test_errors_are_small_and_intervals_honest(accuracy, sensor):
    outcomes = accuracy.run(n_trials=100, seed=11, sensors=[sensor], n_workers=1)
    row = accuracy.summarise(outcomes, sensor)
    assert row.n_unavailable <= 5
    assert row.median_error < accuracy.MAX_MEDIAN_ERROR
    # 100 trials: three standard errors of a share of 95 % are 6.5 points.
    assert row.coverage >= 0.885
    assert row.median_error < row.naive_median_error or sensor == "part-time"
    assert not row.flagged_share < 1.0


def test_a_missed_bound_is_said_and_fails(accuracy):
    outcomes = accuracy.run(n_trials=25, seed=11, sensors=["counter-1ms"], n_workers=1)
    lying = [replace(o, uncertainty_j=o.uncertainty_j / 50) for o in outcomes]
    assert any("coverage" in miss for miss in accuracy.summarise(lying, "counter-1ms").misses)


def test_replies_that_beat_with_a_part_time_sensor_are_not_claimed_too_narrowly(accuracy):
    rows = accuracy.beats(n_trials=50, seed=3, n_workers=1)
    assert all(row.coverage >= 0.9 for row in rows)
    assert not any(row.misses for row in rows if row.coverage >= accuracy.COVERAGE[0])
