"""Ratios of arms, judged on the log scale.

Arms of the same randomised block are paired, so that what the whole block suffered (heat, other
load) cancels.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from llamawatt.analysis.compare.gain import gain_bound
from llamawatt.analysis.compare.verdict import Ratio, judged_ratio
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.stats import Estimate, Floats, estimate, p_zero, sensor_half_width
from llamawatt.core.metrics import METRICS, MetricSpec
from llamawatt.core.normal import Z_95


def paired_ratio(arm: Cell, baseline: Cell, metric: str) -> Ratio | None:
    """Compare two cells of one run, block by block.

    Returns:
        The ratio; None when no block has both, or a figure is unknown or not positive.
    """
    info = METRICS[metric]
    logs, errors = log_ratios(arm, baseline, info)
    if not logs.size:
        return None
    gain = gain_bound(arm.domains, baseline.domains, info)
    made = judged_ratio(
        info.key, estimate(logs, errors), p_zero(logs, sensor_half_width(logs, errors)), gain
    )
    return _named(made, arm, baseline, paired=True)


def unpaired_ratio(
    arm: Cell, baseline: Cell, metric: str, *, same_sensors: bool, same_work: bool
) -> Ratio | None:
    """Compare two cells of different runs; the interval is Welch's on the logs.

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
    a, b = _logs(arm, info), _logs(baseline, info)
    if a is None or b is None:
        return None
    gain = gain_bound(
        arm.domains, baseline.domains, info, same_sensors=same_sensors, same_work=same_work
    )
    centre, p = _welch(a, b)
    return _named(judged_ratio(info.key, centre, p, gain), arm, baseline, paired=False)


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
    p = p_zero(logs, sensor_half_width(logs, errors))
    made = judged_ratio(info.key, estimate(logs, errors), p, gain)
    return replace(_named(made, *pairs[0], paired=True), suite="all suites")


def log_ratios(arm: Cell, baseline: Cell, info: MetricSpec) -> tuple[Floats, Floats]:
    """Return the log ratio of each common block and its random sensor half-width."""
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


def _logs(cell: Cell, info: MetricSpec) -> Estimate | None:
    value = cell.columns[info.key]
    known = np.isfinite(value)
    if not known.any() or np.any(value[known] <= 0):
        return None
    errors = np.nan_to_num(cell.uncertainty(info)[known] / value[known])
    return estimate(np.log(value[known]), errors)


def _welch(a: Estimate, b: Estimate) -> tuple[Estimate, float | None]:
    """Difference of two estimates of logs; half-widths add in quadrature."""
    value, n = a.value - b.value, min(a.n, b.n)
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Estimate(value, None, None, n, a.method), None
    half = math.hypot((a.high - a.low) / 2, (b.high - b.low) / 2)
    p = math.erfc(abs(value) / half * Z_95 / math.sqrt(2)) if half else None
    return Estimate(value, value - half, value + half, n, a.method), p


def _named(ratio: Ratio, arm: Cell, baseline: Cell, *, paired: bool) -> Ratio:
    methods = arm.methods | baseline.methods if METRICS[ratio.metric].is_energy else frozenset()
    return replace(
        ratio,
        arm=arm.arm,
        baseline=baseline.arm,
        suite=arm.suite,
        paired=paired,
        methods=tuple(sorted(str(method) for method in methods)),
    )
