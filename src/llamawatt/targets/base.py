"""The seam to llama.cpp: a target is started, has an endpoint, and is stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from llamawatt.core.flags import Flag
from llamawatt.targets.access import Access


def _nothing() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Served:
    """What a running server tells of its model; empty and None where it does not.

    Attributes:
        name: Short name, for people.
        file: File name.
        quantization: As the server names it.
        architecture: As the server names it.
        n_params: Parameters.
        size_bytes: Of the weights.
    """

    name: str = ""
    file: str = ""
    quantization: str = ""
    architecture: str = ""
    n_params: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A healthy server.

    Attributes:
        url: Base URL, as `http://127.0.0.1:18100`; it holds no secret.
        kind: Which API is asked: `llama-server`, `ollama` or `openai`.
        pid: Process id of the server when it is ours, else None.
        build: What the server says of its own build; empty when it does not say.
        model: Model name to send with requests, where the API wants one.
        partners: Further servers of the same kind that share the load.
        notes: What is worth knowing of how the server took its settings, in sentences.
        last_words: Returns how the server ended and what it wrote last, when it is ours and has
            ended; else an empty text. A client puts it behind its own complaint.
        access: What lets a client in.
        server: Which program it is, as `LM Studio`; empty where it is not known.
        served: What it tells of its model.
        whole: Whether answers are asked for whole, never streamed.
        flags: Doubts about everything that it answers.
    """

    url: str
    kind: str = "llama-server"
    pid: int | None = None
    build: str = ""
    model: str = ""
    partners: "tuple[Endpoint, ...]" = ()
    notes: tuple[str, ...] = ()
    last_words: Callable[[], str] = field(default=_nothing, compare=False, repr=False)
    access: Access = field(default_factory=Access)
    server: str = ""
    served: Served = field(default_factory=Served)
    whole: bool = False
    flags: tuple[Flag, ...] = ()


class Target(Protocol):
    """A llama.cpp server under test.

    `testing/target_contract.py` is this contract as a test.
    """

    def start(self) -> Endpoint:
        """Start the server and wait until it is healthy.

        Raises:
            TargetError: it crashed, clashed on a port, could not load the model or never became
                healthy; the message ends with the last lines of its log.
        """

    def stop(self) -> None:
        """Stop it and wait until its process is gone. Safe to call twice."""
