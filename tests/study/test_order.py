"""Blocks are random, complete, and the same for the same seed."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from llamawatt.core.trials import Purpose
from llamawatt.study.order import Cell, phase_delay_s, trial_id, visits

NAMES = st.lists(st.text("abc=1 ", min_size=1), min_size=1, max_size=6, unique=True)


@given(seed=st.integers(0, 99), block=st.integers(0, 9), arms=NAMES, suites=NAMES)
def test_a_block_visits_every_cell_once(
    seed: int, block: int, arms: list[str], suites: list[str]
) -> None:
    cells = tuple(Cell(arm, suite) for arm in arms for suite in suites)
    order = visits(seed, block, cells)
    assert sorted(visit.arm for visit in order) == sorted(arms)
    assert sorted((c.arm, c.suite) for v in order for c in v.cells) == sorted(
        (cell.arm, cell.suite) for cell in cells
    )
    assert order == visits(seed, block, cells)


def test_blocks_are_in_different_orders() -> None:
    cells = tuple(Cell(f"arm{number}", "s") for number in range(6))
    assert len({visits(1, block, cells) for block in range(20)}) > 10


@given(seed=st.integers(0, 99), pair=st.integers(0, 5), arms=NAMES, suites=NAMES)
def test_what_drifts_steadily_cancels_over_a_pair_of_blocks(
    seed: int, pair: int, arms: list[str], suites: list[str]
) -> None:
    cells = tuple(Cell(arm, suite) for arm in arms for suite in suites)
    lags: dict[tuple[str, str, str], int] = {}
    for block in (2 * pair, 2 * pair + 1):
        order = [cell for visit in visits(seed, block, cells) for cell in visit.cells]
        at = {cell: number for number, cell in enumerate(order)}
        for one, other in itertools.combinations(arms, 2):
            for suite in suites:
                lag = at[Cell(one, suite)] - at[Cell(other, suite)]
                lags[one, other, suite] = lags.get((one, other, suite), 0) + lag
    assert not any(lags.values())


def test_every_suite_takes_every_place_of_a_session() -> None:
    cells = tuple(Cell(arm, suite) for arm in "ab" for suite in "xyz")
    first = {visits(4, block, cells)[0].cells[0].suite for block in range(3)}
    assert first == {"x", "y", "z"}


def test_an_arm_that_dropped_out_leaves_the_others_in_their_order() -> None:
    cells = tuple(Cell(arm, "s") for arm in "abcd")
    every = [visit.arm for visit in visits(3, 2, cells)]
    fewer = [visit.arm for visit in visits(3, 2, cells[1:])]
    assert fewer == [arm for arm in every if arm != "a"]


def test_trial_ids_are_file_names_and_tell_purposes_apart() -> None:
    ids = {trial_id(3, Cell("gpu n_gpu_layers=11", "pp512+tg128", purpose)) for purpose in Purpose}
    assert len(ids) == len(Purpose)
    assert all(re.fullmatch(r"[A-Za-z0-9_=.+-]+", identity) for identity in ids)


@given(st.floats(0.0, 1.0))
def test_phase_delays_stay_within_a_period_and_repeat(period_s: float) -> None:
    delay_s = phase_delay_s(1, "b000", period_s)
    assert 0 <= delay_s <= period_s
    assert delay_s == phase_delay_s(1, "b000", period_s)
