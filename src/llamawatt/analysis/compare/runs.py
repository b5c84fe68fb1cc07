"""Two runs side by side: are they alike, what changed, and does a gate let it pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from llamawatt.analysis.compare.differences import Difference, Side, arm_named, differences
from llamawatt.analysis.compare.ratios import unpaired_ratio
from llamawatt.analysis.compare.verdict import Ratio, Verdict, correct
from llamawatt.analysis.estimates.cells import CellKey
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.errors import UsageError
from llamawatt.core.metrics import METRICS
from llamawatt.core.trials import Purpose


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one arm and suite in both runs.

    Attributes:
        before: Its estimate in the first run.
        after: Its estimate in the second run.
        ratio: After over before.
    """

    before: Estimate
    after: Estimate
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, compared.

    Attributes:
        before: Name of the first run.
        after: Name of the second run.
        rows: By metric, suite and arm.
        differences: In what the runs differ.
        only_before: Arms and suites that the first run alone has.
        only_after: Arms and suites that the second run alone has.
    """

    before: str
    after: str
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


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
    """Compare what both runs have in common, after over before.

    Args:
        before: The first run.
        after: The second run.
        metrics: Fields of `Metrics`.
        force: Compare even what is unlike; the differences stay in the result.

    Raises:
        UsageError: The runs are unlike and `force` is not set, or have no arm and suite in common.
    """
    found = tuple(differences(before, after))
    forbidding = [difference.text for difference in found if difference.forbids]
    if forbidding and not force:
        raise UsageError(
            f"{before.name} and {after.name} are unlike: {' '.join(forbidding)}",
            "Compare runs of the same model, suites, boundary and method, or insist with --force.",
        )
    common = [key for key in before.cells if key in after.cells and key[2] is Purpose.SUITE]
    if not common:
        raise UsageError(
            f"{before.name} and {after.name} have no arm and suite in common.",
            "Compare runs of the same study.",
        )
    rows = tuple(row for metric in metrics for row in _rows(before, after, common, metric))
    return Comparison(
        before=before.name,
        after=after.name,
        rows=rows,
        differences=found,
        only_before=_only(before, after),
        only_after=_only(after, before),
    )


def gate(comparison: Comparison, metric: str, fail_above: float) -> tuple[GateRow, ...]:
    """Judge every row of a metric.

    A row fails when it got worse by more than `fail_above` and the worsening is beyond doubt
    (the verdict, corrected over all rows of the metric). It is unsettled when the interval
    reaches above the limit without such a verdict: noise alone never fails a build, and is said.

    Args:
        comparison: The compared runs.
        metric: Field of `Metrics`.
        fail_above: Relative worsening that is still let pass, as 0.05.

    Raises:
        UsageError: The metric was not recorded in both runs.
    """
    rows = [row for row in comparison.rows if row.ratio.metric == metric]
    if not rows:
        raise UsageError(
            f"No arm has {metric} in both runs, so there is nothing to gate on.",
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
    elif worst is None or worst > limit:
        outcome = GateOutcome.UNSETTLED
    return GateRow(row, worse - 1, outcome)


def _rows(before: Side, after: Side, common: Sequence[CellKey], metric: str) -> list[Row]:
    family = []
    for key in common:
        ratio = unpaired_ratio(
            after.cells[key],
            before.cells[key],
            metric,
            same_sensors=_same_sensors(before, after, key),
            same_work=arm_named(before, key[0]) == arm_named(after, key[0]),
        )
        if ratio is not None:
            family.append((key, ratio))
    judged = correct([ratio for _, ratio in family])
    rows = []
    for (key, _), ratio in zip(family, judged, strict=True):
        old, new = before.cells[key].estimate(metric), after.cells[key].estimate(metric)
        if old is not None and new is not None:
            rows.append(Row(old, new, ratio))
    return rows


def _same_sensors(before: Side, after: Side, key: CellKey) -> bool:
    if before.machine.hostname_hash != after.machine.hostname_hash:
        return False
    a, b = before.cells[key].domains, after.cells[key].domains
    return {n: d.sources for n, d in a.items()} == {n: d.sources for n, d in b.items()}


def _only(one: Side, other: Side) -> tuple[str, ...]:
    missing = [key for key in one.cells if key not in other.cells and key[2] is Purpose.SUITE]
    return tuple(f"{arm} / {suite}" for arm, suite, _ in missing)
