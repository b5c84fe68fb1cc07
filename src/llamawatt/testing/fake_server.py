"""A fake llama-server: real HTTP, exact token rates, faults on demand, no model.

    python -m llamawatt.testing.fake_server --port 18100 --fault crash-midway

Takes llama-server's own flags beside its own. It lets a protocol, a resume after a kill or a client
be tested in milliseconds, and shows what a client costs when the tokens cost nothing.
"""

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
import time
from dataclasses import dataclass, field

from llamawatt.targets.embedded import parser as llama_server_flags
from llamawatt.testing import fake_api as fakeapi
from llamawatt.testing.fake_pages import (
    JSON,
    NAMELESS,
    NO_KEY,
    NOT_FOUND,
    OUT_OF_SLOTS,
    PAGES,
    Page,
)
from llamawatt.testing.fake_quirks import Quirks, quirks_from
from llamawatt.testing.fake_shapes import DIALECTS, Body, shapes

TICK_S = 0.001
CRASH_CODE = 134
"""What a shell reports for an aborted program."""
FAULTS = (
    "exit-early",
    "never-healthy",
    "ignore-sigterm",
    "no-counts",
    "crash-midway",
    "stall-midway",
    "cut-midway",
    "error-midway",
    "error-inside",
    "trickle",
    "endless",
    *PAGES,
)
"""How it can be told to misbehave."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the fake server acts.

    Attributes:
        api: Which server it poses as.
        fault: How it misbehaves; empty for not at all.
        prefill_tok_per_s: Prompt tokens a second, each stream.
        decode_tok_per_s: Generated tokens a second, each stream.
        model: Name it gives its model.
        n_parallel: Streams served at once; more wait.
        n_ctx: Context of all streams together, tokens; 0 for no bound.
        key: Key that every request but that for its health must carry; empty for none.
        quirks: How its answers differ from a plain server's.
    """

    api: str = "llama-server"
    fault: str = ""
    prefill_tok_per_s: float = 1e5
    decode_tok_per_s: float = 1e4
    model: str = "fake.gguf"
    n_parallel: int = 1
    n_ctx: int = 0
    key: str = ""
    quirks: Quirks = field(default_factory=Quirks)


class FakeServer:
    """Serves one behaviour on a loopback port."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._slots = asyncio.Semaphore(behaviour.n_parallel)
        self._shape = shapes(behaviour.model, behaviour.n_parallel)[behaviour.api]

    async def serve(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Serve until cancelled.

        Raises:
            OSError: the port is taken.
        """
        server = await asyncio.start_server(self._answer, host, port, ssl=tls)
        sys.stderr.write(f"listening on http://{host}:{server.sockets[0].getsockname()[1]}\n")
        sys.stderr.flush()
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
            body = json.loads(await reader.readexactly(_length(head))) if method == "POST" else {}
            fault = PAGES.get(self._behaviour.fault)
            if fault is not None:
                await _send(writer, fault)
            elif path != "/health" and not self._knows(head):
                await _send(writer, NO_KEY)
            else:
                await self._route(method, path.partition("?")[0], body, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            writer.close()

    def _knows(self, head: str) -> bool:
        key = self._behaviour.key
        return not key or f"authorization: bearer {key}\r\n".lower() in head.lower()

    async def _route(
        self, method: str, path: str, body: Body, writer: asyncio.StreamWriter
    ) -> None:
        if method != "POST" or path not in self._shape.answers:
            await _send(writer, self._page(method, path, body))
            return
        job = self._job(DIALECTS[path], body)
        refusal = self._refusal(job) or self._refused(body)
        if refusal:
            await _send(writer, Page(400, refusal))
            return
        async with self._slots:
            await self._generate(job, writer)

    def _page(self, method: str, path: str, body: Body) -> Page:
        shape, nameless = self._shape, "model" not in body
        if method == "POST" and path == "/apply-template" and shape.templates:
            if shape.routes and nameless:
                return Page(400, NAMELESS)
            messages = body.get("messages")
            text = messages[-1]["content"] if isinstance(messages, list) else ""
            return Page(200, json.dumps({"prompt": f"user: {text}"}).encode())
        found = shape.pages.get(path) if method == "GET" else None
        if found is None:
            return NOT_FOUND
        signed = f"Server: {shape.server}" if shape.server else ""
        if isinstance(found, str):
            return Page(200, found.encode(), "text/plain", signed)
        return Page(200, json.dumps(found).encode(), more=signed)

    def _job(self, api: str, body: Body) -> fakeapi.Job:
        acts = self._behaviour
        n_prompt = fakeapi.n_tokens(body.get("prompt", body.get("messages")))
        options = body.get("stream_options")
        each = isinstance(options, dict) and bool(options.get("continuous_usage_stats"))
        return fakeapi.Job(
            api=api,
            n_prompt=n_prompt,
            n_predict=fakeapi.wanted_tokens(body, api),
            prefill_s=(n_prompt - max(0, acts.quirks.n_cached)) / acts.prefill_tok_per_s,
            token_s=1.0 / acts.decode_tok_per_s,
            streamed=bool(body.get("stream", api == "ollama")) and not acts.quirks.ignores_stream,
            timings=self._shape.timings,
            counts_each=each and acts.quirks.counts_each,
            quirks=acts.quirks,
        )

    def _refused(self, body: Body) -> bytes:
        """Return the complaint about a body: no model named, or a setting it does not know."""
        if self._shape.routes and "model" not in body:
            return NAMELESS
        quirks = self._behaviour.quirks
        options = body.get("stream_options")
        sent = {*body, *(options if isinstance(options, dict) else ())}
        for name in quirks.refuses.split(","):
            if name in sent and body.get(name) is not False:
                return _complaint(f"Unsupported parameter: '{name}'.")
        silent = {
            name for name in quirks.refuses_silently.split(",") if body.get(name) is not False
        }
        return _complaint("Bad request.") if silent & sent else b""

    def _refusal(self, job: fakeapi.Job) -> bytes:
        """Return llama-server's complaint about a prompt beyond a stream's share of the context."""
        share = self._behaviour.n_ctx // self._behaviour.n_parallel
        if not share or job.n_prompt <= share:
            return b""
        said = (
            f"request ({job.n_prompt} tokens) exceeds the available context size ({share} tokens)"
        )
        return _complaint(said)

    async def _generate(self, job: fakeapi.Job, writer: asyncio.StreamWriter) -> None:
        counted = self._behaviour.fault != "no-counts"
        if job.quirks.load_s > 0:
            await asyncio.sleep(job.quirks.load_s)
        if not job.streamed:
            await asyncio.sleep(job.prefill_s + job.decode_s / 2)
            await self._misbehave(writer, streamed=False)
            await asyncio.sleep(job.decode_s / 2)
            return await _send(writer, Page(200, fakeapi.whole_answer(job, counted)))
        writer.write(_head(200, "text/event-stream", "Transfer-Encoding: chunked"))
        await asyncio.sleep(job.prefill_s)
        await self._tokens(job, writer)
        await _chunk(writer, fakeapi.last_event(job, counted))
        return await _chunk(writer, b"")

    async def _tokens(self, job: fakeapi.Job, writer: asyncio.StreamWriter) -> None:
        """Send every token when it is due, an HTTP chunk each, as llama-server does.

        Several in one event are due when the last of them is.
        """
        quirks, start_s, late = job.quirks, time.monotonic(), b""
        if opening := fakeapi.first_event(job.api):
            await _chunk(writer, opening)
        for number in range(quirks.n_hidden, job.n_predict, quirks.tokens_per_event):
            n = min(quirks.tokens_per_event, job.n_predict - number)
            due_s = start_s + (number + n - 1) * job.token_s
            if due_s > time.monotonic():
                await asyncio.sleep(max(TICK_S, due_s - time.monotonic()))
            event = fakeapi.token_event(job, number, n)
            if quirks.burst:
                late += event
            else:
                await _chunk(writer, event)
            if number <= job.n_predict // 2 < number + n:
                await self._misbehave(writer, streamed=True)
        if late:
            await _chunk(writer, late)

    async def _misbehave(self, writer: asyncio.StreamWriter, *, streamed: bool) -> None:
        fault = self._behaviour.fault
        if fault == "crash-midway":
            sys.stderr.write("GGML_ASSERT failed: the fake server was told to crash\n")
            sys.stderr.flush()
            os._exit(CRASH_CODE)
        if fault == "stall-midway":
            await asyncio.sleep(3600)
        if fault == "cut-midway":
            writer.transport.abort()
            raise ConnectionAbortedError
        if fault in ("error-midway", "error-inside"):
            if streamed:
                await _chunk(writer, b"data: " + OUT_OF_SLOTS + b"\n\n")
                await _chunk(writer, b"")
            else:
                await _send(writer, Page(500 if fault == "error-midway" else 200, OUT_OF_SLOTS))
            raise ConnectionAbortedError
        if fault in ("trickle", "endless"):
            await self._go_on(writer, streamed=streamed)

    async def _go_on(self, writer: asyncio.StreamWriter, *, streamed: bool) -> None:
        """Send blanks for ever: one now and then, or as many as go through."""
        if not streamed:
            writer.write(_head(200, JSON, "Transfer-Encoding: chunked"))
        few = self._behaviour.fault == "trickle"
        while True:
            await _chunk(writer, b" " if few else b" " * 1_000_000)
            await asyncio.sleep(0.02 if few else 0)


def _length(head: str) -> int:
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            return int(line.split(":", 1)[1])
    return 0


def _head(code: int, kind: str, extra: str) -> bytes:
    lines = (f"HTTP/1.1 {code} X", f"Content-Type: {kind}", "Connection: close", extra, "", "")
    return "\r\n".join(lines).encode()


def _complaint(said: str) -> bytes:
    return json.dumps({"error": {"code": 400, "message": said}}).encode()


async def _send(writer: asyncio.StreamWriter, page: Page) -> None:
    more = f"Content-Length: {len(page.body)}" + (f"\r\n{page.more}" if page.more else "")
    writer.write(_head(page.status, page.kind, more) + page.body)
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


def _tls(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key or None)
    return context


def parser() -> argparse.ArgumentParser:
    """Return a parser for the flags of llama-server and those of the fake."""
    flags = llama_server_flags()
    flags.prog = "llamawatt-fake"
    flags.set_defaults(model="fake.gguf")
    for action in flags._actions:
        action.required = False
    flags.add_argument("--api", choices=sorted(shapes("", 1)), default="llama-server")
    flags.add_argument("--fault", choices=FAULTS, default="")
    flags.add_argument("--prefill-tok-per-s", type=float, default=1e5)
    flags.add_argument("--decode-tok-per-s", type=float, default=1e4)
    flags.add_argument("--quirk", action="append", default=[], help="as tokens_per_event=16")
    flags.add_argument("--ssl-cert-file", default="", help="serve https, with this certificate")
    flags.add_argument("--ssl-key-file", default="")
    flags.add_argument("--gpu", default="", help="a GPU to list, as `CUDA0: Some GPU`")
    flags.add_argument("--list-devices", action="store_true")
    return flags


def main(arguments: list[str]) -> int:
    """Serve until a signal ends it. Returns the exit code."""
    flags = parser().parse_args(arguments)
    if flags.list_devices:
        sys.stdout.write(f"Available devices:\n  {flags.gpu or '(none)'}\n")
        return 0
    if flags.fault == "exit-early":
        sys.stderr.write(f"error loading model: failed to load model from {flags.model}\n")
        return 1
    if flags.fault == "ignore-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    behaviour = Behaviour(
        api=flags.api,
        fault=flags.fault,
        prefill_tok_per_s=flags.prefill_tok_per_s,
        decode_tok_per_s=flags.decode_tok_per_s,
        model=flags.model,
        n_parallel=max(1, flags.parallel),
        n_ctx=flags.ctx_size,
        key=flags.api_key or "",
        quirks=quirks_from(flags.quirk),
    )
    try:
        tls = _tls(flags.ssl_cert_file, flags.ssl_key_file) if flags.ssl_cert_file else None
        asyncio.run(FakeServer(behaviour).serve(flags.host, flags.port, tls))
    except OSError as error:
        sys.stderr.write(f"couldn't bind HTTP server socket, port {flags.port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
