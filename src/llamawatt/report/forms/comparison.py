"""Two compared runs in words and tables, for a terminal or a pull request."""

from collections.abc import Iterable, Sequence

from llamawatt.analysis.compare.runs import Comparison, GateOutcome, GateRow, Row
from llamawatt.analysis.compare.verdict import Verdict
from llamawatt.core.format import MISSING, number_text, percent_text
from llamawatt.core.metrics import METRICS
from llamawatt.report.forms.markdown import table_lines
from llamawatt.report.forms.tables import Entry, Table
from llamawatt.report.words.phrases import joined, suite_text, undecided_text, value_text

_FACTOR = 10.0
_COLUMNS = ("Figure", "Suite", "Arm", "Before", "After", "Change", "95 % interval", "Verdict")


def comparison_table(comparison: Comparison) -> Table:
    """Return one row per figure, suite and arm."""
    rows = tuple(_cells(row) for row in comparison.rows)
    numeric = (False, False, False, True, True, True, True, False)
    title = f"{comparison.after} against {comparison.before}"
    return Table("comparison", title, _COLUMNS, numeric, rows)


def comparison_markdown(comparison: Comparison, gate: Sequence[GateRow], limit: float) -> str:
    """Return a comparison as Markdown, with the gate's word first if there is one."""
    lines = [f"**{gate_sentence(gate, limit)}**", ""] if gate else []
    lines += table_lines(comparison_table(comparison))
    notes = list(comparison_notes(comparison))
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    return "\n".join(lines).strip() + "\n"


def comparison_notes(comparison: Comparison) -> Iterable[str]:
    """Say in what the runs differ, what only one has, and what would settle open rows."""
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
        if ratio.verdict is Verdict.NOT_DISTINGUISHABLE and ratio.n_repeats_needed is not None:
            label = METRICS[ratio.metric].label
            where = f"{ratio.arm}, {suite_text(ratio.suite)}"
            yield f"{label} of {where}: {undecided_text(ratio)}."


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
    if open_rows:
        return (
            f"PASSED, but open: {metric} is not beyond doubt worse than {percent_text(limit)}; in "
            f"{len(open_rows)} of {len(gate)} rows the interval reaches above it."
        )
    return f"PASSED: {metric} is within {percent_text(limit)} in all {len(gate)} rows."


def _place(row: GateRow) -> str:
    ratio = row.row.ratio
    return f"{ratio.arm}, {suite_text(ratio.suite)} ({METRICS[ratio.metric].label.lower()})"


def _cells(row: Row) -> tuple[Entry, ...]:
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
        Entry(value_text(ratio.metric, row.before.value), row.before.value),
        Entry(value_text(ratio.metric, row.after.value), row.after.value),
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
