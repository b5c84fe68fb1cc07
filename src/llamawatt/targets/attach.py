"""Measures a server that somebody else started: llama-server, Ollama, LM Studio, vLLM."""

import re
from dataclasses import replace

import httpx

from llamawatt.core.errors import TargetError
from llamawatt.targets.access import Access, open_http, reach
from llamawatt.targets.base import Endpoint

PROBE_TIMEOUT_S = 5.0
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


class AttachedServer:
    """A running server at a URL. It is never started nor stopped.

    Args:
        url: Its base URL; a user and password in it are used and never shown.
        model: Model name to ask for; the server's first when empty.
        access: What lets us in, beside what the URL holds.

    Raises:
        UsageError: the URL is none.
    """

    def __init__(self, url: str, model: str = "", access: Access | None = None) -> None:
        self._url, self._access = reach(url, access or Access())
        self._model = model

    def start(self) -> Endpoint:
        """Find out what the server is.

        Raises:
            UsageError: the certificates or the key cannot be used.
            TargetError: nothing answers there, or nothing that is known.
        """
        try:
            with open_http(self._url, self._access, PROBE_TIMEOUT_S) as http:
                return replace(self._probe(http), access=self._access)
        except httpx.HTTPError as error:
            why = _ERRNO.sub("", str(error)) or type(error).__name__
            raise TargetError(
                f"Nothing answers at {self._url} ({why}).",
                "Start the server there, or name another URL with --url.",
            ) from error

    def stop(self) -> None:
        """Leave the server alone: it is not ours."""

    def _probe(self, http: httpx.Client) -> Endpoint:
        props = _json(http, "/props")
        if props and "default_generation_settings" in props:
            build = str(props.get("build_info", ""))
            return Endpoint(self._url, "llama-server", build=build, model=self._model)
        version = _json(http, "/api/version")
        if version and "version" in version:
            name = self._model or _first(_json(http, "/api/tags"), "models", "name")
            return self._named("ollama", name, f"ollama {version['version']}")
        models = _json(http, "/v1/models")
        if models and "data" in models:
            name = self._model or _first(models, "data", "id")
            return self._named("openai", name, "")
        raise TargetError(
            f"{self._url} answers, but is no llama-server, Ollama or OpenAI-compatible server.",
            "Name the base URL of one.",
        )

    def _named(self, kind: str, model: str, build: str) -> Endpoint:
        if not model:
            raise TargetError(f"{self._url} serves no model.", "Load one, or name it.")
        return Endpoint(self._url, kind, build=build, model=model)


def _json(http: httpx.Client, path: str) -> dict[str, object] | None:
    """Return the JSON object at a path; None when there is none."""
    answer = http.get(path)
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise TargetError(f"{http.base_url} still loads its model.", "Try again in a while.")
    if answer.status_code != httpx.codes.OK:
        return None
    try:
        value = answer.json()
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _first(listing: dict[str, object] | None, key: str, field: str) -> str:
    items = (listing or {}).get(key)
    if isinstance(items, list) and items and isinstance(items[0], dict):
        return str(items[0].get(field, ""))
    return ""
