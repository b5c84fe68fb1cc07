"""What the fake server says: the answers of llama-server, Ollama and the OpenAI API, by shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from llamawatt.testing.fake_quirks import Quirks

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
        timings: Whether a chat completion carries llama.cpp's timings.
        counts_each: Whether every event of a stream carries its usage.
        quirks: What it does differently.
    """

    api: str
    n_prompt: int
    n_predict: int
    prefill_s: float
    token_s: float
    streamed: bool
    timings: bool = False
    counts_each: bool = False
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def decode_s(self) -> float:
        """Time over every token but the first, which comes out of the prompt's own pass."""
        return (self.n_predict - 1) * self.token_s

    @property
    def n_counted(self) -> int:
        """Tokens that it says it generated."""
        return self.n_predict + self.quirks.n_more

    @property
    def n_cached(self) -> int:
        """Prompt tokens out of the cache; 0 where it says nothing of one."""
        return max(0, self.quirks.n_cached)


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


def token_event(job: Job, number: int, n: int = 1) -> bytes:
    """Return the event of `n` tokens, the first of them having this number."""
    word = "".join(f"word{each} " for each in range(number, number + n))
    if job.api == "ollama":
        return json.dumps({"model": "fake", "response": word, "done": False}).encode() + b"\n"
    if job.api == "openai":
        choice = {"index": 0, "finish_reason": None, "delta": {"content": word}}
        counted = {"usage": _usage(job, number + n)} if job.counts_each else {}
        return _sse({"object": "chat.completion.chunk", "choices": [choice], **counted})
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
        counts = counted and not job.quirks.no_stream_usage
        tail: Body = {"choices": [{"index": 0, "finish_reason": None, "delta": {}}]}
        tail |= {"usage": _usage(job, job.n_counted)} if counts else {}
        tail |= {"timings": _timings(job)} if counts and job.timings else {}
        return _sse(stop) + _sse(tail) + b"data: [DONE]\n\n"
    return _sse(_completion(job, counted))


def whole_answer(job: Job, counted: bool) -> bytes:
    """Return the answer to a request that did not ask for a stream."""
    if job.api == "ollama":
        answer: Body = _ollama(job, counted) | {"done": True, "response": "word"}
    elif job.api == "openai":
        message = {"role": "assistant", "content": "word"}
        answer = {"choices": [{"index": 0, "finish_reason": "length", "message": message}]}
        answer |= {"usage": _usage(job, job.n_counted)} if counted else {}
        answer |= {"timings": _timings(job)} if counted and job.timings else {}
    else:
        answer = _completion(job, counted) | {"content": "word"}
    return json.dumps(answer).encode()


def _completion(job: Job, counted: bool) -> Body:
    answer: Body = {"index": 0, "content": "", "stop": True, "stop_type": "limit"}
    return answer | ({"timings": _timings(job)} if counted else {})


def _timings(job: Job) -> Body:
    quirks = job.quirks
    told: Body = {
        "cache_n": job.n_cached,
        "prompt_n": job.n_prompt - job.n_cached,
        "predicted_n": job.n_counted,
    }
    if quirks.times != "none":
        told["prompt_ms"] = _times(quirks.stated_s(job.prefill_s), 1e3)
        told["predicted_ms"] = _times(quirks.stated_s(job.decode_s), 1e3)
    if quirks.draft_n >= 0:
        told |= {"draft_n": quirks.draft_n, "draft_n_accepted": quirks.draft_n // 2}
    return told


def _ollama(job: Job, counted: bool) -> Body:
    quirks = job.quirks
    answer: Body = {"model": "fake", "response": "", "done_reason": "length"}
    if quirks.runs_at:
        answer |= {"remote_host": quirks.runs_at, "remote_model": "big"}
    if not counted:
        return answer
    answer["eval_count"] = job.n_counted
    if job.n_prompt > job.n_cached or quirks.n_cached < 0:
        answer["prompt_eval_count"] = job.n_prompt
    if quirks.n_cached >= 0:
        answer["prompt_eval_cached_count"] = job.n_cached
    if quirks.times != "none":
        answer["prompt_eval_duration"] = _whole(_times(quirks.stated_s(job.prefill_s), 1e9))
        answer["eval_duration"] = _whole(_times(quirks.stated_s(job.decode_s), 1e9))
    if quirks.load_s >= 0:
        answer["load_duration"] = round(quirks.load_s * 1e9)
    return answer


def _usage(job: Job, n_generated: int) -> Body:
    told: Body = {
        "prompt_tokens": job.n_prompt,
        "completion_tokens": n_generated,
        "total_tokens": job.n_prompt + n_generated,
    }
    if job.quirks.n_cached >= 0:
        told["prompt_tokens_details"] = {"cached_tokens": job.n_cached}
    return told


def _times(stated: object, scale: float) -> object:
    return stated * scale if isinstance(stated, float) else stated


def _whole(stated: object) -> object:
    """Return nanoseconds as Ollama writes them, whole; what is no number stays."""
    return round(stated) if isinstance(stated, float) and stated == stated else stated  # noqa: PLR0124


def _sse(event: Fields) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"
