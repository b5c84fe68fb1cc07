"""`llamawatt quantize`: a model at fewer bits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.models.make.quantize import Quantized


def quantize(
    source: Annotated[
        str, typer.Argument(help="Model to start from, best F16: a name, hf:…, a URL or a path.")
    ],
    quantization: Annotated[str, typer.Argument(help="As Q4_0, Q4_K_M, Q3_K_M, Q2_K, IQ2_XXS.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write. Default: MODEL-TYPE.gguf in this folder."
        ),
    ] = None,
    binary: Annotated[
        Path | None,
        typer.Option(
            "--binary", help="Your llama-quantize. Default: the one on PATH, else a package."
        ),
    ] = None,
    imatrix: Annotated[
        Path | None,
        typer.Option("--imatrix", help="Importance matrix of llama-imatrix; IQ1 and IQ2 need one."),
    ] = None,
    requantize: Annotated[
        bool,
        typer.Option(
            "--allow-requantize", help="Take a source that is quantised: quality is lost twice."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    n_threads: Annotated[
        int, typer.Option("--threads", "-t", min=0, help="Threads; 0 lets llama.cpp choose.")
    ] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a model at fewer bits, and say what it really came to."""
    import json
    from dataclasses import asdict

    from llamawatt.cli.console.fetching import Fetching
    from llamawatt.models.fetch.catalog import resolve_model
    from llamawatt.models.make.quantizations import known_name
    from llamawatt.models.make.quantize import Choices
    from llamawatt.models.make.quantize import quantize as make
    from llamawatt.models.make.quantizer import find_quantizer

    name = known_name(quantization)
    by = find_quantizer(binary)
    choices = Choices(imatrix, requantize, force, n_threads)
    with Fetching(quiet=quiet or as_json) as progress:
        model = resolve_model(source, progress=progress)
        target = output or Path(f"{model.name}-{name}.gguf")
        made = make(model.path, target, name, by, choices, progress)
    if as_json:
        typer.echo(json.dumps(asdict(made), default=str))
        return
    _tell(made, source)


def _tell(made: "Quantized", source: str) -> None:
    before, after = made.source_facts, made.facts
    typer.echo(
        f"{made.path}: {made.size_bytes / 1e6:.1f} MB, {after.bits_text} "
        f"({before.quantization}: {before.bits_text}), by {made.by}"
    )
    for warning in after.warnings:
        typer.echo(f"note: {warning}")
    if made.requantized:
        typer.echo(
            f"note: It comes from {before.quantization} and not from full precision; its quality "
            "is below that of the same quantisation made from F16."
        )
    typer.echo(f"next: llamawatt quality {made.path} --reference {source}")
