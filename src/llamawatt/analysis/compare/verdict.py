"""A ratio of arms and its verdict, "not distinguishable" included.

A verdict needs three things: the 95 % interval leaves out one, Student's t on the logs agrees
after Holm's correction over the family, and the sensors' gain errors cannot undo it.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scipy.special import ndtri, stdtrit

from llamawatt.analysis.estimates.stats import Estimate, exp, holm

ALPHA = 0.05
N_REPEATS_CEILING = 1000
POWER = 0.8
_N_TOO_FEW = 2


class Verdict(StrEnum):
    """What a ratio says about the arm against its baseline."""

    LOWER = "lower"
    HIGHER = "higher"
    NOT_DISTINGUISHABLE = "not distinguishable"


class Limit(StrEnum):
    """What stands between a ratio and a verdict."""

    NONE = "none"
    SCATTER = "scatter"
    GAIN = "gain"
    TOO_FEW = "too few repeats"
    ONE_RUN = "one run a side"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of an arm over the same figure of its baseline, on one suite.

    Attributes:
        metric: Field of `Metrics`.
        arm: The arm in the numerator.
        baseline: The arm in the denominator.
        suite: The suite; `all suites` for the mean over suites.
        value: Geometric mean of the ratios of the repeats.
        low: Lower end of the 95 % interval from scatter and sensor noise; None when too few.
        high: Upper end.
        gain: Bound of the gain errors on the ratio's logarithm; 0 where they cancel.
        low_total: Lower end with the gain errors added.
        high_total: Upper end with the gain errors added.
        p: Two-sided p-value of "no difference", before correction.
        p_holm: After Holm's correction over the family; None until the family is known.
        n: Pairs, or the smaller number of repeats when unpaired.
        paired: Whether repeats were paired by block.
        verdict: With gain errors counted.
        within_method: What the same numbers say if the gain errors are left out.
        limit: What prevented a verdict.
        n_repeats_needed: Repeats that would settle it with 80 % power, were it as large and as
            scattered as it looks, in a family of this size; None when settled, when no number of
            repeats would, or when it is above `N_REPEATS_CEILING`.
        methods: Methods of the joules in it; empty for times.
        n_family: Comparisons that it was chosen from, itself included.
        counts_runs: Whether `n` counts whole runs, not repeats within one.
        scatter: Standard deviation of the logarithm of one run over one run; None within runs.
        within_runs: Whether the interval is the repeatability within one run a side, which says
            nothing of the spread between runs: then there is no verdict.
    """

    metric: str
    arm: str
    baseline: str
    suite: str
    value: float
    low: float | None
    high: float | None
    gain: float
    low_total: float | None
    high_total: float | None
    p: float | None
    p_holm: float | None
    n: int
    paired: bool
    verdict: Verdict
    within_method: Verdict
    limit: Limit
    n_repeats_needed: int | None
    methods: tuple[str, ...] = ()
    n_family: int = 1
    counts_runs: bool = False
    scatter: float | None = None
    within_runs: bool = False


def correct(family: Sequence[Ratio], n_hypotheses: int = 0) -> tuple[Ratio, ...]:
    """Apply Holm's correction over a family of ratios and judge each again.

    Args:
        family: The ratios.
        n_hypotheses: Size of the family they were chosen from, if that is larger.
    """
    known = [ratio.p for ratio in family if ratio.p is not None]
    adjusted = iter(holm(known, n_hypotheses))
    n_family = max(len(family), n_hypotheses)
    return tuple(
        _judged(
            replace(ratio, n_family=n_family, p_holm=None if ratio.p is None else next(adjusted))
        )
        for ratio in family
    )


def inverse(ratio: Ratio) -> Ratio:
    """Return the ratio seen from the other side: baseline over arm."""
    return replace(
        ratio,
        arm=ratio.baseline,
        baseline=ratio.arm,
        value=1 / ratio.value,
        low=_over(ratio.high),
        high=_over(ratio.low),
        low_total=_over(ratio.high_total),
        high_total=_over(ratio.low_total),
        verdict=_TURNED[ratio.verdict],
        within_method=_TURNED[ratio.within_method],
    )


def judged_ratio(
    metric: str, logs: Estimate, p: float | None, gain: float, *, run_scatter: float | None = None
) -> Ratio:
    """Turn the estimate of a log ratio into a judged ratio, still without names.

    Args:
        metric: Key of `METRICS`.
        logs: Estimate of the log ratio.
        p: p-value of no difference.
        gain: Bound of the gain errors on the log ratio.
        run_scatter: Where whole runs are counted: standard deviation of one run over one run.
    """
    low, high = logs.low, logs.high
    bare = Ratio(
        metric=metric,
        arm="",
        baseline="",
        suite="",
        value=exp(logs.value),
        low=None if low is None else exp(low),
        high=None if high is None else exp(high),
        gain=gain,
        low_total=None if low is None else exp(low - gain),
        high_total=None if high is None else exp(high + gain),
        p=p,
        p_holm=None,
        n=logs.n,
        paired=run_scatter is None,
        verdict=Verdict.NOT_DISTINGUISHABLE,
        within_method=Verdict.NOT_DISTINGUISHABLE,
        limit=Limit.TOO_FEW,
        n_repeats_needed=None,
        counts_runs=run_scatter is not None,
        scatter=run_scatter,
    )
    return _judged(bare)


def _judged(ratio: Ratio) -> Ratio:
    if ratio.within_runs:
        return replace(
            ratio, verdict=_NO, within_method=_NO, limit=Limit.ONE_RUN, n_repeats_needed=None
        )
    if ratio.low is None or ratio.high is None:
        return replace(ratio, limit=Limit.TOO_FEW, n_repeats_needed=3)
    p = ratio.p if ratio.p_holm is None else ratio.p_holm
    within = _side(ratio.low, ratio.high) if p is None or p < ALPHA else _NO
    total = _side(ratio.low * exp(-ratio.gain), ratio.high * exp(ratio.gain))
    verdict = within if total is within else _NO
    limit, needed = Limit.NONE, None
    if verdict is _NO:
        limit, needed = _obstacle(ratio, ratio.low, ratio.high)
    return replace(
        ratio, verdict=verdict, within_method=within, limit=limit, n_repeats_needed=needed
    )


_NO = Verdict.NOT_DISTINGUISHABLE
_TURNED = {Verdict.LOWER: Verdict.HIGHER, Verdict.HIGHER: Verdict.LOWER, _NO: _NO}


def _over(value: float | None) -> float | None:
    return None if value is None else 1 / value


def _side(low: float, high: float) -> Verdict:
    if high < 1:
        return Verdict.LOWER
    return Verdict.HIGHER if low > 1 else _NO


def _obstacle(ratio: Ratio, low: float, high: float) -> tuple[Limit, int | None]:
    """Say what prevents a verdict, and how many repeats would end it.

    From the half-width `h` seen with n repeats, the scatter of one is `h sqrt(n) / t`. An effect
    `|ln R|`, less what the gain errors may take, is settled by the fewest repeats n for which
    `(t_alpha + t_power) s / sqrt(n)` is no more, with Student's t of that n and the level that
    Holm's correction leaves to the smallest p-value of the family.
    """
    effect = abs(math.log(ratio.value)) - ratio.gain
    if ratio.gain > 0 and effect <= 0:
        return Limit.GAIN, None
    scatter = ratio.scatter
    if scatter is None:
        half = (math.log(high) - math.log(low)) / 2
        scatter = half * math.sqrt(ratio.n) / float(stdtrit(_n_free(ratio.n, ratio), 0.975))
    limit = Limit.TOO_FEW if ratio.n == _N_TOO_FEW else Limit.SCATTER
    if not effect or not scatter:
        return limit, None
    return limit, _needed(ratio, effect / scatter)


def _needed(ratio: Ratio, effect: float) -> int | None:
    """Return the fewest repeats that settle an effect, in standard deviations of one repeat."""
    normal = float(ndtri(1 - ALPHA / 2 / ratio.n_family) + ndtri(POWER))
    few = max(ratio.n + 1, math.ceil(min((normal / effect) ** 2, N_REPEATS_CEILING + 1)))
    if few > N_REPEATS_CEILING:
        return None
    # Student's quantiles fall towards the normal ones, so what few ask for is enough.
    many = math.ceil(min((_reach(few, ratio) / effect) ** 2, N_REPEATS_CEILING))
    counts = range(few, max(few, many) + 1)
    enough = bisect_left(counts, x=True, key=lambda n: _reach(n, ratio) / math.sqrt(n) <= effect)
    return counts[enough] if enough < len(counts) else None


def _reach(n: int, ratio: Ratio) -> float:
    """Standard errors that n repeats settle."""
    n_free = _n_free(n, ratio)
    return float(stdtrit(n_free, 1 - ALPHA / 2 / ratio.n_family) + stdtrit(n_free, POWER))


def _n_free(n: int, ratio: Ratio) -> int:
    """Degrees of freedom with n pairs, or n repeats a side."""
    return n - 1 if ratio.paired else 2 * n - 2
