"""`llamawatt quality`: what fewer bits cost, as perplexity and as divergence from a reference."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.quality.judgement import Figure, Quality

Models = Annotated[list[str], typer.Argument(help="Models to judge: names, hf:…, URLs or paths.")]
Reference = Annotated[
    str | None, typer.Option("--reference", "-r", help="Model to compare with, at more bits.")
]
Text = Annotated[
    Path | None, typer.Option("--text", help="UTF-8 text to predict. Default: the one shipped.")
]
Chunks = Annotated[
    int | None, typer.Option("--chunks", help="Most chunks. Default: the whole text.")
]
Library = Annotated[
    Path | None,
    typer.Option(
        "--library",
        "--binary",
        help="Judge with your own llama.cpp: its folder, its libllama or a program beside it.",
    ),
]


def quality(
    models: Models,
    reference: Reference = None,
    text: Text = None,
    n_ctx: Annotated[int, typer.Option("--ctx", help="Tokens per chunk.")] = 512,
    n_chunks: Chunks = None,
    cache_type_k: Annotated[
        str, typer.Option("--cache-type-k", help="Key cache of the models judged.")
    ] = "f16",
    cache_type_v: Annotated[
        str, typer.Option("--cache-type-v", help="Value cache of the models judged.")
    ] = "f16",
    flash_attn: Annotated[
        str, typer.Option("--flash-attn", help="auto, on or off, for the models judged.")
    ] = "auto",
    n_threads: Annotated[
        int | None, typer.Option("--threads", "-t", min=1, help="Default: every usable core.")
    ] = None,
    n_gpu_layers: Annotated[
        int, typer.Option("--n-gpu-layers", "-g", min=0, help="Layers on the GPU.")
    ] = 0,
    library: Library = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Judge models on a text, and hold them against a reference.

    The reference always has an f16 cache, so that `quality MODEL -r MODEL --cache-type-k q8_0`
    tells what a quantised cache costs.
    """
    from llamawatt.app.machine_record import n_usable_cores
    from llamawatt.cli.console.fetching import Fetching
    from llamawatt.models.fetch.catalog import resolve_model
    from llamawatt.quality.eval_text import load_text
    from llamawatt.quality.judgement import Candidate, measure_quality
    from llamawatt.quality.library_backend import LibraryBackend
    from llamawatt.quality.loaded import Setting
    from llamawatt.quality.scores import Plan

    setting = Setting(cache_type_k, cache_type_v, flash_attn)
    plan = Plan(n_ctx, n_chunks, n_threads or n_usable_cores(), n_gpu_layers)
    words, backend = load_text(text), LibraryBackend.at(library)
    with Fetching(quiet=quiet or as_json) as progress:
        files = [resolve_model(name, progress=progress) for name in models]
        base = None if reference is None else resolve_model(reference, progress=progress)
    with Fetching(quiet=quiet or as_json) as progress:
        found = measure_quality(
            [Candidate(file, setting) for file in files],
            None if base is None else Candidate(base),
            words,
            plan,
            backend,
            progress,
        )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    _show(found, words.source)


def _show(found: "list[Quality]", source: str) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    for title in ("PPL", "bits/byte", "KLD", "KLD p99", "same top"):
        table.add_column(title, justify="right")
    for one in found:
        figures = (one.perplexity, one.bits_per_byte, one.kld, one.kld_p99)
        table.add_row(one.model, *(_cell(figure) for figure in figures), _cell(one.same_top, 100))
    console = Console(file=sys.stdout, highlight=False)
    console.print(table)
    first = found[0]
    against = f" against {first.reference}" if first.reference else ""
    typer.echo(
        f"{first.text} ({source}), {first.n_chunks} chunks of {first.n_ctx} tokens{against}, "
        f"by {first.backend}"
    )
    typer.echo("[95 % intervals from resampled chunks; KLD in nats, same top in %]")


def _cell(figure: "Figure | None", scale: float = 1.0) -> str:
    if figure is None:
        return "–"
    value = f"{figure.value * scale:.4g}"
    if figure.low is None or figure.high is None:
        return value
    return f"{value}\n[{figure.low * scale:.3g}, {figure.high * scale:.3g}]"
