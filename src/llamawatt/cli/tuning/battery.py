"""`llamawatt battery`: replies, tokens and hours left per setting; `watch` switches settings."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.battery.packs import Stock
    from llamawatt.battery.promise import Cost, Promise, Span

app = typer.Typer(help="How far the battery reaches with each setting.", no_args_is_help=True)


@app.command("left")
def left(
    source: Annotated[Path, typer.Argument(help="A run, a tune result or a profile.")],
    watt_hours: Annotated[
        float | None, typer.Option("--wh", help="A battery of so many Wh, in place of this one.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Of a full battery, in place of what is left.")
    ] = False,
    replies_per_h: Annotated[
        float | None,
        typer.Option("--rate", min=0.001, help="Replies an hour; without a pause if not given."),
    ] = None,
    idle_w: Annotated[
        float, typer.Option("--idle-w", min=0, help="Watts of the machine between replies.")
    ] = 0.0,
    as_json: options.Json = False,
) -> None:
    """Print replies, tokens and hours until the battery is empty, per setting."""
    from llamawatt.app.settings import assumed
    from llamawatt.battery.packs import described
    from llamawatt.battery.promise import promise
    from llamawatt.battery.sources import costs_at

    stock = _stock(watt_hours or assumed().numbers.get("battery_wh"), given=watt_hours)
    whole = full or (watt_hours is not None)
    stock_j = stock.full_j if whole else stock.left_j
    found = costs_at(source)
    made = [
        promise(each, stock_j, stock.error_share, replies_per_h=replies_per_h, idle_w=idle_w)
        for each in found
    ]
    if as_json:
        packs = [asdict(pack) for pack in stock.packs]
        typer.echo(json.dumps({"packs": packs, "settings": [asdict(each) for each in made]}))
        return
    typer.echo(described(stock.packs))
    for each in made:
        typer.echo(_line(each))
    for line in _remarks(found):
        typer.echo(line)


def _stock(watt_hours: float | None, *, given: float | None) -> "Stock":
    from llamawatt.battery.packs import read_stock, said_stock
    from llamawatt.core.errors import UsageError

    if given is not None:
        return said_stock(given)
    stock = read_stock() or (said_stock(watt_hours) if watt_hours is not None else None)
    if stock is None:
        raise UsageError(
            "This machine has no battery that says what it holds.", "Name one, as --wh 54."
        )
    return stock


def _line(made: "Promise") -> str:
    cost = made.cost
    head = f"{cost.setting} · {cost.suite}"
    return (
        f"{head}: {_span(made.replies)} replies, {_span(made.tokens)} tokens, "
        f"{_span(made.hours, 2)} hours"
    )


def _span(span: "Span", digits: int = 0) -> str:
    if span.low is None or span.high is None:
        return f"{span.value:,.{digits}f}"
    return f"{span.value:,.{digits}f} ({span.low:,.{digits}f} to {span.high:,.{digits}f})"


def _remarks(found: "tuple[Cost, ...]") -> list[str]:
    from llamawatt.battery.promise import break_even_tokens

    said = list(dict.fromkeys(f"note: {doubt}" for cost in found for doubt in cost.doubts))
    arms = {word: [c for c in found if c.setting.split()[0] == word] for word in ("cpu", "gpu")}
    tokens = break_even_tokens(arms["cpu"], arms["gpu"])
    if tokens is not None:
        said.append(f"CPU and GPU cost the same at replies of {tokens:,.0f} tokens.")
    return said


@app.command("watch")
def watch(
    ac: Annotated[Path | None, typer.Option("--ac", help="Profile on mains.")] = None,
    battery: Annotated[Path | None, typer.Option("--battery", help="Profile on battery.")] = None,
    low: Annotated[
        Path | None, typer.Option("--low", help="Profile when the battery is low.")
    ] = None,
    below: Annotated[
        float, typer.Option("--below", min=1, max=99, help="Percent at which it is low.")
    ] = 20.0,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 8080,
) -> None:
    """Run the profile that fits what feeds the machine, and switch when that changes."""
    from llamawatt.battery.switching import State
    from llamawatt.battery.watching import keep_switched

    given = {State.AC: ac, State.BATTERY: battery, State.LOW: low}
    chosen = {state: path for state, path in given.items() if path is not None}
    keep_switched(chosen, below / 100, host, port, tell=lambda text: typer.echo(text, err=True))
