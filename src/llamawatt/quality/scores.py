"""What a backend hands back when it judged a model: figures per chunk of text."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from llamawatt.models.cache import landing
from llamawatt.models.file import Progress
from llamawatt.quality.eval_text import EvalText
from llamawatt.quality.loaded import Setting

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model under a setting.

    Attributes:
        path: Where its file is.
        sha256: Of its file.
        setting: Cache types and flash attention.
    """

    path: Path
    sha256: str
    setting: Setting


@dataclass(frozen=True, slots=True)
class Plan:
    """How much text is judged, and with what.

    Attributes:
        n_ctx: Tokens per chunk; the second half is scored.
        n_chunks: Most chunks; None takes the whole text.
        n_threads: CPU threads.
        n_gpu_layers: Layers on the GPU.
    """

    n_ctx: int = 512
    n_chunks: int | None = None
    n_threads: int = 1
    n_gpu_layers: int = 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures per chunk.

    Attributes:
        nll: Negative log-likelihood of the scored tokens of each chunk, nats, shape (n_chunks,).
        n_tokens: Scored tokens of each chunk, same shape.
        n_bytes: Bytes of text they stand for, same shape; None for an unknown vocabulary.
        kld: Divergence from the reference, nats, shape (n_chunks, n_scored); None without one.
        same_top: Whether both find the same token most likely, same shape; None without one.
    """

    nll: Floats
    n_tokens: NDArray[np.int64]
    n_bytes: NDArray[np.int64] | None = None
    kld: Floats | None = None
    same_top: NDArray[np.bool_] | None = None

    def save(self, path: Path) -> None:
        """Write them, whole or not at all."""
        fields = {
            name: None if (value := getattr(self, name)) is None else value.tolist()
            for name in self.__slots__
        }
        with landing(path) as part:
            part.write_text(json.dumps(fields), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Scores":
        """Read what `save` wrote."""
        fields = json.loads(path.read_text("utf-8"))

        def array(name: str, kind: type[np.generic]) -> NDArray[Any] | None:
            return None if fields[name] is None else np.array(fields[name], kind)

        return cls(
            nll=np.array(fields["nll"], np.float64),
            n_tokens=np.array(fields["n_tokens"], np.int64),
            n_bytes=array("n_bytes", np.int64),
            kld=array("kld", np.float64),
            same_top=array("same_top", np.bool_),
        )


def key_of(
    subject: Subject, reference: Subject | None, text: EvalText, plan: Plan, backend: str
) -> str:
    """Return a short name for everything that decides the figures, by content."""
    deciding = (
        *((one.sha256, repr(one.setting)) if one else None for one in (subject, reference)),
        *(text.sha256, plan.n_ctx, plan.n_chunks, plan.n_gpu_layers, backend),
    )
    return hashlib.sha256(repr(deciding).encode()).hexdigest()[:24]


class Backend(Protocol):
    """Judges models."""

    @property
    def name(self) -> str:
        """What it is."""
        ...

    @property
    def version(self) -> str:
        """Which build: figures of unlike builds are not mixed."""
        ...

    def score(
        self,
        subject: Subject,
        reference: Subject | None,
        text: EvalText,
        plan: Plan,
        work: Path,
        progress: Progress | None = None,
    ) -> Scores:
        """Judge a model.

        Args:
            subject: The model.
            reference: What to compare it with.
            text: What to predict.
            plan: How much of it.
            work: A folder for this alone that survives a kill, to go on from.
            progress: Hears the model's name, chunks done and chunks in all.

        Raises:
            ModelError: it cannot be judged, or not against this reference.
        """
        ...
