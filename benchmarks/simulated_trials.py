"""Trials with a known truth: independent, drifting, leaning on each other, with slow stragglers.

Logarithms of repeats, shape (cells, repeats); the truth of every cell is zero: its ordinary repeat,
and for a drift the mean of the repeats that were made.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from llamawatt.analysis.compare.differences import Side
from llamawatt.analysis.estimates.cells import Cell, CellKey, cells
from llamawatt.analysis.estimates.memory import pooled_lag1
from llamawatt.core.machine import MachineRecord
from llamawatt.core.plan import ProtocolRecord, StudyRecord
from llamawatt.core.readings import Method
from llamawatt.core.trials import (
    SCHEMA,
    DomainEnergy,
    IdlePower,
    Purpose,
    RequestRecord,
    Status,
    TrialRecord,
    Window,
)

Floats = NDArray[np.float64]
Rng = np.random.Generator
Make = Callable[[Rng, int, int], Floats]

SIGMA = 0.03
LAG1 = 0.57
DRIFT = 0.08
SLOW_SHARE, SLOWER = 0.1, 0.4
PREFILL_J, DECODE_J = 0.02, 0.3
IDLE_W, WORK_W, REPLY_S, N_REPLIES = 20.0, 80.0, 1.0, 8


def independent(rng: Rng, n_cells: int, n: int) -> Floats:
    """Normal logarithms, one repeat knowing nothing of the other."""
    return SIGMA * rng.standard_normal((n_cells, n))


def drifting(rng: Rng, n_cells: int, n: int) -> Floats:
    """All cells rise by 8 % over the run."""
    slope = np.linspace(-DRIFT / 2, DRIFT / 2, n) if n > 1 else np.zeros(1)
    return slope + independent(rng, n_cells, n)


def autocorrelated(rng: Rng, n_cells: int, n: int) -> Floats:
    """Each repeat resembles the one before, with a correlation of 0.57."""
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return independent(rng, n_cells, n) @ np.linalg.cholesky(LAG1**lags).T


def heavy_tailed(rng: Rng, n_cells: int, n: int) -> Floats:
    """Student's t with three degrees of freedom, of the same spread."""
    return SIGMA / np.sqrt(3) * rng.standard_t(3, (n_cells, n))


def stragglers(rng: Rng, n_cells: int, n: int) -> Floats:
    """Every tenth repeat, at random, takes 40 % more."""
    slow = rng.random((n_cells, n)) < SLOW_SHARE
    return independent(rng, n_cells, n) + np.where(slow, np.log1p(SLOWER), 0.0)


KINDS: Mapping[str, Make] = {
    "independent": independent,
    "drifting": drifting,
    "autocorrelated": autocorrelated,
    "heavy-tailed": heavy_tailed,
    "stragglers": stragglers,
}


def true_mean(kind: str, n: int, n_whole: int) -> float:
    """Return the mean logarithm of the first n repeats of a whole run."""
    if kind != "drifting" or n_whole < 2:
        return 0.0
    return float(np.linspace(-DRIFT / 2, DRIFT / 2, n_whole)[:n].mean())


def memory_of(logs: Floats) -> float:
    """Return the correlation of neighbours as a report finds it, over all cells of a run."""
    return pooled_lag1(np.exp(row) for row in logs)


def run_cells(latency: Floats, watts: Floats, n_suites: int) -> dict[CellKey, Cell]:
    """Return the cells of a run, made of trial records like any other's.

    Args:
        latency: Logarithms of the times of a reply, shape (arms × suites, repeats).
        watts: Those of the powers, same shape.
        n_suites: Suites; rows of one arm lie together.
    """
    trials = [
        _trial(f"arm-{row // n_suites}", f"suite-{row % n_suites}", block, row, latency, watts)
        for block in range(latency.shape[1])
        for row in range(latency.shape[0])
    ]
    given = {"bare_w": IDLE_W, "bare_uncertainty_w": 0.0, "bare_w/cpu-package-0": IDLE_W}
    return cells(trials, given=given)


def side(name: str, latency: Floats, watts: Floats, n_suites: int) -> Side:
    """Return a run as a side of a comparison."""
    protocol = ProtocolRecord(5.0, 50, 3.0, 3, 10, 0.03, "energy_j", 5.0, fixed_length=True)
    study = StudyRecord(SCHEMA, "simulated", 0, (), (), (), protocol)
    machine = MachineRecord("simulated", "Linux", "a CPU", 8, 4, 1 << 34)
    return Side(name, study, machine, run_cells(latency, watts, n_suites))


def phase_cells(rng: Rng, n: int, request_j: float) -> dict[CellKey, Cell]:
    """Return the cells of one arm: three suites, and dedicated windows of both phases.

    Args:
        rng: Of the scatter.
        n: Blocks.
        request_j: Joules of a request beside its tokens.
    """
    works = [
        ("short", Purpose.SUITE, 28, 64), ("reason", Purpose.SUITE, 64, 160),
        ("long", Purpose.SUITE, 1024, 128),
        ("short", Purpose.PREFILL, 512, 1), ("reason", Purpose.PREFILL, 128, 1),
        ("short", Purpose.DECODE, 8, 256),
    ]  # fmt: skip
    trials = [
        _phase_trial(rng, block, at, work, request_j)
        for block in range(n)
        for at, work in enumerate(works)
    ]
    return cells(trials)


def _phase_trial(
    rng: Rng, block: int, at: int, work: tuple[str, Purpose, int, int], request_j: float
) -> TrialRecord:
    suite, purpose, n_prompt, n_generated = work
    reply_j = request_j + PREFILL_J * n_prompt + DECODE_J * n_generated
    above_j = N_REPLIES * reply_j * float(np.exp(SIGMA * rng.standard_normal()))
    order = 10 * block + at
    t0_s, duration_s = 1000.0 * order, float(N_REPLIES)
    requests = tuple(
        RequestRecord("p", n_prompt, n_generated, 1.0, None, None, None, t0_s + i)
        for i in range(N_REPLIES)
    )
    energy = DomainEnergy(
        above_j + IDLE_W * duration_s, 1e-6, 0.0, Method.COUNTER, 0.0, above_j, 1e-6
    )
    return TrialRecord(
        SCHEMA, f"{order}", "arm", {}, suite, block, block, order, purpose, Status.OK,
        Window(t0_s, t0_s + duration_s, duration_s), requests, {"cpu-package-0": energy},
        {"model": {"cpu-package-0": IdlePower(IDLE_W, 0.0, 5.0, Method.COUNTER)}},
    )  # fmt: skip


def _trial(
    arm: str, suite: str, block: int, row: int, latency: Floats, watts: Floats
) -> TrialRecord:
    n_rows = latency.shape[0]
    reply_s = REPLY_S * float(np.exp(latency[row, block]))
    power_w = IDLE_W + WORK_W * float(np.exp(watts[row, block]))
    t0_s, duration_s = 1000.0 * (block * n_rows + row), reply_s * N_REPLIES
    joules = power_w * duration_s
    energy = DomainEnergy(
        joules, 1e-6 * joules, 0.0, Method.COUNTER, power_w, joules - IDLE_W * duration_s, 0.0
    )
    requests = tuple(
        RequestRecord("p", 32, 64, reply_s, None, None, None, t0_s + i * reply_s)
        for i in range(N_REPLIES)
    )
    return TrialRecord(
        SCHEMA, f"{arm}-{suite}-{block}", arm, {}, suite, block, block, block * n_rows + row,
        Purpose.SUITE, Status.OK, Window(t0_s, t0_s + duration_s, duration_s), requests,
        {"cpu-package-0": energy},
        {"model": {"cpu-package-0": IdlePower(IDLE_W, 0.0, 5.0, Method.COUNTER)}},
    )  # fmt: skip
