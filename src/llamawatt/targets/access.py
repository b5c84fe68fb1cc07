"""How a server is reached: its bare address, and what must be shown to be let in."""

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import httpx

from llamawatt.core.errors import UsageError
from llamawatt.core.redaction import without_secrets


@dataclass(frozen=True, slots=True)
class Access:
    """What lets a client in. No secret of it is shown by `repr`.

    Attributes:
        api_key: Sent as a bearer token; empty for none.
        ca_file: Certificates to trust instead of the system's.
        insecure: Take any certificate.
        login: User and password for Basic authentication.
        query: Parameters that every request carries.
    """

    api_key: str = field(default="", repr=False)
    ca_file: Path | None = None
    insecure: bool = False
    login: tuple[str, str] | None = field(default=None, repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def is_shown(self) -> bool:
        """Whether a key, a login or a parameter is sent."""
        return bool(self.api_key or self.login or self.query)

    def hidden(self, text: str) -> str:
        """Return a text without these secrets, wherever they stand, and without any other."""
        return without_secrets(text, self._secrets())

    def _secrets(self) -> Iterator[str]:
        yield self.api_key
        yield self.login[1] if self.login else ""
        # A short value of a parameter is a word that stands in any sentence.
        yield from (value for _, value in self.query if len(value) > _SHORTEST_SECRET)

    def headers(self) -> dict[str, str]:
        """Return the headers to send; a key beside a login goes where gateways look for one."""
        if not self.api_key:
            return {}
        if self.login:
            return {"x-api-key": self.api_key}
        return {"authorization": f"Bearer {self.api_key}"}


_SHORTEST_SECRET = 4


def reach(url: str, access: Access = Access()) -> tuple[str, Access]:
    """Take apart a URL as a user gives it: the bare address, and the way in with what it held.

    `/v1` at its end is left out: each protocol puts its own path behind the address.

    Raises:
        UsageError: the URL is none.
    """
    try:
        parts = urlsplit(url.strip())
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
        port = parts.port
    except ValueError:
        known, port = False, None
    if not known or any(mark in url for mark in "\r\n\t"):
        raise UsageError(
            f"{without_secrets(url)!r} is no URL.", "Write it as http://127.0.0.1:8080."
        )
    bare = _bare(parts, port)
    login = (unquote(parts.username or ""), unquote(parts.password or ""))
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return bare, replace(
        access, login=login if any(login) else access.login, query=query or access.query
    )


def _bare(parts: SplitResult, port: int | None) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}{path}"


def open_http(
    url: str, access: Access, timeout_s: float, limits: httpx.Limits | None = None
) -> httpx.Client:
    """Return an HTTP client for a bare address. Proxies of the environment are not used.

    Raises:
        UsageError: the file of certificates cannot be read, or the key is none.
    """
    try:
        return httpx.Client(
            base_url=url,
            timeout=timeout_s,
            limits=limits or httpx.Limits(),
            trust_env=False,
            verify=certificates(access) if url.startswith("https:") else True,
            auth=access.login,
            params=access.query,
            headers=access.headers(),
        )
    except httpx.InvalidURL as error:
        raise UsageError(f"{url!r} is no URL.", "Write it as http://127.0.0.1:8080.") from error
    except (UnicodeEncodeError, ValueError) as error:
        raise UsageError(
            "The key for the server holds a character that no header may hold.",
            "Look at --api-key or LLAMAWATT_API_KEY.",
        ) from error


def certificates(access: Access) -> ssl.SSLContext:
    """Return the certificates to trust: a file's, else those of SSL_CERT_FILE or the system.

    Raises:
        UsageError: the file cannot be read or holds no certificate.
    """
    named = access.ca_file or os.environ.get("SSL_CERT_FILE")
    try:
        context = ssl.create_default_context(cafile=str(named) if named else None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"The certificates in {named} could not be read ({error.strerror or error}).",
            "Name a PEM file with --ca-file.",
        ) from error
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def api_key_of(given: str, url: str, environment: Mapping[str, str]) -> str:
    """Return the key to send: the one given, else LLAMAWATT_API_KEY, else OPENAI_API_KEY.

    The last is somebody's key for another service: it leaves this machine over TLS only.

    Raises:
        UsageError: the URL is none.
    """
    own = given or environment.get("LLAMAWATT_API_KEY", "")
    if own:
        return own.strip()
    parts = urlsplit(reach(url)[0])
    is_near = parts.hostname in ("127.0.0.1", "::1", "localhost")
    return (
        environment.get("OPENAI_API_KEY", "").strip() if is_near or parts.scheme == "https" else ""
    )
