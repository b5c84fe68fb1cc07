"""A hub on loopback: its metadata protocol, and storage on another host that serves ranges."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

REPOSITORY = "owner/tiny-gguf"
FILE = "tiny.Q8_0.gguf"
TOKEN = "hf_of_a_test"


@dataclass
class Behaviour:
    """What the server does, and what it was asked.

    Attributes:
        content: The file.
        served: Bytes that storage really sends; the file's unless set.
        cut_after: For each download in turn, after how many bytes the connection is cut.
        refusals: For each download in turn, a status to answer with; 0 serves.
        head_status: Status of the metadata; 302 is the hub's own.
        error_code: The hub's X-Error-Code, with a status that refuses.
        retry_after: Retry-After of refusals; empty for none.
        ranges: Whether storage knows ranges.
        linked_etag: X-Linked-Etag; the SHA-256 unless set.
        needs_token: Whether only TOKEN may read.
        others: Further files by name, as the parts of a split model.
    """

    content: bytes
    served: bytes = b""
    cut_after: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    head_status: int = 302
    error_code: str = ""
    retry_after: str = ""
    ranges: bool = True
    linked_etag: str = ""
    needs_token: bool = False
    others: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def asked(self, method: str, prefix: str) -> list[dict[str, str]]:
        """Return the headers of every request of a kind."""
        return [h for m, path, h in self.requests if m == method and path.startswith(prefix)]


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Serve on loopback and give the hub's address."""

    class Bound(_Handler):
        does = behaviour

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    does: ClassVar[Behaviour]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        lowered = {name.lower(): value for name, value in self.headers.items()}
        self.does.requests.append((self.command, self.path, lowered))
        where, _, name = self.path.partition("?")[0].rpartition("/")
        other = self.does.others.get(name)
        if where == f"/{REPOSITORY}/resolve/main" and (name == FILE or other is not None):
            self._hub(lowered, other or self.does.content, "blob" if other is None else name)
        elif self.path in {"/blob", f"/files/{FILE}"}:
            self._storage(lowered, self.does.served or self.does.content)
        elif other is not None:
            self._storage(lowered, other)
        else:
            self._refuse(404, "EntryNotFound")

    def _hub(self, headers: dict[str, str], content: bytes, stored: str) -> None:
        if self.does.needs_token and headers.get("authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "GatedRepo")
        elif self.does.head_status != 302:
            self._refuse(self.does.head_status, self.does.error_code)
        else:
            etag = self.does.linked_etag or hashlib.sha256(content).hexdigest()
            self.send_response(302)
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("X-Linked-Etag", f'"{etag}"')
            self.send_header("X-Linked-Size", str(len(content)))
            # localhost is another host than 127.0.0.1, as storage is another than the hub.
            port = self.server.server_address[1]
            self.send_header("Location", f"http://localhost:{port}/{stored}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _storage(self, headers: dict[str, str], body: bytes) -> None:
        refusal = self.does.refusals.pop(0) if self.does.refusals else 0
        if refusal:
            self._refuse(refusal, "")
            return
        start, status = 0, 200
        if self.does.ranges and (asked := headers.get("range")):
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(body):
                self._refuse(416, "")
                return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        cut = self.does.cut_after.pop(0) if self.does.cut_after else len(body)
        with suppress(ConnectionError):  # a client that refuses what comes hangs up
            self.wfile.write(body[start : start + cut])
        if start + cut < len(body):
            self.close_connection = True

    def _refuse(self, status: int, error_code: str) -> None:
        self.send_response(status)
        if error_code:
            self.send_header("X-Error-Code", error_code)
        if self.does.retry_after:
            self.send_header("Retry-After", self.does.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()
