"""All comparisons of one group and figure, corrected together."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.analysis.compare.ratios import paired_ratio
from llamawatt.analysis.compare.verdict import Ratio, correct, inverse
from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.core.metrics import METRICS
from llamawatt.core.trials import Purpose

N_ARMS_ALL_PAIRS = 12
"""Larger groups compare with the best arm and the reference only."""


@dataclass(frozen=True, slots=True)
class Family:
    """Ratios of one group and figure.

    Holm's correction counts every pair of arms on every suite, whether looked at or not,
    because the pair that is told is chosen after seeing the numbers.
    """

    metric: str
    ratios: Mapping[tuple[str, str, str], Ratio]

    def ratio(self, suite: str, arm: str, baseline: str) -> Ratio | None:
        """Return arm over baseline; None when they cannot be compared."""
        found = self.ratios.get((suite, arm, baseline))
        if found is None and (turned := self.ratios.get((suite, baseline, arm))) is not None:
            return inverse(turned)
        return found


def family(
    cells: Mapping[CellKey, Cell], arms: Sequence[str], suites: Sequence[str], metric: str
) -> Family:
    """Compare the arms of a group in one figure, suite by suite."""
    found: list[Ratio] = []
    n_hypotheses = 0
    for suite in suites:
        present = [c for arm in arms if (c := cells.get((arm, suite, Purpose.SUITE))) is not None]
        n_hypotheses += len(present) * (len(present) - 1) // 2
        for one, other in _pairs(present, metric):
            made = paired_ratio(one, other, metric)
            if made is not None:
                found.append(made)
    judged = correct(found, n_hypotheses)
    return Family(metric, {(r.suite, r.arm, r.baseline): r for r in judged})


def best_first(cells: Sequence[Cell], metric: str) -> list[Cell]:
    """Return the cells that have the figure, best median first."""
    medians = [(cell, made.value) for cell in cells if (made := cell.estimate(metric)) is not None]
    sign = 1 if METRICS[metric].lower_is_better else -1
    return [cell for cell, value in sorted(medians, key=lambda pair: sign * pair[1])]


def _pairs(present: Sequence[Cell], metric: str) -> list[tuple[Cell, Cell]]:
    if len(present) <= N_ARMS_ALL_PAIRS:
        return list(itertools.combinations(present, 2))
    ranked = best_first(present, metric)
    hubs = [present[0], *ranked[:1]]
    return [(cell, hub) for hub in hubs for cell in present if cell is not hub]
