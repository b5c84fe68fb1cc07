"""Compared runs in words and tables, for a terminal or a pull request."""

from collections.abc import Iterable, Sequence

from llamawatt.analysis.compare.between import Spread
from llamawatt.analysis.compare.runs import Comparison, GateOutcome, GateRow, Row
from llamawatt.analysis.compare.verdict import Limit, Verdict
from llamawatt.core.format import MISSING, number_text, percent_text
from llamawatt.core.metrics import METRICS
from llamawatt.report.forms.markdown import table_lines
from llamawatt.report.forms.tables import Entry, Table
from llamawatt.report.words.phrases import joined, suite_text, undecided_text, value_text

_FACTOR = 10.0
_COLUMNS = ("Figure", "Suite", "Setting", "Before", "After", "Change", "95 % interval", "Verdict")
_INTERVAL = _COLUMNS.index("95 % interval")
REPEATABILITY = "Within-run interval"
"""Heading of the intervals where one run a side says nothing of the spread between runs."""


def comparison_table(comparison: Comparison) -> Table:
    """Return one row per figure, suite and arm."""
    rows = tuple(_cells(row, comparison.units.get(row.ratio.metric, "")) for row in comparison.rows)
    numeric = (False, False, False, True, True, True, True, False)
    title = f"{comparison.after} against {comparison.before}"
    columns = list(_COLUMNS)
    if comparison.is_open:
        columns[_INTERVAL] = REPEATABILITY
    return Table("comparison", title, tuple(columns), numeric, rows)


def comparison_markdown(comparison: Comparison, gate: Sequence[GateRow], limit: float) -> str:
    """Return a comparison as Markdown, with the gate's word first if there is one."""
    lines = [f"**{gate_sentence(gate, limit)}**", ""] if gate else []
    lines += table_lines(comparison_table(comparison))
    notes = list(comparison_notes(comparison))
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    return "\n".join(lines).strip() + "\n"


def comparison_notes(comparison: Comparison) -> Iterable[str]:
    """Say what the verdicts rest on, in what the runs differ, and what would settle open rows."""
    if comparison.is_open:
        yield (
            "One run a side gives no verdict: the intervals are the repeatability within these "
            "runs, and the same thing run again may lie outside them. Repeat whole runs, as "
            "`llamawatt study run STUDY --runs 3`, and compare "
            "`llamawatt compare NEW1 NEW2 NEW3 --against OLD1 OLD2 OLD3`."
        )
    yield from _spread_notes(comparison.rows)
    for difference in comparison.differences:
        warning = "UNLIKE: " if difference.forbids else ""
        yield f"{warning}{difference.text}"
    for name, only in (
        (comparison.before, comparison.only_before),
        (comparison.after, comparison.only_after),
    ):
        if only:
            yield f"Only in {name}: {', '.join(only)}."
    for row in comparison.rows:
        ratio = row.ratio
        open_row = ratio.verdict is Verdict.NOT_DISTINGUISHABLE
        if open_row and (ratio.n_repeats_needed is not None or ratio.limit is Limit.GAIN):
            label = METRICS[ratio.metric].label
            where = f"{ratio.arm}, {suite_text(ratio.suite)}"
            yield f"{label} of {where}: {undecided_text(ratio)}."


def _spread_notes(rows: Sequence[Row]) -> Iterable[str]:
    """Say how far whole runs lie apart, and where that is known from."""
    by_metric: dict[str, list[Spread]] = {}
    for row in rows:
        if row.spread is not None:
            by_metric.setdefault(row.ratio.metric, []).append(row.spread)
    for metric, spreads in by_metric.items():
        label = METRICS[metric].label
        low, high = (end(spread.relative for spread in spreads) for end in (min, max))
        stored = next((spread.made_at[:10] for spread in spreads if spread.made_at), "")
        source = f", partly from runs repeated here on {stored}" if stored else ""
        yield (
            f"{label}: whole runs lie {percent_text(low)} to {percent_text(high)} apart (one "
            f"standard deviation{source}); the intervals count it."
        )


def gate_sentence(gate: Sequence[GateRow], limit: float) -> str:
    """Say whether the gate passes, and by which row."""
    labels = dict.fromkeys(METRICS[row.row.ratio.metric].label.lower() for row in gate)
    metric = joined(labels)
    failed = [row for row in gate if row.outcome is GateOutcome.FAILED]
    open_rows = [row for row in gate if row.outcome is GateOutcome.UNSETTLED]
    if failed:
        worst = max(failed, key=lambda row: row.worse_by)
        return (
            f"FAILED: {metric} got worse by more than {percent_text(limit)} in {len(failed)} of "
            f"{len(gate)} rows, most in {_place(worst)}: {percent_text(worst.worse_by)}."
        )
    alone = [row for row in open_rows if row.row.ratio.within_runs]
    if alone:
        worst = max(alone, key=lambda row: row.worse_by)
        return (
            f"PASSED, but open: one run a side cannot tell a change of {metric} from the spread "
            f"between runs. The worst of {len(gate)} rows is {_place(worst)}: "
            f"{_change_text(1 + worst.worse_by)}. Take several runs a side."
        )
    if open_rows:
        return (
            f"PASSED, but open: {metric} is not beyond doubt worse than {percent_text(limit)}; in "
            f"{len(open_rows)} of {len(gate)} rows the interval reaches above it."
        )
    return f"PASSED: {metric} is within {percent_text(limit)} in all {len(gate)} rows."


def _place(row: GateRow) -> str:
    ratio = row.row.ratio
    return f"{ratio.arm}, {suite_text(ratio.suite)} ({METRICS[ratio.metric].label.lower()})"


def _cells(row: Row, unit: str) -> tuple[Entry, ...]:
    ratio = row.ratio
    info = METRICS[ratio.metric]
    change = ratio.value - 1
    interval = MISSING
    if ratio.low_total is not None and ratio.high_total is not None:
        interval = f"{_change_text(ratio.low_total)} to {_change_text(ratio.high_total)}"
    return (
        Entry(info.label, info.label),
        Entry(suite_text(ratio.suite), ratio.suite),
        Entry(ratio.arm, ratio.arm),
        Entry(value_text(ratio.metric, row.before.value, unit), row.before.value),
        Entry(value_text(ratio.metric, row.after.value, unit), row.after.value),
        Entry(_change_text(ratio.value), change),
        Entry(interval, ratio.low_total),
        Entry(str(ratio.verdict), str(ratio.verdict)),
    )


def _change_text(ratio: float) -> str:
    """Return a ratio as a change in percent, from a factor of ten on as a factor."""
    if ratio >= _FACTOR:
        return f"{number_text(ratio, 2)}×"
    sign = "+" if ratio > 1 else "−" if ratio < 1 else ""
    return f"{sign}{percent_text(abs(ratio - 1))}"
