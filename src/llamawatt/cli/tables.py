"""Tables and sentences about a run, for a terminal of 80 columns."""

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llamawatt.analysis.estimates.at_wall import AtWall
from llamawatt.core.flags import Flag
from llamawatt.core.format import (
    MISSING,
    deviation_text,
    duration_text,
    energy_text,
    gain_text,
    number_text,
    plus_minus_text,
    power_text,
)
from llamawatt.core.readings import Method
from llamawatt.report.forms import tables as report_tables
from llamawatt.report.model import ReportModel, Row
from llamawatt.report.words.phrases import disturbed_text, suite_text, uneven_text

MODELLED = "~"
"""Put before a figure that was not measured here."""
WALL_TITLE = "wall~ J"
"""Joules of a reply at the wall: always a model."""


def run_table(model: ReportModel) -> Table:
    """Return what a reply costs: under each suite's name a row per arm.

    A column of its own for the suite would leave long arm names too little of 80 columns.
    """
    # 80 columns hold one of the two beside the names; the report has both.
    last = WALL_TITLE if model.machine.wall_model else "EDP J·s"
    titles = ("n", "reply", "decode\ntok/s", "J/reply", "±", "J/token", last)
    figures = {(row.suite, row.arm): _figures(row) for row in model.suite_rows()}
    return _by_suite(titles, figures)


def worth_table(model: ReportModel) -> Table | None:
    """Return what the joules are worth, likewise; None where nothing is set that says so."""
    table = report_tables.worth(model)
    if not table.rows:
        return None
    figures = {
        (str(suite.key), arm.text): tuple(entry.text for entry in entries)
        for suite, arm, *entries in table.rows
    }
    return _by_suite(table.columns[2:], figures)


def print_run(model: ReportModel, console: Console) -> None:
    """Print the table and what a reader must know about it."""
    console.print(run_table(model))
    console.print()
    worth = worth_table(model)
    if worth is not None:
        console.print(worth)
        console.print()
    for line in (*headline(model), *remarks(model)):
        console.print(line, markup=False, soft_wrap=False)


def headline(model: ReportModel) -> Iterable[str]:
    """Say in words what a reply costs, per arm of the first suite."""
    found = model.suite_rows()
    for row in (each for each in found if each.suite == found[0].suite):
        latency, energy = row.estimates.get("latency_s"), row.estimates.get("energy_j")
        if latency is None:
            continue
        joules = "energy not measured" if energy is None else f"{energy_text(energy.value)}"
        how = f" ({_how(row)})" if energy is not None else ""
        took = duration_text(latency.value)
        yield f"{row.arm}: a {row.suite} reply takes {took}, {joules}{how}."


def remarks(model: ReportModel) -> Iterable[str]:
    """Say what is modelled, missing, doubtful or skipped."""
    for row in model.suite_rows():
        where = f"{row.arm} on {suite_text(row.suite)}"
        if row.disturbances:
            yield f"note: {report_tables.DISTURBED} {where}: {disturbed_text(row)}."
        for metric, ends in row.uneven.items():
            yield f"note: {where}: {uneven_text(metric, *ends)}."
    flags = dict.fromkeys(flag for row in model.suite_rows() for flag in row.flags)
    for flag in flags:
        yield f"note: {flag.sentence}"
    if Flag.MODELLED in flags or Flag.MIXED_METHODS in flags:
        modelled = [d for d in model.machine.domains if d.method is Method.MODEL and d.in_total]
        for domain in modelled:
            yield (
                f"note: {MODELLED} marks energy with a modelled part ({domain.name}, "
                f"{gain_text(domain.gain_error)}): {domain.note}"
            )
    yield from _wall_remarks(model)
    for arm in model.study.arms:
        if arm.skipped:
            yield f"skipped: {arm.name}: {arm.skipped}."


def _by_suite(titles: Iterable[str], figures: dict[tuple[str, str], tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    before = ""
    for (suite, arm), texts in figures.items():
        if suite != before:
            table.add_row(Text(suite, style="bold"))
        table.add_row(Padding(Text(arm, overflow="fold"), (0, 0, 0, 2)), *map(Text, texts))
        before = suite
    return table


def _figures(row: Row) -> tuple[str, ...]:
    energy, wall = row.estimates.get("energy_j"), row.at_wall
    mark = MODELLED if Method.MODEL in row.methods else ""
    reach = "" if energy is None else deviation_text(energy.value, energy.low, energy.high)
    return (
        f"{row.n} {report_tables.DISTURBED}" if row.disturbances else str(row.n),
        duration_text(_value(row, "latency_s")),
        number_text(_value(row, "decode_tok_per_s")),
        _marked(mark, _value(row, "energy_j")),
        reach or MISSING,
        _marked(mark, _value(row, "j_per_token")),
        _marked(mark, _value(row, "edp_js")) if wall is None else _marked(MODELLED, wall.energy_j),
    )


def _wall_remarks(model: ReportModel) -> Iterable[str]:
    wall = model.machine.wall_model
    figures: list[AtWall] = [row.at_wall for row in model.suite_rows() if row.at_wall is not None]
    if wall is None or not figures:
        return
    widest = max(each.half_width_j / abs(each.energy_j) for each in figures)
    yield (
        f"note: {WALL_TITLE} is a model, not a measurement: {number_text(wall.rest_w)} W + "
        f"{number_text(wall.slope)} × ({' + '.join(wall.domains)}), fitted on "
        f"{wall.made_at[:10]} over {wall.n_levels} levels of load; up to {plus_minus_text(widest)} "
        f"(95 %), and the plug's own error of {plus_minus_text(wall.gain_error)}."
    )
    if any(each.extrapolated for each in figures):
        low_w, high_w = wall.range_w
        yield (
            f"note: {WALL_TITLE} is extrapolated where the domains drew less or more than the "
            f"{power_text(low_w)} to {power_text(high_w)} of its calibration."
        )


def _marked(mark: str, value: float | None) -> str:
    return MISSING if value is None else mark + number_text(value)


def _value(row: Row, metric: str) -> float | None:
    found = row.estimates.get(metric)
    return None if found is None else found.value


def _how(row: Row) -> str:
    methods = " + ".join(row.methods)
    power = power_text(_value(row, "power_w"))
    return f"{methods}, sensor error {gain_text(row.gain)}, mean {power}"
