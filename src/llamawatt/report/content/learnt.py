"""What a run taught, in one plain line. Made from verdicts alone: without one it claims nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from llamawatt.analysis.compare.verdict import Ratio, Verdict
from llamawatt.analysis.estimates.groups import group_names
from llamawatt.analysis.rules.findings import Finding, Ranking, Scaling, Streams
from llamawatt.core.format import duration_text, energy_text, number_text
from llamawatt.core.plan import StudyRecord
from llamawatt.report.model import Row
from llamawatt.report.words.phrases import level_text, undecided_text

_PLAIN_NAMES = {"cpu": "the CPU", "gpu": "the GPU"}
_ALIKE = 1.1
"""Ends of a range that are nearer than this are one figure."""
_FACTOR = 1.5
"""Smaller ratios are said in percent."""


@dataclass(frozen=True, slots=True)
class _Win:
    """A setting that is best beyond doubt in one metric, on some or all suites."""

    arm: str
    ratios: tuple[float, ...]
    rivals: tuple[str, ...]
    n_suites: int
    n_settings: int

    @property
    def where(self) -> str:
        """On how many suites, where not on all."""
        n = len(self.ratios)
        return "" if n == self.n_suites else f" (on {n} of {self.n_suites} suites)"

    @property
    def than(self) -> str:
        """What it is held against."""
        if self.n_settings == 2:
            return f" than {named(self.rivals[0])}"
        return " than the next best setting"


def learnt(findings: Sequence[Finding], rows: Sequence[Row], study: StudyRecord) -> str:
    """Return what the run taught, in one or two sentences.

    Args:
        findings: What the run shows.
        rows: Rows of suite windows.
        study: The study.
    """
    if not rows:
        return "Nothing was learnt yet: no trial has finished."
    for group in group_names(study):
        text = _of_group(findings, rows, group)
        if text:
            return text
    return _nothing(findings, rows)


def named(arm: str) -> str:
    """Return a setting's name as a sentence says it."""
    return _PLAIN_NAMES.get(arm, arm)


def doubts(findings: Sequence[Finding]) -> tuple[Ratio, ...]:
    """Return the comparisons that a reader waits for and that have no verdict."""
    found = [
        each.lead
        for each in findings
        if isinstance(each, Ranking) and each.metric in {"latency_s", "energy_j"}
    ]
    for each in findings:
        if isinstance(each, Scaling):
            found += [each.latency if each.latency is not None else each.beyond]
        elif isinstance(each, Streams):
            found += [each.throughput, each.j_per_token]
    return tuple(
        ratio
        for ratio in found
        if ratio is not None and ratio.verdict is Verdict.NOT_DISTINGUISHABLE
    )


def _of_group(findings: Sequence[Finding], rows: Sequence[Row], group: str) -> str:
    rankings = [f for f in findings if isinstance(f, Ranking) and f.group == group]
    fast, thrifty = _win(rankings, "latency_s"), _win(rankings, "energy_j")
    if fast is not None or thrifty is not None:
        return _choice(fast, thrifty, _why_no_energy(rankings, rows))
    arms = {row.arm for row in rows if group in row.groups}
    for each in findings:
        text = ""
        if isinstance(each, Scaling) and each.group == group:
            text = _sweep(each)
        elif isinstance(each, Streams) and {each.one, each.many} <= arms:
            text = _streams(each)
        if text:
            return text
    return ""


def _win(rankings: Iterable[Ranking], metric: str) -> _Win | None:
    """Return the one setting that wins a metric wherever anything does; None where none does."""
    told = [ranking for ranking in rankings if ranking.metric == metric]
    won = [r for r in told if not r.tied and r.lead is not None and r.lead.verdict is Verdict.LOWER]
    if len({ranking.order[0].arm for ranking in won}) != 1:
        return None
    return _Win(
        won[0].order[0].arm,
        tuple(1 / ranking.lead.value for ranking in won if ranking.lead is not None),
        tuple(ranking.order[1].arm for ranking in won),
        len(told),
        max(len(ranking.order) for ranking in told),
    )


def _choice(fast: _Win | None, thrifty: _Win | None, why_no_energy: str) -> str:
    if fast is None and thrifty is not None:
        return (
            f"Use {named(thrifty.arm)} to save energy: {_less(thrifty.ratios)} less energy"
            f"{thrifty.than}, beyond doubt{thrifty.where}. Which setting is fastest is open."
        )
    if fast is not None and thrifty is None:
        return (
            f"Use {named(fast.arm)} for speed: {_more(fast.ratios)} faster{fast.than}, beyond "
            f"doubt{fast.where}. {why_no_energy}"
        )
    if fast is None or thrifty is None:
        return ""
    if fast.arm == thrifty.arm:
        return (
            f"Use {named(fast.arm)}: {_more(fast.ratios)} faster{fast.where} and "
            f"{_less(thrifty.ratios)} less energy{thrifty.than}{thrifty.where}, both beyond doubt."
        )
    return (
        f"Speed or thrift: {named(fast.arm)} is {_more(fast.ratios)} faster{fast.than}{fast.where},"
        f" {named(thrifty.arm)} takes {_less(thrifty.ratios)} less energy{thrifty.than}"
        f"{thrifty.where}, both beyond doubt."
    )


def _why_no_energy(rankings: Iterable[Ranking], rows: Sequence[Row]) -> str:
    if any(ranking.metric == "energy_j" for ranking in rankings):
        return "Which setting takes the least energy is open."
    blind = next((row.blind_to for row in rows if row.blind_to), "")
    if blind:
        return f"Their energy is not compared: no meter covers the {blind.upper()}."
    return "Energy was not measured."


def _sweep(found: Scaling) -> str:
    first, knee = level_text(found.points[0].value), level_text(found.saturates_at)
    if found.latency is None or found.latency.verdict is not Verdict.LOWER:
        if found.all_slower and knee == first:
            return f"Keep {found.factor} at {first}: every higher level is slower beyond doubt."
        return ""
    faster = _more([1 / found.latency.value])
    text = f"Set {found.factor} to {level_text(found.fastest)}: {faster} faster than {first}"
    if found.saved is not None and found.saved.verdict is Verdict.LOWER:
        text += f" and {_less([1 / found.saved.value])} less energy, both beyond doubt"
    else:
        text += ", beyond doubt"
    if found.fastest != found.saturates_at:
        text += f"; whether {knee} would do as well is open"
    if found.energy is not None and found.energy.verdict is Verdict.LOWER:
        least = f"{found.factor}={level_text(found.thriftiest or 0.0)}"
        text += f"; {least} takes {_less([1 / found.energy.value])} less energy than the fastest"
    return f"{text}."


def _streams(found: Streams) -> str:
    if found.throughput.verdict is not Verdict.HIGHER:
        return ""
    text = f"Serve {level_text(found.n_streams)} requests at once: "
    text += f"{_more([found.throughput.value])} more tokens a second"
    joules = found.j_per_token
    if joules is not None and joules.verdict is Verdict.LOWER:
        text += f" and {_less([1 / joules.value])} less energy per token, both beyond doubt"
    else:
        text += ", beyond doubt"
    if found.latency.verdict is Verdict.HIGHER:
        text += f"; each reply takes {_more([found.latency.value])} longer"
    return f"{text}."


def _nothing(findings: Sequence[Finding], rows: Sequence[Row]) -> str:
    if len({row.arm for row in rows}) == 1:
        row = rows[0]
        cost = duration_text(row.estimates["latency_s"].value)
        if row.has("energy_j"):
            cost += f" and {energy_text(row.estimates['energy_j'].value)}"
        but = ", while something disturbed it" if row.disturbances else ""
        return (
            f"One setting was measured{but}: a reply takes {cost}. There is nothing to compare it "
            "with."
        )
    open_ones = doubts(findings)
    why = f": {undecided_text(open_ones[0])}" if open_ones else ""
    return f"No difference between the settings is beyond doubt{why}."


def _more(ratios: Iterable[float]) -> str:
    """Return ratios above one as `10 times`, `8 to 12 times` or `12 %`."""
    return _range(ratios, lambda ratio: ratio - 1)


def _less(ratios: Iterable[float]) -> str:
    """Return ratios above one as how much less the smaller one is."""
    return _range(ratios, lambda ratio: 1 - 1 / ratio)


def _range(ratios: Iterable[float], share: Callable[[float], float]) -> str:
    ends = sorted(ratios)
    if ends[-1] < _FACTOR:
        return f"{_ends([100 * share(ratio) for ratio in ends])} %"
    return f"{_ends(ends)} times"


def _ends(values: Sequence[float]) -> str:
    low, high = values[0], values[-1]
    ends = [(low * high) ** 0.5] if high < low * _ALIKE else [low, high]
    return " to ".join(number_text(end, 2).removesuffix(".0") for end in ends)
