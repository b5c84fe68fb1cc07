"""What the fake server sends instead of an answer: errors, redirects, pages of proxies."""

from dataclasses import dataclass

JSON = "application/json"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Attributes:
        status: HTTP status.
        body: Its bytes.
        kind: Content type.
        more: Further headers.
    """

    status: int
    body: bytes
    kind: str = JSON
    more: str = ""


def _proxy(status: int, title: str) -> Page:
    head = f"<head><title>{status} {title}</title><style>h1 {{ color: red }}</style></head>"
    body = f"<html>{head}<body><center><h1>{status} {title}</h1></center>nginx</body></html>"
    return Page(status, body.encode(), HTML)


PAGES = {
    "html": Page(200, b"<html><body>Welcome</body></html>", HTML),
    "never-healthy": Page(503, b'{"error": {"message": "Loading model"}}'),
    "redirect": Page(302, b"", HTML, "Location: https://login.example/?token=secret"),
    "bad-gateway": _proxy(502, "Bad Gateway"),
    "unavailable": _proxy(503, "Service Temporarily Unavailable"),
    "html-500": _proxy(500, "Internal Server Error"),
    "forbidden": Page(403, b'{"detail": "Not allowed from here"}'),
}
"""What every path answers under a fault of this name."""
NOT_FOUND = Page(404, b'{"error": {"message": "File Not Found"}}')
NO_KEY = Page(401, b'{"error": {"code": 401, "message": "Invalid API Key"}}')
NAMELESS = b'{"error": {"code": 400, "message": "model name is missing from the request"}}'
OUT_OF_SLOTS = b'{"error": {"code": 500, "message": "out of slots"}}'
