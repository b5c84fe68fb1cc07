"""Files of the Hugging Face hub: where they are and what they must hash to.

The hub's own library speaks to the hub, so that HF_ENDPOINT, HF_TOKEN, a stored login, a user's
cache and offline mode mean what they mean everywhere; the bytes come by `download`.
"""

import re
from pathlib import Path
from typing import cast

from llamawatt.core.errors import ModelError
from llamawatt.models.fetch.download import Wanted

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(r"hf:([\w.-]+/[\w.-]+)/([\w.+/ -]+\.gguf)(?:@([\w./-]+))?", re.IGNORECASE)


def parse_reference(reference: str) -> tuple[str, str, str]:
    """Return repository, file and revision of `hf:OWNER/REPO/FILE[@REVISION]`.

    Raises:
        ModelError: it is none.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None or any(part in {"", ".", ".."} for part in match.group(2).split("/")):
        raise ModelError(
            f"{reference!r} names no file of the hub.", "Write hf:OWNER/REPO/FILE.gguf."
        )
    return match.group(1), match.group(2), match.group(3) or "main"


def cached_by_hub(repository: str, file: str, revision: str) -> Path | None:
    """Return a file that the hub's own cache has already; None when it has not."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  (slow to import)

    found = try_to_load_from_cache(repository, file, revision=revision)
    return Path(found) if isinstance(found, str) else None


def find(repository: str, file: str, revision: str) -> Wanted:
    """Ask the hub for a file's address, size and SHA-256.

    Raises:
        ModelError: the hub refuses, is not reached, or gives no hash.
    """
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url  # noqa: PLC0415
    from huggingface_hub.errors import (  # noqa: PLC0415
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # Its base is the error of the HTTP library beneath, which differs between its versions.
    unreached = cast("type[Exception]", HfHubHTTPError.__bases__[0])
    label = f"hf:{repository}/{file}"
    token = get_token()
    url = hf_hub_url(repository, file, revision=revision)
    try:
        facts = get_hf_file_metadata(url, token=token)
    except OfflineModeIsEnabled as error:
        raise ModelError(
            f"{label} is not here, and the hub's offline mode is on.",
            "Unset HF_HUB_OFFLINE, or name a file that is here.",
        ) from error
    except GatedRepoError as error:
        raise ModelError(
            f"{label} is gated.", "Accept its terms on the hub, then set HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"The hub shows no repository {repository} (it is misspelt or private).",
            "Check the name; for a private one set HF_TOKEN.",
        ) from error
    except (EntryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError(
            f"{repository} has no file {file} at {revision}.", "Check its list of files."
        ) from error
    except HfHubHTTPError as error:
        raise ModelError(f"The hub refused {label}: {_http(error)}.", _remedy(error)) from error
    except (OSError, unreached) as error:
        raise ModelError(
            f"The hub was not reached for {label} ({type(error).__name__}).",
            "Check the network and HF_ENDPOINT, or name a .gguf file that is here.",
        ) from error
    etag = (facts.etag or "").lower()
    if _SHA256.fullmatch(etag) is None:
        raise ModelError(
            f"The hub gives no SHA-256 for {label}.", "Fetch it yourself and name its path."
        )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Wanted(url, label, facts.size, etag, headers)


def _http(error: Exception) -> str:
    answer = getattr(error, "response", None)
    return f"HTTP {answer.status_code}" if answer is not None else type(error).__name__


def _remedy(error: Exception) -> str:
    answer = getattr(error, "response", None)
    if answer is None:
        return "Check the network."
    wait = answer.headers.get("Retry-After")
    return {
        401: "Set HF_TOKEN to a token that may read it.",
        403: "Ask for access on the model's page, and set HF_TOKEN.",
        429: f"Too many requests; try again {f'in {wait} s' if wait else 'later'}.",
    }.get(answer.status_code, "Try again later.")
