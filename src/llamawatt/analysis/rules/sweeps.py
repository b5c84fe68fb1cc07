"""Rules about sweeps: where more stops paying, partial offload, and parallel streams."""

from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.compare.verdict import Ratio, Verdict
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.groups import Level, Sweep
from llamawatt.analysis.rules.findings import (
    Offload,
    PartialOffload,
    Scaling,
    ScalingPoint,
    Streams,
)


def scalings(assessment: Assessment) -> Iterable[Scaling]:
    """Follow latency and joules along every sweep, parallel streams apart."""
    for sweep in assessment.sweeps:
        if sweep.factor == "n_parallel":
            continue
        points = tuple(
            point for level in sweep.levels if (point := _point(assessment, sweep, level))
        )
        if len(points) > 1:
            yield _scaling(assessment, sweep, points)


def partial_offloads(assessment: Assessment) -> Iterable[PartialOffload]:
    """Hold every partly offloaded arm against both ends of its sweep."""
    for sweep in assessment.sweeps:
        if sweep.factor != "n_gpu_layers" or len(sweep.levels) < 3 or sweep.levels[0].value != 0:
            continue
        none, full = sweep.levels[0].arm.name, sweep.levels[-1].arm.name
        metered = all(_has(assessment, sweep, level, "energy_j") for level in sweep.levels)
        metric = "energy_j" if metered else "latency_s"
        family = assessment.family(sweep.group, metric)
        for level in sweep.levels[1:-1]:
            arm = level.arm.name
            to_none = family.ratio(sweep.suite, arm, none)
            to_full = family.ratio(sweep.suite, arm, full)
            if to_none is not None and to_full is not None:
                outcome = offload(to_none, to_full)
                yield PartialOffload(
                    sweep.suite, metric, arm, level.value, none, full, to_none, to_full, outcome
                )


def offload(to_none: Ratio, to_full: Ratio) -> Offload:
    """Judge partial offload by its ratios to both ends."""
    verdicts = {to_none.verdict, to_full.verdict}
    if verdicts == {Verdict.HIGHER}:
        return Offload.TRAP
    if verdicts == {Verdict.LOWER}:
        return Offload.BEST
    return Offload.UNDECIDED if Verdict.NOT_DISTINGUISHABLE in verdicts else Offload.BETWEEN


def streams(assessment: Assessment) -> Iterable[Streams]:
    """Hold the most parallel arm against the least parallel one."""
    for sweep in assessment.sweeps:
        if sweep.factor != "n_parallel":
            continue
        one, many = sweep.levels[0].arm.name, sweep.levels[-1].arm.name
        throughput, latency, joules = (
            assessment.family(sweep.group, metric).ratio(sweep.suite, many, one)
            for metric in ("tok_per_s", "latency_s", "j_per_token")
        )
        if throughput is not None and latency is not None:
            n_streams = sweep.levels[-1].value
            yield Streams(
                sweep.suite, sweep.device, one, many, n_streams, throughput, latency, joules
            )


def _scaling(assessment: Assessment, sweep: Sweep, points: tuple[ScalingPoint, ...]) -> Scaling:
    fastest = min(points, key=lambda point: point.latency_s.value)
    metered = [(p.energy_j.value, p) for p in points if p.energy_j is not None]
    thriftiest = min(metered, key=lambda pair: pair[0])[1] if metered else None
    latency = assessment.family(sweep.group, "latency_s")
    energy = assessment.family(sweep.group, "energy_j")
    knee = _saturates_at(assessment, sweep, points)
    above = [point for point in points if point.value > points[knee].value]
    held_against = [latency.ratio(sweep.suite, point.arm, points[knee].arm) for point in above]
    best_above = min(above, key=lambda point: point.latency_s.value, default=None)
    return Scaling(
        group=sweep.group,
        factor=sweep.factor,
        device=sweep.device,
        suite=sweep.suite,
        points=points,
        fastest=fastest.value,
        thriftiest=None if thriftiest is None else thriftiest.value,
        saturates_at=points[knee].value,
        latency=latency.ratio(sweep.suite, fastest.arm, points[0].arm),
        energy=None
        if thriftiest is None or thriftiest.arm == fastest.arm
        else energy.ratio(sweep.suite, thriftiest.arm, fastest.arm),
        beyond=None
        if best_above is None
        else latency.ratio(sweep.suite, best_above.arm, points[knee].arm),
        all_slower=bool(above)
        and all(ratio is not None and ratio.verdict is Verdict.HIGHER for ratio in held_against),
        saved=energy.ratio(sweep.suite, fastest.arm, points[0].arm),
        held=sweep.held,
    )


def _saturates_at(assessment: Assessment, sweep: Sweep, points: tuple[ScalingPoint, ...]) -> int:
    """Return the place of the smallest level that no higher one beats beyond doubt."""
    family = assessment.family(sweep.group, "latency_s")
    for at, point in enumerate(points):
        ratios = [family.ratio(sweep.suite, higher.arm, point.arm) for higher in points[at + 1 :]]
        if not any(ratio is not None and ratio.verdict is Verdict.LOWER for ratio in ratios):
            return at
    return len(points) - 1


def _point(assessment: Assessment, sweep: Sweep, level: Level) -> ScalingPoint | None:
    cell = assessment.cell(level.arm.name, sweep.suite)
    latency = None if cell is None else cell.estimate("latency_s")
    if cell is None or latency is None:
        return None
    seen = not assessment.blind_to(level.arm)
    return ScalingPoint(
        level.value,
        cell.arm,
        latency,
        cell.estimate("energy_j") if seen else None,
        cell.estimate("j_per_token") if seen else None,
        cell.estimate("tok_per_s"),
    )


def _has(assessment: Assessment, sweep: Sweep, level: Level, metric: str) -> bool:
    cell: Cell | None = assessment.cell(level.arm.name, sweep.suite)
    return cell is not None and cell.has(metric) and not assessment.blind_to(level.arm)
