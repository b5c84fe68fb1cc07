"""How each API is asked, and where in its answer the counts and times stand."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol as Interface

import httpx

from llamawatt.core.errors import TargetError
from llamawatt.core.trials import RequestRecord
from llamawatt.targets.answers import (
    cached_in,
    count_in,
    excerpt,
    finish_of,
    last_of,
    make_record,
    nanosecond_times,
    server_times,
)
from llamawatt.targets.base import Endpoint
from llamawatt.targets.stream import Reception

NOTHING: Mapping[str, object] = {}
ONLY_LLAMA_SERVER = ("samplers",)
"""Settings of a request that no other API takes."""


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

    @property
    def token(self) -> re.Pattern[bytes] | None:
        """Return what the bytes of an event with a token contain, for answers to be streamed.

        None where the server tells its decode time, so that answers may come whole: a streamed
        token wakes threads of server and client, which on a machine whose cores all compute slows
        decoding by some percent (benchmarks/parity.py).
        """

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


def protocol_of(
    endpoint: Endpoint, http: httpx.Client, seed: int, request: Mapping[str, object] = NOTHING
) -> Protocol:
    """Return the protocol that an endpoint speaks.

    `request` holds the settings of each request, named as llama-server's JSON names them.

    Raises:
        TargetError: the API has no such setting.
    """
    sampling = {"temperature": 0.0, "seed": seed, **request}
    if endpoint.kind == "llama-server":
        return LlamaServer(http, sampling)
    unknown = next((name for name in request if name in ONLY_LLAMA_SERVER), None)
    if unknown is not None:
        raise TargetError(
            f"{unknown} cannot be set with each request at {endpoint.url}: it is no llama-server.",
            f"Leave {unknown} out.",
        )
    if endpoint.kind == "ollama":
        return Ollama(endpoint.model, sampling)
    return OpenAI(endpoint.model, sampling)


class LlamaServer:
    """llama-server's own `/completion`, with its `timings`."""

    token = None

    def __init__(self, http: httpx.Client, sampling: Mapping[str, object]) -> None:
        self._http = http
        self._sampling = sampling
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
            **self._sampling,
            "cache_prompt": False,
            "stream": streamed,
        }
        return json.dumps(body).encode()

    def record(self, ask: Ask, answer: Reception, t0_s: float) -> RequestRecord:
        """Return the record of an answer, with the server's timings."""
        last = answer.events[-1]
        timings = last.get("timings")
        if not isinstance(timings, dict):
            raise TargetError(f"llama-server gave no timings for {ask.prompt_id}: {excerpt(last)}")
        return make_record(
            ask.prompt_id,
            answer,
            t0_s,
            counts=(
                count_in(timings, "prompt_n", ask.prompt_id),
                count_in(timings, "predicted_n", ask.prompt_id),
            ),
            server_s=server_times(timings),
            n_cached=count_in(timings, "cache_n", ask.prompt_id) if "cache_n" in timings else 0,
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

    token = None

    def __init__(self, model: str, sampling: Mapping[str, object]) -> None:
        self._model = model
        self._sampling = sampling

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/api/generate"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:  # noqa: ARG002
        """Return the body. Ollama has no `ignore_eos`: replies may stop by themselves."""
        options = {"num_predict": ask.n_predict, **self._sampling}
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
        counts = (
            count_in(last, "prompt_eval_count", ask.prompt_id),
            count_in(last, "eval_count", ask.prompt_id),
        )
        finish = str(last.get("done_reason", ""))
        return make_record(
            ask.prompt_id,
            answer,
            t0_s,
            counts=counts,
            server_s=nanosecond_times(last),
            n_cached=None,
            finish=finish,
        )


class OpenAI:
    """The OpenAI chat API: the common ground of every server."""

    token = re.compile(rb'"(?:content|reasoning_content|reasoning)"\s*:\s*"[^"]')
    """Not the role, which some servers send before the prompt is evaluated."""

    def __init__(self, model: str, sampling: Mapping[str, object]) -> None:
        self._model = model
        self._sampling = sampling

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/v1/chat/completions"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:
        """Return the body; `ignore_eos` is an extension that vLLM and llama-server know."""
        body: dict[str, object] = {
            "model": self._model,
            "messages": [{"role": "user", "content": _text(ask, "the OpenAI API")}],
            "max_tokens": ask.n_predict,
            **self._sampling,
            "stream": streamed,
        }
        if fixed_length:
            body["ignore_eos"] = True
        if streamed:
            body["stream_options"] = {"include_usage": True}
        return json.dumps(body).encode()

    def record(self, ask: Ask, answer: Reception, t0_s: float) -> RequestRecord:
        """Return the record of an answer; without server timings the client's clock is used."""
        usage = last_of(answer.events, "usage")
        if not isinstance(usage, dict):
            raise TargetError(
                f"The server did not count the tokens of {ask.prompt_id} (no `usage`).",
                "llamawatt never counts words instead; use a server that reports usage.",
            )
        n_cached = cached_in(usage)
        n_prompt = count_in(usage, "prompt_tokens", ask.prompt_id) - (n_cached or 0)
        timings = last_of(answer.events, "timings")
        return make_record(
            ask.prompt_id,
            answer,
            t0_s,
            counts=(n_prompt, count_in(usage, "completion_tokens", ask.prompt_id)),
            server_s=server_times(timings) if isinstance(timings, dict) else None,
            n_cached=n_cached,
            finish=finish_of(answer.events),
        )


def _text(ask: Ask, api: str) -> str:
    if isinstance(ask.prompt, str):
        return ask.prompt
    raise TargetError(
        f"{api} takes no token ids, so the shape of {ask.prompt_id} cannot be sent.",
        "Use a text suite, or a llama-server.",
    )
