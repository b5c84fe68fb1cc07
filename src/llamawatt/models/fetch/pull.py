"""Fetches models from the hub or from a URL into the cache, verified before they have a name."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from llamawatt.core.errors import ModelError
from llamawatt.core.redaction import without_secrets
from llamawatt.models.cache import cache_folder, known_sha256, remember_sha256
from llamawatt.models.fetch import hub
from llamawatt.models.fetch.download import Wanted, download
from llamawatt.models.file import ModelFile, Progress
from llamawatt.models.gguf.inspect import inspect_model

URL_SCHEMES = ("http://", "https://")


def pull_hub(reference: str, name: str = "", progress: Progress | None = None) -> ModelFile:
    """Return a file of the hub, from llamawatt's cache, the hub's own cache or the hub.

    Args:
        reference: `hf:OWNER/REPO/FILE[@REVISION]`.
        name: Name for tables; the file's own when empty.
        progress: Hears how far it is.

    Raises:
        ModelError: it cannot be had, or what came is not what was published.
    """
    repository, file, revision = hub.parse_reference(reference)
    target = cache_folder() / "hub" / repository / revision / file
    name = name or target.stem
    if target.is_file():
        return ModelFile(target, name, reference, known_sha256(target))
    theirs = hub.cached_by_hub(repository, file, revision)
    if theirs is not None:
        inspect_model(theirs)
        return ModelFile(theirs, name, reference)
    return _fetched(hub.find(repository, file, revision), target, name, reference, progress)


def pull_url(url: str, progress: Progress | None = None) -> ModelFile:
    """Return the file at a URL, fetched once.

    Args:
        url: Of a GGUF. `#sha256=HEX` at its end makes the hash a condition.
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
    address = parts._replace(fragment="").geturl()
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    target = cache_folder() / "url" / key / file
    if target.is_file():
        return _known(target, url, sha256)
    source = without_secrets(url)
    return _fetched(Wanted(address, file, None, sha256), target, target.stem, source, progress)


def _known(target: Path, url: str, sha256: str | None) -> ModelFile:
    found = known_sha256(target)
    if sha256 is not None and found != sha256.lower():
        raise ModelError(
            f"{target} has SHA-256 {found}, not {sha256}.", "Remove that file to fetch it again."
        )
    return ModelFile(target, target.stem, without_secrets(url), found)


def _fetched(
    wanted: Wanted, target: Path, name: str, source: str, progress: Progress | None
) -> ModelFile:
    digest = download(wanted, target, progress, check=inspect_model)
    remember_sha256(target, digest)
    return ModelFile(target, name, source, digest)
