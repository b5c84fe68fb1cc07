"""Tables and sentences about a run, for a terminal of 80 columns."""

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llamawatt.analysis.estimates.at_wall import reply_at_wall_j
from llamawatt.analysis.estimates.cells import Cell, cells
from llamawatt.analysis.estimates.stats import Estimate
from llamawatt.analysis.estimates.wall_model import is_extrapolated
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
from llamawatt.core.machine import WallModel
from llamawatt.core.metrics import METRICS
from llamawatt.core.readings import Method
from llamawatt.core.trials import Purpose
from llamawatt.runs.store import Run

METHOD_MARKS = {Method.MODEL: "~", Method.IMPORT: "^"}
"""Put before a figure that was not measured here."""
WALL_TITLE = "wall~ J"
"""Joules of a reply at the wall: always a model."""


def run_table(run: Run) -> Table:
    """Return what a reply costs: under each suite's name a row per arm.

    A column of its own for the suite would leave long arm names too little of 80 columns.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    wall = run.machine.wall_model
    # 80 columns hold one of the two beside the names; the report has both.
    last = WALL_TITLE if wall else "EDP J·s"
    for title in ("n", "reply", "decode\ntok/s", "J/reply", "±", "J/token", last):
        table.add_column(title, justify="right", no_wrap=True)
    suite = ""
    for cell in _suite_cells(run):
        if cell.suite != suite:
            table.add_row(Text(cell.suite, style="bold"))
        table.add_row(Padding(Text(cell.arm, overflow="fold"), (0, 0, 0, 2)), *_figures(cell, wall))
        suite = cell.suite
    return table


def print_run(run: Run, console: Console) -> None:
    """Print the table and what a reader must know about it."""
    console.print(run_table(run))
    console.print()
    for line in (*headline(run), *remarks(run)):
        console.print(line, markup=False, soft_wrap=False)


def headline(run: Run) -> Iterable[str]:
    """Say in words what a reply costs, per arm of the first suite."""
    found = _suite_cells(run)
    for cell in (each for each in found if each.suite == found[0].suite):
        latency, energy = cell.estimate("latency_s"), cell.estimate("energy_j")
        if latency is None:
            continue
        joules = "energy not measured" if energy is None else f"{energy_text(energy.value)}"
        how = f" ({_how(cell)})" if energy is not None else ""
        took = duration_text(latency.value)
        yield f"{cell.arm}: a {cell.suite} reply takes {took}, {joules}{how}."


def remarks(run: Run) -> Iterable[str]:
    """Say what is modelled, missing, doubtful or skipped."""
    flags = dict.fromkeys(flag for cell in _suite_cells(run) for flag in cell.flags)
    for flag in flags:
        yield f"note: {flag.sentence}"
    if Flag.MODELLED in flags or Flag.MIXED_METHODS in flags:
        modelled = [d for d in run.machine.domains if d.method is Method.MODEL and d.in_total]
        for domain in modelled:
            yield (
                f"note: ~ marks energy with a modelled part ({domain.name}, "
                f"{gain_text(domain.gain_error)}): {domain.note}"
            )
    if run.machine.wall_model is not None:
        yield from _wall_remarks(run.machine.wall_model, _suite_cells(run))
    for arm in run.study.arms:
        if arm.skipped:
            yield f"skipped: {arm.name}: {arm.skipped}."


def _suite_cells(run: Run) -> list[Cell]:
    order = {suite.name: number for number, suite in enumerate(run.study.suites)}
    found = [cell for cell in cells(run.trials).values() if cell.purpose is Purpose.SUITE]
    return sorted(found, key=lambda cell: (order.get(cell.suite, len(order)), cell.arm))


def _figures(cell: Cell, wall: WallModel | None) -> tuple[str, ...]:
    energy = cell.estimate("energy_j")
    mark = "~" if Method.MODEL in cell.methods else ""
    return (
        str(cell.n),
        duration_text(_value(cell, "latency_s")),
        number_text(_value(cell, "decode_tok_per_s")),
        MISSING if energy is None else mark + number_text(energy.value),
        MISSING if energy is None else _reach(energy),
        _marked(mark, _value(cell, "j_per_token")),
        _marked(mark, _value(cell, "edp_js")) if wall is None else _at_wall_text(cell, wall),
    )


def _reach(made: Estimate) -> str:
    return deviation_text(made.value, made.low, made.high) or MISSING


def _at_wall_text(cell: Cell, wall: WallModel) -> str:
    found = reply_at_wall_j(cell, wall)
    return MISSING if found is None else METHOD_MARKS[Method.MODEL] + number_text(found[0])


def _wall_remarks(wall: WallModel, found: Iterable[Cell]) -> Iterable[str]:
    cells_found = list(found)
    figures = [each for cell in cells_found if (each := reply_at_wall_j(cell, wall)) is not None]
    if not figures:
        return
    widest = max(half_width_j / abs(wall_j) for wall_j, half_width_j in figures)
    yield (
        f"note: {WALL_TITLE} is a model, not a measurement: {number_text(wall.rest_w)} W + "
        f"{number_text(wall.slope)} × ({' + '.join(wall.domains)}), fitted on "
        f"{wall.made_at[:10]} over {wall.n_levels} levels of load; up to {plus_minus_text(widest)} "
        f"(95 %), and the plug's own error of {plus_minus_text(wall.gain_error)}."
    )
    powers_w = [power_w for cell in cells_found if (power_w := _value(cell, "power_w"))]
    if any(is_extrapolated(wall, power_w) for power_w in powers_w):
        low_w, high_w = wall.range_w
        yield (
            f"note: {WALL_TITLE} is extrapolated where the domains drew less or more than the "
            f"{power_text(low_w)} to {power_text(high_w)} of its calibration."
        )


def _marked(mark: str, value: float | None) -> str:
    return MISSING if value is None else mark + number_text(value)


def _value(cell: Cell, metric: str) -> float | None:
    found = cell.estimate(metric)
    return None if found is None else found.value


def _how(cell: Cell) -> str:
    power = _value(cell, "power_w")
    methods = " + ".join(sorted(method.value for method in cell.methods))
    bound = gain_text(cell.gain(METRICS["energy_j"]))
    return f"{methods}, sensor error {bound}, mean {power_text(power)}"
