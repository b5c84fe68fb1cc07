"""`llamawatt doctor --url`: what a running server is, reports, and lets be measured."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from llamawatt.app.server_look import ServerLook
    from llamawatt.app.serving import Serving

WIDTH = 80
LABEL = 13


def tell_server(serving: "Serving", *, as_json: bool) -> None:
    """Look at a running server and print what was seen.

    Raises:
        UsageError, TargetError: as `look_at`.
    """
    from llamawatt.app.server_look import look_at

    look = look_at(serving)
    if as_json:
        told = {**asdict(look), "flags": {flag.value: flag.sentence for flag in look.flags}}
        typer.echo(json.dumps(told, indent=1))
        return
    for line in lines(look):
        typer.echo(line)


def lines(look: "ServerLook") -> list[str]:
    """Return what was seen, in lines of at most 80 characters."""
    build = f" ({look.build})" if look.build else ""
    label = f" ({look.quantization})" if look.quantization else ", quantisation not told"
    rows = [
        ("server", f"{look.server}{build} at {look.address}"),
        ("asked by", look.api),
        ("model", f"{look.model}{label}"),
        ("key", "sent" if look.has_key else "none, and none is needed"),
    ]
    shown = [line for label, text in rows for line in _row(label, text)]
    shown += ["", "it reports"]
    shown += [line for name, text in look.reports.items() for line in _row(name, text)]
    shown += ["", "measured", *_row("", "; ".join(look.measured))]
    shown += ["", "not measured"]
    shown += [line for text in look.not_measured for line in _row("", text)]
    if look.flags:
        shown += ["", "its results will say"]
        shown += [line for flag in look.flags for line in _row("", flag.sentence)]
    return shown


def _row(label: str, text: str) -> list[str]:
    import textwrap

    indent = " " * (LABEL + 3)
    first = f"  {label:{LABEL}} " if label else "  "
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=indent if label else "    "
    )
