"""The table of bit widths."""

from llamawatt.core.format import MISSING, number_text
from llamawatt.core.plan import QualityRecord
from llamawatt.report.bits import Width, size_text, widths
from llamawatt.report.model import ReportModel
from llamawatt.report.phrases import suite_text
from llamawatt.report.tables import Entry, Table, estimated


def bit_widths(model: ReportModel) -> Table:
    """One row per bit width and suite: what it holds, what it costs, how good it stays."""
    columns = ("Suite", "Model", "Bits/weight", "Size", "J/token", "tok/s", "PPL", "KLD (nat)",
               "Same top (%)")  # fmt: skip
    rows = tuple(_row(width) for width in widths(model))
    return Table("bits", "Bit widths", columns, (False, False, *[True] * 7), rows)


def _row(width: Width) -> tuple[Entry, ...]:
    row, model, judged = width.row, width.model, width.quality
    costs = (estimated(row.estimates.get(name), row, name) for name in ("j_per_token", "tok_per_s"))
    note = "not judged in this run" if judged is None else judged.not_judged
    quality = judged or QualityRecord(model.name)
    share = None if quality.same_top is None else quality.same_top * 100
    return (
        Entry(suite_text(row.suite), row.suite),
        Entry(model.name, model.name, "random weights" if model.synthetic else ""),
        Entry(number_text(model.bits_per_weight), model.bits_per_weight),
        Entry(size_text(model), float(model.size_bytes)),
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
