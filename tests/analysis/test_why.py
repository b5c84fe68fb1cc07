"""Pareto fronts, rooflines and groups."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamawatt.analysis.estimates.cells import cells
from llamawatt.analysis.estimates.groups import (
    arms_of,
    group_names,
    is_swept,
    reference,
    sweeps,
)
from llamawatt.analysis.estimates.pareto import pareto_front
from llamawatt.analysis.estimates.roofline import roof_of, roofline
from llamawatt.core.trials import Purpose
from tests.analysis.synthetic import Factory

costs = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=30)


@pytest.fixture(scope="module")
def run():
    return Factory(n_blocks=3).run()


@pytest.fixture(scope="module")
def sorted_cells(run):
    return cells(run.trials)


def test_a_front_by_hand():
    assert pareto_front([(1, 5), (2, 2), (3, 3), (5, 1), (2, 2)]) == (True, True, False, True, True)
    assert pareto_front([]) == ()


@given(points=costs)
def test_the_front_is_what_nothing_beats(points):
    for point, on_front in zip(points, pareto_front(points), strict=True):
        beaten = any(o[0] <= point[0] and o[1] <= point[1] and o != point for o in points)
        assert on_front != beaten


def place(run, sorted_cells, name, bandwidth=None):
    arm = next(arm for arm in run.study.arms if arm.name == name)
    cell = sorted_cells[name, "short_dialogue", Purpose.SUITE]
    machine = dataclasses.replace(run.machine, bandwidth_bytes_per_s=bandwidth or {})
    return roofline(cell, arm, run.study.models[0], roof_of(machine, arm.device))


def test_one_stream_reads_all_weights_per_token(run, sorted_cells):
    made = place(run, sorted_cells, "cpu", {"cpu": 40e9})
    n_context = 28 + 4.5 + 32
    assert made.bytes_per_token == pytest.approx(6.0e8 + 22_528 * n_context)
    assert made.streamed_bytes_per_s == pytest.approx(29 * made.bytes_per_token, rel=0.03)
    assert made.share == pytest.approx(made.streamed_bytes_per_s / 40e9)


def test_streams_share_the_weights(run, sorted_cells):
    one = place(run, sorted_cells, "gpu n_parallel=1")
    many = place(run, sorted_cells, "gpu n_parallel=16")
    assert many.bytes_per_token < one.bytes_per_token / 10
    assert many.decode_tok_per_s > one.decode_tok_per_s
    assert many.share is None


def test_no_roof_without_the_models_bytes(run, sorted_cells):
    arm = run.study.arms[0]
    model = dataclasses.replace(run.study.models[0], bytes_per_token=None)
    assert roofline(sorted_cells["cpu", "short_dialogue", Purpose.SUITE], arm, model, None) is None


def test_groups_and_their_reference(run):
    assert group_names(run.study)[:3] == ("baseline", "layers", "threads")
    assert [arm.name for arm in arms_of(run.study, "baseline")] == ["cpu", "gpu"]
    assert arms_of(run.study, "flash") == ()
    assert reference(arms_of(run.study, "baseline")).name == "cpu"
    assert is_swept("threads", arms_of(run.study, "threads"))
    assert not is_swept("baseline", arms_of(run.study, "baseline"))


def test_a_sweep_takes_in_the_arms_that_other_groups_ran(run, sorted_cells):
    (made,) = sweeps(run.study, sorted_cells, "layers")
    assert [level.value for level in made.levels] == [0, 11, 22, 23]
    assert made.levels[-1].arm.name == "gpu"
    assert (made.factor, made.device, made.suite) == ("n_gpu_layers", "gpu", "short_dialogue")
    assert sweeps(run.study, sorted_cells, "baseline") == ()
