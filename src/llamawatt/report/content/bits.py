"""Bit widths side by side: what the file holds, what a token costs, how good the answers stay."""

import math
from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.rules.findings import Cheapest
from llamawatt.core.format import number_text, percent_text, quantity_text
from llamawatt.core.plan import QUANTIZATION, ModelRecord, QualityRecord
from llamawatt.report.content import quality_limit as passing
from llamawatt.report.content.quality_limit import KLD_PASSES, Level
from llamawatt.report.model import Passage, ReportModel, Row
from llamawatt.report.words.headings import Section


def widths(model: ReportModel, suite: str = "") -> tuple[Level, ...]:
    """Return the arms of the comparison whose bits are known, by suite, most bits first."""
    files = {m.name: m for m in model.study.models if m.bits_per_weight is not None}
    names = {arm.name: arm.model for arm in model.study.arms}
    quality = {record.model: record for record in judged_models(model)}
    found = [
        _width(row, files[names[row.arm]], quality.get(names[row.arm]))
        for row in model.suite_rows(QUANTIZATION, suite)
        if names[row.arm] in files
    ]
    order = list(model.suites)
    return tuple(
        sorted(found, key=lambda w: (order.index(w.row.suite), -(w.model.bits_per_weight or 0.0)))
    )


def judged_models(model: ReportModel) -> tuple[QualityRecord, ...]:
    """Return how models were judged against each other."""
    return tuple(record for record in model.quality if record.among == "models")


def why_no_kld(model: ReportModel) -> str:
    """Say why bit widths cannot be held against quality; empty when two of them can."""
    found = widths(model)
    n_judged = len({width.model.name for width in found if width.kld is not None})
    return passing.why_no_kld(found, judged_models(model), n_judged, "models")


def contests(model: ReportModel) -> tuple[tuple[Level, ...], ...]:
    """Return the bit widths that compete: those of one suite."""
    return tuple(found for suite in model.suites if (found := widths(model, suite)))


def cheapests(model: ReportModel, assessment: Assessment) -> Iterable[Cheapest]:
    """Find the cheapest bit width that passes, suite by suite, where any was judged."""
    if judged_models(model) and not why_no_kld(model):
        yield from passing.cheapests(assessment, QUANTIZATION, contests(model))


def passages(model: ReportModel) -> tuple[Passage, ...]:
    """Say which bit width is the cheapest that still passes, suite by suite."""
    if not widths(model) or not judged_models(model):
        return ()
    why = why_no_kld(model)
    if why:
        text = f"No bit width can be passed or failed: {why}."
        return (Passage(Section.TUNING, "Quality of the bit widths", text, "note"),)
    judged = next(record for record in judged_models(model) if record.kld is not None)
    text = (
        f"By energy per token, among models whose mean divergence from {judged.reference} is at "
        f"most {KLD_PASSES:g} nat on {judged.text} ({judged.n_tokens} tokens); {choice_text()} A "
        "model judged against a reference that was itself quantised passes against that, not "
        "against full precision."
    )
    return (passing.passage(model, contests(model), "No bit width passes", text),)


def choice_text() -> str:
    """Say what the limit means."""
    far = percent_text(math.sqrt(KLD_PASSES / 2))
    return f"that is a choice, under which at most {far} of a token's probability moves on average."


def size_text(model: ModelRecord) -> str:
    """Return the size of a model's file."""
    return quantity_text(model.size_bytes, "B")


def _width(row: Row, file: ModelRecord, quality: QualityRecord | None) -> Level:
    told = f"{number_text(file.bits_per_weight)} bits per weight"
    return Level(row, file, quality, file.name, float(file.size_bytes), told)
