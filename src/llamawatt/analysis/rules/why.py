"""Rules about why: what idling costs, what each phase costs, how near the memory's roof."""

from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.estimates.idle import break_even_s
from llamawatt.analysis.rules.findings import Bandwidth, Phases, Residency
from llamawatt.core.plan import BASELINE


def residencies(assessment: Assessment) -> Iterable[Residency]:
    """Say what a resident model costs, for the arms of the baseline (or the first arm)."""
    for arm in _plain_arms(assessment):
        idle = assessment.idle.get(arm)
        if idle is None or idle.extra_w is None:
            continue
        yield Residency(
            arm=arm,
            bare_w=idle.power_w["bare"],
            model_w=idle.power_w["model"],
            extra_w=idle.extra_w,
            load_above_j=idle.load_above_j,
            break_even_s=None
            if idle.load_above_j is None
            else break_even_s(idle.load_above_j, idle.extra_w),
            modelled=idle.modelled,
        )


def phases(assessment: Assessment) -> Iterable[Phases]:
    """Say what a token costs in each phase, where that can be told and is positive."""
    for arm in _plain_arms(assessment):
        attribution = assessment.attributions.get(arm)
        cost = None if attribution is None else attribution.best
        if attribution is None or cost is None:
            continue
        prefill, decode = cost.prefill_j_per_token.value, cost.decode_j_per_token.value
        if prefill > 0 and decode > 0:
            yield Phases(attribution, decode / prefill)


def bandwidths(assessment: Assessment) -> Iterable[Bandwidth]:
    """Say how near decoding comes to the memory's roof, for the first suite of each plain arm."""
    arms = set(_plain_arms(assessment))
    for arm in dict.fromkeys(point.arm for point in assessment.roofs if point.arm in arms):
        yield Bandwidth(next(point for point in assessment.roofs if point.arm == arm))


def _plain_arms(assessment: Assessment) -> list[str]:
    baseline = [arm.name for arm in assessment.arms(BASELINE)]
    return baseline or [arm for arm, _, _ in list(assessment.cells)[:1]]
