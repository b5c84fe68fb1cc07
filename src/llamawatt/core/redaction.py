"""Takes passwords, keys and tokens out of sentences and command lines before they are shown.

Addresses are the work of `secrets`; this knows what else may stand in a text: a login without a
scheme, headers, keys in well-known forms, and options of a command line.
"""

import re
from collections.abc import Iterable, Sequence

from llamawatt.core.secrets import HIDDEN, redacted_text

_NAME = (
    r"[\w.-]*(?:key|token(?!s|iz)|secret|passw|pwd|auth(?!or)|credential|signature|\bsig)[\w.-]*"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_PATTERNS = (
    # an address whose slashes were folded into one by a path
    (re.compile(r"(?<!/)(:/)[^\s/?#'\"<>]+@"), r"\1"),
    # user:password@host without a scheme
    (re.compile(r"(?<![\w:/@.*-])[^\s/@:'\"=<>*]+:[^\s/@'\"<>]+@(?=[\w-]+[.:/]|localhost|\[)"), ""),
    # Authorization: Bearer value, X-Api-Key: value
    (re.compile(r"\b(authorization:\s*(?:bearer|basic|digest)?\s*)\S+", re.I), rf"\1{HIDDEN}"),
    (re.compile(r"\b(bearer\s+)[\w.~+/=-]{12,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"\b({_NAME}:\s+)[\w.~+/=-]{{12,}}", re.IGNORECASE), rf"\1{HIDDEN}"),
    # keys that carry their kind in their first letters
    (re.compile(r"\b(sk|hf|gsk|pk|rk|xai|glpat|ghp)([-_])[A-Za-z0-9_-]{12,}"), rf"\1\2{HIDDEN}"),
)
_OPTION = re.compile(r"--?[A-Za-z][\w-]*\Z")


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without the secrets in it.

    Args:
        text: A sentence, an address, a line of a log.
        known: Secrets that are known by value; they are hidden wherever they stand.
    """
    for secret in sorted((each for each in known if each), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = redacted_text(text)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def arguments_without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command line, values of secret options replaced by `***`."""
    shown: list[str] = []
    follows = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        is_secret = _OPTION.match(name) is not None and _SECRET_NAME.search(name) is not None
        if follows:
            shown.append(HIDDEN)
        elif is_secret and equals:
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(without_secrets(argument))
        follows = is_secret and not equals and not follows
    return shown
