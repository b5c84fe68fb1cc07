"""Fetches models from the hub or from a URL into the cache, verified before they have a name."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from llamawatt.core.errors import ModelError
from llamawatt.core.redaction import without_secrets
from llamawatt.models.cache import cache_folder, known_sha256, remember_sha256
from llamawatt.models.fetch import hub
from llamawatt.models.fetch.download import Wanted, download
from llamawatt.models.file import ModelFile, Progress
from llamawatt.models.gguf.inspect import inspect_model, require_whole
from llamawatt.models.gguf.parts import part_names

URL_SCHEMES = ("http://", "https://")


def pull_hub(reference: str, name: str = "", progress: Progress | None = None) -> ModelFile:
    """Return a model of the hub, from llamawatt's cache, the hub's own cache or the hub.

    Args:
        reference: `hf:OWNER/REPO/FILE[@REVISION]`; of a split model the first part, with which
            the others are fetched.
        name: Name for tables; the file's own when empty.
        progress: Hears how far it is.

    Raises:
        ModelError: it cannot be had, or what came is not what was published.
    """
    repository, file, revision = hub.parse_reference(reference)
    folder = cache_folder() / "hub" / repository / revision
    files = [str(PurePosixPath(file).with_name(each)) for each in part_names(Path(file).name)]
    targets = [folder / each for each in files]
    theirs = [hub.cached_by_hub(repository, each, revision) for each in files]
    name = name or targets[0].stem
    if not targets[0].is_file() and None not in theirs and theirs[0] is not None:
        inspect_model(theirs[0])
        return ModelFile(theirs[0], name, reference)
    digests = [
        known_sha256(target)
        if target.is_file()
        else _fetched(hub.find(repository, each, revision), target, progress)
        for each, target in zip(files, targets, strict=True)
    ]
    return ModelFile(targets[0], name, reference, digests[0])


def pull_url(url: str, progress: Progress | None = None) -> ModelFile:
    """Return the model at a URL, fetched once.

    Args:
        url: Of a GGUF, or of the first part of a split one, with which the others are fetched.
            `#sha256=HEX` at its end makes the hash (of that file) a condition.
        progress: Hears how far it is.

    Raises:
        ModelError: it cannot be had, is no whole GGUF, or has another hash.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its fellow
        parts = urlsplit("")
    file = PurePosixPath(unquote(parts.path)).name
    if not parts.hostname or not file:
        raise ModelError(
            f"{without_secrets(url)!r} names no file.", "Write the whole address of a .gguf file."
        )
    sha256 = parse_qs(parts.fragment).get("sha256", [None])[0]
    names = part_names(file)
    address = parts._replace(fragment="").geturl()
    folder = cache_folder() / "url" / hashlib.sha256(address.encode()).hexdigest()[:16]
    for each in names[1:]:
        if not (folder / each).is_file():
            path = str(PurePosixPath(parts.path).with_name(quote(each)))
            theirs = parts._replace(path=path, fragment="").geturl()
            _fetched(Wanted(theirs, each), folder / each, progress)
    target, source = folder / file, without_secrets(url)
    if target.is_file():
        return _known(target, source, sha256)
    digest = _fetched(Wanted(address, file, None, sha256), target, progress)
    return ModelFile(target, target.stem, source, digest)


def _known(target: Path, source: str, sha256: str | None) -> ModelFile:
    found = known_sha256(target)
    if sha256 is not None and found != sha256.lower():
        raise ModelError(
            f"{target} has SHA-256 {found}, not {sha256}.", "Remove that file to fetch it again."
        )
    return ModelFile(target, target.stem, source, found)


def _fetched(wanted: Wanted, target: Path, progress: Progress | None) -> str:
    digest = download(wanted, target, progress, check=require_whole)
    remember_sha256(target, digest)
    return digest
