"""When to stop repeating: a pure function of the trials so far, so that a resume decides alike."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from llamawatt.analysis.estimates.cells import cells
from llamawatt.analysis.estimates.stats import relative_half_width
from llamawatt.core.metrics import METRICS
from llamawatt.core.plan import ProtocolRecord
from llamawatt.core.trials import Purpose, Status, TrialRecord
from llamawatt.study.order import Cell

GIVEN_UP = "given up: it failed, and failed again"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a cell is.

    Attributes:
        n_done: Trials done, failed ones included.
        half_width: Relative half-width of the 95 % interval; None while it cannot be told.
        settled: Whether it needs no more repeats of its own.
        reason: Why it is settled, in words; empty while it is not.
    """

    n_done: int
    half_width: float | None
    settled: bool
    reason: str = ""


def progress(
    cells: Iterable[Cell], trials: Iterable[TrialRecord], protocol: ProtocolRecord
) -> dict[Cell, Progress]:
    """Return how far each cell is."""
    done: defaultdict[Cell, list[TrialRecord]] = defaultdict(list)
    listed = tuple(trials)
    for trial in listed:
        done[Cell(trial.arm, trial.suite, trial.purpose)].append(trial)
    hopeless = hopeless_arms(listed)
    return {
        cell: Progress(len(done[cell]), None, True, GIVEN_UP)
        if cell.arm in hopeless
        else _of(done[cell], cell, protocol)
        for cell in cells
    }


def hopeless_arms(trials: Iterable[TrialRecord]) -> frozenset[str]:
    """Return the arms that failed, retries included, and never gave a trial."""
    failed: set[str] = set()
    good: set[str] = set()
    for trial in trials:
        (good if trial.status is Status.OK else failed).add(trial.arm)
    return frozenset(failed - good)


def open_cells(
    cells: tuple[Cell, ...], trials: Iterable[TrialRecord], protocol: ProtocolRecord
) -> tuple[Cell, ...]:
    """Return the cells to run in the next block.

    Cells of one suite and purpose are paired within blocks, so they go on together until every
    one of them is settled; a cell at the cap or given up drops out alone.
    """
    state = progress(cells, trials, protocol)
    unsettled = {(cell.suite, cell.purpose) for cell in cells if not state[cell].settled}
    return tuple(
        cell
        for cell in cells
        if (cell.suite, cell.purpose) in unsettled and not _exhausted(state[cell], protocol)
    )


def _of(trials: list[TrialRecord], cell: Cell, protocol: ProtocolRecord) -> Progress:
    good = [trial for trial in trials if trial.status is Status.OK]
    count = len(trials)
    half_width = _half_width(good, protocol.primary_metric)
    if count >= protocol.repeats_max:
        return Progress(count, half_width, True, f"cap of {protocol.repeats_max} repeats reached")
    if cell.purpose is not Purpose.SUITE:
        # Phase windows serve the split, not the verdict: the minimum is enough.
        enough = count >= protocol.repeats_min
        return Progress(count, half_width, enough, "phase window: minimum reached" * enough)
    narrow = half_width is not None and half_width <= protocol.half_width_target
    if count >= protocol.repeats_min and narrow:
        return Progress(count, half_width, True, f"interval within ±{half_width:.1%}")
    return Progress(count, half_width, False)


def _exhausted(state: Progress, protocol: ProtocolRecord) -> bool:
    return state.n_done >= protocol.repeats_max or state.reason == GIVEN_UP


def _half_width(trials: list[TrialRecord], metric: str) -> float | None:
    if not trials:
        return None
    (cell,) = cells(trials).values()
    values = cell.columns.get(metric, np.array([np.nan]))
    if not np.isfinite(values).all():
        return None
    return relative_half_width(values.tolist(), cell.uncertainty(METRICS[metric]).tolist())
