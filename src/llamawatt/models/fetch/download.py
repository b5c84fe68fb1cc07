"""Downloads one file: resumable, counted, checked, and named only when it is whole."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from filelock import FileLock

from llamawatt.core.errors import ModelError
from llamawatt.models.cache import require_space
from llamawatt.models.file import Progress, sha256_of

N_ATTEMPTS = 5
TIMEOUT_S = 30.0
PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
"""Longest a server's Retry-After is obeyed within one call; beyond it the user is told."""
TOO_MANY_REQUESTS, RANGE_NOT_SATISFIABLE, PARTIAL = 429, 416, 206


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to download.

    Attributes:
        url: Where it is.
        label: What to call it in messages.
        size_bytes: Its size, where the publisher gave it.
        sha256: Its hash, where the publisher gave it.
        headers: Of every request; a redirect to another host never gets the authorization.
    """

    url: str
    label: str
    size_bytes: int | None = None
    sha256: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _Cut(Exception):  # noqa: N818  (no error yet: the next attempt goes on where this one ended)
    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


def download(
    wanted: Wanted,
    target: Path,
    progress: Progress | None = None,
    check: Callable[[Path], object] | None = None,
) -> str:
    """Download a file to `target` and return its SHA-256.

    Bytes go to `TARGET.part`, which a later call goes on with. Only a file of the published size
    and hash gets the name; one that differs is thrown away.

    Args:
        wanted: What to fetch and what it must be.
        target: Its name once it is whole; one that is there already is returned as it is.
        progress: Hears how far it is.
        check: Looks at the whole file before it gets its name; raises ModelError to refuse it.

    Raises:
        ModelError: the server refuses, the bytes are wrong, the disk is full or the net is down.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with FileLock(f"{target}.lock"):
        if target.is_file():
            return sha256_of(target)
        _collect(wanted, part, progress or (lambda *_: None))
        digest = _checked(wanted, part, check)
        part.replace(target)
    return digest


def _collect(wanted: Wanted, part: Path, progress: Progress) -> None:
    idle = 0
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client:
        while True:
            before_bytes = _size(part)
            try:
                _stream(client, wanted, part, progress)
                return
            except (_Cut, httpx.TransportError) as error:
                # An attempt that brought bytes is no failed one: slow lines may need many.
                idle = 0 if _size(part) > before_bytes else idle + 1
                if idle >= N_ATTEMPTS:
                    raise ModelError(
                        f"{wanted.label} could not be fetched: {error or type(error).__name__}.",
                        "What came is kept; the same command goes on from there.",
                    ) from error
                asked_s = error.pause_s if isinstance(error, _Cut) else 0.0
                time.sleep(max(asked_s, PAUSE_S * idle))


def _stream(client: httpx.Client, wanted: Wanted, part: Path, progress: Progress) -> None:
    start_bytes = _size(part)
    if wanted.size_bytes is not None and start_bytes == wanted.size_bytes:
        return
    headers = {**wanted.headers, "Accept-Encoding": "identity"}
    if start_bytes:
        headers["Range"] = f"bytes={start_bytes}-"
    with client.stream("GET", wanted.url, headers=headers) as answer:
        if answer.status_code == RANGE_NOT_SATISFIABLE:
            part.unlink()
            raise _Cut("the partial file did not fit to the server's")
        _require_ok(answer, wanted)
        if answer.status_code != PARTIAL:
            start_bytes = 0
        total_bytes = _total(answer, start_bytes)
        if wanted.size_bytes is not None and total_bytes not in {None, wanted.size_bytes}:
            raise ModelError(
                f"The server has {total_bytes} bytes of {wanted.label}; "
                f"{wanted.size_bytes} are published.",
                "The file changed or the address leads elsewhere.",
            )
        require_space(part.parent, max(0, (total_bytes or 0) - start_bytes))
        _append(answer, part, start_bytes, total_bytes, wanted, progress)
    if total_bytes is not None and _size(part) < total_bytes:
        raise _Cut("the connection was cut")


def _append(
    answer: httpx.Response,
    part: Path,
    start_bytes: int,
    total_bytes: int | None,
    wanted: Wanted,
    progress: Progress,
) -> None:
    done_bytes = start_bytes
    limit_bytes = wanted.size_bytes or total_bytes
    try:
        with part.open("r+b" if start_bytes else "wb") as file:
            file.seek(start_bytes)
            file.truncate()
            for chunk in answer.iter_raw():
                done_bytes += len(chunk)
                if limit_bytes is not None and done_bytes > limit_bytes:
                    raise ModelError(f"The server sends more than {limit_bytes} bytes.")
                file.write(chunk)
                progress(wanted.label, done_bytes, limit_bytes)
    except OSError as error:
        raise ModelError(f"{part} could not be written ({error.strerror}).") from error


def _require_ok(answer: httpx.Response, wanted: Wanted) -> None:
    code = answer.status_code
    if answer.is_success:
        return
    if code == TOO_MANY_REQUESTS or answer.is_server_error:
        pause_s = _retry_after_s(answer)
        if pause_s > LONGEST_PAUSE_S:
            raise ModelError(
                f"The server of {wanted.label} asks to wait {pause_s:.0f} s (HTTP {code}).",
                "Run the same command again then; what came is kept.",
            )
        raise _Cut(f"the server answered HTTP {code}", pause_s)
    remedy = {
        401: "It needs a login: set HF_TOKEN for the hub.",
        403: "Ask for access on the model's page, and set HF_TOKEN.",
        404: "Check the spelling of the reference.",
    }.get(code, "")
    raise ModelError(f"The server of {wanted.label} answered HTTP {code}.", remedy)


def _retry_after_s(answer: httpx.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "")))
    except ValueError:
        return 0.0


def _total(answer: httpx.Response, start_bytes: int) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return start_bytes + int(length) if length.isdigit() else None


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _checked(wanted: Wanted, part: Path, check: Callable[[Path], object] | None) -> str:
    found = sha256_of(part)
    if wanted.sha256 is not None and found != wanted.sha256.lower():
        part.unlink()
        raise ModelError(
            f"{wanted.label} has SHA-256 {found}; published is {wanted.sha256}.",
            "The download is broken or was tampered with; it was thrown away.",
        )
    if check is not None:
        try:
            check(part)
        except ModelError:
            part.unlink()
            raise
    return found
