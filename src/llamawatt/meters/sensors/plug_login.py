"""Logging in to a plug: Basic or Digest (SHA-256 too), as the plug asks for it."""

from collections.abc import Generator

import httpx

DEFAULT_USER = "admin"
"""The one user that Shellys and Tasmotas have."""


class PlugLogin(httpx.Auth):
    """Sends nothing until the plug has said how it wants to be told.

    Args:
        user: Who logs in; `admin` if empty.
        password: With what.
    """

    def __init__(self, user: str, password: str) -> None:
        user = user or DEFAULT_USER
        self._digest = httpx.DigestAuth(user, password)
        self._basic = httpx.BasicAuth(user, password)
        self._known: httpx.Auth | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Answer the plug's challenge, and remember its kind; see `httpx.Auth`."""
        if self._known is not None:
            yield from self._known.auth_flow(request)
            return
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        challenge = response.headers.get("www-authenticate", "").lower()
        if "digest" in challenge:
            self._known = self._digest
            flow = self._digest.auth_flow(request)
            next(flow)
            yield flow.send(response)
        elif "basic" in challenge:
            self._known = self._basic
            yield from self._basic.auth_flow(request)
