"""One request on the wire: when its first byte left, and how to hang up on it."""

import contextlib
import socket
import threading
from collections.abc import Mapping

from llamawatt.core.clock import Clock


class Lines:
    """The connections of some requests, so that they can be hung up from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._over = False

    def opened(self, line: socket.socket) -> None:
        """Remember an open connection; once hung up, end it too."""
        with self._lock:
            self._sockets.add(line)
            over = self._over
        if over:
            _end(line)

    def closed(self, line: socket.socket) -> None:
        """Forget it."""
        with self._lock:
            self._sockets.discard(line)

    def hang_up(self) -> None:
        """End every connection, those opened later too: whoever reads from one sees its end."""
        with self._lock:
            self._over = True
            open_now = tuple(self._sockets)
        for line in open_now:
            _end(line)


class Call:
    """One request. Hand `trace` to httpx as its trace extension."""

    def __init__(self, clock: Clock, lines: Lines) -> None:
        self._clock = clock
        self._lines = lines
        self._socket: socket.socket | None = None
        self.t0_s = clock.now_s()

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Note the connection, and the time right before the first byte of the request."""
        if event == "http11.send_request_headers.started":
            self.t0_s = self._clock.now_s()
        elif event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            look_up = getattr(info["return_value"], "get_extra_info", None)
            found = look_up("socket") if callable(look_up) else None
            if isinstance(found, socket.socket):
                self._use(found)

    def close(self) -> None:
        """Forget the connection: the answer is in, or there is none."""
        if self._socket is not None:
            self._lines.closed(self._socket)

    def _use(self, line: socket.socket) -> None:
        self.close()
        self._socket = line
        self._lines.opened(line)


def _end(line: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it ended by itself
        line.shutdown(socket.SHUT_RDWR)
