"""Addresses that may hold secrets: used whole, shown without them."""

import re
from urllib.parse import quote, unquote

HIDDEN = "***"
_SECRET_KEYS = re.compile(
    r"user(?:name)?|pass(?:w(?:or)?d|phrase)?|pwd|pw|.*(?:token|secret|signature).*"
    r"|(?:.*[-_.])?key|(?:api|access|auth)key|auth(?:orization)?|sig|code|session(?:id)?|jwt",
    re.IGNORECASE,
)
"""Names of query fields whose values are never shown; Tasmota's login is `user` and `password`."""
_QUERY_FIELD = re.compile(r"([^&;=]*)=([^&;]*)")
_URL_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_LONG_ENOUGH = 3
"""A secret shorter than this is replaced in its URL alone: it would hit ordinary words."""


class SecretUrl:
    """A URL as the user gave it, shown without its user, password, keys and fragment.

    `str`, `repr` and formatting show it redacted, so it can go into files, logs and errors as it
    is. Only `reveal` gives the whole, to whoever connects.

    Args:
        text: The URL.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the URL with its secrets, for connecting; never write this anywhere."""
        return self._text

    def scrub(self, text: str) -> str:
        """Return a text, as an error of a library, without this URL's secrets."""
        found = text.replace(self._text, redacted(self._text))
        for secret in sorted(_secrets(self._text), key=len, reverse=True):
            if len(secret) >= _LONG_ENOUGH:
                found = found.replace(secret, HIDDEN)
        return redacted_text(found)

    def __str__(self) -> str:
        return redacted(self._text)

    def __repr__(self) -> str:
        return f"SecretUrl({redacted(self._text)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretUrl) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def redacted(url: str) -> str:
    """Return a URL without user and password, with the values of secret query fields hidden.

    A password that holds `/`, `?` or `#` unquoted makes a broken URL; everything up to the last
    `@` is taken for the login then, because showing too little harms nobody.
    """
    scheme, rest = _split_scheme(url)
    rest = rest[_login_end(rest) :]
    rest, _, _ = rest.partition("#")
    place, asked, query = rest.partition("?")
    return f"{scheme}{place}{asked}{_QUERY_FIELD.sub(_hidden_field, query)}"


def redacted_text(text: str) -> str:
    """Return a text with every URL in it redacted."""
    return _URL_IN_TEXT.sub(lambda match: redacted(match[0]), text)


def _hidden_field(match: re.Match[str]) -> str:
    name, value = match.groups()
    secret = _SECRET_KEYS.fullmatch(unquote(name).strip()) is not None
    return f"{name}={HIDDEN}" if secret and value else match[0]


def _split_scheme(url: str) -> tuple[str, str]:
    match = _SCHEME.match(url.strip())
    return (match[0], url.strip()[match.end() :]) if match else ("", url.strip())


def _login_end(rest: str) -> int:
    """Return where the login of a URL without its scheme ends; 0 if it has none."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        before_query = rest.partition("?")[0].partition("#")[0]
        return before_query.rfind("@") + 1
    port = authority.rpartition(":")[2] if ":" in authority and "]" not in authority else ""
    looks_like_login = bool(port) and not port.isdigit()
    return rest.rfind("@") + 1 if looks_like_login else 0


def _secrets(url: str) -> set[str]:
    """Return every secret of a URL, as written, unquoted and quoted."""
    _, rest = _split_scheme(url)
    end = _login_end(rest)
    login = rest[: max(0, end - 1)]
    found = {login, login.partition(":")[2]}
    rest, _, fragment = rest[end:].partition("#")
    found.add(fragment)
    for match in _QUERY_FIELD.finditer(rest.partition("?")[2]):
        if _SECRET_KEYS.fullmatch(unquote(match[1]).strip()):
            found.add(match[2])
    found |= {unquote(secret) for secret in found} | {quote(secret, safe="") for secret in found}
    return {secret for secret in found if secret}
