"""From a run to the report as one inert value."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.compare.verdict import Ratio
from llamawatt.analysis.estimates.at_wall import reply_at_wall
from llamawatt.analysis.estimates.cells import Cell
from llamawatt.analysis.estimates.groups import reference
from llamawatt.analysis.rules.argument import argue
from llamawatt.core.errors import RunDirectoryError
from llamawatt.core.metrics import METRICS, Use, facts, keys
from llamawatt.core.plan import BASELINE
from llamawatt.core.trials import Purpose
from llamawatt.report.content import bits, caches
from llamawatt.report.content.headline import headline
from llamawatt.report.content.learnt import learnt
from llamawatt.report.content.next_step import next_step
from llamawatt.report.content.power_series import power_trace
from llamawatt.report.content.source import Source
from llamawatt.report.model import SCHEMA, DomainShare, IdleRow, PowerTrace, ReportModel, Row
from llamawatt.report.words.findings import passages
from llamawatt.runs.traces import read_trace

_N_TRACES = 2
_TOLD_UNEVEN = ("latency_s", "energy_j")
_UNEVEN = 3.0
"""Repeats of one setting that are further apart than this factor are no repeats of one thing."""


def summarise(source: Source, made_at: str = "") -> ReportModel:
    """Assemble the report of a run, without its figures.

    Args:
        source: The run, analysed.
        made_at: UTC date of the report, ISO 8601.
    """
    assessment = source.assessment
    findings = argue(assessment)
    rows = tuple(_row(assessment, cell) for cell in _all_cells(assessment))
    traces, warnings = _traces(source)
    suite_rows = tuple(row for row in rows if row.purpose is Purpose.SUITE)
    plain = tuple(row for row in suite_rows if BASELINE in row.groups) or suite_rows
    model = ReportModel(
        schema=SCHEMA,
        run=source.path.name,
        made_at=made_at,
        study=assessment.study,
        machine=assessment.machine,
        headline=headline(plain),
        passages=passages(findings),
        rows=rows,
        ratios=tuple(_ratios(assessment)),
        findings=findings,
        splits=assessment.splits,
        roofs=assessment.roofs,
        attributions=tuple(assessment.attributions.values()),
        idle=tuple(_idle(assessment)),
        traces=traces,
        figures=(),
        events=source.events,
        warnings=(*source.warnings, *warnings),
        n_trials=assessment.n_trials,
        failures=assessment.failures,
        suites=assessment.suites,
        quality=source.quality,
        learnt=learnt(findings, suite_rows, assessment.study),
        next_step=next_step(findings, suite_rows, assessment.study),
        metrics=facts(assessment.metrics, assessment.assumed.currency),
    )
    return _with_quality(model, assessment)


def _with_quality(model: ReportModel, assessment: Assessment) -> ReportModel:
    """Add what the quality that was judged shows beside the joules."""
    found = (*bits.cheapests(model, assessment), *caches.cheapests(model, assessment))
    model = replace(model, findings=(*model.findings, *found))
    told = (*bits.passages(model), *caches.passages(model))
    return replace(model, passages=(*model.passages, *told))


def _all_cells(assessment: Assessment) -> Iterable[Cell]:
    yield from assessment.suite_cells
    yield from (cell for key, cell in assessment.cells.items() if key[2] is not Purpose.SUITE)


def _row(assessment: Assessment, cell: Cell) -> Row:
    arm = assessment.arm(cell.arm)
    estimates = {key: made for key in METRICS if (made := cell.estimate(key)) is not None}
    return Row(
        arm=cell.arm,
        suite=cell.suite,
        purpose=cell.purpose,
        device="" if arm is None else arm.device,
        groups=() if arm is None else (arm.group, *arm.also_in),
        n=cell.n,
        estimates=estimates,
        gain=cell.gain(METRICS["energy_j"]),
        methods=tuple(sorted(cell.methods)),
        modelled_share=cell.modelled_share,
        domains=_domains(cell),
        flags=dict(cell.flags),
        blind_to="" if arm is None else assessment.blind_to(arm),
        uneven=_uneven(cell),
        at_wall=reply_at_wall(cell, assessment.machine.wall_model),
    )


def _uneven(cell: Cell) -> dict[str, tuple[float, float]]:
    """Return the ends of repeats that are too far apart to be one figure."""
    found = {}
    for metric in _TOLD_UNEVEN:
        values = cell.columns.get(metric, np.empty(0))
        values = values[np.isfinite(values)]
        if values.size and values.max() > _UNEVEN * values.min() > 0:
            found[metric] = (float(values.min()), float(values.max()))
    return found


def _domains(cell: Cell) -> dict[str, DomainShare]:
    return {
        name: DomainShare(
            energy_j=_median(domain.energy_j / cell.columns["n_replies"]),
            power_w=_median(domain.mean_power_w),
            methods=tuple(sorted(domain.methods)),
            sources=tuple(sorted(domain.sources)),
            in_total=domain.in_total,
        )
        for name, domain in cell.domains.items()
    }


def _median(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(np.nanmedian(values))


def _ratios(assessment: Assessment) -> Iterable[Ratio]:
    """Every arm over its group's reference, in every compared figure."""
    for group in assessment.groups:
        arms = assessment.arms(group)
        base = reference(arms).name
        for metric in keys(Use.COMPARED):
            family = assessment.family(group, metric)
            for suite in assessment.suites:
                for arm in arms:
                    found = family.ratio(suite, arm.name, base) if arm.name != base else None
                    if found is not None:
                        yield found


def _idle(assessment: Assessment) -> Iterable[IdleRow]:
    order = [arm.name for arm in assessment.study.arms]
    for name in dict.fromkeys([*order, *assessment.idle]):
        idle = assessment.idle.get(name)
        if idle is not None and (idle.power_w or idle.load_s is not None):
            yield IdleRow(
                idle.arm, dict(idle.power_w), idle.extra_w, idle.load_s, idle.load_j, idle.modelled
            )


def _traces(source: Source) -> tuple[tuple[PowerTrace, ...], list[str]]:
    """Read the traces of one trial each of the plainest arms, one of every device."""
    assessment = source.assessment
    plain = assessment.arms(BASELINE) or assessment.study.arms
    by_device = {arm.device: arm.name for arm in reversed(plain) if not arm.skipped}
    wanted = [arm.name for arm in plain if arm.name in by_device.values()][:_N_TRACES]
    found, warnings = [], []
    for arm in wanted:
        for trial in source.first_trials.get(arm, ()):
            try:
                made = power_trace(
                    trial,
                    read_trace(source.path, trial.trial_id),
                    assessment.machine.domains,
                )
            except RunDirectoryError as error:
                warnings.append(str(error))
                continue
            if made is not None:
                found.append(made)
                break
    return tuple(found), warnings
