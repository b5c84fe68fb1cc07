"""Bit widths side by side: what the file holds, what a token costs, how good the answers stay."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llamawatt.core.format import number_text, percent_text, quantity_text
from llamawatt.core.plan import ModelRecord, QualityRecord
from llamawatt.report.model import Passage, ReportModel, Row
from llamawatt.report.phrases import joined, suite_text, value_text
from llamawatt.report.words import TUNING

GROUP = "quantization"
KLD_PASSES = 0.1
"""Mean divergence from the reference, nats per token, up to which a bit width passes here.

A choice, not a law: by Pinsker's inequality (Cover & Thomas 2006, lemma 11.6.1) two models this
near move on average at most sqrt(0.1 / 2), 22 %, of a token's probability.
"""


@dataclass(frozen=True, slots=True)
class Width:
    """One bit width as it was run.

    Attributes:
        row: What its replies cost.
        model: Its file.
        quality: How it was judged; None where the run judged nothing.
    """

    row: Row
    model: ModelRecord
    quality: QualityRecord | None

    @property
    def kld(self) -> float | None:
        """Mean divergence from the reference; None when not judged against one."""
        return None if self.quality is None else self.quality.kld

    @property
    def kld_ends(self) -> tuple[float, float]:
        """Ends of the divergence's interval; both are the figure itself where it has none."""
        value, judged = self.kld or 0.0, self.quality
        if judged is None or judged.kld_low is None or judged.kld_high is None:
            return value, value
        return judged.kld_low, judged.kld_high

    @property
    def passes(self) -> bool:
        """Whether it is as near to the reference as `KLD_PASSES` asks."""
        return self.kld is not None and self.kld <= KLD_PASSES


def widths(model: ReportModel, suite: str = "") -> tuple[Width, ...]:
    """Return the arms of the comparison whose bits are known, by suite, most bits first."""
    files = {m.name: m for m in model.study.models if m.bits_per_weight is not None}
    names = {arm.name: arm.model for arm in model.study.arms}
    quality = {record.model: record for record in model.quality}
    found = [
        Width(row, files[names[row.arm]], quality.get(names[row.arm]))
        for row in model.suite_rows(GROUP, suite)
        if names[row.arm] in files
    ]
    order = list(model.suites)
    return tuple(
        sorted(found, key=lambda w: (order.index(w.row.suite), -(w.model.bits_per_weight or 0.0)))
    )


def why_no_kld(model: ReportModel) -> str:
    """Say why bit widths cannot be held against quality; empty when two of them can."""
    found = widths(model)
    if len({width.model.name for width in found if width.kld is not None}) > 1:
        return ""
    if not model.quality:
        return "quality was not judged in this run"
    reasons = (w.quality.not_judged for w in found if w.quality is not None)
    return next((reason for reason in reasons if reason), "fewer than two models were judged")


def cheapest(found: Sequence[Width]) -> Width | None:
    """Return the bit width with the fewest joules per token among those that pass."""
    able = [width for width in found if width.passes and width.row.has("j_per_token")]
    return min(able, key=lambda width: width.row.estimates["j_per_token"].value, default=None)


def passages(model: ReportModel) -> tuple[Passage, ...]:
    """Say which bit width is the cheapest that still passes, suite by suite."""
    if not widths(model) or not model.quality:
        return ()
    why = why_no_kld(model)
    if why:
        text = f"No bit width can be passed or failed: {why}."
        return (Passage(TUNING, "Quality of the bit widths", text, "note"),)
    best = {suite: cheapest(widths(model, suite)) for suite in model.suites}
    points = tuple(_point(suite, width) for suite, width in best.items() if widths(model, suite))
    names = list(dict.fromkeys(w.model.name for w in best.values() if w is not None))
    title = f"Cheapest that still passes: {joined(names)}" if names else "No bit width passes"
    judged = next(record for record in model.quality if record.kld is not None)
    far = percent_text(math.sqrt(KLD_PASSES / 2))
    text = (
        f"By medians of energy per token, among models whose mean divergence from "
        f"{judged.reference} is at most {KLD_PASSES:g} nat on {judged.text} ({judged.n_tokens} "
        f"tokens); that is a choice, under which at most {far} of a token's probability moves on "
        f"average. A model judged against a reference that was itself quantised passes against "
        "that, not against full precision."
    )
    return (Passage(TUNING, title, text, "result" if names else "warning", points),)


def _point(suite: str, width: Width | None) -> str:
    where = suite_text(suite).capitalize()
    if width is None:
        return f"{where}: none that passes has its energy measured."
    record, made = width.quality, width.row.estimates["j_per_token"]
    bits = number_text(width.model.bits_per_weight)
    text = f"{where}: {width.model.name} ({bits} bits per weight)"
    text += f", {'~' if width.row.is_modelled else ''}{value_text('j_per_token', made.value)}, "
    text += f"divergence {number_text(width.kld, 2)} nat"
    high = None if record is None else record.kld_high
    unsure = high is not None and high > KLD_PASSES
    return f"{text}{', whose interval reaches beyond the limit' if unsure else ''}."


def size_text(model: ModelRecord) -> str:
    """Return the size of a model's file."""
    return quantity_text(model.size_bytes, "B")
