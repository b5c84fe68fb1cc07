"""`llamawatt compare`: effect, interval and verdict of one run against another; a gate for CI."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.analysis.compare.differences import Side
    from llamawatt.analysis.compare.runs import Comparison, GateRow

DEFAULT_METRICS = ("latency_s", "energy_j")

Before = Annotated[Path, typer.Argument(help="The run to compare with.", show_default=False)]
After = Annotated[Path, typer.Argument(help="The run that is judged.", show_default=False)]
Metric = Annotated[
    list[str] | None,
    typer.Option("--metric", "-m", help="As energy_j, j_per_token or tok_per_s. Repeatable."),
]
FailAbove = Annotated[
    str | None,
    typer.Option("--fail-above", help="Exit 1 if energy_j, or a --metric, got worse by more: 5%."),
]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")]
Force = Annotated[bool, typer.Option("--force", help="Compare even unlike runs.")]


def compare(
    before: Before,
    after: After,
    metric: Metric = None,
    fail_above: FailAbove = None,
    markdown: AsMarkdown = False,
    force: Force = False,
    as_json: options.Json = False,
) -> None:
    """Compare two runs: what changed, by how much, and whether that is beyond doubt."""
    from llamawatt.analysis.compare.runs import GateOutcome, compare_runs, gate
    from llamawatt.core.errors import GateError
    from llamawatt.report.forms.comparison import gate_sentence

    limit = None if fail_above is None else fraction(fail_above)
    metrics = known_metrics(metric or DEFAULT_METRICS)
    comparison = compare_runs(_side(before), _side(after), metrics, force=force)
    gated: list[GateRow] = []
    if limit is not None:
        for name in metric or ("energy_j",):
            gated += gate(comparison, name, limit)
    if as_json:
        typer.echo(_json(comparison, gated, limit))
    else:
        _print(comparison, gated, limit, markdown=markdown)
    if limit is not None and any(row.outcome is GateOutcome.FAILED for row in gated):
        failed = [row for row in gated if row.outcome is GateOutcome.FAILED]
        raise GateError(gate_sentence(failed, limit))


def fraction(text: str) -> float:
    """Parse `5%`, `5 %` or `0.05`.

    A bare number of 1 or more is refused: who writes 5 means 5 %, and a gate at 500 % never fails.

    Raises:
        UsageError: it is none, negative, or a bare number of 1 or more.
    """
    from llamawatt.core.errors import UsageError

    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if rest.strip() or not 0 <= value < float("inf"):
        raise UsageError(f"--fail-above {text!r} is not a share.", "Write it as 5% or 0.05.")
    if value >= 1 and not percent:
        raise UsageError(
            f"--fail-above {text!r} would mean {value * 100:g} %.",
            f"Write {value:g}% or {value / 100:g}.",
        )
    return value


def known_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """Check the names of metrics.

    Raises:
        UsageError: one is unknown.
    """
    from llamawatt.core.errors import UsageError
    from llamawatt.core.metrics import METRICS

    for name in names:
        if name not in METRICS:
            raise UsageError(
                f"--metric {name!r} is unknown.", f"Choose among {', '.join(METRICS)}."
            )
    return tuple(dict.fromkeys(names))


def _side(path: Path) -> "Side":
    from llamawatt.analysis.compare.differences import Side
    from llamawatt.analysis.estimates.cells import cells
    from llamawatt.runs.store import read_run

    run = read_run(path)
    return Side(str(path), run.study, run.machine, cells(run.trials))


def _json(comparison: "Comparison", gated: "Sequence[GateRow]", limit: float | None) -> str:
    gate = [
        {
            "metric": row.row.ratio.metric,
            "arm": row.row.ratio.arm,
            "suite": row.row.ratio.suite,
            "worse_by": row.worse_by,
            "outcome": row.outcome,
        }
        for row in gated
    ]
    return json.dumps({**asdict(comparison), "fail_above": limit, "gate": gate}, indent=1)


def _print(
    comparison: "Comparison", gated: "Sequence[GateRow]", limit: float | None, *, markdown: bool
) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable

    from llamawatt.report.forms.comparison import (
        comparison_markdown,
        comparison_notes,
        comparison_table,
        gate_sentence,
    )

    if markdown:
        typer.echo(comparison_markdown(comparison, gated, limit or 0.0), nl=False)
        return
    table = comparison_table(comparison)
    drawn = RichTable(box=None, pad_edge=False, header_style="bold", title=table.title)
    for column, numeric in zip(table.columns, table.numeric, strict=True):
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(cell.text for cell in row))
    Console(highlight=False, markup=False).print(drawn)
    for note in comparison_notes(comparison):
        typer.echo(f"note: {note}")
    if limit is not None:
        typer.echo(gate_sentence(gated, limit))
