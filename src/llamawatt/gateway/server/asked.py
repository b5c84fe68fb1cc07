"""What a client asks: the body as it came, and the little of it that must be understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from llamawatt.gateway.policy.router import Ask
from llamawatt.gateway.pool.prefixes import Prefix, prefixes
from llamawatt.gateway.server.errors import ApiError

TTFT_HEADER = "X-Llamawatt-TTFT-Ms"
DEADLINE_HEADER = "X-Llamawatt-Deadline-Ms"
PRIORITY_HEADER = "X-Llamawatt-Priority"
LENGTHS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "n_predict")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        path: What was asked for, as `/v1/chat/completions`.
        raw: The body, untouched.
        body: The body, understood.
        model: Model as the client calls it; empty where it names none.
        streams: Whether the answer shall be streamed.
        prefixes: Beginnings of its prompt.
        most_tokens: Longest answer it wants; None for any.
    """

    path: str
    raw: bytes
    body: Mapping[str, Any]
    model: str
    streams: bool
    prefixes: tuple[Prefix, ...]
    most_tokens: int | None

    @property
    def n_chars(self) -> int:
        """Characters of its prompt."""
        return self.prefixes[-1][1] if self.prefixes else 0

    def for_model(self, name: str) -> bytes:
        """Return the body with another model's name, for a backend that calls it so."""
        if not name or name == self.model:
            return self.raw
        return msgspec.json.encode({**self.body, "model": name})


def understand(path: str, raw: bytes) -> Asked:
    """Understand a request's body.

    Raises:
        ApiError: it is no JSON object, or a field that is needed has the wrong type.
    """
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, f"The body is no valid JSON: {error}", "invalid_json") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.", "invalid_json")
    model = body.get("model", "")
    if not isinstance(model, str):
        raise ApiError(400, "`model` must be a string.", "invalid_type", "model")
    streams = body.get("stream", False)
    if streams is not None and not isinstance(streams, bool):
        raise ApiError(400, "`stream` must be true or false.", "invalid_type", "stream")
    most = next((body[name] for name in LENGTHS if body.get(name) is not None), None)
    if most is not None and (isinstance(most, bool) or not isinstance(most, int)):
        raise ApiError(400, "The length of the answer must be a whole number.", "invalid_type")
    try:
        beginnings = prefixes(body)
    except RecursionError as error:
        raise ApiError(400, "The body is nested too deeply.", "invalid_json") from error
    wanted = most if most is not None and most > 0 else None
    return Asked(path, raw, body, model, bool(streams), beginnings, wanted)


def ask_of(asked: Asked, n_prompt: float, n_expected: float, headers: Mapping[str, str]) -> Ask:
    """Return a request as the router sees it.

    Raises:
        ApiError: a header does not hold.
    """
    n_generated = n_expected if asked.most_tokens is None else min(n_expected, asked.most_tokens)
    priority = headers.get(PRIORITY_HEADER, "normal").lower()
    if priority not in ("low", "normal"):
        raise ApiError(400, f"{PRIORITY_HEADER} is `low` or `normal`.", "invalid_header")
    return Ask(
        n_prompt,
        0.0 if asked.path == "/v1/embeddings" else n_generated,
        _seconds(headers, TTFT_HEADER),
        _seconds(headers, DEADLINE_HEADER),
        can_wait=priority == "low",
    )


def _seconds(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ApiError(400, f"{name} must be a number of milliseconds above 0.", "invalid_header")
    return value / 1e3
