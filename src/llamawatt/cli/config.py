"""`llamawatt config`: show and set prices, carbon, a battery, the CPU's watts, where things are."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.app.settings import Found

Pairs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME=VALUE]...", help="What to set, as price_per_kwh=0.30."),
]
Unset = Annotated[
    list[str] | None, typer.Option("--unset", metavar="NAME", help="Forget it. Repeatable.")
]


def config(pairs: Pairs = None, unset: Unset = None, as_json: options.Json = False) -> None:
    """Show what is set and where, or set it once for all.

    An environment variable, as LLAMAWATT_PRICE_PER_KWH, goes before the file, and an option before
    both.
    """
    from llamawatt.app.settings import config_file, save_settings, settings_found
    from llamawatt.core.settings import SETTINGS, Value, setting_of, typed_pairs

    path = config_file()
    changes: dict[str, Value | None] = dict(typed_pairs(pairs or (), "config", SETTINGS))
    changes |= {setting_of(key, "--unset").key: None for key in unset or ()}
    if changes:
        save_settings(path, changes)
    found = settings_found()
    if as_json:
        settings = {
            key: None if one is None else {"value": plain(one.value), "where": one.where}
            for key, one in ((key, found.get(key)) for key in SETTINGS)
        }
        typer.echo(json.dumps({"file": str(path), "settings": settings}, indent=1))
        return
    _print(path, found)


def plain(value: float | str) -> float | str:
    """Return a value without the password that an address may hold."""
    from llamawatt.core.redaction import without_secrets

    return value if isinstance(value, float) else without_secrets(value)


def _print(path: Path, found: "dict[str, Found]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from llamawatt.core.format import MISSING
    from llamawatt.core.settings import SETTINGS

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "value", "meaning"):
        table.add_column(title, overflow="fold")
    for key, setting in SETTINGS.items():
        value = found[key].value if key in found else None
        text = MISSING if value is None else str(plain(value)).removesuffix(".0")
        variable = value is not None and not found[key].where.startswith(str(path))
        where = f" Set by {setting.variable}." if variable else ""
        table.add_row(key, Text(text), Text(setting.meaning + where))
    Console(highlight=False).print(table)
    typer.echo(f"\nfile: {path}")
