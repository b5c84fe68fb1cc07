"""Cache settings side by side: bytes of cache, joules per token, how good the answers stay."""

from collections.abc import Iterable

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.rules.bits import setting_of
from llamawatt.analysis.rules.findings import Cheapest
from llamawatt.core.cache_types import cache_bytes_per_token, cache_setting
from llamawatt.core.format import MISSING, quantity_text
from llamawatt.core.plan import CACHE, ArmRecord, QualityRecord
from llamawatt.report.content import quality_limit as passing
from llamawatt.report.content.bits import choice_text
from llamawatt.report.content.quality_limit import KLD_PASSES, Level
from llamawatt.report.model import Passage, ReportModel, Row
from llamawatt.report.words.headings import Section

Key = tuple[str, str, str, str]


def caches(model: ReportModel, suite: str = "") -> tuple[Level, ...]:
    """Return the arms of the comparison, in the study's order, by suite."""
    arms = {arm.name: arm for arm in model.study.arms}
    quality = {_judged_key(record): record for record in judged_settings(model)}
    return tuple(
        _level(model, row, arms[row.arm], quality.get(key_of(arms[row.arm])))
        for row in model.suite_rows(CACHE, suite)
    )


def judged_settings(model: ReportModel) -> tuple[QualityRecord, ...]:
    """Return how settings were judged against the f16 cache of their own model."""
    return tuple(record for record in model.quality if record.among == "settings")


def key_of(arm: ArmRecord) -> Key:
    """Return what an arm's quality goes by."""
    return (arm.model, *cache_setting(arm))


def why_no_kld(model: ReportModel) -> str:
    """Say why settings cannot be held against quality; empty when two of them can."""
    found = caches(model)
    n_judged = len({level.row.arm for level in found if level.kld is not None})
    return passing.why_no_kld(found, judged_settings(model), n_judged, "settings")


def contests(model: ReportModel) -> tuple[tuple[Level, ...], ...]:
    """Return the settings that compete: of one suite and one model."""
    return tuple(
        found
        for suite in model.suites
        for file in model.study.models
        if (found := tuple(c for c in caches(model, suite) if c.model.name == file.name))
    )


def cheapests(model: ReportModel, assessment: Assessment) -> Iterable[Cheapest]:
    """Find the cheapest setting that passes, for every suite and model, where any was judged."""
    if judged_settings(model) and not why_no_kld(model):
        yield from passing.cheapests(assessment, CACHE, contests(model))


def passages(model: ReportModel) -> tuple[Passage, ...]:
    """Say which setting is the cheapest that still passes."""
    if not caches(model) or not judged_settings(model):
        return ()
    why = why_no_kld(model)
    if why:
        text = f"No cache setting can be passed or failed: {why}."
        return (Passage(Section.TUNING, "Quality of the cache settings", text, "note"),)
    judged = next(record for record in judged_settings(model) if record.kld is not None)
    references = dict.fromkeys(r.reference for r in judged_settings(model) if r.reference)
    name = judged.reference if len(references) == 1 else "their own model's f16 cache"
    text = (
        f"By energy per token, among settings whose mean divergence from {name} is at most "
        f"{KLD_PASSES:g} nat on {judged.text} ({judged.n_tokens} tokens, in windows of "
        f"{judged.n_ctx}); {choice_text()} Quality was judged on the CPU, in windows that are as "
        "long as the text allows, which may be shorter than the context measured."
    )
    return (passing.passage(model, contests(model), "No cache setting passes", text),)


def cache_text(level: Level) -> str:
    """Return the size of a setting's cache, per token of context."""
    return MISSING if level.size_bytes is None else quantity_text(level.size_bytes, "B")


def _judged_key(record: QualityRecord) -> Key:
    return record.model, record.cache_type_k, record.cache_type_v, record.flash_attn


def _level(model: ReportModel, row: Row, arm: ArmRecord, quality: QualityRecord | None) -> Level:
    file = next(each for each in model.study.models if each.name == arm.model)
    size_bytes = cache_bytes_per_token(file, arm)
    told = "cache of unknown size"
    if size_bytes is not None:
        told = f"{quantity_text(size_bytes, 'B')} of cache per token"
    label = setting_of(arm)
    if len(model.study.models) > 1:
        label = f"{arm.model}, {label}"
    return Level(row, file, quality, label, size_bytes, told)
