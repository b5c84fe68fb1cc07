"""Sends requests to an endpoint and records them: one client for every API."""

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from types import TracebackType

import httpx

from llamawatt.core.clock import Clock, SystemClock
from llamawatt.core.errors import RefusalError, TargetError, UncountedError
from llamawatt.core.flags import Flag
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.access import open_http
from llamawatt.targets.base import Endpoint
from llamawatt.targets.complaints import MOST_BYTES, refusal, require_no_error
from llamawatt.targets.dialects import Ask, Protocol
from llamawatt.targets.phases import make_record
from llamawatt.targets.protocols import protocol_of
from llamawatt.targets.stream import Reception, receive
from llamawatt.targets.wire import Call, Lines

STREAMED_UP_TO = 4
"""Streams up to which answers are streamed where the server does not time itself. Beyond, an event
per token and stream costs the host more than the tokens cost the device."""
REQUEST_TIMEOUT_S = 3600.0
"""An answer that comes whole is silent until its last token, and a laptop may take its time. A
server that dies hangs up at once, so nobody waits this long for one."""
REPLY_LIMIT_S = 2 * REQUEST_TIMEOUT_S
"""A reply that takes longer is given up, though its server still sends."""
HEADERS = {
    "content-type": "application/json",
    "accept-encoding": "identity",
    "connection": "close",
}
"""Bytes as the server writes them, and an end that tells itself."""
REFUSALS = {400, 422, 501}
"""Statuses with which servers refuse a setting that they do not know, naming it or not."""
TRY_TOKENS = 16
"""Tokens of the request that finds out what a server takes."""
NOTABLE_LOAD_S = 0.5
"""Ollama calls some tens of milliseconds in front of every reply loading."""


class Client:
    """Talks to one endpoint. A context manager.

    Args:
        endpoint: Where.
        n_parallel: Most requests at once.
        seed: Seed sent with each request, so that natural stops repeat.
        clock: The clock that windows are taken on.
        timeout_s: Longest wait for the next byte of an answer.
        limit_s: Longest that an answer may take.
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
        limit_s: float = REPLY_LIMIT_S,
        request: Mapping[str, object] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock or SystemClock()
        self._limit_s = limit_s
        # A connection for each request: it costs a tenth of a millisecond on loopback, before the
        # window, and its end tells the end of the answer.
        limits = httpx.Limits(max_connections=n_parallel, max_keepalive_connections=0)
        self._lines = Lines()
        self._http = open_http(endpoint.url, endpoint.access, timeout_s, limits)
        self._protocol: Protocol = protocol_of(endpoint, self._http, seed, request or {})
        self._settled: set[tuple[bool, bool]] = set()
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
        wanted = n_parallel <= STREAMED_UP_TO
        if self._protocol.has_options and asks:
            self._settle(asks[0], fixed_length, wanted)
        streamed = self._protocol.token is not None and wanted
        # Templates are applied before the window: they are no work of the model.
        prepared = [self._protocol.prepare(ask, fixed_length, streamed) for ask in asks]
        if n_parallel == 1:
            return [
                self._one(ask, body, streamed, 1) for ask, body in zip(asks, prepared, strict=True)
            ]
        jobs = [
            self._pool.submit(self._one, ask, body, streamed, n_parallel)
            for ask, body in zip(asks, prepared, strict=True)
        ]
        try:
            done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
            failed = [job for job in jobs if job in done and job.exception()]
            return [job.result() for job in (failed or jobs)]
        finally:
            self._abandon(jobs)

    def _settle(self, ask: Ask, fixed_length: bool, wanted: bool) -> None:
        """Find out once what the server takes: ask, and leave out what it refuses.

        Raises:
            TargetError: it refuses for another reason; the first words count.
        """
        if (fixed_length, wanted) in self._settled:
            return
        first: TargetError | None = None
        little = replace(ask, n_predict=min(ask.n_predict, TRY_TOKENS))
        while True:
            streamed = self._protocol.token is not None and wanted
            try:
                self._one(
                    little, self._protocol.prepare(little, fixed_length, streamed), streamed, 1
                )
            except RefusalError as error:
                first = first or error
                named = error.status not in REFUSALS
                if not self._protocol.concede(error.said, streamed, named=named):
                    raise first from error
            except UncountedError as error:
                first = first or error
                if not streamed or not self._protocol.concede("stream", streamed):
                    raise first from error
            else:
                self._settled.add((fixed_length, wanted))
                return

    def _abandon(self, jobs: Sequence[Future[RequestRecord]]) -> None:
        """End every request that still runs: none may run into the next window."""
        started = [job for job in jobs if not job.cancel()]
        if not all(job.done() for job in started):
            self._lines.hang_up()
        wait(started)

    def _one(self, ask: Ask, body: bytes, streamed: bool, n_parallel: int) -> RequestRecord:
        call = Call(self._clock, self._lines)
        path = self._protocol.path(ask)
        try:
            answer = self._receive(call, path, body, streamed)
            require_no_error(answer.events, f"{self._endpoint.url}{path}")
            told = self._protocol.read(ask, answer)
            return self._marked(make_record(ask.prompt_id, answer, call.t0_s, told, n_parallel))
        except httpx.HTTPError as error:
            what = f"The server at {self._endpoint.url} broke off ({_reason(error)})."
            raise TargetError(self._hidden(what), self._hidden(self._last_words())) from error
        except TargetError as error:
            error.what = self._hidden(error.what)
            error.remedy = self._hidden(error.remedy or self._last_words())
            raise
        finally:
            call.close()

    def _marked(self, record: RequestRecord) -> RequestRecord:
        """Note what the server refused, and that it loaded its model."""
        without = self._protocol.without
        loaded = (record.load_s or 0.0) > NOTABLE_LOAD_S
        flags = (
            *record.flags,
            *((Flag.SETTING_REFUSED,) if without else ()),
            *((Flag.LOADED_IN_WINDOW,) if loaded else ()),
        )
        return replace(record, without=without, flags=flags)

    def _receive(self, call: Call, path: str, body: bytes, streamed: bool) -> Reception:
        with self._http.stream(
            "POST", path, content=body, headers=HEADERS, extensions={"trace": call.trace}
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise refusal(
                    response.status_code,
                    response.headers,
                    _start(response),
                    f"{self._endpoint.url}{path}",
                    has_key=self._endpoint.access.is_shown,
                )
            token = self._protocol.token if streamed else None
            return receive(response.iter_raw(), self._clock, token, self._limit_s)

    def _hidden(self, text: str) -> str:
        return self._endpoint.access.hidden(text)

    def _last_words(self) -> str:
        return self._endpoint.last_words()


def _start(response: httpx.Response) -> bytes:
    """Return the first bytes of a complaint, however long it is."""
    found = b""
    for chunk in response.iter_raw():
        found += chunk
        if len(found) >= MOST_BYTES:
            break
    return found[:MOST_BYTES]


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__
