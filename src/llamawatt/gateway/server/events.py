"""Watches a stream of server-sent events go by, and finds the place before its end."""

from llamawatt.gateway.server.told import Told, told_by

DONE = b"data: [DONE]"
LONGEST_EVENT_BYTES = 4 * 1024 * 1024
"""An event longer than this is passed on in pieces."""


class EventTap:
    """Passes bytes on, whole events at a time, and holds back what ends the stream.

    Attributes:
        n_events: Events with data so far, about one a token.
    """

    __slots__ = ("_carry", "_first", "_held", "_last", "n_events")

    def __init__(self) -> None:
        self.n_events = 0
        self._carry = b""
        self._held = b""
        self._first = b""
        self._last = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the backend; return those to pass on now."""
        data = self._carry + chunk if self._carry else chunk
        if self._held:
            self._held += data
            self._carry = b""
            return b""
        if data.endswith(b"\n\n"):
            self._carry = b""
        else:
            cut = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4)
            if cut < 4 and len(data) < LONGEST_EVENT_BYTES:
                self._carry = data
                return b""
            cut = len(data) if cut < 4 else cut
            data, self._carry = data[:cut], data[cut:]
        self.n_events += data.count(b"\ndata:") + data.startswith(b"data:")
        if b'"usage"' in data or b'"timings"' in data:
            self._first = self._first or data
            self._last = data
        place = data.rfind(DONE)
        if place >= 0 and (place == 0 or data[place - 1 : place] == b"\n"):
            self.n_events -= 1
            self._held = data[place:]
            return data[:place]
        return data

    def end(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held + self._carry, b""
        self._carry = b""
        return held

    def told(self) -> Told:
        """Return what the stream told of its tokens and times."""
        pieces = [self._first] if self._first is self._last else [self._first, self._last]
        return told_by(
            *(
                line[5:].strip()
                for piece in pieces
                for line in piece.splitlines()
                if line.startswith(b"data:") and (b'"usage"' in line or b'"timings"' in line)
            )
        )
