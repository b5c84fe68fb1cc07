"""Sends requests to an endpoint and records them: one client for every API."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from types import TracebackType

import httpx

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import TargetError
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.access import open_http
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Ask, Protocol, protocol_of
from llamawatt.targets.stream import Reception, receive
from llamawatt.targets.wire import Call, Lines

STREAMED_UP_TO = 4
"""Streams up to which answers are streamed where the server does not time itself. Beyond, an event
per token and stream costs the host more than the tokens cost the device."""
REQUEST_TIMEOUT_S = 3600.0
"""An answer that comes whole is silent until its last token, and a laptop may take its time. A
server that dies hangs up at once, so nobody waits this long for one."""
HEADERS = {
    "content-type": "application/json",
    "accept-encoding": "identity",
    "connection": "close",
}
"""Bytes as the server writes them, and an end that tells itself."""


class Client:
    """Talks to one endpoint. A context manager.

    Args:
        endpoint: Where.
        n_parallel: Most requests at once.
        seed: Seed sent with each request, so that natural stops repeat.
        clock: The clock that windows are taken on.
        timeout_s: Longest wait for the next byte of an answer.
        request: Settings that each request carries, named as llama-server's JSON names them.

    Raises:
        UsageError: the certificates or the key cannot be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        n_parallel: int = 1,
        seed: int = 0,
        clock: Clock | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
        *,
        request: Mapping[str, object] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock or SystemClock()
        # A connection for each request: it costs a tenth of a millisecond on loopback, before the
        # window, and its end tells the end of the answer.
        limits = httpx.Limits(max_connections=n_parallel, max_keepalive_connections=0)
        self._lines = Lines()
        self._http = open_http(endpoint.url, endpoint.access, timeout_s, limits)
        self._protocol: Protocol = protocol_of(endpoint, self._http, seed, request or {})
        self._pool = ThreadPoolExecutor(n_parallel, "llamawatt-stream")

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Hanging up ends the threads that still read; closing alone would not wake them.
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._lines.hang_up()
        self._pool.shutdown(wait=True)
        self._http.close()

    def run(
        self, asks: Sequence[Ask], *, n_parallel: int = 1, fixed_length: bool = True
    ) -> list[RequestRecord]:
        """Send every request, at most `n_parallel` at once, and return records in order.

        Raises:
            TargetError: the server went away, refused, or did not count its tokens.
        """
        # Lines of their own, so that hanging up on these ends what connects late as well.
        self._lines = Lines()
        streamed = self._protocol.token is not None and n_parallel <= STREAMED_UP_TO
        # Templates are applied before the window: they are no work of the model.
        prepared = [self._protocol.prepare(ask, fixed_length, streamed) for ask in asks]
        if n_parallel == 1:
            return [
                self._one(ask, body, streamed) for ask, body in zip(asks, prepared, strict=True)
            ]
        jobs = [
            self._pool.submit(self._one, ask, body, streamed)
            for ask, body in zip(asks, prepared, strict=True)
        ]
        try:
            done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
            failed = [job for job in jobs if job in done and job.exception()]
            return [job.result() for job in (failed or jobs)]
        finally:
            self._abandon(jobs)

    def _abandon(self, jobs: Sequence[Future[RequestRecord]]) -> None:
        """End every request that still runs: none may run into the next window."""
        started = [job for job in jobs if not job.cancel()]
        if not all(job.done() for job in started):
            self._lines.hang_up()
        wait(started)

    def _one(self, ask: Ask, body: bytes, streamed: bool) -> RequestRecord:
        call = Call(self._clock, self._lines)
        try:
            answer = self._receive(call, self._protocol.path(ask), body, streamed)
            return self._protocol.record(ask, answer, call.t0_s)
        except httpx.HTTPError as error:
            what = f"The server at {self._endpoint.url} broke off ({_reason(error)})."
            raise TargetError(what, self._endpoint.last_words()) from error
        finally:
            call.close()

    def _hidden(self, text: str) -> str:
        return self._endpoint.access.hidden(text)

    def _receive(self, call: Call, path: str, body: bytes, streamed: bool) -> Reception:
        with self._http.stream(
            "POST", path, content=body, headers=HEADERS, extensions={"trace": call.trace}
        ) as response:
            if response.status_code != httpx.codes.OK:
                said = _complaint(response.read())
                raise TargetError(
                    self._hidden(
                        f"{self._endpoint.url}{path} answered {response.status_code}: {said}"
                    ),
                    self._hidden(self._endpoint.last_words()),
                )
            token = self._protocol.token if streamed else None
            return receive(response.iter_raw(), self._clock, token)


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _complaint(body: bytes) -> str:
    """Return the message in an error's body, or the start of the body."""
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:300]
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
