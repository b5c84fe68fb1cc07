"""Which protocol an endpoint speaks."""

from collections.abc import Mapping

import httpx

from llamawatt.core.errors import TargetError
from llamawatt.targets.base import Endpoint
from llamawatt.targets.dialects import Protocol
from llamawatt.targets.llama_server import LlamaServer
from llamawatt.targets.ollama import Ollama
from llamawatt.targets.openai import OpenAI

NOTHING: Mapping[str, object] = {}
ONLY_LLAMA_SERVER = ("samplers",)
"""Settings of a request that no other API takes."""


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
        return LlamaServer(http, sampling, endpoint.model)
    unknown = next((name for name in request if name in ONLY_LLAMA_SERVER), None)
    if unknown is not None:
        raise TargetError(
            f"{unknown} cannot be set with each request at {endpoint.url}: it is no llama-server.",
            f"Leave {unknown} out.",
        )
    if endpoint.kind == "ollama":
        return Ollama(endpoint.model, sampling)
    return OpenAI(endpoint, sampling)
