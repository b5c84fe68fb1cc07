"""`llamawatt model`: catalogue, verified downloads, facts of a GGUF, models of random weights."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llamawatt.cli import options

if TYPE_CHECKING:
    from llamawatt.models.file import ModelFile
    from llamawatt.models.gguf.inspect import ModelFacts

app = typer.Typer(
    help="List, fetch, inspect and synthesise models.", no_args_is_help=True, rich_markup_mode=None
)
Reference = Annotated[
    str,
    typer.Argument(help="A name that `model list` shows, hf:OWNER/REPO/FILE, a URL or a path."),
]


@app.command("list")
def list_(as_json: options.Json = False) -> None:
    """Show models that have a name here, those of other programs on this machine, and shapes."""
    from llamawatt.models.fetch.catalog import CATALOG
    from llamawatt.models.fetch.local import find_local
    from llamawatt.models.make.mix import QUANTIZATIONS
    from llamawatt.models.make.shapes import SHAPES

    local = find_local()
    if as_json:
        found = {
            "models": [asdict(entry) for entry in CATALOG.values()],
            "on_this_machine": [asdict(each) | {"path": str(each.path)} for each in local],
            "shapes": list(SHAPES),
            "shape_types": list(QUANTIZATIONS),
        }
        typer.echo(json.dumps(found, indent=1))
        return
    for entry in CATALOG.values():
        typer.echo(f"{entry.name}  {entry.about} ({entry.licence})")
        typer.echo(f"  from {entry.source}")
        if entry.quantizations:
            typer.echo(f"  write {entry.name}:{entry.default_quantization}, or one of")
            typer.echo(f"  {', '.join(entry.quantizations)}")
    if local:
        typer.echo("On this machine already:")
    for each in local:
        typer.echo(f"  {each.name}  {each.size_bytes / 1e6:,.1f} MB")
    typer.echo("Any other: hf:OWNER/REPO/FILE.gguf, a URL or a path.")
    typer.echo(f"Shapes for `model synth`: {', '.join(SHAPES)}")


@app.command()
def pull(reference: Reference, as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Fetch a model, verify it, and print where it is."""
    from llamawatt.models.gguf.inspect import inspect_model

    file = _resolved(reference, quiet=quiet or as_json)
    facts = inspect_model(file.path)
    if as_json:
        typer.echo(json.dumps(_identity(file, facts), indent=1))
        return
    typer.echo(str(file.path))


@app.command()
def inspect(
    reference: Reference, as_json: options.Json = False, quiet: options.Quiet = False
) -> None:
    """Show what a GGUF really holds, without loading it."""
    from llamawatt.models.gguf.inspect import inspect_model

    file = _resolved(reference, quiet=quiet or as_json)
    facts = inspect_model(file.path)
    if as_json:
        typer.echo(json.dumps({**_identity(file, facts), **_facts(facts)}, indent=1))
        return
    for name, text in _rows(file, facts):
        typer.echo(f"{name:<22}{text}")
    if facts.not_generating:
        typer.echo(f"It does not generate text: {facts.not_generating}.")
    for warning in facts.warnings:
        typer.echo(f"warning: {warning}")


@app.command()
def synth(
    shape: Annotated[str, typer.Argument(help="A shape that `model list` shows.")],
    quantization: Annotated[str, typer.Option("--type", help="As Q4_0, Q8_0, Q2_K.")] = "Q4_0",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: SHAPE-TYPE-synthetic.gguf.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the weights.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a model of random weights, for speed and energy where weights cannot be had."""
    from llamawatt.cli.console.fetching import Fetching
    from llamawatt.core.errors import UsageError
    from llamawatt.models.make.mix import full_name
    from llamawatt.models.make.synth import synthesize

    target = output or Path(f"{shape}-{full_name(quantization)}-synthetic.gguf")
    if target.exists() and not force:
        raise UsageError(f"{target} is there already.", "Name another --output, or add --force.")
    with Fetching(quiet=quiet or as_json) as progress:
        synthesize(shape, quantization, target, seed, progress)
    size_bytes = target.stat().st_size
    if as_json:
        typer.echo(json.dumps({"path": str(target), "size_bytes": size_bytes, "synthetic": True}))
        return
    typer.echo(f"{target}: {size_bytes / 1e6:.1f} MB of random weights")
    typer.echo("note: It is good for speed and energy; what it says means nothing.")


def _resolved(reference: str, *, quiet: bool) -> "ModelFile":
    from llamawatt.cli.console.fetching import Fetching
    from llamawatt.models.fetch.catalog import resolve_model

    with Fetching(quiet=quiet) as progress:
        return resolve_model(reference, progress=progress)


def _identity(file: "ModelFile", facts: "ModelFacts") -> dict[str, object]:
    from llamawatt.models.gguf.inspect import content_sha256

    return {
        "name": file.name,
        "path": str(file.path),
        "source": file.source,
        "sha256": content_sha256(file, facts.files),
        "size_bytes": facts.size_bytes,
    }


def _facts(facts: "ModelFacts") -> dict[str, object]:
    window = None if facts.cache is None else facts.cache.n_window
    return {
        **{name: value for name, value in asdict(facts).items() if name != "cache"},
        "files": [str(path) for path in facts.files],
        "kv_bytes_per_token": facts.kv_bytes_per_token,
        "kv_bytes_per_token_beyond": facts.kv_bytes_per_token_beyond,
        "n_kv_window": window,
    }


def _rows(file: "ModelFile", facts: "ModelFacts") -> list[tuple[str, str]]:
    def count(value: int | None) -> str:
        return "not said" if value is None else f"{value:,}"

    total = sum(facts.types.values())
    mix = ", ".join(f"{name} {n / total:.1%}" for name, n in facts.types.items())
    bits, streamed = facts.bits_per_weight, facts.bytes_per_token
    nothing = "nothing: it does not generate" if facts.not_generating else ""
    parts = f", {len(facts.files)} parts" if len(facts.files) > 1 else ""
    return [
        ("file", f"{file.path} ({facts.size_bytes / 1e6:.1f} MB{parts})"),
        ("title", facts.title or "not said"),
        ("weights", "random (synthetic)" if facts.synthetic else "trained"),
        ("architecture", facts.architecture or "not said"),
        ("layers", count(facts.n_layers)),
        ("parameters", count(facts.n_params)),
        ("vocabulary", count(facts.n_vocab)),
        ("context", count(facts.n_ctx_train)),
        ("bits per weight", "no weights" if bits is None else f"{bits:.2f}"),
        ("types by weights", mix or "no weights"),
        ("streamed per token", nothing if streamed is None else f"{streamed / 1e6:.1f} MB"),
        ("cache per token", nothing or _cache_text(facts)),
        ("chat template", "yes" if facts.has_chat_template else "no"),
    ]


def _cache_text(facts: "ModelFacts") -> str:
    def sizes(cache: "dict[str, float]") -> str:
        shown = (f"{cache[name]:,.0f} B at {name}" for name in ("f16", "q8_0", "q4_0"))
        return ", ".join(shown)

    if facts.cache is None:
        return "not known for this architecture"
    text = sizes(facts.kv_bytes_per_token)
    if facts.cache.n_window is None:
        return text
    window = f"{facts.cache.n_window:,} tokens"
    return f"{text} up to {window}; then {sizes(facts.kv_bytes_per_token_beyond)}"
