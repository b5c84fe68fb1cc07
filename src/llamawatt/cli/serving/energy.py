"""`llamawatt energy`: what a gateway's answers cost, by day, model, target or key."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.gateway.store.query import Used


def energy(
    by: Annotated[
        str, typer.Option("--by", help="What to group by, with commas: day, model, target, key.")
    ] = "day,model",
    since: Annotated[str, typer.Option("--since", help="First day, as 2026-01-31.")] = "",
    export: Annotated[
        Path | None, typer.Option("--export", help="Write every answer to this .csv or .parquet.")
    ] = None,
    database: Annotated[str, typer.Option("--database", help="File of the gateway.")] = "",
    as_json: options.Json = False,
) -> None:
    """Show what was used, or export every answer."""
    from contextlib import closing

    from llamawatt.gateway.places import database_path
    from llamawatt.gateway.store import query

    groups = query.parse_groups(by)
    first_day = _day(since)
    with closing(query.read_only(database_path(database))) as connection:
        if export is not None:
            from llamawatt.gateway.store.export import export as write

            n_rows = write(connection, export)
            typer.echo(f"{n_rows} answers written to {export}.", err=as_json)
        found = query.used(connection, groups, first_day)
    if as_json:
        rows = [dict(zip(groups, each.group, strict=True)) | asdict(each) for each in found]
        typer.echo(
            json.dumps([{k: v for k, v in row.items() if k != "group"} for row in rows], indent=1)
        )
    elif export is None:
        _print(groups, found)


def _day(text: str) -> str:
    from datetime import date

    from llamawatt.core.errors import UsageError

    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise UsageError(f"{text!r} is no day.", "Write it as 2026-01-31.") from error


def _print(groups: tuple[str, ...], found: "tuple[Used, ...]") -> None:
    if not found:
        typer.echo("No answers are kept yet.")
        return
    rows = [(*groups, "answers", "tokens", "joules", "above idle", "J/token", "")]
    rows += [(*each.group, *_cells(each)) for each in found]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if n < len(groups) else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())


def _cells(each: "Used") -> tuple[str, ...]:
    tokens = each.n_prompt + each.n_generated
    per_token = (
        each.energy_j / each.n_generated if each.energy_j is not None and each.n_generated else None
    )
    marks = ["modelled"] if each.is_modelled else []
    if each.n_without_energy:
        marks.append(f"{each.n_without_energy} without energy")
    return (
        f"{each.n_requests:,}",
        f"{tokens:,}",
        _joules(each.energy_j),
        _joules(each.above_idle_j),
        "–" if per_token is None else f"{per_token:.3g}",
        ", ".join(marks),
    )


def _joules(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"
