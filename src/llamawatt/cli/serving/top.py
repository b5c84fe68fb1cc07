"""`llamawatt top`: a running gateway, live in the terminal."""

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from rich.table import Table

LOOK_S = 1.0


def top(
    url: Annotated[str, typer.Option("--url", help="The gateway.")] = "http://127.0.0.1:8090",
    api_key: Annotated[
        str, typer.Option("--api-key", help="Its key. Default: LLAMAWATT_API_KEY.")
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show watts, targets and today's joules of a running gateway."""
    import time

    from rich.console import Console
    from rich.live import Live

    key = api_key or os.environ.get("LLAMAWATT_API_KEY", "")
    if as_json:
        typer.echo(json.dumps(_look(url, key)))
        return
    console = Console()
    if once:
        console.print(_table(_look(url, key)))
        return
    with Live(_table(_look(url, key)), console=console, refresh_per_second=4) as live:
        while True:
            time.sleep(LOOK_S)
            live.update(_table(_look(url, key)))


def _look(url: str, key: str) -> dict[str, Any]:
    """Ask the gateway."""
    import httpx

    from llamawatt.core.errors import TargetError

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url, timeout=5.0, trust_env=False, headers=headers) as http:
            health, energy = http.get("/health"), http.get("/v1/energy")
            energy.raise_for_status()
            return {"health": health.json(), "energy": energy.json()}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise TargetError(
            f"No gateway answers at {url} ({error}).", "Start one with `llamawatt serve`."
        ) from error


def _table(found: dict[str, Any]) -> "Table":
    from rich.table import Table

    health, energy = found["health"], found["energy"]
    table = Table(title=f"llamawatt gateway: {health['status']}", show_header=False, box=None)
    for domain, watts in energy["power_w"].items():
        table.add_row(domain, "unavailable" if watts is None else f"{watts:,.1f} W")
    for model, targets in health["models"].items():
        for name, state in targets.items():
            table.add_row(
                f"{model} on {name}", f"{state['state']} {state.get('trouble', '')}".strip()
            )
    since = energy["since_start"]
    table.add_row("attributed to answers", f"{since['attributed_j']:,.0f} J")
    table.add_row("while nobody asked", f"{since['alone_j']:,.0f} J")
    for row in energy["by"]["day"]:
        if row["day"] == energy["today"] and row["energy_j"] is not None:
            table.add_row("today", f"{row['n_requests']} answers, {row['energy_j']:,.0f} J")
    for name, why in health["troubles"].items():
        table.add_row(name, why)
    return table
