"""The tables of bit widths and of cache settings."""

from llamawatt.core.cache_types import cache_setting
from llamawatt.core.format import MISSING, number_text
from llamawatt.core.plan import QualityRecord
from llamawatt.report.content.bits import size_text, widths
from llamawatt.report.content.caches import cache_text, caches
from llamawatt.report.content.quality_limit import Level
from llamawatt.report.forms.tables import Entry, Table, estimated
from llamawatt.report.model import ReportModel
from llamawatt.report.words.phrases import suite_text

_COSTS = ("J/token", "tok/s", "PPL", "KLD (nat)", "Same top (%)")


def bit_widths(model: ReportModel) -> Table:
    """One row per bit width and suite: what it holds, what it costs, how good it stays."""
    columns = ("Suite", "Model", "Bits/weight", "Size", *_COSTS)
    rows = tuple(_width(width) for width in widths(model))
    return Table("bits", "Bit widths", columns, (False, False, *[True] * 7), rows)


def cache_settings(model: ReportModel) -> Table:
    """One row per cache setting and suite: bytes per token, what it costs, how good it stays."""
    columns = ("Suite", "Model", "Keys", "Values", "Flash attention", "Cache/token", *_COSTS)
    rows = tuple(_cache(model, level) for level in caches(model))
    return Table("caches", "Cache settings", columns, (*[False] * 5, *[True] * 6), rows)


def _width(level: Level) -> tuple[Entry, ...]:
    model = level.model
    return (
        Entry(suite_text(level.row.suite), level.row.suite),
        Entry(model.name, model.name, "random weights" if model.synthetic else ""),
        Entry(number_text(model.bits_per_weight), model.bits_per_weight),
        Entry(size_text(model), float(model.size_bytes)),
        *_costs(level),
    )


def _cache(model: ReportModel, level: Level) -> tuple[Entry, ...]:
    file = level.model
    arm = next(each for each in model.study.arms if each.name == level.row.arm)
    return (
        Entry(suite_text(level.row.suite), level.row.suite),
        Entry(file.name, file.name, "random weights" if file.synthetic else ""),
        *(Entry(word, word) for word in cache_setting(arm)),
        Entry(cache_text(level), level.size_bytes),
        *_costs(level),
    )


def _costs(level: Level) -> tuple[Entry, ...]:
    """Return what a level costs in joules, time and quality."""
    row, judged = level.row, level.quality
    costs = (estimated(row.estimates.get(name), row, name) for name in ("j_per_token", "tok_per_s"))
    note = "not judged in this run" if judged is None else judged.not_judged
    quality = judged or QualityRecord(level.model.name)
    share = None if quality.same_top is None else quality.same_top * 100
    return (
        *costs,
        _figure(quality.perplexity, quality.perplexity_low, quality.perplexity_high, note),
        _figure(quality.kld, quality.kld_low, quality.kld_high, note),
        _figure(share, None, None, note),
    )


def _figure(value: float | None, low: float | None, high: float | None, note: str) -> Entry:
    if value is None:
        return Entry(MISSING, None, note)
    ends = "" if low is None or high is None else f" [{number_text(low)}, {number_text(high)}]"
    return Entry(f"{number_text(value)}{ends}", value, note)
