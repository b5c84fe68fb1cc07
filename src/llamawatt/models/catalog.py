"""From a model reference to a file: a catalogue name, a hub file, a URL or a path."""

from pathlib import Path

from llamawatt.models.embedded import NAME, Progress, embedded_model
from llamawatt.models.file import ModelFile, require_gguf

DEFAULT = NAME


def resolve_model(reference: str = DEFAULT, *, progress: Progress | None = None) -> ModelFile:
    """Find a model, fetching it when it is not there yet.

    Args:
        reference: A catalogue name or a path.
        progress: Hears the name, bytes so far and bytes in all.

    Raises:
        ModelError: it is missing, broken or cannot be had.
    """
    if reference == NAME:
        return embedded_model(progress)
    path = Path(reference).expanduser()
    require_gguf(path)
    return ModelFile(path, path.stem, str(path))
