"""Ollama's `/api/generate`, with its durations in nanoseconds."""

import json
from collections.abc import Mapping

from llamawatt.core.errors import TargetError
from llamawatt.targets.answers import (
    Told,
    count_in,
    maybe_count,
    nanosecond_times,
    seconds_in,
)
from llamawatt.targets.dialects import Ask, text_of
from llamawatt.targets.stream import Event, Reception

REMOTE = ("remote_host", "remote_model")
"""What Ollama writes of a model that runs in somebody's cloud, in listings and in answers."""


class Ollama:
    """Asks an Ollama. It has no `ignore_eos`: replies may stop by themselves.

    Args:
        model: Name of the model.
        sampling: Settings of sampling that each request carries.
    """

    token = None
    without: tuple[str, ...] = ()
    has_options = False

    def __init__(self, model: str, sampling: Mapping[str, object]) -> None:
        self._model = model
        self._sampling = sampling

    def path(self, ask: Ask) -> str:  # noqa: ARG002
        """Return the path to post to."""
        return "/api/generate"

    def prepare(self, ask: Ask, fixed_length: bool, streamed: bool) -> bytes:  # noqa: ARG002
        """Return the body."""
        options = {"num_predict": ask.n_predict, **self._sampling}
        body = {
            "model": self._model,
            "prompt": text_of(ask, "Ollama"),
            "options": options,
            "stream": streamed,
        }
        return json.dumps(body).encode()

    def concede(self, said: str, streamed: bool, *, named: bool = False) -> bool:  # noqa: ARG002
        """Return False: nothing of the body is optional."""
        return False

    def read(self, ask: Ask, answer: Reception) -> Told:
        """Return what the server's counts and durations tell."""
        last = answer.events[-1]
        require_here(last, self._model)
        n_generated = count_in(last, "eval_count", ask.prompt_id)
        n_prompt, n_cached = _prompt_counts(last)
        load = last.get("load_duration")
        return Told(
            n_prompt=n_prompt,
            n_generated=n_generated,
            n_cached=n_cached,
            times_s=nanosecond_times(last),
            load_s=None if load is None else seconds_in(load, 1e9),
            draft_n=maybe_count(last.get("draft_n")),
            draft_n_accepted=maybe_count(last.get("draft_n_accepted")),
            finish=str(last.get("done_reason", "")),
        )


def _prompt_counts(event: Event) -> tuple[int, int | None]:
    """Return evaluated and cached prompt tokens; `prompt_eval_count` holds both.

    Ollama leaves a count of zero out, as for a prompt that its cache held whole.
    """
    n_all = count_in(event, "prompt_eval_count", "the prompt") if _gives(event) else 0
    n_cached = maybe_count(event.get("prompt_eval_cached_count"))
    if n_cached is None:
        return n_all, None
    return (n_all - n_cached if n_cached <= n_all else n_all), n_cached


def _gives(event: Event) -> bool:
    return event.get("prompt_eval_count") is not None


def require_here(said: Event, model: str) -> None:
    """Make sure that a model runs on the machine of its server.

    Raises:
        TargetError: it runs in a cloud.
    """
    host = next((said[key] for key in REMOTE if said.get(key)), "")
    if host:
        raise TargetError(
            f"{model} runs elsewhere, at {host}; replies cost energy there, not here.",
            "Name a model that runs here with --remote-model; `ollama ls` lists them.",
        )
