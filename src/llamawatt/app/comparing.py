"""Runs compared with others, and held against a limit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llamawatt.analysis.compare.differences import Side
from llamawatt.analysis.compare.runs import Comparison, GateOutcome, GateRow, compare_sides, gate
from llamawatt.app.sides import known_spreads, read_side, side_of
from llamawatt.core.errors import UsageError
from llamawatt.core.metrics import METRICS, facts
from llamawatt.core.settings import NOTHING_ASSUMED, SETTINGS, Assumptions
from llamawatt.runs.store import Run

Runs = Run | Path | str | Sequence[Run | Path | str]
"""One side of a comparison."""
DEFAULT_METRICS = ("latency_s", "energy_j")
GATED = ("energy_j",)
"""What a gate looks at unless told."""


def compare(
    before: Runs,
    after: Runs,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    assumed: Assumptions = NOTHING_ASSUMED,
    force: bool = False,
) -> Comparison:
    """Compare what two sides have in common, after over before.

    A verdict needs several runs a side, or the spread between runs that was kept on this machine.

    Args:
        before: The run to compare with, or its directory, or several; a folder of repeated runs
            stands for all of them.
        after: What is judged, likewise.
        metrics: Names of metrics, as `energy_j`.
        assumed: What metrics are worked out with besides, as a price.
        force: Whether even unlike runs are compared.

    Raises:
        UsageError: a metric is unknown or needs what is not set, or the runs have nothing in
            common or are unlike.
        RunDirectoryError: a directory holds no run.
    """
    known = known_metrics(metrics)
    _require_set(known, assumed)
    first, second = _side(before, assumed), _side(after, assumed)
    spreads = known_spreads((*first, *second))
    made = compare_sides(first, second, known, spreads=spreads, force=force)
    return replace(
        made, units={key: told.unit for key, told in facts(known, assumed.currency).items()}
    )


def hold_against(
    comparison: Comparison, limit: float, metrics: Sequence[str] = GATED
) -> tuple[GateRow, ...]:
    """Hold a comparison against a limit.

    Args:
        comparison: The comparison.
        limit: By what share a metric may get worse, as 0.05.
        metrics: Names of metrics.
    """
    return tuple(row for name in known_metrics(metrics) for row in gate(comparison, name, limit))


def failed(rows: Sequence[GateRow]) -> list[GateRow]:
    """Return the rows that did not pass."""
    return [row for row in rows if row.outcome is GateOutcome.FAILED]


def undecided(rows: Sequence[GateRow]) -> list[GateRow]:
    """Return the rows that may be worse than the limit, or may not be: the runs cannot tell."""
    return [row for row in rows if row.outcome is GateOutcome.UNSETTLED]


def known_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """Check the names of metrics, and take each once.

    Raises:
        UsageError: one is unknown.
    """
    for name in names:
        if name not in METRICS:
            raise UsageError(
                f"--metric {name!r} is unknown.", f"Choose among {', '.join(METRICS)}."
            )
    return tuple(dict.fromkeys(names))


def _require_set(metrics: Sequence[str], assumed: Assumptions) -> None:
    for name in metrics:
        for key in METRICS[name].needs:
            if key in SETTINGS and key not in assumed.numbers:
                raise UsageError(
                    f"{name} needs {key}, which is not set.",
                    f"Set it, as `llamawatt config {key}={SETTINGS[key].example}`.",
                )


def _side(runs: Runs, assumed: Assumptions) -> tuple[Side, ...]:
    each = (runs,) if isinstance(runs, Run | Path | str) else tuple(runs)
    return tuple(
        side
        for one in each
        for side in (
            (side_of(one, assumed),) if isinstance(one, Run) else read_side([Path(one)], assumed)
        )
    )
