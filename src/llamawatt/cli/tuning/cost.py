"""`llamawatt cost`: what a daily load costs in energy, money and carbon."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.analysis.estimates.running_cost import Figure
    from llamawatt.app.saving.costing import Bill
    from llamawatt.core.settings import Assumptions


def cost(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    replies: Annotated[float, typer.Option("--replies", min=0, help="Replies a day.")] = 100.0,
    resident_h: Annotated[
        float, typer.Option("--hours", min=0, max=24, help="Hours a day the model is resident.")
    ] = 24.0,
    loads: Annotated[float, typer.Option("--loads", min=0, help="Loads of it a day.")] = 1.0,
    api_per_mtok: Annotated[
        float | None,
        typer.Option("--api-price", min=0, help="Price of a million tokens elsewhere."),
    ] = None,
    assume: options.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Print kilowatt-hours, money and CO2e of a day and a year, per setting of a run."""
    from llamawatt.analysis.estimates.running_cost import Daily
    from llamawatt.app.saving.costing import bills
    from llamawatt.app.settings import assumed

    given = assumed(assume)
    made = bills(run, Daily(replies, resident_h, loads), given, api_per_mtok)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in made]))
        return
    for each in made:
        for line in _lines(each, given):
            typer.echo(line)
    for note in dict.fromkeys(note for each in made for note in each.notes):
        typer.echo(f"note: {note}")
    if not given.numbers:
        typer.echo("note: Set a price and carbon: llamawatt config price_per_kwh=0.30")


def _lines(bill: "Bill", given: "Assumptions") -> list[str]:
    day = bill.day
    said = [f"{bill.setting} · {bill.suite}"]
    said.append(f"  energy: {_both(bill, day.total_wh, 'kWh', 1e-3)}")
    if day.silence_share is not None:
        said.append(f"  of it {day.silence_share:.0%} for keeping the model resident in silence")
    if "price" in bill.amounts:
        said.append(f"  money:  {_both(bill, bill.amounts['price'], given.currency, 1)}")
    if "co2e_g" in bill.amounts:
        said.append(f"  CO2e:   {_both(bill, bill.amounts['co2e_g'], 'kg', 1e-3)}")
    if bill.api is not None:
        said.append(f"  the same tokens elsewhere: {bill.api:.3g} {given.currency} a day")
    return said


def _both(bill: "Bill", figure: "Figure", unit: str, scale: float) -> str:
    year = bill.of_year(figure)
    return f"{_text(figure, scale)} {unit} a day, {_text(year, scale)} {unit} a year"


def _text(figure: "Figure", scale: float) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value * scale:.3g}"
    low, high = figure.low * scale, figure.high * scale
    return f"{figure.value * scale:.3g} ({low:.3g} to {high:.3g})"
