"""What the fake server says: the answers of llama-server, Ollama and the OpenAI API, by shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

APIS = ("llama-server", "ollama", "openai")
N_VOCAB = 32_000
BUILD = "fake-1"

Body = dict[str, object]
Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Job:
    """One request as the fake server understood it.

    Attributes:
        api: Which API it came by.
        n_prompt: Prompt tokens: ids as they are, words of a text otherwise.
        n_predict: Tokens it will generate.
        prefill_s: Time it takes over the prompt.
        token_s: Time it takes over each token after the first.
        streamed: Whether the answer is streamed.
    """

    api: str
    n_prompt: int
    n_predict: int
    prefill_s: float
    token_s: float
    streamed: bool

    @property
    def decode_s(self) -> float:
        """Time over every token but the first, which comes out of the prompt's own pass."""
        return (self.n_predict - 1) * self.token_s


def n_tokens(prompt: object) -> int:
    """Count the tokens of a prompt, or of a chat's messages."""
    if isinstance(prompt, str):
        return max(1, len(prompt.split()))
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], dict):
        return sum(n_tokens(message.get("content", "")) for message in prompt)
    return len(prompt) if isinstance(prompt, list) else 1


def wanted_tokens(body: Body, api: str) -> int:
    """Return how many tokens a request asks for."""
    options = body.get("options")
    places = {
        "llama-server": body.get("n_predict"),
        "openai": body.get("max_tokens"),
        "ollama": options.get("num_predict") if isinstance(options, dict) else None,
    }
    wanted = places[api]
    return wanted if isinstance(wanted, int) and wanted > 0 else 16


def token_event(api: str, number: int) -> bytes:
    """Return the event of one token."""
    word = f"word{number} "
    if api == "ollama":
        return json.dumps({"model": "fake", "response": word, "done": False}).encode() + b"\n"
    if api == "openai":
        choice = {"index": 0, "finish_reason": None, "delta": {"content": word}}
        return _sse({"object": "chat.completion.chunk", "choices": [choice]})
    return _sse({"index": 0, "content": word, "tokens": [number], "stop": False})


def first_event(api: str) -> bytes:
    """Return what comes before the first token: the OpenAI API names the role first."""
    if api != "openai":
        return b""
    choice = {"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": None}}
    return _sse({"object": "chat.completion.chunk", "choices": [choice]})


def last_event(job: Job, counted: bool) -> bytes:
    """Return what ends a stream: counts, times and why it stopped, unless `counted` is off."""
    if job.api == "ollama":
        return json.dumps(_ollama(job, counted) | {"done": True}).encode() + b"\n"
    if job.api == "openai":
        stop = {"choices": [{"index": 0, "finish_reason": "length", "delta": {}}]}
        usage = {"choices": [], "usage": _usage(job)} if counted else {"choices": []}
        return _sse(stop) + _sse(usage) + b"data: [DONE]\n\n"
    return _sse(_completion(job, counted))


def whole_answer(job: Job, counted: bool) -> bytes:
    """Return the answer to a request that did not ask for a stream."""
    if job.api == "ollama":
        answer: Body = _ollama(job, counted) | {"done": True, "response": "word"}
    elif job.api == "openai":
        message = {"role": "assistant", "content": "word"}
        answer = {"choices": [{"index": 0, "finish_reason": "length", "message": message}]}
        answer |= {"usage": _usage(job)} if counted else {}
    else:
        answer = _completion(job, counted) | {"content": "word"}
    return json.dumps(answer).encode()


def page(api: str, path: str, model: str, n_parallel: int) -> Body | None:
    """Return what a GET answers; None where this API has no such page."""
    listing: Body = {"data": [{"id": model, "meta": {"n_vocab": N_VOCAB}}], "object": "list"}
    pages: dict[str, dict[str, Body]] = {
        "llama-server": {
            "/health": {"status": "ok"},
            "/props": {
                "default_generation_settings": {},
                "total_slots": n_parallel,
                "model_path": model,
                "build_info": BUILD,
            },
            "/v1/models": listing,
        },
        "ollama": {
            "/api/version": {"version": "0.0.1"},
            "/api/tags": {"models": [{"name": "fake:latest"}]},
            "/v1/models": listing,
        },
        "openai": {"/v1/models": listing},
    }
    return pages[api].get(path)


def _completion(job: Job, counted: bool) -> Body:
    timings = {
        "cache_n": 0,
        "prompt_n": job.n_prompt,
        "prompt_ms": job.prefill_s * 1e3,
        "predicted_n": job.n_predict,
        "predicted_ms": job.decode_s * 1e3,
    }
    answer: Body = {"index": 0, "content": "", "stop": True, "stop_type": "limit"}
    return answer | ({"timings": timings} if counted else {})


def _ollama(job: Job, counted: bool) -> Body:
    answer: Body = {"model": "fake", "response": "", "done_reason": "length"}
    counts: Body = {
        "prompt_eval_count": job.n_prompt,
        "prompt_eval_duration": round(job.prefill_s * 1e9),
        "eval_count": job.n_predict,
        "eval_duration": round(job.decode_s * 1e9),
    }
    return answer | (counts if counted else {})


def _usage(job: Job) -> Body:
    return {
        "prompt_tokens": job.n_prompt,
        "completion_tokens": job.n_predict,
        "total_tokens": job.n_prompt + job.n_predict,
    }


def _sse(event: Fields) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"
