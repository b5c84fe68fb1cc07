"""Sends requests to an endpoint and records them: one client for every API."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import httpx

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import TargetError
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.base import Endpoint
from llamawatt.targets.protocols import Ask, Protocol, protocol_of
from llamawatt.targets.stream import Reception, receive

STREAMED_UP_TO = 4
"""Streams up to which answers are streamed. Beyond, an event per token and stream costs the
host more than the tokens cost the device, so answers come whole and have no TTFT."""
REQUEST_TIMEOUT_S = 600.0


class Client:
    """Talks to one endpoint. A context manager.

    Args:
        endpoint: Where.
        n_parallel: Most requests at once.
        seed: Seed sent with each request, so that natural stops repeat.
        clock: The clock that windows are taken on.
        timeout_s: Longest wait for the next byte of an answer.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        n_parallel: int = 1,
        seed: int = 0,
        clock: Clock | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock or SystemClock()
        # llama-server closes a connection after a streamed answer; one that is kept for the next
        # request may be closed under it. A new one on loopback costs a tenth of a millisecond.
        limits = httpx.Limits(max_connections=n_parallel, max_keepalive_connections=0)
        self._http = httpx.Client(
            base_url=endpoint.url, timeout=timeout_s, limits=limits, trust_env=False
        )
        self._protocol: Protocol = protocol_of(endpoint, self._http, seed)
        self._pool = ThreadPoolExecutor(n_parallel, "llamawatt-stream")

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing the connections first ends the threads that still read from them.
        self._http.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self, asks: Sequence[Ask], *, n_parallel: int = 1, fixed_length: bool = True
    ) -> list[RequestRecord]:
        """Send every request, at most `n_parallel` at once, and return records in order.

        Raises:
            TargetError: the server went away, refused, or did not count its tokens.
        """
        streamed = n_parallel <= STREAMED_UP_TO
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
            return [job.result() for job in jobs]
        except BaseException:
            for job in jobs:
                job.cancel()
            raise

    def _one(self, ask: Ask, body: bytes, streamed: bool) -> RequestRecord:
        path = self._protocol.path(ask)
        t0_s = self._clock.now_s()
        try:
            answer = self._receive(path, body, streamed)
        except httpx.HTTPError as error:
            raise TargetError(
                f"The server at {self._endpoint.url} broke off ({_reason(error)}).",
                "Look at its log; it may have run out of memory.",
            ) from error
        return self._protocol.record(ask, answer, t0_s)

    def _receive(self, path: str, body: bytes, streamed: bool) -> Reception:
        headers = {"content-type": "application/json"}
        with self._http.stream("POST", path, content=body, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                text = response.read().decode("utf-8", "replace")[:300]
                raise TargetError(
                    f"{self._endpoint.url}{path} answered {response.status_code}: {text}"
                )
            return receive(response.iter_raw(), self._clock, streamed=streamed)


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
