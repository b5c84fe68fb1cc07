"""Ratios of arms, judged on the log scale.

Arms of the same randomised block are paired, so that what the whole block suffered (heat, other
load) cancels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from scipy.special import ndtr, stdtr

from llamawatt.analysis.compare.gain import baseline_bound, gain_bound
from llamawatt.analysis.compare.verdict import Ratio, judged_ratio
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.stats import (
    Estimate,
    Floats,
    IntervalMethod,
    estimate,
    p_zero,
    sensor_half_width,
    standard_error,
    student,
)
from llamawatt.core.metrics import METRICS, MetricSpec
from llamawatt.core.normal import Z_95


def paired_ratio(arm: Cell, baseline: Cell, metric: str, *, lag1: float = 0.0) -> Ratio | None:
    """Compare two cells of one run, block by block.

    Args:
        arm: The cell in the numerator.
        baseline: The cell in the denominator.
        metric: Field of `Metrics`.
        lag1: Correlation of the ratios of neighbouring blocks, as far as it is known.

    Returns:
        The ratio; None when no block has both, or a figure is unknown or not positive.
    """
    info = METRICS[metric]
    logs, errors = log_ratios(arm, baseline, info)
    if not logs.size:
        return None
    gain = gain_bound(arm.domains, baseline.domains, info) + baseline_bound(arm, baseline, info)
    return named_ratio(_judged_logs(info.key, logs, errors, gain, lag1), arm, baseline, paired=True)


def unpaired_ratio(
    arm: Cell, baseline: Cell, metric: str, *, same_sensors: bool, same_work: bool
) -> Ratio | None:
    """Compare two cells whose repeats have nothing in common; the interval is Welch's on the logs.

    Args:
        arm: The cell in the numerator.
        baseline: The cell in the denominator.
        metric: Field of `Metrics`.
        same_sensors: Whether both were read by the same sensors of the same machine.
        same_work: Whether both did the same work in the same setting, so that even a power
            model's error is common to both.

    Returns:
        The ratio; None when a figure is unknown or not positive in either.
    """
    info = METRICS[metric]
    a, b = cell_logs(arm, info), cell_logs(baseline, info)
    if a is None or b is None:
        return None
    gain = gain_bound(
        arm.domains, baseline.domains, info, same_sensors=same_sensors, same_work=same_work
    )
    gain += baseline_bound(arm, baseline, info, shared=False)
    centre, p = welch(a, b)
    return named_ratio(judged_ratio(info.key, centre, p, gain), arm, baseline, paired=False)


def over_suites(pairs: Sequence[tuple[Cell, Cell]], metric: str) -> Ratio | None:
    """Compare two arms over several suites: the geometric mean ratio of each block.

    Args:
        pairs: Arm and baseline cell of each suite.
        metric: Field of `Metrics`.

    Returns:
        The ratio; None unless at least one block has every suite of both arms.
    """
    info = METRICS[metric]
    found = [_by_block(arm, baseline, info) for arm, baseline in pairs]
    whole = reduce(np.intersect1d, [blocks for blocks, _, _ in found])
    if not whole.size:
        return None
    # One row per suite; each suite's blocks are unique and sorted.
    rows = [np.searchsorted(blocks, whole) for blocks, _, _ in found]
    logs = np.mean([log[at] for at, (_, log, _) in zip(rows, found, strict=True)], axis=0)
    squares = [np.square(error[at]) for at, (_, _, error) in zip(rows, found, strict=True)]
    errors = np.sqrt(np.sum(squares, axis=0)) / len(pairs)
    gain = max(gain_bound(arm.domains, base.domains, info) for arm, base in pairs)
    made = _judged_logs(info.key, logs, errors, gain)
    return replace(named_ratio(made, *pairs[0], paired=True), suite="all suites")


def log_ratios(arm: Cell, baseline: Cell, info: MetricSpec) -> tuple[Floats, Floats]:
    """Return the log ratio of each common block and its random sensor half-width.

    None of a figure that holds each arm against an idle of its own, where the arms differ.
    """
    if (info.is_within_arm and arm.arm != baseline.arm) or not (
        arm.has(info.key) and baseline.has(info.key)
    ):
        return np.empty(0), np.empty(0)
    _, logs, errors = _by_block(arm, baseline, info)
    return logs, errors


def _by_block(arm: Cell, baseline: Cell, info: MetricSpec) -> tuple[Floats, Floats, Floats]:
    # A retry may leave two finished trials of a block; the first is the one that was planned.
    blocks_a, at_a = np.unique(arm.block, return_index=True)
    blocks_b, at_b = np.unique(baseline.block, return_index=True)
    common, in_a, in_b = np.intersect1d(blocks_a, blocks_b, return_indices=True)
    rows_a, rows_b = at_a[in_a], at_b[in_b]
    a, b = arm.columns[info.key][rows_a], baseline.columns[info.key][rows_b]
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(a) - np.log(b)
        errors = np.hypot(arm.uncertainty(info)[rows_a] / a, baseline.uncertainty(info)[rows_b] / b)
    if np.any(a <= 0) or np.any(b <= 0):
        return np.empty(0), np.empty(0), np.empty(0)
    known = np.isfinite(logs)
    return common[known].astype(float), logs[known], np.nan_to_num(errors[known])


@dataclass(frozen=True, slots=True)
class Logs:
    """Logarithms of one figure's repeats.

    Attributes:
        values: Shape (n,).
        errors: 95 % half-widths of their random sensor errors, shape (n,).
        lag1: Correlation of neighbouring repeats.
    """

    values: Floats
    errors: Floats
    lag1: float = 0.0


def cell_logs(cell: Cell, info: MetricSpec) -> Logs | None:
    """Return the logs of a cell's figure; None when it is unknown or not positive."""
    if not cell.has(info.key):
        return None
    value = cell.columns[info.key]
    known = np.isfinite(value)
    if np.any(value[known] <= 0):
        return None
    relative = np.nan_to_num(cell.uncertainty(info)[known] / value[known])
    return Logs(np.log(value[known]), relative, cell.memory(info.key))


def welch(a: Logs, b: Logs) -> tuple[Estimate, float | None]:
    """Return the difference of two means with its interval and p-value (Welch 1947).

    The interval has Satterthwaite's degrees of freedom. Far out in the tails, where the p-values
    of a large family lie, those are too many when the spreads differ; so the p-value has their
    geometric mean with the fewer ones of either side. The sensors' random errors decide where
    they exceed the scatter.
    """
    value, n = float(a.values.mean() - b.values.mean()), min(a.values.size, b.values.size)
    if n < 2:
        return Estimate(value, None, None, n, IntervalMethod.NONE), None
    (error_a, free_a), (error_b, free_b) = (standard_error(x.values, x.lag1) for x in (a, b))
    error = math.hypot(error_a, error_b)
    inner = math.hypot(*(sensor_half_width(x.values, x.errors) for x in (a, b)))
    n_free = error**4 / (error_a**4 / free_a + error_b**4 / free_b) if error else 1.0
    half, method = student(n_free) * error, IntervalMethod.STUDENT_T
    p = 0.0 if value else None
    if error:
        p = float(2 * stdtr(math.sqrt(n_free * min(free_a, free_b)), -abs(value) / error))
    if inner > half:
        half, method = inner, IntervalMethod.SENSOR
        p = float(2 * ndtr(-abs(value) / (inner / Z_95)))
    return Estimate(value, value - half, value + half, n, method), p


def _judged_logs(
    metric: str, logs: Floats, errors: Floats, gain: float, lag1: float = 0.0
) -> Ratio:
    centre = estimate(logs, errors, signed=True, lag1=lag1)
    return judged_ratio(metric, centre, p_zero(logs, sensor_half_width(logs, errors), lag1=lag1),
                        gain)  # fmt: skip


def named_ratio(ratio: Ratio, arm: Cell, baseline: Cell, *, paired: bool) -> Ratio:
    """Give a judged ratio its names and the methods of its joules."""
    methods = arm.methods | baseline.methods if METRICS[ratio.metric].is_energy else frozenset()
    return replace(
        ratio,
        arm=arm.arm,
        baseline=baseline.arm,
        suite=arm.suite,
        paired=paired,
        methods=tuple(sorted(str(method) for method in methods)),
    )
