"""Findings about trust, in words: what is modelled, missing, doubtful, or wide."""

from collections.abc import Callable

from llamawatt.analysis.rules import findings as f
from llamawatt.core.format import gain_text, number_text, percent_text, plus_minus_text
from llamawatt.core.metrics import METRICS
from llamawatt.report.model import Passage
from llamawatt.report.words.headings import Section
from llamawatt.report.words.phrases import joined

TRUST = Section.TRUST


def _modelled(finding: f.Modelled) -> Passage:
    domains = joined(finding.domains)
    verb = "is" if len(finding.domains) == 1 else "are"
    text = (
        f"{domains} {verb} not measured but estimated from CPU time: up to "
        f"{percent_text(finding.share)} of an arm's joules rest on it, and the truth may be "
        f"{gain_text(finding.gain_error)} of it. "
    )
    if not finding.measured:
        text += "Use it for orientation; a verdict on energy needs a sensor."
        return Passage(TRUST, "Modelled, not measured", text, "warning")
    text += (
        f"Measured: {joined(finding.measured)}. Verdicts on energy count that error in full; a "
        "sensor would narrow it."
    )
    return Passage(TRUST, "Partly modelled", text, "warning")


def _blind(finding: f.Blind) -> Passage:
    device = finding.device.upper()
    return Passage(
        TRUST,
        f"The {device} has no meter, so its arms' joules are not compared",
        f"{joined(finding.arms)} work on the {device}, which no meter here covers. Their "
        "joules are those of the rest of the machine while it waits: a part, shown but held "
        "against no other arm.",
        "warning",
    )


def _gap(finding: f.Gap) -> Passage:
    text = f"{finding.reason[:1].upper()}{finding.reason[1:].rstrip('.')}."
    if finding.remedy:
        text += f" Remedy: {finding.remedy}"
    return Passage(TRUST, f"{finding.meter} is not metered", text, "note")


def _flag(finding: f.Doubtful) -> Passage:
    title = str(finding.flag).replace("_", " ")
    how_many = f"{finding.n_trials} of {finding.n_all} windows carry this mark."
    return Passage(
        TRUST, title[0].upper() + title[1:], f"{finding.flag.sentence} {how_many}", "note"
    )


def _failures(finding: f.Failures) -> Passage:
    reasons = "; ".join(reason for reason in finding.errors if reason) or "no reason was recorded"
    return Passage(
        TRUST,
        f"{finding.n_failed} of {finding.n_all} trials failed",
        f"They make no figure. {reasons}",
        "warning",
    )


def _outliers(finding: f.Outliers) -> Passage:
    label = METRICS[finding.metric].label.lower()
    return Passage(
        TRUST,
        "Outliers kept",
        f"{finding.n_outliers} of {finding.n_all} windows lie more than 3.5 robust standard "
        f"deviations from their median in {label}. They are marked and kept: "
        "the figures are those of ordinary repeats, and long use will average somewhat more.",
        "note",
    )


def _trend(finding: f.Trend) -> Passage:
    drift = finding.drift
    label = METRICS[drift.metric].label.lower()
    moved = (
        f"from first to last trial {label} moved by {_signed(drift.change)} "
        f"[{_signed(drift.low)} to {_signed(drift.high)}] (Theil–Sen; Kendall p = "
        f"{number_text(drift.p, 2)}, {drift.n} windows)"
    )
    if finding.uneven:
        pairs = joined(f"{one} and {other}" for one, other in finding.uneven[:4])
        text = f"Over the run, {moved}. These drifted apart: {pairs}. Their ratios depend on when "
        return Passage(TRUST, "Settings drifted differently", text + "they ran.", "warning")
    if drift.is_real:
        shared = (
            "Too few blocks tell whether all settings drifted alike; absolute figures carry it."
        )
        if finding.uneven is not None:
            shared = (
                "No two settings drifted apart, so comparisons share it; absolute figures carry it."
            )
        return Passage(TRUST, "The run drifted", f"Over the run, {moved}. {shared}", "warning")
    return Passage(TRUST, "No drift to speak of", f"Over the run, {moved}.", "note")


def _memory(finding: f.Memory) -> Passage:
    memory = finding.autocorrelation
    return Passage(
        TRUST,
        "Neighbouring trials resemble each other",
        f"Lag-1 correlation is {number_text(memory.lag1, 2)} where chance allows "
        f"{number_text(memory.bound, 2)}: intervals are widened for it, and with few repeats "
        "still hold the truth in about 92 of 100, not 95.",
        "warning",
    )


def _wide(finding: f.Wide) -> Passage:
    shown = joined(finding.cells[:6])
    more = f" and {len(finding.cells) - 6} more" if len(finding.cells) > 6 else ""
    widest = "" if finding.widest is None else f" (widest {plus_minus_text(finding.widest)})"
    label = METRICS[finding.metric].label.lower()
    return Passage(
        TRUST,
        f"{len(finding.cells)} of {finding.n_all} intervals are wider than asked",
        f"The protocol asked for {plus_minus_text(finding.target)} in {label}{widest}: "
        f"{shown}{more}. More repeats narrow them.",
        "note",
    )


def _signed(share: float) -> str:
    return f"{'+' if share > 0 else '−' if share < 0 else ''}{percent_text(abs(share))}"


WORDS: dict[str, Callable[..., Passage]] = {
    "modelled": _modelled,
    "blind": _blind,
    "gap": _gap,
    "flag": _flag,
    "failures": _failures,
    "outliers": _outliers,
    "trend": _trend,
    "memory": _memory,
    "wide": _wide,
}
"""By kind of finding."""
