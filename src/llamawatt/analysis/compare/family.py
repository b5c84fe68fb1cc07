"""All comparisons of one group, over every figure that verdicts are told of, corrected together."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamawatt.analysis.compare.ratios import log_ratios, paired_ratio
from llamawatt.analysis.compare.verdict import Ratio, correct, inverse
from llamawatt.analysis.estimates.cells import Cell, CellKey
from llamawatt.analysis.estimates.memory import pooled_lag1
from llamawatt.core.metrics import METRICS, Use, keys
from llamawatt.core.trials import Purpose

TOLD = keys(Use.CORRECTED)
"""Figures whose verdicts are corrected together. The others are these in other units (a token's
joules are a reply's over its tokens), so each counts as if it stood in the place of one of them."""

N_ARMS_ALL_PAIRS = 12
"""Larger groups compare with the best arm and the reference only."""


@dataclass(frozen=True, slots=True)
class Family:
    """Ratios of one group and figure.

    Holm's correction counts every pair of arms on every suite in every figure that verdicts are
    told of, whether looked at or not, because what is told is chosen after seeing the numbers.
    """

    metric: str
    ratios: Mapping[tuple[str, str, str], Ratio]

    def ratio(self, suite: str, arm: str, baseline: str) -> Ratio | None:
        """Return arm over baseline; None when they cannot be compared."""
        found = self.ratios.get((suite, arm, baseline))
        if found is None and (turned := self.ratios.get((suite, baseline, arm))) is not None:
            return inverse(turned)
        return found


@dataclass(frozen=True, slots=True)
class Uncorrected:
    """Ratios of one group and figure before any correction.

    Attributes:
        ratios: Those that could be made.
        n_hypotheses: Pairs of arms, suite by suite, they were chosen from.
    """

    ratios: tuple[Ratio, ...]
    n_hypotheses: int


def uncorrected(
    cells: Mapping[CellKey, Cell], arms: Sequence[str], suites: Sequence[str], metric: str
) -> Uncorrected:
    """Compare the arms of a group in one figure, suite by suite."""
    chosen: list[tuple[Cell, Cell]] = []
    n_hypotheses = 0
    for suite in suites:
        present = [c for arm in arms if (c := cells.get((arm, suite, Purpose.SUITE))) is not None]
        n_hypotheses += len(present) * (len(present) - 1) // 2
        chosen += _pairs(present, metric)
    lag1 = pooled_lag1(log_ratios(one, other, METRICS[metric])[0] for one, other in chosen)
    made = (paired_ratio(one, other, metric, lag1=lag1) for one, other in chosen)
    return Uncorrected(tuple(ratio for ratio in made if ratio is not None), n_hypotheses)


def families(made: Mapping[str, Uncorrected], n_hypotheses: int = 0) -> dict[str, Family]:
    """Correct the comparisons of several figures together.

    Args:
        made: By figure.
        n_hypotheses: Size of the family they belong to, where it is larger than they are.
    """
    n_hypotheses = max(n_hypotheses, sum(each.n_hypotheses for each in made.values()))
    judged = correct([r for each in made.values() for r in each.ratios], n_hypotheses)
    return {
        metric: Family(
            metric, {(r.suite, r.arm, r.baseline): r for r in judged if r.metric == metric}
        )
        for metric in made
    }


def best_first(cells: Sequence[Cell], metric: str) -> list[Cell]:
    """Return the cells that have the figure, best first."""
    figures = [(cell, made.value) for cell in cells if (made := cell.estimate(metric)) is not None]
    sign = 1 if METRICS[metric].lower_is_better else -1
    return [cell for cell, value in sorted(figures, key=lambda pair: sign * pair[1])]


def _pairs(present: Sequence[Cell], metric: str) -> list[tuple[Cell, Cell]]:
    if len(present) <= N_ARMS_ALL_PAIRS:
        return list(itertools.combinations(present, 2))
    ranked = best_first(present, metric)
    hubs = [present[0], *ranked[:1]]
    return [(cell, hub) for hub in hubs for cell in present if cell is not hub]
