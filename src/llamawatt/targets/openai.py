"""The OpenAI chat API: the common ground of every server."""

import json
import re
from collections.abc import Mapping

from llamawatt.core.errors import UncountedError
from llamawatt.targets.answers import (
    Told,
    cached_in,
    count_in,
    finish_of,
    last_of,
    server_times,
)
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Ask, text_of
from llamawatt.targets.llama_server import told_by
from llamawatt.targets.stream import Event, Reception

OPTIONS = (
    "continuous_usage_stats",
    "cache_prompt",
    "stream_options",
    "ignore_eos",
    "seed",
    "temperature",
    "stream",
)
"""What is sent though the API does not promise it, in the order in which it is given up."""
STREAM_ONLY = {"continuous_usage_stats", "stream_options", "stream"}


class OpenAI:
    """Asks a server of chat completions.

    Args:
        endpoint: The server; `whole` of it rules out streams.
        sampling: Settings of sampling that each request carries.
    """

    has_options = True

    def __init__(self, endpoint: Endpoint, sampling: Mapping[str, object]) -> None:
        self._model = endpoint.model
        self._sampling = sampling
        self._refused: tuple[str, ...] = ()
        self._named: tuple[str, ...] = ()
        self._trials: list[tuple[str, ...]] | None = None
        self._whole = endpoint.whole

    @property
    def token(self) -> re.Pattern[bytes] | None:
        """Return what an event with a token contains.

        Not the role, which some servers send before the prompt is evaluated.
        """
        return None if self._whole or "stream" in self._refused else _TOKEN

    @property
    def without(self) -> tuple[str, ...]:
        """Return the optional settings that the server refused."""
        return self._refused

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/v1/chat/completions"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:
        """Return the body, with every optional setting that was not refused."""
        streamed = streamed and self.token is not None
        body: dict[str, object] = {
            "messages": [{"role": "user", "content": text_of(ask, "the OpenAI API")}],
            "max_tokens": ask.n_predict,
            "stream": streamed,
        }
        if self._model:
            body["model"] = self._model
        optional: dict[str, object] = {**self._sampling, "cache_prompt": False}
        if fixed_length:
            optional["ignore_eos"] = True
        if streamed:
            wanted: Event = {"include_usage": True, "continuous_usage_stats": True}
            optional["stream_options"] = self._allowed(wanted)
        return json.dumps(body | self._allowed(optional)).encode()

    def concede(self, said: str, streamed: bool, *, named: bool = False) -> bool:
        """Leave out the setting that is named; else each alone, then more and more of them."""
        left = [
            name
            for name in OPTIONS
            if name not in self._named and (streamed or name not in STREAM_ONLY)
        ]
        found = [name for name in left if re.search(rf"\b{name}\b", said)]
        if found:
            self._named, self._trials = (*self._refused, found[0]), None
            self._refused = self._named
            return True
        if self._trials is None:
            more = [tuple(left[: number + 1]) for number in range(1, len(left))]
            self._trials = [*((name,) for name in left), *more]
        if named or not self._trials:
            return False
        self._refused = (*self._named, *self._trials.pop(0))
        return True

    def read(self, ask: Ask, answer: Reception) -> Told:
        """Return what the server's usage tells, and its timings where it is a llama.cpp."""
        usage, timings = last_of(answer.events, "usage"), last_of(answer.events, "timings")
        finish = finish_of(answer.events)
        if isinstance(timings, dict) and timings.get("prompt_n") is not None:
            return told_by(timings, ask.prompt_id, finish)
        if not isinstance(usage, dict):
            raise UncountedError(
                f"The server did not count the tokens of {ask.prompt_id} (no `usage`).",
                "llamawatt never counts words instead; use a server that reports usage.",
            )
        n_cached = cached_in(usage)
        return Told(
            n_prompt=max(0, count_in(usage, "prompt_tokens", ask.prompt_id) - (n_cached or 0)),
            n_generated=count_in(usage, "completion_tokens", ask.prompt_id),
            n_cached=n_cached,
            times_s=server_times(timings) if isinstance(timings, dict) else None,
            finish=finish,
        )

    def _allowed(self, settings: Event) -> Event:
        return {name: value for name, value in settings.items() if name not in self._refused}


_TOKEN = re.compile(rb'"(?:content|reasoning_content|reasoning|text)"\s*:\s*"[^"]')
