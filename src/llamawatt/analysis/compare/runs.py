"""Runs side by side: are they alike, what changed, and does a gate let it pass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from llamawatt.analysis.compare.between import Spread, between_runs, over_runs, pooled, spread_of
from llamawatt.analysis.compare.differences import Difference, Side, arm_named, differences
from llamawatt.analysis.compare.gain import baseline_bound, gain_bound
from llamawatt.analysis.compare.identity import is_same_machine
from llamawatt.analysis.compare.ratios import Logs, cell_logs, named_ratio, unpaired_ratio
from llamawatt.analysis.compare.verdict import Ratio, Verdict, correct, judged_ratio
from llamawatt.analysis.estimates.cells import CellKey
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.errors import UsageError
from llamawatt.core.metrics import METRICS
from llamawatt.core.trials import Purpose

Spreads = Mapping[tuple[str, str, str], Spread]
"""Between runs that were repeated before on the same machine, by metric, arm and suite."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one arm and suite on both sides.

    Attributes:
        before: Its estimate on the first side, over runs where there are several.
        after: Its estimate on the second side.
        ratio: After over before.
        spread: Between whole runs, as the ratio's interval counts it; None where it is not known.
    """

    before: Estimate
    after: Estimate
    ratio: Ratio
    spread: Spread | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides, compared.

    Attributes:
        before: Name of the first side.
        after: Name of the second side.
        rows: By metric, suite and arm.
        differences: In what the runs differ.
        only_before: Arms and suites that the first side alone has.
        only_after: Arms and suites that the second side alone has.
        n_before: Runs of the first side.
        n_after: Runs of the second side.
        units: Of the metrics.
    """

    before: str
    after: str
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    n_before: int = 1
    n_after: int = 1
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether one run a side leaves every row without a verdict."""
        return bool(self.rows) and all(row.ratio.within_runs for row in self.rows)


class GateOutcome(StrEnum):
    """What the gate says of one row."""

    PASSED = "passed"
    FAILED = "failed"
    UNSETTLED = "unsettled"


@dataclass(frozen=True, slots=True)
class GateRow:
    """One row at the gate.

    Attributes:
        row: The row.
        worse_by: Relative change for the worse; negative when it got better.
        outcome: Whether it passes.
    """

    row: Row
    worse_by: float
    outcome: GateOutcome


def compare_runs(
    before: Side, after: Side, metrics: Sequence[str], *, force: bool = False
) -> Comparison:
    """Compare one run with another: no verdict, as one run a side shows no spread between runs.

    Raises:
        UsageError: as `compare_sides`.
    """
    return compare_sides((before,), (after,), metrics, force=force)


def compare_sides(
    before: Sequence[Side],
    after: Sequence[Side],
    metrics: Sequence[str],
    *,
    spreads: Spreads | None = None,
    force: bool = False,
) -> Comparison:
    """Compare what all runs of both sides have in common, after over before.

    Verdicts count the spread between whole runs, from the sides that have several and from
    `spreads`; where neither tells it, there is an interval of repeatability and no verdict.

    Args:
        before: Runs of the first side.
        after: Runs of the second side.
        metrics: Keys of `METRICS`.
        spreads: Of runs repeated before on the same machine.
        force: Compare even what is unlike; the differences stay in the result.

    Raises:
        UsageError: The runs are unlike and `force` is not set, or have no arm and suite in common.
    """
    for sides in (before, after):
        _require_each_once(sides)
    names = tuple(" + ".join(side.name for side in sides) for sides in (before, after))
    found = _differences(before, after)
    forbidding = [difference.text for difference in found if difference.forbids]
    if forbidding and not force:
        raise UsageError(
            f"{names[0]} and {names[1]} are unlike: {' '.join(forbidding)}",
            "Compare runs of the same model, suites, boundary and method, or insist with --force.",
        )
    runs = (*before, *after)
    common = [
        key
        for key in before[0].cells
        if key[2] is Purpose.SUITE and all(key in run.cells for run in runs)
    ]
    if not common:
        raise UsageError(
            f"{names[0]} and {names[1]} have no arm and suite in common.",
            "Compare runs of the same study.",
        )
    rows = [_row(before, after, key, metric, spreads or {}) for metric in metrics for key in common]
    return Comparison(
        before=names[0],
        after=names[1],
        rows=_corrected([row for row in rows if row is not None]),
        differences=found,
        only_before=_only(before, after),
        only_after=_only(after, before),
        n_before=len(before),
        n_after=len(after),
    )


def measured_spreads(runs: Sequence[Side], metrics: Sequence[str], made_at: str) -> Spreads:
    """Return how far the means of repeated runs lie apart, for every arm and suite they share.

    Args:
        runs: Runs of one study on one machine, at least two.
        metrics: Keys of `METRICS`.
        made_at: When they were made, UTC, ISO 8601.
    """
    found = {}
    for metric in metrics:
        for key in runs[0].cells:
            logs = _logs(runs, key, metric) if key[2] is Purpose.SUITE else None
            spread = spread_of(logs, made_at) if logs else None
            if spread is not None:
                found[metric, key[0], key[1]] = spread
    return found


def gate(comparison: Comparison, metric: str, fail_above: float) -> tuple[GateRow, ...]:
    """Judge every row of a metric.

    A row fails when it got worse by more than `fail_above` and the worsening is beyond doubt
    (the verdict, corrected over all rows). It is unsettled when the interval reaches above the
    limit without such a verdict, and always with one run a side: noise alone never fails a build,
    and is said.

    Args:
        comparison: The compared runs.
        metric: Key of `METRICS`.
        fail_above: Relative worsening that is still let pass, as 0.05.

    Raises:
        UsageError: The metric was not recorded in both runs.
    """
    rows = [row for row in comparison.rows if row.ratio.metric == metric]
    if not rows:
        raise UsageError(
            f"No arm has {metric} above zero on both sides, so there is nothing to gate on.",
            "Choose another --metric.",
        )
    return tuple(_gate_row(row, fail_above) for row in rows)


def _gate_row(row: Row, fail_above: float) -> GateRow:
    ratio = row.ratio
    if METRICS[ratio.metric].lower_is_better:
        worse, worst, bad = ratio.value, ratio.high_total, Verdict.HIGHER
    else:
        worse, bad = 1 / ratio.value, Verdict.LOWER
        worst = None if ratio.low_total is None else 1 / ratio.low_total
    limit = 1 + fail_above
    outcome = GateOutcome.PASSED
    if worse > limit and ratio.verdict is bad:
        outcome = GateOutcome.FAILED
    elif ratio.within_runs or worst is None or worst > limit:
        outcome = GateOutcome.UNSETTLED
    return GateRow(row, worse - 1, outcome)


def _require_each_once(sides: Sequence[Side]) -> None:
    """Refuse a run that stands twice on one side: it would show no spread between runs.

    Raises:
        UsageError: there is one; copies count as the same.
    """
    for one, other in combinations(sides, 2):
        common = one.cells.keys() & other.cells.keys()
        if common and all(
            np.array_equal(one.cells[key].columns["duration_s"],
                           other.cells[key].columns["duration_s"])
            for key in common
        ):  # fmt: skip
            raise UsageError(
                f"{one.name} and {other.name} are one run, given twice on one side.",
                "Give each run once; `study run --runs N` makes several.",
            )


def _row(
    before: Sequence[Side], after: Sequence[Side], key: CellKey, metric: str, spreads: Spreads
) -> Row | None:
    one_each = len(before) == len(after) == 1
    spread = spreads.get((metric, key[0], key[1]))
    if one_each and spread is None:
        return _within_runs(before[0], after[0], key, metric)
    old, new = _logs(before, key, metric), _logs(after, key, metric)
    if old is None or new is None:
        return None
    both = pooled([spread_of(old), spread_of(new), spread])
    if both is None:
        return None
    centre, p = between_runs(new, old, both)
    run_scatter = math.sqrt(2 * both.variance)
    gain = _gain(before, after, key, metric)
    judged = judged_ratio(metric, centre, p, gain, run_scatter=run_scatter)
    ratio = named_ratio(judged, after[0].cells[key], before[0].cells[key], paired=False)
    figures = _figure(before, old, key, metric), _figure(after, new, key, metric)
    return Row(*figures, ratio, both)


def _within_runs(before: Side, after: Side, key: CellKey, metric: str) -> Row | None:
    a, b = after.cells[key], before.cells[key]
    ratio = unpaired_ratio(
        a, b, metric,
        same_sensors=_same_sensors(before, after, key), same_work=_same_work(before, after, key),
    )  # fmt: skip
    old, new = b.estimate(metric), a.estimate(metric)
    if ratio is None or old is None or new is None:
        return None
    return Row(old, new, replace(ratio, within_runs=True))


def _figure(runs: Sequence[Side], logs: Sequence[Logs], key: CellKey, metric: str) -> Estimate:
    alone = runs[0].cells[key].estimate(metric) if len(runs) == 1 else None
    return alone or over_runs(logs)


def _logs(runs: Sequence[Side], key: CellKey, metric: str) -> list[Logs] | None:
    """Logs of each run's trials; None when any run lacks the figure."""
    made = [
        cell_logs(run.cells[key], METRICS[metric]) if key in run.cells else None for run in runs
    ]
    known = [logs for logs in made if logs is not None]
    return known if len(known) == len(made) else None


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Correct over all rows of all metrics: a change is looked for in every one of them."""
    judged = correct([row.ratio for row in rows])
    return tuple(replace(row, ratio=ratio) for row, ratio in zip(rows, judged, strict=True))


def _differences(before: Sequence[Side], after: Sequence[Side]) -> tuple[Difference, ...]:
    """Differences between the sides, and those within a side, each said once."""
    first = before[0]
    found = [each for run in after for each in differences(first, run)]
    for runs in (before, after):
        for run in runs[1:]:
            for each in differences(runs[0], run):
                within = replace(each, text=f"Within one side, {runs[0].name} and {run.name}: "
                                            f"{each.text}")  # fmt: skip
                settings = each.what == "setting"
                found.append(replace(within, forbids=each.forbids or settings))
    return tuple(dict.fromkeys(found))


def _gain(before: Sequence[Side], after: Sequence[Side], key: CellKey, metric: str) -> float:
    """The largest bound of the gain errors over all pairs of runs."""
    return max(
        baseline_bound(new.cells[key], old.cells[key], METRICS[metric], shared=False)
        + gain_bound(
            new.cells[key].domains, old.cells[key].domains, METRICS[metric],
            same_sensors=_same_sensors(old, new, key), same_work=_same_work(old, new, key),
        )
        for old in before
        for new in after
    )  # fmt: skip


def _same_sensors(before: Side, after: Side, key: CellKey) -> bool:
    if not is_same_machine(before.machine, after.machine):
        return False
    a, b = before.cells[key].domains, after.cells[key].domains
    return {n: d.sources for n, d in a.items()} == {n: d.sources for n, d in b.items()}


def _same_work(before: Side, after: Side, key: CellKey) -> bool:
    return arm_named(before, key[0]) == arm_named(after, key[0])


def _only(sides: Sequence[Side], others: Sequence[Side]) -> tuple[str, ...]:
    keys = dict.fromkeys(key for side in sides for key in side.cells if key[2] is Purpose.SUITE)
    missing = [key for key in keys if not any(key in other.cells for other in others)]
    return tuple(f"{arm} / {suite}" for arm, suite, _ in missing)
