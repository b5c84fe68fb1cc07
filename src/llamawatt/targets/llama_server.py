"""llama-server's own `/completion`, with its `timings`."""

import json
from collections.abc import Mapping

import httpx

from llamawatt.core.errors import TargetError, UncountedError
from llamawatt.targets.answers import (
    Told,
    count_in,
    excerpt,
    maybe_count,
    server_times,
)
from llamawatt.targets.complaints import refusal
from llamawatt.targets.dialects import Ask
from llamawatt.targets.stream import Event, Reception


class LlamaServer:
    """Asks a llama-server, told to keep no prompt and to end no reply early.

    Args:
        http: A client of the server.
        sampling: Settings of sampling that each request carries.
        model: Which model to ask, where the server routes to several; empty otherwise.
    """

    token = None
    without: tuple[str, ...] = ()
    has_options = False

    def __init__(self, http: httpx.Client, sampling: Mapping[str, object], model: str = "") -> None:
        self._http = http
        self._sampling = sampling
        self._named = {"model": model} if model else {}
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
        return json.dumps(self._named | body).encode()

    def concede(self, said: str, streamed: bool, *, named: bool = False) -> bool:  # noqa: ARG002
        """Return False: a llama-server passes over what it does not know."""
        return False

    def read(self, ask: Ask, answer: Reception) -> Told:
        """Return what the server's timings tell."""
        last = answer.events[-1]
        timings = last.get("timings")
        if not isinstance(timings, dict):
            raise UncountedError(
                f"llama-server gave no timings for {ask.prompt_id}: {excerpt(last)}"
            )
        return told_by(timings, ask.prompt_id, str(last.get("stop_type", "")))

    def _template(self, text: str) -> str:
        """Return the text in the model's chat template, asked for once per text."""
        if text not in self._templated:
            self._templated[text] = apply_template(self._http, text, self._named)
        return self._templated[text]


def apply_template(http: httpx.Client, text: str, named: dict[str, str]) -> str:
    """Return a text in the model's chat template.

    Raises:
        TargetError: the server cannot apply it.
    """
    body = {**named, "messages": [{"role": "user", "content": text}]}
    try:
        answer = http.post("/apply-template", json=body)
        if not answer.is_success:
            where = f"{http.base_url}".rstrip("/") + "/apply-template"
            raise refusal(answer.status_code, answer.headers, answer.content, where)
        return str(answer.json()["prompt"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TargetError(f"llama-server could not apply the chat template ({error}).") from error


def told_by(timings: Event, prompt_id: str, finish: str) -> Told:
    """Return what llama.cpp's `timings` tell; `prompt_n` leaves out what came from the cache.

    Raises:
        UncountedError: a count is missing.
    """
    return Told(
        n_prompt=count_in(timings, "prompt_n", prompt_id),
        n_generated=count_in(timings, "predicted_n", prompt_id),
        n_cached=count_in(timings, "cache_n", prompt_id) if "cache_n" in timings else 0,
        times_s=server_times(timings),
        draft_n=maybe_count(timings.get("draft_n")),
        draft_n_accepted=maybe_count(timings.get("draft_n_accepted")),
        finish=finish,
    )
