"""Rules about arms side by side: who wins what, how, and beside the study's own claim."""

from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.compare.family import best_first
from llamawatt.analysis.compare.ratios import over_suites
from llamawatt.analysis.compare.verdict import Ratio, Verdict, inverse
from llamawatt.analysis.estimates.groups import is_swept, reference
from llamawatt.analysis.rules.findings import PaperClaim, Race, RaceToSleep, Ranked, Ranking
from llamawatt.core.metrics import METRICS, Use, keys
from llamawatt.core.plan import BASELINE


def rankings(assessment: Assessment) -> Iterable[Ranking]:
    """Rank the arms of every group that is no sweep, suite by suite."""
    for group in assessment.groups:
        arms = assessment.arms(group)
        if len(arms) < 2 or is_swept(group, arms):
            continue
        for metric in keys(Use.RANKED):
            for suite in assessment.suites:
                yield from _ranking(assessment, group, suite, metric)


def races(assessment: Assessment) -> Iterable[RaceToSleep]:
    """Tell haste from thrift: each arm beside the group's reference."""
    for group in assessment.groups:
        arms = assessment.arms(group)
        if len(arms) < 2 or is_swept(group, arms):
            continue
        baseline = reference(arms).name
        for arm in (a.name for a in arms if a.name != baseline):
            for suite in assessment.suites:
                ratios = [
                    assessment.family(group, metric).ratio(suite, arm, baseline)
                    for metric in ("latency_s", "power_w", "energy_j")
                ]
                latency, power, energy = ratios
                if latency is not None and power is not None and energy is not None:
                    outcome = race(latency, power, energy)
                    yield RaceToSleep(arm, baseline, suite, latency, power, energy, outcome)


def race(latency: Ratio, power: Ratio, energy: Ratio) -> Race:
    """Judge one race by its three verdicts."""
    verdicts = (latency.verdict, power.verdict, energy.verdict)
    low, high = Verdict.LOWER, Verdict.HIGHER
    return {
        (low, high, low): Race.RACE_TO_SLEEP,
        (low, high, high): Race.COSTLY_HASTE,
        (low, low, low): Race.FASTER_AND_COOLER,
        (high, low, low): Race.SLOW_AND_STEADY,
        (high, low, high): Race.SLOWER_AND_COSTLIER,
        (high, high, high): Race.SLOWER_AND_COSTLIER,
    }.get(verdicts, Race.UNDECIDED)


def paper_claims(assessment: Assessment) -> Iterable[PaperClaim]:
    """Put the baseline's GPU arm beside its CPU arm, over all suites that both ran."""
    arms = assessment.arms(BASELINE)
    cpu = next((arm for arm in arms if arm.device == "cpu"), None)
    gpu = next((arm for arm in arms if arm.device == "gpu"), None)
    if cpu is None or gpu is None:
        return
    blind = assessment.blind_to(cpu) or assessment.blind_to(gpu)
    both = [
        (one, other)
        for suite in assessment.suites
        if (one := assessment.cell(gpu.name, suite)) and (other := assessment.cell(cpu.name, suite))
    ]
    latency = over_suites(both, "latency_s") if both else None
    if latency is not None:
        energy = None if blind else over_suites(both, "energy_j")
        turned = None if energy is None else inverse(energy)
        yield PaperClaim(gpu.name, cpu.name, inverse(latency), turned, blind)


def _ranking(assessment: Assessment, group: str, suite: str, metric: str) -> Iterable[Ranking]:
    arms = assessment.arms(group)
    if METRICS[metric].is_energy:
        arms = tuple(arm for arm in arms if not assessment.blind_to(arm))
    present = [c for arm in arms if (c := assessment.cell(arm.name, suite))]
    order = best_first(present, metric)
    if len(order) < 2:
        return
    family = assessment.family(group, metric)
    first = order[0].arm
    ratios = {cell.arm: family.ratio(suite, first, cell.arm) for cell in order[1:]}
    ranked = tuple(
        Ranked(cell.arm, made) for cell in order if (made := cell.estimate(metric)) is not None
    )
    lead = ratios[order[1].arm]
    yield Ranking(
        group=group,
        suite=suite,
        metric=metric,
        order=ranked,
        tied=tuple(
            arm
            for arm, ratio in ratios.items()
            if ratio is None or ratio.verdict is Verdict.NOT_DISTINGUISHABLE
        ),
        lead=lead,
        methods=() if lead is None else lead.methods,
    )
