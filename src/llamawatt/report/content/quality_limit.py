"""What a quality limit lets pass, and the cheapest of it: by the verdict, not by means alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llamawatt.analysis.assess import Assessment
from llamawatt.analysis.compare.verdict import Verdict
from llamawatt.analysis.rules.findings import Cheapest
from llamawatt.core.format import number_text
from llamawatt.core.plan import ModelRecord, QualityRecord
from llamawatt.report.model import Passage, ReportModel, Row
from llamawatt.report.words.headings import Section
from llamawatt.report.words.phrases import (
    joined,
    suite_heading,
    times_text,
    undecided_text,
    value_text,
)

KLD_PASSES = 0.1
"""Mean divergence from the reference, nats per token, up to which a bit width passes here.

A choice, not a law: by Pinsker's inequality (Cover & Thomas 2006, lemma 11.6.1) two models this
near move on average at most sqrt(0.1 / 2), 22 %, of a token's probability.
"""


@dataclass(frozen=True, slots=True)
class Level:
    """One bit width, or one cache setting, as it was run.

    Attributes:
        row: What its replies cost.
        model: Its file.
        quality: How it was judged; None where the run judged nothing.
        label: What to call it.
        size_bytes: Of its file, or of its cache per token of context; None where not known.
        told: What makes it small, in words.
    """

    row: Row
    model: ModelRecord
    quality: QualityRecord | None
    label: str
    size_bytes: float | None
    told: str

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


def cheapest(found: Sequence[Level]) -> Level | None:
    """Return the level with the fewest mean joules per token among those that pass."""
    able = _able(found)
    return min(able, key=lambda level: level.row.estimates["j_per_token"].value, default=None)


def contest(assessment: Assessment, group: str, found: Sequence[Level]) -> Cheapest | None:
    """Hold the cheapest level that passes against every other; None where none passes.

    Args:
        assessment: The run.
        group: Group of the levels' arms.
        found: Levels that compete: of one suite, and of one reference.
    """
    best = cheapest(found)
    if best is None:
        return None
    suite, arm = best.row.suite, best.row.arm
    family = assessment.family(group, "j_per_token")
    rivals = [level.row.arm for level in _able(found) if level is not best]
    ratios = {rival: family.ratio(suite, rival, arm) for rival in rivals}
    tied = (
        rival
        for rival, ratio in ratios.items()
        if ratio is None or ratio.verdict is Verdict.NOT_DISTINGUISHABLE
    )
    known = tuple(ratio for ratio in ratios.values() if ratio is not None)
    return Cheapest(group, suite, arm, tuple(tied), known)


def verdict_on(model: ReportModel, best: Level) -> Cheapest | None:
    """Return what was found of a cheapest level."""
    key = (best.row.suite, best.row.arm)
    found = (each for each in model.findings if isinstance(each, Cheapest))
    return next((each for each in found if (each.suite, each.arm) == key), None)


def tied_with(model: ReportModel, best: Level, found: Sequence[Level]) -> tuple[Level, ...]:
    """Return the passing levels that are not distinguishable from the cheapest."""
    verdict = verdict_on(model, best)
    names = () if verdict is None else verdict.tied
    return tuple(level for level in found if level.row.arm in names)


def cheapests(
    assessment: Assessment, group: str, contests: Sequence[Sequence[Level]]
) -> Iterable[Cheapest]:
    """Hold every contest of a group; those in which none passes give nothing."""
    made = (contest(assessment, group, found) for found in contests)
    return (each for each in made if each is not None)


def why_no_kld(
    found: Sequence[Level], judged: Sequence[QualityRecord], n_judged: int, what: str
) -> str:
    """Say why levels cannot be held against quality; empty when two of them can.

    Args:
        found: The levels.
        judged: How they were judged.
        n_judged: Different ones among them that were judged against a reference.
        what: What a level is, in the plural.
    """
    if n_judged > 1:
        return ""
    if not judged:
        return "quality was not judged in this run"
    reasons = (level.quality.not_judged for level in found if level.quality is not None)
    return next((reason for reason in reasons if reason), f"fewer than two {what} were judged")


def _title(model: ReportModel, contests: Sequence[Sequence[Level]], nothing: str) -> str:
    """Name the cheapest that pass, and those that they cannot be told from.

    Args:
        model: The report.
        contests: Levels that compete, contest by contest.
        nothing: What to say where none passes.
    """
    firsts = [(best, found) for found in contests if (best := cheapest(found)) is not None]
    if not firsts:
        return nothing
    names = dict.fromkeys(best.label for best, _ in firsts)
    rivals = [level.label for best, found in firsts for level in tied_with(model, best, found)]
    if not rivals:
        return f"Cheapest that still passes: {joined(names)}"
    return (
        f"Cheapest that still passes: {joined(dict.fromkeys([*names, *rivals]), 'or')}, "
        "which cannot all be told apart"
    )


def passage(
    model: ReportModel, contests: Sequence[Sequence[Level]], nothing: str, text: str
) -> Passage:
    """Say what won each contest; a warning where nothing passes in any.

    Args:
        model: The report.
        contests: Levels that compete, contest by contest; none is empty.
        nothing: Title where none passes.
        text: By what they compete.
    """
    tone = "result" if any(cheapest(found) for found in contests) else "warning"
    points = tuple(_point(model, found) for found in contests)
    return Passage(Section.TUNING, _title(model, contests, nothing), text, tone, points)


def _point(model: ReportModel, found: Sequence[Level]) -> str:
    """Say which level of one contest is the cheapest that passes, and from what it is not told."""
    where, best = suite_heading(found[0].row.suite), cheapest(found)
    if best is None:
        return f"{where}: none that passes has its energy measured."
    record, made = best.quality, best.row.estimates["j_per_token"]
    text = f"{where}: {best.label} ({best.told})"
    text += f", {'~' if best.row.is_modelled else ''}{value_text('j_per_token', made.value)}, "
    text += f"divergence {number_text(best.kld, 2)} nat"
    high = None if record is None else record.kld_high
    text += ", whose interval reaches beyond the limit" if high and high > KLD_PASSES else ""
    rivals = tied_with(model, best, found)
    if rivals:
        verdict = verdict_on(model, best)
        ratios = {} if verdict is None else {ratio.arm: ratio for ratio in verdict.others}
        told = []
        for rival in rivals:
            ratio = ratios.get(rival.row.arm)
            why = "not comparable"
            if ratio is not None:
                why = f"{times_text(ratio)}; {undecided_text(ratio)}"
            told.append(f"{rival.label} ({why})")
        text += f"; by the mean only, not distinguishable from {joined(told)}"
    return f"{text}."


def _able(found: Sequence[Level]) -> list[Level]:
    return [level for level in found if level.passes and level.row.has("j_per_token")]
