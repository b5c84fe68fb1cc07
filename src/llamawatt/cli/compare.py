"""`llamawatt compare`: effect, interval and verdict of runs against others; a gate for CI."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.analysis.compare.runs import Comparison, GateRow

Runs = Annotated[
    list[Path],
    typer.Argument(
        help="Two runs, before and after; or with --against every run that is judged. "
        "`latest` and `latest~1` are the last two.",
        show_default=False,
    ),
]
Against = Annotated[
    list[Path] | None,
    typer.Option("--against", help="The runs to compare with, one or several.", show_default=False),
]
Metric = Annotated[
    list[str] | None,
    typer.Option("--metric", "-m", help="As energy_j, j_per_token or tok_per_s. Repeatable."),
]
FailAbove = Annotated[
    str | None,
    typer.Option("--fail-above", help="Exit 1 if energy_j, or a --metric, got worse by more: 5%."),
]
FailIfUndecided = Annotated[
    bool,
    typer.Option(
        "--fail-if-undecided",
        help="With --fail-above: exit 1 also where the runs cannot rule out that it got worse.",
    ),
]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")]
Force = Annotated[bool, typer.Option("--force", help="Compare even unlike runs.")]


class Variadic(TyperCommand):
    """Takes `--against B1 B2 B3` as `--against B1 --against B2 --against B3`.

    Written more than once, it takes one value each time, as options do.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  # of typer's own
        """Repeat the option before each of its values, up to the next option."""
        if args.count("--against") != 1:
            return super().parse_args(ctx, args)
        spread: list[str] = []
        taking = False
        for word in args:
            if word.startswith("-") and word != "-":
                taking = word == "--against"
                spread += [] if taking else [word]
            else:
                spread += ["--against", word] if taking else [word]
        if "--against" not in spread:
            spread.append("--against")  # without a value: let the parser say so
        return super().parse_args(ctx, spread)


def compare(
    runs: Runs,
    against: Against = None,
    metric: Metric = None,
    fail_above: FailAbove = None,
    fail_if_undecided: FailIfUndecided = False,
    markdown: AsMarkdown = False,
    assume: options.Assume = None,
    force: Force = False,
    as_json: options.Json = False,
) -> None:
    """Compare runs: what changed, by how much, and whether that is beyond doubt.

    `compare A B` shows the change from A to B. A verdict needs several runs a side, or the spread
    between runs that `study run --runs` keeps: `compare NEW… --against OLD…`. A folder of repeated
    runs stands for all of them.
    """
    from llamawatt.app.comparing import DEFAULT_METRICS, GATED, failed, hold_against, undecided
    from llamawatt.app.comparing import compare as compare_runs
    from llamawatt.app.settings import assumed
    from llamawatt.core.errors import GateError, UsageError
    from llamawatt.report.forms.comparison import gate_sentence

    limit = None if fail_above is None else fraction(fail_above)
    if fail_if_undecided and limit is None:
        raise UsageError(
            "--fail-if-undecided needs a limit to decide on.", "Add --fail-above, as 5%."
        )
    before, after = _sides(runs, against)
    comparison = compare_runs(
        before, after, metric or DEFAULT_METRICS, assumed=assumed(assume), force=force
    )
    gated = () if limit is None else hold_against(comparison, limit, metric or GATED)
    if as_json:
        typer.echo(_json(comparison, gated, limit))
    else:
        _print(comparison, gated, limit, markdown=markdown)
    if limit is not None and failed(gated):
        raise GateError(gate_sentence(failed(gated), limit))
    if fail_if_undecided and undecided(gated):
        raise GateError(
            f"Undecided: {len(undecided(gated))} of {len(gated)} rows may be worse than the limit.",
            "Measure more repeats or more runs a side, or leave --fail-if-undecided out.",
        )


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


def _sides(
    runs: Sequence[Path], against: Sequence[Path] | None
) -> tuple[Sequence[Path], Sequence[Path]]:
    """Return the runs before and after.

    Raises:
        UsageError: without --against there are not two.
    """
    from llamawatt.core.errors import UsageError

    if against:
        return against, runs
    if len(runs) != 2:
        raise UsageError(
            f"{len(runs)} runs and no --against: which of them are compared with which?",
            "Write `compare BEFORE AFTER`, or `compare NEW1 NEW2 --against OLD1 OLD2`.",
        )
    return runs[:1], runs[1:]


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
