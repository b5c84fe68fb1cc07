"""Tables of the report, as cells that sort and print the same everywhere."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from llamawatt.analysis.compare.verdict import Ratio, Verdict
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.core.flags import Flag
from llamawatt.core.format import (
    MISSING,
    deviation_text,
    gain_text,
    number_text,
)
from llamawatt.core.metrics import METRICS, Use, keys
from llamawatt.core.trials import IDLE_LEVELS
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.phrases import (
    METHOD_WORDS,
    disturbed_text,
    factor_text,
    suite_text,
    undecided_text,
    uneven_text,
)

DISTURBED = "!"
"""Put beside the number of windows of a row, some of which were disturbed."""
_QUIET = {Flag.DRAM_NOT_MEASURED, Flag.MODELLED, Flag.MIXED_METHODS}
"""Flags that every row of a run shares; they are told once, not in each row."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table.

    Attributes:
        text: As read.
        key: As sorted; None sorts last.
        note: Said when pointed at.
    """

    text: str
    key: float | str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        name: Unique on the page.
        title: Its caption.
        columns: Headings, with units.
        numeric: For each column, whether it holds numbers.
        rows: Its cells.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Entry, ...], ...]


def results(model: ReportModel) -> Table:
    """One row per arm and suite."""
    headings = [METRICS[key].heading for key in keys(Use.RESULTS)]
    columns = ("Suite", "Setting", "n", *headings, "Method", "Sensor", "Marks")
    rows = tuple(_result(row) for row in model.suite_rows())
    numeric = (False, False, True, *[True] * len(headings), False, True, False)
    return Table("results", "What a reply costs, by suite and setting", columns, numeric, rows)


def worth(model: ReportModel) -> Table:
    """One row per arm and suite: its joules in money, carbon and charge."""
    shown = [key for key in keys(Use.WORTH) if key in model.metrics]
    columns = ("Suite", "Setting", *(model.metrics[key].heading for key in shown))
    rows = tuple(
        (
            Entry(suite_text(row.suite), row.suite),
            Entry(row.arm, row.arm),
            *(estimated(row.estimates.get(key), row, key) for key in shown),
        )
        for row in (model.suite_rows() if shown else ())
    )
    numeric = (False, False, *[True] * len(shown))
    return Table("worth", "What that is worth", columns, numeric, rows)


def comparisons(model: ReportModel) -> Table:
    """Every arm over its group's reference."""
    columns = ("Figure", "Suite", "Setting", "Against", "Ratio (×)", "Verdict", "95 % interval",
               "With gain error", "n", "p (Holm)", "Why no verdict")  # fmt: skip
    seen: dict[tuple[str, str, str, str], Ratio] = {}
    for ratio in model.ratios:
        seen.setdefault((ratio.metric, ratio.suite, ratio.arm, ratio.baseline), ratio)
    rows = tuple(_comparison(ratio) for ratio in seen.values())
    numeric = (*[False] * 4, True, False, *[True] * 4, False)
    return Table(
        "comparisons", "Settings against the reference of their group", columns, numeric, rows
    )


def idle(model: ReportModel) -> Table:
    """Idle power and load, by arm."""
    columns = ("Setting", "Bare (W)", "Runtime (W)", "Model resident (W)", "Extra (W)", "Load (s)",
               "Load (J)")  # fmt: skip
    rows = []
    for row in model.idle:
        levels = [estimated(row.power_w.get(level)) for level in IDLE_LEVELS]
        load = [_number(row.load_s, number_text), _number(row.load_j, number_text)]
        rows.append((Entry(row.arm, row.arm), *levels, estimated(row.extra_w), *load))
    numeric = (False, *[True] * 6)
    return Table("idle", "Idle power and loading", columns, numeric, tuple(rows))


def domains(model: ReportModel) -> Table:
    """What was read, how, and with what error."""
    columns = ("Domain", "Device", "Interface", "Method", "Summed", "Gain error", "Update (ms)",
               "Note")  # fmt: skip
    periods = {c.domain: c.update_period_s for c in model.machine.calibrations}
    rows = []
    for domain in model.machine.domains:
        period_s = periods.get(domain.name)
        summed = "yes" if domain.name in model.study.boundary else "no"
        error = gain_text(domain.gain_error) + (
            f" ({domain.gain_source})" if domain.gain_source else ""
        )
        rows.append(
            (
                Entry(domain.name, domain.name),
                Entry(domain.device or MISSING, domain.device),
                Entry(domain.source, domain.source),
                Entry(METHOD_WORDS[domain.method], domain.method),
                Entry(summed, summed),
                Entry(error, domain.gain_error),
                _number(None if period_s is None else period_s * 1000, number_text),
                Entry(domain.note),
            )
        )
    numeric = (False, False, False, False, False, True, True, False)
    return Table("domains", "What was read", columns, numeric, tuple(rows))


def skipped(model: ReportModel) -> Table:
    """Arms that this machine could not run, and figures that the data do not allow."""
    rows = [
        (Entry("arm"), Entry(arm.name, arm.name), Entry(arm.skipped))
        for arm in model.study.arms
        if arm.skipped
    ]
    rows += [
        (Entry("figure"), Entry(figure.name, figure.name), Entry(figure.missing))
        for figure in model.figures
        if figure.missing
    ]
    return Table(
        "skipped", "What is not here, and why", ("Kind", "Name", "Why"), (False,) * 3, tuple(rows)
    )


def marks(row: Row) -> Iterable[str]:
    """Name the doubts of a row that not every row shares."""
    if row.disturbances:
        yield disturbed_text(row)
    for metric, ends in row.uneven.items():
        yield uneven_text(metric, *ends)
    for flag, count in row.flags.items():
        if flag not in _QUIET and flag not in row.disturbances:
            share = "" if count == row.n else f" ({count}/{row.n})"
            yield f"{flag.replace('_', ' ')}{share}"
    if row.is_modelled:
        part = row.modelled_share or 0.0
        yield "modelled" if part > 0.999 else f"modelled {number_text(part * 100, 2)} %"
    if row.blind_to:
        yield f"without the {row.blind_to.upper()}"
    n_outliers = max((made.n_outliers for made in row.estimates.values()), default=0)
    if n_outliers:
        yield f"outliers kept: {n_outliers}"


def _result(row: Row) -> tuple[Entry, ...]:
    methods = ", ".join(METHOD_WORDS[method] for method in row.methods) or "not measured"
    found = "; ".join(marks(row))
    return (
        Entry(suite_text(row.suite), row.suite),
        Entry(row.arm, row.arm),
        Entry(f"{row.n} {DISTURBED}" if row.disturbances else str(row.n), row.n),
        *(estimated(row.estimates.get(metric), row, metric) for metric in keys(Use.RESULTS)),
        Entry(methods, methods),
        Entry(gain_text(row.gain) if row.methods else MISSING, row.gain),
        Entry(found or MISSING, found),
    )


def estimated(made: Estimate | None, row: Row | None = None, metric: str = "") -> Entry:
    """Return a figure and how far its interval reaches, marked where it is modelled."""
    if made is None:
        return Entry(MISSING, None, "not measured")
    error = f" {deviation_text(made.value, made.low, made.high)}".rstrip()
    if not error and made.low is not None and made.high is not None:
        error = f" ({number_text(made.low)} to {number_text(made.high)})"
    modelled = row is not None and row.is_modelled and METRICS[metric].is_energy
    note = f"n = {made.n}, {made.method}"
    return Entry(f"{'~' if modelled else ''}{number_text(made.value)}{error}", made.value, note)


def _comparison(ratio: Ratio) -> tuple[Entry, ...]:
    info = METRICS[ratio.metric]
    open_question = ratio.verdict is Verdict.NOT_DISTINGUISHABLE
    note = undecided_text(ratio) if open_question else ""
    return (
        Entry(info.label, info.label),
        Entry(suite_text(ratio.suite), ratio.suite),
        Entry(ratio.arm, ratio.arm),
        Entry(ratio.baseline, ratio.baseline),
        Entry(factor_text(ratio.value).removesuffix("×"), ratio.value),
        Entry(str(ratio.verdict), str(ratio.verdict)),
        _span(ratio.low, ratio.high),
        _span(ratio.low_total, ratio.high_total),
        Entry(str(ratio.n), ratio.n),
        _number(ratio.p_holm, lambda p: "< 0.001" if p < 0.001 else number_text(p, 2)),
        Entry(note),
    )


def _span(low: float | None, high: float | None) -> Entry:
    if low is None or high is None:
        return Entry(MISSING)
    return Entry(f"{number_text(low)} – {number_text(high)}", low)


def _number(value: float | None, text: Callable[[float], str]) -> Entry:
    return Entry(MISSING) if value is None else Entry(text(value), value)
