"""Looks at a running server: what it is, what it reports, and what can be measured of it."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from llamawatt.app.assemble import is_this_machine
from llamawatt.app.serving import Serving
from llamawatt.core.flags import Flag
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.base import Endpoint
from llamawatt.targets.client import Client
from llamawatt.targets.dialects import Ask

LOOK = Ask("doctor", "Name three colours and say what they remind you of.", 24)
API_NAMES = {
    "llama-server": "llama-server's own API",
    "ollama": "Ollama's own API",
    "openai": "the OpenAI chat API",
}
OURS = "model load and bare idle: the process is not started here, so it holds its model all along"


@dataclass(frozen=True, slots=True)
class ServerLook:
    """What was seen of a running server.

    Attributes:
        address: Its address, without secrets.
        server: Which program it is.
        build: What it says of its build.
        api: How it is asked.
        model: Name of its model.
        quantization: Of its model; empty where it does not say.
        has_key: Whether a key or a login was sent.
        request: The request that was sent to find out.
        reports: What it reports, by name, in words.
        measured: What will be measured.
        not_measured: What cannot be measured, and why.
        flags: Doubts that its results will carry.
    """

    address: str
    server: str
    build: str
    api: str
    model: str
    quantization: str
    has_key: bool
    request: RequestRecord
    reports: dict[str, str]
    measured: tuple[str, ...]
    not_measured: tuple[str, ...]
    flags: tuple[Flag, ...]


def look_at(serving: Serving) -> ServerLook:
    """Ask a running server for two short replies; the first may load its model.

    Raises:
        UsageError: the address, the model's name, the key or the certificates cannot be used.
        TargetError: the server does not answer, or not in a way that can be measured.
    """
    serving.require_consistent()
    endpoint = serving.running().start()
    with Client(endpoint) as client:
        client.run([replace(LOOK, n_predict=1)])
        (request,) = client.run([LOOK])
    elsewhere = not is_this_machine(urlsplit(endpoint.url).hostname or "")
    return ServerLook(
        address=endpoint.url,
        server=endpoint.server,
        build=endpoint.build,
        api=f"{API_NAMES[endpoint.kind]}, answers {request.mode}",
        model=endpoint.served.name or endpoint.model,
        quantization=endpoint.served.quantization,
        has_key=endpoint.access.is_shown,
        request=request,
        reports=reports(request),
        measured=tuple(_measured(request)),
        not_measured=tuple(_not_measured(request, elsewhere)),
        flags=_flags(endpoint, request, elsewhere),
    )


def reports(request: RequestRecord) -> dict[str, str]:
    """Return what a server reported in one reply, in words."""
    side = request.timed_by.get("decode_s")
    times = {
        "server": "its own times of prefill and decode",
        "client": "none; they are seen from here, token by token",
        None: "none that can be used",
    }
    cached = request.n_cached
    reported = {
        "tokens": f"{request.n_prompt} of the prompt, {request.n_generated} generated",
        "times": times[side],
        "cache": "nothing" if cached is None else f"{cached} prompt tokens came from it",
        "load": "nothing" if request.load_s is None else f"{request.load_s:.2f} s for this reply",
    }
    if request.draft_n is not None:
        reported["draft"] = f"{request.draft_n} tokens, {request.draft_n_accepted} taken"
    if request.without:
        reported["refused"] = ", ".join(request.without)
    return reported


def _measured(request: RequestRecord) -> list[str]:
    found = ["seconds and joules of a reply", "joules per token"]
    if request.ttft_s is not None:
        found.append("time to the first token")
    if request.decode_s is not None:
        found.append("speed of prefill and decode")
    return found


def _not_measured(request: RequestRecord, elsewhere: bool) -> list[str]:
    found = [OURS]
    if elsewhere:
        found.append("joules of the machine that serves: its meters are not here")
    if request.decode_s is None:
        found.append("prefill and decode apart")
    if request.n_cached is None:
        found.append("what its cache spared it: a repeated prompt may look too cheap")
    return found


def _flags(endpoint: Endpoint, request: RequestRecord, elsewhere: bool) -> tuple[Flag, ...]:
    seen = {
        Flag.SERVER_ELSEWHERE: elsewhere,
        Flag.CLIENT_TIMED: request.timed_by.get("decode_s") == "client",
        Flag.PROMPT_CACHED: bool(request.n_cached),
        Flag.CACHE_UNKNOWN: request.n_cached is None,
        Flag.LENGTH_NOT_FIXED: request.n_generated != LOOK.n_predict,
    }
    holding = [flag for flag, holds in seen.items() if holds]
    return tuple(dict.fromkeys((*endpoint.flags, *holding, *request.flags)))
