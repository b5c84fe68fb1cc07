"""Models that other programs have put on this machine: Ollama, LM Studio, llama.cpp, the hub."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from llamawatt.core.errors import ModelError
from llamawatt.models.file import ModelFile
from llamawatt.models.gguf.parts import part_names

OLLAMA_MODEL = "application/vnd.ollama.image.model"
OLLAMA_HOST, OLLAMA_LIBRARY = "registry.ollama.ai", "library"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_REPOSITORY = re.compile(r"models--(.+?)--(.+)")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that is on this machine already.

    Attributes:
        name: What to type, as `ollama:llama3.2:1b`.
        path: Its file; of a split model the first part.
        size_bytes: Of all its files.
    """

    name: str
    path: Path
    size_bytes: int

    @property
    def short(self) -> str:
        """The name without the program, which is enough where only one model has it."""
        return self.name.partition(":")[2]

    @property
    def file(self) -> ModelFile:
        """As a model to run; its name has nothing in it that a file name may not have."""
        label = self.short if self.name.startswith("ollama:") else self.path.stem
        return ModelFile(self.path, re.sub(r"[^\w.+-]+", "-", label), self.name)


def find_local(home: Path | None = None, root: Path = Path("/")) -> tuple[LocalModel, ...]:
    """Return the models of other programs, in the order of their names. Reads no model.

    Args:
        home: The user's home folder.
        root: Root of the file system, where services keep theirs.
    """
    place = home or Path.home()
    found: dict[str, LocalModel] = {}
    for models in (_ollama(place, root), _lm_studio(place), _llama_cpp(), _hub()):
        with suppress(OSError):
            for each in models:
                found.setdefault(each.name, each)
    return tuple(sorted(found.values(), key=lambda each: each.name.lower()))


def match_local(reference: str, models: Iterable[LocalModel]) -> LocalModel | None:
    """Return the model of a name, with its program or, where that is clear, without.

    Raises:
        ModelError: several programs have a model of that name.
    """
    wanted = reference.lower()
    named = [each for each in models if wanted in {each.name.lower(), each.short.lower()}]
    exact = [each for each in named if each.name.lower() == wanted]
    if len(named) > 1 and not exact:
        names = ", ".join(each.name for each in named)
        raise ModelError(f"Several models are called {reference!r}.", f"Name one of {names}.")
    return next(iter(exact or named), None)


def _ollama(home: Path, root: Path) -> Iterator[LocalModel]:
    said = os.environ.get("OLLAMA_MODELS")
    usual = (
        home / ".ollama/models",
        root / "usr/share/ollama/.ollama/models",
        root / "var/lib/ollama/models",
    )
    for folder in (Path(said),) if said else usual:
        manifests = folder / "manifests"
        for manifest in _files(manifests, "*/*/*/*"):
            host, space, model, tag = manifest.relative_to(manifests).parts
            blob = _ollama_blob(manifest, folder / "blobs")
            if blob is not None:
                prefix = "" if host == OLLAMA_HOST else f"{host}/"
                prefix += "" if space == OLLAMA_LIBRARY and not prefix else f"{space}/"
                yield LocalModel(f"ollama:{prefix}{model}:{tag}", blob, blob.stat().st_size)


def _ollama_blob(manifest: Path, blobs: Path) -> Path | None:
    try:
        layers = json.loads(manifest.read_bytes())["layers"]
        digests = [each["digest"] for each in layers if each["mediaType"] == OLLAMA_MODEL]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not a manifest, or of a model that runs elsewhere
    digest = _DIGEST.fullmatch(str(digests[0])) if digests else None
    blob = None if digest is None else blobs / f"sha256-{digest.group(1)}"
    return blob if blob is not None and blob.is_file() else None


def _lm_studio(home: Path) -> Iterator[LocalModel]:
    for folder in (home / ".lmstudio/models", home / ".cache/lm-studio/models"):
        for path in _files(folder, "*/*/*.gguf"):
            yield from _plain(f"lmstudio:{path.relative_to(folder).as_posix()}", path)


def _llama_cpp() -> Iterator[LocalModel]:
    said = os.environ.get("LLAMA_CACHE")
    folder = Path(said) if said else user_cache_path("llama.cpp", appauthor=False, opinion=False)
    for path in _files(folder, "*.gguf"):
        yield from _plain(f"llama.cpp:{path.name}", path)


def _hub() -> Iterator[LocalModel]:
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415  (slow to import)

    for repository in _files(Path(HF_HUB_CACHE), "models--*", folders=True):
        named = _REPOSITORY.fullmatch(repository.name)
        if named is None:
            continue
        main = ""
        with suppress(OSError):
            main = (repository / "refs/main").read_text("utf-8").strip()
        for path in _files(repository / "snapshots", "**/*.gguf"):
            revision, *inside = path.relative_to(repository / "snapshots").parts
            at = "" if revision == main else f"@{revision}"
            name = f"hf:{named.group(1)}/{named.group(2)}/{'/'.join(inside)}{at}"
            yield from _plain(name, path)


def _plain(name: str, path: Path) -> Iterator[LocalModel]:
    """Yield a model; not what only goes with one, and not a part that is not the first."""
    if "mmproj" in path.name.lower():
        return
    try:
        files = [path.with_name(each) for each in part_names(path.name)]
        yield LocalModel(name, path, sum(each.stat().st_size for each in files))
    except (ModelError, OSError):
        return


def _files(folder: Path, pattern: str, *, folders: bool = False) -> Iterator[Path]:
    with suppress(OSError):
        for path in sorted(folder.glob(pattern)):
            if path.is_dir() if folders else path.is_file():
                yield path
