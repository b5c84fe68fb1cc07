"""Measures a server that somebody else started: llama-server, Ollama, LM Studio, vLLM, others."""

from dataclasses import replace

import httpx

from llamawatt.core.errors import TargetError
from llamawatt.core.flags import Flag
from llamawatt.targets.access import Access, open_http, reach
from llamawatt.targets.base import Endpoint
from llamawatt.targets.complaints import is_loading, refusal
from llamawatt.targets.kinds import KINDS, Question
from llamawatt.targets.pages import Page, Pages, reason

PROBE_TIMEOUT_S = 5.0
_KEY, _REDIRECTS, _GATEWAYS = (401, 403), range(300, 400), (502, 503, 504)


class AttachedServer:
    """A running server at a URL. It is never started nor stopped.

    Args:
        url: Its base URL; a user and password in it are used and never shown.
        model: Model name to ask for; one that is loaded, or the server's first, when empty.
        access: What lets us in, beside what the URL holds.

    Raises:
        UsageError: the URL is none.
    """

    def __init__(self, url: str, model: str = "", access: Access | None = None) -> None:
        self._url, self._access = reach(url, access if access is not None else Access())
        self._model = model

    def start(self) -> Endpoint:
        """Find out what the server is.

        Raises:
            UsageError: it has no model of that name, or the certificates or the key cannot be used.
            TargetError: nothing answers there, or nothing that is known.
        """
        try:
            with open_http(self._url, self._access, PROBE_TIMEOUT_S) as http:
                found = self._recognise(Pages(http))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            why = reason(error)
            raise TargetError(
                self._access.hidden(f"Nothing answers at {self._url} ({why})."),
                _start_or_trust(why),
            ) from error
        flags = (Flag.TLS_UNCHECKED,) if self._access.insecure and _is_tls(self._url) else ()
        return replace(found, access=self._access, flags=(*found.flags, *flags))

    def stop(self) -> None:
        """Leave the server alone: it is not ours."""

    def _recognise(self, pages: Pages) -> Endpoint:
        first = pages.get("/props")
        if first.status in _GATEWAYS and is_loading(first.said):
            raise TargetError(f"{self._url} still loads its model.", "Try again in a while.")
        question = Question(self._url, pages, self._model)
        for kind in KINDS:
            found = kind(question)
            if found is not None:
                self._require_key(pages, found)
                return found
        raise self._unknown(pages)

    def _require_key(self, pages: Pages, found: Endpoint) -> None:
        """Make sure that a llama-server does not hide its properties behind a key."""
        page = pages.get("/props")
        if found.kind == "openai" and page.status in _KEY and "llama.cpp" in found.server:
            raise self._refusal(page)

    def _unknown(self, pages: Pages) -> TargetError:
        """Return why a server is not known: its own words where it has some, and every status."""
        answered = [page for page in pages.seen if page.status]
        if not answered:
            why = pages.seen[0].why
            return TargetError(
                f"{self._url} takes connections and gives no answer ({why}).",
                "Look whether it is a model's server, and whether it hangs.",
            )
        for statuses in (_KEY, _REDIRECTS, _GATEWAYS):
            for page in answered:
                if page.status in statuses:
                    return self._refusal(page)
        tried = "; ".join(f"{page.path}: {page.status or page.why}" for page in pages.seen)
        said = next((page.said for page in answered if page.said), "")
        return TargetError(
            self._access.hidden(
                f"{self._url} answers, but is no llama-server, Ollama or OpenAI-compatible server"
                f"{f'. It says: {said}' if said else ''}. Tried {tried}."
            ),
            "Name the base URL of one"
            + ("." if self._model else ", and a model with --remote-model where it lists none."),
        )

    def _refusal(self, page: Page) -> TargetError:
        where = f"{self._url}{page.path}"
        error = refusal(page.status, page.headers, page.body, where, has_key=self._access.is_shown)
        error.what = self._access.hidden(error.what)
        return error


def _is_tls(url: str) -> bool:
    return url.startswith("https:")


def _start_or_trust(why: str) -> str:
    if "CERTIFICATE" in why.upper():
        return "Trust its certificate with --ca-file FILE, or take any with --insecure."
    if "SSL" in why.upper():
        return "Look whether it speaks TLS: http or https."
    return "Start the server there, or name another URL with --url."
