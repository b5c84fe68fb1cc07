"""Findings in words. Each kind of finding has one function; the numbers choose the sentence."""

from collections.abc import Callable, Iterable, Sequence

from llamawatt.analysis.compare.verdict import Ratio, Verdict
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.analysis.rules import findings as f
from llamawatt.core.format import (
    deviation_text,
    duration_text,
    energy_text,
    number_text,
    percent_text,
    power_text,
    quantity_text,
)
from llamawatt.core.metrics import METRICS
from llamawatt.report.model import Passage
from llamawatt.report.words import trust as words_trust
from llamawatt.report.words.headings import Section
from llamawatt.report.words.phrases import (
    factor_text,
    interval_text,
    joined,
    level_text,
    methods_text,
    suite_heading,
    times_text,
    undecided_text,
    value_text,
)


def passages(found: Iterable[f.Finding]) -> tuple[Passage, ...]:
    """Put findings into words, in their order; what several suites share is told together."""
    return tuple(_WORDS[key[0]](*alike) for key, alike in _gathered(found).items())


def _gathered(found: Iterable[f.Finding]) -> dict[tuple[str, ...], list[f.Finding]]:
    gathered: dict[tuple[str, ...], list[f.Finding]] = {}
    for number, finding in enumerate(found):
        key: tuple[str, ...]
        match finding:
            case f.Ranking():
                key = (finding.kind, finding.group, finding.metric)
            case f.RaceToSleep():
                key = (finding.kind, finding.arm, finding.baseline, finding.outcome)
            case f.FewerBits():
                key = (finding.kind, finding.energy.arm, finding.energy.baseline)
            case f.CacheSetting():
                key = (finding.kind, finding.energy.baseline)
            case _:
                key = (finding.kind, str(number))
        gathered.setdefault(key, []).append(finding)
    return gathered


def _rankings(*found: f.Ranking) -> Passage:
    label = METRICS[found[0].metric].label
    winners = {ranking.order[0].arm for ranking in found if not ranking.tied}
    n_won = sum(not ranking.tied for ranking in found)
    where = "every suite" if n_won == len(found) else f"{n_won} of {len(found)} suites"
    if not winners:
        title = f"{label}: no winner"
    elif len(winners) == 1:
        title = f"{label}: {joined(winners)} wins in {where}"
    else:
        title = f"{label}: the winner depends on the suite"
    text = f"Energy: {methods_text(found[0].methods)}." if found[0].methods else ""
    tone = "result" if winners else "note"
    return Passage(
        Section.WINNERS, title, text, tone, tuple(_ranking(ranking) for ranking in found)
    )


def _ranking(finding: f.Ranking) -> str:
    first, second = finding.order[0], finding.order[1]
    figures = ", ".join(
        f"{ranked.arm} {value_text(finding.metric, ranked.estimate.value)}{_width(ranked.estimate)}"
        for ranked in finding.order[:4]
    )
    suite = suite_heading(finding.suite)
    if not finding.tied:
        lead = "" if finding.lead is None else f", {times_text(finding.lead)} below {second.arm}"
        return f"{suite}: {first.arm}{lead} ({figures})."
    why = ""
    if finding.lead is not None and second.arm in finding.tied:
        why = f": {undecided_text(finding.lead)}"
    arms = joined((first.arm, *finding.tied))
    return f"{suite}: {arms} are not distinguishable{why} ({figures})."


def _width(estimate: Estimate) -> str:
    return f" {deviation_text(estimate.value, estimate.low, estimate.high)}".rstrip()


_RACES = {
    f.Race.RACE_TO_SLEEP: "It draws more power and still takes fewer joules, because it is done "
    "sooner: a race to sleep that pays.",
    f.Race.COSTLY_HASTE: "It is done sooner but draws so much more power that each reply costs "
    "more joules: haste that does not pay in energy.",
    f.Race.FASTER_AND_COOLER: "It is done sooner and draws less power while at it: not a race to "
    "sleep, simply the better device for this work.",
    f.Race.SLOW_AND_STEADY: "It is slower and draws so much less power that each reply costs fewer "
    "joules: racing would not have paid.",
    f.Race.SLOWER_AND_COSTLIER: "It is slower and takes more joules.",
    f.Race.UNDECIDED: "At least one of the three is not distinguishable, so no rule of thumb is "
    "drawn from it.",
}


def _races(*found: f.RaceToSleep) -> Passage:
    first = found[0]
    points = tuple(
        f"{suite_heading(race.suite)}: latency {_compared(race.latency)}, mean power "
        f"{_compared(race.power)}, energy {_compared(race.energy)}."
        for race in found
    )
    return Passage(
        Section.WINNERS,
        f"{first.arm} beside {first.baseline}: {first.outcome}",
        _RACES[first.outcome],
        "note" if first.outcome is f.Race.UNDECIDED else "result",
        points,
    )


def _paper(finding: f.PaperClaim) -> Passage:
    latency = f"{_reduction(finding.latency)} in latency"
    energy = "no energy was measured"
    if finding.blind_to:
        energy = f"no ratio of energies, as no meter covers the {finding.blind_to} here"
    if finding.energy is not None:
        energy = f"{_reduction(finding.energy)} in energy"
        if finding.energy.methods:
            energy += f" ({methods_text(finding.energy.methods)})"
    return Passage(
        Section.PAPER,
        "About 5× in latency and 2× in energy?",
        f"The study reports a reduction of about {finding.paper_latency_ratio:g}× in latency and "
        f"{finding.paper_energy_ratio:g}× in energy from the CPU to the GPU. Here, over all "
        f"suites, {finding.gpu} against {finding.cpu} gives {latency} and {energy}. The "
        "figures are not the same kind: here both arms pay for every metered device, the idle "
        "one included.",
        "result",
    )


def _scaling(finding: f.Scaling) -> Passage:
    places = [suite_heading(finding.suite), finding.device, finding.held]
    factor, where = finding.factor, ", ".join(place for place in places if place)
    title, text = _pays(finding)
    points = tuple(
        f"{factor} = {level_text(p.value)}: {duration_text(p.latency_s.value)}"
        f"{_width(p.latency_s)}"
        + ("" if p.energy_j is None else f", {energy_text(p.energy_j.value)}{_width(p.energy_j)}")
        for p in finding.points
    )
    tone = "result" if _is_told(finding) else "note"
    return Passage(Section.TUNING, f"{where}: {title}", f"{text}.{_thrift(finding)}", tone, points)


def _is_told(finding: f.Scaling) -> bool:
    """Whether anything about the factor is beyond doubt."""
    return finding.all_slower or finding.saturates_at != finding.points[0].value


def _pays(finding: f.Scaling) -> tuple[str, str]:
    """Say up to where more of a factor pays, and only as far as verdicts go."""
    factor, knee = finding.factor, level_text(finding.saturates_at)
    is_lowest = finding.saturates_at == finding.points[0].value
    if finding.saturates_at == finding.points[-1].value:
        title = f"{factor} pays up to {knee}"
        text = "The highest level is the fastest beyond doubt"
    elif finding.all_slower:
        title = f"more {factor} does not pay" if is_lowest else f"{factor} stops paying at {knee}"
        text = f"Every level above {knee} is slower beyond doubt"
    else:
        title = f"{factor} pays up to {knee}; beyond that is open"
        if finding.fastest != finding.saturates_at:
            title = (
                f"{factor} = {level_text(finding.fastest)} pays; whether {knee} would do is open"
            )
        if is_lowest:
            title = f"whether more {factor} pays cannot be told"
        text = f"We could not show that {factor} above {knee} is faster"
        if finding.beyond is not None and finding.beyond.verdict is Verdict.NOT_DISTINGUISHABLE:
            text += f": {undecided_text(finding.beyond)}"
    if finding.latency is not None and finding.latency.verdict is Verdict.LOWER:
        text += f". The fastest level is {times_text(finding.latency)} faster than the lowest"
    return title, text


def _thrift(finding: f.Scaling) -> str:
    if finding.thriftiest is None:
        return ""
    if finding.energy is None:
        if finding.saved is None or finding.saved.verdict is not Verdict.LOWER:
            return ""
        return f" The fastest level takes {times_text(finding.saved)} less energy than the lowest."
    level = level_text(finding.thriftiest)
    if finding.energy.verdict is Verdict.LOWER:
        return (
            f" Fewest joules are at {level}, {times_text(finding.energy)} less than at the fastest "
            "level: speed and thrift part here."
        )
    why = undecided_text(finding.energy)
    return f" Level {level} has the lowest mean energy, but not beyond doubt: {why}."


_OFFLOADS = {
    f.Offload.TRAP: "worse than both ends: partial offload is a trap here",
    f.Offload.BETWEEN: "between both ends: more layers, better, but it is no trap",
    f.Offload.BEST: "better than both ends",
    f.Offload.UNDECIDED: "not distinguishable from at least one end",
}


def _offload(finding: f.PartialOffload) -> Passage:
    n = level_text(finding.n_gpu_layers)
    label = METRICS[finding.metric].label.lower()
    return Passage(
        Section.TUNING,
        f"{n} layers on the GPU: {_OFFLOADS[finding.outcome].split(':')[0]}",
        f"With {n} layers offloaded, {label} is {_compared(finding.to_none)} against none "
        f"({finding.none}) and {_compared(finding.to_full)} against all ({finding.full}): "
        f"{_OFFLOADS[finding.outcome]}.",
        "warning" if finding.outcome is f.Offload.TRAP else "result",
    )


def _streams(finding: f.Streams) -> Passage:
    n = level_text(finding.n_streams)
    joules = ""
    if finding.j_per_token is not None:
        joules = f", energy per token {_compared(finding.j_per_token)}"
    return Passage(
        Section.TUNING,
        f"{n} streams at once on the {finding.device}",
        f"Against one stream, throughput is {_compared(finding.throughput)}{joules}, and the "
        f"latency of each reply {_compared(finding.latency)}. With shared windows a reply's "
        "energy is its share.",
        "result",
    )


def _residency(finding: f.Residency) -> Passage:
    extra = finding.extra_w
    tag = " (at least partly modelled)" if finding.modelled else ""
    text = (
        f"Idle, this machine draws {power_text(finding.bare_w.value)} with nothing running and "
        f"{power_text(finding.model_w.value)} with the model of {finding.arm} resident{tag}: "
        f"{power_text(extra.value)} more {interval_text(extra)}, or "
        f"{number_text(extra.value * 24 / 1000, 2)} kWh a day."
    )
    if extra.low is None or extra.low <= 0:
        text = (
            f"With the model of {finding.arm} resident and idle, no extra power is distinguishable"
            f"{tag}: {power_text(finding.bare_w.value)} bare, "
            f"{power_text(finding.model_w.value)} resident."
        )
    elif finding.load_above_j is not None:
        text += _pay_back(finding.load_above_j, finding.break_even_s)
    return Passage(Section.WHY, f"Keeping {finding.arm} loaded", text, "result")


def _pay_back(load: Estimate, silence: Estimate | None) -> str:
    """Say after how long a silence unloading pays, with its interval, or that nobody can tell."""
    if silence is None or silence.low is None or silence.high is None:
        return (
            f" Loading it again takes {_range_text(load, energy_text)} above bare idle, so after "
            "how long a silence unloading pays cannot be told; more sessions would tell."
        )
    return (
        f" Loading it again takes {energy_text(load.value)} above bare idle, so unloading pays "
        f"after {duration_text(silence.value)} of silence (95 % interval "
        f"{duration_text(silence.low)} to {duration_text(silence.high)})."
    )


def _range_text(made: Estimate, write: Callable[[float], str]) -> str:
    """Return the interval alone; a figure without one has nothing but itself."""
    if made.low is None or made.high is None:
        return f"about {write(made.value)} (one session)"
    return f"{write(made.low)} to {write(made.high)}"


def _phases(finding: f.Phases) -> Passage:
    attribution = finding.attribution
    cost = attribution.best
    if cost is None:
        raise ValueError("a phase finding has costs")
    text = (
        f"Above resident idle, a prompt token costs {_token_j(cost.prefill_j_per_token)} and a "
        f"generated one {_token_j(cost.decode_j_per_token)} on {attribution.arm}: "
        f"{factor_text(finding.decode_over_prefill)} as much."
    )
    if attribution.dedicated is not None and attribution.regression is not None:
        agree = "agree" if attribution.agree else "do NOT agree"
        text += f" Dedicated windows and the regression over suites {agree} within their intervals."
    elif attribution.dedicated is None:
        text += " From a regression over the suites; no dedicated windows were taken."
    else:
        text += f" From dedicated windows; no regression: {attribution.why_not}."
    tone = "warning" if attribution.agree is False else "result"
    return Passage(Section.WHY, f"Prefill and decode on {attribution.arm}", text, tone)


def _bandwidth(finding: f.Bandwidth) -> Passage:
    point = finding.point
    text = (
        f"On {suite_heading(point.suite).lower()}, decoding {number_text(point.decode_tok_per_s)} "
        f"tok/s (all streams together, while each decodes), {point.arm} streams "
        f"{quantity_text(point.bytes_per_token, 'B')} per token, "
        f"{quantity_text(point.streamed_bytes_per_s, 'B/s')}"
    )
    if point.share is None:
        text += "; the memory's bandwidth is not known, so how near this is to the roof is open."
        return Passage(Section.WHY, f"Memory traffic of {point.arm}", text, "note")
    bound = "so memory sets the pace" if point.share > 0.6 else "so something else sets the pace"
    text += (
        f", {percent_text(point.share)} of the {quantity_text(point.bandwidth_bytes_per_s, 'B/s')} "
        f"{'on the nameplate (not measured)' if point.is_nameplate else 'measured'}: {bound}."
    )
    return Passage(Section.WHY, f"How near {point.arm} is to its memory's roof", text, "result")


def _fewer_bits(*found: f.FewerBits) -> Passage:
    first = found[0]
    title = _saving_title("Fewer bits", [each.energy for each in found], "suites")
    points = tuple(
        f"{suite_heading(each.suite)}: energy per token {_compared(each.energy)}, "
        f"throughput {_compared(each.speed)}."
        for each in found
    )
    text = (
        f"{first.energy.arm} ({number_text(first.fewest_bits)} bits per weight) against "
        f"{first.energy.baseline} ({number_text(first.most_bits)}). Fewer bits stream fewer bytes "
        "but take more work to unpack."
    )
    return Passage(Section.TUNING, title, text, _tone(found), points)


def _tone(found: Sequence[f.FewerBits | f.CacheSetting]) -> str:
    told = any(each.energy.verdict is not Verdict.NOT_DISTINGUISHABLE for each in found)
    return "result" if told else "note"


def _saving_title(what: str, energies: Sequence[Ratio], where: str) -> str:
    """Say whether fewer bytes saved energy, by the verdicts, in a few words.

    Args:
        what: What is smaller.
        energies: Joules per token, smaller over larger.
        where: What they are counted in, in the plural.
    """
    told = [ratio for ratio in energies if ratio.verdict is not Verdict.NOT_DISTINGUISHABLE]
    n, saved = len(energies), sum(ratio.value < 1 for ratio in told)
    if not told:
        return f"Whether {what[0].lower()}{what[1:]} saved energy here cannot be told"
    if saved == n:
        return f"{what} saved energy here"
    if saved:
        return f"{what} saved energy in {saved} of {n} {where} here"
    share = f", in {len(told)} of {n} {where}" if len(told) < n else ""
    return f"{what} COST energy here{share}"


def _cache_settings(*found: f.CacheSetting) -> Passage:
    smaller = [each.energy for each in found if each.is_smaller]
    title = "What the cache settings do"
    if smaller:
        title = _saving_title("A smaller cache", smaller, "comparisons")
    first = found[0]
    text = (
        f"On {first.model}, against {first.plain}. A smaller cache reads fewer bytes for each "
        "token, the more the longer the context, but takes more work to unpack."
    )
    points = tuple(_cache_setting(each) for each in found)
    return Passage(Section.TUNING, title, text, _tone(found), points)


def _cache_setting(finding: f.CacheSetting) -> str:
    text = f"{suite_heading(finding.suite)}, {finding.setting}: energy per token "
    text += f"{_compared(finding.energy)}, throughput {_compared(finding.speed)}"
    if finding.is_smaller and finding.kv_bytes_per_token and finding.plain_bytes_per_token:
        ours, theirs = finding.kv_bytes_per_token, finding.plain_bytes_per_token
        text += f", {quantity_text(ours, 'B')} of cache per token of context against "
        text += quantity_text(theirs, "B")
    return f"{text}."


def _token_j(estimate: Estimate) -> str:
    return f"{quantity_text(estimate.value, 'J')} {interval_text(estimate)}"


def _compared(ratio: Ratio) -> str:
    if ratio.verdict is Verdict.NOT_DISTINGUISHABLE:
        return f"not distinguishable ({times_text(ratio)}; {undecided_text(ratio)})"
    return f"{times_text(ratio)} {'lower' if ratio.value < 1 else 'higher'}"


def _reduction(ratio: Ratio) -> str:
    if ratio.verdict is Verdict.NOT_DISTINGUISHABLE:
        return f"no distinguishable change ({times_text(ratio)}; {undecided_text(ratio)})"
    return f"{times_text(ratio)} {'reduction' if ratio.value > 1 else 'INCREASE'}"


_WORDS: dict[str, Callable[..., Passage]] = {
    "ranking": _rankings,
    "race": _races,
    "paper": _paper,
    "scaling": _scaling,
    "offload": _offload,
    "streams": _streams,
    "residency": _residency,
    "phases": _phases,
    "bandwidth": _bandwidth,
    "bits": _fewer_bits,
    "cache": _cache_settings,
    **words_trust.WORDS,
}
