"""How each API is asked, and where in its answer the counts and times stand."""

import json
from dataclasses import dataclass
from typing import Protocol as Interface
from typing import cast

import httpx

from llamawatt.core.errors import TargetError
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.base import Endpoint
from llamawatt.targets.stream import Reception

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to send.

    Attributes:
        prompt_id: Which prompt.
        prompt: Text, or token ids.
        n_predict: Tokens to generate, at most; exactly, at fixed length.
    """

    prompt_id: str
    prompt: str | tuple[int, ...]
    n_predict: int


class Protocol(Interface):
    """One API."""

    def path(self, ask: Ask) -> str:
        """Return the path to post to."""

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:
        """Return the body to post.

        Raises:
            TargetError: this API cannot do what is asked.
        """

    def record(self, ask: Ask, answer: Reception, t0_s: float) -> RequestRecord:
        """Return the record of an answer.

        Raises:
            TargetError: the server did not count its tokens.
        """


def protocol_of(endpoint: Endpoint, http: httpx.Client, seed: int) -> Protocol:
    """Return the protocol that an endpoint speaks."""
    if endpoint.kind == "llama-server":
        return LlamaServer(http, seed)
    if endpoint.kind == "ollama":
        return Ollama(endpoint.model, seed)
    return OpenAI(endpoint.model, seed)


class LlamaServer:
    """llama-server's own `/completion`, with its `timings`."""

    def __init__(self, http: httpx.Client, seed: int) -> None:
        self._http = http
        self._seed = seed
        self._templated: dict[str, str] = {}

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/completion"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:
        """Return the body: texts get the model's chat template first, token ids do not."""
        prompt = self._template(ask.prompt) if isinstance(ask.prompt, str) else list(ask.prompt)
        body = {
            "prompt": prompt,
            "n_predict": ask.n_predict,
            "ignore_eos": fixed_length,
            "temperature": 0.0,
            "seed": self._seed,
            "cache_prompt": False,
            "stream": streamed,
        }
        return json.dumps(body).encode()

    def record(self, ask: Ask, answer: Reception, t0_s: float) -> RequestRecord:
        """Return the record of an answer, with the server's timings."""
        last = answer.events[-1]
        timings = last.get("timings")
        if not isinstance(timings, dict):
            raise TargetError(f"llama-server gave no timings for {ask.prompt_id}: {_short(last)}")
        prefill_s, decode_s = timings["prompt_ms"] / 1e3, timings["predicted_ms"] / 1e3
        return _record(
            ask,
            answer,
            t0_s,
            counts=(int(timings["prompt_n"]), int(timings["predicted_n"])),
            times=(prefill_s, decode_s),
            n_cached=int(timings.get("cache_n", 0)),
            finish=str(last.get("stop_type", "")),
        )

    def _template(self, text: str) -> str:
        """Return the text in the model's chat template, asked for once per text."""
        if text not in self._templated:
            body = {"messages": [{"role": "user", "content": text}]}
            try:
                answer = self._http.post("/apply-template", json=body)
                answer.raise_for_status()
                self._templated[text] = str(answer.json()["prompt"])
            except (httpx.HTTPError, ValueError, KeyError) as error:
                raise TargetError(
                    f"llama-server could not apply the chat template ({error})."
                ) from error
        return self._templated[text]


class Ollama:
    """Ollama's `/api/generate`, with its durations in nanoseconds."""

    def __init__(self, model: str, seed: int) -> None:
        self._model = model
        self._seed = seed

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/api/generate"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:  # noqa: ARG002
        """Return the body. Ollama has no `ignore_eos`: replies may stop by themselves."""
        options = {"num_predict": ask.n_predict, "seed": self._seed, "temperature": 0.0}
        body = {
            "model": self._model,
            "prompt": _text(ask, "Ollama"),
            "options": options,
            "stream": streamed,
        }
        return json.dumps(body).encode()

    def record(self, ask: Ask, answer: Reception, t0_s: float) -> RequestRecord:
        """Return the record of an answer, with the server's durations."""
        last = answer.events[-1]
        counts = (_count(last, "prompt_eval_count", ask), _count(last, "eval_count", ask))
        durations = [last.get(f"{name}_duration") for name in ("prompt_eval", "eval")]
        known = all(isinstance(value, int) for value in durations)
        times = tuple(cast("int", value) / 1e9 for value in durations) if known else None
        finish = str(last.get("done_reason", ""))
        return _record(ask, answer, t0_s, counts=counts, times=_pair(times), finish=finish)


class OpenAI:
    """The OpenAI chat API: the common ground of every server."""

    def __init__(self, model: str, seed: int) -> None:
        self._model = model
        self._seed = seed

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/v1/chat/completions"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:
        """Return the body; `ignore_eos` is an extension that vLLM and llama-server know."""
        body: dict[str, object] = {
            "model": self._model,
            "messages": [{"role": "user", "content": _text(ask, "the OpenAI API")}],
            "max_tokens": ask.n_predict,
            "temperature": 0.0,
            "seed": self._seed,
            "stream": streamed,
        }
        if fixed_length:
            body["ignore_eos"] = True
        if streamed:
            body["stream_options"] = {"include_usage": True}
        return json.dumps(body).encode()

    def record(self, ask: Ask, answer: Reception, t0_s: float) -> RequestRecord:
        """Return the record of an answer; without server timings the client's clock is used."""
        usage = next(
            (event["usage"] for event in reversed(answer.events) if event.get("usage")), None
        )
        if not isinstance(usage, dict):
            raise TargetError(
                f"The server did not count the tokens of {ask.prompt_id} (no `usage`).",
                "llamawatt never counts words instead; use a server that reports usage.",
            )
        counts = (_count(usage, "prompt_tokens", ask), _count(usage, "completion_tokens", ask))
        timings = next((e["timings"] for e in reversed(answer.events) if e.get("timings")), None)
        times = None
        if isinstance(timings, dict):
            times = (timings["prompt_ms"] / 1e3, timings["predicted_ms"] / 1e3)
        return _record(ask, answer, t0_s, counts=counts, times=times)


def _record(
    ask: Ask,
    answer: Reception,
    t0_s: float,
    *,
    counts: tuple[int, int],
    times: tuple[float, float] | None,
    n_cached: int = 0,
    finish: str = "",
) -> RequestRecord:
    """Put a record together. Without the server's times, the first token splits the latency."""
    latency_s = answer.last_s - t0_s
    ttft_s = None if answer.first_s is None else answer.first_s - t0_s
    timed_by = {"latency_s": "client"}
    if ttft_s is not None:
        timed_by["ttft_s"] = "client"
    prefill_s, decode_s, side = None, None, ""
    if times is not None:
        prefill_s, decode_s, side = *times, "server"
    elif ttft_s is not None:
        prefill_s, decode_s, side = ttft_s, latency_s - ttft_s, "client"
    if side:
        timed_by |= {"prefill_s": side, "decode_s": side}
    return RequestRecord(
        prompt_id=ask.prompt_id,
        n_prompt=counts[0],
        n_generated=counts[1],
        latency_s=latency_s,
        ttft_s=ttft_s,
        prefill_s=prefill_s,
        decode_s=decode_s,
        t0_s=t0_s,
        timed_by=timed_by,
        n_cached=n_cached,
        finish=finish,
    )


def _text(ask: Ask, api: str) -> str:
    if isinstance(ask.prompt, str):
        return ask.prompt
    raise TargetError(
        f"{api} takes no token ids, so the shape of {ask.prompt_id} cannot be sent.",
        "Use a text suite, or a llama-server.",
    )


def _count(event: Event, key: str, ask: Ask) -> int:
    value = event.get(key)
    if not isinstance(value, int):
        raise TargetError(
            f"The server did not count the tokens of {ask.prompt_id} (no `{key}`): {_short(event)}",
            "llamawatt never counts words instead.",
        )
    return value


def _pair(times: tuple[float, ...] | None) -> tuple[float, float] | None:
    return None if times is None else (times[0], times[1])


def _short(event: Event) -> str:
    return json.dumps(event)[:200]
