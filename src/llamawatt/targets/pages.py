"""Looks at the pages of a server that somebody else started, each at most once and bounded."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.targets.complaints import MOST_BYTES, words
from llamawatt.targets.stream import Event

PAGE_BYTES = 4 << 20
"""A listing of thousands of models is smaller."""
PAGE_LIMIT_S = 15.0
"""A page that takes longer to come in is given up."""
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


@dataclass(frozen=True, slots=True)
class Page:
    """What came of one request.

    Attributes:
        path: What was asked for.
        status: HTTP status; 0 when nothing came.
        body: Its bytes, or the first of them.
        headers: Of the answer.
        value: The JSON object in it; empty where it holds none.
        why: Why nothing came.
    """

    path: str
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    value: Event = field(default_factory=dict)
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether the page is there."""
        return self.status == httpx.codes.OK

    @property
    def said(self) -> str:
        """What it says, in a few words."""
        return self.why or words(self.body)[:_SHOWN_CHARACTERS]


_SHOWN_CHARACTERS = 80
_MOST_SILENT = 2
"""Pages without an answer after which no more are asked for: each costs a timeout."""


class Pages:
    """The pages of one server.

    Args:
        http: A client of it.
        clock: Bounds how long a page may take.
    """

    def __init__(self, http: httpx.Client, clock: Clock | None = None) -> None:
        self._http = http
        self._clock = clock or SystemClock()
        self._seen: dict[tuple[str, str], Page] = {}
        self._silent = 0

    @property
    def seen(self) -> tuple[Page, ...]:
        """Every page that was asked for."""
        return tuple(self._seen.values())

    def get(self, path: str) -> Page:
        """Return a page.

        Raises:
            httpx.ConnectError: nothing listens there.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Event) -> Page:
        """Return what a page answers to a body; asked once per path and body.

        Raises:
            httpx.ConnectError: nothing listens there.
        """
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Event | None) -> Page:
        key = (f"{method} {path}", json.dumps(body))
        if key not in self._seen and self._silent >= _MOST_SILENT:
            self._seen[key] = Page(path, why="not asked, for it hangs")
        if key not in self._seen:
            try:
                self._seen[key] = self._read(method, path, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                raise
            except httpx.HTTPError as error:
                self._silent += 1
                self._seen[key] = Page(path, why=reason(error))
        return self._seen[key]

    def _read(self, method: str, path: str, body: Event | None) -> Page:
        found, begin_s = b"", self._clock.now_s()
        with self._http.stream(method, path, json=body) as answer:
            most_bytes = PAGE_BYTES if answer.is_success else MOST_BYTES
            for chunk in answer.iter_bytes():
                found += chunk
                if len(found) > most_bytes or self._clock.now_s() - begin_s > PAGE_LIMIT_S:
                    return Page(path, answer.status_code, found[:MOST_BYTES], answer.headers)
        return Page(path, answer.status_code, found, answer.headers, _object(found))


def reason(error: httpx.HTTPError) -> str:
    """Return why a request failed, without an error number."""
    return _ERRNO.sub("", str(error)) or type(error).__name__


def _object(body: bytes) -> Event:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def dicts_in(value: object) -> list[Event]:
    """Return the objects of a JSON list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_in(event: Event, *keys: str) -> str:
    """Return the first text that is not empty under some keys; empty where there is none."""
    return next((value for key in keys if isinstance(value := event.get(key), str) and value), "")


def object_in(event: Event, key: str) -> Event:
    """Return the object under a key; empty where there is none."""
    value = event.get(key)
    return value if isinstance(value, dict) else {}
