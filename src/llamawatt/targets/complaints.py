"""What a server says when it does not do what it was asked, and what can be done about it."""

import html
import json
import re
from collections.abc import Mapping, Sequence

from llamawatt.core.errors import RefusalError
from llamawatt.core.format import shortened
from llamawatt.targets.stream import Event

SHOWN_CHARACTERS = 300
MOST_BYTES = 65_536
"""Bytes of a complaint that are read."""
PAGE_BYTES = 8_192
"""Bytes of a page that are looked through for its text."""
_NEEDS_KEY = (401, 403)
_GATEWAYS = (502, 503, 504)
_BACKEND = "The server behind it does not answer: start it, or name its own address with --url."
_REMEDIES = {
    404: "Look at the address and the model's name.",
    413: "The prompt is longer than the server takes.",
    429: "It takes no more requests now; ask it for fewer at once, or later.",
}


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, where: str, *, has_key: bool = False
) -> RefusalError:
    """Return the error for an answer whose status is not 200.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: Its first bytes.
        where: The address that was asked.
        has_key: Whether a key or a login was sent.
    """
    said = words(body)
    remedy = _REMEDIES.get(status, "")
    what = f"{where} answered {status}{f': {said}' if said else ''}"
    if status in _NEEDS_KEY:
        what = f"{where} {'refused the key' if has_key else 'needs a key'} ({status}: {said})"
        remedy = "Give its key with --api-key or in LLAMAWATT_API_KEY."
    elif 300 <= status < 400:
        what = f"{where} redirects to {headers.get('location', 'nowhere')} ({status})"
        remedy = "Name the address that answers itself with --url."
    elif status in _GATEWAYS and b"<" in body[:200]:
        what, remedy = f"A proxy at {where} answered {status}: {said}", _BACKEND
    elif status in _GATEWAYS and is_loading(said):
        remedy = "Its model still loads; try again in a while."
    return RefusalError(f"{what.rstrip('.')}.", remedy, status=status, said=said)


def is_loading(said: str) -> bool:
    """Tell whether a server says that its model still loads."""
    return "loading" in said.lower() or "still loads" in said.lower()


def error_in(events: Sequence[Event]) -> str:
    """Return the error that stands inside an answer; empty where there is none."""
    for event in events:
        said = _error_of(event)
        if said:
            return said
    return ""


def require_no_error(events: Sequence[Event], where: str) -> None:
    """Make sure that an answer of status 200 holds no error.

    Raises:
        RefusalError: it does.
    """
    said = error_in(events)
    if said:
        raise RefusalError(f"{where} answered with an error: {said}", status=200, said=said)


def words(body: bytes) -> str:
    """Return what a body says to a person: the message in JSON, the text of a page."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _page_text(body)
    found = _error_of(value) if isinstance(value, dict) else ""
    return found or _cut(json.dumps(value) if not isinstance(value, str) else value)


def _error_of(event: Event) -> str:
    error = event.get("error")
    if event.get("object") == "error" and not error:
        error = event.get("message") or "an error without words"
    if not error and "choices" not in event:
        error = event.get("detail")
    if not error:
        return ""
    if isinstance(error, dict):
        error = next((error[key] for key in ("message", "msg", "code") if error.get(key)), error)
    elif error is True:
        error = event.get("message") or "an error without words"
    return _cut(error if isinstance(error, str) else json.dumps(error))


def _page_text(body: bytes) -> str:
    text = body[:PAGE_BYTES].decode("utf-8", "replace")
    if "<" in text[:200]:
        text = re.sub(r"(?is)<(script|style|head)\b.*?</\1\s*>", _titled, text)
        text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return _cut(text)


def _titled(found: re.Match[str]) -> str:
    """Keep the title of a page's head."""
    title = re.search(r"(?is)<title\b[^>]*>(.*?)</title", found[0])
    return f" {title[1]} " if title else " "


def _cut(text: str) -> str:
    printable = "".join(mark if mark.isprintable() else " " for mark in text)
    line = " ".join(printable.split())
    return shortened(line, SHOWN_CHARACTERS)
